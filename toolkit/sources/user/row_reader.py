"""Read what a study needs of one of its files, in a stream, and check every row of it.

Takes a declaration and a `Request`; gives `Rows`: the columns asked for under new names, with the problems
and facts of the file. Columns that are not asked for are never read.
"""

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError, VariableError
from toolkit.sources.catalog_records import OwnVariable
from toolkit.sources.harmonize.recode import (
    UNREAD,
    is_filled,
    parse_numbers,
    read_codes,
    read_dates,
    read_numbers,
)
from toolkit.sources.user.declaration import Declaration, FileEntry, Problem
from toolkit.sources.user.file_columns import FileColumn, file_column, read_input
from toolkit.sources.user.row_checks import (
    PERSON,
    Rule,
    check_rows,
    column_rules,
    date_rules,
    number_rule,
    unit_hint,
)
from toolkit.sources.user.row_widths import LONG, ROW, uneven_rows
from toolkit.sources.user.tabular_files import Table, open_table
from toolkit.variables.codebook import Reason, why

_BLANK = "blank row"
_TOO_LONG = "Values have moved to the wrong columns. Put quotes around text that contains the separator."
_TOO_SHORT = "The missing cells count as blank. Check that the file is complete."


@dataclass(frozen=True)
class Request:
    """What is read of one file.

    Attributes
    ----------
    variables
        Name -> declaration and column.
    inputs
        New name -> column that only formulas read, and the form of its dates; "" if it holds no dates.
    codes, numbers
        New name -> column, taken as text or as numbers.
    dates
        New name -> column and the form in which text dates are written.
    rules
        What should hold of the rows besides the rules of the variables and dates.
    """

    variables: Mapping[str, tuple[OwnVariable, str]] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Rows:
    """What was read of one file.

    Attributes
    ----------
    frame
        `row`, `person`, and the columns asked for; with each variable its reasons.
    columns
        The variables that could be read.
    problems
        What is wrong with the file.
    facts
        File name, SHA-256 and number of rows.
    """

    frame: pl.DataFrame
    columns: tuple[FileColumn, ...] = ()
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)


def column_names(declaration: Declaration) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """List the columns of each file of a study that can be opened, and tell why others cannot."""
    names: dict[str, tuple[str, ...]] = {}
    problems = []
    for file, path in declaration.paths.items():
        try:
            with _opened(path, declaration.study.files[file]) as table:
                names[file] = table.columns
        except DatasetError as error:
            problems.append(Problem(f"files.{file}", str(error), ""))
    return names, problems


def read_rows(declaration: Declaration, file: str, request: Request) -> Rows:
    """Read and check the columns that a request names.

    Parameters
    ----------
    declaration
        The study; the file's columns are known to be there.
    file
        Its name there.
    request
        What to read.

    Returns
    -------
    Rows
        With no person's value in its problems.
    """
    entry, path = declaration.study.files[file], declaration.paths[file]
    before = path.stat()
    try:
        with _opened(path, entry) as table:
            columns, problems = _declared_columns(table, entry, request)
            problems += _uneven(table, entry)
            frame = _collected(table, entry, entry.person or declaration.study.person, columns, request)
        digest = _digest(path)
    except DatasetError as error:
        return Rows(pl.DataFrame(), problems=(Problem(f"files.{file}", str(error), ""),))
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        changed = Problem(
            f"files.{file}", f"'{entry.path}' changed while it was read", "Open the study again."
        )
        problems = [*problems, changed]
    frame, doubtful = _with_numbers(frame, request, entry.decimal)
    found = [*problems, *_size(entry, frame), *_broken(entry, frame, columns, request, doubtful)]
    facts: dict[str, str | int] = {
        "file": entry.path,
        "sha256": digest,
        "rows": _without_blanks(frame).height,
    }
    marks = [name for name in frame.columns if name.endswith(UNREAD)]
    return Rows(_without_blanks(frame).drop(marks), tuple(columns), tuple(found), facts)


def _opened(path: Path, entry: FileEntry) -> AbstractContextManager[Table]:
    return open_table(path, sheet=entry.sheet, separator=entry.separator, encoding=entry.encoding)


def _uneven(table: Table, entry: FileEntry) -> list[Problem]:
    if table.text is None:
        return []
    rules = (
        Rule("more columns than the heading", ~pl.col(LONG), _TOO_LONG),
        Rule("fewer columns than the heading", pl.col(LONG), _TOO_SHORT, note=True),
    )
    return check_rows(entry.path, uneven_rows(*table.text), rules)


