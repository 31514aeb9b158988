"""Estimate distributed lags of an exposure within matched nights.

Method: the coefficients of the lags are a smooth function of the lag (a cross-basis, Gasparrini 2014) in the
conditional logit of `case_crossover`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from toolkit.errors import EstimationError, VariableError, require_known
from toolkit.estimate.longitudinal.case_crossovers import (
    Nights,
    column_of,
    draw_nights,
    lag_term,
    read_columns,
    with_night_covariates,
)
from toolkit.estimate.regression import (
    Analysis,
    Matrix,
    Regression,
    Reported,
    Term,
    estimate,
    heading_of,
    knots_at,
    report_contrasts,
    spline,
)
from toolkit.estimate.survey import QUANTILE_RULES, Sample
from toolkit.results import Estimates, Floats, Mask
from toolkit.studies import Study
from toolkit.variables import Names, as_names, with_covariance

SHAPES = ("spline", "polynomial", "free")
CUMULATIVE = "cumulative"


@dataclass(frozen=True)
class _CrossBasis:
    """The cross-basis of an exposure and its lags, beside covariates."""

    exposure: str
    adjust: tuple[str, ...]
    lags: Floats  # lags x columns
    knots: Floats  # of the exposure; none for a straight line
    contrast: Floats  # what the value adds to the reference in each column of the exposure

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix."""
        own = []
        for lag in range(len(self.lags)):
            values = read_columns(sample, [column_of(self.exposure, lag)], inside)
            own.append(spline(values[:, 0], self.knots) if len(self.knots) else values)
        crossed = np.einsum("lnk,lj->nkj", np.stack(own), self.lags).reshape(int(inside.sum()), -1)
        names = [f"part {k + 1}" for k in range(crossed.shape[1])]
        terms = [Term(self.exposure, self.exposure, name, name) for name in names]
        return with_night_covariates(sample, crossed, terms, self.adjust, inside)

    def slopes(self) -> Floats:
        """Derive each lag, and all of them together, by the parameters."""
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
    """Estimate the lagged effects of an exposure such as heat on the following nights.

    Parameters
    ----------
    study
        A cohort with a diary, or the study that `tk.records` returned.
    outcome
        A variable of the night with two levels.
    exposure
        A continuous variable of the night, such as "heat_index"; earlier days are read as by
        `tk.case_crossover`.
    lags
        The longest lag in days.
    shape
        Of the curve over the lags: "spline" (natural cubic, knots even on the log scale), "polynomial", or
        "free" for one coefficient per lag.
    df
        Parameters of that curve: 4 are a cubic polynomial, or a spline with two knots inside.
    per
        Units of the exposure per ratio, if its effect is linear.
    knots
        None for a linear effect of the exposure; their number or values for a spline.
    value, reference
        With knots, the values that are compared; by default the 95th percentile and the median.
    adjust, stratum, domain, by, confidence, covariance
        As for `tk.case_crossover`.

    Returns
    -------
    Estimates
        Result rows: odds ratios of "lag 0" to the last, then "cumulative", the ratio for this exposure on all
        of these days. Draw it with `tk.curve_chart`.

    Raises
    ------
    VariableError, EstimationError, DatasetError
        As for `tk.case_crossover`; EstimationError also for an unknown shape.

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
    curve = _shape_lags(lags, shape, df)
    adjusted, by = as_names(adjust or (), "adjust"), as_names(by, "by")
    lagged = [(exposure, lag) for lag in range(lags + 1)]
    nights = draw_nights(
        study, outcome=outcome, lagged=lagged, adjust=adjusted, stratum=stratum, domain=domain, by=by
    )
    basis = _build_basis(nights, exposure, adjusted, curve, (per, knots, value, reference))
    terms = _name_rows(nights, basis, (per, value, reference))
    model = nights.model(basis)
    analysis = Analysis(model, by, "odds_ratio", tuple(terms), nights.adjust, confidence)
    return estimate(analysis, report=partial(_report_lags, basis=basis)).frame()


def _report_lags(analysis: Analysis, fitted: Regression, basis: _CrossBasis) -> Iterable[Reported]:
    headings = [heading_of(analysis, term) for term in analysis.terms or ()]
    return report_contrasts(analysis, fitted, headings, basis.slopes())


def _shape_lags(lags: int, shape: str, df: int) -> Floats:
    """Give the columns of a curve over the lags."""
    require_known("A lag curve has no shape", shape, SHAPES, "Available:")
    at = np.arange(lags + 1.0)
    if shape == "free" or df > lags:
        return np.eye(lags + 1)
    if df < 1 or (shape == "spline" and df < 3):
        raise EstimationError(
            f"A lag curve of shape '{shape}' cannot have {df} parameters. Use df=3 or more, or "
            f"shape='polynomial' with df=1 or 2."
        )
    if shape == "polynomial":
        return np.vander(at / lags, df, increasing=True)
    inner = np.exp(np.linspace(0, np.log(lags), df)[1:-1])
    return np.column_stack([np.ones(lags + 1), spline(at, [0.0, *inner, float(lags)])[:, : df - 1]])


def _build_basis(
    nights: Nights,
    exposure: str,
    adjust: tuple[str, ...],
    curve: Floats,
    requested: tuple[Any, Any, Any, Any],
) -> _CrossBasis:
    per, knots, value, reference = requested
    sample, name = nights.sample, column_of(exposure, 0)
    if not sample.columns[name].continuous:
        raise VariableError(
            f"'{exposure}' is a category, and a lag curve requires a continuous exposure. Estimate lags "
            f"separately: tk.case_crossover(study, exposures='{exposure}', lags=(0, 1, 2))."
        )
    if knots is None:
        if per <= 0 or value is not None or reference is not None:
            raise EstimationError(
                f"A linear effect of '{exposure}' has a ratio per units, such as per=10. To compare one "
                f"value with another, use knots=3 with value= and reference=."
            )
        return _CrossBasis(exposure, adjust, curve, np.array([]), np.array([[float(per)]]))
    there = ~np.isnan(sample.numbers(name))
    values, weights = sample.numbers(name)[there], sample.weights[there]
    placed = (
        knots_at(values, weights, knots, exposure)
        if isinstance(knots, int)
        else np.unique(np.asarray(knots, float))
    )
    compared, against = _choose_values(values, weights, value, reference)
    contrast = spline(np.array([compared]), placed) - spline(np.array([against]), placed)
    return _CrossBasis(exposure, adjust, curve, placed, contrast)


def _choose_values(
    values: Floats, weights: Floats, value: float | None, reference: float | None
) -> tuple[float, float]:
    high, middle = (float(f"{QUANTILE_RULES['hf7'](values, weights, p):.3g}") for p in (0.95, 0.5))
    return (high if value is None else value), (middle if reference is None else reference)


def _name_rows(
    nights: Nights, basis: _CrossBasis, requested: tuple[float, float | None, float | None]
) -> list[Term]:
    exposure, count = basis.exposure, len(basis.lags)
    terms = [lag_term(nights, exposure, lag, requested[0]) for lag in range(count)]
    label = terms[0].exposure_label.partition(",")[0]
    together = replace(terms[0], exposure_label=f"{label}, all of {count} days together", level=CUMULATIVE)
    terms.append(together)
    if not len(basis.knots):
        return terms
    column = nights.sample.numbers(column_of(exposure, 0))
    there = ~np.isnan(column)
    value, reference = _choose_values(column[there], nights.sample.weights[there], *requested[1:])
    unit = terms[0].level_label.removeprefix(f"per {requested[0]:g}").strip()
    levels = [f"{x:g} {unit}".strip() for x in (value, reference)]
    return [replace(term, level_label=levels[0], reference=levels[1]) for term in terms]
