"""Bound what a contrast of half-years can say of a season: how large it would be if cramps peaked in summer.

Takes a result row that compares warm with cool, and perhaps the days asked about; gives sentences.
"""

from math import cos, pi
from typing import Any

import polars as pl

# New quinine prescriptions and internet searches: peak-to-trough difference of about two thirds of the mean,
# with the peak in mid-July (Garrison et al., CMAJ 2015;187:248-253).
PUBLISHED_SWING, PUBLISHED_PEAK = 2 / 3, 197
# The middle of May to October, and the days of a year.
_MIDDLE, _YEAR = 212.5, 365.25


def half_year_ratio(swing: float, peak: float = PUBLISHED_PEAK) -> float:
    """Give the ratio of warm to cool half-year means of a sinusoid through the year.

    Parameters
    ----------
    swing
        The difference of peak and trough over the mean, such as 2/3.
    peak
        Day of the year of the peak.

    Returns
    -------
    float
        The mean of May to October over that of November to April.

    Notes
    -----
    The mean of a cosine over the half-year around its peak is 2/pi of its amplitude, here swing / 2 of the
    mean, times the cosine of how far the peak is from the middle of the half-year.

    Examples
    --------
    >>> round(half_year_ratio(2 / 3, peak=212.5), 2)
    1.54
    >>> round(half_year_ratio(2 / 3), 2)
    1.51
    """
    part = swing / 2 * 2 / pi * cos(2 * pi * (peak - _MIDDLE) / _YEAR)
    return (1 + part) / (1 - part)


def ratio_on(dates: pl.Series, warm: pl.Series, swing: float = PUBLISHED_SWING) -> float:
    """Give the ratio of warm to cool that a sinusoid would show on the days on which people were asked.

    Parameters
    ----------
    dates
        The days.
    warm
        For each of them whether it counts as warm.
    swing
        As for `half_year_ratio`; the peak is in mid-July.

    Returns
    -------
    float
        The mean over warm days over that of cool ones.

    Examples
    --------
    >>> from datetime import date
    >>> days = pl.Series([date(2023, 7, 16), date(2023, 1, 15)])
    >>> round(ratio_on(days, pl.Series([True, False])), 2)
    2.0
    """
    height = 1 + swing / 2 * (2 * pi * (dates.dt.ordinal_day() - PUBLISHED_PEAK) / _YEAR).cos()
    return float(height.filter(warm).mean() / height.filter(~warm).mean())  # type: ignore[operator,arg-type]


def what_it_rules_out(row: dict[str, Any], expected: float | None = None) -> str:
    """Say what the interval of a warm-to-cool prevalence ratio leaves possible of the published season.

    Parameters
    ----------
    row
        A result row of estimand prevalence_ratio: warm against cool.
    expected
        The ratio that the published season would give; that of whole half-years if not given.

    Returns
    -------
    str
        Sentences; the interval decides, never the estimate.

    Examples
    --------
    >>> row = {"estimate": 1.0, "conf_low": 0.9, "conf_high": 1.1, "reliability": "ok"}
    >>> what_it_rules_out(row).split(". ")[-1]
    'The interval from 0.90 to 1.10 lies below it: a season of that size is ruled out here.'
    """
    whole = expected is None
    expected = half_year_ratio(PUBLISHED_SWING) if expected is None else expected
    asked = (
        "and the half-year stood for the month that people were asked about, the warm half would"
        if whole
        else "the warm days asked about would"
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