def _declared_columns(
    table: Table, entry: FileEntry, request: Request
) -> tuple[list[FileColumn], list[Problem]]:
    columns, problems = [], []
    for name, (declared, column) in request.variables.items():
        try:
            columns.append(file_column(name, declared, entry, table, column))
        except VariableError as error:
            problems.append(Problem(f"variables.{name}", str(error), ""))
    return columns, problems


def _collected(
    table: Table, entry: FileEntry, person: str, columns: Iterable[FileColumn], request: Request
) -> pl.DataFrame:
    schema = table.frame.collect_schema()
    wanted = [
        pl.col(ROW).cast(pl.Int64),
        read_codes(person, schema).alias(PERSON),
        *(expression for column in columns for expression in column.expressions(schema)),
        *(read_codes(column, schema).alias(name) for name, column in request.codes.items()),
    ]
    for name, (column, form) in request.inputs.items():
        wanted += read_input(name, column, form, table, entry)
    for name, column in request.numbers.items():
        wanted += _with_mark(name, column, schema, read_numbers(column, schema, entry.decimal))
    for name, (column, form) in request.dates.items():
        wanted += _with_mark(name, column, schema, read_dates(column, schema, form))
    return table.frame.with_row_index(ROW, 1).select(wanted).collect(engine="streaming")


def _with_mark(name: str, column: str, schema: pl.Schema, value: pl.Expr) -> list[pl.Expr]:
    unread = is_filled(column, schema) & value.is_null()
    return [value.alias(name), unread.alias(name + UNREAD)]


def _with_numbers(frame: pl.DataFrame, request: Request, decimal: str) -> tuple[pl.DataFrame, list[str]]:
    """Take inputs of formulas that are mostly numbers for numbers; name those that are not wholly so."""
    doubtful = []
    for name, (_, form) in request.inputs.items():
        column = frame[name]
        if form or not column.count():
            continue
        numbers = pl.select(parse_numbers(pl.lit(column), decimal).alias(name)).to_series()
        if 2 * numbers.count() >= column.count():
            unread = (numbers.is_null() & column.is_not_null()).alias(name + UNREAD)
            frame = frame.with_columns(numbers, unread)
            doubtful += [name]
    return frame, doubtful


def _size(entry: FileEntry, frame: pl.DataFrame) -> Iterable[Problem]:
    if frame.is_empty():
        yield Problem(entry.path, "has no row below its heading", "Check how the file was written.")
    blank = frame.select(ROW, blank=~_is_blank(frame))
    rule = Rule(_BLANK, pl.col("blank"), "Blank rows are excluded.", note=True)
    yield from check_rows(entry.path, blank, [rule])


def _is_blank(frame: pl.DataFrame) -> pl.Expr:
    """Tell rows that hold nothing of what was read, such as those that a spreadsheet leaves at the end."""
    read = [name for name in frame.columns if name != ROW and not name.endswith((UNREAD, why("")))]
    marks = [name for name in frame.columns if name.endswith(UNREAD)]
    nothing = pl.all_horizontal(pl.col(name).is_null() for name in read)
    return nothing & ~pl.any_horizontal(pl.lit(value=False), *marks)


def _without_blanks(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(~_is_blank(frame))


def _broken(
    entry: FileEntry,
    frame: pl.DataFrame,
    columns: Iterable[FileColumn],
    request: Request,
    doubtful: Iterable[str],
) -> Iterable[Problem]:
    frame = _without_blanks(frame)
    rules = list(request.rules)
    for column in columns:
        declared, _ = request.variables[column.variable.name]
        rules += column_rules(column, declared.range)
    rules += [number_rule(name, request.inputs[name][0]) for name in doubtful]
    inputs = {name: told for name, told in request.inputs.items() if told[1]}
    for name, (source, _) in {**inputs, **request.dates}.items():
        rules += date_rules(name, source)
    yield from check_rows(entry.path, frame, rules)
    for column in columns:
        hint = (
            unit_hint(column.variable, frame[column.variable.name])
            if column.variable.kind == "number"
            else ""
        )
        if hint:
            yield Problem(entry.path, f"most values of '{column.variable.name}' are impossible", hint)


def absent_as(people: pl.DataFrame, names: Iterable[str], reason: str) -> pl.DataFrame:
    """Give the reason for people who have no row in a file, after they were joined to it."""
    return people.with_columns(
        pl.when(pl.col(name).is_null())
        .then(pl.col(why(name)).fill_null(pl.lit(reason, Reason)))
        .alias(why(name))
        for name in names
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
