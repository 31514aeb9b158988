"""Every example in a docstring gives what it shows."""

import doctest
import importlib

import pytest

from tests.house.tree import modules


@pytest.mark.parametrize("name", sorted(modules()))
def test_the_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    failed = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert 0 == failed.failed, "see the output above"
