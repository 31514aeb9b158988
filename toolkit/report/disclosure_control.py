"""Count how the values of one variable spread, so that no small group of people can be told from it.

Takes a column; gives counts in words, shares and a small histogram, by the rules that `RULES` tells readers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

LEAST = 10  # people: fewer are told as "under 10"
RULES = {
    False: (
        "Counts are rounded to tens, counts of 1 to 9 are shown as “<10”, and percentages follow from the "
        "rounded counts. A percentile is shown only where at least 10 people lie beyond it, to three digits; "
        "a bar of a histogram stands for at least 10 people, and the outermost percent, or 10 people, on "
        "each side is not drawn. Smallest and largest values are not shown."
    ),
    True: "Counts are exact, as in the public files: this page was asked for so.",
}
_PERCENTILES = ((0.05, "5 %"), (0.25, "25 %"), (0.5, "median"), (0.75, "75 %"), (0.95, "95 %"))
_WIDTH, _HEIGHT = 240, 56


@dataclass(frozen=True)
class Bar:
    """One row of a table of counts: what is counted, the count and the share in words, the bar's length."""

    label: str
    count: str
    share: str
    length: float
    faint: bool = False


@dataclass(frozen=True)
class Histogram:
    """A drawn histogram with the two ends of its axis, and the percentiles beside it."""

    svg: str = ""
    low: str = ""
    high: str = ""
    percentiles: tuple[tuple[str, str], ...] = field(default_factory=tuple)


def counted(rows: Sequence[tuple[str, int]], *, exact: bool, faint: bool = False) -> tuple[Bar, ...]:
    """Tell counts with their shares of all.

    Parameters
    ----------
    rows
        Words and numbers of people.
    exact
        False rounds, as `RULES` says.
    faint
        Whether the bars are of what is missing.

    Examples
    --------
    >>> [(bar.count, bar.share) for bar in counted([("no", 1234), ("yes", 7)], exact=False)]
    [('1,230', '100 %'), ('<10', '')]
    """
    known = [(label, n if exact else rounded(n)) for label, n in rows]
    total = sum(n for _, n in known if n is not None) or 1
    return tuple(_bar(label, n, total, exact=exact, faint=faint) for label, n in known)


def rounded(n: int) -> int | None:
    """Round a number of people to tens; None stands for 1 to 9 people."""
    return None if 0 < n < LEAST else int(n / 10 + 0.5) * 10


def number(n: int, *, exact: bool) -> str:
    """Tell a number of people.

    Examples
    --------
    >>> number(9, exact=False), number(14, exact=False), number(14, exact=True)
    ('<10', '10', '14')
    """
    told = n if exact else rounded(n)
    return f"<{LEAST}" if told is None else f"{told:,}"


def share(part: int, of: int, *, exact: bool) -> str:
    """Tell a share in whole percent; where one side is under 10 people, only that it is few or nearly all."""
    if not of:
        return "–"
    if exact:
        return f"{100 * part / of:.1f} %"
    if 0 < part < LEAST:
        return "a few"
    if 0 < of - part < LEAST:
        return "nearly all"
    return f"{100 * part / of:.0f} %"


def histogram(values: pl.Series, *, exact: bool) -> Histogram:
    """Draw how the numbers of a column spread.

    Parameters
    ----------
    values
        Numbers, without missing ones.
    exact
        False leaves out bars of fewer than 10 people.
    """
    n = len(values)
    if n < (2 if exact else 2 * LEAST):
        return Histogram()
    told = tuple((word, _digits(_quantile(values, p))) for p, word in _shown(n, exact=exact))
    if exact:
        ends = _number(values.min()), _number(values.max())
        told = (("smallest", _digits(ends[0])), *told, ("largest", _digits(ends[1])))
    edge = max(0.01, LEAST / n)
    low, high = (_quantile(values, p) for p in (edge, 1 - edge))
    if not high > low:
        return Histogram(percentiles=told)
    heights = _heights(values, low, high, exact=exact)
    if sum(height > 0 for height in heights) < 2:
        return Histogram(percentiles=told)
    return Histogram(_drawn(heights), _digits(low), _digits(high), told)


def _shown(n: int, *, exact: bool) -> list[tuple[float, str]]:
    beyond = 1 if exact else LEAST
    return [(p, word) for p, word in _PERCENTILES if n * min(p, 1 - p) >= beyond]


def _bar(label: str, n: int | None, total: int, *, exact: bool, faint: bool) -> Bar:
    if n is None:
        return Bar(label, f"<{LEAST}", "", 0.0, faint)
    percent = 100 * n / total
    return Bar(label, f"{n:,}", f"{percent:.1f} %" if exact else f"{percent:.0f} %", percent, faint)


def _quantile(values: pl.Series, share_below: float) -> float:
    return _number(values.quantile(share_below, "linear"))


def _number(value: object) -> float:
    assert isinstance(value, int | float)  # noqa: S101 - the column holds numbers
    return float(value)


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _heights(values: pl.Series, low: float, high: float, *, exact: bool) -> list[int]:
    inside = values.filter(values.is_between(low, high))
    whole = bool((inside == inside.round(0)).all())
    bins = min(24, max(5, int(len(inside) ** 0.5 / 2)))
    # Bars of whole numbers that held now two values, now three, would show waves that are not there.
    width = max(1.0, -(-(high - low + 1) // bins)) if whole else (high - low) / bins
    place = ((inside - low) / width).floor().cast(pl.Int64)
    top = int((high - low) // width) if whole else bins - 1
    counts = dict(place.clip(0, top).value_counts().iter_rows())
    heights = [counts.get(i, 0) for i in range(top + 1)]
    return [h if exact else (rounded(h) or 0) for h in heights]


def _drawn(heights: Sequence[int]) -> str:
    step, tallest = _WIDTH / len(heights), max(heights) or 1
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{_HEIGHT * (1 - h / tallest):.1f}" width="{step * 0.9:.1f}" '
        f'height="{_HEIGHT * h / tallest:.1f}"/>'
        for i, h in enumerate(heights)
        if h
    )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">{bars}</svg>'
