"""Sum over the participants of an analysis on an engine, as scores and information of models need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from toolkit.errors import DesignError, VariableError
from toolkit.estimate.survey.variance.moment_points import place_scores
from toolkit.results import Floats
from toolkit.studies import COMPUTED, EnginePeople

# Marks the first of the points that stand for the participants of a cell.
FIRST = f"{COMPUTED}first"
COUNT = f"{COMPUTED}count"


@dataclass(frozen=True)
class ParticipantSums:
    """Sums of expressions over the participants of an analysis, in all or by cell."""

    people: EnginePeople
    weight: pl.Expr
    grouping: Mapping[str, pl.Expr]
    # The cells of the analysis: their values of `grouping`, a mark on the first point of each, and its number
    # of participants.
    cells: pl.DataFrame
    # Whether each participant is a sampling unit.
    persons: bool = False

    def total(
        self, where: Sequence[pl.Expr], steps: Sequence[Mapping[str, pl.Expr]], sums: Mapping[str, pl.Expr]
    ) -> dict[str, Any]:
        """Sum over the participants who meet conditions, after computing the columns of `steps`."""
        return self._computed(where, steps).select(**sums).row(0, named=True)

    def total_and_by_cell(
        self,
        where: Sequence[pl.Expr],
        steps: Sequence[Mapping[str, pl.Expr]],
        sums: Mapping[str, pl.Expr],
        scores: Sequence[pl.Expr],
    ) -> tuple[dict[str, Any], Floats]:
        """Sum over all participants, and sum scores over those of each point, in the order of the points.

        The first point of a cell has its sums, and the other points have 0; where participants are sampling
        units, points also have the products of the scores.
        """
        people, count = self._computed(where, steps), range(len(scores))
        own = {f"{k}": scores[k].sum() for k in count}
        pairs = [(j, k) for j in count for k in range(j + 1)] if self.persons else []
        own |= {f"{j},{k}": (scores[j] * scores[k]).sum() for j, k in pairs}
        queries = [people.query(self.grouping, own), *([people.query({}, sums)] if sums else [])]
        found, *whole = people.run(queries)
        table = self.cells.join(
            found, on=list(self.grouping), how="left", nulls_equal=True, maintain_order="left"
        )
        table = table.with_columns(pl.when(FIRST).then(pl.col(name)).fill_null(0.0) for name in own)
        placed = table.select(str(k) for k in count).to_numpy()
        if self.persons:
            placed = self._place(table, placed, pairs)
        return whole[0].row(0, named=True) if whole else {}, placed

    def _place(self, table: pl.DataFrame, placed: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
        first, q = table[FIRST].to_numpy(), placed.shape[1]
        products = np.empty((int(first.sum()), q, q))
        for j, k in pairs:
            products[:, j, k] = products[:, k, j] = table[f"{j},{k}"].to_numpy()[first]
        persons = table[COUNT].to_numpy().astype(float)[first]
        return place_scores(first, persons, placed[first], products)

    def _computed(self, where: Sequence[pl.Expr], steps: Sequence[Mapping[str, pl.Expr]]) -> EnginePeople:
        people = self.people.filter(*where)
        for step in steps:
            people = people.with_columns(**step)
        return people


def explain_populations(people: EnginePeople) -> DesignError:
    """Explain that sizes of populations are no weight of each participant."""
    return DesignError(
        f"A model with continuous terms needs a weight of each participant, and the design has sizes of "
        f"populations alone, on {people.engine.noun}. Add a column of weights and supply "
        f"tk.Design(weight=...), or read the participants into memory: "
        f"tk.study({people.engine.in_memory}, design=...)."
    )


def explain_measurement(name: str, people: EnginePeople) -> VariableError:
    """Explain that an analysis needs values of which an engine gives sums alone."""
    return VariableError(
        f"'{name}' has more than 1,000 different values, and this analysis needs the value of each "
        f"participant, but those of this study stay on {people.engine.noun}. Create categories with "
        f"study.derive('{name}_group', ...), or read the participants into memory: "
        f"tk.study({people.engine.in_memory}, design=...)."
    )
