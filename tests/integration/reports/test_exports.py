"""What leaves a page: tables and figures as files, the whole report in Word and PDF, and what is refused."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from docx import Document
from docx.oxml.ns import qn
from openpyxl import load_workbook

from tests.support.messages import mentioning
from toolkit.cli import main
from toolkit.errors import DatasetError
from toolkit.report import render, render_plan
from toolkit.report.execution import kernels
from toolkit.sources.registry import study
from toolkit.studies import Design, Study

NOTEBOOK = """# %% [markdown]
# # A report to export
#
# ## Methods
#
# Text with **bold**, `code`, H<sub>2</sub>O, and [a link](https://example.org/a).
#
# 1. first
# 2. second

# %% tags=["parameters"]
study: str = "simulated"  # the study

# %%
from IPython.display import display

import toolkit as tk

people = tk.open_study(study)
paper = tk.reports.Paper()
rows = tk.prevalence(people, "cramps", by=("group",))
display(paper.prose("A passage.", heading="Results"))
display(paper.table(rows, "Prevalence by group"))
display(paper.figure(tk.charts.prevalence_chart(rows), rows, "Prevalence by group"))
display(tk.reports.prose("<nothing> & more"))
tk.reports.keep(rows, finding="One finding.")

# %% [markdown]
# <details><summary>Coding</summary>
# <table><thead><tr><th>Variable</th><th>Coding</th></tr></thead>
# <tbody><tr><td>=cmd()</td><td>yes or no</td></tr></tbody></table></details>
"""
TABLE_FILES = ["table-1.docx", "table-1.xlsx", "table-a1.docx", "table-a1.xlsx"]


@pytest.fixture(scope="module")
def people() -> Study:
    groups = ["=a()", "b & <c>", "d"] * 400
    frame = pl.DataFrame({"cramps": [0, 0, 1, 1] * 300, "group": groups, "w": [1.0] * 1200})
    return study(frame, design=Design(weight="w"), name="a small survey")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("notebook") / "small.py"
    path.write_text(NOTEBOOK)
    return path


@pytest.fixture(scope="module")
def made(people: Study, source: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One report with all of its exports."""
    folder = tmp_path_factory.mktemp("out")
    return render(
        source, study=people, output=folder, export="docx,xlsx,svg", format=["docx", "pdf"], paper="letter"
    )


