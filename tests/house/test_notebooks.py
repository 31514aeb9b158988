"""Notebooks use the public interface, define nothing, and equal the sources that they are paired with."""

import ast
import json
import re
from pathlib import Path

import pytest

import toolkit as tk
from tests.house.tree import ROOT
from toolkit.report.paired_notebooks import compose_paired
from toolkit.report.parameters import read_parameters
from toolkit.report.plan import notebooks

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
TEACHING = [path for path in NOTEBOOKS if path.stem[0].isdigit()]
CHARTS = ("tk.forest(", "tk.charts.")
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


def test_each_source_has_its_notebook_without_outputs() -> None:
    kept = {path.name for path in (ROOT / "notebooks").glob("*.ipynb") if ".before" not in path.name}
    assert {path.with_suffix(".ipynb").name for path in NOTEBOOKS} == kept
    differing = [
        path.name
        for path in NOTEBOOKS
        if path.with_suffix(".ipynb").read_text(encoding="utf-8") != compose_paired(path)
    ]
    assert [] == differing, "write them from their sources: make notebooks"
    texts = [path.with_suffix(".ipynb").read_text(encoding="utf-8") for path in NOTEBOOKS]
    assert [] == [
        cell["outputs"] for text in texts for cell in json.loads(text)["cells"] if cell.get("outputs")
    ]


def test_papermill_reads_every_parameter_with_its_meaning(caplog: pytest.LogCaptureFixture) -> None:
    import papermill

    for name, source in notebooks().items():
        found = papermill.inspect_notebook(source.with_suffix(".ipynb"))
        tagged = (
            source.read_text(encoding="utf-8").partition('# %% tags=["parameters"]')[2].partition("# %%")[0]
        )
        assert list(read_parameters(tagged, name)) == list(found)
        assert [] == [one["name"] for one in found.values() if "None" == one["inferred_type_name"]]
        assert [] == [one["name"] for one in found.values() if not one["help"]]
    assert "Unable to parse" not in caplog.text


@pytest.mark.parametrize("path", TEACHING, ids=lambda path: path.stem)
def test_the_first_cell_of_a_teaching_notebook_shows_a_finding(path: Path) -> None:
    notebook = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    first = next("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert first.splitlines()[-1].startswith(CHARTS)


def test_the_first_notebook_links_the_others() -> None:
    links = re.findall(r"\((\d\d-[\w-]+)\.ipynb\)", TEACHING[0].read_text(encoding="utf-8"))
    assert [path.stem for path in TEACHING[1:]] == links
