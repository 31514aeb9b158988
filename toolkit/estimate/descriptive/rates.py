"""Estimate incidence rates: events per person-time.

Method: the ratio of two weighted totals with design-based variance, and an interval on the log scale.
"""

from dataclasses import replace
from math import inf, isfinite, log, sqrt

from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.descriptive.totals import flag_constant_ratio
from toolkit.estimate.survey import (
    Effect,
    Group,
    GroupEstimator,
    Row,
    Sample,
    count_groups,
    counted_in_any,
    draw,
    estimate_groups,
    exponential,
    heading,
    interval_columns,
    intervals,
    judge_rate,
    make_result,
    require_continuous,
    require_countable,
    student,
)
from toolkit.results import Estimates, Floats, Mask
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance


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
    """Estimate an incidence rate: events per person-time.

    Parameters
    ----------
    study
        Group, design and codebook.
    events
        A count of events, or a variable of two levels whose case is an event.
    time
        The time under observation, above 0, such as "person_years" or "diary_nights".
    per
        Units of time that the rate is given for: 1000 for events in a thousand person-years.
    by
        Categorical variables; one rate in each combination of their levels.
    domain
        A condition in the domain language; null is outside.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows, one per group; `n_cases` is the number of events. The standard error is that of the rate,
        the interval is symmetric on the log scale. Without events the standard error is null, and the
        interval is the exact one of a Poisson count in the persons' own time over the design effect.

    Raises
    ------
    VariableError
        If a variable is unknown or cannot have its role.
    EstimationError
        If no participant is in the domain or has the values.

    Notes
    -----
    Without a design the variance is robust: it is valid for clustered events too. The ratio of rates,
    adjusted, is ``tk.model(study, "events ~ exposure", "poisson", offset="log(time)", exponentiate=True)``.
    Rates from fewer than 10 events, or with wide intervals, are flagged by the NCHS standards (Vital Health
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
        raise EstimationError(
            f"'per' is {per:g}, but must be a number of units of '{time}' above 0. Use per=1000, for example."
        )
    by = as_names(by, "by")
    require_one_role(events=events, time=time, by=by)
    sample = draw(study, [events, time, *by], domain, by=by)
    require_countable(
        sample.columns[events],
        f"'{events}' is categorical with {len(sample.columns[events].levels)} levels and does not count "
        f"events. Derive an event first with study.derive('{events}_happened', \"{events} == '...'\").",
    )
    require_continuous(
        sample.columns[time], "Use a continuous person-time: tk.rate(..., time='person_years')."
    )
    count, observed = sample.numbers(events), sample.numbers(time)
    _refuse_values(sample, events, count < 0, "below 0", f"{events} >= 0")
    _refuse_values(sample, time, observed <= 0, "0 or below", f"{time} > 0")
    members = count_groups(sample, by, sample.complete([events, time]))
    points, variances, matrix = estimate_groups(sample, members, _estimate_rates(count, observed, per))
    effect = _estimate_effect(sample, count, observed, members) if (points == 0).any() else None
    rows = [
        _describe_rate(
            sample,
            group,
            (events, time),
            (count, observed),
            ((float(p[0]), float(v[0]), per, confidence), effect),
        )
        for group, p, v in zip(members, points, variances, strict=True)
    ]
    return make_result(sample, rows, by, {"estimand": "rate", "conf_level": confidence}, matrix)


def _refuse_values(sample: Sample, name: str, wrong: Mask, what: str, condition: str) -> None:
    if wrong.any():
        raise VariableError(
            f"'{name}' is {what} for {int(sample.persons[wrong].sum()):,} of {sample.size:,} participants. "
            f"Correct these values, or restrict the domain to '{condition}'."
        )


def _estimate_rates(count: Floats, observed: Floats, per: float) -> GroupEstimator:
    def estimate(group: Group, weights: Floats) -> tuple[float, Floats]:
        top, bottom = (x[group.cells] for x in (count, observed))
        total = float(weights @ bottom) or 1.0
        point = float(weights @ top) / total
        return per * point, per * weights * (top - point * bottom) / total

    return estimate


def _estimate_effect(sample: Sample, count: Floats, observed: Floats, members: list[Group]) -> Effect:
    """Compare the variance of the rate over all groups together with that of a Poisson count, at least 1."""
    together = replace(members[0], counted=counted_in_any(members))
    points, variances, _ = estimate_groups(sample, [together], _estimate_rates(count, observed, 1.0))
    rate, variance, inside = float(points[0, 0]), float(variances[0, 0]), together.counted
    persons, weights = sample.persons[inside], sample.weights[inside]
    if rate > 0 and isfinite(variance):
        deff = max(variance * float(persons @ observed[inside]) / rate, 1.0)
        return Effect(deff, f"exact Poisson, time / deff of all groups together ({deff:.2f})")
    deff = max(float(persons.sum() * sample.squares[inside].sum() / weights.sum() ** 2), 1.0)
    return Effect(deff, f"exact Poisson, time / (1 + CV² of the weights) ({deff:.2f})")


def _describe_rate(
    sample: Sample,
    group: Group,
    names: tuple[str, str],
    numbers: tuple[Floats, Floats],
    found: tuple[tuple[float, float, float, float], Effect | None],
) -> Row:
    events, time = (sample.columns[name].variable for name in names)
    (estimate, variance, per, confidence), effect = found
    unit = time.unit or time.label
    unit = f"per {per:,.10g} {unit}" if per != 1 else f"per {unit.removesuffix('s')}"
    row = heading(group, sample.columns[events.name], f"{events.label} ({unit})")
    row |= {"exposure": time.name, "exposure_label": time.title}
    if not group.n:
        return row
    cases, total = (float(sample.persons[group.counted] @ x[group.counted]) for x in numbers)
    row |= {"estimate": estimate, "n_cases": round(cases)}
    if effect and estimate == 0:
        shrunk = (student(confidence, group.persons - 1) / student(confidence, group.df)) ** 2
        high = per * -log((1 - confidence) / 2) / (total / effect.deff * shrunk)
        row |= interval_columns(0.0, (0.0, high), group.df, judge_rate(cases, inf, group.df))
        return {**row, "std_error": None, "deff": effect.deff, "variance": effect.source}
    std_error = sqrt(variance)
    reach = student(confidence, group.df) * std_error / estimate
    low, high = estimate * exponential(-reach), estimate * exponential(reach)
    verdict = judge_rate(cases, (high - low) / estimate, group.df)
    row |= interval_columns(std_error, (low, high), group.df, verdict)
    return flag_constant_ratio(sample, group, row, (per * numbers[0], numbers[1]), "rate")
