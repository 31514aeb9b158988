"""Define the analytic sample, record exclusions, and aggregate rows to cells.

A cell is a sampling unit x pattern of values, with its sum of weights and number of participants. Missing
values are nulls in cells, which estimators exclude with `complete`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, short
from toolkit.estimate.survey.engine_cells import COUNT, SQUARES, Cells, ParticipantSums, aggregate_on_engine
from toolkit.estimate.survey.roles import Column, read, require_countable
from toolkit.estimate.survey.sampling_units import UNIT, WEIGHT, Participants, index_participants
from toolkit.estimate.survey.variance.design_variance import Units
from toolkit.results import Floats, Indices, Mask
from toolkit.studies import CYCLE, EnginePeople, Study, WeightChoice, choose_weight, label_of
from toolkit.variables import conditions, quoted, remarks

_INSIDE = ".inside"


@dataclass(frozen=True)
class Sample:
    """The participants of one analysis as cells, with the sampling units of the whole design."""

    # Where they come from.
    study: Study
    # The condition that they meet; "" for everyone.
    domain: str
    # The weight, with the reason for it.
    weight: WeightChoice
    # How each variable is read, by name: those of the analysis, not those of the domain.
    columns: dict[str, Column]
    # One row a cell, one column a variable of the analysis: an Enum of its levels, or Float64; null is
    # missing.
    values: pl.DataFrame
    # unit, weights, persons: For each cell its last-stage sampling unit, the sum of weights and the number
    # of persons.
    unit: Indices
    weights: Floats
    persons: Indices
    # The sampling units of the whole design.
    units: Units
    # Number of persons for whom the domain's condition cannot be decided; they are outside.
    unknown: int
    # Why every estimate of the analysis is for review, as its variables say; "" if none does.
    review: str = ""
    # Why no estimate of the analysis is shown, as its variables say; "" if all may be.
    unfit: str = ""
    # For each cell the sum of the squared weights of its persons.
    squares: Floats = field(default_factory=lambda: np.empty(0))
    # Of everyone in the study whose weight counts, in the domain or not.
    mean_weight: float = np.inf
    # Sums over the participants, where cells have the moments of continuous variables alone.
    sums: ParticipantSums | None = None

    @cached_property
    def label(self) -> str:
        """Name of the study with the contributing cycles, as in the column `study` of results."""
        return label_of(self.study.label, self.study.design.cycles, self.weight.cycles)

    @cached_property
    def size(self) -> int:
        """Number of participants in the domain, missing values included."""
        return int(self.persons.sum())

    def complete(self, names: Sequence[str] | None = None) -> Mask:
        """Mark the cells without a missing value in the variables named, or in any."""
        chosen = self.values.select(list(self.columns) if names is None else list(names))
        if not any(column.null_count() for column in chosen):
            return np.ones(len(self.unit), bool)
        return chosen.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()

    def codes(self, name: str) -> Indices:
        """Return the index of each cell's level; -1 where missing."""
        physical = self.values[name].to_physical().cast(pl.Int64)
        return (physical.fill_null(-1) if physical.null_count() else physical).to_numpy()

    def numbers(self, name: str) -> Floats:
        """Return each cell's value as a number, a case as 1; NaN where missing."""
        column = self.columns[name]
        if column.continuous:
            values = self.values[name]
            return (values.fill_null(np.nan) if values.null_count() else values).to_numpy()
        require_countable(column, f"'{name}' has {len(column.levels)} levels and is not a number.")
        return self.marks(name, [column.case or ""])[:, 0]

    def marks(self, name: str, levels: Sequence[str]) -> Floats:
        """Mark the cells of each level with 1, others with 0 (cells x levels); NaN where missing."""
        codes = self.codes(name)[:, None]
        places = [self.columns[name].levels.index(level) for level in levels]
        return np.where(codes < 0, np.nan, (codes == np.array(places)).astype(float))


