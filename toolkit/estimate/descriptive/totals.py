"""Estimate totals of a population, numbers of people among them, and ratios of two totals.

Takes a study and names of variables; gives result rows, one a group and variable or level.
Method: weighted sums with Taylor linearisation, as svytotal and svyratio of R's survey package.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Mask, Sample, draw
from toolkit.estimate.survey.design_effects import design_effect, population
from toolkit.estimate.survey.linearization import Estimate, spread
from toolkit.estimate.survey.people import People, anyone, finite, heading, people_of, result_of, stack
from toolkit.estimate.survey.reliability import judge_count, judge_mean
from toolkit.estimate.survey.roles import Column, require_countable
from toolkit.estimate.survey.unvarying import ROUNDING, constant, zero_variance
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance


@dataclass(frozen=True)
class _Summed:
    """What one row sums up: a number, or the people of a level (then `cases` is that level)."""

    column: Column
    level: str | None
    values: Floats

    @property
    def people(self) -> bool:
        return not self.column.continuous


@with_covariance
def total(
    study: Study,
    variable: Names,
    *,
    by: Names = (),
    domain: str = "",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the total of a number in the population, or how many people have a level.

    Parameters
    ----------
    study
        The study. Its weights must say how many people a person stands for.
    variable
        A number, whose values are added up; or a variable of levels, whose people are counted: the case of
        two, each level of more. Several are added up over the people who have a value in each.
    by
        Variables with levels or codes, whose combinations each have rows.
    domain
        A condition in the domain language, such as "age >= 20"; null is outside.
    confidence
        Of Student's t interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows (`toolkit.results.SCHEMA`), one a group and variable or level; people without a value are
        not in the total, and counted in `n_missing`.

    Raises
    ------
    VariableError
        For an unknown variable or level.
    DesignError
        For a broken weight or design.
    EstimationError
        If nobody is in the domain or has a value.

    Notes
    -----
    As svytotal of R's survey package, na.rm=TRUE. Numbers of people are judged by the standards of the NCHS
    for counts (Vital Health Stat 2(200), 2023), totals of numbers by their relative standard error.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1], "nights": [0.0, 2.0, 4.0], "w": [10.0, 20.0, 10.0]})
    >>> mine = tk.study(people, design=tk.Design(weight="w"), name="three people")
    >>> total(mine, "cramps")["estimate"].item(), total(mine, "nights")["estimate"].item()
    (30.0, 80.0)
    """
    intervals.check_confidence(confidence)
    names, by = as_names(variable, "variable"), as_names(by, "by")
    sample = draw(study, [*names, *by], domain, by=by)
    summed = [one for name in names for one in _summed(sample, sample.columns[name])]
    values = np.column_stack([one.values for one in summed])
    people = people_of(sample, by, _there(values))
    found, matrix = spread(sample, lambda drawn: _totals(drawn, np.nan_to_num(values), people))
    points, variances = (x.reshape(len(people), -1) for x in (found.points, matrix.diagonal()))
    rows = [
        _total_row(sample, group, one, (points[i, k], variances[i, k]), confidence)
        for i, group in enumerate(people)
        for k, one in enumerate(summed)
    ]
    return result_of(sample, rows, by, {"estimand": "total", "conf_level": confidence}, matrix)


def _summed(sample: Sample, column: Column) -> list[_Summed]:
    if column.continuous:
        return [_Summed(column, None, sample.numbers(column.name))]
    codes = sample.codes(column.name)
    levels = column.levels if column.case is None else (column.case,)
    return [
        _Summed(column, level, np.where(codes < 0, np.nan, codes == column.levels.index(level)))
        for level in levels
    ]


def _there(values: Floats) -> Mask:
    return np.asarray(~np.isnan(values).any(axis=1), bool)


def _totals(sample: Sample, values: Floats, people: list[People]) -> Estimate:
    parts = [np.where(g.counted, sample.weights, 0.0)[:, None] * values for g in people]
    influence = stack(parts)
    return Estimate(influence.sum(axis=0), influence, anyone(people))


def _total_row(
    sample: Sample, group: People, one: _Summed, found: tuple[float, float], confidence: float
) -> dict[str, Any]:
    column = one.column
    row = heading(group, column, column.variable.title, one.level)
    if not group.n:
        return row
    estimate, variance = (float(number) for number in found)
    low, high = intervals.around(estimate, sqrt(variance), group.df, confidence)
    own = {"std_error": sqrt(variance), "conf_low": finite(low), "conf_high": finite(high), "df": group.df}
    if one.people:
        cases = int((sample.persons * np.nan_to_num(one.values))[group.counted].sum())
        verdict = judge_count(estimate, cases, variance, group.df)
        own["n_cases"] = cases
    else:
        verdict = judge_mean(estimate, variance, group.df, group.n)
    own["deff"] = _design_effect(sample, group, one, variance)
    row |= {**own, "estimate": estimate, "reliability": verdict[0], "reason": verdict[1]}
    values = np.where(group.counted, np.nan_to_num(one.values), 0.0)
    if not values.any():
        return constant({**row, "deff": None}, f"'{column.name}' is 0 for all {group.n:,} persons")
    return zero_variance(sample, group.counted, row, float(np.linalg.norm(values * sample.weights)))


