"""Define the analytic sample, record exclusions, and aggregate rows to cells.

A cell is a sampling unit x pattern of values, with its sum of weights and number of participants. Missing
values are nulls in cells, which estimators exclude with `complete`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, short
from toolkit.estimate.survey.engine_cells import Cells, Values, aggregate_on_engine
from toolkit.estimate.survey.roles import Column, read, require_countable
from toolkit.estimate.survey.sampling_units import Everyone, Participants, index_participants
from toolkit.estimate.survey.variance.computed_columns import Asked
from toolkit.estimate.survey.variance.design_variance import Units
from toolkit.estimate.survey.variance.engine_sums import ParticipantSums
from toolkit.estimate.survey.variance.extreme_values import extreme, is_extreme
from toolkit.files.cache import compute_once
from toolkit.results import Floats, Indices, Mask
from toolkit.studies import CYCLE, EnginePeople, Study, WeightChoice, choose_weight, label_of
from toolkit.variables import conditions, quoted, remarks

# More patterns than this for each row are numbered by sorting, fewer by counting.
_DENSE = 4


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
    # For each variable of the analysis the values of the cells, as `Column.array` gives them.
    values: Values
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
    # For each cell the sum of the squared weights of its persons; None where a cell is a person.
    squared: Floats | None = None
    # Of everyone in the study whose weight counts, in the domain or not.
    mean_weight: float = np.inf
    # Sums over the participants, where cells have the moments of continuous variables alone.
    sums: ParticipantSums | None = None
    # What the values of continuous variables on an engine are deviations from.
    centers: Mapping[str, float] = field(default_factory=dict)
    # Sums over the participants of an analysis in memory without a domain.
    everyone: Everyone | None = None

    @cached_property
    def label(self) -> str:
        """Name of the study with the contributing cycles, as in the column `study` of results."""
        label = label_of(self.study.label, self.study.design.cycles, self.weight.cycles)
        self.study.declare_policy(label)
        return label

    @cached_property
    def size(self) -> int:
        """Number of participants in the domain, missing values included."""
        return int(self.persons.sum())

    @cached_property
    def squares(self) -> Floats:
        """For each cell the sum of the squared weights of its persons."""
        return np.square(self.weights) if self.squared is None else self.squared

    def complete(self, names: Sequence[str] | None = None) -> Mask:
        """Mark the cells without a missing value in the variables named, or in any."""
        chosen = tuple(self.columns if names is None else names)
        found: Mask = self._share(chosen, lambda: self._mark_complete(chosen))
        return found

    def _mark_complete(self, names: tuple[str, ...]) -> Mask:
        known = np.ones(len(self.unit), bool)
        for name in names:
            own = self.values[name]
            known &= ~np.isnan(own) if self.columns[name].continuous else own >= 0
        return known

    @cached_property
    def _shared(self) -> dict[Any, Any]:
        return {}

    def _share(self, key: object, compute: Callable[[], Any]) -> Any:
        """Return what several models of the sample need, computed once and read-only."""
        found = compute_once(self._shared, key, compute)
        found.flags.writeable = False
        return found

    def codes(self, name: str) -> Indices:
        """Return the index of each cell's level; -1 where missing."""
        return np.asarray(self.values[name], np.int64)

    def numbers(self, name: str) -> Floats:
        """Return each cell's value as a number, a case as 1; NaN where missing."""
        column = self.columns[name]
        if name in self.centers:
            own: Floats = self._share(name, lambda: self.values[name] + self.centers[name])
            return own
        if column.continuous:
            return np.asarray(self.values[name], np.float64)
        require_countable(column, f"'{name}' has {len(column.levels)} levels and is not a number.")
        found: Floats = self._share(name, lambda: self.marks(name, [column.case or ""])[:, 0])
        return found

    def deviations(self, name: str) -> tuple[float, Floats]:
        """Return a center, and the deviation of each cell's value from it with all of its digits."""
        if name in self.centers:
            return self.centers[name], np.asarray(self.values[name], np.float64)
        return 0.0, self.numbers(name)

    def marks(self, name: str, levels: Sequence[str]) -> Floats:
        """Mark the cells of each level with 1, others with 0 (cells x levels); NaN where missing."""
        codes = self.codes(name)[:, None]
        places = [self.columns[name].levels.index(level) for level in levels]
        marked: Floats = (codes == np.array(places)).astype(float)
        marked[codes[:, 0] < 0] = np.nan
        return marked


def cells_of(mask: Mask) -> slice | Indices:
    """Return the places of the cells marked; indexing with them copies nothing where these are all."""
    return slice(None) if mask.all() else np.flatnonzero(mask)