def draw(
    study: Study,
    names: Sequence[str],
    domain: str = "",
    in_groups: Sequence[str] = (),
    by: Sequence[str] = (),
    *,
    aggregate: bool = True,
    averaged: Sequence[str] = (),
    streamed: Sequence[str] = (),
) -> Sample:
    """Draw the analytic sample; `in_groups` and `by` are categorical. By `cycle`, each has its own weight.

    `aggregate` is False for an estimator that needs participants one by one; `averaged` are variables of
    which it needs means, totals and variances alone, `streamed` those that it sums in passes (`sums`).
    """
    condition = conditions.parse(domain)
    columns = read(study, [*names, *condition.names], [*in_groups, *by])
    inside = condition.expression(study.people.schema).alias(_INSIDE) if domain.strip() else None
    weight = weight_of(study, columns.values(), condition, by)
    chosen = {name: columns[name] for name in dict.fromkeys(names)}
    if isinstance(study.people, EnginePeople):
        if not aggregate:
            study.people.refuse()
        _require_finite_on_engine(study.people, chosen.values(), inside)
        cells = aggregate_on_engine(study, weight, inside, chosen, (averaged, streamed))
    else:
        cells = _aggregate_in_memory(study, weight, inside, chosen, aggregate=aggregate)
    table = cells.table
    if table.is_empty():
        raise _empty(condition.text, cells)
    return Sample(
        study,
        condition.text,
        weight,
        chosen,
        table.select(list(chosen)),
        table[UNIT].to_numpy(),
        table[WEIGHT].to_numpy(),
        table[COUNT].to_numpy(),
        cells.units,
        cells.unknown,
        *remarks([column.variable for column in columns.values()]),
        table[SQUARES].to_numpy(),
        cells.mean_weight,
        cells.sums,
    )


def _aggregate_in_memory(
    study: Study, weight: WeightChoice, inside: pl.Expr | None, chosen: dict[str, Column], *, aggregate: bool
) -> Cells:
    participants = index_participants(study, weight)
    domain = [inside] if inside is not None else []
    rows = participants.select(*domain, *(c.expression for c in chosen.values()))
    unknown = 0
    if inside is not None:
        unknown = rows[_INSIDE].null_count()
        rows = rows.filter(_INSIDE).drop(_INSIDE)
    _require_finite(rows, chosen.values())
    table = _aggregate_cells(rows, chosen, participants, aggregate=aggregate)
    weights = participants.placed[WEIGHT]
    return Cells(table, participants.units, unknown, len(weights), float(weights.to_numpy().mean()))


def weight_of(
    study: Study, columns: Iterable[Column], condition: conditions.Condition, by: Sequence[str] = ()
) -> WeightChoice:
    """Choose the weight of an analysis by its variables and the cycles of its domain."""
    variables = [column.variable for column in columns]
    return choose_weight(study.design, variables, condition, by_cycle=CYCLE in by)


def _aggregate_cells(
    rows: pl.DataFrame, columns: dict[str, Column], participants: Participants, *, aggregate: bool
) -> pl.DataFrame:
    squared = pl.col(WEIGHT).pow(2).alias(SQUARES)
    if not aggregate or participants.rows_are_units or any(column.continuous for column in columns.values()):
        return rows.with_columns(pl.lit(1, pl.Int64).alias(COUNT), squared)
    keys = [UNIT, *columns]
    totals = pl.col(WEIGHT).sum(), pl.len().cast(pl.Int64).alias(COUNT), squared.sum()
    return rows.group_by(keys, maintain_order=True).agg(totals).sort(keys)


def _require_finite(rows: pl.DataFrame, columns: Iterable[Column]) -> None:
    """Raise if a continuous variable is infinite, because no estimate of it has a meaning."""
    for name in (column.name for column in columns if column.continuous):
        _refuse_infinite(name, int(rows[name].is_infinite().sum()))


def _require_finite_on_engine(
    people: EnginePeople, columns: Iterable[Column], inside: pl.Expr | None
) -> None:
    """Raise if a continuous variable is infinite in the domain."""
    continuous = {column.name: column.expression for column in columns if column.continuous}
    facts = people.facts_of(list(continuous))
    for name in (name for name, own in facts.items() if np.isinf([own.low, own.high]).any()):
        there = people if inside is None else people.filter(inside)
        _refuse_infinite(name, int(there.select(continuous[name].is_infinite().cast(pl.Int64).sum()).item()))


def _refuse_infinite(name: str, infinite: int) -> None:
    if infinite:
        raise EstimationError(
            f"'{name}' is infinite for {infinite:,} participants, so nothing can be estimated with it. "
            f"Exclude them with domain='{quoted(name)} > -1e9 and {quoted(name)} < 1e9', "
            "or correct the values."
        )


def _empty(text: str, cells: Cells) -> EstimationError:
    undecided = (
        f" For {cells.unknown:,} of them it is unknown because of missing values." if cells.unknown else ""
    )
    condition = f"in the domain '{short(text)}'" if text else "in the analysis"
    return EstimationError(
        f"No participant is {condition} ({cells.placed:,} have a valid weight).{undecided} "
        "Check "
        "the condition, and see the levels and missing values of its variables with study.missing(...)."
    )
