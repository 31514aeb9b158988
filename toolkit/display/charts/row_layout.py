"""Lay out rows of labels, marks and numbers in pixels, and draw their texts, stripes and tooltips.

Nothing overlaps or is cut off, however long the labels are.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any, TypeVar

import altair as alt

from toolkit.disclosure import shorten_number
from toolkit.display.charts.palette import (
    FAINT,
    INK,
    MUTED,
    SMALL_SIZE,
    STRIPE,
    TEXT_SIZE,
    TITLE_SIZE,
    VERMILLION,
    WARNING,
)
from toolkit.display.charts.reference_rows import is_reference
from toolkit.display.text import WATERMARK, Headed, capitalize, format_count
from toolkit.results import Estimand, Row, estimand_of

LINE, HALF, GAP, TOP, INDENT, PAD = 15, 7.5, 9, 26, 14, 14
_BAND = 20  # Height of mark and number where they are below the label.
_TICK_WIDTH = 46
# On a printed page, in pixels: the padding of the theme, the width for columns side by side, the least plot.
PAGE_PADDING, _STACKED_BELOW, _LEAST_PLOT = 8, 560, 130
SMALL: dict[str, Any] = {"fontSize": SMALL_SIZE, "color": MUTED}
# Labels of axes: ratios as 0.5, 1.25 or 20, without exponents, with a true minus.
TICK_FORMAT = "replace(format(datum.value, abs(datum.value) >= 1000 ? ',.0f' : '.6~r'), '-', '−')"

# An estimate and the ends of its interval.
Span = tuple[float, float, float]
Chart = TypeVar("Chart", alt.VConcatChart, alt.LayerChart)

# Widths of Arial's letters in parts of the font size; others are near 0.56.
_WIDTHS = {
    **dict.fromkeys("ijl|'", 0.24),
    **dict.fromkeys(" .,:;!ftI()[]/\\r-", 0.32),
    **dict.fromkeys("ckvxyzsJ", 0.52),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ&", 0.72),
    **dict.fromkeys("mwMW%@≥≤≠=+−<>", 0.86),
}


@dataclass(frozen=True, slots=True)
class Room:
    """The room for plot, labels and notes; `stacked` puts them below each other, for a phone."""

    plot: int
    label: int
    note: int
    stacked: bool = False


WIDE = Room(plot=300, label=300, note=270)
NARROW = Room(plot=176, label=332, note=332, stacked=True)


@dataclass(frozen=True, slots=True)
class Line:
    """A heading, or a row with its label and note.

    `y` is the middle of mark and number, `label_y` that of the label, `note_y` that of the note.
    """

    label: str
    y: float
    height: float
    top: float
    item: Headed | None = None
    note: str = ""
    indent: int = 0
    label_y: float = 0.0
    note_y: float = 0.0


@dataclass(frozen=True, slots=True)
class Layout:
    """Lines, and where the three columns begin."""

    lines: tuple[Line, ...]
    height: float
    left: float
    right: float
    room: Room = WIDE

    @property
    def rows(self) -> list[tuple[Line, Row]]:
        """The lines that have a result or a step of the flow, with it."""
        return [(line, line.item.row) for line in self.lines if line.item]

    @property
    def plot(self) -> tuple[float, float]:
        """Where the plot begins and ends."""
        return self.left, self.left + self.room.plot

    @property
    def width(self) -> float:
        """The width of the chart."""
        return self.room.label if self.room.stacked else self.left + self.room.plot + PAD + self.right


def text_width(text: str, size: float = TEXT_SIZE, bold: bool = False) -> float:
    """Estimate the width of the longest line of a text, rather too wide than too narrow."""
    return max(
        (sum(_WIDTHS.get(letter, 0.57) for letter in line) * size * (1.27 if bold else 1.04))
        for line in text.split("\n")
    )


def wrap_text(text: str, width: float, size: float = TEXT_SIZE, bold: bool = False) -> str:
    """Break a text into lines that fit a width; a word that is too long is broken too."""
    letters = max(int(width / (size * 0.5)), 8)
    while letters > 8 and any(text_width(part, size, bold) > width for part in wrap(text, letters)):
        letters -= 1
    return "\n".join("\n".join(wrap(part, letters)) or "" for part in text.split("\n"))


def wrap_title(title: str, notes: Sequence[str], width: float, simulated: bool) -> alt.TitleParams:
    """Wrap a title with the notes below it; the first of these warns of simulated data."""
    return alt.TitleParams(
        text=wrap_text(title, width, TITLE_SIZE * 1.1).split("\n"),
        subtitle=[line for note in notes for line in wrap_text(note, width).split("\n")],
        subtitleColor=WARNING if simulated else MUTED,
    )


def lay_out(items: Sequence[Headed], notes: Sequence[str], texts: Sequence[str], room: Room = WIDE) -> Layout:
    """Place headings and rows below each other, with the note and the number of each row."""
    lines: list[Line] = []
    top, head = float(TOP), ""
    for item, note, text in zip(items, notes, texts, strict=True):
        if item.head and item.head != head:
            lines.append(_place_heading(item.head, top + 4, room))
            top = lines[-1].top + lines[-1].height
        head = item.head
        lines.append(place_row(item, top, note, bool(text), room))
        top += lines[-1].height
    if room.stacked:
        return Layout(tuple(lines), top, PAD, 0.0, room)
    labels = max((text_width(x.label, bold=x.item is None) + x.indent for x in lines), default=60)
    sizes = [*(format_sizes(item.row) for item in items), head_sizes([item.row for item in items])]
    left = labels + max(text_width(size, SMALL_SIZE) for size in sizes) + 2.5 * PAD
    return Layout(tuple(lines), top, left, room.note, room)


def place_row(item: Headed, top: float, note: str, numbered: bool, room: Room = WIDE) -> Line:
    """Place a row that is high enough for its label, its number and the note below the number."""
    indent = INDENT if item.head else 0
    label = wrap_text(item.label or "estimate", room.label - indent - 8 * room.stacked)
    aside = wrap_text(note, room.note - indent - 8 * room.stacked, SMALL_SIZE) if note else ""
    labels, asides = label.count("\n") + 1, aside.count("\n") + 1 if aside else 0
    if room.stacked:
        return _stack(Line(label, 0.0, 0.0, top, item, aside, indent), labels, asides)
    height = float(LINE * max(labels, numbered + asides) + GAP)
    middle = top + height / 2
    return Line(label, middle, height, top, item, aside, indent, middle, middle + HALF * numbered)


def _stack(line: Line, labels: int, asides: int) -> Line:
    """Put label, mark and note below each other."""
    mark = LINE * labels * bool(line.label.strip())
    start, note = line.top + GAP / 2, mark + _BAND
    return replace(
        line,
        height=float(note + LINE * asides + GAP),
        label_y=start + mark / 2,
        y=start + mark + _BAND / 2,
        note_y=start + note + LINE * asides / 2,
    )


def _place_heading(text: str, top: float, room: Room) -> Line:
    label = wrap_text(text, room.label)
    height = LINE * (label.count("\n") + 1) + 4.0
    return Line(label, top + height / 2, height, top, label_y=top + height / 2)


def format_sizes(row: Row) -> str:
    """Format cases and n of a row, "3,398 / 10,877"."""
    cases = format_count(row["n_cases"])
    return " / ".join(part for part in (cases, format_count(row["n"])) if part)


def head_sizes(rows: Sequence[Row]) -> str:
    """Head the column of cases and n; those of a model are of all its levels together."""
    if any(" / " in format_sizes(row) for row in rows):
        model = all(estimand_of(row).kind in ("ratio", "points", "coefficient") for row in rows)
        model = model and not any(map(is_reference, rows))
        return "cases / n in model" if model else "cases / n"
    return "n" if any(format_sizes(row) for row in rows) else ""


def find_span(row: Row) -> Span | None:
    """Return estimate and interval as drawn; None for a row without a mark."""
    kind, value = estimand_of(row).kind, row["estimate"]
    if row["reliability"] == "failed" or kind == "test" or value is None or math.isnan(value):
        return None
    scale = 100 if kind in ("percent", "points") else 1
    low, high = (value if row[e] is None or math.isnan(row[e]) else row[e] for e in ("conf_low", "conf_high"))
    ends = [scale * (shorten_number(row, end) or 0.0) for end in (value, low, high)]
    return ends[0], ends[1], ends[2]


def clamp_span(span: Span, low: float, high: float) -> dict[str, float]:
    """Return value, low and high of a mark inside the axis."""
    return {n: min(max(v, low), high) for n, v in zip(("value", "low", "high"), span, strict=True)}


def choose_range(estimand: Estimand, spans: Sequence[Span], from_zero: bool) -> tuple[float, float]:
    """Choose the range of the axis of values."""
    if estimand.kind == "ratio":
        return log_range(spans)
    return linear_range(spans, estimand.null_value, from_zero)


def make_value_axis(
    estimand: Estimand, channel: Any, limits: tuple[float, float], length: float, *, ticks: int = 6,
    title: str = "", axis: Mapping[str, Any] | None = None, scale: Mapping[str, Any] | None = None,
) -> Callable[[str], Any]:  # fmt: skip
    """Return the axis of values as a function of the field that it shows; ratios have a log scale."""
    log = estimand.kind == "ratio"
    marks: Any = {"values": log_ticks(*limits, length)} if log else {"tickCount": ticks}
    kind: Any = {"type": "log"} if log else {"type": "linear", "zero": False}
    made = {
        "axis": alt.Axis(
            title=capitalize(title or estimand.axis), labelExpr=TICK_FORMAT, **marks, **(axis or {})
        ),
        "scale": alt.Scale(domain=list(limits), nice=False, **kind, **(scale or {})),
    }
    return lambda field: channel(f"{field}:Q", **made)


def log_ticks(low: float, high: float, width: float = math.inf) -> list[float]:
    """Choose ticks of a log axis, closer for a narrower range, that have room for their labels."""
    if 1.6 <= high / low <= 3:
        steps = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3]
    elif high / low <= 3:
        steps = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3]
    elif high / low <= 12:
        steps = [0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10]
    else:
        fine = (1, 2, 5) if high / low <= 300 else (1,)
        steps = [base * 10.0**power for power in range(-6, 7) for base in fine]
    inside = [step for step in steps if low <= step <= high] or [low, high]
    gap = math.log(high / low) * _TICK_WIDTH / width
    kept = [1.0] if 1 in inside else inside[:1]
    for step in sorted(inside, key=lambda step: abs(math.log(step))):
        if all(abs(math.log(step / other)) >= gap for other in kept):
            kept.append(step)
    return sorted(set(kept)) if gap else inside


def log_range(spans: Sequence[Span]) -> tuple[float, float]:
    """Choose the range of a log axis: estimates from 1/1000 to 1000, intervals up to a factor of 6 beyond."""
    inside = [min(max(value, 1e-3), 1e3) for value, _, _ in spans] + [1.0]
    low, high = min(inside), max(inside)
    low = min(low, *(max(end, low / 6) for _, end, _ in spans), low)
    high = max(high, *(min(end, high * 6) for _, _, end in spans), high)
    return low / 1.06, high * 1.06


def linear_range(spans: Sequence[Span], null: float | None, from_zero: bool) -> tuple[float, float]:
    """Choose the range of a linear axis, cutting intervals that are far wider than most."""
    anchor = [0.0] if from_zero or not spans else [] if null is None else [null]
    inside = [value for value, _, _ in spans] + anchor
    low, high = min(inside), max(inside)
    widths = sorted(end - start for _, start, end in spans if math.isfinite(end - start))
    room = max(high - low, 3 * widths[len(widths) // 2] if widths else 0.0) or max(abs(high), 1.0)
    low = min(low, *(max(start, low - room) for _, start, _ in spans), low)
    high = max(high, *(min(end, high + room) for _, _, end in spans), high)
    margin = 0.04 * (high - low) or 0.5
    return (0.0 if from_zero and low >= 0 else low - margin), high + margin


def draw_stripes(layout: Layout) -> alt.Chart:
    """Shade every other row."""
    values = [{"y": line.top, "below": line.top + line.height} for line, _ in layout.rows[::2]]
    return chart(values, alt.MarkDef("rect", color=STRIPE), **_full_width(layout))


def shade_empty(layout: Layout) -> list[alt.Chart]:
    """Shade the groups without participants, such as months without interviews."""
    empty = [line for line, row in layout.rows if row.get("n") == 0]
    values = [{"y": line.top, "below": line.top + line.height} for line in empty]
    # Lighter than a line of that color, so that the text on it keeps its contrast.
    mark = alt.MarkDef("rect", color=FAINT, opacity=0.6)
    return [chart(values, mark, **_full_width(layout))] if values else []


def write_texts(values: Sequence[Mapping[str, Any]], x: float, layout: Layout, **style: Any) -> alt.Chart:
    """Write texts with their middle at y; a text mark's own baseline is that of its first line."""
    shifted = [{**v, "y": v["y"] - HALF * v["text"].count("\n")} for v in values if v["text"]]
    mark: dict[str, Any] = {
        "type": "text", "align": "left", "baseline": "middle", "lineBreak": "\n", "lineHeight": LINE,
        "color": INK, "fontSize": TEXT_SIZE, **style,
    }  # fmt: skip
    return chart(shifted, alt.MarkDef(**mark), x=alt.value(x), y=vertical(layout), text="text:N")


