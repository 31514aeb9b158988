"""Summarize several result rows in a clause: a range of estimates, or a description of participants."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from toolkit.display.text.numbers import (
    FLAGS,
    SHOWN,
    Labels,
    format_condition,
    format_count,
    format_p_value,
    join_list,
    label_variable,
    name_outcome,
    phrase_estimate,
)
from toolkit.display.text.phrasing import name_measure, phrase_adjustment, phrase_source
from toolkit.display.text.row_labels import Headed, head_rows
from toolkit.results import Row, by_columns, estimand_of

OVERALL = "overall"


def summarize_range(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Summarize estimates of one measure by the lowest and the highest."""
    items = head_rows(frame, labels)
    tests = estimand_of(items[0].row).kind == "test"
    column = "p_value" if tests else "estimate"
    shown = [i for i in items if i.row["reliability"] in SHOWN and i.row[column] is not None]
    alike = {
        name: frame[name].n_unique() == 1 for name in ("outcome", "exposure", "level", "study", "domain", "n")
    }
    quantile = items[0].row["estimand"] == "quantile"
    measure = name_measure(
        items[0].row,
        labels,
        outcome=alike["outcome"],
        exposure=alike["exposure"],
        level=quantile and alike["level"],
    )
    lost = _count_lost(items)
    if not shown:
        return f"none of the {len(items)} estimates of {measure} could be reported{lost}"
    ends = [choose(shown, key=lambda item: item.row[column]) for choose in (min, max)]
    group = _name_group(frame, labels)
    low, high = (f"{_phrase(end.row)} for {group}{end.name}" for end in ends)
    named = f"p-values of {measure}" if tests and len(shown) > 1 else measure
    span = f"{'gave' if tests else 'was'} {low} only" if len(shown) == 1 else f"ranged from {low} to {high}"
    adjusted = phrase_adjustment(items[0].row, labels) if frame["adjust"].n_unique() == 1 else ""
    shared = {**items[0].row, **{name: None for name in ("study", "domain", "n") if not alike[name]}}
    return f"{named} {span}{adjusted}{lost}{phrase_source(shared, labels)}"


def _phrase(row: Row) -> str:
    return format_p_value(row["p_value"]) if estimand_of(row).kind == "test" else phrase_estimate(row)


def _name_group(frame: pl.DataFrame, labels: Labels | None) -> str:
    """Name the grouping variable before levels that do not explain themselves: "diabetes: "."""
    by = by_columns(frame)
    bare = len(by) == 1 and set(frame[by[0]].drop_nulls()) <= {"yes", "no"}
    return f"{label_variable(by[0], labels)}: " if bare else ""


def _count_lost(items: Sequence[Headed]) -> str:
    flags = Counter(item.row["reliability"] for item in items)
    lost = [
        f"{n} {'was' if n == 1 else 'were'} {FLAGS[flag]}"
        for flag in ("suppress", "failed")
        if (n := flags[flag])
    ]
    return f"; of {len(items)} estimates, {join_list(lost)}" if lost else ""


def is_description(frame: pl.DataFrame) -> bool:
    """Return whether this is a frame of `tk.describe`: it alone counts the participants of its columns."""
    return "people" in frame["estimand"].to_list()


def group_of(row: Row, by: str | None) -> str:
    """Return the column of Table 1 that a row belongs to."""
    return OVERALL if by is None or row[by] is None else str(row[by])


def name_groups(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Name the grouping variable of a description, by its own label where a test has it; "" without one."""
    by = next(iter(by_columns(frame)), None)
    if by is None:
        return ""
    own = frame.filter(pl.col("exposure") == by)["exposure_label"].drop_nulls().to_list()
    return (labels or {}).get(by) or next(iter(own), label_variable(by, labels))


def describe_source(rows: Sequence[Row], labels: Labels | None = None, sep: str = ", ") -> str:
    """Return the studies of all rows, since not every cycle measured each variable, and the domain."""
    studies = join_list(dict.fromkeys(row["study"] for row in rows if row["study"]))
    return sep.join(part for part in (studies, format_condition(rows[0]["domain"], labels)) if part)


def summarize_description(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Summarize a description: participants, characteristics, and the range of p-values between groups."""
    rows, by = frame.rows(named=True), next(iter(by_columns(frame)), None)
    n_names = len({row["outcome"] for row in rows if row["outcome"] and row["outcome"] != by})
    n = next(row["n"] for row in rows if row["estimand"] == "people")
    where = describe_source(rows, labels)
    text = f"{format_count(n)} participants are described by {n_names} characteristic{'s' * (n_names != 1)}"
    text += f" ({where})" if where else ""
    tests: list[Any] = [row for row in rows if estimand_of(row).kind == "test" and row["p_value"] is not None]
    if not by or not tests:
        return text
    tests.sort(key=lambda row: row["p_value"])
    ends = [f"{format_p_value(row['p_value'])} ({name_outcome(row)})" for row in (tests[0], tests[-1])]
    if len(tests) == 1:
        return f"{text}; the test of a difference by {name_groups(frame, labels)} gave {ends[0]}"
    return (
        f"{text}; {len(tests)} tests of a difference by {name_groups(frame, labels)} gave {' to '.join(ends)}"
    )
