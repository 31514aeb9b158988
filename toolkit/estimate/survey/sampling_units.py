"""Validate an analysis weight and index the strata and sampling units of the contributing cycles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from toolkit.errors import DesignError, require_study
from toolkit.estimate.survey.variance.calibration import BEFORE, calibrate
from toolkit.estimate.survey.variance.design_variance import (
    Stage,
    Units,
    degrees_of_freedom,
    replication_of,
)
from toolkit.estimate.survey.variance.extreme_values import extreme, is_extreme
from toolkit.estimate.survey.variance.unit_numbers import UNIT, derive_weights, number_units
from toolkit.files.cache import compute_once, keep_arrays
from toolkit.results import Floats, Indices, Mask
from toolkit.studies import COMPUTED, Design, Study, WeightChoice
from toolkit.variables import Condition, Names, as_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.estimate.survey.roles import Column

WEIGHT, ROW = (f"{COMPUTED}{name}" for name in ("weight", "row"))
_INSIDE = f"{COMPUTED}inside"
# The memory for values of variables that further analyses may use.
_MOST_BYTES = 2**30


class Everyone(NamedTuple):
    """Sums over all participants with a weight."""

    # Number of participants of each last-stage unit.
    persons: Indices
    # Degrees of freedom of the units that hold one.
    df: int
    # Of the weights, and of the squared weights.
    weights: np.float64
    squares: np.float64


@dataclass(frozen=True)
class Participants:
    """The participants with a positive weight, and the sampling units of the design."""

    # The study's people.
    source: pl.DataFrame
    # Those with a positive weight: `.row` (place in `source`), `.unit` (index of the last-stage unit),
    # `.weight`, and `.before` where the weight was calibrated.
    placed: pl.DataFrame
    # The sampling units of the contributing cycles, also those in which every weight is 0.
    units: Units
    # True if each person is a sampling unit.
    rows_are_units: bool
    # The values of the variables that analyses have used so far, by name and levels.
    _arrays: "dict[tuple[str, tuple[str, ...]], Floats | Indices]" = field(default_factory=dict, repr=False)
    # The continuous variables among these that are infinite or extreme for anyone.
    extreme: set[str] = field(default_factory=set, repr=False)

    @property
    def everyone(self) -> int:
        """Number of participants in the study, with or without a weight."""
        return self.source.height

    @cached_property
    def unit(self) -> Indices:
        """For each participant with a weight the index of the last-stage unit."""
        return self.placed[UNIT].to_numpy()

    @cached_property
    def rows(self) -> Indices:
        """For each participant with a weight the row among the study's people."""
        return self.placed[ROW].cast(pl.Int64).to_numpy()

    @cached_property
    def weights(self) -> Floats:
        """The positive weights."""
        return self.placed[WEIGHT].to_numpy()

    @cached_property
    def sums(self) -> "Everyone":
        """What analyses of everyone share."""
        persons = np.bincount(self.unit, minlength=len(self.units))
        df = degrees_of_freedom(np.flatnonzero(persons), self.units)
        return Everyone(persons, df, self.weights.sum(), np.square(self.weights).sum())

    @cached_property
    def mean_weight(self) -> float:
        """The mean of the positive weights."""
        return float(self.weights.mean())

    def select(self, *expressions: pl.Expr) -> pl.DataFrame:
        """Evaluate expressions for participants with a weight, beside `.row`."""
        # The index keeps the height where every expression is a constant.
        values = self.source.select(pl.int_range(pl.len()).alias(ROW), *expressions)
        return values[self.placed[ROW]] if self.placed.height < values.height else values

    def arrays(self, columns: "Iterable[Column]") -> "dict[str, Floats | Indices]":
        """Return the values of variables; each is read once for all analyses with this weight."""
        keys = {(column.name, column.levels): column for column in columns}
        # Another thread may drop what is kept: these are held for this analysis.
        held = {key: own for key in keys if (own := self._arrays.get(key)) is not None}
        new = {key: column for key, column in keys.items() if key not in held}
        if new:
            rows = self.select(
                *(c.expression if c.continuous else c.expression.to_physical() for c in new.values())
            )
            read = {key: column.array(rows[key[0]]) for key, column in new.items()}
            self.extreme.update(key[0] for key, own in read.items() if not key[1] and is_extreme(own).any())
            keep_arrays(self._arrays, read, keys, _MOST_BYTES)
            held |= read
        return {key[0]: held[key] for key in keys}

    def places_in(self, condition: Condition) -> tuple[Indices | None, int]:
        """Find who meets a condition (None for everyone), and count those for whom it is undecided."""
        if not condition.text:
            return None, 0
        inside = self.select(condition.expression(self.source.schema).alias(_INSIDE))[_INSIDE]
        undecided = inside.null_count()
        return np.flatnonzero((inside.fill_null(value=False) if undecided else inside).to_numpy()), undecided


