"""Fit the logit with Firth's penalty, finite where a level has no case or the outcome is separated.

Takes a design matrix, outcomes, weights and a number of persons; gives the `Maximum` of the log-likelihood
plus half the log-determinant of the information (Firth 1993; Heinze and Schemper 2002). Weights are scaled
to the number of persons, so that the penalty weighs as much as it does without them.
"""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.likelihood import Maximum, Place, climb
from toolkit.estimate.newton import basis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def fit_firth(
    X: "Floats", y: "Floats", weight: "Floats", persons: float, *, offset: "Floats | None" = None
) -> Maximum:
    """Maximise the weighted, penalised likelihood of a logit.

    Parameters
    ----------
    X
        One row a cell, one column a coefficient.
    y
        0 or 1 for each cell.
    weight
        The weight of each cell.
    persons
        Number of persons in all cells.
    offset
        Added to the linear predictor; None for none.

    Returns
    -------
    Maximum
        The coefficients. The influence values count what a weight does to the penalty.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> X, y = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    >>> np.exp(fit_firth(X, y, np.ones(4), 4).points).round(6).tolist()
    [1.0, 5.0]
    """
    Z, back = basis(X, weight)
    shift = np.zeros(len(y)) if offset is None else offset
    scaled = weight * (persons / weight.sum())
    return climb(lambda at: _place(at, Z, y, scaled, shift), np.zeros(Z.shape[1]), back)


def _place(at: "Floats", Z: "Floats", y: "Floats", weight: "Floats", shift: "Floats") -> Place:
    eta = shift + Z @ at
    mean = 1 / (1 + np.exp(-eta))
    working, tilt = weight * mean * (1 - mean), 0.5 - mean
    information = (Z * working[:, None]).T @ Z
    sign, size = np.linalg.slogdet(information)
    if sign <= 0:
        return Place(-np.inf, np.zeros_like(Z), np.eye(len(at)))
    value = weight @ (y * eta - np.logaddexp(0, eta)) + size / 2
    V = Z @ np.linalg.inv(information)
    own = working * (Z * V).sum(axis=1) * tilt
    # A person's weight moves the penalty through the own leverage and, by the information, through that of
    # all others; the weights' shares of the whole keep the parts' sum at the penalised score.
    cubed = _threefold(working * tilt, Z, Z)
    others = working[:, None] * np.einsum("abc,ib,ic->ia", cubed, V, V, optimize=True)
    parts = Z * (weight * (y - mean) + own)[:, None] - others + np.outer(weight / weight.sum(), own @ Z)
    bend = (Z * (2 * own * tilt - working * (Z * V).sum(axis=1) * mean * (1 - mean))[:, None]).T @ Z
    turned = 2 * np.einsum("abd,bdc->ac", _threefold(working * tilt, Z, V), cubed)
    return Place(float(value), parts, information - bend + turned)


def _threefold(by: "Floats", Z: "Floats", V: "Floats") -> "Floats":
    product: Floats = np.einsum("ja,jb,jc->abc", Z * by[:, None], V, V, optimize=True)
    return product
