"""Draw the diagnostics of multiple imputation: distributions of imputed values, and traces of the chains."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette, theme
from toolkit.display.charts.row_layout import PAGE_PADDING, carry_narrow, chart, draw_watermark, wrap_title
from toolkit.display.text import (
    SIMULATED,
    capitalize,
    check_columns,
    format_level,
    format_number,
    is_simulated,
)
from toolkit.errors import VariableError

_WIDE, _NARROW, _AXIS_WIDTH = 480, 220, 150
_HEIGHT, _LEVEL_HEIGHT = 130, 24
_OBSERVED, _IMPUTED = "observed", "imputed"
_COLUMNS = ("study", "variable", "label", "level")
Panel = Callable[[str, int], alt.LayerChart]


def imputation_chart(distributions: pl.DataFrame) -> alt.VConcatChart:
    """Draw the distribution of imputed values beside that of observed ones, a panel for each variable.

    Parameters
    ----------
    distributions
        `Imputations.distributions` of `tk.effects.impute`.

    Returns
    -------
    altair.VConcatChart
        Of a number the shares in intervals as lines; of a category the share of each level as points.

    Raises
    ------
    VariableError
        If this is another frame, or has no rows because few values were imputed.

    Examples
    --------
    >>> rows = {"study": "a", "variable": "sex", "label": "sex", "level": ["female", "male"],
    ...         "low": [None, None], "high": [None, None], "observed": [0.5, 0.5], "imputed": [0.4, 0.6]}
    >>> imputation_chart(pl.DataFrame(rows)).title.text
    ['Observed and imputed values']
    """
    needed = (*_COLUMNS, "low", "high", _OBSERVED, _IMPUTED)
    _check(distributions, needed, "tk.charts.imputation_chart", "distributions")
    points = distributions.rows(named=True)
    title = "Observed and imputed values"
    texts = [f"{p['label']}: {_describe_place(p)}" for p in points if p[_IMPUTED] is not None]
    note = "Shares of the observed values, and of the imputed values of all imputations"
    return _stack(distributions, partial(_draw_distribution, points), (title, note, "; ".join(texts)))


def trace_chart(trace: pl.DataFrame) -> alt.VConcatChart:
    """Draw the mean of the imputed values by iteration, a line for each chain and a panel for each variable.

    Parameters
    ----------
    trace
        `Imputations.trace` of `tk.effects.impute`.

    Returns
    -------
    altair.VConcatChart
        Chains that have mixed cross each other without a trend. Of a category the share of one level.

    Raises
    ------
    VariableError
        If this is another frame, or has no rows because few values were imputed.

    Examples
    --------
    >>> rows = {"study": "a", "variable": "bmi", "label": "body mass index", "level": None, "chain": [1, 1],
    ...         "iteration": [1, 2], "mean": [27.1, 27.4]}
    >>> trace_chart(pl.DataFrame(rows)).title.text
    ['Means of imputed values by iteration']
    """
    _check(trace, (*_COLUMNS, "chain", "iteration", "mean"), "tk.charts.trace_chart", "trace")
    lines = trace.rows(named=True)
    ends = trace.group_by("label", maintain_order=True).agg(low=pl.min("mean"), high=pl.max("mean"))
    told = [f"{row['label']}: from {row['low']:.3g} to {row['high']:.3g}" for row in ends.rows(named=True)]
    title = "Means of imputed values by iteration"
    note = f"One line for each of {trace['chain'].n_unique()} chains"
    return _stack(trace, partial(_draw_trace, lines), (title, note, "; ".join(told)))


def _check(frame: object, columns: Sequence[str], shown_by: str, attribute: str) -> None:
    if isinstance(frame, pl.DataFrame) and frame.is_empty() and {*columns} <= {*frame.columns}:
        raise VariableError(
            f"{shown_by} has no values to draw, because no variable has enough imputed values to be shown. "
            "List them with imputations.diagnostics."
        )
    check_columns(frame, columns, shown_by, f"tk.effects.impute(...).{attribute}")


def _stack(frame: pl.DataFrame, panel: Panel, texts: tuple[str, str, str]) -> alt.VConcatChart:
    """Stack the panels of all variables, in the widths of a page, a phone and paper."""
    theme.use()
    title, note, description = texts
    names = frame["variable"].unique(maintain_order=True).to_list()

    @theme.unchecked
    def draw(width: float) -> alt.VConcatChart:
        plot = int(width)
        panels = [panel(name, plot) for name in names]
        for one in panels if is_simulated(frame) else ():
            one.layer.append(draw_watermark(plot / 2, one.height / 2, 28))
        notes = [*[SIMULATED] * is_simulated(frame), note]
        heading = wrap_title(title, notes, plot + _AXIS_WIDTH, is_simulated(frame))
        made: alt.VConcatChart = alt.vconcat(*panels, spacing=28).properties(
            title=heading, description=f"{title}. {description}"
        )
        return made

    return carry_narrow(
        draw(_WIDE), draw(_NARROW), lambda width: draw(width - _AXIS_WIDTH - 2 * PAGE_PADDING)
    )


def _colors(names: Sequence[str], colors: Sequence[str]) -> alt.Color:
    scale = alt.Scale(domain=list(names), range=list(colors))
    return alt.Color("values:N", scale=scale, legend=alt.Legend(title=None, orient="top"))


def _draw_distribution(rows: Sequence[dict[str, Any]], name: str, width: int) -> alt.LayerChart:
    own = [p for p in rows if p["variable"] == name and p[_OBSERVED] is not None]
    number = any(p["low"] is not None for p in own)
    data = [
        {
            "values": source,
            "share": 100 * p[source],
            "place": (p["low"] + p["high"]) / 2 if number else format_level(p["level"]),
            "at": _name_place(p),
            "percent": f"{100 * p[source]:.1f}%",
        }
        for p in own
        for source in (_OBSERVED, _IMPUTED)
    ]
    color = _colors((_OBSERVED, _IMPUTED), (palette.BLUE, palette.VERMILLION))
    tips = [alt.Tooltip(f"{field}:N", title=field) for field in ("values", "at", "percent")]
    label = capitalize(own[0]["label"]) if own else name
    shape = alt.Shape("values:N", scale=alt.Scale(domain=[_OBSERVED, _IMPUTED], range=["circle", "diamond"]),
                      legend=alt.Legend(title=None, orient="top"))  # fmt: skip
    share = alt.Axis(title="Share (%)", tickCount=4)
    if number:
        x = alt.X("place:Q", scale=alt.Scale(zero=False, nice=False), axis=alt.Axis(title=label, grid=False))
        base = chart(data, x=x, y=alt.Y("share:Q", axis=share), color=color, shape=shape, tooltip=tips)
        height, line = _HEIGHT, [base.mark_line(strokeWidth=2)]
    else:
        levels = list(dict.fromkeys(item["place"] for item in data))
        y = alt.Y("place:N", sort=levels, axis=alt.Axis(title=None, labelLimit=_AXIS_WIDTH - 10))
        share.title = f"{label}: share (%)"
        base = chart(data, x=alt.X("share:Q", axis=share), y=y, color=color, shape=shape, tooltip=tips)
        height, line = _LEVEL_HEIGHT * len(levels), []
    points = base.mark_point(filled=True, size=60, opacity=1)
    return alt.LayerChart(layer=[*line, points], width=width, height=height)


def _draw_trace(lines: Sequence[dict[str, Any]], name: str, width: int) -> alt.LayerChart:
    own = [line for line in lines if line["variable"] == name]
    share = own[0]["level"] is not None
    data = [
        {"chain": str(p["chain"]), "iteration": p["iteration"], "mean": (100 if share else 1) * p["mean"]}
        for p in own
    ]
    label = capitalize(own[0]["label"])
    title = f"{label}: {format_level(own[0]['level'])} (%)" if share else f"{label}, mean"
    last = max(p["iteration"] for p in data)
    ticks = alt.Axis(title="Iteration", values=list(range(1, last + 1)), grid=False, format="d")
    x = alt.X("iteration:Q", axis=ticks, scale=alt.Scale(domain=[1, max(last, 2)], nice=False))
    y = alt.Y("mean:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=_wrap(title), tickCount=4))
    tips = [alt.Tooltip(f"{field}:N", title=field) for field in ("chain", "iteration", "mean")]
    base = chart(data, x=x, y=y, detail="chain:N", tooltip=tips)
    line = base.mark_line(strokeWidth=1.2, color=palette.BLUE, opacity=0.5)
    points = base.mark_point(filled=True, size=16, color=palette.BLUE, opacity=0.5)
    return alt.LayerChart(layer=[line, points], width=width, height=_HEIGHT)


def _wrap(title: str, most: int = 22) -> list[str]:
    """Break the title of a vertical axis into lines."""
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _name_place(point: dict[str, Any]) -> str:
    if point["low"] is None:
        return format_level(point["level"])
    return f"{format_number(point['low'], 'number')} to {format_number(point['high'], 'number')}"


def _describe_place(point: dict[str, Any]) -> str:
    observed, imputed = (f"{100 * point[name]:.1f}% {name}" for name in (_OBSERVED, _IMPUTED))
    return f"{_name_place(point)}, {observed} and {imputed}"
