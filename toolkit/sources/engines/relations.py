"""Aggregate participants on DuckDB or Spark, through narwhals."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from toolkit.sources.engines.passes import Passes, explain_failure
from toolkit.sources.engines.translation import (
    Translation,
    Tree,
    UntranslatableError,
    expression_of,
    require_known_form,
    tree_of,
)
from toolkit.studies import Query

_AGGREGATES = {
    "Sum": "sum",
    "Min": "min",
    "Max": "max",
    "Mean": "mean",
    "Count": "count",
    "NUnique": "n_unique",
}


@dataclass(frozen=True)
class Control:
    """How the queries of an engine are started, in their thread, and stopped, from another."""

    start: Callable[[], None]
    cancel: Callable[[], None]


class Relation:
    """A lazy frame of narwhals as an engine."""

    def __init__(
        self,
        frame: "nw.LazyFrame[Any]",
        schema: Mapping[str, pl.DataType],
        names: tuple[str, str],
        control: Control,
    ) -> None:
        # Columns of the frame are called c0, c1, ...: no engine takes every name.
        self.frame, self.schema = frame, schema
        self.places = {name: f"c{at}" for at, name in enumerate(schema)}
        self.noun, self.in_memory = names
        self.passes = Passes(self.noun)
        self.control = control

    def run(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run one aggregate query after the other."""

        def collect() -> list[pl.DataFrame]:
            self.control.start()
            return [plan.collect() for plan in plans]

        try:
            require_known_form()
            plans = [_Plan(self, query) for query in queries]
            with explain_failure(self.noun, self.in_memory, queries, self.schema):
                found = self.passes.fetch(collect, self.control.cancel)
        except UntranslatableError as error:
            raise UntranslatableError(f"{error}: tk.study({self.in_memory}, design=...).") from None
        return [plan.finish(frame) for plan, frame in zip(plans, found, strict=True)]


class _Plan:
    """One aggregate query: what the engine computes, and what is computed from its result.

    Keys and the arguments of aggregates become columns `k0`, `a0`, ...; the expression around an aggregate,
    such as a comparison of two, is evaluated in memory.
    """

    def __init__(self, engine: Relation, query: Query) -> None:
        self.query = query
        self.frame = engine.frame if query.rows is None else engine.frame.head(query.rows)
        self.schema, self.places = dict(engine.schema), dict(engine.places)
        self.aggregates: dict[str, tuple[str, str]] = {}
        self.totals = {name: self._split(tree_of(own)) for name, own in query.totals.items()}

    def collect(self) -> pl.DataFrame:
        frame, query = self.frame, self.query
        for number, (name, expression) in enumerate(query.steps):
            place = f"s{number}"
            frame = frame.with_columns(
                Translation(self.schema, self.places).expression(expression).alias(place)
            )
            empty = pl.DataFrame(schema=self.schema).with_columns(expression.alias(name))
            # A column computed again stands beside the one that it replaces.
            self.places[name] = place
            self.schema[name] = empty.schema[name]
        translate = Translation(self.schema, self.places)
        for condition in query.where:
            frame = frame.filter(translate.expression(condition))
        keys = {f"k{at}": translate.expression(own) for at, own in enumerate(query.keys.values())}
        columns = {
            place: translate.piece(json.loads(inner))
            for place, (inner, _) in self.aggregates.items()
            if inner
        }
        frame = frame.select(**keys, **columns) if keys or columns else frame
        totals = [self._aggregate(kind, place) for place, (_, kind) in self.aggregates.items()]
        if keys:
            grouped = frame.group_by(*keys).agg(*totals)
            grouped = grouped if query.most is None else grouped.head(query.most + 1)
        else:
            grouped = frame.select(*totals)
        frame_: pl.DataFrame = grouped.collect("polars").to_native()
        return frame_

    def _known(self) -> dict[tuple[str, str], str]:
        return {own: place for place, own in self.aggregates.items()}

    @staticmethod
    def _aggregate(kind: str, place: str) -> nw.Expr:
        if kind == "Len":
            return nw.len().alias(place)
        return getattr(nw.col(place), _AGGREGATES[kind])().alias(place)  # type: ignore[no-any-return]

    def _split(self, tree: Tree) -> Tree:
        """Replace each aggregate in a tree by the column that will contain it."""
        if tree == "Len":
            return {"Column": self._place("", "Len")}
        if isinstance(tree, list):
            return [self._split(one) for one in tree]
        if not isinstance(tree, dict):
            return tree
        if "Agg" in tree:
            (kind, body) = next(iter(tree["Agg"].items()))
            inner = body["input"] if isinstance(body, dict) and "input" in body else body
            return {"Column": self._place(json.dumps(inner), kind)}
        return {name: self._split(one) if name != "Literal" else one for name, one in tree.items()}

    def _place(self, inner: str, kind: str) -> str:
        known = self._known()
        if (inner, kind) not in known:
            self.aggregates[f"a{len(self.aggregates)}"] = (inner, kind)
        return self._known()[inner, kind]

    def finish(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Name the keys, and compute the totals from their aggregates."""
        keys = [pl.col(f"k{at}").alias(name) for at, name in enumerate(self.query.keys)]
        totals = [expression_of(tree).alias(name) for name, tree in self.totals.items()]
        return frame.select(*keys, *totals)
