"""Fit the negative binomial model of counts that vary more than Poisson's.

Takes a design matrix, counts and weights; gives the `Maximum`: coefficients of the log of the mean, then the
logarithm of the dispersion alpha, where the variance is mean + alpha mean squared (Hilbe 2011, NB2).
"""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.regression.likelihoods.glm import FAMILIES, basis, fit
from toolkit.estimate.regression.likelihoods.newton import Maximum, Place, climb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class NotOverdispersedError(EstimationError):
    """The counts vary no more than Poisson's, so that the dispersion would be 0."""


def fit_negative_binomial(
    X: "Floats", y: "Floats", weight: "Floats", *, offset: "Floats | None" = None
) -> Maximum:
    """Maximise the weighted likelihood of the negative binomial model.

    Parameters
    ----------
    X
        One row a cell, one column a coefficient; a first column of ones is the intercept.
    y
        The count of each cell.
    weight
        The weight of each cell.
    offset
        Added to the linear predictor; None for none.

    Returns
    -------
    Maximum
        The coefficients, then the logarithm of the dispersion.

    Raises
    ------
    NotOverdispersedError
        If the counts vary no more than Poisson's.
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> y = np.array([0.0, 0.0, 1.0, 2.0, 12.0])
    >>> np.exp(fit_negative_binomial(np.ones((5, 1)), y, np.ones(5)).points).round(3).tolist()
    [3.0, 2.464]
    """
    shift = np.zeros(len(y)) if offset is None else offset
    poisson = fit(X, y, weight, FAMILIES["poisson"], offset=offset)
    mean = poisson.mean
    excess = float(weight @ (np.square(y - mean) - y))
    if excess <= 0:
        raise NotOverdispersedError("the variance of the counts is not above their mean")
    Z, back = basis(X, weight)
    start = np.append(np.linalg.solve(back, poisson.coefficients), np.log(excess / (weight @ mean**2)))
    shown = np.eye(len(start))
    shown[:-1, :-1] = back
    return climb(lambda at: _place(at, Z, y, weight, shift), start, shown)


def _place(at: "Floats", Z: "Floats", y: "Floats", weight: "Floats", shift: "Floats") -> Place:
    from scipy.special import digamma, gammaln, polygamma

    eta, size = shift + Z @ at[:-1], np.exp(-at[-1])
    mean = np.exp(eta)
    both, share = size + mean, (size + y) / (size + mean)
    # size log(size / both) through log1p: for a size far above the mean the plain form loses every digit.
    value = weight @ (
        gammaln(y + size) - gammaln(size) + y * (eta - np.log(both)) - size * np.log1p(mean / size)
    )
    by_mean = (y - mean) * size / both
    by_size = digamma(y + size) - digamma(size) - np.log1p(mean / size) + 1 - share
    twice = polygamma(1, y + size) - polygamma(1, size) + 1 / size - 2 / both + share / both
    parts = np.column_stack([Z * (weight * by_mean)[:, None], -size * weight * by_size])
    p = Z.shape[1]
    whole = np.empty((p + 1, p + 1))
    whole[:p, :p] = (Z * (weight * size * mean * share / both)[:, None]).T @ Z
    whole[:p, p] = whole[p, :p] = (weight * size * mean * (y - mean) / both**2) @ Z
    whole[p, p] = -(weight @ (size**2 * twice + size * by_size))
    return Place(float(value), parts, whole)
