import math

import pytest
from scipy.stats import beta, norm, t

from tests.support.messages import mentioning
from toolkit.errors import EstimationError
from toolkit.estimate.survey.intervals import (
    Proportion,
    around,
    around_share,
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
@pytest.mark.parametrize("df", [0, -1, math.nan])
def test_without_degrees_of_freedom_there_are_no_ends(method, df):
    none = Proportion(0.1, 0.01, df, 100, 100)
    assert all(math.isnan(end) for end in interval(none, method))
    assert all(math.isnan(end) for pair in ((none, TENTH), (TENTH, none)) for end in newcombe(*pair))
    assert all(math.isnan(end) for end in around(0.1, 0.01, df))
    assert math.isnan(student(0.95, df))


def test_one_degree_of_freedom_suffices():
    # The t distribution with one degree of freedom is Cauchy's: its quantile at 97.5% is tan(0.475 pi).
    reach = math.tan(0.475 * math.pi) * 0.001
    assert (0.1 - reach, 0.1 + reach) == pytest.approx(interval(Proportion(0.1, 0.001**2, 1, 9, 9), "wald"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("variance", [math.nan, math.inf, -1e-9])
def test_with_an_unknown_variance_there_are_no_ends(method, variance):
    assert all(math.isnan(end) for end in interval(Proportion(0.1, variance, 16, 100, 100), method))


def test_without_variance_the_effective_sample_size_is_unknown():
    assert math.isnan(Proportion(0.1, 0.0, 5, 100, 100).n_effective)


def test_nobody_counts_with_every_participant_unless_a_design_effect_is_given():
    assert 50 == Proportion(0.0, 0.0, 16, 60, 50).n_effective
    assert 20 == Proportion(1.0, 0.0, 16, 60, 50, deff=2.5).n_effective


@pytest.mark.parametrize("estimate", [0.01, 0.5, 0.99])
def test_korn_and_graubards_ends_are_beta_quantiles_even_of_less_than_one_case(estimate):
    # A simple random sample of 50: n is not reduced, and 1% of it is half a case.
    sample = Proportion(estimate, estimate * (1 - estimate) / 50, 49, 50, 50)
    cases = 50 * estimate
    ends = beta.ppf(0.025, cases, 51 - cases), beta.ppf(0.975, cases + 1, 50 - cases)
    assert ends == pytest.approx(interval(sample), rel=1e-9)


def test_a_share_has_the_t_interval_of_its_log_odds():
    # Delta method: the standard error of log(p / (1 - p)) is that of p over p (1 - p).
    center, error = math.log(0.2 / 0.8), 0.03 / (0.2 * 0.8)
    for given, level in (((), 0.975), ((0.8,), 0.9)):
        ends = (center + sign * t.ppf(level, 12) * error for sign in (-1, 1))
        odds = [math.exp(end) for end in ends]
        assert [o / (1 + o) for o in odds] == pytest.approx(around_share(0.2, 0.03, 12, *given), rel=1e-9)


def test_replicates_give_the_variance_of_the_log_odds_and_xlogit_ignores_it():
    replicated = Proportion(0.1, 0.01**2, 16, 3000, 2500, log_odds_variance=0.04)
    odds = [0.1 / 0.9 * math.exp(sign * t.ppf(0.975, 16) * 0.2) for sign in (-1, 1)]
    assert [o / (1 + o) for o in odds] == pytest.approx(interval(replicated, "logit"), rel=1e-9)
    assert interval(TENTH, "logit") == interval(replicated, "xlogit")
    assert interval(TENTH, "logit") != interval(replicated, "logit")


@pytest.mark.parametrize("method", ["logit", "likelihood", "xlogit"])
def test_an_interval_of_log_odds_without_any_information_is_everything(method):
    # Log odds of some thousands, whose exponential exceeds the largest number.
    assert (0, 1) == interval(Proportion(0.5, 300.0**2, 16, 100, 100), method)


def test_an_arcsine_interval_is_a_t_interval_of_the_angle():
    # Delta method: the standard error of asin(sqrt(p)) is that of p over 2 sqrt(p (1 - p)).
    angle, reach = math.asin(math.sqrt(0.1)), t.ppf(0.975, 16) * 0.01 / (2 * math.sqrt(0.1 * 0.9))
    ends = math.sin(angle - reach) ** 2, math.sin(angle + reach) ** 2
    assert ends == pytest.approx(interval(TENTH, "arcsine"), rel=1e-9)


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


def test_newcombes_interval_uses_effective_sample_sizes_and_the_design_df():
    """Wilson's ends solve |x - p| = z sqrt(x (1 - x) / n), here on n reduced by the squared ratio of t."""
    low, high = Proportion(0.2, 0.03**2, 12, 400, 380), Proportion(0.35, 0.04**2, 12, 300, 290)
    ends = []
    for p in (low, high):
        n = p.estimate * (1 - p.estimate) / p.variance
        n *= (t.ppf(0.95, p.persons - 1) / t.ppf(0.95, 12)) ** 2
        # (x - p)^2 = z^2 x (1 - x) / n, as a quadratic equation in x.
        c = norm.ppf(0.95) ** 2 / n
        a, b = 1 + c, -(2 * p.estimate + c)
        root = math.sqrt(b * b - 4 * a * p.estimate**2)
        ends.append(((-b - root) / (2 * a), (-b + root) / (2 * a)))
    (l1, u1), (l2, u2) = ends
    lower = 0.15 - math.hypot(0.35 - l2, u1 - 0.2)
    upper = 0.15 + math.hypot(u2 - 0.35, 0.2 - l1)
    assert (lower, upper) == pytest.approx(newcombe(low, high, 0.9), rel=1e-9)


def test_around_reaches_out_by_t():
    assert around(1.0, 2.0, math.inf, 0.95) == pytest.approx((1 - 2 * 1.959964, 1 + 2 * 1.959964), abs=1e-5)


def test_an_unknown_interval_offers_the_nearest():
    with pytest.raises(EstimationError, match=mentioning("'korn-graubart'", "'korn-graubard'")):
        check("korn-graubart", 0.95)
    with pytest.raises(EstimationError, match=mentioning("'korn-graubard'")):
        interval(TENTH, "korn-graubart")
    with pytest.raises(EstimationError, match=mentioning("confidence=0.95")):
        interval(TENTH, confidence=95)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.1, math.nan])
def test_a_confidence_that_is_none_says_how_to_write_it(confidence):
    with pytest.raises(EstimationError, match=mentioning("0", "1", "confidence=0.95")):
        check_confidence(confidence)
