"""Estimate survival curves: the proportion of participants free of an event, by time.

Method: the weighted product-limit estimate (Kaplan and Meier 1958) with design-based variance by influence
values, which is Greenwood's in a simple random sample.
"""

from collections.abc import Sequence
from math import isfinite, log, nan, sqrt
from typing import Literal

import numpy as np

from toolkit.errors import EstimationError, require_known
from toolkit.estimate.regression import Clock, Times, read_times, require_two_levels
from toolkit.estimate.survey import (
    ROUNDING,
    Group,
    Row,
    Sample,
    constant,
    count_groups,
    counted_in_any,
    draw,
    estimate_groups,
    exponential,
    heading,
    interval_columns,
    intervals,
    judge_survival,
    make_result,
    require_continuous,
    zero_variance,
)
from toolkit.results import Estimates, Floats
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance

INTERVALS = ("log-log", "log", "plain")
# The most times that are estimated if none are named.
MOST_TIMES = 100


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
    """Estimate the proportion of participants free of an event, such as a first cramp, by time.

    Parameters
    ----------
    study
        Group, design and codebook.
    time
        The time of the event, or of the end of observation.
    event
        A variable of two levels, of which the case is the event.
    entry
        The time when observation began, if later than 0.
    at
        Times; None for those of the events, up to 100 of them evenly spaced.
    by
        Categorical variables; one curve in each combination of their levels.
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
        Result rows, one per group and time (in `level`); `n` is the number of participants, `n_cases` the
        events up to the time. A time until which no participant of the group was observed has a failed row.

    Raises
    ------
    VariableError
        If a variable is unknown or cannot have its role.
    EstimationError
        If no participant is in the domain or has the values.

    Notes
    -----
    Points as svykm of R's survey package. Its standard errors are for the exponential of the summed hazards;
    these are for the product.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"days": [2.0, 4.0, 4.0, 9.0], "cramp": [1, 0, 1, 0]})
    >>> study = tk.study(people, design=tk.Design.none(), name="four people")
    >>> tk.survival(study, time="days", event="cramp", at=(1, 5))["estimate"].to_list()
    [1.0, 0.5]
    """
    intervals.check_confidence(confidence)
    require_known("A survival curve has no interval", interval, INTERVALS, "Use one of")
    by = as_names(by, "by")
    clock = Clock(time, event, entry)
    require_one_role(event=event, time=time, entry=entry or (), by=by)
    sample = draw(study, [*clock.names, *by], domain, by=by)
    require_two_levels(sample.columns[event], "tk.survival")
    for name in (time, entry):
        if name:
            require_continuous(
                sample.columns[name], f"Use a continuous time: tk.survival(study, time=..., event='{event}')."
            )
    members = count_groups(sample, by, sample.complete(list(clock.names)))
    moments = _choose_times(sample, clock, members, at)
    times = {g.levels: read_times(clock, sample, g.counted) for g in members if g.n}

    def estimate(group: Group, weights: Floats) -> tuple[Floats, Floats]:
        influence, curve = np.zeros((len(weights), len(moments))), np.full(len(moments), nan)
        if weights.any():  # In a replicate a group may have no weight.
            curve, influence = _estimate_curve(times[group.levels], weights, moments)
        return curve, influence

    points, variances, matrix = estimate_groups(sample, members, estimate)
    rows = [
        _describe_survival(
            sample,
            group,
            (clock, times.get(group.levels), float(moments[k])),
            (float(points[i, k]), float(variances[i, k])),
            (interval, confidence),
        )
        for i, group in enumerate(members)
        for k in range(len(moments))
    ]
    return make_result(sample, rows, by, {"estimand": "survival", "conf_level": confidence}, matrix)


def _choose_times(
    sample: Sample, clock: Clock, members: list[Group], at: float | Sequence[float] | None
) -> Floats:
    if at is not None:
        chosen = np.atleast_1d(np.asarray(at, float))
        if not len(chosen) or (chosen < 0).any() or not np.isfinite(chosen).all():
            raise EstimationError("'at' must be times of 0 or later. Use at=(30, 60, 90), for example.")
        return chosen
    times = read_times(clock, sample, counted_in_any(members))
    moments = np.unique(times.exit[times.event])
    if len(moments) > MOST_TIMES:
        moments = moments[np.linspace(0, len(moments) - 1, MOST_TIMES).round().astype(int)]
    return moments if len(moments) else np.array([times.exit.max()])


def _estimate_curve(times: Times, weights: Floats, at: Floats) -> tuple[Floats, Floats]:
    """Compute the curve at some times with the influence values of the cells."""
    entry = np.full(len(weights), -np.inf) if times.entry is None else times.entry
    moments, of_event = np.unique(times.exit[times.event], return_inverse=True)
    events = np.bincount(of_event, weights[times.event], minlength=len(moments))
    at_risk = _sum_from(times.exit, weights, moments, "left") - _sum_from(entry, weights, moments, "left")
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


def _sum_from(moment: Floats, weights: Floats, at: Floats, side: Literal["left", "right"]) -> Floats:
    """Sum the weights of moments from each time on."""
    order = np.argsort(moment)
    rest = np.concatenate([np.cumsum(weights[order][::-1])[::-1], [0.0]])
    summed: Floats = rest[np.searchsorted(moment[order], at, side=side)]
    return summed


def _describe_survival(
    sample: Sample,
    group: Group,
    observed: tuple[Clock, Times | None, float],
    found: tuple[float, float],
    how: tuple[str, float],
) -> Row:
    (clock, times, moment), (estimate, variance) = observed, found
    event, time = (sample.columns[name].variable for name in (clock.event, clock.time))
    row = heading(group, sample.columns[event.name], event.label, f"{moment:g}")
    row |= {"level_label": f"{moment:g} {time.unit}".strip()}
    row |= {"exposure": time.name, "exposure_label": time.title}
    if times is None:
        return row
    persons = sample.persons[group.counted]
    row["n_cases"] = int(persons[times.event & (times.exit <= moment)].sum())
    if not isfinite(estimate):
        return {**row, "reason": f"no participant was under observation until {moment:g}"}
    # Beyond the last event the product may miss 0 by a rounding error.
    estimate = 0.0 if estimate < ROUNDING else estimate
    std_error = sqrt(max(variance, 0.0))
    verdict = judge_survival(int(persons[times.exit >= moment].sum()), group.df)
    row |= interval_columns(std_error, _compute_ends(how, estimate, std_error, group.df), group.df, verdict)
    row["estimate"] = estimate
    if estimate in (0.0, 1.0):
        who = "every participant" if estimate == 0 else "no participant"
        return constant(row, f"{who} had the event by then, so it has no standard error")
    return zero_variance(sample, group.counted, row, estimate * (1 - estimate))


def _compute_ends(how: tuple[str, float], estimate: float, std_error: float, df: float) -> intervals.Ends:
    interval, confidence = how
    reach = intervals.student(confidence, df) * std_error
    if estimate in (0.0, 1.0) or std_error == 0:
        return estimate, estimate
    if interval == "plain":
        return max(estimate - reach, 0.0), min(estimate + reach, 1.0)
    if interval == "log":
        return estimate * exponential(-reach / estimate), min(estimate * exponential(reach / estimate), 1.0)
    turned = reach / (estimate * abs(log(estimate)))
    return estimate ** exponential(turned), estimate ** exponential(-turned)
