"""Fit models of an outcome of several levels: proportional odds and the multinomial logit."""

from functools import partial

import numpy as np

from toolkit.estimate.regression.likelihoods.newton import (
    Evaluation,
    Fit,
    maximize,
    scale_columns,
    scale_slopes,
)
from toolkit.results import Floats, Indices


def fit_ordinal(X: Floats, level: Indices, weight: Floats, *, offset: Floats | None = None) -> Fit:
    """Fit the proportional odds model: slopes shared by all cutpoints, then the cutpoints.

    `X` has no intercept, and each of the levels 0, 1, ... occurs. McCullagh (1980), with the sign of R's
    polr: logit P(Y <= k) = cutpoint k - x'beta, so that a positive coefficient means higher levels.
    """
    Z, back = scale_slopes(X, weight)
    shift = np.zeros(len(X)) if offset is None else offset
    cuts = int(level.max())
    share = np.cumsum(np.bincount(level, weight, minlength=cuts + 1))[:-1] / weight.sum()
    start = np.concatenate([np.zeros(X.shape[1]), np.log(share / (1 - share)) + shift.mean()])
    return maximize(partial(_evaluate_ordinal, Z[:, 1:], level, weight, shift), start, _uncenter(back, cuts))


def _uncenter(back: Floats, cuts: int) -> Floats:
    """Map slopes and cutpoints of centered columns to those of the columns supplied."""
    p = len(back) - 1
    whole = np.eye(p + cuts)
    whole[:p, :p] = back[1:, 1:]
    # The intercept that centering moved: P(Y > k) has the intercept minus cutpoint k.
    whole[p:, :p] = -back[0, 1:]
    return whole


def _evaluate_ordinal(Z: Floats, level: Indices, weight: Floats, offset: Floats, at: Floats) -> Evaluation:
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
    return Evaluation.from_parts(float(value), parts, _ordinal_information(Z, level, len(at) - p, curved))


def _ordinal_information(
    Z: Floats, level: Indices, cuts: int, curved: tuple[Floats, Floats, Floats]
) -> Floats:
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


def fit_multinomial(X: Floats, level: Indices, weight: Floats) -> Fit:
    """Fit the logit of levels 1, 2, ... against level 0; each occurs. Those of level 1 come first."""
    Z, back = scale_columns(X, weight)
    others = int(level.max())
    chosen = np.equal(level[:, None], np.arange(1, others + 1)).astype(float)
    start = np.zeros((others, X.shape[1]))
    if np.all(X[:, 0] == 1.0):
        total = np.bincount(level, weight)
        start[:, 0] = np.log(total[1:] / total[0])
    return maximize(
        partial(_evaluate_multinomial, Z, chosen, weight),
        start.ravel(),
        np.asarray(np.kron(np.eye(others), back), np.float64),
    )


def _evaluate_multinomial(Z: Floats, chosen: Floats, weight: Floats, at: Floats) -> Evaluation:
    eta = Z @ at.reshape(chosen.shape[1], -1).T
    top = np.maximum(eta.max(axis=1), 0)
    total = np.exp(-top) + np.exp(eta - top[:, None]).sum(axis=1)
    chance = np.exp(eta - top[:, None]) / total[:, None]
    value = weight @ ((eta * chosen).sum(axis=1) - top - np.log(total))
    pull = weight[:, None] * (chosen - chance)
    parts = (pull[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
    return Evaluation.from_parts(float(value), parts, _multinomial_information(Z, chance, weight))


def _multinomial_information(Z: Floats, chance: Floats, weight: Floats) -> Floats:
    others, p = chance.shape[1], Z.shape[1]
    whole = np.empty((others, p, others, p))
    for k in range(others):
        for m in range(k, others):
            working = weight * chance[:, k] * ((k == m) - chance[:, m])
            whole[k, :, m] = whole[m, :, k] = (Z * working[:, None]).T @ Z
    return whole.reshape(others * p, others * p)
