"""Get an estimator's covariance from its influence values or replicates, by calling `design_variance`.

An estimator gives points and influence values once; each design makes its covariance of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Sample, cells_of
from toolkit.estimate.survey.variance.design_variance import (
    Units,
    covariance_of_totals,
    degrees_of_freedom,
    replicate_covariance,
    replicate_df,
    sum_by_unit,
)
from toolkit.results import Floats, Indices, Mask


@dataclass(frozen=True)
class Estimate:
    """Points with the influence values behind them."""

    # One a parameter.
    points: Floats
    # Cells of the sample x parameters: the weighted total of the influence values of the cell's persons; 0
    # in cells that do not count. Or a row for each of the cells that count, and no others.
    influence: Floats
    # The cells that count, those of an influence of 0 too.
    counted: Mask
    # Replicates x parameters, as `estimate_with_covariance` found them with replicate weights; None without.
    replicates: Floats | None = None
    # The influence values summed by sampling unit, where these are known already.
    totals: Floats | None = None

    def one(self, place: int) -> "Estimate":
        """Take one of the parameters."""
        own = slice(place, place + 1)
        again, totals = (None if x is None else x[:, own] for x in (self.replicates, self.totals))
        return Estimate(self.points[own], self.influence[:, own], self.counted, again, totals)


def estimate_with_covariance(
    sample: Sample, estimate: Callable[[Sample], Estimate], points: Callable[[Sample], Floats] | None = None
) -> tuple[Estimate, Floats]:
    """Estimate, with the design-based covariance; `points` gives the points alone faster, for replicates."""
    found = estimate(sample)
    found = replace(found, replicates=replicate_points(sample, points or (lambda s: estimate(s).points)))
    return found, joint_covariance(sample, found)


def replicate_points(sample: Sample, points: Callable[[Sample], Floats]) -> Floats | None:
    """Estimate with each replicate weight."""
    replication = sample.units.replication
    if replication is None:
        return None
    found = []
    for number, factors in enumerate(replication.factors, start=1):
        try:
            # In a replicate a group may have no weight; its estimate is then NaN.
            with np.errstate(all="ignore"):
                found.append(points(replace(sample, weights=sample.weights * factors[sample.unit])))
        except EstimationError as error:
            raise EstimationError(
                f"Replicate weight {number} of {len(replication.factors)} gives no estimate. {error}"
            ) from None
    return np.array(found)


def joint_covariance(sample: Sample, found: Estimate) -> Floats:
    """Compute the covariance of an estimate, from its replicates if the design has any."""
    return covariance_of_rows(sample, [found])


def covariance_of_rows(sample: Sample, parts: Sequence[Estimate | None]) -> Floats:
    """Compute the covariance of separate estimates; NaN for one that failed (None)."""
    there = [part for part in parts if part is not None]
    failed = np.array(
        [part is None for part in parts for _ in range(1 if part is None else len(part.points))], bool
    )
    matrix = np.full((len(failed), len(failed)), np.nan)
    if there:
        matrix[np.ix_(~failed, ~failed)] = _covariance_of_estimates(sample, there)
    return matrix


def _covariance_of_estimates(sample: Sample, parts: Sequence[Estimate]) -> Floats:
    """Sum each estimate by sampling unit before joining them, to save memory."""
    units = sample.units
    replicates = [part.replicates for part in parts if part.replicates is not None]
    if units.replication is not None and replicates:
        points = np.concatenate([part.points for part in parts])
        return replicate_covariance(np.hstack(replicates), points, units.replication)
    totals = [joint_totals(sample, part) for part in parts]
    counted = {id(part.counted): part.counted for part in parts}
    used = mark_units(sample, np.any([*counted.values()], axis=0))
    return covariance_of_totals(np.hstack(totals), used, units)


def joint_totals(sample: Sample, found: Estimate) -> Floats:
    """Sum influence values by sampling unit, unless these sums are known."""
    if found.totals is not None:
        return found.totals
    # Cells that do not count have an influence of 0, and masking them is what costs time.
    whole = len(found.influence) == len(found.counted)
    unit = sample.unit if whole else sample.unit[cells_of(found.counted)]
    return sum_by_unit(found.influence, unit, sample.units)


def mark_units(sample: Sample, cells: Mask) -> Mask:
    """Mark the last-stage units, or parts of units, that hold one of the cells."""
    units = sample.units
    if not any(alone.any() for _, alone, _ in units.spread):  # Then it makes no difference which they are.
        return np.ones(len(units), bool)
    used = np.zeros(len(units), bool)
    used[sample.unit if cells.all() else sample.unit[cells]] = True
    return used


def design_df(sample: Sample, cells: Mask) -> int:
    """Count PSUs minus strata among the cells marked, or the rank of their replicate weights minus 1."""
    return df_of_units(sample.unit[cells], sample.units)


def df_of_units(unit: Indices, units: Units) -> int:
    """Count PSUs minus strata among units, or the rank of their replicate weights minus 1."""
    if units.replication is not None:
        return replicate_df(unit, units.replication) if len(unit) else 0
    return degrees_of_freedom(unit, units)


def delta_method(
    sample: Sample, fitted: Estimate, points: Callable[[Floats], Floats], slopes: Floats
) -> tuple[Estimate, Floats]:
    """Transform estimates with their covariance, by the derivatives of `points` (numbers x parameters)."""
    again = None if fitted.replicates is None else np.array([points(own) for own in fitted.replicates])
    found = Estimate(points(fitted.points), fitted.influence @ slopes.T, fitted.counted, again)
    return found, joint_covariance(sample, found)


# Weights of a mean below this do not sum to a population: a sample of more than half of one declares its fpc.
_SMALLEST_MEAN = 2.0


def population_size(sample: Sample, total: float) -> float:
    """Take the sum of weights; infinite (with replacement, `deff = "replace"`) where they are relative."""
    relative = not sample.study.design.fpcs and sample.mean_weight < _SMALLEST_MEAN
    return float("inf") if relative else total


def design_effect(variance: float, between: float, n: int, size: float) -> float | None:
    """Divide a variance by that of a simple random sample; None if nothing varies, or `n` exceeds `size`."""
    if n < 2 or size <= n or not between > 0:
        return None
    return variance / (between / (n - 1) * (1 - n / size))
