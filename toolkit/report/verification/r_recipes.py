"""Write in R how participants follow from the publisher's files: reading, merging, recoding, deriving.

What has no translation is named, and its column is then taken from the study, which is of public-use files.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from toolkit.report.verification.r_expressions import (
    RWriter,
    UntranslatableError,
    write_name,
    write_value,
    write_vector,
)
from toolkit.sources.catalog_records import Beside, Input, Lookup, Measured, Rows
from toolkit.sources.harmonize.multirow import columns_of
from toolkit.sources.nhanes.public_recipe import CycleRecipe, Recipe
from toolkit.studies import Study, quote
from toolkit.variables import NOT_MEASURED, Derivation, formula

_READING = Path(__file__).with_name("read_public_files.R")


@dataclass(frozen=True)
class Written:
    """A recipe in R, and the columns that it lacks."""

    lines: list[str]
    included: tuple[str, ...]


def write_recipe(study: Study, recipe: Recipe) -> Written:
    """Write a recipe in R."""
    lines: list[str] = [_READING.read_text(encoding="utf-8")]
    lost = dict.fromkeys(recipe.unknown)
    for cycle in recipe.cycles:  # What one cycle has no translation of is missing from all.
        list(_write_cycle(study, recipe, (0, cycle), lost))
    for place, cycle in enumerate(recipe.cycles, start=1):
        lines += _write_cycle(study, recipe, (place, cycle), lost)
    every = ", ".join(f"cycle_{place}()" for place in range(1, len(recipe.cycles) + 1))
    lines.append(f"people <- do.call(rbind, list({every}))")
    for step in recipe.derivations:
        if not {*step.reads} & {*lost} or step.variable.name in lost:
            try:
                lines += _write_derivation(study, recipe, step)
                continue
            except UntranslatableError:
                pass
        lost[step.variable.name] = None
    return Written(lines, tuple(name for name in lost if name in study.people.columns))


def _write_cycle(
    study: Study, recipe: Recipe, numbered: tuple[int, CycleRecipe], lost: dict[str, None]
) -> Iterator[str]:
    place, cycle = numbered
    yield f"cycle_{place} <- function() {{  # {cycle.name}"
    for table, file in cycle.files.items():
        yield f"  {table} <- public_file({quote(file.name)}, {quote(file.address)}, {quote(file.sha256)})"
    person = f"{recipe.home}${recipe.person}"
    yield f"  p <- data.frame(person = {person}, cycle = {quote(cycle.name)}, check.names = FALSE)"
    yield f"  at <- function(table, column) table[[column]][match(p$person, table${recipe.person})]"
    for new, (table, column) in cycle.copied.items():
        yield f"  p[[{quote(new)}]] <- {_cell(table, column)}"
    wanted = [name for name in study.design.columns if name in recipe.schema and name not in cycle.copied]
    for new in wanted:
        yield f"  p[[{quote(new)}]] <- NA_real_"
    names = [name for name in cycle.measured if name not in lost]
    for name in sorted(names, key=lambda own: own != "age"):
        piece = cycle.measured[name]
        try:
            lines = (
                list(_write_variable(study, recipe, name, piece))
                if piece
                else [f"  p[[{quote(name)}]] <- NA"]
            )
        except UntranslatableError:
            lost[name] = None
            continue
        yield from lines
    yield "  p"
    yield "}"


def _cell(table: str, column: str) -> str:
    return f"at({table}, {quote(column.upper())})"


def _write_variable(study: Study, recipe: Recipe, name: str, piece: Measured) -> Iterator[str]:
    """Write how one cycle measured a variable."""
    column = f"p[[{quote(name)}]]"
    value = _write_computed(study, recipe, name, piece) if piece.computed else _write_recoded(piece)
    *before, last = value
    yield from (f"  {line}" for line in before)
    yield f"  {column} <- {last}"
    if piece.leave_out:
        bands = " | ".join(f"(p$age >= {low} & p$age <= {high})" for low, high in piece.leave_out)
        yield f"  {column}[{bands} | is.na(p$age)] <- NA"


def _write_recoded(piece: Measured) -> list[str]:
    values = []
    for column in piece.columns:
        cell = _cell(piece.table, column)
        if piece.codes or piece.values:
            codes = piece.codes or piece.values
            value = f"replace_values({cell}, {_codes(codes)}, {write_vector(list(codes.values()))}, NA)"
        else:
            value = f"choose(among({cell}, {_codes(piece.missing)}), NA, {cell})" if piece.missing else cell
            value = value if piece.divide_by == 1 else f"({value} / {piece.divide_by!r})"
        values.append(value)
    value = f"({' + '.join(values)})" if piece.combine == "sum" else values[0]
    if piece.cap is not None:
        value = f"pmin({value}, {piece.cap!r})"
    return [_beside(piece.table, piece.beside, value) if piece.beside else value]


def _codes(codes: Mapping[int | float, object]) -> str:
    return write_vector([float(code) for code in codes])


def _beside(table: str, beside: Beside, value: str) -> str:
    status = _cell(table, beside.column)
    return f"choose(among({status}, {_codes(beside.missing)}), NA, {value})"


def _write_computed(study: Study, recipe: Recipe, name: str, piece: Measured) -> list[str]:
    """Write a value computed from several answers or rows, by the expression of its block."""
    lines: list[str] = []
    own: list[str] = []
    schema: dict[str, pl.DataType] = {}
    for (table, column), of in piece.reads.items():
        own.append(f"{write_name(column)} = {_answer(_cell(table, column), of)}")
        schema[column] = pl.String() if of.texts else pl.Float64()
    for place, (short, rows) in enumerate(piece.rows.items()):
        lines += _write_rows(recipe, rows, f"rows_{place}")
        own.append(f"{write_name(short)} = rows_{place}")
        schema[short] = pl.Float64()
    rule = formula(piece.expression or next(iter(piece.rows)))
    variable = study.codebook[name]
    value = rule.expression(schema)
    if variable.kind == "yes_no" and rule.result != "category":
        answer = value.cast(pl.Boolean)
        value = pl.when(answer).then(pl.lit("yes")).when(~answer).then(pl.lit("no"))
    written = RWriter(schema, as_read=True).expression(value)
    return [*lines, f"with(list({', '.join(own)}), rep_len({written}, nrow(p)))"]


def _answer(cell: str, of: Input) -> str:
    if of.texts:
        return f"choose(among(blank_to_na({cell}), {write_vector(list(of.texts))}), blank_to_na({cell}), NA)"
    if of.codes:
        codes = write_vector([float(code) for code in of.codes])
        return f"choose(among({cell}, {codes}), {cell}, NA)"
    return f"choose(among({cell}, {_codes(of.missing)}), NA, {cell})" if of.missing else cell


def _write_rows(recipe: Recipe, rows: Rows, name: str) -> Iterator[str]:
    """Write the number to which the rows of a person are reduced."""
    person = f"{rows.table}${recipe.person}"
    cells = _cells(rows, columns_of(rows), rows.table)
    yield f"lines <- data.frame(person = {person}, {cells}, check.names = FALSE)"
    names = list(columns_of(rows))
    if rows.lookup:
        yield from _write_lookup(rows, rows.lookup)
        names += [column.replace("#", "") for column in rows.lookup.columns]
    schema: dict[str, pl.DataType] = {c: pl.String() if c in rows.texts else pl.Float64() for c in names}
    writer = RWriter(schema, as_read=True)

    def within(text: str) -> str:
        return f"rep_len(with(lines, {writer.expression(formula(text).expression(schema))}), nrow(lines))"

    opens = [f"first_known({within(text)}, FALSE)" for text in rows.unknown.values()]
    opened = " | ".join(opens) or "FALSE"
    found = f"any_row(lines$person, {within(rows.where)}, {opened})"
    if rows.total:
        found = f"total_row(lines$person, {within(rows.where)}, {within(rows.total)}, {opened})"
    empty = write_value(None if rows.empty is None else float(rows.empty))
    yield f"{name} <- of_person({found}, p$person, {person}, {empty})"


def _cells(rows: Rows, columns: Iterable[str], table: str, number: int | str = "#") -> str:
    """Write columns of a table, text without blanks around it; # in a name becomes the number of a slot."""
    return ", ".join(
        f"{write_name(column.replace('#', ''))} = {'blank_to_na' if column in rows.texts else 'as.numeric'}"
        f"({table}[[{quote(column.replace('#', str(number)).upper())}]])"
        for column in columns
    )


