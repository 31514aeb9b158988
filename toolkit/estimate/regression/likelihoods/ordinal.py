"""Fit the proportional odds model: one coefficient a term for every cut through the outcome's levels.

Takes a design matrix without an intercept, the place of each outcome among its levels, and weights; gives
the `Maximum`: slopes, then cutpoints. McCullagh (1980); the sign is that of R's polr: logit P(Y <= k) =
cutpoint k - x'beta, so that a positive coefficient goes with higher levels.
"""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.regression.likelihoods.newton import Maximum, Place, climb, slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]


def fit_ordinal(
    X: "Floats", level: "Indices", weight: "Floats", *, offset: "Floats | None" = None
) -> Maximum:
    """Maximise the weighted likelihood of the proportional odds model.

    Parameters
    ----------
    X
        One row a cell, one column a slope.
    level
        0, 1, ... for the outcome's levels in order; each has somebody.
    weight
        The weight of each cell.
    offset
        Added to the linear predictor; None for none.

    Returns
    -------
    Maximum
        Slopes, then one cutpoint fewer than there are levels.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> X, level = np.array([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]]), np.array([0, 1, 2, 0, 1, 2])
    >>> fit_ordinal(X, level, np.array([2.0, 1.0, 1.0, 1.0, 1.0, 2.0])).points.round(3).tolist()
    [1.099, 0.0, 1.099]
    """
    Z, back = slopes(X, weight)
    shift = np.zeros(len(X)) if offset is None else offset
    cuts = int(level.max())
    share = np.cumsum(np.bincount(level, weight, minlength=cuts + 1))[:-1] / weight.sum()
    start = np.concatenate([np.zeros(X.shape[1]), np.log(share / (1 - share)) + shift.mean()])
    return climb(lambda at: _place(at, Z[:, 1:], level, weight, shift), start, _shown(back, cuts))


def _shown(back: "Floats", cuts: int) -> "Floats":
    """Slopes of the columns given and their cutpoints, from those of columns that were centred."""
    p = len(back) - 1
    shown = np.eye(p + cuts)
    shown[:p, :p] = back[1:, 1:]
    # The intercept that centring moved: P(Y > k) has the intercept minus cutpoint k.
    shown[p:, :p] = -back[0, 1:]
    return shown


def _place(at: "Floats", Z: "Floats", level: "Indices", weight: "Floats", shift: "Floats") -> Place:
    p = Z.shape[1]
    cut = np.concatenate([[-np.inf], at[p:], [np.inf]])
    if (np.diff(cut) <= 0).any():
        return Place(-np.inf, np.zeros((len(Z), len(at))), np.eye(len(at)))
    eta = shift + Z @ at[:p]
    upper, lower = cut[level + 1] - eta, cut[level] - eta
    gap = upper - lower
    F, G = 1 / (1 + np.exp(-upper)), 1 / (1 + np.exp(-lower))
    between = 1 / np.expm1(gap)
    # P = F (1 - G) (1 - exp(-gap)) without loss of digits far out, hence these derivatives.
    value = weight @ (-np.logaddexp(0, -upper) - np.logaddexp(0, lower) + np.log(-np.expm1(-gap)))
    parts = np.column_stack(
        [
            Z * (weight * (F + G - 1))[:, None],
            _by_cut(weight * (1 - F + between), weight * (G + between), level),
        ]
    )
    curved = weight * F * (1 - F), weight * G * (1 - G), weight * between * (1 + between)
    return Place(float(value), parts, _information(Z, level, len(at) - p, curved))


def _by_cut(above: "Floats", below: "Floats", level: "Indices") -> "Floats":
    """Give each cell's score of the cutpoint above its level, and of that below."""
    cuts = int(level.max())
    rows, parts = np.arange(len(level)), np.zeros((len(level), cuts + 2))
    parts[rows, level + 1] = above
    parts[rows, level] -= below
    return parts[:, 1:-1]


def _information(
    Z: "Floats", level: "Indices", cuts: int, curved: "tuple[Floats, Floats, Floats]"
) -> "Floats":
    f, g, between = curved
    p = Z.shape[1]
    whole = np.zeros((p + cuts, p + cuts))
    whole[:p, :p] = (Z * (f + g)[:, None]).T @ Z
    for k in range(cuts):
        above, below = level == k, level == k + 1
        whole[:p, p + k] = whole[p + k, :p] = -(f[above] @ Z[above] + g[below] @ Z[below])
        whole[p + k, p + k] = (f + between)[above].sum() + (g + between)[below].sum()
        if k:
            whole[p + k, p + k - 1] = whole[p + k - 1, p + k] = -between[above].sum()
    return whole
