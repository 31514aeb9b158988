"""Word the coefficients of fitted models as rows of the result schema, group by group.

Takes what was asked; gives an `Answer`: rows, and their joint covariance when it is wanted. A group that
cannot be fitted stays as rows with the reason.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, nan
from typing import Any

import numpy as np
from scipy.special import stdtr

from toolkit.errors import DesignError, EstimationError
from toolkit.estimate.regression.empty_cells import flaw, smallest_group, with_empty_group
from toolkit.estimate.regression.fit import Model, Regression, regress
from toolkit.estimate.regression.fit_errors import NotConvergedError
from toolkit.estimate.regression.formula.design_matrix import INTERCEPT, Term
from toolkit.estimate.regression.likelihoods.firth import Penalized
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Mask
from toolkit.estimate.survey.groups import counts, finite, groups
from toolkit.estimate.survey.linearization import Estimate, covariance_of_rows
from toolkit.estimate.survey.reliability import SMALLEST_DF, for_review
from toolkit.estimate.survey.unvarying import settled
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import ESTIMANDS, Estimates, frame, variables_of

OUTCOME_LEVEL = "outcome_level"


@dataclass(frozen=True, eq=False)
class Own:
    """A row of a fit whose covariance is not the design's: the whole matrix, and the row's place in it."""

    matrix: Floats
    place: int


@dataclass(frozen=True)
class Asked:
    """One question to a model.

    Attributes
    ----------
    model
        What is fitted.
    by
        Categories within whose levels it is fitted.
    estimand
        As the result shows it.
    rows
        The terms that are shown; None for all, on the link scale.
    adjust
        As the result shows it.
    confidence
        Of the interval.
    derive
        What is made of each fitted model before it is worded; None for nothing.
    """

    model: Model
    by: tuple[str, ...] = ()
    estimand: str = "coefficient"
    rows: tuple[Term, ...] | None = None
    adjust: str = ""
    confidence: float = 0.95
    derive: Callable[[Model, Regression], Regression] | None = None


@dataclass(frozen=True)
class Answer:
    """Rows with the influence values behind them.

    Attributes
    ----------
    asked
        The question.
    rows
        As mappings by the names of the schema.
    parts
        For each row the estimate on the scale of its standard error, with influence values and replicates;
        None where the row failed or has no standard error.
    """

    asked: Asked
    rows: list[dict[str, Any]]
    parts: list[Estimate | Own | None]

    def frame(self, **columns: str) -> Estimates:
        """Return the rows with their covariance as a result frame, all of them with the columns named."""
        levels = (OUTCOME_LEVEL,) if any(OUTCOME_LEVEL in row for row in self.rows) else ()
        rows = [{**row, **columns} for row in self.rows]
        return frame(rows, (*self.asked.by, *levels), self.covariance())

    def covariance(self) -> Floats:
        """Compute the covariance of the rows, across groups too; NaN for a row without a standard error."""
        designs = [part if isinstance(part, Estimate) else None for part in self.parts]
        matrix = covariance_of_rows(self.asked.model.sample, designs)
        own = [(row, part) for row, part in enumerate(self.parts) if isinstance(part, Own)]
        for (i, one), (j, other) in product(own, repeat=2):
            if one.matrix is other.matrix:
                matrix[i, j] = one.matrix[one.place, other.place]
        return matrix


def answer(asked: Asked) -> Answer:
    """Fit the model in each group and word the rows.

    Parameters
    ----------
    asked
        The question.

    Returns
    -------
    Answer
        Groups in the order of the levels of `by`, terms in order within.

    Raises
    ------
    EstimationError
        If there is one group only and it cannot be fitted.
    VariableError
        If a variable of `by` is a number.
    """
    intervals.check_confidence(asked.confidence)
    found = Answer(asked, [], [])
    for levels, group in groups(asked.model.sample, asked.by):
        for row, part in _group_rows(asked, levels, group):
            flagged = for_review(row, asked.model.sample.review)
            found.rows.append({**common(asked), **dict(zip(asked.by, levels, strict=True)), **flagged})
            found.parts.append(part)
    return found


def _group_rows(
    asked: Asked, levels: tuple[str, ...], group: Mask
) -> Iterator[tuple[dict[str, Any], Estimate | Own | None]]:
    sample, names = asked.model.sample, asked.model.names
    told = counts(sample, asked.by, levels, group & sample.complete(names))
    try:
        fitted = _regress(asked, group)
    except (EstimationError, DesignError) as error:
        if not asked.by:
            raise
        for term in asked.rows or (Term("", "", INTERCEPT, INTERCEPT),):
            yield {**heading_of(asked, term), **told, **failed(str(error))}, None
        return
    for term in asked.rows or fitted.terms:
        row, part = _row(asked, fitted, term)
        own = {**heading_of(asked, term), **told, "n_cases": fitted.n_cases, **row}
        yield with_covariates(fitted.covariates, own), part


def _regress(asked: Asked, group: Mask) -> Regression:
    if not group.any():
        raise EstimationError("nobody in the domain has this level.")
    fitted = regress(asked.model, group)
    return asked.derive(asked.model, fitted) if asked.derive else fitted


def failed(reason: str) -> dict[str, Any]:
    """Mark a row that could not be estimated."""
    return {"reliability": "failed", "reason": reason}


def heading_of(asked: Asked, term: Term) -> dict[str, Any]:
    """Name what a row of a term is about."""
    return {
        **({OUTCOME_LEVEL: term.outcome_level} if term.outcome_level else {}),
        "estimand": _estimand(asked, term),
        "exposure": term.exposure or None,
        "exposure_label": term.exposure_label or None,
        "level": term.level,
        "level_label": term.level_label,
        "reference": term.reference,
    }


def _estimand(asked: Asked, term: Term) -> str:
    """Say what a term's parameter is: an intercept among ratios stays on the link scale."""
    if term.estimand != "coefficient":
        return term.estimand
    return asked.estimand if term.exposure else "coefficient"