def index_participants(study: Study, weight: WeightChoice) -> Participants:
    """Index the participants with a weight by sampling unit; the same object for the same weight."""
    return compute_once(study.computed, (Participants, weight.key), lambda: _prepare(study, weight))


def _prepare(study: Study, choice: WeightChoice) -> Participants:
    design = study.design
    require_design_columns(study.people, design)
    people = _select_design_columns(study)
    if choice.weight:
        people = _apply_weight(people, study, choice)
    if design.replicate_weights:
        return _read_replicates(
            study, people.filter(pl.col(WEIGHT) > 0), design.replicates_of(choice.component)
        )
    people, units = number_units(people, design)
    if choice.weight:
        people = _keep(people, people[WEIGHT].to_numpy() > 0)
    else:
        people = people.with_columns(pl.Series(WEIGHT, derive_weights(units)[people[UNIT].to_numpy()]))
    return _calibrate_participants(study, people, units, rows_are_units=not design.stages)


def _select_design_columns(study: Study) -> pl.DataFrame:
    design = study.design
    calibrated = design.calibration.variables if design.calibration else ()
    known = [name for name in calibrated if name in study.people.columns]
    row = pl.int_range(pl.len()).alias(ROW)
    return study.people.select(row, *dict.fromkeys([*design.columns, *known]))


def _calibrate_participants(
    study: Study, people: pl.DataFrame, units: Units, *, rows_are_units: bool
) -> Participants:
    if study.design.calibration is None:
        placed = pl.DataFrame([people[ROW], people[UNIT], people[WEIGHT]])
        return Participants(study.people, placed, units, rows_are_units)
    people, units = calibrate(study, people, units, study.design.calibration, (UNIT, WEIGHT))
    placed = people.select(ROW, UNIT, WEIGHT, BEFORE)
    return Participants(study.people, placed, units, people[UNIT].n_unique() == people.height)


def _read_replicates(study: Study, people: pl.DataFrame, columns: tuple[str, ...]) -> Participants:
    design = study.design
    replication, unit = replication_of(people, people[WEIGHT].to_numpy(), design, columns)
    method = f"{len(columns)} {design.replicate_method} replicates".replace(" other", "")
    count = replication.factors.shape[1]
    stage = Stage(np.zeros(count, int), np.full(count, np.inf))
    units = Units((stage,), 1, design.lonely_psu, method, replication)
    people = people.with_columns(pl.Series(UNIT, unit))
    return _calibrate_participants(study, people, units, rows_are_units=not design.replicate_factors)


def require_design_columns(people: pl.DataFrame, design: Design) -> None:
    """Raise unless the columns of the design exist, with numbers where numbers are needed."""
    for name in design.columns:
        if name not in people.columns:
            raise DesignError(
                f"The design names '{name}', but the study has no such column. Use one of "
                "study.people.columns."
            )
    weights = (column for w in design.components.values() for column in w.columns)
    for name in (*weights, *design.fpcs):
        if not people.schema[name].is_numeric():
            raise DesignError(
                f"'{name}' of the design has the type {people.schema[name].base_type()} and must be numeric. "
                f"Convert it before tk.study: frame.with_columns(pl.col('{name}').cast(pl.Float64))."
            )


