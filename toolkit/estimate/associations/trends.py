"""Estimate trends over survey cycles or over the ordered levels of an exposure.

Method: one regression of the outcome on scores of the levels, pooled over all participants, with the design's
variance (Ingram et al., Vital Health Stat 2(179), 2018); the p-value of the linear term is the p for trend.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.dag import Diagrams, Question, adjust_text, covariates_for
from toolkit.disclosure import list_levels
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression import (
    Analysis,
    Degrees,
    Matrix,
    Term,
    adjusted_matrix,
    choose_estimand,
    estimate,
    specify_estimand,
)
from toolkit.estimate.survey import Column, Sample, draw, require_order
from toolkit.results import Estimates, Floats, Mask, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance

_ESTIMANDS = ("prevalence_ratio", "odds_ratio", "prevalence_difference", "mean_difference")
_YEARS = re.compile(r"^(\d{4})(?:-(\d{4}))?$")


@dataclass(frozen=True)
class _Trend:
    """Powers of the score of each cell, beside covariates."""

    scores: Floats
    terms: tuple[Term, ...]
    adjust: tuple[str, ...]

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix; a quadratic is centered midway of all scores."""
        values, every = self.scores[inside], self.scores[~np.isnan(self.scores)]
        middle = (every.min() + every.max()) / 2 if len(self.terms) > 1 else 0.0
        powers = [(values - middle) ** (k + 1) for k in range(len(self.terms))]
        return adjusted_matrix(sample, np.column_stack(powers), self.terms, self.adjust, inside)


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
    diagram: Diagrams = None,
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the trend of an outcome over cycles or over the ordered levels of an exposure.

    Parameters
    ----------
    study
        The study; for a trend over cycles, opened with several cycles.
    outcome
        A variable of two levels, or a continuous variable.
    over
        A continuous variable, or one whose levels have a declared order (`Variable.ordered`). Levels that are
        years ("2005-2006") are scored by their midpoint in years, other levels by their rank: 0, 1, 2, ...
    adjust
        Covariates as for `association`: names or splines, or "small", "full" or "core" for a set of the
        causal diagram for `over`. None means no covariates, because a trend is descriptive; the column
        `adjust` is then "none".
    estimand
        "prevalence_ratio" (the default for two levels), "odds_ratio", "prevalence_difference" or
        "mean_difference" (of a continuous outcome), per step.
    degree
        1 for a linear trend; 2 for a linear and a quadratic term, where the linear is the slope midway.
    scores
        Scores in place of years or ranks, such as {"2017-2020": 2018.6, ...} or medians of levels.
    by, domain
        As for `prevalence`.
    diagram, df
        As for `association`.
    confidence
        Confidence level, between 0 and 1.
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
        For an unknown variable or level, or one that cannot be used in its role.
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
        raise EstimationError(
            f"'degree' is {degree}, but must be 1 (linear) or 2 (linear and quadratic). Use degree=1."
        )
    by = as_names(by, "by")
    given = () if adjust is None else adjust
    adjusted = covariates_for(
        study, given, Question(outcome, over, domain, by, diagram, allow_descendants=True)
    )
    names = (outcome, over, *variables_of(adjusted))
    require_one_role(outcome=outcome, over=over, adjust=variables_of(adjusted), by=by)
    sample = draw(study, [*names, *by], domain, by=by)
    column = sample.columns[outcome]
    measured = choose_estimand(column, estimand, _ESTIMANDS, "tk.trend")
    scored, step = _score_cells(sample, sample.columns[over], scores)
    terms = _name_terms(sample.columns[over], scored, step, degree)
    line = _Trend(scored, terms, adjusted)
    model = specify_estimand(sample, names, measured, line, degrees=df)
    analysis = Analysis(model, by, measured, terms, adjust_text(adjust, adjusted), confidence)
    title = column.variable.title if column.continuous else column.variable.label
    return estimate(analysis).frame(outcome_label=title)


def _score_cells(sample: Sample, column: Column, scores: Mapping[str, float] | None) -> tuple[Floats, str]:
    """Give the score of each cell, and the name of an increase by one."""
    if column.continuous:
        if scores:
            raise VariableError(f"'{column.name}' is continuous and needs no scores. Remove scores=.")
        unit = re.sub(r"^([a-z]{3,})s\b", r"\1", column.variable.unit)
        return sample.numbers(column.name), f"per {unit}" if unit else "per unit"
    of_levels, step = _score_levels(column, scores)
    codes = sample.codes(column.name)
    return np.where(codes < 0, np.nan, np.array(of_levels)[codes]), step


def _score_levels(column: Column, scores: Mapping[str, float] | None) -> tuple[Sequence[float], str]:
    years = [_YEARS.match(level) for level in column.levels]
    if scores is not None:
        lacking = [level for level in column.levels if level not in scores]
        if lacking:
            raise VariableError(
                f"scores= lacks a level of '{column.name}'. Supply a number for each: "
                f"{list_levels(column.levels)}."
            )
        step = "per year" if all(years) else "per unit of score"
        return [float(scores[level]) for level in column.levels], step
    if all(years):  # Times need no declared order.
        return [(int(y[1]) + int(y[2] or y[1]) + 1) / 2 for y in years if y], "per year"
    require_order(column, "A trend over levels")
    return list(map(float, range(len(column.levels)))), "per level"


def _name_terms(over: Column, scores: Floats, step: str, degree: int) -> tuple[Term, ...]:
    seen = np.unique(scores[~np.isnan(scores)])
    if len(seen) <= degree:
        what = "a trend" if degree == 1 else "a quadratic trend"
        raise EstimationError(
            f"The participants of the analysis have {len(seen)} distinct value(s) of '{over.name}', and "
            f"{what} requires {degree + 1} or more. Open more cycles, widen the domain, or use degree=1."
        )
    names = (("linear", step), ("quadratic", f"{step}, squared"))[:degree]
    return tuple(Term(over.name, over.variable.label, *name) for name in names)
