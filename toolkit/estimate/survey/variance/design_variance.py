"""Formulas of design variance: covariance and degrees of freedom, by linearization or replicate weights.

This is the only place where design variance is computed.
Method: Taylor linearization with strata, any number of stages and finite populations, as `svyrecvar` of R's
survey package (Lumley, Complex Surveys, 2010, ch. 2; Särndal et al., Model Assisted Survey Sampling, 4.3).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toolkit.errors import DesignError
from toolkit.results import Floats, Indices, Mask
from toolkit.studies import COMPUTED, LonelyPsu

if TYPE_CHECKING:
    from toolkit.studies import Design


# R's survey takes a stratum of which all but one in ten million were sampled as a census.
CENSUS = 1e-7
_UNIT = f"{COMPUTED}unit"


@dataclass(frozen=True)
class Stage:
    """The sampling units of one stage."""

    # For each unit the stratum (first stage) or the unit of the stage before that it was drawn from.
    parent: Indices
    # For each unit the number of units that it was drawn out of; infinite with replacement.
    population: Floats
    # The participants that an entry stands for, where each is a unit and an engine aggregates them.
    crowds: "Crowds | None" = None

    @cached_property
    def sampled(self) -> Floats:
        """For each unit the number of units that were drawn together with it, itself included."""
        return self.count(np.ones(len(self.parent), bool), int(self.parent.max(initial=-1)) + 1)[self.parent]

    def count(self, marked: Mask, parents: int) -> Floats:
        """Count the units marked that were drawn from each parent."""
        units = marked if self.crowds is None else np.where(marked, self.crowds.persons, 0.0)
        return np.bincount(self.parent, units, minlength=parents).astype(float)

    @cached_property
    def fraction(self) -> Floats:
        """For each unit the sampling fraction it was drawn with."""
        return self.sampled / self.population


@dataclass(frozen=True)
class Crowds:
    """Entries of a stage that stand for many participants, each of whom is a sampling unit."""

    # For each entry the number of participants; 0 for all but the first of a cell's points.
    persons: Floats
    # The sum of squared weights over the square of their sum.
    squares: Floats
    # Marks cells of several points, whose entries have squares but no participants of their own.
    several: Mask

    def between(self, totals: Floats, means: Floats, scale: Floats) -> Floats:
        """Sum the squared deviations of participants from the means of their strata."""
        persons, alone = self.persons, ~self.several
        middle = totals / np.maximum(persons, 1)[:, None] - means
        within = np.where(alone, self.squares - 1 / np.maximum(persons, 1), self.squares)
        # Weights that are equal but for rounding.
        within = np.where(alone & (within < 1e-13 * self.squares), 0.0, within)
        outer = np.where(alone, persons, 0.0) * scale
        found: Floats = (middle * outer[:, None]).T @ middle + (totals * (within * scale)[:, None]).T @ totals
        apart = self.several
        if apart.any():
            t, m, own = totals[apart], means[apart], scale[apart, None]
            cross = (t * own).T @ m
            found = found - cross - cross.T + (m * (own[:, 0] * persons[apart])[:, None]).T @ m
        return found


@dataclass(frozen=True)
class Replication:
    """Replicate weights: what each makes of the weight of a unit's people."""

    # Replicates x units.
    factors: Floats
    # scale, rscales: What squared deviations are multiplied by: one number for all, one a replicate.
    scale: float
    rscales: Floats
    # True if deviations are from the full-sample estimate, else from the replicates' mean.
    mse: bool = False
    # The factors as the replicates were made, before they were calibrated; None where nothing was.
    made: Floats | None = None


@dataclass(frozen=True)
class Residuals:
    """Weights that are calibrated: what is left of influence values beside the variables of the totals."""

    # For each part of a last-stage unit, within which those variables are alike, the unit.
    parent: Indices
    # Parts x columns of length 1 that span the variables, each part weighted by the root of its weight.
    basis: Floats
    # For each part that root, times what the calibration multiplied the weight by.
    size: Floats

    def of(self, totals: Floats) -> Floats:
        """Take from the influence totals of parts what the variables of the totals explain."""
        alone = totals / self.size[:, None]
        left: Floats = (alone - self.basis @ (self.basis.T @ alone)) * self.size[:, None]
        return left


