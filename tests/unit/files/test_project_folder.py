"""Reports go to the project folder, from whichever of its folders a notebook runs."""

import inspect
from pathlib import Path

import pytest

import toolkit as tk
from toolkit.files.project_folder import MARKERS, in_project
from toolkit.report.output import folder_of


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder two levels below the project, as the working directory."""
    folder = tmp_path / "project" / "analysis" / "notebooks"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("marker", MARKERS)
def test_the_project_is_the_nearest_parent_with_a_marker(notebooks: Path, marker: str) -> None:
    (notebooks.parents[1] / marker).touch()
    assert Path("../../reports") == in_project("reports")
    (notebooks.parent / "pyproject.toml").touch()
    assert Path("../reports") == in_project("reports")


def test_without_a_marker_it_is_the_working_directory(notebooks: Path) -> None:
    assert Path("reports/out") == in_project("reports/out")


def test_a_marker_in_the_working_directory_itself_counts(notebooks: Path) -> None:
    for folder in (notebooks, notebooks.parent):
        (folder / "study.toml").touch()
    assert Path("reports") == in_project("reports")


def test_reports_go_there_by_default_and_to_the_folder_that_is_named(notebooks: Path) -> None:
    (notebooks.parents[1] / ".git").mkdir()
    study = tk.open_study("example-survey")
    assert (notebooks.parents[1] / "reports" / "example-survey") == folder_of(study).resolve()
    assert (notebooks / "mine" / "example-survey") == folder_of(study, "mine").resolve()
    for function in (tk.render, tk.reports.render_plan):
        assert inspect.signature(function).parameters["output"].default is None


def test_the_data_dictionary_goes_there_too(notebooks: Path) -> None:
    (notebooks.parents[1] / "pyproject.toml").touch()
    page = tk.reports.data_dictionary(tk.open_study("example-survey"))
    assert notebooks.parents[1] / "reports" / "example-survey" == page.resolve().parent
    assert page.is_file()
