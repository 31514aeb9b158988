"""Convert fitted coefficients to result rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
from scipy.special import stdtr

from toolkit.estimate.regression.empty_groups import compare_empty_group, find_flaw, smallest_group
from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.regression.fit_errors import NotConvergedError
from toolkit.estimate.regression.formula.design_matrix import Term
from toolkit.estimate.regression.likelihoods import Penalized
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.groups import finite
from toolkit.estimate.survey.linearization import Estimate, covariance_of_rows, delta_method
from toolkit.estimate.survey.reliability import SMALLEST_DF
from toolkit.estimate.survey.unvarying import settled
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import ESTIMANDS, Estimates, frame, variables_of

OUTCOME_LEVEL = "outcome_level"


@dataclass(frozen=True, eq=False)
class Own:
    """A row of a fit whose covariance is not the design's: the whole matrix, and the row's place in it."""

    matrix: Floats
    place: int


# Columns of a result row, and the estimate on the scale of its standard error with influence values and
# replicates; None where the row failed or has no standard error.
Reported = tuple[dict[str, Any], Estimate | Own | None]


@dataclass(frozen=True)
class Analysis:
    """A model, the categories within whose levels it is fitted, and how its rows report it.

    `terms` are those that have a row; None for all, on the link scale.
    """

    model: ModelSpec
    by: tuple[str, ...] = ()
    estimand: str = "coefficient"
    terms: tuple[Term, ...] | None = None
    adjust: str = ""
    confidence: float = 0.95


@dataclass(frozen=True)
class Answer:
    """The rows of an analysis, as mappings by the names of the schema, with their estimates."""

    analysis: Analysis
    rows: list[dict[str, Any]]
    parts: list[Estimate | Own | None]

    def frame(self, **columns: str) -> Estimates:
        """Return the rows with their covariance as a result frame, with these columns in each."""
        levels = (OUTCOME_LEVEL,) if any(OUTCOME_LEVEL in row for row in self.rows) else ()
        rows = [{**row, **columns} for row in self.rows]
        return frame(rows, (*self.analysis.by, *levels), self.covariance())

    def covariance(self) -> Floats:
        """Compute the covariance of the rows, across groups too; NaN for a row without a standard error."""
        designs = [part if isinstance(part, Estimate) else None for part in self.parts]
        matrix = covariance_of_rows(self.analysis.model.sample, designs)
        own = [(row, part) for row, part in enumerate(self.parts) if isinstance(part, Own)]
        for (i, one), (j, other) in product(own, repeat=2):
            if one.matrix is other.matrix:
                matrix[i, j] = one.matrix[one.place, other.place]
        return matrix


def report_coefficients(analysis: Analysis, fitted: Regression) -> Iterator[Reported]:
    """Report the terms of an analysis, in order."""
    places = {_identify(term): place for place, term in enumerate(fitted.terms)}
    for term in analysis.terms or fitted.terms:
        row, part = _report_term(analysis, fitted, term, places.get(_identify(term)))
        yield {**heading_of(analysis, term), **row}, part


def _identify(term: Term) -> tuple[str, str, str, str]:
    return term.exposure, term.level, term.estimand, term.outcome_level


def report_contrasts(
    analysis: Analysis, fitted: Regression, headings: Sequence[Mapping[str, Any]], slopes: Floats
) -> Iterator[Reported]:
    """Report linear combinations of the first coefficients, one row of `slopes` for each heading."""
    wide = np.zeros((len(slopes), len(fitted.coefficients)))
    wide[:, : slopes.shape[1]] = slopes
    found, matrix = delta_method(analysis.model.sample, fitted.estimate, lambda at: wide @ at, wide)
    judged = verdict(fitted)
    for k, (heading, error) in enumerate(zip(headings, np.sqrt(matrix.diagonal()), strict=True)):
        numbers = (float(found.points[k]), float(error), fitted.df)
        row = {**heading, **figures(analysis.estimand, analysis.confidence, numbers), **judged}
        yield row, _select(found, k)


def failed(reason: str) -> dict[str, Any]:
    """Mark a row that could not be estimated."""
    return {"reliability": "failed", "reason": reason}


def describe_term(term: Term, estimand: str) -> dict[str, Any]:
    """Describe what a row of a term is about."""
    return {
        **({OUTCOME_LEVEL: term.outcome_level} if term.outcome_level else {}),
        "estimand": estimand,
        "exposure": term.exposure or None,
        "exposure_label": term.exposure_label or None,
        "level": term.level,
        "level_label": term.level_label,
        "reference": term.reference,
    }


def heading_of(analysis: Analysis, term: Term) -> dict[str, Any]:
    """Describe a row of an analysis."""
    return describe_term(term, _estimand(analysis, term))


def _estimand(analysis: Analysis, term: Term) -> str:
    """Name a term's parameter: an intercept among ratios stays on the link scale."""
    if term.estimand != "coefficient":
        return term.estimand
    return analysis.estimand if term.exposure else "coefficient"


