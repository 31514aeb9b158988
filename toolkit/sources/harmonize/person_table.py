"""Join a survey's tables to one row per person, under the codebook's names, with why each value is missing.

Takes a catalogue (where each variable is, what its codes mean) and files; gives a frame.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError, unknown
from toolkit.files.table_cache import read_table
from toolkit.files.transport import read_transport
from toolkit.sources.catalog import Catalogue
from toolkit.sources.catalog_records import Beside, Input, Measured
from toolkit.sources.harmonize.multirow import VALUE, WHY, columns_of, lookup_columns, reduce_rows
from toolkit.variables.codebook import Reason, Variable, why
from toolkit.variables.formulas import formula

PERSON = "person"
HOME_INTERVIEW = "interview"
_STATUS = "\0status"
_PRESENT = "\0present"  # of a table: marks the people who stand in it


@dataclass(frozen=True)
class TableFile:
    """A table's file on this machine: its name there, and the row count that it should have, if known."""

    name: str
    path: Path
    rows: int | None = None


def check_rows(file: TableFile) -> None:
    """Raise a DatasetError unless a file is a whole transport file of the expected row count."""
    _expect_rows(file, read_transport(file.path).select(pl.len()).collect().item())


def join_cycle(
    catalogue: Catalogue,
    cycle: str,
    files: Mapping[str, TableFile],
    variables: Sequence[str],
    keep: Mapping[str, tuple[str, str]],
) -> pl.DataFrame:
    """Join the tables of one cycle to one row per person of its home table.

    Parameters
    ----------
    catalogue
        What is known of the survey.
    cycle
        One of its cycles.
    files
        Table to file; every table that a variable or `keep` needs is there.
    variables
        Codebook names; one that the cycle did not measure is null, "not measured in this cycle".
    keep
        New name -> table and column, for columns that are taken as they are (weights, strata).

    Returns
    -------
    polars.DataFrame
        `person`, `cycle`, the kept columns, and for each variable its values and its reasons.

    Raises
    ------
    DatasetError
        If a file has another row count than it should, lacks a column, names a person twice or one that the
        home table does not know, or holds a code that the catalogue does not know.
    """
    pieces = {name: catalogue.measured(name, cycle) for name in variables}
    measured = [piece for piece in pieces.values() if piece]
    joined = _joined(catalogue, _needed(catalogue, measured, keep), files)
    many = _many(catalogue, measured, files, joined)
    kept = [pl.col(f"{table}.{column}").alias(name) for name, (table, column) in keep.items()]
    people = joined.select(PERSON, _STATUS, pl.lit(cycle).alias("cycle"), *kept, pl.col(r"^.*\..*$"))
    for name, piece in pieces.items():
        if piece is None:
            people = _absent(people, catalogue, name)
        else:
            people = _add(_with_rows(people, name, piece, many), catalogue, name, piece)
    wanted = [column for name in variables for column in (name, why(name))]
    return people.select(PERSON, "cycle", *keep, *wanted)


def _needed(
    catalogue: Catalogue, pieces: Sequence[Measured], keep: Mapping[str, tuple[str, str]]
) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {catalogue.site.home: [catalogue.site.status]}
    for table, column in [*(place for piece in pieces for place in piece.reads), *keep.values()]:
        needed.setdefault(table, []).append(column)
    return {table: list(dict.fromkeys(columns)) for table, columns in needed.items()}


