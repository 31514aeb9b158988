"""Fit the conditional logit by the exact likelihood: cases against the other rows of their stratum.

The sum over all ways to choose a stratum's cases is built row by row (Gail, Lubin and Rubinstein 1981).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from toolkit.estimate.regression.likelihoods.newton import Evaluation, Fit, maximize, scale_slopes
from toolkit.results import Floats, Indices, Mask


@dataclass(frozen=True, slots=True)
class _Strata:
    """The strata as a table: row k of a stratum at (stratum, k), -1 beyond its last."""

    rows: Indices
    cases: Indices
    weight: Floats
    first: Indices


def informative(case: Mask, stratum: Indices) -> Mask:
    """Mark the rows of strata that have both a case and another row."""
    _, of, size = np.unique(stratum, return_inverse=True, return_counts=True)
    cases = np.bincount(of, case, minlength=len(size))
    return np.asarray(((cases > 0) & (cases < size))[of], bool)


def fit_conditional(X: Floats, case: Mask, stratum: Indices, weight: Floats) -> Fit:
    """Fit log odds ratios; a stratum is informative, has one weight, and its influence in its first row."""
    strata = _tabulate(case, stratum, weight)
    Z, back = scale_slopes(_center(X, stratum), weight)
    Z = Z[:, 1:]
    chosen = np.zeros((len(strata.first), Z.shape[1]))
    np.add.at(chosen, np.unique(stratum, return_inverse=True)[1][case], Z[case])
    return maximize(partial(_evaluate, Z, strata, chosen), np.zeros(Z.shape[1]), back[1:, 1:])


def _center(X: Floats, stratum: Indices) -> Floats:
    _, of, size = np.unique(stratum, return_inverse=True, return_counts=True)
    means = np.column_stack([np.bincount(of, column) / size for column in X.T])
    inside: Floats = X - means[of]
    # A column that does not vary within strata keeps rounding alone.
    return np.where(np.abs(inside) < 1e-12 * (1 + np.abs(X).max(axis=0)), 0.0, inside)


def _tabulate(case: Mask, stratum: Indices, weight: Floats) -> _Strata:
    _, of, size = np.unique(stratum, return_inverse=True, return_counts=True)
    order = np.argsort(of, kind="stable")
    begin = np.cumsum(size) - size
    rows = np.full((len(size), size.max()), -1)
    rows[of[order], np.arange(len(of)) - begin[of[order]]] = order
    cases = np.bincount(of, case, minlength=len(size)).astype(int)
    return _Strata(rows, cases, np.bincount(of, weight) / size, order[begin])


def _evaluate(Z: Floats, strata: _Strata, chosen: Floats, at: Floats) -> Evaluation:
    eta = Z @ at
    of_stratum = np.where(strata.rows >= 0, eta[strata.rows], -np.inf)
    top = of_stratum.max(axis=1)
    odds = np.exp(of_stratum - top[:, None])
    ways, slope, curvature = _sum_choices(odds, Z, strata)
    mean = slope / ways[:, None]
    each = strata.weight
    value = each @ (chosen @ at - np.log(ways) - strata.cases * top)
    parts = np.zeros_like(Z)
    parts[strata.first] = each[:, None] * (chosen - mean)
    information = np.einsum("s,sab->ab", each / ways, curvature) - (mean * each[:, None]).T @ mean
    return Evaluation.from_parts(float(value), parts, information)


def _sum_choices(odds: Floats, Z: Floats, strata: _Strata) -> tuple[Floats, Floats, Floats]:
    """Sum the products of odds over all choices of as many rows as there are cases, with two derivatives."""
    count, p, most = len(odds), Z.shape[1], int(strata.cases.max())
    ways = np.zeros((count, most + 1))
    slope, curvature = np.zeros((count, most + 1, p)), np.zeros((count, most + 1, p, p))
    ways[:, 0] = 1.0
    for k in range(odds.shape[1]):
        z, own = Z[strata.rows[:, k]], odds[:, k]
        z1, o1, o2, o3 = z[:, None, :], own[:, None], own[:, None, None], own[:, None, None, None]
        turned = slope[:, :-1, :, None] * z1[:, :, None, :]
        square = (z[:, :, None] * z[:, None, :])[:, None]
        # From the top down, so that each new row joins only the choices made without it.
        curvature[:, 1:] += o3 * (
            curvature[:, :-1] + turned + turned.swapaxes(2, 3) + square * ways[:, :-1, None, None]
        )
        slope[:, 1:] += o2 * (slope[:, :-1] + z1 * ways[:, :-1, None])
        ways[:, 1:] += o1 * ways[:, :-1]
    at = np.arange(count), strata.cases
    return ways[at], slope[at], curvature[at]
