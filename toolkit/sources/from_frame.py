"""Build a study from a user's data frame (polars, pandas, pyarrow, DuckDB, or any that narwhals knows).

Without a codebook nothing is matched by name: text is nominal, categories keep their list and declared order,
true/false and 0/1 are yes/no, other numbers are continuous.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from polars import selectors as cs

from toolkit.disclosure import SMALLEST_CELL
from toolkit.errors import DatasetError, DesignError, VariableError, require_known, short, unknown
from toolkit.sources.frame_columns import (
    Kept,
    code_note,
    column_role,
    identifies_persons,
    may_identify_persons,
    person_notes,
    plan_cells,
    plan_column,
    refuse_weight_of_ids,
    serial_note,
    text_of_bytes,
    words_kept,
)
from toolkit.sources.harmonize.raw_values import is_text, parse_numbers
from toolkit.sources.harmonize.units import other_units, plausible
from toolkit.sources.user.declaration import known_variables
from toolkit.sources.user.profiles import CODES
from toolkit.studies import FREE_TEXT, IDENTIFIERS, Design, Study, refuse_unusable_names
from toolkit.variables import MOST_LEVELS, REASONS, Codebook, Reason, Variable, why

if TYPE_CHECKING:
    from toolkit.sources.frame_categories import Categories

TOOLKIT = "toolkit"
# What libraries raise for a column that they cannot read.
_UNREADABLE = (
    TypeError, ValueError, NotImplementedError, OverflowError, pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
)  # fmt: skip
_NO = ("no", "false", "0", "0.0")
_YES = ("yes", "true", "1", "1.0")


def own_population(
    frame: Any,
    design: Design,
    name: str,
    codebook: Codebook | str | None,
    smallest_cell: int = SMALLEST_CELL,
    *,
    keep: Kept = (),
) -> Study:
    """Make a study of a frame, whose columns are read as those of a file are."""
    require_codebook(codebook)
    raw, declared = _read_frame(frame)
    refuse_unusable_names(raw.columns)
    check_design(design, raw.columns)
    given = codebook.variables if isinstance(codebook, Codebook) else {}
    ids = {own.name: found for own in raw.get_columns() if (found := _count_persons(own))}
    people, notes, free = _read_columns(raw, design, given, words_kept(keep, raw.columns), smallest_cell)
    coded = _note_codes(raw.drop({*ids, *design.columns, *given}, strict=False), smallest_cell)
    notes += filter(None, coded)
    refuse_weight_of_ids(design, ids)
    refuse_misfits(people, given)
    if codebook == TOOLKIT:
        people = _match_codebook(people, design)
        free = [name for name in free if is_text(people.schema[name])]
    if not isinstance(codebook, Codebook):
        ordered = {own for own, listed in declared.items() if listed.ordered}
        known = known_variables() if codebook == TOOLKIT else Codebook()
        codebook = _describe_columns(people.drop([*ids, *free]), design, known, ordered)
    facts = frame_facts(notes, ids, free, design)
    return Study(name, name, people, design, codebook, facts, smallest_cell=smallest_cell)


def refuse_misfits(people: pl.DataFrame, given: Mapping[str, Variable]) -> None:
    """Raise if a column has values that its variable in the user's own codebook cannot have."""
    for name in given.keys() & set(people.columns):
        variable, column = given[name], people[name]
        if variable.kind == "number":
            strange, may = column.count() * (not column.dtype.is_numeric()), "numbers"
        elif variable.kind == "yes_no" and (column.dtype.is_numeric() or column.dtype == pl.Boolean):
            strange, may = int((~column.cast(pl.Float64).is_in([0.0, 1.0])).sum()), "0, 1, no and yes"
        else:
            different = column.drop_nulls()
            strange = int((~different.cast(pl.String).is_in(variable.levels)).sum())
            strange = len(different) if column.dtype.is_numeric() else strange
            may = short(", ".join(variable.levels) or "no levels")
        if strange:
            raise VariableError(
                f"'{name}' has {strange:,} values that its entry in the codebook does not allow ({may}). "
                "Correct the entry, recode the column, or remove one of the two."
            )


