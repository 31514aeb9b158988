"""Measure how often 95% intervals of rare outcomes and of groups without a case contain the true value.

Run: python benchmarks/rare_coverage.py [REPLICATIONS]     (two processes; 400 replications take some minutes)
Replaces the section "Rare outcomes and empty groups" of docs/coverage.md. One simulated population, in which
0.5%, 1% and 2% of three groups have the outcome, is sampled by three designs; many samples hold a group of
which nobody has it.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from math import sqrt
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

import toolkit as tk

SEED, REPLICATIONS = 20261129, 400
STRATA, PSUS, PEOPLE = 15, 60, 300  # strata of the population, PSUs in each, people in a PSU
GROUPS = {"a": 0.005, "b": 0.01, "c": 0.02}
N = 900
# Name -> PSUs drawn in each stratum, and whether strata are kept; (0, ...) draws people one by one.
DESIGNS = {
    "900 people, simple random sample": (0, False),
    "900 people in 30 PSUs, two in each of 15 strata": (2, True),
    "900 people in 12 PSUs without strata": (12, False),
}
DOCUMENT = Path(__file__).parents[1] / "docs" / "coverage.md"
HEADING = "## Rare outcomes and empty groups"
Intervals = dict[str, tuple[bool, bool]]


@cache
def population() -> pl.DataFrame:
    """Simulate everyone, the same in every process: prevalence differs between PSUs and strata."""
    random = np.random.default_rng(SEED)
    count = STRATA * PSUS
    effect = random.normal(0, 0.5, count) + np.repeat(random.normal(0, 0.3, STRATA), PSUS)
    effect = np.repeat(effect, PEOPLE)
    group = random.choice(list(GROUPS), count * PEOPLE)
    base = np.array([GROUPS[g] for g in group])
    scale = np.exp(effect).mean()
    return pl.DataFrame(
        {
            "stratum": np.repeat(np.arange(STRATA), PSUS * PEOPLE),
            "psu": np.repeat(np.arange(count), PEOPLE),
            "g": group,
            "old": random.random(count * PEOPLE) < 0.3,
            "y": random.random(count * PEOPLE) < np.minimum(base * np.exp(effect) / scale, 1),
        }
    )


@cache
def truth() -> dict[str, float]:
    """Count the prevalence of each group in the population."""
    shares = population().group_by("g").agg(pl.col("y").mean())
    return dict(zip(shares["g"].to_list(), shares["y"].to_list(), strict=True))


def draw(name: str, number: int) -> tk.Study:
    """Draw one sample; older people are drawn three times as often."""
    drawn, stratified = DESIGNS[name]
    random = np.random.default_rng([SEED, number, drawn])
    everyone = population()
    if not drawn:
        return tk.study(
            everyone[random.choice(everyone.height, N)], design=tk.Design.none(), name="SIMULATED"
        )
    strata = range(STRATA) if stratified else [0]
    size = PSUS if stratified else STRATA * PSUS
    parts = []
    for stratum in strata:
        for place, chosen in enumerate(random.integers(0, size, drawn)):
            first = (stratum * PSUS + int(chosen)) * PEOPLE
            odds = np.where(everyone["old"][first : first + PEOPLE].to_numpy(), 3.0, 1.0)
            chance = N / (drawn * len(strata)) * odds / odds.sum()
            taken = np.flatnonzero(random.random(PEOPLE) < chance)
            weight = size / drawn / chance[taken]
            parts.append(everyone[first + taken].with_columns(w=pl.Series(weight), place=pl.lit(place)))
    design = tk.Design(weight="w", strata="stratum" if stratified else None, psu="place")
    return tk.study(pl.concat(parts), design=design, name="SIMULATED")


def one(task: tuple[str, int]) -> Intervals:
    """Say for each interval of one sample whether it contains the truth, and whether a group was empty."""
    study, true, found = draw(*task), truth(), {}
    for row in tk.prevalence(study, outcome="y", by="g").iter_rows(named=True):
        holds = row["conf_low"] <= true[row["g"]] <= row["conf_high"]
        found[f"prevalence, {100 * GROUPS[row['g']]:g}%"] = (holds, row["estimate"] == 0)
    crude = {"outcome": "y", "exposure": "g", "adjust": ()}
    row = tk.association(study, **crude, estimand="prevalence_difference").row(1, named=True)
    difference = true["c"] - true["a"]
    empty = row["std_error"] is None
    found["difference, 2% less 0.5%"] = (row["conf_low"] <= difference <= row["conf_high"], empty)
    return found | _firth(study, true)


def _firth(study: tk.Study, true: dict[str, float]) -> Intervals:
    try:
        row = tk.model(study, "y ~ g", "firth").row(2, named=True)
    except tk.EstimationError:  # Nobody of the sample has the outcome: there is no model.
        return {}
    odds = {name: share / (1 - share) for name, share in true.items()}
    value = float(np.log(odds["c"] / odds["a"]))
    return {
        "odds ratio, 2% to 0.5%, Firth": (row["conf_low"] <= value <= row["conf_high"], row["df"] is None)
    }


def measure(name: str, replications: int) -> list[tuple[str, float, float, float, float]]:
    """Go through the samples of one design: coverage with its error, share empty, coverage among these."""
    tasks = [(name, number) for number in range(replications)]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        results = list(pool.map(one, tasks, chunksize=20))
    table = []
    for key in dict.fromkeys(key for result in results for key in result):
        holds, empty = np.array([result[key] for result in results if key in result]).T
        share = holds.mean()
        inside = holds[empty].mean() if empty.any() else np.nan
        error = sqrt(share * (1 - share) / len(holds))
        table.append((key, 100 * share, 100 * error, 100 * empty.mean(), 100 * inside))
    return table


def section(found: dict[str, list[tuple[str, float, float, float, float]]], replications: int) -> str:
    """Write the section of the document."""
    lines = [
        HEADING,
        "",
        f"`python benchmarks/rare_coverage.py {replications}`, seed {SEED}: {replications:,} samples of a",
        f"simulated population of {population().height:,} people by each of three designs. The prevalence of",
        "the outcome is 0.5%, 1% and 2% in three groups of a third each, and differs between PSUs. In the",
        "clustered designs older people are drawn three times as often. No person is real.",
        "",
        "Empty: how many samples in a hundred have nobody with the outcome in the group (for the odds ratio,",
        "in any of the groups). The last column is the coverage among these, where the prevalence has the",
        "exact interval on n / deff, the difference Newcombe's hybrid interval, and the odds ratio the",
        "profile penalized-likelihood interval. The other samples have the intervals of every estimate:",
        "Korn-Graubard, t of the linear model, t of Firth's model.",
        "",
    ]
    for name, table in found.items():
        lines += [f"### {name}", "", "| interval | coverage | ± | empty | coverage if empty |"]
        lines += ["|---|---|---|---|---|"]
        for key, share, error, empty, inside in table:
            among = f"{inside:.1f}" if empty else ""
            lines.append(f"| {key} | {share:.1f} | {error:.1f} | {empty:.1f} | {among} |")
        lines.append("")
    return "\n".join(lines)


def main(replications: int) -> None:
    """Measure every design and put the section in its place in the document."""
    found = {}
    for name in DESIGNS:
        found[name] = measure(name, replications)
        print(section({name: found[name]}, replications), flush=True)
    text, own = DOCUMENT.read_text(encoding="utf-8"), section(found, replications)
    before, _, after = text.partition(HEADING)
    following = after.partition("\n## ")
    rest = f"## {following[2]}" if following[1] else ""
    DOCUMENT.write_text(f"{before.rstrip()}\n\n{own}{rest}".rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS)
