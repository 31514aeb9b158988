"""Fit the multinomial logit: a set of coefficients for each level of the outcome against one of them.

Takes a design matrix, the place of each outcome among its levels (0 is what the others are compared with),
and weights; gives the `Maximum`, level by level.
"""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.regression.likelihoods.glm import basis
from toolkit.estimate.regression.likelihoods.newton import Maximum, Place, climb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]


def fit_multinomial(X: "Floats", level: "Indices", weight: "Floats") -> Maximum:
    """Maximise the weighted likelihood of the multinomial logit.

    Parameters
    ----------
    X
        One row a cell, one column a coefficient of each level; a first column of ones is the intercept.
    level
        0 for the level that the others are compared with, then 1, 2, ...; each has somebody.
    weight
        The weight of each cell.

    Returns
    -------
    Maximum
        All coefficients of level 1, then all of level 2, and so on.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> level, weight = np.array([0, 1, 2]), np.array([2.0, 1.0, 4.0])
    >>> np.exp(fit_multinomial(np.ones((3, 1)), level, weight).points).round(12).tolist()
    [0.5, 2.0]
    """
    Z, back = basis(X, weight)
    others = int(level.max())
    chosen = np.equal(level[:, None], np.arange(1, others + 1)).astype(float)
    start = np.zeros((others, X.shape[1]))
    if np.all(X[:, 0] == 1.0):
        total = np.bincount(level, weight)
        start[:, 0] = np.log(total[1:] / total[0])
    return climb(
        lambda at: _place(at.reshape(others, -1), Z, chosen, weight),
        start.ravel(),
        np.asarray(np.kron(np.eye(others), back), np.float64),
    )


def _place(at: "Floats", Z: "Floats", chosen: "Floats", weight: "Floats") -> Place:
    eta = Z @ at.T
    top = np.maximum(eta.max(axis=1), 0)
    total = np.exp(-top) + np.exp(eta - top[:, None]).sum(axis=1)
    chance = np.exp(eta - top[:, None]) / total[:, None]
    value = weight @ ((eta * chosen).sum(axis=1) - top - np.log(total))
    pull = weight[:, None] * (chosen - chance)
    parts = (pull[:, :, None] * Z[:, None, :]).reshape(len(Z), -1)
    return Place(float(value), parts, _information(Z, chance, weight))


def _information(Z: "Floats", chance: "Floats", weight: "Floats") -> "Floats":
    others, p = chance.shape[1], Z.shape[1]
    whole = np.empty((others, p, others, p))
    for k in range(others):
        for m in range(k, others):
            working = weight * chance[:, k] * ((k == m) - chance[:, m])
            whole[k, :, m] = whole[m, :, k] = (Z * working[:, None]).T @ Z
    return whole.reshape(others * p, others * p)
