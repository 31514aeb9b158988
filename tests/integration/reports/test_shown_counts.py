"""No two counts in all that one run shows of a study with a threshold differ by fewer than the threshold.

Two analyses of one run are often of nearly the same participants, as a crude and an adjusted one, and their
numbers would give the few who lack a covariate. All counts of the pages, charts, tables, data and files of
several reports are read here; in the study each covariate lacks one to four values.
"""

import io
import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from docx import Document
from lxml import html
from openpyxl import load_workbook

import toolkit as tk
from tests.support.report_in_process import run_report, words_of

SMALLEST = 5
LACKING = {"diabetes_told": 1, "arthritis": 3, "smoked_100": 2, "sitting_hours": 4, "any_cramps": 3, "sex": 2}
REPORTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cause", {"cause": "diabetes"}),
    ("cause", {"cause": "joints"}),
    ("cause", {"cause": "sitting_standing"}),
    ("burden", {}),
    ("care", {}),
    ("availability", {}),
)
# Columns and fields that count participants, in tables of pages, in data and in charts.
COUNTING = {
    "n", "n_cases", "n_missing", "n_left", "n_out", "n_effective", "cases", "missing", "remaining",
    "excluded", "before",
}  # fmt: skip
NUMBER = r"(\d[\d,]*)"
PROSE = re.compile(
    rf"\bn\s*[=≈]\s*{NUMBER}|\babout {NUMBER}\b|ranged from (?:about )?{NUMBER} to {NUMBER};"
    rf"|{NUMBER} (?:to {NUMBER} )?(?:participants|(?:non)?cases|people|were (?:in|ex)cluded)"
)
# The reasons of exclusions, as "refused (20)", and where published numbers are.
REASONS = re.compile(r"excluded: ([^.]*)")
PUBLISHED = re.compile("Published findings|published ratios|class=.references")
TEXT_OF_CHART = re.compile(rf"^{NUMBER}(?: / {NUMBER})?$|^−{NUMBER}(?::|$)")


def own_survey() -> tk.Study:
    """Make an unweighted survey of 223 participants, of whom few lack each covariate."""
    people = tk.open_study("example-survey").people
    names = ["age", "region", "bmi", *LACKING]
    whole = pl.DataFrame(people).select(names).drop_nulls().sample(223, seed=5)
    row = pl.int_range(pl.len())
    gaps, start = [], 0
    for name, lacking in LACKING.items():
        gaps.append(pl.when(~row.is_between(start, start + lacking - 1)).then(pl.col(name)).alias(name))
        start += lacking
    frame = whole.with_columns(gaps)
    return tk.study(frame, design=tk.Design.none(), name="few gaps", codebook="toolkit")


def read_counts(text: str | None) -> set[int]:
    """Read the numbers of one match or cell."""
    return {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text or "")}


def counts_of_words(words: str) -> set[int]:
    groups = [" ".join(filter(None, found.groups())) for found in PROSE.finditer(words)]
    groups += re.findall(rf"\((?:at least )?{NUMBER}\)", " ".join(REASONS.findall(words)))
    return {count for text in groups for count in read_counts(text)}


def counts_of_frame(frame: pl.DataFrame) -> set[int]:
    """Read the counts of data; without a design the degrees of freedom count participants as well."""
    found: set[int] = set()
    for name in {*frame.columns} & {*COUNTING, "df"}:
        found |= {round(value) + (name == "df") for value in frame[name].cast(pl.Float64).drop_nulls()}
    return found


def counts_of_table(rows: list[list[str]]) -> set[int]:
    """Read the columns of counts of a table, and counts with percentages in brackets."""
    found: set[int] = set()
    heads: dict[int, str] = {}
    for row in rows:
        found |= counts_of_words(" | ".join(row))
        named = {at: cell.strip().lower() for at, cell in enumerate(row)}
        if {*named.values()} & COUNTING and not any(re.fullmatch(NUMBER, cell) for cell in named.values()):
            heads = named
            continue
        counted = [cell for at, cell in enumerate(row) if heads.get(at) in COUNTING]
        found |= {n for cell in counted if re.fullmatch(NUMBER, cell.strip()) for n in read_counts(cell)}
        if len(row) > 1:
            for cell in row[1:]:
                if shared := re.fullmatch(rf"{NUMBER} \((?:<?[\d.]+|–)\)", cell.strip()):
                    found |= read_counts(shared[1])
    return found


def counts_of_page(part: str) -> set[int]:
    """Read one part of a page: its words, its tables, and the data that it offers."""
    published, found = PUBLISHED.search(part), set()
    for data in re.findall(r"data:text/csv;base64,([\w+/=]+)", part):
        found |= counts_of_frame(pl.read_csv(io.BytesIO(b64decode(data)), infer_schema_length=None))
    for table in html.fromstring(f"<div>{part}</div>").iter("table") if "<table" in part else ():
        rows = [[cell.text_content() for cell in row.iter("th", "td")] for row in table.iter("tr")]
        found |= counts_of_table([row for row in rows if not published or row[0] == "This report"])
    return found if published else found | counts_of_words(words_of([part]))


