"""Attributable fractions against their formula, a jackknife, and the limits of a shift."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.display.text.sentences import finding


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(3)
    n = 3_000
    age, hours = rng.integers(20, 80, n), rng.integers(0, 12, n)
    old = rng.random(n) < 0.2 + 0.3 * (age > 50)
    people = pl.DataFrame({
        "age": age.astype(float), "hours": hours.astype(float), "old": old, "sex": rng.choice(["f", "m"], n),
        "band": rng.choice(["low", "mid", "high"], n),
        "cramps": rng.random(n) < 0.1 + 0.2 * old + 0.02 * hours + 0.1 * (age > 60),
        "weight": rng.uniform(1, 3, n), "stratum": rng.integers(0, 15, n), "psu": rng.integers(0, 4, n),
    })  # fmt: skip
    design = tk.Design(weight="weight", strata="stratum", psu="psu")
    return tk.study(people, design=design, name="people", smallest_cell=0)


def test_the_crude_fraction_is_that_of_the_prevalences(study):
    found = tk.effects.impact(study, "cramps", "old", adjust=()).row(0, named=True)
    every = tk.prevalence(study, "cramps")["estimate"][0]
    reference = tk.prevalence(study, "cramps", domain="old == 'no'")["estimate"][0]
    assert found["estimate"] == pytest.approx(1 - reference / every, rel=1e-9)
    assert (found["estimand"], found["scale"]) == ("attributable_fraction", "identity")
    everyone = tk.effects.impact(study, "cramps", "old", level="yes", adjust=())["estimate"][0]
    exposed = tk.prevalence(study, "cramps", domain="old == 'yes'")["estimate"][0]
    assert everyone == pytest.approx(1 - exposed / every, rel=1e-9)
    assert everyone < 0


def test_the_adjusted_fraction_averages_the_predictions_of_the_model(study):
    found = tk.effects.impact(study, "cramps", "hours", shift=-1, adjust=("age",)).row(0, named=True)
    sample = tk.survey.design_matrix(study, "cramps ~ hours + age")
    b = tk.model(study, "cramps ~ hours + age")["estimate"].to_numpy()
    X = np.asarray(sample.X)
    lower = X.copy()
    lower[:, 1] = np.maximum(X[:, 1] - 1, X[:, 1].min())
    weights = np.asarray(sample.weights)
    seen, other = (np.average(1 / (1 + np.exp(-matrix @ b)), weights=weights) for matrix in (X, lower))
    assert found["estimate"] == pytest.approx(1 - other / seen, rel=1e-9)
    floored = np.average(X[:, 1] == X[:, 1].min(), weights=weights)
    assert f"{floored:.1%} of the participants stay" in found["reason"]


@pytest.mark.parametrize(
    ("exposure", "given"), [("old", {}), ("band", {"level": "mid"}), ("hours", {"shift": -1.0})]
)
def test_the_standard_error_is_that_of_a_jackknife(study, exposure, given):
    linearized = tk.effects.impact(study, "cramps", exposure, adjust=("age", "sex"), **given)
    jackknife = tk.survey.replicates(study, method="JKn")
    replicated = tk.effects.impact(jackknife, "cramps", exposure, adjust=("age", "sex"), **given)
    assert replicated["estimate"][0] == pytest.approx(linearized["estimate"][0], rel=1e-9)
    assert replicated["std_error"][0] == pytest.approx(linearized["std_error"][0], rel=0.05)


def test_groups_have_a_fraction_and_a_covariance_each(study):
    found, matrix = tk.effects.impact(study, "cramps", "old", adjust=("age",), by="sex", covariance=True)
    assert found["sex"].to_list() == ["f", "m"]
    assert np.sqrt(matrix.diagonal()) == pytest.approx(found["std_error"].to_numpy(), rel=1e-9)
    men = tk.effects.impact(study, "cramps", "old", adjust=("age",), domain="sex == 'm'")
    assert men["estimate"][0] == pytest.approx(found["estimate"][1], rel=1e-9)
    assert men["conf_low"][0] == pytest.approx(found["conf_low"][1], rel=1e-9)


def test_the_sentence_states_the_assumption(study):
    said = finding(tk.effects.impact(study, "cramps", "hours", shift=-1, adjust=("age",)))
    assert said.startswith("If the association of hours with cramps is causal (adjusted for age), ")
    assert "of the cases of cramps would not occur if hours were 1 unit less" in said
    assert "if nobody had old" in finding(tk.effects.impact(study, "cramps", "old", adjust=("age",)))
    more = tk.effects.impact(study, "cramps", "hours", shift=1, adjust=("age",))
    assert more["estimate"][0] < 0
    assert "additional cases" in finding(more)


@pytest.mark.parametrize(
    ("exposure", "given", "said"),
    [
        ("hours", {}, "shift=-1"),
        ("hours", {"shift": 0}, "shift=-1"),
        ("hours", {"shift": "-1"}, "finite number"),
        ("hours", {"shift": float("nan")}, "finite number"),
        ("old", {"shift": -1}, "is a category"),
    ],
)
def test_the_other_exposure_must_be_named(study, exposure, given, said):
    with pytest.raises(tk.VariableError, match=mentioning(said)):
        tk.effects.impact(study, "cramps", exposure, adjust=(), **given)


def test_a_shift_that_leaves_the_range_is_refused(study):
    with pytest.raises(tk.EstimationError, match=mentioning("out of the observed range, 0 to 11")):
        tk.effects.impact(study, "cramps", "hours", shift=-4, adjust=())


def test_the_share_at_the_end_of_the_range_is_that_of_the_own_group(study):
    # Nobody of the first group is a case, so that it has no model.
    people = study.people.with_columns(
        group=pl.when(pl.col("age") < 30).then(pl.lit("a")).otherwise(pl.lit("b"))
    ).with_columns(cramps=pl.col("cramps") & (pl.col("group") == "b"))
    own = tk.study(pl.DataFrame(people), design=study.design, name="groups of people", smallest_cell=0)
    found = tk.effects.impact(own, "cramps", "hours", shift=-1, adjust=(), by="group")
    alone = tk.effects.impact(own, "cramps", "hours", shift=-1, adjust=(), domain="group == 'b'")
    failed, estimated = found.to_dicts()
    assert failed["reliability"] == "failed"
    assert failed["estimand"] == "attributable_fraction"
    assert estimated["reason"] == alone["reason"][0]
    assert "stay at the end" in estimated["reason"]