def frame_facts(
    notes: Sequence[str], ids: Mapping[str, tuple[int, int]], free: Sequence[str], design: Design
) -> dict[str, list[str]]:
    """Write notes on a frame, and its columns of ids and of free text, as the provenance of its study."""
    identifiers = sorted(ids.keys() - set(design.columns))
    said = [f"'{name}' is free text and not a variable." for name in free]
    every = [*notes, *said, *person_notes(identifiers, ids)]
    facts = {"notes": every, IDENTIFIERS: identifiers, FREE_TEXT: list(free)}
    return {key: own for key, own in facts.items() if own}


def _read_columns(
    raw: pl.DataFrame,
    design: Design,
    given: Collection[str],
    kept: Mapping[str, Sequence[str]],
    smallest: int,
) -> tuple[pl.DataFrame, list[str], list[str]]:
    """Read columns by the plans that their different values give; return notes and names of free text too."""
    reasons, names = set(_reason_columns(raw)), frozenset(raw.columns)
    columns = [pl.col(name).cast(Reason) for name in reasons]
    notes: list[str] = []
    free: list[str] = []
    # The schema of a frame is written anew each time, which takes minutes for 10,000 columns.
    for column in raw.get_columns():
        name = column.name
        if name in reasons:
            continue
        plan = plan_cells(name, column.dtype)
        if is_text(column.dtype):
            role, words = column_role(name, design, given), kept.get(name, ())
            counts, filled = column.value_counts(name=":n"), column.count()
            plan = plan_column(counts[name], counts[":n"], role, words, filled, smallest=smallest)
        columns += plan.columns(name, names)
        free += [name] if plan.free else []
        notes += filter(None, (plan.note, serial_note(name, column)))
    # One column has the reasons of another, which come later.
    return raw.with_columns(columns[: len(reasons)]).with_columns(columns[len(reasons) :]), notes, free


def _note_codes(raw: pl.DataFrame, smallest: int) -> Iterable[str]:
    """Report numbers that may be codes for missing values, which are the smallest or largest of a column."""
    for column in raw.select(cs.numeric()).get_columns():
        if {column.min(), column.max()} & CODES:
            counts = column.drop_nulls().value_counts(name=":n")
            yield code_note(counts[column.name], counts[":n"], smallest)


def _count_persons(column: pl.Series) -> tuple[int, int] | None:
    """Count persons and rows of a column that identifies participants; None for another one."""
    if not may_identify_persons(column.name, column.dtype):
        return None
    values, rows = column.drop_nulls().unique(), column.count()
    return (len(values), rows) if identifies_persons(column.name, values, rows) else None


def refuse_repeated_names(frame: Any) -> None:
    """Raise if a frame or relation has two columns of one name, of which readers keep one or rename it."""
    if hasattr(frame, "collect_schema"):  # polars has unique names, and those of a lazy frame cost a query
        return
    given = getattr(frame, "column_names", getattr(frame, "columns", ()))
    counts = Counter(map(str, given if isinstance(given, Iterable) else ()))
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise DatasetError(
            f"The frame has the column '{twice[0]}' {counts[twice[0]]} times. Give each column a unique name."
        )


def require_options(name: object, codebook: object, smallest_cell: object, keep: object) -> None:
    """Raise if an option of a study of a frame has another type than it may have."""
    counted = isinstance(smallest_cell, int) and not isinstance(smallest_cell, bool) and smallest_cell >= 0
    valid = {
        "name": (isinstance(name, str), "a text, such as name='village 2024'"),
        "codebook": (
            codebook is None or isinstance(codebook, str | Codebook), "None, 'toolkit' or a tk.Codebook",
        ),
        "smallest_cell": (counted, "a whole number of 0 or more, such as 5"),
        "keep": (isinstance(keep, Iterable), "words such as 'NA', or a mapping of columns to words"),
    }  # fmt: skip
    for option, (fits, wanted) in valid.items():
        if not fits:
            raise DatasetError(f"'{option}' is not valid. Supply {wanted}.")


def require_codebook(codebook: Codebook | str | None) -> None:
    """Raise for the name of a codebook that does not exist."""
    if isinstance(codebook, str) and codebook != TOOLKIT:
        raise DatasetError(
            unknown("Unknown codebook", codebook, [TOOLKIT], "Use codebook='toolkit' or a tk.Codebook")
        )


