"""Counts of 1 to k - 1 cannot be computed from all that the pages of a run show of random small studies.

Each study is a table of unknown counts by group, sex and outcome, the last two with missing values. What is
shown of it is a system of linear inequalities: a rounded count is that of k neighbors, a percentage with one
decimal times these is a number of cases, and what is absent is from 1 to k - 1. A linear program asks for the
least and the largest value of each count that fits all of them; a small count that has one value only was
given back.
"""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from math import ceil, floor, inf
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

import toolkit as tk
from tests.support.exits import results_of
from toolkit.disclosure import show_data
from toolkit.results import covariates

GROUPS, SEXES, OUTCOMES = ("a", "b", "c"), ("f", "m", None), ("no", "yes", None)
NAMES = ("g", "sex", "y")
CELLS = list(product(GROUPS, SEXES, OUTCOMES))
SMALLEST = 5
STUDIES = int(os.environ.get("CRAMPS_SUBSAMPLES", "0")) * 5 or 12
EVERYONE = np.ones(len(CELLS))
# Cells, and the least and the largest number of participants in them.
Bounds = tuple[np.ndarray, float, float]


def small_study(seed: int) -> tuple[tk.Study, np.ndarray]:
    """Draw counts of the cells, many of them small, and make the participants that have them."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    counts = [
        draw.choice([0, 0, 1, 2, 6, 9] if None in cell else [0, 1, 2, 3, 4, 7, 20, 40, 60]) for cell in CELLS
    ]
    rows = [cell for cell, n in zip(CELLS, counts, strict=True) for _ in range(n)]
    people = pl.DataFrame(rows, schema=list(NAMES), orient="row").sample(fraction=1, shuffle=True, seed=seed)
    return tk.study(people, design=tk.Design.none(), name=f"small in a run {seed}"), np.array(counts, float)


def flow_of(*adjust: str) -> Callable[[tk.Study], pl.DataFrame]:
    return lambda study: tk.flow(study, "y", "g", adjust=adjust)


# What one report or one run shows together.
SHOWN: dict[str, list[Callable[[tk.Study], pl.DataFrame]]] = {
    "one grouping": [
        lambda study: tk.prevalence(study, "y"),
        lambda study: tk.prevalence(study, "y", by="g"),
        lambda study: tk.prevalence(study, "g"),
        lambda study: tk.prevalence(study, "g", by="y"),
        lambda study: tk.tests.chi_square(study, "y", "g"),
    ],
    "nine crossed tables": [
        lambda study: tk.prevalence(study, "y"),
        lambda study: tk.prevalence(study, "g"),
        lambda study: tk.prevalence(study, "sex"),
        lambda study: tk.prevalence(study, "y", by="g"),
        lambda study: tk.prevalence(study, "y", by="sex"),
        lambda study: tk.prevalence(study, "y", by=("g", "sex")),
        lambda study: tk.prevalence(study, "g", by="y"),
        lambda study: tk.prevalence(study, "sex", by="y"),
        lambda study: tk.prevalence(study, "sex", by="g"),
    ],
    "Table 1": [lambda study: tk.describe(study, ("y", "sex"), by="g")],
    "crude and adjusted, with their flows": [
        lambda study: tk.association(study, "y", "g", adjust=()),
        lambda study: tk.association(study, "y", "g", adjust=("sex",)),
        lambda study: tk.association(study, "y", "g", adjust=(), by="sex"),
        lambda study: tk.model(study, "y ~ g"),
        lambda study: tk.model(study, "y ~ g + sex"),
        lambda study: tk.total(study, "y", by="g"),
        flow_of(),
        flow_of("sex"),
    ],
}


def cells_of(levels: Mapping[str, Any], *known: str) -> np.ndarray:
    """Mark the cells with these levels, and with any value of the variables that are known."""
    return np.array(
        [
            all(cell[NAMES.index(name)] == level for name, level in levels.items())
            and all(cell[NAMES.index(name)] is not None for name in known)
            for cell in CELLS
        ],
        float,
    )


def counted(cells: np.ndarray, n: int | None, smallest: int) -> Bounds:
    """Bound the participants of cells by the count that is shown of them."""
    if n is None:
        return cells, 0, inf
    return cells, n - smallest // 2 if n else 0, n + (smallest - 1) // 2 if n else 0


def bounds_of_row(row: Mapping[str, Any], smallest: int) -> Iterator[Bounds]:
    """Write what a result row shows as bounds on sums of cells."""
    group = {name: row[name] for name in NAMES if row.get(name)}
    outcome, exposure, share = row["outcome"], row["exposure"], row["estimand"] == "prevalence"
    people = row["estimand"] in ("people", "missing")
    roles = [name for name in (outcome, exposure, *covariates(row["adjust"] or "")) if name in NAMES]
    if row["estimand"] == "coefficient":
        roles = list(row["terms"])
    known = [] if people else roles
    base = cells_of(group, *known)
    yield counted(base, row["n"], smallest)
    if row["n"] is not None and row["n_missing"] is not None and not people and not group:
        yield counted(EVERYONE, row["n"] + row["n_missing"], smallest)
    cases = base
    if row["estimand"] == "missing":
        cases = base - cells_of(group, outcome)
    elif not people:
        level = (row["level"] if share else None) or "yes"
        cases = base * cells_of({outcome: level})
    yield counted(cases, row["n_cases"], smallest)
    if share and row["estimate"] is not None:
        half = 0.005 if smallest > 1 else 1e-9  # of fewer than 2,500 participants
        yield cases - (row["estimate"] + half) * base, -inf, 0
        yield cases - (row["estimate"] - half) * base, 0, inf


def bounds_of_flow(flow: pl.DataFrame, smallest: int) -> Iterator[Bounds]:
    """Write the steps of a flow likewise: each step of this study has one reason."""
    known: list[str] = []
    before = EVERYONE
    for row in flow.rows(named=True):
        name = row["step"].split()[0]
        known += [name] if name in NAMES else []
        cells = cells_of({}, *known)
        yield counted(cells, row["n_left"], smallest)
        if row["n_out"] is None:
            yield before - cells, 1, smallest - 1
        before = cells


def given_back(shown: list[pl.DataFrame], counts: np.ndarray, smallest: int) -> list[str]:
    """Name the small counts that only one value fits."""
    bounds: list[Bounds] = []
    rows = []
    for frame in shown:
        if "step" in frame.columns:
            bounds += bounds_of_flow(frame, smallest)
            continue
        terms = [name for name in frame["exposure"].unique().drop_nulls() if name in NAMES]
        for row in frame.rows(named=True):
            b = list(bounds_of_row({**row, "terms": [*terms, "y"]}, smallest))
            bounds += b
            rows += [{k: v for k, v in row.items() if v is not None}] * len(b)
    sums = np.array([cells for cells, _, _ in bounds])
    least, most = (np.array([bound[place] for bound in bounds]) for place in (1, 2))
    fits = (sums @ counts >= least - 1e-6) & (sums @ counts <= most + 1e-6)
    assert fits.all(), f"the bounds are not those of the study: {[rows[at] for at in np.flatnonzero(~fits)]}"
    upper = np.vstack([sums[most < inf], -sums[least > -inf]])
    limits = np.concatenate([most[most < inf], -least[least > -inf]])
    wrong = []
    for name, cells in sought_counts():
        value = cells @ counts
        if not 0 < value < SMALLEST:
            continue
        low = linprog(cells, A_ub=upper, b_ub=limits, bounds=(0, None)).fun
        if low is None or ceil(low - 1e-6) < value:
            continue
        high = linprog(-cells, A_ub=upper, b_ub=limits, bounds=(0, None)).fun
        if high is not None and floor(-high + 1e-6) <= value:
            wrong.append(f"{name} is {value:g}")
    return wrong


def sought_counts() -> Iterator[tuple[str, np.ndarray]]:
    """Yield all groups of participants by levels, with or without a value, or whatever the value is."""
    seen: set[bytes] = set()
    for chosen in product((*GROUPS, "any"), (*SEXES, "known", "any"), (*OUTCOMES, "known", "any")):
        pairs = list(zip(NAMES, chosen, strict=True))
        levels = {name: level for name, level in pairs if level not in ("any", "known")}
        cells = cells_of(levels, *(name for name, level in pairs if level == "known"))
        if cells.tobytes() not in seen:
            seen.add(cells.tobytes())
            yield str(dict(pairs)), cells


@pytest.mark.usefixtures("in_a_run")
@pytest.mark.parametrize("name", SHOWN)
def test_no_small_count_is_given_back(name: str) -> None:
    wrong = {}
    for seed in range(STUDIES):
        study, counts = small_study(seed)
        shown = [show_data(result) for result in results_of(study, SHOWN[name])]
        assert shown
        if found := given_back(shown, counts, SMALLEST):
            wrong[seed] = found
    assert wrong == {}


def test_the_linear_program_finds_what_nothing_hides() -> None:
    for name, calls in SHOWN.items():
        drawn = [small_study(seed) for seed in range(6)]
        exact = [([pl.DataFrame(one) for one in results_of(study, calls)], counts) for study, counts in drawn]
        assert any(given_back(frames, counts, 1) for frames, counts in exact), name
