"""Compute weighted quantiles, Wald statistics, and tail probabilities of weighted sums of chi-squares.

Tails by the saddlepoint approximation (Kuonen, Biometrika 86 (1999) 929-935), as pchisqsum and pFsum of R's
survey package.
"""

from collections.abc import Callable
from functools import partial
from math import inf, log, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, fdtrc, ndtr

from toolkit.errors import EstimationError
from toolkit.estimate.survey.variance.zero_variances import TINY
from toolkit.results import Floats, Indices

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
    """Explain that estimates without a variance cannot be tested."""
    return EstimationError(
        "The estimates have no variance, because nothing varies within the groups or between their "
        "sampling units, so they cannot be tested. Check the groups with tk.describe(study, ..., by=...)."
    )


def upper_tail(value: float, weights: Floats, df: float = inf) -> float:
    """Compute the tail probability of a weighted sum of chi-squares of 1 df, or its ratio to one of `df`."""
    if np.isinf(df):
        found = _saddlepoint(value, np.asarray(weights, float), np.ones(len(weights)))
    else:
        # The ratio is above a value where the sum less that value times the denominator is above 0.
        every = np.append(weights, -value / df)
        found = _saddlepoint(0.0, every, np.append(np.ones(len(weights)), np.floor(df)))
    return satterthwaite(value, weights, df) if found is None else found


def satterthwaite(value: float, weights: Floats, df: float = inf) -> float:
    """Approximate that probability by one chi-square (or F) with the same mean and variance."""
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


# Values, their weights, a probability -> the quantile.
QuantileRule = Callable[[Floats, Floats, float], float]


# Rows that stand for the participants of one value: quantiles depend on the last of them alone, and rules for
# small samples on fewer.
_MOST_ROWS = 100


def in_rows(x: Floats, weights: Floats, persons: Indices) -> tuple[Floats, Floats]:
    """Write the participants of cells as rows, as quantiles that interpolate between participants need them.

    Those of one value have their mean weight; the first row of many has what the others leave.
    """
    if (persons == 1).all():
        return x, weights
    values, place = np.unique(x, return_inverse=True)
    total, count = np.bincount(place, weights), np.bincount(place, persons).astype(np.int64)
    rows = np.minimum(count, _MOST_ROWS)
    own = np.repeat(total / count, rows)
    first = np.cumsum(rows) - rows
    own[first] = total - (rows - 1) * total / count
    return np.repeat(values, rows), own


def _sorted(x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Sort values, ties in the order of the file, and cumulate the weights."""
    order = np.argsort(x, kind="stable")
    # Whether a share is met exactly hangs on the last bit: R cumulates in extended precision, and so here.
    return x[order], np.cumsum(weights[order].astype(np.longdouble)).astype(float)


def _share(x: Floats, weights: Floats, p: float, halfway: float) -> float:
    """Find the lowest value with at least a share p at or below it; `halfway` to the next if exactly p."""
    values, reached = _sorted(x, weights)
    size = float(weights.astype(np.longdouble).sum())
    place = int(np.searchsorted(reached, p * size, side="right"))
    if place == 0:
        return float(values[0])
    low, high = values[place - 1], values[min(place, len(values) - 1)]
    exact = p - reached[place - 1] / size == 0
    return float(low + halfway * (high - low)) if exact else float(high)


def _interpolated(x: Floats, weights: Floats, p: float) -> float:
    values, reached = _sorted(x, weights)
    if len(values) == 1:
        return float(values[0])
    return float(np.interp(p, np.concatenate([[0.0], reached[:-1]]) / reached[-2], values))


QUANTILE_RULES: dict[str, QuantileRule] = {
    "math": partial(_share, halfway=0.0),
    "school": partial(_share, halfway=0.5),
    "hf7": _interpolated,
}
