"""Number the sampling units of each stage of a design, and read the populations that they were drawn from."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toolkit.errors import DesignError
from toolkit.estimate.survey.variance.design_variance import Stage, Units
from toolkit.results import Floats, Indices
from toolkit.studies import COMPUTED, Design

UNIT = f"{COMPUTED}unit"
# Types of which some whole numbers are none of numpy's.
_LONG = (pl.UInt64, pl.Int128)
# Whole numbers in a range of so many for each participant are numbered by counting.
_NARROW = 4


def refuse_missing(design: Design, missing: Mapping[str, int], height: int) -> None:
    """Raise if a column of strata, units or populations is missing for participants."""
    for name in design_columns(design):
        if missing[name]:
            raise DesignError(
                f"'{name}' of the design is missing for {missing[name]:,} of {height:,} participants. "
                f"Supply it, or exclude them with frame.filter(pl.col('{name}').is_not_null())."
            )


def design_columns(design: Design) -> list[str]:
    """List the columns of strata, units and populations."""
    return list(dict.fromkeys(name for name in (design.strata, *design.stages, *design.fpcs) if name))


def number_units(people: pl.DataFrame, design: Design) -> tuple[pl.DataFrame, Units]:
    """Index the last-stage unit of each participant, and describe the units of every stage."""
    missing = {name: people[name].null_count() for name in design_columns(design)}
    refuse_missing(design, missing, people.height)
    refuse_stages(design)
    stratum = number_values([people[design.strata]] if design.strata else [], people.height)
    parent, stages = stratum, []
    for depth, column in enumerate(_stage_columns(design)):
        unit = _number_stage(people, design, parent, column, depth)
        fpc = people[design.fpcs[depth]] if depth < len(design.fpcs) else None
        stages.append(_describe_stage(parent, unit, fpc))
        parent = unit
    method = "robust" if design.declared_absent else "linearised"
    units = Units(tuple(stages), int(stratum.max()) + 1, design.lonely_psu, method)
    return people.with_columns(pl.Series(UNIT, parent)), units


def refuse_stages(design: Design) -> None:
    """Raise if the design has more finite populations than stages."""
    if len(design.fpcs) > max(len(design.stages), 1):
        raise DesignError(
            f"The design has {len(design.fpcs)} fpc columns for {max(len(design.stages), 1)} stages. "
            f"Supply one psu per stage: tk.Design(psu=(...), fpc=(...))."
        )


def _stage_columns(design: Design) -> tuple[str | None, ...]:
    """Name the stages that the variance needs: only the first if it was drawn with replacement."""
    if not design.stages:
        return (None,)
    return design.stages if design.fpcs else design.stages[:1]


def _number_stage(
    people: pl.DataFrame, design: Design, parent: Indices, name: str | None, depth: int
) -> Indices:
    if name is None:
        return np.arange(people.height)
    nested = depth > 0 or design.nest
    unit = number_values([pl.Series(parent), people[name]] if nested else [people[name]], people.height)
    above = _first_of_each(unit, parent)
    across = len(np.unique(unit[above[unit] != parent]))
    if across:
        raise DesignError(
            f"{across:,} values of '{name}' are in more than one stratum. Use tk.Design(..., nest=True) if "
            f"PSU numbers restart in each stratum. Otherwise correct '{name}' or '{design.strata}'."
        )
    return unit


def number_values(keys: list[pl.Series], count: int) -> Indices:
    """Assign numbers from 0 to the combinations of values of columns, in their order."""
    number = np.zeros(count, np.int64)
    for key in keys:
        own = _number_in_order(_as_integers(key))
        number = _number_in_order(number * (int(own.max()) + 1) + own)
    return number


def _as_integers(key: pl.Series) -> Indices:
    if isinstance(key.dtype, pl.Enum | pl.Boolean) or (key.dtype.is_integer() and key.dtype not in _LONG):
        physical = key.to_physical() if isinstance(key.dtype, pl.Enum) else key
        return physical.cast(pl.Int64).to_numpy()
    return key.rank("dense").cast(pl.Int64).to_numpy()


def _number_in_order(values: Indices) -> Indices:
    """Assign numbers from 0 to whole numbers in their order; those in a narrow range are not sorted."""
    low = int(values.min())
    if int(values.max()) - low > _NARROW * len(values):
        return np.unique(values, return_inverse=True)[1]
    seen = np.bincount(values - low) > 0
    return (np.cumsum(seen) - 1)[values - low]


def _first_of_each(unit: Indices, values: Any) -> Any:
    """Return for each unit the value of its first participant."""
    first = np.empty(int(unit.max()) + 1, values.dtype)
    first[unit[::-1]] = values[::-1]
    return first


def _describe_stage(parent: Indices, unit: Indices, fpc: pl.Series | None) -> Stage:
    above = _first_of_each(unit, parent)
    if fpc is None:
        return Stage(above, np.full(len(above), np.inf))
    sizes = fpc.cast(pl.Float64).to_numpy()
    refuse_varying(parent, sizes, fpc.name)
    sampled = np.bincount(above).astype(float)[above]
    return Stage(above, read_population(_first_of_each(unit, sizes), sampled, fpc.name))


def refuse_varying(parent: Indices, sizes: Floats, name: str) -> None:
    """Raise if the population varies among units that were drawn together."""
    varying = len(np.unique(parent[_first_of_each(parent, sizes)[parent] != sizes]))
    if varying:
        raise DesignError(
            f"'{name}' varies within {varying:,} of the strata or units that were sampled from. Supply "
            f"one population size (or sampling fraction) for each of them."
        )


def read_population(fpc: Floats, sampled: Floats, name: str) -> Floats:
    """Read population sizes, or sampling fractions, beside the number of units sampled."""
    unfit = int((~(fpc > 0) | np.isinf(fpc)).sum())
    if unfit:
        raise DesignError(
            f"'{name}' is not a positive number in {unfit:,} of {len(fpc):,} units. Supply population counts "
            "in units of the stage, or sampling fractions above 0 and at most 1."
        )
    population: Floats = fpc if (fpc > 1).any() else sampled / fpc
    too_few = int((population < sampled * (1 - 1e-12)).sum())
    if too_few:
        raise DesignError(
            f"'{name}' is smaller than the sample size in {too_few:,} of {len(fpc):,} units. Supply either "
            f"population counts in units of the stage or sampling fractions of at most 1, not both."
        )
    rounded: Floats = np.maximum(population, sampled)
    return rounded


def derive_weights(units: Units) -> Floats:
    """Multiply population over sample size along the stages, where the design has no other weight."""
    weight = np.ones(units.strata)
    for stage in units.stages:
        with_replacement = np.isinf(stage.population)
        weight = weight[stage.parent] * np.where(with_replacement, 1.0, stage.population / stage.sampled)
    return weight
