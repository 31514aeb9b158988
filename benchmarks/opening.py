"""Time how long NHANES takes to open: the first time from local files, again, and in a new process.

The goals: 2005-2008 under 2 s the first time and 0.3 s afterwards, all eleven cycles under 6 s and 1 s.
Needs CRAMPS_NHANES; cycles whose demographic file is not there are left out and named.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from toolkit.sources import catalog

# Imports count as the first use of the toolkit, not as opening.
PROGRAM = """
import time, polars, toolkit as tk, toolkit.studies.study, toolkit.sources.nhanes
start = time.perf_counter()
study = tk.open_study("nhanes", cycles={cycles!r})
print(time.perf_counter() - start, *study.people.shape, len(study.provenance["files"]))
start = time.perf_counter()
tk.open_study("nhanes", cycles={cycles!r})
print(time.perf_counter() - start)
"""


def opened(cycles: tuple[str, ...], cache: str) -> list[list[float]]:
    """Open twice in a new process; give the times, and of the first people, columns and files."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(cycles=cycles)],
        env={**os.environ, "CRAMPS_CACHE": cache},
        check=True,
        capture_output=True,
        text=True,
    )
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def there() -> tuple[str, ...]:
    """Name the cycles that are in the mirror, without 2017-2018, whose people are in 2017-2020 too."""
    catalogue, mirror = catalog.nhanes(), Path(os.environ["CRAMPS_NHANES"])
    cycles = [cycle for cycle in catalogue.cycles if cycle != "2017-2018"]
    found = [c for c in cycles if (mirror / catalogue.path(c, catalogue.site.home)).is_file()]
    print(f"{len(found)} of {len(cycles)} cycles in the mirror; absent: {set(cycles) - set(found) or 'none'}")
    return tuple(found)


def measure(cycles: tuple[str, ...], title: str) -> None:
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        (first, people, columns, files), (again,) = opened(cycles, cache)
        process = time.perf_counter() - started
        (fresh, *_), _ = opened(cycles, cache)
    print(f"{title}: {people:,.0f} people, {columns:.0f} columns, {files:.0f} files")
    print(f"{first:8.3f} s  first time (process of {process:.1f} s)")
    print(f"{again:8.3f} s  again\n{fresh:8.3f} s  in a new process")


def main() -> None:
    if not os.environ.get("CRAMPS_NHANES"):
        print("set CRAMPS_NHANES to a folder of NHANES files to measure opening")
        return
    measure(("2005-2006", "2007-2008"), "2005-2008")
    measure(there(), "all cycles that are there")


if __name__ == "__main__":
    main()
