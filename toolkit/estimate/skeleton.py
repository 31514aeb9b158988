"""Prepare a study for analyses with one weight: weights that are checked, sampling units that are numbered.

Takes a study and a weight; gives a `Skeleton`, kept as long as the study lives, because each analysis of the
study starts from it.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from toolkit.design import Design, WeightChoice
from toolkit.errors import DesignError
from toolkit.estimate.calibration import calibrate
from toolkit.estimate.per_study import PerStudy
from toolkit.estimate.replication import replication_of
from toolkit.estimate.variance import Floats, Indices, Stage, Units
from toolkit.studies import Study

# Names that no variable has in the domain language.
UNIT, WEIGHT = ".unit", ".weight"
_STRATUM = ".stratum"

_kept: PerStudy[str, "Skeleton"] = PerStudy()


@dataclass(frozen=True)
class Skeleton:
    """The people whose weight counts, and the sampling units that they make up.

    Attributes
    ----------
    people
        Those with a positive weight: the study's columns, `.unit` (index of the last-stage unit), `.weight`.
    units
        The sampling units of all of them.
    everyone
        Number of persons in the study, those without a weight too.
    rows_are_units
        True if each person is a sampling unit.
    """

    people: pl.DataFrame
    units: Units
    everyone: int
    rows_are_units: bool


def skeleton_of(study: Study, weight: WeightChoice) -> Skeleton:
    """Give the study's people and sampling units as one weight sees them.

    Parameters
    ----------
    study
        People and design.
    weight
        As `choose_weight` gave it.

    Returns
    -------
    Skeleton
        The same object for the same study and weight.

    Raises
    ------
    DesignError
        For a weight that is missing, negative, zero or infinite, a missing stratum, PSU or population, a PSU
        in two strata, and a population smaller than its sample.

    Examples
    --------
    >>> import toolkit as tk
    >>> from toolkit.design import choose_weight
    >>> study = tk.study(pl.DataFrame({"cramps": [0, 1]}), design=tk.Design.none(), name="mine")
    >>> skeleton_of(study, choose_weight(study.design, [])).everyone
    2
    """
    by_weight = _kept.of(study)
    if weight.component not in by_weight:
        by_weight[weight.component] = _prepared(study, weight)
    return by_weight[weight.component]


def _prepared(study: Study, choice: WeightChoice) -> Skeleton:
    design, people, weight = study.design, study.people, choice.weight
    _require(people, design)
    if weight:
        people = _weighted(people, weight, by_component=not isinstance(design.weight, str))
    if design.replicate_weights:
        return _replicated(study, people, design.replicates_of(choice.component))
    people, units = number_units(people, design)
    if not weight:
        people = people.with_columns(pl.Series(WEIGHT, _weights_from(units)[people[UNIT].to_numpy()]))
    return _calibrated(study, Skeleton(people, units, study.people.height, rows_are_units=not design.stages))


def _calibrated(study: Study, made: Skeleton) -> Skeleton:
    if study.design.calibration is None:
        return made
    people, units = calibrate(study, made.people, made.units, study.design.calibration, (UNIT, WEIGHT))
    return replace(made, people=people, units=units, rows_are_units=people[UNIT].n_unique() == people.height)


def _replicated(study: Study, people: pl.DataFrame, columns: tuple[str, ...]) -> Skeleton:
    design = study.design
    replication, unit = replication_of(people, people[WEIGHT].to_numpy(), design, columns)
    method = f"{len(columns)} {design.replicate_method} replicates".replace(" other", "")
    count = replication.factors.shape[1]
    stage = Stage(np.zeros(count, int), np.full(count, np.inf))
    units = Units((stage,), 1, design.lonely_psu, method, replication)
    people = people.with_columns(pl.Series(UNIT, unit))
    made = Skeleton(people, units, study.people.height, rows_are_units=not design.replicate_factors)
    return _calibrated(study, made)


def _require(people: pl.DataFrame, design: Design) -> None:
    for name in design.columns:
        if name not in people.columns:
            raise DesignError(
                f"the design names '{name}', but the people have no such column. "
                f"Name one that is there: study.people.columns."
            )
    for name in (*(w.column for w in design.components.values()), *design.fpcs):
        if not people[name].dtype.is_numeric():
            raise DesignError(
                f"'{name}' of the design is of type {people[name].dtype.base_type()}, not a number. "
                f"Make it one before tk.study: frame.with_columns(pl.col('{name}').cast(pl.Float64))."
            )


def _weighted(people: pl.DataFrame, name: str, *, by_component: bool) -> pl.DataFrame:
    weight = people[name].cast(pl.Float64)
    broken = weight.is_nan().fill_null(value=not by_component)
    counts = {
        "missing": int(broken.sum()),
        "negative": int((weight < 0).sum()),
        "zero": 0 if by_component else int((weight == 0).sum()),
        "infinite": int((weight == np.inf).sum()),
    }
    seen = ", ".join(f"{what} for {count:,}" for what, count in counts.items() if count)
    if seen:
        raise DesignError(
            f"the weight '{name}' is {seen} of {people.height:,} people, and a weight must be positive. "
            f"Correct it, or leave these people out: "
            f"frame.filter((pl.col('{name}') > 0) & pl.col('{name}').is_finite())."
        )
    kept = people.with_columns(weight.alias(WEIGHT)).filter(pl.col(WEIGHT) > 0)
    if kept.is_empty():
        raise DesignError(
            f"nobody has a positive weight '{name}'. Look at it: study.people['{name}'].describe()."
        )
    return kept


def _refuse_missing(people: pl.DataFrame, columns: list[str]) -> None:
    for name in columns:
        missing = people[name].null_count()
        if missing:
            raise DesignError(
                f"'{name}' of the design is missing for {missing:,} of {people.height:,} people. Fill it in, "
                f"or leave them out: frame.filter(pl.col('{name}').is_not_null())."
            )


def number_units(people: pl.DataFrame, design: Design) -> tuple[pl.DataFrame, Units]:
    """Give each of the people the number of the last-stage unit, and describe the units of every stage."""
    _refuse_missing(people, [name for name in (design.strata, *design.stages, *design.fpcs) if name])
    if len(design.fpcs) > max(len(design.stages), 1):
        raise DesignError(
            f"the design has {len(design.fpcs)} fpc columns for {max(len(design.stages), 1)} stages. "
            f"Name one psu a stage: tk.Design(psu=(...), fpc=(...))."
        )
    people = _dense(people, [design.strata] if design.strata else [], _STRATUM)
    parent, stages = _STRATUM, []
    for depth, name in enumerate(_stage_columns(design)):
        people = _units_of_stage(people, design, parent, name, depth)
        stages.append(_stage(people, parent, _unit_name(depth), design.fpcs[depth : depth + 1]))
        parent = _unit_name(depth)
    strata = int(people[_STRATUM].max()) + 1  # type: ignore[arg-type]
    people = people.rename({parent: UNIT}).drop(_STRATUM, *(_unit_name(d) for d in range(len(stages) - 1)))
    method = "robust" if design.declared_absent else "linearised"
    return people, Units(tuple(stages), strata, design.lonely_psu, method)


def _stage_columns(design: Design) -> tuple[str | None, ...]:
    """Name the stages that the variance needs: the first alone when it was drawn with replacement."""
    if not design.stages:
        return (None,)
    return design.stages if design.fpcs else design.stages[:1]


def _unit_name(depth: int) -> str:
    return f".stage{depth}"


def _units_of_stage(
    people: pl.DataFrame, design: Design, parent: str, name: str | None, depth: int
) -> pl.DataFrame:
    unit = _unit_name(depth)
    if name is None:
        return people.with_row_index(unit).with_columns(pl.col(unit).cast(pl.Int64))
    keys = [name] if depth == 0 and not design.nest else [parent, name]
    people = _dense(people, keys, unit)
    across = people.group_by(unit).agg(pl.col(parent).n_unique())[parent].gt(1).sum()
    if across:
        raise DesignError(
            f"{across:,} values of '{name}' stand in more than one stratum. If PSU numbers start anew in "
            f"each stratum: tk.Design(..., nest=True); else correct '{name}' or '{design.strata}'."
        )
    return people


def _dense(people: pl.DataFrame, keys: list[str], name: str) -> pl.DataFrame:
    """Give the distinct values of the keys numbers from 0, in their order."""
    if not keys:
        return people.with_columns(pl.lit(0, pl.Int64).alias(name))
    numbered = people.select(keys).unique().sort(keys).with_row_index(name)
    return people.join(numbered, on=keys, how="left", maintain_order="left").with_columns(
        pl.col(name).cast(pl.Int64)
    )


def _stage(people: pl.DataFrame, parent: str, unit: str, fpc: tuple[str, ...]) -> Stage:
    first = people.group_by(unit).agg(
        pl.col(parent).first(), *(pl.col(name).first().cast(pl.Float64) for name in fpc)
    )
    first = first.sort(unit)
    above = first[parent].to_numpy()
    if not fpc:
        return Stage(above, np.full(len(above), np.inf))
    _refuse_varying(people, parent, fpc[0])
    return Stage(above, _population(first[fpc[0]].to_numpy(), above, fpc[0]))


def _refuse_varying(people: pl.DataFrame, parent: str, fpc: str) -> None:
    varying = people.group_by(parent).agg(pl.col(fpc).n_unique())[fpc].gt(1).sum()
    if varying:
        raise DesignError(
            f"'{fpc}' varies within {varying:,} of the groups that were drawn from. It holds one population "
            f"size (or sampling fraction) for each stratum, and at a later stage for each unit of the stage "
            f"before: correct it."
        )


def _population(fpc: Floats, parent: Indices, name: str) -> Floats:
    sampled = np.bincount(parent).astype(float)[parent]
    population: Floats = fpc if (fpc > 1).any() else sampled / fpc
    too_few = int((population < sampled * (1 - 1e-12)).sum())
    if too_few:
        raise DesignError(
            f"'{name}' says of {too_few:,} of {len(fpc):,} units that more were drawn than there are. Write "
            f"either population counts, in units of the stage, or sampling fractions of at most 1, all of "
            f"one kind."
        )
    rounded: Floats = np.maximum(population, sampled)
    return rounded


def _weights_from(units: Units) -> Floats:
    """Multiply population over sample along the stages: the weight where the design has no other."""
    weight = np.ones(units.strata)
    for stage in units.stages:
        with_replacement = np.isinf(stage.population)
        weight = weight[stage.parent] * np.where(with_replacement, 1.0, stage.population / stage.sampled)
    return weight