def counts_of_chart(specification: Any) -> set[int]:
    """Read tooltips, marks, texts and the description of a chart."""
    found: set[int] = set()
    if isinstance(specification, dict):
        for name, value in specification.items():
            if name in COUNTING and isinstance(value, str | int | float):
                found |= read_counts(str(value))
            elif name == "text" and isinstance(value, str) and (match := TEXT_OF_CHART.match(value)):
                found |= read_counts(" ".join(filter(None, match.groups())))
            elif isinstance(value, str):
                found |= counts_of_words(value)
            else:
                found |= counts_of_chart(value)
    elif isinstance(specification, list):
        for value in specification:
            found |= counts_of_words(value) if isinstance(value, str) else counts_of_chart(value)
    return found


def counts_of_files(item: Any, folder: Path) -> Iterator[tuple[str, set[int]]]:
    """Save a frame or chart in the formats that contain numbers, and read them back."""
    if not isinstance(item, pl.DataFrame):
        path = tk.save(item, folder / "figure.json", overwrite=True).path
        yield "json", counts_of_chart(json.loads(path.read_text()))
        return
    word = Document(str(tk.save(item, folder / "table.docx", overwrite=True).path))
    rows = [[cell.text for cell in row.cells] for table in word.tables for row in table.rows]
    words = counts_of_words("\n".join(paragraph.text for paragraph in word.paragraphs))
    yield "docx", words | counts_of_table(rows)
    book = load_workbook(tk.save(item, folder / "table.xlsx", overwrite=True).path)
    for sheet in book:
        lines = [
            ["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)
        ]
        yield f"xlsx {sheet.title}", counts_of_table(lines)
    path = tk.save(item, folder / "table.csv", overwrite=True).path
    yield "csv", counts_of_frame(pl.read_csv(path, infer_schema_length=None))
    text = tk.save(item, folder / "table.md", overwrite=True).path.read_text()
    yield "md", counts_of_words(text)


def counts_beside_pages(study: tk.Study, items: list[Any], folder: Path) -> dict[str, set[int]]:
    """Give the counts of files, and of what a notebook of a report prints."""
    found: dict[str, set[int]] = {}
    for at, item in enumerate(items):
        for kind, counts in counts_of_files(item, folder):
            found[f"item {at}.{kind}"] = counts
    result = tk.association(study, "any_cramps", "arthritis", adjust=("sex", "smoked_100"))
    found["printed"] = counts_of_words(f"{result}\n{result._repr_html_()}\n{tk.flow(result)}")
    for name in LACKING:
        found[f"missing {name}"] = counts_of_frame(study.missing(name))
    found["kept"] = counts_of_frame(tk.reports.keep(result).rows)
    found["variables"] = counts_of_frame(study.variables()) | counts_of_frame(study.availability())
    return found


@contextmanager
def rounding() -> Iterator[pytest.MonkeyPatch]:
    """Round counts as the process that makes pages does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.disclosure.policies._RUN", True)
        yield patch


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[int]]:
    """Give the counts of each part of a run, by where they are."""
    study, found, items = own_survey(), {}, []
    for name, parameters in REPORTS:
        report = parameters.get("cause", name)
        with rounding() as patch:
            for method in ("figure", "table"):
                made = getattr(tk.reports.Paper, method)
                patch.setattr(tk.reports.Paper, method, record(made, items))
            parts = run_report(name, study, patch, **parameters)
        # Charts are read from their specifications below.
        pages = [part for part in parts if "$schema" not in part and not part.startswith("<svg")]
        found |= {f"{report}, part {at}": counts_of_page(part) for at, part in enumerate(pages)}
    with rounding():
        found |= counts_beside_pages(study, items, tmp_path_factory.mktemp("files"))
    return found


def record(method: Any, items: list[Any]) -> Any:
    """Record what a report makes an exhibit of."""

    def made(self: Any, item: Any, *given: Any, **options: Any) -> Any:
        items.extend(
            one for one in (item, *given[:1]) if isinstance(one, pl.DataFrame) or hasattr(one, "to_dict")
        )
        return method(self, item, *given, **options)

    return made


def differ_by_few(counts: Iterable[int]) -> list[tuple[int, int]]:
    """List pairs of counts that differ by a small count, and small counts themselves."""
    known = sorted({0, *counts})
    return [(a, b) for a, b in pairwise(known) if b - a < SMALLEST]


def test_no_two_counts_of_a_run_differ_by_few(shown: dict[str, set[int]]) -> None:
    every = {count for counts in shown.values() for count in counts}
    where = {
        pair: [name for name, counts in shown.items() if {*pair} & counts][:6]
        for pair in differ_by_few(every)
    }
    assert where == {}


def test_the_counts_were_found(shown: dict[str, set[int]]) -> None:
    kinds = {
        name.rpartition(".")[2].split()[0] for name, counts in shown.items() if counts and "item" in name
    }
    assert kinds >= {"json", "docx", "xlsx", "csv", "md"}
    assert sum(len(counts) for counts in shown.values()) > 500
    assert {220, 225} & {count for counts in shown.values() for count in counts}
