"""Typeset columns of text as a table that needs no script in a notebook or a report."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape, unescape
from typing import Any

import polars as pl
from great_tables import GT, html, loc, style

from toolkit.disclosure import is_suppressed
from toolkit.display.charts.palette import FONT, INK, MUTED, STRIPE, WARNING
from toolkit.display.text import SIMULATED, capitalize, format_estimate, format_flag
from toolkit.results import Row

_TAG = re.compile(r"<[^<>]*>")
NOT_SHOWN, NO_NUMBER = "not shown", "–"
_OPTIONS: dict[str, Any] = {
    "table_font_names": FONT.replace("'", "").split(", "),
    "table_font_size": "14px",
    "table_font_color": INK,
    "heading_align": "left",
    "heading_title_font_size": "17px",
    "heading_subtitle_font_size": "13px",
    "data_row_padding": "5px",
    "row_group_background_color": STRIPE,
    "source_notes_font_size": "12px",
    "table_border_top_style": "hidden",
    "container_overflow_x": "auto",
    "table_margin_left": "0px",
}


def format_cell(row: Row) -> str:
    """Format the estimate of a row for a cell, or say that it is not shown, or that there is none."""
    return NOT_SHOWN if is_suppressed(row) else format_estimate(row) or NO_NUMBER


class ResultTable(GT):
    """A table that is written in LaTeX too, where great-tables has no footnotes and reads no HTML."""

    def as_latex(self, *args: Any, **options: Any) -> str:
        """Write the table in LaTeX with plain headings and its footnotes as notes below it."""
        heading, given = self._heading, [*self._source_notes]
        flags = dict.fromkeys(_as_plain(text) for note in self._footnotes for text in note.footnotes or ())
        subtitle = None if heading.subtitle is None else _as_plain(heading.subtitle)
        labels: dict[str, Any] = {
            str(c.var): _as_plain(c.column_label) for c in self._boxhead if c.column_label is not None
        }
        emptied = {name: type(getattr(self, name))() for name in ("_footnotes", "_source_notes", "_styles")}
        plain = self._replace(**emptied)
        plain = plain.tab_header(title=_as_plain(heading.title or ""), subtitle=subtitle).cols_label(labels)
        for text in [*flags, *map(_as_plain, given)]:
            plain = plain.tab_source_note(text)
        return GT.as_latex(plain, *args, **options)


def _as_plain(text: Any) -> str:
    """Write text of HTML without its tags."""
    lines = getattr(text, "text", str(text)).split("<br>")
    return "; ".join(unescape(_TAG.sub(" ", line)).strip() for line in lines)


def typeset(
    columns: Mapping[str, Sequence[str]],
    heads: Mapping[str, Any],
    title: str,
    notes: Sequence[str],
    *,
    numbers: Sequence[str],
    footnotes: Iterable[tuple[str, int, Row]] = (),
    source: str = "",
) -> GT:
    """Typeset columns of text, by name; "group" heads groups of rows, and an empty column is left out.

    `notes` are below the title, `source` is below the table, `numbers` names the columns flush right, and
    each of `footnotes` is a column and line with the result row whose flag it explains.
    """
    shown = {name: texts for name, texts in columns.items() if any(texts) or name in ("label", "estimate")}
    data = pl.DataFrame({name: list(texts) for name, texts in shown.items()})
    # Named by its contents, so that the same results give the same page.
    identity = "table-" + sha256(repr((title, shown)).encode()).hexdigest()[:10]
    made: GT = ResultTable(data, groupname_col="group" if "group" in shown else None, id=identity)
    made = made.tab_header(title=_format_title(title), subtitle=html(_format_notes(notes)) if notes else None)
    made = made.cols_label({name: heads[name] for name in shown if name != "group"})
    right = [name for name in shown if name in numbers]
    made = made.cols_align("left").cols_align("right", columns=right)
    made = made.tab_style(style.text(weight="bold"), loc.row_groups())
    made = made.tab_style(style.css("white-space: nowrap;"), loc.body(columns=right))
    made = made.tab_options(**_OPTIONS).opt_footnote_marks("letters")
    lines: dict[tuple[str, str], list[int]] = {}
    for column, line, row in footnotes:
        if text := format_flag(row, row["reason"]):
            lines.setdefault((f"{capitalize(text)}.", column), []).append(line)
    for (text, column), places in lines.items():
        made = made.tab_footnote(text, locations=loc.body(columns=column, rows=places))
    return made.tab_source_note(html(escape(source))) if source else made


def retitle(made: GT, title: str) -> GT:
    """Replace the title of a table and keep the notes below it."""
    notes: Any = made._heading.subtitle  # noqa: SLF001 - great-tables has no public access to it
    return made.tab_header(title=_format_title(title), subtitle=notes)


def _format_title(title: str) -> Any:
    return html(f"<strong>{escape(title)}</strong>")


def _format_notes(notes: Sequence[str]) -> str:
    lines = [
        f'<strong style="color:{WARNING}">{SIMULATED}</strong>' if note == SIMULATED else escape(note)
        for note in notes
    ]
    return f'<span style="color:{MUTED}">' + "<br>".join(lines) + "</span>"


def replace_heading(made: GT, title: str, notes: Sequence[str]) -> GT:
    """Give a table another title and other notes below it."""
    heading = html(f"<strong>{escape(title)}</strong>")
    return made.tab_header(title=heading, subtitle=html(_format_notes(notes)) if notes else None)
