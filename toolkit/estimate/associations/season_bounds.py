"""Compare a contrast of half-years with the seasonal variation that published data suggest."""

from math import cos, pi
from typing import Any

import polars as pl

# New quinine prescriptions and internet searches: peak-to-trough difference of about two thirds of the mean,
# with the peak in mid-July (Garrison et al., CMAJ 2015;187:248-253).
PUBLISHED_SWING, PUBLISHED_PEAK = 2 / 3, 197
# The middle of May to October, and the days of a year.
_MIDDLE, _YEAR = 212.5, 365.25


def half_year_ratio(swing: float, peak: float = PUBLISHED_PEAK) -> float:
    """Return the ratio of warm to cool half-year means of a sinusoid over the year.

    `swing` is the difference of peak and trough over the mean, `peak` the day of the year of the peak. The
    mean of a cosine over the half-year around its peak is 2/pi of its amplitude, here swing / 2 of the mean,
    times the cosine of the distance of the peak from the middle of the half-year.
    """
    part = swing / 2 * 2 / pi * cos(2 * pi * (peak - _MIDDLE) / _YEAR)
    return (1 + part) / (1 - part)


def ratio_on(dates: pl.Series, warm: pl.Series, swing: float = PUBLISHED_SWING) -> float:
    """Return the ratio of warm to cool days that a sinusoid with a peak in mid-July gives on these dates."""
    height = 1 + swing / 2 * (2 * pi * (dates.dt.ordinal_day() - PUBLISHED_PEAK) / _YEAR).cos()
    return float(height.filter(warm).mean() / height.filter(~warm).mean())  # type: ignore[operator,arg-type]


def what_it_rules_out(row: dict[str, Any], expected: float | None = None) -> str:
    """Compare the interval of a warm-to-cool prevalence ratio with the published season, in sentences."""
    whole = expected is None
    expected = half_year_ratio(PUBLISHED_SWING) if expected is None else expected
    asked = (
        "and the half-year were that of the recall month, the warm half would"
        if whole
        else "the warm days of recall would"
    )
    said = (
        "If cramps followed the published season of quinine prescriptions and searches (from trough to peak "
        f"two thirds of the mean, with the peak in mid-July), {asked} have about {expected:.2f} times the "
        "prevalence of the cool."
    )
    if row["reliability"] in ("failed", "suppress") or row["conf_low"] is None:
        return f"{said} Here the contrast cannot be shown, and nothing is ruled out."
    low, high = row["conf_low"], row["conf_high"]
    span = f"The interval from {low:.2f} to {high:.2f}"
    if low > expected:
        return f"{said} {span} lies above it."
    if high >= expected:
        return f"{said} {span} includes it: a season of that size is not ruled out here."
    higher = f", though warm has at least {low:.2f} times the prevalence" if low > 1 else ""
    return f"{said} {span} lies below it: a season of that size is ruled out here{higher}."
