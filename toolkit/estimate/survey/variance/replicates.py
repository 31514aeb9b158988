"""Read a design's replicate weights as factors of the weight, with the scales of their method.

A unit of a `Replication` are participants whose weight each replicate changes alike.
"""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from toolkit.errors import DesignError
from toolkit.estimate.survey.variance.linearized import Floats, Indices, Replication

if TYPE_CHECKING:
    from toolkit.studies import Design


def replication_of(
    people: pl.DataFrame, weight: Floats, design: "Design", columns: tuple[str, ...]
) -> tuple[Replication, Indices]:
    """Read replicate weights."""
    _refuse_broken(people, columns)
    table = people.select(pl.col(columns).cast(pl.Float64))
    if design.replicate_factors:
        kinds = table.unique(maintain_order=True).with_row_index(".unit")
        unit = table.join(kinds, on=columns, how="left", maintain_order="left")[".unit"]
        factors, of_person = kinds.drop(".unit").to_numpy(), unit.cast(pl.Int64).to_numpy()
    else:
        factors, of_person = table.to_numpy() / weight[:, None], np.arange(len(weight))
    scale, rscales = _scales(design, len(columns))
    return Replication(np.ascontiguousarray(factors.T), scale, rscales, design.mse), of_person


def _refuse_broken(people: pl.DataFrame, columns: tuple[str, ...]) -> None:
    for name in columns:
        if not people[name].dtype.is_numeric():
            raise DesignError(
                f"The replicate weight '{name}' has the type {people[name].dtype.base_type()} and must be "
                f"numeric. Convert it before tk.study: frame.with_columns(pl.col('{name}').cast(pl.Float64))."
            )
        broken = people.height - int(people[name].cast(pl.Float64).is_finite().sum())
        if broken:
            raise DesignError(
                f"The replicate weight '{name}' is missing or infinite for {broken:,} of {people.height:,} "
                f"participants with a weight. Correct it, or remove it from tk.Design(replicate_weights=...)."
            )


def _scales(design: "Design", count: int) -> tuple[float, Floats]:
    """Give the scales of a method, as `svrepdesign` of R's survey package."""
    method, given = design.replicate_method or "other", design.replicate_scale
    own = {
        "BRR": 1 / count,
        "Fay": 1 / (count * (1 - design.fay_rho) ** 2),
        "JK1": (count - 1) / count,
        "bootstrap": 1 / (count - 1),
        "SDR": 4 / count,
    }
    if method in ("BRR", "Fay", "SDR") and given is not None and not np.isclose(given, own[method]):
        raise DesignError(
            f"'replicate_scale' is {given:g}, but {count} replicates of {method} have the scale "
            f"{own[method]:g}. Remove it, or use replicate_method='other' with your own."
        )
    scale = own.get(method, 1.0) if given is None else given
    rscales = design.replicate_rscales
    return scale, np.ones(count) if rscales is None else np.asarray(rscales, float)
