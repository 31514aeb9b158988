"""Say of several estimates which is lowest, which is highest, and how many leave room for no difference.

Takes the rows of a result frame that compare alike; gives one clause, of which `sentences` makes a sentence.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import polars as pl

from toolkit.display.text.clauses import opening, source
from toolkit.display.text.comparing import after, outcome
from toolkit.display.text.numbers import Labels, estimate_phrase, includes_null, listed, p_value, words
from toolkit.display.text.phrasing import quantile_name, tested
from toolkit.display.text.row_labels import Headed, headed_rows
from toolkit.results import Row, by_columns, estimand_of


def extremes(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Word several estimates of one measure as a clause, without capital and full stop."""
    items = headed_rows(frame, labels)
    sound = [
        i for i in items if i.row["reliability"] in ("ok", "review", None) and i.row["estimate"] is not None
    ]
    what = _named(items[0].row, frame, labels)
    if estimand_of(items[0].row).kind == "test":
        return _tests(items, labels) + source(_shared(frame), labels)
    if not sound:
        return f"none of the {len(items)} estimates of {what} can be shown{_lost(items)}"
    low, high = (choose(sound, key=lambda i: i.row["estimate"]) for choose in _ENDS)
    group = _group_name(frame, labels)
    span = f"was lowest for {group}{_told(low)} and highest for {group}{_told(high)}"
    if len(sound) == 1:
        span = f"can be shown for {group}{_told(low)} alone"
    same = after(items[0].row, labels) if frame["adjust"].n_unique() == 1 else ""
    tail = source(_shared(frame), labels)
    return f"of {len(items)} {_called(frame)}, {what} {span}{same}{_including(sound)}{_lost(items)}{tail}"


def _named(row: Row, frame: pl.DataFrame, labels: Labels | None) -> str:
    if row["estimand"] == "quantile" and frame["level"].n_unique() == 1:
        return f"the {quantile_name(row)} of {outcome(row, labels)}"
    return opening(row, labels, *(frame[name].n_unique() == 1 for name in ("exposure", "outcome")))


_ENDS: tuple[Callable[..., Headed], Callable[..., Headed]] = (min, max)


def _tests(items: Sequence[Headed], labels: Labels | None) -> str:
    """Say of several tests which have a small p-value."""
    done = [item for item in items if item.row["p_value"] is not None]
    clear = [f"{item.name} ({p_value(item.row['p_value'])})" for item in done if item.row["p_value"] < 0.05]
    what = tested(items[0].row, labels)
    found = f"p was below 0.05 for {listed(clear)}" if clear else "p was below 0.05 for none"
    return f"of {len(items)} groups, in {what}, {found}{_lost(items)}"


def _told(item: Headed) -> str:
    return f"{item.name}, {estimate_phrase(item.row)}"


def _group_name(frame: pl.DataFrame, labels: Labels | None) -> str:
    """Name the grouping variable where its levels say nothing by themselves: "diabetes: "."""
    by = by_columns(frame)
    bare = len(by) == 1 and set(frame[by[0]].drop_nulls()) <= {"yes", "no"}
    return f"{words(by[0], labels)}: " if bare else ""


def _called(frame: pl.DataFrame) -> str:
    kind = estimand_of(frame.row(0, named=True))
    if kind.kind == "coefficient":
        return "coefficients"
    compared = kind.null_value is not None
    return "comparisons" if compared and not by_columns(frame) else "groups"


def _including(items: Sequence[Headed]) -> str:
    null = estimand_of(items[0].row).null_value
    if null is None or all(item.row["conf_low"] is None for item in items):
        return ""
    inside = sum(includes_null(item.row) for item in items)
    if len(items) == 2 and inside != 1:
        return f"; {'both intervals include' if inside else 'neither interval includes'} {null:g}"
    if inside in (0, len(items)):
        return f"; {'every' if inside else 'no'} interval includes {null:g}"
    return f"; {inside} of the {len(items)} intervals {'includes' if inside == 1 else 'include'} {null:g}"


def _lost(items: Sequence[Headed]) -> str:
    flags = Counter(item.row["reliability"] for item in items)
    said = {"suppress": "too unreliable to show", "failed": "could not be estimated"}
    return "".join(f"; {flags[flag]} {text}" for flag, text in said.items() if flags[flag])


def _shared(frame: pl.DataFrame) -> Row:
    """Keep of study, domain and n what holds for all rows."""
    row = frame.row(0, named=True)
    alone = {name: row[name] if frame[name].n_unique() == 1 else None for name in ("study", "domain", "n")}
    return {**row, **alone}
