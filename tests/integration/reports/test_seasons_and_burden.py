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
    assert {"frequent_cramps"} == set(rows["exposure"])
    assert {"short_sleep", "insomnia", "fair_or_poor_health"} <= set(rows["outcome"])
    assert mentions(Path(made.html).read_text(), "which came first")


@pytest.mark.parametrize("report", ["heat", "burden"])
def test_the_page_states_the_weight_of_its_estimates(report: str, tmp_path: Path) -> None:
    made = render(report, study="simulated", output=tmp_path)
    page, rows = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    used = set(rows.filter(estimand="prevalence_ratio")["weight"])
    for component in ("interview", "examination"):
        assert (f"{component.capitalize()} weight" in page) == (component in used)
