"""Estimate what happens before nights with a cramp: a time-stratified case-crossover with lags.

Takes a cohort's diary; gives result rows, one an exposure and lag.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.longitudinal.matched_nights import (
    Nights,
    column_of,
    each_group,
    lag_term,
    matched,
    nights_of,
)
from toolkit.estimate.regression.coefficient_rows import (
    Asked,
    common,
    failed,
    figures,
    heading_of,
    part_of,
    verdict,
)
from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Mask
from toolkit.estimate.survey.linearization import Estimate, covariance_of_rows
from toolkit.estimate.survey.reliability import for_review
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates, frame
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, with_covariance

# One number for all exposures, or one for each.
Per = float | Mapping[str, float]


@with_covariance
def case_crossover(
    study: Study,
    outcome: str = "cramp",
    exposures: Names = (),
    *,
    lags: int | Sequence[int] = 0,
    per: Per = 1.0,
    adjust: Names | None = None,
    stratum: str | int = "weekday of the month",
    domain: str = "",
    by: Names = (),
    confidence: float = 0.95,
) -> Estimates:
    """Compare the days before nights with a cramp with other days of the same person and month.

    Parameters
    ----------
    study
        A cohort with a diary, or what `tk.records` made of one.
    outcome
        A variable of the night with two levels.
    exposures
        Numbers or yes/no variables of the night, such as "heat_index". Days before are read from columns such
        as `heat_index_lag1`, and where there are none from the person's own diary.
    lags
        Days before the night, one or several, which enter one model together: 0 is the same day.
    per
        Units of a number that a ratio is for, such as 10, or one for each exposure: {"heat_index": 10}.
    adjust
        Other variables of the night; None for none. A set of the causal diagram is not accepted, because
        covariates that do not vary within a person drop out of the comparison.
    stratum
        "weekday of the month" compares nights of one person, month and day of the week; "month" all nights of
        a month; a number compares nights within so many days.
    domain
        A condition on the nights; null is outside.
    by
        Categories of the person or night; one model within each of their levels.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows, one an exposure and lag ("lag 0", ...): odds ratios. `n` are the nights of strata that
        hold both a night with the outcome and another, `n_cases` those with it.

    Raises
    ------
    VariableError
        For an unknown variable, or one of several levels.
    EstimationError
        If no stratum can be compared, or an exposure does not vary within strata.
    DatasetError
        If the study has no diary.

    Notes
    -----
    Conditional logit by its exact likelihood, as clogit of R's survival package; errors are clustered by
    person (or PSU). With strata that are fixed in advance the time before and after a case are used alike
    (Janes, Sheppard and Lumley 2005).

    Examples
    --------
    >>> import toolkit as tk
    >>> cohort = tk.open_study("example-cohort")
    >>> rows = tk.case_crossover(cohort, exposures="heat_index", lags=(0, 1), per=10)
    >>> rows["level"].to_list()
    ['lag 0', 'lag 1']
    """
    if not exposures:
        raise VariableError(
            "No exposure is given. Name one: tk.case_crossover(study, exposures='heat_index')."
        )
    intervals.check_confidence(confidence)
    names, by = as_names(exposures, "exposures"), as_names(by, "by")
    adjusted = as_names(adjust or (), "adjust")
    chosen = _lags(lags)
    lagged = [(name, lag) for name in names for lag in chosen]
    nights = nights_of(
        study, outcome=outcome, lagged=lagged, adjust=adjusted, stratum=stratum, domain=domain, by=by
    )
    units = [_per(nights, name, lag, per) for name, lag in lagged]
    terms = [lag_term(nights, name, lag, unit) for (name, lag), unit in zip(lagged, units, strict=True)]

    def build(inside: Mask) -> Matrix:
        own = nights.columns(inside, [column_of(*one) for one in lagged]) / units
        others = [nights.columns(inside, adjusted)] if adjusted else []
        return _beside(own, others, (*terms, *(Term(name, name, "adjusted", "") for name in adjusted)))

    asked = Asked(
        matched(nights, build), by, estimand="odds_ratio", adjust=nights.adjust, confidence=confidence
    )
    return _estimate_rows(asked, nights, terms)


def _lags(lags: int | Sequence[int]) -> tuple[int, ...]:
    chosen = (lags,) if isinstance(lags, int) else tuple(lags)
    if not chosen or any(lag < 0 or lag != int(lag) for lag in chosen) or len(set(chosen)) < len(chosen):
        raise EstimationError("'lags' are whole days before the night, each once, such as lags=(0, 1, 2).")
    return chosen


def _per(nights: Nights, name: str, lag: int, per: Per) -> float:
    own = per.get(name, 1.0) if isinstance(per, Mapping) else per
    if own <= 0:
        raise EstimationError(f"'per' of '{name}' is {own:g}; it is a number of its units, such as per=10.")
    return float(own) if nights.sample.columns[column_of(name, lag)].continuous else 1.0


def _beside(own: Floats, others: Sequence[Floats], terms: tuple[Term, ...]) -> Matrix:
    return Matrix(np.column_stack([own, *others]), terms)


def _estimate_rows(asked: Asked, nights: Nights, terms: Sequence[Term]) -> Estimates:
    rows: list[dict[str, Any]] = []
    parts: list[Estimate | None] = []
    for group in each_group(nights, asked.model):
        levels = dict(zip(asked.by, group.levels, strict=True))
        for k, term in enumerate(terms):
            row = {**common(asked), **levels, **heading_of(asked, term), **group.counts}
            if group.fitted is None:
                own, part = failed(group.reason), None
            else:
                part, own = part_of(group.fitted, k), _numbers(asked, group.fitted, k)
            rows.append(for_review({**row, **own}, nights.sample.review))
            parts.append(part)
    return frame(rows, asked.by, covariance_of_rows(nights.sample, parts))


def _numbers(asked: Asked, fitted: Regression, place: int) -> dict[str, Any]:
    point, error = fitted.coefficients[place], np.sqrt(fitted.covariance[place, place])
    own = figures(asked.estimand, asked.confidence, (float(point), float(error), fitted.df))
    return {**own, **verdict(fitted)}
