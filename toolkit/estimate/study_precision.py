"""Estimate the precision of a planned analysis and the smallest effect that it can detect.

Method: the design's standard error under the hypothesis of no association, from the participants, weights and
clusters that the analysis would have; the association itself is not estimated.
"""

from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np

from toolkit.dag import Diagrams, Question, adjust_text, covariates_for
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression import (
    FAMILIES,
    CollinearError,
    Degrees,
    Matrix,
    NotConvergedError,
    describe_term,
    fit_glm,
    main_effects,
    require_two_levels,
    with_covariates,
)
from toolkit.estimate.survey import (
    TINY,
    Column,
    Estimate,
    Group,
    Row,
    Sample,
    averages,
    count_groups,
    design_df,
    draw,
    estimate_with_covariance,
    exponential,
    heading,
    intervals,
    judge_test,
    make_result,
    verdict_columns,
    with_reference,
)
from toolkit.results import ESTIMANDS, Estimates, Floats, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_names, recorded, require_one_role

_NOBODY = "No participant of this group has complete data."
# Outcome, exposure, covariates.
_Names = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class _Plan:
    """A planned analysis: confidence, power, and number of participants."""

    confidence: float
    power: float
    n: int | None
    degrees: Degrees = "design"

    def rescale(self, std_error: float, n: int) -> float:
        """Rescale a standard error from n participants to the number planned."""
        return std_error * sqrt(n / self.n) if self.n else std_error

    def reach(self, df: float) -> float:
        """Compute the smallest detectable difference in standard errors."""
        return intervals.student(self.confidence, df) + intervals.student(2 * self.power - 1, df)


@recorded
def precision(
    study: Study,
    outcome: str,
    exposure: str | None = None,
    *,
    reference: str | None = None,
    adjust: Names | None = None,
    n: int | None = None,
    power: float = 0.8,
    by: Names = (),
    domain: str = "",
    confidence: float = 0.95,
    df: Degrees = "design",
    diagram: Diagrams = None,
    allow_descendants: bool = False,
) -> Estimates:
    """Estimate the precision of a planned analysis: margin of error, or smallest detectable effects.

    Parameters
    ----------
    study
        The study with the participants, weights and clusters that the analysis would have.
    outcome
        A variable of two levels.
    exposure
        A category or a continuous variable; None for the prevalence alone.
    reference
        The level of the exposure that others are compared with; None for that of the codebook.
    adjust
        Covariates as for `association`: None is the small set of the causal diagram for the exposure; without
        an exposure it means no covariates, and the column `adjust` is "none".
    n
        Number of participants planned on the same design; None for that of this study.
    power
        Power of the test, between 0.5 and 1.
    by, domain
        As for `prevalence`.
    confidence
        Confidence level of the interval, 1 minus the significance level of the test.
    df, diagram, allow_descendants
        As for `association`.

    Returns
    -------
    Estimates
        Result rows. Without an exposure, "margin_of_error": half the width of the interval of the prevalence.
        With one, for each of its levels (or an increase by one unit) "smallest_detectable_ratio" (the
        smallest prevalence ratio above 1 that is detectable with this power; below 1 its inverse) and
        "smallest_detectable_difference". `std_error` is that of the planned estimate under no association,
        on the log scale for the ratio.

    Raises
    ------
    VariableError
        For an unknown variable, or an outcome of more than two levels.
    EstimationError
        Without variation, or if the design leaves no degrees of freedom.

    Notes
    -----
    Student's t quantiles of confidence and power are added, with the degrees of freedom that the analysis
    would have. The standard error comes from the scores of the exposure in the model without it.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0] * 50, "sex": ["f"] * 100 + ["m"] * 100})
    >>> mine = tk.study(people, design=tk.Design.none(), name="200 people")
    >>> round(precision(mine, outcome="cramps")["estimate"].item(), 3)
    0.07
    """
    intervals.check_confidence(confidence)
    plan = _checked(_Plan(confidence, power, n, df))
    by = as_names(by, "by")
    study = with_reference(study, exposure, reference)
    question = Question(outcome, exposure, domain, by, diagram, allow_descendants)
    adjusted = covariates_for(study, adjust, question)
    variables = variables_of(adjusted)
    require_one_role(outcome=outcome, exposure=exposure or (), adjust=variables, by=by)
    names = [outcome, *([exposure] if exposure else []), *variables]
    sample = draw(study, [*names, *by], domain, by=by)
    require_two_levels(sample.columns[outcome], "tk.precision")
    people = count_groups(sample, by, sample.complete(names))
    if exposure is None:
        rows = [_estimate_margin(sample, group, outcome, plan) for group in people]
    else:
        named = (outcome, exposure, adjusted)
        rows = [r for group in people for r in _detectable(sample, group, named, plan, alone=not by)]
    text = ", ".join(adjusted) if exposure else adjust_text(adjust, adjusted)
    fixed = {"conf_level": confidence, "adjust": text}
    return make_result(sample, rows, by, fixed)


