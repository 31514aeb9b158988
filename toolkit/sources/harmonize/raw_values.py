"""Read a raw column as numbers, dates or coded values, and record why each missing value is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from toolkit.sources.harmonize.units import Conversion
from toolkit.variables import Reason

UNREAD = ".unread"  # ends the name of the column that marks entries which the declaration does not explain
DECLARED_MISSING = ":declared missing"  # ends that of the column with the missing codes of SPSS and Stata


@dataclass(frozen=True)
class Recoder:
    """The rules for one column of any survey: values by code, reasons by missing code, permitted numbers."""

    dtype: pl.DataType = field(default_factory=pl.Float64)  # Float64 for numbers
    codes: Mapping[Any, Any] = field(default_factory=dict)  # code -> value; {} to read numbers
    missing: Mapping[Any, str] = field(default_factory=dict)  # a code that has a value too gives both
    range: tuple[float, float] | None = None  # after the change of unit
    divide_by: float = 1
    change: Conversion = field(default_factory=Conversion)

    def reason(self, code: pl.Expr) -> pl.Expr:
        """Look up the reason that a code states."""
        if not self.missing:
            return pl.lit(None, Reason)
        return code.replace_strict(self.missing, default=None, return_dtype=Reason)

    def value(self, code: pl.Expr, number: pl.Expr) -> pl.Expr:
        """Look up the value of a code, or convert the number where there are no codes."""
        if self.codes or self.dtype != pl.Float64:
            return code.replace_strict(self.codes, default=None, return_dtype=self.dtype)
        divided = number if self.divide_by == 1 else divide_exactly(number, self.divide_by)
        return pl.when(self.reason(code).is_null()).then(self.change.expression(divided))

    def unexplained(self, code: pl.Expr, number: pl.Expr) -> pl.Expr:
        """Mark entries that are neither a value, a missing code nor in the range."""
        value = self.value(code, number)
        strange = code.is_not_null() & value.is_null() & self.reason(code).is_null()
        outside = ~value.is_between(*self.range) if self.range and not self.codes else pl.lit(value=False)
        return strange | outside.fill_null(value=False)


def divide_exactly(value: pl.Expr, by: float) -> pl.Expr:
    """Divide by a column of a number, as polars divides by a scalar through its inexact reciprocal."""
    return value / (value * 0 + by)


def is_filled(column: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Mark cells with an entry; NaN counts, blanks do not."""
    cell = pl.col(column)
    text = isinstance(schema[column], pl.String)
    return cell.is_not_null() & (cell.str.strip_chars() != "") if text else cell.is_not_null()


def read_numbers(column: str, schema: Mapping[str, pl.DataType], decimal: str = ".") -> pl.Expr:
    """Read a column as finite numbers."""
    cell = pl.col(column)
    is_text = isinstance(schema[column], pl.String)
    value = parse_numbers(cell, decimal) if is_text else cell.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def parse_numbers(text: pl.Expr, decimal: str) -> pl.Expr:
    """Parse text as numbers. With a decimal comma, text with a point (for thousands) is not a number."""
    digits = text.str.strip_chars()
    if decimal == ",":
        digits = pl.when(~digits.str.contains(".", literal=True)).then(
            digits.str.replace(",", ".", literal=True)
        )
    return digits.cast(pl.Float64, strict=False)


def read_dates(column: str, schema: Mapping[str, pl.DataType], date_format: str) -> pl.Expr:
    """Read a column as dates; a number such as 20240131 is read by its digits."""
    cell = pl.col(column)
    if schema[column].is_temporal():
        return cell.cast(pl.Date, strict=False)
    return _write_text(cell, schema[column], ".").str.to_date(date_format, strict=False)


def read_codes(column: str, schema: Mapping[str, pl.DataType], decimal: str = ".") -> pl.Expr:
    """Read a column as codes: 1, 1.0 and "1" are the same code, blanks are null."""
    text = _write_text(pl.col(column), schema[column], decimal)
    return pl.coalesce(text, declared_missing(column, schema))


def declared_missing(column: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Read the missing codes that an SPSS or Stata file declares for a column."""
    name = column + DECLARED_MISSING
    return pl.col(name) if name in schema else pl.lit(None, pl.String)


def _write_text(value: pl.Expr, dtype: pl.DataType, decimal: str) -> pl.Expr:
    if dtype.is_float():
        whole = (value == value.round(0)) & (value.abs() < 2.0**53)
        digits = value.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(value.is_not_nan()).then(pl.when(whole).then(digits).otherwise(value.cast(pl.String)))
    if isinstance(dtype, pl.Boolean):
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    text = value.cast(pl.String).str.strip_chars().str.replace(rf"^(-?\d+)[{decimal}]0+$", "$1")
    return pl.when(text != "").then(text)


def fold_code(code: str) -> str:
    """Write a declared code as `read_codes` writes it, in small letters: whole numbers without decimals."""
    text = code.strip().lower()
    head, dot, tail = text.partition(".")
    return head if dot and not tail.strip("0") and head.lstrip("-").isdigit() else text