def _write_lookup(rows: Rows, lookup: Lookup) -> Iterator[str]:
    """Write the join with a table that describes each row; each of its filled slots becomes a row."""
    parts = [
        f"data.frame({write_name(lookup.on)} = blank_to_na({lookup.table}[[{quote(lookup.on.upper())}]]), "
        f"{_cells(rows, lookup.columns, lookup.table, slot)}, check.names = FALSE)"
        for slot in range(1, lookup.slots + 1)
    ]
    own = [f"!is.na(known[[{quote(column.replace('#', ''))}]])" for column in lookup.columns]
    on = f"lines[[{quote(lookup.on)}]]"
    yield f"known <- do.call(rbind, list({', '.join(parts)}))"
    yield f"known <- known[{' | '.join(own)}, ]"
    yield f"{on} <- blank_to_na({on})"
    yield f"lines <- merge(lines, known, by = {quote(lookup.on)}, all.x = TRUE, incomparables = NA)"


def _write_derivation(study: Study, recipe: Recipe, step: Derivation) -> Iterator[str]:
    """Write a derived variable: its value within its domain, in the cycles that settle it."""
    schema = dict(recipe.schema)
    absent = [name for name in step.reads if name not in schema]
    schema |= dict.fromkeys(absent, pl.Null())
    value = step.expression.cast(step.variable.dtype)
    if step.within:
        value = pl.when(step.within.expression(schema)).then(value)
    written = RWriter(schema, as_read=True).expression(value)
    name = step.variable.name
    missing = "".join(f"{write_name(own)} = NA, " for own in absent)
    known = f"c(list({missing.rstrip(', ')}), people)"
    yield f"people[[{quote(name)}]] <- rep_len(with({known}, {written}), nrow(people))"
    entry = study.codebook[name]
    without = [a.cycle for a in entry.availability if a.status == NOT_MEASURED]
    if without:
        cycles = ", ".join(map(quote, without))
        yield f"people[[{quote(name)}]][people$cycle %in% c({cycles})] <- NA"
