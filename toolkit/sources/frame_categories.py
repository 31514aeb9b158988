"""Read what frames and files declare that polars does not read: ordered categories, and offsets of time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import narwhals as nw
import polars as pl


@dataclass(frozen=True)
class Categories:
    """The levels that a frame lists for a column, and whether it declares them as ordered."""

    levels: tuple[str, ...]
    ordered: bool


def with_text_categories(frame: Any) -> Any:
    """Convert numeric and interval categories of pandas to text in their order, except 0/1 and true/false."""
    numeric = {name: dtype for name, dtype in _pandas_types(frame) if not _are_text(dtype.categories)}
    changed = {
        name: frame[name].cat.rename_categories([f"{level}" for level in dtype.categories])
        for name, dtype in numeric.items()
        if not _zero_or_one(dtype.categories)
    }
    plain = {
        name: frame[name].astype(dtype.categories.dtype)
        for name, dtype in numeric.items()
        if _zero_or_one(dtype.categories) and not frame[name].isna().any()
    }
    return frame.assign(**changed, **plain) if changed or plain else frame


def with_local_times(frame: Any) -> Any:
    """Convert times of pandas and pyarrow with an offset, such as +05:30, to the local time that they state.

    Polars reads zones by their names alone.
    """
    if hasattr(frame, "iloc") and hasattr(frame, "assign"):
        names = [name for name, dtype in frame.dtypes.items() if _has_offset(_zone_of(dtype))]
        return frame.assign(**{name: frame[name].dt.tz_localize(None) for name in names}) if names else frame
    if not hasattr(frame, "unify_dictionaries"):
        return frame
    from pyarrow import compute  # type: ignore[import-untyped]

    for at, field in enumerate(frame.schema):
        if _has_offset(getattr(field.type, "tz", None)):
            frame = frame.set_column(at, field.name, compute.local_timestamp(frame[field.name]))
    return frame


def _zone_of(dtype: Any) -> Any:
    return getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)


def _has_offset(zone: Any) -> bool:
    try:
        return zone is not None and not ZoneInfo(str(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return True


def parquet_with_offsets(path: Path) -> pl.DataFrame | None:
    """Read a parquet file that has times with an offset, which polars cannot open; None for another file."""
    from pyarrow import ArrowException, parquet

    try:
        if not any(_has_offset(getattr(field.type, "tz", None)) for field in parquet.read_schema(path)):
            return None
        read = pl.from_arrow(with_local_times(parquet.read_table(path)))
    except (ArrowException, OSError):
        return None  # the reader reports a damaged file
    return read if isinstance(read, pl.DataFrame) else None


def declared_categories(known: "nw.DataFrame[Any] | nw.LazyFrame[Any]") -> dict[str, Categories]:
    """List the columns whose categories the frame declares."""
    schema: Mapping[str, Any] = known.collect_schema()
    found = {
        name: Categories(tuple(dtype.categories), ordered=True)
        for name, dtype in schema.items()
        if isinstance(dtype, nw.Enum)
    }
    native = nw.to_native(known)
    listed = {
        name: Categories(tuple(dtype.categories), bool(dtype.ordered))
        for name, dtype in _pandas_types(native)
        if _are_text(dtype.categories)
    }
    return {**found, **listed, **dict(_arrow_categories(native))}


def as_declared(people: pl.DataFrame, declared: Mapping[str, Categories]) -> pl.DataFrame:
    """Convert columns of declared categories to Enums of their levels."""
    return people.with_columns(
        pl.col(name).cast(pl.String).cast(pl.Enum(own.levels)) for name, own in declared.items()
    )


def _pandas_types(frame: Any) -> Iterable[tuple[str, Any]]:
    """List the categorical columns of a pandas frame, or of one that has its types."""
    if not hasattr(frame, "iloc"):
        return
    for name, dtype in frame.dtypes.items():
        if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
            yield name, dtype


def _are_text(categories: Iterable[Any]) -> bool:
    return all(isinstance(level, str) for level in categories)


def _zero_or_one(categories: Iterable[Any]) -> bool:
    levels = list(categories)
    return bool(levels) and all(isinstance(level, int | float) and level in (0, 1) for level in levels)


def _arrow_categories(frame: Any) -> Iterable[tuple[str, Categories]]:
    """List the dictionary columns of a pyarrow table."""
    if not hasattr(frame, "unify_dictionaries"):
        return
    table = frame.unify_dictionaries()
    for field in table.schema:
        if not hasattr(field.type, "ordered"):
            continue
        chunks = table[field.name].chunks
        levels = [level for level in chunks[0].dictionary.to_pylist() if level is not None] if chunks else []
        if levels and not _zero_or_one(levels) and len(set(levels)) == len(levels):
            yield field.name, Categories(tuple(f"{level}" for level in levels), bool(field.type.ordered))


def categories_of_file(path: Path) -> dict[str, Categories]:
    """List the categories of a parquet or Arrow file: R's factors, pandas' Categoricals, polars' Enums."""
    from pyarrow import ArrowException, ipc, parquet

    try:
        if path.suffix.lower() == ".parquet":
            names = _listed_names(parquet.read_schema(path))
            return dict(_arrow_categories(parquet.read_table(path, columns=names))) if names else {}
        with ipc.open_file(path) as file:
            names = _listed_names(file.schema)
            return dict(_arrow_categories(file.read_all().select(names))) if names else {}
    except (ArrowException, OSError):
        return {}  # the reader reports a damaged file


def _listed_names(schema: Any) -> list[str]:
    """List the dictionary columns of a file, except polars Categoricals, listed by occurrence."""
    return [
        field.name
        for field in schema
        if hasattr(field.type, "ordered")
        and not any(b"_PL_CATEGORICAL" in key for key in field.metadata or ())
    ]
