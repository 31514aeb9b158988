"""Aggregate participants on a polars lazy frame, by its streaming engine."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import polars as pl

from toolkit.sources.engines.passes import Passes, explain_failure
from toolkit.studies import Query


class LazyPolars:
    """A polars lazy frame as an engine."""

    noun = "a polars LazyFrame"
    in_memory = "frame.collect()"

    def __init__(self, frame: pl.LazyFrame) -> None:
        self.frame = frame
        self.schema = frame.collect_schema()
        self.passes = Passes(self.noun)

    def run(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Collect queries together, so that they share the scan."""
        plans = [self._plan(query) for query in queries]
        with self.failures(queries):
            # Polars heeds Ctrl-C itself, or ends beside, where a notebook took the signal.
            return self.passes.fetch(lambda: pl.collect_all(plans, engine="streaming"))

    def failures(self, queries: Sequence[Query]) -> AbstractContextManager[None]:
        """Restate the errors of polars."""
        return explain_failure(self.noun, self.in_memory, queries, self.schema)

    def _plan(self, query: Query) -> pl.LazyFrame:
        frame = self.frame if query.rows is None else self.frame.head(query.rows)
        for name, expression in query.steps:
            frame = frame.with_columns(expression.alias(name))
        for condition in query.where:
            frame = frame.filter(condition)
        if not query.keys:
            return frame.select(**query.totals)
        grouped = frame.group_by(own.alias(name) for name, own in query.keys.items()).agg(**query.totals)
        return grouped if query.most is None else grouped.head(query.most + 1)