def _report_term(analysis: Analysis, fitted: Regression, term: Term, place: int | None) -> Reported:
    model, estimand, confidence = analysis.model, _estimand(analysis, term), analysis.confidence
    if place is None:
        named = term.exposure_label or term.exposure
        return failed(f"No participant of the analysis is in the group {named}: {term.level}."), None
    if fitted.penalized:
        return _report_penalized(analysis, fitted, fitted.penalized, term, place), Own(
            fitted.covariance, place
        )
    smallest = smallest_group(model, fitted, term) if analysis.terms else None
    if smallest and not smallest.persons:
        reason = str(smallest.reason)
        return compare_empty_group(model, fitted, term, estimand, confidence, reason=reason), None
    point, std_error = float(fitted.coefficients[place]), float(np.sqrt(fitted.covariance[place, place]))
    few = smallest.reason if smallest and term.reference is not None else None
    row = {
        **figures(estimand, confidence, (point, std_error, fitted.df)),
        **verdict(fitted, few or find_flaw(model, fitted, term, smallest)),
    }
    size = max(abs(point), float(fitted.scale[place]))
    row = settled(model.sample, fitted.inside, row, (size, fitted.influence[:, place]))
    if row["std_error"] is None:
        return row, None
    return row, _select(fitted.estimate, place)


def _select(found: Estimate, place: int) -> Estimate:
    """Take one of several estimates with its influence values and replicates."""
    own = slice(place, place + 1)
    again = None if found.replicates is None else found.replicates[:, own]
    return Estimate(found.points[own], found.influence[:, own], found.counted, again)


def _report_penalized(
    analysis: Analysis, fitted: Regression, found: Penalized, term: Term, place: int
) -> dict[str, Any]:
    """Report a coefficient of a separated fit: inverse information, profile interval, likelihood ratio."""
    estimand, point = _estimand(analysis, term), float(found.points[place])
    error = float(np.sqrt(found.covariance[place, place]))
    reason = "so that interval and test are those of the penalized likelihood"
    try:
        (low, high), (statistic, p) = found.interval(place, analysis.confidence), found.test(place)
    except NotConvergedError:
        low = high = statistic = p = nan
        reason = "and the penalized likelihood has no interval or test"
    shown = np.exp if ESTIMANDS[estimand].scale == "log" else float
    return {
        **figures(estimand, analysis.confidence, (point, error, inf)),
        "conf_low": finite(float(shown(low))),
        "conf_high": finite(float(shown(high))),
        "statistic": statistic,
        "p_value": p,
        "df": None,
        "df_numerator": 1,
        "n_effective": fitted.n / found.deff,
        "deff": found.deff,
        "variance": f"inverse information, weights scaled to n / deff ({found.deff:.2f})",
        "reliability": "review",
        "reason": f"the outcome is separated by {found.along}, {reason}",
    }


def figures(estimand: str, confidence: float, found: tuple[float, float, float]) -> dict[str, Any]:
    """Give estimate, error, interval and test of a point, its standard error and degrees of freedom."""
    kind, (point, std_error, df) = ESTIMANDS[estimand], found
    scale = kind.scale
    share = kind.family == "share" and 0 < point < 1
    low, high = (intervals.around_share if share else intervals.around)(point, std_error, df, confidence)
    shown = np.exp if scale == "log" else float
    tested = std_error > 0 and kind.null_value is not None
    statistic = point / std_error if tested else None
    return {
        "estimate": float(shown(point)),
        "std_error": std_error,
        "scale": scale,
        "conf_low": float(shown(low)),
        "conf_high": float(shown(high)),
        "statistic": statistic,
        "p_value": None if statistic is None else 2 * float(stdtr(df, -abs(statistic))),
        "df": df,
    }


def verdict(fitted: Regression, *reasons: str | None) -> dict[str, Any]:
    """Judge a row by the degrees of freedom of its model and by further reasons for review."""
    df, crowd = fitted.design_df, None
    if fitted.parameters > df:
        crowd = f"{fitted.parameters} coefficients on {df} degrees of freedom of the design"
    short = f"{df} degrees of freedom of the design, below {SMALLEST_DF}" if df < SMALLEST_DF else None
    reason = "; ".join(reason for reason in (short, crowd, *reasons) if reason)
    return {"reliability": "review" if reason else "ok", "reason": reason or None}


def with_covariates(covariates: Sequence[tuple[str, str]], row: dict[str, Any]) -> dict[str, Any]:
    """Name the covariates as they entered the fit, with the reason where that is not as requested."""
    if not covariates:
        return row
    remarks = [
        f"{used} in place of {requested}, which has too few distinct values"
        if used
        else f"not adjusted for {variables_of([requested])[0]}, which does not vary"
        for requested, used in covariates
        if used != requested
    ]
    reason = "; ".join(filter(None, [row.get("reason"), *remarks]))
    return {**row, "adjust": ", ".join(used for _, used in covariates if used), "reason": reason or None}


def common(analysis: Analysis) -> dict[str, Any]:
    """Give the columns that all rows of an analysis share."""
    sample, outcome = analysis.model.sample, analysis.model.outcome.variable
    return {
        "study": sample.label,
        "domain": sample.domain,
        "outcome": outcome.name,
        "outcome_label": outcome.label,
        "adjust": analysis.adjust,
        "conf_level": analysis.confidence,
        "weight": sample.weight.component,
        "variance": sample.units.method,
    }
