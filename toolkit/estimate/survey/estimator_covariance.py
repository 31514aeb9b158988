"""Get an estimator's covariance from its influence values or replicates, by calling `design_variance`.

An estimator gives points and influence values once; each design makes its covariance of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Sample, cells_of
from toolkit.estimate.survey.variance.design_variance import (
    covariance_of_totals,
    degrees_of_freedom,
    replicate_covariance,
    sum_by_unit,
)
from toolkit.results import Floats, Mask


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
            drawn = replace(sample, weights=sample.weights * factors[sample.unit], everyone=None)
            with np.errstate(all="ignore"):
                found.append(points(drawn))
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
    if there and len(there) == len(parts):
        return _covariance_of_estimates(sample, there)
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
    first, *others = {id(part.counted): part.counted for part in parts}.values()
    used = mark_units(sample, np.any([first, *others], axis=0) if others else first)
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
    return degrees_of_freedom(sample.unit[cells], sample.units)


def delta_method(
    sample: Sample, fitted: Estimate, points: Callable[[Floats], Floats], slopes: Floats
) -> tuple[Estimate, Floats]:
    """Transform estimates with their covariance, by the derivatives of `points` (numbers x parameters)."""
    again = None if fitted.replicates is None else np.array([points(own) for own in fitted.replicates])
    found = Estimate(points(fitted.points), fitted.influence @ slopes.T, fitted.counted, again)
    return found, joint_covariance(sample, found)


# The rounded mean of values far from 0 may take this share of their variance; what it lost is the mean of
# their deviations.
ROUNDED = 1e-26
# Weights of a mean below this do not sum to a population: a sample of more than half of one declares its fpc.
_SMALLEST_MEAN = 2.0


def population_size(sample: Sample, total: float) -> float:
    """Take the sum of weights; infinite (with replacement, `deff = "replace"`) where they are relative."""
    relative = not sample.study.design.fpcs and sample.mean_weight < _SMALLEST_MEAN
    return float("inf") if relative else total


def weighted_moments(values: Floats, weights: Floats) -> tuple[float, float, float]:
    """Compute the sum of the weights, and the weighted mean and variance of values, however far from 0."""
    total, room = float(weights.sum()), weights * values
    mean = float(room.sum()) / total
    deviation = np.subtract(values, mean, out=room)
    pull = weights * deviation
    lost = float(pull.sum()) / total
    variance = float(np.multiply(pull, deviation, out=pull).sum()) / total
    if lost**2 > ROUNDED * variance:
        deviation -= lost
        variance = float((weights * np.square(deviation)).sum()) / total
    return total, mean, variance


def design_effect(variance: float, between: float, n: int, size: float) -> float | None:
    """Divide a variance by that of a simple random sample; None if nothing varies, or `n` exceeds `size`."""
    if n < 2 or size <= n or not between > 0:
        return None
    return variance / (between / (n - 1) * (1 - n / size))
