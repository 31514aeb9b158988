"""Firth's logit is the maximum of the penalised likelihood, with influence values that count the penalty."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.estimate.regression.likelihoods import fit_firth


def separated(n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(n), rng.normal(size=n), rng.random(n) < 0.2]).astype(float)
    y = ((X[:, 1] + rng.normal(size=n) > 0.5) | (X[:, 2] > 0)).astype(float)
    return X, y, rng.exponential(1, n) + 0.2


def penalised(beta: np.ndarray, X: np.ndarray, y: np.ndarray) -> float:
    p = 1 / (1 + np.exp(-X @ beta))
    information = (X * (p * (1 - p))[:, None]).T @ X
    return float(y @ np.log(p) + (1 - y) @ np.log(1 - p) + 0.5 * np.linalg.slogdet(information)[1])


def test_it_maximises_the_penalised_likelihood() -> None:
    X, y, _ = separated()
    ours = fit_firth(X, y, np.ones(len(y)), len(y)).points
    peer = minimize(lambda beta: -penalised(beta, X, y), np.zeros(3), tol=1e-12).x
    np.testing.assert_allclose(ours, peer, rtol=1e-6)
    for step in np.eye(3) * 1e-4:
        assert penalised(ours, X, y) > max(penalised(ours + step, X, y), penalised(ours - step, X, y))


def test_one_table_has_the_known_answer() -> None:
    """With one two-level term the penalty adds half a person to each cell (Firth 1993, section 3.3)."""
    counts = {(0, 0): 7, (0, 1): 3, (1, 0): 0, (1, 1): 5}
    rows = [(x, y) for (x, y), count in counts.items() for _ in range(count)]
    X = np.column_stack([np.ones(15), [x for x, _ in rows]])
    y = np.array([y for _, y in rows], float)
    expected = np.log(5.5 / 0.5) - np.log(3.5 / 7.5)
    assert expected == pytest.approx(fit_firth(X, y, np.ones(15), 15).points[1], rel=1e-12)


def test_influence_values_predict_the_step_of_a_changed_weight() -> None:
    X, y, weight = separated()
    ours = fit_firth(X, y, weight, len(y))
    moved = weight.copy()
    moved[3] *= 1 + 1e-6
    step = (fit_firth(X, y, moved, len(y)).points - ours.points) / 1e-6
    np.testing.assert_allclose(step, ours.influence[3], rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(ours.influence.sum(axis=0), 0, atol=1e-12)


def test_an_empty_level_is_refused_by_the_logit_with_firth_as_the_remedy() -> None:
    people = pl.DataFrame({"cramps": [0, 1] * 10 + [1] * 6, "group": ["a"] * 20 + ["b"] * 6})
    study = tk.study(people, design=tk.Design.none(), name="few")
    with pytest.raises(tk.EstimationError, match=mentioning("family='firth'")):
        tk.model(study, "cramps ~ group")
    row = tk.model(study, "cramps ~ group", "firth", exponentiate=True).row(1, named=True)
    assert 6.5 / 0.5 == pytest.approx(row["estimate"], rel=1e-12)
    assert ("odds_ratio", "log") == (row["estimand"], row["scale"])
    assert row["conf_low"] < row["estimate"] < row["conf_high"]


FIRTH = Path(__file__).parents[3] / "reference" / "firth"
EXPECTED = json.loads((FIRTH / "expected.json").read_text())
CLUSTERED = tk.Design(weight="w", strata="stratum", psu="psu")
FITS = {
    "table_120": ("y ~ g", tk.Design.none()),
    "several": ("y ~ x + z", tk.Design.none()),
    "numeric": ("y ~ x + z", tk.Design.none()),
    "clustered": ("y ~ g + age", CLUSTERED),
}


def separated_study(name: str) -> tk.Study:
    people = pl.read_csv(FIRTH / "data" / f"{name}.csv", infer_schema_length=None)
    return tk.study(people, design=FITS[name][1], name=name)


@pytest.mark.parametrize("name", FITS)
def test_a_separated_fit_equals_rs_brglm2_and_the_profile_penalized_likelihood(name: str) -> None:
    """At weight 1 and, on a design, with weights scaled to n / deff; 1e-7 because R stops there."""
    expected, study = EXPECTED[name], separated_study(name)
    rows, matrix = tk.model(study, FITS[name][0], "firth", covariance=True)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(rows[column], expected[column], rtol=1e-7, atol=1e-9, err_msg=column)
    np.testing.assert_allclose(matrix, expected["covariance"], rtol=1e-7, atol=1e-9)
    for column, own in (
        ("conf_low", "low"),
        ("conf_high", "high"),
        ("statistic", "statistic"),
        ("p_value", "p"),
    ):
        np.testing.assert_allclose(
            rows[column], expected["profile"][own], rtol=1e-7, atol=1e-9, err_msg=column
        )
    assert {"review"} == set(rows["reliability"])
    assert rows["df"].to_list() == [None] * rows.height
    np.testing.assert_allclose(rows["deff"], expected.get("deff", 1.0), rtol=1e-9)


def test_nobody_of_120_against_15_of_120_has_the_error_of_the_penalized_information() -> None:
    row = tk.model(separated_study("table_120"), "y ~ g", "firth").row(1, named=True)
    assert (3.567, 1.449) == (round(row["estimate"], 3), round(row["std_error"], 3))
    assert mentions(row["reason"], "'g: b'")
    assert row["variance"] == "inverse information, weights scaled to n / deff (1.00)"


def test_ratios_and_another_confidence_are_of_the_same_profile() -> None:
    study = separated_study("several")
    plain = tk.model(study, "y ~ x + z", "firth")
    ratios = tk.model(study, "y ~ x + z", "firth", exponentiate=True)
    np.testing.assert_allclose(np.log(ratios["conf_low"][1:]), plain["conf_low"][1:], rtol=1e-9)
    narrow = tk.model(study, "y ~ x + z", "firth", confidence=0.5)
    assert (narrow["conf_low"] > plain["conf_low"]).all()
    assert (narrow["conf_high"] < plain["conf_high"]).all()


def test_a_separated_fit_with_replicate_weights_has_the_same_rule() -> None:
    study = separated_study("clustered")
    plain, again = (
        tk.model(one, "y ~ g + age", "firth") for one in (study, tk.replicates(study, method="JKn"))
    )
    assert {"review"} == set(again["reliability"])
    np.testing.assert_allclose(again["std_error"], plain["std_error"], rtol=0.1)


def test_a_fit_that_is_not_separated_keeps_linearization() -> None:
    study = separated_study("clustered")
    rows = tk.model(study, "y ~ g + age", "firth", domain="g != 'a'")
    assert ({"linearised"}, {"ok"}) == (set(rows["variance"]), set(rows["reliability"]))
    assert rows["df"].to_list() == [6.0] * 3
