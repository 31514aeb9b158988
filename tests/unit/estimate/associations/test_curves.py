"""A curve is the model's spline, told against one value."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions

ASKED = {"outcome": "HI_CHOL", "exposure": "age_mid", "adjust": (), "knots": (20, 40, 60), "at": (25, 45, 65)}


@pytest.fixture(scope="module")
def study(r_studies):
    return r_studies["nhanes"].derive("female", pl.col("RIAGENDR") == 2)


def test_a_curve_is_that_of_the_model(study) -> None:
    from toolkit.estimate.regression import spline

    rows, covariance = tk.curve(study, **ASKED, reference=40, covariance=True)
    terms, matrix = tk.model(study, "HI_CHOL ~ rcs(age_mid, 20, 40, 60)", "poisson", covariance=True)
    contrast = spline(np.array([25.0, 45, 65]), [20, 40, 60]) - spline(np.array([40.0]), [20, 40, 60])
    beta = terms["estimate"].to_numpy()[1:]
    np.testing.assert_allclose(rows["estimate"][:3], np.exp(contrast @ beta), rtol=1e-10)
    errors = np.sqrt(np.diag(contrast @ matrix[1:, 1:] @ contrast.T))
    np.testing.assert_allclose(rows["std_error"][:3], errors, rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)[:3]), errors, rtol=1e-8)
    assert np.isnan(covariance[3:]).all()


def test_its_tests_are_walds(study) -> None:
    rows = tk.curve(study, **ASKED, reference=40, df="model")
    terms = tk.model(study, "HI_CHOL ~ rcs(age_mid, 20, 40, 60)", "poisson")
    overall, bends = rows.filter(estimand="term").rows(named=True)
    assert (2, 1) == (overall["df_numerator"], bends["df_numerator"])
    assert terms["statistic"][2] ** 2 == pytest.approx(bends["statistic"], rel=1e-8)
    assert terms["p_value"][2] == pytest.approx(bends["p_value"], rel=1e-8)


def test_the_reference_is_the_median_and_its_row_is_one(study) -> None:
    known = study.derive("known", pl.col("HI_CHOL").is_not_null())
    median = tk.quantile(known, "age_mid", 0.5, rule="hf7", domain="known")["estimate"].item()
    rows = tk.curve(study, **{**ASKED, "at": None})
    assert f"{float(f'{median:.3g}'):g}" == rows["reference"][0]
    assert 41 + 2 == rows.height
    own = tk.curve(study, **{**ASKED, "at": (40,)}, reference=40).row(0, named=True)
    assert (1.0, 0.0, 1.0, 1.0) == tuple(own[c] for c in ("estimate", "std_error", "conf_low", "conf_high"))


def test_differences_and_odds_have_their_scale(study) -> None:
    difference = tk.curve(study, **ASKED, reference=40, estimand="prevalence_difference").row(2, named=True)
    odds = tk.curve(study, **ASKED, reference=40, estimand="odds_ratio").row(2, named=True)
    assert ("identity", "log") == (difference["scale"], odds["scale"])
    assert 0 < difference["estimate"] < 1 < odds["estimate"]


def test_by_has_one_curve_a_level_with_the_same_knots(study) -> None:
    rows = tk.curve(study, **ASKED, reference=40, by="female")
    alone = tk.curve(study, **ASKED, reference=40, domain="female")
    within = rows.filter(female="yes")
    for column in ("estimate", "std_error", "n"):
        np.testing.assert_allclose(within[column][:3], alone[column][:3], rtol=1e-10)


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"exposure": "agecat"}, "tk.association(study, outcome='HI_CHOL', exposure='agecat'"),
        ({"knots": (20, 40)}, "knots=3"),
        ({"knots": 2}, ("3", "7")),
        ({"outcome": "nights"}, ("'nights'", "study.derive(", "family='gaussian'")),
        ({"adjust": ("age_mid",)}, "adjust=()"),
    ],
)
def test_what_has_no_curve_says_what_to_ask(changed, remedy, study) -> None:
    with pytest.raises(tk.ToolkitError) as caught:
        tk.curve(study, **{**ASKED, **changed})
    assert mentions(caught.value, remedy)
