"""Standardize model predictions: standardized prevalences, average marginal effects, predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np

from toolkit.disclosure import unknown_level
from toolkit.errors import EstimationError, VariableError, require_known, short
from toolkit.estimate.regression import (
    STANDARDIZED,
    Add,
    Analysis,
    Answer,
    Degrees,
    ModelSpec,
    Regression,
    Replacement,
    Setting,
    SetTo,
    Standard,
    Term,
    average_predictions,
    estimate,
    of_level,
    per_unit,
    regress,
    require_estimand,
    specify_formula,
)
from toolkit.estimate.survey import Column, read, with_reference
from toolkit.results import ESTIMANDS, Estimates, Mask
from toolkit.studies import Study
from toolkit.variables import Names, as_names, with_covariance

Value = str | float | int | bool
Values = Value | Sequence[Value]

_ESTIMANDS = (*STANDARDIZED, "standardised_mean", "average_marginal_effect")
# Steps of a derivative, in standard deviations: the error of four points is their fourth power.
STEP = 3e-3


@dataclass(frozen=True)
class Margin:
    """What is averaged: the variable that is set, the estimand, and the values of a continuous variable."""

    variable: str
    estimand: str
    at: tuple[float, ...] = ()

    @property
    def averages(self) -> bool:
        """True for an average at each level or value, False for a comparison of them."""
        return ESTIMANDS[self.estimand].family in ("share", "mean")

    def estimate(self, analysis: Analysis) -> Answer:
        """Estimate the margin of the model of an analysis in place of its coefficients."""
        column = analysis.model.sample.columns[self.variable]
        against = None if self.averages else column.reference
        levels = column.levels if self.averages else column.others
        terms = None if column.continuous else _level_terms(column, levels, against)
        return estimate(replace(analysis, estimand=self.estimand, terms=terms), fit=self.fit)

    def fit(self, model: ModelSpec, group: Mask) -> Regression:
        """Fit the model and average its predictions."""
        fitted, column = regress(model, group), model.sample.columns[self.variable]
        if not column.continuous:
            standard = _set_levels(model, fitted, column, self)
        elif self.at:
            standard = _set_values(column, self)
        elif self.estimand == "average_marginal_effect":
            standard = _set_derivative(model, fitted, column)
        else:
            standard = _add_one(column, self)
        return average_predictions(model, fitted, standard)


@with_covariance
def margins(
    study: Study,
    formula: str,
    variable: str,
    *,
    reference: str | None = None,
    estimand: str | None = None,
    at: Sequence[float] = (),
    family: str = "logit",
    domain: str = "",
    offset: str | None = None,
    by: Names = (),
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate standardized predictions of a model by levels of a variable, or average marginal effects.

    Parameters
    ----------
    study
        Participants, design and codebook.
    formula, family, domain, offset
        As for `tk.model`, with any family that has a single mean.
    variable
        A variable on the right of ~, set to each of its levels for all participants.
    reference
        The level of the variable that others are compared with; None for that of the codebook.
    estimand
        "standardised_prevalence" (the default; "standardised_mean" for a continuous outcome),
        "standardised_ratio" or "standardised_difference" against the reference ("mean_difference" for a
        continuous outcome), or "average_marginal_effect": the difference from the reference, or the
        derivative by a continuous variable.
    at
        Values at which a continuous variable is set, the first of which is the reference. Without them its
        ratio and difference are for an increase by one unit.
    by
        Categories; one model is fitted and standardized within each of their levels.
    df
        "design": PSUs minus strata. "model": PSUs minus strata plus 1 minus coefficients, as R's svyglm.
    confidence, covariance
        As for `tk.model`.

    Returns
    -------
    Estimates
        One result row per level, including the reference for prevalences and means.

    Raises
    ------
    VariableError
        If the variable is not in the formula, or is continuous and requires `at`.
    EstimationError
        As for `tk.model`, and for an estimand or a family that cannot be averaged.

    Notes
    -----
    The weighted mean of predictions over the participants of the fit, each with the level in place of their
    own (Graubard and Korn, Biometrics 55, 1999). The covariance includes the sampling of the participants
    averaged over, and its covariance with the coefficients, which svypredmeans of R's survey package omits.
    Each replicate weight refits and averages. Prevalences have an interval on the logit scale.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> found = margins(study, "any_cramps ~ diabetes_told + age", "diabetes_told", domain="age >= 20")
    >>> found["level"].to_list()
    ['no', 'yes']
    """
    study = with_reference(study, variable, reference)
    groups = as_names(by, "by")
    settings = max(4, len(at), _count_levels(study, variable))
    model = specify_formula(
        study, formula, family, domain, offset, by=groups, degrees=df, passes="averages", settings=settings
    )
    column = _require_variable(model, variable, formula)
    margin = Margin(variable, _choose_estimand(estimand, model.outcome), tuple(at))
    _require_values(column, margin)
    return margin.estimate(Analysis(model, groups, confidence=confidence)).frame()


