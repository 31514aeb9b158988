"""Solve generalised estimating equations: models of repeated outcomes with a working correlation.

Takes a design matrix, outcomes, weights, clusters and the order within them; gives points, influence values
and the correlation. Liang and Zeger (1986); the correlation by moments without a correction of its degrees of
freedom, as R's geepack.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.regression.fit_errors import NotConvergedError
from toolkit.estimate.regression.likelihoods.glm import Family, basis, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

CORRELATIONS = ("independence", "exchangeable", "ar1")
MAX_ROUNDS = 200
# The correlation moves with the coefficients, so that steps shrink by a factor only.
SMALL_STEP = 1e-13


@dataclass(frozen=True, slots=True)
class Clusters:
    """Which rows belong together, in their order.

    Attributes
    ----------
    of
        For each row the number of its cluster; rows of a cluster stand together, in their order.
    size
        For each cluster the number of its rows.
    kind
        "independence", "exchangeable" or "ar1": one correlation of all pairs, or a power of it by the
        number of rows between.
    """

    of: "Indices"
    size: "Indices"
    kind: str


@dataclass(frozen=True, slots=True)
class Solution:
    """Coefficients, each row's influence on them, and the working correlation."""

    points: "Floats"
    influence: "Floats"
    correlation: float


def clusters(person: "Floats", order: "Floats", kind: str) -> "tuple[Indices, Clusters]":
    """Sort rows into clusters.

    Parameters
    ----------
    person, order
        For each row its cluster, and its place within.
    kind
        One of `CORRELATIONS`.

    Returns
    -------
    tuple
        The places of the rows in the order of the clusters, and the clusters in that order.

    Examples
    --------
    >>> places, found = clusters(np.array([2.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0]), "ar1")
    >>> places.tolist(), found.size.tolist()
    ([1, 2, 0], [1, 2])
    """
    places = np.lexsort((order, person))
    _, of, size = np.unique(person[places], return_inverse=True, return_counts=True)
    return places, Clusters(of, size, kind)


def solve(
    X: "Floats",
    y: "Floats",
    weight: "Floats",
    family: Family,
    within: Clusters,
    *,
    offset: "Floats | None" = None,
) -> Solution:
    """Solve the estimating equations.

    Parameters
    ----------
    X, y, weight
        Design matrix, outcomes and weights, rows in the order of the clusters; weights are alike in each.
    family
        Distribution and link.
    within
        Which rows belong together.
    offset
        Added to the linear predictor; None for none.

    Returns
    -------
    Solution
        The sum of the influence values of a cluster's rows is the cluster's.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.
    """
    first = fit(X, y, weight, family, offset=offset)
    Z, back = basis(X, weight)
    shift = np.zeros(len(y)) if offset is None else offset
    gamma = np.linalg.solve(back, first.coefficients)
    for _ in range(MAX_ROUNDS):
        with np.errstate(all="ignore"):
            eta = shift + Z @ gamma
            mean = family.mean(eta)
            scale = np.sqrt(family.variance(mean))
            rest = (y - mean) / scale
            D = Z * (family.slope(eta, mean) / scale)[:, None]
            alpha = _correlation(rest, weight, within)
            bent = _inverse_times(D, alpha, within) * weight[:, None]
            information = bent.T @ D
            parts = bent * rest[:, None]
            step = np.linalg.solve(information, parts.sum(axis=0))
        if not np.isfinite(step).all():
            break
        gamma = gamma + step
        if np.abs(step).max() <= SMALL_STEP * (1 + np.abs(gamma).max()):
            inverse = np.asarray(np.linalg.inv(information), np.float64)
            return Solution(back @ gamma, parts @ (inverse @ back.T), alpha)
    raise NotConvergedError(f"the estimating equations are not solved after {MAX_ROUNDS} rounds")


def _correlation(rest: "Floats", weight: "Floats", within: Clusters) -> float:
    if within.kind == "independence" or within.size.max() == 1:
        return 0.0
    spread = float(weight @ rest**2 / weight.sum())
    if within.kind == "ar1":
        next_ = within.of[1:] == within.of[:-1]
        both = float((weight[1:] * rest[1:] * rest[:-1])[next_].sum())
        return both / float(weight[1:][next_].sum()) / spread
    count = len(within.size)
    per = np.bincount(within.of, weight, minlength=count) / within.size
    total = np.bincount(within.of, rest, minlength=count)
    square = np.bincount(within.of, rest**2, minlength=count)
    pairs = per @ (within.size * (within.size - 1))
    return float(per @ (total**2 - square) / pairs) / spread


def _inverse_times(values: "Floats", alpha: float, within: Clusters) -> "Floats":
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
    # The first and last row of a cluster have 1 on the diagonal, those between 1 + alpha squared; one alone,
    # 1 - alpha squared, since all is divided by that.
    ends = 1.0 + alpha**2 * (inner > 1 + 1.5 * alpha**2)
    alone = (within.size == 1)[within.of][:, None]
    return (np.where(alone, 1 - alpha**2, ends) * values - alpha * (before + after)) / (1 - alpha**2)
