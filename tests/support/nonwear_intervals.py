"""Intervals of non-wear, as the reference lists them; only tests need them."""

from typing import Any

import numpy as np
import polars as pl

from toolkit.sources.nhanes.accelerometer_minutes import _NEEDED, _blocks, _spells
from toolkit.sources.nhanes.nonwear import choi, troiano


def nonwear(
    minutes: pl.LazyFrame, *, rule: str = "choi", gaps: Any = "refuse", **variant: Any
) -> pl.DataFrame:
    """SEQN, rule, and the first and last minute number (PAXN) of each interval, inclusive."""
    found = []
    for block in _blocks(minutes, _NEEDED, gaps):
        idle = troiano(block.series) if rule == "troiano" else choi(block.series, **variant)
        first, length = _spells(idle, block.series.stretch)
        minute = block.minute[first].astype(np.int64)
        found.append(
            pl.DataFrame({"SEQN": block.person[first], "first": minute, "last": minute + length - 1})
        )
    return pl.concat(found).select(pl.col("SEQN").cast(pl.Int64), pl.lit(rule).alias("rule"), "first", "last")
