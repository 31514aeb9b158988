"""Draw the marks of estimates in rows: points, intervals, bars, true values and the line of no difference."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt

from toolkit.display.charts import palette
from toolkit.display.charts.reference_rows import is_reference
from toolkit.display.charts.row_layout import (
    HALF,
    SMALL,
    TOP,
    Layout,
    Line,
    Span,
    chart,
    clamp_span,
    vertical,
    write_texts,
)
from toolkit.display.text import format_adjustment
from toolkit.results import TRUE_VALUE, Row, estimand_of

# The axis of values, by the field that a mark is placed by.
Axis = Callable[[str], alt.X]


def place_mark(line: Line, span: Span, low: float, high: float) -> dict[str, Any]:
    """Place the mark of an estimate and the ends of its interval within the axis."""
    value, start, end = span
    row = line.item.row if line.item else {}
    return {
        "y": line.y,
        **clamp_span(span, low, high),
        "zero": low,
        "cut_low": start < low,
        "cut_high": end > high,
        "outside": value < low or value > high,
        "color": _choose_color(row) if row else palette.BLUE,
    }


def _choose_color(row: Row) -> str:
    if is_reference(row):
        return palette.INK
    return palette.ORANGE if format_adjustment(row) == "crude" else palette.BLUE


def draw_marks(marks: Sequence[Mapping[str, Any]], x: Axis, layout: Layout, bars: bool) -> list[alt.Chart]:
    """Draw intervals, points and, for prevalences, bars from zero."""
    base = chart(marks, y=vertical(layout))
    sound = base.encode(color=alt.Color("color:N", scale=None, legend=None))
    inside = sound.transform_filter("!datum.outside")
    backs = [sound.mark_bar(height=14, opacity=0.35).encode(x=x("value"), x2="zero:Q")] if bars else []
    solid: dict[str, Any] = {"filled": True, "opacity": 1}
    arrows = [  # An interval that is cut continues beyond the axis.
        sound.transform_filter(f"datum.cut_{side}")
        .mark_point(size=70, shape=f"triangle-{direction}", **solid)
        .encode(x=x(side))
        for side, direction in (("low", "left"), ("high", "right"))
    ]
    return [
        *backs,
        sound.mark_rule(strokeWidth=1.8).encode(x=x("low"), x2="high:Q"),
        inside.mark_point(size=60, shape="circle" if bars else "square", **solid).encode(x=x("value")),
        *arrows,
    ]


def find_true_values(layout: Layout) -> dict[float, float]:
    """Return the true values of the rows that have one, by their place, on the axis of values."""
    known = [(line.y, row, row.get(TRUE_VALUE)) for line, row in layout.rows]
    return {
        y: value * (100 if estimand_of(row).kind in ("percent", "points") else 1)
        for y, row, value in known
        if value is not None
    }


def draw_true_values(true: Mapping[float, float], x: Axis, layout: Layout) -> list[alt.Chart]:
    """Draw a diamond at each true value, with a legend above the plot where there is room for one."""
    mark = alt.MarkDef(
        "point", shape="diamond", size=52, filled=True, opacity=1,
        fill="white", stroke=palette.INK, strokeWidth=1.3,
    )  # fmt: skip
    values = [{"y": y, "true": value} for y, value in true.items()]
    layers = [chart(values, mark, x=x("true"), y=vertical(layout))]
    if not layout.room.stacked:
        place, start = [{"y": TOP / 2, "text": "True value"}], layout.left + 8
        layers.append(chart(place, mark, x=alt.value(start), y=vertical(layout)))
        layers.append(write_texts(place, start + 8, layout, **SMALL))
    return layers


def draw_null_line(null: float, x: Axis, layout: Layout) -> alt.Chart:
    """Draw the line of no difference."""
    spans: list[tuple[float, float]] = [(TOP - 4, layout.height)]
    if layout.room.stacked:  # The line would strike the labels through.
        spans = [(line.y - HALF - 3, line.y + HALF + 3) for line, _ in layout.rows]
    ends = [{"value": null, "y": top, "below": below} for top, below in spans]
    mark = alt.MarkDef("rule", color=palette.INK, strokeDash=[4, 3])
    return chart(ends, mark, x=x("value"), y=vertical(layout), y2="below:Q")
