"""Join a survey's tables to one row per person, under the codebook's names, with why each value is missing.

Takes a catalogue (where each variable is, what its codes mean) and files; gives a frame and its codebook.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from toolkit.catalog import Catalogue, Measured
from toolkit.codebook import Availability, Codebook, Reason, Variable, deepest, why
from toolkit.errors import DatasetError, unknown
from toolkit.readers import read_transport

PERSON = "person"
HOME_INTERVIEW = "interview"
NOT_FOUND = "file not found"
_STATUS = "\0status"


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
    joined = _joined(catalogue, _needed(catalogue, cycle, variables, keep), files)
    kept = [pl.col(f"{table}.{column}").alias(name) for name, (table, column) in keep.items()]
    people = joined.select(PERSON, _STATUS, pl.lit(cycle).alias("cycle"), *kept, pl.col(r"^.*\..*$"))
    for name in variables:
        piece = catalogue.measured(name, cycle)
        people = _absent(people, catalogue, name) if piece is None else _add(people, catalogue, name, piece)
    wanted = [column for name in variables for column in (name, why(name))]
    return people.select(PERSON, "cycle", *keep, *wanted)


def describe(
    catalogue: Catalogue, cycles: Sequence[str], not_found: Mapping[tuple[str, str], str]
) -> Codebook:
    """Complete the codebook by what a survey's cycles asked, of whom, where it stands and what is missing.

    Parameters
    ----------
    catalogue
        What is known of the survey.
    cycles
        The cycles that are opened.
    not_found
        Table and cycle -> address, for the files that are not there.

    Returns
    -------
    Codebook
        The catalogue's variables with question, source and availability.
    """
    entries = [_described(catalogue, name, cycles, not_found) for name in catalogue.origins]
    cycle = replace(catalogue.codebook["cycle"], levels=tuple(cycles), reference=cycles[0])
    return Codebook.of(cycle, *entries)


def _needed(
    catalogue: Catalogue, cycle: str, variables: Sequence[str], keep: Mapping[str, tuple[str, str]]
) -> dict[str, list[str]]:
    needed: dict[str, list[str]] = {catalogue.site.home: [catalogue.site.status]}
    pieces = [piece for name in variables if (piece := catalogue.measured(name, cycle))]
    for table, columns in [*((p.table, p.columns) for p in pieces), *((t, (c,)) for t, c in keep.values())]:
        needed.setdefault(table, []).extend(columns)
    return {table: list(dict.fromkeys(columns)) for table, columns in needed.items()}


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
    lazy = read_transport(file.path)
    there = lazy.collect_schema().names()
    for column in (person, *columns):
        if column not in there:
            raise DatasetError(
                unknown(
                    f"'{file.path.name}' has no column", column, there, "Is it another table? Fetch it anew"
                )
            )
    frame = lazy.select(
        pl.col(person).cast(pl.Int64).alias(PERSON), *(pl.col(c).alias(f"{table}.{c}") for c in columns)
    ).collect()
    _expect_rows(file, frame.height)
    twice = frame.height - frame[PERSON].n_unique()
    if twice:
        raise DatasetError(
            f"'{file.path.name}' has {twice:,} rows too many: some persons stand in it more than once. "
            "Fetch it anew: this table has one row per person."
        )
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


def _add(people: pl.DataFrame, catalogue: Catalogue, name: str, piece: Measured) -> pl.DataFrame:
    variable = catalogue.codebook[name]
    raw = [f"{piece.table}.{column}" for column in piece.columns]
    for column in raw:
        _expect_codes(people[column], piece)
    value = _value([pl.col(column) for column in raw], variable, piece)
    if piece.leave_out:
        value = pl.when(~_within(piece.leave_out)).then(value)
    people = people.with_columns(value.alias(name))
    component = piece.component or variable.component
    reason = pl.coalesce(
        *_coded_reasons(raw, piece),
        _unless(_within(piece.ages), "not asked"),
        *([] if component == HOME_INTERVIEW else [_unless(_examined(catalogue), "not examined")]),
        *_skips(piece),
        pl.lit("no value recorded", Reason),
    )
    return people.with_columns(pl.when(pl.col(name).is_null()).then(reason).alias(why(name)))


def _expect_codes(column: pl.Series, piece: Measured) -> None:
    known = {*piece.codes, *piece.values, *piece.missing}
    values = column.drop_nulls()
    if piece.codes or piece.values:
        strange = values.filter(~values.is_in([float(code) for code in known]))
    elif piece.range:
        answers = values.filter(~values.is_in([float(code) for code in piece.missing]))
        strange = answers.filter(~answers.is_between(*piece.range))
    else:
        return
    if len(strange):
        expected = f"codes {sorted(known)}" if piece.codes or piece.values else f"{piece.range}"
        raise DatasetError(
            f"column '{column.name}' holds {len(strange):,} values that are not in its codebook page "
            f"(expected: {expected}). The file is another one, or the CDC revised it: fetch it anew."
        )


def _value(raw: list[pl.Expr], variable: Variable, piece: Measured) -> pl.Expr:
    if piece.codes:
        codes = {float(code): level for code, level in piece.codes.items()}
        return raw[0].replace_strict(codes, default=None, return_dtype=variable.dtype)
    numbers = [_number(column, piece) for column in raw]
    total = pl.sum_horizontal(numbers, ignore_nulls=False) if piece.combine == "sum" else numbers[0]
    return total if piece.cap is None else total.clip(upper_bound=piece.cap)


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


def _coded_reasons(raw: list[str], piece: Measured) -> Iterator[pl.Expr]:
    """Give the reasons that codes state; an answer outside the ages that count does not state one."""
    for column in raw:
        for code, reason in piece.missing.items():
            here = pl.col(column) == float(code)
            counts = here & _within(piece.ages) if piece.leave_out else here
            yield pl.when(counts).then(pl.lit(reason, Reason))


def _skips(piece: Measured) -> Iterator[pl.Expr]:
    """Tell who was skipped because of another answer, or because that answer is itself missing."""
    for gate, levels in piece.only_if.items():
        yield pl.col(why(gate))
        yield _unless(pl.col(gate).cast(pl.String).is_in(list(levels)), "not asked")


def _described(
    catalogue: Catalogue, name: str, cycles: Sequence[str], not_found: Mapping[tuple[str, str], str]
) -> Variable:
    base, origin = catalogue.codebook[name], catalogue.origins[name]
    pieces = {cycle: p for cycle in cycles if (p := catalogue.measured(name, cycle))}
    return replace(
        base,
        component=deepest([p.component or base.component for p in pieces.values()]) or base.component,
        question=_questions(pieces),
        asked=origin.asked,
        source=", ".join(_source(catalogue, cycle, piece) for cycle, piece in pieces.items()),
        availability=tuple(_available(catalogue, name, cycle, not_found) for cycle in cycles),
        note=" ".join(note for note in (base.note, origin.note) if note),
    )


def _questions(pieces: Mapping[str, Measured]) -> str:
    cycles_of: dict[str, list[str]] = {}
    for cycle, piece in pieces.items():
        cycles_of.setdefault(piece.question, []).append(cycle)
    if len(cycles_of) <= 1:
        return "".join(cycles_of)
    return " ".join(f"{', '.join(cycles)}: {question}" for question, cycles in cycles_of.items())


def _source(catalogue: Catalogue, cycle: str, piece: Measured) -> str:
    name = catalogue.tables[piece.table].files[cycle].name
    return " + ".join(f"{name}.{column}" for column in piece.columns)


def _available(
    catalogue: Catalogue, name: str, cycle: str, not_found: Mapping[tuple[str, str], str]
) -> Availability:
    piece = catalogue.measured(name, cycle)
    if piece is None:
        return Availability(cycle, "not measured", catalogue.absence(name, cycle))
    if (piece.table, cycle) in not_found:
        return Availability(cycle, "not measured", f"{NOT_FOUND}: {not_found[piece.table, cycle]}")
    return Availability(cycle, "measured", piece.change)
