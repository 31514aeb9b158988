"""Tables as files: what stands on the screen stands in every format, whatever the labels."""

import csv
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest
from docx import Document
from docx.oxml.ns import qn
from openpyxl import load_workbook

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.results import frame

HOSTILE = [
    "=cmd()",
    "<b>bold</b>",
    "a & b",
    "50% of_x $y$",
    "back\\slash {x} ^~#",
    "+1|2",
    "@sum",
    "-x",
    "😀 ≥ ü",
]
TEXTS = (".docx", ".xlsx", ".tex", ".html", ".md", ".csv")


def row(level: str, **values: object) -> dict[str, object]:
    return {
        "study": "a survey", "estimand": "prevalence", "outcome": "cramps", "outcome_label": "leg cramps",
        "estimate": 0.3, "conf_low": 0.2, "conf_high": 0.4, "conf_level": 0.95, "n": 1234, "n_cases": 370,
        "n_missing": 5, "reliability": "ok", "weight": "interview", "group": level, **values,
    }  # fmt: skip


@pytest.fixture
def hostile() -> pl.DataFrame:
    rows = [row(label) for label in HOSTILE]
    hidden = {"reliability": "suppress", "reason": "fewer than 30 participants", "estimate": 0.777}
    return frame([*rows, row("hidden", **hidden)], by=["group"])


@pytest.fixture
def simulated() -> pl.DataFrame:
    return frame([row("all", study="SIMULATED study (no real people)")], by=["group"])


class _Text(HTMLParser):
    text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


def read_text(path: Path) -> str:
    """Read everything that a file shows."""
    if path.suffix == ".docx":
        document = Document(str(path))
        cells = [cell.text for table in document.tables for line in table.rows for cell in line.cells]
        return "\n".join([*(p.text for p in document.paragraphs), *cells])
    if path.suffix == ".xlsx":
        sheet = load_workbook(path)["Table"]
        return "\n".join(str(v) for line in sheet.iter_rows(values_only=True) for v in line if v is not None)
    if path.suffix == ".html":
        page = _Text()
        page.feed(path.read_text())
        return page.text
    return path.read_text(encoding="utf-8-sig")


def test_a_word_table_has_caption_header_cells_and_footnotes(hostile: pl.DataFrame, tmp_path: Path) -> None:
    document = Document(str(tk.save(hostile, tmp_path / "t.docx").path))
    (table,) = document.tables
    assert ["Caption"] == [p.style.name for p in document.paragraphs if "Prevalence of leg cramps" in p.text]
    first = table.rows[0]
    assert first._tr.trPr.find(qn("w:tblHeader")) is not None
    assert table.rows[1]._tr.trPr.find(qn("w:tblHeader")) is None
    assert ["", "Prevalence, % (95% CI)", "Cases", "n", "Missing"] == [cell.text for cell in first.cells]
    assert [*HOSTILE, "hidden"] == [line.cells[0].text for line in table.rows[1:]]
    assert ["30.0 (20.0 to 40.0)", "–", "1,234", "5"] == [c.text for c in table.rows[1].cells[1:]]
    assert "not showna" == table.rows[-1].cells[1].text
    assert "a Suppressed as unreliable: fewer than 30 participants." in [p.text for p in document.paragraphs]


def test_a_sheet_has_numbers_as_numbers_and_labels_as_text(hostile: pl.DataFrame, tmp_path: Path) -> None:
    book = load_workbook(tk.save(hostile, tmp_path / "t.xlsx").path)
    lines = list(book["Table"].iter_rows())
    start = next(n for n, line in enumerate(lines) if line[1].value == "Prevalence, %")
    assert ["Prevalence, %", "95% CI, lower", "95% CI, upper"] == [c.value for c in lines[start][1:4]]
    body = lines[start + 1 : start + 1 + len(HOSTILE)]
    assert HOSTILE == [line[0].value for line in body]
    assert {"s"} == {line[0].data_type for line in body}, "a formula would have the type f"
    assert [30.0, 20.0, 40.0, "–", 1234, 5] == [c.value for c in body[0][1:]]
    assert ["#,##0.0", "#,##0"] == [body[0][place].number_format for place in (1, 5)]
    assert "not shown a" == lines[start + 1 + len(HOSTILE)][1].value
    rows = list(book["Estimates"].iter_rows(values_only=True))
    estimate = rows[0].index("estimate")
    assert [0.3] * len(HOSTILE) + [None] == [line[estimate] for line in rows[1:]]


