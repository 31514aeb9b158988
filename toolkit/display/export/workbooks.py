"""Write tables and result frames as Excel workbooks, with numbers as numbers and labels as text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl
from xlsxwriter import Workbook

from toolkit.display.charts.palette import VERMILLION
from toolkit.display.export.formats import PAPERS, Paper
from toolkit.display.export.page_layout import Page
from toolkit.display.export.typeset_content import Cell, Content, is_group
from toolkit.display.text import SIMULATED

# A number as tables show it: 1,234 or −0.52 or 3.5%.
_NUMBER = r"[-−]?\d[\d,]*(?:\.\d+)?%?"
_PARTS = re.compile(rf"({_NUMBER})(?: \(({_NUMBER})(?: to ({_NUMBER}))?\))?")
# The head of an estimate with its interval, such as "Prevalence ratio (95% CI)".
_INTERVAL = re.compile(r"(?P<measure>.+) \((?P<interval>[\d.]*%? ?CI)\)", re.DOTALL)
_SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_WIDEST = 95  # Letters across a portrait page.
_COUNTS = "#,##0"
# Formats of the columns of a result frame; other numbers have four digits.
_FORMATS = {"p_value": "0.0000", "conf_level": "0.00", "df": "0.##", "df_numerator": "0.##"}
_INDENT = "\u2003"


@dataclass(frozen=True)
class _Number:
    """A number with the format that shows it as the table does."""

    value: float
    format: str


def write_workbook(content: Content, page: Page, path: Path, frame: pl.DataFrame | None = None) -> None:
    """Write a table as the sheet "Table", and the unrounded rows of a frame as the sheet "Estimates"."""
    packed = BytesIO()  # An archive that is half written to a full disk raises a second time later.
    with Workbook(packed, {**_SAFE, "in_memory": True}) as book:
        book.set_properties({"title": content.heading[:255]})
        _Sheet(book, content).write(page)
        if frame is not None:
            _write_frame(book, frame, "Estimates", page.paper)
    path.write_bytes(packed.getvalue())


def pack_frame(frame: pl.DataFrame, sheet: str) -> bytes:
    """Return the rows of a frame, unrounded, as a workbook."""
    packed = BytesIO()
    # An equal frame gives an equal file.
    with Workbook(packed, {**_SAFE, "in_memory": True}) as book:
        book.set_properties({"created": datetime(2000, 1, 1)})
        _write_frame(book, frame, sheet, PAPERS["a4"])
    return packed.getvalue()


def read_numbers(text: str) -> list[_Number]:
    """Read a cell such as "1,234", "588 (47.2)" or "1.26 (1.05 to 1.52)"; no number where it has other text.

    Examples
    --------
    >>> [number.value for number in read_numbers("1.26 (1.05 to 1.52)")]
    [1.26, 1.05, 1.52]
    >>> read_numbers("not shown")
    []
    """
    found = _PARTS.fullmatch(text.strip())
    return [_read_number(part) for part in found.groups() if part] if found else []


def _read_number(text: str) -> _Number:
    digits = text.replace(",", "").replace("−", "-").rstrip("%")
    decimals = len(digits.partition(".")[2])
    kind = _COUNTS + (f".{'0' * decimals}" if decimals else "")
    percent = text.endswith("%")
    return _Number(float(digits) / (100 if percent else 1), kind + "%" * percent)


class _Sheet:
    """A sheet with title, notes, header, rows and footnotes; the parts of an estimate have columns."""

    def __init__(self, book: Workbook, content: Content) -> None:
        self.content, self.book = content, book
        self.sheet = book.add_worksheet("Table")
        self.formats: dict[tuple[tuple[str, Any], ...], Any] = {}
        # Table column -> number of sheet columns.
        self.parts = [
            max((len(read_numbers(c.text)) for row in content.body for c in row if c.column == n), default=1)
            or 1
            for n in range(content.width)
        ]
        self.starts = [sum(self.parts[:n]) for n in range(content.width)]
        self.split = [bool(self.parts[n] == 3 and self._interval(n)) for n in range(content.width)]

    def style(self, **options: Any) -> Any:
        """Return a cell format, made once."""
        key = tuple(sorted({"font_name": "Arial", "font_size": 10, "valign": "top", **options}.items()))
        if key not in self.formats:
            self.formats[key] = self.book.add_format(dict(key))
        return self.formats[key]

    def write(self, page: Page) -> None:
        self._set_widths()
        line = 0
        self._write_across(line, self.content.heading, bold=True, font_size=12)
        for note in self.content.notes:
            line += 1
            warning = {"bold": True, "font_color": VERMILLION} if note == SIMULATED else {}
            self._write_across(line, note, **warning)
        first = line + 2
        line = self._write_header(first)
        self.sheet.freeze_panes(line, 1)
        self.sheet.repeat_rows(first, line - 1)
        for number, row in enumerate(self.content.body):
            self._write_row(line + number, row, last=number == len(self.content.body) - 1)
        line += len(self.content.body)
        for mark, text in self.content.below:
            self._write_across(line, f"{mark} {text}" if mark else text, font_size=9)
            line += 1
        if page.landscape or sum(self.widths) > _WIDEST:
            self.sheet.set_landscape()
        self.sheet.set_paper(page.paper.excel)
        self.sheet.fit_to_pages(1, 0)

    def _write_across(self, line: int, text: str, **options: Any) -> None:
        """Write a line of text over all columns, in as many lines as it needs."""
        style, last = self.style(text_wrap=True, **options), len(self.widths) - 1
        if last:
            self.sheet.merge_range(line, 0, line, last, "", style)
        self.sheet.write_string(line, 0, text, style)
        size = options.get("font_size", 10)
        lines = -(-len(text) * size // int(10 * max(sum(self.widths), 1))) or 1
        self.sheet.set_row(line, lines * size * 1.4)

    def _interval(self, column: int) -> re.Match[str] | None:
        heads = [c for row in self.content.header for c in row if c.column == column and c.columns == 1]
        return _INTERVAL.fullmatch(heads[-1].text) if heads else None

    def _write_header(self, first: int) -> int:
        """Write the rows of the header, and one for the parts of intervals; return the line after them."""
        rows, extra = len(self.content.header), int(any(self.split))
        for line, row in enumerate(self.content.header, first):
            own = [cell.text.count("\n") + 1 for cell in row if cell.rows == 1]
            self.sheet.set_row(line, 15 * max(own, default=1))
            for cell in row:
                lowest = line + cell.rows == first + rows
                below = line + cell.rows - 1 + (extra if lowest and not self._is_split(cell) else 0)
                self._write_head(line, below, cell, top=2 if line == first else 0)
        if extra:
            for column, split in enumerate(self.split):
                if split and (found := self._interval(column)):
                    names = (found["measure"], f"{found['interval']}, lower", f"{found['interval']}, upper")
                    for part, name in enumerate(names):
                        style = self.style(bold=True, align="right", bottom=1, text_wrap=True)
                        self.sheet.write_string(first + rows, self.starts[column] + part, name, style)
        return first + rows + extra

    def _is_split(self, cell: Cell) -> bool:
        return cell.columns == 1 and self.split[cell.column]

    def _write_head(self, line: int, below: int, cell: Cell, *, top: int) -> None:
        start = self.starts[cell.column]
        end = start + sum(self.parts[cell.column : cell.column + cell.columns]) - 1
        align = "center" if end > start else cell.align
        style = self.style(bold=True, align=align, top=top, bottom=1, text_wrap=True, valign="bottom")
        text = cell.text + (f" {cell.marks}" if cell.marks else "")
        if end > start or below > line:
            self.sheet.merge_range(line, start, below, end, "", style)
        self.sheet.write_string(line, start, text, style)

    def _write_row(self, line: int, row: tuple[Cell, ...], *, last: bool) -> None:
        rule = {"bottom": 2} if last else {}
        if is_group(row, self.content.width):
            self.sheet.write_string(line, 0, row[0].text, self.style(bold=True, **rule))
            return
        for cell in row:
            numbers = read_numbers(cell.text) if cell.align != "left" else []
            start = self.starts[cell.column]
            for part in range(self.parts[cell.column]):
                if part < len(numbers):
                    bracket = part and not self.split[cell.column]
                    shown = (
                        _show(numbers[part].format, part, len(numbers)) if bracket else numbers[part].format
                    )
                    shown += f'" {cell.marks}"' if cell.marks and part == len(numbers) - 1 else ""
                    align = "left" if bracket else "right"
                    style = self.style(num_format=shown, align=align, **rule)
                    self.sheet.write_number(line, start + part, numbers[part].value, style)
                elif part or not cell.text:
                    self.sheet.write_blank(line, start + part, None, self.style(**rule))
                else:
                    self._write_text(line, start, cell, rule)

    def _write_text(self, line: int, column: int, cell: Cell, rule: Mapping[str, Any]) -> None:
        text = cell.text.lstrip(_INDENT)
        options: dict[str, Any] = {"align": cell.align, "text_wrap": "\n" in text, **rule}
        if len(cell.text) > len(text):
            options["indent"] = len(cell.text) - len(text)
        shown = text + (f" {cell.marks}" if cell.marks else "")
        self.sheet.write_string(line, column, shown, self.style(**options))

    def _set_widths(self) -> None:
        self.widths = widths = [8] * (self.starts[-1] + self.parts[-1])
        for rows in (self.content.header, self.content.body):
            for cell in (cell for row in rows for cell in row if cell.columns == 1):
                longest = max(map(len, cell.text.split("\n"))) + len(cell.marks) + 2
                for part in range(self.parts[cell.column]):
                    place = self.starts[cell.column] + part
                    widths[place] = max(widths[place], min(-(-longest // self.parts[cell.column]) + 2, 60))
        for place, width in enumerate(widths):
            self.sheet.set_column(place, place, width)


def _show(kind: str, part: int, count: int) -> str:
    """Format a number behind the first as in "588 (47.2)" or "54 (41 to 66)"."""
    if count == 2:
        return f'"("{kind}")"'
    return f'"("{kind}' if part == 1 else f'"to "{kind}")"'


def _write_frame(book: Workbook, frame: pl.DataFrame, title: str, paper: Paper) -> None:
    """Write the rows of a frame unrounded, with a format for each column."""
    sheet = book.add_worksheet(title)
    head = book.add_format({"bold": True, "font_name": "Arial", "font_size": 10, "bottom": 1})
    text = book.add_format({"font_name": "Arial", "font_size": 10})
    for column, name in enumerate(frame.columns):
        sheet.write_string(0, column, name, head)
        kind = _FORMATS.get(name, _COUNTS if frame.schema[name].is_integer() else "0.0000")
        number = book.add_format({"font_name": "Arial", "font_size": 10, "num_format": kind})
        for line, value in enumerate(frame[name].to_list(), 1):
            _write_value(sheet, (line, column), value, (text, number))
    _fit_columns(sheet, frame)
    sheet.freeze_panes(1, 0)
    sheet.set_landscape()
    sheet.set_paper(paper.excel)
    sheet.fit_to_pages(1, 0)
    if frame.height:
        sheet.autofilter(0, 0, frame.height, frame.width - 1)


def _write_value(sheet: Any, place: tuple[int, int], value: Any, formats: tuple[Any, Any]) -> None:
    text, number = formats
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(*place, value, text)
    elif isinstance(value, int | float) and isfinite(value):
        sheet.write_number(*place, value, number)
    else:
        shown = value.isoformat() if isinstance(value, date | datetime) else str(value)
        sheet.write_string(*place, shown, text)


def _fit_columns(sheet: Any, frame: pl.DataFrame) -> None:
    for column, name in enumerate(frame.columns):
        texts: Sequence[str] = [str(value) for value in frame[name].head(200) if isinstance(value, str)]
        sheet.set_column(column, column, min(max(len(name), 9, *map(len, texts), 0) + 2, 45))
