"""Typeset the results of several models side by side, a spanner for each model."""

from collections.abc import Mapping, Sequence

import polars as pl
from great_tables import GT

from toolkit.disclosure import is_suppressed, note_counts
from toolkit.display.tables.typesetting import NO_NUMBER, format_cell, typeset
from toolkit.display.text import (
    SIMULATED,
    Labels,
    capitalize,
    check_result,
    format_adjustment,
    format_count,
    format_p_value,
    format_size,
    head_rows,
    is_description,
    is_simulated,
    name_interval,
    write_notes,
    write_title,
)
from toolkit.errors import VariableError
from toolkit.results import Row, by_columns, estimand_of

# What identifies a row whatever the model.
_KEYS = ("estimand", "outcome", "exposure", "level", "reference")


def typeset_models(
    frames: Mapping[str, pl.DataFrame] | Sequence[pl.DataFrame], labels: Labels | None, *, p_values: bool
) -> GT:
    """Typeset models, by name, with estimate, n and p-value under the name of each."""
    models = _name_models(frames)
    for frame in models.values():
        check_result(frame, "tk.table")
        if is_description(frame):
            raise VariableError(
                "tk.table shows models side by side, and one of these frames is that of tk.describe. Use "
                "tk.table(frame) for it alone."
            )
    by = by_columns(next(iter(models.values())))
    rows = {name: _index_rows(frame, by, name) for name, frame in models.items()}
    every = _stack(list(models.values()))
    lines = {_key_of(item.row, by): (item.head, item.label) for item in head_rows(every, labels)}
    fallback = capitalize(str(every["exposure_label"][0] or every["exposure"][0] or "estimate"))
    columns: dict[str, list[str]] = {
        "group": [head for head, _ in lines.values()],
        "label": [label or fallback for _, label in lines.values()],
    }
    heads: dict[str, str] = {"label": ""}
    spanners: dict[str, list[str]] = {}
    notes: list[tuple[str, int, Row]] = []
    for place, (name, own) in enumerate(rows.items()):
        sizes = {row["n"] for row in own.values()}
        # One n for all rows is in the spanner.
        several = len(sizes) > 1
        cells = {f"estimate {place}": _head_estimate(models[name])}
        cells |= ({f"n {place}": "n"} if several else {}) | ({f"p {place}": "p-value"} if p_values else {})
        heads |= cells
        size = "" if several or None in sizes else f" ({format_size(next(iter(own.values())))})"
        spanners[f"{name}{size}"] = list(cells)
        found = [own.get(key) for key in lines]
        columns[f"estimate {place}"] = [format_cell(row) if row else "" for row in found]
        if several:
            columns[f"n {place}"] = ["" if row is None else format_count(row["n"]) for row in found]
        if p_values:
            columns[f"p {place}"] = [_format_p(row) for row in found]
        notes += [(f"estimate {place}", line, row) for line, row in enumerate(found) if row is not None]
    numbers = [name for names in spanners.values() for name in names]
    simulated = any(is_simulated(frame) for frame in models.values())
    # The source note says what each model is adjusted for.
    given = [note.removesuffix("; crude") for note in write_notes(every, labels)]
    below = [note for note in given if note not in (SIMULATED, "Crude")]
    made = typeset(
        columns, heads, write_title(every, labels), [*[SIMULATED] * simulated, *below],
        numbers=numbers, footnotes=notes, source=_describe_models(models, labels),
    )  # fmt: skip
    shown = set(columns) - {name for name in numbers if not any(columns[name])} | {"estimate"}
    for name, own_columns in spanners.items():
        made = made.tab_spanner(name, [column for column in own_columns if column in shown])
    return made


def _name_models(frames: Mapping[str, pl.DataFrame] | Sequence[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Name listed models "Crude" where they are, and "Model 1", "Model 2" otherwise."""
    if isinstance(frames, Mapping):
        named = {str(name): frame for name, frame in frames.items()}
    else:
        named, count = {}, 0
        for frame in frames:
            check_result(frame, "tk.table")
            crude = {format_adjustment(row) for row in frame.rows(named=True)} == {"crude"}
            count += not crude
            named["Crude" if crude and "Crude" not in named else f"Model {max(count, 1)}"] = frame
    if len(named) != len(frames) or not named:
        raise VariableError(
            f"tk.table needs a name for each of {len(frames)} models side by side. Supply them by name: "
            'tk.table({"Crude": crude, "Adjusted": adjusted}).'
        )
    return named


def _key_of(row: Row, by: Sequence[str]) -> tuple[object, ...]:
    return tuple(row[name] for name in (*by, *_KEYS))


def _index_rows(frame: pl.DataFrame, by: Sequence[str], name: str) -> dict[tuple[object, ...], Row]:
    if by_columns(frame) != list(by):
        raise VariableError(
            f"Models side by side have the same groups, and '{name}' has "
            f"by={by_columns(frame)!r} in place of {list(by)!r}. Estimate all with the same by=."
        )
    rows = frame.rows(named=True)
    found: dict[tuple[object, ...], Row] = {_key_of(row, by): row for row in rows}
    if len(found) < len(rows):
        raise VariableError(
            f"'{name}' has {len(rows)} rows for {len(found)} lines of the table, so that they are several "
            "models. Split it: tk.table({'Model 1': frame.filter(...), ...})."
        )
    return found


def _stack(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Stack the rows of all models, each line once and without its adjustment."""
    columns = frames[0].columns
    stacked = pl.concat([pl.DataFrame(frame).select(columns) for frame in frames])
    by = by_columns(frames[0])
    return stacked.unique([*by, *_KEYS], keep="first", maintain_order=True).with_columns(
        adjust=pl.lit("none"), n=pl.lit(None, pl.Int64)
    )


def _head_estimate(frame: pl.DataFrame) -> str:
    measures = list(dict.fromkeys(estimand_of(row) for row in frame.rows(named=True)))
    if len(measures) > 1:
        return f"Estimate ({name_interval(frame)})"
    sign = {"percent": ", %", "points": ", percentage points"}.get(measures[0].kind, "")
    return capitalize(f"{measures[0].noun}{sign} ({name_interval(frame)})")


def _format_p(row: Row | None) -> str:
    if row is None:
        return ""
    text = format_p_value(row["p_value"]).removeprefix("p ").removeprefix("= ")
    return NO_NUMBER if is_suppressed(row) else text


def _describe_models(models: Mapping[str, pl.DataFrame], labels: Labels | None) -> str:
    """Say what each model is adjusted for, and by which weight."""
    parts = []
    for name, frame in models.items():
        texts = list(dict.fromkeys(format_adjustment(row, labels) for row in frame.rows(named=True)))
        named = "; ".join(text for text in texts if text not in ("", "crude")) or "not adjusted"
        weights = ", ".join(frame["weight"].drop_nulls().unique(maintain_order=True))
        parts.append(f"{name}: {named}{f' ({weights} weight)' if weights else ''}")
    counts = dict.fromkeys(note_counts(frame) for frame in models.values())
    return f"{'. '.join(parts)}. CI: confidence interval. {'; '.join(counts)}."
