"""Compare a design-based variance with that of simple random sampling, as `deff` of R's survey package."""

from toolkit.estimate.survey.analysis_sample import Mask, Sample

# Weights of a mean below this do not sum to a population: a sample of more than half of one declares its fpc.
_SMALLEST_MEAN = 2.0


def population(sample: Sample, cells: Mask) -> float:
    """Give the size of the population that some cells stand for."""
    if not sample.study.design.fpcs and sample.mean_weight < _SMALLEST_MEAN:
        return float("inf")
    return float(sample.weights[cells].sum())


def design_effect(variance: float, between: float, n: int, size: float) -> float | None:
    """Divide the variance of a mean by that of a simple random sample."""
    if n < 2 or size <= n or not between > 0:
        return None
    return variance / (between / (n - 1) * (1 - n / size))
