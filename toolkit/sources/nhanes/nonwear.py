"""Non-wear minutes of an accelerometer, by the rules of Choi and of Troiano.

Choi et al., Med Sci Sports Exerc 2011;43:357-364; Troiano et al., Med Sci Sports Exerc 2008;40:181-188. The
rules work on runs of zero and of non-zero minutes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit.results import Mask

Counts: TypeAlias = NDArray[np.integer[Any]]
Places: TypeAlias = NDArray[np.intp]
Edges = Literal["package", "strict"]

CHOI_FRAME, CHOI_SPIKE, CHOI_STREAM = 90, 2, 30
TROIANO_FRAME, TROIANO_SPIKE, TROIANO_CEILING = 60, 2, 100


@dataclass(frozen=True)
class Series:
    """Counts of one recording after the other, cut into stretches without gaps."""

    counts: Counts  # per minute, none negative
    stretch: Places  # position of the first minute of each, ascending from 0
    opens: Mask  # whether a stretch is the first of a recording

    @cached_property
    def closes(self) -> Mask:
        """Whether a stretch is the last of a recording."""
        return np.append(self.opens[1:], True)

    @cached_property
    def ends(self) -> Places:
        """Position of the last minute of each stretch."""
        return np.append(self.stretch[1:], len(self.counts)) - 1

    @cached_property
    def runs(self) -> "_Runs":
        """Maximal runs of zero and of non-zero minutes within stretches."""
        zero = self.counts == 0
        change = np.empty(len(zero), bool)
        np.not_equal(zero[1:], zero[:-1], out=change[1:])
        change[self.stretch] = True
        first = np.flatnonzero(change)
        begins = np.zeros(len(first), bool)
        begins[np.searchsorted(first, self.stretch)] = True
        return _Runs(first, np.diff(np.append(first, len(zero))), zero[first], begins)


@dataclass(frozen=True)
class _Runs:
    """Runs within stretches; `begins`: whether a run is the first of its stretch."""

    first: Places
    length: Places
    zero: Mask
    begins: Mask

    @cached_property
    def ends(self) -> Mask:
        return np.append(self.begins[1:], True)

    def group(self, quiet: Mask) -> Places:
        """Join neighboring runs that are equally quiet within stretches; give the first run of each group."""
        change = self.begins.copy()
        change[1:] |= quiet[1:] != quiet[:-1]
        return np.flatnonzero(change)


def choi(series: Series, *, edges: Edges = "package", stream: int = CHOI_STREAM) -> Mask:
    """Mark non-wear minutes by Choi's rule: 90 minutes of zeros, ignoring short spikes within silence.

    Parameters
    ----------
    series
        The recordings.
    edges
        "package": as the R package PhysicalActivity. Zeros at the start and the end of a recording are
        non-wear of any length, a spike near an end needs silence only as far as there are minutes, and the
        last minute takes the status of the one before. "strict": 90 minutes and full silence there too.
    stream
        Minutes of silence before and after a spike of up to 2 minutes for it to be ignored.
    """
    runs = series.runs
    quiet = runs.zero | _artefacts(runs, stream, strict=edges == "strict")
    group = runs.group(quiet)
    length = np.add.reduceat(runs.length, group)
    idle = length >= CHOI_FRAME
    if edges == "package":
        start = runs.first[group]
        idle |= np.isin(start, series.stretch[series.opens])
        idle |= np.isin(start + length - 1, series.ends[series.closes])
    marks = np.repeat(quiet[group] & idle, length)
    return _with_last_minute(series, marks) if edges == "package" else marks


def _artefacts(runs: _Runs, stream: int, *, strict: bool) -> Mask:
    """Find runs of 1 or 2 non-zero minutes with silence on both sides, in the original counts."""
    # At the end of a stretch silence reaches only as far as there are minutes.
    still = runs.length >= stream
    before = np.append(False, (still if strict else still | runs.begins)[:-1])
    before[runs.begins] = not strict
    after = np.append((still if strict else still | runs.ends)[1:], False)
    after[runs.ends] = not strict
    short: Mask = ~runs.zero & (runs.length <= CHOI_SPIKE)
    artefacts: Mask = short & before & after
    return artefacts


def _with_last_minute(series: Series, marks: Mask) -> Mask:
    longer = series.closes & (series.ends > series.stretch)
    last = series.ends[longer]
    marks[last] = marks[last - 1]
    return marks


def troiano(series: Series) -> Mask:
    """Mark non-wear minutes by Troiano's rule: 60 minutes of zeros, allowing up to 2 minutes of 1 to 100."""
    runs = series.runs
    highest = np.maximum.reduceat(series.counts, runs.first)
    quiet = runs.zero | ((runs.length <= TROIANO_SPIKE) & (highest <= TROIANO_CEILING))
    group = runs.group(quiet)
    last = np.append(group[1:], len(quiet)) - 1
    # A candidate extends from zero to zero: an allowed run at either end does not belong to it.
    inner = runs.length.copy()
    inner[group] *= runs.zero[group]
    inner[last] *= runs.zero[last]
    idle = quiet[group] & (np.add.reduceat(inner, group) >= TROIANO_FRAME)
    per_run = np.repeat(idle, last - group + 1) & (inner > 0)
    return np.repeat(per_run, runs.length)
