"""Standardised prevalences count all that moves them: equal to R's linearisation, near to a jackknife."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.errors import EstimationError, VariableError

FORMULA = "HI_CHOL ~ female + age_mid"


def equal(expected, found, rtol=1e-9):
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=rtol)


@pytest.fixture(scope="module")
def women_and_men(r_studies):
    whole = r_studies["nhanes"]
    people = whole.people.with_columns(female=(pl.col("RIAGENDR") == 2).cast(pl.Int64))
    return tk.study(people, design=whole.design, name="nhanes")


@pytest.fixture(scope="module")
def jackknife(women_and_men):
    return tk.replicates(women_and_men, method="JKn")


def test_standardised_prevalences_equal_r(women_and_men, expected):
    r = expected["nhanes/margins-logit"]["result"]
    found, matrix = tk.margins(women_and_men, FORMULA, "female", covariance=True)
    assert ["no", "yes"] == found["level"].to_list()
    assert {"standardised_prevalence"} == set(found["estimand"])
    equal(r["prevalence"], found["estimate"])
    equal(r["vcov_linearised"], matrix)
    equal(np.sqrt(np.diag(matrix)), found["std_error"])


@pytest.mark.parametrize(
    ("estimand", "point", "error"),
    [
        ("standardised_difference", "difference", "se_difference_linearised"),
        ("standardised_ratio", "log_ratio", "se_log_ratio_linearised"),
    ],
)
def test_ratio_and_difference_equal_r(estimand, point, error, women_and_men, expected):
    r = expected["nhanes/margins-logit"]["result"]
    asked = {"outcome": "HI_CHOL", "exposure": "female", "adjust": "age_mid", "estimand": estimand}
    row = tk.association(women_and_men, **asked).row(0, named=True)
    ratio = estimand == "standardised_ratio"
    equal(r[point], np.log(row["estimate"]) if ratio else row["estimate"])
    equal(r[error], row["std_error"])
    assert ("log" if ratio else "identity", "yes", "no") == (row["scale"], row["level"], row["reference"])
    same = tk.margins(women_and_men, FORMULA, "female", estimand=estimand).row(0, named=True)
    assert {**row, "adjust": ""} == {**same, "adjust": ""}


def test_a_jackknife_of_the_whole_agrees(women_and_men, jackknife, expected):
    """As the note of R's entry has it: leaving the covariance of the two parts out would miss by a sixth."""
    r = expected["nhanes/margins-logit"]
    linearised = tk.margins(women_and_men, FORMULA, "female", covariance=True)[1]
    frame, refitted = tk.margins(jackknife, FORMULA, "female", covariance=True)
    equal(linearised, refitted, 0.005)
    # The jackknife that the note tells, to the digits that it tells.
    told = [5.2535e-05, 1.4022e-05, 4.0188e-05]
    assert all(f"{number:.4e}" in r["note"] for number in told)
    equal(told, refitted[np.triu_indices(2)], 1e-4)
    assert {"31 JKn replicates"} == set(frame["variance"])


def test_a_model_without_adjustment_gives_the_prevalences_themselves(women_and_men):
    found, matrix = tk.margins(women_and_men, "HI_CHOL ~ female", "female", covariance=True)
    plain, theirs = tk.prevalence(women_and_men, outcome="HI_CHOL", by="female", covariance=True)
    equal(plain["estimate"], found["estimate"])
    np.testing.assert_allclose(theirs, matrix, rtol=1e-9, atol=1e-18)


def test_the_slope_of_a_straight_line_is_its_coefficient(women_and_men):
    formula = "age_mid ~ RIAGENDR + WTMEC2YR"
    slope = tk.margins(
        women_and_men, formula, "RIAGENDR", family="gaussian", estimand="average_marginal_effect"
    )
    per_unit = tk.margins(
        women_and_men, formula, "RIAGENDR", family="gaussian", estimand="standardised_difference"
    )
    row = tk.model(women_and_men, formula, family="gaussian").row(1, named=True)
    for found in (slope, per_unit):
        equal([row["estimate"], row["std_error"]], found.select("estimate", "std_error").row(0), 1e-8)
    assert "mean_difference" == per_unit["estimand"].item()


