"""NHANES takes accelerometer minutes from a file: joined by person, with reasons, marked where few."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.conftest import shared
from tests.support.messages import mentioning, mentions
from tests.unit.sources.test_accelerometer import people as recordings
from toolkit.errors import DatasetError, VariableError
from toolkit.files.safe_files import write_parquet
from toolkit.sources.catalog import nhanes as catalog
from toolkit.sources.harmonize.documentation import describe
from toolkit.sources.nhanes.activity import MEASURED, Measured, add_minutes
from toolkit.variables import Codebook, why

OPENED = ("2003-2004", "2005-2006", "2007-2008")


@pytest.fixture(scope="module")
def book() -> Codebook:
    return describe(catalog(), OPENED, {})


def persons(*rows: tuple[int, str, float, float]) -> pl.DataFrame:
    schema = {
        "person": pl.Int64,
        "cycle": pl.Enum(OPENED),
        "age": pl.Float64,
        "weight_examination": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def added(tmp_path: Path, book: Codebook, minutes: pl.LazyFrame, *rows: Any) -> Measured:
    path = tmp_path / "minutes.parquet"
    write_parquet(path, minutes.collect())
    return add_minutes(persons(*rows), book, path)


def test_each_person_has_a_value_or_its_reason(tmp_path: Path, book: Codebook) -> None:
    worn, short = [50] * 700 + [3000] * 60, [50] * 300
    minutes = recordings(worn, short, worn).with_columns(PAXCAL=pl.when(SEQN=3).then(2).otherwise(1))
    rows = [(n, "2005-2006", 40.0, 1.0) for n in (1, 2, 3, 4)]
    others = [(5, "2005-2006", 40.0, 0.0), (6, "2005-2006", 5.0, 1.0), (7, "2007-2008", 40.0, 1.0)]
    found = added(tmp_path, book, minutes, *rows, *others).people
    assert [700 / 60, *[None] * 6] == found["sedentary_hours"].to_list()
    assert (60, 760 / 60, 1) == found.select("active_minutes", "wear_hours", "accelerometer_days").row(0)
    tested, missing = "could not be tested", "no value recorded"
    last = ["not examined", "not asked", "not measured in this cycle"]
    assert [None, tested, tested, missing, *last] == found[why("sedentary_hours")].to_list()
    assert [1, 0, *[None] * 5] == found["accelerometer_days"].to_list()


def test_no_one_is_added_or_lost_or_moved(tmp_path: Path, book: Codebook) -> None:
    rows = [(n, "2003-2004", 40.0, 1.0) for n in (9, 2, 7, 1)]
    found = added(tmp_path, book, recordings([5] * 10, [5] * 10, [5] * 10), *rows)
    assert [9, 2, 7, 1] == found.people["person"].to_list()


def test_a_full_file_needs_no_review(tmp_path: Path, book: Codebook) -> None:
    found = added(tmp_path, book, recordings([5] * 700), (1, "2005-2006", 40.0, 1.0))
    variable = found.codebook["sedentary_hours"]
    by_cycle = {a.cycle: (a.status, a.reason) for a in variable.availability}
    assert ("", ("measured", "")) == (variable.review, by_cycle["2005-2006"])
    assert mentions(by_cycle["2003-2004"][1], "cycle")
    assert ("not measured", "no accelerometer was worn") == by_cycle["2007-2008"]


def test_a_file_of_a_few_says_how_many(tmp_path: Path, book: Codebook) -> None:
    rows = [(n, "2005-2006", 40.0, 1.0) for n in (1, 2, 3)]
    found = added(tmp_path, book, recordings([5] * 700), *rows)
    assert "recordings of 1 of 3 eligible people of 2005-2006 only" == found.codebook["wear_hours"].review


def test_the_columns_of_the_cdc_are_known(tmp_path: Path, book: Codebook) -> None:
    raw = recordings([5] * 700).rename({"counts": "PAXINTEN"})
    assert [700 / 60] == added(tmp_path, book, raw, (1, "2005-2006", 40.0, 1.0)).people[
        "wear_hours"
    ].to_list()


def test_a_file_of_other_people_is_refused(tmp_path: Path, book: Codebook) -> None:
    with pytest.raises(DatasetError, match=mentioning("1", "2005-2006", "cycles=")):
        added(tmp_path, book, recordings([5] * 10), (99, "2005-2006", 40.0, 1.0))


def test_cycles_without_the_instrument_take_no_minutes(tmp_path: Path, book: Codebook) -> None:
    with pytest.raises(DatasetError, match=mentioning("NHANES", "2003-2006", "open_study")):
        added(tmp_path, book, recordings([5] * 10), (1, "2007-2008", 40.0, 1.0))


@pytest.fixture(scope="module")
def worn(nhanes_mirror: Path, minutes_file: Path) -> tk.Study:
    return tk.open_study("nhanes", cycles="2005-2006", mirror=nhanes_mirror, minutes=minutes_file)


def test_the_study_has_the_means_of_the_reference(worn: tk.Study) -> None:
    folder = shared()
    assert folder is not None
    reference = folder.parent / "reference" / "accelerometer" / "accelerometer-persons.csv"
    wanted = pl.read_csv(reference).filter(pl.col("reliable") == 1)
    found = wanted.join(worn.people, left_on="SEQN", right_on="person", maintain_order="left")
    assert wanted.height == found.height
    for name, column in (
        ("sedentary_hours", "mean_sedentary_hours_choi"),
        ("active_minutes", "mean_mvpa_minutes_choi"),
    ):
        assert (found[name] - found[column]).abs().max() < 1e-12
        assert (found[name].is_null() == found[column].is_null()).all()
        assert wanted[column].count() == worn.people[name].count()


def test_it_takes_the_examination_weight(worn: tk.Study) -> None:
    assert {"examination"} == {worn.weight_for(("any_cramps", name)).component for name in MEASURED}


def test_every_estimate_of_a_few_recordings_is_for_review(worn: tk.Study) -> None:
    asked = {"outcome": "any_cramps", "domain": "age >= 20"}
    frames = [
        tk.mean(worn, "sedentary_hours", domain="age >= 20"),
        tk.prevalence(worn, outcome="any_cramps", domain="sedentary_hours >= 8"),
        tk.association(worn, exposure="sedentary_hours", adjust=("age", "wear_hours"), **asked),
        tk.association(worn, exposure="sex", adjust=("active_minutes",), **asked),
        tk.mean(worn.derive("much", "sedentary_hours >= 8"), "much", domain="age >= 20"),
    ]
    for frame in frames:
        assert {"review"} == set(frame["reliability"])
        assert mentions(frame["reason"][0], "300", "8,086", "2005-2006")
    untouched = tk.prevalence(worn, **asked)
    assert ["ok"] == untouched["reliability"].to_list()


def test_people_of_four_days_have_the_published_means(worn: tk.Study) -> None:
    """Adults of 2003-2006, 3,809 of them: Am J Epidemiol 2017, kww070, table 2 (mean minutes a day)."""
    domain = "age >= 20 and accelerometer_days >= 4"
    found = tk.mean(worn, ("sedentary_hours", "active_minutes"), domain=domain)
    for published, row in zip((505.9 / 60, 20.1), found.rows(named=True), strict=True):
        assert row["conf_low"] < published < row["conf_high"]


def test_without_the_file_the_study_says_what_to_give(nhanes: tk.Study) -> None:
    gaps = nhanes.availability().filter(exposure="sedentary_hours", cycle="2005-2006")
    assert "not measured" == gaps["status"].item()
    assert gaps["reason"].item().startswith("file not supplied")
    with pytest.raises(VariableError, match=mentioning("open_study('nhanes', minutes=PATH)")):
        tk.mean(nhanes, "sedentary_hours")
