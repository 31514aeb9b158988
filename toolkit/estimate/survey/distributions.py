"""Give the tail probability of a sum of weighted chi-squares, or of its ratio to an independent chi-square.

Takes the value of the sum, its weights and denominator degrees of freedom; gives a p-value.
Method: saddlepoint approximation (Kuonen, Biometrika 86 (1999) 929-935), as pchisqsum and pFsum of R's survey
package.
"""

from math import inf, log, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc, ndtr

from toolkit.errors import EstimationError
from toolkit.estimate.survey.unvarying import TINY
from toolkit.estimate.survey.variance.linearized import Floats

# So near to the mean the approximation divides nothing by nothing; R then takes Satterthwaite's, as here.
_AT_THE_MEAN = 1e-4
_EDGE = 0.99999


def wald(points: Floats, matrix: Floats) -> float:
    """Compute Wald's quadratic form of estimates in the inverse of their covariance."""
    try:
        if not (np.sqrt(matrix.diagonal()) > TINY * np.abs(points)).all():
            raise np.linalg.LinAlgError  # noqa: TRY301
        return float(points @ np.linalg.solve(matrix, points))
    except np.linalg.LinAlgError:
        raise no_variance() from None


def no_variance() -> EstimationError:
    """Say that estimates without a variance cannot be tested."""
    return EstimationError(
        "the estimates have no variance, because nothing varies within the groups or between their "
        "sampling units, so that they cannot be tested. See the groups: tk.describe(study, ..., by=...)."
    )


def upper_tail(value: float, weights: Floats, df: float = inf) -> float:
    """Give the probability that a sum of weighted chi-squares of 1 df is above a value."""
    if np.isinf(df):
        found = _saddlepoint(value, np.asarray(weights, float), np.ones(len(weights)))
    else:
        # The ratio is above a value where the sum less that value times the denominator is above 0.
        every = np.append(weights, -value / df)
        found = _saddlepoint(0.0, every, np.append(np.ones(len(weights)), np.floor(df)))
    return satterthwaite(value, weights, df) if found is None else found


def satterthwaite(value: float, weights: Floats, df: float = inf) -> float:
    """Approximate the same probability by one chi-square (or F) with the sum's mean and variance."""
    mean, square = float(np.mean(weights)), float(np.mean(np.square(weights)))
    scale, numerator = square / mean, len(weights) * mean**2 / square
    if np.isinf(df):
        return float(chdtrc(numerator, value / scale))
    return float(fdtrc(numerator, df, value / numerator / scale))


def _saddlepoint(value: float, weights: Floats, counts: Floats) -> float | None:
    """Approximate the tail of a sum of `counts` chi-squares of each weight; None near its mean."""
    largest = float(weights.max())
    value, weights = value / largest, weights / largest
    below, above = weights[weights < 0], weights[weights > 0]
    lowest = float(np.max(1 / (2 * below))) * _EDGE if below.size else _lowest(value, weights, counts)
    highest = float(np.min(1 / (2 * above))) * _EDGE

    def slope(zeta: float) -> float:
        return float(np.sum(counts * weights / (1 - 2 * zeta * weights))) - value

    zeta = float(brentq(slope, lowest, highest, xtol=1e-14))
    if abs(zeta) < _AT_THE_MEAN:
        return None
    generating = -float(np.sum(counts * np.log(1 - 2 * zeta * weights))) / 2
    curvature = 2 * float(np.sum(counts * np.square(weights / (1 - 2 * zeta * weights))))
    w = np.sign(zeta) * sqrt(2 * (zeta * value - generating))
    v = zeta * sqrt(curvature)
    return float(ndtr(-(w + log(v / w) / w)))


def _lowest(value: float, weights: Floats, counts: Floats) -> float:
    if value > float(np.sum(counts * weights)):
        return -0.01
    return -float(np.sum(counts)) / (2 * value)
