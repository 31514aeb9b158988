"""Plan a table for a printed page: orientation, size of the type, widths of columns, and parts.

A part of a table that is too wide repeats the row labels, and the spanners that it cuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.display.charts.row_layout import text_width
from toolkit.display.export.formats import PAPERS, Paper
from toolkit.display.export.typeset_content import Cell, Content, is_group
from toolkit.display.text import SIMULATED

SIZE, LESS, SMALL_SIZE = 9.0, 8.0, 7.5
_MM = 25.4 / 72
_GAP = 4.0  # Between columns, in mm.
_STEPS = 40  # Widths that are tried until the parts of a table are about equally wide.
_USUAL = 0.9  # The part of the cells of a column that its natural width holds.
# The least width of a column of text that wraps, in mm; in small type where it saves turning the page.
_LABELS, _NARROW = 38.0, 26.0


@dataclass(frozen=True)
class Part:
    """A part of a table that fits on a page, with the widths of its columns in mm."""

    content: Content
    widths: tuple[float, ...]


@dataclass(frozen=True)
class Page:
    """Paper, orientation, size of the type in points, and the parts of a table; the note is for the user."""

    paper: Paper
    landscape: bool
    size: float
    parts: tuple[Part, ...]
    note: str = ""


@dataclass(frozen=True)
class _Widths:
    """Widths of columns in mm: the least, that of most of the cells, and that of all cells in one line."""

    least: tuple[float, ...]
    usual: tuple[float, ...]
    most: tuple[float, ...]

    @property
    def total(self) -> float:
        """The least width of the table."""
        return sum(self.least)

    def take(self, columns: Sequence[int]) -> "_Widths":
        """Return the widths of some columns."""
        return _Widths(*(tuple(own[n] for n in columns) for own in (self.least, self.usual, self.most)))

    def spread(self, room: float) -> tuple[float, ...]:
        """Share the room: a few long cells do not take that of the others, and one wider than it wraps."""
        widths = tuple(width * min(room / self.total, 1.0) for width in self.least)
        return _widen(_widen(widths, self.usual, room), self.most, room)


def _widen(widths: Sequence[float], wanted: Sequence[float], room: float) -> tuple[float, ...]:
    more = [max(high - low, 0.0) for low, high in zip(widths, wanted, strict=True)]
    share = max(min((room - sum(widths)) / (sum(more) or 1.0), 1.0), 0.0)
    return tuple(low + share * extra for low, extra in zip(widths, more, strict=True))


def plan_page(content: Content, paper: Paper = PAPERS["a4"]) -> Page:
    """Choose portrait where the table fits, in 9 or 8 points, else landscape, else landscape in parts."""
    needed = _measure(content, LESS, _NARROW).total
    for landscape, size, labels in (
        (False, SIZE, _LABELS),
        (False, LESS, _LABELS),
        (False, LESS, _NARROW),
        (True, SIZE, _LABELS),
        (True, SMALL_SIZE, _LABELS),
    ):
        room, widths = paper.room(landscape=landscape), _measure(content, size, labels)
        if widths.total <= room:
            note = f"landscape, because the table needs {needed:.0f} mm and a portrait page has "
            note = f"{note}{paper.room():.0f} mm" if landscape else ""
            return Page(paper, landscape, size, (Part(content, widths.spread(room)),), note)
    return _split(content, paper)


def _split(content: Content, paper: Paper) -> Page:
    """Split a table that is wider than a landscape page by its columns; each part has the row labels."""
    room, widths = paper.room(landscape=True), _measure(content, LESS)
    chosen = _choose_columns(content, widths.least, room)
    parts = tuple(
        Part(_take_columns(content, columns, number, len(chosen)), widths.take(columns).spread(room))
        for number, columns in enumerate(chosen, 1)
    )
    note = f"the table needs {widths.total:.0f} mm and a landscape page has {room:.0f} mm"
    if len(parts) == 1:
        note = f"landscape with wrapped cells, because {note}"
    else:
        note = f"landscape in {len(parts)} parts that repeat the row labels, because {note}"
    return Page(paper, True, LESS, parts, note)


def _measure(content: Content, size: float, labels: float = _LABELS) -> _Widths:
    """Measure the columns in a size of type; numbers never wrap, words do."""
    least = [12.0] * content.width
    found: list[list[float]] = [[] for _ in range(content.width)]
    grouped = any(is_group(row, content.width) for row in content.body)
    for place, rows in enumerate((content.header, content.body)):
        for cell in (cell for row in rows for cell in row if cell.columns == 1):
            # The labels in a group are indented.
            gap = _GAP + (3 if grouped and place and cell.column == 0 else 0)
            text = cell.text + cell.marks
            natural = text_width(text, size, bold=not place) * _MM + gap
            longest = max(text.split() or [""], key=len)
            short = min(natural, text_width(longest, size, bold=not place) * _MM + gap)
            if cell.align != "left" and place:
                short = natural
            elif place:
                short = max(short, min(natural, labels))
            least[cell.column] = max(least[cell.column], short)
            found[cell.column].append(natural)
    usual = [sorted(widths)[int(_USUAL * (len(widths) - 1))] if widths else 0.0 for widths in found]
    return _Widths(tuple(least), tuple(usual), tuple(max(widths, default=0.0) for widths in found))


def _choose_columns(content: Content, widths: Sequence[float], room: float) -> list[tuple[int, ...]]:
    """Choose the columns of the fewest parts that fit, about equally wide; the first column is in each."""
    units = _list_units(content, widths, room - widths[0])
    fewest = _pack(units, widths, room - widths[0])
    tries = (_pack(units, widths, (room - widths[0]) * n / _STEPS) for n in range(1, _STEPS + 1))
    chosen = next((packed for packed in tries if len(packed) == len(fewest)), fewest)
    return [(0, *columns) for columns in chosen] or [(0,)]


def _list_units(content: Content, widths: Sequence[float], room: float) -> list[list[int]]:
    """List the columns after the first, those below one spanner together where they fit on a page."""
    units: list[list[int]] = []
    spanners = sorted(
        (cell for row in content.header for cell in row if cell.columns > 1), key=lambda c: -c.columns
    )
    column = 1
    while column < content.width:
        own = next((c for c in spanners if c.column <= column < c.column + c.columns), None)
        end = min(own.column + own.columns, content.width) if own else column + 1
        below = list(range(column, end))
        units += [below] if sum(widths[n] for n in below) <= room else [[n] for n in below]
        column = end
    return units


def _pack(units: Sequence[Sequence[int]], widths: Sequence[float], room: float) -> list[list[int]]:
    parts: list[list[int]] = []
    left = 0.0
    for unit in units:
        need = sum(widths[n] for n in unit)
        if not parts or need > left:
            parts.append([])
            left = room
        parts[-1] += unit
        left -= need
    return parts


def _take_columns(content: Content, columns: Sequence[int], number: int, count: int) -> Content:
    """Return a part of a table; footnotes are where their marks are, and sources below the last part."""
    if count == 1:
        return content
    places = {column: place for place, column in enumerate(columns)}
    header, body = (
        tuple(tuple(_take_cells(row, places)) for row in rows) for rows in (content.header, content.body)
    )
    used = {mark for row in (*header, *body) for cell in row for mark in _list_marks(cell)}
    everywhere = {mark for row in (*content.header, *content.body) for c in row for mark in _list_marks(c)}
    return replace(
        content,
        header=header,
        body=body,
        notes=content.notes if number == 1 else tuple(n for n in content.notes if n == SIMULATED),
        footnotes=tuple(
            (mark, text)
            for mark, text in content.footnotes
            if set(mark) & used or (number == count and not set(mark) & everywhere)
        ),
        sources=content.sources if number == count else (),
        part=f"part {number} of {count}",
    )


def _list_marks(cell: Cell) -> set[str]:
    return {letter for letter in cell.marks if letter.isalnum() or letter in "*†‡§¶‖"}


def _take_cells(row: Sequence[Cell], places: dict[int, int]) -> list[Cell]:
    kept = []
    for cell in row:
        own = [places[n] for n in range(cell.column, cell.column + cell.columns) if n in places]
        if own:
            kept.append(replace(cell, column=own[0], columns=len(own)))
    return kept
