"""Turn an estimator into estimates with their covariance, whatever the design.

Takes a sample and a function from a sample to an `Estimate`; gives the estimate and its covariance.
Estimators write points and influence values once; how a design makes a covariance of them is known here and
in `variance`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from toolkit.estimate.sample import Mask, Sample
from toolkit.estimate.variance import Floats, covariance, degrees_of_freedom


@dataclass(frozen=True)
class Estimate:
    """Points with the influence values behind them.

    Attributes
    ----------
    points
        One a parameter.
    influence
        Cells of the sample x parameters: the weighted total of the influence values of the cell's persons; 0
        in cells that do not count.
    counted
        The cells that count, those of an influence of 0 too.
    """

    points: Floats
    influence: Floats
    counted: Mask


def spread(sample: Sample, estimate: Callable[[Sample], Estimate]) -> tuple[Estimate, Floats]:
    """Estimate, with the design-based covariance of the estimates.

    Parameters
    ----------
    sample
        The cells.
    estimate
        A pure function of a sample. It reads `sample.weights` and nothing else of the design, so that it can
        be given other weights.

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
    >>> from toolkit.estimate.sample import draw
    >>> study = tk.study(pl.DataFrame({"age": [30.0, 50.0]}), design=tk.Design.none())
    >>> def total(sample: Sample) -> Estimate:
    ...     values = (sample.weights * sample.numbers("age"))[:, None]
    ...     return Estimate(values.sum(axis=0), values, np.ones(len(values), bool))
    >>> spread(draw(study, ["age"]), total)[1]
    array([[400.]])
    """
    found = estimate(sample)
    cells = found.counted
    return found, covariance(found.influence[cells], sample.unit[cells], sample.units)


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
        PSUs minus strata, of those that hold one of the cells.

    Examples
    --------
    >>> import numpy as np, polars as pl, toolkit as tk
    >>> from toolkit.estimate.sample import draw
    >>> study = tk.study(pl.DataFrame({"age": [30.0, 50.0]}), design=tk.Design.none())
    >>> design_df(draw(study, ["age"]), np.ones(2, bool))
    1
    """
    return degrees_of_freedom(sample.unit[cells], sample.units)
