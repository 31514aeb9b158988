"""Confidence intervals of proportions (exact at 0 and 1), means and differences of proportions."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import asin, isfinite, log, log1p, nan, pi, sin, sqrt
from numbers import Real

import numpy as np
from scipy.special import betaincinv, expit, logit, ndtri, stdtrit

from toolkit.errors import EstimationError, require_known

Ends = tuple[float, float]
_NO_ENDS = (nan, nan)
NCHS = "korn-graubard-nchs"


@dataclass(frozen=True, slots=True)
class Proportion:
    """An estimated proportion with the inputs of its confidence interval."""

    # estimate, variance, df: The proportion, its design-based variance and degrees of freedom.
    estimate: float
    variance: float
    df: float
    # Persons of the domain, those without a value too: R's n in the Korn-Graubard interval.
    persons: int
    # Persons with a value.
    counted: int
    # What `counted` is divided by for an effective sample size where nobody or everybody is a case, because
    # the variance is then zero and says nothing: see `zero_variances`.
    deff: float = 1.0
    # Variance of the log odds over the replicate weights; None for that of the delta method.
    log_odds_variance: float | None = None

    @property
    def log_odds_error(self) -> float:
        """Standard error of the log odds."""
        if self.log_odds_variance is not None:
            return sqrt(self.log_odds_variance)
        return sqrt(self.variance) / (self.estimate * (1 - self.estimate))

    @property
    def extreme(self) -> bool:
        """Whether nobody or everybody is a case."""
        return self.estimate <= 0 or self.estimate >= 1

    @property
    def n_effective(self) -> float:
        """Effective sample size; at 0% and 100% the number counted over deff."""
        if self.extreme:
            return self.counted / self.deff
        return self.estimate * (1 - self.estimate) / self.variance if self.variance > 0 else nan


def student(confidence: float, df: float) -> float:
    """Return the quantile of Student's t for a two-sided interval; nan without degrees of freedom."""
    return float(stdtrit(df, (1 + confidence) / 2))


def around(estimate: float, std_error: float, df: float, confidence: float = 0.95) -> Ends:
    """Compute the symmetric t interval."""
    reach = student(confidence, df) * std_error
    return estimate - reach, estimate + reach


def around_share(share: float, std_error: float, df: float, confidence: float = 0.95) -> Ends:
    """Compute the t interval of a share on the logit scale."""
    low, high = around(logit(share), std_error / (share * (1 - share)), df, confidence)
    return expit(low), expit(high)


def interval(proportion: Proportion, method: str = "korn-graubard", confidence: float = 0.95) -> Ends:
    """Compute the confidence interval of a proportion.

    Where nobody or everybody is a case every method gives the exact interval on n / deff with Korn and
    Graubard's adjustment for the degrees of freedom. Korn and Graubard, Survey Methodology 24 (1998) 193-201;
    cap at n: Parker et al., Vital Health Stat 2(175), 2017; likelihood: deviance = t² x design variance over
    model variance (Rao and Scott's scaling).
    """
    check(method, confidence)
    if not proportion.df > 0:
        return _NO_ENDS
    if proportion.extreme:
        size = proportion.counted if method == NCHS else adjusted_size(proportion, confidence)
        return _beta_ends(proportion, size, confidence)
    if not (isfinite(proportion.variance) and proportion.variance > 0):
        return (proportion.estimate, proportion.estimate) if proportion.variance == 0 else _NO_ENDS
    return _METHODS[method](proportion, confidence)


def check(method: str, confidence: float) -> None:
    """Raise for an unknown interval or a confidence out of range."""
    require_known("Unknown interval", method, _METHODS, "Use one of")
    check_confidence(confidence)


def check_confidence(confidence: float) -> None:
    """Raise if a confidence is not between 0 and 1."""
    number = isinstance(confidence, Real) and not isinstance(confidence, bool)
    if not number or not 0 < confidence < 1:
        raise EstimationError(
            f"'confidence' is {confidence!r}, but must be between 0 and 1. Use confidence=0.95 for 95%."
        )


def adjusted_size(p: Proportion, confidence: float) -> float:
    """Reduce the effective sample size for the few degrees of freedom of a clustered sample."""
    ratio = student(confidence, p.persons - 1) / student(confidence, p.df)
    return p.n_effective * ratio**2


