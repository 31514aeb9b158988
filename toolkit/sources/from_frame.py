"""Read a frame of the user's own, so that it can be a study.

Takes a frame of polars, pandas, pyarrow or DuckDB, or any that narwhals knows, and a design; gives a
`Study`. Without a codebook nothing is matched by name: text has levels without an order, categories keep
their list and the order that they declare, true/false and 0/1 are yes/no, other numbers are continuous.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import polars as pl

from toolkit.errors import DatasetError, DesignError, VariableError, unknown
from toolkit.sources.harmonize.units import fitting_units, plausible
from toolkit.sources.user.declaration import known_variables
from toolkit.studies.design import Design
from toolkit.studies.study import Study
from toolkit.variables.codebook import MOST_LEVELS, REASONS, Codebook, Reason, Variable, why
from toolkit.variables.level_order import sorted_levels

if TYPE_CHECKING:
    from toolkit.sources.frame_categories import Categories

TOOLKIT = "toolkit"
_ZERO_OF_SAS = 16.0**-65  # what pandas' reader of transport files makes of 0
_NO = ("no", "false", "0", "0.0")
_YES = ("yes", "true", "1", "1.0")


def own_population(frame: Any, design: Design, name: str, codebook: Codebook | str | None) -> Study:
    """Make a population of a frame: NaN becomes null, text becomes levels, the design's columns are checked.

    Raises
    ------
    DatasetError
        If the frame is empty or no frame, or the codebook is none.
    DesignError
        If no design is declared or it names a column that is not there.
    VariableError
        If a column that is matched to the codebook by its name is not what the codebook says.
    """
    if isinstance(codebook, str) and codebook != TOOLKIT:
        raise DatasetError(
            unknown(
                "there is no codebook", codebook, [TOOLKIT], "Write codebook='toolkit', or give a tk.Codebook"
            )
        )
    people, declared = _read(frame)
    people = _plain_types(people)
    entries = codebook.variables if isinstance(codebook, Codebook) else {}
    people = people.with_columns(_tidy(people[name]) for name in people.columns if name not in entries)
    _check_design(design, people)
    people = people.with_columns(people[name].cast(Reason) for name in _reasons(people))
    if codebook == TOOLKIT:
        people = _matched(people, design)
    people = people.with_columns(_with_levels(people[name]) for name in people.columns)
    if isinstance(codebook, Codebook):
        return Study(name, name, people, design, codebook)
    ordered = {name for name, own in declared.items() if own.ordered}
    entries = _described(people, design, known_variables() if codebook == TOOLKIT else Codebook(), ordered)
    return Study(name, name, people, design, entries)


def as_polars(frame: Any) -> pl.DataFrame:
    """Read a frame of any library as polars; one that answers lazily is asked once, for all of its rows.

    Raises
    ------
    DatasetError
        If it is no frame, holds nobody, or a column of it holds values of several types.

    Examples
    --------
    >>> import pandas
    >>> as_polars(pandas.DataFrame({"age": [40, 41]})).shape
    (2, 1)
    """
    return _read(frame)[0]


def _read(frame: Any) -> "tuple[pl.DataFrame, dict[str, Categories]]":
    """Read a frame, its categories as Enums of their list, with what it declares of them."""
    import narwhals as nw

    from toolkit.sources.frame_categories import as_declared, declared_categories, with_text_categories

    declared = {}
    try:
        known = nw.from_native(with_text_categories(frame), pass_through=True)
        if isinstance(known, nw.DataFrame | nw.LazyFrame):
            declared = declared_categories(known)
        if isinstance(known, nw.LazyFrame):
            known = known.collect("polars")
        people = known.to_polars() if isinstance(known, nw.DataFrame) else pl.DataFrame(frame)
    except (TypeError, ValueError, NotImplementedError) as error:
        # The libraries quote the value that they could not read: their words are not passed on.
        raise DatasetError(_no_frame(frame, error)) from None
    if not people.height:
        raise DatasetError("the frame holds no person: 0 rows. Check how it was read or filtered.")
    declared = {name: own for name, own in declared.items() if own.ordered or len(own.levels) <= MOST_LEVELS}
    return as_declared(_of_its_own(people), declared), declared


def _of_its_own(people: pl.DataFrame) -> pl.DataFrame:
    """Copy a frame that may share memory with one of pandas, numpy or pyarrow, which can change later."""
    plain = people.select(pl.exclude(pl.Object))
    written = plain.write_ipc(None)
    written.seek(0)
    copied = pl.read_ipc(written)
    return people.with_columns(copied[name] for name in copied.columns)


def _no_frame(frame: Any, error: Exception) -> str:
    named = list(map(str, getattr(frame, "columns", ())))
    if twice := sorted({name for name in named if named.count(name) > 1}):
        count = named.count(twice[0])
        return f"the frame has the column '{twice[0]}' {count} times. Give each a name of its own."
    if hasattr(frame, "columns") and type(error).__module__.startswith("pyarrow"):
        mixed = next((name for name in frame.columns if not _is_of_one_type(frame[name])), None)
        told = "a column of the frame" if mixed is None else f"the column '{mixed}'"
        return (
            f"{told} holds values of several types, or of a type that is not read here. Make each column one "
            f"type, such as frame['{'column' if mixed is None else mixed}'].astype(str)."
        )
    return (
        f"a study is made of a frame with one row a person, not of {type(frame).__name__}. "
        f"Try tk.study(pl.DataFrame(...), design=...)."
    )


def _is_of_one_type(column: Any) -> bool:
    import narwhals as nw

    try:
        nw.from_native(column, series_only=True).to_polars()
    except (TypeError, ValueError, NotImplementedError):
        return False
    return True


def _plain_types(people: pl.DataFrame) -> pl.DataFrame:
    decimals = [name for name, dtype in people.schema.items() if dtype.is_decimal()]
    people = people.with_columns(pl.col(decimals).cast(pl.Float64))
    floats = pl.col([name for name, dtype in people.schema.items() if dtype.is_float()])
    known = floats.fill_nan(None)
    return people.with_columns(pl.when(known == _ZERO_OF_SAS).then(0.0).otherwise(known).name.keep())


def _tidy(column: pl.Series) -> pl.Series:
    """Take blanks around a text as not written, and a text of blanks alone as missing, as in a file."""
    if isinstance(column.dtype, pl.Enum):
        levels = list(dict.fromkeys(level.strip() for level in column.dtype.categories))
        if levels == column.dtype.categories.to_list() and "" not in levels:
            return column
        tidy = column.cast(pl.String).str.strip_chars().replace("", None)
        return tidy.cast(pl.Enum([level for level in levels if level]))
    if not isinstance(column.dtype, pl.String | pl.Categorical):
        return column
    return column.cast(pl.String).str.strip_chars().replace("", None)


def _reasons(people: pl.DataFrame) -> Iterable[str]:
    """Find the columns that say why values of others are missing, as `study.people` has them."""
    for name in people.columns:
        if why(name) in people.columns:
            words = people[why(name)]
            if words.dtype == pl.Null or set(words.drop_nulls().cast(pl.String).unique()) <= set(REASONS):
                yield why(name)


def _matched(people: pl.DataFrame, design: Design) -> pl.DataFrame:
    taken = set(design.columns)
    known = known_variables()
    columns = [name for name in people.columns if name in known and name not in taken]
    return people.with_columns(_as_known(people[name], known[name]) for name in columns)


def _as_known(column: pl.Series, variable: Variable) -> pl.Series:
    if variable.kind == "number":
        return _as_number(column, variable)
    if not variable.levels:
        return column.cast(pl.String)
    words = {level.lower(): level for level in variable.levels}
    if variable.kind == "yes_no":
        words |= dict.fromkeys(_NO, "no") | dict.fromkeys(_YES, "yes")
    text = column.cast(pl.String).str.strip_chars().str.to_lowercase()
    found = text.replace_strict(words, default=None, return_dtype=variable.dtype).alias(column.name)
    strange = found.null_count() - column.null_count()
    if strange:
        raise VariableError(
            f"'{column.name}' holds {strange:,} values that are no level of the codebook's variable of that "
            f"name ({', '.join(variable.levels)}). Recode them, or {_renamed(column.name)}"
        )
    return found


def _as_number(column: pl.Series, variable: Variable) -> pl.Series:
    if not column.dtype.is_numeric() and column.dtype != pl.Null:
        raise VariableError(
            f"'{column.name}' is of type {column.dtype}, and the codebook's variable of that name is a "
            f"number. Cast it, or {_renamed(column.name)}"
        )
    values = column.cast(pl.Float64)
    ends = plausible(column.name)
    outside = 0 if ends is None else int((~values.is_between(*ends)).sum())
    if ends and outside:
        raise VariableError(
            f"'{column.name}' has {outside:,} values outside of {ends[0]:g} to {ends[1]:g} {variable.unit}, "
            f"in which the codebook's variable of that name is. {_in_units(values, variable)}"
        )
    return values


def _in_units(values: pl.Series, variable: Variable) -> str:
    low, high = (float(values.quantile(share) or 0) for share in (0.05, 0.95))
    units = [u for u in fitting_units(variable.name, variable.unit, low, high) if u != variable.unit]
    if not units:
        return f"Mend them, make them null, or {_renamed(variable.name)}"
    way = f"toolkit.sources.harmonize.units.conversion('{units[0]}', '{variable.unit}', '{variable.name}')"
    return (
        f"Are they in {' or '.join(units)}? Convert them first: "
        f"frame.with_columns({way}.expression(pl.col('{variable.name}')))."
    )


def _renamed(name: str) -> str:
    return f"give the column another name: frame.rename({{'{name}': 'my_{name}'}})."


def _with_levels(column: pl.Series) -> pl.Series:
    if not isinstance(column.dtype, pl.String | pl.Categorical):
        return column
    levels = sorted_levels(column.cast(pl.String).unique().drop_nulls())
    return column if len(levels) > MOST_LEVELS else column.cast(pl.String).cast(pl.Enum(levels))


def _check_design(design: Design, people: pl.DataFrame) -> None:
    if not (design.weight or design.fpcs or design.declared_absent):
        raise DesignError(
            "the design has no weight. Name it, tk.Design(weight='...'), or declare that there is none: "
            "tk.Design.none()."
        )
    for column in design.columns:
        if column not in people.columns:
            raise DesignError(unknown("the design names a column that is not there,", column, people.columns))


def _described(people: pl.DataFrame, design: Design, known: Codebook, ordered: set[str]) -> Codebook:
    left = {*design.columns, *(why(name) for name in people.columns)}
    entries = [
        _entry(people[name], known, ordered=name in ordered) for name in people.columns if name not in left
    ]
    return Codebook.of(*(entry for entry in entries if entry))


def _entry(column: pl.Series, known: Codebook, *, ordered: bool) -> Variable | None:
    entry = known.variables.get(column.name)
    if entry and entry.dtype == column.dtype:
        return entry
    return Variable.of_column(column, ordered=ordered)
