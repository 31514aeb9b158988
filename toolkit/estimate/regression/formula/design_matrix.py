"""Turn the variables of an analysis into the columns of a design matrix, each with its name for people.

Takes a `Sample` and names or a formula; gives a `Matrix`. Categories have one column a level but the
reference, as R's treatment contrasts; a level that nobody in the analysis has, has no column.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.regression.formula.splines import knots_at, spline
from toolkit.variables.arguments import spline_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.estimate.survey.analysis_sample import Mask, Sample
    from toolkit.estimate.survey.variance.linearized import Floats, Indices
    from toolkit.variables.codebook import Variable

INTERCEPT = "intercept"
PER_UNIT = "per unit"
# What a family may estimate beside its coefficients.
CUTPOINT, DISPERSION = "cutpoint", "dispersion"


@dataclass(frozen=True, slots=True)
class Term:
    """One column of the design matrix.

    Attributes
    ----------
    exposure, exposure_label
        The variable, or what stands in the formula; both "" for the intercept.
    level, level_label
        The level that the column marks; "per unit" of a number; "intercept".
    reference
        The level that it is compared with; None for a number and the intercept.
    estimand
        "coefficient"; what else a family estimates beside them ("cutpoint", "dispersion") says so.
    outcome_level
        The level of an outcome of several that it is about; "" for a model of one outcome.
    """

    exposure: str
    exposure_label: str
    level: str
    level_label: str
    reference: str | None = None
    estimand: str = "coefficient"
    outcome_level: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from the other terms of a model."""
        return self.exposure, self.level, self.estimand, self.outcome_level

    @property
    def marks(self) -> bool:
        """Whether the column is 1 for the people of a level and 0 for others."""
        return self.reference is not None

    def __str__(self) -> str:
        if not self.exposure:
            return "the intercept"
        return f"'{self.exposure}'" if PER_UNIT in self.level else f"'{self.exposure}: {self.level}'"


@dataclass(frozen=True, slots=True)
class Matrix:
    """A design matrix of cells by terms.

    Attributes
    ----------
    values
        One row a cell, one column a term.
    terms
        The columns in order.
    covariates
        Each covariate as it was asked for and as it entered: "" if it does not vary, and a spline of fewer
        knots or a straight line where few values are distinct.
    """

    values: "Floats"
    terms: tuple[Term, ...]
    covariates: tuple[tuple[str, str], ...] = ()


ONE = Term("", "", INTERCEPT, INTERCEPT)


def main_effects(
    sample: "Sample", names: "Sequence[str]", inside: "Mask", adjust: "Sequence[str]" = ()
) -> Matrix:
    """Build an intercept, the columns of each variable, and those of the covariates.

    Parameters
    ----------
    sample
        The people of the analysis as cells.
    names
        Variables in order.
    inside
        The cells of the fit; each variable has a value in them.
    adjust
        Covariates in order: names, or splines such as "rcs(age, 4)". One that does not vary has no column.

    Returns
    -------
    Matrix
        The intercept first.
    """
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
    # Column by column: the sums that follow run down columns, and rows first would copy with strides.
    return Matrix(np.asfortranarray(np.array(columns).T), tuple(terms), tuple(entered))


def adjusted_matrix(
    sample: "Sample", own: "Floats", terms: "Sequence[Term]", adjust: "Sequence[str]", inside: "Mask"
) -> Matrix:
    """Build an intercept, columns of one's own, and those of the covariates."""
    others = main_effects(sample, (), inside, adjust)
    values = np.column_stack([others.values[:, :1], own, others.values[:, 1:]])
    return Matrix(values, (ONE, *terms, *others.terms[1:]), others.covariates)


def _variable_columns(sample: "Sample", name: str, inside: "Mask") -> "tuple[list[Floats], list[Term]]":
    variable = sample.columns[name].variable
    if variable.kind == "number":
        return [sample.numbers(name)[inside]], [per_unit(variable)]
    codes = sample.codes(name)[inside]
    reference, *others = levels_present(variable, codes)
    marks = [(codes == variable.levels.index(level)).astype(float) for level in others]
    return marks, [of_level(variable, level, reference) for level in others]


def _covariate_columns(
    sample: "Sample", covariate: str, inside: "Mask"
) -> "tuple[list[Floats], list[Term], str]":
    name, numbers = spline_of(covariate) or (covariate, ())
    values, terms = _variable_columns(sample, name, inside)
    if not values or (not terms[0].marks and np.ptp(values[0]) == 0):
        return [], [], ""
    if not numbers:
        return values, terms, covariate
    if terms[0].marks:
        raise VariableError(
            f"'{name}' is a category and has no spline. Adjust for its levels: adjust=('{name}', ...)."
        )
    return _spline_columns(sample.weights[inside], values[0], terms[0], (covariate, name, numbers))


def _spline_columns(
    weights: "Floats", x: "Floats", line: Term, asked: "tuple[str, str, tuple[float, ...]]"
) -> "tuple[list[Floats], list[Term], str]":
    """Build a spline with the knots asked for, or as many of them as differ; a straight line below three."""
    covariate, name, numbers = asked
    if len(numbers) > 1:
        return _bends(spline(x, sorted(numbers)), covariate)
    counted = weights > 0  # Copies of people with another exposure have no weight and move no knot.
    for count in range(int(numbers[0]), 2, -1):
        try:
            knots = knots_at(x[counted], weights[counted], count, name)
        except EstimationError:
            continue
        return _bends(spline(x, knots), covariate if count == numbers[0] else f"rcs({name}, {count})")
    return [x], [line], name


def _bends(values: "Floats", covariate: str) -> "tuple[list[Floats], list[Term], str]":
    words = ["linear part", *(f"bend {k}" for k in range(1, values.shape[1]))]
    return list(values.T), [Term(covariate, covariate, word, word) for word in words], covariate


def levels_present(variable: "Variable", codes: "Indices") -> list[str]:
    """Name the levels that someone has, the reference first, or the first of them if nobody has that.

    Parameters
    ----------
    variable
        A category.
    codes
        The position of each cell's level.

    Returns
    -------
    list of str
        Levels in the codebook's order, but for the reference.
    """
    count = np.bincount(codes, minlength=len(variable.levels))
    present = [level for level, persons in zip(variable.levels, count, strict=True) if persons]
    return sorted(present, key=lambda level: level != variable.reference)


def of_level(variable: "Variable", level: str, reference: str | None) -> Term:
    """Describe the column of one level against another; against none where each level has a column.

    Examples
    --------
    >>> from toolkit.variables.codebook import Variable
    >>> str(of_level(Variable("sex", "sex", "category", ("male", "female")), "female", "male"))
    "'sex: female'"
    """
    return Term(variable.name, variable.label, level, level, reference)


def per_unit(variable: "Variable") -> Term:
    """Describe the column of a number.

    Examples
    --------
    >>> from toolkit.variables.codebook import Variable
    >>> per_unit(Variable("age", "age", "number", unit="years")).level_label
    'per 1 year'
    """
    unit = re.sub(r"^([a-z]{3,})s\b", r"\1", variable.unit)
    label = f"per 1 {unit}" if unit else PER_UNIT
    return Term(variable.name, variable.label, PER_UNIT, label)