@with_covariance
def predict(
    study: Study,
    formula: str,
    at: Mapping[str, Values],
    *,
    family: str = "logit",
    domain: str = "",
    offset: str | None = None,
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Predict the outcome over a grid of values.

    Parameters
    ----------
    study
        Participants, design and codebook.
    formula, family, domain, offset, confidence, covariance
        As for `tk.model`.
    df
        As for `tk.margins`.
    at
        Levels or numbers by variable, `{"sex": ("male", "female"), "age": (30, 50, 70)}`; each combination
        is a row. Predictions are averaged over the other variables of the participants.

    Returns
    -------
    Estimates
        One result row per combination, with the variables of `at` as text in front; estimand
        "predicted_prevalence", or "predicted_mean" for a continuous outcome.

    Raises
    ------
    VariableError
        If a variable is not in the formula, or has no such level.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> found = predict(study, "any_cramps ~ sex * age", {"sex": ("male", "female"), "age": (30, 70)})
    >>> found.select("sex", "age").rows()
    [('male', '30'), ('male', '70'), ('female', '30'), ('female', '70')]
    """
    count = prod(1 if isinstance(own, str | float | int) else len(own) for own in at.values())
    model = specify_formula(
        study, formula, family, domain, offset, degrees=df, passes="averages", settings=count
    )
    grid = [[(name, value) for value in _read_values(model, name, at[name], formula)] for name in at]
    places = list(product(*grid))
    estimand = "predicted_prevalence" if model.outcome.case else "predicted_mean"
    names = [", ".join(f"{name} {_format(value)}" for name, value in place) for place in places]
    terms = tuple(Term("", "", name, name, estimand=estimand) for name in names)
    columns = model.sample.columns
    settings = [{name: _set_value(columns[name], value) for name, value in place} for place in places]
    standard = Standard(settings, terms, np.eye(len(settings)))
    found = estimate(
        Analysis(model, estimand=estimand, terms=terms, confidence=confidence),
        fit=lambda model, group: average_predictions(model, regress(model, group), standard),
    )
    for row, place in zip(found.rows, places, strict=True):
        row.update(estimand=estimand, level=None, level_label=None)
        row.update({name: _format(value) for name, value in place})
    return replace(found, analysis=replace(found.analysis, by=tuple(at))).frame()


def standardized_association(analysis: Analysis, exposure: str, estimand: str) -> Answer:
    """Estimate the association as average predictions of its model."""
    column, margin = analysis.model.sample.columns[exposure], Margin(exposure, estimand)
    if column.continuous and margin.averages:
        raise VariableError(
            f"'{exposure}' is continuous, so its standardized prevalence requires values. Use "
            f"tk.margins(study, '{analysis.model.outcome.name} ~ {exposure} + ...', '{exposure}', at=(...)), "
            f"or estimand='standardised_ratio'."
        )
    return margin.estimate(analysis)


def _set_levels(model: ModelSpec, fitted: Regression, column: Column, margin: Margin) -> Standard:
    there = np.unique(model.sample.codes(column.name)[fitted.inside])
    levels = [column.levels[code] for code in there]
    settings: list[Setting] = [{column.name: _set_value(column, level)} for level in levels]
    if margin.averages:
        return Standard(settings, _level_terms(column, levels, None), np.eye(len(levels)))
    if column.reference not in levels:
        raise EstimationError(
            f"None of the {fitted.n:,} participants of the analysis has '{column.name}' = "
            f"'{column.reference}', the reference. Widen the domain, or use "
            f"estimand='standardised_prevalence'."
        )
    others = [level for level in levels if level != column.reference]
    terms = _level_terms(column, others, column.reference)
    return _compare_with(levels.index(column.reference), settings, terms, margin)


def _level_terms(column: Column, levels: Sequence[str], reference: str | None) -> tuple[Term, ...]:
    return tuple(of_level(column.variable, level, reference) for level in levels)


def _compare_with(place: int, settings: list[Setting], terms: tuple[Term, ...], margin: Margin) -> Standard:
    """Compare each other average with that at one place."""
    contrast = np.delete(np.eye(len(settings)), place, axis=0)
    contrast[:, place] = -1.0
    return Standard(settings, terms, contrast, log=margin.estimand == "standardised_ratio")


def _set_values(column: Column, margin: Margin) -> Standard:
    settings: list[Setting] = [{column.name: _set_value(column, value)} for value in margin.at]
    levels = [_format(value) for value in margin.at]
    if margin.averages:
        return Standard(settings, _level_terms(column, levels, None), np.eye(len(levels)))
    return _compare_with(0, settings, _level_terms(column, levels[1:], levels[0]), margin)


def _add_one(column: Column, margin: Margin) -> Standard:
    settings: list[Setting] = [{}, {column.name: Add(1)}]
    return _compare_with(0, settings, (per_unit(column.variable),), margin)


def _set_derivative(model: ModelSpec, fitted: Regression, column: Column) -> Standard:
    """Approximate the derivative by four points on both sides of each participant's own value."""
    step = STEP * float(np.std(model.sample.numbers(column.name)[fitted.inside]))
    settings: list[Setting] = [{column.name: Add(k * step)} for k in (1, -1, 2, -2)]
    weights = np.array([[8.0, -8.0, -1.0, 1.0]]) / (12 * step)
    return Standard(settings, (per_unit(column.variable),), weights)


def _choose_estimand(given: str | None, outcome: Column) -> str:
    mean = "standardised_prevalence" if outcome.case else "standardised_mean"
    chosen = given or mean
    if chosen == "standardised_difference" and not outcome.case:
        return "mean_difference"
    require_estimand(chosen, _ESTIMANDS, "tk.margins")
    if ESTIMANDS[chosen].family in ("share", "mean") and chosen != mean:
        what = "has two levels" if outcome.case else "is continuous"
        raise EstimationError(f"'{outcome.name}' {what}. Use estimand='{mean}'.")
    if chosen == "standardised_ratio" and not outcome.case:
        raise EstimationError(
            f"'{outcome.name}' is continuous. Use estimand='standardised_difference', or for the ratio of "
            f"counts tk.model(..., family='poisson', exponentiate=True)."
        )
    return chosen


def _count_levels(study: Study, name: str) -> int:
    return len(read(study, [name])[name].levels) if name in study.people.columns else 0


def _require_variable(model: ModelSpec, name: str, formula: str) -> Column:
    known = [other for other in model.names if other != model.outcome.name]
    require_known(f"The formula '{short(formula)}' has no variable", name, known, "It has:", VariableError)
    return model.sample.columns[name]


def _require_values(column: Column, margin: Margin) -> None:
    if margin.at and not column.continuous:
        raise VariableError(
            f"'{column.name}' has levels, each of which is set in turn. Remove at=, or choose levels with "
            f"tk.predict(study, ..., at={{'{column.name}': (...)}})."
        )
    if column.continuous and not margin.at and margin.averages:
        raise VariableError(
            f"'{column.name}' is continuous. Supply the values to be set, such as at=(30, 50, 70), or use "
            f"estimand='average_marginal_effect'."
        )
    if margin.at and not margin.averages and len(margin.at) < 2:
        raise VariableError(f"A comparison requires at least two values of '{column.name}'. Use at=(30, 50).")


def _read_values(model: ModelSpec, name: str, given: Values, formula: str) -> list[Value]:
    column = _require_variable(model, name, formula)
    values = [given] if isinstance(given, str | float | int | bool) else list(given)
    for value in values:
        if column.continuous and (isinstance(value, str | bool) or not np.isfinite(value)):
            raise VariableError(
                f"'{name}' is continuous, and {value!r} is not a number. Use at={{'{name}': (30, 50)}}."
            )
        if not column.continuous and str(value) not in column.levels:
            raise VariableError(unknown_level(f"'{name}' has no level", value, column.levels))
    return values


def _set_value(column: Column, value: Value) -> Replacement:
    """Give every participant one value, of a category the index of its level."""
    number = float(value) if column.continuous else column.levels.index(str(value))
    return SetTo(number)


def _format(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"
