"""Estimate how an exposure works over the days that follow it: a distributed lag within matched nights.

Takes a cohort's diary; gives result rows, one a lag, and one of all lags together.
Method: the lags' coefficients lie on a smooth curve over the lag (a cross-basis, Gasparrini 2014) in the
conditional logit of `case_crossover`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.descriptive.quantiles import RULES
from toolkit.estimate.longitudinal.matched_nights import (
    Matched,
    Nights,
    column_of,
    each_group,
    lag_term,
    matched,
    nights_of,
)  # fmt: skip
from toolkit.estimate.regression.coefficient_rows import Asked, common, failed, figures, heading_of, verdict
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term
from toolkit.estimate.regression.formula.splines import knots_at, spline
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Mask
from toolkit.estimate.survey.linearization import Estimate, covariance_of_rows
from toolkit.estimate.survey.reliability import for_review
from toolkit.estimate.survey.transformed import transformed
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates, frame
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, with_covariance

SHAPES = ("spline", "polynomial", "free")
CUMULATIVE = "cumulative"


@dataclass(frozen=True)
class _Basis:
    """The cross-basis: what lags may look like, and where the exposure may bend.

    Attributes
    ----------
    lags
        Lags x columns.
    knots
        Of the exposure; empty for a straight line.
    contrast
        What the value adds to the reference in each column of the exposure.
    """

    lags: Floats
    knots: Floats
    contrast: Floats

    def exposure(self, values: Floats) -> Floats:
        """Give the columns of an exposure."""
        return spline(values, self.knots) if len(self.knots) else values[:, None]

    def slopes(self) -> Floats:
        """Lags, and all of them together, x parameters."""
        each = np.kron(self.contrast, self.lags)
        return np.vstack([each, each.sum(axis=0)])


@with_covariance
def lag_curve(
    study: Study,
    outcome: str = "cramp",
    exposure: str = "",
    *,
    lags: int = 7,
    shape: str = "spline",
    df: int = 4,
    per: float = 1.0,
    knots: int | Sequence[float] | None = None,
    value: float | None = None,
    reference: float | None = None,
    adjust: Names | None = None,
    stratum: str | int = "weekday of the month",
    domain: str = "",
    by: Names = (),
    confidence: float = 0.95,
) -> Estimates:
    """Estimate how an exposure such as heat works over the nights that follow it.

    Parameters
    ----------
    study
        A cohort with a diary, or what `tk.records` made of one.
    outcome
        A variable of the night with two levels.
    exposure
        A number of the night, such as "heat_index"; days before are read as by `tk.case_crossover`.
    lags
        The last day before the night that may matter.
    shape
        Of the curve over the lags: "spline" (natural cubic, knots even on the log scale), "polynomial", or
        "free" for a coefficient each.
    df
        Parameters of that curve: 4 are a cubic polynomial, or a spline with two knots inside.
    per
        Units of the exposure that the ratios are for, where its effect is a straight line.
    knots
        None for a straight line in the exposure; their number or values for a spline in it too.
    value, reference
        With knots: which value is compared with which; by default the 95th percentile with the median.
    adjust, stratum, domain, by, confidence, covariance
        As in `tk.case_crossover`.

    Returns
    -------
    Estimates
        Result rows: odds ratios of "lag 0" to the last, then "cumulative", the ratio of so much exposure on
        all of these days. Draw it with `tk.curve_chart`.

    Raises
    ------
    VariableError, EstimationError, DatasetError
        As `tk.case_crossover`; EstimationError also for an unknown shape.

    Examples
    --------
    >>> import toolkit as tk
    >>> cohort = tk.open_study("example-cohort")
    >>> rows = tk.lag_curve(cohort, exposure="heat_index", lags=3, df=3, per=10)
    >>> rows["level"].to_list()
    ['lag 0', 'lag 1', 'lag 2', 'lag 3', 'cumulative']
    """
    if not exposure:
        raise VariableError("No exposure is given. Name one: tk.lag_curve(study, exposure='heat_index').")
    intervals.check_confidence(confidence)
    curve = _over_lags(lags, shape, df)
    adjusted, by = as_names(adjust or (), "adjust"), as_names(by, "by")
    lagged = [(exposure, lag) for lag in range(lags + 1)]
    nights = nights_of(
        study, outcome=outcome, lagged=lagged, adjust=adjusted, stratum=stratum, domain=domain, by=by
    )
    basis = _basis(nights, exposure, curve, (per, knots, value, reference))
    terms = _parameters(basis, exposure, adjusted)

    def build(inside: Mask) -> Matrix:
        own = [basis.exposure(nights.columns(inside, [column_of(*one)])[:, 0]) for one in lagged]
        crossed = np.einsum("lnk,lj->nkj", np.stack(own), basis.lags).reshape(int(inside.sum()), -1)
        others = [nights.columns(inside, adjusted)] if adjusted else []
        return Matrix(np.column_stack([crossed, *others]), terms)

    asked = Asked(
        matched(nights, build), by, estimand="odds_ratio", adjust=nights.adjust, confidence=confidence
    )
    shown = _shown(nights, exposure, lags, basis, (per, value, reference))
    rows, parts = [], []
    for group in each_group(nights, asked.model):
        for row, part in _group_rows(asked, basis, shown, group):
            rows.append(for_review(row, nights.sample.review))
            parts.append(part)
    return frame(rows, by, covariance_of_rows(nights.sample, parts))


def _over_lags(lags: int, shape: str, df: int) -> Floats:
    """Give the columns of a curve over the lags."""
    if shape not in SHAPES:
        raise EstimationError(unknown("a lag curve has no shape", shape, SHAPES, f"All: {', '.join(SHAPES)}"))
    at = np.arange(lags + 1.0)
    if shape == "free" or df > lags:
        return np.eye(lags + 1)
    if df < 1 or (shape == "spline" and df < 3):
        raise EstimationError(
            f"a lag curve of shape '{shape}' cannot have {df} parameters. Take df=3 or more, or "
            f"shape='polynomial' with df=1 or 2."
        )
    if shape == "polynomial":
        return np.vander(at / lags, df, increasing=True)
    inner = np.exp(np.linspace(0, np.log(lags), df)[1:-1])
    return np.column_stack([np.ones(lags + 1), spline(at, [0.0, *inner, float(lags)])[:, : df - 1]])


def _basis(nights: Nights, exposure: str, curve: Floats, asked: tuple[Any, Any, Any, Any]) -> _Basis:
    per, knots, value, reference = asked
    sample, name = nights.sample, column_of(exposure, 0)
    if not sample.columns[name].continuous:
        raise VariableError(
            f"'{exposure}' is a category; a lag curve is of a number. Its lags one by one: "
            f"tk.case_crossover(study, exposures='{exposure}', lags=(0, 1, 2))."
        )
    if knots is None:
        if per <= 0 or value is not None or reference is not None:
            raise EstimationError(
                f"a straight line in '{exposure}' has a ratio per units: per=10. For one value against "
                f"another take knots=3 with value= and reference=."
            )
        return _Basis(curve, np.array([]), np.array([[float(per)]]))
    there = ~np.isnan(sample.numbers(name))
    values, weights = sample.numbers(name)[there], sample.weights[there]
    placed = (
        knots_at(values, weights, knots, exposure)
        if isinstance(knots, int)
        else np.unique(np.asarray(knots, float))
    )
    compared, against = _compared(values, weights, value, reference)
    contrast = spline(np.array([compared]), placed) - spline(np.array([against]), placed)
    return _Basis(curve, placed, contrast)


def _compared(
    values: Floats, weights: Floats, value: float | None, reference: float | None
) -> tuple[float, float]:
    high, middle = (float(f"{RULES['hf7'](values, weights, p):.3g}") for p in (0.95, 0.5))
    return (high if value is None else value), (middle if reference is None else reference)


def _parameters(basis: _Basis, exposure: str, adjusted: tuple[str, ...]) -> tuple[Term, ...]:
    size = basis.lags.shape[1] * basis.contrast.shape[1]
    own = (Term(exposure, exposure, f"part {k + 1}", f"part {k + 1}") for k in range(size))
    return (*own, *(Term(name, name, "adjusted", "") for name in adjusted))


def _shown(
    nights: Nights, exposure: str, lags: int, basis: _Basis, asked: tuple[float, float | None, float | None]
) -> list[Term]:
    terms = [lag_term(nights, exposure, lag, asked[0]) for lag in range(lags + 1)]
    label = terms[0].exposure_label.partition(",")[0]
    together = replace(terms[0], exposure_label=f"{label}, all of {lags + 1} days together", level=CUMULATIVE)
    terms.append(together)
    if not len(basis.knots):
        return terms
    column = nights.sample.numbers(column_of(exposure, 0))
    there = ~np.isnan(column)
    value, reference = _compared(column[there], nights.sample.weights[there], *asked[1:])
    unit = terms[0].level_label.removeprefix(f"per {asked[0]:g}").strip()
    words = [f"{x:g} {unit}".strip() for x in (value, reference)]
    return [replace(term, level_label=words[0], reference=words[1]) for term in terms]


def _group_rows(
    asked: Asked, basis: _Basis, shown: list[Term], group: Matched
) -> Iterator[tuple[dict[str, Any], Estimate | None]]:
    levels = dict(zip(asked.by, group.levels, strict=True))
    start = [{**common(asked), **levels, **heading_of(asked, term), **group.counts} for term in shown]
    if group.fitted is None:
        yield from (({**row, **failed(group.reason)}, None) for row in start)
        return
    slopes = np.zeros((len(shown), len(group.fitted.coefficients)))
    own = basis.slopes()
    slopes[:, : own.shape[1]] = own
    found, matrix = transformed(asked.model.sample, group.fitted, lambda at: slopes @ at, slopes)
    for k, row in enumerate(start):
        numbers = figures(
            asked.estimand,
            asked.confidence,
            (float(found.points[k]), float(np.sqrt(matrix[k, k])), group.fitted.df),
        )
        place = slice(k, k + 1)
        again = None if found.replicates is None else found.replicates[:, place]
        part = Estimate(found.points[place], found.influence[:, place], found.counted, again)
        yield {**row, **numbers, **verdict(group.fitted)}, part
