"""Kernels are kept from one report to the next, each with an empty namespace; what did not change is kept."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.small_report import NOTEBOOK
from toolkit.errors import ToolkitError
from toolkit.report import plan, provenance, render, render_plan
from toolkit.report.execution import execute, kernels
from toolkit.report.output import folder_of, read_record
from toolkit.report.rendering import Rendered
from toolkit.studies import Design, Study

# It tells its process, and what an earlier report left in it.
TELLING = (
    NOTEBOOK
    + """
# %%
import os
import warnings

rows = pl.Config.state()["POLARS_FMT_MAX_ROWS"]
print("process:", os.getpid(), "left:", "left_behind" in globals(), "rows of polars:", rows)
left_behind = True
pl.Config.set_tbl_rows(3)
"""
)


def write_plan(folder: Path, **notebooks: str) -> Path:
    for name, text in notebooks.items():
        (folder / f"{name}.py").write_text(text)
    entries = (f'[[report]]\nreport = "{folder}/{name}.py"\nsave_as = "{name}"\n' for name in notebooks)
    path = folder / "plan.toml"
    path.write_text("".join(entries))
    return path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes of all kernels that start."""
    found: list[Any] = []
    add = kernels.Kernels.add
    monkeypatch.setattr(
        kernels.Kernels, "add", lambda self, process: (found.append(process), add(self, process))
    )
    return found


def test_one_kernel_runs_all_reports_and_hands_nothing_on(
    few: Study, tmp_path: Path, started: list[Any]
) -> None:
    path = write_plan(tmp_path, first=TELLING, second=TELLING, third=TELLING)
    done = render_plan(few, plan=path, output=tmp_path / "out", workers=1, progress=False)
    pages = [one.html.read_text() for one in done.made]
    assert (3, 1) == (len(pages), len(started))
    assert all(f"process: {started[0].pid} left: False rows of polars: None" in page for page in pages)


def test_a_report_after_one_that_failed_has_a_new_kernel(
    few: Study, tmp_path: Path, started: list[Any]
) -> None:
    path = write_plan(tmp_path, first=TELLING, broken=NOTEBOOK + "\n# %%\n1 / 0\n", third=TELLING)
    done = render_plan(few, plan=path, output=tmp_path / "out", workers=1, progress=False)
    assert ["broken"] == [one.name for one in done.failed]
    assert 2 == len(started)
    assert [process.poll() is not None for process in started] == [True, True]


def test_two_kernels_at_a_time_and_no_more(few: Study, tmp_path: Path, started: list[Any]) -> None:
    path = write_plan(tmp_path, **{f"n{n}": NOTEBOOK for n in range(5)})
    assert render_plan(few, plan=path, output=tmp_path / "out", progress=False).ok
    assert 2 == len(started)


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A notebook that counts as the toolkit's own, so that nothing unknown enters its report."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / "small.py").write_text(NOTEBOOK)
    real = plan.shipped
    monkeypatch.setattr(plan, "shipped", lambda name: folder if name == "notebooks" else real(name))
    return folder / "small.py"


def test_what_did_not_change_is_kept(ours: Path, few: Study, tmp_path: Path, started: list[Any]) -> None:
    asked: dict[str, Any] = {"study": few, "output": tmp_path / "out"}
    first = render("small", **asked)
    kept = render("small", **asked)
    assert (1, False, True) == (len(started), first.unchanged, kept.unchanged)
    assert (first.html, first.finding, first.csv) == (kept.html, kept.finding, kept.csv)
    assert not render("small", **asked, force=True).unchanged
    assert 2 == len(started)


