"""Bend the line of a number: restricted cubic splines, straight beyond their outer knots.

Takes values, and knots or their number with weights; gives the columns of a design matrix.
"""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.survey.distributions import QUANTILE_RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.estimate.survey.variance.linearized import Floats

# Outer quantiles of Harrell's knots by their number (Regression Modeling Strategies, 2nd ed. 2015,
# table 2.3); the others lie at equal distances between them.
OUTER = {3: 0.10, 4: 0.05, 5: 0.05, 6: 0.05, 7: 0.025}
_TIED = 0.05  # An outermost value shared by so many gets the knot to itself.
_FEW = 100  # With fewer values the outer knots are the fifth smallest and the fifth largest.


def knots_at(values: "Floats", weights: "Floats", count: float, name: str = "x") -> "Floats":
    """Put knots at weighted quantiles, where Harrell puts so many.

    Parameters
    ----------
    values, weights
        Of each cell.
    count
        3 to 7.
    name
        What the values are called, for an error.

    Returns
    -------
    numpy.ndarray
        Knots, rising. With equal weights they are those of `rcs` in R's rms.

    Raises
    ------
    EstimationError
        For another number of knots, or if knots fall on one another.

    Examples
    --------
    >>> knots_at(np.arange(101.0), np.ones(101), 3).tolist()
    [10.0, 50.0, 90.0]
    """
    if count not in OUTER:
        raise EstimationError(
            f"a spline of '{name}' cannot have {count:g} knots: choose 3 to 7, or name the knots: "
            f"rcs({name}, 30, 50, 70)."
        )
    distinct, knots = np.unique(values), np.empty(0)
    if len(distinct) - 2 == count:
        return distinct[1:-1]
    if len(distinct) - 2 > count and len(values) > 5:
        knots = _placed(values, weights, int(count))
    if len(knots) < count or (np.diff(knots) <= 0).any():
        raise EstimationError(
            f"{count:g} knots of '{name}' fall on {len(np.unique(knots)) or len(distinct)} values, because "
            f"many people share a value. Take fewer knots, or name them: rcs({name}, 30, 50, 70)."
        )
    return knots


def _placed(values: "Floats", weights: "Floats", count: int) -> "Floats":
    """Place knots as Hmisc's `rcspline.eval`, with shares and quantiles weighted."""
    first, last = _tied(values, weights)
    inner = (values > first) & (values < last)
    values, weights = values[inner], weights[inner]
    free, outer = count - np.isfinite(first) - np.isfinite(last), OUTER[count]
    starts = 0.5 if free <= 2 else outer
    at = np.linspace(starts, 0.5 if free == 1 else 1 - outer, int(free))
    knots = np.array([QUANTILE_RULES["hf7"](values, weights, p) for p in at])
    if len(values) < _FEW and free > 1:
        ordered = np.sort(values)
        if not np.isfinite(first):
            knots[0] = ordered[min(4, len(ordered) - 1)]
        if not np.isfinite(last):
            knots[-1] = ordered[max(-5, -len(ordered))]
    ends = np.array([end for end in (first, last) if np.isfinite(end)])
    return np.sort(np.concatenate([ends, knots]))


def _tied(values: "Floats", weights: "Floats") -> tuple[float, float]:
    """Give the value next to an outermost one that many share, where a knot goes; infinite where few do."""
    distinct, place = np.unique(values, return_inverse=True)
    share = np.bincount(place, weights) / weights.sum()
    if share[1:-1].max() >= _TIED:
        return -np.inf, np.inf
    first = distinct[1] if share[0] >= _TIED else -np.inf
    # The second tie is looked for among the values beyond the first knot.
    return float(first), float(distinct[-2] if share[-1] >= _TIED else np.inf)


def spline(values: "Floats", knots: "Sequence[float] | Floats") -> "Floats":
    """Give the columns of a restricted cubic spline.

    Parameters
    ----------
    values
        Where it is wanted.
    knots
        3 or more, rising.

    Returns
    -------
    numpy.ndarray
        Values x (knots - 1): the value itself, then the bends, divided by the squared distance of the outer
        knots, as `rcs` of R's rms.

    Examples
    --------
    >>> spline(np.array([0.0, 10.0]), [2.0, 4.0, 6.0]).round(3).tolist()
    [[0.0, 0.0], [10.0, 9.0]]
    """
    t = np.asarray(knots, float)
    cubed = np.maximum(values[:, None] - t, 0) ** 3
    last, before = t[-1], t[-2]
    bends = (
        cubed[:, :-2]
        - cubed[:, -2:-1] * (last - t[:-2]) / (last - before)
        + cubed[:, -1:] * (before - t[:-2]) / (last - before)
    )
    return np.column_stack([values, bends / (last - t[0]) ** 2])
