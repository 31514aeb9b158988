"""Units: factors against the analytes' molar masses, every way back, plausible ranges."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.messages import mentions
from toolkit.errors import VariableError
from toolkit.sources.harmonize.units import Conversion, conversion, other_units, plausible, spelled


@pytest.mark.parametrize(
    ("expected", "value", "unit", "into", "variable"),
    [
        # The two anchors that laboratories print beside each other: 48 mmol/mol is 6.5 %, 42 is 6.0 %.
        (6.5, 48, "mmol/mol", "%", "hba1c"),
        (6.0, 42, "mmol/mol", "%", "hba1c"),
        (9.6, 2.4, "mmol/L", "mg/dL", "serum_calcium"),
        (99.1, 5.5, "mmol/L", "mg/dL", "glucose"),
        (14.0, 5.0, "mmol/L", "mg/dL", "urea_nitrogen"),
        (30.0, 5.0, "mmol/L", "mg/dL", "urea"),
        (1.0, 88.4, "µmol/L", "mg/dL", "creatinine"),
        (4.0, 4.0, "mEq/L", "mmol/L", "serum_potassium"),
        (2.4, 4.8, "mEq/L", "mmol/L", "serum_calcium"),
        (1.5, 90, "min/day", "hours a day", "sitting_hours"),
        (98.6, 37, "°C", "°F", "temperature"),
        (72.6, 160, "lbs", "kg", "weight"),
    ],
)
def test_units_become_what_laboratories_print(
    expected: float, value: float, unit: str, into: str, variable: str
) -> None:
    way = conversion(unit, into, variable)
    assert expected == pytest.approx(value * way.times + way.plus, abs=0.05)


def test_the_same_units_have_another_factor_for_another_substance() -> None:
    factors = {
        name: conversion("mmol/L", "mg/dL", name).times for name in ("serum_calcium", "glucose", "urea")
    }
    assert {"serum_calcium": 4.0078, "glucose": 18.0156, "urea": 6.0056} == pytest.approx(factors)


def test_an_analyte_stands_for_a_name_of_ones_own() -> None:
    assert conversion("mmol/L", "mg/dL", "glucose") == conversion(
        "mmol/L", "mg/dL", "sugar_at_noon", "glucose"
    )


@given(st.floats(-1e6, 1e6), st.sampled_from([("mmol/mol", "%", "hba1c"), ("°F", "°C", ""), ("lb", "g", "")]))
def test_there_and_back_is_where_it_began(value: float, units: tuple[str, str, str]) -> None:
    way = conversion(*units)
    frame = pl.DataFrame({"x": [value]})
    back = frame.select(way.back.expression(way.expression(pl.col("x")))).item()
    assert value == pytest.approx(back, rel=1e-9, abs=1e-6)


def test_the_same_unit_leaves_every_bit_as_it_was() -> None:
    assert Conversion() == conversion("hours per day", "hours a day", "sitting_hours")


@pytest.mark.parametrize(
    ("remedy", "unit", "variable", "analyte"),
    [
        (("mmol/mol", "mmol"), "mg/dL", "hba1c", ""),
        ("'mmol/mol'", "mmol/mole", "hba1c", ""),
        ("'glucose'", "mmol/L", "sugar", "glucos"),
    ],
)
def test_a_unit_that_cannot_be_converted_names_those_that_can(
    remedy: str, unit: str, variable: str, analyte: str
) -> None:
    with pytest.raises(VariableError) as caught:
        conversion(unit, "%", variable, analyte)
    assert mentions(caught.value, remedy)


def test_moles_without_a_substance_are_refused() -> None:
    with pytest.raises(VariableError):
        conversion("mmol/L", "mg/dL", "sugar_at_noon")


def test_impossible_values_point_to_their_unit() -> None:
    assert (0.0, 24.0) == plausible("sitting_hours")
    assert "minutes" == other_units("sitting_hours", "hours a day", 120, 900)[0]
    assert [] == other_units("colour", "", 1, 2)


def test_an_unknown_unit_stays_as_it_is() -> None:
    assert "furlongs" == spelled("furlongs")
