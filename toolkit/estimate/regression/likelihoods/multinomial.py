"""Fit the multinomial logit: a set of coefficients for each level of the outcome against its reference."""

from functools import partial

import numpy as np
import numpy.typing as npt

from toolkit.estimate.regression.likelihoods.newton import Evaluation, Fit, Floats, maximize, scale_columns


def fit_multinomial(X: Floats, level: npt.NDArray[np.int64], weight: Floats) -> Fit:
    """Fit levels 1, 2, ... against level 0; each occurs. All coefficients of level 1 come first."""
    Z, back = scale_columns(X, weight)
    others = int(level.max())
    chosen = np.equal(level[:, None], np.arange(1, others + 1)).astype(float)
    start = np.zeros((others, X.shape[1]))
    if np.all(X[:, 0] == 1.0):
        total = np.bincount(level, weight)
        start[:, 0] = np.log(total[1:] / total[0])
    return maximize(
        partial(_evaluate, Z, chosen, weight),
        start.ravel(),
        np.asarray(np.kron(np.eye(others), back), np.float64),
    )


def _evaluate(Z: Floats, chosen: Floats, weight: Floats, at: Floats) -> Evaluation:
    eta = Z @ at.reshape(chosen.shape[1], -1).T
    top = np.maximum(eta.max(axis=1), 0)
    total = np.exp(-top) + np.exp(eta - top[:, None]).sum(axis=1)
    chance = np.exp(eta - top[:, None]) / total[:, None]
    value = weight @ ((eta * chosen).sum(axis=1) - top - np.log(total))
    pull = weight[:, None] * (chosen - chance)
    parts = (pull[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
    return Evaluation.from_parts(float(value), parts, _information(Z, chance, weight))


def _information(Z: Floats, chance: Floats, weight: Floats) -> Floats:
    others, p = chance.shape[1], Z.shape[1]
    whole = np.empty((others, p, others, p))
    for k in range(others):
        for m in range(k, others):
            working = weight * chance[:, k] * ((k == m) - chance[:, m])
            whole[k, :, m] = whole[m, :, k] = (Z * working[:, None]).T @ Z
    return whole.reshape(others * p, others * p)