def _many(
    catalogue: Catalogue, pieces: Sequence[Measured], files: Mapping[str, TableFile], people: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Read the tables of many rows a person, and those that tell more of a row, each once."""
    needed: dict[str, dict[str, None]] = {}
    persons: dict[str, str | None] = {}
    for rows in (rows for piece in pieces for rows in piece.rows.values()):
        persons[rows.table] = catalogue.site.person
        needed.setdefault(rows.table, {}).update(dict.fromkeys(columns_of(rows)))
        if rows.lookup:
            persons[rows.lookup.table] = None
            needed.setdefault(rows.lookup.table, {}).update(dict.fromkeys(lookup_columns(rows.lookup)))
    found = {table: _read_columns(files[table], persons[table], columns) for table, columns in needed.items()}
    for table in (table for table, person in persons.items() if person):
        _expect_known(files[table], found[table], files[catalogue.site.home], people)
    return found


def _joined(
    catalogue: Catalogue, needed: Mapping[str, list[str]], files: Mapping[str, TableFile]
) -> pl.DataFrame:
    site = catalogue.site
    home = _read(files[site.home], site.person, site.home, needed[site.home])
    people = home.with_columns(pl.col(f"{site.home}.{site.status}").alias(_STATUS))
    for table, columns in needed.items():
        if table != site.home:
            part = _read(files[table], site.person, table, columns)
            _expect_known(files[table], part, files[site.home], home)
            people = people.join(part, on=PERSON, how="left", maintain_order="left")
    return people


def _read(file: TableFile, person: str, table: str, columns: Iterable[str]) -> pl.DataFrame:
    frame = _read_columns(file, person, columns).rename(lambda c: c if c == PERSON else f"{table}.{c}")
    twice = frame.height - frame[PERSON].n_unique()
    if twice:
        raise DatasetError(
            f"'{file.path.name}' has {twice:,} rows too many: some persons stand in it more than once. "
            "Fetch it anew: this table has one row per person."
        )
    return frame.with_columns(pl.lit(value=True).alias(f"{table}.{_PRESENT}"))


def _read_columns(file: TableFile, person: str | None, columns: Iterable[str]) -> pl.DataFrame:
    lazy = read_table(file.path)
    there = lazy.collect_schema().names()
    for column in (*([person] if person else []), *columns):
        if column not in there:
            raise DatasetError(
                unknown(
                    f"'{file.path.name}' has no column", column, there, "Is it another table? Fetch it anew"
                )
            )
    key = [pl.col(person).cast(pl.Int64).alias(PERSON)] if person else []
    frame = lazy.select(*key, *columns).collect()
    _expect_rows(file, frame.height)
    return frame


def _expect_rows(file: TableFile, rows: int) -> None:
    if file.rows is not None and rows != file.rows:
        raise DatasetError(
            f"'{file.name}' has {rows:,} rows, and should have {file.rows:,} by its codebook: the file is "
            f"cut short, or another one. Fetch it anew, in place of {file.path}."
        )


def _expect_known(file: TableFile, part: pl.DataFrame, home_file: TableFile, home: pl.DataFrame) -> None:
    strangers = part.join(home, on=PERSON, how="anti").height
    if strangers:
        raise DatasetError(
            f"'{file.name}' holds {strangers:,} persons that '{home_file.name}' does not: it belongs to "
            "another cycle. Fetch both anew."
        )


def _absent(people: pl.DataFrame, catalogue: Catalogue, name: str) -> pl.DataFrame:
    return people.with_columns(
        pl.lit(None, catalogue.codebook[name].dtype).alias(name),
        pl.lit("not measured in this cycle", Reason).alias(why(name)),
    )


def _with_rows(
    people: pl.DataFrame, name: str, piece: Measured, many: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    for short, rows in piece.rows.items():
        lookup = many[rows.lookup.table] if rows.lookup else None
        found = reduce_rows(many[rows.table].select(PERSON, *columns_of(rows)), rows, lookup)
        own = {VALUE: f"{name}/{short}", WHY: f"{name}/{short}/why"}
        people = people.join(
            found.rename(own).with_columns(_has_rows=True), on=PERSON, how="left", maintain_order="left"
        )
        filled = pl.when(pl.col("_has_rows")).then(pl.col(own[VALUE])).otherwise(pl.lit(rows.empty))
        people = people.with_columns(filled.cast(pl.Float64).alias(own[VALUE])).drop("_has_rows")
    return people


def _add(people: pl.DataFrame, catalogue: Catalogue, name: str, piece: Measured) -> pl.DataFrame:
    variable = catalogue.codebook[name]
    for (table, column), of in piece.reads.items():
        _expect_codes(people[f"{table}.{column}"], of)
    value = _computed(people, variable, piece) if piece.computed else _value(variable, piece)
    if piece.leave_out:
        value = pl.when(~_within(piece.leave_out)).then(value)
    people = people.with_columns(value.alias(name))
    component = piece.component or variable.component
    reason = pl.coalesce(
        *_coded_reasons(piece),
        *(pl.col(f"{name}/{short}/why") for short in piece.rows),
        _unless(_within(piece.ages), "not asked"),
        *([] if component == HOME_INTERVIEW else [_unless(_examined(catalogue), "not examined")]),
        *_skips(piece),
        *([_unless(_in_table(piece), "not in the subsample")] if piece.subsample else []),
        pl.lit(piece.blank, Reason),
    )
    return people.with_columns(pl.when(pl.col(name).is_null()).then(reason).alias(why(name)))


def _expect_codes(column: pl.Series, of: Input) -> None:
    values = column.drop_nulls()
    if of.texts:
        strange = values.filter(~values.str.strip_chars().is_in(["", *of.texts]))
    elif of.codes:
        strange = values.filter(~values.is_in([float(code) for code in (*of.codes, *of.missing)]))
    elif of.range:
        answers = values.filter(~values.is_in([float(code) for code in of.missing]))
        strange = answers.filter(~answers.is_between(*of.range))
    else:
        return
    if len(strange):
        codes = sorted({*of.codes, *of.missing})
        expected = of.texts or (f"codes {codes}" if of.codes else of.range)
        raise DatasetError(
            f"column '{column.name}' holds {len(strange):,} values that are not in its codebook page "
            f"(expected: {expected}). The file is another one, or the CDC revised it: fetch it anew."
        )


def _computed(people: pl.DataFrame, variable: Variable, piece: Measured) -> pl.Expr:
    """Work a value out of several answers and of reduced rows, by the formula of the block."""
    inputs = people.select(
        *(_answer(f"{table}.{column}", of).alias(column) for (table, column), of in piece.reads.items()),
        *(pl.col(f"{variable.name}/{short}").alias(short) for short in piece.rows),
    )
    rule = formula(piece.formula or next(iter(piece.rows)))
    found = inputs.select(value=rule.expression(inputs.schema)).to_series()
    if variable.kind == "yes_no" and found.dtype != pl.String:
        words = {True: "yes", False: "no"}
        found = found.cast(pl.Boolean).replace_strict(words, default=None, return_dtype=pl.String)
    return pl.lit(found.cast(variable.dtype))


def _answer(column: str, of: Input) -> pl.Expr:
    if of.texts:
        text = pl.col(column).str.strip_chars()
        return pl.when(text != "").then(text)
    unread = [float(code) for code in of.missing if code not in of.codes]
    return pl.when(~pl.col(column).is_in(unread)).then(pl.col(column))


def _value(variable: Variable, piece: Measured) -> pl.Expr:
    raw = [pl.col(f"{piece.table}.{column}") for column in piece.columns]
    if piece.codes:
        codes = {float(code): level for code, level in piece.codes.items()}
        return raw[0].replace_strict(codes, default=None, return_dtype=variable.dtype)
    numbers = [_number(column, piece) for column in raw]
    total = pl.sum_horizontal(numbers, ignore_nulls=False) if piece.combine == "sum" else numbers[0]
    capped = total if piece.cap is None else total.clip(upper_bound=piece.cap)
    return pl.when(~_denied(piece.table, piece.beside)).then(capped) if piece.beside else capped


def _denied(table: str, beside: Beside) -> pl.Expr:
    """Tell where the column beside says that what stands in the value's column is no value."""
    return pl.col(f"{table}.{beside.column}").is_in([float(code) for code in beside.missing]).fill_null(False)


def _in_table(piece: Measured) -> pl.Expr:
    return pl.col(f"{piece.table}.{_PRESENT}").fill_null(value=False)


def _number(column: pl.Expr, piece: Measured) -> pl.Expr:
    if piece.values:
        values = {float(code): number for code, number in piece.values.items()}
        return column.replace_strict(values, default=None, return_dtype=pl.Float64)
    coded = column.is_in([float(code) for code in piece.missing])
    # polars divides by one number through its reciprocal, which misses the last bit of numpy's quotient;
    # a column of that number divides exactly.
    divisor = column * 0 + piece.divide_by
    return pl.when(~coded).then(column if piece.divide_by == 1 else column / divisor)


def _within(bands: Iterable[tuple[int, int]]) -> pl.Expr:
    return pl.any_horizontal(*(pl.col("age").is_between(low, high) for low, high in bands))


def _examined(catalogue: Catalogue) -> pl.Expr:
    return pl.col(_STATUS) == catalogue.site.examined


def _unless(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(~condition).then(pl.lit(reason, Reason))


def _coded_reasons(piece: Measured) -> Iterator[pl.Expr]:
    """Give the reasons that codes state; an answer outside the ages that count does not state one."""
    for (table, column), of in piece.reads.items():
        for code, reason in of.missing.items():
            here = pl.col(f"{table}.{column}") == float(code)
            counts = here & _within(piece.ages) if piece.leave_out else here
            yield pl.when(counts).then(pl.lit(reason, Reason))


def _skips(piece: Measured) -> Iterator[pl.Expr]:
    """Tell who was skipped because of another answer, or because that answer is itself missing."""
    for gate, levels in piece.only_if.items():
        yield pl.col(why(gate))
        yield _unless(pl.col(gate).cast(pl.String).is_in(list(levels)), "not asked")
