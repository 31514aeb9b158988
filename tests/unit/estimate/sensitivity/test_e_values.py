"""E-values against published ones and identities, and what omitting covariates does."""

import json
from math import exp, sqrt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.estimate.sensitivity import risk_ratios

PUBLISHED = json.loads(Path("tests/reference/bias/published.json").read_text(encoding="utf-8"))["e_values"]


def people(seed=5, n=1_500):
    """Draw people with a common and a rare outcome, an exposure and two confounders."""
    rng = np.random.default_rng(seed)
    age, heavy = rng.integers(20, 80, n), rng.random(n) < 0.4
    old = rng.random(n) < (0.2 + 0.4 * (age > 50))
    risk = 0.15 + 0.2 * old + 0.15 * (age > 60) + 0.1 * heavy
    return pl.DataFrame({
        "age": age.astype(float), "heavy": heavy, "old": old, "common": rng.random(n) < risk,
        "rare": rng.random(n) < risk / 6, "weight": rng.uniform(1, 3, n), "stratum": rng.integers(0, 12, n),
        "psu": rng.integers(0, 3, n), "score": 50 + 5.0 * old + rng.normal(0, 10, n),
    })  # fmt: skip


@pytest.fixture(scope="module")
def study():
    design = tk.Design(weight="weight", strata="stratum", psu="psu")
    return tk.study(people(), design=design, name="people", smallest_cell=0)


def e_value(ratio):
    ratio = max(ratio, 1 / ratio)
    return ratio + sqrt(ratio * (ratio - 1))


def test_the_published_example():
    found = risk_ratios.RiskRatio(*PUBLISHED["ratio"], "")
    assert found.e_value == pytest.approx(PUBLISHED["e_value"], abs=0.005)
    assert found.e_value_limit == pytest.approx(PUBLISHED["e_value_limit"], abs=0.005)


def test_ratios_are_used_as_they_are_and_a_limit_beyond_the_null_is_1(study):
    for estimand in ("prevalence_ratio", "standardised_ratio"):
        found = tk.association(study, "common", "old", adjust=("age",), estimand=estimand)
        row = tk.sensitivity(found).row(0, named=True)
        assert row["e_value"] == pytest.approx(e_value(found["estimate"][0]))
        assert row["e_value_limit"] == pytest.approx(e_value(found["conf_low"][0]))
    turned = tk.association(study, "common", "old", adjust=("age",), reference="yes")
    row = tk.sensitivity(turned).row(0, named=True)
    assert row["e_value"] == pytest.approx(e_value(turned["estimate"][0]))
    assert row["e_value_limit"] == pytest.approx(e_value(turned["conf_high"][0]))
    weak = tk.association(study, "rare", "heavy", adjust=())
    if weak["conf_low"][0] < 1 < weak["conf_high"][0]:
        assert tk.sensitivity(weak)["e_value_limit"][0] == 1.0


def test_the_odds_ratio_of_a_common_outcome_is_standardized_and_of_a_rare_one_not(study):
    odds = tk.association(study, "common", "old", adjust=("age",), estimand="odds_ratio")
    standardized = tk.association(study, "common", "old", adjust=("age",), estimand="standardised_ratio")
    row = tk.sensitivity(odds).row(0, named=True)
    assert row["ratio"] == pytest.approx(standardized["estimate"][0], rel=1e-9)
    assert "standardized to a prevalence ratio" in row["conversion"]
    model = tk.model(study, "common ~ old + age", exponentiate=True)
    old = tk.sensitivity(tk.Estimates(model.filter(pl.col("exposure") == "old"))).row(0, named=True)
    own = model.filter(pl.col("exposure") == "old")["estimate"][0]
    assert old["ratio"] == pytest.approx(sqrt(own))
    assert "square root" in old["conversion"]
    rare = tk.association(study, "rare", "old", adjust=("age",), estimand="odds_ratio")
    assert tk.sensitivity(rare)["ratio"][0] == pytest.approx(rare["estimate"][0])


def test_a_difference_has_the_bias_factor_of_its_ratio_and_of_its_limit(study):
    found = tk.association(study, "common", "old", adjust=(), estimand="prevalence_difference")
    prevalences, matrix = tk.association(
        study, "common", "old", adjust=(), estimand="standardised_prevalence", covariance=True
    )
    (no, yes) = prevalences["estimate"]
    row = tk.sensitivity(found).row(0, named=True)
    assert row["e_value"] == pytest.approx(e_value(yes / no), rel=1e-9)
    # At the bias factor of the limit the lower limit of the corrected difference is 0.
    bias, share = row["ratio_low"], tk.prevalence(study, "old", interval="wald")
    f, quantile = share["estimate"][0], (found["estimate"][0] - found["conf_low"][0]) / found["std_error"][0]
    scale, difference = f + (1 - f) / bias, yes - no * bias
    variance = (matrix[1, 1] + bias**2 * matrix[0, 0] - 2 * bias * matrix[0, 1]) * scale**2
    variance += (difference * (1 - 1 / bias)) ** 2 * share["std_error"][0] ** 2
    assert difference * scale - quantile * sqrt(variance) == pytest.approx(0, abs=1e-6)
    turned = tk.association(
        study, "common", "old", adjust=(), estimand="prevalence_difference", reference="yes"
    )
    assert tk.sensitivity(turned)["e_value"][0] == pytest.approx(row["e_value"], rel=1e-9)