def _read_frame(frame: Any) -> "tuple[pl.DataFrame, dict[str, Categories]]":
    """Read a frame, a lazy one once, with its categories as Enums, and their declared lists and orders."""
    import narwhals as nw

    from toolkit.sources.frame_categories import (
        as_declared,
        declared_categories,
        with_local_times,
        with_text_categories,
    )

    declared = {}
    try:
        known = nw.from_native(with_local_times(with_text_categories(frame)), pass_through=True)
        if isinstance(known, nw.DataFrame | nw.LazyFrame):
            declared = declared_categories(known)
        if isinstance(known, nw.LazyFrame):
            known = known.collect("polars")
        people = known.to_polars() if isinstance(known, nw.DataFrame) else pl.DataFrame(frame)
    except _UNREADABLE as error:
        # The libraries quote the value that they could not read, so their messages are not passed on.
        raise DatasetError(_explain_unreadable(frame, error)) from None
    if not people.height or not people.width:
        raise DatasetError("The frame has 0 rows. Check how it was read or filtered.")
    people = _with_text(people)
    declared = {name: own for name, own in declared.items() if own.ordered or len(own.levels) <= MOST_LEVELS}
    return as_declared(_copy_frame(people), declared), declared


def _with_text(people: pl.DataFrame) -> pl.DataFrame:
    """Read columns of bytes, as pandas.read_sas returns them, as text."""
    names = [name for name, dtype in people.schema.items() if isinstance(dtype, pl.Binary)]
    return people.with_columns(text_of_bytes(people[name]) for name in names)


def _copy_frame(people: pl.DataFrame) -> pl.DataFrame:
    """Copy a frame that may share memory with one of pandas, numpy or pyarrow, which can change later."""
    plain = people.select(pl.exclude(pl.Object))
    copied = plain[np.arange(people.height)]
    return copied if copied.width == people.width else people.with_columns(copied)


def _explain_unreadable(frame: Any, error: BaseException) -> str:
    names = list(getattr(frame, "column_names", getattr(frame, "columns", ())))
    mixed = next((name for name in names if not _has_one_type(frame[name])), None)
    if mixed is not None or (names and isinstance(error, OverflowError)):
        column = "A column of the frame" if mixed is None else f"The column '{mixed}'"
        return (
            f"{column} has values of several types, or of an unsupported type. Convert it to one type, such "
            f"as frame['{'column' if mixed is None else mixed}'].astype(str)."
        )
    return (
        f"A study needs a data frame with one row per person, not an object of type {type(frame).__name__}. "
        f"Use tk.study(pl.DataFrame(...), design=...)."
    )


def _has_one_type(column: Any) -> bool:
    import narwhals as nw

    try:
        nw.from_native(column, series_only=True).to_polars()
    except _UNREADABLE:
        return False
    return True


def _reason_columns(people: pl.DataFrame) -> Iterable[str]:
    """Find the columns with the reasons for missing values of others, as `study.people` has them."""
    names = frozenset(people.columns)
    for name in names:
        if why(name) in names and are_reasons(people[why(name)]):
            yield why(name)


def are_reasons(words: pl.Series) -> bool:
    """Whether a column contains nothing but reasons for missing values."""
    return words.dtype == pl.Null or set(words.drop_nulls().cast(pl.String).unique()) <= set(REASONS)


def _match_codebook(people: pl.DataFrame, design: Design) -> pl.DataFrame:
    taken = set(design.columns)
    known = known_variables()
    columns = [name for name in people.columns if name in known and name not in taken]
    return people.with_columns(_match_variable(people[name], known[name]) for name in columns)


def _match_variable(column: pl.Series, variable: Variable) -> pl.Series:
    found = column.to_frame().select(match_expression(column.name, column.dtype, variable)).to_series()
    if variable.kind == "number":
        refuse_words(column.name, found.null_count() - column.null_count())
        ends = plausible(column.name)
        outside = 0 if ends is None else int((~found.is_between(*ends)).sum())
        refuse_implausible(column.name, outside, variable, found)
    elif variable.levels:
        refuse_unknown_levels(column.name, found.null_count() - column.null_count(), variable)
    return found