def _design_effect(sample: Sample, group: People, one: _Summed, variance: float) -> float | None:
    """Compare a total with that of a simple random sample of the same people."""
    weights, values = sample.weights[group.counted], one.values[group.counted]
    total = float(weights.sum())
    between = float(weights @ np.square(values - weights @ values / total)) / total
    return design_effect(variance / total**2, between, group.n, population(sample, group.counted))


@with_covariance
def ratio(
    study: Study,
    numerator: str,
    denominator: str,
    *,
    by: Names = (),
    domain: str = "",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the ratio of two totals, such as nights with cramps per night of diary.

    Parameters
    ----------
    study
        The study.
    numerator, denominator
        Numbers, or variables of two levels (the case counts 1); people without a value in both are left out.
    by, domain, confidence, covariance
        As in `total`.

    Returns
    -------
    Estimates
        Result rows, one a group: `outcome` is the numerator, `exposure` the denominator.

    Raises
    ------
    VariableError, DesignError, EstimationError
        As `total`.

    Notes
    -----
    As svyratio of R's survey package, na.rm=TRUE; Student's t interval.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"nights": [0.0, 2.0, 4.0], "diary": [10.0, 10.0, 20.0]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="three people")
    >>> ratio(mine, "nights", "diary")["estimate"].item()
    0.15
    """
    intervals.check_confidence(confidence)
    by = as_names(by, "by")
    require_one_role(numerator=numerator, by=by)
    require_one_role(denominator=denominator, by=by)
    sample = draw(study, [numerator, denominator, *by], domain, by=by)
    above, below = (_as_number(sample, name) for name in (numerator, denominator))
    people = people_of(sample, by, _there(np.column_stack([above, below])))
    found, matrix = spread(sample, lambda drawn: _ratios(drawn, above, below, people))
    rows = [
        _ratio_row(sample, group, (numerator, denominator), (above, below), (*map(float, own), confidence))
        for group, *own in zip(people, found.points, matrix.diagonal(), strict=True)
    ]
    return result_of(sample, rows, by, {"estimand": "ratio", "conf_level": confidence}, matrix)


def _as_number(sample: Sample, name: str) -> Floats:
    column = sample.columns[name]
    require_countable(
        column,
        f"'{name}' has {len(column.levels)} levels and is no part of a ratio. How many people have each: "
        f"tk.total(study, '{name}').",
    )
    return sample.numbers(name)


def _ratios(sample: Sample, above: Floats, below: Floats, people: list[People]) -> Estimate:
    points, parts = [], []
    for group in people:
        weights = np.where(group.counted, sample.weights, 0.0)
        top, bottom = (float(weights @ np.nan_to_num(x)) for x in (above, below))
        point = top / bottom if bottom else np.nan
        points.append(point)
        residual = np.nan_to_num(above) - np.nan_to_num(point) * np.nan_to_num(below)
        parts.append(weights * residual / (bottom or 1.0))
    return Estimate(np.array(points), stack(parts), anyone(people))


def _ratio_row(
    sample: Sample,
    group: People,
    names: tuple[str, str],
    values: tuple[Floats, Floats],
    found: tuple[float, ...],
) -> dict[str, Any]:
    above, below = (sample.columns[name] for name in names)
    row = heading(group, above, above.variable.title)
    row |= {"exposure": below.name, "exposure_label": below.variable.title}
    estimate, variance, confidence = found
    if not group.n:
        return row
    if not np.isfinite(estimate):
        return {**row, "reason": f"the total of '{below.name}' is 0, and nothing can be divided by it"}
    low, high = intervals.around(estimate, sqrt(variance), group.df, confidence)
    verdict = judge_mean(estimate, variance, group.df, group.n)
    row |= {
        "estimate": estimate,
        "std_error": sqrt(variance),
        "conf_low": finite(low),
        "conf_high": finite(high),
        "df": group.df,
        "reliability": verdict[0],
        "reason": verdict[1],
    }
    top, bottom = (x[group.counted] for x in values)
    residual, scale = top - estimate * bottom, np.abs(top) + np.abs(estimate * bottom)
    if np.linalg.norm(residual) <= ROUNDING * np.linalg.norm(scale):
        named = f"the same ratio of '{above.name}' to '{below.name}'"
        return constant(row, f"all {group.n:,} persons have {named}, which leaves no standard error")
    weights = sample.weights[group.counted]
    size = float(np.linalg.norm(weights * residual) / abs(weights @ bottom))
    return zero_variance(sample, group.counted, row, size)
