"""Splines are those of R's rms: straight beyond the outer knots, with knots where Harrell puts them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.estimate.regression import knots_at, spline

X = np.linspace(0, 20, 401)
PLACES = [2.0, 4.0, 8.0, 12.0]


def test_a_spline_is_straight_beyond_its_outer_knots_and_smooth_between() -> None:
    columns = spline(X, PLACES)
    bends = np.diff(columns, 2, axis=0)
    outside = (X[1:-1] < PLACES[0] - 0.05) | (X[1:-1] > PLACES[-1] + 0.05)
    assert np.abs(bends[outside]).max() < 1e-10
    assert np.abs(bends[~outside, 1:]).max() > 1e-4
    # The second derivative has no jump.
    assert np.abs(np.diff(bends, axis=0)).max() < np.abs(bends).max() / 10


def test_its_columns_span_the_natural_splines_of_scipy() -> None:
    from scipy.interpolate import CubicSpline

    columns = np.column_stack([np.ones_like(X), spline(X, PLACES)])
    natural = CubicSpline(PLACES, [1.0, 3.0, -2.0, 0.5], bc_type="natural")
    inside = (X >= PLACES[0]) & (X <= PLACES[-1])
    fitted, *_ = np.linalg.lstsq(columns[inside], natural(X[inside]))
    np.testing.assert_allclose(columns[inside] @ fitted, natural(X[inside]), atol=1e-10)


def test_knots_of_equal_weights_are_those_of_rms_or_refused() -> None:
    """Few values, and values tied at an end, have rules of their own; fewer knots are refused."""
    folder = Path(__file__).parents[3] / "reference" / "formulas"
    cases = json.loads((folder / "splines.json").read_text())
    found = json.loads((folder / "expected.json").read_text())["knots"]
    compared = 0
    for case, expected in zip(cases, found, strict=True):
        for count, knots in enumerate(expected["knots"], start=3):
            values = np.array(case["values"])
            if not knots:
                with pytest.raises(tk.ToolkitError, match=mentioning("knots")):
                    knots_at(values, np.ones(len(values)), count)
                continue
            compared += 1
            given = knots_at(values, np.full(len(values), 3.0), count)
            np.testing.assert_allclose(given, knots, rtol=1e-12, err_msg=f"{case['case']}, {count} knots")
    assert compared > 35


def test_knots_move_with_the_weights() -> None:
    values = np.arange(100.0)
    heavy = np.where(values < 50, 9.0, 1.0)
    assert knots_at(values, heavy, 3)[1] < 30
    assert pytest.approx(49.5) == knots_at(values, np.ones(100), 3)[1]


@pytest.mark.parametrize(
    ("formula", "remedy"),
    [
        ("HI_CHOL ~ rcs(age_mid)", "rcs(age, 4)"),
        ("HI_CHOL ~ rcs(age_mid, 20, 40)", "rcs(age, 30, 50, 70)"),
        ("HI_CHOL ~ log(rcs(age_mid, 4))", "rcs("),
        ("HI_CHOL ~ rcs(age_mid, race)", "rcs(age, 4)"),
        ("HI_CHOL ~ rcs(age_mid, 9)", ("3", "7", "rcs(age_mid")),
        ("HI_CHOL ~ rcs(race, 4)", "knots"),
    ],
)
def test_what_is_no_spline_says_how_to_write_one(formula, remedy, r_studies) -> None:
    with pytest.raises(tk.ToolkitError) as caught:
        tk.model(r_studies["nhanes"], formula)
    assert mentions(caught.value, remedy)


def test_a_formula_names_the_parts_of_a_spline(r_studies) -> None:
    study = r_studies["nhanes"].derive("female", pl.col("RIAGENDR") == 2)
    found = tk.model(study, "HI_CHOL ~ female * rcs(age_mid, 20, 40, 60)")
    assert [
        "intercept",
        "yes",
        "linear part",
        "nonlinear part 1",
        "yes:linear part",
        "yes:nonlinear part 1",
    ] == (found["level"].to_list())
    by_hand = study.derive(
        "bend", pl.col("age_mid").map_batches(lambda s: pl.Series(spline(s.to_numpy(), [20, 40, 60])[:, 1]),
                                              return_dtype=pl.Float64),
    )  # fmt: skip
    same = tk.model(by_hand, "HI_CHOL ~ female * age_mid + female * bend")
    np.testing.assert_allclose(sorted(found["estimate"]), sorted(same["estimate"]), rtol=1e-7)
