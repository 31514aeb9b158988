"""Turn an estimator into estimates with their covariance, whatever the design.

Takes a sample and a function from a sample to an `Estimate`; gives the estimate and its covariance.
Estimators write points and influence values once; how a design makes a covariance of them is known here and
in `variance`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.variance.linearized import (
    Floats,
    covariance,
    covariance_of_totals,
    degrees_of_freedom,
    replicate_covariance,
    replicate_df,
    sum_by_unit,
)


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
    # Replicates x parameters, as `spread` found them with replicate weights; None without.
    replicates: Floats | None = None


def spread(
    sample: Sample,
    estimate: Callable[[Sample], Estimate],
    points: Callable[[Sample], Floats] | None = None,
) -> tuple[Estimate, Floats]:
    """Estimate, with the design-based covariance of the estimates."""
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
            # Nobody of a group may have a weight in a replicate: its estimate is then not known.
            with np.errstate(all="ignore"):
                found.append(points(replace(sample, weights=sample.weights * factors[sample.unit])))
        except EstimationError as error:
            raise EstimationError(
                f"with replicate weight {number} of {len(replication.factors)} there is no estimate: {error}"
            ) from None
    return np.array(found)


def joint_covariance(sample: Sample, found: Estimate) -> Floats:
    """Give the covariance of an estimate that is there, with its replicates if the design has any."""
    replication = sample.units.replication
    if replication is not None and found.replicates is not None:
        return replicate_covariance(found.replicates, found.points, replication)
    cells, influence = found.counted, found.influence
    if len(influence) == len(cells):
        influence = influence[cells]
    return covariance(influence, sample.unit[cells], sample.units)


def covariance_of_rows(sample: Sample, parts: Sequence[Estimate | None]) -> Floats:
    """Give the covariance of estimates that were made one by one, such as those of groups."""
    there = [part for part in parts if part is not None]
    failed = np.array(
        [part is None for part in parts for _ in range(1 if part is None else len(part.points))], bool
    )
    matrix = np.full((len(failed), len(failed)), np.nan)
    if there:
        matrix[np.ix_(~failed, ~failed)] = _covariance_of_estimates(sample, there)
    return matrix


def _covariance_of_estimates(sample: Sample, parts: Sequence[Estimate]) -> Floats:
    """Sum each estimate by sampling unit before they are joined: all cells of many rows would be large."""
    units = sample.units
    replicates = [part.replicates for part in parts if part.replicates is not None]
    if units.replication is not None and replicates:
        points = np.concatenate([part.points for part in parts])
        return replicate_covariance(np.hstack(replicates), points, units.replication)
    totals = []
    for part in parts:
        # Cells that do not count have an influence of 0, and masking them is what costs time.
        whole = len(part.influence) == len(part.counted)
        totals.append(sum_by_unit(part.influence, sample.unit if whole else sample.unit[part.counted], units))
    used = np.zeros(len(totals[0]), bool)
    used[sample.unit[np.any([part.counted for part in parts], axis=0)]] = True
    return covariance_of_totals(np.hstack(totals), used, units)


def design_df(sample: Sample, cells: Mask) -> int:
    """Count the degrees of freedom that the design has among the cells marked."""
    unit, replication = sample.unit[cells], sample.units.replication
    if replication is not None:
        return replicate_df(unit, replication) if len(unit) else 0
    return degrees_of_freedom(unit, sample.units)
