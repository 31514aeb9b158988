"""The causal diagram holds together, and a user's own file is read with care."""

from pathlib import Path

import pytest

from tests.support.messages import mentioning
from toolkit.causes.card import cards
from toolkit.dag import causal_diagram
from toolkit.errors import DatasetError, VariableError

DIAGRAM = causal_diagram()


def test_every_exposure_of_a_card_has_a_node_that_leads_to_cramps():
    before = DIAGRAM.ancestors("cramps")
    for name, card in cards().items():
        for exposure in card.exposures:
            assert DIAGRAM.node_of(exposure.name) in before, (name, exposure.name)


@pytest.mark.parametrize("outcome", ["any_cramps", "mild_cramps", "frequent_cramps", "cramp_frequency"])
def test_every_outcome_is_cramps(outcome):
    assert "cramps" == DIAGRAM.node_of(outcome)


def test_consequences_of_cramps_cause_none_of_the_ten():
    after = DIAGRAM.descendants("cramps")
    assert {"sleep_loss", "daytime_function", "general_health", "care", "quinine"} <= after
    exposures = {DIAGRAM.node_of(e.name) for card in cards().values() for e in card.exposures}
    assert not after & exposures


def test_every_arrow_into_cramps_from_a_cause_has_its_reason_and_most_a_source():
    into = [arrow for arrow in DIAGRAM.arrows if arrow.effect == "cramps"]
    assert all(arrow.reason for arrow in DIAGRAM.arrows)
    assert all(arrow.ground for arrow in DIAGRAM.arrows)
    cited = {arrow.cause for arrow in into if arrow.citation}
    assert {"age", "sex", "arthritis", "diuretics", "liver_disease", "lumbar_spine"} <= cited
    judged = {arrow.cause for arrow in into if not arrow.citation}
    assert {"multiple_sclerosis", "joint_limitation", "parkinson", "earlier_cramps", "opioids"} <= judged


def test_it_is_version_two():
    assert (64, 699) == (len(DIAGRAM.nodes), len(DIAGRAM.arrows))
    assert ("age", "sex", "race_ethnicity", "education", "income") == DIAGRAM.core
    assert ["cramps", "depression", "exertion"] == sorted(
        n.earlier for n in DIAGRAM.nodes.values() if n.earlier
    )


@pytest.mark.parametrize("social", ["age", "sex", "education", "income"])
def test_social_position_causes_every_disease_drug_and_habit(social):
    """The rule of the reference, with its exceptions."""
    exempt = {"age", "sex", "race_ethnicity", "region", "education", "occupation", "marital_status", "income"}
    exempt |= {"season"}
    assert set(DIAGRAM.nodes) - exempt <= set(DIAGRAM.children(social))


def test_labels_read_well_in_a_list_of_covariates():
    for node in DIAGRAM.nodes.values():
        assert len(node.label) <= 45, node.name
        assert "," not in node.label, node.name


def test_a_citation_is_of_the_evidence():
    [arrow] = [a for a in DIAGRAM.arrows if (a.cause, a.effect) == ("statins", "cramps")]
    assert "Garrison 2012, doi:10.1001/archinternmed.2011.1029" == arrow.citation


def test_the_frame_holds_every_arrow():
    frame = DIAGRAM.frame()
    assert len(DIAGRAM.arrows) == frame.height
    assert {None} == set(frame["cause_role"])


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "mine.toml").write_text(text)
    return tmp_path / "mine.toml"


MINE = """
title = "mine"
without = { age = "one birth cohort", sex = "men only" }
[nodes.coffee]
label = "coffee"
[nodes.tea]
label = "tea"
[nodes.cramps]
label = "cramps"
variables = ["any_cramps"]
[[arrows]]
cause = "coffee"
effects = ["tea", "cramps"]
reason = "who drinks one drinks the other"
citation = "Nobody 2000"
"""


def test_a_file_of_ones_own_is_read(tmp_path):
    mine = causal_diagram(written(tmp_path, MINE))
    assert ("coffee",) == mine.parents("tea")
    assert ("tea", "cramps") == mine.children("coffee")
    assert {"Nobody 2000"} == {arrow.citation for arrow in mine.arrows}
    assert "coffee" == mine.node_of("coffee")
    assert mine.node_of("milk") is None