def test_table_one_keeps_both_numbers_of_a_cell(tmp_path: Path) -> None:
    people = pl.DataFrame({"age": [30.0, 50.0, 70.0, 40.0] * 10, "sex": ["f", "m", "f", "m"] * 10})
    study = tk.study(people, design=tk.Design.none(), name="forty")
    book = load_workbook(tk.save(tk.describe(study, ("age",), by="sex"), tmp_path / "t.xlsx").path)
    line = next(line for line in book["Table"].iter_rows() if str(line[0].value).startswith("Age"))
    assert 47.5 == line[1].value
    assert ('"("#,##0.0")"', True) == (line[2].number_format, 14.9 < line[2].value < 15.1)


def test_markdown_and_csv_escape_what_their_readers_would_run(hostile: pl.DataFrame, tmp_path: Path) -> None:
    text = read_text(tk.save(hostile, tmp_path / "t.md").path)
    assert "| &lt;b&gt;bold&lt;/b&gt; |" in text
    assert r"| +1\|2 |" in text
    assert r"50% of\_x \$y\$" in text
    saved = tk.save(tk.table(hostile), tmp_path / "t.csv").path
    lines = list(csv.reader(read_text(saved).splitlines()))
    firsts = [line[0] for line in lines]
    assert {"'=cmd()", "'+1|2", "'@sum", "'-x", "a & b"} <= set(firsts)


def test_a_frame_as_csv_is_its_unrounded_rows(hostile: pl.DataFrame, tmp_path: Path) -> None:
    lines = list(csv.DictReader(read_text(tk.save(hostile, tmp_path / "t.csv").path).splitlines()))
    assert "'=cmd()" == lines[0]["group"]
    assert ["0.3"] * len(HOSTILE) + [""] == [line["estimate"] for line in lines]
    assert "fewer than 30 participants" == lines[-1]["reason"]


def test_latex_escapes_every_special_character(hostile: pl.DataFrame, tmp_path: Path) -> None:
    text = tk.save(hostile, tmp_path / "t.tex").path.read_text()
    assert r"50\% of\_x \$y\$" in text
    assert r"back\textbackslash{}slash \{x\} \textasciicircum{}\textasciitilde{}\#" in text
    assert r"\textless{}b\textgreater{}bold" in text
    assert r"\tablesymbol{1F600} $\geq$ ü" in text
    assert r"not shown\textsuperscript{a}" in text
    body = text[text.index("endlastfoot") : text.index(r"\end{longtable}")]
    lines = [line for line in body.splitlines() if line.endswith(r"\tabularnewline")]
    assert {4} == {line.replace(r"\&", "").count("&") for line in lines}
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX engine (pdflatex) is installed")
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "read by a manuscript"])
def test_latex_compiles(hostile: pl.DataFrame, tmp_path: Path, alone: bool) -> None:
    tk.save(hostile, tmp_path / "t.tex")
    packages = "\\usepackage[T1]{fontenc}\\usepackage{array,booktabs,longtable,caption,textcomp}"
    (tmp_path / "m.tex").write_text(
        f"\\documentclass{{article}}{packages}\\begin{{document}}Before\\input{{t}}After\\end{{document}}"
    )
    name = "t" if alone else "m"
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert 0 == done.returncode, done.stdout[-2000:]
    assert (tmp_path / f"{name}.pdf").stat().st_size > 1000


@pytest.mark.parametrize("kind", TEXTS)
def test_title_footnote_source_and_labels_come_through(
    hostile: pl.DataFrame, tmp_path: Path, kind: str
) -> None:
    text = read_text(tk.save(tk.table(hostile), tmp_path / f"t{kind}").path)
    for part in ("Prevalence of leg cramps", "fewer than 30 participants", "Weight: interview", "a survey"):
        assert part in text.replace("{-}", "-")
    assert "77.7" not in text, "a suppressed estimate"


@pytest.mark.parametrize("kind", TEXTS)
def test_simulated_is_said_in_every_file(simulated: pl.DataFrame, tmp_path: Path, kind: str) -> None:
    text = read_text(tk.save(tk.table(simulated), tmp_path / f"t{kind}").path)
    assert 1 == text.count("SIMULATED")
    of_report = tk.reports.Paper().table(simulated, "Prevalence of leg cramps").body
    assert 1 == read_text(tk.save(of_report, tmp_path / f"report{kind}").path).count("SIMULATED DATA")


