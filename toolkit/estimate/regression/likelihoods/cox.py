"""Fit the Cox model of the time to an event, with ties by Efron or Breslow, late entry and strata.

The influence values are the weighted dfbeta of R's survival package (Therneau and Grambsch 2000, ch. 7;
Binder 1992 for surveys).
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from toolkit.estimate.regression.likelihoods.newton import Evaluation, Fit, maximize, scale_slopes
from toolkit.estimate.survey import sum_by_group
from toolkit.results import Floats, Indices, Mask


@dataclass(frozen=True, slots=True)
class Times:
    """Observation times: their end, whether the event ended them, late entry, and baseline strata."""

    exit: Floats
    event: Mask
    entry: Floats | None = None
    stratum: Indices | None = None


@dataclass(frozen=True, slots=True)
class _Risk:
    """The event times, stratum after stratum, and which of them each pattern is at risk at."""

    first: Indices  # event time at which a pattern comes under risk
    last: Indices  # event time at which it was last at risk
    events: Indices
    of_event: Indices  # the time of its own event
    points: int
    step_point: Indices  # a step is one of the tied events
    part: Floats  # the share of the tied patterns that a step leaves out
    vacant: Mask  # everyone at risk has the weight 0 (replicates); contributes nothing


def fit_cox(
    X: Floats, times: Times, weight: Floats, *, ties: str = "efron", offset: Floats | None = None
) -> Fit:
    """Fit log hazard ratios, with `ties` by "efron" or "breslow"; `X` has no intercept."""
    Z, back = scale_slopes(X, weight)
    risk = _mark_vacant(_index_risk_sets(times, ties), weight)
    shift = np.zeros(len(X)) if offset is None else offset - np.average(offset, weights=weight)
    start = np.zeros(X.shape[1])
    return maximize(partial(_evaluate, Z[:, 1:], risk, weight, shift), start, back[1:, 1:])


def _index_risk_sets(times: Times, ties: str) -> _Risk:
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
    # At risk at an event time: entered before it, and not left before it.
    first = np.searchsorted(keys, begin, side="right")
    last = np.searchsorted(keys, end, side="right")
    return _Risk(first, last, events, of_event, len(keys), step_point, part, np.zeros(len(keys), bool))


def _mark_vacant(risk: _Risk, weight: Floats) -> _Risk:
    weighing = _sum_at_risk((weight > 0).astype(float)[:, None], risk)[:, 0]
    return replace(risk, vacant=weighing < 0.5)


def _evaluate(Z: Floats, risk: _Risk, weight: Floats, offset: Floats, at: Floats) -> Evaluation:
    eta = offset + Z @ at
    # A common factor of all relative hazards cancels; without it the largest could overflow.
    relative = np.exp(eta - eta.max())
    own = weight * relative
    point = risk.step_point
    weighted = np.column_stack([own, Z * own[:, None]])
    tied = sum_by_group(weighted[risk.events], risk.of_event, risk.points)
    at_risk = _sum_at_risk(weighted, risk)[point] - risk.part[:, None] * tied[point]
    at_risk[risk.vacant[point]] = np.eye(1, at_risk.shape[1])
    total, mean = at_risk[:, 0], at_risk[:, 1:] / at_risk[:, :1]
    dead = np.bincount(risk.of_event, weight[risk.events], minlength=risk.points)
    each = (dead / np.bincount(point, minlength=risk.points))[point]
    value = weight[risk.events] @ (eta - eta.max())[risk.events] - each @ np.log(total)
    exposed, parts = _score_residuals(Z, risk, relative, each / total, mean)
    information = (Z * (own * exposed)[:, None]).T @ Z - (mean * each[:, None]).T @ mean
    return Evaluation.from_parts(float(value), parts * weight[:, None], information)


def _sum_at_risk(columns: Floats, risk: _Risk) -> Floats:
    """Sum over the patterns at risk at each event time: those that end later less those that enter later."""
    return _sum_later(columns, risk.last, risk.points) - _sum_later(columns, risk.first, risk.points)


def _sum_later(columns: Floats, place: Indices, points: int) -> Floats:
    # From the last time back, so that small sums at the end are not the difference of two large ones.
    at = sum_by_group(columns, place, points + 1)
    later: Floats = np.cumsum(at[:0:-1], axis=0)[::-1]
    return later


def _score_residuals(
    Z: Floats, risk: _Risk, relative: Floats, hazard: Floats, mean: Floats
) -> tuple[Floats, Floats]:
    """Compute each pattern's cumulative hazard (Efron's share left out) and its score residual."""
    ties = np.bincount(risk.step_point, minlength=risk.points)[risk.step_point]
    steps = np.column_stack([hazard, mean * hazard[:, None], mean / ties[:, None]])
    p = Z.shape[1]
    by_point = sum_by_group(steps, risk.step_point, risk.points)
    until = np.vstack([np.zeros(steps.shape[1]), np.cumsum(by_point, axis=0)])
    summed = (until[risk.last] - until[risk.first])[:, : p + 1]
    halved = sum_by_group(steps[:, : p + 1] * risk.part[:, None], risk.step_point, risk.points)
    summed[risk.events] -= halved[risk.of_event]
    exposed, means = summed[:, 0], summed[:, 1:]
    parts = -relative[:, None] * (Z * exposed[:, None] - means)
    parts[risk.events] += Z[risk.events] - by_point[risk.of_event, p + 1 :]
    return exposed, parts
