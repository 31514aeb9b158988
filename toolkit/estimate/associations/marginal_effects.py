"""Estimate what a model says of people: standardised prevalences, average marginal effects, predictions.

Takes a study and a formula or an association; gives result rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.regression.averaging import (
    Contrast,
    Setting,
    Standard,
    averaged,
    linear,
    log_ratios,
    present_levels,
    themselves,
)
from toolkit.estimate.regression.coefficient_rows import Asked, answer
from toolkit.estimate.regression.comparison import STANDARDIZED
from toolkit.estimate.regression.fit import Degrees, Model, Regression
from toolkit.estimate.regression.formula.design_matrix import Term, of_level, per_unit
from toolkit.estimate.regression.specification import Request, question, require_estimand
from toolkit.estimate.survey.roles import Column, with_reference
from toolkit.results import ESTIMANDS, Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, with_covariance

Value = str | float | int | bool
Values = Value | Sequence[Value]

_ESTIMANDS = (*STANDARDIZED, "standardised_mean", "average_marginal_effect")
# Steps of a derivative, in standard deviations: the error of four points is their fourth power.
STEP = 3e-3


@dataclass(frozen=True)
class _Margin:
    """What is averaged: the variable that is set, the estimand, and the values of a number."""

    variable: str
    estimand: str
    at: tuple[float, ...] = ()

    @property
    def averages(self) -> bool:
        """True for an average at each level or value, False for a comparison of them."""
        return ESTIMANDS[self.estimand].family in ("share", "mean")


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
    """Standardise a model's predictions over the people, by levels of a variable.

    Parameters
    ----------
    study
        People, design and codebook.
    formula, family, domain, offset
        As `tk.model`; interactions, powers and functions too. Any family of a single mean.
    variable
        Right of ~: the variable that everyone is given each level of.
    reference
        The level of the variable that others are compared with; None for that of the codebook.
    estimand
        "standardised_prevalence" (default; "standardised_mean" of a number), "standardised_ratio" and
        "standardised_difference" against the reference (of a number's means a "mean_difference"), or
        "average_marginal_effect": the difference from the reference, or the derivative by a number.
    at
        Values of a number to give everyone, the first being the reference. Without, a number's ratio and
        difference are for one unit more than everyone has.
    by
        Categories; one model and standard within each of their levels.
    df
        "design" (PSUs minus strata) or "model" (1 more and less the coefficients, as R's svyglm).
    confidence, covariance
        As `tk.model`.

    Returns
    -------
    Estimates
        One row a level, the reference too for prevalences and means: the result schema.

    Raises
    ------
    VariableError
        If the variable is not in the formula, or a number needs `at`.
    EstimationError
        As `tk.model`, and for an estimand or a family that cannot be averaged.

    Notes
    -----
    Weighted mean over the people of the fit, each with the level in place of their own (Graubard and Korn,
    Biometrics 55, 1999). The covariance counts the coefficients, the sampling of the people averaged over,
    and the covariance of both, which svypredmeans of R's survey package leaves out; with replicate weights
    both are made anew in each. Prevalences have an interval on the logit scale.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> found = margins(study, "any_cramps ~ diabetes_told + age", "diabetes_told", domain="age >= 20")
    >>> found["level"].to_list()
    ['no', 'yes']
    """
    study = with_reference(study, variable, reference)
    asked = question(
        Request(study, formula, family, domain, offset, as_names(by, "by"), False, confidence, df)
    )
    column = _variable(asked.model, variable, formula)
    margin = _Margin(variable, _estimand(estimand, asked.model.outcome), tuple(at))
    _require_values(column, margin)
    return answer(standardised(asked, margin)).frame()


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
        People, design and codebook.
    formula, family, domain, offset, confidence, covariance
        As `tk.model`.
    df
        As `tk.margins`.
    at
        Levels or numbers by variable, `{"sex": ("male", "female"), "age": (30, 50, 70)}`: every combination
        is a row. Over variables of the model that are not named predictions are averaged, over the people.

    Returns
    -------
    Estimates
        One row a combination, the variables of `at` in front as text: the result schema, estimand
        "predicted_prevalence", or "predicted_mean" of a number.

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
    asked = question(Request(study, formula, family, domain, offset, (), False, confidence, df))
    grid = [
        [(name, value) for value in _values(asked.model, name, given, formula)] for name, given in at.items()
    ]
    places = list(product(*grid))
    estimand = "predicted_prevalence" if asked.model.outcome.case else "predicted_mean"
    words = [", ".join(f"{name} {_word(value)}" for name, value in place) for place in places]
    terms = tuple(Term("", "", own, own, estimand=estimand) for own in words)
    settings = [{name: _everyone(asked.model, name, value) for name, value in place} for place in places]
    derive = partial(averaged, standard=Standard(settings, terms, themselves))
    found = answer(replace(asked, estimand=estimand, rows=terms, derive=derive))
    for row, place in zip(found.rows, places, strict=True):
        row.update(estimand=estimand, level=None, level_label=None)
        row.update({name: _word(value) for name, value in place})
    named = replace(found, asked=replace(asked, by=tuple(at)))
    return named.frame()


def standardised(asked: Asked, margin: "_Margin") -> Asked:
    """Make the question to a model one to its average predictions."""
    column = asked.model.sample.columns[margin.variable]
    rows = None if column.continuous else _rows(column, margin)
    return replace(asked, estimand=margin.estimand, rows=rows, derive=partial(_standardise, margin=margin))


def standardised_association(asked: Asked, exposure: str, estimand: str) -> Asked:
    """Make the question of an association one to the average predictions of its model."""
    column = asked.model.sample.columns[exposure]
    margin = _Margin(exposure, estimand)
    if column.continuous and margin.averages:
        raise VariableError(
            f"'{exposure}' is a number, so its standardised prevalence needs values: tk.margins(study, "
            f"'{asked.model.outcome.name} ~ {exposure} + ...', '{exposure}', at=(...)). Or ask for a ratio: "
            f"estimand='standardised_ratio'."
        )
    return standardised(asked, margin)


def _rows(column: Column, margin: _Margin) -> tuple[Term, ...]:
    against = None if margin.averages else column.reference
    levels = [level for level in column.levels if level != against]
    return tuple(of_level(column.variable, level, against) for level in levels)


def _standardise(model: Model, fitted: Regression, margin: _Margin) -> Regression:
    column = model.sample.columns[margin.variable]
    if not column.continuous:
        return averaged(model, fitted, _of_levels(model, fitted, column, margin))
    if margin.at:
        return averaged(model, fitted, _of_values(column, margin))
    if margin.estimand == "average_marginal_effect":
        return averaged(model, fitted, _of_slope(model, fitted, column))
    return averaged(model, fitted, _of_one_more(column, margin))


def _of_levels(model: Model, fitted: Regression, column: Column, margin: _Margin) -> Standard:
    levels = present_levels(model, fitted.inside, column.name)
    settings = [{column.name: _everyone(model, column.name, level)} for level in levels]
    if margin.averages:
        return Standard(settings, _rows_of(column, levels, None), themselves)
    if column.reference not in levels:
        raise EstimationError(
            f"nobody among the {fitted.n:,} persons of the analysis has '{column.name}' = "
            f"'{column.reference}', the reference. Widen the domain, or take "
            f"estimand='standardised_prevalence'."
        )
    others = [level for level in levels if level != column.reference]
    place = levels.index(column.reference)
    return Standard(
        settings, _rows_of(column, others, column.reference), _against(margin, place, len(levels))
    )


def _rows_of(column: Column, levels: Sequence[str], reference: str | None) -> tuple[Term, ...]:
    return tuple(of_level(column.variable, level, reference) for level in levels)


def _against(margin: _Margin, place: int, count: int) -> Contrast:
    if margin.estimand == "standardised_ratio":
        return log_ratios(place)
    marks = np.delete(np.eye(count), place, axis=0)
    marks[:, place] = -1.0
    return linear(marks)


def _of_values(column: Column, margin: _Margin) -> Standard:
    settings = [{column.name: pl.lit(float(value))} for value in margin.at]
    words = [_word(value) for value in margin.at]
    if margin.averages:
        return Standard(settings, _rows_of(column, words, None), themselves)
    return Standard(settings, _rows_of(column, words[1:], words[0]), _against(margin, 0, len(words)))


def _of_one_more(column: Column, margin: _Margin) -> Standard:
    settings: list[Setting] = [{}, {column.name: pl.col(column.name) + 1}]
    return Standard(settings, (per_unit(column.variable),), _against(margin, 0, 2))


def _of_slope(model: Model, fitted: Regression, column: Column) -> Standard:
    """Take the derivative by four points on both sides of everyone's own value."""
    step = STEP * float(np.std(model.sample.numbers(column.name)[fitted.inside]))
    settings = [{column.name: pl.col(column.name) + k * step} for k in (1, -1, 2, -2)]
    weights = np.array([[8.0, -8.0, -1.0, 1.0]]) / (12 * step)
    return Standard(settings, (per_unit(column.variable),), linear(weights))


def _estimand(given: str | None, outcome: Column) -> str:
    mean = "standardised_prevalence" if outcome.case else "standardised_mean"
    chosen = given or mean
    if chosen == "standardised_difference" and not outcome.case:
        return "mean_difference"
    require_estimand(chosen, _ESTIMANDS, "tk.margins")
    if ESTIMANDS[chosen].family in ("share", "mean") and chosen != mean:
        what = "has two levels" if outcome.case else "is a number"
        raise EstimationError(f"'{outcome.name}' {what}: take estimand='{mean}'.")
    if chosen == "standardised_ratio" and not outcome.case:
        raise EstimationError(
            f"'{outcome.name}' is a number: take estimand='standardised_difference', or for that of counts "
            f"tk.model(..., family='poisson', exponentiate=True)."
        )
    return chosen


def _variable(model: Model, name: str, formula: str) -> Column:
    if name not in model.names or name == model.outcome.name:
        known = [other for other in model.names if other != model.outcome.name]
        raise VariableError(
            unknown(f"the formula '{formula}' has no variable", name, known, f"It has: {', '.join(known)}")
        )
    return model.sample.columns[name]


def _require_values(column: Column, margin: _Margin) -> None:
    if margin.at and not column.continuous:
        raise VariableError(
            f"'{column.name}' has levels, and each is given to everyone. Leave at= out; single levels: "
            f"tk.predict(study, ..., at={{'{column.name}': (...)}})."
        )
    if column.continuous and not margin.at and margin.averages:
        raise VariableError(
            f"'{column.name}' is a number: say which values everyone is given, at=(30, 50, 70), or take "
            f"estimand='average_marginal_effect'."
        )
    if margin.at and not margin.averages and len(margin.at) < 2:
        raise VariableError(f"a comparison needs two values of '{column.name}' at least: at=(30, 50).")


def _values(model: Model, name: str, given: Values, formula: str) -> list[Value]:
    column = _variable(model, name, formula)
    values = [given] if isinstance(given, str | float | int | bool) else list(given)
    for value in values:
        if column.continuous and (isinstance(value, str | bool) or not np.isfinite(value)):
            raise VariableError(f"'{name}' is a number, and {value!r} is none: at={{'{name}': (30, 50)}}.")
        if not column.continuous and str(value) not in column.levels:
            told = f"'{name}' has no level"
            raise VariableError(
                unknown(told, str(value), column.levels, f"Levels: {', '.join(column.levels)}")
            )
    return values


def _everyone(model: Model, name: str, value: Value) -> pl.Expr:
    column = model.sample.columns[name]
    if column.continuous:
        return pl.lit(float(value))
    return pl.lit(str(value), pl.Enum(column.levels))


def _word(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:g}"
