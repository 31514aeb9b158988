"""The rules of non-wear, minute by minute against a slow reading of their words, and at their edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.slow_accelerometer import choi_slowly, troiano_slowly
from toolkit.sources.nhanes.nonwear import Series, choi, troiano

# Runs of lengths and heights around every limit of the rules; plain random minutes hardly ever meet one.
_run = st.tuples(
    st.sampled_from([0, 0, 0, 0, 1, 100, 101, 5000]),
    st.sampled_from([1, 2, 3, 15, 28, 29, 30, 31, 44, 57, 58, 59, 60, 88, 89, 90, 91]),
)
recording = st.lists(_run, min_size=1, max_size=14).map(
    lambda parts: [count for count, length in parts for _ in range(length)]
)
stretches = st.lists(recording, min_size=1, max_size=4)


def series(*parts: list[int], one_recording: bool = False) -> Series:
    """Put parts one after the other: recordings of their own, or the stretches of one."""
    sizes = [len(part) for part in parts]
    opens = np.array([place == 0 or not one_recording for place in range(len(parts))])
    return Series(np.concatenate([np.array(p) for p in parts]), np.cumsum([0, *sizes[:-1]]), opens)


@settings(max_examples=600, deadline=None)
@given(stretches, st.booleans(), st.sampled_from([30, 45]))
def test_choi_equals_its_words_in_every_minute(parts: list[list[int]], strict: bool, stream: int) -> None:
    slow = [mark for part in parts for mark in choi_slowly(part, strict=strict, stream=stream)]
    edges = "strict" if strict else "package"
    assert slow == choi(series(*parts), edges=edges, stream=stream).tolist()


@settings(max_examples=600, deadline=None)
@given(stretches)
def test_troiano_equals_its_words_in_every_minute(parts: list[list[int]]) -> None:
    assert [m for part in parts for m in troiano_slowly(part)] == troiano(series(*parts)).tolist()


@settings(max_examples=200, deadline=None)
@given(stretches)
def test_a_hole_ends_every_candidate(parts: list[list[int]]) -> None:
    # Troiano has no rule for the ends of a recording: a hole is an end like any other.
    apart, holed = series(*parts), series(*parts, one_recording=True)
    assert troiano(apart).tolist() == troiano(holed).tolist()
    assert choi(apart, edges="strict").tolist() == choi(holed, edges="strict").tolist()


def test_zeros_beside_a_hole_are_not_at_an_end_of_the_recording() -> None:
    still, moving = [0] * 40, [5] * 10
    holed = choi(series(still + moving + still, still + moving + still, one_recording=True))
    assert [True] * 40 + [False] * 100 + [True] * 40 == [*holed[:90], *holed[-90:]]


@pytest.mark.parametrize(
    ("counts", "idle"),
    [
        ([0] * 60, 60),
        ([0] * 59, 0),
        ([0] * 30 + [100] * 2 + [0] * 28, 60),
        ([0] * 30 + [101] + [0] * 30, 0),
        ([0] * 30 + [1] * 3 + [0] * 30, 0),
        ([1, 1] + [0] * 60 + [1, 1], 60),
        ([1, 1] + [0] * 58 + [1, 1], 0),
    ],
)
def test_troiano_at_its_edges(counts: list[int], idle: int) -> None:
    assert idle == troiano(series([500, *counts, 500])).sum()


@pytest.mark.parametrize(
    ("counts", "idle"),
    [
        ([0] * 90, 90),
        ([0] * 89, 0),
        ([0] * 44 + [9, 9] + [0] * 44, 90),
        ([0] * 44 + [9, 9, 9] + [0] * 44, 0),
        ([0] * 60 + [9] + [0] * 29, 0),
        ([0] * 60 + [9] + [0] * 29 + [9] + [0] * 60, 0),
        ([0] * 60 + [9] + [0] * 30 + [9] + [0] * 60, 152),
    ],
)
def test_choi_at_its_edges(counts: list[int], idle: int) -> None:
    busy = [500] * 5
    assert idle == choi(series([*busy, *counts, *busy])).sum()


def test_a_recording_without_movement_was_not_worn() -> None:
    assert 20 == choi(series([0] * 9 + [7, 7] + [0] * 9)).sum()
    assert 0 == choi(series([0] * 9 + [7, 7] + [0] * 9), edges="strict").sum()


def test_the_last_minute_takes_the_status_of_the_one_before() -> None:
    assert not choi(series([500] * 5 + [0])).any()
    assert 0 == choi(series([500] * 5 + [0]), edges="strict").sum()
    assert 100 == choi(series([0] * 99 + [500])).sum()
