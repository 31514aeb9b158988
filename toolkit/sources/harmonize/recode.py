"""Turn the columns of a user's file into codebook values, each with the reason where it is missing.

Takes a declared variable and its table; gives lazy expressions: the value, why it is missing, and whether the
file holds something there that the declaration does not explain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from toolkit.errors import VariableError
from toolkit.sources.frame_categories import Categories
from toolkit.sources.harmonize.units import Conversion, conversion
from toolkit.sources.user.declaration import FileEntry, OwnVariable, known_variables
from toolkit.sources.user.tabular_files import DECLARED_MISSING, Table
from toolkit.variables.codebook import REASONS, YES_NO, Kind, Reason, Variable, why

UNREAD = ".unread"  # suffix of the column that marks what a declaration does not explain
NO_VALUE = "no value recorded"
_ANSWERS = {"yes": "yes", "no": "no", "true": "yes", "false": "no", "1": "yes", "0": "no"}


@dataclass(frozen=True)
class OwnColumn:
    """A declared variable beside its codebook entry, ready to be read from a table.

    Attributes
    ----------
    variable
        What it is; levels and labels of the file are in it.
    codes
        Code in small letters -> level; empty for a number.
    missing
        Code in small letters -> reason.
    change
        From the file's unit to the codebook's.
    column
        The column of the file.
    decimal
        The sign before the decimals in text.
    """

    variable: Variable
    codes: Mapping[str, str]
    missing: Mapping[str, str]
    change: Conversion
    column: str
    decimal: str = "."

    def expressions(self, table: Table) -> list[pl.Expr]:
        """Give value, reason and unread mark as lazy columns of the table."""
        name, dtype = self.variable.name, table.frame.collect_schema()[self.column]
        text = code_text(self.column, table, self.decimal)
        reason = text.str.to_lowercase().replace_strict(self.missing, default=None, return_dtype=Reason)
        value = self._value(text, dtype)
        known = pl.when(reason.is_null()).then(value)
        unread = text.is_not_null() & reason.is_null() & value.is_null()
        declared = pl.col(self.column + DECLARED_MISSING) if _has_declared(table, self.column) else None
        if declared is not None:
            unread &= declared.is_null()
        left = pl.when(known.is_null()).then(pl.coalesce(reason, pl.lit(NO_VALUE, Reason)))
        return [known.alias(name), left.alias(why(name)), unread.alias(name + UNREAD)]

    def _value(self, text: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        if self.variable.kind != "number":
            found = text.str.to_lowercase().replace_strict(self.codes, default=None, return_dtype=pl.String)
            return found.cast(self.variable.dtype)
        return self.change.expression(as_number(self.column, dtype, self.decimal))


def as_number(column: str, dtype: pl.DataType, decimal: str = ".") -> pl.Expr:
    """Read a column as numbers; what is no finite number is null."""
    if isinstance(dtype, pl.String):
        value = text_number(pl.col(column), decimal)
    else:
        value = pl.col(column).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def text_number(text: pl.Expr, decimal: str) -> pl.Expr:
    """Read text as numbers. Where decimals stand behind a comma, a point would part thousands: no number."""
    plain = text.str.strip_chars()
    if decimal == ",":
        plain = pl.when(~plain.str.contains(".", literal=True)).then(
            plain.str.replace(",", ".", literal=True)
        )
    return plain.cast(pl.Float64, strict=False)


def as_date(column: str, dtype: pl.DataType, form: str) -> pl.Expr:
    """Read a column as dates; a number such as 20240131 is read by its digits."""
    cell = pl.col(column)
    if dtype.is_temporal():
        return cell.cast(pl.Date, strict=False)
    return _as_text(cell, dtype, ".").str.to_date(form, strict=False)


def filled(column: str, dtype: pl.DataType) -> pl.Expr:
    """Tell whether a cell holds anything; not-a-number counts, blanks do not."""
    cell = pl.col(column)
    text = isinstance(dtype, pl.String)
    return cell.is_not_null() & (cell.str.strip_chars() != "") if text else cell.is_not_null()


def input_columns(name: str, column: str, form: str, table: Table, entry: FileEntry) -> list[pl.Expr]:
    """Give a column that only formulas read, as codes or as dates of a form, and why it is missing."""
    text, dtype = code_text(column, table, entry.decimal), table.frame.collect_schema()[column]
    missing = labelled_reasons(table.value_labels.get(column, {})) | low_codes(entry.missing)
    reason = text.str.to_lowercase().replace_strict(missing, default=None, return_dtype=Reason)
    told = reason.is_not_null()
    if _has_declared(table, column):
        told |= pl.col(column + DECLARED_MISSING).is_not_null()
    known = pl.when(~told).then(as_date(column, dtype, form) if form else text)
    left = pl.when(known.is_null()).then(pl.coalesce(reason, pl.lit(NO_VALUE, Reason)))
    unread = filled(column, dtype) & known.is_null() & ~told
    return [known.alias(name), left.alias(why(name)), unread.alias(name + UNREAD)]


def code_text(column: str, table: Table, decimal: str = ".") -> pl.Expr:
    """Write a column's values as codes: 1, 1.0 and "1" alike, nothing and blanks as null."""
    dtype = table.frame.collect_schema()[column]
    text = _as_text(pl.col(column), dtype, decimal)
    declared = pl.col(column + DECLARED_MISSING) if _has_declared(table, column) else pl.lit(None, pl.String)
    return pl.coalesce(text, declared)


def _has_declared(table: Table, column: str) -> bool:
    return column + DECLARED_MISSING in table.frame.collect_schema()


