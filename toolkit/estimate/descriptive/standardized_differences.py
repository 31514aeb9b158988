"""Standardized mean differences of two groups, from their means or prevalences."""

from collections.abc import Sequence
from math import nan, sqrt

import numpy as np

from toolkit.results import Floats, Row


def compare_means(means: Sequence[Row], deviations: Sequence[Row]) -> float:
    """Compute the absolute difference of two means over the root of their mean variance (Austin 2009)."""
    first, second = (_read(row) for row in means)
    variance = sum(_read(row) ** 2 for row in deviations) / 2
    return abs(second - first) / sqrt(variance) if variance > 0 else nan


def compare_prevalences(first: Sequence[Row], second: Sequence[Row]) -> float:
    """Compute the Mahalanobis distance of the prevalences of levels in two groups (Yang and Dalton 2012).

    One row, that of the case, describes two levels; otherwise the last level follows from the others. A
    level without anyone in both groups adds nothing.
    """
    shares = [np.array([_read(row) for row in rows]) for rows in (first, second)]
    if len(shares[0]) > 1:
        shares = [own[:-1] for own in shares]
    difference = shares[1] - shares[0]
    spread = sum((_vary(own) for own in shares), np.zeros((len(difference),) * 2)) / 2
    if not np.isfinite(spread).all() or not spread.any():
        return nan
    squared = float(difference @ np.linalg.pinv(spread, hermitian=True) @ difference)
    return sqrt(max(squared, 0.0))


def _vary(shares: Floats) -> Floats:
    """Compute the covariance of the marks of levels."""
    return np.diag(shares) - np.outer(shares, shares)


def _read(row: Row) -> float:
    return nan if row["estimate"] is None else float(row["estimate"])
