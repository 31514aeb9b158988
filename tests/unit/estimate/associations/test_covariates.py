"""Covariates enter as asked or say why not, None means the diagram's set, and df are the design's."""

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from scipy.stats import f

import toolkit as tk
from tests.support.invented import crowded
from tests.support.messages import mentioning, mentions
from toolkit.dag import adjustment_for

ASKED = {"outcome": "any_cramps", "exposure": "diabetes_told"}


@pytest.fixture(scope="module")
def study():
    return tk.open_study("simulated")


# Covariates as they enter.


def village(**columns):
    """Two hundred people; more columns as asked."""
    random = np.random.default_rng(3)
    base = {
        "ill": random.random(200) < 0.4,
        "exposed": random.random(200) < 0.5,
        "age": random.integers(20, 80, 200).astype(float),
        "sex": random.choice(["f", "m"], 200),
    }
    return tk.study(pl.DataFrame({**base, **columns}), design=tk.Design.none(), name="village")


OWN = {"outcome": "ill", "exposure": "exposed"}


@pytest.mark.parametrize("constant", [["France"] * 200, [3.5] * 200])
def test_a_covariate_that_does_not_vary_is_dropped_with_the_reason(constant):
    study = village(country=constant)
    row = tk.association(study, **OWN, adjust=("country", "age")).row(0, named=True)
    assert ("age", "ok") == (row["adjust"], row["reliability"])
    assert mentions(row["reason"], "country")
    alone = tk.association(study, **OWN, adjust=("age",)).row(0, named=True)
    assert alone["estimate"] == row["estimate"]
    text = tk.finding(tk.association(study, **OWN, adjust=("country", "age")))
    assert "country" not in text


@pytest.mark.parametrize("estimand", ["standardised_ratio", "odds_ratio", "prevalence_difference"])
def test_it_is_dropped_for_every_estimand_and_estimator(estimand):
    study = village(country=["France"] * 200, dose=np.linspace(0, 1, 200))
    found = tk.association(study, **OWN, adjust=("country", "rcs(age, 4)"), estimand=estimand)
    assert {"rcs(age, 4)"} == set(found["adjust"])
    others = [
        tk.curve(study, outcome="ill", exposure="dose", adjust=("country", "sex")),
        tk.interaction(study, outcome="ill", exposures=("exposed", "sex"), adjust=("country", "age")),
        tk.trend(study, outcome="ill", over="dose", adjust=("country", "age")),
        tk.precision(study, outcome="ill", exposure="exposed", adjust=("country", "age")),
    ]
    for rows in others:
        assert not any("country" in text for text in rows["adjust"])
        assert all(mentions(text, "country") for text in rows["reason"])


def test_within_a_group_it_is_dropped_there_alone():
    random = np.random.default_rng(3)
    place = pl.Series(random.choice(["a", "b"], 200))
    north = [p == "a" and n % 2 == 0 for n, p in enumerate(place)]
    rows = tk.association(village(place=place, north=north), **OWN, adjust=("north", "age"), by="place")
    assert ["north, age", "age"] == rows["adjust"].to_list()
    assert rows["reason"][0] is None
    assert mentions(rows["reason"][1], "north")


def test_a_spline_of_few_values_has_fewer_knots_or_is_straight_and_says_so():
    random = np.random.default_rng(5)
    study = village(
        visits=random.choice([1.0, 2.0, 3.0, 4.0, 5.0], 200), twice=random.choice([1.0, 2.0], 200)
    )
    row = tk.association(study, **OWN, adjust="rcs(visits, 4)").row(0, named=True)
    assert "rcs(visits, 3)" == row["adjust"]
    assert mentions(row["reason"], "rcs(visits, 3)", "rcs(visits, 4)")
    assert "twice" == tk.association(study, **OWN, adjust="rcs(twice, 4)")["adjust"].item()


def test_a_spline_among_the_covariates_is_that_of_the_formula():
    study = village()
    ours = tk.association(study, **OWN, adjust=("rcs(age, 4)", "sex"), df="model", terms=True)
    model = tk.model(study, "ill ~ exposed + rcs(age, 4) + sex", "poisson")
    np.testing.assert_allclose(ours["estimate"], model["estimate"], rtol=1e-10)
    np.testing.assert_allclose(ours["std_error"], model["std_error"], rtol=1e-10)
    assert ours["level"].to_list() == model["level"].to_list()
    same = tk.margins(study, "ill ~ exposed + rcs(age, 4) + sex", "exposed", estimand="standardised_ratio")
    margin = tk.association(study, **OWN, adjust=("rcs(age, 4)", "sex"), estimand="standardised_ratio")
    np.testing.assert_allclose(same["std_error"], margin["std_error"], rtol=1e-9)


