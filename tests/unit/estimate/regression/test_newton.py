import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk
from toolkit.estimate.regression import FAMILIES, CollinearError, NotConvergedError, family_named, fit_glm

LINKS = sm.families.links
PEERS = {
    "logit": sm.families.Binomial(),
    "poisson": sm.families.Poisson(),
    "gaussian": sm.families.Gaussian(),
}
TWICE_DERIVED = {
    "probit": sm.families.Binomial(LINKS.Probit()),
    "cloglog": sm.families.Binomial(LINKS.CLogLog()),
}


def people(seed: int = 1, n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=n), rng.integers(0, 2, (n, 3))])
    chance = 1 / (1 + np.exp(-(-1 + 0.4 * X[:, 1] + 0.3 * X[:, 2])))
    return X, (rng.random(n) < chance).astype(float), rng.exponential(1, n) + 0.1


@pytest.mark.parametrize("weights", ["none", "var_weights", "freq_weights"])
@pytest.mark.parametrize("family", PEERS)
def test_points_equal_statsmodels(family: str, weights: str) -> None:
    X, y, weight = people()
    given = {} if weights == "none" else {weights: weight}
    ours = fit_glm(X, y, np.ones_like(y) if weights == "none" else weight, family_named(family))
    # Its own tests of convergence stop early: one more round from its end gives its last digits.
    first = sm.GLM(y, X, PEERS[family], **given).fit(tol=1e-15, maxiter=50)
    peer = sm.GLM(y, X, PEERS[family], **given).fit(start_params=first.params, tol=0, maxiter=3)
    np.testing.assert_allclose(ours.points, peer.params, rtol=1e-12)


@pytest.mark.parametrize("family", TWICE_DERIVED)
def test_the_score_is_zero_for_links_that_are_not_canonical(family: str) -> None:
    X, y, weight = people()
    ours = fit_glm(X, y, weight, family_named(family))
    model = sm.GLM(y, X, TWICE_DERIVED[family], var_weights=weight)
    size = weight @ np.abs(X)
    assert np.abs(model.score(ours.points) / size).max() < 1e-12


def test_the_bread_is_the_inverse_of_the_information() -> None:
    X, y, weight = people()
    ours = fit_glm(X, y, weight, FAMILIES["logit"])
    mean = FAMILIES["logit"].mean(X @ ours.points)
    working = weight * mean * (1 - mean)
    np.testing.assert_allclose(ours.bread @ (X.T * working) @ X, np.eye(5), atol=1e-12)


def test_influence_values_sum_to_zero_and_predict_the_step_of_a_changed_weight() -> None:
    X, y, weight = people(n=400)
    ours = fit_glm(X, y, weight, FAMILIES["logit"])
    moved = weight.copy()
    moved[7] += 1e-6 * weight[7]
    step = (fit_glm(X, y, moved, FAMILIES["logit"]).points - ours.points) / 1e-6
    np.testing.assert_allclose(ours.influence.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(step, ours.influence[7], rtol=1e-4)


def test_an_offset_has_the_coefficient_one() -> None:
    X, _, weight = people()
    rng = np.random.default_rng(2)
    years = rng.uniform(1, 9, len(X))
    count = rng.poisson(years * np.exp(0.1 * X[:, 1])).astype(float)
    ours = fit_glm(X, count, weight, FAMILIES["poisson"], offset=np.log(years))
    peer = sm.GLM(count, X, PEERS["poisson"], var_weights=weight, offset=np.log(years)).fit(tol=1e-15)
    np.testing.assert_allclose(ours.points, peer.params, rtol=1e-11)


def test_cells_give_what_their_rows_give() -> None:
    X, y, weight = people()
    X[:, 1] = np.round(X[:, 1])
    rows = fit_glm(X, y, weight, FAMILIES["poisson"])
    patterns, of = np.unique(np.column_stack([X, y]), axis=0, return_inverse=True)
    cells = fit_glm(patterns[:, :-1], patterns[:, -1], np.bincount(of, weight), FAMILIES["poisson"])
    summed = np.column_stack([np.bincount(of, rows.influence[:, j]) for j in range(5)])
    np.testing.assert_allclose(cells.points, rows.points, rtol=1e-12)
    np.testing.assert_allclose(cells.influence, summed, atol=1e-15)


def test_a_raw_polynomial_of_years_keeps_its_digits() -> None:
    rng = np.random.default_rng(3)
    year = rng.integers(1999, 2019, 2000).astype(float)
    y = rng.random(2000)
    raw = np.column_stack([np.ones(2000), year, year**2])
    centred = np.column_stack([np.ones(2000), year - 2009, (year - 2009) ** 2])
    weight = np.ones(2000)
    ours, plain = (fit_glm(X, y, weight, FAMILIES["gaussian"]) for X in (raw, centred))
    assert plain.points[2] == pytest.approx(ours.points[2], rel=1e-9)
    assert plain.bread[2, 2] == pytest.approx(ours.bread[2, 2], rel=1e-7)
    np.testing.assert_allclose(raw @ ours.points, centred @ plain.points, rtol=1e-9)


def test_without_an_intercept() -> None:
    X, y, weight = people()
    ours = fit_glm(X[:, 1:], y, weight, FAMILIES["gaussian"])
    peer = sm.GLM(y, X[:, 1:], PEERS["gaussian"], var_weights=weight).fit()
    np.testing.assert_allclose(ours.points, peer.params, rtol=1e-11)


def test_it_says_which_column_follows_from_which() -> None:
    X, y, weight = people()
    doubled = np.column_stack([X, X[:, 1] - 2 * X[:, 3]])
    with pytest.raises(CollinearError) as caught:
        fit_glm(doubled, y, weight, FAMILIES["logit"])
    assert caught.value.column == 5
    assert caught.value.others == (1, 3)


def test_a_constant_column_follows_from_the_intercept() -> None:
    X, y, weight = people()
    X[:, 2] = 7.0
    with pytest.raises(CollinearError) as caught:
        fit_glm(X, y, weight, FAMILIES["gaussian"])
    assert (2, (0,)) == (caught.value.column, caught.value.others)


def test_more_columns_than_rows() -> None:
    X, y, weight = people(n=4)
    with pytest.raises(CollinearError):
        fit_glm(X, y, weight, FAMILIES["gaussian"])


def test_separation_does_not_converge() -> None:
    X, _, weight = people(n=200)
    with pytest.raises(NotConvergedError):
        fit_glm(X[:, :2], (X[:, 1] > 0.3).astype(float), weight, FAMILIES["logit"])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-6, 1e6), st.sampled_from(sorted(PEERS)))
def test_the_scale_of_weights_and_the_order_of_rows_do_not_matter(
    seed: int, scale: float, family: str
) -> None:
    X, y, weight = people(seed, 300)
    order = np.random.default_rng(seed).permutation(300)
    ours = fit_glm(X, y, weight, family_named(family))
    other = fit_glm(X[order], y[order], scale * weight[order], family_named(family))
    np.testing.assert_allclose(other.points, ours.points, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(other.influence, ours.influence[order], rtol=1e-7, atol=1e-12)


def test_a_model_without_coefficients_is_refused_in_words():
    people = pl.DataFrame({"t": [1.0, 2.0, 3.0, 4.0] * 10, "e": [0, 1] * 20, "g": ["a"] * 40})
    study = tk.study(people, design=tk.Design.none(), name="no slopes", smallest_cell=0)
    with pytest.raises(tk.EstimationError, match="did not converge"):
        tk.model(study, "Surv(t, e) ~ strata(g)", family="cox")
