"""Estimate prevalences and means with design-based confidence intervals.

Method: ratio mean with Taylor linearization; a subpopulation is part of the whole design.
"""

from dataclasses import replace
from math import inf, isnan, sqrt
from typing import Any

import numpy as np

from toolkit.errors import VariableError
from toolkit.estimate.survey import (
    ROUNDING,
    Asked,
    Column,
    Effect,
    GroupMeans,
    Row,
    Sample,
    Standard,
    alike,
    as_standard,
    averages,
    constant,
    design_effect,
    draw,
    effects_of_groups,
    exact,
    finite,
    heading,
    interval_columns,
    intervals,
    judge_mean,
    judge_proportion,
    make_result,
    proportion,
    read,
    require_countable,
    require_levels,
    standardized_averages,
    zero_variance,
)
from toolkit.results import Estimates
from toolkit.studies import Study
from toolkit.variables import YES_NO, Names, as_names, require_one_role, with_covariance

NO_REPLICATE = "in some replicates the group has no weight above 0, so it has no standard error"


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
    """Estimate the prevalence of an outcome.

    Parameters
    ----------
    study
        The study.
    outcome
        A categorical variable, or codes (whole numbers of at most 30 different values). Of two levels the
        case is counted (yes, 1, true, or the level that is not the reference). Of more levels each has a row.
    by
        Categorical variables or codes; each combination of their levels has rows.
    domain
        A condition in the domain language, such as "age >= 20"; null is outside.
    interval
        "korn-graubard", "korn-graubard-nchs", "logit", "likelihood", "arcsine", "wald" or "xlogit".
    standardize, standardise
        None, or the standard population for every group: the name of a published one
        ("us-2000", "who", "europe-2013", for adults of 20-39, 40-59 and 60 and over), `tk.standard(...)` with
        other age bands, or people by level: {"age_group": {"20-39": 77670, ...}}.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows (`toolkit.results.SCHEMA`), `by` first; standardized rows have the estimand
        "standardised_prevalence" and the standard in `adjust`.

    Raises
    ------
    VariableError
        If a variable or level is unknown, or a variable cannot have its role.
    DesignError
        If a weight or the design is not valid.
    EstimationError
        If no participant is in the domain or has a value.

    Notes
    -----
    Degrees of freedom are PSUs minus strata among those with a participant of the domain (or group). deff
    compares with simple random sampling without replacement from a population of the sum of weights, or with
    replacement if the weights do not sum to a population (a mean weight below 2 and no fpc).

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "w": [1.0, 2.0, 1.0, 2.0]})
    >>> mine = tk.study(people, design=tk.Design(weight="w"), name="four people")
    >>> prevalence(mine, outcome="cramps")["estimate"].item()
    0.5
    """
    if standardize is not None and standardise is not None:
        raise VariableError("standardize= and standardise= are two spellings of one argument. Supply one.")
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
    """Estimate how common levels of a variable are; `how` is interval and confidence."""
    intervals.check(*how)
    parts = [outcome, *by, *(standard.variables if standard and not standard.starts else ())]
    names = [*parts, *(standard.variables if standard else ())]
    column = read(study, [outcome], [outcome])[outcome]
    require_levels(column, f"tk.mean(study, '{outcome}')")
    sample = draw(study, names, domain, in_groups=parts, by=by)
    # The case of two levels has a row, and each of more.
    levels = column.levels if column.case is None or (every and column.levels != YES_NO) else (column.case,)
    values = sample.marks(outcome, levels)
    fixed = {"estimand": "prevalence", "conf_level": how[1]}
    if standard is None:
        means, matrix = averages(sample, values, by)
    else:
        means, matrix = standardized_averages(sample, values, by, standard)
        adjust = f"{' and '.join(standard.variables)} to the {standard.label}".replace("the a ", "a ")
        fixed |= {"estimand": "standardised_prevalence", "adjust": adjust}
    over = effects_of_groups(sample, values, by, means)
    rows = [
        _describe_proportion(sample, (group, k), (column, level), how, over[k])
        for group in means
        for k, level in enumerate(levels)
    ]
    return make_result(sample, rows, by, fixed, matrix)