@pytest.mark.parametrize(
    ("adjust", "told"),
    [
        (("age", "rcs(age, 4)"), ("'age'", "'rcs(age, 4)'")),
        ("rcs(sex, 4)", "'sex'"),
        ("rcs(age, 30, 50)", "rcs(age, 4)"),
        ("rcs(age, 2)", "rcs(age, 2)"),
        ("rcs(ill, 4)", "'ill'"),
    ],
)
def test_a_spline_that_cannot_be_is_told(adjust, told):
    with pytest.raises(tk.ToolkitError, match=mentioning(told)):
        tk.association(village(), **OWN, adjust=adjust)


# What None means: test_default_adjustment.py.

EXPOSURES = (
    "diabetes_told", "arthritis", "stroke", "statin", "sitting_group", "alcohol_group", "joint_limitation",
    "serum_calcium", "kidney_disease", "season", "education", "age_group",
)  # fmt: skip
DOMAINS = ("", "age >= 20", "age >= 40 and sex == 'female'", "cycle == '2007-2008'")


@given(
    some.sampled_from(EXPOSURES),
    some.sampled_from(["any_cramps", "frequent_cramps"]),
    some.sampled_from(DOMAINS),
    some.sampled_from([None, "small", "full", "core", (), ("age", "sex")]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_flow_ends_at_the_estimates_n(study, exposure, outcome, domain, adjust):
    asked = {"outcome": outcome, "exposure": exposure, "domain": domain, "adjust": adjust}
    if exposure == "age_group" and adjust == ("age", "sex"):
        return
    try:
        rows = tk.association(study, **asked)
    except tk.EstimationError:
        return  # too few people of some level
    assert {tk.flow(study, **asked)["n_left"][-1]} == set(rows["n"])
    planned = tk.precision(study, **asked)
    assert set(rows["n"]) == set(planned["n"])


# Degrees of freedom.


def test_the_designs_degrees_of_freedom_are_the_default(study):
    row = tk.association(study, **ASKED).row(0, named=True)
    of_model = tk.association(study, **ASKED, df="model").row(0, named=True)
    assert row["df"] == of_model["df"] - 1 + len(tk.association(study, **ASKED, terms=True))
    assert row["std_error"] == of_model["std_error"]
    margin = tk.margins(study, "any_cramps ~ diabetes_told + age", "diabetes_told")
    assert {row["df"]} == set(margin["df"])
    assert tk.model(study, "any_cramps ~ diabetes_told + age")["df"][0] == row["df"] - 2
    assert tk.model(study, "any_cramps ~ diabetes_told + age", df="design")["df"][0] == row["df"]


def test_more_coefficients_than_degrees_of_freedom_are_for_review():
    study = crowded()
    asked = {
        "outcome": "cramps",
        "exposure": "region",
        "adjust": ("sex", "rcs(age, 5)", "rcs(nights, 4)", "rcs(month, 4)", "rcs(diary, 4)"),
    }
    row = tk.association(study, **asked).row(0, named=True)
    count = len(tk.association(study, **asked, terms=True))
    assert (17, 12) == (count, row["df"])
    assert "review" == row["reliability"]
    assert mentions(row["reason"], count, f"{row['df']:.0f}")
    with pytest.raises(tk.EstimationError, match=mentioning("df='design'")):
        tk.association(study, **asked, df="model")


def test_a_joint_test_uses_the_designs_degrees_of_freedom_less_the_terms_plus_one(study):
    model, design = (
        tk.term_test(study, "any_cramps ~ education + age", "education", df=df).row(0, named=True)
        for df in ("model", "design")
    )
    q, free = design["df_numerator"], tk.association(study, **ASKED)["df"].item()
    assert free - q + 1 == design["df"]
    assert design["statistic"] == pytest.approx(model["statistic"] * design["df"] / free)
    assert design["p_value"] == pytest.approx(f.sf(design["statistic"], q, design["df"]))


def test_an_adjustment_is_found_again_at_once(study):
    first = adjustment_for(study, **ASKED)
    assert adjustment_for(study, **ASKED) is first
    assert adjustment_for(study, **ASKED, size="full") is not first


def test_the_name_of_a_set_never_stands_for_a_variable() -> None:
    frame = pl.DataFrame(
        {"any_cramps": [0, 1, 1, 0] * 50, "diabetes_told": [0, 1] * 100, "sex": [0, 0, 1] * 66 + [1, 1]}
    )
    study = tk.study(frame, design=tk.Design.none())
    asked = {"outcome": "any_cramps", "exposure": "diabetes_told"}
    one = tk.adjustment_models(study, **asked, adjust=("sex",))
    assert set() == set(one.labels) & set(frame.columns)
    two = tk.adjustment_models(tk.open_study("simulated"), **asked)
    assert {"Model 1", "Model 2"} == set(two.labels.values())
