"""Summarize accelerometer minutes by day and person: wear, sedentary and active time, bouts, breaks.

Minutes are a lazy frame in NHANES's columns (SEQN, PAXDAY, PAXN, counts), sorted by person and minute. It is
read in pieces of whole persons, so that memory does not depend on its length.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from toolkit.errors import DatasetError, unknown
from toolkit.results import Mask
from toolkit.sources.nhanes.nonwear import CHOI_STREAM, Counts, Edges, Places, Series, choi, troiano

MINUTES_A_DAY = 1440
VALID_DAY = 600  # wear minutes; Troiano et al. 2008
BOUT = 30  # sedentary minutes in a row
# Counts per minute at which an intensity begins (Troiano et al. 2008); the ceiling is the instrument's.
LIGHT, MODERATE, VIGOROUS, CEILING = 100, 2020, 5999, 32_767
CHUNK = 200_000  # minutes read at a time
Gaps = Literal["refuse", "split"]

_NEEDED = ("SEQN", "PAXDAY", "PAXN", "counts")
_DAY = (
    "SEQN", "day", "paxday", "minutes", "wear_troiano", "wear_choi", "sedentary_troiano", "sedentary_choi",
    "light", "moderate", "vigorous", "ceiling", "counts_choi", "sedentary_bouts_30", "breaks",
    "valid_troiano", "valid_choi",
)  # fmt: skip
_PERSON = (
    "SEQN", "paxstat", "paxcal", "reliable", "minutes", "ceiling_minutes", "days", "valid_days_troiano",
    "valid_days_choi", "mean_sedentary_hours_choi", "mean_mvpa_minutes_choi",
    "mean_wear_hours_choi",
)  # fmt: skip
_STATUS = ("PAXSTAT", "PAXCAL")
_CLASSES = 5
_CLASS_OF = np.digitize(np.arange(CEILING + 1), (LIGHT, MODERATE, VIGOROUS, CEILING)).astype(np.uint8)


def days(
    minutes: pl.LazyFrame, *, edges: Edges = "package", stream: int = CHOI_STREAM, gaps: Gaps = "refuse"
) -> pl.DataFrame:
    """Summarize minutes by person and day.

    Intensities, bouts and breaks are of minutes worn by Choi's rule; `edges` and `stream` are its variants
    (see `nonwear.choi`). Minutes at the instrument's ceiling count as worn, in no intensity. With
    `gaps="refuse"` minutes that are absent or without counts are an error. With "split" they end a stretch of
    non-wear, a bout and a sedentary spell, and are never taken as zero.
    """
    blocks = _blocks(minutes, _NEEDED, gaps)
    return pl.concat([_days(block, edges, stream) for block in blocks]).select(_DAY)


def persons(
    minutes: pl.LazyFrame, *, edges: Edges = "package", stream: int = CHOI_STREAM, gaps: Gaps = "refuse"
) -> pl.DataFrame:
    """Summarize minutes by person: valid days, and mean sedentary and active time over valid Choi days."""
    blocks = _blocks(minutes, (*_NEEDED, *_STATUS), gaps)
    by_day = pl.concat([_days(block, edges, stream) for block in blocks])
    valid = pl.col("valid_choi") == 1
    active = pl.col("moderate") + pl.col("vigorous")
    people = by_day.group_by("SEQN", maintain_order=True).agg(
        pl.col("paxstat", "paxcal").max(),
        pl.col("minutes").sum(),
        pl.col("ceiling").sum().alias("ceiling_minutes"),
        pl.len().cast(pl.Int64).alias("days"),
        pl.col("valid_troiano").sum().alias("valid_days_troiano"),
        pl.col("valid_choi").sum().alias("valid_days_choi"),
        (pl.col("sedentary_choi").filter(valid) / 60).mean().alias("mean_sedentary_hours_choi"),
        active.filter(valid).mean().alias("mean_mvpa_minutes_choi"),
        (pl.col("wear_choi").filter(valid) / 60).mean().alias("mean_wear_hours_choi"),
    )
    reliable = (pl.col("paxstat") == 1) & (pl.col("paxcal") == 1)
    return people.with_columns(reliable=reliable.cast(pl.Int64)).select(_PERSON)


@dataclass(frozen=True)
class _Block:
    """Minutes of whole persons, in order."""

    person: Places
    minute: Places
    counts: Counts
    daily: pl.DataFrame

    @cached_property
    def series(self) -> Series:
        new = np.append(True, self.person[1:] != self.person[:-1])
        broken = np.append(True, np.diff(self.minute.astype(np.int64)) != 1)
        stretch = np.flatnonzero(new | broken)
        return Series(self.counts, stretch, new[stretch])

    @cached_property
    def day(self) -> Places:
        """Number of each minute's day, from 1."""
        return (self.minute - 1) // MINUTES_A_DAY + 1

    @cached_property
    def day_first(self) -> Places:
        """Position of the first minute of each person's day."""
        change = self.day[1:] != self.day[:-1]
        change |= self.person[1:] != self.person[:-1]
        return np.flatnonzero(np.append(True, change))

    @cached_property
    def day_of(self) -> Places:
        """Position of each minute's day among the days of the block."""
        sizes = np.diff(np.append(self.day_first, len(self.counts)))
        return np.repeat(np.arange(len(sizes)), sizes)


