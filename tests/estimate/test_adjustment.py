"""What the diagram chooses is named in the result and explained; what follows is refused."""

from dataclasses import replace

import polars as pl
import pytest

import toolkit as tk
from toolkit.codebook import Availability
from toolkit.diagram import Arrow, Diagram, Node, causal_diagram
from toolkit.errors import VariableError
from toolkit.estimate.adjustment import adjustment_for
from toolkit.result import EDGES_SCHEMA

ASKED = {"outcome": "any_cramps", "exposure": "diabetes_told"}


@pytest.fixture(scope="module")
def study():
    return tk.open_study("simulated")


def test_the_column_adjust_names_the_set_that_the_record_explains(study):
    chosen = adjustment_for(study, **ASKED)
    found = tk.association(study, **ASKED)
    assert ", ".join(chosen.variables) == found["adjust"].item()
    named = tk.association(study, **ASKED, adjust=chosen.variables)
    assert found.equals(named)


def test_background_is_in_the_set_and_nothing_that_follows_is(study):
    chosen = adjustment_for(study, **ASKED)
    assert {"age", "sex", "bmi", "education", "race_ethnicity"} <= set(chosen.variables)
    nodes = {causal_diagram().node_of(name) for name in chosen.variables}
    assert not nodes & causal_diagram().descendants("diabetes")


def test_a_sufficient_set_says_so(study):
    chosen = adjustment_for(study, outcome="any_cramps", exposure="arthritis")
    assert ("age", "sex", "bmi") == chosen.variables
    assert chosen.sufficient
    assert str(chosen) == (
        "By the causal diagram, adjusted for age, sex and body mass, which closes every back-door path from "
        "exposure to outcome."
    )


def test_what_cannot_be_measured_is_named_with_the_path_left_open(study):
    chosen = adjustment_for(study, **ASKED)
    assert not chosen.sufficient
    [gap] = chosen.unmeasured
    assert ("activity in earlier years", "no study here measures it") == (gap.label, gap.reason)
    assert gap.path.startswith("diabetes ← activity in earlier years →")
    assert "confounding remains by activity in earlier years." in chosen.summary
    assert f"{gap.label} ({gap.reason}): {gap.path}" == chosen.left_open[0]
    assert str(chosen) == f"{chosen.summary} Left open: {chosen.left_open[0]}."


def test_a_proxy_is_not_adjusted_for(study):
    entry = study.codebook["bmi"]
    proxy = entry.with_availability((Availability("2005-2006", "proxy", "guessed"),))
    guessed = replace(study, codebook=study.codebook.with_variables(proxy))
    chosen = adjustment_for(guessed, outcome="any_cramps", exposure="arthritis")
    assert ("age", "sex") == chosen.variables
    assert ["known by a proxy alone"] == [gap.reason for gap in chosen.unmeasured]


def test_no_back_door_path_at_all(study):
    chosen = adjustment_for(study, outcome="any_cramps", exposure="age")
    assert () == chosen.variables
    assert "adjusted for nothing, as there is no back-door path" in str(chosen)
    assert "" == tk.association(study, outcome="any_cramps", exposure="age")["adjust"].item()


def test_within_levels_of_a_variable_it_is_not_adjusted_for(study):
    found = tk.association(study, **ASKED, by="sex")
    assert {"sex"}.isdisjoint(found["adjust"][0].split(", "))
    assert "age" in found["adjust"][0]


def few(share):
    """Forty people; body mass is known of a share of them."""
    known = round(40 * share)
    return tk.study(
        pl.DataFrame(
            {
                "any_cramps": ["yes", "no", "no", "yes"] * 10,
                "arthritis": ["no", "yes"] * 20,
                "age": [30.0 + n for n in range(40)],
                "sex": ["male", "male", "female", "female"] * 10,
                "bmi": [20.0 + n % 7 for n in range(known)] + [None] * (40 - known),
            }
        ),
        design=tk.Design.none(),
        codebook="toolkit",
    )


def test_what_few_people_have_counts_as_not_measured():
    asked = {"outcome": "any_cramps", "exposure": "arthritis"}
    assert "bmi" in adjustment_for(few(0.75), **asked).variables
    chosen = adjustment_for(few(0.7), **asked)
    assert ("age", "sex") == chosen.variables
    assert ["known of 70 % of the people"] == [gap.reason for gap in chosen.unmeasured]
    assert "bmi" in adjustment_for(few(0.7), **asked, domain="age < 48").variables


