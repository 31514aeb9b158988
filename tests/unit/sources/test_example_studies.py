"""The example survey and the example cohort: invented by their script, opened by name, analysed whole."""

from datetime import date
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_series_equal

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.files.checked_toml import shipped
from toolkit.sources.user.loader import examine

FOLDER = shipped("datasets") / "examples"
FILES = sorted(path.relative_to(FOLDER) for path in FOLDER.rglob("*.csv"))


@pytest.fixture(scope="module")
def survey() -> tk.Study:
    return tk.open_study("example-survey")


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


def test_the_script_gives_the_same_files_again(tmp_path: Path) -> None:
    spec = spec_from_file_location("make_examples", FOLDER / "make_examples.py")
    assert spec is not None
    assert spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path)
    assert 6 == len(FILES)
    for file in FILES:
        assert (FOLDER / file).read_bytes() == (tmp_path / file).read_bytes(), file


@pytest.mark.parametrize("folder", ["survey", "cohort"])
def test_nothing_is_wrong_with_them(folder: str) -> None:
    assert () == examine(FOLDER / folder / "study.toml").problems


@pytest.mark.parametrize("name", ["example-survey", "example-cohort"])
def test_they_say_that_nobody_in_them_is_real(name: str) -> None:
    study = tk.open_study(name)
    assert study.simulated
    assert study.label.startswith("SIMULATED")
    assert study.people["person"].str.contains(r"^(EXAMPLE|COHORT)-\d+$").all()


def test_codes_units_reasons_and_joins_of_the_survey_are_as_a_reading_by_hand(survey: tk.Study) -> None:
    raw = pl.read_csv(FOLDER / "survey" / "people.csv")
    blood = raw.select("id").join(pl.read_csv(FOLDER / "survey" / "blood.csv"), on="id", how="left")
    people = survey.people
    assert raw["id"].to_list() == people["person"].to_list()
    sitting = raw["sitting_min"].replace(9999, None) / 60
    assert_series_equal(sitting, people["sitting_hours"], check_names=False, rel_tol=1e-12)
    percent = blood["hba1c"] * 0.09148 + 2.152
    assert_series_equal(percent, people["hba1c"], check_names=False, rel_tol=1e-12)
    assert (raw["cramps"] == 9).sum() == survey.missing("any_cramps").filter(reason="refused")["n"].item()
    assert blood["hba1c"].null_count() == survey.missing("hba1c").filter(reason="not examined")["n"].item()


def test_the_survey_s_design_has_its_villages_and_regions(survey: tk.Study) -> None:
    found = tk.prevalence(survey, outcome="any_cramps")
    assert 24 - 4 == found["df"].item()
    assert found["estimate"].is_between(0.3, 0.5).all()


def test_the_survey_measured_most_causes(survey: tk.Study) -> None:
    measured = set(survey.availability().filter(status="measured")["cause"])
    assert {"diabetes", "electrolytes", "joints", "sitting_standing"} <= measured


def test_the_cohort_s_nights_are_counted_as_by_hand(cohort: tk.Study) -> None:
    nights = pl.read_csv(FOLDER / "cohort" / "nights.csv").filter(pl.col("cramp") != 9)
    counts = nights.group_by("id").agg(nights=pl.len(), hits=pl.col("cramp").sum()).sort("id")
    people = cohort.people.sort("person")
    assert counts["nights"].to_list() == people["diary_nights"].to_list()
    rate = counts["hits"] / counts["nights"] * 365.25 / 12
    assert rate.to_list() == pytest.approx(people["cramp_nights_a_month"].to_list(), rel=1e-12)
    assert cohort.diary is not None
    assert {"northtown", "southport"} == set(cohort.diary["place"])
    assert date(2024, 7, 1) in set(cohort.diary["date"])


def test_the_cohort_s_person_time_is_that_of_its_dates(cohort: tk.Study) -> None:
    raw = pl.read_csv(FOLDER / "cohort" / "members.csv", try_parse_dates=True)
    days = (raw["left"] - raw["joined"]).dt.total_days() + 1
    assert days.to_list() == cohort.people["follow_up_days"].to_list()


def test_an_example_takes_no_options() -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("'study.toml'")):
        tk.open_study("example-survey", seed=3)
