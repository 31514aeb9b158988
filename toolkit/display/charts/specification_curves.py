"""Specification curves: the sorted estimates of a multiverse above the options that each of them takes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette, theme
from toolkit.display.charts.row_layout import (
    LINE,
    PAD,
    PAGE_PADDING,
    carry_narrow,
    chart,
    choose_range,
    clamp_span,
    draw_watermark,
    find_span,
    log_ticks,
    text_width,
    wrap_text,
    wrap_title,
)
from toolkit.display.text import (
    Curve,
    Labels,
    capitalize,
    check_multiverse,
    curves_of,
    excludes,
    finding,
    format_confidence,
    format_count,
    format_estimate,
    format_number,
    is_simulated,
    label_option,
    label_variable,
    write_notes,
    write_title,
)
from toolkit.errors import VariableError
from toolkit.results import Row

_HEIGHT, _STRIP, _GAP, _HEAD = 240.0, 9.0, 5.0, 22.0
_WIDE, _NARROW, _LABELS, _TICKS = 760, 332, 230, 44
_STACKED_BELOW = 560
_MOST_CURVES = 12
# Of more specifications tooltips are of neighbors together, and estimates are dashes of one line.
_MOST_APART = 200
# Half of the width of a mark below a curve of few specifications.
_WIDEST = 9.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def specification_curve(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None) -> alt.VConcatChart:
    """Draw the specification curve of a multiverse.

    Parameters
    ----------
    frame
        The result of `tk.multiverse`, or a part of its rows with up to 12 comparisons and estimands.
    labels
        Labels of choices, options and variables, by name, such as ``{"adjustment_set": "covariates"}``.

    Returns
    -------
    altair.VConcatChart
        A panel for each comparison and estimand: the estimates with their confidence intervals in ascending
        order, the null value (dashed) and the median. Below each estimate are marks of the options that the
        specification takes. What could not be estimated is counted in the alternative text.

    Raises
    ------
    VariableError
        If this is not a result of `tk.multiverse`, has no estimate, or has more than 12 panels.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.multiverse(study, "any_cramps", "arthritis", adjust=((), ("age", "sex")), flips=0)
    >>> specification_curve(rows).title.text[0]
    'Prevalence ratio of any nocturnal leg cramps in the past month by diagnosed arthritis, 2'
    """
    frame = check_multiverse(frame, "tk.charts.specification_curve")
    theme.use()
    curves = curves_of(frame)
    if not 0 < len(curves) <= _MOST_CURVES:
        none = f"has no estimate ({frame['reason'][0] or 'no reason given'})"
        raise VariableError(
            f"tk.charts.specification_curve draws 1 to {_MOST_CURVES} comparisons, and this frame "
            f"{f'has {len(curves)}' if curves else none}. Keep those of one question: "
            f"frame.filter(pl.col('comparison') == '{frame['comparison'][0]}')."
        )
    return _draw(frame, curves, labels or {})


@theme.unchecked
def _draw(frame: pl.DataFrame, curves: Sequence[Curve], labels: Labels) -> alt.VConcatChart:
    def draw(width: float) -> alt.VConcatChart:
        panels = [_Panel(curve, labels, float(width)) for curve in curves]
        drawn = [alt.LayerChart(layer=list(p.draw(is_simulated(frame))), width=width, height=p.height)
                 for p in panels]  # fmt: skip
        made: alt.VConcatChart = alt.vconcat(*drawn, spacing=26).properties(
            title=_write_title(frame, curves, labels, width),
            description=finding(frame, labels=labels),
        )
        return made

    return carry_narrow(draw(_WIDE), draw(_NARROW), lambda width: draw(width - 2 * PAGE_PADDING))


def _write_title(
    frame: pl.DataFrame, curves: Sequence[Curve], labels: Labels, width: float
) -> alt.TitleParams:
    own = pl.DataFrame(frame).filter(pl.col("estimand").is_in([curve.estimand.name for curve in curves]))
    count = sum(len(curve.rows) for curve in curves)
    title = f"{write_title(own, labels)}, {format_count(count)} specifications"
    ends = f"{format_confidence(curves[0].rows[0])} confidence interval"
    color = f"Blue: the {ends} excludes the null value (dashed); gray: it includes it. Orange: median"
    # What varies over specifications is not that of all.
    notes = [note for note in write_notes(own, labels) if not note.lower().startswith("adjusted")]
    return wrap_title(title, [*notes, color], width, is_simulated(frame))


@dataclass(frozen=True)
class _Strip:
    """The marks of one option: its label, where it is, and which specifications take it."""

    label: str
    label_y: float
    y: float
    taken: tuple[bool, ...]


@dataclass(frozen=True)
class _Panel:
    """One curve in pixels from the top left; in a narrow panel options are above their marks."""

    curve: Curve
    labels: Labels
    width: float

    @property
    def stacked(self) -> bool:
        return self.width < _STACKED_BELOW

    @cached_property
    def title(self) -> str:
        """The axis title with what is compared and the median."""
        curve = self.curve
        median = f"median {format_number(curve.median, curve.estimand.kind)}"
        return wrap_text(
            f"{capitalize(curve.estimand.axis)}, {curve.comparison}; {median}", self.width, bold=True
        )

    @property
    def head(self) -> float:
        return _HEAD + LINE * self.title.count("\n")

    @cached_property
    def rows(self) -> list[Row]:
        return sorted(self.curve.rows, key=lambda row: row["estimate"])

    @cached_property
    def beyond(self) -> list[bool]:
        """Whether each interval excludes the null value."""
        return [excludes(row, self.curve.null) for row in self.rows]

    @cached_property
    def left(self) -> float:
        if self.stacked:
            return float(_TICKS)
        widest = max((text_width(text) for text, _ in self._options()), default=0.0)
        return float(_TICKS) + min(widest, _LABELS) + PAD

    @property
    def slot(self) -> float:
        return (self.width - self.left) / len(self.rows)

    def x(self, place: float) -> float:
        """Return the middle of a specification's slot."""
        return self.left + (place + 0.5) * self.slot

    @cached_property
    def limits(self) -> tuple[float, float]:
        return choose_range(
            self.curve.estimand, [span for row in self.rows if (span := find_span(row))], False
        )

    @property
    def _scale(self) -> Callable[[float], float]:
        return math.log if self.curve.estimand.kind == "ratio" else float

    def y(self, value: float) -> float:
        low, high = map(self._scale, self.limits)
        return self.head + _HEIGHT * (high - self._scale(value)) / (high - low)

    def _options(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield the label of each option with its choice and name, in the order of the choices."""
        for choice in self.curve.choices:
            first: dict[str, Row] = {}
            for row in self.curve.rows:
                first.setdefault(row[choice], row)
            for name, row in first.items():
                yield label_option(choice, row, self.labels), (choice, name)

    @cached_property
    def strips(self) -> tuple[list[_Strip], list[dict[str, Any]], float]:
        """Place the options below the curve, with the headings of their choices, and the end of the panel."""
        top, strips, heads, head = self.head + _HEIGHT + 14.0, [], [], ""
        room = self.width - 8 if self.stacked else self.left - _TICKS + PAD
        for label, (choice, name) in self._options():
            if choice != head:
                head = choice
                heads.append({
                    "text": capitalize(label_variable(choice, self.labels)), "y": top + LINE / 2 + _GAP
                })  # fmt: skip
                top += LINE + 2 * _GAP
            text = wrap_text(label, room)
            lines = LINE * (text.count("\n") + 1)
            taken = tuple(row[choice] == name for row in self.rows)
            if self.stacked:
                strips.append(_Strip(text, top + lines / 2, top + lines + _STRIP / 2, taken))
                top += lines + _STRIP + _GAP
            else:
                height = max(lines, _STRIP + _GAP)
                strips.append(_Strip(text, top + height / 2, top + height / 2, taken))
                top += height + 1
        return strips, heads, top

    @property
    def height(self) -> float:
        return self.strips[2] + 4

    def draw(self, simulated: bool) -> Iterator[alt.Chart]:
        yield from self._draw_axis()
        yield from self._draw_estimates()
        yield from self._draw_strips()
        yield self._draw_tooltips()
        if simulated:
            size = max(min(_HEIGHT / 3, (self.width - self.left) / 6.5, 44), 14)
            yield draw_watermark((self.left + self.width) / 2, self.head + _HEIGHT / 2, size)

    def _draw_axis(self) -> Iterator[alt.Chart]:
        """Draw the axis of values by hand, since labels of options are to its left."""
        kind, null = self.curve.estimand.kind, self.curve.null
        ticks = [{"y": self.y(tick), "text": _write_tick(tick, kind)} for tick in self._ticks()]
        yield self._rule(ticks, color=palette.FAINT)
        yield self._text(ticks, self.left - 6, align="right")
        yield self._text([{"y": self.head / 2 - 3, "text": self.title}], 0, fontWeight="bold")
        yield self._rule([{"y": self.y(self._shown(null))}], color=palette.INK, strokeDash=[4, 3])

    def _shown(self, value: float) -> float:
        return value * 100 if self.curve.estimand.kind in ("percent", "points") else value

    def _ticks(self) -> list[float]:
        low, high = self.limits
        if self.curve.estimand.kind == "ratio" and len(found := log_ticks(low, high, _HEIGHT)) > 2:
            return found
        raw = (high - low) / 6
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * step for step in _STEPS if size * step >= raw)
        return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]

    def _draw_estimates(self) -> Iterator[alt.Chart]:
        low, high = self.limits
        spans = [clamp_span(span, low, high) if (span := find_span(row)) else None for row in self.rows]
        thick = min(max(0.62 * self.slot, 0.25), 2.0)
        for beyond, color in ((False, palette.MUTED), (True, palette.BLUE)):
            own = [(k, s) for k, s in enumerate(spans) if s and self.beyond[k] == beyond]
            ends = [((self.x(k), self.y(s["low"])), (self.x(k), self.y(s["high"]))) for k, s in own]
            yield self._segments(ends, color, thick, opacity=0.55)
            if len(self.rows) <= _MOST_APART:
                size = min(max(5 * self.slot, 10), 46)
                mark = alt.MarkDef("point", filled=True, opacity=1, size=size, color=color)
                yield self._place([{"x": self.x(k), "y": self.y(s["value"])} for k, s in own], mark)
            else:
                half = max(self.slot, 1.2) / 2
                dashes = [
                    ((self.x(k) - half, self.y(s["value"])), (self.x(k) + half, self.y(s["value"])))
                    for k, s in own
                ]
                yield self._segments(dashes, color, 2.4)
        median = self.y(self._shown(self.curve.median))
        yield self._rule([{"y": median}], color=palette.ORANGE, strokeWidth=1.6)

    def _draw_strips(self) -> Iterator[alt.Chart]:
        strips, heads, _ = self.strips
        yield self._text(heads, 0, fontWeight="bold")
        yield self._text([{"y": strip.label_y, "text": strip.label} for strip in strips], 4)
        for beyond, color in ((False, palette.MUTED), (True, palette.BLUE)):
            runs = [run for strip in strips for run in self._find_runs(strip, beyond)]
            yield self._segments(runs, color, _STRIP, apart=True)

    def _find_runs(self, strip: _Strip, beyond: bool) -> Iterator[tuple[tuple[float, float], ...]]:
        """Yield the ends of the neighbors that take an option, as one mark where there are many."""
        marked = [taken and own == beyond for taken, own in zip(strip.taken, self.beyond, strict=True)]
        apart, half = len(self.rows) <= _MOST_APART, min(self.slot / 2, _WIDEST)
        place = 0
        for found, members in groupby(marked):
            size = len(list(members))
            places = range(place, place + size)
            place += size
            if not found:
                continue
            for first, last in [(k, k) for k in places] if apart else [(places[0], places[-1])]:
                inset = half * (0.76 if apart else 1.0)
                yield (self.x(first) - inset, strip.y), (self.x(last) + inset, strip.y)

    def _draw_tooltips(self) -> alt.Chart:
        count = len(self.rows)
        size = math.ceil(count / _MOST_APART)
        values = [self._list_tips(first, min(first + size, count)) for first in range(0, count, size)]
        names = [name for name in values[0] if name not in ("x", "end")]
        tips = [alt.Tooltip(f"{name}:N", title=name.replace("_", " ")) for name in names]
        return chart(
            values, alt.MarkDef("rect", opacity=0), x=self._across("x"), x2="end:Q",
            y=alt.value(0), y2=alt.value(self.height), tooltip=tips,
        )  # fmt: skip

    def _list_tips(self, first: int, end: int) -> dict[str, Any]:
        """Say what neighbors have in common, or all of one specification."""
        rows, count, kind = self.rows[first:end], len(self.rows), self.curve.estimand.kind
        place = {"x": self.x(first) - self.slot / 2, "end": self.x(end - 1) + self.slot / 2}
        if count > _MOST_APART:
            ends = dict.fromkeys(format_number(row["estimate"], kind) for row in (rows[0], rows[-1]))
            return {
                **place, "rank": f"{first + 1} to {end} of {count}", "estimates": " to ".join(ends),
                "intervals that exclude the null value": f"{sum(self.beyond[first:end])} of {len(rows)}",
            }  # fmt: skip
        row, labels = rows[0], self.labels
        options = {label_variable(c, labels): label_option(c, row, labels) for c in self.curve.choices}
        return {
            **place, "rank": f"{first + 1} of {count}", "estimate": format_estimate(row),
            "specification": row["specification"], **options,
            "n": format_count(row["n"]) or "not given", "remark": row["reason"] or "none",
        }  # fmt: skip

    def _across(self, field: str) -> alt.X:
        size = [0, self.width]
        return alt.X(
            f"{field}:Q", axis=None, scale=alt.Scale(domain=size, range=size, nice=False, zero=False)
        )

    def _down(self) -> alt.Y:
        size = [0, self.height]
        return alt.Y("y:Q", axis=None, scale=alt.Scale(domain=size, range=size, nice=False, zero=False))

    def _place(self, values: Sequence[Mapping[str, Any]], mark: alt.MarkDef, **more: Any) -> alt.Chart:
        return chart(values, mark, x=self._across("x"), y=self._down(), **more)

    def _rule(self, values: Sequence[Mapping[str, Any]], **style: Any) -> alt.Chart:
        ends = {"x": alt.value(self.left), "x2": alt.value(self.width)}
        return chart(values, alt.MarkDef("rule", **style), y=self._down(), **ends)

    def _text(self, values: Sequence[Mapping[str, Any]], x: float, **style: Any) -> alt.Chart:
        shifted = [{**v, "y": v["y"] - LINE / 2 * v["text"].count("\n")} for v in values]
        kind: dict[str, Any] = {
            "type": "text", "align": "left", "baseline": "middle", "lineBreak": "\n", "lineHeight": LINE,
            "color": palette.INK, "fontSize": palette.TEXT_SIZE, **style,
        }  # fmt: skip
        return chart(shifted, alt.MarkDef(**kind), x=alt.value(x), y=self._down(), text="text:N")

    def _segments(
        self, ends: Sequence[Sequence[tuple[float, float]]], color: str, thick: float,
        *, opacity: float = 1.0, apart: bool = False,
    ) -> alt.Chart:  # fmt: skip
        """Draw segments as one path, broken between them: a mark each would make large pages.

        `apart` draws a path for each height, on which the segments follow each other.
        """
        values: list[dict[str, Any]] = []
        for segment in ends:
            line = str(segment[0][1]) if apart else ""
            values += [{"x": x, "y": y, "line": line} for x, y in segment]
            values.append({"x": segment[-1][0], "y": None, "line": line})
        for order, value in enumerate(values):
            value["order"] = order
        mark = alt.MarkDef(
            "line", color=color, strokeWidth=thick, opacity=opacity, strokeCap="butt",
            invalid="break-paths-show-path-domains",
        )  # fmt: skip
        return self._place(values, mark, order=alt.Order("order:Q"), detail="line:N")


def _write_tick(value: float, kind: str) -> str:
    return f"{value:.6g}".replace("-", "−") if kind != "ratio" or value < 1000 else f"{value:,.0f}"
