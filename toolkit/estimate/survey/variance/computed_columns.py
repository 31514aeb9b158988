"""Columns that an analysis computes from continuous variables on an engine: products, powers, splines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from toolkit.estimate.survey.roles import Column
from toolkit.studies import COMPUTED, EnginePeople
from toolkit.variables import Variable


@dataclass(frozen=True)
class Asked:
    """What an estimator needs of continuous variables whose values an engine does not give one by one."""

    # Variables of which it needs means, totals and variances alone.
    averaged: Sequence[str] = ()
    # Variables that it sums in passes over the participants.
    streamed: Sequence[str] = ()
    # Columns computed from such variables, which it sums too.
    computed: Mapping[str, Column] = field(default_factory=dict)
    # The number of average predictions that it will estimate.
    settings: int = 0


def computed_column(text: str, expression: pl.Expr) -> Column:
    """Describe a column that is computed of participants; values that are not finite are missing."""
    finite = pl.when(expression.is_finite()).then(expression)
    return Column(Variable(f"{COMPUTED}{text}", text, "number", component=""), finite)


def place_centers(people: EnginePeople, computed: Mapping[str, Column]) -> dict[str, float]:
    """Center each computed column near its mean: at its value for the means of what it is computed from."""
    centers = {}
    for name, column in computed.items():
        roots = column.expression.meta.root_names()
        means = {root: [own.mean] for root, own in people.facts_of(roots).items()}
        value = pl.DataFrame(means).select(column.expression.alias(name)).item()
        centers[name] = 0.0 if value is None else float(value)
    return centers
