"""Check that numbers become levels as the cut-points say, and that what is unknown stays unknown."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.causes.recode import answer, assign_levels, bands, cross, number, within, yes_if

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-100, 100), st.just(float("nan"))), min_size=1)
LOGIC = {True: "yes", False: "no", None: None}


def known(value: float | None) -> bool:
    return value is not None and value == value  # noqa: PLR0124 - not-a-number differs from itself


def frame(values: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame({"x": values}, schema={"x": pl.Float64})


@given(NUMBERS)
def test_bands_count_the_edges_at_or_below_a_number(values: list[float | None]) -> None:
    edges, levels = (-10, 0, 20), ("a", "b", "c", "d")
    expected = [levels[sum(edge <= v for edge in edges)] if known(v) else None for v in values]
    assert expected == frame(values).select(level=bands("x", edges, levels))["level"].to_list()


@given(NUMBERS)
def test_a_range_holds_both_of_its_ends(values: list[float | None]) -> None:
    expected = [("low" if v < -5 else "high" if v > 5 else "normal") if known(v) else None for v in values]
    assert expected == frame(values).select(x=within("x", -5, 5, ["low", "normal", "high"]))["x"].to_list()


@pytest.mark.parametrize("left", [True, False, None])
@pytest.mark.parametrize("right", [True, False, None])
def test_or_and_and_are_three_valued(left: bool | None, right: bool | None) -> None:
    people = pl.DataFrame({"l": [left], "r": [right]}, schema={"l": pl.Boolean, "r": pl.Boolean})
    either = True if True in (left, right) else None if None in (left, right) else False
    both = False if False in (left, right) else None if None in (left, right) else True
    found = people.select(either=yes_if(pl.col("l") | pl.col("r")), both=yes_if(pl.col("l") & pl.col("r")))
    assert (LOGIC[either], LOGIC[both]) == found.row(0)


def test_a_band_without_a_word_is_outside_the_groups() -> None:
    found = frame([19.9, 20.0, None]).select(x=bands("x", (20,), (None, "20 and over")))
    assert [None, "20 and over", None] == found["x"].to_list()


def test_levels_must_be_one_more_than_the_edges() -> None:
    with pytest.raises(ValueError, match="zip"):
        bands("x", (1, 2), ("a", "b"))


def test_whole_numbers_and_levels_of_any_type_are_read() -> None:
    people = pl.DataFrame({"n": [1, None], "word": pl.Series(["yes", None], dtype=pl.Enum(["yes"]))})
    found = people.select(n=number("n"), no=answer("word") == "no")
    assert [1.0, None] == found["n"].to_list()
    assert [False, None] == found["no"].to_list()


def test_the_first_level_whose_condition_is_true_is_assigned() -> None:
    levels = assign_levels({"low": pl.col("x") < 2, "middle": pl.col("x") < 4})
    assert ["low", "middle", None, None] == frame([1, 3, 5, None]).select(level=levels)["level"].to_list()


def test_every_combination_is_crossed_with_its_result() -> None:
    assert ((1, "a", 0), (1, "b", 1), (2, "a", None), (2, "b", 3)) == cross(
        (1, 2), ("a", "b"), results=((0, 1), (None, 3))
    )
    with pytest.raises(ValueError, match="zip"):
        cross((1, 2), ("a", "b"), results=((0, 1),))
