"""Hold the rows of a user's file to written rules, and count those that break one, with their row numbers.

Takes a frame of read columns and the rules; gives a `Problem` for each broken one. No value of a person is in
it, only how many rows and which.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from toolkit.sources.harmonize.recode import UNREAD
from toolkit.sources.harmonize.units import fitting_units, plausible
from toolkit.sources.user.declaration import Problem
from toolkit.sources.user.file_columns import FileColumn
from toolkit.sources.user.row_widths import ROW
from toolkit.variables.codebook import Variable

PERSON = "person"
DATE = "date"
_ROWS_TOLD = 10
_CODES_TOLD = 6


@dataclass(frozen=True)
class Rule:
    """What should hold of every row: an expression, false where it does not, in words, with a remedy.

    `shown` names a column of the design whose codes are listed where the rule is broken.
    """

    words: str
    holds: pl.Expr
    remedy: str
    note: bool = False
    shown: str = ""


def broken(where: str, frame: pl.DataFrame, rules: Iterable[Rule]) -> list[Problem]:
    """Count the rows that break each rule.

    Parameters
    ----------
    where
        What the rows are of, such as "lab.csv".
    frame
        Has column `:row` with the row numbers, and the columns that the rules read.
    rules
        A rule that is null for a row holds for it.

    Returns
    -------
    list of Problem
        One a broken rule, in the order of the rules.

    Examples
    --------
    >>> frame = pl.DataFrame({":row": [1, 2], "w": [1.0, -1.0]})
    >>> print(*broken("people.csv", frame, [Rule("weights are not negative", pl.col("w") >= 0, "Mend.")]))
    people.csv: weights are not negative (1 row: 2). Mend.
    """
    import dataframely as dy

    named = {f"rule {number}": rule for number, rule in enumerate(rules)}
    if not named:
        return []
    columns = {ROW: dy.Any(), **{name: dy.Any() for name in frame.columns if name != ROW}}
    checks = {name: dy.rule()(lambda _, holds=rule.holds: holds) for name, rule in named.items()}  # type: ignore[misc]
    schema: type[dy.Schema] = type("Rows", (dy.Schema,), columns | checks)
    _, failures = schema.filter(frame)
    counts, details = failures.counts(), failures.details()
    return [
        Problem(
            where,
            rule.words + _codes(details, name, rule.shown),
            rule.remedy,
            counts[name],
            _rows(details, name),
            rule.note,
        )
        for name, rule in named.items()
        if counts.get(name)
    ]


def _rows(details: pl.DataFrame, rule: str) -> tuple[int, ...]:
    return tuple(details.filter(pl.col(rule) == "invalid")[ROW].sort().head(_ROWS_TOLD).to_list())


def _codes(details: pl.DataFrame, rule: str, column: str) -> str:
    if not column:
        return ""
    found = details.filter(pl.col(rule) == "invalid")[column].cast(pl.String).drop_nulls().unique().sort()
    return f": {', '.join(f'{code!r}' for code in found.head(_CODES_TOLD))}"


def person_rules(key: tuple[str, ...], what: str) -> Iterator[Rule]:
    """Ask that every row names a person, and that no two rows have the same key."""
    yield Rule("every row names a person", pl.col(PERSON).is_not_null(), "Remove the row, or give it its id.")
    complete = pl.all_horizontal(pl.col(name).is_not_null() for name in key)
    yield Rule(
        f"no two rows are of the same {what}",
        ~(pl.struct(key).is_duplicated() & complete),
        f"Keep one row for each {what}; repeated visits and nights belong into files of their own, under "
        "[visits] and [diary].",
    )


def date_rules(name: str, column: str) -> Iterator[Rule]:
    """Ask that the dates of a column exist, which was read under another name."""
    yield Rule(
        f"'{column}' holds dates that exist",
        ~pl.col(name + UNREAD),
        "Mend the date, or say how dates are written: date_format = '%d.%m.%Y'.",
    )


def column_rules(column: FileColumn, limits: tuple[float, float] | None) -> Iterator[Rule]:
    """Ask that each value of a variable is explained by its declaration and is possible."""
    name = column.variable.name
    if column.recoder.codes or column.variable.kind != "number":
        known = ", ".join(f"'{code}'" for code in list(column.recoder.codes)[:12]) or "none"
        words = f"'{name}' holds only codes that are known ({known})"
        remedy = "Add the others to levels = {code = 'level'}, or to missing = {code = 'reason'}."
    else:
        words = f"'{name}' holds only numbers"
        remedy = "Name the codes for missing values, missing = {code = 'reason'}; is decimal = ',' missing?"
    yield Rule(words, ~pl.col(name + UNREAD), remedy)
    if column.variable.kind == "number":
        yield from range_rules(column.variable, limits)
    yield Rule(
        f"'{name}' has a value for someone", pl.col(name).count() > 0, "Is it the right column?", note=True
    )


def range_rules(variable: Variable, limits: tuple[float, float] | None) -> Iterator[Rule]:
    """Ask that numbers lie in the range that the user wrote, or that a living person can have."""
    ends = limits or plausible(variable.name)
    if ends is None:
        return
    told = f"{ends[0]:g} to {ends[1]:g} {variable.unit}".strip()
    remedy = "Mend them, or write missing or range." if limits else "Is it another unit? Write unit = '...'."
    yield Rule(f"'{variable.name}' lies within {told}", pl.col(variable.name).is_between(*ends), remedy)


def unit_hint(variable: Variable, values: pl.Series) -> str:
    """Name the unit in which nearly all values would be possible, where few are as they stand."""
    ends = plausible(variable.name)
    shown = values.drop_nulls()
    if ends is None or not len(shown) or 2 * shown.is_between(*ends).sum() > len(shown):
        return ""
    low, high = (float(shown.quantile(share) or 0) for share in (0.05, 0.95))
    units = [u for u in fitting_units(variable.name, variable.unit, low, high) if u != variable.unit]
    return f"They would be possible in {' or '.join(units)}: unit = '{units[0]}'." if units else ""


def number_rule(column: str, file_name: str) -> Rule:
    """Ask that a column which is nearly all numbers is so wholly."""
    remedy = "Mend them, or name the codes for missing values under the file: missing = {code = 'reason'}."
    return Rule(f"'{file_name}' holds only numbers", ~pl.col(column + UNREAD), remedy)


def size_rules(fpcs: Mapping[str, str], replicates: Mapping[str, str]) -> Iterator[Rule]:
    """Ask that everyone has population sizes above 0, and replicate weights that are not negative."""
    for words, columns, least in (
        ("finite population", fpcs, 0.0),
        ("replicate weight", replicates, -1e-300),
    ):
        above = " above 0" if least == 0 else ", not negative,"
        for column, file_name in columns.items():
            holds = pl.col(column).is_not_null() & (pl.col(column) > least)
            told = f"{words} '{file_name}' is a number{above} for everyone"
            yield Rule(told, holds, "Mend it in the file.")


def span_rule(start: str, end: str) -> Rule:
    """Ask that follow-up does not end before it starts."""
    return Rule(
        "follow-up ends on or after the day on which it starts",
        pl.col(end) >= pl.col(start),
        "Mend one of the two dates in the file.",
    )


def design_rules(
    weights: Mapping[str, str], strata: str | None, psu: str | None, *, nest: bool
) -> Iterator[Rule]:
    """Ask that weights are finite and not negative, and that strata and PSUs are there and nested."""
    for column, file_name in weights.items():
        value = pl.col(column)
        yield Rule(
            f"weight '{file_name}' is a finite number", ~pl.col(column + UNREAD), "Mend it in the file."
        )
        yield Rule(
            f"weight '{file_name}' is there",
            value.is_not_null() | pl.col(column + UNREAD),
            _OUTSIDE,
            note=True,
        )
        yield Rule(f"weight '{file_name}' is not negative", value >= 0, "Mend it in the file.")
        yield Rule(f"weight '{file_name}' is above 0", value != 0, _OUTSIDE, note=True)
    for column in filter(None, (strata, psu)):
        yield Rule(f"'{column}' is there for everyone", pl.col(column).is_not_null(), "Mend it in the file.")
    yield from _spelling_rules("stratum", strata, [])
    yield from _spelling_rules("PSU", psu, [strata] if strata else [])
    if strata and psu and not nest:
        yield Rule(
            f"no PSU of '{psu}' stands in two strata of '{strata}'",
            (pl.col(strata).drop_nulls().n_unique().over(psu) <= 1) | pl.col(psu).is_null(),
            "If PSUs are numbered anew in each stratum, write nest = true under [design].",
        )


def _spelling_rules(what: str, column: str | None, within: list[str]) -> Iterator[Rule]:
    """Ask that a stratum or PSU is written in one way: "North" and "NORTH", or "7" and "007", are two."""
    if not column:
        return
    code = pl.col(column).cast(pl.String).str.strip_chars()
    plainly = code.str.to_lowercase().str.replace(r"^0+(\d)", "$1")
    yield Rule(
        f"no {what} of '{column}' is written in two ways, in capital letters or with zeros before its number",
        (code.n_unique().over([plainly, *within]) <= 1) | code.is_null(),
        "Write each in one way in the file.",
        shown=column,
    )


_OUTSIDE = "These people are outside of every weighted analysis."
