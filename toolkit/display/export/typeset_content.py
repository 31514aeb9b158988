"""Read title, header, rows, footnotes and notes of a table from the HTML that great-tables draws.

Every file format is written from this content, so that all of them show what the table on the screen shows.
"""

import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from toolkit.display.text import WATERMARK

if TYPE_CHECKING:
    from collections.abc import Callable

_IN_CAPTION = {"gt_title", "gt_subtitle"}
_NO_END = {"br", "img", "meta", "link", "hr", "input", "col"}
_NUMBER = re.compile(r"Table (\w+)\. ")


@dataclass(frozen=True)
class Cell:
    """A cell with its footnote marks; lines of its text are separated by a newline."""

    text: str = ""
    marks: str = ""
    columns: int = 1
    rows: int = 1
    column: int = 0
    align: str = "left"
    heading: bool = False


@dataclass(frozen=True)
class Content:
    """The content of a table: rows of the header and of the body as cells that know their column."""

    title: str
    notes: tuple[str, ...]
    header: tuple[tuple[Cell, ...], ...]
    body: tuple[tuple[Cell, ...], ...]
    footnotes: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]
    simulated: bool = False
    number: str = ""
    part: str = ""

    @property
    def caption(self) -> str:
        """The title with its part, if the table was split."""
        return f"{self.title} ({self.part})" if self.part else self.title

    @property
    def heading(self) -> str:
        """The number, if the table has one, and the title."""
        return f"Table {self.number}. {self.title}" if self.number else self.title

    @property
    def width(self) -> int:
        """The number of columns."""
        return max((c.column + c.columns for row in (*self.header, *self.body) for c in row), default=1)

    @property
    def below(self) -> list[tuple[str, str]]:
        """The lines below the table, each with its mark or with none."""
        return [*self.footnotes, *(("", text) for text in self.sources)]

    def align_of(self, column: int) -> str:
        """Return the alignment of the cells of a column."""
        own = (c.align for row in self.body for c in row if c.column == column and c.columns == 1)
        return next(own, "left")


def is_group(row: tuple[Cell, ...], width: int) -> bool:
    """Whether a row of the body is the heading of a group of rows."""
    return len(row) == 1 and row[0].columns == width and row[0].heading


def read_table(html: str) -> Content:
    """Read a table that great-tables drew, or of a report; the banner of simulated data is its first note."""
    page = _Page()
    page.feed(html)
    page.close()
    notes = [line for line in page.subtitle.split("\n") if line.strip()]
    simulated = any(WATERMARK in text for text in (page.title, *notes, *page.sources))
    number = _NUMBER.match(page.title)
    return Content(
        page.title[number.end() :] if number else page.title,
        tuple(notes),
        place_cells(page.header),
        place_cells(page.body),
        tuple(page.footnotes),
        tuple(page.sources),
        simulated,
        number[1] if number else "",
    )


def place_cells(rows: list[list[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """Give each cell its column, around cells of several rows."""
    taken: set[tuple[int, int]] = set()
    placed = []
    for line, row in enumerate(rows):
        column, cells = 0, []
        for cell in row:
            while (line, column) in taken:
                column += 1
            taken |= {(line + down, column + r) for down in range(cell.rows) for r in range(cell.columns)}
            cells.append(replace(cell, column=column))
            column += cell.columns
        placed.append(tuple(cells))
    return tuple(placed)


@dataclass
class _Text:
    """The text of the element that is being read, and its footnote marks."""

    classes: set[str] = field(default_factory=set)
    columns: int = 1
    rows: int = 1
    heading: bool = False
    parts: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        # An em space indents a label and is kept.
        lines = "".join(self.parts).split("\n")
        return "\n".join(line.strip(" \t\r") for line in lines).strip("\n")

    def cell(self) -> Cell:
        align = next((name for name in ("right", "center") if f"gt_{name}" in self.classes), "left")
        marks = "".join(self.marks)
        return Cell(self.text, marks, self.columns, self.rows, align=align, heading=self.heading)


class _Page(HTMLParser):
    """Collect the parts of a table from great-tables' HTML, which marks each by its class."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = self.subtitle = ""
        self.header: list[list[Cell]] = []
        self.body: list[list[Cell]] = []
        self.footnotes: list[tuple[str, str]] = []
        self.sources: list[str] = []
        self._section, self._row = "", list[Cell]()
        self._now: _Text | None = None
        self._marks = 0
        self._depth = 0
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        if tag in ("thead", "tbody", "tfoot"):
            self._section = tag
        elif tag == "tr":
            self._row = []
        # On the page of a report, title and subtitle are in the caption.
        elif tag in ("th", "td") or (tag == "span" and _IN_CAPTION & classes):
            self._depth = len(self._open)
            columns, rows = (int(given.get(name) or 1) for name in ("colspan", "rowspan"))
            self._now = _Text(classes, columns, rows, tag == "th")
        elif tag == "br" and self._now:
            self._now.parts.append("\n")
        if tag not in _NO_END:
            self._open.append(tag)
            if self._marks or "gt_footnote_marks" in classes:
                self._marks += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in _NO_END or tag not in self._open:
            return
        while self._open.pop() != tag:
            self._marks = max(self._marks - 1, 0)
        self._marks = max(self._marks - 1, 0)
        if self._now and len(self._open) <= self._depth:
            self._keep(self._now)
            self._now = None
        elif tag == "tr" and self._row:
            (self.header if self._section == "thead" else self.body).append(self._row)
            self._row = []

    def handle_data(self, data: str) -> None:
        if self._now:
            if self._marks:
                self._now.marks.append(data.strip())
            else:
                self._now.parts.append(data if "\u2003" in data else re.sub(r"[ \t\r\n]+", " ", data))

    def _keep(self, found: _Text) -> None:
        places: dict[str, Callable[[], None]] = {
            "gt_title": lambda: setattr(self, "title", found.text),
            "gt_subtitle": lambda: setattr(self, "subtitle", found.text),
            "gt_footnote": lambda: self.footnotes.append(("".join(found.marks), found.text)),
            "gt_sourcenote": lambda: self.sources.append(found.text),
        }
        for name, keep in places.items():
            if name in found.classes:
                return keep()
        return self._row.append(found.cell())
