"""The reports on burden and heat run whole, each on a study that it is made for."""

from pathlib import Path

import polars as pl
import pytest

from tests.support.messages import mentions
from toolkit.report import render

pytestmark = pytest.mark.slow


def test_heat_follows_the_dates_of_a_diary(tmp_path: Path) -> None:
    made = render("heat", study="example-cohort", output=tmp_path)
    page, rows = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    assert {"peak", "peak_to_trough_ratio", "seasonality"} <= set(rows["estimand"])
    assert 8 == rows.filter(pl.col("exposure").str.starts_with("heat_")).height
    assert "warm days" in page
    assert "no dates" not in page
    assert "Warning" not in page


def test_burden_is_an_outcome_of_cramps(tmp_path: Path) -> None:
    made = render("burden", study="simulated", output=tmp_path)
    rows = pl.read_parquet(made.parquet).filter(estimand="prevalence_ratio")
    groups = rows.filter(exposure="cramp_group")
    assert ({"mild", "frequent"}, {"none"}) == (set(groups["level"]), set(groups["reference"]))
    assert {"frequent_cramps", "any_cramps"} == set(rows["exposure"]) - {"cramp_group"}
    assert {"short_sleep", "insomnia", "fair_or_poor_health"} <= set(rows["outcome"])
    assert mentions(Path(made.html).read_text(), "cross-sectional", "may follow from poor sleep")


@pytest.mark.parametrize("report", ["heat", "burden"])
def test_the_page_states_the_weight_of_its_estimates(report: str, tmp_path: Path) -> None:
    made = render(report, study="simulated", output=tmp_path)
    page, rows = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    used = set(rows.filter(estimand="prevalence_ratio")["weight"])
    main = pl.read_parquet(made.parquet).filter(estimand="prevalence_ratio")["weight"][0]
    assert mentions(page, f"weighted by the {main} weight")
    assert used <= {"interview", "examination"}


def test_care_describes_frequent_cramps_and_asks_no_more_of_a_study_than_it_measured(tmp_path: Path) -> None:
    made = render("care", study="example-survey", output=tmp_path)
    page, rows = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    assert {"frequent_cramps", "diabetes_told"} <= set(rows["outcome"])
    assert mentions(page, "restless legs", "Diuretic", "not available in this study")
    assert "NHANES" not in page.partition('id="limitations"')[2].partition("<h2")[0]


def test_prevention_shows_every_trial_once(tmp_path: Path) -> None:
    page = Path(render("prevention", study="example-cohort", output=tmp_path).html).read_text()
    assert mentions(page, "Hallegraeff 2012", "Coppin 2005", "Cochrane 2020", "not advice to an individual")
    assert page.count("Data of Figure") == 1
