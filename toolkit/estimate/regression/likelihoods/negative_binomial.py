"""Fit the negative binomial model of overdispersed counts, with variance mean + alpha * mean**2.

Hilbe (2011), NB2.
"""

from functools import partial

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from toolkit.errors import EstimationError
from toolkit.estimate.regression.likelihoods.glm import FAMILIES, fit_glm
from toolkit.estimate.regression.likelihoods.newton import Evaluation, Fit, maximize, scale_columns, solve
from toolkit.results import Floats


class NotOverdispersedError(EstimationError):
    """The counts vary no more than Poisson counts, so that the dispersion would be 0."""


def fit_negative_binomial(X: Floats, y: Floats, weight: Floats, *, offset: Floats | None = None) -> Fit:
    """Fit the coefficients, then the logarithm of the dispersion alpha; raises NotOverdispersedError."""
    shift = np.zeros(len(y)) if offset is None else offset
    poisson = fit_glm(X, y, weight, FAMILIES["poisson"], offset=offset).points
    mean = np.exp(shift + X @ poisson)
    excess = float(weight @ (np.square(y - mean) - y))
    if excess <= 0:
        raise NotOverdispersedError("The variance of the counts is not above their mean.")
    Z, back = scale_columns(X, weight)
    start = np.append(solve(back, poisson), np.log(excess / (weight @ mean**2)))
    whole = np.eye(len(start))
    whole[:-1, :-1] = back
    return maximize(partial(_evaluate, Z, y, weight, shift), start, whole)


def _evaluate(Z: Floats, y: Floats, weight: Floats, offset: Floats, at: Floats) -> Evaluation:
    eta, size = offset + Z @ at[:-1], np.exp(-at[-1])
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
    return Evaluation.from_parts(float(value), parts, whole)