@dataclass(frozen=True)
class Units:
    """The sampling units of the whole design, those without a person of the domain too."""

    # First stage first; the index of a unit of the last stage is what cells carry.
    stages: tuple[Stage, ...]
    # Number of first-stage strata.
    strata: int
    # What to do with a stratum of one PSU, as `Design.lonely_psu`.
    lonely_psu: LonelyPsu = "fail"
    # How the variance comes about, as a result's column `variance` says it.
    method: str = "linearised"
    # Replicate weights in place of strata and PSUs; None where variance is linearized.
    replication: Replication | None = None
    # Of calibrated weights, where cells carry the index of a part of a unit; None where they are not.
    residuals: Residuals | None = None

    @cached_property
    def spread(self) -> "tuple[tuple[Floats, Mask, Floats], ...]":
        """For each stage the units sampled by parent, parents of one unit, and roots of the scale."""
        return tuple(_spread(self, depth) for depth in range(len(self.stages)))

    def __len__(self) -> int:
        """Count the last-stage units, or the parts of units that cells carry the index of."""
        if self.replication is not None:
            return int(self.replication.factors.shape[1])
        return len(self.stages[-1].parent if self.residuals is None else self.residuals.parent)

    def first_stage(self, unit: Indices) -> Indices:
        """Give the PSU of each last-stage unit, or part of one, that is named."""
        if self.residuals is not None:
            unit = self.residuals.parent[unit]
        for stage in self.stages[:0:-1]:
            unit = stage.parent[unit]
        return unit


def sum_by_unit(influence: Floats, unit: Indices, units: Units) -> Floats:
    """Sum influence values by last-stage unit, or by part of a unit where weights are calibrated."""
    return sum_by_group(np.asarray(influence, float), unit, len(units))


def covariance_of_totals(totals: Floats, used: Mask, units: Units) -> Floats:
    """Compute the covariance from the sums of `sum_by_unit`; `used` marks the units that hold a cell."""
    if units.residuals is not None:
        # Where weights are calibrated the people outside of a domain move its estimate too.
        totals = _join_parts(totals, units, units.residuals)
        used = np.ones(len(totals), bool)
    result = np.zeros((totals.shape[1],) * 2)
    for depth in range(len(units.stages) - 1, -1, -1):
        result += _stage_covariance(totals, used, units, depth)
        if depth:
            parent, count = units.stages[depth].parent, len(units.stages[depth - 1].parent)
            totals, used = (
                sum_by_group(totals, parent, count),
                np.bincount(parent[used], minlength=count) > 0,
            )
    return result


def _join_parts(totals: Floats, units: Units, residuals: Residuals) -> Floats:
    return sum_by_group(residuals.of(totals), residuals.parent, len(units.stages[-1].parent))


def sum_by_psu(totals: Floats, units: Units) -> Floats:
    """Sum the sums of `sum_by_unit` by PSU; where weights are calibrated, what the calibration leaves."""
    if units.residuals is not None:
        totals = _join_parts(totals, units, units.residuals)
    for above, stage in zip(units.stages[-2::-1], units.stages[:0:-1], strict=True):
        totals = sum_by_group(totals, stage.parent, len(above.parent))
    return totals


def degrees_of_freedom(unit: Indices, units: Units) -> int:
    """Count PSUs minus strata among those that hold one of the cells, or rank replicate weights minus 1."""
    if units.replication is not None:
        return replicate_df(unit, units.replication) if len(unit) else 0
    first = units.stages[0]
    present = np.bincount(units.first_stage(unit), minlength=len(first.parent)) > 0
    counts = first.count(present, units.strata)
    return int(counts.sum()) - int(np.count_nonzero(counts))


def replicate_covariance(replicates: Floats, full: Floats, replication: Replication) -> Floats:
    """Give the covariance of estimates from their values in each replicate."""
    center = full if replication.mse else replicates[replication.rscales > 0].mean(axis=0)
    deviations = (replicates - center) * np.sqrt(replication.rscales)[:, None]
    between: Floats = deviations.T @ deviations * replication.scale
    return between


def replicate_df(units: Indices, replication: Replication) -> int:
    """Count the replicates that differ among the units named: the rank of their weights minus 1."""
    factors = (replication.factors if replication.made is None else replication.made)[:, np.unique(units)]
    small = factors @ factors.T if len(factors) < factors.shape[1] else factors.T @ factors
    # R's own tolerance, 1e-5 of a column's length; here it is squared.
    own = np.linalg.eigvalsh(small)
    return int((own > 1e-10 * own[-1]).sum()) - 1


def sum_by_group(values: Floats, group: Indices, count: int) -> Floats:
    """Sum the rows of each group, column by column."""
    sums = np.empty((count, values.shape[1]))
    for column in range(values.shape[1]):
        sums[:, column] = np.bincount(group, values[:, column], minlength=count)
    return sums


def _stage_covariance(totals: Floats, used: Mask, units: Units, depth: int) -> Floats:
    """Sum the variance between the units of one stage over the units they were drawn from."""
    stage, (sampled, alone, scale) = units.stages[depth], units.spread[depth]
    groups = len(sampled)
    present = stage.count(used, groups) > 0
    lonely = present & alone
    if lonely.any() and units.lonely_psu == "fail":
        raise _explain_lonely(int(lonely.sum()), depth)
    means = sum_by_group(totals, stage.parent, groups) / np.maximum(sampled, 1)[:, None]
    if units.lonely_psu == "adjust":
        means[lonely] = 0
    if stage.crowds is not None:
        between = stage.crowds.between(totals, means[stage.parent], np.square(scale))
    else:
        deviations = (totals - means[stage.parent]) * scale[:, None]
        between = deviations.T @ deviations
    return between * _scale_for_average(units, lonely, present)


