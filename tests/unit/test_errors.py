"""Errors in the user's words: nearest names and messages with a remedy."""

import pytest

from toolkit.errors import (
    DatasetError,
    DesignError,
    EstimationError,
    ToolkitError,
    VariableError,
    nearest,
    unknown,
)


@pytest.mark.parametrize(
    ("expected", "name", "known"),
    [
        ("'diabetes' or 'diabetes_told'", "diabetis", ["diabetes_told", "age", "diabetes"]),
        ("'age'", "AGE", ["age", "bmi", "sex", "pad", "smoking", "stroke", "season"]),
        ("'simulated' or 'nhanes'", "zzz", ["simulated", "nhanes"]),
        ("", "zzz", ["a", "b", "c", "d", "e", "f", "g"]),
        ("'SDMVSTRA'", "sdmvstr", ["SEQN", "SDMVSTRA", "A", "B", "C", "D", "E"]),
        ("", "age", []),
    ],
)
def test_the_nearest_names(expected: str, name: str, known: list[str]) -> None:
    assert expected == nearest(name, known)


def test_an_unknown_name_says_what_is_near_and_what_to_do() -> None:
    message = unknown("this study has no variable", "bmj", ["bmi", "age"], "All: study.availability()")
    assert message == (
        "This study has no variable 'bmj'. Did you mean 'bmi'? List them all with study.availability()."
    )


def test_a_message_without_a_near_name_keeps_its_remedy() -> None:
    assert unknown("no level", "x", [], "Name one.") == "No level 'x'. Name one."


def test_one_parent_catches_every_kind() -> None:
    assert all(
        issubclass(k, ToolkitError) for k in (DatasetError, VariableError, DesignError, EstimationError)
    )
