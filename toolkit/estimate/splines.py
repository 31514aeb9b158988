"""Bend the line of a number: restricted cubic splines, straight beyond their outer knots.

Takes values, and knots or their number with weights; gives the columns of a design matrix.
"""

from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.quantiles import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.estimate.variance import Floats

# Where Harrell puts the knots (Regression Modeling Strategies, 2nd ed. 2015, table 2.3).
KNOTS = {
    3: (0.10, 0.50, 0.90),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.50, 0.725, 0.95),
    6: (0.05, 0.23, 0.41, 0.59, 0.77, 0.95),
    7: (0.025, 0.1833, 0.3417, 0.50, 0.6583, 0.8167, 0.975),
}


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
        Knots, rising. With equal weights the quantiles are R's of type 7.

    Raises
    ------
    EstimationError
        For another number of knots, or if knots fall on one another.

    Examples
    --------
    >>> knots_at(np.arange(101.0), np.ones(101), 3).tolist()
    [10.0, 50.0, 90.0]
    """
    if count not in KNOTS:
        raise EstimationError(
            f"a spline of '{name}' cannot have {count:g} knots: choose 3 to 7, or name the knots: "
            f"rcs({name}, 30, 50, 70)."
        )
    knots = np.array([RULES["hf7"](values, weights, p) for p in KNOTS[int(count)]])
    if (np.diff(knots) <= 0).any():
        raise EstimationError(
            f"{count:g} knots of '{name}' fall on {len(np.unique(knots))} values, because many people share "
            f"a value. Take fewer knots, or name them: rcs({name}, 30, 50, 70)."
        )
    return knots


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