def test_the_average_slope_of_a_logit_is_its_derivative(women_and_men, jackknife):
    formula = "HI_CHOL ~ female * age_mid + I(age_mid ** 2)"
    asked = {"estimand": "average_marginal_effect"}
    found = tk.margins(women_and_men, formula, "age_mid", **asked).row(0, named=True)
    steps = [tk.predict(women_and_men, "HI_CHOL ~ age_mid", {"age_mid": at}) for at in (49.999, 50.001)]
    crude = tk.model(women_and_men, "HI_CHOL ~ age_mid")["estimate"][1]
    p = tk.predict(women_and_men, "HI_CHOL ~ age_mid", {"age_mid": 50})["estimate"].item()
    equal(crude * p * (1 - p), (steps[1]["estimate"].item() - steps[0]["estimate"].item()) / 0.002, 1e-6)
    again = tk.margins(jackknife, formula, "age_mid", **asked).row(0, named=True)
    equal(found["estimate"], again["estimate"])
    equal(found["std_error"], again["std_error"], 0.02)
    logit = tk.margins(women_and_men, "HI_CHOL ~ age_mid", "age_mid", **asked)["estimate"].item()
    people = women_and_men.people.drop_nulls("HI_CHOL")
    intercept, slope = tk.model(women_and_men, "HI_CHOL ~ age_mid")["estimate"]
    fitted = 1 / (1 + np.exp(-(intercept + slope * people["age_mid"].to_numpy())))
    equal(np.average(slope * fitted * (1 - fitted), weights=people["WTMEC2YR"].to_numpy()), logit, 1e-9)


def test_values_of_a_number_are_compared_with_the_first(women_and_men):
    asked = {"at": (30, 50, 70)}
    prevalence = tk.margins(women_and_men, FORMULA, "age_mid", **asked)
    ratio = tk.margins(women_and_men, FORMULA, "age_mid", estimand="standardised_ratio", **asked)
    assert ["30", "50", "70"] == prevalence["level"].to_list()
    assert [("50", "30"), ("70", "30")] == ratio.select("level", "reference").rows()
    p = prevalence["estimate"].to_numpy()
    equal(p[1:] / p[0], ratio["estimate"])


def test_predictions_stand_over_a_grid_with_their_covariance(women_and_men):
    grid = {"female": ("no", "yes"), "age_mid": (30, 60)}
    found, matrix = tk.predict(women_and_men, FORMULA, grid, covariance=True)
    assert [("no", "30"), ("no", "60"), ("yes", "30"), ("yes", "60")] == found.select(
        "female", "age_mid"
    ).rows()
    coefficients, theirs = tk.model(women_and_men, FORMULA, covariance=True)
    X = np.array([[1, 0, 30], [1, 0, 60], [1, 1, 30], [1, 1, 60]])
    p = 1 / (1 + np.exp(-X @ coefficients["estimate"].to_numpy()))
    J = X * (p * (1 - p))[:, None]
    equal(p, found["estimate"])
    equal(J @ theirs @ J.T, matrix)
    assert {"predicted_prevalence"} == set(found["estimand"])
    assert ((0 < found["conf_low"]) & (found["conf_high"] < 1)).all()


def test_what_is_not_named_is_averaged_over(women_and_men):
    found = tk.predict(women_and_men, FORMULA, {"female": ("no", "yes")})
    standardised = tk.margins(women_and_men, FORMULA, "female")
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        equal(standardised[column], found[column])


def test_groups_are_standardised_each_over_its_own_people(women_and_men):
    found, matrix = tk.margins(women_and_men, FORMULA, "female", by="race", covariance=True)
    alone = tk.margins(women_and_men, FORMULA, "female", domain="race == 2")
    own = found.filter(pl.col("race") == "2")
    equal(alone["estimate"], own["estimate"])
    equal(alone["std_error"], own["std_error"])
    equal(found["std_error"], np.sqrt(np.diag(matrix)))


def test_an_offset_stays_everyones_own(women_and_men):
    formula = "event ~ female + agecat"
    asked = {"family": "poisson", "offset": "log(follow_up)"}
    found = tk.margins(women_and_men, formula, "female", estimand="standardised_ratio", **asked)
    rate = tk.model(women_and_men, formula, **asked)
    equal(np.exp(rate["estimate"][1]), found["estimate"])


