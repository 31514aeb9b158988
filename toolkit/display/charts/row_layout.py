"""Place the lines of a row chart: widths of text, wrapped labels, heights, ticks.

Takes headed rows; gives positions in pixels, so that nothing overlaps or is cut whatever the labels are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import wrap

from toolkit.display.charts.palette import SMALL_SIZE, TEXT_SIZE
from toolkit.display.text.numbers import count
from toolkit.display.text.row_labels import Headed
from toolkit.results import Row, estimand_of

LINE, HALF, GAP, TOP, INDENT = 15, 7.5, 9, 26, 14
_BAND, _TICK_WIDTH = 20, 34  # of mark and number where they stand below the label; of a tick's label
PAD = 14

# An estimate and the ends of its interval.
Span = tuple[float, float, float]

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
    """How much room there is for the plot, for labels and for notes, and whether they stand in one row.

    Stacked, a label stands above its mark and number, and notes stand below: so a chart fits a phone.
    """

    plot: int
    label: int
    note: int
    stacked: bool = False


WIDE = Room(plot=300, label=300, note=270)
NARROW = Room(plot=176, label=332, note=332, stacked=True)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the picture: a heading, or a row with its label and what is noted beside it.

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
    """Lines with their places, and where the three columns begin."""

    lines: tuple[Line, ...]
    height: float
    left: float
    right: float
    room: Room = WIDE

    @property
    def plot(self) -> tuple[float, float]:
        """Where the plot begins and ends, in pixels from the left."""
        return self.left, self.left + self.room.plot

    @property
    def width(self) -> float:
        """Width of the whole picture."""
        if self.room.stacked:
            return self.room.label
        return self.left + self.room.plot + PAD + self.right


def text_width(text: str, size: float = TEXT_SIZE, bold: bool = False) -> float:
    """Estimate the width of the longest line of a text in pixels, rather too wide than too narrow."""
    return max(
        (sum(_WIDTHS.get(letter, 0.57) for letter in line) * size * (1.27 if bold else 1.04))
        for line in text.split("\n")
    )


def wrapped(text: str, width: float, size: float = TEXT_SIZE, bold: bool = False) -> str:
    """Break a text into lines that fit a width in pixels; a longer word is broken too."""
    letters = max(int(width / (size * 0.5)), 8)
    while letters > 8 and any(text_width(part, size, bold) > width for part in wrap(text, letters)):
        letters -= 1
    return "\n".join("\n".join(wrap(part, letters)) or "" for part in text.split("\n"))


def lay_out(items: Sequence[Headed], notes: Sequence[str], texts: Sequence[str], room: Room = WIDE) -> Layout:
    """Place headed rows under each other.

    Parameters
    ----------
    items
        The rows in order.
    notes
        For each row what is written under its number; "" for nothing.
    texts
        For each row the number written at the right.
    room
        `WIDE`, or `NARROW` for a phone.

    Returns
    -------
    Layout
        Headings and rows from top to bottom.
    """
    lines: list[Line] = []
    top, head = float(TOP), ""
    for item, note, text in zip(items, notes, texts, strict=True):
        if item.head and item.head != head:
            lines.append(_heading(item.head, top + 4, room))
            top = lines[-1].top + lines[-1].height
        head = item.head
        lines.append(place(item, top, note, bool(text), room))
        top += lines[-1].height
    if room.stacked:
        return Layout(tuple(lines), top, PAD, 0.0, room)
    labels = max((text_width(x.label, bold=x.item is None) + x.indent for x in lines), default=60)
    sizes = [*(persons(item.row) for item in items), persons_head(lines)]
    left = labels + max(text_width(size, SMALL_SIZE) for size in sizes) + 2.5 * PAD
    return Layout(tuple(lines), top, left, room.note, room)


def persons(row: Row) -> str:
    """Write cases and people behind a row, "3,398 / 10,877"; no cases where the estimate is not shown."""
    cases = "" if row["reliability"] == "suppress" else count(row["n_cases"])
    return " / ".join(part for part in (cases, count(row["n"])) if part)


def persons_head(lines: Sequence[Line]) -> str:
    """Head the column of people."""
    rows = [line.item.row for line in lines if line.item]
    if any(" / " in persons(row) for row in rows):
        # A model's people are those of all its levels together.
        model = all(estimand_of(row).kind in ("ratio", "points", "coefficient") for row in rows)
        return "cases / people in model" if model else "cases / people"
    return "people" if any(persons(row) for row in rows) else ""


def log_ticks(low: float, high: float, width: float = math.inf) -> list[float]:
    """Choose ticks of a log axis that read well and have room: closer steps for a narrower range."""
    if high / low <= 3:
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
    """Choose the range of a log axis: all estimates within reason, intervals up to a factor of 6 beyond."""
    inside = [min(max(value, 1e-3), 1e3) for value, _, _ in spans] + [1.0]
    low, high = min(inside), max(inside)
    low = min(low, *(max(end, low / 6) for _, end, _ in spans), low)
    high = max(high, *(min(end, high * 6) for _, _, end in spans), high)
    return low / 1.06, high * 1.06


def linear_range(spans: Sequence[Span], null: float | None, from_zero: bool) -> tuple[float, float]:
    """Choose the range of a plain axis; an interval far wider than most of them is cut."""
    anchor = [0.0] if from_zero or not spans else [] if null is None else [null]
    inside = [value for value, _, _ in spans] + anchor
    low, high = min(inside), max(inside)
    widths = sorted(end - start for _, start, end in spans if math.isfinite(end - start))
    room = max(high - low, 3 * widths[len(widths) // 2] if widths else 0.0) or max(abs(high), 1.0)
    low = min(low, *(max(start, low - room) for _, start, _ in spans), low)
    high = max(high, *(min(end, high + room) for _, _, end in spans), high)
    margin = 0.04 * (high - low) or 0.5
    return (0.0 if from_zero and low >= 0 else low - margin), high + margin


def place(item: Headed, top: float, note: str, numbered: bool, room: Room = WIDE) -> Line:
    """Place one row: high enough for its label, its number and what is noted under the number."""
    indent = INDENT if item.head else 0
    label = wrapped(item.label or "estimate", room.label - indent - 8 * room.stacked)
    aside = wrapped(note, room.note - indent - 8 * room.stacked, SMALL_SIZE) if note else ""
    labels, asides = label.count("\n") + 1, aside.count("\n") + 1 if aside else 0
    if room.stacked:
        return _stacked(Line(label, 0.0, 0.0, top, item, aside, indent), labels, asides)
    height = float(LINE * max(labels, numbered + asides) + GAP)
    middle = top + height / 2
    below = middle + (HALF if numbered else 0.0)
    return Line(label, middle, height, top, item, aside, indent, middle, below)


def _stacked(line: Line, labels: int, asides: int) -> Line:
    """Put label, mark and note under each other."""
    above = LINE * labels * bool(line.label.strip())
    ends = [above, above + _BAND]
    return replace(
        line,
        height=float(ends[1] + LINE * asides + GAP),
        label_y=line.top + GAP / 2 + ends[0] / 2,
        y=line.top + GAP / 2 + ends[0] + _BAND / 2,
        note_y=line.top + GAP / 2 + ends[1] + LINE * asides / 2,
    )


def _heading(text: str, top: float, room: Room) -> Line:
    label = wrapped(text, room.label)
    height = LINE * (label.count("\n") + 1) + 4.0
    return Line(label, top + height / 2, height, top, label_y=top + height / 2)
