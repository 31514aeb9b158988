"""Split a table by its columns into parts that repeat the row labels, and the spanners they cut."""

from collections.abc import Sequence
from dataclasses import replace

from toolkit.display.export.typeset_content import Cell, Content
from toolkit.display.text import SIMULATED

_STEPS = 40  # Widths that are tried until the parts are equally wide.


def choose_columns(content: Content, widths: Sequence[float], room: float) -> list[tuple[int, ...]]:
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


def take_columns(content: Content, columns: Sequence[int], number: int, count: int) -> Content:
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
