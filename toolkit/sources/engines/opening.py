"""Open a study whose participants stay on an engine: types, levels and kinds come from aggregate queries.

The rules are those of a frame in memory (`from_frame`), applied to the different values of each column.
"""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from toolkit.disclosure import SMALLEST_CELL
from toolkit.errors import DatasetError
from toolkit.sources.frame_columns import (
    READ_AS_NUMBERS,
    Kept,
    Plan,
    code_note,
    column_role,
    identifies_persons,
    may_identify_persons,
    plan_cells,
    plan_column,
    refuse_weight_of_ids,
    refuse_words_in_design,
    serial_note,
    words_kept,
)
from toolkit.sources.from_frame import (
    TOOLKIT,
    are_reasons,
    check_design,
    frame_facts,
    match_expression,
    refuse_implausible,
    refuse_unknown_levels,
    refuse_words,
    require_codebook,
)
from toolkit.sources.harmonize.raw_values import ZERO_OF_SAS, is_text, na_reason, parse_numbers, read_cell
from toolkit.sources.harmonize.units import plausible
from toolkit.sources.user.declaration import known_variables
from toolkit.sources.user.profiles import CODES
from toolkit.studies import Design, Engine, EnginePeople, Facts, Study, as_frame, facts_of_values
from toolkit.variables import Codebook, Reason, Variable, why

# Rows of which the different ids are counted; those of more would take gigabytes.
_COUNTED = 5_000_000
_NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def open_on_engine(
    engine: Engine,
    design: Design,
    name: str,
    codebook: Codebook | str | None,
    smallest_cell: int = SMALLEST_CELL,
    *,
    keep: Kept = (),
) -> Study:
    """Make a study of participants on an engine."""
    require_codebook(codebook)
    raw = EnginePeople(engine, pl.Schema(engine.schema))
    if not raw.height:
        raise DatasetError("The frame has 0 rows. Check how it was read or filtered.")
    check_design(design, raw.columns)
    given = codebook.variables if isinstance(codebook, Codebook) else {}
    people, notes, free = _read_columns(raw, design, given, words_kept(keep, raw.columns), smallest_cell)
    ids = {own: found for own in raw.columns if (found := _count_persons(raw, own))}
    refuse_weight_of_ids(design, ids)
    notes += _note_codes(raw, {*ids, *design.columns, *given}, smallest_cell)
    if codebook == TOOLKIT:
        people = _match_codebook(people, design)
        free = [name for name in free if is_text(people.schema[name])]
    if not isinstance(codebook, Codebook):
        known = known_variables() if codebook == TOOLKIT else Codebook()
        codebook = _describe_columns(people, raw, {*design.columns, *ids, *free}, known)
    facts = frame_facts(notes, ids, free, design)
    return Study(name, name, as_frame(people), design, codebook, facts, smallest_cell=smallest_cell)


def _read_columns(
    raw: EnginePeople,
    design: Design,
    given: Collection[str],
    kept: Mapping[str, Sequence[str]],
    smallest: int,
) -> tuple[EnginePeople, list[str], list[str]]:
    """Read each column by the plan that its different values give, as a frame in memory is read."""
    facts = raw.facts_of(raw.columns)
    odd = _count_odd_values(raw, [name for name in raw.columns if facts[name].values is None], kept)
    steps: dict[str, pl.Expr] = {}
    found: dict[str, Facts] = {}
    notes: list[str] = []
    free: list[str] = []
    for name in raw.columns:
        values, counts, words = facts[name].values, facts[name].counts, kept.get(name, ())
        if values is None or counts is None:
            plan = (
                _plan_design_text(raw, name, words)
                if column_role(name, design, given) == "number" and is_text(raw.schema[name])
                else _plan_measurement(name, raw.schema[name], odd, words)
            )
            found |= {} if plan.value is not None else {name: facts[name]}
        elif name.endswith(why("")) and name.removesuffix(why("")) in raw.columns and are_reasons(values):
            plan = Plan(pl.col(name).cast(Reason))
        else:
            role, filled = column_role(name, design, given), facts[name].known
            plan = plan_column(values, counts, role, words, filled, smallest=smallest)
        steps |= {one.meta.output_name(): one for one in plan.columns(name, raw.columns)}
        notes += filter(None, (plan.note, serial_note(name, values)))
        free += [name] if plan.free else []
        if values is not None and counts is not None:
            read = values.to_frame().select(steps.get(name, pl.col(name))).to_series()
            found[name] = _merge(read, counts)
    people = raw.with_columns(**steps)
    people.facts.update(found)
    return people, notes, free


def _note_codes(raw: EnginePeople, others: Collection[str], smallest: int) -> list[str]:
    """Report numbers that may be codes for missing values."""
    numbers = [name for name, dtype in raw.schema.items() if dtype.is_numeric() and name not in others]
    notes = []
    for name, facts in raw.facts_of(numbers).items():
        values, counts = facts.values, facts.counts
        if (values is None or counts is None) and {facts.low, facts.high} & CODES:
            values, counts = _count_codes(raw, name, facts)
        if values is not None and counts is not None:
            notes.append(code_note(values, counts, smallest))
    return [note for note in notes if note]


def _count_codes(raw: EnginePeople, name: str, facts: Facts) -> tuple[pl.Series, pl.Series]:
    """Count the usual codes of a measurement at its ends; all other values are its smallest and largest."""
    column = pl.col(name).cast(pl.Float64)
    coded = column.is_in(sorted(CODES))
    found = raw.filter(coded).group_by(code=column).agg(n=pl.len())
    ends = raw.filter(~coded, ~column.is_nan()).select(low=column.min(), high=column.max()).row(0)
    values = pl.Series(name, [*found["code"], *ends], pl.Float64)
    return values, pl.Series([*found["n"], facts.known, facts.known])


