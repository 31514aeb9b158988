"""Estimate how many people are still free of an event after given times.

Takes a study with the time of each person under observation; gives result rows, one a group and time.
Method: the weighted product-limit estimate (Kaplan and Meier 1958) with the design's variance by influence
values, which is Greenwood's where people are a simple random sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log, nan, sqrt
from typing import Any, Literal

import numpy as np

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.regression.likelihoods.cox import Times
from toolkit.estimate.regression.likelihoods.families import Clock, read_times
from toolkit.estimate.regression.specification import require_two_levels
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.linearization import Estimate, spread
from toolkit.estimate.survey.people import People, anyone, finite, heading, people_of, result_of, stack
from toolkit.estimate.survey.reliability import SMALLEST_DF
from toolkit.estimate.survey.unvarying import ROUNDING, constant, zero_variance
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance

INTERVALS = ("log-log", "log", "plain")
# So many times at most are shown if none are named.
MOST_TIMES = 100
# A curve that rests on fewer people still under observation is for review.
FEWEST_OBSERVED = 10


@dataclass(frozen=True)
class _Asked:
    clock: Clock
    at: Floats
    interval: str
    confidence: float


@with_covariance
def survival(
    study: Study,
    time: str,
    event: str,
    *,
    entry: str | None = None,
    at: float | Sequence[float] | None = None,
    by: Names = (),
    domain: str = "",
    interval: str = "log-log",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the proportion of people still free of an event, such as a first cramp, by time.

    Parameters
    ----------
    study
        People, design and codebook.
    time
        A number: the time of the event, or else of the end of observation.
    event
        A variable of two levels; the case is the event.
    entry
        A number: where observation began, if later than at 0.
    at
        Times; None for those of the events, up to 100 of them evenly spread.
    by
        Categories; one curve within each of their levels.
    domain
        A condition in the domain language; null is outside.
    interval
        "log-log" (stays between 0 and 1), "log" (R's svykm) or "plain", with Student's t.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows, one a group and time, which stands in `level`; `n` are the people of the curve,
        `n_cases` the events up to the time. A time until which nobody of the group was observed has a
        failed row.

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot stand where it does.
    EstimationError
        If nobody is in the domain or has the values.

    Notes
    -----
    Points as svykm of R's survey package. Its standard errors are those of the exponential of the summed
    hazards, a little apart from the product; these are the product's own.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"days": [2.0, 4.0, 4.0, 9.0], "cramp": [1, 0, 1, 0]})
    >>> study = tk.study(people, design=tk.Design.none(), name="four people")
    >>> tk.survival(study, time="days", event="cramp", at=(1, 5))["estimate"].to_list()
    [1.0, 0.5]
    """
    intervals.check_confidence(confidence)
    if interval not in INTERVALS:
        raise EstimationError(
            unknown("a survival curve has no interval", interval, INTERVALS, f"All: {', '.join(INTERVALS)}")
        )
    by = as_names(by, "by")
    clock = Clock(time, event, entry)
    require_one_role(event=event, time=time, entry=entry or (), by=by)
    sample = draw(study, [*clock.names, *by], domain, by=by)
    _require(sample, clock)
    people = people_of(sample, by, sample.complete(list(clock.names)))
    asked = _Asked(clock, _times(sample, clock, people, at), interval, confidence)
    found, matrix = spread(sample, lambda drawn: _curves(drawn, people, asked))
    points, variances = (x.reshape(len(people), -1) for x in (found.points, matrix.diagonal()))
    rows = [
        _row(sample, group, asked, seen, (k, float(points[i, k]), float(variances[i, k])))
        for i, group in enumerate(people)
        for seen in [read_times(clock, sample, group.counted) if group.n else None]
        for k in range(len(asked.at))
    ]
    return result_of(sample, rows, by, {"estimand": "survival", "conf_level": confidence}, matrix)


def _require(sample: Sample, clock: Clock) -> None:
    require_two_levels(sample.columns[clock.event], "tk.survival")
    for name in (clock.time, clock.entry):
        if name and not sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' is a category, and time is a number. Write tk.survival(study, time=..., "
                f"event='{clock.event}') with the name of a number."
            )


def _times(sample: Sample, clock: Clock, people: list[People], at: float | Sequence[float] | None) -> Floats:
    if at is not None:
        chosen = np.atleast_1d(np.asarray(at, float))
        if not len(chosen) or (chosen < 0).any() or not np.isfinite(chosen).all():
            raise EstimationError("'at' holds times of 0 and later, such as at=(30, 60, 90).")
        return chosen
    times = read_times(clock, sample, anyone(people))
    moments = np.unique(times.exit[times.event])
    if len(moments) > MOST_TIMES:
        moments = moments[np.linspace(0, len(moments) - 1, MOST_TIMES).round().astype(int)]
    return moments if len(moments) else np.array([times.exit.max()])