@with_covariance
def mean(
    study: Study, variable: Names, *, by: Names = (), domain: str = "", confidence: float = 0.95
) -> Estimates:
    """Estimate the mean of a continuous variable.

    Parameters
    ----------
    study
        The study.
    variable
        A continuous variable, or one of two levels (the case counts 1). Several are averaged over the
        participants with a value in each.
    by, domain, confidence, covariance
        As in `prevalence`.

    Returns
    -------
    Estimates
        Result rows, one per group and variable, with Student's t interval.

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
    sample = draw(study, [*variables, *by], domain, by=by, asked=Asked(variables))
    columns = [sample.columns[name] for name in variables]
    for column in columns:
        require_countable(
            column,
            f"'{column.name}' is categorical with {len(column.levels)} levels and has no mean. Use "
            f"tk.prevalence(study, outcome='{column.name}').",
        )
    centers, numbers = zip(*(sample.deviations(name) for name in variables), strict=True)
    values = np.column_stack(numbers) if len(numbers) > 1 else numbers[0][:, None]
    groups, matrix = averages(sample, values, by)
    means = [replace(group, means=group.means + centers) for group in groups]
    rows = [
        _describe_mean(sample, group, k, column, confidence)
        for group in means
        for k, column in enumerate(columns)
    ]
    return make_result(sample, rows, by, {"estimand": "mean", "conf_level": confidence}, matrix)


def _describe_proportion(
    sample: Sample,
    of: tuple[GroupMeans, int],
    counted: tuple[Column, str],
    how: tuple[str, float],
    effect: Effect | None,
) -> Row:
    (group, k), (column, level) = of, counted
    cases, v = int(group.cases[k]), float(group.variance[k])
    row = heading(group, column, column.variable.label, None if column.levels == YES_NO else level)
    if not group.n:
        return {**row, "n_cases": 0}
    row["n_cases"] = cases
    if group.lacking:
        return {**row, "reason": group.lacking}
    if isnan(v):
        return {**row, "estimate": float(group.means[k]), "reason": NO_REPLICATE}
    p = proportion(group, k, effect)
    row["estimate"] = p.estimate
    if how[0] in intervals.BY_LOG_ODDS and isnan(p.log_odds_variance or 0.0) and not p.extreme:
        return {**row, "std_error": sqrt(v), "reason": intervals.NO_LOG_ODDS}
    row |= interval_columns(sqrt(v), intervals.interval(p, *how), group.df, judge_proportion(p, cases))
    row |= {"n_effective": finite(p.n_effective), "deff": _compute_deff(group, k)}
    if p.extreme and effect:
        return {**row, **exact(p, effect, how[0])}
    return zero_variance(sample, group.counted, row, sqrt(p.estimate * (1 - p.estimate)))


def _describe_mean(sample: Sample, group: GroupMeans, k: int, column: Column, confidence: float) -> Row:
    row = heading(group, column, column.variable.title)
    if not group.n:
        return row
    estimate, v = float(group.means[k]), float(group.variance[k])
    row["estimate"] = estimate
    if isnan(v):
        return {**row, "reason": NO_REPLICATE}
    between = sqrt(group.between[k])
    same = between <= ROUNDING * abs(estimate)
    v = 0.0 if same else v
    n_effective = between**2 / v if v > 0 else inf
    verdict = judge_mean(estimate, v, group.df, min(n_effective, group.n))
    row |= interval_columns(
        sqrt(v), intervals.around(estimate, sqrt(v), group.df, confidence), group.df, verdict
    )
    row |= {"n_effective": finite(n_effective), "deff": _compute_deff(group, k)}
    if same:
        return constant({**row, "deff": None, "n_effective": None}, alike(column.name, group.n))
    return zero_variance(sample, group.counted, row, between)


def _compute_deff(group: GroupMeans, k: int) -> float | None:
    return design_effect(float(group.variance[k]), float(group.between[k]), group.n, group.population)
