"""Set columns of text as a table that a notebook and a report show as HTML without a script.

Takes columns, their heads, a name and the lines below it; gives a great_tables table in the house's style.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any

import polars as pl
from great_tables import GT, html, loc, style

from toolkit.display.charts.palette import FONT, INK, MUTED, STRIPE, VERMILLION


def typeset(
    columns: Mapping[str, Sequence[str]],
    heads: Mapping[str, Any],
    name: str,
    below: Sequence[str],
    fiction: bool,
    *,
    numbers: Sequence[str],
) -> GT:
    """Set columns of text as a table.

    Parameters
    ----------
    columns
        Column to its texts; "group" heads groups of rows. Columns without any text are left out, but for
        "label" and "estimate".
    heads
        Column to its head.
    name, below
        Of the table, and lines below it.
    fiction
        Whether the first line below says that the data are simulated.
    numbers
        Columns to be set flush right.

    Returns
    -------
    great_tables.GT
        Without footnotes.
    """
    shown = {
        column: values for column, values in columns.items() if any(values) or column in ("label", "estimate")
    }
    data = pl.DataFrame({column: list(values) for column, values in shown.items()})
    made = GT(data, groupname_col="group" if "group" in shown else None, id=_identity(shown, name))
    head = html(f"<strong>{escape(name)}</strong>")
    made = made.tab_header(title=head, subtitle=html(_subtitle(below, fiction)) if below else None)
    made = made.cols_label({column: heads[column] for column in shown if column != "group"})
    right = [column for column in shown if column in numbers]
    made = made.cols_align("left").cols_align("right", columns=right)
    made = made.tab_style(style.text(weight="bold"), loc.row_groups())
    made = made.tab_style(style.css("white-space: nowrap;"), loc.body(columns=right))
    return made.tab_options(**_OPTIONS).opt_footnote_marks("letters")


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


def _identity(columns: Mapping[str, Sequence[str]], name: str) -> str:
    """Name the table by its contents, so that the same results give the same page."""
    return "table-" + sha256(repr((name, columns)).encode()).hexdigest()[:10]


def _subtitle(below: Sequence[str], fiction: bool) -> str:
    first = f'<strong style="color:{VERMILLION}">{escape(below[0])}</strong>' if fiction else escape(below[0])
    return f'<span style="color:{MUTED}">' + "<br>".join([first, *map(escape, below[1:])]) + "</span>"