def _apply_weight(people: pl.DataFrame, study: Study, choice: WeightChoice) -> pl.DataFrame:
    """Keep the participants of the component in the contributing cycles, with the rescaled weight."""
    by_component = not isinstance(study.design.weight, str)
    weight = study.people.select(choice.expression.alias(WEIGHT)).to_series()
    numbers, absent = weight.to_numpy(), weight.null_count()
    counts = {
        "missing": int(np.isnan(numbers).sum()) - (absent if by_component else 0),
        "negative": int((numbers < 0).sum()),
        "infinite": int((numbers == np.inf).sum()),
        "above 1e100 or below 1e-100": int(is_extreme(numbers[np.isfinite(numbers)]).sum()),
        "positive": int((numbers > 0).sum()),
    }
    refuse_weight(study, choice, counts)
    return _keep(people.with_columns(weight), weight.is_not_null().to_numpy() if absent else None)


def count_unfit_weights(study: Study) -> dict[str, pl.Expr]:
    """Write the counts that `refuse_weight` reads as expressions, for participants on an engine."""
    weight, by_component = pl.col(WEIGHT), not isinstance(study.design.weight, str)
    missing = weight.is_nan() if by_component else weight.is_nan() | weight.is_null()
    return {
        "missing": missing.cast(pl.Int64).sum(),
        "negative": (weight < 0).cast(pl.Int64).sum(),
        "infinite": (weight.is_infinite() & (weight > 0)).cast(pl.Int64).sum(),
        "above 1e100 or below 1e-100": (weight.is_finite() & extreme(weight)).cast(pl.Int64).sum(),
        "positive": (weight > 0).cast(pl.Int64).sum(),
    }


def refuse_weight(study: Study, choice: WeightChoice, counts: Mapping[str, int]) -> None:
    """Raise if weights are not valid, or none is positive."""
    name, unfit = choice.weight, [what for what in counts if what != "positive"]
    seen = ", ".join(f"{what} for {counts[what]:,}" for what in unfit if counts[what])
    if seen:
        raise DesignError(
            f"The weight '{name}' is {seen} of {study.people.height:,} participants. A weight must be a "
            f"finite number of 0 or more. Correct it, or exclude them with "
            f"frame.filter((pl.col('{name}') >= 0) & pl.col('{name}').is_finite())."
        )
    if not counts["positive"]:
        raise DesignError(
            f"No participant has a positive weight '{name}'. Check it with study.people['{name}'].describe()."
        )


def _keep(people: pl.DataFrame, mask: Mask | None) -> pl.DataFrame:
    """Keep the participants marked; nothing is copied where these are all."""
    return people if mask is None or mask.all() else people.filter(mask)


def weights(study: Study, variables: Names = (), domain: str = "") -> pl.DataFrame:
    """Return the weight of each participant in an analysis of these variables.

    Parameters
    ----------
    study
        The study.
    variables
        Those of the analysis, which decide its weight (`study.weight_for`).
    domain
        The condition of the analysis; its variables and cycles also decide.

    Returns
    -------
    polars.DataFrame
        One row per participant with a weight: `row` (index in `study.people`, from 0), `before` (the weight
        rescaled for the contributing cycles, or derived from fpc), `factor` (the calibration factor; 1
        without), `weight` (used by estimates).

    Raises
    ------
    DesignError
        If a weight is not valid, or no weights can meet the calibration totals.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"sex": ["m", "f", "f"], "w": [1.0, 1.0, 3.0]})
    >>> design = tk.Design(weight="w").calibrated({"sex": {"m": 48.0, "f": 52.0}})
    >>> weights(tk.study(people, design=design))["weight"].to_list()
    [48.0, 13.0, 39.0]
    """
    require_study(study, "tk.survey.weights")
    choice = study.weight_for(as_names(variables, "variables"), domain)
    placed = index_participants(study, choice).placed
    before = pl.col(BEFORE if BEFORE in placed.columns else WEIGHT)
    return placed.select(
        pl.col(ROW).cast(pl.Int64).alias("row"),
        before.alias("before"),
        (pl.col(WEIGHT) / before).alias("factor"),
        pl.col(WEIGHT).alias("weight"),
    )