def _as_text(value: pl.Expr, dtype: pl.DataType, decimal: str) -> pl.Expr:
    if dtype.is_float():
        whole = (value == value.round(0)) & (value.abs() < 2.0**53)
        written = (
            pl.when(whole)
            .then(value.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(value.cast(pl.String))
        )
        return pl.when(value.is_not_nan()).then(written)
    if isinstance(dtype, pl.Boolean):
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    text = value.cast(pl.String).str.strip_chars().str.replace(rf"^(-?\d+)[{decimal}]0+$", "$1")
    return pl.when(text != "").then(text)


def own_column(name: str, declared: OwnVariable, entry: FileEntry, table: Table, column: str) -> OwnColumn:
    """Put a declaration, the codebook and the file's labels together.

    Raises
    ------
    VariableError
        If the unit cannot be converted, or a level is unknown.
    """
    known = known_variables().variables.get(name)
    labels = table.value_labels.get(column, {})
    listed = table.categories.get(column)
    variable = described(
        name, _with_listed(declared, labels, listed), known, labels, table.labels.get(column, "")
    )
    missing = labelled_reasons(labels) | low_codes({**entry.missing, **declared.missing})
    codes = {code: level for code, level in _codes(variable, declared, labels).items() if code not in missing}
    return OwnColumn(variable, codes, missing, _change(variable, declared), column, entry.decimal)


def _with_listed(declared: OwnVariable, labels: Mapping[str, str], listed: Categories | None) -> OwnVariable:
    """Take the levels that the file lists where neither the declaration nor labels of codes have any."""
    if declared.levels or labels or listed is None or declared.kind not in (None, "category"):
        return declared
    ordered = listed.ordered if declared.ordered is None else declared.ordered
    levels = tuple(level.strip().lower() for level in listed.levels)
    return declared.model_copy(update={"levels": levels, "ordered": ordered})


def described(
    name: str,
    declared: OwnVariable,
    known: Variable | None,
    labels: Mapping[str, str] | None = None,
    file_label: str = "",
) -> Variable:
    """Say what a declared variable is: by the codebook if it has the name, by its own words if not."""
    labels = labels or {}
    source = f"column {declared.column}" if declared.column else f"expression {declared.expression}"
    question = declared.question or file_label
    if known is not None:
        return replace(
            known,
            label=declared.label or known.label,
            levels=known.levels or _own_levels(declared, labels),
            ordered=known.ordered if known.levels else declared.ordered is not False,
            reference=declared.reference or known.reference,
            note=" ".join(filter(None, (known.note if known.kind != "number" else "", declared.note))),
            component=known.component if declared.component is None else declared.component,
            question=question,
            source=source,
            node=declared.node,
        )
    kind = declared.kind or _kind(declared, labels)
    return Variable(
        name,
        declared.label or file_label or name,
        kind,
        _own_levels(declared, labels) if kind == "category" else (),
        declared.reference,
        (declared.convert_to or declared.unit) if kind == "number" else "",
        declared.component or "",
        question,
        source=source,
        note=declared.note,
        # Levels that are listed in study.toml, and labels of codes, stand in order.
        ordered=kind == "category" and declared.ordered is not False,
        node=declared.node,
    )


def _kind(declared: OwnVariable, labels: Mapping[str, str]) -> Kind:
    levels = _own_levels(declared, labels)
    if not levels:
        return "number"
    return "yes_no" if set(levels) == set(YES_NO) else "category"


def _own_levels(declared: OwnVariable, labels: Mapping[str, str]) -> tuple[str, ...]:
    """List levels in the order of their declaration; those of the file's labels in that of their codes."""
    levels = declared.levels
    found = list(levels.values() if isinstance(levels, Mapping) else levels)
    if not found:
        reasons = {*labelled_reasons(labels), *map(_low, declared.missing)}
        ordered = sorted(labels, key=lambda code: (_as_float(code), code))
        found = [labels[code].lower() for code in ordered if _low(code) not in reasons]
    return tuple(dict.fromkeys(found))


def _as_float(code: str) -> float:
    try:
        return float(code)
    except ValueError:
        return float("inf")


def low_codes(codes: Mapping[str, str]) -> dict[str, str]:
    """Write codes as those of a column are written: small letters, whole numbers without decimals."""
    return {_low(code): word for code, word in codes.items()}


def labelled_reasons(labels: Mapping[str, str]) -> dict[str, str]:
    """Take a label that is a reason, such as "Refused" or "Don't know", for what it says."""
    words = {reason: reason for reason in REASONS} | {"don’t know": "don't know", "dont know": "don't know"}
    return {_low(code): words[label.lower()] for code, label in labels.items() if label.lower() in words}


def _codes(variable: Variable, declared: OwnVariable, labels: Mapping[str, str]) -> dict[str, str]:
    if variable.kind == "number":
        return {}
    if isinstance(declared.levels, Mapping) and declared.levels:
        return {_low(code): level for code, level in declared.levels.items()}
    words = {level.lower(): level for level in variable.levels}
    labelled = {_low(code): words[label.lower()] for code, label in labels.items() if label.lower() in words}
    return (_ANSWERS if variable.kind == "yes_no" and not labelled else {}) | words | labelled


def _low(code: str) -> str:
    text = code.strip().lower()
    head, dot, tail = text.partition(".")
    return head if dot and not tail.strip("0") and head.lstrip("-").isdigit() else text


def _change(variable: Variable, declared: OwnVariable) -> Conversion:
    if variable.kind != "number" or not declared.unit:
        return Conversion()
    wanted = variable.unit
    if not wanted:
        raise VariableError(
            f"'{variable.name}' has no unit in the codebook, so '{declared.unit}' cannot be converted. "
            "Remove the key unit."
        )
    return conversion(declared.unit, wanted, variable.name, declared.analyte)
