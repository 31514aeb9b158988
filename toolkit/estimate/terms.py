"""Turn the variables of an analysis into the columns of a design matrix, each with its name for people.

Takes a `Sample` and names or a formula; gives a `Matrix`. Categories have one column a level but the
reference, as R's treatment contrasts; a level that nobody in the analysis has, has no column.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.codebook import Variable
    from toolkit.estimate.sample import Mask, Sample
    from toolkit.estimate.variance import Floats, Indices

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
    """

    values: "Floats"
    terms: tuple[Term, ...]


ONE = Term("", "", INTERCEPT, INTERCEPT)


def main_effects(sample: "Sample", names: "Sequence[str]", inside: "Mask") -> Matrix:
    """Give an intercept and the columns of each variable.

    Parameters
    ----------
    sample
        The people of the analysis as cells.
    names
        Variables in order.
    inside
        The cells of the fit; each variable has a value in them.

    Returns
    -------
    Matrix
        The intercept first.
    """
    columns, terms = [np.ones(int(inside.sum()))], [ONE]
    for name in names:
        variable = sample.columns[name].variable
        if variable.kind == "number":
            columns.append(sample.numbers(name)[inside])
            terms.append(per_unit(variable))
            continue
        codes = sample.codes(name)[inside]
        reference, *others = levels_present(variable, codes)
        columns += [(codes == variable.levels.index(level)).astype(float) for level in others]
        terms += [of_level(variable, level, reference) for level in others]
    # Column by column: the sums that follow run down columns, and rows first would copy with strides.
    return Matrix(np.asfortranarray(np.array(columns).T), tuple(terms))


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
    >>> from toolkit.codebook import Variable
    >>> str(of_level(Variable("sex", "sex", "category", ("male", "female")), "female", "male"))
    "'sex: female'"
    """
    return Term(variable.name, variable.label, level, level, reference)


def per_unit(variable: "Variable") -> Term:
    """Describe the column of a number.

    Examples
    --------
    >>> from toolkit.codebook import Variable
    >>> per_unit(Variable("age", "age", "number", unit="years")).level_label
    'per 1 year'
    """
    unit = re.sub(r"^([a-z]{3,})s\b", r"\1", variable.unit)
    label = f"per 1 {unit}" if unit else PER_UNIT
    return Term(variable.name, variable.label, PER_UNIT, label)
