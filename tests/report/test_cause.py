"""The cause report on a number, which the plan's reports do not take: in thirds, and without a warning."""

from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from toolkit.report import render


@pytest.mark.slow
def test_a_number_is_shown_in_thirds_and_per_unit_without_a_warning(tmp_path: Path) -> None:
    made = render("cause", study="simulated", cause="diabetes", exposure="hba1c", output=tmp_path)
    page, results = Path(made.html).read_text(), pl.read_parquet(made.parquet)
    assert "Warning" not in page
    assert "in thirds" in page
    thirds = results.filter(estimand="prevalence")["hba1c_third"].to_list()
    # The groups of the weighted quantiles of the domain, named by their bounds in percent.
    expected = tk.open_study("simulated").cut("hba1c", into=3, domain=results["domain"][0])
    assert list(expected.codebook["hba1c_thirds"].levels) == thirds
    assert {"per unit"} == set(results.filter(estimand="prevalence_ratio")["level"])
