"""Visits and nights are studies of their own, clustered by person."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.estimate.longitudinal.gee_models import CLUSTER, DAY, ORDER


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


def test_a_night_has_what_its_person_has(cohort) -> None:
    nights = tk.records(cohort, "diary")
    assert cohort.diary.height == nights.people.height
    sexes = dict(cohort.people.select("person", "sex").iter_rows())
    assert all(sexes[person] == sex for person, sex in nights.people.select("person", "sex").iter_rows())
    assert nights.label.endswith(", nights")
    assert nights.simulated


def test_the_night_s_own_weather_stands_before_the_person_s_mean(cohort) -> None:
    nights = tk.records(cohort, "diary").people
    assert "heat_index" in cohort.people.columns
    assert nights["heat_index"].equals(nights["heat_index_lag0"].alias("heat_index"))


def test_rows_are_numbered_within_their_person_by_date(cohort) -> None:
    nights = tk.records(cohort, "diary").people
    for _, own in nights.group_by(CLUSTER):
        assert list(range(own.height)) == sorted(own[ORDER].to_list())
        assert own.sort(ORDER)[DAY].is_sorted()


def test_errors_count_that_a_person_s_nights_belong_together(cohort) -> None:
    nights = tk.records(cohort, "diary")
    row = tk.prevalence(nights, outcome="cramp").row(0, named=True)
    known = nights.people.drop_nulls("cramp").with_columns(y=(pl.col("cramp") == "yes").cast(pl.Float64))
    totals = known.group_by("person").agg(pl.col("y").sum(), pl.len())
    mean = known["y"].mean()
    persons = cohort.people.height
    apart = ((totals["y"] - mean * totals["len"]) ** 2).sum() * persons / (persons - 1)
    assert np.sqrt(apart) / known.height == pytest.approx(row["std_error"], rel=1e-3)
    assert persons - 1 == row["df"]
    assert known.height == row["n"]


def test_a_design_of_the_people_stays(cohort) -> None:
    people = cohort.people.with_columns(
        w=pl.Series(np.linspace(1, 3, 60)), area=pl.Series(np.arange(60) // 6)
    )
    drawn = tk.study(
        people.select("w", "area", "sex"), design=tk.Design(weight="w", psu="area"), name="drawn"
    )
    from dataclasses import replace

    weighted = replace(cohort, people=people, design=drawn.design)
    row = tk.prevalence(tk.records(weighted, "diary"), outcome="cramp").row(0, named=True)
    assert (9, "w") == (row["df"], row["weight"])


def test_a_study_without_nights_says_where_to_name_them() -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("[diary]", "study.toml")):
        tk.records(tk.open_study("simulated"), "diary")


def test_month_and_half_year_follow_from_the_date() -> None:
    nights = tk.records(tk.open_study("example-cohort"), "diary")
    assert (nights.people["month"].to_physical() + 1 == nights.people["date"].dt.month()).all()
    months = dict(nights.people.group_by("half_year").agg(pl.col("date").dt.month().unique()).iter_rows())
    assert set(months["warm"]) <= set(range(5, 11))
    assert not set(months["cool"]) & set(range(5, 11))


def test_weather_of_the_days_before_can_be_analysed() -> None:
    nights = tk.records(tk.open_study("example-cohort"), "diary")
    assert "heat index of the day before" == nights.codebook["heat_index_lag1"].label
    tens = nights.derive("warmth", pl.col("heat_index_lag1") / 10)
    assert 1 == tk.association(tens, outcome="cramp", exposure="warmth", adjust=("age",)).height
