"""On NHANES 2005-2008 the sets are those of the reference, by the variables that its files hold."""

import json
from pathlib import Path

import pytest

import toolkit as tk
from tests.support.looping import in_one_test
from tests.support.messages import mentions
from toolkit.dag import CYCLE, adjustment_for
from toolkit.studies import Study

SETS = json.loads(
    (Path(__file__).parents[2] / "reference" / "adjustment-sets" / "adjustment-sets.json").read_text()
)
ASKED = {"outcome": "any_cramps", "domain": "age >= 20"}
# Not asked together with cramps, or of few: sets for other studies.
ELSEWHERE = {"sleep_position", "neuropathy", "pad"}
# Asked in 2005-2006 alone, which measured exertion and posture at work too, so that they are adjusted for.
ONE_CYCLE = {"stretching": {"exertion", "work_posture"}}


@pytest.fixture(scope="module")
def nhanes(nhanes_mirror: Path) -> Study:
    return tk.open_study("nhanes", mirror=nhanes_mirror)


@in_one_test("exposure", sorted(SETS.keys() - ELSEWHERE))
def test_the_sets_are_those_of_the_reference(nhanes: Study, exposure: str) -> None:
    diagram, wanted = tk.causal_diagram(), SETS[exposure]
    variable = next(v for v in diagram.nodes[exposure].variables if v in nhanes.people.columns)
    more = ONE_CYCLE.get(exposure, set())
    for size in ("small", "full"):
        chosen = adjustment_for(nhanes, **ASKED, exposure=variable, size=size)
        nodes = {diagram.node_of(name) for name in chosen.variables if name != CYCLE}
        assert set(wanted[size]) <= nodes <= set(wanted[size]) | more
        labels = {diagram.nodes[node].label for node in set(wanted["open"]) - more}
        assert labels <= {gap.label for gap in chosen.unmeasured}


def test_the_cycle_is_adjusted_for_where_both_contribute(nhanes: Study) -> None:
    both = adjustment_for(nhanes, **ASKED, exposure="diabetes_told")
    assert CYCLE == both.variables[-1]
    one = adjustment_for(nhanes, **ASKED, exposure="regular_stretching")
    assert CYCLE not in one.variables


@pytest.mark.parametrize(
    ("exposure", "ratio"), [("joint_limitation", 1.13), ("long_acting_beta_agonist", 1.33)]
)
def test_the_ratios_are_plausible(nhanes: Study, exposure: str, ratio: float) -> None:
    """R's ratio on a similar frame (natural spline of 3 df, definitions of its own): within 0.03."""
    found = tk.association(nhanes, **ASKED, exposure=exposure).row(0, named=True)
    assert found["estimate"] == pytest.approx(ratio, abs=0.03)
    assert found["reliability"] == "ok"


def test_a_large_set_on_one_cycle_is_for_review_and_model_one_beside_it_is_not(nhanes: Study) -> None:
    small = tk.association(nhanes, **ASKED, exposure="sitting_hours")
    assert {"review"} == set(small["reliability"])
    assert mentions(small["reason"][0], "16")
    core = tk.association(nhanes, **ASKED, exposure="sitting_hours", adjust="core")
    assert {"ok"} == set(core["reliability"])