def _checked(plan: _Plan) -> _Plan:
    if not 0.5 < plan.power < 1:
        raise EstimationError(
            f"'power' is {plan.power}, but must be between 0.5 and 1. Use for example power=0.8."
        )
    if plan.n is not None and plan.n < 2:
        raise EstimationError(
            f"'n' is {plan.n}, but a study needs two or more participants. Use for example n=5000, or remove "
            f"n= for the number of this study."
        )
    return plan


def _start_row(sample: Sample, group: Group, outcome: str) -> Row:
    column = sample.columns[outcome]
    return {**heading(group, column, column.variable.label), "reason": _NOBODY}


def _estimate_margin(sample: Sample, group: Group, outcome: str, plan: _Plan) -> Row:
    row = {**_start_row(sample, group, outcome), "estimand": "margin_of_error"}
    if not group.n:
        return row
    values = np.where(group.counted, sample.numbers(outcome), np.nan)[:, None]
    (found,), _ = averages(sample, values, ())
    error = plan.rescale(sqrt(float(found.variance[0])), group.n)
    return {
        **row,
        "estimate": intervals.student(plan.confidence, group.df) * error,
        "std_error": error,
        "df": group.df,
        "n": plan.n or group.n,
        "n_cases": int(found.cases[0]),
        **verdict_columns(judge_test(group.df)),
    }


def _detectable(sample: Sample, group: Group, names: _Names, plan: _Plan, *, alone: bool) -> list[Row]:
    row = _start_row(sample, group, names[0])
    try:
        return _both_scales(sample, group, names, plan, row)
    except EstimationError as error:
        if alone:
            raise
        return [{**row, "estimand": name, "reason": str(error)} for name in _DETECTABLE]


_DETECTABLE = ("smallest_detectable_ratio", "smallest_detectable_difference")


def _both_scales(sample: Sample, group: Group, names: _Names, plan: _Plan, row: Row) -> list[Row]:
    if not group.n:
        raise EstimationError(_NOBODY)
    matrix = main_effects(sample, [names[1]], group.counted, names[2])
    places = [k for k, term in enumerate(matrix.terms) if term.exposure == names[1]]
    y = sample.numbers(names[0])[group.counted]
    persons = sample.persons[group.counted]
    _require_variation(sample.columns[names[0]], sample.columns[names[1]], y, places)
    free = design_df(sample, group.counted)
    df = free if plan.degrees == "design" else free + 1 - len(matrix.terms)
    if df <= 0:
        raise EstimationError(
            f"The model would have {len(matrix.terms)} coefficients on {free} degrees of freedom of the "
            f"design. Adjust for fewer variables or levels."
        )
    common = {
        **row,
        "df": df,
        "n": plan.n or group.n,
        "n_cases": int(persons @ y),
        **verdict_columns(judge_test(free)),
    }
    found = []
    for estimand in _DETECTABLE:
        family, scale = ESTIMANDS[estimand].model, ESTIMANDS[estimand].scale
        errors = _null_errors(sample, group, matrix, y, (family, places))
        for place, error in zip(places, errors, strict=True):
            rescaled = plan.rescale(float(error), group.n)
            reach = plan.reach(df) * rescaled
            row = {
                **describe_term(matrix.terms[place], estimand),
                "estimate": exponential(reach) if scale == "log" else reach,
                "std_error": rescaled,
                "scale": scale,
            }
            if not error > TINY:
                row |= {"estimate": None, "std_error": None, "reliability": "failed"}
                row["reason"] = "the sampling units do not differ, which leaves no standard error"
            found.append(with_covariates(matrix.covariates, {**common, **row}))
    return found


def _require_variation(outcome: Column, exposure: Column, y: Floats, places: list[int]) -> None:
    if not places:
        raise EstimationError(
            f"'{exposure.name}' has a single level among the participants of the analysis. Widen the domain."
        )
    if y.min() == y.max():
        raise EstimationError(
            f"'{outcome.name}' does not vary among the participants of the analysis, because all or none are "
            f"cases. Widen the domain."
        )


def _null_errors(
    sample: Sample, group: Group, matrix: Matrix, y: Floats, how: tuple[str, list[int]]
) -> Floats:
    estimate = partial(_scores, group=group, matrix=matrix, y=y, how=how)
    try:
        _, covariance = estimate_with_covariance(sample, estimate)
    except (CollinearError, NotConvergedError, np.linalg.LinAlgError):
        raise VariableError(
            "The covariates determine one another or the outcome. Remove some of them from adjust=."
        ) from None
    return np.sqrt(covariance.diagonal())


def _scores(sample: Sample, group: Group, matrix: Matrix, y: Floats, how: tuple[str, list[int]]) -> Estimate:
    """Take one Newton step from the model without the exposure: its variance is that under no association."""
    family, places = how
    X, weights = matrix.values, sample.weights[group.counted]
    fewer, null = np.delete(X, places, axis=1), FAMILIES[family]
    mean = null.mean(fewer @ fit_glm(fewer, y, weights, null).points)
    working = weights * mean if family == "poisson" else weights
    bread = np.linalg.inv((X * working[:, None]).T @ X)
    parts = (X * (weights * (y - mean))[:, None]) @ bread[:, places]
    influence = np.zeros((len(sample.weights), len(places)))
    influence[group.counted] = parts
    return Estimate(parts.sum(axis=0), influence, group.counted)
