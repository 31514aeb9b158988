"""Set a description of people as the first table of a paper: variables down, groups across.

Takes the frame of `tk.describe`; gives a great_tables table with counts, weighted percentages, means or
medians, missing values by reason and tests of difference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import polars as pl
from great_tables import GT, html, loc, style

from toolkit.display.charts.palette import MUTED
from toolkit.display.tables.typesetting import typeset
from toolkit.display.text.description import EVERYONE, across, group_of, studies
from toolkit.display.text.numbers import Labels, condition, count, number, p_value, simulated, without_unit
from toolkit.display.text.row_labels import SIMULATED
from toolkit.results import Row, by_columns

_TESTS = {
    "chi_square": "Rao-Scott F for levels",
    "term": "Wald F for means",
    "rank_test": "Kruskal-Wallis for medians",
}
_INDENT = "\u2003"
_FLAGS = {"suppress": "Too unreliable to show", "failed": "Not estimated", "review": "Read with care"}

# What stands in one cell: its text, and the row that it is from; none for a count of nobody.
_Cell = tuple[str, Row | None]


@dataclass(frozen=True)
class _Line:
    """One line of the table: its label and its cells by column; "p" is the test's."""

    label: str
    cells: dict[str, _Cell]
    kind: str = "variable"


@dataclass(frozen=True)
class _Variable:
    """The rows of one variable, and how the rows of everyone and of groups are told apart."""

    rows: list[Row]
    by: str | None
    groups: list[str]

    @property
    def label(self) -> str:
        text = str(self.rows[0]["outcome_label"] or self.rows[0]["outcome"])
        return text[:1].upper() + text[1:]

    def cells(self, estimand: str, level: str | None, word: Callable[[Row], str]) -> dict[str, _Cell]:
        """Word the rows of one estimand and level, by column."""
        chosen = [row for row in self.rows if row["estimand"] == estimand and row["level"] == level]
        return {group_of(row, self.by): (word(row), row) for row in chosen}

    def levels(self, estimand: str) -> list[str | None]:
        """Name the levels that an estimand has, in order."""
        return list(dict.fromkeys(row["level"] for row in self.rows if row["estimand"] == estimand))


def table_one(frame: pl.DataFrame, labels: Labels | None = None) -> GT:
    """Set the frame of `tk.describe` as a table.

    Parameters
    ----------
    frame
        What `tk.describe` gave.
    labels
        Words for the name of the groups' variable.

    Returns
    -------
    great_tables.GT
        A line a level, a line a number, a line a reason of missing values; a column for everyone, a column a
        group and one of p-values.
    """
    rows = frame.rows(named=True)
    by = next(iter(by_columns(frame)), None)
    groups = {group_of(row, by): row["n"] for row in rows if row["estimand"] == "people"}
    names = [name for name in dict.fromkeys(row["outcome"] for row in rows) if name and name != by]
    lines = [
        line
        for name in names
        for line in _lines(_Variable([row for row in rows if row["outcome"] == name], by, list(groups)))
    ]
    heads = {"label": "", **{group: _head(group, n) for group, n in groups.items()}, "p": "p-value"}
    columns = {
        "label": [_INDENT * (line.kind != "variable") + line.label for line in lines],
        **{name: [line.cells.get(name, ("", None))[0] for line in lines] for name in [*groups, "p"]},
    }
    below = _notes(frame, rows, labels)
    made = typeset(columns, heads, _title(frame, labels), below, simulated(frame), numbers=[*groups, "p"])
    quiet = [at for at, line in enumerate(lines) if line.kind == "missing"]
    made = made.tab_style(style.text(color=MUTED), loc.body(rows=quiet)) if quiet else made
    for (text, column), places in _footnotes(lines).items():
        made = made.tab_footnote(text, locations=loc.body(columns=column, rows=places))
    return made.tab_source_note(html(escape(_basis(rows, by, across(frame, labels)))))


def _head(group: str, n: int | None) -> Any:
    return html(f"{escape(group)}<br>n = {count(n)}")


def _title(frame: pl.DataFrame, labels: Labels | None) -> str:
    by = across(frame, labels)
    return f"Characteristics of people by {by}" if by else "Characteristics of people"


def _notes(frame: pl.DataFrame, rows: Sequence[Row], labels: Labels | None) -> list[str]:
    where = [studies(rows), condition(rows[0]["domain"], labels)]
    return [*([SIMULATED] if simulated(frame) else []), "; ".join(part for part in where if part)]


def _lines(variable: _Variable) -> list[_Line]:
    levels = variable.levels("prevalence")
    if levels and levels != [None]:
        lines = [_Line(f"{variable.label}, n (%)", {})]
        lines += [_Line(str(k), variable.cells("prevalence", k, _of_level), "level") for k in levels]
    elif levels:
        lines = [_Line(f"{variable.label}, n (%)", variable.cells("prevalence", None, _of_level))]
    else:
        lines = _of_numbers(variable)
    missing = [_missing(variable, str(reason)) for reason in variable.levels("missing")]
    return _tested([*lines, *missing], variable)


