"""Cox models, intervals and design effects as in R, where weights are 0 or sum to no population.

tests/reference/agreement/expected.R makes the replicate weights and R's results.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.studies import Study

REFERENCE = Path(__file__).parents[3] / "reference"
EXPECTED: dict[str, Any] = json.loads((REFERENCE / "agreement" / "expected.json").read_text())
REPLICATES = {entry["design"]: entry for entry in EXPECTED["replicates"]}


@pytest.fixture(scope="module")
def schools() -> pl.DataFrame:
    people = pl.read_csv(
        REFERENCE / "r-survey" / "data" / "apiclus1.csv", schema_overrides={"cds": pl.String}
    )
    weights = pl.read_csv(REFERENCE / "agreement" / "replicates.csv", schema_overrides={"cds": pl.String})
    return people.join(weights.with_columns(pl.col("cds").str.zfill(14)), on="cds")


def replicated(schools: pl.DataFrame, entry: dict[str, Any]) -> Study:
    names = [f"{entry['design']}_{k + 1}" for k in range(entry["replicates"])]
    design = tk.Design(
        weight="pw",
        replicate_weights=names,
        replicate_method="other",
        replicate_scale=entry["scale"],
        replicate_rscales=entry["rscales"],
        mse=entry["mse"],
    )
    taken = schools.filter(pl.sum_horizontal(names) > 0)
    return tk.study(taken, design=design, name=entry["design"])


@pytest.mark.parametrize("name", REPLICATES)
def test_cox_models_with_replicates_that_empty_risk_sets_equal_r(name, schools) -> None:
    entry = REPLICATES[name]
    found = tk.model(replicated(schools, entry), "Surv(enroll, awards) ~ meals + ell", "cox", "enroll > 0")
    equal(entry["cox"]["estimate"], found["estimate"])
    equal(entry["cox"]["se"], found["std_error"])
    # svycoxph itself stops its replicates at a change of 1e-9 of the likelihood.
    equal(entry["cox"]["se_of_svycoxph"], found["std_error"], 1e-7)


@pytest.mark.parametrize("name", REPLICATES)
@pytest.mark.parametrize("interval", ["exact_logit", "xlogit", "korn-graubard", "wald", "arcsine"])
def test_intervals_of_proportions_with_replicates_equal_r(interval, name, schools) -> None:
    ours = interval.removeprefix("exact_")
    row = tk.prevalence(replicated(schools, REPLICATES[name]), outcome="awards", interval=ours)
    equal(REPLICATES[name]["proportion"]["estimate"], row["estimate"])
    equal(REPLICATES[name]["proportion"][interval], [row["conf_low"], row["conf_high"]])
    if ours == "logit":  # R's svyglm stops some steps early.
        equal(REPLICATES[name]["proportion"]["logit"], [row["conf_low"], row["conf_high"]], 2e-9)


def test_a_logit_interval_is_refused_where_a_replicate_has_only_cases() -> None:
    people = pl.DataFrame(
        {"y": [0, 1, 1, 1], "w": [1.0] * 4, "r1": [2.0, 0, 1, 1], "r2": [0.0, 2, 1, 1], "r3": [1.0, 1, 0, 2]}
    )
    design = tk.Design(weight="w", replicate_weights=["r1", "r2", "r3"], replicate_method="JK1")
    study = tk.study(people, design=design, name="four")
    row = tk.prevalence(study, outcome="y", interval="logit").row(0, named=True)
    assert (None, "failed") == (row["conf_low"], row["reliability"])
    assert mentions(row["reason"], "interval='korn-graubard'")
    assert 0.75 == pytest.approx(row["estimate"])
    assert tk.prevalence(study, outcome="y", interval="xlogit")["conf_low"].item() > 0


@pytest.mark.parametrize("weights", ["population", "normalized", "none"])
def test_design_effects_equal_r(weights, schools) -> None:
    """R's default where the weights sum to a population, and deff="replace" where they do not."""
    scale = pl.when(pl.col("stype") == "E").then(1.2).otherwise(0.7) * pl.col("pw")
    people = schools.with_columns(w=scale)
    if weights == "normalized":
        people = people.with_columns(pl.col("w") / pl.col("w").mean())
    design = tk.Design(weight="w", psu="dnum")
    if weights == "none":
        people = people.with_columns(w=pl.lit(1.0))
    study, r = tk.study(people, design=design, name=weights), EXPECTED["design_effects"][weights]
    equal(r["mean"], tk.mean(study, ["api00", "enroll"])["deff"])
    equal(r["share"], tk.prevalence(study, outcome="awards")["deff"])
    equal(r["total"], tk.total(study, "api00")["deff"])
    equal(r["domain"], tk.mean(study, "api00", domain="stype == 'E'")["deff"])
    equal(r["domain"], tk.mean(study, "api00", by="stype").filter(pl.col("stype") == "E")["deff"])


def test_a_simple_random_sample_without_weights_has_a_design_effect_of_one() -> None:
    rng = np.random.default_rng(3)
    study = tk.study(pl.DataFrame({"x": rng.normal(size=80)}), design=tk.Design.none(), name="simple")
    assert pytest.approx(1.0, rel=1e-12) == tk.mean(study, "x")["deff"].item()


def highest(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Maximize the log-binomial likelihood within its bounds, by scipy."""
    from scipy.optimize import minimize

    def lost(at: np.ndarray) -> float:
        eta = np.minimum(X @ at, -1e-12)
        return -float(y @ eta + (1 - y) @ np.log(-np.expm1(eta)))

    bounds = {"type": "ineq", "fun": lambda at: -X @ at, "jac": lambda _: -X}
    found = minimize(
        lost, [-1.5, 0.5], constraints=bounds, method="SLSQP", options={"ftol": 1e-14, "maxiter": 500}
    )
    return np.asarray(found.x)


def test_a_log_binomial_fit_on_the_boundary_is_refused_with_the_remedy() -> None:
    refused = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        x = rng.uniform(size=60)
        y = (rng.uniform(size=60) < np.exp(1.5 * x - 1.5)).astype(int)
        y[np.argsort(x)[-5:]] = 1
        X = np.column_stack([np.ones(60), x])
        expected = highest(X, y)
        study = tk.study(pl.DataFrame({"y": y, "x": x}), design=tk.Design.none(), name="boundary")
        if (X @ expected).max() < -1e-5:
            found = tk.model(study, "y ~ x", "log-binomial")
            np.testing.assert_allclose(found["estimate"], expected, rtol=1e-4)
            continue
        refused += 1
        with pytest.raises(tk.ToolkitError, match=mentioning("family='poisson'")):
            tk.model(study, "y ~ x", "log-binomial")
        assert "failed" not in tk.model(study, "y ~ x", "poisson")["reliability"]
    assert 4 < refused < 12


def test_a_level_of_cases_alone_is_on_the_boundary() -> None:
    people = pl.DataFrame({"y": [1] * 20 + [0, 1] * 10, "g": ["a"] * 20 + ["b"] * 20})
    with pytest.raises(tk.ToolkitError, match=mentioning("family='poisson'")):
        tk.model(tk.study(people, design=tk.Design.none()), "y ~ g", "log-binomial")
