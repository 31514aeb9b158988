"""Describe a declared variable by codebook, declaration and file labels, and recode its column."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from toolkit.errors import VariableError, require_known, short
from toolkit.sources.catalog_records import NO_VALUE, OwnVariable
from toolkit.sources.frame_categories import Categories
from toolkit.sources.harmonize.raw_values import (
    UNREAD,
    Recoder,
    declared_missing,
    fold_code,
    is_filled,
    na_words,
    read_codes,
    read_dates,
    read_numbers,
    tidy_word,
)
from toolkit.sources.harmonize.units import Conversion, conversion
from toolkit.sources.user.declaration import FileEntry, known_variables
from toolkit.sources.user.tabular_files import Table
from toolkit.variables import REASONS, YES_NO, Formula, Kind, Reason, Variable, why

Labels = Mapping[str, str]
_ANSWERS = {"yes": "yes", "no": "no", "true": "yes", "false": "no", "1": "yes", "0": "no"}


@dataclass(frozen=True)
class FileColumn:
    """A column of a file, the variable that it is, and how its entries are recoded."""

    variable: Variable
    recoder: Recoder
    column: str
    decimal: str = "."
    thousands: str = ""

    def expressions(self, schema: Mapping[str, pl.DataType]) -> list[pl.Expr]:
        """Read value, reason and the mark of unexplained entries as columns of the table."""
        code = read_codes(self.column, schema, self.decimal).str.to_lowercase()
        number = read_numbers(self.column, schema, self.decimal, self.thousands)
        unread = self.recoder.unexplained(code, number) & declared_missing(self.column, schema).is_null()
        return _with_reason(
            self.variable.name, self.recoder.value(code, number), self.recoder.reason(code), unread
        )


def _with_reason(name: str, value: pl.Expr, reason: pl.Expr, unread: pl.Expr) -> list[pl.Expr]:
    left = pl.when(value.is_null()).then(pl.coalesce(reason, pl.lit(NO_VALUE, Reason)))
    return [value.alias(name), left.alias(why(name)), unread.alias(name + UNREAD)]


def read_input(name: str, column: str, date_format: str, table: Table, entry: FileEntry) -> list[pl.Expr]:
    """Read a column that only expressions use, as codes or (with a format) as dates, with its reasons."""
    schema = table.frame.collect_schema()
    code = read_codes(column, schema, entry.decimal)
    stated = _labeled_reasons(table.value_labels.get(column, {})) | _fold(entry.missing)
    recoder = Recoder(missing=na_words(entry.keep) | stated)
    reason = recoder.reason(code.str.to_lowercase())
    is_missing = reason.is_not_null() | declared_missing(column, schema).is_not_null()
    value = pl.when(~is_missing).then(read_dates(column, schema, date_format) if date_format else code)
    return _with_reason(name, value, reason, is_filled(column, schema) & value.is_null() & ~is_missing)


def file_column(name: str, declared: OwnVariable, entry: FileEntry, table: Table, column: str) -> FileColumn:
    """Combine a declaration, the codebook and the labels of a file."""
    _refuse_type(table.frame.collect_schema()[column], column)
    labels = table.value_labels.get(column, {})
    declared = _with_file_levels(declared, labels, table.categories.get(column))
    variable = describe_variable(name, declared, labels, table.labels.get(column, ""))
    stated = _labeled_reasons(labels) | _fold({**entry.missing, **declared.missing})
    change = _unit_change(variable, declared)
    codes: Mapping[str, str | float] = (
        {fold_code(code): value * change.times + change.plus for code, value in declared.values.items()}
        if variable.kind == "number"
        else _level_codes(variable, declared, labels)
    )
    kept = {code: value for code, value in codes.items() if code not in stated}
    missing = na_words([*entry.keep, *declared.keep, *kept]) | stated
    recoder = Recoder(variable.dtype, kept, missing, change=change)
    return FileColumn(variable, recoder, column, entry.decimal, entry.thousands)


def _refuse_type(dtype: pl.DataType, column: str) -> None:
    if dtype.is_nested() or isinstance(dtype, pl.Duration | pl.Object):
        raise VariableError(
            f"The column '{column}' has the type {short(str(dtype))}, which is not read. Convert it to "
            "numbers or text where the file is written."
        )


def _with_file_levels(declared: OwnVariable, labels: Labels, listed: Categories | None) -> OwnVariable:
    """Take the categories of the file where neither the declaration nor labels of codes list any."""
    if declared.levels or labels or listed is None or declared.kind not in (None, "category"):
        return declared
    ordered = listed.ordered if declared.ordered is None else declared.ordered
    levels = tuple(level.strip().lower() for level in listed.levels)
    return declared.model_copy(update={"levels": levels, "ordered": ordered})


def describe_variable(
    name: str, declared: OwnVariable, labels: Labels | None = None, file_label: str = ""
) -> Variable:
    """Make the codebook entry of a declared variable; the shared codebook describes its own names."""
    known = known_variables().variables.get(name)
    levels = _own_levels(declared, labels or {})
    shared: dict[str, Any] = {
        "question": declared.question or file_label,
        "source": f"column {declared.column}" if declared.column else f"expression {declared.expression}",
        "node": declared.node,
    }
    if known is not None:
        return replace(
            known,
            label=declared.label or known.label,
            levels=known.levels or levels,
            ordered=known.ordered if known.levels else declared.ordered is not False,
            reference=declared.reference or known.reference,
            note=" ".join(filter(None, (known.note if known.kind != "number" else "", declared.note))),
            component=known.component if declared.component is None else declared.component,
            **shared,
        )
    kind = _kind_of(levels) if declared.kind is None or declared.kind == "date" else declared.kind
    return Variable(
        name,
        declared.label or file_label or name,
        kind,
        levels if kind == "category" else (),
        declared.reference,
        (declared.convert_to or declared.unit) if kind == "number" else "",
        declared.component or "",
        note=declared.note,
        # Levels that study.toml lists, and labels of codes, are in order.
        ordered=kind == "category" and declared.ordered is not False,
        **shared,
    )


def describe_expression(name: str, declared: OwnVariable, parsed: Formula) -> Variable:
    """Make the codebook entry of a variable that an expression computes."""
    ordered = bool(declared.levels) if declared.ordered is None else declared.ordered
    computed = {"kind": parsed.result, "levels": declared.levels or parsed.levels, "ordered": ordered}
    entry = describe_variable(name, declared.model_copy(update=computed))
    if entry.kind != parsed.result:
        raise VariableError(
            f"'{name}' is of kind '{entry.kind}', but its expression gives '{parsed.result}'. Correct the "
            "expression or rename the variable."
        )
    for level in parsed.levels:
        require_known(f"Variable '{name}' has no level", level, entry.levels, error=VariableError)
    return entry


def _kind_of(levels: tuple[str, ...]) -> Kind:
    if not levels:
        return "number"
    return "yes_no" if set(levels) == set(YES_NO) else "category"


def _own_levels(declared: OwnVariable, labels: Labels) -> tuple[str, ...]:
    """List levels in the order of their declaration, or of the codes that the file labels."""
    found = list(declared.codes.values() or declared.levels)
    if not found:
        reasons = {*_labeled_reasons(labels), *map(fold_code, declared.missing)}
        ordered = sorted(labels, key=lambda code: (_as_float(code), code))
        found = [labels[code].lower() for code in ordered if fold_code(code) not in reasons]
    return tuple(dict.fromkeys(found))


def _as_float(code: str) -> float:
    try:
        return float(code)
    except ValueError:
        return float("inf")


def _fold(codes: Mapping[str, str]) -> dict[str, str]:
    return {fold_code(code): word for code, word in codes.items()}


def _labeled_reasons(labels: Labels) -> dict[str, str]:
    """Take labels such as "Refused" or "Don't know" as the reasons that they name."""
    words = {reason: reason for reason in REASONS} | {"don’t know": "don't know", "dont know": "don't know"}
    return _match_labels(labels, words)


def _match_labels(labels: Labels, words: Mapping[str, str]) -> dict[str, str]:
    return {fold_code(code): words[label.lower()] for code, label in labels.items() if label.lower() in words}


def _level_codes(variable: Variable, declared: OwnVariable, labels: Labels) -> dict[str, str]:
    if declared.codes:
        return _fold(declared.codes)
    words = {tidy_word(level).lower(): level for level in variable.levels}
    labeled = _match_labels(labels, words)
    return (_ANSWERS if variable.kind == "yes_no" and not labeled else {}) | words | labeled


def _unit_change(variable: Variable, declared: OwnVariable) -> Conversion:
    if variable.kind != "number" or not declared.unit:
        return Conversion()
    if not variable.unit:
        raise VariableError(
            f"'{variable.name}' has no unit in the codebook, so that '{declared.unit}' cannot be converted. "
            "Remove the key unit."
        )
    return conversion(declared.unit, variable.unit, variable.name, declared.analyte)
