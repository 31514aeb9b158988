"""Turn minutes of an accelerometer into days and persons: wear, sedentary and active time, bouts, breaks.

Takes a lazy frame of minutes in NHANES's columns (SEQN, PAXN, ...), person after person; gives a row a day,
a person or a non-wear interval. Reads it in pieces of whole persons, so that memory does not grow with it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl

from toolkit.errors import DatasetError, unknown
from toolkit.sources.nhanes.nonwear import CHOI_STREAM, Counts, Edges, Mask, Places, Series, choi, troiano

MINUTES_A_DAY = 1440
VALID_DAY = 600  # wear minutes; Troiano et al. 2008
BOUT = 30  # sedentary minutes in a row
# Counts a minute at which an intensity begins (Troiano et al. 2008); the ceiling is the instrument's.
LIGHT, MODERATE, VIGOROUS, CEILING = 100, 2020, 5999, 32_767
CHUNK = 200_000  # minutes that are read at a time
Gaps = Literal["refuse", "split"]
Rule = Literal["choi", "troiano"]

_NEEDED = ("SEQN", "PAXDAY", "PAXN", "counts")
_STATUS = ("PAXSTAT", "PAXCAL")
_CLASSES = 5
_CLASS_OF = np.digitize(np.arange(CEILING + 1), (LIGHT, MODERATE, VIGOROUS, CEILING)).astype(np.uint8)


def days(
    minutes: pl.LazyFrame, *, edges: Edges = "package", stream: int = CHOI_STREAM, gaps: Gaps = "refuse"
) -> pl.DataFrame:
    """Summarise minutes by person and day.

    Parameters
    ----------
    minutes
        SEQN, PAXDAY (1 Sunday to 7), PAXN (number of the minute, from 1), counts; sorted by SEQN and PAXN.
        Other columns are not read.
    edges, stream
        Variants of Choi's rule: see `toolkit.sources.nhanes.nonwear.choi`.
    gaps
        "refuse": minutes that are not there, or without counts, are an error. "split": they end a stretch of
        non-wear, of a bout and of a spell of sitting; they are never taken for zero, and `minutes` is short
        by them.

    Returns
    -------
    polars.DataFrame
        SEQN, day (from 1), paxday, minutes, wear_troiano, wear_choi, sedentary_troiano, sedentary_choi,
        light, moderate, vigorous, ceiling, counts_choi, sedentary_bouts_30, breaks, valid_troiano,
        valid_choi (1: 600 wear minutes or more); whole numbers. Intensities, bouts and breaks are of minutes
        worn by Choi's rule. Minutes at the instrument's ceiling are worn and in no class, and do not count.

    Raises
    ------
    DatasetError
        For missing columns, gaps, minutes that come twice or out of order, negative counts: all at once.

    Examples
    --------
    >>> worn = pl.LazyFrame({"SEQN": 1, "PAXDAY": 1, "PAXN": range(1, 1441), "counts": [50, 3000] * 720})
    >>> days(worn).select("wear_choi", "sedentary_choi", "moderate", "breaks", "valid_choi").row(0)
    (1440, 720, 720, 720, 1)
    """
    blocks = _blocks(minutes, _NEEDED, gaps)
    return pl.concat([_days(block, edges, stream) for block in blocks]).select(_DAY)


def persons(
    minutes: pl.LazyFrame, *, edges: Edges = "package", stream: int = CHOI_STREAM, gaps: Gaps = "refuse"
) -> pl.DataFrame:
    """Summarise minutes by person: valid days, and sedentary and active time on them.

    Parameters
    ----------
    minutes
        As for `days`, with PAXSTAT (1: data deemed reliable) and PAXCAL (1: monitor in calibration).
    edges, stream, gaps
        As for `days`.

    Returns
    -------
    polars.DataFrame
        SEQN, paxstat, paxcal, reliable (both 1), minutes, ceiling_minutes, days, valid_days_troiano,
        valid_days_choi, mean_sedentary_hours_choi, mean_mvpa_minutes_choi, mean_wear_hours_choi (means over
        valid Choi days, null where there are none). Nobody is left out: an analysis takes the reliable.

    Raises
    ------
    DatasetError
        As `days`.

    Examples
    --------
    >>> worn = pl.LazyFrame({"SEQN": 1, "PAXSTAT": 1, "PAXCAL": 1, "PAXDAY": 1, "PAXN": range(1, 1441),
    ...                      "counts": [50, 3000] * 720})
    >>> persons(worn).select("valid_days_choi", "mean_sedentary_hours_choi").row(0)
    (1, 12.0)
    """
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


def nonwear(
    minutes: pl.LazyFrame,
    *,
    rule: Rule = "choi",
    edges: Edges = "package",
    stream: int = CHOI_STREAM,
    gaps: Gaps = "refuse",
) -> pl.DataFrame:
    """List the intervals in which the instrument was not worn.

    Parameters
    ----------
    minutes, edges, stream, gaps
        As for `days`.
    rule
        "choi" or "troiano".

    Returns
    -------
    polars.DataFrame
        SEQN, rule, first, last: minute numbers (PAXN), both inclusive; in order.

    Raises
    ------
    DatasetError
        As `days`.

    Examples
    --------
    >>> still = pl.LazyFrame({"SEQN": 1, "PAXDAY": 1, "PAXN": range(1, 101), "counts": [0] * 95 + [9] * 5})
    >>> nonwear(still, rule="troiano").row(0)
    (1, 'troiano', 1, 95)
    """
    found = []
    for block in _blocks(minutes, _NEEDED, gaps):
        idle = troiano(block.series) if rule == "troiano" else choi(block.series, edges=edges, stream=stream)
        first, length = _spells(idle, block.series.stretch)
        minute = block.minute[first].astype(np.int64)
        found.append(
            pl.DataFrame({"SEQN": block.person[first], "first": minute, "last": minute + length - 1})
        )
    return pl.concat(found).select(pl.col("SEQN").cast(pl.Int64), pl.lit(rule).alias("rule"), "first", "last")


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


@dataclass(frozen=True)
class _Block:
    """Minutes of whole persons, in order: person, number of the minute, counts, and what stays for a day."""

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
        """Place of the first minute of each person's day."""
        change = self.day[1:] != self.day[:-1]
        change |= self.person[1:] != self.person[:-1]
        return np.flatnonzero(np.append(True, change))

    @cached_property
    def day_of(self) -> Places:
        """For each minute the place of its day among the days of the block."""
        sizes = np.diff(np.append(self.day_first, len(self.counts)))
        return np.repeat(np.arange(len(sizes)), sizes)