def match_expression(name: str, dtype: pl.DataType, variable: Variable) -> pl.Expr:
    """Write the expression that reads a column as a variable of the codebook; null for any other value."""
    column = pl.col(name)
    if variable.kind == "number":
        if is_text(dtype):
            return parse_numbers(column.cast(pl.String)).alias(name)
        if not dtype.is_numeric() and dtype != pl.Null:
            raise VariableError(
                f"'{name}' has type {dtype}, but the codebook variable of that name is continuous. "
                f"Convert it to numbers, or {_suggest_name(name)}"
            )
        return column.cast(pl.Float64)
    if not variable.levels:
        return column.cast(pl.String)
    words = {level.lower(): level for level in variable.levels}
    if variable.kind == "yes_no":
        words |= dict.fromkeys(_NO, "no") | dict.fromkeys(_YES, "yes")
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    return text.replace_strict(words, default=None, return_dtype=pl.String).cast(variable.dtype).alias(name)


def refuse_words(name: str, unread: int) -> None:
    """Raise if a column of text has values that are not numbers, as the variable of its name is."""
    if unread:
        raise VariableError(
            f"'{name}' has type String, and {unread:,} of its values are not numbers, but the codebook "
            f"variable of that name is continuous. Correct them, or {_suggest_name(name)}"
        )


def refuse_unknown_levels(name: str, strange: int, variable: Variable) -> None:
    """Raise if a column has values that are no levels of the variable of its name."""
    if strange:
        raise VariableError(
            f"'{name}' has {strange:,} values that are not levels of the codebook variable of that "
            f"name ({', '.join(variable.levels)}). Recode them, or {_suggest_name(name)}"
        )


def refuse_implausible(name: str, outside: int, variable: Variable, values: pl.Series | None) -> None:
    """Raise if a column has values outside the plausible range of the variable of its name."""
    ends = plausible(name)
    if ends and outside:
        remedy = f"Correct them, set them to null, or {_suggest_name(name)}"
        raise VariableError(
            f"'{name}' has {outside:,} values outside {ends[0]:g} to {ends[1]:g} {variable.unit}, the "
            f"plausible range of the codebook variable of that name. "
            f"{remedy if values is None else _suggest_unit(values, variable)}"
        )


def _suggest_unit(values: pl.Series, variable: Variable) -> str:
    low, high = (float(values.quantile(share) or 0) for share in (0.05, 0.95))
    units = other_units(variable.name, variable.unit, low, high)
    if not units:
        return f"Correct them, set them to null, or {_suggest_name(variable.name)}"
    way = f"toolkit.sources.harmonize.units.conversion('{units[0]}', '{variable.unit}', '{variable.name}')"
    return (
        f"If the unit is {' or '.join(units)}, convert them first: "
        f"frame.with_columns({way}.expression(pl.col('{variable.name}')))."
    )


def _suggest_name(name: str) -> str:
    return f"give the column another name: frame.rename({{'{name}': 'my_{name}'}})."


def check_design(design: Design, columns: Sequence[str]) -> None:
    """Raise unless a design is declared and names columns that exist."""
    if not isinstance(design, Design):
        raise DesignError(
            f"'design' has type {type(design).__name__}. Supply tk.Design(weight='...'), or declare that "
            "there is none: tk.Design.none()."
        )
    if not (design.weight or design.fpcs or design.declared_absent):
        raise DesignError(
            "The design has no weight. Supply tk.Design(weight='...'), or declare that there is none: "
            "tk.Design.none()."
        )
    for column in design.columns:
        require_known("The design names an absent column", column, columns, error=DesignError)


def _describe_columns(people: pl.DataFrame, design: Design, known: Codebook, ordered: set[str]) -> Codebook:
    left = {*design.columns, *(why(name) for name in people.columns)}
    entries = [
        _describe_column(column, known, ordered=column.name in ordered)
        for column in people.get_columns()
        if column.name not in left
    ]
    return Codebook.of(*(entry for entry in entries if entry))


def _describe_column(column: pl.Series, known: Codebook, *, ordered: bool) -> Variable | None:
    entry = known.variables.get(column.name)
    if entry and entry.dtype == column.dtype:
        return entry
    return Variable.of_column(column, ordered=ordered)
