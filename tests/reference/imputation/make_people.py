"""Make people.csv: participants of a stratified cluster sample, with values missing at random.

Income is missing more often among younger participants with cramps, education among the old, and smoking
among men. Run: python tests/reference/imputation/make_people.py
"""

from pathlib import Path

import numpy as np
import polars as pl

STRATA, PSUS, PERSONS = 10, 2, 80


def make_people(seed: int = 45) -> pl.DataFrame:
    """Draw participants of 20 sampling units."""
    rng = np.random.default_rng(seed)
    n = STRATA * PSUS * PERSONS
    stratum, psu = np.repeat(np.arange(STRATA), n // STRATA), np.repeat(np.arange(STRATA * PSUS), PERSONS)
    place = rng.normal(0, 0.4, STRATA * PSUS)[psu]
    age, male = rng.uniform(20, 80, n).round(), rng.random(n) < 0.5
    education = np.clip(np.floor(1.8 + 0.8 * rng.normal(0, 1, n) + place), 0, 3).astype(int)
    smoker = np.array(["never", "former", "current"])[
        (rng.random((n, 1)) > np.column_stack([0.55 - 0.15 * male, 0.8 - 0.003 * (80 - age)])).sum(axis=1)
    ]
    income = np.clip(1.0 + 0.6 * education + place + 0.01 * (age - 50) + rng.normal(0, 0.9, n), 0, 5).round(2)
    risk = np.log(0.2) + 0.012 * (age - 50) - 0.18 * (income - 2) + 0.25 * (smoker == "current") - 0.1 * male
    cramps = rng.random(n) < np.exp(np.minimum(risk, -0.05))
    weight = (500 * np.exp(0.3 * rng.normal(0, 1, n) + 0.15 * income)).round(1)
    lost_income = rng.random(n) < 1 / (1 + np.exp(2.2 + 0.03 * (age - 50) - 1.4 * cramps))
    lost_education = rng.random(n) < 1 / (1 + np.exp(2.6 - 0.03 * (age - 50)))
    lost_smoker = rng.random(n) < 0.04 + 0.06 * male
    levels = np.array(["less than high school", "high school", "some college", "college"])
    return pl.DataFrame(
        {
            "stratum": stratum,
            "psu": psu,
            "weight": weight,
            "age": age,
            "sex": np.where(male, "male", "female"),
            "cramps": cramps.astype(int),
            "education": levels[education],
            "smoker": smoker,
            "income": income,
        }
    ).with_columns(
        pl.when(~pl.Series(lost)).then(pl.col(name)).alias(name)
        for name, lost in (("education", lost_education), ("smoker", lost_smoker), ("income", lost_income))
    )


if __name__ == "__main__":
    make_people().write_csv(Path(__file__).parent / "people.csv")
