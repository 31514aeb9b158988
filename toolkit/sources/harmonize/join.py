"""Join a survey's tables to one row per person, and compute variables from several answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TypeVar

import polars as pl

from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.files.cache import read_table
from toolkit.files.table_files import read_transport
from toolkit.sources.catalog import Catalog
from toolkit.sources.catalog_records import Input, Measured
from toolkit.sources.harmonize.multirow import VALUE, WHY, columns_of, lookup_columns, reduce_rows
from toolkit.sources.harmonize.raw_values import Recoder
from toolkit.variables import (
    NOT_THIS_CYCLE,
    Codebook,
    Derivation,
    Formula,
    Reason,
    Variable,
    derive,
    formula,
    why,
)

PERSON = "person"
HOME_INTERVIEW = "interview"
_STATUS = "\0status"
_PRESENT = "\0present"  # of a table: marks the persons in it
_T = TypeVar("_T")


@dataclass(frozen=True)
class TableFile:
    """A table's file on this machine: its name, and its expected row count if known."""

    name: str
    path: Path
    rows: int | None = None


def check_rows(file: TableFile) -> None:
    """Raise a DatasetError unless a transport file is complete and has the expected row count."""
    _expect_rows(file, read_transport(file.path).select(pl.len()).collect().item())


def join_cycle(
    catalog: Catalog,
    cycle: str,
    files: Mapping[str, TableFile],
    variables: Sequence[str],
    keep: Mapping[str, tuple[str, str]],
) -> pl.DataFrame:
    """Join the tables of one cycle to one row per person of its home table.

    `keep` maps new names to the table and column of design columns, which are copied unchanged. The result
    has `person`, `cycle`, the kept columns, and for each variable its values and reasons. A DatasetError
    reports files that do not match the catalog: rows, columns, persons or codes.
    """
    pieces = {name: catalog.measured(name, cycle) for name in variables}
    measured = [piece for piece in pieces.values() if piece]
    people = _join_tables(catalog, _needed_columns(catalog, measured, keep), files)
    rows = _read_multirow(catalog, measured, files, people)
    kept = [pl.col(f"{table}.{column}").alias(name) for name, (table, column) in keep.items()]
    people = people.with_columns(pl.lit(cycle).alias("cycle"), *kept)
    for name, piece in pieces.items():
        variable = catalog.codebook[name]
        if piece is None:
            people = people.with_columns(
                pl.lit(None, variable.dtype).alias(name), pl.lit(NOT_THIS_CYCLE, Reason).alias(why(name))
            )
        else:
            people = _add_variable(_add_reduced(people, name, piece, rows), catalog, variable, piece)
    return people.select(PERSON, "cycle", *keep, *(c for name in variables for c in (name, why(name))))