def test_spanners_and_groups_of_any_great_table_come_through(tmp_path: Path) -> None:
    from great_tables import GT

    data = pl.DataFrame(
        {"g": ["one", "one", "two"], "a": ["x", "y", "z"], "b": [1.5, 2.0, 3.0], "c": [1, 2, 3]}
    )
    table = GT(data, groupname_col="g").tab_spanner("both", ["b", "c"]).tab_header("A title")
    (word,) = Document(str(tk.save(table, tmp_path / "t.docx").path)).tables
    texts = [[cell.text for cell in line.cells] for line in word.rows]
    assert [["a", "both", "both"], ["a", "b", "c"], ["one"] * 3] == texts[:3]
    lines = load_workbook(tk.save(table, tmp_path / "t.xlsx").path)["Table"].iter_rows(values_only=True)
    assert ("y", 2.0, 2) in list(lines)
    assert "both<br>b" in tk.save(table, tmp_path / "t.md").path.read_text()
    latex = tk.save(table, tmp_path / "t.tex").path.read_text()
    assert r"{\textbf{both}}" in latex
    assert r"\cmidrule(lr){2-3}" in latex


def test_a_wide_table_is_on_a_landscape_page_and_says_so(tmp_path: Path) -> None:
    from great_tables import GT

    wide = GT(pl.DataFrame({f"column {n}": [123456.789, 2.0] for n in range(12)})).tab_header("Wide")
    saved = tk.save(wide, tmp_path / "t.docx")
    section = Document(str(saved.path)).sections[0]
    assert section.page_width > section.page_height
    assert "landscape" in saved.note
    assert 1 == len(str(saved).splitlines())
    assert r"\begin{landscape}" in tk.save(wide, tmp_path / "t.tex").path.read_text()
    assert "" == tk.save(GT(pl.DataFrame({"a": [1]})), tmp_path / "narrow.docx").note


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("t.doc", ("'t.doc'", ".docx")), ("t", ("'t'", ".docx")), ("t.png", ("'t.png'", ".docx"))],
)
def test_an_unknown_format_is_refused(
    simulated: pl.DataFrame, tmp_path: Path, name: str, wanted: tuple
) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning(*wanted)):
        tk.save(simulated, tmp_path / name)
    assert [] == list(tmp_path.iterdir())


def test_an_existing_file_is_replaced_only_on_request(simulated: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text("mine")
    with pytest.raises(tk.DatasetError, match=mentioning("t.md", "overwrite=True")):
        tk.save(simulated, tmp_path / "t.md")
    assert "mine" == (tmp_path / "t.md").read_text()
    tk.save(simulated, tmp_path / "t.md", overwrite=True)
    assert "Prevalence" in (tmp_path / "t.md").read_text()


def test_a_folder_that_cannot_be_written_is_one_error(simulated: pl.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(tk.DatasetError, match=mentioning("t.docx", "Choose another folder")):
        tk.save(simulated, tmp_path / "file" / "t.docx")
    (tmp_path / "f.docx").mkdir()
    with pytest.raises(tk.DatasetError, match=mentioning("is a folder")):
        tk.save(simulated, tmp_path / "f.docx", overwrite=True)


def test_a_failure_leaves_no_file(
    simulated: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("toolkit.display.export.word_documents.write_word", fail)
    with pytest.raises(tk.DatasetError, match=mentioning("t.docx", "the disk is full")):
        tk.save(simulated, tmp_path / "t.docx")
    assert [] == list(tmp_path.iterdir())


def test_what_is_neither_table_nor_chart_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("'dict'", "tk.save(tk.table(result)")):
        tk.save({"a": 1}, tmp_path / "t.docx")
    with pytest.raises(tk.VariableError, match=mentioning("tk.save")):
        tk.save(pl.DataFrame({"a": [1]}), tmp_path / "t.docx")
    assert [] == list(tmp_path.iterdir())


def test_save_all_writes_each_item_in_the_formats_that_suit_it(
    simulated: pl.DataFrame, tmp_path: Path
) -> None:
    items = {"Table 1": simulated, "figure/1": tk.prevalence_chart(simulated)}
    saved = tk.reports.save_all(items, tmp_path / "new", ["docx", "xlsx", "svg"], width=85)
    assert ["Table-1.docx", "Table-1.xlsx", "figure-1.svg"] == [file.path.name for file in saved]
    with pytest.raises(tk.DatasetError, match=mentioning("overwrite=True")):
        tk.reports.save_all({"new": simulated, **items}, tmp_path / "new", ["docx"])
    assert not (tmp_path / "new" / "new.docx").exists(), "nothing is written if one file exists"