def _of_level(row: Row) -> str:
    if row["reliability"] in ("suppress", "failed"):
        return "–" if row["n_cases"] is None else f"{count(row['n_cases'])} (–)"
    return f"{count(row['n_cases'])} ({number(row['estimate'], 'percent')})"


def _of_numbers(variable: _Variable) -> list[_Line]:
    """Set mean with its spread, median with quartiles, or both."""
    lines = []
    if variable.levels("mean"):
        spread = variable.cells("standard_deviation", None, lambda row: _plain(row["estimate"], variable))
        error = variable.cells("mean", None, lambda row: number(row["std_error"], "number", row["std_error"]))
        cells = variable.cells("mean", None, lambda row: _plain(row["estimate"], variable))
        said = "mean (SD)" if spread else "mean (SE)"
        lines.append(_Line(f"{variable.label}, {said}", _beside(cells, [spread or error])))
    if variable.levels("quantile"):
        low, middle, high = (
            variable.cells("quantile", level, lambda row: _plain(row["estimate"], variable))
            for level in ("0.25", "0.5", "0.75")
        )
        lines.append(_Line(f"{variable.label}, median (quartiles)", _beside(middle, [low, high])))
    return lines


def _beside(cells: dict[str, _Cell], ends: Sequence[dict[str, _Cell]]) -> dict[str, _Cell]:
    """Put what goes in brackets behind each number; no number where it is not to be shown."""
    found = {}
    for group, (text, row) in cells.items():
        hidden = row is not None and row["reliability"] in ("suppress", "failed")
        inside = " to ".join(end.get(group, ("–", None))[0] or "–" for end in ends)
        found[group] = ("–" if hidden else f"{text} ({inside})", row)
    return found


def _plain(value: float | None, variable: _Variable) -> str:
    """Round alike in all columns: as the spread between all persons allows, not the standard error."""
    return number(value, "number", _spread(variable))


def _spread(variable: _Variable) -> float | None:
    own = {
        (row["estimand"], row["level"]): row["estimate"]
        for row in variable.rows
        if group_of(row, variable.by) == EVERYONE
    }
    deviation = own.get(("standard_deviation", None))
    low, high = (own.get(("quantile", level)) for level in ("0.25", "0.75"))
    if deviation is None and low is not None and high is not None:
        deviation = (high - low) / 1.35
    return deviation / 3 if deviation else None


def _missing(variable: _Variable, reason: str) -> _Line:
    found = variable.cells("missing", reason, lambda row: count(row["n_cases"]))
    return _Line(f"missing: {reason}", {g: found.get(g, ("0", None)) for g in variable.groups}, "missing")


def _tested(lines: list[_Line], variable: _Variable) -> list[_Line]:
    """Put the p-value of a variable beside its first line."""
    test = next((row for row in variable.rows if row["estimand"] in _TESTS), None)
    if test is None or not lines:
        return lines
    text = p_value(test["p_value"]).removeprefix("p ").removeprefix("= ") or "–"
    return [replace(lines[0], cells={**lines[0].cells, "p": (text, test)}), *lines[1:]]


def _footnotes(lines: Sequence[_Line]) -> dict[tuple[str, str], list[int]]:
    places: dict[tuple[str, str], list[int]] = {}
    for at, line in enumerate(lines):
        for column, (_, row) in line.cells.items():
            start = _FLAGS.get(row["reliability"] or "ok") if row else None
            if row and start:
                text = ": ".join(part for part in (start, (row["reason"] or "").rstrip(".")) if part)
                places.setdefault((f"{text}.", column), []).append(at)
    return places


def _basis(rows: Sequence[Row], by: str | None, name: str) -> str:
    """Say at the foot what is weighted, by which weight, tested how, and who has no group."""
    tests = [
        _TESTS[row["estimand"]] for row in rows if row["estimand"] in _TESTS and row["p_value"] is not None
    ]
    lost = sum(row["n_cases"] for row in rows if row["estimand"] == "missing" and row["outcome"] == by)
    parts = [
        "n: people, not weighted. Percentages, means and medians: weighted",
        *_weights([row for row in rows if row["outcome"] and row["outcome"] != by]),
        f"tests: {', '.join(dict.fromkeys(tests))}" if tests else "",
        f"{count(lost)} people without a value of {name} are in '{EVERYONE}' alone" if lost else "",
    ]
    return "; ".join(part for part in parts if part) + "."


def _weights(rows: Sequence[Row]) -> list[str]:
    """Name the weight, and which variables have another because they were measured elsewhere."""
    of: dict[str, list[str]] = {}
    for row in rows:
        if row["weight"]:
            of.setdefault(row["weight"], []).append(without_unit(str(row["outcome_label"])))
    names = {weight: list(dict.fromkeys(labels)) for weight, labels in of.items()}
    main = max(names, key=lambda weight: len(names[weight]), default="")
    others = [f"{weight} weight for {', '.join(own)}" for weight, own in names.items() if weight != main]
    return [f"weight: {main}", *others] if main else []
