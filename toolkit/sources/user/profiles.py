"""Profile a user's columns from the first rows, keeping no individual values except codes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from toolkit.sources.frame_categories import Categories
from toolkit.sources.harmonize.raw_values import parse_numbers, read_codes
from toolkit.sources.user.tabular_files import Table
from toolkit.variables import sorted_levels

SEEN = 50_000  # rows that are profiled
MOST_CODES = 30  # a column of more different values does not contain codes
FORMS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y")
# How instruments and databases write the time of day after a date.
_TIMES = ("", "T%H:%M:%S%.f%#z", "T%H:%M:%S%.f", " %H:%M:%S%.f", " %H:%M:%S%.f%#z", " %H:%M", "T%H:%M")
REPEATED = re.compile(r"^-?([789])\1*$")
_MISSING_WORDS = ("NA", "N/A", "#N/A", "NULL", "null", "NaN", "nan", ".")
_EITHER = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y")  # day and month may be swapped
_MANY = 20  # different days of a column of dates, at least
_NEARLY = 0.95


@dataclass(frozen=True)
class Profile:
    """What a column contains."""

    name: str
    label: str = ""
    value_labels: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0  # seen
    filled: int = 0  # cells
    different: int = 0  # values
    codes: tuple[str, ...] = ()  # the values in order, if they are few
    numbers: float = 0.0  # share of filled cells that are numbers
    fractions: bool = False  # some are not whole
    low: float | None = None  # 5th percentile, without the suspects
    high: float | None = None  # 95th percentile, without the suspects
    suspects: tuple[str, ...] = ()  # repeated 7s, 8s or 9s far from all others, perhaps codes
    date_form: str = ""  # "date" if the file has the type
    other_form: str = ""  # another form that fits where no day is above 12
    excel_days: bool = False  # may be Excel's day numbers
    ordered: bool = False  # the file declares an order

    @property
    def numeric(self) -> bool:
        """Whether nearly all filled cells are numbers."""
        return self.numbers >= _NEARLY and not self.date_form

    @property
    def unique(self) -> bool:
        """Whether every row has a different value."""
        return self.rows > 0 and self.filled == self.rows == self.different

    @property
    def words(self) -> bool:
        """Whether it contains few different words, most of them shared by several rows."""
        return bool(self.codes) and not self.numeric and 2 * self.different <= self.filled


def read_first_rows(table: Table) -> pl.DataFrame:
    """Read the first rows of a table."""
    return table.frame.head(SEEN).collect(engine="streaming")


def find_decimal(frame: pl.DataFrame) -> str:
    """Find the decimal sign of a text file: a comma if all numbers of some column fit it."""
    for name in frame.select(pl.col(pl.String)).columns:
        text = frame[name].drop_nulls().str.strip_chars()
        commas = text.str.contains(r"^-?\d+,\d+$")
        if commas.any() and (commas | text.str.contains(r"^-?\d*$")).mean() == 1:
            return ","
    return "."


def has_thousands_commas(frame: pl.DataFrame) -> bool:
    """Check whether all commas in numbers precede three digits, so that they may separate thousands."""
    texts = [frame[name].drop_nulls().str.strip_chars() for name in frame.select(pl.col(pl.String)).columns]
    commas = [text.filter(text.str.contains(r"^-?\d+,\d+$")) for text in texts]
    return any(len(text) for text in commas) and all(
        text.str.contains(r"^-?\d{1,3},\d{3}$").all() for text in commas if len(text)
    )


def drop_missing_words(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Remove words that programs write for missing values, such as R's NA; return frame and words."""
    columns = frame.select(pl.col(pl.String)).columns
    found = [word for word in _MISSING_WORDS if any((frame[name] == word).any() for name in columns)]
    none = pl.when(~pl.col(columns).is_in(found)).then(pl.col(columns)) if found and columns else None
    return (frame.with_columns(none) if none is not None else frame), tuple(found)


def profile_columns(table: Table, frame: pl.DataFrame, decimal: str) -> Iterator[Profile]:
    """Profile each column of a table."""
    # Codes that the file itself declares as missing are not values.
    own = frame.select(table.columns)
    for name in table.columns:
        yield _profile_column(table, own, name, decimal)


