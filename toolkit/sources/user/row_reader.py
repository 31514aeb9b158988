"""Read the columns that a study needs of one of its files, in a stream, and check every row."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import polars as pl

from toolkit.errors import DatasetError, VariableError
from toolkit.files.cache import sha256_of
from toolkit.sources.catalog_records import OwnVariable
from toolkit.sources.harmonize.raw_values import (
    UNREAD,
    is_filled,
    parse_numbers,
    read_cell,
    read_dates,
    read_groups,
    read_numbers,
)
from toolkit.sources.harmonize.spellings import LOOK_ALIKE, count_look_alikes, unify_codes
from toolkit.sources.user.declaration import Declaration, FileEntry, Problem
from toolkit.sources.user.file_columns import FileColumn, file_column, read_input
from toolkit.sources.user.row_checks import (
    LONG,
    PERSON,
    ROW,
    Rule,
    check_rows,
    column_rules,
    date_rules,
    number_rule,
    uneven_rows,
    unit_hint,
)
from toolkit.sources.user.tabular_files import Table, open_table
from toolkit.variables import Reason, why

_IN_MEMORY = 1 << 28  # bytes of a file up to which it is not read in a stream


@dataclass(frozen=True)
class Request:
    """What to read of one file, under new names, and the rules that its rows have to meet."""

    variables: Mapping[str, tuple[OwnVariable, str]] = field(default_factory=dict)  # declaration and column
    inputs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # column and format
    alike: tuple[str, ...] = ()  # columns of codes whose spellings are made one
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class FileRows:
    """The requested columns with row number, person and reasons; problems; name, hash and row count."""

    frame: pl.DataFrame
    columns: tuple[FileColumn, ...] = ()
    problems: tuple[Problem, ...] = ()
    facts: Mapping[str, str | int] = field(default_factory=dict)


def column_names(declaration: Declaration) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """List the columns of each file that can be opened, and the problems of the others."""
    names: dict[str, tuple[str, ...]] = {}
    problems = []
    for file, path in declaration.paths.items():
        try:
            with _open(path, declaration.study.files[file]) as table:
                names[file] = table.columns
        except DatasetError as error:
            problems.append(Problem(f"files.{file}", str(error), ""))
    return names, problems


def read_rows(declaration: Declaration, file: str, request: Request) -> FileRows:
    """Read and check the requested columns, which the file is known to have."""
    entry, path = declaration.study.files[file], declaration.paths[file]
    before = path.stat()
    try:
        with _open(path, entry) as opened:
            scan, spellings = unify_codes(
                opened.frame, request.alike, declaration.study.disclosure.smallest_cell
            )
            table = replace(opened, frame=scan)
            columns, problems = _declared_columns(table, entry, request)
            problems += [Problem(entry.path, str(each), "", each.n, note=True) for each in spellings]
            problems += _check_characters(table, entry, columns)
            problems += _check_widths(table, entry)
            person = entry.person or declaration.study.person
            frame = _collect(table, entry, columns, request, person=person, size=before.st_size)
        digest = sha256_of(path)
    except DatasetError as error:
        return FileRows(pl.DataFrame(), problems=(Problem(f"files.{file}", str(error), ""),))
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        finding = f"'{entry.path}' changed while it was read"
        problems.append(Problem(f"files.{file}", finding, "Open the study again."))
    frame, doubtful = _with_numbers(frame, request, entry)
    filled = frame.filter(~_is_blank(frame))
    problems += _check_size(entry, frame)
    problems += _check_values(entry, filled, columns, request, doubtful)
    facts: dict[str, str | int] = {"file": entry.path, "sha256": digest, "rows": filled.height}
    marks = [name for name in frame.columns if name.endswith(UNREAD)]
    return FileRows(filled.drop(marks), tuple(columns), tuple(problems), facts)


def absent_as(people: pl.DataFrame, names: Iterable[str], reason: str) -> pl.DataFrame:
    """Fill in the reason for people who have no row in a file, after they were joined to it."""
    return people.with_columns(
        pl.when(pl.col(name).is_null())
        .then(pl.col(why(name)).fill_null(pl.lit(reason, Reason)))
        .alias(why(name))
        for name in names
    )


def _open(path: Path, entry: FileEntry) -> AbstractContextManager[Table]:
    return open_table(path, sheet=entry.sheet, separator=entry.separator, encoding=entry.encoding)


def _check_characters(table: Table, entry: FileEntry, columns: Iterable[FileColumn]) -> list[Problem]:
    schema = table.frame.collect_schema()
    texts = [c.column for c in columns if c.variable.levels and isinstance(schema[c.column], pl.String)]
    found = count_look_alikes(table.frame, texts)
    return [Problem(entry.path, LOOK_ALIKE.format(name), "", n, note=True) for name, n in found.items()]


def _check_widths(table: Table, entry: FileEntry) -> list[Problem]:
    if table.text is None:
        return []
    rules = (
        Rule(
            "The row has more columns than the heading",
            ~pl.col(LONG),
            "Values have moved to the wrong columns. Put quotes around text that contains the separator.",
        ),
        Rule(
            "The row has fewer columns than the heading",
            pl.col(LONG),
            "The missing cells count as blank. Check that the file is complete.",
            note=True,
        ),
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


def _collect(
    table: Table, entry: FileEntry, columns: Iterable[FileColumn], request: Request, *, person: str, size: int
) -> pl.DataFrame:
    schema = table.frame.collect_schema()
    wanted = [
        pl.col(ROW).cast(pl.Int64),
        read_groups(person, schema, entry.keep).alias(PERSON),
        *(expression for column in columns for expression in column.expressions(schema)),
        *(read_groups(column, schema, entry.keep).alias(name) for name, column in request.codes.items()),
    ]
    for name, (column, date_format) in request.inputs.items():
        wanted += read_input(name, column, date_format, table, entry)
    for name, column in request.numbers.items():
        number = read_numbers(column, schema, entry.decimal, entry.thousands)
        wanted += _with_mark(name, number, is_filled(column, schema))
    for name, (column, date_format) in request.dates.items():
        there = read_cell(column, schema[column]).is_not_null()
        wanted += _with_mark(name, read_dates(column, schema, date_format), there)
    # In a stream the time grows with the square of the number of columns.
    engine: Literal["in-memory", "streaming"] = "in-memory" if size < _IN_MEMORY else "streaming"
    return table.frame.with_row_index(ROW, 1).select(wanted).collect(engine=engine)


def _with_mark(name: str, value: pl.Expr, there: pl.Expr) -> list[pl.Expr]:
    return [value.alias(name), (there & value.is_null()).alias(name + UNREAD)]


def _with_numbers(frame: pl.DataFrame, request: Request, entry: FileEntry) -> tuple[pl.DataFrame, list[str]]:
    """Read inputs of expressions as numbers where most entries are; name those that have others too."""
    doubtful = []
    for name, (_, date_format) in request.inputs.items():
        column = frame[name]
        if date_format or not column.count():
            continue
        parsed = parse_numbers(pl.col(name), entry.decimal, entry.thousands)
        numbers = frame.select(parsed.alias(name)).to_series()
        if 2 * numbers.count() >= column.count():
            unread = (numbers.is_null() & column.is_not_null()).alias(name + UNREAD)
            frame = frame.with_columns(numbers, unread)
            doubtful += [name]
    return frame, doubtful


def _check_size(entry: FileEntry, frame: pl.DataFrame) -> Iterator[Problem]:
    if frame.is_empty():
        yield Problem(entry.path, "The file has no row below its heading", "Check how it was written.")
    blank = frame.select(ROW, blank=~_is_blank(frame))
    rule = Rule("The row is blank", pl.col("blank"), "Blank rows are excluded.", note=True)
    yield from check_rows(entry.path, blank, [rule])


def _is_blank(frame: pl.DataFrame) -> pl.Expr:
    """Mark rows without any of the entries that were read, such as those at the end of a spreadsheet."""
    read = [name for name in frame.columns if name != ROW and not name.endswith((UNREAD, why("")))]
    marks = [name for name in frame.columns if name.endswith(UNREAD)]
    nothing = pl.all_horizontal(pl.col(name).is_null() for name in read)
    return nothing & ~pl.any_horizontal(pl.lit(value=False), *marks)


def _check_values(
    entry: FileEntry,
    frame: pl.DataFrame,
    columns: Iterable[FileColumn],
    request: Request,
    doubtful: Iterable[str],
) -> Iterator[Problem]:
    rules = list(request.rules)
    for column in columns:
        rules += column_rules(column, request.variables[column.variable.name][0].range)
    rules += [number_rule(name, request.inputs[name][0]) for name in doubtful]
    dates = {name: source for name, source in request.inputs.items() if source[1]} | {**request.dates}
    for name, (source, _) in dates.items():
        rules += date_rules(name, source)
    yield from check_rows(entry.path, frame, rules)
    for column in columns:
        variable = column.variable
        if variable.kind == "number" and (hint := unit_hint(variable, frame[variable.name])):
            yield Problem(entry.path, f"Most values of '{variable.name}' are implausible", hint)
