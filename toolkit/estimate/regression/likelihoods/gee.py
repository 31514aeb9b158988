"""Solve generalized estimating equations: models of repeated outcomes with a working correlation.

Liang and Zeger (1986), with the moment estimates of R's geepack, which take no degrees of freedom from the
correlation. statsmodels' GEE equals this solver for independence only. For an exchangeable correlation it
weights clusters in another way and subtracts the coefficients from the number of pairs (estimates differ by
0.5% in the tests' example), and for ar1 it ignores weights. Neither equals R, so it is not used.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.estimate.regression.likelihoods.glm import Family, fit_glm
from toolkit.estimate.regression.likelihoods.newton import NotConvergedError, scale_columns, solve
from toolkit.results import Floats, Indices

CORRELATIONS = ("independence", "exchangeable", "ar1")
MAX_ROUNDS = 200
# The correlation moves with the coefficients, so that steps shrink by a factor only.
SMALL_STEP = 1e-13


@dataclass(frozen=True, slots=True)
class Clusters:
    """The cluster of each row, sorted; the size of each cluster; and the kind of working correlation."""

    of: Indices
    size: Indices
    kind: str


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients, the influence of each row on them, and the working correlation."""

    points: Floats
    influence: Floats
    correlation: float


def sort_clusters(person: Floats, order: Floats, kind: str) -> tuple[Indices, Clusters]:
    """Sort rows by cluster, and within by `order`; return the sorted positions and the clusters."""
    places = np.lexsort((order, person))
    _, of, size = np.unique(person[places], return_inverse=True, return_counts=True)
    return places, Clusters(of, size, kind)


def solve_equations(
    X: Floats,
    y: Floats,
    weight: Floats,
    family: Family,
    within: Clusters,
    *,
    offset: Floats | None = None,
) -> Solution:
    """Solve the estimating equations for sorted rows, whose weights are equal within a cluster.

    The influence values of a cluster are the sum of those of its rows.
    """
    first = fit_glm(X, y, weight, family, offset=offset)
    Z, back = scale_columns(X, weight)
    shift = np.zeros(len(y)) if offset is None else offset
    gamma = solve(back, first.points)
    for _ in range(MAX_ROUNDS):
        with np.errstate(all="ignore"):
            eta = shift + Z @ gamma
            mean = family.mean(eta)
            scale = np.sqrt(family.variance(mean))
            residual = (y - mean) / scale
            D = Z * (family.slope(eta, mean) / scale)[:, None]
            alpha = _correlation(residual, weight, within)
            weighted = multiply_inverse(D, alpha, within) * weight[:, None]
            information = weighted.T @ D
            parts = weighted * residual[:, None]
            step = np.linalg.solve(information, parts.sum(axis=0))
        if not np.isfinite(step).all():
            break
        gamma = gamma + step
        if np.abs(step).max() <= SMALL_STEP * (1 + np.abs(gamma).max()):
            inverse = np.asarray(np.linalg.inv(information), np.float64)
            return Solution(back @ gamma, parts @ (inverse @ back.T), alpha)
    raise NotConvergedError(f"The estimating equations are not solved after {MAX_ROUNDS} rounds.")


def _correlation(residual: Floats, weight: Floats, within: Clusters) -> float:
    if within.kind == "independence" or within.size.max() == 1:
        return 0.0
    variance = float(weight @ residual**2 / weight.sum())
    if within.kind == "ar1":
        next_ = within.of[1:] == within.of[:-1]
        both = float((weight[1:] * residual[1:] * residual[:-1])[next_].sum())
        return both / float(weight[1:][next_].sum()) / variance
    count = len(within.size)
    per = np.bincount(within.of, weight, minlength=count) / within.size
    total = np.bincount(within.of, residual, minlength=count)
    square = np.bincount(within.of, residual**2, minlength=count)
    pairs = per @ (within.size * (within.size - 1))
    return float(per @ (total**2 - square) / pairs) / variance


def multiply_inverse(values: Floats, alpha: float, within: Clusters) -> Floats:
    """Multiply each cluster's rows by the inverse of their correlation matrix."""
    if alpha == 0.0:
        return values
    if within.kind == "exchangeable":
        total = np.column_stack([np.bincount(within.of, column) for column in values.T])
        share = alpha / (1 + (within.size - 1) * alpha)
        return (values - (share[:, None] * total)[within.of]) / (1 - alpha)
    linked = (within.of[1:] == within.of[:-1])[:, None]
    before, after = np.zeros_like(values), np.zeros_like(values)
    before[1:], after[:-1] = values[:-1] * linked, values[1:] * linked
    inner = np.ones((len(values), 1))
    inner[1:] += alpha**2 * linked
    inner[:-1] += alpha**2 * linked
    # On the diagonal: 1 for the first and last row of a cluster, 1 + alpha squared between them, and for a
    # single row 1 - alpha squared, since all is divided by that.
    ends = 1.0 + alpha**2 * (inner > 1 + 1.5 * alpha**2)
    alone = (within.size == 1)[within.of][:, None]
    return (np.where(alone, 1 - alpha**2, ends) * values - alpha * (before + after)) / (1 - alpha**2)
