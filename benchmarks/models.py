"""Measure why models are fitted by the kernel's own Newton steps: against statsmodels and R, in one run.

Run: python benchmarks/models.py        (R and its survey package are used where they are installed)
Prints milliseconds, the best of several rounds, and how much quicker than each peer.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

import toolkit as tk
from toolkit.estimate.regression import FAMILIES, fit_glm

PEOPLE, TERMS, ROUNDS = 10_000, 8, 15
# Milliseconds of a model and of a proportion; None where a peer is not installed.
Peers = tuple[float | None, float | None]
R_SCRIPT = """
suppressMessages(library(survey))
people <- read.csv(commandArgs(TRUE)[1])
design <- svydesign(id = ~psu, strata = ~stratum, weights = ~w, nest = TRUE, data = people)
formula <- reformulate(paste0("x", 1:{terms}), "cramps")
best <- function(run) {{ run(); min(replicate({rounds}, system.time(run())[["elapsed"]])) * 1000 }}
cat(best(function() svyglm(formula, design, family = quasibinomial())),
    best(function() svyciprop(~cramps, design, method = "beta")))
"""


def people() -> pl.DataFrame:
    rng = np.random.default_rng(20261123)
    numbers = rng.normal(50, 10, (PEOPLE, TERMS // 2))
    marks = rng.integers(0, 2, (PEOPLE, TERMS - TERMS // 2)).astype(float)
    X = np.column_stack([numbers, marks])
    chance = 1 / (1 + np.exp(-(X @ np.full(TERMS, 0.02) - 5)))
    columns = {f"x{j + 1}": X[:, j] for j in range(TERMS)}
    return pl.DataFrame(
        {
            **columns,
            "cramps": (rng.random(PEOPLE) < chance).astype(int),
            "w": rng.exponential(1, PEOPLE) + 0.2,
            "stratum": np.repeat(np.arange(30), PEOPLE // 30 + 1)[:PEOPLE],
            "psu": np.tile([0, 1], PEOPLE // 2),
        }
    )


def best(run: Callable[[], Any], rounds: int = ROUNDS) -> float:
    run()
    times = []
    for _ in range(rounds):
        began = perf_counter()
        run()
        times.append(perf_counter() - began)
    return 1000 * min(times)


def import_time(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in "12"
    ]
    return 1000 * min(float(run.stdout) for run in runs)


def r_times(frame: pl.DataFrame) -> Peers:
    """Give what svyglm and svyciprop take; nothing without R or its survey package."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        return None, None
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder, "fit.R"), Path(folder, "people.csv")
        script.write_text(R_SCRIPT.format(terms=TERMS, rounds=ROUNDS))
        frame.write_csv(data)
        run = subprocess.run([rscript, script, data], capture_output=True, text=True, check=False)
    model, proportion = map(float, run.stdout.split()) if run.returncode == 0 else (None, None)
    return model, proportion


def svy_times(frame: pl.DataFrame) -> Peers:
    """Give what the package svy takes for the same; nothing where it is not installed."""
    try:
        import svy
    except ImportError:
        return None, None
    sample = svy.Sample(frame, svy.Design(wgt="w", stratum="stratum", psu="psu"))
    terms = [f"x{j + 1}" for j in range(TERMS)]
    return (
        best(lambda: sample.glm.fit("cramps", x=terms, family="binomial")),
        best(lambda: sample.estimation.prop("cramps", ci_method="korn-graubard")),
    )


def report(label: str, ours: float, peer: float | None = None, name: str = "") -> None:
    against = f"{name} {peer:8.1f} ms, {peer / ours:5.1f} times as long" if peer else ""
    print(f"{label:<52}{ours:8.1f} ms   {against}")


def main() -> None:
    import statsmodels.api as sm

    frame = people()
    X = np.column_stack([np.ones(PEOPLE), frame.select(f"x{j + 1}" for j in range(TERMS)).to_numpy()])
    y, w = frame["cramps"].to_numpy().astype(float), frame["w"].to_numpy()
    print(f"{PEOPLE:,} people x {TERMS} terms and an intercept; best of {ROUNDS}")
    report("import of associations.models", import_time("toolkit.estimate.associations.models"),
           import_time("statsmodels.api"), "statsmodels")  # fmt: skip
    peers = {
        "logit": sm.families.Binomial(),
        "poisson": sm.families.Poisson(),
        "gaussian": sm.families.Gaussian(),
    }
    for name, family in peers.items():
        for limit, threads in ((1, "one BLAS thread"), (None, "all BLAS threads")):
            with threadpool_limits(1, "blas") if limit else nullcontext():
                ours = best(lambda name=name: fit_glm(X, y, w, FAMILIES[name]))
                theirs = best(lambda family=family: sm.GLM(y, X, family, freq_weights=w).fit())
            report(f"{name}, points, {threads}", ours, theirs, "statsmodels")
    study = tk.study(frame, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="benchmark")
    formula = "cramps ~ " + " + ".join(f"x{j + 1}" for j in range(TERMS))
    adjust = tuple(f"x{j + 1}" for j in range(1, TERMS))
    asked = {"outcome": "cramps", "exposure": "x1", "adjust": adjust, "estimand": "odds_ratio"}
    ours = {
        "logit with design variance, tk.model": best(lambda: tk.model(study, formula)),
        "odds ratio with interval, tk.association": best(lambda: tk.association(study, **asked)),
    }
    proportion = best(lambda: tk.prevalence(study, outcome="cramps"))
    for name, (model, share) in {"R survey": r_times(frame), "svy": svy_times(frame)}.items():
        for label, took in ours.items():
            report(label, took, model, name)
        report("proportion with interval, tk.prevalence", proportion, share, name)


if __name__ == "__main__":
    main()
