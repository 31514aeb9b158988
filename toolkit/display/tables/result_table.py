"""Typeset any frame of the toolkit as a table (`tk.table`): results, flow and availability."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import polars as pl
from great_tables import GT, html

from toolkit.disclosure import is_suppressed, note_counts, show
from toolkit.display.tables.availability import list_availability
from toolkit.display.tables.characteristics import typeset_table_one
from toolkit.display.tables.e_value_table import typeset_e_values
from toolkit.display.tables.model_columns import typeset_models
from toolkit.display.tables.typesetting import NO_NUMBER, NOT_SHOWN, format_cell, retitle, typeset
from toolkit.display.text import (
    SIMULATED,
    Headed,
    Labels,
    capitalize,
    classify_frame,
    count_covered,
    format_count,
    format_excluded,
    format_p_value,
    format_step,
    format_true_value,
    has_questions,
    has_true_values,
    head_rows,
    is_description,
    is_simulated,
    name_interval,
    questions_sentence,
    split_agreement,
    unit_of,
    write_notes,
    write_title,
)
from toolkit.results import P_BH, P_HOLM, P_QUESTION, PLAN_FAMILY, PLAN_STATUS, Estimand, Row, estimand_of

_NOT_FOR_PUBLICATION = (
    "Not for publication: suppressed estimates and small counts are shown (show_suppressed=True)."
)
# Heads of the p-values of whole questions; Holm's and Benjamini and Hochberg's are adjusted for their number.
_QUESTIONS = {P_QUESTION: "p, joint test", P_HOLM: "p, Holm", P_BH: "p, BH"}
_NUMBERS = ("estimate", "true", "cases", "n", "missing", "p", *_QUESTIONS, "out")
_HEADS = {"label": "", "true": "True value", "cases": "Cases", "n": "n", "missing": "Missing", "p": "p-value"}
_HEADS |= {PLAN_STATUS: "Plan", PLAN_FAMILY: "Family"}


def table(
    frame: pl.DataFrame | Mapping[str, pl.DataFrame] | Sequence[pl.DataFrame],
    *,
    labels: Mapping[str, str] | None = None,
    p_values: bool = False,
    overall: bool = True,
    missing: bool = True,
    title: str = "",
    footnotes: Sequence[str] = (),
    show_suppressed: bool = False,
) -> GT:
    """Typeset a frame, or several models side by side, as a table for the screen and for print.

    Parameters
    ----------
    frame
        A result frame of any estimands (that of `tk.describe` gives Table 1, with variables down and groups
        across; that of `tk.sensitivity` the E-values), a flow frame of `tk.flow`, or `study.availability()`.
        Several result frames, listed or by
        the name of their model, are shown side by side: a row that one of them lacks is empty there.
    labels
        Labels of `by` and `adjust` variables, causes and exposures, by name.
    p_values
        Whether to add a column of p-values. Table 1 has one wherever `tk.describe` tested.
    overall, missing
        Whether Table 1 has a column for all participants beside its groups, and rows of missing values.
    title
        Replaces the title.
    footnotes
        Lines to add below the table.
    show_suppressed
        True for a look at suppressed estimates and small counts, which the table otherwise leaves out. A line
        below the table says that it is not for publication.

    Returns
    -------
    great_tables.GT
        One line a row. Suppressed and failed estimates have no number; footnotes give the reasons for these
        and for estimates that are flagged for review. Rows of `tk.truth` have a column with the true value
        and whether the confidence interval contains it.

    Raises
    ------
    VariableError
        If this is none of these frames, or has no rows, or if models side by side have a row twice.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"study": "a", "estimand": "prevalence", "outcome_label": "cramps", "estimate": 0.3,
    ...        "conf_low": 0.2, "conf_high": 0.4, "reliability": "ok"}
    >>> "30.0 (20.0 to 40.0)" in table(frame([row])).as_raw_html()
    True
    """
    if show_suppressed:
        footnotes = [*footnotes, _NOT_FOR_PUBLICATION]
    else:
        frame = _show_each(frame)
    if not isinstance(frame, pl.DataFrame) and isinstance(frame, Mapping | Sequence):
        made = typeset_models(frame, labels, p_values=p_values)
    elif (kind := classify_frame(frame, "tk.table")) == "flow":
        made = _typeset_flow(frame)
    elif kind == "availability":
        made = _typeset_availability(frame, labels)
    elif kind == "e_values":
        made = typeset_e_values(frame, labels)
    elif is_description(frame):
        made = typeset_table_one(frame, labels, overall=overall, missing=missing)
    else:
        made = _typeset_result(frame, labels, p_values)
    if title:
        made = retitle(made, title)
    for text in footnotes:
        made = made.tab_source_note(html(escape(text)))
    return made


def _show_each(frames: Any) -> Any:
    """Return frames as they may be shown: one, or those of several models."""
    if isinstance(frames, pl.DataFrame):
        return show(frames)
    if isinstance(frames, Mapping):
        return {name: _show_each(one) for name, one in frames.items()}
    return [_show_each(one) for one in frames] if isinstance(frames, list | tuple) else frames


def _typeset_result(frame: pl.DataFrame, labels: Labels | None, p_values: bool) -> GT:
    frame, agreement = split_agreement(frame, labels)
    parts: dict[tuple[Estimand, str], list[Headed]] = {}
    for item in head_rows(frame, labels):
        parts.setdefault((estimand_of(item.row), unit_of(item.row)), []).append(item)
    items = [item for part in parts.values() for item in part]
    rows = [item.row for item in items]
    columns = {
        "group": [_head_group(item, len(parts) > 1) for item in items],
        "label": [item.label or "estimate" for item in items],
        "estimate": [format_cell(row) for row in rows],
        "true": [format_true_value(row) or NO_NUMBER for row in rows] if has_true_values(frame) else [],
        "cases": _list_cases(rows),
        "n": [format_count(row["n"]) for row in rows],
        "missing": [format_count(row["n_missing"]) for row in rows],
    }
    shown = {"p": "p_value"} if p_values else {}
    shown |= {name: name for name in _QUESTIONS if has_questions(frame)}
    columns |= {name: [_format_p_value(row, column) for row in rows] for name, column in shown.items()}
    for name in (PLAN_STATUS, PLAN_FAMILY):
        # By default a family is the questions of a role.
        if name in frame.columns and not (
            name == PLAN_FAMILY and set(frame[name]) <= set(frame[PLAN_STATUS])
        ):
            columns[name] = [row[name] or "" for row in rows]
    return typeset(
        columns,
        {**_HEADS, **_QUESTIONS, "estimate": _head_estimates(list(parts), name_interval(frame))},
        write_title(frame, labels),
        [*write_notes(frame, labels), *agreement, *filter(None, [questions_sentence(frame, labels=labels)])],
        numbers=_NUMBERS,
        footnotes=[("estimate", line, row) for line, row in enumerate(rows)],
        source=_describe_methods(frame),
    )


def _format_p_value(row: Row, column: str) -> str:
    return NO_NUMBER if is_suppressed(row) or row[column] is None else format_p_value(row[column])


def _list_cases(rows: Sequence[Row]) -> list[str]:
    """Format the numbers of cases, with a dash where others have one; empty where no row has."""
    texts = [format_count(row["n_cases"]) for row in rows]
    counted = {row["estimand"] for row in rows if row["n_cases"] is not None}
    return [text or NO_NUMBER * (row["estimand"] in counted) for text, row in zip(texts, rows, strict=True)]


def _head_group(item: Headed, several: bool) -> str:
    unit, measure = unit_of(item.row), estimand_of(item.row).axis.removesuffix(" (log scale)")
    name = capitalize(f"{measure} ({unit})" if unit else measure) if several else ""
    return " · ".join(part for part in (name, item.head) if part)


def _head_estimates(parts: Sequence[tuple[Estimand, str]], interval: str) -> str:
    if len(parts) > 1:
        return f"Estimate ({interval})"
    estimand, unit = parts[0]
    if estimand.kind == "test":
        return capitalize(estimand.noun)
    sign = {"percent": "%", "points": "percentage points"}.get(estimand.kind, unit)
    return capitalize(f"{estimand.noun}{f', {sign}' if sign else ''} ({interval})")


def _describe_methods(frame: pl.DataFrame) -> str:
    """Describe weight and variance at the foot of a table."""
    weights, ways = (
        frame[name].drop_nulls().unique(maintain_order=True).to_list() for name in ("weight", "variance")
    )
    errors, exact = format_variances(ways)
    parts = [
        f"weight: {', '.join(weights)}" if weights else "",
        f"standard errors: {', '.join(errors)}" if errors else "",
        f"intervals without a standard error: {', '.join(exact)}" if exact else "",
    ]
    text = capitalize("; ".join(part for part in parts if part))
    true = f" {_describe_true_values(frame)}" if has_true_values(frame) else ""
    return f"{text}. " * bool(text) + f"CI: confidence interval. {note_counts(frame)}.{true}"


def _describe_true_values(frame: pl.DataFrame) -> str:
    effects = any(estimand_of(row).null_value is not None for row in frame.rows(named=True))
    of_comparisons = "; those of comparisons are total effects, free of confounding" if effects else ""
    text = f"True values are those of the simulated population{of_comparisons}."
    return f"{text} {count_covered(frame)}".rstrip()


def format_variances(ways: Iterable[str]) -> tuple[list[str], list[str]]:
    """Format the column `variance`: methods of standard errors, and of intervals without one."""
    named = {"exact": "exact", "Newcombe": "Newcombe's hybrid"}
    errors, exact = [], []
    for way in ways:
        method = next((text for start, text in named.items() if way.startswith(start)), None)
        if method is None:
            start, *more = way.replace("inverse information, ", "inverse information with ").split(", ")
            start = {"linearised": "Taylor linearization", "robust": "robust (no design)"}.get(start, start)
            errors.append(", ".join([start, *more]))
        elif method not in exact:
            exact.append(method)
    return errors, exact


def _typeset_flow(flow: pl.DataFrame) -> GT:
    rows = flow.rows(named=True)
    repeated = [bool(i and rows[i - 1]["step"] == row["step"]) for i, row in enumerate(rows)]
    columns = {
        "label": ["" if same else format_step(row["step"]) for same, row in zip(repeated, rows, strict=True)],
        "n": [format_count(row["n_left"]) or NOT_SHOWN for row in rows],
        "out": [format_excluded(row) for row in rows],
        "reason": [row["reason"] or "" if format_excluded(row) else "" for row in rows],
    }
    heads = {"label": "Step", "n": "Remaining", "out": "Excluded", "reason": "Reason"}
    notes = [SIMULATED] * is_simulated(flow)
    return typeset(
        columns,
        heads,
        "Selection of the analytic sample",
        notes,
        numbers=_NUMBERS,
        source=f"{note_counts(flow)}.",
    )


def _typeset_availability(frame: pl.DataFrame, labels: Labels | None) -> GT:
    heads = {"label": "", "cycles": "Cycles", "status": "Status", "n": "n", "lacking": "Missing"}
    return typeset(
        list_availability(frame, labels),
        heads,
        "Availability of exposures by cause",
        [],
        numbers=("n",),
        source="Missing: percentage of the participants to whom the question or examination applied.",
    )
