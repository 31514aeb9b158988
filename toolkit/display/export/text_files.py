"""Write tables as Markdown, CSV and HTML."""

import csv
import re
from html import escape
from io import StringIO
from pathlib import Path

import polars as pl

from toolkit.display.export.typeset_content import Cell, Content, is_group
from toolkit.display.text import SIMULATED

_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|$~^])")
# A spreadsheet runs a text that begins so; a number may begin with a sign.
_FORMULA = re.compile(r"^\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"^[-+]?\d[\d,]*(\.\d+)?([eE][-+]?\d+)?%?$")
_INDENT = "\u2003"


def write_markdown(content: Content, path: Path) -> None:
    """Write a pipe table with its title above and its notes below, every label escaped."""
    heads = _merge_heads(content)
    aligns = {"left": ":---", "center": ":---:", "right": "---:"}
    lines = [f"**{escape_markdown(content.heading)}**", ""]
    for note in content.notes:
        text = escape_markdown(note)
        lines += [f"**{text}**" if note == SIMULATED else text, ""]
    lines.append(_join_cells(heads))
    lines.append(_join_cells([aligns[content.align_of(n)] for n in range(content.width)]))
    for row in content.body:
        cells = [""] * content.width
        for cell in row:
            text = _mark(cell)
            cells[cell.column] = f"**{text}**" if is_group(row, content.width) else text
        lines.append(_join_cells(cells))
    for mark, text in content.below:
        lines += ["", (f"<sup>{escape_markdown(mark)}</sup> " if mark else "") + escape_markdown(text)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def escape_markdown(text: str) -> str:
    r"""Escape what Markdown or a browser would read as markup.

    Examples
    --------
    >>> escape_markdown("a_b | <b>")
    'a\\_b \\| &lt;b&gt;'
    """
    plain = _MARKDOWN.sub(r"\\\1", escape(text, quote=False))
    return plain.replace(_INDENT, "&emsp;").replace("\n", "<br>")


def _join_cells(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(cell: Cell) -> str:
    marks = f"<sup>{escape_markdown(cell.marks)}</sup>" if cell.marks else ""
    return escape_markdown(cell.text) + marks


def _merge_heads(content: Content) -> list[str]:
    """Write one head a column, with the spanners above it: a pipe table has one row of heads."""
    heads: list[list[str]] = [[] for _ in range(content.width)]
    for row in content.header:
        for cell in row:
            for column in range(cell.column, cell.column + cell.columns):
                if cell.text:
                    heads[column].append(_mark(cell))
    return ["<br>".join(parts) for parts in heads]


def write_csv(content: Content, path: Path) -> None:
    """Write title, notes, header, rows and footnotes as lines of a CSV file."""
    lines = [[content.heading], *([note] for note in content.notes)]
    for row in (*content.header, *content.body):
        cells = [""] * content.width
        for cell in row:
            cells[cell.column] = f"{cell.text} {cell.marks}" if cell.marks else cell.text
        lines.append(cells)
    lines += [[f"{mark} {text}" if mark else text] for mark, text in content.below]
    path.write_bytes(_pack_lines(lines))


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Write the rows of a frame, unrounded, with the names of its columns as header."""
    path.write_bytes(pack_csv(frame))


def pack_csv(frame: pl.DataFrame) -> bytes:
    """Return the rows of a frame, unrounded, as a CSV file."""
    shown = frame.select(
        pl.col(name) if dtype.is_numeric() else pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
    )
    lines = [["" if value is None else value for value in row] for row in shown.rows()]
    return _pack_lines([list(frame.columns), *lines])


def _pack_lines(lines: list[list[str]]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([list(map(escape_csv, line)) for line in lines])
    # The mark tells Excel that the file is UTF-8.
    return text.getvalue().encode("utf-8-sig")


def escape_csv(value: object) -> object:
    """Put an apostrophe before a text that a spreadsheet would run as a formula.

    Examples
    --------
    >>> escape_csv("=1+1"), escape_csv("-0.5"), escape_csv(-0.5)
    ("'=1+1", '-0.5', -0.5)
    """
    if not isinstance(value, str):
        return value
    text = value.replace(_INDENT, "  ")
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def write_html(table: str, title: str, path: Path) -> None:
    """Write a table as a page of its own, without a script or an address."""
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body>\n{table}\n</body></html>\n"
    )
    path.write_text(page, encoding="utf-8")
