"""Say who enters one analysis, who falls out and why, and gather rows into cells.

Takes a study, the names of the variables of an analysis and a domain; gives a `Sample`: cells (sampling unit
x pattern of values: sum of weights, number of persons) of the people in the domain, and the sampling units of
the whole design for `variance`. Persons with a missing value stay as cells with a null; estimators leave
them out with `complete`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from toolkit import domain as conditions
from toolkit.design import WeightChoice, choose_weight
from toolkit.errors import EstimationError
from toolkit.estimate.columns import Column, read
from toolkit.estimate.skeleton import UNIT, WEIGHT, Skeleton, skeleton_of
from toolkit.estimate.variance import Floats, Indices, Units
from toolkit.studies import Study

Mask = npt.NDArray[np.bool_]
_COUNT, _INSIDE = ".count", ".inside"


@dataclass(frozen=True)
class Sample:
    """The people of one analysis as cells, with what the variance needs of the design.

    Attributes
    ----------
    study
        Where they come from.
    domain
        The condition that they meet; "" for everyone.
    weight
        The weight, with the reason for it.
    columns
        How each variable is read, by name: those of the analysis, not those of the domain.
    values
        One row a cell, one column a variable of the analysis: an Enum of its levels, or Float64; null is
        missing.
    unit, weights, persons
        For each cell its last-stage sampling unit, the sum of weights and the number of persons.
    units
        The sampling units of the whole design.
    unknown
        Number of persons for whom the domain's condition cannot be decided; they are outside.
    """

    study: Study
    domain: str
    weight: WeightChoice
    columns: dict[str, Column]
    values: pl.DataFrame
    unit: Indices
    weights: Floats
    persons: Indices
    units: Units
    unknown: int

    @cached_property
    def size(self) -> int:
        """Number of persons in the domain, those with missing values too."""
        return int(self.persons.sum())

    def complete(self, names: Sequence[str] | None = None) -> Mask:
        """Mark the cells that have a value in each of the variables named, or in all."""
        chosen = self.values.select(list(self.columns) if names is None else list(names))
        if chosen.null_count().sum_horizontal().item() == 0:
            return np.ones(len(self.unit), bool)
        return chosen.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()

    def codes(self, name: str) -> Indices:
        """Give the position of each cell's level among the column's levels; -1 where missing."""
        physical = self.values[name].to_physical().cast(pl.Int64).fill_null(-1)
        return physical.to_numpy()

    def numbers(self, name: str) -> Floats:
        """Give each cell's value as a number, a case as 1 and its opposite as 0; NaN where missing."""
        column = self.columns[name]
        if column.continuous:
            return self.values[name].fill_null(np.nan).to_numpy()
        codes = self.codes(name)
        case = column.levels.index(column.case or column.levels[-1])
        return np.where(codes < 0, np.nan, (codes == case).astype(float))


def draw(study: Study, names: Sequence[str], domain: str = "") -> Sample:
    """Gather the people of one analysis into cells.

    Parameters
    ----------
    study
        People, design and codebook.
    names
        Every variable of the analysis: outcome, exposure, adjustment, by.
    domain
        A condition in the domain language; null is outside.

    Returns
    -------
    Sample
        The cells of the persons in the domain whose weight counts for these variables.

    Raises
    ------
    VariableError
        For a variable or level that the study does not have.
    DesignError
        For a weight that is missing, negative, zero or infinite, and a broken design.
    EstimationError
        If nobody is in the domain.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1], "age": [30, 40, 50]})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> draw(study, ["cramps"], "age > 35").size
    2
    """
    condition = conditions.parse(domain)
    columns = read(study, [*names, *condition.names])
    weight = choose_weight(study.design, [column.variable for column in columns.values()])
    chosen = {name: columns[name] for name in dict.fromkeys(names)}
    skeleton = skeleton_of(study, weight)
    inside = condition.expression(study.people.schema).alias(_INSIDE)
    rows = skeleton.people.select(UNIT, WEIGHT, inside, *(c.expression for c in chosen.values()))
    unknown = rows[_INSIDE].null_count()
    if domain.strip():
        rows = rows.filter(_INSIDE)
    if rows.is_empty():
        raise _empty(condition.text, skeleton, unknown)
    cells = _cells(rows.drop(_INSIDE), chosen, skeleton)
    return Sample(
        study,
        condition.text,
        weight,
        chosen,
        cells.select(list(chosen)),
        cells[UNIT].to_numpy(),
        cells[WEIGHT].to_numpy(),
        cells[_COUNT].to_numpy(),
        skeleton.units,
        unknown,
    )


def _cells(rows: pl.DataFrame, columns: dict[str, Column], skeleton: Skeleton) -> pl.DataFrame:
    if skeleton.rows_are_units or any(column.continuous for column in columns.values()):
        return rows.with_columns(pl.lit(1, pl.Int64).alias(_COUNT))
    keys = [UNIT, *columns]
    totals = pl.col(WEIGHT).sum(), pl.len().cast(pl.Int64).alias(_COUNT)
    return rows.group_by(keys, maintain_order=True).agg(totals).sort(keys)


def _empty(text: str, skeleton: Skeleton, unknown: int) -> EstimationError:
    undecided = f" For {unknown:,} of them a missing value leaves it open." if unknown else ""
    condition = f"in the domain '{text}'" if text else "in the analysis"
    return EstimationError(
        f"nobody is {condition}: none of {skeleton.people.height:,} people with a weight.{undecided} Loosen "
        f"the condition; the levels and missing values of a variable: study.missing(...)."
    )
