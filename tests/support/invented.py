"""Invent small studies for tests of estimators."""

import numpy as np
import polars as pl

import toolkit as tk

CLUSTERED = tk.Design(weight="w", strata="stratum", psu="psu")


def small(**columns):
    """Sixteen people in two strata of two PSUs, with what is given in place."""
    people = {
        "stratum": [1] * 8 + [2] * 8,
        "psu": [1, 1, 1, 1, 2, 2, 2, 2] * 2,
        "w": [float(w) for w in range(1, 17)],
        "cramps": [0, 1, 0, 1, 0, 0, 1, None] * 2,
        "age": [float(age) for age in range(20, 36)],
        "sex": ["m", "f"] * 8,
    }
    return tk.study(pl.DataFrame({**people, **columns}), design=CLUSTERED, name="small", smallest_cell=0)


def crowd(seed=3, size=900):
    """People of four strata with four PSUs each: cramps rise with age and differ by sex."""
    random = np.random.default_rng(seed)
    age = random.uniform(20, 80, size).round(1)
    sex = random.choice(["f", "m"], size)
    cramps = random.random(size) < 0.1 + 0.004 * (age - 20) + 0.1 * (sex == "f")
    return pl.DataFrame(
        {
            "stratum": random.integers(0, 4, size),
            "psu": random.integers(0, 4, size),
            "w": random.gamma(3, 400, size).round(3),
            "age": age,
            "sex": sex,
            "cramps": pl.Series(cramps).cast(pl.Int8),
            "nights": random.poisson(2 + 3 * cramps).astype(float),
            "diary": random.integers(10, 30, size).astype(float),
            "region": random.choice(["north", "south", "west"], size, p=[0.5, 0.3, 0.2]),
            "month": random.integers(1, 13, size).astype(float),
            "everyone": True,
        }
    ).with_columns(
        pl.when(pl.col("age") < 40).then(pl.lit("20-39")).when(pl.col("age") < 60).then(pl.lit("40-59"))
        .otherwise(pl.lit("60+")).cast(pl.Enum(["20-39", "40-59", "60+"])).alias("band"),
        pl.when(pl.Series(random.random(size)) < 0.04).then(None).otherwise(pl.col("nights")).alias("nights"),
    )  # fmt: skip


def crowded(people=None, **options):
    """Make a study of the crowd."""
    frame = crowd() if people is None else people
    return tk.study(frame, design=tk.Design(**{**vars(CLUSTERED), **options}), name="crowd")
