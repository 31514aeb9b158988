"""Estimates equal those of a naive implementation, which takes participants row by row."""

from collections import defaultdict
from math import sqrt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk

DESIGN = tk.Design(weight="weight", strata="stratum", psu="psu", lonely_psu="adjust")
Row = dict[str, Any]
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "stratum": st.integers(0, 2),
            "psu": st.integers(0, 2),
            "weight": st.sampled_from([0.0, 0.5, 1.0, 3.25, 40.0]),
            "cramps": st.sampled_from([0, 1, None]),
            "age": st.integers(20, 60),
            "bmi": st.one_of(st.none(), st.floats(15, 45)),
        }
    ),
    min_size=12,
    max_size=60,
)


def estimate_naively(rows: list[Row], name: str, oldest: int) -> tuple[float, float, int, int]:
    """Compute a mean, its linearized standard error, n and degrees of freedom by textbook formulas."""
    counted = [row["weight"] > 0 and row["age"] <= oldest for row in rows]
    known = [inside and row[name] is not None for inside, row in zip(counted, rows, strict=True)]
    size = sum(row["weight"] for row, own in zip(rows, known, strict=True) if own)
    mean = sum(row["weight"] * row[name] for row, own in zip(rows, known, strict=True) if own) / size
    totals: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    present: dict[int, set[int]] = defaultdict(set)
    for row, inside, own in zip(rows, counted, known, strict=True):
        # A sampling unit of participants with a weight of 0 stays in the design.
        totals[row["stratum"]][row["psu"]] += row["weight"] * (row[name] - mean) / size if own else 0.0
        if inside:
            present[row["stratum"]].add(row["psu"])
    variance = 0.0
    for stratum, sums in totals.items():
        n = len(sums)
        if n == 1:
            # Centered at the grand mean of totals, which is 0.
            variance += sum(total**2 for total in sums.values()) if present[stratum] else 0.0
            continue
        middle = sum(sums.values()) / n
        variance += n / (n - 1) * sum((total - middle) ** 2 for total in sums.values())
    df = sum(len(units) - 1 for units in present.values() if units)
    return mean, sqrt(variance), sum(known), df


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, oldest=st.integers(40, 60), lazy=st.booleans())
def test_means_and_prevalences_are_those_of_textbook_formulas(
    rows: list[Row], oldest: int, lazy: bool
) -> None:
    types = {"cramps": pl.Int64, "bmi": pl.Float64}
    frame = pl.DataFrame(rows, schema_overrides=types, infer_schema_length=None)
    for name in ("cramps", "bmi"):
        values = {row[name] for row in rows if row["weight"] > 0 and row["age"] <= oldest} - {None}
        every = {row[name] for row in rows} - {None}
        if len(values) < 2 or (name == "cramps" and every != {0, 1}):
            continue
        study = tk.study(frame.lazy() if lazy else frame, design=DESIGN)
        found = tk.mean(study, name, domain=f"age <= {oldest}").row(0, named=True)
        mean, error, n, df = estimate_naively(rows, name, oldest)
        assert (n, df) == (found["n"], found["df"])
        assert found["estimate"] == pytest.approx(mean, rel=1e-10, abs=1e-12)
        if found["std_error"] is not None:
            assert found["std_error"] == pytest.approx(error, rel=1e-8, abs=1e-12)
