"""Flow chart of participants into the analysis, with one bar per step."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from toolkit.disclosure import is_rounded, show
from toolkit.display.charts import palette, theme
from toolkit.display.charts.row_layout import (
    NARROW,
    PAD,
    SMALL,
    TOP,
    WIDE,
    Layout,
    Line,
    Room,
    carry_narrow,
    chart,
    draw_rows_at,
    draw_stripes,
    draw_tooltips,
    place_row,
    text_width,
    vertical,
    watermark_rows,
    wrap_title,
    write_texts,
)
from toolkit.display.text import (
    SIMULATED,
    Headed,
    check_flow,
    flow_sentence,
    format_count,
    format_excluded,
    format_step,
    is_simulated,
)
from toolkit.results import Row


def flow_chart(flow: pl.DataFrame) -> alt.LayerChart:
    """Draw the participant flow: those remaining after each step, those excluded and the reason.

    Parameters
    ----------
    flow
        A flow frame of `tk.flow`: step, reason, n_left, n_out.

    Returns
    -------
    altair.LayerChart
        One bar a step, with those excluded and the reason beside it.

    Raises
    ------
    VariableError
        If this is not a flow frame, or has no rows.

    Examples
    --------
    >>> rows = [("participants in the study", "", 100, 0), ("age >= 20", "younger", 60, 40)]
    >>> flow = pl.DataFrame(rows, schema=["step", "reason", "n_left", "n_out"], orient="row")
    >>> flow_chart(flow).title.text
    ['Selection of the analytic sample: 60 of 100 participants']
    """
    flow = _check_steps(flow)
    wide, narrow = (_draw_in(room, flow) for room in (WIDE, NARROW))
    return carry_narrow(wide, narrow, lambda width: _draw_at(width, flow))


def draw_flow_at(width: float, flow: pl.DataFrame) -> alt.LayerChart:
    """Draw `flow_chart` in one width alone, as a screen shows it."""
    return _draw_at(width, _check_steps(flow))


def _check_steps(flow: pl.DataFrame) -> pl.DataFrame:
    theme.use()
    return show(check_flow(flow, "tk.flow_chart"))


def _draw_at(width: float, flow: pl.DataFrame) -> alt.LayerChart:
    rows = flow.rows(named=True)
    return draw_rows_at(width, lambda room: _lay_out(rows, room).width, lambda room: _draw_in(room, flow))


@theme.unchecked
def _draw_in(room: Room, flow: pl.DataFrame) -> alt.LayerChart:
    rows, simulated = flow.rows(named=True), is_simulated(flow)
    title = "Selection of the analytic sample"
    if None not in (rows[0]["n_left"], rows[-1]["n_left"]):
        start = format_count(rows[0]["n_left"] + (rows[0]["n_out"] or 0))
        about = "about " * is_rounded(flow)
        title += f": {about}{format_count(rows[-1]['n_left'])} of {start} participants"
    layout = _lay_out(rows, room)
    layers = [
        draw_stripes(layout),
        *_draw_bars(layout),
        *_write_columns(layout),
        draw_tooltips([_list_tips(line, row) for line, row in layout.rows], layout),
        *([watermark_rows(layout)] if simulated else []),
    ]
    return alt.LayerChart(
        layer=layers,
        width=layout.width,
        height=layout.height,
        description=f"{title}. {flow_sentence(flow)}",
        title=wrap_title(title, [SIMULATED] * simulated, layout.width, simulated),
    )


def _lay_out(rows: Sequence[Row], room: Room) -> Layout:
    lines: list[Line] = []
    top, before = float(TOP), None
    for row in rows:
        step = "" if row["step"] == before else format_step(row["step"])
        before = row["step"]
        reason = f": {row['reason']}" if row["reason"] else ""
        sign = "−" if row["n_out"] else ""
        note = f"{sign}{format_excluded(row)}{reason}" if format_excluded(row) else ""
        lines.append(place_row(Headed("", step or " ", row), top, note, False, room))
        top += lines[-1].height
    if room.stacked:
        return Layout(tuple(lines), top, PAD, 0.0, room)
    labels = max(text_width(line.label) for line in lines)
    counts = max(text_width(text) for text in ["Remaining", *(format_count(r["n_left"]) for r in rows)])
    return Layout(tuple(lines), top, labels + counts + 2.5 * PAD, room.note, room)


def _draw_bars(layout: Layout) -> list[alt.Chart]:
    values = [
        {"y": line.y, "n_left": row["n_left"] or 0, "before": (row["n_left"] or 0) + (row["n_out"] or 0)}
        for line, row in layout.rows
        if row["n_left"] is not None
    ]
    most = max((value["before"] for value in values), default=0) or 1
    stacked = layout.room.stacked
    axis = alt.Axis(
        title="Participants (unweighted)",
        tickCount=3 if layout.room.plot < 280 else 5,
        grid=not stacked,
        format=",d",
        labelFlush=False,
    )
    left = alt.X(
        "n_left:Q", scale=alt.Scale(domain=[0, most], range=list(layout.plot), nice=False), axis=axis
    )
    place: dict[str, Any] = {"x": left, "y": vertical(layout)}
    excluded = alt.MarkDef("bar", height=16, color=palette.ORANGE, opacity=0.6)
    remaining = alt.MarkDef("bar", height=16, color=palette.BLUE, opacity=0.75)
    return [
        chart(values, excluded, **place, x2="before:Q"),
        chart(values, remaining, **place, x2=alt.X2(datum=0)),
    ]


def _write_columns(layout: Layout) -> list[alt.Chart]:
    column, numbers = layout.plot[1] + PAD, layout.left - PAD
    left = [{"y": line.y, "text": format_count(row["n_left"]) or "–"} for line, row in layout.rows]
    labels = [{"y": line.label_y, "text": line.label} for line in layout.lines]
    notes = [{"y": line.note_y, "text": line.note} for line in layout.lines]
    small: dict[str, Any] = {"fontSize": palette.SMALL_SIZE}

    def head(text: str, x: float, **style: Any) -> alt.Chart:
        return write_texts([{"y": TOP / 2, "text": text}], x, layout, **style)

    if layout.room.stacked:
        return [
            head("Remaining at each step; excluded, with the reason", 4, **SMALL),
            write_texts(labels, 4, layout, fontWeight="bold"),
            write_texts(left, column, layout),
            write_texts(notes, 4, layout, **small),
        ]
    return [
        head("Remaining", numbers, align="right", **SMALL),
        head("Excluded: reason", column, fontWeight="bold"),
        write_texts(labels, 4, layout),
        write_texts(left, numbers, layout, align="right"),
        write_texts(notes, column, layout, **small),
    ]


def _list_tips(line: Line, row: Row) -> Mapping[str, Any]:
    return {
        "y": line.top,
        "below": line.top + line.height,
        "step": row["step"],
        "remaining": format_count(row["n_left"]) or "not shown",
        "excluded": format_excluded(row) or "0",
        "reason": row["reason"] or "none",
    }
