"""Open a study whose participants stay on an engine: types, levels and kinds come from aggregate queries.

The rules are those of a frame in memory (`from_frame`), applied to the different values of each column.
"""

from collections.abc import Callable, Mapping

import polars as pl

from toolkit.disclosure import SMALLEST_CELL
from toolkit.errors import DatasetError
from toolkit.sources.from_frame import (
    TOOLKIT,
    ZERO_OF_SAS,
    are_reasons,
    check_design,
    match_expression,
    refuse_implausible,
    refuse_unknown_levels,
    require_codebook,
    strip_blanks,
    with_float_types,
    with_levels,
)
from toolkit.sources.harmonize.units import plausible
from toolkit.sources.user.declaration import known_variables
from toolkit.studies import Design, Engine, EnginePeople, Facts, Study, as_frame, facts_of_values
from toolkit.variables import Codebook, Reason, Variable, why


def open_on_engine(
    engine: Engine,
    design: Design,
    name: str,
    codebook: Codebook | str | None,
    smallest_cell: int = SMALLEST_CELL,
) -> Study:
    """Make a study of participants on an engine."""
    require_codebook(codebook)
    raw = EnginePeople(engine, pl.Schema(engine.schema))
    if not raw.height:
        raise DatasetError("The frame has 0 rows. Check how it was read or filtered.")
    check_design(design, raw.columns)
    given = codebook.variables if isinstance(codebook, Codebook) else {}
    people = _with_types(raw, given)
    if codebook == TOOLKIT:
        people = _match_codebook(people, design)
    if isinstance(codebook, Codebook):
        return Study(name, name, as_frame(people), design, codebook, smallest_cell=smallest_cell)
    known = known_variables() if codebook == TOOLKIT else Codebook()
    entries = _describe_columns(people, raw, design, known)
    return Study(name, name, as_frame(people), design, entries, smallest_cell=smallest_cell)


def _with_types(raw: EnginePeople, given: Mapping[str, Variable]) -> EnginePeople:
    """Read every column as a frame in memory is read, from its different values."""
    facts = raw.facts_of(raw.columns)
    odd = _count_odd_numbers(raw, [name for name in raw.columns if facts[name].values is None])
    steps, found = {}, {}
    for name in raw.columns:
        values, counts = facts[name].values, facts[name].counts
        if values is None or counts is None:
            steps[name] = _clean_measurement(name, raw.schema[name], odd=bool(odd.get(name)))
            if not odd.get(name):
                found[name] = facts[name]
            continue
        tidy = _tidy_values(raw, name, values, stripped=name not in given)
        steps[name] = _clean_values(name, values, tidy)
        found[name] = _merge(tidy, counts)
    changed = {name: step for name, step in steps.items() if step is not None}
    people = raw.with_columns(**changed)
    people.facts.update(found)
    return people


def _count_odd_numbers(raw: EnginePeople, names: list[str]) -> dict[str, int]:
    """Count in each measurement the values that are not a number, or 0 as SAS wrote it."""
    floats = [name for name in names if raw.schema[name].is_float()]
    if not floats:
        return {}
    odd = [(pl.col(n).is_nan() | (pl.col(n) == ZERO_OF_SAS)).cast(pl.Int64).sum().alias(n) for n in floats]
    return raw.select(odd).row(0, named=True)


def _clean_measurement(name: str, dtype: pl.DataType, *, odd: bool) -> pl.Expr | None:
    column = pl.col(name)
    if isinstance(dtype, pl.String | pl.Categorical):
        text = column.cast(pl.String).str.strip_chars()
        return pl.when(text != "").then(text)
    if dtype.is_decimal():
        return column.cast(pl.Float64)
    if odd:
        return pl.when(column == ZERO_OF_SAS).then(0.0).when(~column.is_nan()).then(column)
    return None


def _tidy_values(raw: EnginePeople, name: str, values: pl.Series, *, stripped: bool) -> pl.Series:
    """Read the different values of a column as those of a frame in memory."""
    tidy = with_float_types(values.to_frame())[name]
    if stripped:
        tidy = _changed(tidy, strip_blanks)
    if name.endswith(why("")) and name.removesuffix(why("")) in raw.columns and are_reasons(tidy):
        return tidy.cast(Reason)
    return _changed(tidy, with_levels)


def _changed(values: pl.Series, change: Callable[[pl.Series], pl.Series | None]) -> pl.Series:
    found = change(values)
    return values if found is None else found


def _clean_values(name: str, values: pl.Series, tidy: pl.Series) -> pl.Expr | None:
    """Write the expression that turns the values of a column into those read."""
    column, kind = pl.col(name), tidy.dtype
    if not isinstance(kind, pl.Enum | pl.String):
        same = (
            tidy.cast(values.dtype).equals(values, null_equal=False)
            if values.dtype != kind
            else tidy.equals(values)
        )
        if values.dtype.is_float() and not same:
            return _clean_measurement(name, values.dtype, odd=True)
        return None if values.dtype == kind else column.cast(kind)
    text = values.cast(pl.String)
    if not tidy.cast(pl.String).equals(text):
        column = column.cast(pl.String).str.strip_chars()
        column = pl.when(column != "").then(column)
    return None if values.dtype == kind and tidy.cast(pl.String).equals(text) else column.cast(kind)


def _merge(tidy: pl.Series, counts: pl.Series) -> Facts:
    """Join values that were read as the same."""
    frame = pl.DataFrame({"value": tidy, "n": counts}).drop_nulls("value")
    merged = frame.group_by("value").agg(pl.col("n").sum()).sort("value")
    return facts_of_values(merged["value"].alias(tidy.name), merged["n"])


def _match_codebook(people: EnginePeople, design: Design) -> EnginePeople:
    """Match columns to the codebook by name."""
    known, taken = known_variables(), set(design.columns)
    columns = [name for name in people.columns if name in known and name not in taken]
    matched = {name: match_expression(name, people.schema[name], known[name]) for name in columns}
    totals = dict(item for name in columns for item in _count_unmatched(name, known[name], matched[name]))
    counts = people.select(**totals).row(0, named=True) if totals else {}
    for name in columns:
        if name in counts:
            refuse_unknown_levels(name, counts[name], known[name])
        if f"{name} outside" in counts:
            refuse_implausible(name, counts[f"{name} outside"], known[name], None)
    return people.with_columns(**matched)


def _count_unmatched(name: str, variable: Variable, matched: pl.Expr) -> list[tuple[str, pl.Expr]]:
    if variable.kind == "number":
        ends = plausible(name)
        outside = ~matched.is_between(*ends) if ends else None
        return [] if outside is None else [(f"{name} outside", outside.cast(pl.Int64).sum())]
    if not variable.levels:
        return []
    strange = pl.col(name).is_not_null() & matched.is_null()
    return [(name, strange.cast(pl.Int64).sum())]


def _describe_columns(people: EnginePeople, raw: EnginePeople, design: Design, known: Codebook) -> Codebook:
    left = {*design.columns, *(why(name) for name in people.columns)}
    entries = []
    for name in people.columns:
        if name in left:
            continue
        entry = known.variables.get(name)
        if entry is None or entry.dtype != people.schema[name]:
            entry = people.describe(name, ordered=isinstance(raw.schema[name], pl.Enum))
        entries.append(entry)
    return Codebook.of(*(entry for entry in entries if entry))
