"""One population in memory and on each engine, with the designs for which estimates are compared."""

from collections.abc import Callable
from functools import cache
from typing import Any

import duckdb
import numpy as np
import polars as pl

import toolkit as tk

PERSONS = 3_000


@cache
def population() -> pl.DataFrame:
    """Generate participants with missing values, blanks, weights of 0, codes, categories and measurements."""
    draw = np.random.default_rng(19)
    n = PERSONS
    stratum, age = draw.integers(0, 5, n), draw.integers(20, 80, n)
    weight = draw.uniform(100, 900, n)
    return pl.DataFrame(
        {
            "stratum": stratum,
            "psu": draw.integers(0, 4, n),
            "block": draw.integers(0, 3, n),
            "weight": np.where(age > 76, 0.0, weight),
            "positive": weight,
            "psus": np.full(n, 40.0),
            "blocks": np.full(n, 9.0),
            "size": 2_000.0 + 100 * stratum,
            "cramps": draw.choice([0, 1, None], n, p=[0.6, 0.3, 0.1]).tolist(),
            "sex": draw.choice(["male", "female"], n),
            "education": draw.choice(["low", " middle", "high", ""], n),
            "smoker": draw.uniform(size=n) < 0.3,
            "age": age,
            "nights": draw.integers(0, 8, n),
            "bmi": np.where(draw.uniform(size=n) < 0.05, np.nan, draw.normal(27, 4, n)),
            "pressure": draw.normal(120, 15, n),
        }
    )


DESIGNS: dict[str, tk.Design] = {
    "strata and PSUs": tk.Design(weight="weight", strata="stratum", psu="psu"),
    "weight": tk.Design(weight="positive"),
    "weight of 0": tk.Design(weight="weight"),
    "strata": tk.Design(weight="weight", strata="stratum"),
    "none": tk.Design.none(),
    "finite population": tk.Design(weight="positive", strata="stratum", psu="psu", fpc="psus"),
    "two stages": tk.Design(
        weight="positive", strata="stratum", psu=("psu", "block"), fpc=("psus", "blocks")
    ),
    "population alone": tk.Design(strata="stratum", fpc="size"),
}


def on_polars(frame: pl.DataFrame) -> Any:
    """Return a lazy frame."""
    return frame.lazy()


def on_duckdb(frame: pl.DataFrame) -> Any:
    """Return a relation of a data base in memory."""
    return duckdb.connect().from_arrow(frame.to_arrow())


ENGINES: dict[str, Callable[[pl.DataFrame], Any]] = {"polars": on_polars, "DuckDB": on_duckdb}


@cache
def in_memory(design: str) -> tk.Study:
    """Open the population in memory."""
    return tk.study(population(), design=DESIGNS[design], name="population")


@cache
def on_engine(engine: str, design: str) -> tk.Study:
    """Open the population on an engine."""
    return tk.study(ENGINES[engine](population()), design=DESIGNS[design], name="population")


def rows_fetched(study: tk.Study) -> list[int]:
    """Number of rows that each pass of an engine has fetched."""
    passes: Any = study.people.engine.passes  # type: ignore[attr-defined]
    return list(passes.rows)
