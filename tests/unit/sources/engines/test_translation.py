"""Expressions are translated to other engines only in the form of syntax trees that is known."""

from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.sources.engines.translation import require_known_form, tree_of


def test_the_form_of_this_polars_is_known() -> None:
    require_known_form()


@pytest.mark.parametrize("changed", ["Len", "Agg", "BinaryExpr", "Function"])
def test_another_form_is_one_error_and_no_answer(changed: str) -> None:
    def write_otherwise(expression: pl.Expr) -> Any:
        tree = tree_of(expression)
        return {"Other": tree} if tree == changed or changed in tree else tree

    with pytest.raises(tk.VariableError, match=mentioning(pl.__version__, "pip install")):
        require_known_form(write_otherwise)
