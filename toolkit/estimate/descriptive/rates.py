"""Estimate rates: events over the time that people were under observation.

Takes a study with events and person-time; gives result rows, one a group.
Method: the ratio of two weighted totals with the design's variance, and an interval on the log scale.
"""

from dataclasses import replace
from functools import partial
from math import exp, inf, isfinite, log, sqrt
from typing import Any

import numpy as np

from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.intervals import student
from toolkit.estimate.survey.linearization import Estimate, spread
from toolkit.estimate.survey.people import People, anyone, finite, heading, people_of, result_of, stack
from toolkit.estimate.survey.reliability import FEWEST_CASES, LARGEST_COUNT_WIDTH, SMALLEST_DF
from toolkit.estimate.survey.roles import Column, require_countable
from toolkit.estimate.survey.unvarying import ROUNDING, Effect, constant, zero_variance
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance


@with_covariance
def rate(
    study: Study,
    events: str,
    time: str,
    *,
    per: float = 1.0,
    by: Names = (),
    domain: str = "",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate how many events happen in so much person-time.

    Parameters
    ----------
    study
        People, design and codebook.
    events
        A count of events, or a variable of two levels whose case is an event.
    time
        A number above 0: the time under observation, such as "person_years" or "diary_nights".
    per
        Units of time that the rate is given for: 1000 for events in a thousand person-years.
    by
        Categories; one rate within each of their levels.
    domain
        A condition in the domain language; null is outside.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows, one a group; `n_cases` is the number of events. The standard error is that of the rate,
        the interval is symmetric on the log scale. Without any event there is no standard error, and the
        interval is the exact one of a Poisson count in the persons' own time over the design effect.

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot stand where it does.
    EstimationError
        If nobody is in the domain or has the values.

    Notes
    -----
    Without a design the variance is robust: it holds for events that come in bouts too. The ratio of rates,
    adjusted, is ``tk.model(study, "events ~ exposure", "poisson", offset="log(time)", exponentiate=True)``.
    Rates on fewer than 10 events, or with too wide an interval, are flagged as the NCHS does (Vital Health
    Stat 2(200), 2023).

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [1.0, 0.0, 3.0], "years": [2.0, 1.0, 5.0]})
    >>> study = tk.study(people, design=tk.Design.none(), name="three people")
    >>> tk.rate(study, events="cramps", time="years", per=100)["estimate"].item()
    50.0
    """
    intervals.check_confidence(confidence)
    if not 0 < per < inf:
        raise EstimationError(f"'per' is {per:g}; it is a number of units of '{time}', such as per=1000.")
    by = as_names(by, "by")
    require_one_role(events=events, time=time, by=by)
    sample = draw(study, [events, time, *by], domain, by=by)
    above, below = _events(sample, sample.columns[events]), _time(sample, sample.columns[time])
    people = people_of(sample, by, sample.complete([events, time]))
    found, matrix = spread(sample, partial(_rates, above=above, below=below, per=per, people=people))
    effect = _effect(sample, above, below, people) if (found.points == 0).any() else None
    rows = [
        _row(sample, group, (events, time), (above, below), ((point, variance, per, confidence), effect))
        for group, point, variance in zip(people, found.points, matrix.diagonal(), strict=True)
    ]
    return result_of(sample, rows, by, {"estimand": "rate", "conf_level": confidence}, matrix)


def _effect(sample: Sample, above: Floats, below: Floats, people: list[People]) -> Effect:
    """Compare the variance of the rate over all groups together with that of a Poisson count, at least 1."""
    together = replace(people[0], counted=anyone(people))
    found, matrix = spread(sample, partial(_rates, above=above, below=below, per=1.0, people=[together]))
    rate, variance, inside = float(found.points[0]), float(matrix[0, 0]), together.counted
    persons, weights = sample.persons[inside], sample.weights[inside]
    if rate > 0 and isfinite(variance):
        deff = max(variance * float(persons @ below[inside]) / rate, 1.0)
        return Effect(deff, f"exact Poisson, time / deff of all groups together ({deff:.2f})")
    deff = max(float(persons.sum() * sample.squares[inside].sum() / weights.sum() ** 2), 1.0)
    return Effect(deff, f"exact Poisson, time / (1 + CV² of the weights) ({deff:.2f})")


def _events(sample: Sample, column: Column) -> Floats:
    require_countable(
        column,
        f"'{column.name}' has {len(column.levels)} levels and is no count of events. Derive one first: "
        f"study.derive('{column.name}_happened', \"{column.name} == '...'\").",
    )
    values = sample.numbers(column.name)
    _refuse(sample, column.name, values < 0, "below 0")
    return values


def _time(sample: Sample, column: Column) -> Floats:
    if not column.continuous:
        raise VariableError(
            f"'{column.name}' is a category, and person-time is a number. Name one, such as "
            f"tk.rate(..., time='person_years')."
        )
    values = sample.numbers(column.name)
    _refuse(sample, column.name, values <= 0, "0 or below")
    return values


def _refuse(sample: Sample, name: str, wrong: Any, what: str) -> None:
    if wrong.any():
        least = f"{name} > 0" if "or" in what else f"{name} >= 0"
        raise VariableError(
            f"'{name}' is {what} for {int(sample.persons[wrong].sum()):,} of {sample.size:,} persons. "
            f"Correct it, or narrow the domain: '{least}'."
        )


def _rates(sample: Sample, *, above: Floats, below: Floats, per: float, people: list[People]) -> Estimate:
    points, parts = [], []
    for group in people:
        weights = np.where(group.counted, sample.weights, 0.0)
        top, bottom = (np.where(group.counted, x, 0.0) for x in (above, below))
        total = float(weights @ bottom) or 1.0
        point = float(weights @ top) / total
        points.append(per * point)
        parts.append(per * weights * (top - point * bottom) / total)
    return Estimate(np.array(points), stack(parts), anyone(people))


def _row(
    sample: Sample,
    group: People,
    names: tuple[str, str],
    numbers: tuple[Floats, Floats],
    asked: tuple[tuple[float, float, float, float], Effect | None],
) -> dict[str, Any]:
    events, time = (sample.columns[name].variable for name in names)
    found, effect = asked
    estimate, variance, per, confidence = map(float, found)
    row = heading(
        group, sample.columns[events.name], f"{events.label} ({_unit(time.unit or time.label, per)})"
    )
    row |= {"exposure": time.name, "exposure_label": time.title}
    if not group.n:
        return row
    persons = sample.persons[group.counted]
    cases, total = (float(persons @ x[group.counted]) for x in numbers)
    row |= {"estimate": estimate, "df": group.df, "n_cases": round(cases)}
    if effect and estimate == 0:
        shrunk = (student(confidence, group.persons - 1) / student(confidence, group.df)) ** 2
        high = per * -log((1 - confidence) / 2) / (total / effect.deff * shrunk)
        row |= {"conf_low": 0.0, "conf_high": finite(high), "deff": effect.deff, "variance": effect.source}
        return {**row, **_judged(cases, inf, group.df)}
    std_error = sqrt(variance)
    reach = student(confidence, group.df) * std_error / estimate
    low, high = estimate * exp(-reach), estimate * exp(reach)
    row |= {"std_error": std_error, "conf_low": finite(low), "conf_high": finite(high)}
    row |= _judged(cases, (high - low) / estimate, group.df)
    counts, observed = (x[group.counted] for x in numbers)
    residual, scale = per * counts - estimate * observed, estimate * observed
    if np.linalg.norm(residual) <= ROUNDING * np.linalg.norm(scale):
        return constant(row, f"all {group.n:,} persons have the same rate, which leaves no standard error")
    weights = sample.weights[group.counted]
    return zero_variance(
        sample, group.counted, row, float(np.linalg.norm(weights * residual) / (weights @ observed))
    )


def _unit(unit: str, per: float) -> str:
    return f"per {per:,.10g} {unit}" if per != 1 else f"per {unit.removesuffix('s')}"


def _judged(cases: float, width: float, df: float) -> dict[str, Any]:
    if not df > 0:
        return {"reliability": "suppress", "reason": "no degrees of freedom for an interval"}
    if not cases:
        return {"reliability": "review", "reason": "no event in this time"}
    if cases < FEWEST_CASES:
        return {"reliability": "suppress", "reason": f"only {cases:g} events, fewer than {FEWEST_CASES}"}
    if width > LARGEST_COUNT_WIDTH:
        reason = f"interval {width:.1f} times as wide as the rate, above {LARGEST_COUNT_WIDTH}"
        return {"reliability": "suppress", "reason": reason}
    if df < SMALLEST_DF:
        return {"reliability": "review", "reason": f"{df:.0f} degrees of freedom, below {SMALLEST_DF}"}
    return {"reliability": "ok", "reason": None}
