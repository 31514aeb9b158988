"""Typeset a description of participants as Table 1: variables down, groups across."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import polars as pl
from great_tables import GT, html, loc, style

from toolkit.disclosure import is_hidden, note_counts
from toolkit.display.charts.palette import MUTED
from toolkit.display.tables.typesetting import typeset
from toolkit.display.text import (
    OVERALL,
    SIMULATED,
    Labels,
    begin_note,
    capitalize,
    describe_source,
    format_count,
    format_level,
    format_number,
    format_p_value,
    format_percent,
    format_size,
    group_of,
    is_simulated,
    name_groups,
    remove_unit,
)
from toolkit.results import Row, by_columns

_TESTS = {
    "chi_square": "Rao-Scott F for levels",
    "term": "Wald F for means",
    "rank_test": "Kruskal-Wallis for medians",
}
_DIFFERENCE = "standardized_mean_difference"
_INDENT = "\u2003"
_NO_NUMBER = "–"

# The text of a cell and the row that it is from; None for a count of nobody.
_Cell = tuple[str, Row | None]


@dataclass(frozen=True)
class _Line:
    """A line of the table, with its cells by column; "p" is that of the test."""

    label: str
    cells: dict[str, _Cell]
    kind: str = "variable"


@dataclass(frozen=True)
class _Variable:
    """The rows of a variable, and the columns that they belong to."""

    rows: list[Row]
    by: str | None
    groups: list[str]

    @property
    def label(self) -> str:
        return capitalize(str(self.rows[0]["outcome_label"] or self.rows[0]["outcome"]))

    def fill_cells(self, estimand: str, level: str | None, write: Callable[[Row], str]) -> dict[str, _Cell]:
        """Write the rows of an estimand and level, by column."""
        chosen = [row for row in self.rows if row["estimand"] == estimand and row["level"] == level]
        return {group_of(row, self.by): (write(row), row) for row in chosen}

    def levels(self, estimand: str) -> list[str | None]:
        return list(dict.fromkeys(row["level"] for row in self.rows if row["estimand"] == estimand))


def typeset_table_one(
    frame: pl.DataFrame, labels: Labels | None = None, *, overall: bool = True, missing: bool = True
) -> GT:
    """Typeset the frame of `tk.describe`: a column for everyone, one a group, p-values and differences."""
    rows, by, name = frame.rows(named=True), next(iter(by_columns(frame)), None), name_groups(frame, labels)
    groups = {group_of(row, by): row["n"] for row in rows if row["estimand"] == "people"}
    names = [name for name in dict.fromkeys(row["outcome"] for row in rows) if name and name != by]
    variables = [_Variable([row for row in rows if row["outcome"] == n], by, list(groups)) for n in names]
    lines = [line for variable in variables for line in _list_lines(variable)]
    if not missing:
        lines = [line for line in lines if line.kind != "missing"]
    if not overall and len(groups) > 1:
        groups.pop(OVERALL)
    heads: dict[str, Any] = {"label": "", "p": "p-value", "smd": "SMD"}
    heads |= {group: html(f"{escape(group)}<br>{format_size(rows[0], n)}") for group, n in groups.items()}
    columns = {
        "label": [_INDENT * (line.kind != "variable") + line.label for line in lines],
        **{name: [line.cells.get(name, ("", None))[0] for line in lines] for name in [*groups, "p", "smd"]},
    }
    made = typeset(
        columns,
        heads,
        "Participant characteristics" + (f" by {name}" if name else ""),
        [*([SIMULATED] if is_simulated(frame) else []), begin_note(describe_source(rows, labels, "; "))],
        numbers=[*groups, "p", "smd"],
        footnotes=[
            (name, n, row)
            for n, line in enumerate(lines)
            for name, (_, row) in line.cells.items()
            if row and name in heads
        ],
        source=_describe_methods(rows, by, name, note_counts(frame)),
    )
    if name and (spanned := [group for group in groups if group != OVERALL]):
        made = made.tab_spanner(capitalize(name), spanned)
    quiet = [place for place, line in enumerate(lines) if line.kind == "missing"]
    return made.tab_style(style.text(color=MUTED), loc.body(rows=quiet)) if quiet else made


def _list_lines(variable: _Variable) -> list[_Line]:
    levels = variable.levels("prevalence")
    if levels:
        single = levels == [None]
        cells = variable.fill_cells("prevalence", None, _write_share) if single else {}
        lines = [_Line(f"{variable.label}, n (%)", cells)]
        lines += [
            _Line(format_level(level), variable.fill_cells("prevalence", level, _write_share), "level")
            for level in ([] if single else levels)
        ]
    else:
        lines = _list_numbers(variable)
    test = next((row for row in variable.rows if row["estimand"] in _TESTS), None)
    if test and lines:
        text = format_p_value(test["p_value"]).removeprefix("p ").removeprefix("= ")
        lines[0].cells["p"] = (text or _NO_NUMBER, test)
    compared = next((row for row in variable.rows if row["estimand"] == _DIFFERENCE), None)
    if compared and lines:
        text = _NO_NUMBER if _is_hidden(compared) else format_number(compared["estimate"], "ratio")
        lines[0].cells["smd"] = (text, compared)
    for reason in variable.levels("missing"):
        found = variable.fill_cells("missing", reason, lambda row: format_count(row["n_cases"]) or _NO_NUMBER)
        counts = {group: found.get(group, ("0", None)) for group in variable.groups}
        lines.append(_Line(f"missing: {reason}", counts, "missing"))
    return lines


def _is_hidden(row: Row | None) -> bool:
    return row is not None and is_hidden(row)


def _write_share(row: Row) -> str:
    if not _is_hidden(row):
        cases = format_count(row["n_cases"]) or _NO_NUMBER
        return f"{cases} ({format_percent(row)})"
    return _NO_NUMBER if row["n_cases"] is None else f"{format_count(row['n_cases'])} ({_NO_NUMBER})"


def _list_numbers(variable: _Variable) -> list[_Line]:
    """List mean with standard deviation, median with quartiles, or both, rounded alike in all columns."""
    deviation = _deviation(variable)

    def write(row: Row) -> str:
        return format_number(row["estimate"], "number", deviation / 3 if deviation else None)

    lines = []
    if variable.levels("mean"):
        spread, name = variable.fill_cells("standard_deviation", None, write), "mean (SD)"
        if not spread:
            name = "mean (SE)"
            spread = variable.fill_cells(
                "mean", None, lambda row: format_number(row["std_error"], "number", row["std_error"])
            )
        cells = _append_brackets(variable.fill_cells("mean", None, write), [spread])
        lines.append(_Line(f"{variable.label}, {name}", cells))
    if variable.levels("quantile"):
        low, middle, high = (variable.fill_cells("quantile", q, write) for q in ("0.25", "0.5", "0.75"))
        lines.append(_Line(f"{variable.label}, median (quartiles)", _append_brackets(middle, [low, high])))
    return lines


def _append_brackets(cells: dict[str, _Cell], ends: Sequence[dict[str, _Cell]]) -> dict[str, _Cell]:
    """Append the other texts of a column in brackets; no number where it is not to be shown."""
    found = {}
    for group, (text, row) in cells.items():
        inside = " to ".join(end.get(group, (_NO_NUMBER, None))[0] or _NO_NUMBER for end in ends)
        found[group] = (_NO_NUMBER if _is_hidden(row) else f"{text} ({inside})", row)
    return found


def _deviation(variable: _Variable) -> float | None:
    """Return the standard deviation of everyone, or an estimate of it from the quartiles."""
    overall = {
        (row["estimand"], row["level"]): row["estimate"]
        for row in variable.rows
        if group_of(row, variable.by) == OVERALL
    }
    low, high = (overall.get(("quantile", level)) for level in ("0.25", "0.75"))
    between = (high - low) / 1.35 if low is not None and high is not None else None
    deviation = overall.get(("standard_deviation", None))
    return between if deviation is None else deviation


def _describe_methods(rows: Sequence[Row], by: str | None, name: str, counts: str) -> str:
    """Describe weights and tests at the foot, and who has no group."""
    tests = [
        _TESTS[row["estimand"]] for row in rows if row["estimand"] in _TESTS and row["p_value"] is not None
    ]
    lost = sum(row["n_cases"] or 0 for row in rows if row["estimand"] == "missing" and row["outcome"] == by)
    parts = [
        f"{counts}; percentages, means and medians are weighted",
        _list_weights([row for row in rows if row["outcome"] and row["outcome"] != by]),
        f"Tests: {', '.join(dict.fromkeys(tests))}" if tests else "",
        "SMD: absolute standardized mean difference"
        if any(row["estimand"] == _DIFFERENCE for row in rows)
        else "",
        f"{format_count(lost)} participants with missing {name} are counted in '{OVERALL}' only"
        if lost
        else "",
    ]
    return ". ".join(part for part in parts if part) + "."


def _list_weights(rows: Sequence[Row]) -> str:
    """Name the weight, and the variables that have another because they were measured elsewhere."""
    of: dict[str, dict[str, None]] = {}
    for row in rows:
        if row["weight"]:
            of.setdefault(row["weight"], {})[remove_unit(str(row["outcome_label"]))] = None
    main = max(of, key=lambda weight: len(of[weight]), default="")
    others = [f"{weight} weight for {', '.join(own)}" for weight, own in of.items() if weight != main]
    return "; ".join([f"Weight: {main}", *others]) if main else ""