def test_hazard_ratios_and_differences_of_means_are_converted_as_published(study):
    hazard = risk_ratios.from_hazard_ratio((0.5, 0.4, 0.7))
    assert hazard.point == pytest.approx((1 - 0.5 ** sqrt(0.5)) / (1 - 0.5 ** sqrt(2)))
    found = tk.tests.t_test(study, "score", "old")
    row = tk.sensitivity(found).row(0, named=True)
    weights, values = people()["weight"].to_numpy(), people()["score"].to_numpy()
    deviation = sqrt(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights))
    assert row["ratio"] == pytest.approx(exp(0.91 * found["estimate"][0] / deviation), rel=1e-9)


def test_each_covariate_is_omitted_among_the_same_people(study):
    gaps = study.people.with_columns(
        heavy=pl.when(pl.int_range(pl.len()) % 5 == 0).then(None).otherwise(pl.col("heavy"))
    )
    partly = tk.study(gaps, design=study.design, name="partly", smallest_cell=0)
    found = tk.association(partly, "common", "old", adjust=("age", "heavy"))
    rows = tk.sensitivity(found)
    assert rows["omitted"].to_list() == [None, "age", "heavy"]
    without = tk.association(partly, "common", "old", adjust=("age",), complete="heavy")
    assert rows["estimate"][2] == pytest.approx(without["estimate"][0], rel=1e-12)
    assert rows["change"][2] == pytest.approx(without["estimate"][0] / found["estimate"][0], rel=1e-12)
    assert tk.sensitivity(found, omit=False).height == 1


def test_a_continuous_exposure_needs_a_contrast(study):
    found = tk.association(study, "common", "age", adjust=())
    with pytest.raises(tk.VariableError, match=mentioning("contrast=10")):
        tk.sensitivity(found)
    row = tk.sensitivity(found, contrast=10).row(0, named=True)
    assert row["ratio"] == pytest.approx(found["estimate"][0] ** 10)
    assert row["contrast"] == 10
    lower = tk.sensitivity(found, contrast=-10).row(0, named=True)
    assert lower["e_value"] == pytest.approx(row["e_value"])


def test_reverse_causation_is_said_in_place_of_an_e_value():
    study = tk.open_study("simulated")
    assert any(gap.reverse for gap in tk.adjustment_for(study, "any_cramps", "diuretic").unmeasured)
    found = tk.association(study, "any_cramps", "diuretic", domain="age >= 20", adjust=("age", "sex"))
    row = tk.sensitivity(found).row(0, named=True)
    assert row["e_value"] is None
    assert "reverse causation" in row["reason"]


def test_what_has_no_e_value_is_refused(study):
    with pytest.raises(tk.EstimationError, match=mentioning("needs a ratio or difference")):
        tk.sensitivity(tk.prevalence(study, "common"))
    few = tk.study(people().head(25), design=tk.Design.none(), name="twenty-five people")
    found = tk.association(few, "common", "old", adjust=())
    hidden = tk.Estimates(pl.DataFrame(found).with_columns(
        pl.lit(None, pl.Float64).alias("conf_low"), pl.lit("failed").alias("reliability")
    ))  # fmt: skip
    with pytest.raises(tk.EstimationError, match=mentioning("interval that may be shown")):
        tk.sensitivity(hidden)


def test_published_numbers_need_no_study(study):
    found = tk.association(study, "common", "old", adjust=("age",))
    numbers = zip(("estimate", "conf_low", "conf_high"), PUBLISHED["ratio"], strict=True)
    published = found.with_columns(pl.lit(number).alias(name) for name, number in numbers)
    row = tk.sensitivity(published).row(0, named=True)
    assert row["e_value"] == pytest.approx(PUBLISHED["e_value"], abs=0.005)
    assert row["e_value_limit"] == pytest.approx(PUBLISHED["e_value_limit"], abs=0.005)
    assert "reverse causation is not checked" in row["reason"]
    assert tk.sensitivity(found)["reason"][0] == found["reason"][0]
    difference = tk.association(study, "common", "old", adjust=("age",), estimand="prevalence_difference")
    with pytest.raises(tk.EstimationError, match=mentioning("as it was returned")):
        tk.sensitivity(difference.filter(level="yes"))


def test_what_is_not_a_result_is_refused(study):
    found = tk.association(study, "common", "age", adjust=())
    for wrong in (study, None, found.to_pandas(), found.select("estimate"), pl.DataFrame()):
        with pytest.raises(tk.EstimationError, match=mentioning(("result rows", type(wrong).__name__))):
            tk.sensitivity(wrong)
    for contrast in ("5", True, float("inf"), float("nan")):
        with pytest.raises(tk.VariableError, match=mentioning(("contrast", "finite number"))):
            tk.sensitivity(found, contrast=contrast)
