"""Aggregate continuous variables of cells to moments on an engine, and replace cells by points with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from toolkit.estimate.survey.variance.engine_sums import COUNT, FIRST
from toolkit.estimate.survey.variance.moment_points import Moments, place_points
from toolkit.studies import COMPUTED

if TYPE_CHECKING:
    from toolkit.results import Floats

WEIGHT, SQUARES = (f"{COMPUTED}{name}" for name in ("weight", "squares"))


@dataclass(frozen=True)
class Spread:
    """The continuous variables of an analysis that enter by the moments of each cell."""

    # Deviations from a center, so that sums of squares keep their digits.
    columns: Mapping[str, pl.Expr]
    # Whether the products of all cells together are enough: values are summed in passes again.
    pooled: bool
    # Whether each participant is a sampling unit, so that squared weights have moments too.
    by_squares: bool
    # The least number of points of a cell where scores of participants will be placed on them; 0 elsewhere.
    scored: int = 0

    @property
    def names(self) -> list[str]:
        """The names of the variables."""
        return list(self.columns)

    def totals(self, weight: pl.Expr) -> dict[str, pl.Expr]:
        """List the sums of each cell."""
        totals: dict[str, pl.Expr] = {}
        for measure, one in (("w", weight), ("q", weight * weight))[: 2 if self.by_squares else 1]:
            values = enumerate(self.columns.values())
            totals |= {f"{COMPUTED}{measure}{i}": (one * value).sum() for i, value in values}
            totals |= {} if self.pooled else self.products(measure, one)
        return totals

    def products(self, measure: str, weight: pl.Expr) -> dict[str, pl.Expr]:
        """List the sums of products."""
        values = list(self.columns.values())
        places = [(i, j) for i in range(len(values)) for j in range(i + 1)]
        return {f"{COMPUTED}{measure}{i},{j}": (weight * values[i] * values[j]).sum() for i, j in places}

    def share_products(self, table: pl.DataFrame, inside: pl.Expr, products: pl.DataFrame) -> pl.DataFrame:
        """Give each cell the covariance within cells of all cells together."""
        there = table.filter(inside, self._known())
        size, k = max(float(there[WEIGHT].sum()), 1e-300), len(self.columns)
        columns = []
        for i, j in [(a, b) for a in range(k) for b in range(a + 1)]:
            between = pl.col(f"{COMPUTED}w{i}") * pl.col(f"{COMPUTED}w{j}") / pl.col(WEIGHT)
            whole = products[f"{COMPUTED}w{i},{j}"].item() or 0.0
            within = (whole - there.select(between.sum()).item()) / size
            columns.append((between + pl.col(WEIGHT) * within).alias(f"{COMPUTED}w{i},{j}"))
        return table.with_columns(columns)

    def place(self, table: pl.DataFrame) -> pl.DataFrame:
        """Replace the cells with values of continuous variables by points with their moments."""
        table = table.with_columns(pl.lit(value=True).alias(FIRST))
        if not self.columns:
            return table
        there, others = table.filter(self._known()), table.filter(~self._known())
        others = others.with_columns(self._mean(name, at) for at, name in enumerate(self.columns))
        if there.is_empty():
            return others
        squares = self._moments(there, "q", SQUARES) if self.by_squares else None
        scored = (there[COUNT].to_numpy().astype(float), self.scored) if self.scored else None
        found = place_points(self._moments(there, "w", WEIGHT), squares, there[SQUARES].to_numpy(), scored)
        there = there[found.cell].with_columns(
            pl.Series(WEIGHT, found.weight),
            pl.Series(SQUARES, found.squares),
            pl.Series(FIRST, found.first),
            pl.when(pl.Series(found.first)).then(pl.col(COUNT)).otherwise(0).alias(COUNT),
            *(pl.Series(name, found.values[:, at]) for at, name in enumerate(self.columns)),
        )
        return pl.concat([there, others.select(there.columns)])

    def _known(self) -> pl.Expr:
        return pl.all_horizontal(pl.col(name).fill_null(value=False) for name in self.columns)

    def _mean(self, name: str, at: int) -> pl.Expr:
        # Estimates exclude these cells, for another variable without a value.
        mean = pl.col(f"{COMPUTED}w{at}") / pl.col(WEIGHT)
        return pl.when(pl.col(name)).then(mean).alias(name)

    def _moments(self, table: pl.DataFrame, measure: str, total: str) -> Moments:
        k = len(self.columns)
        first = np.column_stack([table[f"{COMPUTED}{measure}{i}"].to_numpy() for i in range(k)])
        second: Floats = np.empty((table.height, k, k))
        for i in range(k):
            for j in range(i + 1):
                second[:, i, j] = second[:, j, i] = table[f"{COMPUTED}{measure}{i},{j}"].to_numpy()
        return Moments(table[total].to_numpy(), first, second)
