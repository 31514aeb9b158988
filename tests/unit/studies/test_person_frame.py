"""People show a summary, not rows, and stay a frame for every operation."""

import pickle
from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.support.four_people import make
from toolkit.studies import PersonFrame
from toolkit.variables import Reason

PEOPLE = pl.DataFrame(
    {
        "person": ["SECRET-1", "SECRET-2", "SECRET-3"],
        "age": [41.125, None, 43.125],
        "sex": pl.Series(["male", "female", None], dtype=pl.Enum(["male", "female"])),
        "sore": pl.Series(["yes", "no", None], dtype=pl.Enum(["no", "yes"])),
        "age.why": pl.Series([None, "refused", None], dtype=Reason),
    }
)
FRAME = PersonFrame(PEOPLE)


@pytest.mark.parametrize("shown", [repr(FRAME), str(FRAME), f"{FRAME}", FRAME._repr_html_()])
def test_people_show_a_summary_and_no_value_of_anyone(shown: str) -> None:
    for value in ("SECRET", "41.125", "male", "refused"):
        assert value not in shown
    assert "3 people x 5 columns" in shown
    assert "study.people.head()" in shown


def test_the_summary_counts_columns_by_type_and_missing_values() -> None:
    lines = [" ".join(line.split()) for line in repr(FRAME).splitlines()]
    assert [
        "number 1 column 1 value missing",
        "yes/no 1 column 1 value missing",
        "category 1 column 1 value missing",
        "text 1 column 0 values missing",
        "reasons of missing values 1 column",
    ] == lines[1:-1]


def test_what_is_taken_from_it_is_a_plain_frame_that_shows_rows() -> None:
    older = FRAME.filter(pl.col("age") > 0)
    for taken in (FRAME.head(), FRAME.sample(1), FRAME.clone(), FRAME.select("age"), older):
        assert type(taken) is pl.DataFrame
    assert "SECRET-1" in repr(FRAME.head())


def test_it_is_the_same_frame_for_every_operation() -> None:
    assert_frame_equal(PEOPLE, FRAME)
    assert PEOPLE.equals(FRAME)
    assert FRAME.equals(PEOPLE)
    counts = [frame.group_by("sex", maintain_order=True).len() for frame in (PEOPLE, FRAME)]
    assert_frame_equal(*counts)
    assert_frame_equal(PEOPLE.join(PEOPLE, on="person"), FRAME.join(FRAME, on="person"))
    assert_frame_equal(pl.concat([PEOPLE, PEOPLE]), pl.concat([FRAME, FRAME]))
    assert 2 == FRAME.lazy().select(pl.col("age").count()).collect().item()
    assert PEOPLE.equals(pickle.loads(pickle.dumps(FRAME)))  # noqa: S301 - what was just written


def test_a_study_s_people_visits_and_nights_are_held_so_and_equality_stays() -> None:
    study = make()
    assert isinstance(study.people, PersonFrame)
    again = replace(study)
    assert again.people is study.people
    assert again == study
    cohort = replace(study, diary=PEOPLE, visits=PEOPLE)
    assert "SECRET" not in repr(cohort.diary) + repr(cohort.visits) + repr(cohort)
