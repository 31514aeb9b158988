"""Read a raw column of a file or frame as numbers, dates or codes, with reasons for missing values."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from toolkit.sources.harmonize.units import Conversion
from toolkit.variables import Reason

UNREAD = ".unread"  # ends the name of the column that marks entries which the declaration does not explain
DECLARED_MISSING = ":declared missing"  # ends that of the column with the missing codes of SPSS and Stata
ZERO_OF_SAS = 16.0**-65  # what pandas' reader of transport files makes of 0
# What R, pandas, spreadsheets, data bases, SAS and Stata write for a missing value in text, in small letters.
NA_WORDS = ("na", "n/a", "#n/a", "null", "nan", "nat", "<na>", ".")
_NOT_A_NUMBER = ("nan", "nat", "<na>")  # as text of what frames have as missing values
NOT_A_VALUE, RECORDED_AS_NA = "no value recorded", "recorded as NA"
# Blanks that do not break a line or have another width, and characters that are not seen (Unicode, 2023).
_BLANK = "[\u00a0\u2000-\u200a\u202f\u205f\u3000]"
_INVISIBLE = "[\u00ad\u200b\u200e\u200f\u2060\ufeff]"
ISO = "%Y-%m-%d"
_ISO_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?( ?(Z|UTC|[+-]\d{2}:?(\d{2})?))?)?$"
# How `date_format` names the days that Excel, and SAS and Stata, count, and the day that is their 0.
SERIAL_DAYS = {"excel": date(1899, 12, 30), "sas": date(1960, 1, 1), "stata": date(1960, 1, 1)}


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


def read_cell(column: str, dtype: pl.DataType, kept: Collection[str] = ()) -> pl.Expr:
    """Read a cell as it is typed: text without blanks around it, no NaN, zeros of SAS, local dates.

    Blank text and words for a missing value are null, except the words `kept`.
    """
    cell = pl.col(column)
    if is_text(dtype):
        text = cell.cast(pl.String).str.strip_chars()
        return pl.when((text != "") & ~_is_na_word(text, kept)).then(text)
    if dtype.is_float():
        return pl.when(cell == ZERO_OF_SAS).then(0.0).when(~cell.is_nan()).then(cell)
    if dtype.is_decimal() or isinstance(dtype, pl.Int128 | pl.UInt128):
        return cell.cast(pl.Float64)
    return cell.dt.date() if isinstance(dtype, pl.Datetime) else cell


def na_reason(column: str, kept: Collection[str] = ()) -> pl.Expr:
    """Give the reason for cells of text that contain a word for a missing value."""
    text = pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase()
    words = [word for word, reason in na_words(kept).items() if reason == RECORDED_AS_NA]
    return pl.when(text.is_in(words)).then(pl.lit(RECORDED_AS_NA, Reason))


def na_words(kept: Collection[str] = ()) -> dict[str, str]:
    """Map each word for a missing value, except those kept, to its reason."""
    values = {word.strip().lower() for word in kept}
    reasons = {word: NOT_A_VALUE if word in _NOT_A_NUMBER else RECORDED_AS_NA for word in NA_WORDS}
    return {word: reason for word, reason in reasons.items() if word not in values}


def _is_na_word(text: pl.Expr, kept: Collection[str]) -> pl.Expr:
    words = list(na_words(kept))
    return text.str.to_lowercase().is_in(words) if words else pl.lit(value=False)


def is_text(dtype: pl.DataType | None) -> bool:
    """Whether a column contains text: strings, or categories."""
    return isinstance(dtype, pl.String | pl.Categorical | pl.Enum | pl.Binary)


def is_filled(column: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Mark cells with an entry; NaN and words for a missing value count, blanks do not."""
    cell = pl.col(column)
    return (
        cell.is_not_null() & ~(cell.str.strip_chars() == "")
        if is_text(schema[column])
        else cell.is_not_null()
    )


