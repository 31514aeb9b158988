"""Convert estimates to the scale of risk ratios, and compute E-values there.

Sources: VanderWeele & Ding, Ann Intern Med 2017;167:268 (E-values; conversion of hazard ratios, odds ratios
and standardized mean differences); VanderWeele, Biometrics 2020;76:746 (square root of an odds ratio); Ding &
VanderWeele, Epidemiology 2016;27:368 (differences, with eAppendix 5 for their variance).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, isfinite, isnan, sqrt

import numpy as np
from scipy.optimize import brentq

from toolkit.estimate.sensitivity.comparisons import Shares

# An outcome less common than this is rare: its odds and hazard ratios are close to risk ratios.
RARE = 0.15
# Points among which the bias factor of a difference's limit is searched first.
_GRID = 400


@dataclass(frozen=True)
class RiskRatio:
    """An estimate on the scale of risk ratios, with its limits, and how it came there."""

    point: float
    low: float
    high: float
    conversion: str

    @property
    def e_value(self) -> float:
        """The E-value of the point."""
        return e_value(self.point)

    @property
    def e_value_limit(self) -> float:
        """The E-value of the limit nearer the null; 1 if the interval includes it."""
        return e_value(max(self.low, 1.0) if self.point >= 1 else min(self.high, 1.0))


def e_value(ratio: float) -> float:
    """Compute the E-value of a risk ratio."""
    if isnan(ratio) or ratio < 0:
        return float("nan")
    if ratio in (0.0, inf):
        return inf
    away = max(ratio, 1 / ratio)
    return away + sqrt(away * (away - 1))


def from_odds_ratio(numbers: tuple[float, float, float]) -> RiskRatio:
    """Convert the odds ratio of a common outcome by its square root."""
    point, low, high = map(sqrt, numbers)
    return RiskRatio(point, low, high, "square root of the odds ratio of a common outcome")


def from_hazard_ratio(numbers: tuple[float, float, float]) -> RiskRatio:
    """Convert the hazard ratio of a common event."""

    def convert(ratio: float) -> float:
        return (1 - 0.5 ** sqrt(ratio)) / (1 - 0.5 ** sqrt(1 / ratio)) if ratio > 0 else 0.0

    point, low, high = map(convert, numbers)
    return RiskRatio(point, low, high, "hazard ratio of a common event, converted")


def from_mean_difference(difference: float, std_error: float, deviation: float) -> RiskRatio:
    """Convert a difference of means over the standard deviation of the outcome."""
    point, error = 0.91 * difference / deviation, 1.78 * std_error / deviation
    return RiskRatio(
        exp(point), exp(point - error), exp(point + error), "exp(0.91 x difference / standard deviation)"
    )


def from_difference(shares: Shares, quantile: float) -> RiskRatio:
    """Find the bias factors that move a difference of prevalences, and its limit by a quantile of t, to 0."""
    own = shares if shares.exposed >= shares.others else shares.turned()
    point = own.exposed / own.others if own.others > 0 else inf
    limit = _first_root(lambda bias: _lower_limit(own, quantile, bias), point if isfinite(point) else 1e6)
    text = "bias factor that moves the difference to 0"
    if own is shares:
        return RiskRatio(point, limit, inf, text)
    return RiskRatio(1 / point, 0.0, 1 / limit, text)


def _lower_limit(own: Shares, quantile: float, bias: float) -> float:
    """Compute the lower limit of the smallest difference that a bias factor allows."""
    difference, scale = own.exposed - own.others * bias, own.share + (1 - own.share) / bias
    slopes = np.array([1.0, -bias])
    variance = float(slopes @ own.covariance @ slopes) * scale**2
    variance += (difference * (1 - 1 / bias)) ** 2 * own.share_variance
    return difference * scale - quantile * sqrt(max(variance, 0.0))


def _first_root(limit: Callable[[float], float], end: float) -> float:
    """Find the smallest bias factor at which a limit is 0; 1 if it never is above."""
    if limit(1.0) <= 0:
        return 1.0
    grid = np.geomspace(1.0, end, _GRID)
    values = [limit(float(bias)) for bias in grid]
    at = next((k for k, value in enumerate(values) if value <= 0), None)
    return float(brentq(limit, grid[at - 1], grid[at], xtol=1e-12)) if at else float(end)
