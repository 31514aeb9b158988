"""Simulate 110 people and generate 200 formulas: 190 of the language, 10 of kinds that it refuses.

splines.json holds values for the knots of rcs: few of them, many of them, tied at the ends and in the middle.
Run `python make.py && Rscript expected.R` in this folder. R reads the same text of each formula.
"""

import json
import random
from pathlib import Path

import numpy as np
import polars as pl

HERE = Path(__file__).parent
SIZE, WANTED = 110, 190
NUMBERS = ["x", "z", "age", "`bmi.kg`"]
CATEGORIES = ["g", "h", "k", "`sex at birth`"]
CALLS = [
    "rcs(x, 3)", "rcs(age, 4)", "rcs(z, 5)", "rcs(x, c(-1, 0, 0.5, 1.5))", "I(x^2)", "I(x * z)",
    "I(age / 10)", "I((x - 1)^2 / 3)", "log(age)", "exp(x)", "sqrt(age)", "abs(z)", "log2(age)",
    "I(-x^2 + log(age))",
]  # fmt: skip
REFUSED = [
    "y ~ x + x^2", "y ~ g + (x)^3", "y ~ x:x", "y ~ g * g", "y ~ x + z - z", "y ~ log(age, 2)",
    "y ~ poly(x, 2)", "y ~ factor(age > 50) + x", "y ~ x + offset(z)", "y ~ scale(x) + g",
]  # fmt: skip


def people() -> pl.DataFrame:
    rng = np.random.default_rng(20261129)
    return pl.DataFrame(
        {
            "y": rng.normal(size=SIZE),
            "x": rng.normal(size=SIZE),
            "z": rng.normal(1, 2, size=SIZE),
            "age": rng.integers(20, 80, SIZE),
            "bmi.kg": rng.normal(27, 4, size=SIZE),
            "g": rng.choice(["low", "mid", "high"], SIZE),
            "h": rng.choice(["no", "yes"], SIZE),
            "k": rng.choice(["north", "east", "south", "west"], SIZE),
            "sex at birth": rng.choice(["male", "female"], SIZE),
        }
    ).with_columns(pl.col(pl.Float64).round(6))


def atom(draw: random.Random) -> str:
    return draw.choice(draw.choices([NUMBERS, CATEGORIES, CALLS], [3, 5, 3])[0])


def atoms(draw: random.Random, count: int) -> list[str]:
    """Draw different variables: no column twice, so that no matrix grows out of hand."""
    found: list[str] = []
    while len(found) < count:
        one = atom(draw)
        if one not in found and sum("rcs" in other for other in [*found, one]) < 2:
            found.append(one)
    return found


def term(draw: random.Random) -> str:
    a, b, c = atoms(draw, 3)
    return draw.choices(
        [a, f"{a}:{b}", f"{a} * {b}", f"{a}:{b}:{c}", f"({a} + {b} + {c})^2", f"{a} / {b}", f"{a} %in% {b}",
         f"({a} + {b}):{c}", f"{a} * {b} * {c} - {a}:{b}:{c}", f"({a} + {b})**2", f"({a} + {b}) / {c}",
         f"{a} * {b} - {a}", f"{a} + {b} %in% {a}"],
        [6, 5, 4, 2, 2, 1, 1, 1, 1, 1, 1, 2, 1],
    )[0]  # fmt: skip


def formula(draw: random.Random) -> str:
    parts = [term(draw) for _ in range(draw.choices([1, 2, 3], [3, 4, 2])[0])]
    ending = draw.choices(["", " - 1", " + 0"], [6, 2, 1])[0]
    start = draw.choices(["", "0 + ", "-1 + "], [12, 1, 1])[0]
    return f"y ~ {start}{' + '.join(parts)}{ending if not start else ''}"


def values_for_knots() -> list[dict[str, object]]:
    rng = np.random.default_rng(16)
    cases = {
        "many": rng.normal(size=130),
        "few": rng.normal(size=60),
        "fewest": rng.normal(size=14),
        "tied below": np.concatenate([np.zeros(20), rng.gamma(2, size=140)]),
        "tied above": np.minimum(rng.uniform(20, 90, 160), 80),
        "tied at both ends": rng.normal(50, 20, 170).clip(25, 75),
        "few, tied at both ends": rng.normal(50, 20, 70).clip(25, 75),
        "tied within": np.concatenate([np.full(30, 8.0), rng.normal(8, 2, 120)]),
        "whole numbers": rng.integers(0, 12, 150).astype(float),
        "five numbers": rng.integers(0, 5, 150).astype(float),
        "mostly zero": np.concatenate([np.zeros(120), rng.gamma(2, size=30)]),
    }
    return [{"case": name, "values": values.round(3).tolist()} for name, values in cases.items()]


def main() -> None:
    (HERE / "splines.json").write_text(json.dumps(values_for_knots()) + "\n")
    draw, found = random.Random(2026), {}  # noqa: S311 - no secret
    while len(found) < WANTED:
        found[formula(draw)] = None
    people().write_csv(HERE / "frame.csv")
    (HERE / "formulas.json").write_text(json.dumps([*found, *REFUSED], indent=0) + "\n")


if __name__ == "__main__":
    main()
