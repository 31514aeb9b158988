"""Profile a user's columns from the first rows, keeping no individual values except codes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from toolkit.sources.frame_categories import Categories
from toolkit.sources.harmonize.raw_values import (
    DECLARED_MISSING,
    ISO,
    na_words,
    parse_iso_dates,
    parse_numbers,
    read_cell,
    read_codes,
)
from toolkit.sources.user.tabular_files import Table
from toolkit.variables import sorted_levels

SEEN = 50_000  # rows that are profiled
MOST_CODES = 30  # a column of more different values does not contain codes
FORMS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y")
_SHORT = ("%d/%m/%y", "%d.%m.%y", "%d-%m-%y", "%m/%d/%y")  # years of two digits, read from 1969 to 2068
# How instruments and databases write the time of day after a date.
_TIMES = ("", " %H:%M:%S%.f", " %H:%M", "T%H:%M:%S%.f%#z", "T%H:%M:%S%.f", "T%H:%M", " %H:%M:%S%.f%#z")
# Codes as questionnaires have them: 7, 8, 9; 77, 88, 99; 97, 98, 99; 997, 998, 999.
REPEATED = re.compile(r"^-?(9*[789]|77+|88+)$")
_NEGATIVE = [float(number) for number in range(-9, 0)]
_REPEATED = [
    float(sign + before * n + last)
    for sign in ("", "-")
    for before, last in ("77", "88", "97", "98", "99")
    for n in range(12)
]
CODES = frozenset((*_NEGATIVE, *_REPEATED))
_GROUP = r"^-?[1-9]\d{0,2},\d{3}$"  # a comma between thousands, or before three decimals
_EITHER = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", *_SHORT)  # day and month may be swapped
_MANY = 20  # different days of a column of dates, at least
_NEARLY = 0.95
_APART, _OFTEN = 2, 3  # distance from the next number, and times its usual frequency, of a doubtful number


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
    suspects: tuple[str, ...] = ()  # 7s, 8s or 9s far from all others, perhaps codes
    date_form: str = ""  # "date" if the file has the type
    other_form: str = ""  # another form that fits where no day is above 12
    serial_days: str = ""  # the program whose day numbers the values may be
    doubtful: tuple[str, ...] = ()  # 7s, 8s or 9s apart from the other numbers, perhaps codes
    zeros: bool = False  # numbers with leading zeros, perhaps codes
    ordered: bool = False  # the file declares an order
    unread: str = ""  # the type of a column that is not read, such as a list

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


@dataclass(frozen=True)
class NumberSigns:
    """The decimal sign of numbers in text, the sign between thousands, and whether it may be otherwise."""

    decimal: str = "."
    thousands: str = ""
    unsure: bool = False


def find_signs(frame: pl.DataFrame, separator: str) -> NumberSigns:
    """Find the signs in numbers of a text file from all of its columns; "5,501" alone may be either."""
    texts = [frame[name].drop_nulls().str.strip_chars() for name in frame.select(pl.col(pl.String)).columns]
    numbers = [text for text in texts if len(text) and text.str.contains(r"^-?\d[\d.,]*$|^-?,\d+$").all()]

    def seen(pattern: str) -> bool:
        return any(text.str.contains(pattern).any() for text in numbers)

    groups = seen(r"^-?[1-9]\d{0,2}(,\d{3})+\.\d+$") or seen(r"^-?[1-9]\d{0,2}(,\d{3}){2,}$")
    fractions = any(
        _of_one_comma(text).filter(~_of_one_comma(text).str.contains(_GROUP)).len() for text in numbers
    )
    if fractions or seen(r"^-?[1-9]\d{0,2}(\.\d{3})+,\d+$"):
        return NumberSigns(",", "." if seen(r"^-?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$") else "", groups)
    if groups:
        return NumberSigns(".", ",")
    if seen(_GROUP):
        if any(text.str.contains(r"^-?\d*\.\d+$").any() for text in numbers):
            return NumberSigns(".", ",")
        return NumberSigns(".", ",", unsure=True) if separator == "," else NumberSigns(",", "", unsure=True)
    points = [text for text in numbers if text.str.contains(".", literal=True).any()]
    grouped = [t for t in points if t.str.contains(r"^-?([1-9]\d{0,2}\.\d{3}|\d{1,3})$").all()]
    return NumberSigns(unsure=separator == ";" and bool(points) and len(points) == len(grouped))


def _of_one_comma(text: pl.Series) -> pl.Series:
    return text.filter(text.str.contains(r"^-?\d*,\d+$"))


def drop_missing_words(frame: pl.DataFrame, keep: Sequence[str]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Remove words that are read as missing, such as R's NA; return the frame and the words, in capitals."""
    columns = [c for c in frame.select(pl.col(pl.String)).columns if not c.endswith(DECLARED_MISSING)]
    folded = frame.select(pl.col(columns).str.strip_chars().str.to_lowercase()) if columns else frame.select()
    found = [word for word in na_words(keep) if any((folded[name] == word).any() for name in columns)]
    words = [word.upper() for word in found]
    read = [read_cell(name, frame.schema[name], keep).alias(name) for name in columns] if found else []
    return frame.with_columns(read), tuple(words)


def profile_columns(table: Table, frame: pl.DataFrame, signs: NumberSigns) -> Iterator[Profile]:
    """Profile each column of a table."""
    # Codes that the file itself declares as missing are not values.
    own = frame.select(table.columns)
    for name in table.columns:
        yield _profile_column(table, own, name, signs)


