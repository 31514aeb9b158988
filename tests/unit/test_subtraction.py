"""Counts of 1 to k - 1 cannot be computed from all that is shown of random small studies.

Each study is a table of unknown counts by group, sex and outcome. What is shown of it is a system of linear
equations: counts, and in these unweighted studies also estimates, which times n are counts. A linear program
asks for the least and the largest value of each count that fits all equations; a small count that has one
value only was given back.
"""

import os
import random
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import linprog

import toolkit as tk
from tests.support.exits import results_of
from toolkit.disclosure import show

GROUPS, SEXES, OUTCOMES = ("a", "b", "c"), ("f", "m"), ("no", "yes", None)
CELLS = list(product(GROUPS, SEXES, OUTCOMES))
SMALLEST = 5
STUDIES = int(os.environ.get("CRAMPS_SUBSAMPLES", "0")) * 5 or 40


def small_study(seed: int) -> tuple[tk.Study, np.ndarray]:
    """Draw counts of the cells, many of them small, and make the participants that have them."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    counts = [draw.choice([0, 1, 2, 3, 4, 7, 20, 40, 60]) for _ in CELLS]
    counts = [
        n if outcome else draw.choice([0, 0, 6, 9]) for n, (_, _, outcome) in zip(counts, CELLS, strict=True)
    ]
    rows = [cell for cell, n in zip(CELLS, counts, strict=True) for _ in range(n)]
    people = pl.DataFrame(rows, schema=["g", "sex", "y"], orient="row").sample(
        fraction=1, shuffle=True, seed=seed
    )
    return tk.study(people, design=tk.Design.none(), name=f"small {seed}"), np.array(counts, float)


# The tables of one report that are read together: margins of one grouping, two groupings, and a Table 1.
TABLES: dict[str, list[Callable[[tk.Study], tk.Estimates]]] = {
    "one grouping": [
        lambda study: tk.prevalence(study, "y"),
        lambda study: tk.prevalence(study, "y", by="g"),
        lambda study: tk.prevalence(study, "g"),
        lambda study: tk.prevalence(study, "g", by="y"),
        lambda study: tk.association(study, "y", "g", adjust=(), estimand="prevalence_difference"),
        lambda study: tk.association(study, "y", "g", adjust=()),
    ],
    "two groupings": [
        lambda study: tk.prevalence(study, "y"),
        lambda study: tk.prevalence(study, "y", by=("g", "sex")),
    ],
    "Table 1": [lambda study: tk.describe(study, ("y", "sex"), by="g", test=False)],
}


def cells_of(**wanted: Any) -> np.ndarray:
    """Mark the cells of a group, sex or outcome; `known` marks those with an outcome."""
    known = wanted.pop("known", False)
    names = ("g", "sex", "y")
    marks = [
        all(cell[names.index(name)] == level for name, level in wanted.items() if level is not None)
        and (cell[2] is not None or not known)
        for cell in CELLS
    ]
    return np.array(marks, float)


def equations_of(row: dict[str, Any], sizes: dict[str, float]) -> list[tuple[np.ndarray, float]]:
    """Write what a row shows as sums of cells that have a value; `sizes` are the sizes of shown groups."""
    if row["exposure"] is not None:
        return _equations_of_comparison(row, sizes)
    group = {name: row[name] for name in ("g", "sex", "y") if row.get(name)}
    outcome, estimand = row["outcome"], row["estimand"]
    base = cells_of(**group, known=outcome == "y" and estimand == "prevalence")
    cases = base
    if estimand == "prevalence" and outcome not in group:
        cases = cells_of(**group, **{outcome: row["level"] or "yes"})
    if estimand == "missing":
        cases = base - cells_of(**group, known=True) if outcome == "y" else 0 * base
    found = [(base, row["n"]), (cases, row["n_cases"])]
    if estimand == "prevalence" and outcome == "y":
        found.append((cells_of(**group) - base, row["n_missing"]))
    if estimand == "prevalence" and row["estimate"] is not None:
        found.append((cases - row["estimate"] * base, 0.0))
    return [(sums, value) for sums, value in found if value is not None]


def _equations_of_comparison(row: dict[str, Any], sizes: dict[str, float]) -> list[tuple[np.ndarray, float]]:
    """Write a crude ratio or difference of two groups of known size as a sum of their cases."""
    level, reference = row["level"], row["reference"]
    if row["estimate"] is None or not {level, reference} <= sizes.keys():
        return []
    of_level, of_reference = (cells_of(g=name, y="yes") / sizes[name] for name in (level, reference))
    if row["estimand"] == "prevalence_ratio":
        return [(of_level - row["estimate"] * of_reference, 0.0)]
    return [(of_level - of_reference, row["estimate"])]


def equations(results: list[pl.DataFrame]) -> list[tuple[np.ndarray, float]]:
    """Write all rows of results as equations."""
    rows = [row for result in results for row in result.rows(named=True)]
    groups = [row for row in rows if row["outcome"] == "y" and row.get("g") and not row.get("sex")]
    sizes = {row["g"]: row["n"] for row in groups if row["n"]}
    return [equation for row in rows for equation in equations_of(row, sizes)]


def given_back(results: list[pl.DataFrame], counts: np.ndarray) -> list[str]:
    """Name the small counts that only one value fits."""
    shown = equations(results)
    sums, values = np.array([a for a, _ in shown]), np.array([v for _, v in shown])
    assert np.allclose(sums @ counts, values, atol=1e-6), "the equations are not those of the study"
    sought = {str(cell): np.eye(len(CELLS))[at] for at, cell in enumerate(CELLS) if cell[2]}
    for name, levels in (("g", GROUPS), ("sex", SEXES)):
        sought |= {
            f"{name} = {level}, {y}": cells_of(**{name: level, "y": y})
            for level in levels
            for y in ("no", "yes")
        }
    wrong = []
    for name, cells in sought.items():
        value = cells @ counts
        if 0 < value < SMALLEST:
            least, most = (linprog(s * cells, A_eq=sums, b_eq=values, bounds=(0, None)).fun for s in (1, -1))
            if None not in (least, most) and -most - least < 0.5:
                wrong.append(f"{name} is {value:g}")
    return wrong


@pytest.mark.parametrize("tables", TABLES)
def test_no_small_count_is_given_back(tables: str) -> None:
    wrong = {}
    for seed in range(STUDIES):
        study, counts = small_study(seed)
        shown = [show(result) for result in results_of(study, TABLES[tables])]
        assert shown
        if found := given_back(shown, counts):
            wrong[seed] = found
    assert wrong == {}


def test_the_linear_program_finds_what_nothing_hides() -> None:
    study, counts = small_study(1)
    assert given_back(results_of(study, TABLES["one grouping"]), counts) != []
