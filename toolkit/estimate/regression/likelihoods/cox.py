"""Fit Cox's model of the time to an event, with ties by Efron or Breslow, late entry and strata.

Takes a design matrix without an intercept, times, events and weights; gives the `Maximum` of the weighted
partial likelihood. Its influence values are the weighted dfbeta of R's survival package (Therneau and
Grambsch 2000, ch. 7; Binder 1992 for surveys).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.regression.likelihoods.newton import Maximum, Place, climb, slopes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]
    Mask = NDArray[np.bool_]

TIES = ("efron", "breslow")


@dataclass(frozen=True, slots=True)
class Times:
    """When people were under observation, and whether the event ended it.

    Attributes
    ----------
    exit, event
        The end of observation, and whether the event happened then.
    entry
        Where observation began; None for the start of time.
    stratum
        Numbers of the groups that have a baseline of their own; None for one.
    """

    exit: "Floats"
    event: "Mask"
    entry: "Floats | None" = None
    stratum: "Indices | None" = None


@dataclass(frozen=True, slots=True)
class _Risk:
    """The points in time with an event, and which of them each cell is at risk at.

    Places in time run through the strata one after another. `first` and `last` bound the event points of a
    cell, `of_event` is the point of a cell's own event. A step is one of the tied events; `part` is the
    share of the tied cells that it leaves out. At a vacant point everyone at risk has the weight 0, as some
    replicate weights make it: the point then says nothing.
    """

    first: "Indices"
    last: "Indices"
    events: "Indices"
    of_event: "Indices"
    points: int
    step_point: "Indices"
    part: "Floats"
    vacant: "Mask"


def fit_cox(
    X: "Floats", times: Times, weight: "Floats", *, ties: str = "efron", offset: "Floats | None" = None
) -> Maximum:
    """Maximise the weighted partial likelihood of Cox's model.

    Parameters
    ----------
    X
        One row a cell, one column a coefficient.
    times
        When the cells were under observation.
    weight
        The weight of each cell.
    ties
        "efron" or "breslow".
    offset
        Added to the linear predictor; None for none.

    Returns
    -------
    Maximum
        Log hazard ratios.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> times = Times(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False]))
    >>> X = np.array([[1.0], [0.0], [1.0], [0.0]])
    >>> fit_cox(X, times, np.ones(4)).points.round(4).tolist()
    [0.9406]
    """
    Z, back = slopes(X, weight)
    risk = _occupied(_at_risk(times, ties), weight)
    shift = np.zeros(len(X)) if offset is None else offset - np.average(offset, weights=weight)
    start = np.zeros(X.shape[1])
    return climb(lambda at: _place(at, Z[:, 1:], risk, weight, shift), start, back[1:, 1:])


def _at_risk(times: Times, ties: str) -> _Risk:
    group = np.zeros(len(times.exit), np.int64) if times.stratum is None else times.stratum
    entry = np.full(len(times.exit), -np.inf) if times.entry is None else times.entry
    _, rank = np.unique(np.concatenate([entry, times.exit]), return_inverse=True)
    width = rank.max() + 1
    begin, end = group * width + rank[: len(entry)], group * width + rank[len(entry) :]
    events = np.flatnonzero(times.event)
    keys, of_event, count = np.unique(end[events], return_inverse=True, return_counts=True)
    step_point = np.repeat(np.arange(len(keys)), count)
    order = np.arange(len(step_point)) - np.repeat(np.cumsum(count) - count, count)
    part = order / count[step_point] if ties == "efron" else np.zeros(len(step_point))
    # At risk at an event point: entered before it, and not left before it.
    first = np.searchsorted(keys, begin, side="right")
    last = np.searchsorted(keys, end, side="right")
    return _Risk(first, last, events, of_event, len(keys), step_point, part, np.zeros(len(keys), bool))


def _occupied(risk: _Risk, weight: "Floats") -> _Risk:
    """Find the vacant points."""
    weighing = _running((weight > 0).astype(float)[:, None], risk)[:, 0]
    return replace(risk, vacant=weighing < 0.5)


def _place(at: "Floats", Z: "Floats", risk: _Risk, weight: "Floats", shift: "Floats") -> Place:
    eta = shift + Z @ at
    # A common factor of all relative hazards cancels; without it the largest could overflow.
    relative = np.exp(eta - eta.max())
    own = weight * relative
    point = risk.step_point
    all_, tied = np.column_stack([own, Z * own[:, None]]), _events_only(risk, own, Z)
    at_risk = _running(all_, risk)[point] - risk.part[:, None] * tied[point]
    at_risk[risk.vacant[point]] = np.eye(1, at_risk.shape[1])
    total, mean = at_risk[:, 0], at_risk[:, 1:] / at_risk[:, :1]
    dead = np.bincount(risk.of_event, weight[risk.events], minlength=risk.points)
    each = (dead / np.bincount(risk.step_point, minlength=risk.points))[point]
    value = weight[risk.events] @ (eta - eta.max())[risk.events] - each @ np.log(total)
    hazard = each / total
    exposed, parts = _parts(Z, risk, relative, hazard, mean)
    information = (Z * (own * exposed)[:, None]).T @ Z - (mean * each[:, None]).T @ mean
    return Place(float(value), parts * weight[:, None], information)


def _events_only(risk: _Risk, own: "Floats", Z: "Floats") -> "Floats":
    columns = np.column_stack([own, Z * own[:, None]])[risk.events]
    return _sums(columns, risk.of_event, risk.points)


def _running(columns: "Floats", risk: _Risk) -> "Floats":
    """Sum over the cells at risk at each event point: those who leave later less those who enter later."""
    return _later(columns, risk.last, risk.points) - _later(columns, risk.first, risk.points)


def _later(columns: "Floats", place: "Indices", points: int) -> "Floats":
    # From the last point back: the few who are left at the end are not the difference of two large sums.
    at = _sums(columns, place, points + 1)
    later: Floats = np.cumsum(at[:0:-1], axis=0)[::-1]
    return later


def _parts(
    Z: "Floats", risk: _Risk, relative: "Floats", hazard: "Floats", mean: "Floats"
) -> "tuple[Floats, Floats]":
    """Give each cell's cumulative hazard (Efron's share left out) and its score residual."""
    steps = np.column_stack([hazard, mean * hazard[:, None], mean / _ties(risk)[:, None]])
    p = Z.shape[1]
    by_point = _sums(steps, risk.step_point, risk.points)
    until = np.vstack([np.zeros(steps.shape[1]), np.cumsum(by_point, axis=0)])
    summed = (until[risk.last] - until[risk.first])[:, : p + 1]
    halved = _sums(steps[:, : p + 1] * risk.part[:, None], risk.step_point, risk.points)
    summed[risk.events] -= halved[risk.of_event]
    exposed, means = summed[:, 0], summed[:, 1:]
    parts = -relative[:, None] * (Z * exposed[:, None] - means)
    parts[risk.events] += Z[risk.events] - by_point[risk.of_event, p + 1 :]
    return exposed, parts


def _ties(risk: _Risk) -> "Floats":
    return np.bincount(risk.step_point, minlength=risk.points).astype(float)[risk.step_point]


def _sums(values: "Floats", group: "Indices", count: int) -> "Floats":
    sums = np.empty((count, values.shape[1]))
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(group, values[:, column], minlength=count)
    return sums
