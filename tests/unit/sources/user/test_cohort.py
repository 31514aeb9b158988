"""A cohort's person-time, first cramp and nights against a diary counted by hand."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolkit as tk
from tests.support.messages import mentions
from tests.support.own_survey import TOML, survey
from toolkit.sources.user.follow_up import follow
from toolkit.variables import why

COHORT = """
[files.nights]
path = "nights.csv"
[files.visits]
path = "visits.csv"
[diary]
file = "nights"
date = "night"
place = "town"
[diary.variables.cramp]
column = "cr"
kind = "yes_no"
missing = { 9 = "don't know" }
[visits]
file = "visits"
date = "seen"
date_format = "%d.%m.%Y"
[visits.variables.any_cramps]
column = "cramps"
[follow_up]
start = "came"
end = "went"
"""
NIGHTS = """pid,night,town,cr
001,2024-01-01,Bern,1
001,2024-01-02,Bern,0
001,2024-01-04,Basel,1
001,2024-01-06,Basel,9
002,2024-01-03,Bern,0
002,2024-01-04,Bern,0
004,2024-01-05,Bern,9
"""
VISITS = "pid,seen,cramps\n002,31.01.2024,yes\n003,10.01.2024,no\n"
PEOPLE = """pid,sex,age,kg,cm,sore,w,s,c,came,went
001,1,30,70,170,no,1,n,1,2024-01-02,2024-01-11
002,1,30,70,170,no,1,n,1,2024-01-03,
003,1,30,70,170,no,1,n,2,,
004,1,30,70,170,no,1,n,2,2024-01-05,
005,1,30,70,170,no,1,n,2,,
"""


@pytest.fixture
def cohort(tmp_path: Path) -> tk.Study:
    path = survey(tmp_path, people=PEOPLE, toml=TOML + COHORT, nights=NIGHTS, visits=VISITS)
    return tk.open_study(path)


@pytest.mark.parametrize(
    ("expected", "column"),
    [
        # Person 1 comes on the 2nd: the cramp of the 1st is not of the follow-up. 2 has a cramp at a visit.
        ([10.0, 29.0, 1.0, 1.0, None], "follow_up_days"),
        (["yes", "yes", "no", None, None], "first_cramp"),
        ([3.0, 29.0, 1.0, None, None], "first_cramp_days"),
        ([2.0, 2.0, None, 0.0, None], "diary_nights"),
        ([1.0, 0.0, None, 0.0, None], "cramp_nights"),
        ([365.25 / 24, 0.0, None, None, None], "cramp_nights_a_month"),
    ],
)
def test_what_the_records_say_of_each_person(cohort: tk.Study, expected: list[object], column: str) -> None:
    assert expected == cohort.people[column].to_list()


def test_visits_and_nights_are_kept_with_dates_places_and_reasons(cohort: tk.Study) -> None:
    assert cohort.diary is not None
    assert cohort.visits is not None
    assert (7, date(2024, 1, 1), "Bern") == (
        cohort.diary.height,
        cohort.diary["date"][0],
        cohort.diary["place"][0],
    )
    assert ["don't know"] * 2 == cohort.diary[why("cramp")].drop_nulls().to_list()
    assert [date(2024, 1, 31), date(2024, 1, 10)] == cohort.visits["date"].to_list()


def test_a_record_outside_the_follow_up_is_noted(cohort: tk.Study) -> None:
    assert any(mentions(note, "1 row") for note in cohort.provenance["notes"])


def test_the_derived_columns_are_analysed_like_any_other(cohort: tk.Study) -> None:
    assert "nights with cramps (nights a month)" == cohort.codebook["cramp_nights_a_month"].title
    assert 2 == tk.mean(cohort, "cramp_nights_a_month")["n"].item()


def test_a_frame_without_records_stays_as_it_is() -> None:
    people = pl.DataFrame({"person": ["a"]})
    same, added = follow(people, None, None)
    assert people.equals(same)
    assert () == added


nights = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.dates(date(2024, 1, 1), date(2024, 3, 1)),
        st.sampled_from(["yes", "no", None]),
    ),
    unique_by=lambda night: night[:2],
    max_size=30,
)


@given(nights)
def test_counts_agree_with_counting_person_by_person(told: list[tuple[str, date, str | None]]) -> None:
    schema = {"person": pl.String, "date": pl.Date, "cramp": pl.Enum(["no", "yes"])}
    diary = pl.DataFrame(told, schema=schema, orient="row")
    people, _ = follow(pl.DataFrame({"person": list("abc")}), None, diary)
    for name, days, event, time, answered, cramps in people.select(
        "person", "follow_up_days", "first_cramp", "first_cramp_days", "diary_nights", "cramp_nights"
    ).rows():
        mine = sorted(((d, c) for p, d, c in told if p == name), key=lambda night: night[0])
        hits = [d for d, c in mine if c == "yes"]
        known = [d for d, c in mine if c is not None]
        assert (float((mine[-1][0] - mine[0][0]).days + 1) if mine else None) == days
        assert (("yes" if hits else "no") if known else None) == event
        end = (hits or known[-1:])[:1]
        assert (float((end[0] - mine[0][0]).days + 1) if end else None) == time
        assert ((float(len(known)), float(len(hits))) if mine else (None, None)) == (answered, cramps)