def draw_tooltips(values: Sequence[Mapping[str, Any]], layout: Layout) -> alt.Chart:
    """Show all that `values` have but their place as a tooltip anywhere on a row."""
    names = [name for name in values[0] if name not in ("y", "below")]
    tips = [alt.Tooltip(f"{name}:N", title=name.replace("_", " ")) for name in names]
    return chart(values, alt.MarkDef("rect", opacity=0), **_full_width(layout), tooltip=tips)


def _full_width(layout: Layout) -> dict[str, Any]:
    return {"x": alt.value(0), "x2": alt.value(layout.width), "y": vertical(layout), "y2": "below:Q"}


def draw_watermark(x: float, y: float, size: float = 44) -> alt.Chart:
    """Write SIMULATED across a plot whose center is at x and y."""
    mark = alt.MarkDef(
        "text", fontSize=size, fontWeight="bold", color=VERMILLION, opacity=0.16, baseline="middle"
    )
    return chart([{"text": WATERMARK}], mark, x=alt.value(x), y=alt.value(y), text="text:N")


def watermark_rows(layout: Layout) -> alt.Chart:
    """Write SIMULATED across the plot of a layout."""
    # Nine bold capitals are 6.5 times as wide as high.
    size = max(min(layout.height / 3, layout.room.plot / 6.5, 44), 14)
    return draw_watermark(sum(layout.plot) / 2, (layout.height + TOP) / 2, size)


