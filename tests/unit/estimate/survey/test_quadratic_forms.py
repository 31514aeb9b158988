import numpy as np
import pytest
from scipy.special import chdtrc

from toolkit.estimate.survey.distributions import satterthwaite, upper_tail


def simulated(value, weights, df):
    random = np.random.default_rng(8)
    sums = random.chisquare(1, (400_000, len(weights))) @ weights
    below = 1.0 if np.isinf(df) else random.chisquare(df, len(sums)) / df
    return np.mean(sums > value * below)


@pytest.mark.parametrize("df", [np.inf, 20])
@pytest.mark.parametrize(
    ("weights", "value"), [((1.0, 1.0, 1.0), 6.0), ((3.0, 1.0, 0.2), 9.0), ((2.0,), 1.0)]
)
def test_the_tail_is_that_of_the_sum(weights, value, df):
    # 400,000 draws leave 0.0016 of error; the approximation is worst for a single chi-square.
    assert simulated(value, np.array(weights), df) == pytest.approx(
        upper_tail(value, np.array(weights), df), abs=0.012
    )


@pytest.mark.parametrize("value", [16.8, 22.5, 40.0])
def test_of_several_equal_chi_squares_it_is_that_of_their_sum(value):
    # Without degrees of freedom to fix its scale the approximation is a few in a thousand off far out.
    assert chdtrc(6, value) == pytest.approx(upper_tail(value, np.ones(6)), rel=0.015)


def test_equal_weights_are_one_chi_square_to_satterthwaite():
    assert 0.05 == pytest.approx(satterthwaite(2 * 7.814728, np.full(3, 2.0)), rel=1e-6)
    assert 0.05 == pytest.approx(satterthwaite(3 * 3.0983912, np.ones(3), 20), rel=1e-6)


def test_at_the_mean_satterthwaite_stands_in():
    weights = np.array([1.0, 1.0])
    assert satterthwaite(2.0, weights) == upper_tail(2.0, weights)


def test_scaling_sum_and_weights_changes_nothing():
    weights = np.array([4.88, 0.91, 0.53])
    assert upper_tail(8.7, weights, 9) == pytest.approx(upper_tail(87.0, 10 * weights, 9), rel=1e-12)
