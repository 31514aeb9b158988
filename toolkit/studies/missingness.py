"""Summarize missing data by reason and exposure availability by survey cycle."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from toolkit.causes.card import cards
from toolkit.results import AVAILABILITY_SCHEMA
from toolkit.variables.codebook import Availability, Codebook, Variable, why

MISSING_SCHEMA: dict[str, pl.DataType] = {
    "variable": pl.String(),
    "cycle": pl.String(),
    "reason": pl.String(),
    "n": pl.Int64(),
    "percent": pl.Float64(),
}
HAS_VALUE = "has a value"
# Who was never asked is not counted as missing an answer.
_NOT_PUT = ("not asked", "not measured in this cycle", "not in the subsample")


def count_missing(people: pl.DataFrame, variable: str) -> pl.DataFrame:
    """Count the missing values of a variable by cycle and reason, in the columns of `MISSING_SCHEMA`."""
    cycle = pl.col("cycle").cast(pl.String) if "cycle" in people.columns else pl.lit("")
    counts = (
        people.select(cycle=cycle, reason=_reason(people, variable))
        .group_by("cycle", "reason")
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(variable=pl.lit(variable), percent=100 * pl.col("n") / pl.col("n").sum().over("cycle"))
    )
    ordered = counts.sort("cycle", pl.col("reason") != HAS_VALUE, -pl.col("n"), "reason")
    return ordered.select(MISSING_SCHEMA.keys()).cast(MISSING_SCHEMA)  # type: ignore[arg-type]


def _reason(people: pl.DataFrame, variable: str) -> pl.Expr:
    column = why(variable)
    given = pl.col(column).cast(pl.String) if column in people.columns else pl.lit(None, pl.String)
    unexplained = given.fill_null("no value recorded")
    return pl.when(pl.col(variable).is_null()).then(unexplained).otherwise(pl.lit(HAS_VALUE))


def availability_of(
    people: pl.DataFrame, codebook: Codebook, label: str, cycles: Sequence[str], *, by_reason: bool = False
) -> pl.DataFrame:
    """Report whether each exposure of each cause was measured in each cycle (`AVAILABILITY_SCHEMA`).

    With `by_reason` each row is repeated for every reason for missing values.
    """
    rows = [
        (cause, exposure.name, cycle, *_available(people, codebook, label, exposure.name, cycle))
        for cause, card in cards().items()
        for exposure in card.exposures
        for cycle in cycles
    ]
    frame = pl.DataFrame(rows, schema=AVAILABILITY_SCHEMA, orient="row")
    return _with_reasons(people, frame) if by_reason else frame


def _with_reasons(people: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    names = frame.filter(pl.col("status") != "not measured")["exposure"].unique(maintain_order=True)
    counts = [count_missing(people, name) for name in names]
    empty = pl.DataFrame(schema=MISSING_SCHEMA)
    put = pl.concat([empty, *counts]).filter(~pl.col("reason").is_in(_NOT_PUT))
    shares = put.with_columns(missing_percent=100 * pl.col("n") / pl.col("n").sum().over("variable", "cycle"))
    lacking = shares.filter(pl.col("reason") != HAS_VALUE).select(
        pl.col("variable").alias("exposure"), "cycle",
        pl.col("reason").alias("missing_reason"), pl.col("n").alias("missing_n"), "missing_percent",
    )  # fmt: skip
    return frame.join(lacking, on=["exposure", "cycle"], how="left", maintain_order="left_right")


def _available(
    people: pl.DataFrame, codebook: Codebook, label: str, exposure: str, cycle: str
) -> tuple[Any, ...]:
    if exposure not in codebook:
        return ("not measured", f"not among the variables of {label}", 0, None)
    variable = codebook[exposure]
    entries = {a.cycle: a for a in variable.availability}
    entry = entries.get(cycle, Availability(cycle, "measured"))
    if exposure not in people.columns or entry.status == "not measured":
        return ("not measured", entry.reason, 0, None)
    return (entry.status, _compared(variable, entry), *_counts(people, exposure, cycle))


def _compared(variable: Variable, entry: Availability) -> str:
    """Say of what was measured how it compares with the other cycles; "" is the same as there."""
    changed = variable.compared(entry.cycle).verdict == "changed"
    return f"changed: {entry.reason}" if changed else entry.reason


def _counts(people: pl.DataFrame, variable: str, cycle: str) -> tuple[int, float | None]:
    counts = count_missing(people, variable).filter(cycle=cycle)
    with_value = int(counts.filter(reason=HAS_VALUE)["n"].sum())
    put = int(counts.filter(~pl.col("reason").is_in(_NOT_PUT))["n"].sum())
    return with_value, 100 * (put - with_value) / put if put else None
