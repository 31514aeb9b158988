"""Estimate prevalences and means with their design-based intervals.

Takes a study, names of variables and a domain; gives result rows, one a group and level or variable.
Method: ratio mean with Taylor linearisation, a domain being taken from the whole design.
"""

from math import inf, isnan, sqrt
from typing import Any

import numpy as np

from toolkit.errors import VariableError
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.design_effects import design_effect
from toolkit.estimate.survey.domain_means import Group, averages
from toolkit.estimate.survey.intervals import Ends
from toolkit.estimate.survey.people import finite, result_of
from toolkit.estimate.survey.reliability import Verdict, judge_mean, judge_proportion
from toolkit.estimate.survey.roles import Column, require_countable
from toolkit.estimate.survey.standard_populations import Standard, as_standard
from toolkit.estimate.survey.standardized import standardised_averages
from toolkit.estimate.survey.unvarying import (
    ROUNDING,
    Effect,
    alike,
    constant,
    effects_of_groups,
    exact,
    proportion,
    zero_variance,
)
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance
from toolkit.variables.codebook import YES_NO

NO_REPLICATE = "in some replicates nobody of the group has a weight above zero, so it has no standard error"


@with_covariance
def prevalence(
    study: Study,
    outcome: str,
    *,
    by: Names = (),
    domain: str = "",
    interval: str = "korn-graubard",
    standardize: Any = None,
    confidence: float = 0.95,
    standardise: Any = None,
) -> Estimates:
    """Estimate how common an outcome is.

    Parameters
    ----------
    study
        The study.
    outcome
        A variable with levels, or codes (whole numbers of at most 30 different values). Of a two-level
        outcome the case is counted (yes, 1, true, else the level that is not the reference); of more levels
        each has a row.
    by
        Variables with levels or codes, whose combinations each have rows.
    domain
        A condition in the domain language, such as "age >= 20"; null is outside.
    interval
        "korn-graubard", "korn-graubard-nchs", "logit", "likelihood", "arcsine", "wald" or "xlogit".
    standardize, standardise
        None; or the population to whose composition every group is brought: the name of a published one
        ("us-2000", "who", "europe-2013", for adults of 20-39, 40-59 and 60 and over), `tk.standard(...)` with
        other age bands, or people by level: {"age_group": {"20-39": 77670, ...}}.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows (`toolkit.results.SCHEMA`), `by` first; standardised rows have the estimand
        "standardised_prevalence" and the standard in `adjust`.

    Raises
    ------
    VariableError
        For an unknown variable or level, and a variable that cannot have the role.
    DesignError
        For a broken weight or design.
    EstimationError
        If nobody is in the domain or has a value.

    Notes
    -----
    Degrees of freedom are the PSUs minus the strata that hold a person of the domain (or group). deff is
    against simple random sampling without replacement from a population as large as the sum of weights; with
    replacement where the weights do not sum to a population (a mean weight below 2 and no fpc).

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "w": [1.0, 2.0, 1.0, 2.0]})
    >>> mine = tk.study(people, design=tk.Design(weight="w"), name="four people")
    >>> prevalence(mine, outcome="cramps")["estimate"].item()
    0.5
    """
    asked = standardize if standardise is None else standardise
    standard = None if asked is None else as_standard(asked)
    how, by = (interval, confidence), as_names(by, "by")
    require_one_role(outcome=outcome, standardize=standard.variables if standard else ())
    return proportions(study, outcome, by, domain, how=how, standard=standard)


def proportions(
    study: Study,
    outcome: str,
    by: tuple[str, ...],
    domain: str,
    *,
    how: tuple[str, float] = ("korn-graubard", 0.95),
    standard: Standard | None = None,
    every: bool = False,
) -> Estimates:
    """Estimate how common levels of a variable are; `how` is interval and confidence.

    With `every` both levels of two have a row, unless they are no and yes.
    """
    intervals.check(*how)
    parts = [outcome, *by, *(standard.variables if standard and not standard.starts else ())]
    names = [*parts, *(standard.variables if standard else ())]
    sample = draw(study, names, domain, in_groups=parts, by=by)
    column = _with_levels(sample.columns[outcome])
    levels = column.levels if every and column.levels != YES_NO else _counted(column)
    values = _indicators(sample, column, levels)
    groups, matrix = _averaged(sample, values, by, standard)
    over = effects_of_groups(sample, values, by, groups)
    rows = [
        _proportion_row(sample, (group, k), (column, level), how, over[k])
        for group in groups
        for k, level in enumerate(levels)
    ]
    return result_of(sample, rows, by, {**_name_estimand(standard), "conf_level": how[1]}, matrix)


