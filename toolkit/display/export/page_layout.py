"""Plan a table for a printed page: widths of columns, portrait or landscape, size of the type."""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.display.charts.row_layout import text_width
from toolkit.display.export.typeset_content import Content, is_group

# A4 with margins of 25 mm.
PORTRAIT, LANDSCAPE = 160.0, 247.0
SIZE, LESS, SMALL_SIZE = 9.0, 8.0, 7.5
_MM = 25.4 / 72
_GAP = 4.0  # Between columns, in mm.
_LABELS = 38.0  # The least width of a column of text that wraps, in mm.


@dataclass(frozen=True)
class Page:
    """Widths of columns in mm, and size of the type in points; the note is for the user."""

    landscape: bool
    widths: tuple[float, ...]
    size: float
    note: str = ""


def plan_page(content: Content) -> Page:
    """Choose portrait where the table fits, in 9 or 8 points, else landscape, else small type that wraps."""
    for landscape, room, size in (
        (False, PORTRAIT, SIZE),
        (False, PORTRAIT, LESS),
        (True, LANDSCAPE, SIZE),
        (True, LANDSCAPE, SMALL_SIZE),
    ):
        least, most = _measure(content, size)
        if sum(least) <= room:
            note = f"landscape, because the table needs {sum(_measure(content, LESS)[0]):.0f} mm and a "
            note += f"portrait page has {PORTRAIT:.0f} mm"
            return Page(landscape, _spread(least, most, room), size, note if landscape else "")
    share = LANDSCAPE / sum(least)
    note = f"landscape in small type with wrapped cells, because the table needs {sum(least):.0f} mm and a "
    note += f"landscape page has {LANDSCAPE:.0f} mm; fewer columns would be easier to read"
    return Page(True, tuple(width * share for width in least), SMALL_SIZE, note)


def _measure(content: Content, size: float) -> tuple[list[float], list[float]]:
    """Measure the least and the natural width of each column in mm; numbers never wrap, words do."""
    least, most = [12.0] * content.width, [12.0] * content.width
    grouped = any(is_group(row, content.width) for row in content.body)
    for place, rows in enumerate((content.header, content.body)):
        for cell in (cell for row in rows for cell in row if cell.columns == 1):
            # The labels in a group are indented.
            gap = _GAP + (3 if grouped and place and cell.column == 0 else 0)
            text = cell.text + cell.marks
            natural = text_width(text, size, bold=not place) * _MM + gap
            numbers = cell.align != "left" and place == 1
            longest = max(text.split() or [""], key=len)
            short = (
                natural if numbers else min(natural, text_width(longest, size, bold=not place) * _MM + gap)
            )
            if place and not numbers:
                short = max(short, min(natural, _LABELS))
            least[cell.column] = max(least[cell.column], short)
            most[cell.column] = max(most[cell.column], natural)
    return least, most


def _spread(least: Sequence[float], most: Sequence[float], room: float) -> tuple[float, ...]:
    """Give each column its natural width, or its part of the room that is left."""
    wanted = [max(high - low, 0.0) for low, high in zip(least, most, strict=True)]
    share = min((room - sum(least)) / (sum(wanted) or 1.0), 1.0)
    return tuple(low + share * more for low, more in zip(least, wanted, strict=True))
