"""Pooled estimates equal those of R's mice on the same data, within the error of the random draws."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import toolkit as tk

FOLDER = Path("tests/reference/imputation")
M = 60
SCHOOL = ("less than high school", "high school", "some college", "college")
# R's names of the terms to ours.
LEVELS = {
    "sexmale": ("sex", "male"),
    **{f"education{level}": ("education", level) for level in SCHOOL[1:]},
    **{f"smoker{level}": ("smoker", level) for level in ("former", "current")},
    "age": ("age", "per unit"),
    "income": ("income", "per unit"),
}


@pytest.fixture(scope="module")
def imputations():
    people = pl.read_csv(FOLDER / "people.csv")
    people = people.with_columns(
        pl.col("education").cast(pl.Enum(SCHOOL)),
        pl.col("sex").cast(pl.Enum(("female", "male"))),
        pl.col("smoker").cast(pl.Enum(("never", "former", "current"))),
    )
    design = tk.Design(weight="weight", strata="stratum", psu="psu")
    study = tk.study(people, design=design, name="people", smallest_cell=0)
    predictors = ("age", "age2", "sex")
    return tk.effects.impute(
        study.derive("age2", "age * age"), ("income", "education", "smoker"),
        outcome="cramps", predictors=predictors, m=M,
    )  # fmt: skip


def test_pooled_models_agree_with_mice(imputations):
    r = json.loads((FOLDER / "mice.json").read_text(encoding="utf-8"))
    rows = {row["term"]: row for row in r["rows"]}
    model = tk.effects.imputed(
        imputations, tk.model, "cramps ~ age + sex + education + smoker + income", "poisson"
    )
    ours = {(row["exposure"], row["level"]): row for row in model.rows(named=True)}
    mean = tk.effects.imputed(imputations, tk.mean, "income").row(0, named=True)
    for term, key in {**LEVELS, "mean_income": None}.items():
        theirs, own = rows[term], ours[key] if key else mean
        # Both means over imputations have Monte Carlo error.
        chance = np.sqrt(theirs["between"] * (1 / r["m"] + 1 / M))
        assert abs(own["estimate"] - theirs["estimate"]) < 4 * chance + 0.03 * theirs["std_error"], term
        assert own["std_error"] == pytest.approx(theirs["std_error"], rel=0.08), term


def test_the_difference_from_complete_cases_is_larger_than_that_from_mice():
    rows = {
        row["term"]: row for row in json.loads((FOLDER / "mice.json").read_text(encoding="utf-8"))["rows"]
    }
    # Income is missing more often among young participants with cramps.
    for term in ("age", "income"):
        assert abs(rows[term]["complete_case"] - rows[term]["estimate"]) > rows[term]["std_error"]
