import math

import pytest
from scipy.stats import t

from tests.support.messages import mentioning
from toolkit.errors import EstimationError
from toolkit.estimate.survey.intervals import (
    Proportion,
    around,
    check,
    check_confidence,
    interval,
    newcombe,
    student,
)

METHODS = ["korn-graubard", "korn-graubard-nchs", "logit", "likelihood", "arcsine", "wald", "xlogit"]
TENTH = Proportion(0.1, 0.01**2, 16, 3000, 2500)


def deviance(p, other):
    return 2 * (p * math.log(p / other) + (1 - p) * math.log((1 - p) / (1 - other)))


@pytest.mark.parametrize(
    ("p", "error"), [(0.1, 0.01), (0.5, 0.08), (0.002, 0.0015), (0.97, 0.02), (1e-7, 1e-7)]
)
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_likelihood_ends_are_roots_of_the_scaled_deviance(p, error, confidence):
    # Signed root of the deviance = t x sqrt(design variance / model variance), the log odds being estimated.
    n = 1000
    scale = (error / (p * (1 - p))) / math.sqrt(1 / (n * p * (1 - p)))
    low, high = interval(Proportion(p, error**2, 16, n, n), "likelihood", confidence)
    assert 0 < low < p < high < 1
    for end in (low, high):
        assert math.sqrt(n * deviance(p, end)) == pytest.approx(student(confidence, 16) * scale, rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_interval_mirrors_with_its_complement(method):
    low, high = interval(TENTH, method)
    mirrored = interval(Proportion(0.9, 0.01**2, 16, 3000, 2500), method)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, rel=1e-9)
    assert low < 0.1 < high


def test_the_nchs_caps_the_effective_n_at_the_persons_counted():
    precise = Proportion(0.1, 0.001**2, 16, 300, 250)
    low, high = interval(precise, "korn-graubard-nchs")
    narrow, _ = interval(precise, "korn-graubard")
    assert low < narrow
    simple = Proportion(0.1, 0.1 * 0.9 / 250, 249, 250, 250)
    assert (low, high) == pytest.approx(interval(simple, "korn-graubard"))


def test_the_effective_n_counts_persons_of_the_domain_as_r_does():
    assert interval(TENTH) != interval(Proportion(0.1, 0.01**2, 16, 5, 2500))
    assert TENTH.n_effective == pytest.approx(0.1 * 0.9 / 0.01**2)


def test_an_arcsine_interval_stays_between_nothing_and_all():
    low, high = interval(Proportion(0.01, 0.02**2, 4, 50, 50), "arcsine")
    assert low == 0
    assert high < 1
    assert interval(Proportion(0.99, 0.02**2, 4, 50, 50), "arcsine")[1] == 1


@pytest.mark.parametrize("method", METHODS)
def test_without_degrees_of_freedom_there_are_no_ends(method):
    assert all(math.isnan(end) for end in interval(Proportion(0.1, 0.01, 0, 100, 100), method))


@pytest.mark.parametrize("method", METHODS)
def test_without_variance_the_interval_is_the_estimate(method):
    assert (0.1, 0.1) == interval(Proportion(0.1, 0.0, 5, 100, 100), method)


def test_nobody_of_n_has_the_exact_end_of_clopper_and_pearson():
    low, high = interval(Proportion(0.0, 0.0, 16, 60, 50), "korn-graubard-nchs")
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 50))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimate", [0.0, 1.0])
def test_nobody_or_everybody_has_the_exact_end_on_the_effective_sample_size(method, estimate):
    """n / deff, times Korn and Graubard's squared ratio of t quantiles, whichever method was asked for."""
    size = 50 if method == "korn-graubard-nchs" else 50 / 1.6 * (t.ppf(0.975, 59) / t.ppf(0.975, 16)) ** 2
    low, high = interval(Proportion(estimate, 0.0, 16, 60, 50, deff=1.6), method)
    end = 0.025 ** (1 / size)
    assert (low, high) == pytest.approx((0, 1 - end) if estimate == 0 else (end, 1), rel=1e-12)


def test_newcombes_interval_is_that_of_his_example():
    """Newcombe (1998), table II, example (a): 56 of 70 less 48 of 80 by method 10, as printed there."""
    low, high = (Proportion(x / n, x / n * (1 - x / n) / n, 1e9, 10**9, n) for x, n in ((48, 80), (56, 70)))
    assert newcombe(low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_around_reaches_out_by_t():
    assert around(1.0, 2.0, math.inf, 0.95) == pytest.approx((1 - 2 * 1.959964, 1 + 2 * 1.959964), abs=1e-5)


def test_an_unknown_interval_offers_the_nearest():
    with pytest.raises(EstimationError, match=mentioning("'korn-graubart'", "'korn-graubard'")):
        check("korn-graubart", 0.95)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1, math.nan])
def test_a_confidence_that_is_none_says_how_to_write_it(confidence):
    with pytest.raises(EstimationError, match=mentioning("0", "1", "confidence=0.95")):
        check_confidence(confidence)
