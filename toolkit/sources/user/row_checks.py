"""Check the rows of a user's file by rules, and report counts and row numbers but never a value."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from toolkit.sources.harmonize.raw_values import UNREAD
from toolkit.sources.harmonize.units import other_units, plausible
from toolkit.sources.user.declaration import Problem
from toolkit.sources.user.file_columns import FileColumn
from toolkit.studies import Design
from toolkit.variables import Variable

ROW = ":row"  # not a name that a user can give a variable
LONG = "long"
PERSON = "person"
DATE = "date"
_LISTED_ROWS = 10
_CHUNK = 1 << 22
_QUOTED = r'"[^"]*"'
_LARGEST = 1 << 27  # characters in one cell; csv stops at 131,072 otherwise
_CORRECT = "Correct it in the file."
_OUTSIDE = "These participants are outside every weighted analysis."


@dataclass(frozen=True)
class Rule:
    """A condition on each row (met where it is null), what it means where it is false, and the remedy."""

    finding: str
    valid: pl.Expr
    remedy: str
    note: bool = False


def check_rows(where: str, frame: pl.DataFrame, rules: Iterable[Rule]) -> list[Problem]:
    """Return one problem for each rule that some rows break, with column `:row` as their numbers."""
    rules = list(rules)
    failed = frame.with_columns(
        (~rule.valid).fill_null(value=False).alias(f":{n}") for n, rule in enumerate(rules)
    )
    problems = []
    for number, rule in enumerate(rules):
        rows = failed.filter(pl.col(f":{number}"))
        if rows.height:
            first = tuple(rows[ROW].sort().head(_LISTED_ROWS).to_list())
            problems.append(Problem(where, rule.finding, rule.remedy, rows.height, first, rule.note))
    return problems


def person_rules(key: tuple[str, ...], what: str) -> Iterator[Rule]:
    """Require a participant ID in every row, and a key that is unique."""
    yield Rule(
        "The participant ID is missing", pl.col(PERSON).is_not_null(), "Remove the row or supply its ID."
    )
    complete = pl.all_horizontal(pl.col(name).is_not_null() for name in key)
    yield Rule(
        f"The same {what} has more than one row",
        ~(pl.struct(key).is_duplicated() & complete),
        f"Keep one row for each {what}. Declare repeated visits and nights as further files, under [visits] "
        "and [diary].",
    )


def date_rules(name: str, column: str) -> Iterator[Rule]:
    """Require dates that exist in a column that was read under another name."""
    yield Rule(
        f"'{column}' is not a valid date",
        ~pl.col(name + UNREAD),
        "Correct the date, or declare the format: date_format = '%d.%m.%Y'.",
    )


def column_rules(column: FileColumn, limits: tuple[float, float] | None) -> Iterator[Rule]:
    """Require that the declaration explains each value of a variable, and that numbers are plausible."""
    name = column.variable.name
    if column.recoder.codes or column.variable.kind != "number":
        known = ", ".join(f"'{code}'" for code in list(column.recoder.codes)[:12]) or "none"
        finding = f"'{name}' has codes that are not declared (declared: {known})"
        table = (
            "values = {code = number}" if column.variable.kind == "number" else "levels = {code = 'level'}"
        )
        remedy = f"Add them to {table} or to missing = {{code = 'reason'}}."
    else:
        finding = f"'{name}' is not a number"
        remedy = "Declare codes for missing values, missing = {code = 'reason'}, or decimal = ','."
    yield Rule(finding, ~pl.col(name + UNREAD), remedy)
    if column.variable.kind == "number":
        yield from range_rules(column.variable, limits)
    yield Rule(f"'{name}' has no values", pl.col(name).count() > 0, "Check the column name.", note=True)


def range_rules(variable: Variable, limits: tuple[float, float] | None) -> Iterator[Rule]:
    """Require numbers in the declared range, or else in the range that is possible in life."""
    ends = limits or plausible(variable.name)
    if ends is None:
        return
    span = f"{ends[0]:g} to {ends[1]:g} {variable.unit}".strip()
    check = "Correct the values, or change missing or range." if limits else "Declare the unit: unit = '...'."
    yield Rule(f"'{variable.name}' is outside {span}", pl.col(variable.name).is_between(*ends), check)


def unit_hint(variable: Variable, values: pl.Series) -> str:
    """Name the unit in which nearly all values would be plausible, where few are as declared."""
    ends = plausible(variable.name)
    known = values.drop_nulls()
    if ends is None or not len(known) or 2 * known.is_between(*ends).sum() > len(known):
        return ""
    low, high = (float(known.quantile(share) or 0) for share in (0.05, 0.95))
    units = other_units(variable.name, variable.unit, low, high)
    return f"Their unit may be {' or '.join(units)}. Declare it: unit = '{units[0]}'." if units else ""


def number_rule(column: str, file_name: str) -> Rule:
    """Require numbers throughout a column that is nearly all numbers."""
    remedy = "Correct them, or declare codes for missing values of the file: missing = {code = 'reason'}."
    return Rule(f"'{file_name}' is not a number", ~pl.col(column + UNREAD), remedy)


def design_rules(design: Design, names: Mapping[str, str], *, nest: bool) -> Iterator[Rule]:
    """Require valid weights, population sizes, strata and PSUs; `names` maps design to file columns."""
    strata, psu = design.strata, next(iter(design.stages), None)
    weights = [weight.column for weight in design.components.values()]
    for column in weights:
        value, unread, name = pl.col(column), pl.col(column + UNREAD), f"Weight '{names[column]}'"
        yield Rule(f"{name} is not a finite number", ~unread, _CORRECT)
        yield Rule(f"{name} is missing", value.is_not_null() | unread, _OUTSIDE, note=True)
        yield Rule(f"{name} is negative", value >= 0, _CORRECT)
        yield Rule(f"{name} is 0", value != 0, _OUTSIDE, note=True)
    for column in filter(None, (strata, psu)):
        yield Rule(f"'{names[column]}' is missing", pl.col(column).is_not_null(), _CORRECT)
    if strata and psu and not nest:
        yield Rule(
            f"A PSU of '{names[psu]}' is in two strata of '{names[strata]}'",
            (pl.col(strata).drop_nulls().n_unique().over(psu) <= 1) | pl.col(psu).is_null(),
            "If PSU numbers restart in each stratum, write nest = true under [design].",
        )
    for column in design.fpcs:
        valid = pl.col(column).is_not_null() & (pl.col(column) > 0)
        yield Rule(f"Finite population '{names[column]}' is missing or not above 0", valid, _CORRECT)
    for column in dict.fromkeys(design.columns):
        if column not in (*weights, strata, *design.stages, *design.fpcs):
            valid = pl.col(column).is_not_null() & (pl.col(column) > -1e-300)
            yield Rule(f"Replicate weight '{names[column]}' is missing or negative", valid, _CORRECT)


def uneven_rows(path: Path, separator: str, above: int = 0) -> pl.DataFrame:
    """List rows of a UTF-8 text file with another number of columns than its heading.

    A reader of some columns does not notice that an extra separator has moved the values of a row. The result
    has the row number (1 is the row below the heading) and `long`, true for too many columns; blank lines are
    not listed. Lines are streamed; a file with line ends inside quotes is read record by record.
    """
    quoted = _has_quotes(path)
    lines = pl.scan_lines(path, name="line", glob=False).slice(above).with_row_index(ROW)
    text = pl.col("line")
    if quoted:
        odd = lines.select((text.str.count_matches('"', literal=True) % 2).sum()).collect(engine="streaming")
        if odd.item():
            return pl.DataFrame(
                _records(path, separator, above), schema={ROW: pl.Int64, LONG: pl.Boolean}, orient="row"
            )
        text = text.str.replace_all(_QUOTED, "")
    separators = text.str.count_matches(separator, literal=True)
    widths = lines.select(ROW, blank=pl.col("line").str.strip_chars() == "", n=separators)
    heading = widths.head(1).collect()
    if heading.is_empty():
        return pl.DataFrame(schema={ROW: pl.Int64, LONG: pl.Boolean})
    n = heading["n"].item()
    uneven = widths.filter((pl.col("n") != n) & ~pl.col("blank"))
    return uneven.select(pl.col(ROW).cast(pl.Int64), (pl.col("n") > n).alias(LONG)).collect(
        engine="streaming"
    )


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in chunk for chunk in iter(lambda: file.read(_CHUNK), b""))


def _records(path: Path, separator: str, above: int) -> Iterator[tuple[int, bool]]:
    before = csv.field_size_limit(_LARGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = csv.reader(islice(file, above, None), delimiter=separator)
            width = len(next(records))
            for number, record in enumerate(records, 1):
                if record and len(record) != width:
                    yield number, len(record) > width
    finally:
        csv.field_size_limit(before)
