"""Sedentary, active and wear time of NHANES participants of 2003-2006, from accelerometer minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.table_files import read_parquet, read_transport
from toolkit.sources.nhanes.accelerometer_minutes import persons
from toolkit.variables import Availability, Codebook, Reason, Variable, why

# Worn at the waist, in counts per minute; later cycles used another instrument on the wrist.
CYCLES = ("2003-2004", "2005-2006")
YOUNGEST = 6
MEASURED = {
    "sedentary_hours": "mean_sedentary_hours_choi",
    "active_minutes": "mean_mvpa_minutes_choi",
    "wear_hours": "mean_wear_hours_choi",
    "accelerometer_days": "valid_days_choi",
}
# Most of the eligible are in the CDC's file: a file with fewer than half of them is a part of it.
LEAST_SHARE = 0.5
_RECORDED, _ELIGIBLE, _RELIABLE = ".recorded", ".eligible", ".reliable"


@dataclass(frozen=True)
class Measured:
    """People and codebook with the measured variables, and their provenance."""

    people: pl.DataFrame
    codebook: Codebook
    provenance: Mapping[str, Any]


def add_minutes(people: pl.DataFrame, codebook: Codebook, path: str | Path) -> Measured:
    """Summarize the minutes of a file by person and join them to the people.

    Participants without a value have a reason: not examined, under 6 years, no recording, or none that is
    reliable with a valid day. If a file has recordings of fewer than half of the eligible participants of a
    cycle, the variables say so and every estimate from them is flagged for review.
    """
    opened = [name for name in people["cycle"].cast(pl.String).unique().sort() if name in CYCLES]
    if not opened:
        raise DatasetError(
            "Accelerometer minutes belong to NHANES 2003-2006, and no such cycle is open. Use "
            f"tk.open_study('nhanes', cycles={CYCLES}, minutes=...)."
        )
    summary = persons(_minutes(Path(path)))
    joined = _join_recordings(people, summary)
    counts = _count_recorded(joined)
    if not sum(recorded for recorded, _ in counts.values()):
        raise DatasetError(
            f"None of the {summary.height:,} persons in '{Path(path).name}' is a participant of "
            f"{' or '.join(opened)}. Open their cycle: tk.open_study('nhanes', cycles={CYCLES}, minutes=...)."
        )
    eligible = [f"{cycle}: {n} of {of}" for cycle, (n, of) in counts.items() if cycle in CYCLES]
    return Measured(
        _with_values(joined),
        codebook.with_variables(*(_described(codebook[name], counts) for name in MEASURED)),
        {"minutes": {"file": Path(path).name, "persons": summary.height, "of_eligible": eligible}},
    )


def _minutes(path: Path) -> pl.LazyFrame:
    transport = path.suffix.lower() == ".xpt"
    lazy = read_transport(path) if transport else read_parquet(path)
    # The CDC's name of the column in PAXRAW.
    return lazy.rename({"PAXINTEN": "counts"}, strict=False)


def _join_recordings(people: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    worn = summary.select(
        pl.col("SEQN").alias("person"),
        *(pl.col(column).cast(pl.Float64).alias(name) for name, column in MEASURED.items()),
        (pl.col("reliable") == 1).alias(_RELIABLE),
        pl.lit(value=True).alias(_RECORDED),
    )
    there = people.drop([column for name in MEASURED for column in (name, why(name))], strict=False)
    cycle = pl.col("cycle").cast(pl.String).is_in(list(CYCLES))
    examined = pl.col("weight_examination").fill_null(0) > 0
    eligible = cycle & examined & (pl.col("age") >= YOUNGEST)
    joined = there.join(worn, on="person", how="left", maintain_order="left")
    recorded = pl.col(_RECORDED).fill_null(value=False) & cycle
    return joined.with_columns(eligible.fill_null(value=False).alias(_ELIGIBLE), recorded.alias(_RECORDED))


def _count_recorded(joined: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Count the recorded and the eligible participants by cycle."""
    counted = joined.group_by("cycle", maintain_order=True).agg(pl.col(_RECORDED, _ELIGIBLE).sum())
    return {str(cycle): (recorded, eligible) for cycle, recorded, eligible in counted.iter_rows()}


def _with_values(joined: pl.DataFrame) -> pl.DataFrame:
    for name in MEASURED:
        usable = pl.col(_RECORDED) & pl.col(_RELIABLE)
        value = pl.when(usable).then(pl.col(name))
        joined = joined.with_columns(value.alias(name)).with_columns(_reason(name).alias(why(name)))
    return joined.drop(_RECORDED, _ELIGIBLE, _RELIABLE)


def _reason(name: str) -> pl.Expr:
    def lacking(condition: pl.Expr, reason: str) -> pl.Expr:
        return pl.when(condition).then(pl.lit(reason, Reason))

    reason = pl.coalesce(
        lacking(~pl.col("cycle").cast(pl.String).is_in(list(CYCLES)), "not measured in this cycle"),
        lacking(pl.col("weight_examination").fill_null(0) <= 0, "not examined"),
        lacking(pl.col("age") < YOUNGEST, "not asked"),
        lacking(pl.col(_RECORDED), "could not be tested"),
        pl.lit("no value recorded", Reason),
    )
    return pl.when(pl.col(name).is_null()).then(reason)


def _described(variable: Variable, counts: Mapping[str, tuple[int, int]]) -> Variable:
    entries = tuple(_available(entry, counts) for entry in variable.availability)
    few = "; ".join(e.reason for e in entries if e.status == "measured" and e.reason)
    source = "the user's file of PAXRAW minutes, non-wear by Choi's rule"
    return replace(variable, availability=entries, source=source, review=few)


def _available(entry: Availability, counts: Mapping[str, tuple[int, int]]) -> Availability:
    recorded, eligible = counts.get(entry.cycle, (0, 0))
    if entry.cycle not in CYCLES:
        return entry
    if not recorded:
        return Availability(entry.cycle, "not measured", "file not given: the minutes are of another cycle")
    few = recorded < LEAST_SHARE * eligible
    reason = f"recordings of {recorded:,} of {eligible:,} eligible people of {entry.cycle} only"
    return Availability(entry.cycle, "measured", reason if few else "")
