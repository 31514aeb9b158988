"""Build design matrices with R's treatment contrasts: main effects, covariates and splines.

A level that no participant of the analysis has, has no column. Formulas are built in `parser`.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, VariableError, short
from toolkit.estimate.regression.formula.engine_columns import Bases, Points, mark_level, write_spline
from toolkit.estimate.regression.formula.terms import knots_at, spline
from toolkit.estimate.survey import cells_of, in_rows
from toolkit.results import Floats, Indices, Mask
from toolkit.variables import spline_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.estimate.survey import Sample
    from toolkit.variables import Variable

INTERCEPT = "intercept"
PER_UNIT = "per unit"
# What a family may estimate beside its coefficients.
# So many matrices are shared: one for each adjustment set and domain of an exposure, in most atlases.
MOST_SHARED = 32
MOST_COLUMNS = 5_000
CUTPOINT, DISPERSION = "cutpoint", "dispersion"


@dataclass(frozen=True, slots=True)
class Term:
    """One column of the design matrix, or another parameter of a fit, which `estimand` names."""

    exposure: str  # the variable, or its text in the formula; "" for the intercept
    exposure_label: str
    level: str  # that the column marks, "per unit" or "intercept"
    level_label: str
    reference: str | None = None  # None for a number
    estimand: str = "coefficient"
    outcome_level: str = ""  # of an outcome of several levels

    def __str__(self) -> str:
        if not self.exposure:
            return "the intercept"
        name = short(self.exposure)
        return f"'{name}'" if PER_UNIT in self.level else f"'{name}: {short(self.level)}'"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A design matrix: one row per cell, one column per term."""

    values: Floats
    terms: tuple[Term, ...]
    covariates: tuple[tuple[str, str], ...] = ()  # as requested and as entered; "" if it does not vary


class Predictors(Protocol):
    """The right side of a model: a design matrix for the cells `inside` of any sample."""

    def matrix(self, sample: "Sample", inside: Mask) -> Matrix:
        """Build the design matrix; each variable has a value inside."""


class EnginePredictors(Predictors, Protocol):
    """Predictors whose columns an engine can compute."""

    def express(self, sample: "Sample", inside: Mask, bases: Bases) -> "list[pl.Expr]":
        """Write the columns of the design matrix as expressions over participants."""


ONE = Term("", "", INTERCEPT, INTERCEPT)


@dataclass(frozen=True)
class MainEffects:
    """An intercept and the main effects of variables."""

    names: tuple[str, ...]

    def matrix(self, sample: "Sample", inside: Mask) -> Matrix:
        """Build the design matrix."""
        return main_effects(sample, self.names, inside)


@dataclass
class SharedMatrices:
    """The design matrices built last, for models of the same predictors and participants."""

    _built: "OrderedDict[tuple[Any, ...], Matrix]" = field(default_factory=OrderedDict)

    def of(self, predictors: Predictors) -> Predictors:
        """Return the predictors with these matrices."""
        return _Shared(predictors, self._built)


@dataclass(frozen=True)
class _Shared:
    predictors: Predictors
    built: "OrderedDict[tuple[Any, ...], Matrix]"

    def matrix(self, sample: "Sample", inside: Mask) -> Matrix:
        # The columns of the sample stand for it: copies of it with other remarks share them.
        key = (id(sample.values), self.predictors, inside.tobytes())
        if key not in self.built:
            self.built[key] = self.predictors.matrix(sample, inside)
            if len(self.built) > MOST_SHARED:
                self.built.popitem(last=False)
        return self.built[key]


def main_effects(
    sample: "Sample", names: "Sequence[str]", inside: Mask, adjust: "Sequence[str]" = ()
) -> Matrix:
    """Build an intercept, the columns of each variable, and those of covariates (or splines) that vary."""
    columns, terms, entered = [np.ones(int(inside.sum()))], [ONE], []
    for name in names:
        values, own = _variable_columns(sample, name, inside)
        columns += values
        terms += own
    for covariate in adjust:
        values, own, used = _covariate_columns(sample, covariate, inside)
        columns += values
        terms += own
        entered.append((covariate, used))
    require_few_columns(len(columns))
    # Column by column: the sums that follow run down columns, and rows first would copy with strides.
    matrix = np.empty((len(columns[0]), len(columns)), order="F")
    for j, column in enumerate(columns):
        matrix[:, j] = column
    return Matrix(matrix, tuple(terms), tuple(entered))


def express_main_effects(
    sample: "Sample", names: "Sequence[str]", inside: Mask, bases: Bases, adjust: "Sequence[str]" = ()
) -> "list[pl.Expr]":
    """Write the columns of `main_effects` as expressions over participants on an engine."""
    columns = [pl.lit(1.0)]
    for name in names:
        columns += _express_variable(sample, name, inside, bases)
    for covariate in adjust:
        name, numbers = spline_of(covariate) or (covariate, ())
        values, terms, used = _covariate_columns(sample, covariate, inside)
        if not values:
            continue
        if not numbers or used == name:
            columns += _express_variable(sample, name, inside, bases)
            continue
        cells, count = cells_of(inside), len(terms) + 1
        knots = numbers
        if len(numbers) == 1:
            own = (sample.weights[cells], sample.persons[cells])
            knots = tuple(map(float, knots_at(*_weighted_rows(own, values[0]), count, name)))
        base = bases[name]
        assert isinstance(base, pl.Expr)  # noqa: S101 - a spline is of a number
        columns += [written for _, written in write_spline(covariate, name, base, knots)]
    return columns