def test_columns_of_ones_own_are_not_matched_by_name():
    own = tk.study(few(1).people, design=tk.Design.none())
    with pytest.raises(VariableError, match=r"'any_cramps' is a column of your own.*codebook='toolkit'"):
        tk.association(own, outcome="any_cramps", exposure="arthritis")
    found = tk.association(own, outcome="any_cramps", exposure="arthritis", diagram=causal_diagram())
    assert "age, sex, bmi" == found["adjust"].item()


def test_a_diagram_of_ones_own_decides(study, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "mine"\n'
        '[nodes.smoke]\nlabel = "smoke"\nvariables = ["smoked_100"]\n'
        '[nodes.sugar]\nlabel = "sugar"\nvariables = ["diabetes_told"]\n'
        '[nodes.cramps]\nlabel = "cramps"\nvariables = ["any_cramps"]\n'
        '[[arrows]]\ncause = "smoke"\neffects = ["sugar", "cramps"]\nreason = "so it is"\n'
        '[[arrows]]\ncause = "sugar"\neffects = ["cramps"]\nreason = "so it is"\n'
    )
    found = tk.association(study, **ASKED, diagram=path)
    assert "smoked_100" == found["adjust"].item()


def test_what_follows_from_the_exposure_is_refused_unless_told_to(study):
    told = (
        r"'neuropathy' is not adjusted for: in the causal diagram it follows from the exposure, and "
        r"adjusting for it would close the path diabetes → peripheral neuropathy → nocturnal leg cramps, "
        r"which is part of the effect. Leave it out, adjust=\('age',\); or, .* allow_descendants=True"
    )
    with pytest.raises(VariableError, match=told):
        tk.association(study, **ASKED, adjust=("age", "neuropathy"))
    found = tk.association(study, **ASKED, adjust=("age", "neuropathy"), allow_descendants=True)
    assert "age, neuropathy" == found["adjust"].item()


def test_what_follows_from_the_outcome_is_refused_with_what_it_opens(study):
    told = "follows from the outcome.*would open the path diabetes → health as people rate it ← nocturnal leg"
    with pytest.raises(VariableError, match=told):
        tk.association(study, **ASKED, adjust=("age", "general_health"))


def test_an_exposure_that_follows_from_the_outcome_has_no_set(study):
    with pytest.raises(VariableError, match=r"the exposure follows from the outcome .*adjust=\(\)"):
        tk.association(study, outcome="any_cramps", exposure="general_health")


def test_the_same_thing_measured_twice_may_be_adjusted_for(study):
    found = tk.association(study, **ASKED, adjust=("age", "age_group"))
    assert "age, age_group" == found["adjust"].item()


def test_edges_hold_the_arrows_around_the_exposure(study):
    edges = adjustment_for(study, **ASKED).edges
    assert list(EDGES_SCHEMA) == edges.columns
    roles = dict(edges.select("cause", "cause_role").iter_rows())
    assert ("exposure", "adjusted", "not measured", "between") == tuple(
        roles[name] for name in ("diabetes", "age", "earlier_activity", "neuropathy")
    )
    assert "outcome" in set(edges["effect_role"])
    assert edges["reason"].str.len_chars().min() > 0


def test_a_diagram_in_memory_is_taken_too():
    diagram = Diagram(
        "two",
        {"a": Node("a", "a", ("arthritis",)), "b": Node("b", "b", ("any_cramps",))},
        (Arrow("a", "b", "so"),),
    )
    chosen = adjustment_for(few(1), outcome="any_cramps", exposure="arthritis", diagram=diagram)
    assert () == chosen.variables
    assert 1 == chosen.edges.height


def test_curves_and_interactions_ask_the_diagram_too(study):
    curve = tk.curve(study, outcome="any_cramps", exposure="bmi", at=(25, 30), reference=25)
    chosen = adjustment_for(study, outcome="any_cramps", exposure="bmi")
    assert {", ".join(chosen.variables)} == set(curve["adjust"])
    pair = tk.interaction(study, outcome="any_cramps", exposures=("arthritis", "sex"))
    assert {"age, bmi"} == {", ".join(sorted(text.split(", "))) for text in set(pair["adjust"])}
