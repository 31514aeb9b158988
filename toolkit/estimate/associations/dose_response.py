"""Estimate how an outcome changes along a number, without the claim that the change is a straight line.

Takes a study, names and knots; gives result rows, one a value of the exposure, and tests.
Method: a restricted cubic spline (Harrell 2015, ch. 2) in the model of `association`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.special import fdtrc

from toolkit.dag.adjustment import Question, covariates_for
from toolkit.errors import DesignError, EstimationError, VariableError
from toolkit.estimate.descriptive.quantiles import RULES
from toolkit.estimate.regression.coefficient_rows import (
    Asked,
    common,
    failed,
    figures,
    verdict,
    with_covariates,
)
from toolkit.estimate.regression.comparison import COEFFICIENTS
from toolkit.estimate.regression.fit import Degrees, Model, Regression, regress
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term, adjusted_matrix
from toolkit.estimate.regression.formula.splines import knots_at, spline
from toolkit.estimate.regression.likelihoods.glm import FAMILIES
from toolkit.estimate.regression.specification import require_estimand, require_two_levels
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Mask, Sample, draw
from toolkit.estimate.survey.groups import counts, groups
from toolkit.estimate.survey.linearization import Estimate, covariance_of_rows
from toolkit.estimate.survey.reliability import for_review
from toolkit.estimate.survey.roles import Column
from toolkit.estimate.survey.transformed import transformed
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import ESTIMANDS, Estimates, frame, variables_of
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance

# Of the exposure's own values: a curve says nothing beyond almost all people.
SPAN = (0.01, 0.99)
VALUES = 41
_DIGITS = 4


@dataclass(frozen=True)
class _Line:
    """Where the curve is wanted, against which value, and where it may bend."""

    exposure: Column
    at: Floats
    reference: float
    knots: Floats

    @property
    def contrast(self) -> Floats:
        """Values x spline columns: what each value adds to the reference."""
        own: Floats = spline(self.at, self.knots) - spline(np.array([self.reference]), self.knots)
        return own


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
    allow_descendants: bool = False,
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the curve of an association along a number, such as age or body mass index.

    Parameters
    ----------
    study
        People, design and codebook.
    outcome
        A variable of two levels.
    exposure
        A number.
    adjust
        As `association`: None is the small set of the causal diagram, `()` a crude curve.
    knots
        How many, 3 to 7, at the weighted quantiles that Harrell advises; or the values of 3 or more.
    reference
        The value that others are compared with; None for the weighted median, to three digits.
    at
        Values of the exposure; None for 41 between its 1st and 99th weighted percentile.
    estimand
        "prevalence_ratio", "odds_ratio" or "prevalence_difference".
    domain
        A condition in the domain language; null is outside.
    by
        Categories; one curve within each of their levels, all with the same knots.
    allow_descendants
        True to adjust for descendants of exposure or outcome in the diagram, which are refused otherwise.
    df
        "design" or "model", as `association`.
    confidence
        Of the intervals, which hold at each value alone, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows: one a value, which stands in `level`, against `reference`; then two of estimand "term":
        level "overall" tests the whole curve, "bends" whether it is a straight line. Draw it with
        `tk.curve_chart`.

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot stand where it does.
    EstimationError
        If the data cannot give the estimate, or knots fall on one another.

    Notes
    -----
    A model of the columns of `rcs` in R's rms by svyglm. The tests are Wald's F as regTermTest with
    df="model", and adjusted Wald tests on q and df - q + 1 degrees of freedom with df="design".

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.curve(study, outcome="any_cramps", exposure="age", adjust=(), at=(30, 50, 70), reference=50)
    >>> rows["level"].to_list(), rows["estimate"][1]
    (['30', '50', '70', 'overall', 'bends'], 1.0)
    """
    intervals.check_confidence(confidence)
    require_estimand(estimand, COEFFICIENTS, "tk.curve")
    family, by = FAMILIES[ESTIMANDS[estimand].model], as_names(by, "by")
    question = Question(outcome, exposure, domain, by, allow_descendants=allow_descendants)
    adjusted = covariates_for(study, adjust, question)
    names = (outcome, exposure, *variables_of(adjusted))
    require_one_role(outcome=outcome, exposure=exposure, by=by)
    sample = draw(study, [*names, *by], domain, by=by)
    require_two_levels(sample.columns[outcome], "tk.curve")
    line = _line(sample, sample.columns[exposure], names, (knots, reference, at))
    build = partial(_matrix, sample, line, adjusted)
    model = Model(sample, sample.columns[outcome], names, family, build, degrees=df)
    asked = Asked(model, by, estimand=estimand, adjust=", ".join(adjusted), confidence=confidence)
    rows, parts = [], []
    for levels, group in groups(sample, by):
        for row, part in _group_rows(asked, line, levels, group):
            flagged = for_review(row, sample.review)
            rows.append({**common(asked), **dict(zip(by, levels, strict=True)), **flagged})
            parts.append(part)
    return frame(rows, by, covariance_of_rows(sample, parts))