def _express_variable(sample: "Sample", name: str, inside: Mask, bases: Bases) -> "list[pl.Expr]":
    variable, base = sample.columns[name].variable, bases[name]
    if variable.kind == "number":
        assert isinstance(base, pl.Expr)  # noqa: S101 - a number has no levels
        return [base]
    _, *others = levels_present(variable, sample.codes(name)[cells_of(inside)])
    return [mark_level(base, level) for level in others]


def adjusted_matrix(
    sample: "Sample", own: Floats, terms: "Sequence[Term]", adjust: "Sequence[str]", inside: Mask
) -> Matrix:
    """Build an intercept, the columns `own`, and those of the covariates."""
    others = main_effects(sample, (), inside, adjust)
    values = np.column_stack([others.values[:, :1], own, others.values[:, 1:]])
    return Matrix(values, (ONE, *terms, *others.terms[1:]), others.covariates)


def _variable_columns(sample: "Sample", name: str, inside: Mask) -> "tuple[list[Any], list[Term]]":
    variable = sample.columns[name].variable
    if variable.kind == "number":
        return [sample.numbers(name)[cells_of(inside)]], [per_unit(variable)]
    codes = sample.codes(name)[cells_of(inside)]
    reference, *others = levels_present(variable, codes)
    require_few_columns(len(others), name)
    marks = [codes == variable.levels.index(level) for level in others]
    return marks, [of_level(variable, level, reference) for level in others]


def _covariate_columns(sample: "Sample", covariate: str, inside: Mask) -> "tuple[list[Any], list[Term], str]":
    name, numbers = spline_of(covariate) or (covariate, ())
    values, terms = _variable_columns(sample, name, inside)
    if not values or (terms[0].reference is None and np.ptp(values[0]) == 0):
        return [], [], ""
    if not numbers:
        return values, terms, covariate
    if terms[0].reference is not None:
        raise VariableError(
            f"'{name}' is a category and cannot be a spline. Use its levels as covariates: adjust=('{name}', "
            "...)."
        )
    cells = cells_of(inside)
    if name in sample.centers and len(numbers) > 1:
        keys = [key for key, _ in write_spline(covariate, name, pl.lit(0.0), numbers)]
        points = np.column_stack([Points(sample, inside, (key,)).values() for key in keys])
        return _name_spline(points, covariate)
    own = (sample.weights[cells], sample.persons[cells])
    return _spline_columns(own, values[0], terms[0], (covariate, name, numbers))


def _spline_columns(
    own: tuple[Floats, Indices], x: Floats, line: Term, requested: "tuple[str, str, tuple[float, ...]]"
) -> "tuple[list[Floats], list[Term], str]":
    """Build a spline with the knots requested, or as many as differ; a straight line below three."""
    covariate, name, numbers = requested
    if len(numbers) > 1:
        return _name_spline(spline(x, sorted(numbers)), covariate)
    rows = _weighted_rows(own, x)
    for count in range(int(numbers[0]), 2, -1):
        try:
            knots = knots_at(*rows, count, name)
        except EstimationError:
            continue
        return _name_spline(spline(x, knots), covariate if count == numbers[0] else f"rcs({name}, {count})")
    return [x], [line], name


def _weighted_rows(own: tuple[Floats, Indices], x: Floats) -> tuple[Floats, Floats]:
    weights, persons = own
    counted = weights > 0  # Copies of participants with another exposure have no weight and move no knot.
    return in_rows(x[counted], weights[counted], persons[counted])


def _name_spline(values: Floats, covariate: str) -> "tuple[list[Floats], list[Term], str]":
    return list(values.T), spline_terms(covariate, covariate, values.shape[1]), covariate


def spline_terms(name: str, label: str, count: int) -> list[Term]:
    """Name the columns of a spline."""
    levels = ["linear part", *(f"nonlinear part {k}" for k in range(1, count))]
    return [Term(name, label, level, level) for level in levels]


def require_few_columns(count: int, name: str = "") -> None:
    """Refuse a model of too many columns before they are made."""
    if count > MOST_COLUMNS:
        largest = f" '{name}' alone has that many levels." if name else ""
        raise EstimationError(
            f"The model would have {count:,} columns, more than {MOST_COLUMNS:,}.{largest} Name fewer "
            "terms, or combine levels with study.derive(...)."
        )


def levels_present(variable: "Variable", codes: Indices) -> list[str]:
    """Name the levels that occur, the reference first, or else the first of them that occurs."""
    count = np.bincount(codes, minlength=len(variable.levels))
    present = [level for level, persons in zip(variable.levels, count, strict=True) if persons]
    return sorted(present, key=lambda level: level != variable.reference)


def of_level(variable: "Variable", level: str, reference: str | None) -> Term:
    """Describe the column of one level against another; against none where each level has a column."""
    return Term(variable.name, variable.label, level, level, reference)


def per_unit(variable: "Variable") -> Term:
    """Describe the column of a continuous variable."""
    unit = re.sub(r"^([a-z]{3,})s\b", r"\1", variable.unit)
    label = f"per 1 {unit}" if unit else PER_UNIT
    return Term(variable.name, variable.label, PER_UNIT, label)
