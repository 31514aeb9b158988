"""Fit the proportional odds model: one coefficient per term, shared by all cutpoints.

McCullagh (1980), with the sign of R's polr: logit P(Y <= k) = cutpoint k - x'beta, so that a positive
coefficient means higher levels.
"""

from functools import partial

import numpy as np
import numpy.typing as npt

from toolkit.estimate.regression.likelihoods.newton import Evaluation, Fit, Floats, maximize, scale_slopes

Indices = npt.NDArray[np.int64]


def fit_ordinal(X: Floats, level: Indices, weight: Floats, *, offset: Floats | None = None) -> Fit:
    """Fit slopes, then cutpoints; `X` has no intercept, and each of the levels 0, 1, ... occurs."""
    Z, back = scale_slopes(X, weight)
    shift = np.zeros(len(X)) if offset is None else offset
    cuts = int(level.max())
    share = np.cumsum(np.bincount(level, weight, minlength=cuts + 1))[:-1] / weight.sum()
    start = np.concatenate([np.zeros(X.shape[1]), np.log(share / (1 - share)) + shift.mean()])
    return maximize(partial(_evaluate, Z[:, 1:], level, weight, shift), start, _uncenter(back, cuts))


def _uncenter(back: Floats, cuts: int) -> Floats:
    """Map slopes and cutpoints of centered columns to those of the columns supplied."""
    p = len(back) - 1
    whole = np.eye(p + cuts)
    whole[:p, :p] = back[1:, 1:]
    # The intercept that centering moved: P(Y > k) has the intercept minus cutpoint k.
    whole[p:, :p] = -back[0, 1:]
    return whole


def _evaluate(Z: Floats, level: Indices, weight: Floats, offset: Floats, at: Floats) -> Evaluation:
    p = Z.shape[1]
    cut = np.concatenate([[-np.inf], at[p:], [np.inf]])
    if (np.diff(cut) <= 0).any():
        return Evaluation.from_parts(-np.inf, np.zeros((len(Z), len(at))), np.eye(len(at)))
    eta = offset + Z @ at[:p]
    upper, lower = cut[level + 1] - eta, cut[level] - eta
    gap = upper - lower
    F, G = 1 / (1 + np.exp(-upper)), 1 / (1 + np.exp(-lower))
    between = 1 / np.expm1(gap)
    # P = F (1 - G) (1 - exp(-gap)) without loss of digits far out, hence these derivatives.
    value = weight @ (-np.logaddexp(0, -upper) - np.logaddexp(0, lower) + np.log(-np.expm1(-gap)))
    rows, by_cut = np.arange(len(level)), np.zeros((len(level), len(cut)))
    by_cut[rows, level + 1] = weight * (1 - F + between)
    by_cut[rows, level] -= weight * (G + between)
    parts = np.column_stack([Z * (weight * (F + G - 1))[:, None], by_cut[:, 1:-1]])
    curved = weight * F * (1 - F), weight * G * (1 - G), weight * between * (1 + between)
    return Evaluation.from_parts(float(value), parts, _information(Z, level, len(at) - p, curved))


def _information(Z: Floats, level: Indices, cuts: int, curved: tuple[Floats, Floats, Floats]) -> Floats:
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