@with_covariance
def mean(
    study: Study,
    variable: Names,
    *,
    by: Names = (),
    domain: str = "",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the mean of a number.

    Parameters
    ----------
    study
        The study.
    variable
        A continuous variable, or a two-level one (the case counts 1); several are averaged over the people
        who have a value in each.
    by, domain, confidence, covariance
        As in `prevalence`.

    Returns
    -------
    Estimates
        Result rows, one a group and variable, with Student's t interval.

    Raises
    ------
    VariableError, DesignError, EstimationError
        As `prevalence`.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"age": [30.0, 40.0, 50.0], "w": [1.0, 1.0, 2.0]})
    >>> mine = tk.study(people, design=tk.Design(weight="w"), name="three people")
    >>> mean(mine, "age")["estimate"].item()
    42.5
    """
    intervals.check_confidence(confidence)
    variables, by = as_names(variable, "variable"), as_names(by, "by")
    sample = draw(study, [*variables, *by], domain, by=by)
    columns = [_numeric(sample.columns[name]) for name in variables]
    values = np.column_stack([sample.numbers(name) for name in variables])
    groups, matrix = averages(sample, values, by)
    rows = [
        _mean_row(sample, group, k, column, confidence)
        for group in groups
        for k, column in enumerate(columns)
    ]
    return result_of(sample, rows, by, {"estimand": "mean", "conf_level": confidence}, matrix)


def _averaged(
    sample: Sample, values: Floats, by: tuple[str, ...], standard: Standard | None
) -> tuple[list[Group], Floats]:
    if standard is None:
        return averages(sample, values, by)
    return standardised_averages(sample, values, by, standard)


def _name_estimand(standard: Standard | None) -> dict[str, str]:
    if standard is None:
        return {"estimand": "prevalence"}
    adjust = f"{' and '.join(standard.variables)} to the {standard.label}".replace("the a ", "a ")
    return {"estimand": "standardised_prevalence", "adjust": adjust}


def _with_levels(column: Column) -> Column:
    if column.continuous:
        raise VariableError(
            f"'{column.name}' is a number, and a prevalence is of levels. Its mean: "
            f"tk.mean(study, '{column.name}'); or make it levels: "
            f"study.derive('{column.name}_high', '{column.name} > ...')."
        )
    return column


def _counted(column: Column) -> tuple[str, ...]:
    """Name the levels that get a row: the case of two, each of more."""
    return column.levels if column.case is None else (column.case,)


def _numeric(column: Column) -> Column:
    require_countable(
        column,
        f"'{column.name}' has {len(column.levels)} levels and no mean. How common each is: "
        f"tk.prevalence(study, outcome='{column.name}').",
    )
    return column


def _indicators(sample: Sample, column: Column, levels: tuple[str, ...]) -> Floats:
    codes = sample.codes(column.name)[:, None]
    positions = np.array([column.levels.index(level) for level in levels])
    return np.where(codes < 0, np.nan, (codes == positions).astype(float))


def _proportion_row(
    sample: Sample,
    of: tuple[Group, int],
    counted: tuple[Column, str],
    how: tuple[str, float],
    effect: Effect | None,
) -> dict[str, Any]:
    (group, k), (column, level) = of, counted
    cases, v = int(group.cases[k]), float(group.variance[k])
    row = _heading(group, column, column.variable.label, None if column.levels == YES_NO else level)
    if not group.counted or group.lacking:
        return {**row, "n_cases": cases if group.counted else 0}
    if isnan(v):
        return {**row, "estimate": float(group.means[k]), "n_cases": cases, "reason": NO_REPLICATE}
    p = proportion(group, k, effect)
    if how[0] in intervals.BY_LOG_ODDS and isnan(p.log_odds_variance or 0.0) and not p.extreme:
        return {
            **row,
            "estimate": p.estimate,
            "std_error": sqrt(v),
            "n_cases": cases,
            "reason": intervals.NO_LOG_ODDS,
        }
    ends = intervals.interval(p, *how)
    row |= {"estimate": p.estimate, "n_cases": cases, "n_effective": finite(p.n_effective)}
    row |= _uncertainty(group, k, ends, judge_proportion(p, cases))
    if p.extreme and effect:
        return {**row, **exact(p, effect, how[0])}
    return zero_variance(sample, group.cells, row, sqrt(p.estimate * (1 - p.estimate)))


def _mean_row(sample: Sample, group: Group, k: int, column: Column, confidence: float) -> dict[str, Any]:
    row = _heading(group, column, column.variable.title, None)
    if not group.counted:
        return row
    estimate, v = float(group.means[k]), float(group.variance[k])
    if isnan(v):
        return {**row, "estimate": estimate, "reason": NO_REPLICATE}
    ends = intervals.around(estimate, sqrt(v), group.df, confidence)
    n_effective = float(group.spread[k]) / v if v > 0 else inf
    verdict = judge_mean(estimate, v, group.df, min(n_effective, group.counted))
    row |= {"estimate": estimate, "n_effective": finite(n_effective)}
    row |= _uncertainty(group, k, ends, verdict)
    between = sqrt(group.spread[k])
    if between <= ROUNDING * abs(estimate):
        return constant({**row, "deff": None, "n_effective": None}, alike(column.name, group.counted))
    return zero_variance(sample, group.cells, row, between)


def _heading(group: Group, column: Column, label: str, level: str | None) -> dict[str, Any]:
    """Start a row: what is estimated and of how many, failed until an estimate is there."""
    seen = f"none of {group.persons:,} people" if group.persons else "nobody in the domain"
    lacking = f" has a value of '{column.name}'" if group.persons else f" is {', '.join(group.levels)}"
    return {
        "group": group.levels,
        "outcome": column.name,
        "outcome_label": label,
        "level": level,
        "level_label": level,
        "n": group.counted,
        "n_missing": group.missing,
        "reliability": "failed",
        "reason": group.lacking or seen + lacking,
    }


def _uncertainty(group: Group, k: int, ends: Ends, verdict: Verdict) -> dict[str, Any]:
    v = float(group.variance[k])
    return {
        "std_error": sqrt(v),
        "conf_low": finite(ends[0]),
        "conf_high": finite(ends[1]),
        "df": group.df,
        "deff": design_effect(v, float(group.spread[k]), group.counted, group.population),
        "reliability": verdict[0],
        "reason": verdict[1],
    }
