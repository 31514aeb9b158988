"""Fit the conditional logit: cases against the others of their own stratum, by the exact likelihood.

Takes a design matrix without an intercept, cases, strata and weights; gives the `Maximum`. The sum over all
ways to choose a stratum's cases is built row by row (Gail, Lubin and Rubinstein 1981).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.regression.likelihoods.newton import Maximum, Place, climb, slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Strata:
    """The strata as a table: row k of a stratum at (stratum, k), -1 where it has no more rows."""

    rows: "Indices"
    cases: "Indices"
    weight: "Floats"
    first: "Indices"


def informative(case: "Mask", stratum: "Indices") -> "Mask":
    """Mark the rows of strata that hold both a case and another.

    Examples
    --------
    >>> informative(np.array([True, False, True]), np.array([0, 0, 1])).tolist()
    [True, True, False]
    """
    _, of, size = np.unique(stratum, return_inverse=True, return_counts=True)
    cases = np.bincount(of, case, minlength=len(size))
    return np.asarray(((cases > 0) & (cases < size))[of], bool)


def fit_conditional(X: "Floats", case: "Mask", stratum: "Indices", weight: "Floats") -> Maximum:
    """Maximise the weighted conditional likelihood.

    Parameters
    ----------
    X
        One row an observation, one column a coefficient, each of which varies within strata.
    case
        Whether the row is a case.
    stratum
        Numbers of the strata; each holds a case and another.
    weight
        Alike within a stratum.

    Returns
    -------
    Maximum
        Log odds ratios. A stratum's influence stands at its first row.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> X, case = np.array([[1.0], [0.0], [1.0], [0.0], [0.0], [1.0]]), np.array([1, 0, 1, 0, 1, 0], bool)
    >>> round(float(np.exp(fit_conditional(X, case, np.array([0, 0, 1, 1, 2, 2]), np.ones(6)).points[0])), 9)
    2.0
    """
    strata = _table(case, stratum, weight)
    Z, back = slopes(_within(X, stratum), weight)
    Z = Z[:, 1:]
    chosen = np.zeros((len(strata.first), Z.shape[1]))
    np.add.at(chosen, np.unique(stratum, return_inverse=True)[1][case], Z[case])
    return climb(lambda at: _place(at, Z, strata, chosen), np.zeros(Z.shape[1]), back[1:, 1:])


def _within(X: "Floats", stratum: "Indices") -> "Floats":
    _, of, size = np.unique(stratum, return_inverse=True, return_counts=True)
    means = np.column_stack([np.bincount(of, column) / size for column in X.T])
    inside: Floats = X - means[of]
    # What does not vary within strata is left with rounding alone.
    return np.where(np.abs(inside) < 1e-12 * (1 + np.abs(X).max(axis=0)), 0.0, inside)


def _table(case: "Mask", stratum: "Indices", weight: "Floats") -> _Strata:
    _, of, size = np.unique(stratum, return_inverse=True, return_counts=True)
    order = np.argsort(of, kind="stable")
    begin = np.cumsum(size) - size
    rows = np.full((len(size), size.max()), -1)
    rows[of[order], np.arange(len(of)) - begin[of[order]]] = order
    cases = np.bincount(of, case, minlength=len(size)).astype(int)
    return _Strata(rows, cases, np.bincount(of, weight) / size, order[begin])


def _place(at: "Floats", Z: "Floats", strata: _Strata, chosen: "Floats") -> Place:
    eta = Z @ at
    of_stratum = np.where(strata.rows >= 0, eta[strata.rows], -np.inf)
    top = of_stratum.max(axis=1)
    odds = np.exp(of_stratum - top[:, None])
    ways, slope, bend = _ways(odds, Z, strata)
    mean = slope / ways[:, None]
    each = strata.weight
    value = each @ (chosen @ at - np.log(ways) - strata.cases * top)
    parts = np.zeros_like(Z)
    parts[strata.first] = each[:, None] * (chosen - mean)
    information = np.einsum("s,sab->ab", each / ways, bend) - (mean * each[:, None]).T @ mean
    return Place(float(value), parts, information)


def _ways(odds: "Floats", Z: "Floats", strata: _Strata) -> "tuple[Floats, Floats, Floats]":
    """Sum the products of odds over all choices of as many rows as there are cases, with two derivatives."""
    count, p, most = len(odds), Z.shape[1], int(strata.cases.max())
    ways = np.zeros((count, most + 1))
    slope, bend = np.zeros((count, most + 1, p)), np.zeros((count, most + 1, p, p))
    ways[:, 0] = 1.0
    for k in range(odds.shape[1]):
        z, own = Z[strata.rows[:, k]], odds[:, k]
        z1, o1, o2, o3 = z[:, None, :], own[:, None], own[:, None, None], own[:, None, None, None]
        turned = slope[:, :-1, :, None] * z1[:, :, None, :]
        square = (z[:, :, None] * z[:, None, :])[:, None]
        # From the top down: each new row joins the choices that were there before it.
        bend[:, 1:] += o3 * (
            bend[:, :-1] + turned + turned.swapaxes(2, 3) + square * ways[:, :-1, None, None]
        )
        slope[:, 1:] += o2 * (slope[:, :-1] + z1 * ways[:, :-1, None])
        ways[:, 1:] += o1 * ways[:, :-1]
    at = np.arange(count), strata.cases
    return ways[at], slope[at], bend[at]
