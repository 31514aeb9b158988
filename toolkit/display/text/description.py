"""Tell the frame of `tk.describe` from other results, and say in a sentence what it shows.

Takes a result frame; gives a clause without capital and full stop.
"""

from collections.abc import Sequence

import polars as pl

from toolkit.display.text.numbers import Labels, condition, count, listed, words
from toolkit.results import Row, by_columns, estimand_of

EVERYONE = "all"
# A p-value below this is told; for many tests nothing is corrected, and the sentence says how many there are.
CLEAR = 0.05


def is_description(frame: pl.DataFrame) -> bool:
    """Tell the frame of `tk.describe` from other results: it alone counts the people of its columns."""
    return "people" in frame["estimand"].to_list()


def group_of(row: Row, by: str | None) -> str:
    """Name the column of the table that a row stands in."""
    return EVERYONE if by is None or row[by] is None else str(row[by])


def across(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Name the variable across, by its own label where a test has it; "" if there is none."""
    by = next(iter(by_columns(frame)), None)
    if by is None:
        return ""
    own = frame.filter(pl.col("exposure") == by)["exposure_label"].drop_nulls().to_list()
    return (labels or {}).get(by) or next(iter(own), words(by, labels))


def studies(rows: Sequence[Row]) -> str:
    """Name the studies of all rows: variables that not every survey cycle measured have fewer cycles."""
    return listed(dict.fromkeys(row["study"] for row in rows if row["study"]))


def described(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Word a description: how many people, by how many variables, and which differ between groups."""
    rows, by = frame.rows(named=True), next(iter(by_columns(frame)), None)
    names = {row["outcome"] for row in rows if row["outcome"] and row["outcome"] != by}
    size = next(row["n"] for row in rows if row["estimand"] == "people")
    where = ", ".join(part for part in (studies(rows), condition(rows[0]["domain"], labels)) if part)
    many = f"{len(names)} characteristic{'s' if len(names) != 1 else ''}"
    text = f"{count(size)} people are described by {many}"
    tests = [row for row in rows if estimand_of(row).kind == "test" and row["p_value"] is not None]
    if not by or not tests:
        return f"{text} ({where})" if where else text
    differ = [str(row["outcome_label"]) for row in tests if row["p_value"] < CLEAR]
    found = (
        f"{len(differ)} of {len(tests)} tests of a difference by {across(frame, labels)} have p < {CLEAR:g}"
    )
    told = f" ({listed(differ)})" if differ else ""
    return f"{text} ({where}); {found}{told}" if where else f"{text}; {found}{told}"