def _line(sample: Sample, column: Column, names: tuple[str, ...], asked: tuple[Any, Any, Any]) -> _Line:
    if not column.continuous:
        raise VariableError(
            f"'{column.name}' is a category and has no curve. Compare its levels: "
            f"tk.association(study, outcome='{names[0]}', exposure='{column.name}', ...)."
        )
    there = sample.complete(names)
    if not there.any():
        raise EstimationError(
            f"none of {sample.size:,} persons has a value in every variable of the curve. Why: "
            f"study.missing('{column.name}')."
        )
    knots, reference, at = asked
    values, weights = sample.numbers(column.name)[there], sample.weights[there]
    low, middle, high = (RULES["hf7"](values, weights, p) for p in (SPAN[0], 0.5, SPAN[1]))
    if at is None:
        at = [float(f"{value:.{_DIGITS}g}") for value in np.linspace(low, high, VALUES)]
    if isinstance(knots, int):
        placed = knots_at(values, weights, knots, column.name)
    else:
        placed = np.unique(np.asarray(knots, float))
        if len(placed) < 3:
            raise EstimationError(
                f"a spline of '{column.name}' needs three knots or more, and {len(placed)} are named. Take "
                f"knots=3, or tk.association(...) for a straight line."
            )
    chosen = float(f"{middle:.3g}") if reference is None else float(reference)
    return _Line(column, np.unique(np.asarray(at, float)), chosen, placed)


def _matrix(sample: Sample, line: _Line, adjust: tuple[str, ...], inside: Mask) -> Matrix:
    own = spline(sample.numbers(line.exposure.name)[inside], line.knots)
    name, label = line.exposure.name, line.exposure.variable.title
    terms = [Term(name, label, *["linear part" if k == 0 else f"bend {k}"] * 2) for k in range(own.shape[1])]
    return adjusted_matrix(sample, own, terms, adjust, inside)


def _group_rows(
    asked: Asked, line: _Line, levels: tuple[str, ...], group: Mask
) -> Iterator[tuple[dict[str, Any], Estimate | None]]:
    sample, names = asked.model.sample, asked.model.names
    told = counts(sample, asked.by, levels, group & sample.complete(names))
    try:
        fitted = regress(asked.model, group)
    except (EstimationError, DesignError) as error:
        if not asked.by:
            raise
        yield from (({**row, **told, **failed(str(error))}, None) for row in _headings(asked, line))
        return
    shared = {**told, "n_cases": fitted.n_cases, **verdict(fitted)}
    yield from (
        (with_covariates(fitted.covariates, {**row, **shared}), part)
        for row, part in _points(asked, line, fitted)
    )
    yield from ((with_covariates(fitted.covariates, {**shared, **row}), None) for row in _tests(line, fitted))


def _headings(asked: Asked, line: _Line) -> Iterator[dict[str, Any]]:
    variable = line.exposure.variable
    for value in line.at:
        yield {
            "estimand": asked.estimand,
            "exposure": variable.name,
            "exposure_label": variable.title,
            "level": f"{value:.10g}",
            "level_label": f"{value:.10g} {variable.unit}".strip(),
            "reference": f"{line.reference:.10g}",
        }


def _points(asked: Asked, line: _Line, fitted: Regression) -> Iterator[tuple[dict[str, Any], Estimate]]:
    slopes = np.zeros((len(line.at), len(fitted.terms)))
    slopes[:, 1 : len(line.knots)] = line.contrast
    found, matrix = transformed(asked.model.sample, fitted, lambda at: slopes @ at, slopes)
    errors = np.sqrt(matrix.diagonal())
    for k, row in enumerate(_headings(asked, line)):
        own = slice(k, k + 1)
        again = None if found.replicates is None else found.replicates[:, own]
        part = Estimate(found.points[own], found.influence[:, own], found.counted, again)
        numbers = figures(
            asked.estimand, asked.confidence, (float(found.points[k]), float(errors[k]), fitted.df)
        )
        yield {**row, **numbers}, part


def _tests(line: _Line, fitted: Regression) -> Iterator[dict[str, Any]]:
    variable = line.exposure.variable
    for level, first in (("overall", 1), ("bends", 2)):
        own = slice(first, len(line.knots))
        yield {
            "estimand": "term",
            "exposure": variable.name,
            "exposure_label": variable.title,
            "level": level,
            "level_label": {"overall": "the curve", "bends": "its bends (none: a straight line)"}[level],
            "conf_level": None,
            **_tested(fitted, own),
        }


def _tested(fitted: Regression, own: slice) -> dict[str, Any]:
    try:
        f, df, size = fitted.joint_test(own)
    except EstimationError as error:
        return failed(str(error))
    return {"statistic": f, "p_value": float(fdtrc(size, df, f)), "df": df, "df_numerator": size}