@dataclass
class _Check:
    """Problems of the minutes, counted over all pieces before they are reported."""

    gaps: Gaps
    found: Counter[str] = field(default_factory=Counter)
    last: int | None = None

    def usable(self, piece: pl.DataFrame) -> bool:
        """Count the problems of a piece of whole persons; True while there have been none."""
        person, minute = (piece[name].to_numpy() for name in ("SEQN", "PAXN"))
        same = person[1:] == person[:-1]
        step = np.diff(minute.astype(np.int64))
        before = self.last is not None and len(person) and person[0] <= self.last
        self.found["unsorted"] += int((person[1:] < person[:-1]).sum()) + bool(before)
        self.found["unsorted"] += int((same & (step < 0)).sum())
        self.found["twice"] += int((same & (step == 0)).sum())
        self.found["gap"] += int((step[same & (step > 1)] - 1).sum()) if self.gaps == "refuse" else 0
        self.found["negative"] += int((piece["counts"] < 0).sum())
        self.found["early"] += int((minute < 1).sum())
        self.last = int(person[-1]) if len(person) else self.last
        return not any(self.found.values())

    def drop_unknown(self, piece: pl.DataFrame) -> pl.DataFrame:
        """Count and remove rows without a value."""
        named = piece.drop_nulls([name for name in piece.columns if name != "counts"])
        self.found["unnamed"] += piece.height - named.height
        counted = named.drop_nulls("counts")
        if self.gaps == "refuse":
            self.found["empty"] += named.height - counted.height
        return counted

    def error(self) -> DatasetError:
        # In a frame out of order every step looks like a gap: sorting comes first.
        hidden = {"twice", "gap"} if self.found["unsorted"] else set()
        kinds = [kind for kind in _PROBLEMS if self.found[kind] and kind not in hidden]
        problems = [f"- {self.found[kind]:,} {_PROBLEMS[kind]}" for kind in kinds]
        return DatasetError("\n".join(["The accelerometer minutes cannot be used:", *problems]))


_PROBLEMS = {
    "unsorted": "rows are out of order of persons or minutes. Sort them: minutes.sort('SEQN', 'PAXN').",
    "twice": "minutes are repeated. Keep one of each, minutes.unique(['SEQN', 'PAXN']), and sort.",
    "gap": "minutes are missing within recordings. Check for lost rows, or use gaps='split'.",
    "empty": "minutes have no counts. Check for lost values, or use gaps='split'.",
    "unnamed": "minutes have no person, number or day. Remove them: minutes.drop_nulls().",
    "negative": "minutes have negative counts. Set codes such as -1 to null, and use gaps='split'.",
    "early": "minutes are numbered below 1. Number the minutes of each recording from 1, its first midnight.",
}


def _blocks(minutes: pl.LazyFrame, columns: Sequence[str], gaps: Gaps) -> Iterator[_Block]:
    check = _Check(gaps)
    for piece in _pieces(_chosen(minutes, columns), check):
        if check.usable(piece) and piece.height:
            person, minute, counts = (piece[name].to_numpy() for name in ("SEQN", "PAXN", "counts"))
            yield _Block(person, minute, counts, piece)
    if any(check.found.values()):
        raise check.error()
    if check.last is None:
        raise DatasetError(
            "There are no minutes: the frame has no row with counts. Check how it was filtered."
        )