@dataclass
class _Check:
    """What is wrong with the minutes, counted over all pieces before it is told."""

    gaps: Gaps
    found: Counter[str] = field(default_factory=Counter)
    last: int | None = None

    def usable(self, piece: pl.DataFrame) -> bool:
        """Count the problems of a piece of whole persons; True while there was none so far."""
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

    def known(self, piece: pl.DataFrame) -> pl.DataFrame:
        """Count what has no value and give the rest."""
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
        told = [f"- {self.found[kind]:,} {_PROBLEMS[kind]}" for kind in kinds]
        return DatasetError("\n".join(["the minutes of the accelerometer cannot be used:", *told]))


_PROBLEMS = {
    "unsorted": "steps back in the order of persons or minutes. Sort: minutes.sort('SEQN', 'PAXN').",
    "twice": "minutes that stand there more than once. Keep one: minutes.unique(['SEQN', 'PAXN']), and sort.",
    "gap": "minutes missing within recordings. Look for lost rows, or let them break the recording: "
    "gaps='split'.",
    "empty": "minutes without counts. Look for lost values, or let them break the recording: gaps='split'.",
    "unnamed": "minutes without a person, a number or a day. Leave them out: minutes.drop_nulls().",
    "negative": "minutes with negative counts. Set codes such as -1 to null, then gaps='split'.",
    "early": "minutes numbered below 1. Number each recording's minutes from 1, its first midnight.",
}


def _blocks(minutes: pl.LazyFrame, columns: Sequence[str], gaps: Gaps) -> Iterator[_Block]:
    check = _Check(gaps)
    for piece in _pieces(_chosen(minutes, columns), check):
        if check.usable(piece) and piece.height:
            yield _block(piece)
    if any(check.found.values()):
        raise check.error()
    if check.last is None:
        raise DatasetError(
            "there are no minutes: the frame has no row with counts. Look at what was filtered."
        )


def _chosen(minutes: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    lazy = minutes.lazy()
    schema = lazy.collect_schema()
    for name in columns:
        if name not in schema:
            raise DatasetError(
                unknown("the minutes have no column", name, schema, f"Needed: {list(columns)}")
            )
        if not schema[name].is_numeric():
            raise DatasetError(
                f"column '{name}' of the minutes is {schema[name]}, not a number. "
                f"Make it one: minutes.with_columns(pl.col('{name}').cast(pl.Int64))."
            )
    # Signed and wide enough that no difference of two of them runs over; NaN becomes null.
    types = {"SEQN": pl.Int64, "PAXN": pl.Int32, "counts": pl.Int32}
    return lazy.select(pl.col(name).cast(types.get(name, pl.Int64), strict=False) for name in columns)


def _pieces(minutes: pl.LazyFrame, check: _Check) -> Iterator[pl.DataFrame]:
    """Read chunks and cut them after the last whole person."""
    held: list[pl.DataFrame] = []
    for chunk in minutes.collect_batches(chunk_size=CHUNK, maintain_order=True):
        known = check.known(chunk)
        if known.is_empty():
            continue
        person = known["SEQN"].to_numpy()
        cut = int(np.flatnonzero(person != person[-1])[-1]) + 1 if person[0] != person[-1] else 0
        if cut or (held and held[-1]["SEQN"][-1] != person[0]):
            yield pl.concat([*held, known.head(cut)])
            held = []
        held.append(known.slice(cut))
    if held:
        yield pl.concat(held)


def _block(piece: pl.DataFrame) -> _Block:
    person, minute, counts = (piece[name].to_numpy() for name in ("SEQN", "PAXN", "counts"))
    return _Block(person, minute, counts, piece)


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
        **_sitting(block, worn["choi"]),
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


def _sitting(block: _Block, worn: Mask) -> dict[str, Places]:
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
    """Give first place and length of each run of marked minutes; no run goes over a cut."""
    change = np.append(True, marks[1:] != marks[:-1])
    change[cuts] = True
    first = np.flatnonzero(change)
    length = np.diff(np.append(first, len(marks)))
    marked = marks[first]
    return first[marked], length[marked]
