"""Estimate population totals, numbers of people with a level, and ratios of two totals.

Method: weighted sums with Taylor linearization, as svytotal and svyratio of R's survey package.
"""

from math import sqrt

import numpy as np

from toolkit.estimate.survey import (
    ROUNDING,
    Asked,
    Column,
    Group,
    Row,
    Sample,
    constant,
    count_groups,
    design_effect,
    draw,
    estimate_groups,
    heading,
    interval_columns,
    intervals,
    judge_count,
    judge_mean,
    length,
    make_result,
    population_size,
    require_countable,
    weighted_moments,
    zero_variance,
)
from toolkit.results import Estimates, Floats
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance

# What a row sums: a continuous variable (level None), or the participants of a level; with the values.
_Summand = tuple[Column, str | None, Floats]


@with_covariance
def total(
    study: Study, variable: Names, *, by: Names = (), domain: str = "", confidence: float = 0.95
) -> Estimates:
    """Estimate a population total, or the number of people with a level.

    Parameters
    ----------
    study
        The study. Its weights must sum to the population.
    variable
        A continuous variable, whose values are summed, or a categorical one, whose people are counted: the
        case of two levels, each of more. Several are summed over the participants with a value in each.
    by
        Categorical variables or codes; each combination of their levels has rows.
    domain
        A condition in the domain language, such as "age >= 20"; null is outside.
    confidence
        Of Student's t interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows (`toolkit.results.SCHEMA`), one per group and variable or level; participants without a
        value are not in the total, and counted in `n_missing`.

    Raises
    ------
    VariableError
        If a variable or level is unknown.
    DesignError
        If a weight or the design is not valid.
    EstimationError
        If no participant is in the domain or has a value.

    Notes
    -----
    As svytotal of R's survey package, na.rm=TRUE. Numbers of people are judged by the NCHS standards for
    counts (Vital Health Stat 2(200), 2023), other totals by their relative standard error.

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
    sample = draw(study, [*names, *by], domain, by=by, asked=Asked(names))
    summands = [one for name in names for one in _list_summands(sample, sample.columns[name])]

    def estimate(group: Group, weights: Floats) -> tuple[Floats, Floats]:
        # Column by column: the sums that follow run down columns.
        influence = np.empty((len(summands), len(weights)))
        for own, (*_, values) in zip(influence, summands, strict=True):
            np.multiply(weights, values[group.cells], out=own)
        return influence.sum(axis=1), influence.T

    members = count_groups(sample, by, sample.complete(names))
    points, variances, matrix = estimate_groups(sample, members, estimate)
    rows = [
        _describe_total(sample, group, one, (float(points[i, k]), float(variances[i, k])), confidence)
        for i, group in enumerate(members)
        for k, one in enumerate(summands)
    ]
    return make_result(sample, rows, by, {"estimand": "total", "conf_level": confidence}, matrix)


def _list_summands(sample: Sample, column: Column) -> list[_Summand]:
    if column.continuous:
        return [(column, None, sample.numbers(column.name))]
    levels = column.levels if column.case is None else (column.case,)
    marks = sample.marks(column.name, levels)
    return [(column, level, marks[:, k]) for k, level in enumerate(levels)]


def _describe_total(
    sample: Sample, group: Group, summand: _Summand, found: tuple[float, float], confidence: float
) -> Row:
    (column, level, every), (estimate, variance) = summand, found
    row = heading(group, column, column.variable.title, level)
    if not group.n:
        return row
    cells = group.cells
    weights = sample.weights[cells]
    if column.continuous:
        verdict = judge_mean(estimate, variance, group.df, group.n)
    else:
        row["n_cases"] = int(sample.persons[cells] @ every[cells])
        verdict = judge_count(estimate, row["n_cases"], variance, group.df)
    ends = intervals.around(estimate, sqrt(variance), group.df, confidence)
    row |= interval_columns(sqrt(variance), ends, group.df, verdict)
    center, own = sample.deviations(column.name) if column.continuous else (0.0, every)
    total, mean, between = weighted_moments(own[cells], weights)
    mean, same = mean + center, sqrt(between) <= ROUNDING * abs(mean + center)
    row["estimate"] = estimate
    if same and not mean:
        return constant({**row, "deff": None}, f"'{column.name}' is 0 for all {group.n:,} participants")
    if not same:
        row["deff"] = design_effect(variance / total**2, between, group.n, population_size(sample, total))
    return zero_variance(sample, group.counted, row, total * sqrt((between + mean**2) / group.n))


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
        Continuous variables, or ones of two levels (the case counts 1). Participants without a value in both
        are excluded.
    by, domain, confidence, covariance
        As in `total`.

    Returns
    -------
    Estimates
        Result rows, one per group: `outcome` is the numerator, `exposure` the denominator.

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
    sample = draw(study, [numerator, denominator, *by], domain, by=by, asked=Asked((numerator, denominator)))
    for name in (numerator, denominator):
        levels = len(sample.columns[name].levels)
        require_countable(
            sample.columns[name],
            f"'{name}' is categorical with {levels} levels and has no ratio. Use tk.total(study, '{name}').",
        )
    above, below = sample.numbers(numerator), sample.numbers(denominator)

    def estimate(group: Group, weights: Floats) -> tuple[float, Floats]:
        numbers = above[group.cells], below[group.cells]
        top, bottom = (float(weights @ x) for x in numbers)
        point = top / bottom if bottom else np.nan
        residual = numbers[0] - np.nan_to_num(point) * numbers[1]
        return point, weights * residual / (bottom or 1.0)

    members = count_groups(sample, by, sample.complete([numerator, denominator]))
    points, variances, matrix = estimate_groups(sample, members, estimate)
    columns = (sample.columns[numerator], sample.columns[denominator])
    rows = [
        _describe_ratio(sample, group, columns, (above, below), (float(p[0]), float(v[0]), confidence))
        for group, p, v in zip(members, points, variances, strict=True)
    ]
    return make_result(sample, rows, by, {"estimand": "ratio", "conf_level": confidence}, matrix)


def _describe_ratio(
    sample: Sample,
    group: Group,
    columns: tuple[Column, Column],
    values: tuple[Floats, Floats],
    found: tuple[float, float, float],
) -> Row:
    (above, below), (estimate, variance, confidence) = columns, found
    row = heading(group, above, above.variable.title)
    row |= {"exposure": below.name, "exposure_label": below.variable.title}
    if not group.n:
        return row
    if not np.isfinite(estimate):
        return {**row, "reason": f"the total of '{below.name}' is 0, so the ratio is not defined"}
    ends = intervals.around(estimate, sqrt(variance), group.df, confidence)
    verdict = judge_mean(estimate, variance, group.df, group.n)
    row |= {"estimate": estimate, **interval_columns(sqrt(variance), ends, group.df, verdict)}
    return flag_constant_ratio(sample, group, row, values, f"ratio of '{above.name}' to '{below.name}'")


def flag_constant_ratio(
    sample: Sample, group: Group, row: Row, values: tuple[Floats, Floats], noun: str
) -> Row:
    """Flag the row of a ratio, called `noun`, whose variance is zero; `values` are of both its totals."""
    cells = group.cells
    top, bottom = (x[cells] for x in values)
    residual, scale = top - row["estimate"] * bottom, np.abs(top) + np.abs(row["estimate"] * bottom)
    if length(residual) <= ROUNDING * length(scale):
        same = f"all {group.n:,} participants have the same {noun}"
        return constant(row, f"{same}, so it has no standard error")
    weights = sample.weights[cells]
    size = length(weights * residual) / abs(float(weights @ bottom))
    return zero_variance(sample, group.counted, row, size)
