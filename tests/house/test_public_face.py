"""What `import toolkit as tk` offers: quick to import, typed, documented."""

import ast
import inspect
import subprocess
import sys

import pytest

import toolkit as tk
from tests.house.tree import PACKAGE
from tests.looping import in_one_test
from tests.messages import mentioning

NAMES = sorted(set(tk.__all__) - {"__version__"})


def test_the_import_is_light() -> None:
    code = (
        "import sys, toolkit\n"
        "heavy = {'polars', 'numpy', 'pandas', 'altair', 'statsmodels', 'scipy', 'papermill'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_type_checkers_see_the_names_that_python_sees() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: str(node.module).removeprefix("toolkit.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert tk._ROOM_OF == seen


@in_one_test("name", NAMES)
def test_a_public_name_is_there(name: str) -> None:
    assert getattr(tk, name).__name__ == name


def test_a_wrong_name_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=mentioning("'prevalence'")):
        tk.prevalenc  # noqa: B018


@in_one_test("name", NAMES)
def test_a_public_function_says_what_it_takes_and_gives_with_an_example(name: str) -> None:
    if not inspect.isfunction(getattr(tk, name)):
        return
    text = inspect.getdoc(getattr(tk, name)) or ""
    wanted = ["Returns", "Examples"] + ["Parameters"] * bool(inspect.signature(getattr(tk, name)).parameters)
    missing = [head for head in wanted if f"\n{head}\n{'-' * len(head)}\n" not in text]
    assert [] == missing
    assert ">>>" in text
