"""Formulas: values against hand computation, unknown stays unknown, nothing else is let in."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import mentions
from toolkit.errors import VariableError
from toolkit.variables import formula

PEOPLE = pl.DataFrame(
    {
        "kg": [80.0, None, 70.0],
        "cm": [180.0, 170.0, 0.0],
        "sbp": [150, None, 120],
        "sex": pl.Series(["female", "male", None], dtype=pl.Enum(["male", "female"])),
        "came": [date(2024, 1, 1), date(2024, 1, 1), None],
        "left": [date(2024, 3, 1), None, date(2024, 1, 1)],
        "my column": [1.0, 2.0, 3.0],
    }
)


def values(text: str) -> list[object]:
    return PEOPLE.select(x=formula(text).expression(PEOPLE.schema))["x"].to_list()


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ([80 / 1.8**2, None, None], "kg / (cm / 100) ** 2"),
        ([-80.0, None, -70.0], "-kg"),
        ([True, None, False], "kg - cm > -150 and kg >= 75"),
        (["high", None, "low"], "when(sbp >= 140, 'high', 'low')"),
        (["high", None, None], "when(sbp >= 140, 'high')"),
        ([2.0, 1.0, None], "when(sex == 'female', 2, 1)"),
        ([False, True, False], "missing(sbp)"),
        ([80.0, None, 0.0], "min(kg, cm)"),
        ([60.0, None, None], "days(came, left)"),
        ([0.0, None, None], "when(sex == 'female', log(1))"),
        ([1.0, 2.0, 3.0], "abs(-`my column`)"),
        ([13.0, 13.0, None], "round(when(missing(cm), 1, sqrt(cm * 0 + cm / cm * 170)))"),
        ([True, False, None], "sex == 'female'"),
    ],
)
def test_formulas_give_what_a_hand_computes(expected: list[object], text: str) -> None:
    assert expected == values(text)


def test_nothing_infinite_comes_out() -> None:
    assert [None, None, None] == values("when(sex == 'female', exp(1000), log(0) / 0)")


def test_an_undecided_condition_leaves_the_later_ones_unknown() -> None:
    # Whoever has no blood pressure may be in the first group: the second must not be taken for them.
    assert ["b", None, "c"] == values("when(sbp < 100, 'a', sbp > 130, 'b', 'c')")


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_arithmetic_is_that_of_numbers(a: float, b: float) -> None:
    frame = pl.DataFrame({"a": [a], "b": [b]})
    found = frame.select(formula("(a + b) * (a - b) / 2").expression(frame.schema)).item()
    assert (a + b) * (a - b) / 2 == pytest.approx(found, rel=1e-12, abs=1e-9)


def test_what_a_formula_reads_and_gives_is_known_before_it_runs() -> None:
    parsed = formula("when(days(`day in`, out) > 30, 'long', missing(kg), 'unknown', 'short')")
    assert ("day in", "out", "kg") == parsed.names
    assert ("category", ("long", "unknown", "short")) == (parsed.result, parsed.levels)
    assert {"day in", "out"} == parsed.dates


@pytest.mark.parametrize(
    ("remedy", "text"),
    [
        ("'__import__'", "__import__('os')"),
        ("attribute", "kg.real"),
        ("lambda", "lambda: kg"),
        ("subscript", "kg[0]"),
        (("'min'", "'max'"), "mean(kg, cm)"),
        ("arguments", "when(kg > 1)"),
        ("arguments", "abs(kg, cm)"),
        ("100", "+".join(["kg"] * 150)),
        (("texts", "numbers"), "when(kg > 1, 'a', 2)"),
    ],
)
def test_what_is_not_of_the_language_is_refused(remedy: str, text: str) -> None:
    with pytest.raises(VariableError) as caught:
        formula(text)
    assert mentions(caught.value, remedy)


@pytest.mark.parametrize(
    ("remedy", "text"),
    [
        ("when(sex == 'yes', 1, 0)", "sex * 2"),
        ("'kg'", "kgs * 2"),
        ("dates", "days(kg, left)"),
        ("variable", "missing(1)"),
        ("in", "kg * 2 in [1, 2]"),
        ("number", "abs('a')"),
    ],
)
def test_what_the_columns_cannot_do_is_told(remedy: str, text: str) -> None:
    with pytest.raises(VariableError) as caught:
        values(text)
    assert mentions(caught.value, remedy)
