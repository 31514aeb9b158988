"""Draw results along a number as lines with a band: curves of an association, lags, survival.

Takes a result frame whose levels are numbers or lags; gives an altair chart with tooltips.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette, theme
from toolkit.display.charts.drawing import chart, typed, with_narrow
from toolkit.display.charts.row_layout import linear_range, log_range, log_ticks, wrapped
from toolkit.display.text.numbers import Labels, check_result, count, estimate_text, p_value, simulated, words
from toolkit.display.text.row_labels import confidence, notes, title
from toolkit.errors import VariableError
from toolkit.results import Estimand, Row, by_columns, estimand_of

_LAG = re.compile(r"^lag (\d+)$")
_HEIGHT = 300
_WIDTHS = {"wide": 520, "narrow": 300}
_SHOWN = ("ok", "review", None)
_TICK = "replace(format(datum.value, abs(datum.value) >= 1000 ? ',.0f' : '.6~r'), '-', '−')"


@dataclass(frozen=True)
class _Drawn:
    """What all lines of a chart share: the measure, the axes' names, whether it falls in steps."""

    kind: Estimand
    across: str
    lags: bool
    steps: bool
    low: float
    high: float
    simulated: bool


def curve_chart(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.LayerChart:
    """Draw a result along a number as a line with the band of its intervals.

    Parameters
    ----------
    frame
        A result frame of `tk.curve`, `tk.lag_curve` or `tk.survival`, or of another estimator whose levels
        are numbers; one measure of one exposure. Groups of `by` are lines of their own.
    labels
        Words for the names of `by` and `adjust` variables.

    Returns
    -------
    altair.LayerChart
        Ratios on a log axis with the line of no difference; survival in steps and percent; lags as points
        joined by a line. What failed or is too unreliable is left out of the line.

    Raises
    ------
    VariableError
        If the frame is no result frame, or has no numbers to draw along, or several measures.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "odds_ratio", "outcome_label": "cramps", "exposure": "age",
    ...        "exposure_label": "age (years)", "reference": "50", "scale": "log", "reliability": "ok"}
    >>> ages = [{"level": "40", "estimate": 0.8}, {"level": "50", "estimate": 1.0}]
    >>> curve_chart(frame([{**row, **age} for age in ages])).title.text
    ['Cramps: odds ratio by age (years)']
    """
    check_result(frame, "tk.curve_chart")
    theme.use()
    rows = [
        row for row in frame.rows(named=True) if _place(row) is not None and estimand_of(row).kind != "test"
    ]
    _require_one(rows)
    points = [point for row in rows if (point := _point(row, by_columns(frame), labels))]
    if not points:
        reason = str(rows[0]["reason"] or "no reason given").rstrip(".")
        raise VariableError(f"tk.curve_chart has nothing to draw: no row has an estimate ({reason}).")
    shared = _shared(rows, points, simulated(frame))
    wide, narrow = (
        _drawn(rows[0], points, shared, width).properties(title=_title(frame, shared, width, labels))
        for width in _WIDTHS.values()
    )
    return with_narrow(wide, narrow)


def _place(row: Row) -> float | None:
    level = str(row["level"] or "")
    lag = _LAG.match(level)
    try:
        return float(lag[1] if lag else level)
    except ValueError:
        return None


def _require_one(rows: Sequence[Row]) -> None:
    if len({_place(row) for row in rows}) < 2:
        raise VariableError(
            "tk.curve_chart draws along a number, and this frame has fewer than two levels that are numbers. "
            "Give it what tk.curve(...), tk.lag_curve(...) or tk.survival(...) returns, or draw "
            "tk.forest(frame)."
        )
    for column in ("study", "estimand", "outcome", "exposure", "domain"):
        several = list(dict.fromkeys(str(row[column] or "") for row in rows))
        if len(several) > 1:
            raise VariableError(
                f"tk.curve_chart draws one '{column}', and this frame holds {len(several)}: "
                f"{', '.join(several[:4])}. Draw a part: frame.filter(pl.col('{column}') == '{several[0]}')."
            )


def _point(row: Row, by: Sequence[str], labels: Labels | None) -> dict[str, Any] | None:
    value = row["estimate"]
    if value is None or not math.isfinite(value) or row["reliability"] not in _SHOWN:
        return None
    scale = 100 if estimand_of(row).kind in ("percent", "points") else 1
    low, high = (value if row[end] is None else row[end] for end in ("conf_low", "conf_high"))
    group = ", ".join(f"{words(name, labels)}: {row[name]}" for name in by)
    return {
        "x": _place(row),
        "value": value * scale,
        "low": low * scale,
        "high": high * scale,
        "group": group,
        "at": str(row["level_label"] or row["level"]),
        "estimate": estimate_text(row),
        "people": count(row["n"]) or "not given",
        "remark": str(row["reason"] or "none"),
    }


def _shared(rows: Sequence[Row], points: Sequence[dict[str, Any]], invented: bool) -> _Drawn:
    kind, first = estimand_of(rows[0]), rows[0]
    lags = bool(_LAG.match(str(first["level"])))
    spans = [(p["value"], p["low"], p["high"]) for p in points]
    steps = kind.family == "survival"
    if kind.kind == "ratio":
        low, high = log_range(spans)
    else:
        low, high = linear_range(spans, kind.null_value, kind.kind == "percent")
    if steps:
        low, high = 0.0, 100.0
    across = "days before the night" if lags else str(first["exposure_label"] or first["exposure"] or "level")
    return _Drawn(kind, across[:1].upper() + across[1:], lags, steps, low, high, invented)


def _drawn(row: Row, points: Sequence[dict[str, Any]], shared: _Drawn, width: int) -> alt.LayerChart:
    groups = list(dict.fromkeys(point["group"] for point in points))
    begun = _from_the_start(points, groups) if shared.steps else list(points)
    data = [_clamped(point, shared) for point in begun]
    x, y = _axes(data, shared)
    colour = alt.Color(
        "group:N",
        scale=alt.Scale(domain=groups, range=list(palette.PALETTE[: len(groups)])),
        legend=alt.Legend(title=None, orient="top", columns=1, symbolOpacity=1) if len(groups) > 1 else None,
    )
    base = chart(data).encode(x=x, color=colour)
    shape: Any = {"interpolate": "step-after"} if shared.steps else {}
    layers = [
        *_no_difference(shared, y),
        base.mark_area(opacity=0.16, **shape).encode(y=y("low"), y2="high:Q"),
        base.mark_line(strokeWidth=2, **shape).encode(y=y("value")),
        *_dots(base, shared, y),
        *_reference(row, shared, x, y),
        _hover(base, y),
        *([_watermark(width)] if shared.simulated else []),
    ]
    return alt.LayerChart(layer=layers, width=width, height=_HEIGHT)


def _from_the_start(points: Sequence[dict[str, Any]], groups: Sequence[str]) -> list[dict[str, Any]]:
    """Let every curve of survival begin at 100 %."""
    start = {"x": 0.0, "value": 100.0, "low": 100.0, "high": 100.0, "at": "the start", "remark": "none"}
    own = {p["group"]: p["people"] for p in reversed(points)}
    firsts = [
        {**start, "group": group, "estimate": "100.0", "people": own[group]}
        for group in groups
        if min(p["x"] for p in points if p["group"] == group) > 0
    ]
    return [*firsts, *points]


def _clamped(point: dict[str, Any], shared: _Drawn) -> dict[str, Any]:
    inside = {name: min(max(point[name], shared.low), shared.high) for name in ("value", "low", "high")}
    return {**point, **inside}


def _axes(data: Sequence[dict[str, Any]], shared: _Drawn) -> tuple[alt.X, Any]:
    ends = [min(p["x"] for p in data), max(p["x"] for p in data)]
    room = 0.25 if shared.lags else 0.0
    across = alt.Scale(domain=[ends[0] - room, ends[1] + room], nice=False, zero=False)
    whole: Any = {"values": sorted({p["x"] for p in data})} if shared.lags else {"tickCount": 6}
    x = alt.X("x:Q", scale=across, axis=alt.Axis(title=shared.across, grid=False, labelExpr=_TICK, **whole))
    log = shared.kind.kind == "ratio"
    ticks: Any = {"values": log_ticks(shared.low, shared.high, _HEIGHT)} if log else {"tickCount": 6}
    named = shared.kind.axis
    axis = alt.Axis(title=named[:1].upper() + named[1:], labelExpr=_TICK, **ticks)
    free: Any = {} if log else {"zero": False}
    kind: Any = "log" if log else "linear"
    scale = alt.Scale(type=kind, domain=[shared.low, shared.high], nice=False, **free)
    return x, lambda field: alt.Y(f"{field}:Q", scale=scale, axis=axis)


def _no_difference(shared: _Drawn, y: Any) -> list[alt.Chart]:
    null = shared.kind.null_value
    if null is None or not shared.low <= null <= shared.high:
        return []
    mark = chart([{"value": null}]).mark_rule(color=palette.INK, strokeDash=[4, 3])
    return [typed(mark.encode(y=y("value")))]


def _dots(base: alt.Chart, shared: _Drawn, y: Any) -> list[alt.Chart]:
    if not shared.lags:
        return []
    rule = base.mark_rule(strokeWidth=1.6).encode(y=y("low"), y2="high:Q")
    return [rule, base.mark_point(filled=True, size=60, opacity=1).encode(y=y("value"))]


def _reference(row: Row, shared: _Drawn, x: alt.X, y: Any) -> list[alt.Chart]:
    """Mark the value that the others are compared with."""
    try:
        at = float(row["reference"] or "")
    except ValueError:
        return []
    null = shared.kind.null_value
    if shared.lags or null is None:
        return []
    mark = chart([{"x": at, "value": null}]).mark_point(
        filled=True, size=70, opacity=1, color=palette.INK, shape="diamond"
    )
    return [typed(mark.encode(x=x, y=y("value")))]


def _hover(base: alt.Chart, y: Any) -> alt.Chart:
    names = ("group", "at", "estimate", "people", "remark")
    tips = [alt.Tooltip(f"{name}:N", title=name) for name in names]
    return typed(base.mark_point(size=220, opacity=0, filled=True).encode(y=y("value"), tooltip=tips))


def _watermark(width: int) -> alt.Chart:
    mark = chart([{"text": "SIMULATED"}]).mark_text(
        fontSize=44, fontWeight="bold", color=palette.VERMILLION, opacity=0.16, baseline="middle"
    )
    return typed(mark.encode(x=alt.value(width / 2), y=alt.value(_HEIGHT / 2), text="text:N"))


def _title(frame: pl.DataFrame, shared: _Drawn, width: int, labels: Labels | None) -> alt.TitleParams:
    own = frame.filter(pl.Series([_place(row) is not None for row in frame.rows(named=True)]))
    per: dict[str, None] = {}
    if shared.lags:
        own = own.with_columns(pl.col("exposure_label").str.split(", ").list.first())
        per = dict.fromkeys(text for text in own["level_label"] if text and text.startswith("per"))
    told = [
        *notes(own, labels),
        _sentence([*per, f"band: {confidence(own)} at each place alone"]),
        *_tests(frame),
    ]
    room = width + 60
    below = [line for note in told for line in wrapped(note, room).split("\n")]
    head = wrapped(title(own, labels), room, palette.TITLE_SIZE * 1.1).split("\n")
    colour = palette.VERMILLION if shared.simulated else palette.MUTED
    return alt.TitleParams(text=head, subtitle=below, subtitleColor=colour)


def _tests(frame: pl.DataFrame) -> list[str]:
    """Say the p-values of the tests that came with the curve."""
    tests = [
        row
        for row in frame.rows(named=True)
        if estimand_of(row).kind == "test" and row["p_value"] is not None
    ]
    by = by_columns(frame)
    if not tests or by:
        return []
    return [_sentence([f"{row['level_label']}: {p_value(row['p_value'])}" for row in tests])]


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]