def test_a_file_is_read_once_for_each_content(tmp_path):
    path = written(tmp_path, MINE)
    first = causal_diagram(path)
    assert causal_diagram(str(path)) is first
    assert causal_diagram() is causal_diagram()
    assert causal_diagram(written(tmp_path, MINE.replace('label = "tea"', 'label = "chai"'))) is not first
    assert causal_diagram(path).nodes["tea"].label == "chai"


def test_the_frame_of_some_nodes_has_their_roles_and_arrows_alone():
    roles = {"age": "adjusted", "diabetes": "exposure", "cramps": "outcome"}
    rows = DIAGRAM.frame(roles).select("cause", "cause_role", "effect", "effect_role").rows()
    assert {("age", "adjusted", "cramps", "outcome"), ("diabetes", "exposure", "cramps", "outcome")} <= set(
        rows
    )
    assert {name for cause, _, effect, _ in rows for name in (cause, effect)} == set(roles)


def test_a_diagram_without_age_or_sex_states_the_reason(tmp_path):
    silent = MINE.replace(', sex = "men only"', "")
    told = mentioning("'sex'", "[nodes.sex]", 'without = { sex = "men only" }')
    with pytest.raises(DatasetError, match=told):
        causal_diagram(written(tmp_path, silent))
    empty = MINE.replace('"men only"', '""')
    with pytest.raises(DatasetError, match=mentioning("'sex'")):
        causal_diagram(written(tmp_path, empty))
    with_sex = silent + '[nodes.sex]\nlabel = "sex"\n'
    assert {"age": "one birth cohort"} == causal_diagram(written(tmp_path, with_sex)).without


def test_an_unknown_declared_node_is_told_with_the_nearest():
    with pytest.raises(VariableError, match=mentioning("'diabetis'", "'diabetes'")):
        DIAGRAM.expect_node("diabetis", "here")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["tea", "cramps"]', '["tee", "cramps"]', ("'tee'", "'tea'")),
        ('["tea", "cramps"]', '["tea", "tea"]', "2"),
        ('label = "tea"', 'label = "tea"\nvariables = ["any_cramps"]', ("'any_cramps'", "2")),
        ('citation = "Nobody 2000"', 'evidence = ["nobody2000"]', "'nobody2000'"),
        ("reason =", "reson =", ("'reson'", "'reason'")),
        ('title = "mine"', "", ("title", "required")),
        ('title = "mine"', 'title = "mine"\ncore = ["milk"]', "'milk'"),
        ("sex =", "sexx =", ("`without`", "'sexx'", "'sex'")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_told(tmp_path, old, new, told):
    with pytest.raises(DatasetError, match=mentioning("'mine.toml'", told)):
        causal_diagram(written(tmp_path, MINE.replace(old, new)))


def test_a_cycle_is_told_with_its_nodes(tmp_path):
    back = '[[arrows]]\ncause = "tea"\neffects = ["coffee"]\nreason = "and back"\n'
    with pytest.raises(DatasetError, match=mentioning("cycle", "coffee → tea")):
        causal_diagram(written(tmp_path, MINE + back))


def test_every_problem_is_told_at_once(tmp_path):
    text = MINE.replace('"tea", "cramps"', '"tee", "crmps"').replace("Nobody 2000", "x")
    with pytest.raises(DatasetError, match=mentioning("'tee'", "'crmps'")):
        causal_diagram(written(tmp_path, text))


@pytest.mark.parametrize("name", ["causal-diagram.toml", "causal-diagram-2026-11.toml"])
def test_no_text_of_a_diagram_is_about_one_survey(name: str) -> None:
    """A diagram is used for every study, so a caveat of one survey would stand on the page of another."""
    diagram = causal_diagram(name)
    notes = [node.note for node in diagram.nodes.values()]
    reasons = [arrow.reason for arrow in diagram.arrows]
    assert [] == [text for text in (*notes, *reasons) if "NHANES" in text]
