"""Find the engine of what a study is made of."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import DatasetError, ToolkitError, short
from toolkit.sources.engines.lazy_polars import LazyPolars
from toolkit.sources.engines.parquet_files import LazyParquet, ParquetFiles
from toolkit.studies import Engine


def engine_of(source: Any) -> Engine | None:
    """Return the engine of a lazy frame, relation or folder; None for a frame in memory."""
    import narwhals as nw

    if isinstance(source, str | Path):
        _refuse_data_base(Path(source).expanduser())
        return LazyParquet(ParquetFiles.find(source))
    try:
        known = nw.from_native(source, pass_through=True)
    except (TypeError, ValueError, NotImplementedError):  # the reader of frames explains it
        return None
    if not isinstance(known, nw.LazyFrame):
        return None
    native = nw.to_native(known)
    with _explain_columns(known):
        return LazyPolars(native) if isinstance(native, pl.LazyFrame) else _relation(known)


@contextmanager
def _explain_columns(known: Any) -> Iterator[None]:
    """Restate the error of a frame whose source or types cannot be read, and name the column."""
    try:
        yield
    except (ToolkitError, MemoryError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        name = _find_unreadable(known)
        what = f"The column '{short(name)}' has a type that is not supported" if name else "Its source failed"
        raise DatasetError(
            f"The columns of the frame cannot be read ({type(error).__name__}). {what}. Check that it can be "
            "collected, and leave the column out before tk.study."
        ) from None


def _find_unreadable(known: Any) -> str:
    """Find the first column that cannot be read by itself; "" if the types of all are unknown."""
    try:
        names = known.collect_schema().names()
    except (Exception, pl.exceptions.PanicException):
        return ""
    for name in names:
        try:
            known.select(name).head(0).collect("polars")
        except (Exception, pl.exceptions.PanicException):
            return str(name)
    return ""


def _refuse_data_base(path: Path) -> None:
    """Explain how the tables of a DuckDB file are passed, and which process has locked it."""
    if path.suffix not in (".duckdb", ".ddb", ".db") or not path.is_file():
        return
    if find_spec("duckdb") is None:
        raise DatasetError(
            f"'{path}' is a DuckDB data base, and DuckDB is not installed. Run pip install duckdb and pass "
            f"a table: tk.study(duckdb.connect('{path}', read_only=True).table('...'), ...)."
        )
    import duckdb

    way_out = f"connection = duckdb.connect('{path}', read_only=True); tk.study(connection.table('...'), ...)"
    try:
        with duckdb.connect(path, read_only=True) as connection:
            tables = [name for (name,) in connection.execute("show tables").fetchall()]
    except duckdb.Error as error:
        holder = re.search(r"PID \d+", str(error))
        by = f" by another process ({holder[0]})" if holder else ""
        raise DatasetError(
            f"The DuckDB file '{path}' cannot be opened{by}: {type(error).__name__}. DuckDB lets either one "
            f"process write to a file or several read it. Close the connection of the other process, or let "
            f"both open it with read_only=True, and pass a table: {way_out}"
        ) from None
    raise DatasetError(
        f"'{path}' is a DuckDB data base, of which a study takes one table. It has "
        f"{', '.join(map(repr, tables)) or 'no tables'}. Pass a table: {way_out}"
    )


def _relation(known: Any) -> Engine:
    """Read the types of a relation as a frame in memory has them."""
    import narwhals as nw

    from toolkit.sources.engines.relations import Relation

    native = nw.to_native(known)
    declared = known.collect_schema()
    # Polars cannot read intervals, whose months have no length.
    readable = known.select(nw.col(name) for name, dtype in declared.items() if dtype != nw.Duration)
    read = readable.head(0).collect("polars").to_native().schema
    types = {name: read.get(name, pl.Duration()) for name in declared}
    on_spark = hasattr(native, "sparkSession")
    if on_spark:
        plain = nw.from_native(native.toDF(*(f"c{at}" for at in range(len(types)))))
    else:
        plain = known.select(nw.col(name).alias(f"c{at}") for at, name in enumerate(types))
    for at, (name, dtype) in enumerate(declared.items()):
        if isinstance(dtype, nw.Enum):
            types[name] = pl.Enum(dtype.categories)
        elif dtype in (nw.Int128, nw.UInt128):
            plain = plain.with_columns(nw.col(f"c{at}").cast(nw.Float64))
            types[name] = pl.Float64()
    if on_spark:
        names = ("a Spark DataFrame", "frame.toPandas()")
        return Relation(plain, types, names, _control_spark(native.sparkSession))
    return Relation(plain, types, ("a DuckDB relation", "relation.pl()"), _control_duckdb(native))


def _control_duckdb(relation: Any) -> Any:
    from toolkit.sources.engines.relations import Control

    # DuckDB gives the connection of a relation by this name alone.
    connection = getattr(relation, "_con", None)
    return Control(lambda: None, lambda: connection.interrupt() if connection is not None else None)


def _control_spark(session: Any) -> Any:
    """Tag the jobs of the toolkit, so that Ctrl-C stops them and no others."""
    from toolkit.sources.engines.relations import Control

    tag = f"toolkit-{id(session)}"
    return Control(lambda: session.addTag(tag), lambda: session.interruptTag(tag))