def newcombe(low: Proportion, high: Proportion, confidence: float = 0.95) -> Ends:
    """Compute Newcombe's hybrid interval of the difference of two independent proportions, high minus low.

    Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10: the Wilson intervals of both, here on
    effective sample sizes with Korn and Graubard's adjustment for the degrees of freedom.
    """
    (l1, u1), (l2, u2) = (_wilson(p, confidence) for p in (low, high))
    difference = high.estimate - low.estimate
    return (
        difference - sqrt((high.estimate - l2) ** 2 + (u1 - low.estimate) ** 2),
        difference + sqrt((u2 - high.estimate) ** 2 + (low.estimate - l1) ** 2),
    )


def _wilson(p: Proportion, confidence: float) -> Ends:
    n, z = adjusted_size(p, confidence), float(ndtri((1 + confidence) / 2))
    reach = z * sqrt(p.estimate * (1 - p.estimate) / n + z**2 / (4 * n**2))
    middle, scale = p.estimate + z**2 / (2 * n), 1 + z**2 / n
    return (middle - reach) / scale, (middle + reach) / scale


def _beta_ends(p: Proportion, n: float, confidence: float) -> Ends:
    tail, cases = (1 - confidence) / 2, n * p.estimate
    others = n - cases
    low = float(betaincinv(cases, others + 1, tail)) if cases > 0 else 0.0
    high = float(betaincinv(cases + 1, others, 1 - tail)) if others > 0 else 1.0
    return low, high


def _logit(p: Proportion, confidence: float) -> Ends:
    low, high = around(logit(p.estimate), p.log_odds_error, p.df, confidence)
    return expit(low), expit(high)


def _likelihood(p: Proportion, confidence: float) -> Ends:
    # Model variance of the log odds is 1 / (n p q), and n leaves the equation.
    spread = p.estimate * (1 - p.estimate)
    target = student(confidence, p.df) ** 2 / 2 * p.log_odds_error**2 * spread
    return _divergence_root(p.estimate, target, -1), _divergence_root(p.estimate, target, +1)


def _divergence_root(p: float, target: float, side: int) -> float:
    """Find the proportion on one side at which the Kullback-Leibler divergence from p reaches the target."""
    center = logit(p)
    inner, outer = center, center + side
    while _divergence(p, outer) < target:
        inner, outer = outer, outer + 2 * (outer - center)
    for _ in range(200):
        middle = (inner + outer) / 2
        if middle in (inner, outer):
            break
        inner, outer = (middle, outer) if _divergence(p, middle) < target else (inner, middle)
    return expit(outer)


def _divergence(p: float, log_odds: float) -> float:
    # The other proportion may be 1 but for rounding, and the logarithm of what it leaves is then still known.
    below, above = (float(np.logaddexp(0, side)) for side in (-log_odds, log_odds))
    return p * (log(p) + below) + (1 - p) * (log1p(-p) + above)


def _arcsine(p: Proportion, confidence: float) -> Ends:
    std_error = sqrt(p.variance / (4 * p.estimate * (1 - p.estimate)))
    low, high = around(asin(sqrt(p.estimate)), std_error, p.df, confidence)
    return sin(max(low, 0)) ** 2, sin(min(high, pi / 2)) ** 2


_METHODS: dict[str, Callable[[Proportion, float], Ends]] = {
    "korn-graubard": lambda p, confidence: _beta_ends(p, adjusted_size(p, confidence), confidence),
    # The effective n is capped at n.
    NCHS: lambda p, confidence: _beta_ends(p, min(adjusted_size(p, confidence), p.counted), confidence),
    "logit": _logit,
    "likelihood": _likelihood,
    "arcsine": _arcsine,
    "wald": lambda p, confidence: around(p.estimate, sqrt(p.variance), p.df, confidence),
    "xlogit": lambda p, confidence: _logit(replace(p, log_odds_variance=None), confidence),
}
# Methods that use the variance of the log odds, which replicate weights estimate directly.
BY_LOG_ODDS = ("logit", "likelihood")
NO_LOG_ODDS = (
    "in some replicates nobody or everybody is a case, so the log odds have no variance. Use "
    "interval='korn-graubard'"
)


def exponential(number: float) -> float:
    """Return the exponential, infinite where it is larger than a number can be."""
    with np.errstate(over="ignore"):
        return float(np.exp(number))
