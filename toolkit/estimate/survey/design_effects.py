"""Compare a design-based variance with that of simple random sampling, as `deff` of R's survey package."""

from toolkit.estimate.survey.analysis_sample import Mask, Sample

# Weights of a mean below this do not sum to a population: a sample of more than half of one declares its fpc.
_SMALLEST_MEAN = 2.0


def population(sample: Sample, cells: Mask) -> float:
    """Give the size of the population that some cells stand for.

    Parameters
    ----------
    sample
        The cells of an analysis.
    cells
        Those of a group with a value.

    Returns
    -------
    float
        The sum of their weights; infinite where the weights of the study do not sum to a population, because
        they were divided by their mean. Simple random sampling is then with replacement, R's
        `deff = "replace"`.

    Examples
    --------
    >>> import numpy as np, polars as pl, toolkit as tk
    >>> from toolkit.estimate.survey.analysis_sample import draw
    >>> study = tk.study(pl.DataFrame({"age": [30, 50], "w": [90.0, 70.0]}), design=tk.Design(weight="w"))
    >>> population(draw(study, ["age"]), np.ones(2, bool))
    160.0
    """
    if not sample.study.design.fpcs and sample.mean_weight < _SMALLEST_MEAN:
        return float("inf")
    return float(sample.weights[cells].sum())


def design_effect(variance: float, between: float, n: int, size: float) -> float | None:
    """Divide the variance of a mean by that of a simple random sample.

    Parameters
    ----------
    variance
        Of the mean, by design.
    between
        Weighted variance between persons.
    n, size
        Persons with a value, and the size of their population.

    Returns
    -------
    float or None
        None where nothing varies, or more persons were drawn than there are.

    Examples
    --------
    >>> design_effect(2.0, 99.0, 100, float("inf"))
    2.0
    """
    if n < 2 or size <= n or not between > 0:
        return None
    return variance / (between / (n - 1) * (1 - n / size))
