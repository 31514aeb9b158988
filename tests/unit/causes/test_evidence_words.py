"""Published findings are said in words, whatever short name their measure has in the file."""

import pytest

from tests.support.looping import in_one_test
from tests.unit.causes.test_evidence import GROUPS
from toolkit.causes.evidence import evidence_of, format_finding

PLAIN = {"estimate": None, "conf_low": None, "conf_high": None, "reported": None, "direction": None}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"measure": "%", "estimate": 63.0}, "63%"),
        ({"measure": "% of sufferers", "estimate": 80.0}, "80% of sufferers"),
        ({"measure": "% cases vs controls", "reported": "36 vs 18"}, "36 vs 18% (cases vs controls)"),
        ({"measure": "adjusted prevalence %", "estimate": 46.0}, "adjusted prevalence: 46%"),
        ({"measure": "variance explained %", "estimate": 12.0}, "12% of the variance explained"),
        ({"measure": "R2 %", "estimate": 88.0}, "88% of the variance explained"),
        ({"measure": "mean difference %", "estimate": -9.59}, "mean difference: −9.59%"),
        (
            {"measure": "OR", "estimate": 4.6, "conf_low": 2.1, "conf_high": 9.9},
            "odds ratio: 4.6 (2.1 to 9.9)",
        ),
        ({"measure": "OR (conditional logistic)", "estimate": 2.0}, "odds ratio (conditional logistic): 2"),
        ({"measure": "direction", "direction": "more"}, "more cramps; no number reported"),
        ({"measure": "direction", "direction": "none found"}, "no association found; no number reported"),
        ({"measure": "not significant"}, "no significant association; no number reported"),
    ],
)
def test_a_finding_is_said_in_words(row: dict[str, object], said: str) -> None:
    assert said == format_finding({**PLAIN, **row})


@in_one_test("group", GROUPS)
def test_no_finding_is_left_to_a_short_name(group: str) -> None:
    for row in evidence_of(group).rows(named=True):
        said = format_finding(row)
        assert said not in {"", "direction", "none", "OR", "RR", "%", "not read"}, row["id"]
        assert not said.startswith(("OR ", "RR ", "R2")), row["id"]
