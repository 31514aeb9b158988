"""Measure the size of the joint test of a multiverse, and the time of a thousand specifications.

Run: python benchmarks/multiverse.py [REPLICATIONS]      (1,000 replications take some minutes)
Writes a section of docs/coverage.md. Each sample has strata of two PSUs, whose effects on exposure and
outcome are independent, so that no specification has an association. With CRAMPS_NHANES the time of a
thousand specifications is measured too.
"""

import os
import re
import sys
from math import sqrt
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import polars as pl

import toolkit as tk

SEED, REPLICATIONS, LEVEL, FLIPS = 20261130, 1_000, 0.05, 399
STRATA, PEOPLE = (15, 30), 25  # people in a PSU
DOCUMENT = Path(__file__).parents[1] / "docs" / "coverage.md"
HEADING, NEXT = "## Joint test of a multiverse", "## Models of many coefficients"
STATISTICS = ("median z", "largest absolute z")
ADULTS = "age >= 20"
THOUSAND = {
    "outcome": ("any_cramps", "frequent_cramps"),
    "exposure": ("diabetes_told", "diabetes", "hba1c >= 6.5"),
    "adjust": ((), "core", "small", "full", ("age", "sex"), ("age", "sex", "race_ethnicity"), ("age", "bmi")),
    "domain": (
        ADULTS, "age >= 30", "age >= 40", "age >= 50", f"{ADULTS} and sex == 'female'",
        f"{ADULTS} and sex == 'male'",
    ),
    "missing": ("complete", "common"),
    "estimand": ("prevalence_ratio", "odds_ratio"),
}  # fmt: skip


def draw(number: int, strata: int) -> tk.Study:
    """Draw a sample whose exposures and outcomes share strata, PSUs and age, but nothing else."""
    rng = np.random.default_rng([SEED, strata, number])
    size = strata * 2 * PEOPLE
    stratum = np.arange(size) // (2 * PEOPLE)
    psu = np.arange(size) // PEOPLE
    age, sex = rng.uniform(20, 80, size), rng.integers(0, 2, size)
    effects = rng.normal(0, 0.3, 2 * strata)[psu] + rng.normal(0, 0.3, strata)[stratum]
    dose = rng.normal(size=size) + (age - 50) / 30
    dose += rng.normal(0, 0.5, 2 * strata)[psu] + rng.normal(0, 0.5, strata)[stratum]
    cramps = rng.random(size) < 1 / (1 + np.exp(1.5 - effects - 0.02 * (age - 50) - 0.3 * sex))
    people = {
        "stratum": stratum, "psu": psu, "w": np.exp(rng.normal(0, 0.4, size)), "age": age, "sex": sex == 1,
        "region": rng.integers(0, 3, size).astype(str), "dose": dose, "cramps": cramps,
        "often": cramps & (rng.random(size) < 0.6),
    }  # fmt: skip
    design = tk.Design(weight="w", strata="stratum", psu="psu")
    return tk.study(pl.DataFrame(people), design=design, name="null")


def sample_p(number: int, strata: int) -> list[float]:
    """Return p of both statistics in a multiverse of 24 specifications."""
    rows = tk.multiverse(
        draw(number, strata), ("cramps", "often"), ("dose > 0.5", "dose > 1"), domain=("", "age >= 40"),
        adjust=(("age", "sex"), ("age", "sex", "region"), ("rcs(age, 4)",)), flips=FLIPS, seed=number,
        progress=False,
    )  # fmt: skip
    found = dict(rows.filter(estimand="sign_flip_test").select("level", "p_value").rows())
    return [found[name] for name in STATISTICS]


def measure_size(replications: int, strata: int) -> list[float]:
    """Return the share of samples in which each statistic rejects at 5%."""
    p = np.array([sample_p(number, strata) for number in range(replications)])
    return [float(share) for share in (p <= LEVEL).mean(axis=0)]


def measure_time() -> str:
    """Time a thousand specifications on NHANES, or say how to."""
    if not os.environ.get("CRAMPS_NHANES"):
        return ""
    study = tk.open_study("nhanes")
    start, own = perf_counter(), process_time()
    rows = tk.multiverse(study, **THOUSAND, progress=False)  # type: ignore[arg-type]
    wall, busy = perf_counter() - start, process_time() - own
    count = rows["specification"].drop_nulls().n_unique()
    return (
        f"{count:,} specifications of NHANES 2005-2008 with 1,999 sign flips took {busy:.1f} s of\n"
        f"processor time ({wall:.1f} s on two shared cores at a load of {os.getloadavg()[0]:.1f})."
    )


def write_section(replications: int) -> str:
    """Write the section of the document."""
    error = 100 * sqrt(LEVEL * (1 - LEVEL) / replications)
    intro = (
        f"`python benchmarks/multiverse.py {replications}`, seed {SEED}: {replications:,} samples without\n"
        f"any association, from strata of two PSUs with {PEOPLE} people each. Effects of strata and PSUs on\n"
        f"exposure and outcome are independent. 24 specifications and {FLIPS} sign flips each."
    )
    lines = [HEADING, "", intro, "", "| strata | statistic | rejected at 5% | ± |", "|---|---|---|---|"]
    for strata in STRATA:
        for name, share in zip(STATISTICS, measure_size(replications, strata), strict=True):
            lines.append(f"| {strata} | {name} | {100 * share:.1f} | {error:.1f} |")
    time = measure_time()
    return "\n".join([*lines, *(["", time] if time else []), ""])


def main(replications: int) -> None:
    """Replace the section, before the last one."""
    old = DOCUMENT.read_text(encoding="utf-8")
    rest = re.sub(rf"{HEADING}.*?(?=^## )", "", old, flags=re.DOTALL | re.MULTILINE)
    before, _, after = rest.partition(NEXT)
    text = f"{before.rstrip()}\n\n{write_section(replications)}\n{NEXT}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS)
