"""Define what predictions are averaged: variables set to values for every participant, and contrasts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toolkit.results import Floats

if TYPE_CHECKING:
    from toolkit.estimate.regression.formula import Term
    from toolkit.estimate.survey import Column


@dataclass(frozen=True)
class SetTo:
    """Give every participant one value, of a category the index of its level."""

    value: float

    def __call__(self, own: Any) -> Any:
        """Replace the values of cells."""
        return np.full_like(own, self.value)

    def express(self, column: "Column") -> pl.Expr | str:
        """Replace the values of participants on an engine."""
        return pl.lit(float(self.value)) if column.continuous else column.levels[int(self.value)]


@dataclass(frozen=True)
class Add:
    """Add an amount to each participant's own value."""

    amount: float

    def __call__(self, own: Any) -> Any:
        """Replace the values of cells."""
        return np.add(own, self.amount)

    def express(self, column: "Column") -> pl.Expr | str:
        """Replace the values of participants on an engine."""
        return column.expression + float(self.amount)


@dataclass(frozen=True)
class Shift:
    """Add an amount to each participant's own value, within the range observed."""

    amount: float
    least: float
    most: float

    def __call__(self, own: Any) -> Any:
        """Replace the values of cells."""
        return np.clip(np.add(own, self.amount), self.least, self.most)

    def express(self, column: "Column") -> pl.Expr | str:
        """Replace the values of participants on an engine."""
        return (column.expression + float(self.amount)).clip(self.least, self.most)


Replacement = SetTo | Add | Shift
# By variable, what makes its values under the setting of those observed.
Setting = dict[str, Replacement]


@dataclass(frozen=True)
class Standard:
    """An average for each setting, and linear combinations of the averages, or of their logarithms."""

    settings: Sequence[Setting]
    terms: "tuple[Term, ...]"
    contrast: Floats
    log: bool = False

    def combine(self, averages: Floats) -> tuple[Floats, Floats]:
        """Compute the estimates of the terms, and their derivatives by the averages."""
        if not self.log:
            return self.contrast @ averages, self.contrast
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.contrast @ np.log(averages), self.contrast / averages