@pytest.mark.parametrize("what", ["parameter", "data", "notebook", "code", "page"])
def test_what_changed_is_rendered_anew(
    what: str, ours: Path, few: Study, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {"study": few, "output": ours.parent / "out"}
    page = render("small", **asked).html
    if what == "parameter":
        asked["least"] = 21
    elif what == "data":
        people = few.people.with_columns(hba1c=few.people["hba1c"] + 0.1)
        asked["study"] = Study(few.name, few.label, people, Design(weight="w"), few.codebook)
    elif what == "notebook":
        ours.write_text(NOTEBOOK.replace("One finding", "Another finding"))
    elif what == "code":
        monkeypatch.setattr(provenance, "_hash_code", lambda: "other code")
    else:
        page.unlink()
    assert not render("small", **asked).unchanged
    assert 2 == len(started)


def test_a_user_s_own_notebook_may_read_other_files_and_is_always_rendered(
    few: Study, tmp_path: Path, started: list[Any]
) -> None:
    (tmp_path / "mine.py").write_text(NOTEBOOK)
    for _ in range(2):
        assert not render(tmp_path / "mine.py", study=few, output=tmp_path / "out").unchanged
    assert 2 == len(started)


def test_a_report_that_failed_is_never_unchanged(
    ours: Path, few: Study, tmp_path: Path, started: list[Any]
) -> None:
    ours.write_text(NOTEBOOK + "\n# %%\n1 / 0\n")
    for _ in range(2):
        with pytest.raises(ToolkitError, match="ZeroDivisionError"):
            render("small", study=few, output=tmp_path / "out")
    path = tmp_path / "plan.toml"
    path.write_text('[[report]]\nreport = "small"\nsave_as = "small"\n')
    for _ in range(2):
        assert not render_plan(few, plan=path, output=tmp_path / "out", progress=False).ok
    assert 4 == len(started)


def test_all_commands_give_a_report_one_name() -> None:
    for name, given in (
        ("diabetes", {}),
        ("cause", {"cause": "diabetes"}),
        ("cause", {"cause": "sleep_position"}),
    ):
        found = plan.find_report(name)
        values = {**found.parameters, **given}
        assert values["cause"].replace("_", "-") == found.name_files(values)
    assert "burden" == plan.find_report("burden").name_files({"outcome": "any_cramps"})
    for entry in plan.shipped_plan():
        found = plan.find_report(entry.save_as)
        assert entry.save_as == found.name_files(found.parameters)


def test_studies_of_one_name_do_not_replace_each_other(few: Study, tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(NOTEBOOK)
    other = Study(few.name, "Another Study, 2020", few.people, few.design, few.codebook)
    pages = [
        render(tmp_path / "small.py", study=one, output=tmp_path / "out").html for one in (few, other, few)
    ]
    assert ["four-people", "another-study-2020", "four-people"] == [page.parent.name for page in pages]
    index = (tmp_path / "out" / "index.html").read_text()
    assert 'href="another-study-2020/index.html">Another Study, 2020</a>' in index
    assert 'href="four-people/index.html">four people</a>' in index


def test_pages_lead_to_the_page_before_and_after(few: Study, tmp_path: Path) -> None:
    path = write_plan(tmp_path, first=NOTEBOOK, broken=NOTEBOOK + "\n# %%\n1 / 0\n", third=NOTEBOOK)
    done = render_plan(few, plan=path, output=tmp_path / "out", progress=False)
    first, third = (one.html.read_text() for one in done.made)
    assert '<a class="next" rel="next" href="third.html">Next: A small report</a>' in first
    assert 'rel="prev" href="first.html">Previous: A small report</a>' in third
    for page in (first, third):
        assert '<a href="index.html">All reports</a>' in page
        assert "broken.html" not in page


def test_the_executed_notebook_is_kept_if_asked_for(few: Study, tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(NOTEBOOK)
    made = render(tmp_path / "small.py", study=few, output=tmp_path / "out", notebook=True)
    assert made.notebook is not None
    assert (made.html.with_suffix(".ipynb"), made.html.parent) == (
        made.notebook,
        folder_of(few, tmp_path / "out"),
    )
    cells = json.loads(made.notebook.read_text())["cells"]
    assert any("people: 4" in str(cell.get("outputs")) for cell in cells)
    # papermill ran it, and left its state of each cell.
    assert {"completed"} == {cell["metadata"]["papermill"]["status"] for cell in cells}
    again: Rendered = render(tmp_path / "small.py", study=few, output=tmp_path / "out")
    assert again.notebook is None
    assert not made.notebook.exists()
    record = read_record(made.html.parent, made.name)
    assert record is not None
    assert "" == record.key


def test_a_kernel_is_closed_after_a_run_of_its_own(few: Study, started: list[Any], tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(NOTEBOOK)
    execute.run(execute.load(tmp_path / "small.py"), "small", {"study": "example-survey"})
    assert [True] == [process.poll() is not None for process in started]
