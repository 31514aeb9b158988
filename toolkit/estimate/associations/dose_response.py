"""Estimate dose-response curves: the association along a continuous exposure, without assuming linearity.

Method: a restricted cubic spline (Harrell 2015, ch. 2) in the model of `association`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from toolkit.dag import Diagrams, Question, covariates_for
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression import (
    COEFFICIENTS,
    Analysis,
    Degrees,
    Matrix,
    Regression,
    Reported,
    Term,
    adjusted_matrix,
    describe_term,
    estimate,
    knots_at,
    report_contrasts,
    require_estimand,
    require_two_levels,
    specify_estimand,
    spline,
    spline_terms,
    test_jointly,
    verdict,
)
from toolkit.estimate.survey import QUANTILE_RULES, Column, Sample, draw, in_rows
from toolkit.results import Estimates, Floats, Mask, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance

# Percentiles of the exposure that a curve covers.
SPAN = (0.01, 0.99)
VALUES = 41
_DIGITS = 4


@dataclass(frozen=True)
class _Curve:
    """A spline of the exposure beside covariates, the values where it is reported, and their reference."""

    exposure: Column
    at: Floats
    reference: float
    knots: Floats
    adjust: tuple[str, ...]

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix, the spline after the intercept."""
        own = spline(sample.numbers(self.exposure.name)[inside], self.knots)
        terms = spline_terms(self.exposure.name, self.exposure.variable.title, own.shape[1])
        return adjusted_matrix(sample, own, terms, self.adjust, inside)

    def slopes(self) -> Floats:
        """Compute the contrast of each value with the reference, by the coefficients up to the spline."""
        own = spline(self.at, self.knots) - spline(np.array([self.reference]), self.knots)
        return np.column_stack([np.zeros(len(own)), own])


@with_covariance
def curve(
    study: Study,
    outcome: str,
    exposure: str,
    *,
    adjust: Names | None = None,
    knots: int | Sequence[float] = 4,
    reference: float | None = None,
    at: Sequence[float] | None = None,
    estimand: str = "prevalence_ratio",
    domain: str = "",
    by: Names = (),
    diagram: Diagrams = None,
    allow_descendants: bool = False,
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the dose-response curve of a continuous exposure, such as age or body mass index.

    Parameters
    ----------
    study
        Participants, design and codebook.
    outcome
        A variable of two levels.
    exposure
        A continuous variable.
    adjust
        As for `association`: None is the small set of the causal diagram, `()` a crude curve.
    knots
        Their number, 3 to 7, at the weighted quantiles that Harrell recommends; or the values of 3 or more.
    reference
        The value that others are compared with; None for the weighted median, to three digits.
    at
        Values of the exposure; None for 41 between its 1st and 99th weighted percentile.
    estimand
        "prevalence_ratio", "odds_ratio" or "prevalence_difference".
    domain
        A condition such as "age >= 20"; missing is outside.
    by
        Categories; one curve within each of their levels, all with the same knots.
    diagram, allow_descendants, df
        As for `association`.
    confidence
        Confidence level of the pointwise intervals, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One result row per value, which is in `level`, against `reference`; then two of estimand "term": level
        "overall" tests the whole curve, "nonlinearity" its departure from a straight line. Draw it with
        `tk.curve_chart`.

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot be used in its role.
    EstimationError
        If the estimate is not possible, or knots coincide.

    Notes
    -----
    The columns are those of `rcs` in R's rms, the model that of svyglm. The tests are Wald's F as regTermTest
    with df="model", and adjusted Wald tests on q and df - q + 1 degrees of freedom with df="design".

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.curve(study, outcome="any_cramps", exposure="age", adjust=(), at=(30, 50, 70), reference=50)
    >>> rows["level"].to_list(), rows["estimate"][1]
    (['30', '50', '70', 'overall', 'nonlinearity'], 1.0)
    """
    require_estimand(estimand, COEFFICIENTS, "tk.curve")
    by = as_names(by, "by")
    question = Question(outcome, exposure, domain, by, diagram, allow_descendants)
    adjusted = covariates_for(study, adjust, question)
    names = (outcome, exposure, *variables_of(adjusted))
    require_one_role(outcome=outcome, exposure=exposure, by=by)
    sample = draw(study, [*names, *by], domain, by=by)
    require_two_levels(sample.columns[outcome], "tk.curve")
    line = _place_curve(sample, sample.columns[exposure], names, adjusted, (knots, reference, at))
    model = specify_estimand(sample, names, estimand, line, degrees=df)
    analysis = Analysis(model, by, estimand, None, ", ".join(adjusted), confidence)
    headings = _headings(estimand, line)
    report = partial(_report_curve, line=line, headings=headings)
    return estimate(analysis, report=report, headings=headings).frame()


def _place_curve(
    sample: Sample,
    column: Column,
    names: tuple[str, ...],
    adjust: tuple[str, ...],
    requested: tuple[Any, Any, Any],
) -> _Curve:
    if not column.continuous:
        raise VariableError(
            f"'{column.name}' is a category, and a curve requires a continuous exposure. Compare its levels: "
            f"tk.association(study, outcome='{names[0]}', exposure='{column.name}', ...)."
        )
    there = sample.complete(names)
    if not there.any():
        raise EstimationError(
            f"None of {sample.size:,} participants has complete data for the curve. See why data are "
            f"missing: study.missing('{column.name}')."
        )
    knots, reference, at = requested
    values, weights = in_rows(
        sample.numbers(column.name)[there], sample.weights[there], sample.persons[there]
    )
    low, middle, high = (QUANTILE_RULES["hf7"](values, weights, p) for p in (SPAN[0], 0.5, SPAN[1]))
    if at is None:
        at = [float(f"{value:.{_DIGITS}g}") for value in np.linspace(low, high, VALUES)]
    if isinstance(knots, int):
        placed = knots_at(values, weights, knots, column.name)
    else:
        placed = np.unique(np.asarray(knots, float))
        if len(placed) < 3:
            raise EstimationError(
                f"A spline of '{column.name}' requires three knots or more, and {len(placed)} are named. Use "
                f"knots=3, or tk.association(...) for a straight line."
            )
    chosen = float(f"{middle:.3g}") if reference is None else float(reference)
    return _Curve(column, np.unique(np.asarray(at, float)), chosen, placed, adjust)


def _headings(estimand: str, line: _Curve) -> list[dict[str, Any]]:
    variable = line.exposure.variable
    own = partial(Term, variable.name, variable.title, reference=f"{line.reference:.10g}")
    levels = [f"{value:.10g}" for value in line.at]
    terms = [own(level=level, level_label=f"{level} {variable.unit}".strip()) for level in levels]
    return [describe_term(term, estimand) for term in terms]


def _report_curve(
    analysis: Analysis, fitted: Regression, line: _Curve, headings: list[dict[str, Any]]
) -> Iterator[Reported]:
    yield from report_contrasts(analysis, fitted, headings, line.slopes())
    variable = line.exposure.variable
    labels = {"overall": "the curve", "nonlinearity": "departure from a straight line"}
    for first, (level, label) in enumerate(labels.items(), start=1):
        row = describe_term(Term(variable.name, variable.title, level, label), "term")
        tested = test_jointly(fitted, list(range(first, len(line.knots))))
        yield {**row, "conf_level": None, **verdict(fitted), **tested}, None
