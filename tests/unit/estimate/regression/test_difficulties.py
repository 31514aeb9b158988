"""What the data cannot give is told once, with names, counts and what to do."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.errors import EstimationError
from toolkit.estimate.associations.models import association, model
from toolkit.estimate.regression import ONE, Matrix, Term
from toolkit.estimate.regression.fit_failures import Attempt, separating_terms
from toolkit.studies import Study

N = 400


@pytest.fixture(scope="module")
def hard() -> Study:
    rng = np.random.default_rng(0)
    age = rng.uniform(20, 80, N).round(1)
    cramps = rng.random(N) < 0.3
    education = rng.choice(["high", "low", "mid"], N)
    people = pl.DataFrame(
        {
            "w": rng.exponential(1, N) + 0.1,
            "stratum": np.repeat(np.arange(10), N // 10),
            "psu": np.tile([0, 1], N // 2),
            "age": age,
            "sex": rng.choice(["female", "male"], N),
            "education": education,
            "cramps": cramps,
            "exposed": rng.random(N) < 0.4,
            "nobody": np.zeros(N, bool),
            "old": age > 50,
            "rare": cramps & (education != "low"),
            "usual": cramps | (education == "low"),
            "twice": 2 * age + 1,
            "absent": pl.Series([None] * N, dtype=pl.Float64),
            "group": np.where(education == "mid", "mid", "any other"),
            "renamed": np.where(education == "low", "a low one", education),
        }
    )
    return tk.study(people, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="hard")


def refused(study: Study, **asked: object) -> str:
    given = {"outcome": "cramps", "exposure": "exposed", "adjust": (), **asked}
    with pytest.raises(EstimationError) as caught:
        association(study, **given)
    return str(caught.value)


def test_an_outcome_that_does_not_vary(hard) -> None:
    said = refused(hard, outcome="nobody")
    assert mentions(said, "'nobody'", "400", "'no'")
    assert mentions(said, "domain", "outcome")


def test_a_number_that_does_not_vary(hard) -> None:
    with pytest.raises(EstimationError, match=mentioning("'age'")):
        model(hard, "age ~ sex", "gaussian", domain=f"age == {hard.people['age'][0]}")


def test_an_exposure_with_one_level(hard) -> None:
    said = refused(hard, exposure="nobody")
    assert mentions(said, "'nobody'", "400", "'no'")
    assert mentions(said, "domain")


def test_a_number_with_one_value(hard) -> None:
    value = hard.people["age"].mode()[0]
    said = refused(hard, exposure="age", domain=f"age == {value}", estimand="prevalence_difference")
    assert mentions(said, "'age'")
    assert mentions(said, "domain")


def test_the_reference_level_is_missing(hard) -> None:
    said = refused(hard, exposure="education", domain="education != 'high'")
    assert mentions(said, "'education'", "'high'")
    assert mentions(said, "tk.association(..., reference='low')")


def test_another_level_is_missing_and_stays_as_a_failed_row(hard) -> None:
    rows = association(hard, outcome="cramps", exposure="education", adjust=(), domain="education != 'low'")
    assert ["failed", "ok"] == rows["reliability"].to_list()
    assert mentions(rows["reason"][0], "education: low")


@pytest.mark.parametrize("estimand", ["prevalence_ratio", "odds_ratio"])
def test_a_level_without_a_case(hard, estimand) -> None:
    low = hard.people["education"].eq("low").sum()
    for asked in ({"exposure": "education"}, {"adjust": ("education",)}):
        said = refused(hard, outcome="rare", estimand=estimand, **asked)
        assert mentions(said, "'rare'", "'yes'", low, "'education'", "'low'")
        assert mentions(said, "study.derive(...)")
        assert "estimand='prevalence_difference'" in said


def test_a_reference_without_a_case(hard) -> None:
    assert mentions(refused(hard, outcome="rare", exposure="renamed"), "'renamed'", "'a low one'")


def test_a_level_of_cases_alone_has_no_ratio(hard) -> None:
    """A level where everybody is a case adds nothing to a linearized variance, which is then too small."""
    low = hard.people["education"].eq("low").sum()
    said = refused(hard, outcome="usual", exposure="education", estimand="odds_ratio")
    assert mentions(said, "'usual'", "'yes'", low, "'education'", "'low'")
    rows = association(hard, outcome="usual", exposure="education", adjust=())
    assert ("failed", None) == (rows["reliability"][0], rows["estimate"][0])
    assert mentions(rows["reason"][0], "usual", "education: low")
    assert mentions(
        rows["reason"][0], "tk.model(study, 'usual ~ education', family='firth', exponentiate=True)"
    )


def test_a_difference_needs_no_case_in_each_level(hard) -> None:
    rows = association(
        hard, outcome="rare", exposure="education", adjust=(), estimand="prevalence_difference"
    )
    assert rows["estimate"][0] < 0


def test_perfect_separation_is_named(hard) -> None:
    said = refused(hard, outcome="old", exposure="age", adjust=("sex",), estimand="odds_ratio")
    assert mentions(said, "'old'", "'age'", "400")
    assert "tk.model(study, 'old ~ age + sex', family='firth', exponentiate=True)" in said


def test_quasi_separation_is_named(hard) -> None:
    people = hard.people.with_columns(
        step=pl.when(pl.col("age") > 50).then(1.0).when(pl.col("age") < 45).then(-1.0).otherwise(0.0)
    ).with_columns(older=pl.when(pl.col("step") != 0).then(pl.col("step") > 0).otherwise(pl.col("cramps")))
    study = tk.study(people, design=hard.design, name="quasi")
    said = refused(study, outcome="older", exposure="step", adjust=("sex",), estimand="odds_ratio")
    assert mentions(said, "'older'", "'step'")


@pytest.mark.parametrize("family", ["logit", "probit", "cloglog"])
def test_models_name_separation_too(hard, family) -> None:
    with pytest.raises(EstimationError, match=mentioning("'old'", "'age'", "400")):
        model(hard, "old ~ age", family)


def test_collinear_numbers_are_named(hard) -> None:
    said = refused(hard, exposure="age", adjust=("sex", "twice"))
    assert mentions(said, "'twice'", "'age'", "400")
    assert mentions(said, "'twice'")


def test_collinear_levels_are_named(hard) -> None:
    said = refused(hard, exposure="education", adjust=("group",))
    assert mentions(said, "'group: mid'", "'education: mid'", "400")


def test_fewer_degrees_of_freedom_than_coefficients(hard) -> None:
    said = refused(hard, exposure="education", adjust=("age", "sex"), domain="stratum < 2", df="model")
    assert mentions(said, "5 coefficients")
    assert mentions(said, "2", "80")
    assert "df='design'" in said


def test_few_degrees_of_freedom_are_for_review(hard) -> None:
    row = association(hard, outcome="cramps", exposure="exposed", adjust=(), domain="stratum < 5").row(
        0, named=True
    )
    assert "review" == row["reliability"]
    assert mentions(row["reason"], "5 degrees of freedom", 8)


def test_nobody_has_all_values(hard) -> None:
    said = refused(hard, adjust=("absent",))
    assert mentions(said, "400", "'absent'")
    assert "study.missing(...)" in said


def test_the_log_binomial_that_would_pass_1(hard) -> None:
    with pytest.raises(EstimationError, match=mentioning("'old'", "family='poisson'")):
        model(hard, "old ~ age", "log-binomial")


def test_what_fails_in_a_group_is_told_in_its_row(hard) -> None:
    rows = association(hard, outcome="rare", exposure="exposed", adjust=(), by="education")
    failed = rows.filter(pl.col("education") == "low").row(0, named=True)
    assert mentions(failed["reason"], "'rare'")
    assert ("failed", hard.people["education"].eq("low").sum()) == (failed["reliability"], failed["n"])


def test_separation_of_a_poisson_model_keeps_cases_where_they_are() -> None:
    X = np.column_stack([np.ones(6), [0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1]]).astype(float)
    terms = (ONE, Term("x", "x", "per unit", "per unit"), Term("z", "z", "per unit", "per unit"))
    y = np.array([1.0, 0, 2, 0, 0, 0])
    attempt = Attempt("y", "", "poisson", Matrix(X, terms), y, np.ones(6))
    assert ["z"] == [term.exposure for term in separating_terms(attempt)]
    finite = Attempt("y", "", "poisson", Matrix(X, terms), y + 1, np.ones(6))
    assert [] == separating_terms(finite)
