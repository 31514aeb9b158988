"""A cohort's nights are rows of a study of their own, in which a person's nights hang together."""

import polars as pl
import pytest

import toolkit as tk
from toolkit.errors import DatasetError


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


@pytest.fixture(scope="module")
def nights(cohort: tk.Study) -> tk.Study:
    return tk.nights(cohort)


def test_each_night_is_a_row_with_its_person(cohort: tk.Study, nights: tk.Study) -> None:
    assert cohort.diary is not None
    assert cohort.diary.height == nights.people.height
    assert cohort.diary["cramp"].equals(nights.people["cramp"])
    ages = dict(cohort.people.select("person", "age").iter_rows())
    assert [ages[who] for who in nights.people["person"]] == nights.people["age"].to_list()


def test_its_share_of_cramps_is_that_of_the_diary(cohort: tk.Study, nights: tk.Study) -> None:
    assert cohort.diary is not None
    row = tk.prevalence(nights, outcome="cramp").row(0, named=True)
    assert pytest.approx((cohort.diary["cramp"] == "yes").mean(), rel=1e-12) == row["estimate"]
    assert "equal" == row["weight"]
    assert cohort.diary["person"].n_unique() - 1 == row["df"]


def test_the_nights_of_a_person_are_no_independent_people(nights: tk.Study) -> None:
    apart = tk.study(nights.people.with_columns(w=1.0), design=tk.Design(weight="w"), name="as if apart")
    errors = [tk.prevalence(s, outcome="cramp")["std_error"].item() for s in (nights, apart)]
    assert errors[0] > 1.5 * errors[1]


def test_half_years_follow_from_the_date(nights: tk.Study) -> None:
    months = nights.people.group_by("half_year").agg(pl.col("date").dt.month().unique().sort())
    found = dict(months.iter_rows())
    assert set(found["warm"]) <= set(range(5, 11))
    assert not set(found["cool"]) & set(range(5, 11))
    assert (nights.people["month"].to_physical() + 1 == nights.people["date"].dt.month()).all()


def test_weather_of_the_days_before_can_be_analysed(nights: tk.Study) -> None:
    assert "heat index of the day before" == nights.codebook["heat_index_lag1"].label
    rows = tk.association(nights, outcome="cramp", exposure="heat_index_lag1", adjust=("age",))
    assert 1 == rows.height


def test_visits_are_rows_too(cohort: tk.Study) -> None:
    assert cohort.visits is not None
    visits = tk.nights(cohort, "visits")
    assert cohort.visits.height == visits.people.height
    assert visits.label.endswith("visits")


def test_a_design_with_units_keeps_them() -> None:
    from datetime import date

    from toolkit.codebook import Codebook
    from toolkit.studies import Study

    people = pl.DataFrame({"person": ["a", "b"], "w": [2.0, 3.0], "town": [1, 2]})
    diary = pl.DataFrame({"person": ["a", "a", "b"], "date": [date(2024, 7, d) for d in (1, 2, 3)]})
    study = Study("m", "mine", people, tk.Design(weight="w", psu="town"), Codebook(), diary=diary)
    found = tk.nights(study)
    assert ("town", "w") == (found.design.psu, found.design.weight)
    assert [2.0, 2.0, 3.0] == found.people["w"].to_list()


def test_without_a_diary_it_says_what_to_name() -> None:
    with pytest.raises(DatasetError, match=r"has no diary. Name one in study.toml: \[diary\] file"):
        tk.nights(tk.open_study("simulated"))
