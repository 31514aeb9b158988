"""The burden and the exposures beside the ten causes mean in every study what they mean here."""

from itertools import chain

import pytest

from tests.support.looping import in_one_test
from toolkit.causes import RULES
from toolkit.causes.card import Exposure, cards
from toolkit.causes.covariates import FURTHER
from toolkit.causes.evidence import evidence_of
from toolkit.causes.outcomes import BURDEN
from toolkit.sources.registry import open_study
from toolkit.sources.simulated.causal_model import OUTCOME, load_model
from toolkit.studies import Study
from toolkit.variables.codebook import codebook

EVERY = [*chain.from_iterable(BURDEN.values()), *chain.from_iterable(FURTHER.values())]
EACH = in_one_test("exposure", EVERY, ids=lambda e: e.name)


@pytest.fixture(scope="module")
def simulated() -> Study:
    return open_study("simulated")


@EACH
def test_it_is_derived_or_stands_in_the_codebook(exposure: Exposure) -> None:
    assert (exposure.name in RULES) != (exposure.name in codebook())
    own = RULES[exposure.name].derivation.variable if exposure.name in RULES else codebook()[exposure.name]
    for same in ("label", "kind", "levels", "reference", "unit"):
        assert getattr(own, same) == getattr(exposure.variable, same)


@EACH
def test_the_simulated_study_measures_it(exposure: Exposure, simulated: Study) -> None:
    values = simulated.people[exposure.name].drop_nulls()
    assert len(values) > 1_000
    assert set(exposure.levels) <= set(values.unique()) or exposure.variable.kind == "number"


@EACH
def test_nhanes_measures_it_when_it_asked_of_cramps(exposure: Exposure, nhanes: Study) -> None:
    assert nhanes.people[exposure.name].drop_nulls().len() > 500
    assert nhanes.codebook[exposure.name].unit == exposure.unit


def test_no_consequence_of_cramps_is_among_the_causes() -> None:
    causes = {name for card in cards().values() for name in card.variables}
    burden = {e.name for e in chain.from_iterable(BURDEN.values())}
    assert burden & causes == set()
    assert burden & {e.name for e in chain.from_iterable(FURTHER.values())} == set()


def test_in_the_written_model_the_burden_changes_no_cramp() -> None:
    model = load_model()
    assert set(model.nodes[OUTCOME].parents) & set(model.descendants((OUTCOME,))) == set()


@in_one_test("group", FURTHER)
def test_each_group_has_published_evidence(group: str) -> None:
    assert evidence_of(group).height >= 1
