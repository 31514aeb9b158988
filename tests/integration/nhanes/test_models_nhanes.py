"""Associations on real NHANES 2005-2008 equal R's svyglm in every field."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from toolkit.estimate.associations.models import association
from toolkit.sources.registry import open_study
from toolkit.studies import Study

EXPECTED = Path(__file__).parents[2] / "reference" / "nhanes" / "expected.json"
ENTRIES = {entry["id"]: entry for entry in json.loads(EXPECTED.read_text())["entries"]}
DEMOGRAPHIC = ("age", "sex", "race_ethnicity", "education")
ASKED = {
    "any-diabetes-crude": ("any_cramps", "diabetes_told", ()),
    "any-diabetes-adjusted": ("any_cramps", "diabetes_told", DEMOGRAPHIC),
    "frequent-diabetes-adjusted": ("frequent_cramps", "diabetes_told", DEMOGRAPHIC),
    "frequent-diabetes-women": ("frequent_cramps", "diabetes_told", ("age", "race_ethnicity")),
    "any-arthritis-adjusted": ("any_cramps", "arthritis", DEMOGRAPHIC),
    "any-season-crude": ("any_cramps", "season", ()),
    "any-season-adjusted": ("any_cramps", "season", DEMOGRAPHIC),
    "frequent-hba1c-adjusted": ("frequent_cramps", "hba1c", ("age", "sex")),
}
ESTIMANDS = ("prevalence_ratio", "odds_ratio", "prevalence_difference")
DOMAINS = {"age >= 20": "age >= 20", "age >= 20 & female == 1": "age >= 20 and sex == 'female'"}
WEIGHTS = {"w_interview": "interview", "w_exam": "examination", "w_interview (one cycle)": "interview"}
# R's name of a coefficient -> variable and level here; prefixes of factors below.
NAMES = {
    "(Intercept)": (None, "intercept"),
    "female": ("sex", "female"),
    "season_warm": ("season", "warm"),
    "diabetes_told": ("diabetes_told", "yes"),
    "arthritis": ("arthritis", "yes"),
    "I(sitting_minutes/60)": ("sitting_hours", "per unit"),
}
PREFIXES = {"race": "race_ethnicity", "education": "education"}


def here(name: str) -> tuple[str | None, str]:
    if name in NAMES:
        return NAMES[name]
    for prefix, variable in PREFIXES.items():
        if name.startswith(prefix):
            return variable, name.removeprefix(prefix)
    return name, "per unit"


def in_the_order_of_r(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    places = {key: row for row, key in enumerate(zip(frame["exposure"], frame["level"], strict=True))}
    assert len(names) == frame.height
    return frame[[places[here(name)] for name in names]]


def assert_equals(frame: pl.DataFrame, entry: dict[str, Any]) -> None:
    r = entry["result"]
    rows = in_the_order_of_r(frame, r["stat"]["name"])
    np.testing.assert_allclose(rows["estimate"], r["stat"]["estimate"], rtol=1e-9)
    np.testing.assert_allclose(rows["std_error"], r["stat"]["se"], rtol=1e-9)
    for column, name in (("conf_low", "low"), ("conf_high", "high")):
        if name in r:
            np.testing.assert_allclose(rows[column], r[name], rtol=1e-9)
    assert {r["df_residual"]} == set(rows["df"])
    assert {r["n"]} == set(rows["n"])
    assert {WEIGHTS[entry["weight"]]} == set(rows["weight"])


def test_every_association_of_the_reference_is_asked_here() -> None:
    asked = {f"association/{name}/{estimand}" for name in ASKED for estimand in ESTIMANDS}
    there = {name for name in ENTRIES if name.startswith("association/")}
    assert there == asked | {"association/any-sitting-hours-2007-2008"}


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("name", ASKED)
def test_associations_equal_r(name: str, estimand: str, nhanes: Study) -> None:
    entry = ENTRIES[f"association/{name}/{estimand}"]
    outcome, exposure, adjust = ASKED[name]
    asked = {
        "outcome": outcome,
        "exposure": exposure,
        "adjust": adjust,
        "estimand": estimand,
        "domain": DOMAINS[entry["domain"]],
        "df": "model",  # as R's svyglm
    }
    terms = association(nhanes, **asked, terms=True)
    assert_equals(terms, entry)
    shown = association(nhanes, **asked).row(0, named=True)
    own = terms.row(1, named=True)
    ratio = estimand != "prevalence_difference"
    for column in ("estimate", "conf_low", "conf_high"):
        on_scale = np.exp(own[column]) if ratio else own[column]
        assert on_scale == pytest.approx(shown[column], rel=1e-12)
    assert own["std_error"] == pytest.approx(shown["std_error"], rel=1e-12)


def test_an_association_of_one_cycle_equals_r(nhanes_mirror: Path) -> None:
    one = open_study("nhanes", cycles=("2007-2008",), mirror=nhanes_mirror)
    entry = ENTRIES["association/any-sitting-hours-2007-2008"]
    found = association(
        one,
        outcome="any_cramps",
        exposure="sitting_hours",
        adjust=("age", "sex"),
        domain=DOMAINS[entry["domain"]],
        terms=True,
        df="model",
    )
    assert_equals(found, entry)


def test_persons_with_a_missing_value_are_counted(nhanes: Study) -> None:
    row = association(
        nhanes, outcome="any_cramps", exposure="diabetes_told", adjust=DEMOGRAPHIC, domain="age >= 20"
    ).row(0, named=True)
    adults = nhanes.people.filter(pl.col("age") >= 20)
    complete = adults.drop_nulls(["any_cramps", "diabetes_told", *DEMOGRAPHIC])
    assert complete.height == row["n"]
    assert adults.height - complete.height == row["n_missing"]
    assert int((complete["any_cramps"] == "yes").sum()) == row["n_cases"]
