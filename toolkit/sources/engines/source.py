"""Find the engine of what a study is made of."""

from typing import Any

import polars as pl

from toolkit.sources.engines.lazy_polars import LazyPolars
from toolkit.studies import Engine


def engine_of(source: Any) -> Engine | None:
    """Return the engine of a lazy frame, relation or folder; None for a frame in memory."""
    import narwhals as nw

    try:
        known = nw.from_native(source, pass_through=True)
    except (TypeError, ValueError, NotImplementedError):  # the reader of frames explains it
        return None
    if not isinstance(known, nw.LazyFrame):
        return None
    native = nw.to_native(known)
    if isinstance(native, pl.LazyFrame):
        return LazyPolars(native)
    return _relation(known)


def _relation(known: Any) -> Engine:
    """Read the types of a relation as a frame in memory has them."""
    import narwhals as nw

    from toolkit.sources.engines.relations import Relation

    schema = dict(known.head(0).collect("polars").to_native().schema)
    for name, dtype in known.collect_schema().items():
        if isinstance(dtype, nw.Enum):
            schema[name] = pl.Enum(dtype.categories)
        elif dtype in (nw.Int128, nw.UInt128):
            known = known.with_columns(nw.col(name).cast(nw.Float64))
            schema[name] = pl.Float64()
    return Relation(known, schema, "a DuckDB relation", "relation.pl()")
