import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from toolkit.estimate.models import association, model
from toolkit.studies import Study

GLM = {
    "logit": ("HI_CHOL ~ race + agecat + female", "logit"),
    "poisson": ("HI_CHOL ~ race + agecat + female", "poisson"),
    "identity": ("HI_CHOL ~ female + age_mid", "gaussian"),
    "gaussian": ("age_mid ~ race + female", "gaussian"),
    "count": ("nights ~ female + agecat", "poisson"),
    "offset": ("event ~ female + agecat", "poisson"),
    "interact": ("HI_CHOL ~ female * agecat", "logit"),
    "polynomial": ("HI_CHOL ~ female + I(age_mid / 10) + I((age_mid / 10) ** 2)", "logit"),
    "cloglog": ("HI_CHOL ~ female + age_mid", "cloglog"),
    "probit": ("HI_CHOL ~ female + age_mid", "probit"),
    "logbinom": ("HI_CHOL ~ female + I((age_mid - 40) / 10)", "log-binomial"),
}
DOMAINS = {"women": "RIAGENDR == 2", "old_women": "RIAGENDR == 2 and agecat == '(59,Inf]'"}


@pytest.fixture(scope="session")
def nhanes_of_r(r_studies) -> Study:
    study = r_studies["nhanes"]
    people = study.people.with_columns(female=(pl.col("RIAGENDR") == 2), race=pl.col("race").cast(pl.String))
    return tk.study(people, design=study.design, name="nhanes of R")


def assert_same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    # Sums of weights by cell differ in the last bit from run to run, as threads take turns.
    assert_frame_equal(left, right, rel_tol=1e-11, abs_tol=1e-14)


def assert_equals_r(frame: pl.DataFrame, covariance: np.ndarray, r: dict) -> None:
    stat = r["stat"]
    np.testing.assert_allclose(frame["estimate"], stat["estimate"], rtol=1e-9)
    np.testing.assert_allclose(frame["std_error"], stat["se"], rtol=1e-9)
    np.testing.assert_allclose(covariance.ravel(), stat["vcov"], rtol=1e-9)
    np.testing.assert_allclose(frame["conf_low"], r["ci"]["low"], rtol=1e-9)
    np.testing.assert_allclose(frame["conf_high"], r["ci"]["high"], rtol=1e-9)
    assert [r["df_residual"]] == frame["df"].unique().to_list()
    if "n" in r:
        assert [r["n"]] == frame["n"].unique().to_list()


@pytest.mark.parametrize("name", GLM)
def test_models_equal_r(name, nhanes_of_r, expected) -> None:
    formula, family = GLM[name]
    offset = "log(follow_up)" if name == "offset" else None
    found = model(nhanes_of_r, formula, family, offset=offset, covariance=True)
    assert_equals_r(*found, expected[f"nhanes/glm-{name}-all"]["result"])


@pytest.mark.parametrize("domain", DOMAINS)
def test_models_of_a_domain_equal_r(domain, nhanes_of_r, expected) -> None:
    found = model(nhanes_of_r, "HI_CHOL ~ race + age_mid", "logit", DOMAINS[domain], covariance=True)
    assert_equals_r(*found, expected[f"nhanes/glm-logit-domain-{domain}"]["result"])


@pytest.mark.parametrize("name", ["apisrs", "apistrat", "apiclus1", "apiclus2", "apinone"])
def test_linear_models_of_every_design_equal_r(name, r_studies, expected) -> None:
    found = model(r_studies[name], "api00 ~ ell + meals + mobility", "gaussian", covariance=True)
    assert_equals_r(*found, expected[f"{name}/linear"]["result"])


def test_an_association_shows_the_coefficients_of_its_model(nhanes_of_r) -> None:
    asked = {"outcome": "HI_CHOL", "exposure": "race", "adjust": ("agecat", "female")}
    rows = association(nhanes_of_r, **asked)
    terms = association(nhanes_of_r, **asked, terms=True)
    same = model(nhanes_of_r, "HI_CHOL ~ race + agecat + female", "poisson")
    assert_same(terms.drop("adjust"), same.drop("adjust"))
    assert rows["level"].to_list() == ["2", "3", "4"]
    np.testing.assert_allclose(rows["estimate"], np.exp(terms["estimate"][1:4]), rtol=1e-14)
    np.testing.assert_allclose(rows["conf_low"], np.exp(terms["conf_low"][1:4]), rtol=1e-14)
    assert rows["std_error"].to_list() == terms["std_error"][1:4].to_list()
    assert rows["scale"].unique().to_list() == ["log"]


def test_a_row_says_all_that_a_chart_needs(nhanes_of_r) -> None:
    row = association(
        nhanes_of_r, outcome="HI_CHOL", exposure="female", adjust=("age_mid", "race"), domain="age_mid >= 20"
    ).row(0, named=True)
    assert {
        "study": "nhanes of R",
        "domain": "age_mid >= 20",
        "estimand": "prevalence_ratio",
        "outcome": "HI_CHOL",
        "exposure": "female",
        "level": "yes",
        "reference": "no",
        "adjust": "age_mid, race",
        "scale": "log",
        "conf_level": 0.95,
        "weight": "WTMEC2YR",
        "variance": "linearised",
        "reliability": "ok",
    }.items() <= row.items()


def test_a_number_has_one_row_per_unit(nhanes_of_r) -> None:
    row = association(nhanes_of_r, outcome="HI_CHOL", exposure="age_mid", adjust=(), estimand="odds_ratio")
    assert ["per unit"] == row["level"].to_list()
    assert [None] == row["reference"].to_list()
    assert row["estimate"].item() > 1


def test_by_fits_within_each_level_as_a_domain(nhanes_of_r) -> None:
    asked = {"outcome": "HI_CHOL", "exposure": "female", "adjust": ("age_mid",)}
    rows = association(nhanes_of_r, **asked, by="race")
    assert ["1", "2", "3", "4"] == rows["race"].to_list()
    for level in ("1", "4"):
        alone = association(nhanes_of_r, **asked, domain=f"race == '{level}'")
        within = rows.filter(pl.col("race") == level)
        assert_same(alone.drop("domain"), within.drop("race", "domain"))


def test_what_fails_in_one_level_stays_as_a_row(nhanes_of_r) -> None:
    rows = association(
        nhanes_of_r,
        outcome="HI_CHOL",
        exposure="female",
        adjust=(),
        domain="agecat != '(39,59]'",
        by="agecat",
    )
    failed = rows.filter(pl.col("agecat") == "(39,59]").row(0, named=True)
    assert ("failed", 0, None) == (failed["reliability"], failed["n"], failed["estimate"])
    assert "nobody" in failed["reason"]
    assert 3 == rows["estimate"].drop_nulls().len()


def test_the_covariance_spans_groups_and_leaves_failed_rows_out(nhanes_of_r) -> None:
    asked = {"outcome": "HI_CHOL", "exposure": "female", "adjust": (), "covariance": True}
    rows, matrix = association(nhanes_of_r, **asked, domain="agecat != '(39,59]'", by="agecat")
    np.testing.assert_allclose(np.sqrt(np.diag(matrix)), rows["std_error"].to_numpy(), rtol=1e-12)
    assert [False, False, True, False] == np.isnan(np.diag(matrix)).tolist()
    assert abs(matrix[0, 1]) > 0
