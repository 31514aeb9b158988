"""Tables on paper: portrait, landscape, or in parts; A4 or US Letter; the same in Word, LaTeX and PDF."""

import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from docx import Document
from great_tables import GT, loc
from openpyxl import load_workbook

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.display.export.formats import PAPERS
from toolkit.display.export.page_layout import plan_page
from toolkit.display.export.typeset_content import read_table

MODELS = 4
NEEDS_TEXT = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")


def make_wide_table(title: str = "Models side by side") -> GT:
    """A table of 12 columns below four spanners, too wide for a landscape page."""
    columns = {f"c{n}": [f"{n}.50 (1.05 to 12,345.67)", f"{n}.60"] for n in range(3 * MODELS)}
    made = GT(pl.DataFrame({"Exposure": ["diabetes", "=cmd()"], **columns})).tab_header(title)
    for model in range(MODELS):
        made = made.tab_spanner(f"Model {model + 1}", [f"c{n}" for n in range(3 * model, 3 * model + 3)])
    made = made.cols_align("right", columns=list(columns))
    made = made.tab_footnote("Few cases.", locations=loc.body(columns="c11", rows=[0]))
    return made.tab_source_note("Source: a survey.")


def read_words(path: Path) -> str:
    """Read the text of a PDF in the order of its lines."""
    command = ["pdftotext", "-layout", str(path), "-"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def page_sizes(path: Path) -> set[tuple[int, int]]:
    """The sizes of the pages of a PDF in points."""
    shown = subprocess.run(["pdfinfo", "-l", "-1", str(path)], capture_output=True, text=True, check=True)
    found = re.findall(r"size: +([\d.]+) x ([\d.]+)", shown.stdout)
    return {(round(float(a)), round(float(b))) for a, b in found}


@pytest.mark.parametrize("paper", PAPERS)
def test_parts_have_every_column_once_the_labels_always_and_fit(paper: str) -> None:
    content = read_table(make_wide_table().as_raw_html())
    page = plan_page(content, PAPERS[paper])
    heads = [[cell.text for cell in part.content.header[-1]] for part in page.parts]
    spanners = [{c.text for c in part.content.header[0] if c.columns > 1} for part in page.parts]
    room = PAPERS[paper].room(landscape=True)
    assert page.landscape
    assert len(page.parts) > 1
    assert all(sum(part.widths) <= room + 0.01 for part in page.parts)
    assert all(len(part.widths) == part.content.width for part in page.parts)
    assert [f"c{n}" for n in range(12)] == [h for row in heads for h in row if h != "Exposure"]
    assert {"Model 1", "Model 2", "Model 3", "Model 4"} == set.union(*spanners)
    labels = [[row[0].text for row in part.content.body] for part in page.parts]
    assert [["diabetes", "=cmd()"]] * len(page.parts) == labels


def test_a_spanner_that_needs_more_than_a_page_is_repeated_over_its_parts() -> None:
    columns = {f"c{n}": [f"{n}.50 (1.05 to 12,345.67)"] for n in range(12)}
    made = GT(pl.DataFrame({"Exposure": ["diabetes"], **columns})).tab_header("One model")
    made = made.tab_spanner("The model", list(columns)).cols_align("right", columns=list(columns))
    parts = plan_page(read_table(made.as_raw_html())).parts
    assert len(parts) > 1
    assert all("The model" in [cell.text for cell in part.content.header[0]] for part in parts)


def test_notes_are_below_the_part_that_they_are_about() -> None:
    parts = plan_page(read_table(make_wide_table().as_raw_html())).parts
    assert [""] * (len(parts) - 1) == ["".join(t for _, t in part.content.below) for part in parts[:-1]]
    assert ["Few cases.", "Source: a survey."] == [text for _, text in parts[-1].content.below]


def test_a_column_wider_than_a_page_wraps_and_is_kept() -> None:
    made = GT(pl.DataFrame({"Exposure": ["a"], "b": ["9" * 400]})).cols_align("right", columns="b")
    page = plan_page(read_table(made.as_raw_html()))
    (part,) = page.parts
    assert sum(part.widths) <= page.paper.room(landscape=True) + 0.01
    assert "wrapped" in page.note


@pytest.mark.parametrize("kind", [".docx", ".tex", ".pdf"])
def test_a_split_table_says_so(tmp_path: Path, kind: str) -> None:
    saved = tk.save(make_wide_table(), tmp_path / f"t{kind}")
    found = re.search(r"landscape in (\d) parts that repeat the row labels", saved.note)
    assert found is not None
    parts = int(found[1])
    if kind == ".pdf":
        if shutil.which("pdftotext") is None:
            pytest.skip("pdftotext is not installed")
        text = read_words(saved.path)
    elif kind == ".tex":
        text = saved.path.read_text()
    else:
        text = "\n".join(p.text for p in Document(str(saved.path)).paragraphs)
    shown = re.findall(r"Models side by side \(part (\d) of (\d)\)", text)
    assert [(str(n), str(parts)) for n in range(1, parts + 1)] == shown


def test_word_counts_the_parts_as_one_table(tmp_path: Path) -> None:
    path = tk.save(make_wide_table("Table 3. Models"), tmp_path / "t.docx").path
    xml = Document(str(path)).element.xml
    assert 1 == xml.count("SEQ Table \\r 3 ")
    assert len(Document(str(path)).tables) - 1 == xml.count("SEQ Table \\c ")
    assert "Table 3. Table" not in xml


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX engine (pdflatex) is installed")
@NEEDS_TEXT
def test_latex_compiles_a_split_table_with_one_number(tmp_path: Path) -> None:
    tk.save(make_wide_table("Table 3. Models"), tmp_path / "t.tex", paper="letter")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout[-2000:]
    assert {"3"} == set(re.findall(r"Table (\d+):", read_words(tmp_path / "t.pdf")))
    assert "Overfull" not in done.stdout


@pytest.mark.parametrize(
    ("paper", "size"), [("a4", (842, 595)), ("letter", (792, 612)), ("Letter", (792, 612))]
)
def test_paper_is_a4_or_us_letter_in_every_format(tmp_path: Path, paper: str, size: tuple[int, int]) -> None:
    def save(name: str) -> Path:
        return tk.save(make_wide_table(), tmp_path / name, paper=paper).path

    section = Document(str(save("t.docx"))).sections[0]
    assert size == (round(section.page_width.pt), round(section.page_height.pt))
    assert ("letterpaper" if size[0] == 792 else "a4paper") in save("t.tex").read_text()
    assert ("1" if size[0] == 792 else "9") == str(
        load_workbook(save("t.xlsx"))["Table"].page_setup.paperSize
    )
    if shutil.which("pdfinfo"):
        assert {size} == page_sizes(save("t.pdf"))


def test_an_unknown_paper_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("'a5'", "a4", "letter")):
        tk.save(make_wide_table(), tmp_path / "t.docx", paper="a5")
    assert [] == list(tmp_path.iterdir())


@NEEDS_TEXT
def test_a_pdf_table_shows_labels_as_they_are(tmp_path: Path) -> None:
    labels = ["=cmd()", "#set page(width: 1cm)", '"quoted" \\ $x$ [a] *b* _c_ @d <e>', "b ≥ ü"]
    table = GT(pl.DataFrame({"label": labels, "n": [1, 2, 3, 4]})).tab_header("A #title")
    text = read_words(tk.save(table, tmp_path / "t.pdf").path)
    for part in ("Table 1. A #title", *labels):
        # pdftotext finds no space beside a sign of another font.
        assert part.replace(" ", "") in text.replace(" ", "")


def test_a_pdf_without_its_package_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    with pytest.raises(tk.DatasetError, match=mentioning("'typst'", "pip install typst", ".docx")):
        tk.save(make_wide_table(), tmp_path / "t.pdf")
    assert [] == list(tmp_path.iterdir())


def test_save_all_writes_all_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolkit.display.export.text_files.write_markdown", fail)
    with pytest.raises(tk.DatasetError, match=mentioning("the disk is full")):
        tk.reports.save_all({"one": make_wide_table()}, tmp_path, ["csv", "md"])
    assert [] == list(tmp_path.iterdir())
