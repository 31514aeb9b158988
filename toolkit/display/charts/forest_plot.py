"""Draw result rows as panels, one a measure: labels, marks on a common axis, numbers and remarks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette
from toolkit.display.charts.row_layout import (
    HALF,
    INDENT,
    NARROW,
    PAD,
    SMALL,
    TICK_FORMAT,
    TOP,
    WIDE,
    Layout,
    Line,
    Room,
    Span,
    carry_narrow,
    chart,
    draw_stripes,
    draw_tooltips,
    format_sizes,
    head_sizes,
    lay_out,
    linear_range,
    log_range,
    log_ticks,
    vertical,
    watermark_rows,
    wrap_title,
    write_texts,
)
from toolkit.display.text.numbers import (
    SHOWN,
    Labels,
    capitalize,
    format_count,
    format_estimate,
    format_flag,
    is_simulated,
    shorten_reason,
    unit_of,
)
from toolkit.display.text.row_labels import (
    Headed,
    format_adjustment,
    head_rows,
    name_interval,
    write_notes,
    write_title,
)
from toolkit.results import Estimand, Row, estimand_of


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """The horizontal axis of a panel, for whichever field a mark is placed by."""

    scale: alt.Scale
    axis: alt.Axis

    def at(self, field: str) -> alt.X:
        """Place a mark at a field of its data."""
        return alt.X(f"{field}:Q", scale=self.scale, axis=self.axis)


def draw_panels(frame: pl.DataFrame, labels: Labels | None, bars: bool) -> alt.VConcatChart:
    """Draw one panel a measure below each other; `bars` draws prevalences as bars from zero."""
    wide, narrow = (_draw_in(room, frame, labels, bars) for room in (WIDE, NARROW))
    return carry_narrow(wide, narrow)


def _draw_in(room: Room, frame: pl.DataFrame, labels: Labels | None, bars: bool) -> alt.VConcatChart:
    parts: dict[tuple[Estimand, str], list[Headed]] = {}
    for item in head_rows(frame, labels):
        parts.setdefault((estimand_of(item.row), unit_of(item.row)), []).append(item)
    layouts = []
    for items in parts.values():
        rows = [item.row for item in items]
        remarks = [_remark_below(row) if room.stacked else _remark(row) for row in rows]
        layouts.append(lay_out(items, remarks, [_format_number(row) for row in rows], room))
    left = max(layout.left for layout in layouts)
    drawn = [
        _draw_panel(replace(layout, left=left), estimand, unit, frame, bars)
        for layout, (estimand, unit) in zip(layouts, parts, strict=True)
    ]
    width = room.label if room.stacked else left + room.plot + 200
    title = wrap_title(write_title(frame, labels), write_notes(frame, labels), width, is_simulated(frame))
    return alt.vconcat(*drawn, spacing=24).properties(title=title)


def _format_number(row: Row) -> str:
    return format_estimate(row) if row["reliability"] != "suppress" else ""


def _remark(row: Row) -> str:
    return format_flag(row, shorten_reason(row["reason"]))


def _remark_below(row: Row) -> str:
    """Write n, cases and the remark below a stacked row."""
    hidden = row["reliability"] == "suppress" or row["n_cases"] is None
    cases = "" if hidden else f" ({format_count(row['n_cases'])} cases)"
    n = "" if row["n"] is None else f"n = {format_count(row['n'])}{cases}"
    return "\n".join(part for part in (n, _remark(row)) if part)


def _draw_panel(
    layout: Layout, estimand: Estimand, unit: str, frame: pl.DataFrame, bars: bool
) -> alt.LayerChart:
    drawn = [(line, span) for line, row in layout.rows if (span := _find_span(row))]
    spans = [span for _, span in drawn]
    bars = bars and estimand.kind == "percent"
    log = estimand.kind == "ratio"
    low, high = log_range(spans) if log else linear_range(spans, estimand.null_value, bars)
    x = _make_axis(estimand, unit, layout, low, high)
    layers = [
        draw_stripes(layout),
        *([] if estimand.null_value is None else [_draw_null_line(estimand.null_value, x, layout)]),
        *_draw_marks([_place_mark(line, span, low, high) for line, span in drawn], x, layout, bars),
        *_write_columns(layout, estimand, unit, frame),
        draw_tooltips([_list_tips(line, line.item) for line in layout.lines if line.item], layout),
        *([watermark_rows(layout)] if is_simulated(frame) else []),
    ]
    return alt.LayerChart(layer=layers, width=layout.width, height=layout.height)


def _find_span(row: Row) -> Span | None:
    """Return estimate and interval as drawn; None for a row without a mark."""
    kind, value = estimand_of(row).kind, row["estimate"]
    if row["reliability"] == "failed" or kind == "test" or value is None or math.isnan(value):
        return None
    scale = 100 if kind in ("percent", "points") else 1
    low, high = (value if row[e] is None or math.isnan(row[e]) else row[e] for e in ("conf_low", "conf_high"))
    return value * scale, low * scale, high * scale


def _make_axis(estimand: Estimand, unit: str, layout: Layout, low: float, high: float) -> ValueAxis:
    name = f"{estimand.noun} ({unit})" if unit else estimand.axis
    stacked, log = layout.room.stacked, estimand.kind == "ratio"
    ticks: Any = {"tickCount": 4 if stacked else 6}
    free: Any = {"type": "linear", "zero": False}
    if log:
        ticks, free = {"values": log_ticks(low, high, layout.room.plot)}, {"type": "log"}
    axis = alt.Axis(
        title=capitalize(name), labelExpr=TICK_FORMAT, labelFlush=False, grid=not stacked, **ticks
    )
    return ValueAxis(alt.Scale(domain=[low, high], range=list(layout.plot), nice=False, **free), axis)


def _place_mark(line: Line, span: Span, low: float, high: float) -> dict[str, Any]:
    value, start, end = span
    row = line.item.row if line.item else {}
    return {
        "y": line.y,
        "value": min(max(value, low), high),
        "low": min(max(start, low), high),
        "high": min(max(end, low), high),
        "zero": low,
        "cut_low": start < low,
        "cut_high": end > high,
        "outside": value < low or value > high,
        "sound": row["reliability"] in SHOWN,
        "color": palette.ORANGE if format_adjustment(row) == "crude" else palette.BLUE,
    }


def _draw_marks(
    marks: Sequence[Mapping[str, Any]], x: ValueAxis, layout: Layout, bars: bool
) -> list[alt.Chart]:
    base = chart(marks, y=vertical(layout))
    sound = base.transform_filter("datum.sound").encode(color=alt.Color("color:N", scale=None, legend=None))
    hollow, inside = base.transform_filter("!datum.sound"), sound.transform_filter("!datum.outside")
    empty: dict[str, Any] = {"filled": False, "stroke": palette.MUTED}
    if bars:
        backs = [
            sound.mark_bar(height=14, opacity=0.35).encode(x=x.at("value"), x2="zero:Q"),
            hollow.mark_bar(height=14, strokeDash=[3, 3], **empty).encode(x=x.at("value"), x2="zero:Q"),
        ]
    else:
        backs = [hollow.mark_point(size=60, shape="circle", **empty).encode(x=x.at("value"))]
    solid: dict[str, Any] = {"filled": True, "opacity": 1}
    arrows = [  # An interval that is cut continues beyond the axis.
        sound.transform_filter(f"datum.cut_{side}")
        .mark_point(size=70, shape=f"triangle-{direction}", **solid)
        .encode(x=x.at(side))
        for side, direction in (("low", "left"), ("high", "right"))
    ]
    return [
        *backs,
        sound.mark_rule(strokeWidth=1.8).encode(x=x.at("low"), x2="high:Q"),
        inside.mark_point(size=60, shape="circle" if bars else "square", **solid).encode(x=x.at("value")),
        *arrows,
    ]


def _draw_null_line(null: float, x: ValueAxis, layout: Layout) -> alt.Chart:
    spans = [(TOP - 4, layout.height)]
    if layout.room.stacked:  # The line would strike the labels through.
        spans = [(line.y - HALF - 3, line.y + HALF + 3) for line, _ in layout.rows]
    ends = [{"value": null, "y": top, "below": below} for top, below in spans]
    mark = alt.MarkDef("rule", color=palette.INK, strokeDash=[4, 3])
    return chart(ends, mark, x=x.at("value"), y=vertical(layout), y2="below:Q")


def _write_columns(layout: Layout, estimand: Estimand, unit: str, frame: pl.DataFrame) -> list[alt.Chart]:
    rows, stacked = layout.rows, layout.room.stacked
    column = layout.plot[1] + PAD
    heads = [{"y": line.label_y, "text": line.label} for line in layout.lines if not line.item]
    layers = [
        write_texts(heads, 4, layout, fontWeight="bold"),
        write_texts(
            [{"y": TOP / 2, "text": _head_numbers(estimand, unit, frame)}],
            4 if stacked else column, layout, fontWeight="bold",
        ),
    ]  # fmt: skip
    head = [{"y": TOP / 2, "text": head_sizes([row for _, row in rows])}]
    sizes = [
        write_texts(texts, layout.left - PAD, layout, align="right", **SMALL)
        for texts in (head, [{"y": line.y, "text": format_sizes(row)} for line, row in rows])
        if not stacked
    ]
    labels = [
        write_texts(
            [{"y": line.label_y, "text": line.label} for line, _ in rows if line.indent == indent],
            4 + indent, layout,
        )
        for indent in (0, INDENT)
    ]  # fmt: skip
    numbers = [
        {
            "y": ln.y - HALF * (ln.note.count("\n") + 1) * bool(ln.note and not stacked),
            "text": _format_number(row),
        }
        for ln, row in rows
    ]
    remarks: dict[float, list[dict[str, Any]]] = {}
    for line, _ in rows:
        start = 4.0 + line.indent if stacked else column
        remarks.setdefault(start, []).append({"y": line.note_y, "text": line.note})
    return [
        *layers,
        *sizes[:1],
        *labels,
        *sizes[1:],
        write_texts(numbers, column, layout),
        *(write_texts(values, start, layout, **SMALL) for start, values in remarks.items()),
    ]


def _head_numbers(estimand: Estimand, unit: str, frame: pl.DataFrame) -> str:
    if estimand.kind == "test":
        return capitalize(estimand.noun)
    sign = {"percent": "%", "points": "points"}.get(estimand.kind, unit)
    return capitalize(f"{estimand.noun}{', ' + sign if sign else ''} ({name_interval(frame)})")


def _list_tips(line: Line, item: Headed) -> dict[str, Any]:
    row = item.row
    cases = "not shown" if row["reliability"] == "suppress" else format_count(row["n_cases"])
    return {
        "y": line.top,
        "below": line.top + line.height,
        "row": item.name or "estimate",
        "measure": estimand_of(row).noun,
        "estimate": _format_number(row) or "not shown",
        "adjustment": format_adjustment(row) or "none",
        "n": format_count(row["n"]) or "not given",
        "cases": cases or "not given",
        "remark": _remark(row) or "none",
    }