def _chosen(minutes: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    lazy = minutes.lazy()
    schema = lazy.collect_schema()
    for name in columns:
        if name not in schema:
            raise DatasetError(
                unknown("The minutes have no column", name, schema, f"Needed: {list(columns)}")
            )
        if not schema[name].is_numeric():
            raise DatasetError(
                f"Column '{name}' of the minutes is {schema[name]}, not numeric. "
                f"Convert it: minutes.with_columns(pl.col('{name}').cast(pl.Int64))."
            )
    # Signed and wide enough that no difference overflows; NaN becomes null.
    types = {"SEQN": pl.Int64, "PAXN": pl.Int32, "counts": pl.Int32}
    return lazy.select(pl.col(name).cast(types.get(name, pl.Int64), strict=False) for name in columns)


def _pieces(minutes: pl.LazyFrame, check: _Check) -> Iterator[pl.DataFrame]:
    """Read chunks and cut them after the last whole person."""
    kept: list[pl.DataFrame] = []
    for chunk in minutes.collect_batches(chunk_size=CHUNK, maintain_order=True):
        known = check.drop_unknown(chunk)
        if known.is_empty():
            continue
        person = known["SEQN"].to_numpy()
        cut = int(np.flatnonzero(person != person[-1])[-1]) + 1 if person[0] != person[-1] else 0
        if cut or (kept and kept[-1]["SEQN"][-1] != person[0]):
            yield pl.concat([*kept, known.head(cut)])
            kept = []
        kept.append(known.slice(cut))
    if kept:
        yield pl.concat(kept)


def _days(block: _Block, edges: Edges, stream: int) -> pl.DataFrame:
    worn = {"troiano": ~troiano(block.series), "choi": ~choi(block.series, edges=edges, stream=stream)}
    first = block.day_first
    status = [name for name in _STATUS if name in block.daily.columns]
    table = {
        "SEQN": block.person[first],
        "day": block.day[first],
        "paxday": block.daily["PAXDAY"].gather(first),
        **{name.lower(): block.daily[name].gather(first) for name in status},
        "minutes": np.diff(np.append(first, len(block.counts))),
        **_intensities(block, worn["troiano"], worn["choi"]),
        "counts_choi": np.add.reduceat(
            np.where(worn["choi"] & (block.counts < CEILING), block.counts, 0), first, dtype=np.int64
        ),
        **_sedentary_spells(block, worn["choi"]),
    }
    valid = {f"valid_{rule}": (pl.col(f"wear_{rule}") >= VALID_DAY).cast(pl.Int64) for rule in worn}
    return pl.DataFrame(table).cast(pl.Int64).with_columns(**valid)


def _intensities(block: _Block, by_troiano: Mask, by_choi: Mask) -> dict[str, Places]:
    """Count minutes by day, wear and intensity in one pass."""
    kind = _CLASS_OF[np.minimum(block.counts, CEILING)]
    code = block.day_of * (4 * _CLASSES) + (kind + _CLASSES * (2 * by_troiano + by_choi).astype(np.uint8))
    size = len(block.day_first)
    counted = np.bincount(code, minlength=size * 4 * _CLASSES).reshape(size, 2, 2, _CLASSES)
    troiano_worn, choi_worn = counted[:, 1].sum(axis=1), counted[:, :, 1].sum(axis=1)
    names = ("sedentary_choi", "light", "moderate", "vigorous", "ceiling")
    return {
        "wear_troiano": troiano_worn.sum(axis=1),
        "wear_choi": choi_worn.sum(axis=1),
        "sedentary_troiano": troiano_worn[:, 0],
        **{name: choi_worn[:, place] for place, name in enumerate(names)},
    }


def _sedentary_spells(block: _Block, worn: Mask) -> dict[str, Places]:
    """Count sedentary bouts, cut at midnight, and breaks: sedentary, then worn and not sedentary."""
    sedentary = worn & (block.counts < LIGHT)
    size = len(block.day_first)
    cuts = np.union1d(block.day_first, block.series.stretch)
    first, length = _spells(sedentary, cuts)
    long = block.day_of[first[length >= BOUT]]
    breaks = sedentary[:-1] & (worn[1:] & ~sedentary[1:])
    breaks[cuts[1:] - 1] = False
    return {
        "sedentary_bouts_30": np.bincount(long, minlength=size),
        "breaks": np.bincount(block.day_of[:-1][breaks], minlength=size),
    }


def _spells(marks: Mask, cuts: Places) -> tuple[Places, Places]:
    """Find first position and length of each run of marked minutes; no run crosses a cut."""
    change = np.append(True, marks[1:] != marks[:-1])
    change[cuts] = True
    first = np.flatnonzero(change)
    length = np.diff(np.append(first, len(marks)))
    marked = marks[first]
    return first[marked], length[marked]
