"""The committed gallery shows today's results: its numbers are read from its files and computed again."""

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "reports" / "gallery" / "nhanes"
MOST_BYTES, MOST_BYTES_OF_A_PAGE = 8_000_000, 700_000
NUMBERS = ("estimate", "std_error", "conf_low", "conf_high", "n", "n_cases")

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="NO GALLERY: run make gallery")


def records() -> dict[str, Any]:
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in FOLDER.glob("*.report.json")}


def numbers(rows: pl.DataFrame) -> list[tuple[float, ...]]:
    return rows.select(NUMBERS).rows()


def test_every_report_of_the_plan_is_there_and_none_failed() -> None:
    from toolkit.report.plan import shipped_plan

    kept = records()
    assert {entry.save_as for entry in shipped_plan()} == set(kept)
    assert [] == [name for name, record in kept.items() if record["failure"]]
    assert [] == [
        file for record in kept.values() for file in record["files"] if not (FOLDER / file).is_file()
    ]


def test_it_is_small_enough_to_be_committed() -> None:
    files = [path for path in FOLDER.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    assert [] == [p.name for p in FOLDER.glob("*.html") if p.stat().st_size >= MOST_BYTES_OF_A_PAGE]


def test_the_index_and_the_tables_show_the_numbers_of_the_files() -> None:
    for name, record in records().items():
        page = (FOLDER / f"{name}.html").read_text()
        for row in record["main"]:
            shown = f"{row['estimate']:.2f} ({row['conf_low']:.2f} to {row['conf_high']:.2f})"
            assert shown in page, (name, shown)
            assert shown in (FOLDER / "index.html").read_text(), (name, shown)


def test_the_readme_leads_to_it() -> None:
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"reports/gallery/[\w/.-]+", readme))
    assert named
    assert [] == [name for name in named if not (ROOT / name).is_file()]


@pytest.mark.parametrize("name", ["diabetes", "joints", "dehydration-heat"])
def test_the_main_estimates_equal_today_s(name: str, nhanes: Any) -> None:
    kept = records()[name]["main"]
    first = kept[0]
    asked = {key: first[key] for key in ("outcome", "exposure", "domain")}
    sets = tk.effects.adjustment_models(nhanes, **asked)
    for covariates in ((), sets.main):
        rows = tk.association(nhanes, **asked, adjust=covariates, complete=sets.complete)
        expected = pl.DataFrame([row for row in kept if row["adjust"] == ", ".join(covariates)])
        assert numbers(rows) == [pytest.approx(row, rel=1e-9) for row in numbers(expected)]


@pytest.mark.parametrize("name", ["diabetes", "joints"])
def test_the_prevalences_equal_today_s(name: str, nhanes: Any) -> None:
    kept = pl.read_csv(FOLDER / f"{name}.csv", infer_schema_length=None)
    kept = kept.filter(pl.col("estimand") == "prevalence")
    exposure = next(iter(records()[name]["main"]))["exposure"]
    kept = kept.filter(pl.col(exposure).is_not_null())
    asked = {"outcome": kept["outcome"][0], "domain": kept["domain"][0]}
    today = tk.prevalence(nhanes, by=(exposure,), **asked)
    assert numbers(kept) == [pytest.approx(row, rel=1e-9) for row in numbers(today)]
