"""The published seasonal pattern of cramps, and the contrast of half-years that it implies."""

from collections.abc import Mapping
from math import cos, pi
from typing import Any

import polars as pl

from toolkit.disclosure import show

# New quinine prescriptions and internet searches: peak-to-trough difference of about two thirds of the mean,
# with the peak in mid-July (Garrison et al., CMAJ 2015;187:248-253).
PUBLISHED_SWING, PUBLISHED_PEAK = 2 / 3, 197
# The middle of May to October, and the days of a year.
_MIDDLE, _YEAR = 212.5, 365.25


def half_year_ratio(swing: float, peak: float = PUBLISHED_PEAK) -> float:
    """Compute the ratio of the warm to the cool half-year mean of a sinusoid.

    The mean of a cosine over the half-year around its peak is 2/pi of its amplitude (`swing` / 2 of the mean)
    times the cosine of the distance from the peak to the middle of the half-year.
    """
    part = swing / 2 * 2 / pi * cos(2 * pi * (peak - _MIDDLE) / _YEAR)
    return (1 + part) / (1 - part)


def season_ratio(dates: pl.Series, warm: pl.Series, swing: float = PUBLISHED_SWING) -> float:
    """Compute the warm-to-cool ratio that the published seasonal pattern implies for given dates.

    Parameters
    ----------
    dates
        The dates of the records.
    warm
        Whether each date is in the warm half-year.
    swing
        The difference between peak and trough, divided by the mean. The peak is in mid-July.

    Returns
    -------
    float
        The mean of the sinusoid on warm dates, divided by that on cool dates.

    Notes
    -----
    The default is the pattern of quinine prescriptions and internet searches in Garrison et al., CMAJ
    2015;187:248-253.

    Examples
    --------
    >>> from datetime import date
    >>> days = pl.Series([date(2023, 7, 16), date(2023, 1, 15)])
    >>> round(season_ratio(days, pl.Series([True, False])), 2)
    2.0
    """
    height = 1 + swing / 2 * (2 * pi * (dates.dt.ordinal_day() - PUBLISHED_PEAK) / _YEAR).cos()
    return float(height.filter(warm).mean() / height.filter(~warm).mean())  # type: ignore[operator,arg-type]


def compare_season(row: Mapping[str, Any], expected: float | None = None) -> str:
    """State whether the interval of a warm-to-cool prevalence ratio includes that of the published pattern.

    Parameters
    ----------
    row
        A result row with a prevalence ratio of warm to cool.
    expected
        The ratio that the published pattern implies, as `tk.effects.season_ratio` computes it for dates; None
        uses that of whole half-years.

    Returns
    -------
    str
        The published pattern, the ratio that it implies, and the position of the interval.

    Examples
    --------
    >>> row = {"conf_low": 0.9, "conf_high": 1.1, "reliability": "ok"}
    >>> compare_season(row).split(". ")[-1]
    'The interval from 0.90 to 1.10 lies below this ratio.'
    """
    when = "in the warm half-year" if expected is None else "on the warm days of these records"
    ratio = half_year_ratio(PUBLISHED_SWING) if expected is None else expected
    text = (
        "In the published seasonal pattern of quinine prescriptions and internet searches, peak and trough "
        f"differ by two thirds of the mean and the peak is in mid-July. With this pattern the prevalence "
        f"{when} would be about {ratio:.2f} times that of the cool."
    )
    if expected is None:
        text += " This assumes that the half-year is that of the month to which the question refers."
    row = show(pl.DataFrame([row])).row(0, named=True)
    low, high = row["conf_low"], row["conf_high"]
    if row["reliability"] in ("failed", "suppress") or low is None:
        return f"{text} The ratio of this study cannot be shown."
    place = "lies above" if low > ratio else "includes" if high >= ratio else "lies below"
    null = " and above 1" if place == "lies below" and low > 1 else ""
    return f"{text} The interval from {low:.2f} to {high:.2f} {place} this ratio{null}."