def _profile_column(table: Table, frame: pl.DataFrame, name: str, signs: NumberSigns) -> Profile:
    dtype = frame.schema[name]
    unread = Profile(name, table.labels.get(name, ""), unread=str(dtype))
    if dtype.is_nested() or isinstance(dtype, pl.Duration):
        return unread
    try:
        values = frame.select(cell=read_codes(name, frame.schema, signs.decimal))["cell"].drop_nulls()
    except pl.exceptions.PolarsError:  # bytes that are not text
        return unread
    own = signs if isinstance(frame.schema[name], pl.String) else NumberSigns()
    parsed = parse_numbers(pl.col("cell"), own.decimal, own.thousands)
    numbers = values.to_frame("cell").select(parsed).to_series()
    numbers = numbers.filter(numbers.is_finite())
    different = values.n_unique()
    suspects = _suspects(numbers.unique())
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
        serial_days(f"{name} {table.labels.get(name, '')}", numbers),
        tuple(code for code in _doubtful(_count_values(numbers)) if code not in suspects),
        bool(values.str.contains(r"^-?0\d").any()),
        ordered=name in table.categories and table.categories[name].ordered,
    )


def _percentile(numbers: pl.Series, share: float) -> float | None:
    value = numbers.quantile(share)
    return None if value is None else float(value)


def suspected_codes(values: pl.Series, counts: pl.Series) -> list[float]:
    """Find the numbers of a column that may be codes for missing values, from its different values."""
    table = pl.DataFrame({"value": values.cast(pl.Float64), "n": counts}).filter(pl.col("value").is_finite())
    known = table["value"]
    if not known.is_in(list(CODES)).any():
        return []
    far = [float(code) for code in _suspects(known)]
    left = table.filter(~known.is_in(far)).sort("value")
    return sorted({*far, *map(float, _doubtful(left))})


def codes_among_words(texts: Iterable[str]) -> list[str]:
    """Find the numbers among words of a category if all may be codes, such as 9 beside yes and no."""
    listed = list(dict.fromkeys(texts))
    numbers = [text for text in listed if re.match(r"^-?\d+$", text)]
    coded = len(numbers) < len(listed) and all(float(number) in CODES for number in numbers)
    return numbers if coded else []


def _suspects(values: pl.Series) -> tuple[str, ...]:
    """Find numbers of repeated digits that are negative or far above all others, and a single -1 to -9."""
    below = values.filter(values < 0).sort()
    coded = bool(below.is_in(list(CODES)).all())
    if len(below) and coded and (len(below) == 1 or below[0] <= -7) and (values >= 0).any():
        return tuple(f"{number:.15g}" for number in below)
    found = values.is_in(_REPEATED)
    others = values.filter(~found)
    if not found.any() or not len(others):
        return ()
    low, high = float(others.min()), float(others.max())  # type: ignore[arg-type]
    far = [n for n in values.filter(found).sort() if (n < 0 <= low) or n > 2 * max(abs(low), abs(high))]
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
    form = next(
        (f"{day}{time}" for time in _TIMES for day in (*FORMS, *_SHORT) if _fits(f"{day}{time}", values)), ""
    )
    if not form.startswith(_EITHER):
        return form, ""
    swapped = form.replace("%d", "%D").replace("%m", "%d").replace("%D", "%m")
    read, other = (_parse_dates(each, values).count() for each in (form, swapped))
    return form, swapped if read == other else ""


def _fits(form: str, values: pl.Series) -> bool:
    if not _parse_dates(form, values.head(_MANY)).count():  # most columns do not contain dates
        return False
    read = _parse_dates(form, values).drop_nulls()
    return len(read) >= _NEARLY * len(values) and bool(read.dt.year().is_between(1900, 2100).all())


def _parse_dates(form: str, values: pl.Series) -> pl.Series:
    text = pl.col("text")
    parsed = parse_iso_dates(text) if form == ISO else text.str.to_date(form, strict=False)
    return values.to_frame("text").select(parsed).to_series()


def _count_values(numbers: pl.Series) -> pl.DataFrame:
    return numbers.alias("value").value_counts(name="n").sort("value")


def _doubtful(counts: pl.DataFrame) -> tuple[str, ...]:
    """Find numbers of 7s, 8s or 9s at the upper end that stand apart or are frequent."""
    repeated = counts["value"].is_in(_REPEATED)
    rest = counts.filter(~repeated)
    if rest.is_empty():
        return ()
    before, usual = float(rest["value"].max()), float(rest["n"].median() or 0)  # type: ignore[arg-type]
    found: list[float] = []
    for number, n in counts.filter(repeated & (counts["value"] > before)).iter_rows():
        # A run of codes, 97, 98, 99, stands apart as its first does.
        if number - before >= _APART or before in found or n > _OFTEN * usual:
            found.append(number)
        before = number
    return tuple(f"{number:.15g}" for number in found)


def serial_days(described: str, numbers: pl.Series) -> str:
    """Find whose day numbers whole numbers may be: those of Excel, or (where so named) of SAS and Stata."""
    if numbers.n_unique() < _MANY or (numbers != numbers.round()).any():
        return ""
    if numbers.is_between(32_874, 54_789).all():  # 1990 to 2050, counted from the end of 1899
        return "excel"
    return "sas" if names_date(described) and numbers.is_between(10_957, 32_872).all() else ""


def names_date(described: str) -> bool:
    """Whether the name or label of a column says that it contains dates."""
    return any(word in described.lower() for word in ("date", "datum", "fecha", "_dt"))