def _spread(units: Units, depth: int) -> tuple[Floats, Mask, Floats]:
    """Compute what deviations are scaled by, which depends on the design alone."""
    stage = units.stages[depth]
    groups = len(units.stages[depth - 1].parent) if depth else units.strata
    sampled = stage.count(np.ones(len(stage.parent), bool), groups)
    left = 1 - stage.fraction
    alone = (np.bincount(stage.parent, left >= CENSUS, minlength=groups) > 0) & (sampled == 1)
    n = sampled[stage.parent]
    scale = np.where(left >= CENSUS, left, 0) * np.where(n > 1, n / np.maximum(n - 1, 1), 1)
    return sampled, alone, np.sqrt(scale * _multiply_fractions_above(units, depth))


def _multiply_fractions_above(units: Units, depth: int) -> Any:
    """Multiply the sampling fractions of the stages above, for each unit of a stage."""
    if depth == 0:
        return 1.0
    above = units.stages[depth - 1]
    return (above.fraction * _multiply_fractions_above(units, depth - 1))[units.stages[depth].parent]


def _scale_for_average(units: Units, lonely: Mask, present: Mask) -> float:
    """Let strata of one PSU contribute the mean of the others, for lonely_psu="average"."""
    if units.lonely_psu != "average" or not lonely.any():
        return 1.0
    others = int(present.sum() - lonely.sum())
    if not others:
        raise DesignError(
            "Every stratum has a single PSU, so there are no other strata to average. "
            "Merge strata, or use tk.Design(..., lonely_psu='adjust')."
        )
    return float(present.sum()) / others


def _explain_lonely(count: int, depth: int) -> DesignError:
    where = "stratum has" if count == 1 else "strata have"
    unit = "PSU" if depth == 0 else f"unit of stage {depth + 1}"
    return DesignError(
        f"{count} {where} a single {unit}, so the variance cannot be estimated. Merge it with a similar "
        f"stratum, or use tk.Design(..., lonely_psu='adjust'), which centers it at the grand mean. Other "
        f"values are 'certainty', 'average' and 'remove'."
    )


def replication_of(
    people: pl.DataFrame, weight: Floats, design: "Design", columns: tuple[str, ...]
) -> tuple[Replication, Indices]:
    """Read replicate weights."""
    _refuse_broken(people, columns)
    table = people.select(pl.col(columns).cast(pl.Float64))
    if design.replicate_factors:
        kinds = table.unique(maintain_order=True).with_row_index(_UNIT)
        unit = table.join(kinds, on=columns, how="left", maintain_order="left")[_UNIT]
        factors, of_person = kinds.drop(_UNIT).to_numpy(), unit.cast(pl.Int64).to_numpy()
    else:
        factors, of_person = table.to_numpy() / weight[:, None], np.arange(len(weight))
    scale, rscales = _scales(design, len(columns))
    return Replication(np.ascontiguousarray(factors.T), scale, rscales, design.mse), of_person


def _refuse_broken(people: pl.DataFrame, columns: tuple[str, ...]) -> None:
    for name in columns:
        if not people[name].dtype.is_numeric():
            raise DesignError(
                f"The replicate weight '{name}' has the type {people[name].dtype.base_type()} and must be "
                f"numeric. Convert it before tk.study: frame.with_columns(pl.col('{name}').cast(pl.Float64))."
            )
        broken = people.height - int(people[name].cast(pl.Float64).is_finite().sum())
        if broken:
            raise DesignError(
                f"The replicate weight '{name}' is missing or infinite for {broken:,} of {people.height:,} "
                f"participants with a weight. Correct it, or remove it from tk.Design(replicate_weights=...)."
            )
        if people.height and not (people[name] != 0).any():
            raise DesignError(
                f"The replicate weight '{name}' is 0 for all {people.height:,} participants with a weight "
                "and gives no estimate. Correct it, or remove it from tk.Design(replicate_weights=...)."
            )


def _scales(design: "Design", count: int) -> tuple[float, Floats]:
    """Give the scales of a method, as `svrepdesign` of R's survey package."""
    method, given = design.replicate_method or "other", design.replicate_scale
    own = {
        "BRR": 1 / count,
        "Fay": 1 / (count * (1 - design.fay_rho) ** 2),
        "JK1": (count - 1) / count,
        "bootstrap": 1 / (count - 1),
        "SDR": 4 / count,
    }
    if method in ("BRR", "Fay", "SDR") and given is not None and not np.isclose(given, own[method]):
        raise DesignError(
            f"'replicate_scale' is {given:g}, but {count} replicates of {method} have the scale "
            f"{own[method]:g}. Remove it, or use replicate_method='other' with your own."
        )
    scale = own.get(method, 1.0) if given is None else given
    rscales = design.replicate_rscales
    return scale, np.ones(count) if rscales is None else np.asarray(rscales, float)
