"""Measure estimates beside R's survey, svy, statsmodels, duckreg and bare scans, into benchmarks/results.md.

Run: make bench, or for other numbers of rows: make bench ARGS="1e4 1e6 1e8"
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import engines

HERE = Path(__file__).parent
RESULTS, DATA = HERE / "results.md", HERE / "out"
ROWS = (10_000, 100_000, 1_000_000)
SMALL, FIRSTS, MANY = 2_000, 3, 1_000_000
TASKS = {
    "mean": "mean",
    "mean-by": "mean by groups",
    "proportion": "proportion, Korn-Graubard interval",
    "total": "total",
    "ratio": "ratio of two totals",
    "logit": "logit model, 8 terms",
    "logit-discrete": "logit model, 4 terms of two levels",
    "logit-continuous": "logit model, 10 measurements",
    "atlas": "atlas of 3,744 models, NHANES 2005-2008",
}
# Tasks that are measured with the largest data too; of the others up to so many rows.
LARGEST = {"mean": 10**6, "mean-by": 10**6, "total": 10**6, "ratio": 10**6, "logit": 10**6}
LARGEST |= {"logit-continuous": 10**7}
NOTES = {
    "statsmodels": "points and model-based errors, without the design",
    "duckreg": "unweighted, without the design",
    "polars": "bare scan of the file and group-by stratum and PSU (and the terms, if they have levels)",
    "duckdb": "the same",
    "toolkit-polars": "the toolkit on the file, where it stays",
    "toolkit-duckdb": "the same",
    "toolkit-spark": "the same, in local mode",
}


class Measured(NamedTuple):
    """Seconds of an estimate with its design, of each repetition, and the peak of memory in bytes."""

    first: float
    again: list[float]
    peak: int


def measure(engine: str, task: str, rows: int, rounds: int) -> Measured:
    """Measure one estimate in this process."""
    if engine == "r":
        rounds = min(rounds, 5) if rows <= 10_000 else 1
        return Measured(*engines.measure_in_r(task, engines.people_file(rows, DATA), rounds))
    path = engines.file_of(task, rows, DATA) if task != "atlas" else DATA
    read, declare, estimate = engines.ENGINES[engine](path)[task]
    if task != "atlas":  # Modules that are loaded when they are first needed belong to the libraries.
        small = engines.ENGINES[engine](engines.file_of(task, SMALL, DATA))[task]
        small.estimate(small.declare(small.read()))
    before = _memory("VmRSS")
    data, subject, first, again = read(), None, [], []
    for _ in range(FIRSTS if rows <= MANY else 1):
        subject = None  # One object at a time is in memory.
        began = perf_counter()
        subject = declare(data)
        estimate(subject)
        first.append(perf_counter() - began)
    for _ in range(rounds):
        began = perf_counter()
        estimate(subject)
        again.append(perf_counter() - began)
    return Measured(min(first), again, _memory("VmHWM") - before)


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def in_a_process(engine: str, task: str, rows: int) -> Measured | str:
    """Measure in a process of its own; give the last line of its error if it fails."""
    words = command(engine, task, rows).split()
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"ended by signal {-done.returncode}"
    return Measured(*json.loads(done.stdout.splitlines()[-1]))


def command(engine: str, task: str, rows: int) -> str:
    """Write the command of one measurement."""
    sized = f" --rows {rows:.0e}".replace("e+0", "e") if task != "atlas" else ""
    return f"python benchmarks/side_by_side.py --task {task} --engine {engine}{sized}"


def table(task: str, rows: int) -> Iterator[str]:
    """Measure one task with every engine that has it, and write its rows."""
    found = {
        engine: in_a_process(engine, task, rows)
        for engine in engines.available()
        if task in engines.tasks_of(engine)
        and rows <= engines.MOST_ROWS.get(engine, rows)
        and (not engine.startswith("toolkit-") or rows >= MANY)
        and (engine, task) != ("toolkit-spark", "logit-continuous" if rows > MANY else "")
    }
    ours = found.get("toolkit")
    for engine, own in found.items():
        if isinstance(own, str):
            yield f"| {engine} | | | | | | `{command(engine, task, rows)}` failed: {own[:80]} |"
            continue
        ratio, bare = "", found.get(engine.removeprefix("toolkit-"))
        if engine.startswith("toolkit-"):
            if isinstance(bare, Measured):
                ratio = f"{min(own.again) / min(bare.again):.2f} of the bare scan"
        elif isinstance(ours, Measured) and engine != "toolkit":
            ratio = f"{ours.first / own.first:.2f}, {min(ours.again) / min(own.again):.2f}"
        times = " | ".join(f"{1000 * x:,.1f}" for x in (own.first, min(own.again), median(own.again)))
        yield f"| {engine} | {times} | {own.peak / 2**20:,.0f} | {ratio} | `{command(engine, task, rows)}` |"


EXPLANATION = """
Each measurement is a process of its own, which reads a parquet file of simulated survey data. Its command is
in the last column. *First* is the design (`tk.study`, `svy.Sample`, `svydesign`) and the estimate. *Again* is
the estimate on the same object. The toolkit keeps of the first estimate the sampling units and columns.
Memory is the peak of the process, data included, above what it has once the libraries are loaded. The ratios
are the toolkit's first and least time over those of the row. Below 1 the toolkit is faster. First is the
least of three, except in R and beyond a million rows. Rows such as toolkit-duckdb are the toolkit on an
engine, where first includes opening, which looks at every column. Their ratio is that of the least time,
with what follows the query, to the bare scan. Memory of Spark's own process is not counted.
"""
HEAD = "| | first, ms | again, least | again, median | memory, MB | ratios | command |"


def write_document(sizes: list[int]) -> None:
    """Measure everything, and write the document as far as it is known."""
    asked = " ".join(f"{rows:.0e}".replace("e+0", "e") for rows in sizes)
    notes = [f"{name}: {note}." for name, note in NOTES.items() if name in engines.available()]
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    lines = ["# Time and memory, side by side", "", f'`make bench ARGS="{asked}"`, {when}. {machine()}']
    lines += [EXPLANATION + " ".join(notes)]
    for task, title in TASKS.items():
        if task == "atlas" and not os.environ.get("CRAMPS_NHANES"):
            continue
        for rows in [n for n in sizes if n <= LARGEST.get(task, n)] if task != "atlas" else [0]:
            sized = f", {rows:,} rows" if rows else ""
            lines += ["", f"## {title[0].upper()}{title[1:]}{sized}", "", HEAD, "|---" * 7 + "|"]
            for line in table(task, rows):
                lines.append(line)
                print(line, flush=True)
            RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def machine() -> str:
    """Describe the machine and the versions that were measured."""
    names = ("numpy", "polars", "svy", "statsmodels", "duckdb", "duckreg")
    found = [f"{name} {own}" for name in names if (own := _version(name))]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, {memory:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(found)}{engines.r_version()}."
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=float, help="numbers of rows, such as 1e4 1e6 1e8")
    parser.add_argument("--task", choices=TASKS)
    parser.add_argument("--engine", default="toolkit")
    parser.add_argument("--rows", type=float, default=10_000)
    given = parser.parse_args()
    if given.task:
        rows = int(given.rows)
        rounds = 30 if rows <= 10_000 and given.task != "atlas" else 5 if rows <= MANY else 3
        print(json.dumps(measure(given.engine, given.task, rows, rounds)))
        return
    write_document([int(n) for n in given.sizes] or list(ROWS))


if __name__ == "__main__":
    main()
