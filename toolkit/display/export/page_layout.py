"""Plan a table for a printed page: paper, orientation, size of the type, widths of columns, and parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.display.charts.row_layout import text_width
from toolkit.display.export.table_parts import choose_columns, take_columns
from toolkit.display.export.typeset_content import Content, is_group
from toolkit.errors import DatasetError, unknown

SIZE, LESS, SMALL_SIZE = 9.0, 8.0, 7.5
_MM = 25.4 / 72
_GAP = 4.0  # Between columns, in mm.
_LABELS = 38.0  # The least width of a column of text that wraps, in mm.


@dataclass(frozen=True)
class Paper:
    """A sheet with its size and margins in mm, and its names in LaTeX, Typst and Excel."""

    width: float
    height: float
    latex: str
    typst: str
    excel: int
    margin: float = 25.0

    def room(self, *, landscape: bool = False) -> float:
        """Return the width of the text in mm."""
        return (self.height if landscape else self.width) - 2 * self.margin


PAPERS = {
    "a4": Paper(210.0, 297.0, "a4paper", "a4", 9),
    "letter": Paper(215.9, 279.4, "letterpaper", "us-letter", 1),
}


def read_paper(name: str) -> Paper:
    """Return the paper of a name, in upper or lower case."""
    found = PAPERS.get(str(name).lower())
    if found is None:
        raise DatasetError(
            unknown("The paper is unknown:", str(name), PAPERS, 'Use paper="a4" or paper="letter"')
        )
    return found


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


def plan_page(content: Content, paper: Paper = PAPERS["a4"]) -> Page:
    """Choose portrait where the table fits, in 9 or 8 points, else landscape, else landscape in parts."""
    for landscape, size in ((False, SIZE), (False, LESS), (True, SIZE), (True, SMALL_SIZE)):
        room = paper.room(landscape=landscape)
        least, most = _measure(content, size)
        if sum(least) <= room:
            note = f"landscape, because the table needs {sum(_measure(content, LESS)[0]):.0f} mm and a "
            note += f"portrait page has {paper.room():.0f} mm"
            part = Part(content, _spread(least, most, room))
            return Page(paper, landscape, size, (part,), note if landscape else "")
    return _split(content, paper)


def _split(content: Content, paper: Paper) -> Page:
    """Split a table that is wider than a landscape page by its columns; each part has the row labels."""
    room = paper.room(landscape=True)
    least, most = _measure(content, LESS)
    chosen = choose_columns(content, least, room)
    parts = []
    for number, columns in enumerate(chosen, 1):
        low, high = [least[n] for n in columns], [most[n] for n in columns]
        # A column wider than the page wraps.
        share = min(room / sum(low), 1.0)
        widths = _spread([share * width for width in low], [share * width for width in high], room)
        parts.append(Part(take_columns(content, columns, number, len(chosen)), widths))
    note = f"the table needs {sum(least):.0f} mm and a landscape page has {room:.0f} mm"
    if len(parts) == 1:
        note = f"landscape with wrapped cells, because {note}"
    else:
        note = f"landscape in {len(parts)} parts that repeat the row labels, because {note}"
    return Page(paper, True, LESS, tuple(parts), note)


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
    share = max(min((room - sum(least)) / (sum(wanted) or 1.0), 1.0), 0.0)
    return tuple(low + share * more for low, more in zip(least, wanted, strict=True))