def order_formulas(formulas: Mapping[str, Formula]) -> list[str]:
    """Order computed variables so that each one follows its inputs; raise a VariableError for a circle."""
    graph = {name: set(parsed.names) & set(formulas) for name, parsed in formulas.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise VariableError(
            f"The expressions depend on each other in a circle: {' <- '.join(error.args[1])}. "
            "Compute one of these variables from columns of the files."
        ) from None


def compute_variable(
    people: pl.DataFrame, codebook: Codebook, entry: Variable, parsed: Formula
) -> tuple[pl.DataFrame, Codebook]:
    """Add a variable that is computed from others, with the reasons of its inputs."""
    value = _compute(parsed, entry, people.schema)
    return derive(people, codebook, [Derivation(entry, parsed.names, value)])


def _compute(parsed: Formula, variable: Variable, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    value = parsed.expression(schema)
    if variable.kind == "yes_no" and parsed.result != "category":
        answer = value.cast(pl.Boolean)
        value = pl.when(answer).then(pl.lit("yes")).when(~answer).then(pl.lit("no"))
    return value.cast(variable.dtype)


def _needed_columns(
    catalog: Catalog, pieces: Sequence[Measured], keep: Mapping[str, tuple[str, str]]
) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {catalog.site.home: [catalog.site.status]}
    for table, column in [*(place for piece in pieces for place in piece.reads), *keep.values()]:
        needed.setdefault(table, []).append(column)
    return {table: list(dict.fromkeys(columns)) for table, columns in needed.items()}


def _join_tables(
    catalog: Catalog, needed: Mapping[str, list[str]], files: Mapping[str, TableFile]
) -> pl.DataFrame:
    site = catalog.site
    home = _read_person_table(files[site.home], site.person, site.home, needed[site.home])
    people = home.with_columns(pl.col(f"{site.home}.{site.status}").alias(_STATUS))
    for table, columns in needed.items():
        if table != site.home:
            part = _read_person_table(files[table], site.person, table, columns)
            _expect_persons(files[table], part, files[site.home], home)
            people = people.join(part, on=PERSON, how="left", maintain_order="left")
    return people


def _read_multirow(
    catalog: Catalog, pieces: Sequence[Measured], files: Mapping[str, TableFile], people: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Read each table with several rows per person, and each lookup table, once."""
    needed: dict[str, dict[str, None]] = {}
    persons: dict[str, str | None] = {}
    for rows in (rows for piece in pieces for rows in piece.rows.values()):
        persons[rows.table] = catalog.site.person
        needed.setdefault(rows.table, {}).update(dict.fromkeys(columns_of(rows)))
        if rows.lookup:
            persons[rows.lookup.table] = None
            needed.setdefault(rows.lookup.table, {}).update(dict.fromkeys(lookup_columns(rows.lookup)))
    found = {table: _read_columns(files[table], persons[table], columns) for table, columns in needed.items()}
    for table in (table for table, person in persons.items() if person):
        _expect_persons(files[table], found[table], files[catalog.site.home], people)
    return found


def _read_person_table(file: TableFile, person: str, table: str, columns: Iterable[str]) -> pl.DataFrame:
    frame = _read_columns(file, person, columns).rename(lambda c: c if c == PERSON else f"{table}.{c}")
    repeated = frame.height - frame[PERSON].n_unique()
    if repeated:
        raise DatasetError(
            f"'{file.path.name}' has {repeated:,} repeated rows for the same persons. This table must have "
            "one row per person. Download it again."
        )
    return frame.with_columns(pl.lit(value=True).alias(f"{table}.{_PRESENT}"))


def _read_columns(file: TableFile, person: str | None, columns: Iterable[str]) -> pl.DataFrame:
    lazy = read_table(file.path)
    there = lazy.collect_schema().names()
    for column in (*([person] if person else []), *columns):
        if column not in there:
            raise DatasetError(
                unknown(
                    f"'{file.path.name}' has no column",
                    column,
                    there,
                    "It may be another table. Download it again",
                )
            )
    key = [pl.col(person).cast(pl.Int64).alias(PERSON)] if person else []
    frame = lazy.select(*key, *columns).collect()
    _expect_rows(file, frame.height)
    return frame


def _expect_rows(file: TableFile, rows: int) -> None:
    if file.rows is not None and rows != file.rows:
        raise DatasetError(
            f"'{file.name}' has {rows:,} rows, but {file.rows:,} in its codebook. The file is truncated or "
            f"another table. Download it again to replace {file.path}."
        )


def _expect_persons(file: TableFile, part: pl.DataFrame, home_file: TableFile, home: pl.DataFrame) -> None:
    strangers = part.join(home, on=PERSON, how="anti").height
    if strangers:
        raise DatasetError(
            f"'{file.name}' has {strangers:,} rows of persons who are not in '{home_file.name}'. The files "
            "belong to different cycles. Download both again."
        )


def _add_reduced(
    people: pl.DataFrame, name: str, piece: Measured, tables: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """Add the numbers to which rows of other tables are reduced, with their reasons."""
    for short, rows in piece.rows.items():
        lookup = tables[rows.lookup.table] if rows.lookup else None
        found = reduce_rows(tables[rows.table].select(PERSON, *columns_of(rows)), rows, lookup)
        names = {VALUE: f"{name}/{short}", WHY: f"{name}/{short}/why"}
        people = people.join(
            found.rename(names).with_columns(_has_rows=True), on=PERSON, how="left", maintain_order="left"
        )
        filled = pl.when(pl.col("_has_rows")).then(pl.col(names[VALUE])).otherwise(pl.lit(rows.empty))
        people = people.with_columns(filled.cast(pl.Float64).alias(names[VALUE])).drop("_has_rows")
    return people


def _add_variable(
    people: pl.DataFrame, catalog: Catalog, variable: Variable, piece: Measured
) -> pl.DataFrame:
    name, recoders = variable.name, dict(_recoders(variable, piece))
    for column, recoder in recoders.items():
        if recoder.codes or recoder.range:
            _expect_entries(people, column, recoder)
    value = _computed(people, variable, piece) if piece.computed else _recoded(piece, recoders)
    if piece.leave_out:
        value = pl.when(~_within(piece.leave_out)).then(value)
    people = people.with_columns(value.alias(name))
    examined = pl.col(_STATUS) == catalog.site.examined
    in_table = pl.col(f"{piece.table}.{_PRESENT}").fill_null(value=False)
    at_home = (piece.component or variable.component) == HOME_INTERVIEW
    reason = pl.coalesce(
        *_coded_reasons(piece, recoders),
        *(pl.col(f"{name}/{short}/why") for short in piece.rows),
        _unless(_within(piece.ages), "not asked"),
        *([] if at_home else [_unless(examined, "not examined")]),
        *_skip_reasons(piece.only_if),
        *([_unless(in_table, "not in the subsample")] if piece.subsample else []),
        pl.lit(piece.blank, Reason),
    )
    return people.with_columns(pl.when(pl.col(name).is_null()).then(reason).alias(why(name)))


def _recoders(variable: Variable, piece: Measured) -> Iterator[tuple[str, Recoder]]:
    """Build the recoder of each column that a block reads."""
    for (table, column), of in piece.reads.items():
        if piece.inputs or column not in piece.columns:
            yield f"{table}.{column}", _input_recoder(of)
        else:
            yield (
                f"{table}.{column}",
                Recoder(
                    variable.dtype if piece.codes else pl.Float64(),
                    _as_floats(piece.codes or piece.values),
                    _as_floats(piece.missing),
                    piece.range,
                    piece.divide_by,
                ),
            )


def _input_recoder(of: Input) -> Recoder:
    if of.texts:
        return Recoder(pl.String(), {text: text for text in of.texts})
    codes = {float(code): float(code) for code in of.codes}
    return Recoder(codes=codes, missing=_as_floats(of.missing), range=of.range)


def _as_floats(codes: Mapping[int | float, _T]) -> dict[float, _T]:
    return {float(code): value for code, value in codes.items()}


def _entry(column: str, recoder: Recoder) -> pl.Expr:
    if recoder.dtype != pl.String:
        return pl.col(column)
    text = pl.col(column).str.strip_chars()
    return pl.when(text != "").then(text)


def _expect_entries(people: pl.DataFrame, column: str, recoder: Recoder) -> None:
    entry = _entry(column, recoder)
    strange = people.select(recoder.unexplained(entry, entry).sum()).item()
    if strange:
        codes = sorted({*recoder.codes, *recoder.missing})
        expected = (
            f"codes {', '.join(code if isinstance(code, str) else f'{code:g}' for code in codes)}"
            if recoder.codes
            else "{:g} to {:g}".format(*recoder.range or ())
        )
        raise DatasetError(
            f"Column '{column}' has {strange:,} entries that its codebook page does not list (expected: "
            f"{expected}). It is another file, or the CDC revised it. Download it again."
        )


def _computed(people: pl.DataFrame, variable: Variable, piece: Measured) -> pl.Expr:
    """Compute a value from several answers and reduced rows, by the expression of the block."""
    columns = {f"{table}.{column}": (column, of) for (table, column), of in piece.reads.items()}
    inputs = people.select(
        *(_answer(place, _input_recoder(of)).alias(column) for place, (column, of) in columns.items()),
        *(pl.col(f"{variable.name}/{short}").alias(short) for short in piece.rows),
    )
    rule = formula(piece.expression or next(iter(piece.rows)))
    return pl.lit(inputs.select(value=_compute(rule, variable, inputs.schema)).to_series())


def _answer(column: str, recoder: Recoder) -> pl.Expr:
    entry = _entry(column, recoder)
    return recoder.value(entry, entry)


def _recoded(piece: Measured, recoders: Mapping[str, Recoder]) -> pl.Expr:
    columns = [f"{piece.table}.{column}" for column in piece.columns]
    values = [_answer(column, recoders[column]) for column in columns]
    value = pl.sum_horizontal(values, ignore_nulls=False) if piece.combine == "sum" else values[0]
    if piece.cap is not None:
        value = value.clip(upper_bound=piece.cap)
    if piece.beside:
        status = f"{piece.table}.{piece.beside.column}"
        value = pl.when(recoders[status].reason(pl.col(status)).is_null()).then(value)
    return value


def _within(bands: Iterable[tuple[int, int]]) -> pl.Expr:
    return pl.any_horizontal(*(pl.col("age").is_between(low, high) for low, high in bands))


def _unless(condition: pl.Expr, reason: str) -> pl.Expr:
    return pl.when(~condition).then(pl.lit(reason, Reason))


def _coded_reasons(piece: Measured, recoders: Mapping[str, Recoder]) -> Iterator[pl.Expr]:
    """Look up the reasons that codes state; answers outside the ages of the component state none."""
    for column, recoder in recoders.items():
        if recoder.missing:
            reason = recoder.reason(pl.col(column))
            yield pl.when(_within(piece.ages)).then(reason) if piece.leave_out else reason


def _skip_reasons(only_if: Mapping[str, Sequence[str]]) -> Iterator[pl.Expr]:
    """Mark who skipped the question because of another answer, or because that answer is missing."""
    for gate, levels in only_if.items():
        yield pl.col(why(gate))
        yield _unless(pl.col(gate).cast(pl.String).is_in(list(levels)), "not asked")
