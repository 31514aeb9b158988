"""Measure the models beyond the generalised linear ones against R's survey package, in one run.

Run: python benchmarks/families.py        (R and its survey package are used where they are installed)
Prints milliseconds, the best of several rounds, and how much quicker than R.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from engines import TERMS, people

import toolkit as tk

PEOPLE, ROUNDS = 10_000, 5
R_SCRIPT = """
suppressMessages({{library(survey); library(survival); library(jsonlite)}})
people <- read.csv(commandArgs(TRUE)[1])
people$level <- factor(people$level)
design <- svydesign(id = ~psu, strata = ~stratum, weights = ~w, nest = TRUE, data = people)
terms <- paste(paste0("x", 1:{terms}), collapse = " + ")
best <- function(run) {{ run(); min(replicate(3, system.time(run())[["elapsed"]])) * 1000 }}
ordinal <- as.formula(paste("level ~", terms)); cox <- as.formula(paste("Surv(time, event) ~", terms))
cat(toJSON(list(ordinal = best(function() svyolr(ordinal, design)),
                cox = best(function() svycoxph(cox, design))), auto_unbox = TRUE))
"""


def frame() -> pl.DataFrame:
    """Add an ordered outcome, a count and a time to the people of the other benchmark."""
    base, random = people(PEOPLE), np.random.default_rng(7)
    drift = base.select(TERMS).to_numpy() @ np.full(len(TERMS), 0.02) - 5
    time = random.exponential(np.exp(-drift))
    return base.with_columns(
        level=pl.Series(np.digitize(drift + random.logistic(size=PEOPLE), [-1, 0, 1, 2]))
        .cast(pl.String)
        .cast(pl.Enum(list("01234"))),
        nights=pl.Series(random.poisson(random.gamma(0.8, np.exp(drift) / 0.8)).astype(float)),
        time=pl.Series(np.minimum(np.ceil(time * 20) / 20, 5.0)),
        event=pl.Series((time < 5).astype(int)),
    )


def of_r(data: pl.DataFrame) -> dict[str, float]:
    """Time R's fits; none where R is not installed."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        script, file = Path(folder, "fit.R"), Path(folder, "people.csv")
        script.write_text(R_SCRIPT.format(terms=len(TERMS)))
        data.write_csv(file)
        run = subprocess.run([rscript, script, file], capture_output=True, text=True, check=False)
    return dict(json.loads(run.stdout)) if run.returncode == 0 else {}


def best(run: Callable[[], Any]) -> float:
    """Time the best of several rounds, in milliseconds."""
    run()
    times = []
    for _ in range(ROUNDS):
        began = perf_counter()
        run()
        times.append(perf_counter() - began)
    return 1000 * min(times)


def main() -> None:
    data = frame()
    study = tk.study(data, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="benchmark")
    terms = " + ".join(TERMS)
    asked = {
        "ordinal": lambda: tk.model(study, f"level ~ {terms}", "ordinal"),
        "multinomial": lambda: tk.model(study, f"level ~ {terms}", "multinomial"),
        "negative-binomial": lambda: tk.model(study, f"nights ~ {terms}", "negative-binomial"),
        "firth": lambda: tk.model(study, f"cramps ~ {terms}", "firth"),
        "cox": lambda: tk.model(study, f"Surv(time, event) ~ {terms}", "cox"),
        "survival": lambda: tk.survival(study, time="time", event="event"),
        "curve": lambda: tk.curve(study, outcome="cramps", exposure="x1", adjust=("x2", "x3")),
    }
    print(f"{PEOPLE:,} people x {len(TERMS)} terms, with the design's errors; best of {ROUNDS}")
    peers = of_r(data)
    for name, run in asked.items():
        ours, peer = best(run), peers.get(name)
        against = f"R survey {peer:8.1f} ms, {peer / ours:5.1f} times as long" if peer else ""
        print(f"{name:<20}{ours:8.1f} ms   {against}")


if __name__ == "__main__":
    main()
