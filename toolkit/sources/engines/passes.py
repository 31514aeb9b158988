"""Run the passes of an engine: count them, show the progress of long ones, and let Ctrl-C stop them."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl


@dataclass
class Passes:
    """The passes that an engine has made: for each its number of rows fetched."""

    rows: list[int] = field(default_factory=list)

    def fetch(self, collect: Callable[[], list[pl.DataFrame]]) -> list[pl.DataFrame]:
        """Collect the results of one pass."""
        found = collect()
        self.rows.append(sum(frame.height for frame in found))
        return found