@pytest.fixture
def no_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No notebook may run."""

    def fail(*_: object) -> None:
        raise AssertionError("a kernel was started")

    monkeypatch.setattr(kernels.Kernels, "lend", fail)


def test_tables_and_figures_are_in_a_folder_beside_the_page(made: Any) -> None:
    folder = made.html.with_suffix("")
    names = sorted(path.name for path in folder.iterdir())
    assert [*["figure-1.svg", "figure-1.xlsx"], *TABLE_FILES] == names
    assert {made.html.with_suffix(".docx"), made.html.with_suffix(".pdf")} <= {s.path for s in made.exported}
    assert f"Saved 6 tables and figures in '{folder}'." in str(made)
    labels = [line[0].value for line in load_workbook(folder / "table-1.xlsx")["Table"].iter_rows()]
    assert {"=a()", "b & <c>", "d"} <= set(labels)
    (sheet,) = load_workbook(folder / "figure-1.xlsx").worksheets
    heads, *rows = [[cell.value for cell in line] for line in sheet.iter_rows()]
    assert [0.5, 0.5, 0.5] == [row[heads.index("estimate")] for row in rows]
    assert {"=a()"} == {row[heads.index("group")] for row in rows} - {"b & <c>", "d"}
    assert 'aria-label="Figure 1. Prevalence by group' in (folder / "figure-1.svg").read_text()


def test_a_word_report_reads_like_a_manuscript(made: Any) -> None:
    document = Document(str(made.html.with_suffix(".docx")))
    styles = [(p.style.name, p.text) for p in document.paragraphs if p.text]
    assert ("Title", "A report to export") in styles
    assert ["Methods", "Results", "Reproducibility", "Appendix"] == [
        text for style, text in styles if style == "Heading 1"
    ]
    captions = [p._p.xpath("string(.)") for p in document.paragraphs if p.style.name == "Caption"]
    assert ["Table 1. Prevalence by group", "Figure 1. Prevalence by group.", "Table A1. Coding"] == [
        text.partition(" A small")[0] for text in captions
    ]
    assert ["=a()", "b & <c>", "d"] == [line.cells[0].text for line in document.tables[0].rows[1:]]
    assert ["=cmd()", "yes or no"] == [cell.text for cell in document.tables[-1].rows[1].cells]
    texts = [text for _, text in styles]
    assert "<nothing> & more" in texts
    assert "Table A1 in the appendix: Coding." in texts
    assert [["1.", "first"], ["2.", "second"]] == [t.split("\t") for t in texts if re.match(r"\d\.\t", t)]
    assert {"bold"} == {
        r.text for p in document.paragraphs if "Text with" in p.text for r in p.runs if r.bold
    }
    assert "https://example.org/a" in {r.target_ref for r in document.part.rels.values() if r.is_external}
    (picture,) = document.inline_shapes
    assert 170 == round(picture.width.mm)
    assert "Figure 1. Prevalence by group" == picture._inline.docPr.get("title")
    assert picture._inline.docPr.get("descr")
    assert round(document.sections[0].page_width.mm, 1) == 215.9


def test_a_picture_in_word_has_300_dots_per_inch(made: Any) -> None:
    document = Document(str(made.html.with_suffix(".docx")))
    (image,) = [part for part in document.part.package.iter_parts() if part.partname.ext == "png"]
    assert pytest.approx(170 / 25.4 * 300, rel=0.01) == image.image.px_width


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_a_pdf_report_has_text_tags_and_every_part(made: Any) -> None:
    path = made.html.with_suffix(".pdf")
    command = ["pdftotext", "-layout", str(path), "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True)
    for part in ("A report to export", "Table 1. Prevalence by group", "=a()", "Figure 1.", "Appendix"):
        assert part in text.stdout
    facts = subprocess.run(["pdfinfo", str(path)], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Tagged: +yes", facts)
    assert re.search(r"Page size: +612 x 792", facts)


def test_a_simulated_report_says_so_on_every_page_and_in_every_file(tmp_path: Path, source: Path) -> None:
    text = NOTEBOOK.replace('"cramps", by=("group",)', '"any_cramps", by=("sex",)')
    path = tmp_path / "simulated.py"
    path.write_text(text)
    made = render(path, study="simulated", output=tmp_path / "out", export="docx,svg,md", format="docx")
    header = Document(str(made.html.with_suffix(".docx"))).sections[0].header
    assert "SIMULATED DATA: no real people" == header.paragraphs[0].text
    folder = made.html.with_suffix("")
    silent = [
        file.name
        for file in folder.iterdir()
        if "SIMULATED DATA: no real people"
        not in (
            "\n".join(p.text for p in Document(str(file)).paragraphs)
            if file.suffix == ".docx"
            else file.read_text()
        )
    ]
    assert [] == silent


def test_an_unchanged_report_is_exported_without_a_new_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = render("availability", output=tmp_path)
    monkeypatch.setattr(kernels.Kernels, "lend", lambda *_: pytest.fail("a kernel was started"))
    second = render("availability", output=tmp_path, export="csv", format="docx")
    assert (False, True) == (first.unchanged, second.unchanged)
    assert first.html.with_suffix(".docx").exists()
    assert [file.path for file in second.exported if file.path.suffix == ".csv"]
    # What it wrote itself is replaced without a question, also in another form.
    third = render("availability", output=tmp_path, export="csv", format="docx", paper="letter")
    assert [file.path for file in second.exported] == [file.path for file in third.exported]


@pytest.mark.usefixtures("no_kernel")
@pytest.mark.parametrize(
    ("options", "facts"),
    [
        ({"export": "docx,doc"}, (".doc", ".docx", ".svg")),
        ({"format": "odt"}, ("odt", "html", "docx", "pdf")),
        ({"paper": "a5"}, ("a5", "a4", "letter")),
        ({"format": "xlsx"}, ("xlsx", "export=")),
    ],
)
def test_an_unknown_format_is_refused_before_anything_runs(
    people: Study, source: Path, tmp_path: Path, options: dict[str, str], facts: tuple[str, ...]
) -> None:
    with pytest.raises(DatasetError, match=mentioning(*facts)):
        render(source, study=people, output=tmp_path / "out", **options)
    with pytest.raises(DatasetError, match=mentioning(*facts)):
        render_plan(people, output=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_kernel")
def test_a_pdf_without_its_package_is_refused_before_anything_runs(
    people: Study, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(DatasetError, match=mentioning("'typst'", "pip install typst")):
        render(source, study=people, output=tmp_path / "out", format="pdf")


@pytest.mark.parametrize("target", ["small.docx", "small/table-1.docx"])
def test_a_file_of_the_user_is_replaced_only_on_request(
    people: Study, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    asked: dict[str, Any] = {"study": people, "output": tmp_path, "export": "docx", "format": "docx"}
    made = render(source, **asked)
    file = made.html.parent / target
    file.write_bytes(b"edited")
    with monkeypatch.context() as patch:
        patch.setattr(kernels.Kernels, "lend", lambda *_: pytest.fail("a kernel was started"))
        with pytest.raises(DatasetError, match=mentioning(file.name, "--overwrite")):
            render(source, **asked)
    assert b"edited" == file.read_bytes()
    render(source, overwrite=True, **asked)
    assert b"PK" == file.read_bytes()[:2]


def test_an_exhibit_that_the_report_no_longer_has_is_removed_if_unchanged(
    people: Study, source: Path, tmp_path: Path
) -> None:
    notebook = tmp_path / "small.py"
    notebook.write_text(NOTEBOOK)
    asked: dict[str, Any] = {"study": people, "output": tmp_path / "out", "export": "csv,md"}
    folder = render(notebook, **asked).html.with_suffix("")
    (folder / "table-a1.md").write_text("edited")
    notebook.write_text(NOTEBOOK.partition("# %% [markdown]\n# <details>")[0])
    render(notebook, **asked, overwrite=True)
    assert ["table-1.csv", "table-1.md", "table-a1.md"] == sorted(p.name for p in folder.glob("table-*"))


def test_a_failure_leaves_no_file_and_the_page(
    people: Study, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolkit.display.export.text_files.write_markdown", fail)
    with pytest.raises(DatasetError, match=mentioning("the disk is full")):
        render(source, study=people, output=tmp_path, export="csv,md", format="docx")
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert {"small.html"} == {name for name in names if name.startswith(("small.h", "small.d", "table", "."))}


@pytest.mark.usefixtures("no_kernel")
def test_a_folder_that_cannot_be_written_is_one_error(people: Study, source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match=mentioning("Choose another folder")):
        render(source, study=people, output=tmp_path / "file", export="docx")


def test_all_reports_of_a_plan_are_exported(people: Study, source: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("".join(f'[[report]]\nreport = "{source}"\nsave_as = "{name}"\n' for name in "ab"))
    run = render_plan(people, plan=plan, output=tmp_path, export="csv", format="docx", progress=False)
    assert run.ok
    assert "8 files exported" in str(run)
    assert all((run.index.parent / f"{name}.docx").exists() for name in "ab")


def test_the_command_line_exports_and_refuses(tmp_path: Path) -> None:
    run = CliRunner().invoke
    arguments = ["report", "availability", "--out", str(tmp_path / "out")]
    refused = run(main, [*arguments, "--format", "odt"])
    assert 1 == refused.exit_code
    assert "odt" in refused.output
    assert not (tmp_path / "out").exists()
    done = run(main, [*arguments, "--format", "docx", "--export", "xlsx", "--paper", "letter"])
    assert 0 == done.exit_code, done.output
    assert "availability.docx" in done.output
    assert list((tmp_path / "out").rglob("*.xlsx"))
    section = Document(str(next((tmp_path / "out").rglob("availability.docx")))).sections[0]
    assert qn("w:pgSz") in {child.tag for child in section._sectPr}
    assert 215.9 == round(min(section.page_width.mm, section.page_height.mm), 1)
