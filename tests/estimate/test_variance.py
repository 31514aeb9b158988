import numpy as np
import pytest

from toolkit.estimate.sample import draw
from toolkit.estimate.variance import covariance, degrees_of_freedom

MEANS = {
    "apisrs": ["api00", "enroll"],
    "apistrat": ["api00", "enroll"],
    "apiclus1": ["api00", "enroll"],
    "apiclus2": ["api00", "enroll"],
    "apinone": ["api00", "enroll"],
    "mu284": ["y1"],
    "fpc": ["x"],
    "fpc_with": ["x"],
}


@pytest.mark.parametrize("name", MEANS)
def test_covariance_of_means_equals_r(name, r_studies, expected):
    r = expected[f"{name}/mean"]["result"]
    sample = draw(r_studies[name], MEANS[name])
    there = sample.complete()
    values = np.column_stack([sample.numbers(v)[there] for v in MEANS[name]])
    weights = sample.weights[there]
    mean = weights @ values / weights.sum()
    influence = (values - mean) * weights[:, None] / weights.sum()
    v = covariance(influence, sample.unit[there], sample.units)
    np.testing.assert_allclose(mean, r["stat"]["estimate"], rtol=1e-9)
    np.testing.assert_allclose(v.ravel(), r["stat"]["vcov"], rtol=1e-9)
    assert r["df"] == degrees_of_freedom(sample.unit, sample.units)