def draw(
    study: Study,
    names: Sequence[str],
    domain: str = "",
    in_groups: Sequence[str] = (),
    by: Sequence[str] = (),
    *,
    aggregate: bool = True,
    asked: Asked | None = None,
) -> Sample:
    """Draw the analytic sample; `in_groups` and `by` are categorical. By `cycle`, each has its own weight.

    `aggregate` is False for an estimator that needs participants one by one; `asked` is what it needs of
    continuous variables on an engine.
    """
    condition = conditions.parse(domain)
    columns = read(study, [*names, *condition.names], [*in_groups, *by])
    weight = weight_of(study, columns.values(), condition, by)
    chosen = {name: columns[name] for name in dict.fromkeys(names)}
    if isinstance(study.people, EnginePeople):
        if not aggregate:
            study.people.refuse()
        inside, asked = (
            condition.expression(study.people.schema) if condition.text else None,
            asked or Asked(),
        )
        _require_finite_on_engine(study.people, chosen.values(), inside, weight)
        chosen = {**chosen, **asked.computed}
        cells = aggregate_on_engine(study, weight, inside, chosen, asked)
    else:
        cells = _aggregate_in_memory(study, weight, condition, chosen, aggregate=aggregate)
    if not len(cells.unit):
        raise _empty(condition.text, cells)
    return Sample(
        study,
        condition.text,
        weight,
        chosen,
        cells.values,
        cells.unit,
        cells.weights,
        cells.persons,
        cells.units,
        cells.unknown,
        *remarks([column.variable for column in columns.values()]),
        cells.squared,
        cells.mean_weight,
        cells.sums,
        cells.centers,
        cells.everyone,
    )


def _aggregate_in_memory(
    study: Study,
    weight: WeightChoice,
    condition: conditions.Condition,
    chosen: dict[str, Column],
    *,
    aggregate: bool,
) -> Cells:
    participants = index_participants(study, weight)
    places, unknown = participants.places_in(condition)
    rows = _select_rows(participants, chosen, places, unknown)
    for name in participants.extreme & {name for name, column in chosen.items() if column.continuous}:
        own = rows.values[name]
        _refuse_extreme(name, int(np.isinf(own).sum()), int(is_extreme(own).sum()))
    alone = not aggregate or participants.rows_are_units or any(c.continuous for c in chosen.values())
    return rows if alone else _aggregate_cells(rows, chosen)


def weight_of(
    study: Study, columns: Iterable[Column], condition: conditions.Condition, by: Sequence[str] = ()
) -> WeightChoice:
    """Choose the weight of an analysis by its variables and the cycles of its domain."""
    variables = [column.variable for column in columns]
    return choose_weight(study.design, variables, condition, by_cycle=CYCLE in by)


def _select_rows(
    participants: Participants, columns: dict[str, Column], places: Indices | None, unknown: int
) -> Cells:
    """Make each participant in the domain a cell; without a domain, nothing is copied."""
    values = participants.arrays(columns.values())
    unit, weights = participants.unit, participants.weights
    if places is not None:
        values = {name: own[places] for name, own in values.items()}
        unit, weights = unit[places], weights[places]
    return Cells(
        values,
        unit,
        weights,
        np.broadcast_to(np.int64(1), len(unit)),
        None,
        participants.units,
        unknown,
        len(participants.unit),
        participants.mean_weight,
        everyone=participants.sums if places is None else None,
    )


def _aggregate_cells(rows: Cells, columns: dict[str, Column]) -> Cells:
    """Sum the weights of the rows of each sampling unit and pattern of levels, in this order."""
    pattern, size = rows.unit, len(rows.units)
    for name, column in columns.items():
        if size > _DENSE * len(pattern):
            kept, pattern = np.unique(pattern, return_inverse=True)
            size = len(kept)
        levels = len(column.levels) + 1  # a missing value is the first
        pattern, size = pattern * levels + np.asarray(rows.values[name], np.int64) + 1, size * levels
    if size > _DENSE * len(pattern):
        kept, pattern = np.unique(pattern, return_inverse=True)
        size = len(kept)
    persons = np.bincount(pattern, minlength=size)
    present = np.flatnonzero(persons)
    row = np.empty(size, np.int64)  # one of each pattern
    row[pattern] = np.arange(len(pattern))
    row = row[present]
    weights, squared = (
        np.asarray(np.bincount(pattern, own, minlength=size)[present], np.float64)
        for own in (rows.weights, np.square(rows.weights))
    )
    values = {name: own[row] for name, own in rows.values.items()}
    return replace(
        rows, values=values, unit=rows.unit[row], weights=weights, persons=persons[present], squared=squared
    )


def _require_finite_on_engine(
    people: EnginePeople, columns: Iterable[Column], inside: pl.Expr | None, weight: WeightChoice
) -> None:
    """Raise if a continuous variable is infinite or extreme for a weighted participant in the domain."""
    continuous = {column.name: column.expression for column in columns if column.continuous}
    facts = people.facts_of(list(continuous))
    for name, value in continuous.items():
        if not is_extreme(np.array([facts[name].low, facts[name].high], float)).any():
            continue
        weighted = [weight.expression > 0] if weight.weight else []
        there = people.filter(*weighted, *([] if inside is None else [inside]))
        counted = (value.is_infinite(), extreme(value))
        _refuse_extreme(name, *(int(there.select(c.cast(pl.Int64).sum()).item()) for c in counted))


def _refuse_extreme(name: str, infinite: int, extreme_ones: int) -> None:
    if infinite:
        raise EstimationError(
            f"'{name}' is infinite for {infinite:,} participants, so nothing can be estimated with it. "
            f"Exclude them with domain='{quoted(name)} > -1e9 and {quoted(name)} < 1e9', "
            "or correct the values."
        )

    if extreme_ones:
        raise EstimationError(
            f"'{name}' is above 1e100 or below 1e-100 in size for {extreme_ones:,} participants, so sums of "
            "its squares cannot be computed. Correct the values, or change the unit with study.derive(...)."
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
