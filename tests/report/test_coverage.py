"""Which causes a study measures, in a sentence and a table."""

import polars as pl

from toolkit.report.coverage import overview, summary

TITLES = {"joints": "Joints", "heat": "Heat", "sleep": "Sleep"}
ROWS = [
    ("joints", "arthritis", "not measured"),
    ("joints", "arthritis", "measured"),
    ("joints", "joint_pain", "not measured"),
    ("heat", "season", "proxy"),
    ("sleep", "prone", "not measured"),
]
FRAME = pl.DataFrame(ROWS, schema=["cause", "exposure", "status"], orient="row")


def test_a_cause_counts_as_measured_if_any_exposure_is_in_any_cycle() -> None:
    said = "Of 3 causes 1 has an exposure that was measured. By a proxy alone: heat. None at all: sleep."
    assert said == summary(FRAME, TITLES)


def test_no_cause_is_left_out() -> None:
    html = overview(FRAME, {"arthritis": "arthritis, told <by> a doctor"}, TITLES).html
    assert all(title in html for title in TITLES.values())
    assert "arthritis, told &lt;by&gt; a doctor" in html
    assert html.index("season") > html.index("Heat")
