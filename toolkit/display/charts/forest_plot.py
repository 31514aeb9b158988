"""Draw headed rows as panels: labels, marks on one axis a measure, numbers and remarks at the right.

Takes a checked result frame; gives one altair chart.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette
from toolkit.display.charts.drawing import (
    SMALL,
    chart,
    down,
    hover,
    stripes,
    typed,
    watermark,
    with_narrow,
    write,
)
from toolkit.display.charts.row_layout import (
    HALF,
    INDENT,
    NARROW,
    PAD,
    TOP,
    WIDE,
    Layout,
    Line,
    Room,
    lay_out,
    linear_range,
    log_range,
    log_ticks,
    persons,
    persons_head,
    wrapped,
)
from toolkit.display.text.adjusting import adjustment
from toolkit.display.text.numbers import Labels, brief_reason, count, estimate_text, simulated, unit
from toolkit.display.text.row_labels import Headed, confidence, headed_rows, notes, title
from toolkit.results import Estimand, Row, estimand_of

_SHOWN = ("ok", "review", None)


@dataclass(frozen=True, slots=True)
class Across:
    """The axis of values, for whichever field a mark stands at."""

    scale: alt.Scale
    axis: alt.Axis

    def at(self, field: str) -> alt.X:
        """Place a mark at a field of its data."""
        return alt.X(f"{field}:Q", scale=self.scale, axis=self.axis)


def panels(frame: pl.DataFrame, labels: Labels | None, bars: bool) -> alt.VConcatChart:
    """Draw one panel a measure under each other, with a common title and one width for labels.

    Parameters
    ----------
    frame
        A result frame with rows.
    labels
        Words for the names of `by` and `adjust` variables.
    bars
        Whether prevalences are bars from zero, or points.

    Returns
    -------
    altair.VConcatChart
        The chart.
    """
    wide, narrow = (_in(room, frame, labels, bars) for room in (WIDE, NARROW))
    return with_narrow(wide, narrow)


def _in(room: Room, frame: pl.DataFrame, labels: Labels | None, bars: bool) -> alt.VConcatChart:
    parts: dict[tuple[Estimand, str], list[Headed]] = {}
    for item in headed_rows(frame, labels):
        parts.setdefault((estimand_of(item.row), _unit(item.row)), []).append(item)
    layouts = [
        lay_out(
            items,
            [_aside(i.row) if not room.stacked else _under(i.row, items) for i in items],
            [_number(i.row) for i in items],
            room,
        )
        for items in parts.values()
    ]
    left = max(layout.left for layout in layouts)
    drawn = [
        _panel(replace(layout, left=left), kind, units, frame, bars)
        for layout, (kind, units) in zip(layouts, parts, strict=True)
    ]
    width = room.label if room.stacked else left + room.plot + 200
    return alt.vconcat(*drawn, spacing=24).properties(title=_title(frame, labels, width))


def _unit(row: Row) -> str:
    return unit(row["outcome_label"]) if estimand_of(row).kind in ("number", "difference") else ""


def _title(frame: pl.DataFrame, labels: Labels | None, width: float) -> alt.TitleParams:
    below = [line for note in notes(frame, labels) for line in wrapped(note, width).split("\n")]
    head = wrapped(title(frame, labels), width, palette.TITLE_SIZE * 1.1).split("\n")
    colour = palette.VERMILLION if simulated(frame) else palette.MUTED
    return alt.TitleParams(text=head, subtitle=below, subtitleColor=colour)


def _number(row: Row) -> str:
    return estimate_text(row) if row["reliability"] != "suppress" else ""


def _aside(row: Row) -> str:
    """Write under a row why its number is missing or to be read with care."""
    starts = {"failed": "not estimated", "suppress": "too unreliable to show", "review": "read with care"}
    start = starts.get(row["reliability"] or "ok", "")
    return ": ".join(part for part in (start, brief_reason(row["reason"])) if part) if start else ""


def _under(row: Row, items: Sequence[Headed]) -> str:
    """Write under a stacked row cases and people, and what else there is to say."""
    sizes = [persons(row), persons_head([Line("", 0, 0, 0, item) for item in items])] if persons(row) else []
    return "\n".join(part for part in (" ".join(sizes), _aside(row)) if part)


def _panel(layout: Layout, kind: Estimand, units: str, frame: pl.DataFrame, bars: bool) -> alt.LayerChart:
    drawn = [line for line in layout.lines if line.item and _drawable(line.item.row)]
    spans = [_span(line.item.row) for line in drawn if line.item]
    bars = bars and kind.kind == "percent"
    low, high = log_range(spans) if kind.kind == "ratio" else linear_range(spans, kind.null_value, bars)
    x = _axis(kind, units, layout, low, high)
    marks = [_mark(line, low, high) for line in drawn]
    layers = [
        stripes(layout),
        *([] if kind.null_value is None else [_reference_line(kind.null_value, x, layout)]),
        *_marks(marks, x, layout, bars),
        *_texts(layout, kind, units, frame),
        hover([_tip(line, line.item) for line in layout.lines if line.item], layout),
    ]
    if simulated(frame):
        layers.append(watermark(layout))
    return alt.LayerChart(layer=layers, width=layout.width, height=layout.height)


def _drawable(row: Row) -> bool:
    value = row["estimate"]
    return (
        row["reliability"] != "failed"
        and value is not None
        and not math.isnan(value)
        and estimand_of(row).kind != "test"
    )


def _span(row: Row) -> tuple[float, float, float]:
    scale = 100 if estimand_of(row).kind in ("percent", "points") else 1
    ends = [row["conf_low"], row["conf_high"]]
    low, high = (row["estimate"] if end is None or math.isnan(end) else end for end in ends)
    return row["estimate"] * scale, low * scale, high * scale


def _axis(kind: Estimand, units: str, layout: Layout, low: float, high: float) -> Across:
    name = f"{kind.noun} ({units})" if units else kind.axis
    stacked = layout.room.stacked
    even = {"tickCount": 4 if stacked else 6}
    ticks: Any = {"values": log_ticks(low, high, layout.room.plot)} if kind.kind == "ratio" else even
    axis = alt.Axis(
        title=name[:1].upper() + name[1:], labelExpr=_TICK, labelFlush=False, grid=not stacked, **ticks
    )
    free: Any = {} if kind.kind == "ratio" else {"zero": False}
    scale = alt.Scale(
        type="log" if kind.kind == "ratio" else "linear",
        domain=[low, high],
        range=list(layout.plot),
        nice=False,
        **free,
    )
    return Across(scale, axis)


# Ratios as they are said (0.5, 1.25, 20), no exponents, a true minus.
_TICK = "replace(format(datum.value, abs(datum.value) >= 1000 ? ',.0f' : '.6~r'), '-', '−')"


def _mark(line: Line, low: float, high: float) -> dict[str, Any]:
    row = line.item.row if line.item else {}
    value, start, end = _span(row)
    adjusted = adjustment(row)
    return {
        "y": line.y,
        "value": min(max(value, low), high),
        "low": min(max(start, low), high),
        "high": min(max(end, low), high),
        "zero": low,
        "cut_low": start < low,
        "cut_high": end > high,
        "outside": value < low or value > high,
        "sound": row["reliability"] in _SHOWN,
        "colour": palette.ORANGE if adjusted == "crude" else palette.BLUE,
    }


def _marks(marks: Sequence[dict[str, Any]], x: Across, layout: Layout, bars: bool) -> list[alt.Chart]:
    base = chart(marks).encode(y=down(layout))
    sound = base.transform_filter("datum.sound").encode(color=alt.Color("colour:N", scale=None, legend=None))
    hollow, inside = base.transform_filter("!datum.sound"), sound.transform_filter("!datum.outside")
    point = inside.mark_point(filled=True, size=60, opacity=1, shape="circle" if bars else "square")
    return [
        *(_bars(sound, hollow, x) if bars else [_hollow(hollow, x)]),
        sound.mark_rule(strokeWidth=1.8).encode(x=x.at("low"), x2="high:Q"),
        point.encode(x=x.at("value")),
        _arrow(sound, x, "low", "left"),
        _arrow(sound, x, "high", "right"),
    ]


def _bars(sound: alt.Chart, hollow: alt.Chart, x: Across) -> list[alt.Chart]:
    dashed = hollow.mark_bar(height=14, filled=False, strokeDash=[3, 3], stroke=palette.MUTED)
    return [
        sound.mark_bar(height=14, opacity=0.35).encode(x=x.at("value"), x2="zero:Q"),
        dashed.encode(x=x.at("value"), x2="zero:Q"),
    ]


def _hollow(hollow: alt.Chart, x: Across) -> alt.Chart:
    mark = hollow.mark_point(filled=False, size=60, stroke=palette.MUTED, shape="circle")
    return typed(mark.encode(x=x.at("value")))


def _arrow(sound: alt.Chart, x: Across, side: str, direction: str) -> alt.Chart:
    """Show that an interval goes on beyond the axis."""
    cut = sound.transform_filter(f"datum.cut_{side}")
    mark = cut.mark_point(filled=True, size=70, opacity=1, shape=f"triangle-{direction}")
    return typed(mark.encode(x=x.at(side)))


def _reference_line(null: float, x: Across, layout: Layout) -> alt.Chart:
    whole = [(TOP - 4, layout.height)]
    # Stacked, the line stands beside the marks alone: it would strike the labels through.
    bands = [(line.y - HALF - 3, line.y + HALF + 3) for line in layout.lines if line.item]
    spans = bands if layout.room.stacked else whole
    ends = [{"value": null, "y": top, "below": below} for top, below in spans]
    mark = chart(ends).mark_rule(color=palette.INK, strokeDash=[4, 3])
    return typed(mark.encode(x=x.at("value"), y=down(layout), y2="below:Q"))


def _texts(layout: Layout, kind: Estimand, units: str, frame: pl.DataFrame) -> list[alt.Chart]:
    rows = [line for line in layout.lines if line.item]
    column = layout.plot[1] + PAD
    sign = "%" if kind.kind == "percent" else "points" if kind.kind == "points" else units
    top = (
        kind.noun
        if kind.kind == "test"
        else f"{kind.noun}{', ' + sign if sign else ''} ({confidence(frame)})"
    )
    own = {indent: [_label(line) for line in rows if line.indent == indent] for indent in (0, INDENT)}
    sizes = [] if layout.room.stacked else _sizes(layout, rows)
    head = 4.0 if layout.room.stacked else column
    starts = {4.0 + line.indent for line in rows} if layout.room.stacked else {column}
    notes_at = {
        x: [_below(line) for line in rows if not layout.room.stacked or 4 + line.indent == x] for x in starts
    }
    return [
        write([_label(line) for line in layout.lines if not line.item], 4, layout, fontWeight="bold"),
        write([{"y": TOP / 2, "text": top[:1].upper() + top[1:]}], head, layout, fontWeight="bold"),
        *sizes[:1],
        *(write(values, 4 + indent, layout) for indent, values in own.items()),
        *sizes[1:],
        write([_right(line, layout.room) for line in rows], column, layout),
        *(write(values, start, layout, **SMALL) for start, values in notes_at.items()),
    ]


def _sizes(layout: Layout, rows: Sequence[Line]) -> list[alt.Chart]:
    """Write cases and people in a column of their own."""
    sizes = [{"y": line.y, "text": persons(line.item.row)} for line in rows if line.item]
    head = [{"y": TOP / 2, "text": persons_head(rows)}]
    return [write(values, layout.left - PAD, layout, align="right", **SMALL) for values in (head, sizes)]


def _label(line: Line) -> dict[str, Any]:
    return {"y": line.label_y, "text": line.label}


def _right(line: Line, room: Room) -> dict[str, Any]:
    shift = HALF * (line.note.count("\n") + 1) if line.note and not room.stacked else 0.0
    return {"y": line.y - shift, "text": _number(line.item.row) if line.item else ""}


def _below(line: Line) -> dict[str, Any]:
    return {"y": line.note_y, "text": line.note}


def _tip(line: Line, item: Headed) -> dict[str, Any]:
    row = item.row
    hidden = row["reliability"] == "suppress"
    return {
        "y": line.top,
        "below": line.top + line.height,
        "row": item.name or "estimate",
        "measure": estimand_of(row).noun,
        "estimate": _number(row) or "not shown",
        "adjustment": adjustment(row) or "none",
        "people": count(row["n"]) or "not given",
        "cases": "not shown" if hidden else count(row["n_cases"]) or "not given",
        "remark": _aside(row) or "none",
    }
