"""Describe the columns of a file of the user's own: what they hold, without any person's value but codes.

Takes an open table; gives a `Profile` a column, made of the file's first rows.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from toolkit.level_order import sorted_levels
from toolkit.own.columns import code_text, text_number
from toolkit.own.frame_categories import Categories
from toolkit.own.table_files import Table

SEEN = 50_000  # rows that a first look takes
MOST_CODES = 30  # a column of more different values holds no codes
FORMS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y")
REPEATED = re.compile(r"^-?([789])\1*$")
_NEARLY = 0.95


@dataclass(frozen=True)
class Profile:
    """What a column holds.

    Attributes
    ----------
    name, label, value_labels
        As the file has them.
    rows, filled
        Rows seen, and those of them with something in the cell.
    different
        How many different values there are.
    codes
        The values in order, if they are few; a column of free text gives none.
    numbers
        The share of filled cells that are numbers.
    low, high
        5th and 95th percentile of the numbers, without the suspects.
    suspects
        Numbers of repeated 7s, 8s or 9s that stand far from all others, as codes for missing values do.
    date_form
        How its dates are written; "" if it holds none. "date" if the file itself says so.
    ordered
        Whether the file says that its categories stand in order.
    """

    name: str
    label: str = ""
    value_labels: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    filled: int = 0
    different: int = 0
    codes: tuple[str, ...] = ()
    numbers: float = 0.0
    low: float | None = None
    high: float | None = None
    suspects: tuple[str, ...] = ()
    date_form: str = ""
    ordered: bool = False

    @property
    def numeric(self) -> bool:
        """Whether nearly all of its cells are numbers."""
        return self.numbers >= _NEARLY and not self.date_form

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 0 and self.filled == self.rows == self.different

    @property
    def words(self) -> bool:
        """Whether it holds a few words, none of them one person's alone for most."""
        return bool(self.codes) and not self.numeric and 2 * self.different <= self.filled


def first_rows(table: Table) -> pl.DataFrame:
    """Take the first rows of a table."""
    return table.frame.head(SEEN).collect(engine="streaming")


def decimal_of(frame: pl.DataFrame) -> str:
    """Tell whether the numbers of a text file have a decimal comma.

    Examples
    --------
    >>> decimal_of(pl.DataFrame({"kg": ["61,5", "70"], "id": ["1", "2"]}))
    ','
    """
    for name in frame.select(pl.col(pl.String)).columns:
        text = frame[name].drop_nulls().str.strip_chars()
        commas = text.str.contains(r"^-?\d+,\d+$")
        if commas.any() and (commas | text.str.contains(r"^-?\d*$")).mean() == 1:
            return ","
    return "."


def profiles(table: Table, frame: pl.DataFrame, decimal: str) -> Iterator[Profile]:
    """Describe each column of a table by its first rows."""
    # Codes that the file itself declares to be missing are no values.
    seen = replace(table, frame=frame.select(table.columns).lazy(), text=None)
    for name in table.columns:
        yield _profile(seen, frame, name, decimal)


def _profile(table: Table, frame: pl.DataFrame, name: str, decimal: str) -> Profile:
    values = frame.select(cell=code_text(name, table, decimal))["cell"].drop_nulls()
    sign = decimal if isinstance(frame.schema[name], pl.String) else "."
    numbers = pl.select(text_number(pl.lit(values), sign)).to_series().drop_nulls().drop_nans()
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
        _percentile(numbers, 0.05),
        _percentile(numbers, 0.95),
        suspects,
        _date_form(frame.schema[name], values),
        ordered=name in table.categories and table.categories[name].ordered,
    )


def _percentile(numbers: pl.Series, share: float) -> float | None:
    value = numbers.quantile(share)
    return None if value is None else float(value)


def _suspects(numbers: pl.Series) -> tuple[str, ...]:
    """Find numbers of repeated digits that are negative, or twice as large as any other."""
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


def _date_form(dtype: pl.DataType, values: pl.Series) -> str:
    if isinstance(dtype, pl.Date | pl.Datetime):
        return "date"
    if not isinstance(dtype, pl.String) or not len(values):
        return ""
    for form in FORMS:
        read = values.str.to_date(form, strict=False).drop_nulls()
        if len(read) >= _NEARLY * len(values) and read.dt.year().is_between(1900, 2100).all():
            return form
    return ""