def _row(asked: Asked, fitted: Regression, term: Term) -> tuple[dict[str, Any], Estimate | Own | None]:
    place = _place(fitted, term)
    if place is None:
        named = term.exposure_label or term.exposure
        return failed(f"nobody of the analysis is in the group {named}: {term.level}."), None
    if fitted.penalized:
        return _penalized(asked, fitted, fitted.penalized, term), Own(fitted.covariance, place)
    smallest = smallest_group(asked.model, fitted, term) if asked.rows else None
    if smallest and not smallest.persons:
        reason, wanted = str(smallest.told), (_estimand(asked, term), asked.confidence)
        return with_empty_group(asked.model, fitted, term, wanted, reason), None
    point, std_error = float(fitted.coefficients[place]), float(np.sqrt(fitted.covariance[place, place]))
    own = figures(_estimand(asked, term), asked.confidence, (point, std_error, fitted.df))
    few = smallest.told if smallest and term.marks else None
    row = {**own, **verdict(fitted, few or flaw(asked.model, fitted, term))}
    row = settled(asked.model.sample, fitted.inside, row, _size(fitted, place))
    return row, None if row["std_error"] is None else part_of(fitted, place)


def _size(fitted: Regression, place: int) -> tuple[float, Floats]:
    """Give the size that a standard error is judged by, and the influence values."""
    size = max(abs(float(fitted.coefficients[place])), float(fitted.scale[place]))
    return size, fitted.influence[:, place]


def _penalized(asked: Asked, fitted: Regression, found: Penalized, term: Term) -> dict[str, Any]:
    """Give a row of a fit that is separated: inverse information, profile interval and likelihood ratio."""
    place = _place(fitted, term) or 0
    estimand, point = _estimand(asked, term), float(found.points[place])
    own = figures(estimand, asked.confidence, (point, float(np.sqrt(found.covariance[place, place])), inf))
    told = "so that interval and test are those of the penalized likelihood"
    try:
        (low, high), (statistic, p) = found.interval(place, asked.confidence), found.test(place)
    except NotConvergedError:
        low = high = statistic = p = nan
        told = "and the penalized likelihood cannot be followed to an interval or a test"
    shown = np.exp if ESTIMANDS[estimand].scale == "log" else float
    return {
        **own,
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
        "reason": f"the outcome is separated by {found.along}, {told}",
    }


def part_of(fitted: Regression, place: int) -> Estimate:
    """Take one coefficient with its influence values and replicates."""
    own, replicates = slice(place, place + 1), fitted.replicates
    return Estimate(
        fitted.coefficients[own],
        fitted.influence[:, own],
        fitted.inside,
        None if replicates is None else replicates[:, own],
    )


def _place(fitted: Regression, term: Term) -> int | None:
    return {own.key: place for place, own in enumerate(fitted.terms)}.get(term.key)


def figures(estimand: str, confidence: float, found: tuple[float, float, float]) -> dict[str, Any]:
    """Give estimate, error, interval and test of a point, its standard error and degrees of freedom."""
    kind, (point, std_error, df) = ESTIMANDS[estimand], found
    share = kind.family == "share" and 0 < point < 1
    low, high = (intervals.around_share if share else intervals.around)(point, std_error, df, confidence)
    shown = np.exp if kind.scale == "log" else float
    tested = std_error > 0 and kind.null_value is not None
    statistic = point / std_error if tested else None
    return {
        "estimate": float(shown(point)),
        "std_error": std_error,
        "scale": kind.scale,
        "conf_low": float(shown(low)),
        "conf_high": float(shown(high)),
        "statistic": statistic,
        "p_value": None if statistic is None else 2 * float(stdtr(df, -abs(statistic))),
        "df": df,
    }


def verdict(fitted: Regression, *reasons: str | None) -> dict[str, Any]:
    """Judge a row by the degrees of freedom of its model and by what else is told of it."""
    df, crowd = fitted.design_df, None
    if fitted.parameters > df:
        crowd = f"{fitted.parameters} coefficients on {df} degrees of freedom of the design"
    short = f"{df} degrees of freedom of the design, below {SMALLEST_DF}" if df < SMALLEST_DF else None
    told = "; ".join(reason for reason in (short, crowd, *reasons) if reason)
    return {"reliability": "review" if told else "ok", "reason": told or None}


def with_covariates(covariates: Sequence[tuple[str, str]], row: dict[str, Any]) -> dict[str, Any]:
    """Let a row name the covariates as they entered its fit, with the reason where that is not as asked."""
    if not covariates:
        return row
    remarks = [
        f"{used} in place of {asked}, which has too few distinct values"
        if used
        else f"not adjusted for {variables_of([asked])[0]}, which does not vary"
        for asked, used in covariates
        if used != asked
    ]
    told = "; ".join(filter(None, [row.get("reason"), *remarks]))
    entered = ", ".join(used for _, used in covariates if used)
    return {**row, "adjust": entered, "reason": told or None}


def common(asked: Asked) -> dict[str, Any]:
    """Give the columns that all rows of a question share."""
    sample, outcome = asked.model.sample, asked.model.outcome.variable
    return {
        "study": sample.label,
        "domain": sample.domain,
        "outcome": outcome.name,
        "outcome_label": outcome.label,
        "adjust": asked.adjust,
        "conf_level": asked.confidence,
        "weight": sample.weight.component,
        "variance": sample.units.method,
    }
