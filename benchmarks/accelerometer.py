"""Time minutes to days from parquet: both rules, intensities, bouts and breaks; time and peak of memory.

Files of minutes may be named as arguments; invented people, a week each, are timed in any case.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from toolkit.sources.nhanes.accelerometer_minutes import days

WEEK = 10_080


def invented(path: Path, persons: int) -> Path:
    """Write restless days and still nights of invented people, a hundred at a time."""
    chance = np.random.default_rng(1)
    parts = []
    for start in range(0, persons, 100):
        size = (min(100, persons - start), WEEK)
        minute = np.broadcast_to(np.arange(WEEK), size)
        awake = (minute % 1440 > 420) & (chance.random(size) > 0.35)
        counts = np.where(awake, chance.lognormal(4.5, 1.6, size), 0).clip(0, 32_767)
        person = np.broadcast_to(np.arange(start, start + size[0])[:, None], size)
        parts.append(
            pl.LazyFrame(
                {
                    "SEQN": person.ravel(),
                    "PAXDAY": (minute // 1440 % 7 + 1).ravel(),
                    "PAXN": minute.ravel() + 1,
                    "counts": counts.astype(np.int32).ravel(),
                }
            ).with_columns(PAXSTAT=pl.lit(1), PAXCAL=pl.lit(1))
        )
    pl.concat(parts).sink_parquet(path)
    return path


def timed(path: Path, times: int = 5) -> None:
    """Read the file several times; the process is new, so that its peak of memory is that of reading."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        days(pl.scan_parquet(path))
        found.append(time.perf_counter() - start)
    rows = pl.scan_parquet(path).select(pl.len()).collect().item()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{min(found):8.3f} s {peak:6,.0f} MB at most, {rows:,} minutes", end="")


def alone(*words: object) -> str:
    """Run one step in a process of its own: a child begins with the peak of its parent."""
    command = [sys.executable, __file__, *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main() -> None:
    match sys.argv[1:]:
        case ["write", path, persons]:
            invented(Path(path), int(persons))
        case ["time", path]:
            timed(Path(path))
        case given:
            for path in given:
                print(alone("time", path), " ", path, flush=True)
            with tempfile.TemporaryDirectory() as folder:
                for persons in (300, 600, 1200, 2400):
                    path = f"{folder}/{persons}.parquet"
                    alone("write", path, persons)
                    print(alone("time", path), f"  {persons:,} invented people", flush=True)


if __name__ == "__main__":
    main()