def _curves(sample: Sample, people: list[People], asked: _Asked) -> Estimate:
    points, parts = [], []
    for group in people:
        own = np.zeros((len(sample.unit), len(asked.at)))
        curve = np.full(len(asked.at), nan)
        weights = sample.weights[group.counted]
        if weights.any():  # In a replicate nobody of the group may have a weight.
            times = read_times(asked.clock, sample, group.counted)
            curve, own[group.counted] = _curve(times, weights, asked.at)
        points.append(curve)
        parts.append(own)
    return Estimate(np.concatenate(points), stack(parts), anyone(people))


def _curve(times: Times, weights: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Give the curve at some times with the influence values of the cells."""
    entry = np.full(len(weights), -np.inf) if times.entry is None else times.entry
    moments, of_event = np.unique(times.exit[times.event], return_inverse=True)
    events = np.bincount(of_event, weights[times.event], minlength=len(moments))
    at_risk = _after(times.exit, weights, moments, "left") - _after(entry, weights, moments, "left")
    with np.errstate(all="ignore"):
        left = np.where(at_risk > 0, np.maximum(1 - events / at_risk, 0), 1.0)
        moved = np.where(left > 0, events / (at_risk * (at_risk - events)), 0.0)
    until = np.searchsorted(moments, at, side="right")
    curve = np.concatenate([[1.0], np.cumprod(left)])[until]
    drift = np.concatenate([[0.0], np.cumsum(moved)])
    exits = np.searchsorted(moments, times.exit, side="right")
    begins = np.searchsorted(moments, entry, side="right")
    exposed = drift[np.minimum(exits[:, None], until)] - drift[np.minimum(begins[:, None], until)]
    own = np.zeros(len(weights))
    own[times.event] = np.where(left > 0, 1 / np.where(left > 0, at_risk * left, 1), 0)[of_event]
    happened = own[:, None] * (times.event[:, None] & (times.exit[:, None] <= at))
    curve[at > times.exit.max()] = nan
    return curve, np.nan_to_num(curve) * (exposed - happened) * weights[:, None]


def _after(moment: Floats, weights: Floats, at: Floats, side: Literal["left", "right"]) -> Floats:
    """Sum the weights of moments from each time on."""
    order = np.argsort(moment)
    rest = np.concatenate([np.cumsum(weights[order][::-1])[::-1], [0.0]])
    summed: Floats = rest[np.searchsorted(moment[order], at, side=side)]
    return summed


def _row(
    sample: Sample, group: People, asked: _Asked, seen: Times | None, found: tuple[int, float, float]
) -> dict[str, Any]:
    event, time = (sample.columns[name].variable for name in (asked.clock.event, asked.clock.time))
    k, estimate, variance = found
    moment = float(asked.at[k])
    row = heading(group, sample.columns[event.name], event.label, f"{moment:g}")
    row |= {"level_label": f"{moment:g} {time.unit}".strip()}
    row |= {"exposure": time.name, "exposure_label": time.title}
    if seen is None:
        return row
    persons = sample.persons[group.counted]
    row["n_cases"] = int(persons[seen.event & (seen.exit <= moment)].sum())
    if not isfinite(estimate):
        return {**row, "reason": f"nobody was under observation until {moment:g}"}
    # Beyond the last event the product may miss 0 by a rounding error.
    estimate = 0.0 if estimate < ROUNDING else estimate
    std_error = sqrt(max(variance, 0.0))
    low, high = _ends(asked, estimate, std_error, group.df)
    still = int(persons[seen.exit >= moment].sum())
    row |= {
        "estimate": estimate,
        "std_error": std_error,
        "conf_low": finite(low),
        "conf_high": finite(high),
        "df": group.df,
        **_judged(group, still),
    }
    if estimate in (0.0, 1.0):
        happened = "everybody had the event by then" if estimate == 0 else "nobody had the event by then"
        return constant(row, f"{happened}, which leaves no standard error")
    return zero_variance(sample, group.counted, row, estimate * (1 - estimate))


def _ends(asked: _Asked, estimate: float, std_error: float, df: float) -> intervals.Ends:
    reach = intervals.student(asked.confidence, df) * std_error
    if estimate in (0.0, 1.0) or std_error == 0:
        return estimate, estimate
    if asked.interval == "plain":
        return max(estimate - reach, 0.0), min(estimate + reach, 1.0)
    if asked.interval == "log":
        return estimate * exp(-reach / estimate), min(estimate * exp(reach / estimate), 1.0)
    turned = reach / (estimate * abs(log(estimate)))
    low, high = (estimate ** exp(sign * turned) for sign in (1, -1))
    return low, high


def _judged(group: People, still: int) -> dict[str, Any]:
    reasons = []
    if not group.df > 0:
        return {"reliability": "suppress", "reason": "no degrees of freedom for an interval"}
    if group.df < SMALLEST_DF:
        reasons.append(f"{group.df:.0f} degrees of freedom, below {SMALLEST_DF}")
    if still < FEWEST_OBSERVED:
        reasons.append(f"only {still} persons still under observation, fewer than {FEWEST_OBSERVED}")
    return {"reliability": "review" if reasons else "ok", "reason": "; ".join(reasons) or None}
