"""Set result, flow and availability frames as tables with headings, units, flags and notes in plain words.

Takes frames alone; gives great_tables tables, which a notebook and a report show as HTML without a script.
"""

from collections.abc import Mapping, Sequence
from html import escape

import polars as pl
from great_tables import GT, html, loc

from toolkit.display.tables.availability import availability_columns
from toolkit.display.tables.table_one import table_one
from toolkit.display.tables.typesetting import typeset
from toolkit.display.text.description import is_description
from toolkit.display.text.numbers import (
    Labels,
    count,
    estimate_text,
    kind_of_frame,
    p_value,
    simulated,
    step_text,
    unit,
)
from toolkit.display.text.row_labels import SIMULATED, Headed, confidence, headed_rows, notes, title
from toolkit.display.text.sentences import ways_to_error
from toolkit.results import Estimand, Row, estimand_of

_NOT_SHOWN, _NO_NUMBER = "not shown", "–"
_NUMBERS = ("estimate", "cases", "people", "missing", "p", "out")


def table(frame: pl.DataFrame, *, labels: Mapping[str, str] | None = None, p_values: bool = False) -> GT:
    """Set a frame as a table to read and to print.

    Parameters
    ----------
    frame
        A result frame of any estimands (that of `tk.describe` has variables down and groups across), a flow
        frame of `tk.flow`, or `study.availability()`.
    labels
        Words for the names of `by` and `adjust` variables, causes and exposures.
    p_values
        Whether to add a column of p-values.

    Returns
    -------
    great_tables.GT
        One line a row. What is too unreliable has no number; what failed has none either; both carry the
        reason as a footnote, as does what should be read with care.

    Raises
    ------
    VariableError
        If it is none of these frames, or is empty.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok"}
    >>> "30.0 (20.0 to 40.0)" in table(frame([row])).as_raw_html()
    True
    """
    kind = kind_of_frame(frame, "tk.table")
    if kind == "flow":
        return _flow(frame)
    if kind == "availability":
        return _availability(frame, labels)
    return table_one(frame, labels) if is_description(frame) else _result(frame, labels, p_values)


def _result(frame: pl.DataFrame, labels: Labels | None, p_values: bool) -> GT:
    items = headed_rows(frame, labels)
    kinds = list(dict.fromkeys((estimand_of(i.row), _unit(i.row)) for i in items))
    items = [i for kind in kinds for i in items if (estimand_of(i.row), _unit(i.row)) == kind]
    columns: dict[str, list[str]] = {
        "group": [_group(i, len(kinds) > 1) for i in items],
        "label": [i.label or "estimate" for i in items],
        "estimate": [_estimate(i.row) for i in items],
        "cases": [_NO_NUMBER if _hidden(i.row) else count(i.row["n_cases"]) for i in items],
        "people": [count(i.row["n"]) for i in items],
        "missing": [count(i.row["n_missing"]) for i in items],
    }
    if p_values:
        columns["p"] = [_NO_NUMBER if _hidden(i.row) else p_value(i.row["p_value"]) for i in items]
    heads = {**_HEADS, "estimate": _estimate_head(kinds, confidence(frame))}
    made = typeset(
        columns, heads, title(frame, labels), notes(frame, labels), simulated(frame), numbers=_NUMBERS
    )
    for text, places in _footnotes([i.row for i in items]).items():
        made = made.tab_footnote(text, locations=loc.body(columns="estimate", rows=places))
    return made.tab_source_note(html(escape(_basis(frame))))


_HEADS = {"label": "", "cases": "Cases", "people": "People", "missing": "Missing", "p": "p-value"}


def _flow(flow: pl.DataFrame) -> GT:
    rows = flow.rows(named=True)
    steps = ["" if i and rows[i - 1]["step"] == row["step"] else row["step"] for i, row in enumerate(rows)]
    columns = {
        "label": [step_text(step) for step in steps],
        "people": [count(row["n_left"]) for row in rows],
        "out": [count(row["n_out"]) if row["n_out"] else "" for row in rows],
        "reason": [row["reason"] or "" if row["n_out"] else "" for row in rows],
    }
    heads = {"label": "Step", "people": "People left", "out": "Who left", "reason": "Why"}
    below = [SIMULATED] if simulated(flow) else []
    made = typeset(columns, heads, "People in the analysis", below, simulated(flow), numbers=_NUMBERS)
    return made.tab_source_note("People are counted, not weighted.")


def _availability(frame: pl.DataFrame, labels: Labels | None) -> GT:
    """Set each exposure with its cycles, those of one answer in one line: many cycles stay readable."""
    columns = availability_columns(frame, labels)
    heads = {
        "label": "", "cycles": "Cycles", "status": "Measured?", "people": "With a value",
        "lacking": "Missing",
    }  # fmt: skip
    made = typeset(columns, heads, "What the study measures, by cause", [], False, numbers=("people",))
    return made.tab_source_note("Missing: share of those to whom the question or test was put.")


def _group(item: Headed, several: bool) -> str:
    kind = estimand_of(item.row).axis.removesuffix(" (log scale)")
    name = f"{kind} ({_unit(item.row)})" if _unit(item.row) else kind
    parts = [name[:1].upper() + name[1:] if several else "", item.head]
    return " · ".join(part for part in parts if part)


def _unit(row: Row) -> str:
    return unit(row["outcome_label"]) if estimand_of(row).kind in ("number", "difference") else ""


def _estimate_head(kinds: Sequence[tuple[Estimand, str]], interval: str) -> str:
    if len(kinds) > 1:
        return f"Estimate ({interval})"
    kind, units = kinds[0]
    sign = {"percent": ", %", "points": ", percentage points"}.get(kind.kind, f", {units}" if units else "")
    text = kind.noun if kind.kind == "test" else f"{kind.noun}{sign} ({interval})"
    return text[:1].upper() + text[1:]


def _hidden(row: Row) -> bool:
    return bool(row["reliability"] == "suppress")


def _estimate(row: Row) -> str:
    return _NOT_SHOWN if _hidden(row) else estimate_text(row) or _NO_NUMBER


def _footnotes(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Collect the rows of each reason, so that a reason is told once."""
    starts = {"failed": "Not estimated", "suppress": "Too unreliable to show", "review": "Read with care"}
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        start = starts.get(row["reliability"] or "ok")
        if start:
            text = ": ".join(part for part in (start, (row["reason"] or "").rstrip(".")) if part)
            places.setdefault(f"{text}.", []).append(place)
    return places


def _basis(frame: pl.DataFrame) -> str:
    """Say weight, variance and degrees of freedom at the foot."""
    weights = ", ".join(frame["weight"].drop_nulls().unique(maintain_order=True))
    ways, without = ways_to_error(frame["variance"].drop_nulls().unique(maintain_order=True))
    parts = [f"Weight: {weights}" if weights else "", f"standard errors: {', '.join(ways)}" if ways else ""]
    parts.append(f"intervals without a standard error: {', '.join(without)}" if without else "")
    text = "; ".join(part for part in parts if part)
    return f"{text}. " * bool(text) + "CI: confidence interval. People and cases are counted, not weighted."
