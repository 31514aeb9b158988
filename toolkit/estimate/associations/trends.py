"""Estimate trends: over cycles of a survey on the pooled design, or over the ordered levels of an exposure.

Takes a study, an outcome and what it is followed over; gives result rows, one a group and term.
Method: one regression of the outcome on scores of the levels, pooled over all people, with the design's
variance (Ingram et al., Vital Health Stat 2(179), 2018); the p-value of the linear term is the p for trend.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from toolkit.dag.adjustment import Question, adjust_text, covariates_for
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression.coefficient_rows import Asked, answer
from toolkit.estimate.regression.fit import Degrees, Model
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term, adjusted_matrix
from toolkit.estimate.regression.likelihoods.glm import FAMILIES
from toolkit.estimate.regression.specification import require_estimand, require_two_levels
from toolkit.estimate.survey.analysis_sample import Mask, Sample, draw
from toolkit.estimate.survey.roles import Column, require_order
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import ESTIMANDS, Estimates, variables_of
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance

_ESTIMANDS = ("prevalence_ratio", "odds_ratio", "prevalence_difference", "mean_difference")
_YEARS = re.compile(r"^(\d{4})(?:-(\d{4}))?$")


@dataclass(frozen=True)
class _Scores:
    """What a trend runs over: the score of each cell, and how one more of it is called."""

    values: Floats
    step: str


@with_covariance
def trend(
    study: Study,
    outcome: str,
    over: str = "cycle",
    *,
    adjust: Names | None = None,
    estimand: str | None = None,
    degree: int = 1,
    scores: Mapping[str, float] | None = None,
    by: Names = (),
    domain: str = "",
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the trend of an outcome over cycles or over the ordered levels of an exposure.

    Parameters
    ----------
    study
        The study; for a trend over cycles, opened with several.
    outcome
        A variable of two levels, or a number.
    over
        A number, or a variable whose levels have a declared order (`Variable.ordered`). Levels that are years
        ("2005-2006") are followed in years from the middle of each; other levels by their place: 0, 1, 2, ...
    adjust
        Covariates as `association`: names or splines, or "small", "full" or "core" for a set of the causal
        diagram for `over`. None adjusts for nothing, as `()`, because a trend is descriptive; the column
        `adjust` is then "none".
    estimand
        "prevalence_ratio" (the default for two levels), "odds_ratio", "prevalence_difference" or
        "mean_difference" (of a number), per step.
    degree
        1 for a linear trend; 2 for a linear and a quadratic term, the linear one being the slope midway.
    scores
        Numbers in place of years or places: {"2017-2020": 2018.6, ...}, medians of levels, ...
    by, domain
        As in `prevalence`.
    df
        "design" or "model", as `association`.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows: `level` is "linear" or "quadratic", `level_label` the step ("per year"), `p_value` of the
        linear row the p for trend.

    Raises
    ------
    VariableError
        For an unknown variable or level, and one that cannot stand where it does.
    EstimationError
        If there are too few levels for the trend, or the model cannot be fitted.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"sleep": [8.0, 7.5, 7.0, 6.5], "cycle": ["2001", "2001", "2003", "2003"]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="four people")
    >>> trend(mine, outcome="sleep").select("level", "level_label", "estimand").row(0)
    ('linear', 'per year', 'mean_difference')
    """
    if degree not in (1, 2):
        raise EstimationError(f"a trend has degree 1 (linear) or 2 (quadratic too), not {degree}: degree=1.")
    by = as_names(by, "by")
    given = () if adjust is None else adjust
    adjusted = covariates_for(study, given, Question(outcome, over, domain, by, allow_descendants=True))
    names = (outcome, over, *variables_of(adjusted))
    require_one_role(outcome=outcome, over=over, adjust=variables_of(adjusted), by=by)
    sample = draw(study, [*names, *by], domain, by=by)
    column = sample.columns[outcome]
    measured = _estimand(column, estimand)
    scored = _scored(sample, sample.columns[over], scores)
    terms = _terms(sample.columns[over], scored, degree)
    build = partial(_matrix, sample, scored, terms, adjusted)
    model = Model(sample, column, names, FAMILIES[ESTIMANDS[measured].model], build, degrees=df)
    asked = Asked(model, by, measured, terms, adjust=adjust_text(adjust, adjusted), confidence=confidence)
    title = column.variable.title if column.continuous else column.variable.label
    return answer(asked).frame(outcome_label=title)


def _estimand(outcome: Column, asked: str | None) -> str:
    if asked is not None:
        require_estimand(asked, _ESTIMANDS, "tk.trend")
    chosen = asked or ("mean_difference" if outcome.continuous else "prevalence_ratio")
    if chosen != "mean_difference":
        require_two_levels(outcome, "tk.trend")
    elif not outcome.continuous:
        raise EstimationError(
            f"'{outcome.name}' has levels and no mean. Take estimand='prevalence_difference', or none."
        )
    return chosen


def _scored(sample: Sample, column: Column, scores: Mapping[str, float] | None) -> _Scores:
    if column.continuous:
        if scores:
            raise VariableError(f"'{column.name}' is a number and is followed as it is. Leave scores= out.")
        unit = re.sub(r"^([a-z]{3,})s\b", r"\1", column.variable.unit)
        return _Scores(sample.numbers(column.name), f"per {unit}" if unit else "per unit")
    of_levels, step = _of_levels(column, scores)
    codes = sample.codes(column.name)
    return _Scores(np.where(codes < 0, np.nan, np.array(of_levels)[codes]), step)


def _of_levels(column: Column, scores: Mapping[str, float] | None) -> tuple[Sequence[float], str]:
    years = [_YEARS.match(level) for level in column.levels]
    if scores is not None:
        lacking = [level for level in column.levels if level not in scores]
        if lacking:
            raise VariableError(
                f"scores= does not name the level '{lacking[0]}' of '{column.name}'. Give each a number: "
                f"{', '.join(repr(level) for level in column.levels)}."
            )
        step = "per year" if all(years) else "per unit of score"
        return [float(scores[level]) for level in column.levels], step
    if all(years):  # the levels are times, and need no order besides
        return [(int(y[1]) + int(y[2] or y[1]) + 1) / 2 for y in years if y], "per year"
    require_order(column, "A trend over levels")
    return list(map(float, range(len(column.levels)))), "per level"


def _terms(over: Column, scored: _Scores, degree: int) -> tuple[Term, ...]:
    seen = np.unique(scored.values[~np.isnan(scored.values)])
    if len(seen) <= degree:
        what = "a trend" if degree == 1 else "a quadratic trend"
        raise EstimationError(
            f"the people of the analysis have {len(seen)} different value(s) of '{over.name}', and {what} "
            f"needs {degree + 1} or more. Open more cycles, widen the domain, or take degree=1."
        )
    labels = (scored.step, f"{scored.step}, squared")
    names = ("linear", "quadratic")
    return tuple(Term(over.name, over.variable.label, names[k], labels[k]) for k in range(degree))


def _matrix(
    sample: Sample, scored: _Scores, terms: tuple[Term, ...], adjust: tuple[str, ...], inside: Mask
) -> Matrix:
    """Put powers of the score, from midway of all scores, beside the adjustment."""
    values = scored.values[inside]
    every = scored.values[~np.isnan(scored.values)]
    middle = (every.min() + every.max()) / 2 if len(terms) > 1 else 0.0
    powers = [(values - middle) ** (k + 1) for k in range(len(terms))]
    return adjusted_matrix(sample, np.column_stack(powers), terms, adjust, inside)
