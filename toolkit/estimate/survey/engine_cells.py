"""Aggregate the participants of one analysis to cells on an engine, in one query.

The query groups by the columns of the design and the variables of the analysis; everyone else is one more
group of each sampling unit, so that the design is whole. Continuous variables of which an estimator needs the
first two moments alone are not grouped by: their moments become points (`engine_moments`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from toolkit.errors import DesignError
from toolkit.estimate.survey.roles import MOST_CODES, Column
from toolkit.estimate.survey.sampling_units import (
    WEIGHT,
    Everyone,
    count_unfit_weights,
    index_participants,
    refuse_weight,
    require_design_columns,
)
from toolkit.estimate.survey.variance.computed_columns import Asked, place_centers
from toolkit.estimate.survey.variance.design_variance import Crowds, Stage, Units
from toolkit.estimate.survey.variance.engine_moments import SQUARES, Spread
from toolkit.estimate.survey.variance.engine_sums import (
    COUNT,
    FIRST,
    ParticipantSums,
    explain_measurement,
    explain_populations,
)
from toolkit.estimate.survey.variance.unit_numbers import (
    UNIT,
    derive_weights,
    design_columns,
    number_units,
    number_values,
    read_population,
    refuse_missing,
    refuse_stages,
    refuse_varying,
)
from toolkit.files.cache import compute_once
from toolkit.results import Floats, Indices
from toolkit.studies import COMPUTED, MOST_VALUES, EnginePeople, Study, WeightChoice

# The values of cells by variable: numbers, or indices of levels.
Values = Mapping[str, Floats | Indices]
_PART, _STRATUM, _UNFIT, _POPULATION = (
    f"{COMPUTED}{name}" for name in ("part", "stratum", "unfit", "population")
)
# The parts of a study: in the analysis, outside of the domain, undecided, without a positive weight.
_INSIDE, _OUTSIDE, _UNKNOWN, _WEIGHTLESS = range(4)


@dataclass(frozen=True)
class Cells:
    """The cells of an analysis, with the sampling units of the whole design."""

    # For each variable the values of the cells, as `Column.array` gives them.
    values: Values
    # For each cell the last-stage sampling unit, the sum of weights, the number of persons, and the sum of
    # squared weights (None where a cell is a person).
    unit: Indices
    weights: Floats
    persons: Indices
    squared: Floats | None
    units: Units
    # Participants for whom the condition of the domain cannot be decided.
    unknown: int
    # Participants with a weight, and the mean of their weights.
    placed: int
    mean_weight: float
    # Sums over the participants, where cells have the moments of continuous variables alone.
    sums: ParticipantSums | None = None
    # What the values of these variables are deviations from.
    centers: Mapping[str, float] = field(default_factory=dict)
    # Sums over the participants of an analysis in memory without a domain.
    everyone: Everyone | None = None


def check_participants(study: Study, weight: WeightChoice) -> None:
    """Raise if a weight or the design is not valid."""
    if isinstance(study.people, EnginePeople):
        compute_once(study.computed, (Cells, weight.key), lambda: _Drawing(study, weight).check())
    else:
        index_participants(study, weight)


def aggregate_on_engine(
    study: Study, weight: WeightChoice, inside: pl.Expr | None, columns: Mapping[str, Column], asked: Asked
) -> Cells:
    """Aggregate participants to cells."""
    return _Drawing(study, weight, inside, columns, asked).cells()


@dataclass(frozen=True)
class _Drawing:
    """One analysis of a study on an engine."""

    study: Study
    choice: WeightChoice
    inside: pl.Expr | None = None
    columns: Mapping[str, Column] | None = None
    asked: Asked = field(default_factory=Asked)

    @property
    def people(self) -> EnginePeople:
        people = self.study.people
        assert isinstance(people, EnginePeople)  # noqa: S101 - callers checked
        return people

    @cached_property
    def weight(self) -> pl.Expr | None:
        return self.choice.expression if self.choice.weight else None

    @cached_property
    def all_weighted(self) -> bool:
        """Whether the weight of everyone is known to be positive."""
        if self.weight is None:
            return True
        if self.choice.parts:
            return False
        facts = self.people.facts_of([self.choice.weight])[self.choice.weight]
        return facts.known == self.people.height and facts.low > 0 and np.isfinite(facts.high)

    @cached_property
    def spread(self) -> list[str]:
        """The continuous variables that enter by their moments."""
        continuous = [name for name, column in (self.columns or {}).items() if column.continuous]
        own = [name for name in continuous if name not in self.asked.computed]
        facts = self.people.facts_of(own)
        # Without PSUs cells are few, and those of a value need no passes.
        most = dict.fromkeys(own, MOST_VALUES if self._persons_are_units else MOST_CODES)
        most |= dict.fromkeys(self.asked.averaged, MOST_CODES)
        few = {name for name in own if (v := facts[name].values) is not None and len(v) <= most[name]}
        found = [n for n in continuous if n in {*self.asked.averaged, *self.streamed} and n not in few]
        for name in own:
            if name not in found and facts[name].values is None:
                raise explain_measurement(name, self.people)
        return found

    @property
    def streamed(self) -> set[str]:
        """The variables that passes will sum."""
        return {*self.asked.streamed, *self.asked.computed}

    @cached_property
    def scored(self) -> bool:
        """Whether passes will sum the score of each participant, who is a sampling unit."""
        return self._persons_are_units and bool(self.streamed & set(self.spread))

    @cached_property
    def moments(self) -> Spread:
        """What is summed of the continuous variables."""
        columns = {n: (self.columns or {})[n].expression - self._center(n) for n in self.spread}
        pooled = bool(columns) and (self.scored or not set(columns) & set(self.asked.averaged))
        points = max(len(columns) + 2, self.asked.settings + 1) if self.scored else 0
        return Spread(columns, pooled, self._persons_are_units and not self.scored, points)

    def check(self) -> None:
        """Raise if a weight or the design is not valid."""
        self.require_design()
        if self.weight is not None and not self.all_weighted:
            weighted = self.people.with_columns(self.weight.alias(WEIGHT))
            counts = weighted.select(**count_unfit_weights(self.study))
            refuse_weight(self.study, self.choice, counts.row(0, named=True))
        names = design_columns(self.study.design)
        if names:
            there = self.people if self.weight is None else self.people.filter(self.weight.is_not_null())
            missing = there.select(pl.col(name).is_null().cast(pl.Int64).sum() for name in names)
            refuse_missing(self.study.design, missing.row(0, named=True), self.people.height)

    def require_design(self) -> None:
        design = self.study.design
        unserved = {"Replicate weights": design.replicate_weights, "Calibrated weights": design.calibration}
        for what, given in unserved.items():
            if given:
                raise DesignError(
                    f"{what} need the participants in memory, and those of this study stay on "
                    f"{self.people.engine.noun}. Use tk.study({self.people.engine.in_memory}, design=...), "
                    "or a design of strata and PSUs."
                )
        require_design_columns(self.study.people, design)
        refuse_stages(design)

    def cells(self) -> Cells:
        """Aggregate to cells and number the sampling units."""
        self.require_design()
        table = self._aggregate()
        if not self._narrowed:
            self.people.expect_height(int(table[COUNT].sum()))
        unfit = table[_UNFIT].sum() if _UNFIT in table.columns else 0
        if unfit or not np.isfinite(table[WEIGHT].to_numpy()).all():
            self.check()
        positive = pl.col(_PART) != _WEIGHTLESS
        self._refuse_unfit(table, int(table.filter(positive)[COUNT].sum()))
        table, units = self._with_units(table.sort(pl.all()))
        placed = table.filter(positive)
        unknown = int(placed.filter(pl.col(_PART) == _UNKNOWN)[COUNT].sum())
        persons = int(placed[COUNT].sum())
        keys = [UNIT, *(self.columns or {})]
        inside = table.filter(pl.col(_PART) == _INSIDE).sort(keys, maintain_order=True)
        mean = float(placed[WEIGHT].sum()) / persons
        sums = self._sums(inside) if self.spread else None
        values = {name: column.array(inside[name]) for name, column in (self.columns or {}).items()}
        unit, weight, count, squares = (inside[name].to_numpy() for name in (UNIT, WEIGHT, COUNT, SQUARES))
        centers = {name: self._center(name) for name in self.spread}
        return Cells(values, unit, weight, count, squares, units, unknown, persons, mean, sums, centers)

    def _sums(self, inside: pl.DataFrame) -> ParticipantSums | None:
        if not self.scored and (self._persons_are_units or not self.streamed & set(self.spread)):
            return None
        people = self.people if self.weight is None else self.people.filter(self.weight > 0)
        if self.weight is None and self.study.design.fpcs:
            raise explain_populations(people)
        people = people if self.inside is None else people.filter(self.inside)
        grouping = {_design_key(name): pl.col(name) for name in design_columns(self.study.design)}
        columns = self.columns or {}
        grouping |= {name: c.expression for name, c in columns.items() if name not in self.spread}
        cells = inside.select(*grouping, FIRST, COUNT)
        return ParticipantSums(people, self._one, grouping, cells, persons=self.scored)

    def _refuse_unfit(self, table: pl.DataFrame, placed: int) -> None:
        if not placed:
            self.check()
        names = design_columns(self.study.design)
        missing = {n: int(table.filter(pl.col(_design_key(n)).is_null())[COUNT].sum()) for n in names}
        refuse_missing(self.study.design, missing, int(table[COUNT].sum()))

    def _aggregate(self) -> pl.DataFrame:
        """Group the participants by design, part and variables."""
        keys = {_design_key(name): pl.col(name) for name in design_columns(self.study.design)}
        part = self._part()
        people = self.people
        if part is not None:
            people = people.with_columns(part.alias(_PART))
            keys[_PART] = pl.col(_PART)
        for name, column in (self.columns or {}).items():
            # Groups are those of the column as it is, because codes are faster than their levels.
            value = column.expression.is_not_null() if name in self.spread else pl.col(name)
            keys[name] = value if part is None else pl.when(pl.col(_PART) == _INSIDE).then(value)
        if self._narrowed:
            people = people.filter(self._one.is_not_null())
        queries = [people.query(keys, self._totals())]
        if self.moments.pooled:
            known = [(self.columns or {})[name].expression.is_not_null() for name in self.spread]
            inside = people.filter(*known, *([] if part is None else [pl.col(_PART) == _INSIDE]))
            queries.append(inside.query({}, self.moments.products("w", self._one)))
        table, *products = people.run(queries)
        table = table.with_columns(
            column.expression.alias(name)
            for name, column in (self.columns or {}).items()
            if name not in self.spread
        )
        if part is None:
            table = table.with_columns(pl.lit(_INSIDE, pl.Int8).alias(_PART))
        if self.weight is None:
            table = table.with_columns(
                pl.col(COUNT).cast(pl.Float64).alias(name) for name in (WEIGHT, SQUARES)
            )
        if products:
            table = self.moments.share_products(table, pl.col(_PART) == _INSIDE, products[0])
        return table

    @property
    def _narrowed(self) -> bool:
        """Whether participants without a weight are left out, as those of another component or cycle."""
        by_component = bool(self.choice.parts) or not isinstance(self.study.design.weight, str)
        return by_component and not self.all_weighted

    def _part(self) -> pl.Expr | None:
        """Write the part of each participant as a number; None if everyone is in the analysis."""
        part: pl.Expr = pl.lit(_INSIDE, pl.Int8)
        if self.inside is not None:
            unknown, outside = pl.lit(_UNKNOWN, pl.Int8), pl.lit(_OUTSIDE, pl.Int8)
            outside = pl.when(self.inside.is_null()).then(unknown).otherwise(outside)
            part = pl.when(self.inside).then(part).otherwise(outside)
        if not self.all_weighted:
            assert self.weight is not None  # noqa: S101 - everyone counts without a weight
            part = pl.when(self.weight > 0).then(part).otherwise(pl.lit(_WEIGHTLESS, pl.Int8))
        return None if self.inside is None and self.all_weighted else part

    def _totals(self) -> dict[str, pl.Expr]:
        """List the sums of each cell: participants, weights, their squares, and the moments of values."""
        totals, one = {COUNT: pl.len().cast(pl.Int64)}, self._one
        if self.weight is not None:
            if not self.all_weighted:
                totals[_UNFIT] = (one.is_null() | (one < 0)).cast(pl.Int64).sum()
            totals |= {WEIGHT: one.sum(), SQUARES: (one * one).sum()}
        return totals | self.moments.totals(one)

    @property
    def _one(self) -> pl.Expr:
        return pl.lit(1.0) if self.weight is None else self.weight

    @property
    def _persons_are_units(self) -> bool:
        return not self.study.design.stages

    def _center(self, name: str) -> float:
        if name in self.asked.computed:
            return self._centers[name]
        mean = self.people.facts_of([name])[name].mean
        return mean if np.isfinite(mean) else 0.0

    @cached_property
    def _centers(self) -> dict[str, float]:
        return place_centers(self.people, self.asked.computed)

    def _with_units(self, table: pl.DataFrame) -> tuple[pl.DataFrame, Units]:
        """Index the sampling units, place points for moments, and derive weights from populations."""
        design = self.study.design
        names = design_columns(design)
        plain = table.select(pl.col(_design_key(name)).alias(name) for name in names)
        if design.stages:
            numbered, units = number_units(plain, design)
            table = table.with_columns(numbered[UNIT])
            if not self.choice.weight and design.fpcs:
                table = _scaled(table, derive_weights(units)[table[UNIT].to_numpy()])
            return self.moments.place(table), units
        stratum = number_values([plain[design.strata]] if design.strata else [], table.height)
        table = table.with_columns(pl.Series(_STRATUM, stratum))
        population = np.full(table.height, np.inf)
        sampled: Floats = np.bincount(stratum, table[COUNT].to_numpy().astype(float))[stratum].astype(float)
        if design.fpcs:
            given = plain[design.fpcs[0]].cast(pl.Float64).to_numpy()
            refuse_varying(stratum, given, design.fpcs[0])
            population = read_population(given, sampled, design.fpcs[0])
            if not self.choice.weight:
                table = _scaled(table, population / sampled)
        table = table.with_columns(pl.Series(_POPULATION, population))
        return self._with_crowds(self.moments.place(table))

    def _with_crowds(self, table: pl.DataFrame) -> tuple[pl.DataFrame, Units]:
        """Let each row stand for its participants, each of whom is a sampling unit."""
        stratum, weight = table[_STRATUM].to_numpy(), table[WEIGHT].to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = np.where(weight != 0, table[SQUARES].to_numpy() / np.square(weight), 0.0)
        several = ~table[FIRST].to_numpy()
        # The points of a cell follow its first.
        several |= np.append(several[1:], False)
        crowds = Crowds(table[COUNT].to_numpy().astype(float), squares, several)
        stage = Stage(stratum, table[_POPULATION].to_numpy(), crowds)
        method = "robust" if self.study.design.declared_absent else "linearised"
        units = Units((stage,), int(stratum.max()) + 1, self.study.design.lonely_psu, method)
        return table.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(UNIT)), units


def _design_key(name: str) -> str:
    return f"{COMPUTED}design {name}"


def _scaled(table: pl.DataFrame, weight: Floats) -> pl.DataFrame:
    """Give the participants of cells a weight in place of 1."""
    factor = pl.Series(weight)
    by_weight = [name for name in table.columns if name.startswith(f"{COMPUTED}w")]
    by_square = [name for name in table.columns if name.startswith(f"{COMPUTED}q")]
    return table.with_columns(
        *(pl.col(name) * factor for name in by_weight),
        *(pl.col(name) * factor * factor for name in [SQUARES, *by_square]),
    )