def vertical(layout: Layout) -> alt.Y:
    """Return the vertical axis in pixels from the top."""
    size = [0, layout.height]
    return alt.Y("y:Q", axis=None, scale=alt.Scale(domain=size, range=size, nice=False, zero=False))


def chart(values: Sequence[Mapping[str, Any]], mark: Any = alt.Undefined, **encoding: Any) -> alt.Chart:
    """Make a chart of values that it carries with it."""
    made: alt.Chart = alt.Chart({"values": list(values)}, mark=mark).encode(**encoding)
    return made


def carry_narrow(
    wide: Chart, narrow: alt.TopLevelMixin, draw_at: Callable[[float], Chart] | None = None
) -> Chart:
    """Let a chart carry its form for phones along, and the way to draw it in another width for print."""
    carried: Chart = wide.properties(usermeta={"narrow": narrow.to_dict(validate=False)})
    # Outside the specification: a copy with changed properties has it no longer.
    object.__setattr__(carried, "draw_at", draw_at)
    return carried


def draw_rows_at(width: float, measure: Callable[[Room], float], draw: Callable[[Room], Chart]) -> Chart:
    """Draw a chart of rows that is `width` pixels wide, stacked if that is narrow; `measure` is its width."""
    inside = int(width) - 2 * PAGE_PADDING
    if width < _STACKED_BELOW:
        return draw(Room(plot=round(0.53 * inside), label=inside, note=inside, stacked=True))
    room = Room(plot=_LEAST_PLOT, label=180, note=200)
    return draw(replace(room, plot=_LEAST_PLOT + max(int(inside - measure(room)), 0)))


def remove_title(made: Any) -> Any:
    """Copy a chart without its own title, in both forms; its alternative text remains."""
    copy = made.copy(deep=False)
    carried = copy.usermeta if isinstance(copy.usermeta, dict) else {}
    if "narrow" in carried:
        kept = {name: value for name, value in carried["narrow"].items() if name != "title"}
        copy.usermeta = {**carried, "narrow": kept}
    copy.title = alt.Undefined
    return copy
