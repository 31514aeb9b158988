"""Which causes a study measured, in a sentence and a table."""

import polars as pl

from tests.support.messages import mentions
from toolkit.report.paper.measured_causes import count_measured_causes, tabulate_causes

TITLES = {"joints": "Joints", "heat": "Heat", "sleep": "Sleep", "own": "Own"}
ROWS = [
    ("joints", "arthritis", "not measured"),
    ("joints", "arthritis", "measured"),
    ("joints", "joint_pain", "not measured"),
    ("heat", "season", "proxy"),
    ("sleep", "prone", "not measured"),
]
FRAME = pl.DataFrame(ROWS, schema=["cause", "exposure", "status"], orient="row")


def test_a_cause_counts_as_measured_if_any_exposure_is_in_any_cycle() -> None:
    measured, proxy, absent = count_measured_causes(FRAME, TITLES).rstrip(".").split(". ")
    assert mentions(measured, "1", "4 causes")
    assert mentions(proxy, "proxy", "heat")
    assert mentions(absent, "not measured", "sleep and own")


def test_no_cause_is_left_out() -> None:
    html = tabulate_causes(FRAME, {"arthritis": "arthritis, <diagnosed>"}, TITLES).html
    assert all(title in html for title in TITLES.values())
    assert "arthritis, &lt;diagnosed&gt;" in html
    assert html.index("season") > html.index("Heat")
    assert "<td>joint pain</td>" in html
