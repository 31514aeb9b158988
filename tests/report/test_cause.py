"""The cause report on a number, which the plan's reports do not take: in thirds, and without a warning."""

from pathlib import Path

import polars as pl
import pytest

from toolkit.report import render


@pytest.mark.slow
def test_a_number_is_shown_in_thirds_and_per_unit_without_a_warning(tmp_path: Path) -> None:
    made = render("cause", study="simulated", cause="diabetes", exposure="hba1c", output=tmp_path)
    page, results = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    assert "Warning" not in page
    assert "in thirds" in page
    thirds = results.filter(estimand="prevalence")
    assert ["lowest third", "middle third", "highest third"] == thirds["hba1c_third"].to_list()
    assert {"per unit"} == set(results.filter(estimand="prevalence_ratio")["level"])
