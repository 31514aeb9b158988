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

from toolkit.codebook import Reason, why
from toolkit.errors import DatasetError, VariableError
from toolkit.own_columns import UNREAD, OwnColumn, as_number, code_text, own_column
from toolkit.study_rules import PERSON, ROW, Rule, broken, column_rules, date_rules, unit_hint
from toolkit.study_toml import Declaration, FileEntry, OwnVariable, Problem
from toolkit.table_files import Table, open_table

_INDEX = ":row"


@dataclass(frozen=True)
class Request:
    """What is read of one file.

    Attributes
    ----------
    variables
        Name -> declaration and column.
    codes, numbers
        New name -> column, taken as text or as numbers.
    dates
        New name -> column and the form in which text dates are written.
    rules
        What should hold of the rows besides the rules of the variables and dates.
    """

    variables: Mapping[str, tuple[OwnVariable, str]] = field(default_factory=dict)
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
    columns: tuple[OwnColumn, ...] = ()
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
            columns, problems = _own_columns(table, entry, request)
            frame = _collected(
                table, entry.person or declaration.study.person, columns, request, entry.decimal
            )
        digest = _digest(path)
    except DatasetError as error:
        return Rows(pl.DataFrame(), problems=(Problem(f"files.{file}", str(error), ""),))
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        changed = Problem(
            f"files.{file}", f"'{entry.path}' changed while it was read", "Open the study again."
        )
        problems = [*problems, changed]
    found = [*problems, *_broken(entry, frame, columns, request)]
    facts: dict[str, str | int] = {"file": entry.path, "sha256": digest, "rows": frame.height}
    marks = [name for name in frame.columns if name.endswith(UNREAD)]
    return Rows(frame.drop(marks), tuple(columns), tuple(found), facts)


def _opened(path: Path, entry: FileEntry) -> AbstractContextManager[Table]:
    return open_table(path, sheet=entry.sheet, separator=entry.separator, encoding=entry.encoding)


def _own_columns(table: Table, entry: FileEntry, request: Request) -> tuple[list[OwnColumn], list[Problem]]:
    columns, problems = [], []
    for name, (declared, column) in request.variables.items():
        try:
            columns.append(own_column(name, declared, entry, table, column))
        except VariableError as error:
            problems.append(Problem(f"variables.{name}", str(error), ""))
    return columns, problems


def _collected(
    table: Table, person: str, columns: Iterable[OwnColumn], request: Request, decimal: str
) -> pl.DataFrame:
    schema = table.frame.collect_schema()
    wanted = [
        pl.col(_INDEX).cast(pl.Int64).alias(ROW),
        code_text(person, table).alias(PERSON),
        *(expression for column in columns for expression in column.expressions(table)),
        *(code_text(column, table).alias(name) for name, column in request.codes.items()),
    ]
    for name, column in request.numbers.items():
        value = as_number(column, schema[column], decimal)
        wanted += [
            value.alias(name),
            (_filled(column, schema[column]) & value.is_null()).alias(name + UNREAD),
        ]
    for name, (column, form) in request.dates.items():
        value = _as_date(column, schema[column], form)
        wanted += [
            value.alias(name),
            (_filled(column, schema[column]) & value.is_null()).alias(name + UNREAD),
        ]
    return table.frame.with_row_index(_INDEX, 1).select(wanted).collect(engine="streaming")


def _filled(column: str, dtype: pl.DataType) -> pl.Expr:
    """Tell whether a cell holds anything; not-a-number counts, blanks do not."""
    cell = pl.col(column)
    return (
        cell.is_not_null() & (cell.str.strip_chars() != "")
        if isinstance(dtype, pl.String)
        else cell.is_not_null()
    )


def _as_date(column: str, dtype: pl.DataType, form: str) -> pl.Expr:
    if isinstance(dtype, pl.String):
        return pl.col(column).str.strip_chars().str.to_date(form, strict=False)
    return pl.col(column).cast(pl.Date, strict=False)


def _broken(
    entry: FileEntry, frame: pl.DataFrame, columns: Iterable[OwnColumn], request: Request
) -> Iterable[Problem]:
    rules = list(request.rules)
    for column in columns:
        declared, _ = request.variables[column.variable.name]
        rules += column_rules(column, declared.range)
    for name in request.dates:
        rules += date_rules(name)
    yield from broken(entry.path, frame, rules)
    for column in columns:
        hint = (
            unit_hint(column.variable, frame[column.variable.name])
            if column.variable.kind == "number"
            else ""
        )
        if hint:
            yield Problem(entry.path, f"most values of '{column.variable.name}' are impossible", hint)


def absent_as(people: pl.DataFrame, columns: Iterable[OwnColumn], reason: str) -> pl.DataFrame:
    """Give the reason for people who have no row in a file, after they were joined to it."""
    names = [column.variable.name for column in columns]
    return people.with_columns(
        pl.when(pl.col(name).is_null())
        .then(pl.col(why(name)).fill_null(pl.lit(reason, Reason)))
        .alias(why(name))
        for name in names
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
