"""Sum over the participants of an analysis on an engine, as scores and information of models need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from toolkit.errors import VariableError
from toolkit.studies import COMPUTED, EnginePeople

# Marks the first of the points that stand for the participants of a cell.
FIRST = f"{COMPUTED}first"


@dataclass(frozen=True)
class ParticipantSums:
    """Sums of expressions over the participants of an analysis, in all or by cell."""

    people: EnginePeople
    weight: pl.Expr
    grouping: Mapping[str, pl.Expr]
    # The cells of the analysis: their values of `grouping`, and a mark on the first point of each.
    cells: pl.DataFrame

    def total(
        self, where: Sequence[pl.Expr], steps: Sequence[Mapping[str, pl.Expr]], sums: Mapping[str, pl.Expr]
    ) -> dict[str, Any]:
        """Sum over the participants who meet conditions, after computing the columns of `steps`."""
        return self._computed(where, steps).select(**sums).row(0, named=True)

    def total_and_by_cell(
        self,
        where: Sequence[pl.Expr],
        steps: Sequence[Mapping[str, pl.Expr]],
        sums: tuple[Mapping[str, pl.Expr], Mapping[str, pl.Expr]],
    ) -> tuple[dict[str, Any], pl.DataFrame]:
        """Sum over all participants, and over those of each cell in the order of the cells.

        The first point of a cell has its sums, and the other points have 0.
        """
        people = self._computed(where, steps)
        whole, found = people.run([people.query({}, sums[0]), people.query(self.grouping, sums[1])])
        table = self.cells.join(
            found, on=list(self.grouping), how="left", nulls_equal=True, maintain_order="left"
        )
        own = table.select(pl.when(FIRST).then(pl.col(name)).fill_null(0.0) for name in sums[1])
        return whole.row(0, named=True), own

    def _computed(self, where: Sequence[pl.Expr], steps: Sequence[Mapping[str, pl.Expr]]) -> EnginePeople:
        people = self.people.filter(*where)
        for step in steps:
            people = people.with_columns(**step)
        return people


def explain_measurement(name: str, people: EnginePeople) -> VariableError:
    """Explain that an analysis needs values of which an engine gives sums alone."""
    return VariableError(
        f"'{name}' has more than 1,000 different values, and this analysis needs the value of each "
        f"participant, but those of this study stay on {people.engine.noun}. Create categories with "
        f"study.derive('{name}_group', ...), or read the participants into memory: "
        f"tk.study({people.engine.in_memory}, design=...)."
    )
