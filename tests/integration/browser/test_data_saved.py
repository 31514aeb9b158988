"""The data of a figure are saved from its page as CSV and for Excel, in a browser without a network."""

from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from openpyxl import load_workbook

import toolkit as tk
from tests.integration.browser.conftest import Seen
from toolkit.display.charts.theme import render
from toolkit.report.page.html import Facts, compose_report
from toolkit.report.page.page_reader import read_manuscript
from toolkit.results import frame

LABELS = ["=cmd()", "+1", "-x", "@sum", 'a, "b" & <c>', "2005", "20-39"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with one figure and its data; the numbers have all their digits."""
    row = {
        "study": "s", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 1 / 3, "conf_low": 0.2,
        "conf_high": 0.4, "n": 12345, "n_cases": 370, "reliability": "ok",
    }  # fmt: skip
    hidden = {"reliability": "suppress", "reason": "few", "estimate": 0.777, "group": "hidden"}
    rows = frame([*({**row, "group": label} for label in LABELS), {**row, **hidden}], by=["group"])
    exhibit = tk.reports.Paper().figure(tk.charts.prevalence_chart(rows), rows, "A figure")
    drawn, _ = render(exhibit.body.to_dict(), for_page=True)
    parts = ({"text/html": exhibit.title.html}, drawn, {"text/html": exhibit.caption.html})
    cell = new_code_cell("", outputs=[new_output("display_data", part) for part in parts])
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(compose_report(new_notebook(cells=[cell]), Facts("A page", "s"), Path()))
    return path


def save(chromium: Any, page: Path, text: str, folder: Path) -> tuple[Path, Seen]:
    """Open the page, open the data, save them by a link or a button, and return the file."""
    seen = Seen()
    tab = seen.watch(chromium.new_page(accept_downloads=True))
    tab.goto(page.as_uri())
    tab.locator("summary", has_text="Data of Figure 1").click()
    with tab.expect_download() as waiting:
        tab.get_by_text(text, exact=True).click()
    target = folder / waiting.value.suggested_filename
    waiting.value.save_as(target)
    tab.close()
    return target, seen


def list_cells(path: Path) -> list[list[tuple[Any, str]]]:
    """List the values of a workbook with their types."""
    (sheet,) = load_workbook(path).worksheets
    return [[(cell.value, cell.data_type) for cell in line] for line in sheet.iter_rows()]


def test_excel_has_numbers_as_numbers_and_labels_as_text(chromium: Any, page: Path, tmp_path: Path) -> None:
    path, seen = save(chromium, page, "Save for Excel", tmp_path)
    head, *lines = list_cells(path)
    names = [name for name, _ in head]
    assert "figure-1.xlsx" == path.name
    assert [(label, "s") for label in [*LABELS, "hidden"]] == [line[names.index("group")] for line in lines]
    estimates = [line[names.index("estimate")] for line in lines]
    assert [(pytest.approx(1 / 3, abs=1e-12), "n")] * len(LABELS) == estimates[:-1]
    assert estimates[-1][0] in (None, ""), "a suppressed estimate"
    assert {(12345, "n")} == {line[names.index("n")] for line in lines}
    assert [] == seen.errors
    assert [] == [url for url in seen.requests if not url.startswith(("file:", "data:", "blob:"))]


def test_the_workbook_of_the_page_equals_that_of_an_export(chromium: Any, page: Path, tmp_path: Path) -> None:
    """`cramps report --export xlsx` writes the same values, without a browser."""
    saved = list_cells(save(chromium, page, "Save for Excel", tmp_path)[0])
    reader = read_manuscript(page.read_text(), [{}])
    (figure,) = reader.exhibits
    (tmp_path / "export.xlsx").write_bytes(figure.data[".xlsx"])
    exported = list_cells(tmp_path / "export.xlsx")
    empty = {(None, "n"), ("", "s"), (None, "s")}
    assert [[None if cell in empty else cell for cell in line] for line in saved] == [
        [None if cell in empty else cell for cell in line] for line in exported
    ]


def test_csv_neutralizes_what_a_spreadsheet_would_run(chromium: Any, page: Path, tmp_path: Path) -> None:
    text = save(chromium, page, "Save as CSV", tmp_path)[0].read_text(encoding="utf-8-sig")
    assert "'=cmd()" in text
    assert "\n=cmd()" not in text
    assert "0.777" not in text
