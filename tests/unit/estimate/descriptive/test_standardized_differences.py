"""Standardized mean differences equal those from R's weighted means and variances."""

import json
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning

REFERENCE = Path(__file__).parents[3] / "reference"


@pytest.fixture(scope="module")
def study() -> tk.Study:
    people = pl.read_csv(REFERENCE / "r-survey" / "data" / "nhanes.csv", infer_schema_length=None)
    people = people.with_columns(pl.col("RIAGENDR").cast(pl.String).alias("sex"))
    design = tk.Design(weight="WTMEC2YR", strata="SDMVSTRA", psu="SDMVPSU")
    return tk.study(people, design=design, name="nhanes 2009-2010")


def test_differences_equal_those_of_r(study: tk.Study) -> None:
    wanted = json.loads((REFERENCE / "standardized-differences" / "expected.json").read_text())["result"]
    result = tk.describe(study, tuple(wanted), by="sex", difference=True)
    rows = result.filter(pl.col("estimand") == "standardized_mean_difference")
    found = dict(rows.select("outcome", "estimate").iter_rows())
    assert wanted == pytest.approx(found, rel=1e-9)
    assert {"ok"} == set(rows["reliability"])


def test_other_rows_do_not_change(study: tk.Study) -> None:
    plain, more = (tk.describe(study, ("age_mid", "HI_CHOL"), by="sex", difference=d) for d in (False, True))
    assert plain.equals(more.filter(pl.col("estimand") != "standardized_mean_difference"))


def test_two_groups_are_required(study: tk.Study) -> None:
    with pytest.raises(tk.VariableError, match=mentioning("'agecat'", "4 levels", "merge_levels")):
        tk.describe(study, ("nights",), by="agecat", difference=True)
    with pytest.raises(tk.VariableError, match=mentioning("by=", "two groups")):
        tk.describe(study, ("nights",), difference=True)


def test_a_variable_that_does_not_vary_has_a_reason(study: tk.Study) -> None:
    same = study.derive("same", "age_mid * 0 + 3", label="a constant")
    row = tk.describe(same, ("same",), by="sex", difference=True, test=False).filter(
        pl.col("estimand") == "standardized_mean_difference"
    )
    assert ["failed"] == row["reliability"].to_list()
    assert row["reason"].item()
