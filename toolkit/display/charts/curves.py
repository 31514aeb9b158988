"""Draw results along a continuous variable as lines with a band: dose-response, lags, survival."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import polars as pl

from toolkit.disclosure import show
from toolkit.display.charts import palette, theme
from toolkit.display.charts.row_layout import (
    PAGE_PADDING,
    TICK_FORMAT,
    carry_narrow,
    chart,
    choose_range,
    clamp_span,
    draw_watermark,
    find_span,
    make_value_axis,
    wrap_title,
)
from toolkit.display.text import (
    SHOWN,
    Labels,
    capitalize,
    check_result,
    finding,
    format_count,
    format_estimate,
    format_p_value,
    is_simulated,
    label_variable,
    name_interval,
    write_notes,
    write_title,
)
from toolkit.errors import VariableError
from toolkit.results import Estimand, Row, by_columns, estimand_of

_LAG = re.compile(r"^lag (\d+)$")
_HEIGHT = 300
_WIDE, _NARROW, _AXIS_WIDTH = 520, 300, 60


@dataclass(frozen=True)
class _Axes:
    """What all lines of a chart share: the estimand, the title of the horizontal axis, the vertical range."""

    estimand: Estimand
    title: str
    lags: bool
    low: float
    high: float

    @property
    def in_steps(self) -> bool:
        return self.estimand.family == "survival"


def curve_chart(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.LayerChart:
    """Draw a result along a continuous variable as a line with its confidence band.

    Parameters
    ----------
    frame
        A result frame of `tk.curve`, `tk.lag_curve` or `tk.survival`, or of another estimator whose levels
        are numbers; one measure of one exposure. Each group of `by` has its own line.
    labels
        Labels of `by` and `adjust` variables, by name.

    Returns
    -------
    altair.LayerChart
        Ratios on a log axis with the null value; survival in steps and percent; lags as points joined by a
        line. Estimates that failed or are unreliable are left out.

    Raises
    ------
    VariableError
        If this is not a result frame, has fewer than two numeric levels, or has several measures.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "odds_ratio", "outcome_label": "cramps", "exposure": "age",
    ...        "exposure_label": "age (years)", "reference": "50", "scale": "log", "reliability": "ok"}
    >>> ages = [{"level": "40", "estimate": 0.8}, {"level": "50", "estimate": 1.0}]
    >>> curve_chart(frame([{**row, **age} for age in ages])).title.text
    ['Odds ratio of cramps by age (years)']
    """
    frame = show(check_result(frame, "tk.curve_chart"))
    theme.use()
    rows = [
        row
        for row in frame.rows(named=True)
        if _read_level(row) is not None and estimand_of(row).kind != "test"
    ]
    _check_rows(rows)
    points = [point for row in rows if (point := _make_point(row, by_columns(frame), labels))]
    if not points:
        reason = str(rows[0]["reason"] or "no reason given").rstrip(".")
        raise VariableError(
            f"tk.curve_chart cannot draw this frame, because none of its {len(rows)} rows has a reliable "
            f"estimate ({reason}). List the reasons with tk.table(frame)."
        )
    axes = _choose_axes(rows[0], points)

    def draw(width: float) -> alt.LayerChart:
        drawn: alt.LayerChart = _draw_lines(
            rows[0], points, axes, int(width), is_simulated(frame)
        ).properties(
            title=_write_title(frame, axes.lags, int(width) + _AXIS_WIDTH, labels),
            description=f"{write_title(frame, labels)}. {finding(frame, labels=labels)}",
        )
        return drawn

    return carry_narrow(
        draw(_WIDE), draw(_NARROW), lambda width: draw(width - _AXIS_WIDTH - 2 * PAGE_PADDING)
    )


def _read_level(row: Row) -> float | None:
    level = str(row["level"] or "")
    lag = _LAG.match(level)
    try:
        return float(lag[1] if lag else level)
    except ValueError:
        return None


def _check_rows(rows: Sequence[Row]) -> None:
    if len({_read_level(row) for row in rows}) < 2:
        raise VariableError(
            "tk.curve_chart draws along a continuous variable, and this frame has fewer than two levels that "
            "are numbers. Supply what tk.curve(...), tk.lag_curve(...) or tk.survival(...) returns, or use "
            "tk.forest(frame)."
        )
    for column in ("study", "estimand", "outcome", "exposure", "domain"):
        several = list(dict.fromkeys(str(row[column] or "") for row in rows))
        if len(several) > 1:
            raise VariableError(
                f"tk.curve_chart draws one '{column}', and this frame has {len(several)} "
                f"({', '.join(several[:4])}). Use one of them: "
                f"frame.filter(pl.col('{column}') == '{several[0]}')."
            )


def _make_point(row: Row, by: Sequence[str], labels: Labels | None) -> dict[str, Any] | None:
    span = find_span(row)
    if span is None or not math.isfinite(span[0]) or row["reliability"] not in SHOWN:
        return None
    return {
        "x": _read_level(row),
        "span": span,
        "group": ", ".join(f"{label_variable(name, labels)}: {row[name]}" for name in by),
        "at": str(row["level_label"] or row["level"]),
        "estimate": format_estimate(row),
        "n": format_count(row["n"]) or "not given",
        "remark": str(row["reason"] or "none"),
    }


def _choose_axes(row: Row, points: Sequence[Mapping[str, Any]]) -> _Axes:
    estimand, lags = estimand_of(row), bool(_LAG.match(str(row["level"])))
    low, high = choose_range(estimand, [point["span"] for point in points], estimand.kind == "percent")
    if estimand.family == "survival":
        low, high = 0.0, 100.0
    title = "lag (days)" if lags else str(row["exposure_label"] or row["exposure"] or "level")
    return _Axes(estimand, capitalize(title), lags, low, high)


@theme.unchecked
def _draw_lines(
    row: Row, points: Sequence[Mapping[str, Any]], axes: _Axes, width: int, simulated: bool
) -> alt.LayerChart:
    groups = list(dict.fromkeys(point["group"] for point in points))
    drawn = [*_start_survival(points, groups), *points] if axes.in_steps else points
    data = [
        {**{k: v for k, v in point.items() if k != "span"}, **clamp_span(point["span"], axes.low, axes.high)}
        for point in drawn
    ]
    x = _make_x(data, axes)
    y = make_value_axis(axes.estimand, alt.Y, (axes.low, axes.high), _HEIGHT)
    color = alt.Color(
        "group:N",
        scale=alt.Scale(domain=groups, range=list(palette.PALETTE[: len(groups)])),
        legend=alt.Legend(title=None, orient="top", columns=1, symbolOpacity=1) if len(groups) > 1 else None,
    )
    base = chart(data, x=x, color=color)
    shape: Any = {"interpolate": "step-after"} if axes.in_steps else {}
    null, layers = axes.estimand.null_value, []
    if null is not None and axes.low <= null <= axes.high:
        layers.append(
            chart([{"value": null}], alt.MarkDef("rule", color=palette.INK, strokeDash=[4, 3]), y=y("value"))
        )
    layers += [
        base.mark_area(opacity=0.16, **shape).encode(y=y("low"), y2="high:Q"),
        base.mark_line(strokeWidth=2, **shape).encode(y=y("value")),
    ]
    if axes.lags:
        layers += [
            base.mark_rule(strokeWidth=1.6).encode(y=y("low"), y2="high:Q"),
            base.mark_point(filled=True, size=60, opacity=1).encode(y=y("value")),
        ]
    elif null is not None and (reference := _read_level({"level": row["reference"]})) is not None:
        mark = alt.MarkDef("point", filled=True, size=70, opacity=1, color=palette.INK, shape="diamond")
        layers.append(chart([{"x": reference, "value": null}], mark, x=x, y=y("value")))
    tips = [alt.Tooltip(f"{name}:N", title=name) for name in ("group", "at", "estimate", "n", "remark")]
    layers.append(base.mark_point(size=220, opacity=0, filled=True).encode(y=y("value"), tooltip=tips))
    if simulated:
        layers.append(draw_watermark(width / 2, _HEIGHT / 2))
    return alt.LayerChart(layer=layers, width=width, height=_HEIGHT)


def _start_survival(points: Sequence[Mapping[str, Any]], groups: Sequence[str]) -> list[dict[str, Any]]:
    """Return the beginning of each curve, at 100%."""
    start = {"x": 0.0, "span": (100.0, 100.0, 100.0), "at": "the start", "remark": "none"}
    first = {point["group"]: point for point in reversed(points)}
    return [
        {**start, "group": group, "estimate": "100.0", "n": first[group]["n"]}
        for group in groups
        if min(p["x"] for p in points if p["group"] == group) > 0
    ]


def _make_x(data: Sequence[Mapping[str, Any]], axes: _Axes) -> alt.X:
    values = sorted({point["x"] for point in data})
    room = 0.25 if axes.lags else 0.0
    scale = alt.Scale(domain=[values[0] - room, values[-1] + room], nice=False, zero=False)
    ticks: Any = {"values": values} if axes.lags else {"tickCount": 6}
    return alt.X(
        "x:Q", scale=scale, axis=alt.Axis(title=axes.title, grid=False, labelExpr=TICK_FORMAT, **ticks)
    )


def _write_title(frame: pl.DataFrame, lags: bool, width: int, labels: Labels | None) -> alt.TitleParams:
    own = frame.filter(pl.Series([_read_level(row) is not None for row in frame.rows(named=True)]))
    units: list[str] = []
    if lags:
        own = own.with_columns(pl.col("exposure_label").str.split(", ").list.first())
        units = [
            text for text in own["level_label"].unique(maintain_order=True) if str(text).startswith("per")
        ]
    tests = [
        f"{row['level_label']}: {format_p_value(row['p_value'])}"
        for row in frame.rows(named=True)
        if estimand_of(row).kind == "test" and row["p_value"] is not None and not by_columns(frame)
    ]
    notes = [
        *write_notes(own, labels),
        capitalize("; ".join([*units, f"shaded band: pointwise {name_interval(own)}"])),
        *([capitalize("; ".join(tests))] if tests else []),
    ]
    return wrap_title(write_title(own, labels), notes, width, is_simulated(frame))
