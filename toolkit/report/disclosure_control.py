"""Counts, shares and histograms of one variable under disclosure rules that hide small groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

LEAST = 10  # participants: smaller groups are hidden
RULES = {
    False: (
        "Counts are rounded to tens, counts of 1 to 9 are shown as “<10”, and percentages are computed from "
        "the rounded counts. A percentile is shown, to three digits, if at least 10 participants lie beyond "
        "it. Each bar of a histogram represents at least 10 participants, and the outermost percent (or 10 "
        "participants) on each side is not drawn. Minimum and maximum are not shown."
    ),
    True: "This page was requested with exact counts, as for public files.",
}
_PERCENTILES = ((0.05, "5%"), (0.25, "25%"), (0.5, "median"), (0.75, "75%"), (0.95, "95%"))
_WIDTH, _HEIGHT = 240, 56


@dataclass(frozen=True)
class Bar:
    """One row of a table of counts: label, count and percentage as text, and the length of its bar."""

    label: str
    count: str
    share: str
    length: float
    faint: bool = False


@dataclass(frozen=True)
class Histogram:
    """A histogram as SVG, the two ends of its axis, and the percentiles."""

    svg: str = ""
    low: str = ""
    high: str = ""
    percentiles: tuple[tuple[str, str], ...] = field(default_factory=tuple)


def count_bars(rows: Sequence[tuple[str, int]], *, exact: bool, faint: bool = False) -> tuple[Bar, ...]:
    """Turn labels with counts into bars with their percentages of all; `faint` bars show missing data."""
    known = [(label, n if exact else round_count(n)) for label, n in rows]
    total = sum(n for _, n in known if n is not None) or 1
    return tuple(
        Bar(label, f"<{LEAST}", "", 0.0, faint)
        if n is None
        else Bar(label, f"{n:,}", f"{100 * n / total:.{exact:d}f}%", 100 * n / total, faint)
        for label, n in known
    )


def round_count(n: int) -> int | None:
    """Round a count to tens; None hides a count of 1 to 9."""
    return None if 0 < n < LEAST else int(n / 10 + 0.5) * 10


def format_count(n: int | None, *, exact: bool) -> str:
    """Write a count, rounded unless `exact`; None is one that is hidden already."""
    shown = n if exact or n is None else round_count(n)
    return f"<{LEAST}" if shown is None else f"{shown:,}"


def format_share(part: int, of: int, *, exact: bool) -> str:
    """Write a percentage, without a number if fewer than 10 participants are on either side of it."""
    if not of:
        return "–"
    if not exact and 0 < part < LEAST:
        return "a few"
    if not exact and 0 < of - part < LEAST:
        return "nearly all"
    return f"{100 * part / of:.{exact:d}f}%"


def draw_histogram(values: pl.Series, *, exact: bool) -> Histogram:
    """Draw the distribution of numbers without missing values."""
    n = len(values)
    if n < (2 if exact else 2 * LEAST):
        return Histogram()
    beyond = 1 if exact else LEAST
    percentiles = [
        (name, _format_number(_quantile(values, p)))
        for p, name in _PERCENTILES
        if n * min(p, 1 - p) >= beyond
    ]
    if exact:
        least, most = (_format_number(_quantile(values, p)) for p in (0, 1))
        percentiles = [("minimum", least), *percentiles, ("maximum", most)]
    edge = max(0.01, LEAST / n)
    low, high = (_quantile(values, p) for p in (edge, 1 - edge))
    heights = _bar_heights(values, low, high, exact=exact) if high > low else []
    if sum(height > 0 for height in heights) < 2:
        return Histogram(percentiles=tuple(percentiles))
    return Histogram(_draw_bars(heights), _format_number(low), _format_number(high), tuple(percentiles))


def _quantile(values: pl.Series, share_below: float) -> float:
    return float(values.quantile(share_below, "linear"))  # type: ignore[arg-type]


def _format_number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _bar_heights(values: pl.Series, low: float, high: float, *, exact: bool) -> list[int]:
    inside = values.filter(values.is_between(low, high))
    whole = bool((inside == inside.round(0)).all())
    bins = min(24, max(5, int(len(inside) ** 0.5 / 2)))
    # Bars of whole numbers with sometimes two, sometimes three values would show waves that are not there.
    width = max(1.0, -(-(high - low + 1) // bins)) if whole else (high - low) / bins
    place = ((inside - low) / width).floor().cast(pl.Int64)
    top = int((high - low) // width) if whole else bins - 1
    counts = dict(place.clip(0, top).alias("bar").value_counts().iter_rows())
    heights = [counts.get(i, 0) for i in range(top + 1)]
    return [h if exact else (round_count(h) or 0) for h in heights]


def _draw_bars(heights: Sequence[int]) -> str:
    step, tallest = _WIDTH / len(heights), max(heights) or 1
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{_HEIGHT * (1 - h / tallest):.1f}" width="{step * 0.9:.1f}" '
        f'height="{_HEIGHT * h / tallest:.1f}"/>'
        for i, h in enumerate(heights)
        if h
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
