"""Forest plots and prevalence charts: rows of labels, marks on a common axis, numbers and remarks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import polars as pl

from toolkit.disclosure import is_hidden, is_rounded, note_counts, show
from toolkit.display.charts import theme
from toolkit.display.charts.estimate_marks import (
    Axis,
    draw_marks,
    draw_null_line,
    draw_true_values,
    find_true_values,
    place_mark,
)
from toolkit.display.charts.reference_rows import add_references, is_reference
from toolkit.display.charts.row_layout import (
    HALF,
    INDENT,
    NARROW,
    PAD,
    SMALL,
    TOP,
    WIDE,
    Layout,
    Line,
    Room,
    carry_narrow,
    choose_range,
    draw_rows_at,
    draw_stripes,
    draw_tooltips,
    find_span,
    format_sizes,
    head_sizes,
    lay_out,
    make_value_axis,
    shade_empty,
    watermark_rows,
    wrap_title,
    write_texts,
)
from toolkit.display.text import (
    Headed,
    Labels,
    capitalize,
    check_result,
    count_covered,
    finding,
    format_adjustment,
    format_count,
    format_estimate,
    format_flag,
    format_size,
    format_true_value,
    has_true_values,
    head_rows,
    is_simulated,
    name_interval,
    shorten_reason,
    split_agreement,
    unit_of,
    write_notes,
    write_title,
)
from toolkit.errors import VariableError
from toolkit.results import Estimand, Row, estimand_of

_MOST_ROWS = 120
_TRUE_VALUES = "Diamonds: true values"


def forest(
    frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None, counts: pl.DataFrame | None = None
) -> alt.VConcatChart:
    """Draw a forest plot: estimates with their confidence intervals, against the null value.

    Parameters
    ----------
    frame
        A result frame of up to 120 rows of any estimand; each measure has its own panel.
    labels
        Labels of `by` and `adjust` variables, by name, such as ``{"bmi": "body mass index"}``.
    counts
        Prevalences of the same participants by the levels of the exposure (`tk.prevalence`). Each level is
        then shown with its own n and cases, after a row of the reference.

    Returns
    -------
    altair.VConcatChart
        Ratios on a log axis, differences in percentage points. An estimate that failed or is suppressed has
        a line with its reason, without a mark.

    Raises
    ------
    VariableError
        If this is not a result frame, or has no rows or more than 120.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "odds_ratio", "outcome_label": "cramps", "exposure": "sex",
    ...        "level": "female", "reference": "male", "estimate": 1.4, "scale": "log", "conf_low": 1.1,
    ...        "conf_high": 1.8, "reliability": "ok"}
    >>> forest(frame([row])).title.text
    ['Odds ratio of cramps by sex']
    """
    sizes = None if counts is None else show(counts)
    return _draw_panels(_check_rows(frame, "tk.forest"), labels, bars=False, counts=sizes)


def prevalence_chart(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.VConcatChart:
    """Draw prevalences, means or totals with their confidence intervals, by level and group.

    Parameters
    ----------
    frame
        A result frame of `tk.prevalence`, `tk.mean`, `tk.total` or `tk.quantile`, of up to 120 rows.
    labels
        Labels of `by` variables, by name.

    Returns
    -------
    altair.VConcatChart
        Prevalence as bars in percent, other measures as points in their unit. An estimate that failed or is
        suppressed has a line with its reason, without a mark.

    Raises
    ------
    VariableError
        If this is not a result frame, has no rows or more than 120, or has comparisons.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok", "sex": "female"}
    >>> prevalence_chart(frame([row, {**row, "sex": "male"}], by=["sex"])).title.text
    ['Prevalence of cramps by sex']
    """
    frame = _check_rows(frame, "tk.prevalence_chart")
    compared = [row["estimand"] for row in frame.rows(named=True) if estimand_of(row).null_value is not None]
    if compared:
        raise VariableError(
            f"tk.prevalence_chart draws prevalences and means, and {len(compared)} of {frame.height} rows "
            f"compare groups ('{compared[0]}'). Use tk.forest(frame) for these."
        )
    return _draw_panels(frame, labels, bars=True)


def _check_rows(frame: pl.DataFrame, shown_by: str) -> pl.DataFrame:
    check_result(frame, shown_by)
    if frame.height > _MOST_ROWS:
        raise VariableError(
            f"{shown_by} draws at most {_MOST_ROWS} rows, and this frame has {frame.height:,}. "
            f"Use a part, such as frame.filter(pl.col('estimand') == '{frame['estimand'][0]}') or "
            f"frame.head({_MOST_ROWS}), or list all with tk.table(frame)."
        )
    theme.use()
    return show(frame)


def draw_estimates_at(
    width: float, frame: pl.DataFrame, labels: Labels | None = None, *, bars: bool
) -> alt.VConcatChart:
    """Draw `prevalence_chart` (bars) or `forest` in one width alone, as a screen shows it."""
    rows = _check_rows(frame, "tk.prevalence_chart" if bars else "tk.forest")
    return _draw_at(width, rows, labels, bars)


def _draw_at(
    width: float, frame: pl.DataFrame, labels: Labels | None, bars: bool, counts: pl.DataFrame | None = None
) -> alt.VConcatChart:
    def measure(room: Room) -> float:
        return max(panel.layout.width for panel in _lay_out_panels(room, frame, labels, counts))

    return draw_rows_at(width, measure, lambda room: _draw_in(room, frame, labels, bars, counts))


def _draw_panels(
    frame: pl.DataFrame, labels: Labels | None, bars: bool, counts: pl.DataFrame | None = None
) -> alt.VConcatChart:
    """Draw one panel a measure below each other; `bars` draws prevalences as bars from zero."""
    wide, narrow = (_draw_in(room, frame, labels, bars, counts) for room in (WIDE, NARROW))
    return carry_narrow(wide, narrow, lambda width: _draw_at(width, frame, labels, bars, counts))


@dataclass(frozen=True)
class _Panel:
    """The rows of one measure, laid out."""

    estimand: Estimand
    unit: str
    layout: Layout


def _lay_out_panels(
    room: Room, frame: pl.DataFrame, labels: Labels | None, counts: pl.DataFrame | None
) -> list[_Panel]:
    parts: dict[tuple[Estimand, str], list[Headed]] = {}
    for item in add_references(head_rows(frame, labels), counts):
        parts.setdefault((estimand_of(item.row), unit_of(item.row)), []).append(item)
    panels = []
    for (estimand, unit), items in parts.items():
        rows = [item.row for item in items]
        remarks = [_remark_below(row) if room.stacked else _remark(row) for row in rows]
        layout = lay_out(items, remarks, [_format_number(row) for row in rows], room)
        panels.append(_Panel(estimand, unit, layout))
    left = max(panel.layout.left for panel in panels)
    return [replace(panel, layout=replace(panel.layout, left=left)) for panel in panels]


@theme.unchecked
def _draw_in(
    room: Room, frame: pl.DataFrame, labels: Labels | None, bars: bool, counts: pl.DataFrame | None
) -> alt.VConcatChart:
    about = finding(frame, labels=labels)
    frame, agreement = split_agreement(frame, labels)
    panels = _lay_out_panels(room, frame, labels, counts)
    drawn = [_draw_panel(panel.layout, panel.estimand, panel.unit, frame, bars) for panel in panels]
    width = room.label if room.stacked else panels[0].layout.left + room.plot + 200
    notes = [*write_notes(frame, labels), *agreement]
    about = f"{write_title(frame, labels)}. {about}"
    if is_rounded(frame):
        notes.append(note_counts(frame))
    if has_true_values(frame):
        about = f"{about} {_TRUE_VALUES}. {count_covered(frame)}".strip()
        notes += [_TRUE_VALUES] if room.stacked else []
    title = wrap_title(write_title(frame, labels), notes, width, is_simulated(frame))
    return alt.vconcat(*drawn, spacing=24).properties(title=title, description=about)


def _format_number(row: Row) -> str:
    if is_reference(row):
        return "reference"
    return format_estimate(row)


def _remark(row: Row) -> str:
    return format_flag(row, shorten_reason(row["reason"]))


def _remark_below(row: Row) -> str:
    """Write n, cases and the remark below a stacked row."""
    cases = "" if row["n_cases"] is None else f" ({format_count(row['n_cases'])} cases)"
    n = format_size(row)
    return "\n".join(part for part in (n and n + cases, _remark(row)) if part)


def _draw_panel(
    layout: Layout, estimand: Estimand, unit: str, frame: pl.DataFrame, bars: bool
) -> alt.LayerChart:
    drawn = [(line, span) for line, row in layout.rows if (span := find_span(row))]
    bars = bars and estimand.kind == "percent"
    low, high = choose_range(estimand, [span for _, span in drawn], bars)
    true = find_true_values(layout)
    low, high = min([low, *true.values()]), max([high, *true.values()])
    x = _make_axis(estimand, unit, layout, (low, high))
    layers = [
        draw_stripes(layout),
        *shade_empty(layout),
        *([] if estimand.null_value is None else [draw_null_line(estimand.null_value, x, layout)]),
        *draw_marks([place_mark(line, span, low, high) for line, span in drawn], x, layout, bars),
        *(draw_true_values(true, x, layout) if true else []),
        *_write_columns(layout, estimand, unit, frame),
        draw_tooltips(
            [_list_tips(line, line.item, bool(true)) for line in layout.lines if line.item], layout
        ),
        *([watermark_rows(layout)] if is_simulated(frame) else []),
    ]
    return alt.LayerChart(layer=layers, width=layout.width, height=layout.height)


def _make_axis(estimand: Estimand, unit: str, layout: Layout, limits: tuple[float, float]) -> Axis:
    stacked = layout.room.stacked
    return make_value_axis(
        estimand, alt.X, limits, layout.room.plot, ticks=4 if stacked else 6,
        title=f"{estimand.noun} ({unit})" if unit else "",
        axis={"labelFlush": False, "grid": not stacked}, scale={"range": list(layout.plot)},
    )  # fmt: skip


def _write_columns(layout: Layout, estimand: Estimand, unit: str, frame: pl.DataFrame) -> list[alt.Chart]:
    rows, stacked = layout.rows, layout.room.stacked
    column = layout.plot[1] + PAD
    heads = [{"y": line.label_y, "text": line.label} for line in layout.lines if not line.item]
    layers = [
        write_texts(heads, 4, layout, fontWeight="bold"),
        write_texts(
            [{"y": TOP / 2, "text": _head_numbers(estimand, unit, frame)}],
            4 if stacked else column, layout, fontWeight="bold"
        ),
    ]  # fmt: skip
    head: list[dict[str, Any]] = [{"y": TOP / 2, "text": head_sizes([row for _, row in rows])}]
    sizes = [
        write_texts(texts, layout.left - PAD, layout, align="right", **SMALL)
        for texts in (head, [{"y": line.y, "text": format_sizes(row)} for line, row in rows])
        if not stacked
    ]
    labels = [
        write_texts(
            [{"y": line.label_y, "text": line.label} for line, _ in rows if line.indent == indent],
            4 + indent, layout
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


def _list_tips(line: Line, item: Headed, true: bool) -> dict[str, Any]:
    row = item.row
    cases = "not shown" if is_hidden(row) else format_count(row["n_cases"])
    return {
        "y": line.top,
        "below": line.top + line.height,
        "row": item.name or "estimate",
        "measure": estimand_of(row).noun,
        "estimate": _format_number(row) or "not shown",
        **({"true value": format_true_value(row) or "not known"} if true else {}),
        "adjustment": format_adjustment(row) or "none",
        "n": format_count(row["n"]) or "not given",
        "cases": cases or "not given",
        "remark": _remark(row) or "none",
    }