def _count_odd_values(
    raw: EnginePeople, names: list[str], kept: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Count the values of each measurement that are NaN, 0 as SAS wrote it, or a word for NA in text."""
    odd = {}
    for name in names:
        column = pl.col(name)
        if raw.schema[name].is_float():
            odd[name] = (column.is_nan() | (column == ZERO_OF_SAS)).cast(pl.Int64).sum()
        elif is_text(raw.schema[name]):
            odd[name] = na_reason(name, kept.get(name, ())).is_not_null().cast(pl.Int64).sum()
    return raw.select(**odd).row(0, named=True) if odd else {}


def _plan_measurement(name: str, dtype: pl.DataType, odd: Mapping[str, int], kept: Sequence[str]) -> Plan:
    """Plan how a column of more values than can be listed is read."""
    if dtype.is_float() and not odd.get(name):
        return Plan()
    reason = na_reason(name, kept) if is_text(dtype) and odd.get(name) else None
    return plan_cells(name, dtype, kept, reason)


def _plan_design_text(raw: EnginePeople, name: str, kept: Sequence[str]) -> Plan:
    """Plan how a weight of more values than can be listed, which came as text, is read as numbers."""
    known, unread = _count_words(raw, name, kept)
    refuse_words_in_design(name, unread, known)
    read = read_cell(name, raw.schema[name], kept).cast(pl.Float64)
    return Plan(read, note=READ_AS_NUMBERS.format(name))


def _count_words(raw: EnginePeople, name: str, kept: Sequence[str] = ()) -> tuple[int, int]:
    """Count the entries of text, and those of them that are not numbers."""
    cell = read_cell(name, raw.schema[name], kept)
    words = (cell.is_not_null() & ~cell.str.contains(_NUMBER)).cast(pl.Int64).sum()
    known, unread = raw.select(known=cell.count(), unread=words).row(0)
    return int(known), int(unread)


def _count_persons(raw: EnginePeople, name: str) -> tuple[int, int] | None:
    """Count persons and rows of a column that identifies participants; of millions, each row is a person."""
    if not may_identify_persons(name, raw.schema[name]):
        return None
    facts = raw.facts_of([name])[name]
    if facts.values is None:
        if not (is_text(raw.schema[name]) or raw.schema[name].is_integer()):
            return None
        if facts.known > _COUNTED:
            return facts.known, facts.known
        persons = raw.select(persons=pl.col(name).n_unique()).item() - (facts.known < raw.height)
        return int(persons), facts.known
    found = identifies_persons(name, facts.values, facts.known)
    return (len(facts.values), facts.known) if found else None


def _merge(tidy: pl.Series, counts: pl.Series) -> Facts:
    """Join values that were read as the same."""
    frame = pl.DataFrame({"value": tidy, "n": counts}).drop_nulls("value")
    merged = frame.group_by("value").agg(pl.col("n").sum()).sort("value")
    return facts_of_values(merged["value"].alias(tidy.name), merged["n"])


def _match_codebook(people: EnginePeople, design: Design) -> EnginePeople:
    """Match columns to the codebook by name."""
    known, taken = known_variables(), set(design.columns)
    columns = [name for name in people.columns if name in known and name not in taken]
    for name in columns:
        if known[name].kind == "number" and is_text(people.schema[name]):
            _require_numbers(people, name)
    matched = {name: match_expression(name, people.schema[name], known[name]) for name in columns}
    totals = dict(item for name in columns for item in _count_unmatched(name, known[name], matched[name]))
    counts = people.select(**totals).row(0, named=True) if totals else {}
    for name in columns:
        if name in counts:
            refuse_unknown_levels(name, counts[name], known[name])
        if f"{name} outside" in counts:
            refuse_implausible(name, counts[f"{name} outside"], known[name], None)
    return people.with_columns(**matched)


def _require_numbers(people: EnginePeople, name: str) -> None:
    """Raise unless every entry of text is a number, which engines convert or fail."""
    facts = people.facts_of([name])[name]
    if facts.values is None or facts.counts is None:
        refuse_words(name, _count_words(people, name)[1])
        return
    numbers = facts.values.to_frame().select(parse_numbers(pl.col(name).cast(pl.String))).to_series()
    refuse_words(name, int(facts.counts.filter(numbers.is_null()).sum()))


def _count_unmatched(name: str, variable: Variable, matched: pl.Expr) -> list[tuple[str, pl.Expr]]:
    if variable.kind == "number":
        ends = plausible(name)
        outside = ~matched.is_between(*ends) if ends else None
        return [] if outside is None else [(f"{name} outside", outside.cast(pl.Int64).sum())]
    if not variable.levels:
        return []
    strange = pl.col(name).is_not_null() & matched.is_null()
    return [(name, strange.cast(pl.Int64).sum())]


def _describe_columns(
    people: EnginePeople, raw: EnginePeople, taken: Collection[str], known: Codebook
) -> Codebook:
    left = {*taken, *(why(name) for name in people.columns)}
    entries = []
    for name in people.columns:
        if name in left:
            continue
        entry = known.variables.get(name)
        if entry is None or entry.dtype != people.schema[name]:
            entry = people.describe(name, ordered=isinstance(raw.schema[name], pl.Enum))
        entries.append(entry)
    return Codebook.of(*(entry for entry in entries if entry))