def test_a_level_that_nobody_has_stays_as_a_row(women_and_men):
    """The reference level has a row of its own in a standardised prevalence alone."""
    asked = {"outcome": "HI_CHOL", "exposure": "race", "adjust": "age_mid", "domain": "race != 3"}
    study = women_and_men.derive(
        "group", pl.col("race").cast(pl.Int64).cast(pl.String), levels=["1", "2", "3", "4"]
    )
    asked = {**asked, "exposure": "group"}
    found = tk.association(study, **asked, estimand="standardised_prevalence")
    assert ["1", "2", "3", "4"] == found["level"].to_list()
    assert [2] == found.with_row_index().filter(pl.col("reliability") == "failed")["index"].to_list()
    ratios = tk.association(study, **asked, estimand="standardised_ratio")
    assert ["2", "3", "4"] == ratios["level"].to_list()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"variable": "femal"}, VariableError, ("'femal'", "'female'")),
        ({"variable": "age_mid"}, VariableError, "at=(30, 50, 70)"),
        ({"at": (1, 2)}, VariableError, ("'female'", "at=")),
        (
            {"variable": "age_mid", "at": (1,), "estimand": "standardised_ratio"},
            VariableError,
            "two values",
        ),
        ({"estimand": "standardized_ratio"}, EstimationError, "'standardised_ratio'"),
        ({"estimand": "standardised_mean"}, EstimationError, "estimand='standardised_prevalence'"),
        ({"family": "firth"}, EstimationError, "family='logit'"),
    ],
)
def test_margins_that_cannot_be_are_told(options, error, message, women_and_men):
    asked = {"variable": "female", **options}
    with pytest.raises(error, match=mentioning(message)):
        tk.margins(women_and_men, FORMULA, **asked)


def test_a_ratio_of_means_is_left_to_models_of_counts(women_and_men):
    with pytest.raises(
        EstimationError, match=mentioning("'nights'", "family='poisson'", "exponentiate=True")
    ):
        tk.margins(
            women_and_men, "nights ~ female", "female", family="poisson", estimand="standardised_ratio"
        )


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ({"female": "maybe"}, ("'female'", "'maybe'", "no", "yes")),
        ({"age_mid": "old"}, ("'age_mid'", "'old'")),
        ({"HI_CHOL": "yes"}, ("'HI_CHOL'", "age_mid", "female")),
    ],
)
def test_predictions_of_what_is_not_there_are_told(at, message, women_and_men):
    with pytest.raises(VariableError, match=mentioning(message)):
        tk.predict(women_and_men, FORMULA, at)


def test_a_number_has_no_standardised_prevalence_of_its_own(women_and_men):
    asked = {"outcome": "HI_CHOL", "exposure": "age_mid", "adjust": ()}
    with pytest.raises(VariableError, match=mentioning("tk.margins(study", "at=", "standardised_ratio")):
        tk.association(women_and_men, **asked, estimand="standardised_prevalence")
    per_year = tk.association(women_and_men, **asked, estimand="standardised_ratio")
    assert ["per unit"] == per_year["level"].to_list()


def test_nobody_in_the_reference_is_told(women_and_men):
    study = women_and_men.derive(
        "group", pl.col("race").cast(pl.Int64).cast(pl.String), levels=["0", "1", "2", "3", "4"]
    )
    with pytest.raises(EstimationError, match=mentioning("'group'", "'0'", "'standardised_prevalence'")):
        tk.margins(study, "HI_CHOL ~ group", "group", estimand="standardised_difference")


def test_calibrated_weights_leave_residuals_of_margins(women_and_men):
    sexes = {"no": 135e6, "yes": 140e6}
    study = replace(women_and_men, design=women_and_men.design.calibrated({"female": sexes}))
    linearised = tk.margins(study, FORMULA, "female")
    again = tk.margins(tk.replicates(study, method="JKn"), FORMULA, "female")
    equal(linearised["estimate"], again["estimate"])
    equal(linearised["std_error"], again["std_error"], 0.01)
