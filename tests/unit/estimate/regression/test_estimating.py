"""Estimating equations are solved as statsmodels solves them, with errors clustered by the design."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions
from toolkit.estimate.regression.likelihoods import (
    CORRELATIONS,
    FAMILIES,
    gee,
    solve_equations,
    sort_clusters,
)


def visits(people: int = 150) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for person in range(people):
        own = rng.normal()
        for order in range(rng.integers(1, 7)):
            x = rng.normal()
            chance = 1 / (1 + np.exp(0.5 - 0.6 * x - 0.4 * (person % 2) - own))
            rows.append((person, order, x, person % 2, rng.random() < chance, 1.0 + person % 3))
    return pl.DataFrame(rows, schema=["person", "order", "x", "z", "y", "w"], orient="row")


def matrix(frame: pl.DataFrame) -> np.ndarray:
    return np.column_stack([np.ones(frame.height), frame["x"], frame["z"]])


@pytest.mark.parametrize("family", ["logit", "gaussian"])
@pytest.mark.parametrize("kind", ["independence", "exchangeable"])
def test_it_is_what_statsmodels_gives(kind: str, family: str) -> None:
    import statsmodels.api as sm

    frame, X = visits(), matrix(visits())
    structures = {
        "independence": sm.cov_struct.Independence(),
        "exchangeable": sm.cov_struct.Exchangeable(),
    }
    families = {"logit": sm.families.Binomial(), "gaussian": sm.families.Gaussian()}
    y = frame["y"].to_numpy().astype(float)
    model = sm.GEE(y, X, frame["person"].to_numpy(), family=families[family], cov_struct=structures[kind])
    peer = model.fit(maxiter=200, ctol=1e-12)
    _, within = sort_clusters(frame["person"].to_numpy(), frame["order"].to_numpy(), kind)
    ours = solve_equations(X, y, np.ones(len(y)), FAMILIES[family], within)
    # Its correlation has a correction for the number of coefficients.
    np.testing.assert_allclose(
        ours.points, peer.params, rtol=1e-9 if kind == "independence" else 2e-3, atol=1e-4
    )
    by_person = np.column_stack([np.bincount(within.of, column) for column in ours.influence.T])
    errors = np.sqrt(np.diag(by_person.T @ by_person))
    np.testing.assert_allclose(errors, peer.bse, rtol=1e-8 if kind == "independence" else 5e-3)


@pytest.mark.parametrize("kind", ["exchangeable", "ar1"])
def test_the_inverse_of_the_correlation_is_one(kind: str) -> None:
    alpha = 0.4
    _, within = sort_clusters(np.array([0, 0, 0, 0, 1, 2, 2.0]), np.arange(7.0), kind)
    same = within.of[:, None] == within.of
    apart = np.abs(np.subtract.outer(np.arange(7), np.arange(7)))
    R = np.where(same, alpha**apart if kind == "ar1" else np.where(apart == 0, 1, alpha), 0)
    found = gee.multiply_inverse(np.eye(7), alpha, within)
    np.testing.assert_allclose(found, np.linalg.inv(R), atol=1e-14)


@pytest.mark.parametrize("kind", CORRELATIONS)
def test_the_equations_are_solved(kind: str) -> None:
    """Their sum is zero at the points, whatever the correlation, by plain matrices cluster by cluster."""
    frame, X = visits(), matrix(visits())
    y, w = frame["y"].to_numpy().astype(float), frame["w"].to_numpy()
    _, within = sort_clusters(frame["person"].to_numpy(), frame["order"].to_numpy(), kind)
    found = solve_equations(X, y, w, FAMILIES["logit"], within)
    total = np.zeros(3)
    for person in np.unique(within.of):
        own = within.of == person
        mean = 1 / (1 + np.exp(-X[own] @ found.points))
        apart = np.abs(np.subtract.outer(np.arange(own.sum()), np.arange(own.sum())))
        R = found.correlation ** (apart if kind == "ar1" else apart > 0).astype(float)
        root = np.diag(np.sqrt(mean * (1 - mean)))
        D = X[own] * (mean * (1 - mean))[:, None]
        total += w[own][0] * D.T @ np.linalg.solve(root @ R @ root, y[own] - mean)
    assert np.abs(total).max() < 1e-8


def test_points_and_errors_of_a_study_are_those_of_its_records() -> None:
    cohort = tk.open_study("example-cohort")
    nights = tk.records(cohort, "diary")
    direct = tk.gee(cohort, "cramp ~ sex", section="diary", exponentiate=True)
    again = tk.gee(nights, "cramp ~ sex", exponentiate=True)
    assert direct.equals(again)
    assert {"odds_ratio", "coefficient"} == set(direct["estimand"])
    plain = tk.model(nights, "cramp ~ sex")
    independent = tk.gee(nights, "cramp ~ sex", correlation="independence")
    np.testing.assert_allclose(independent["std_error"], plain["std_error"], rtol=1e-8)


def test_by_and_domain_are_parts_of_the_records() -> None:
    cohort = tk.open_study("example-cohort")
    within = tk.gee(cohort, "any_cramps ~ age", by="sex").filter(sex="female")
    alone = tk.gee(cohort, "any_cramps ~ age", domain="sex == 'female'")
    for column in ("estimate", "std_error", "n", "df"):
        np.testing.assert_allclose(within[column], alone[column], rtol=1e-9)


@pytest.mark.parametrize(
    ("changed", "error", "remedy"),
    [
        ({"family": "cox"}, tk.EstimationError, "logit"),
        ({"correlation": "unstructured"}, tk.EstimationError, ("'unstructured'", "exchangeable")),
        ({"section": "nights"}, tk.EstimationError, ("'nights'", "visits", "diary")),
    ],
)
def test_what_cannot_be_asked_says_what_can(changed, error, remedy) -> None:
    with pytest.raises(error) as caught:
        tk.gee(tk.open_study("example-cohort"), "any_cramps ~ sex", **changed)
    assert mentions(caught.value, remedy)
