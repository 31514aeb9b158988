"""Build a study from a user's data frame (polars, pandas, pyarrow, DuckDB, or any that narwhals knows).

Without a codebook nothing is matched by name: text is nominal, categories keep their list and declared order,
true/false and 0/1 are yes/no, other numbers are continuous.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toolkit.disclosure import SMALLEST_CELL
from toolkit.errors import DatasetError, DesignError, VariableError, require_known, unknown
from toolkit.sources.harmonize.units import other_units, plausible
from toolkit.sources.user.declaration import known_variables
from toolkit.studies import Design, Study
from toolkit.variables import MOST_LEVELS, REASONS, Codebook, Reason, Variable, sorted_levels, why

if TYPE_CHECKING:
    from toolkit.sources.frame_categories import Categories

TOOLKIT = "toolkit"
ZERO_OF_SAS = 16.0**-65  # what pandas' reader of transport files makes of 0
_NO = ("no", "false", "0", "0.0")
_YES = ("yes", "true", "1", "1.0")


def own_population(
    frame: Any, design: Design, name: str, codebook: Codebook | str | None, smallest_cell: int = SMALLEST_CELL
) -> Study:
    """Make a study of a frame: NaN becomes null, text becomes levels, design columns are checked."""
    require_codebook(codebook)
    people, declared = _read_frame(frame)
    people = with_float_types(people)
    entries = codebook.variables if isinstance(codebook, Codebook) else {}
    people = _with_changed(
        people, (strip_blanks(people[name]) for name in people.columns if name not in entries)
    )
    check_design(design, people.columns)
    people = _with_changed(people, (people[name].cast(Reason) for name in _reason_columns(people)))
    if codebook == TOOLKIT:
        people = _match_codebook(people, design)
    people = _with_changed(people, map(with_levels, people))
    if isinstance(codebook, Codebook):
        return Study(name, name, people, design, codebook, smallest_cell=smallest_cell)
    ordered = {name for name, own in declared.items() if own.ordered}
    entries = _describe_columns(
        people, design, known_variables() if codebook == TOOLKIT else Codebook(), ordered
    )
    return Study(name, name, people, design, entries, smallest_cell=smallest_cell)


def require_codebook(codebook: Codebook | str | None) -> None:
    """Raise for the name of a codebook that does not exist."""
    if isinstance(codebook, str) and codebook != TOOLKIT:
        raise DatasetError(
            unknown("Unknown codebook", codebook, [TOOLKIT], "Use codebook='toolkit' or a tk.Codebook")
        )


def _read_frame(frame: Any) -> "tuple[pl.DataFrame, dict[str, Categories]]":
    """Read a frame, a lazy one once, with its categories as Enums, and their declared lists and orders."""
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
        # The libraries quote the value that they could not read, so their messages are not passed on.
        raise DatasetError(_explain_unreadable(frame, error)) from None
    if not people.height:
        raise DatasetError("The frame has 0 rows. Check how it was read or filtered.")
    declared = {name: own for name, own in declared.items() if own.ordered or len(own.levels) <= MOST_LEVELS}
    return as_declared(_copy_frame(people), declared), declared


def _with_changed(people: pl.DataFrame, columns: Iterable[pl.Series | None]) -> pl.DataFrame:
    """Replace the columns that changed; one that did not is None."""
    changed = [column for column in columns if column is not None]
    return people.with_columns(changed) if changed else people


def _copy_frame(people: pl.DataFrame) -> pl.DataFrame:
    """Copy a frame that may share memory with one of pandas, numpy or pyarrow, which can change later."""
    plain = people.select(pl.exclude(pl.Object))
    copied = plain[np.arange(people.height)]
    return copied if copied.width == people.width else people.with_columns(copied)


def _explain_unreadable(frame: Any, error: Exception) -> str:
    named = list(map(str, getattr(frame, "columns", ())))
    if twice := sorted({name for name in named if named.count(name) > 1}):
        count = named.count(twice[0])
        return f"The frame has the column '{twice[0]}' {count} times. Give each column a unique name."
    if hasattr(frame, "columns") and type(error).__module__.startswith("pyarrow"):
        mixed = next((name for name in frame.columns if not _has_one_type(frame[name])), None)
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
    except (TypeError, ValueError, NotImplementedError):
        return False
    return True


def with_float_types(people: pl.DataFrame) -> pl.DataFrame:
    """Read decimals as floats, NaN as missing, and as 0 what pandas makes of it in SAS files."""
    decimals = [name for name, dtype in people.schema.items() if dtype.is_decimal()]
    people = people.with_columns(pl.col(decimals).cast(pl.Float64)) if decimals else people
    floats = pl.col([name for name, dtype in people.schema.items() if dtype.is_float()])
    known = floats.fill_nan(None)
    return people.with_columns(pl.when(known == ZERO_OF_SAS).then(0.0).otherwise(known).name.keep())


def strip_blanks(column: pl.Series) -> pl.Series | None:
    """Strip blanks around text, and read blank text as missing, as in a file; None where nothing changes."""
    if isinstance(column.dtype, pl.Enum):
        levels = list(dict.fromkeys(level.strip() for level in column.dtype.categories))
        if levels == column.dtype.categories.to_list() and "" not in levels:
            return None
        tidy = column.cast(pl.String).str.strip_chars().replace("", None)
        return tidy.cast(pl.Enum([level for level in levels if level]))
    if not isinstance(column.dtype, pl.String | pl.Categorical):
        return None
    texts = column.unique().cast(pl.String)
    if isinstance(column.dtype, pl.String) and _tidy(texts).equals(texts):
        return None
    return _tidy(column.cast(pl.String))


def _tidy(texts: pl.Series) -> pl.Series:
    return texts.str.strip_chars().replace("", None)


def _reason_columns(people: pl.DataFrame) -> Iterable[str]:
    """Find the columns with the reasons for missing values of others, as `study.people` has them."""
    for name in people.columns:
        if why(name) in people.columns and are_reasons(people[why(name)]):
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


def with_levels(column: pl.Series) -> pl.Series | None:
    """Give text its levels, unless they are too many; None where nothing changes."""
    if not isinstance(column.dtype, pl.String | pl.Categorical):
        return None
    levels = sorted_levels(column.cast(pl.String).unique().drop_nulls())
    return None if len(levels) > MOST_LEVELS else column.cast(pl.String).cast(pl.Enum(levels))


def check_design(design: Design, columns: Sequence[str]) -> None:
    """Raise unless a design is declared and names columns that exist."""
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
        _describe_column(people[name], known, ordered=name in ordered)
        for name in people.columns
        if name not in left
    ]
    return Codebook.of(*(entry for entry in entries if entry))


def _describe_column(column: pl.Series, known: Codebook, *, ordered: bool) -> Variable | None:
    entry = known.variables.get(column.name)
    if entry and entry.dtype == column.dtype:
        return entry
    return Variable.of_column(column, ordered=ordered)
