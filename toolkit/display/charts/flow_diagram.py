"""Draw the flow of people through an analysis, one bar a step.

Takes a checked flow frame; gives one altair chart.
"""

from collections.abc import Sequence
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
    NARROW,
    PAD,
    TOP,
    WIDE,
    Layout,
    Line,
    Room,
    place,
    text_width,
    wrapped,
)
from toolkit.display.text.numbers import count, simulated, step_text
from toolkit.display.text.row_labels import SIMULATED, Headed
from toolkit.results import Row


def steps(flow: pl.DataFrame) -> alt.LayerChart:
    """Draw people left after each step as bars, with those who left and why beside them.

    Parameters
    ----------
    flow
        A flow frame with rows.

    Returns
    -------
    altair.LayerChart
        The chart.
    """
    wide, narrow = (_in(room, flow) for room in (WIDE, NARROW))
    return with_narrow(wide, narrow)


def _in(room: Room, flow: pl.DataFrame) -> alt.LayerChart:
    rows = flow.rows(named=True)
    layout = _layout(rows, room)
    layers = [
        stripes(layout),
        *_bars(layout, rows),
        *_texts(layout),
        hover([_tip(line) for line in layout.lines], layout),
        *([watermark(layout)] if simulated(flow) else []),
    ]
    return alt.LayerChart(
        layer=layers, width=layout.width, height=layout.height, title=_title(flow, rows, layout.width)
    )


def _layout(rows: Sequence[Row], room: Room) -> Layout:
    lines: list[Line] = []
    top, before = float(TOP), None
    for row in rows:
        step = "" if row["step"] == before else step_text(row["step"])
        before = row["step"]
        lines.append(_line(Headed("", step or " ", row), top, room))
        top += lines[-1].height
    if room.stacked:
        return Layout(tuple(lines), top, PAD, 0.0, room)
    labels = max(text_width(line.label) for line in lines)
    counts = max(text_width(text) for text in ["people left", *(count(r["n_left"]) for r in rows)])
    return Layout(tuple(lines), top, labels + counts + 2.5 * PAD, room.note, room)


def _line(item: Headed, top: float, room: Room) -> Line:
    out, reason = item.row["n_out"] or 0, item.row["reason"]
    text = f"−{count(out)}" + (f": {reason}" if reason else "") if out else ""
    return place(item, top, text, False, room)


def _bars(layout: Layout, rows: Sequence[Row]) -> list[alt.Chart]:
    most = max((row["n_left"] or 0) + (row["n_out"] or 0) for row in rows) or 1
    scale = alt.Scale(domain=[0, most], range=list(layout.plot), nice=False)
    axis = alt.Axis(
        title="People (not weighted)",
        tickCount=3 if layout.room.stacked else 5,
        grid=not layout.room.stacked,
        format=",d",
        labelFlush=False,
    )
    values = [
        {
            "y": line.y,
            "n_left": line.item.row["n_left"],
            "before": line.item.row["n_left"] + (line.item.row["n_out"] or 0),
        }
        for line in layout.lines
        if line.item
    ]
    base = chart(values).encode(y=down(layout))
    left = alt.X("n_left:Q", scale=scale, axis=axis)
    gone = base.mark_bar(height=16, color=palette.ORANGE, opacity=0.6).encode(x=left, x2="before:Q")
    zero = alt.X2(datum=0)
    return [
        typed(gone),
        typed(base.mark_bar(height=16, color=palette.BLUE, opacity=0.75).encode(x=left, x2=zero)),
    ]


def _texts(layout: Layout) -> list[alt.Chart]:
    column, numbers = layout.plot[1] + PAD, layout.left - PAD
    left = [{"y": line.y, "text": count(line.item.row["n_left"])} for line in layout.lines if line.item]
    labels = [{"y": line.label_y, "text": line.label} for line in layout.lines]
    notes = [{"y": line.note_y, "text": line.note} for line in layout.lines]
    if layout.room.stacked:
        head = [{"y": TOP / 2, "text": "People left at each step; who left, and why"}]
        return [
            write(head, 4, layout, **SMALL),
            write(labels, 4, layout, fontWeight="bold"),
            write(left, column, layout),
            write(notes, 4, layout, fontSize=palette.SMALL_SIZE),
        ]
    return [
        write([{"y": TOP / 2, "text": "People left"}], numbers, layout, align="right", **SMALL),
        write([{"y": TOP / 2, "text": "Who left, and why"}], column, layout, fontWeight="bold"),
        write(labels, 4, layout),
        write(left, numbers, layout, align="right"),
        write(notes, column, layout, fontSize=palette.SMALL_SIZE),
    ]


def _tip(line: Line) -> dict[str, Any]:
    row: Row = line.item.row if line.item else {}
    return {
        "y": line.top,
        "below": line.top + line.height,
        "step": row["step"],
        "people_left": count(row["n_left"]),
        "people_who_left": count(row["n_out"]),
        "reason": row["reason"] or "none",
    }


def _title(flow: pl.DataFrame, rows: Sequence[Row], width: float) -> alt.TitleParams:
    start = (rows[0]["n_left"] or 0) + (rows[0]["n_out"] or 0)
    text = f"From {count(start)} people to {count(rows[-1]['n_left'])} in the analysis"
    below = [SIMULATED] if simulated(flow) else []
    lines = wrapped(text, width, palette.TITLE_SIZE * 1.1).split("\n")
    return alt.TitleParams(
        text=text if len(lines) == 1 else lines, subtitle=below, subtitleColor=palette.VERMILLION
    )
