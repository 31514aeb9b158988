"""Typeset E-values: each comparison, and what omitting each of its covariates does to it."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import polars as pl
from great_tables import GT

from toolkit.disclosure import is_hidden
from toolkit.display.tables.typesetting import NO_NUMBER, NOT_SHOWN, format_cell, typeset
from toolkit.display.text import (
    Labels,
    capitalize,
    format_contrast,
    format_number,
    head_rows,
    name_omitted,
    write_notes,
    write_title,
)
from toolkit.results import Row, estimand_of

_HEADS = {
    "label": "Adjustment",
    "change": "Change of the ratio",
    "e_value": "E-value",
    "limit": "E-value of the limit",
}


def typeset_e_values(frame: pl.DataFrame, labels: Labels | None) -> GT:
    """Typeset the result of `tk.sensitivity`, with a group of rows for each comparison."""
    rows = frame.rows(named=True)
    itself = frame.filter(pl.col("omitted").is_null())
    names = [item.name for item in head_rows(itself.drop("omitted"), labels)] if itself.height > 1 else [""]
    groups = _number_groups(rows)
    columns = {
        "group": [capitalize(names[at]) for at in groups],
        "label": [capitalize(name_omitted(row, labels)) for row in rows],
        "estimate": [NOT_SHOWN if is_hidden(row) else format_cell(row) for row in rows],
        "change": [_format_change(row) for row in rows],
        "e_value": [format_number(row["e_value"], "ratio") or NO_NUMBER for row in rows],
        "limit": [format_number(row["e_value_limit"], "ratio") or NO_NUMBER for row in rows],
    }
    first = itself.row(0, named=True)
    contrast = f", for a difference of {format_contrast(first)}" if first["contrast"] is not None else ""
    heads: dict[str, Any] = {**_HEADS, "estimate": f"{capitalize(estimand_of(first).noun)} (95% CI)"}
    source = (
        f"E-value: the risk ratio that an unmeasured confounder would need with both exposure and outcome to "
        f"explain the estimate{contrast}. The limit is that nearer to no association. "
        "CI: confidence interval."
    )
    plain = itself.drop("omitted")
    footnotes = [("e_value", at, row) for at, row in enumerate(rows) if row["omitted"] is None]
    title = f"E-values: {write_title(plain, labels)[:1].lower()}{write_title(plain, labels)[1:]}"
    notes = write_notes(plain, labels)
    return typeset(
        columns, heads, title, notes, numbers=("estimate", "change", "e_value", "limit"),
        footnotes=footnotes, source=source,
    )  # fmt: skip


def _number_groups(rows: Sequence[Row]) -> list[int]:
    """Return the number of each row's comparison, which begins with the row that omits nothing."""
    number, found = -1, []
    for _, group in groupby(rows, key=lambda row: row["omitted"] is None):
        for row in group:
            number += row["omitted"] is None
            found.append(max(number, 0))
    return found


def _format_change(row: Row) -> str:
    if row["change"] is None:
        return NO_NUMBER if row["omitted"] is None else ""
    change = 100 * (row["change"] - 1)
    sign = "−" if change < 0 else "+"
    return f"{sign}{abs(change):.1f}%"