def read_numbers(
    column: str, schema: Mapping[str, pl.DataType], decimal: str = ".", thousands: str = ""
) -> pl.Expr:
    """Read a column as finite numbers."""
    dtype, cell = schema[column], read_cell(column, schema[column])
    value = parse_numbers(cell, decimal, thousands) if is_text(dtype) else cell.cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def parse_numbers(text: pl.Expr, decimal: str = ".", thousands: str = "") -> pl.Expr:
    """Parse text as numbers with a decimal sign and perhaps a sign between groups of three digits.

    With a decimal comma, text with a point that does not separate thousands is not a number.
    """
    digits = text.str.strip_chars()
    if thousands:
        grouped = digits.str.contains(grouped_number(decimal, thousands))
        bare = digits.str.replace_all(thousands, "", literal=True)
        digits = pl.when(grouped).then(bare).otherwise(digits)
    if decimal == ",":
        digits = pl.when(~digits.str.contains(".", literal=True)).then(
            digits.str.replace(",", ".", literal=True)
        )
    number = digits.cast(pl.Float64, strict=False)
    return pl.when(number == ZERO_OF_SAS).then(0.0).otherwise(number)


def grouped_number(decimal: str, thousands: str) -> str:
    """Write the pattern of a number whose digits are grouped in threes."""
    return rf"^-?[1-9]\d{{0,2}}([{thousands}]\d{{3}})+([{decimal}]\d+)?$"


def read_dates(column: str, schema: Mapping[str, pl.DataType], date_format: str) -> pl.Expr:
    """Read a column as dates, by a format of text (numbers are read by their digits) or as serial days."""
    dtype = schema[column]
    if dtype.is_temporal():
        return read_cell(column, dtype).cast(pl.Date, strict=False)
    if date_format in SERIAL_DAYS:
        days = read_numbers(column, schema)
        span = pl.duration(days=days.floor().cast(pl.Int64))
        return pl.when(days.is_between(0, 100_000)).then(pl.lit(SERIAL_DAYS[date_format]) + span)
    text = _write_text(column, dtype, ".")
    return parse_iso_dates(text) if date_format == ISO else text.str.to_date(date_format, strict=False)


def parse_iso_dates(text: pl.Expr) -> pl.Expr:
    """Parse ISO dates and timestamps as dates, local to their time zone."""
    day = text.str.slice(0, len("2005-01-31")).str.to_date(ISO, strict=False)
    return pl.when(text.str.contains(_ISO_TIME)).then(day)


def read_codes(column: str, schema: Mapping[str, pl.DataType], decimal: str = ".") -> pl.Expr:
    """Read a column as codes: 1, 1.0 and "1" are the same code, blanks are null, words for NA are codes."""
    text = _write_text(column, schema[column], decimal)
    tidy = tidy_text(text) if is_text(schema[column]) else text
    return pl.coalesce(tidy, declared_missing(column, schema))


def tidy_text(text: pl.Expr) -> pl.Expr:
    """Write text that looks alike in one way: composed letters, plain blanks, no invisible characters."""
    plain = text.str.normalize("NFC").str.replace_all(_BLANK, " ").str.replace_all(_INVISIBLE, "")
    return plain.str.strip_chars()


def tidy_word(word: str) -> str:
    """Write a declared word as `tidy_text` writes it."""
    plain = re.sub(_BLANK, " ", unicodedata.normalize("NFC", word))
    return re.sub(_INVISIBLE, "", plain).strip()


def read_groups(column: str, schema: Mapping[str, pl.DataType], kept: Collection[str] = ()) -> pl.Expr:
    """Read a column as codes of persons, strata or sampling units, which a word for NA is not."""
    code = pl.coalesce(_write_text(column, schema[column], "."), declared_missing(column, schema))
    return pl.when(~_is_na_word(code, kept)).then(code)


def declared_missing(column: str, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Read the missing codes that an SPSS or Stata file declares for a column."""
    name = column + DECLARED_MISSING
    return pl.col(name) if name in schema else pl.lit(None, pl.String)


def _write_text(column: str, dtype: pl.DataType, decimal: str) -> pl.Expr:
    value = read_cell(column, dtype, kept=NA_WORDS)
    if dtype.is_float() or dtype.is_decimal():
        whole = (value == value.round(0)) & (value.abs() < 2.0**53)
        digits = value.cast(pl.Int64, strict=False).cast(pl.String)
        return pl.when(whole).then(digits).otherwise(value.cast(pl.String))
    if isinstance(dtype, pl.Boolean):
        return pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false"))
    return value.cast(pl.String).str.replace(rf"^(-?\d+)[{decimal}]0+$", "$1").str.replace(r"^-0$", "0")


def fold_code(code: str) -> str:
    """Write a declared code as `read_codes` writes it, in small letters: whole numbers without decimals."""
    text = tidy_word(code).lower()
    head, dot, tail = text.partition(".")
    whole = head if dot and not tail.strip("0") and head.lstrip("-").isdigit() else text
    return "0" if whole == "-0" else whole