def _profile_column(table: Table, frame: pl.DataFrame, name: str, decimal: str) -> Profile:
    values = frame.select(cell=read_codes(name, frame.schema, decimal))["cell"].drop_nulls()
    sign = decimal if isinstance(frame.schema[name], pl.String) else "."
    numbers = pl.select(parse_numbers(pl.lit(values), sign)).to_series().drop_nulls().drop_nans()
    different = values.n_unique()
    suspects = _suspects(numbers)
    numbers = numbers.filter(~numbers.is_in([float(code) for code in suspects])).cast(pl.Float64)
    shown = len(numbers) + sum(int((values == code).sum()) for code in suspects)
    return Profile(
        name,
        table.labels.get(name, ""),
        table.value_labels.get(name, {}),
        frame.height,
        len(values),
        different,
        _codes(values, table.categories.get(name)) if different <= MOST_CODES else (),
        shown / len(values) if len(values) else 0.0,
        bool((numbers != numbers.round()).any()),
        _percentile(numbers, 0.05),
        _percentile(numbers, 0.95),
        suspects,
        *_date_formats(frame.schema[name], values),
        _are_excel_days(numbers),
        ordered=name in table.categories and table.categories[name].ordered,
    )


def _percentile(numbers: pl.Series, share: float) -> float | None:
    value = numbers.quantile(share)
    return None if value is None else float(value)


def _suspects(numbers: pl.Series) -> tuple[str, ...]:
    """Find numbers of repeated digits that are negative or far above all others, and a single -1 to -9."""
    below = numbers.filter(numbers < 0).unique()
    if len(below) == 1 and below[0] in range(-9, 0) and (numbers >= 0).any():
        return (str(int(below[0])),)
    found = {float(n) for n in numbers.unique() if n == int(n) and REPEATED.match(str(int(n)))}
    others = numbers.filter(~numbers.is_in(sorted(found)))
    if not found or not len(others):
        return ()
    low, high = float(others.min()), float(others.max())  # type: ignore[arg-type]
    far = [n for n in sorted(found) if (n < 0 <= low) or n > 2 * max(abs(low), abs(high))]
    return tuple(str(int(n)) for n in far)


def _codes(values: pl.Series, listed: Categories | None) -> tuple[str, ...]:
    found = values.unique().to_list()
    if listed:
        return tuple(level for level in listed.levels if level.strip() in found)
    if any(_order(code)[0] == 0 for code in found):
        return tuple(sorted(found, key=_order))
    return sorted_levels(found)


def _order(code: str) -> tuple[int, float, str]:
    try:
        return 0, float(code.replace(",", ".")), code
    except ValueError:
        return 1, 0.0, code


def _date_formats(dtype: pl.DataType, values: pl.Series) -> tuple[str, str]:
    """Find the date format, and the one with day and month swapped if that fits as well."""
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "date", ""
    if not isinstance(dtype, pl.String) or not len(values):
        return "", ""
    form = next((f"{day}{time}" for time in _TIMES for day in FORMS if _fits(f"{day}{time}", values)), "")
    if not form.startswith(_EITHER):
        return form, ""
    swapped = form.replace("%d", "%D").replace("%m", "%d").replace("%D", "%m")
    read, other = (values.str.to_date(each, strict=False).count() for each in (form, swapped))
    return form, swapped if read == other else ""


def _fits(form: str, values: pl.Series) -> bool:
    if not values.head(_MANY).str.to_date(form, strict=False).count():  # most columns do not contain dates
        return False
    read = values.str.to_date(form, strict=False).drop_nulls()
    return len(read) >= _NEARLY * len(values) and bool(read.dt.year().is_between(1900, 2100).all())


def _are_excel_days(numbers: pl.Series) -> bool:
    """Check whether numbers are whole, many, and all days of 1990 to 2050 counted from the end of 1899."""
    if numbers.n_unique() < _MANY or (numbers != numbers.round()).any():
        return False
    return bool(numbers.is_between(32_874, 54_789).all())
