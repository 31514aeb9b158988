"""Measure the coverage of 95% intervals of models with as many coefficients as the design has degrees of
freedom.

Run: python benchmarks/large_models.py [REPLICATIONS]      (two processes; 500 replications take two
minutes) Replaces the last section of docs/coverage.md. Each sample has 16 strata of two PSUs, as one cycle
of NHANES has about, so 16 degrees of freedom. Exposure, covariates and outcome share effects of PSUs. The
outcome is log-linear and the effects of PSUs multiply, so the true prevalence ratio is that of the model.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from math import log, sqrt
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import stdtrit

import toolkit as tk

SEED, REPLICATIONS = 20261129, 500
STRATA, PEOPLE, RATIO = 16, 60, 1.4  # people in a PSU; the true prevalence ratio
COEFFICIENTS = (4, 10, 16, 20, 26)
DOCUMENT = Path(__file__).parents[1] / "docs" / "coverage.md"
HEADING = "## Models of many coefficients on 16 degrees of freedom"


def draw(number: int) -> tk.Study:
    """Draw one sample with an exposure and as many covariates as the largest model takes."""
    random = np.random.default_rng([SEED, number])
    psus, count = 2 * STRATA, max(COEFFICIENTS) - 2
    psu = np.repeat(np.arange(psus), PEOPLE)
    shared = random.normal(size=(psus, count)) * 0.5
    covariates = shared[psu] + random.normal(size=(len(psu), count))
    exposed = random.random(len(psu)) < 1 / (1 + np.exp(0.4 - 0.3 * covariates[:, :2].sum(axis=1)))
    effect = random.normal(0, 0.25, psus)[psu] + 0.1 * covariates[:, :2].sum(axis=1)
    chance = np.minimum(np.exp(log(0.16) + log(RATIO) * exposed + effect), 1.0)
    names = [f"z{k}" for k in range(count)]
    people = pl.DataFrame(covariates, names).with_columns(
        stratum=pl.Series(psu // 2),
        psu=pl.Series(psu),
        w=pl.Series(random.gamma(4, 0.25, len(psu))),
        exposed=pl.Series(exposed),
        ill=pl.Series(random.random(len(psu)) < chance),
    )
    design = tk.Design(weight="w", strata="stratum", psu="psu")
    return tk.study(people, design=design, name="SIMULATED sample")


def one(number: int) -> list[tuple[float, float, bool, bool | None]]:
    """Fit every model to one sample: deviation, error, whether both intervals contain the truth."""
    study, found = draw(number), []
    for count in COEFFICIENTS:
        adjust = tuple(f"z{k}" for k in range(count - 2))
        row = tk.association(study, outcome="ill", exposure="exposed", adjust=adjust).row(0, named=True)
        deviation = log(row["estimate"] / RATIO)
        left = row["df"] + 1 - count
        by_model = abs(deviation) <= stdtrit(left, 0.975) * row["std_error"] if left > 0 else None
        found.append((deviation, row["std_error"], row["conf_low"] <= RATIO <= row["conf_high"], by_model))
    return found


def section(replications: int) -> str:
    """Write the section of the document."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        results = list(pool.map(one, range(replications), chunksize=25))
    lines = [
        HEADING,
        "",
        f"`python benchmarks/large_models.py {replications}`, seed {SEED}: {replications:,} samples of",
        f"{STRATA} strata of two PSUs with {PEOPLE} people each, prevalence ratio {RATIO}. With the design's",
        "degrees of freedom (PSUs minus strata, the default of `tk.association`) intervals keep their",
        "coverage with more coefficients than degrees of freedom. R's rule (`df='model'`) subtracts the",
        "coefficients, widens intervals and leaves none beyond 16 coefficients.",
        "",
        "| coefficients | coverage, design df | ± | coverage, model df | model df | bias | error |",
        "|---|---|---|---|---|---|---|",
    ]
    for place, count in enumerate(COEFFICIENTS):
        deviation, error, design, model = zip(*(result[place] for result in results), strict=True)
        share, spread = float(np.mean(design)), float(np.std(deviation, ddof=1))
        margin = sqrt(share * (1 - share) / replications)
        left = STRATA + 1 - count
        by_model = f"{100 * np.mean(model):.1f} | {left}" if left > 0 else "none | none"
        lines.append(
            f"| {count} | {100 * share:.1f} | {100 * margin:.1f} | {by_model} "
            f"| {np.mean(deviation) / spread:+.3f} | {np.mean(error) / spread:.3f} |"
        )
    return "\n".join(lines) + "\n"


def main(replications: int) -> None:
    kept = DOCUMENT.read_text(encoding="utf-8").split(HEADING)[0].rstrip("\n")
    text = section(replications)
    DOCUMENT.write_text(f"{kept}\n\n{text}", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS)
