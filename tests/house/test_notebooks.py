"""Notebooks use the public interface, define nothing, and decide by plain `if` what they show."""

import ast
import re
from pathlib import Path

import pytest

import toolkit as tk
from tests.house.tree import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
ALLOWED = {"polars", "altair", "toolkit", "IPython.display.display"}


def imported(tree: ast.Module) -> set[str]:
    return {
        f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_imports_the_public_interface_and_defines_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert imported(tree) <= ALLOWED
    assert [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_cell_has_only_the_tags_that_say_where_parameters_are_and_what_a_page_omits(path: Path) -> None:
    tags = re.findall(r"^# %%.*tags=\[(.*)\]", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(tags) <= {'"parameters"', '"notebook-only"'}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_uses_the_names_that_completion_shows(path: Path) -> None:
    names = re.findall(r"\btk\.(\w+)(?:\.(\w+))?", path.read_text(encoding="utf-8"))
    assert {first for first, _ in names} <= set(dir(tk))
    grouped = {(first, second) for first, second in names if first in tk._GROUPS and second}
    assert [pair for pair in sorted(grouped) if pair[1] not in dir(getattr(tk, pair[0]))] == []
