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
    """Points with the influence values behind them.

    Attributes
    ----------
    points
        One a parameter.
    influence
        Cells of the sample x parameters: the weighted total of the influence values of the cell's persons; 0
        in cells that do not count. Or a row for each of the cells that count, and no others.
    counted
        The cells that count, those of an influence of 0 too.
    replicates
        Replicates x parameters, as `spread` found them with replicate weights; None without.
    """

    points: Floats
    influence: Floats
    counted: Mask
    replicates: Floats | None = None


def spread(
    sample: Sample,
    estimate: Callable[[Sample], Estimate],
    points: Callable[[Sample], Floats] | None = None,
) -> tuple[Estimate, Floats]:
    """Estimate, with the design-based covariance of the estimates.

    Parameters
    ----------
    sample
        The cells.
    estimate
        A pure function of a sample. It reads `sample.weights` and nothing else of the design, so that it can
        be given other weights: replicate weights each give points of their own.
    points
        The points alone, where they are quicker to have than the whole estimate; used with replicates.

    Returns
    -------
    tuple
        The estimate, and the covariance matrix of its points.

    Raises
    ------
    DesignError
        If the design gives no variance, such as a stratum of one PSU.

    Examples
    --------
    >>> import numpy as np, polars as pl, toolkit as tk
    >>> from toolkit.estimate.survey.analysis_sample import draw
    >>> study = tk.study(pl.DataFrame({"age": [30.0, 50.0]}), design=tk.Design.none())
    >>> def total(sample: Sample) -> Estimate:
    ...     values = (sample.weights * sample.numbers("age"))[:, None]
    ...     return Estimate(values.sum(axis=0), values, np.ones(len(values), bool))
    >>> spread(draw(study, ["age"]), total)[1]
    array([[400.]])
    """
    found = estimate(sample)
    found = replace(found, replicates=replicate_points(sample, points or (lambda s: estimate(s).points)))
    return found, joint_covariance(sample, found)


def replicate_points(sample: Sample, points: Callable[[Sample], Floats]) -> Floats | None:
    """Estimate with each replicate weight.

    Parameters
    ----------
    sample
        The cells.
    points
        The estimates of a sample, from its weights.

    Returns
    -------
    numpy.ndarray or None
        Replicates x parameters; None where the design has no replicate weights.

    Raises
    ------
    EstimationError
        If the estimate cannot be had with one of them.
    """
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
    """Give the covariance of an estimate that is there, with its replicates if the design has any.

    Parameters
    ----------
    sample
        The cells.
    found
        Points, influence values, and replicates.

    Returns
    -------
    numpy.ndarray
        Parameters x parameters.
    """
    replication = sample.units.replication
    if replication is not None and found.replicates is not None:
        return replicate_covariance(found.replicates, found.points, replication)
    cells, influence = found.counted, found.influence
    if len(influence) == len(cells):
        influence = influence[cells]
    return covariance(influence, sample.unit[cells], sample.units)


def covariance_of_rows(sample: Sample, parts: Sequence[Estimate | None]) -> Floats:
    """Give the covariance of estimates that were made one by one, such as those of groups.

    Parameters
    ----------
    sample
        The cells, of which each estimate counts some.
    parts
        The estimates as `spread` gave them; None for one that failed.

    Returns
    -------
    numpy.ndarray
        As many rows as points in all; NaN for one that failed.
    """
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
    """Count the degrees of freedom that the design has among the cells marked.

    Parameters
    ----------
    sample
        The cells.
    cells
        Those of the domain or of the fit.

    Returns
    -------
    int
        PSUs minus strata, of those that hold one of the cells; with replicate weights the rank of those of
        the cells, minus 1.

    Examples
    --------
    >>> import numpy as np, polars as pl, toolkit as tk
    >>> from toolkit.estimate.survey.analysis_sample import draw
    >>> study = tk.study(pl.DataFrame({"age": [30.0, 50.0]}), design=tk.Design.none())
    >>> design_df(draw(study, ["age"]), np.ones(2, bool))
    1
    """
    unit, replication = sample.unit[cells], sample.units.replication
    if replication is not None:
        return replicate_df(unit, replication) if len(unit) else 0
    return degrees_of_freedom(unit, sample.units)
