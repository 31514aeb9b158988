"""A data frame of participants that prints a summary instead of rows."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

import polars as pl

from toolkit.errors import DatasetError, short
from toolkit.variables import Reason

# What the provenance of a study calls its columns that identify participants, and those of free text.
IDENTIFIERS, FREE_TEXT = "identifiers", "free_text"
_HINT = "Rows of participants are printed only on request:"
_KINDS = ("number", "yes/no", "category", "date", "text", "reasons of missing values", "other")


def refuse_unusable_names(columns: Iterable[str]) -> None:
    """Raise if a column has no name, or one that polars would read as a pattern of several columns."""
    for name in columns:
        if not name.strip():
            raise DatasetError(
                "A column has no name, or one of blanks. Rename it, such as "
                f"frame.rename({{'{name}': 'my_column'}})."
            )
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise DatasetError(
                f"A column is named '{short(name)}', which would be read as a pattern of several columns. "
                f"Rename it, such as frame.rename({{'{short(name)}': 'my_column'}})."
            )


class PersonFrame(pl.DataFrame):
    """A frame that prints a summary instead of its rows; every operation on it returns a plain frame."""

    @classmethod
    def _from_pydf(cls, py_df: Any) -> pl.DataFrame:
        # Every method of polars that gives a frame makes it here: who calls one has asked.
        return pl.DataFrame._from_pydf(py_df)  # noqa: SLF001 - there is no public way; a test holds it

    def __repr__(self) -> str:
        """Count people, and columns and missing values by type."""
        rows = [(kind, *_counted(self, names)) for kind, names in _by_kind(self)]
        widths = [max((len(row[part]) for row in rows), default=0) for part in range(3)]
        lines = [
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([_size(self), *lines, f"{_HINT} study.people.head()"])

    __str__ = __repr__

    def _repr_html_(self, **_: Any) -> str:
        heads = "".join(f"<th>{head}</th>" for head in ("type", "columns", "values missing"))
        rows = "".join(
            f"<tr><td style='text-align:left'>{escape(kind)}</td><td style='text-align:left'>"
            f"{_names(names)}</td><td>{_counted(self, names)[1].partition(' ')[0]}</td></tr>"
            for kind, names in _by_kind(self)
        )
        return (
            f"<p><b>{escape(_size(self))}</b></p><table><tr>{heads}</tr>{rows}</table>"
            f"<p>{_HINT} <code>study.people.head()</code></p>"
        )


def _size(frame: pl.DataFrame) -> str:
    people = "1 person" if frame.height == 1 else f"{frame.height:,} people"
    return f"{people} x {frame.width:,} columns"


def _by_kind(frame: pl.DataFrame) -> Iterator[tuple[str, list[str]]]:
    kinds = {name: _kind(dtype) for name, dtype in frame.schema.items()}
    for kind in _KINDS:
        if names := [name for name, found in kinds.items() if found == kind]:
            yield kind, names


def _kind(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Enum):
        if dtype == Reason:
            return "reasons of missing values"
        return "yes/no" if set(dtype.categories) == {"yes", "no"} else "category"
    if isinstance(dtype, pl.Boolean):
        return "yes/no"
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "date"
    words = {pl.String: "text", pl.Categorical: "category"}
    return words.get(type(dtype), "other")


def _counted(frame: pl.DataFrame, names: list[str]) -> tuple[str, str]:
    columns = "1 column" if len(names) == 1 else f"{len(names):,} columns"
    if frame.schema[names[0]] == Reason:
        return columns, ""
    missing = _missing(frame, names)
    return columns, "1 value missing" if missing == 1 else f"{missing:,} values missing"


def _missing(frame: pl.DataFrame, names: list[str]) -> int:
    return sum(frame[name].null_count() for name in names)


def _names(names: list[str]) -> str:
    """Show the number of columns, which unfolds to their names."""
    listed = ", ".join(escape(name) for name in names)
    return f"<details><summary>{len(names):,}</summary>{listed}</details>"
