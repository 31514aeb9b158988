"""Find the engine of what a study is made of."""

from typing import Any

import polars as pl

from toolkit.sources.engines.lazy_polars import LazyPolars
from toolkit.studies import Engine


def engine_of(source: Any) -> Engine | None:
    """Return the engine of a lazy frame, relation or folder; None for a frame in memory."""
    import narwhals as nw

    known = nw.from_native(source, pass_through=True)
    if not isinstance(known, nw.LazyFrame):
        return None
    native = nw.to_native(known)
    return LazyPolars(native) if isinstance(native, pl.LazyFrame) else None
