"""Check the ten cards: that every field is filled, every exposure derivable or measured, every word plain."""

import dataclasses
import re

import pytest

from tests.support.messages import mentioning
from toolkit.causes import DERIVATIONS, RULES
from toolkit.causes.card import CAUSES, PREVENTIONS, Card, Exposure, card, cards
from toolkit.causes.evidence import evidence_of
from toolkit.causes.outcomes import CAVEATS
from toolkit.errors import VariableError
from toolkit.sources.simulated.causal_model import load_model
from toolkit.variables import Variable
from toolkit.variables.codebook import codebook

EACH_CARD = pytest.mark.parametrize("card_", cards().values(), ids=CAUSES)

# What studies give under the names of the codebook; everything else a card reads must be derived.
MEASURED = set(codebook()) | {name for name, node in load_model().nodes.items() if not node.get("hidden")}
INDICES = {"ankle_brachial_index", "abi_left", "abi_right"}  # a ratio of two pressures has no unit


def words(card_: Card) -> list[str]:
    exposures = [w for e in card_.exposures for w in (e.label, e.caveat, e.variable.source)]
    prevention = [p.finding for p in card_.prevention]
    return [card_.title, card_.what, card_.mechanism, *card_.caveats, *exposures, *prevention]


def test_the_causes_are_in_the_order_of_the_reports() -> None:
    assert CAUSES == tuple(cards())
    assert list(cards()) == [one.name for one in cards().values()]


@EACH_CARD
def test_every_field_is_filled(card_: Card) -> None:
    assert card_.title
    assert card_.what
    assert card_.exposures
    assert card_.prevention
    assert card_.evidence.height >= 1
    assert set(CAVEATS) < set(card_.caveats)


@EACH_CARD
def test_mechanism_is_two_sentences(card_: Card) -> None:
    assert len(re.findall(r"\.(?:\s|$)", card_.mechanism)) == 2


@EACH_CARD
def test_every_exposure_is_derived_or_measured_directly(card_: Card) -> None:
    for exposure in card_.exposures:
        derived = {rule.name for rule in card_.rules}
        assert exposure.name in derived | MEASURED
        assert not (exposure.name in derived and exposure.name in codebook())


@EACH_CARD
def test_every_input_is_measured_or_derived_before(card_: Card) -> None:
    derived: set[str] = set()
    for step in card_.derivations:
        assert set(step.inputs) <= MEASURED | derived
        derived.add(step.variable.name)


@EACH_CARD
def test_an_exposure_says_its_levels_and_reference_or_its_unit(card_: Card) -> None:
    for exposure in card_.exposures:
        if exposure.variable.kind == "number":
            assert exposure.levels == ()
            assert exposure.reference is None
        else:
            assert exposure.reference in exposure.levels
        assert exposure.unit or exposure.levels or exposure.name in INDICES


@EACH_CARD
def test_words_are_plain_and_never_advice(card_: Card) -> None:
    for text in words(card_):
        assert not re.search(
            r"TODO|FIXME|\byou\b|\byour\b|\bshould\b|\bmust\b|recommend", text, re.IGNORECASE
        )
        assert "  " not in text


@EACH_CARD
def test_prevention_stands_on_findings_of_the_file(card_: Card) -> None:
    known = set(card_.evidence["id"])
    for prevention in card_.prevention:
        assert prevention.kind in PREVENTIONS
        assert set(prevention.sources) <= known
        assert prevention.sources or re.search("no (trial|study)|found by", prevention.finding, re.IGNORECASE)


def test_every_way_of_prevention_stands_on_a_card() -> None:
    assert set(PREVENTIONS) == {p.kind for one in cards().values() for p in one.prevention}


def test_causes_share_no_variable_with_the_same_name_and_another_meaning() -> None:
    given = [rule.name for one in cards().values() for rule in one.rules]
    assert len(given) == len(set(given))
    assert set(given) <= set(RULES)
    assert [step.variable.name for step in DERIVATIONS] == list(RULES)


def test_a_card_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        card("diabetes").title = "another"  # type: ignore[misc]


def test_unknown_cause_names_the_nearest_and_how_to_see_all() -> None:
    with pytest.raises(VariableError, match=mentioning("'diabetis'", "'diabetes'", "tk.cards()", "tk.cards")):
        card("diabetis")


def test_unknown_exposure_names_the_nearest_of_the_card() -> None:
    with pytest.raises(VariableError, match=mentioning("'circulation'", "'padd'", "'pad'")):
        card("circulation").exposure("padd")


def test_truth_table_of_a_variable_that_is_not_derived_says_what_is() -> None:
    with pytest.raises(VariableError, match=mentioning("'hba1c'", "hba1c_group", "diabetes_with")):
        card("diabetes").truth_table("hba1c")
    with pytest.raises(VariableError, match=mentioning("'joints'", "'arthritis'")):
        dataclasses.replace(card("joints"), rules=()).truth_table("arthritis")


def test_truth_table_shows_inputs_then_result() -> None:
    table = card("diabetes").truth_table("diabetes")
    assert table.columns == ["diabetes_told", "hba1c", "diabetes"]
    assert table.filter(table["diabetes_told"].is_null() & (table["hba1c"] >= 6.5))["diabetes"].to_list() == [
        "yes"
    ]


def test_the_main_exposure_gives_way_to_the_next_that_was_measured() -> None:
    assert card("circulation").main.name == "pad"
    found = card("sitting_standing").exposure_among({"screen_group", "screen_hours"})
    assert found is not None
    assert found.name == "screen_group"
    assert card("circulation").exposure_among({"age"}) is None


def test_variables_are_those_read_and_given() -> None:
    assert card("stretching").variables == ("regular_stretching", "stretching_sessions")
    legs = {
        f"{name}_{side}" for name in ("abi", "over_255", "non_compressible") for side in ("left", "right")
    }
    assert legs < set(card("circulation").variables)


class TestPage:
    @EACH_CARD
    def test_page_shows_title_exposures_tables_and_caveats_and_loads_nothing(self, card_: Card) -> None:
        html = card_._repr_html_()
        assert card_.title in html
        assert all(exposure.name in html for exposure in card_.exposures)
        assert html.count("<table>") == 2 + len(card_.rules)
        assert html.count("<li>") == len(card_.caveats) + len(card_.prevention)
        assert not re.search(r"<script|src=|href=|@import|url\(", html)

    def test_page_escapes_every_word(self) -> None:
        bad = "<script>alert('x')</script>"
        exposure = Exposure(Variable("x", bad, "category", (bad, "b"), source=bad), bad)
        one = dataclasses.replace(
            card("joints"), title=bad, what=bad, mechanism=bad, caveats=(bad,), exposures=(exposure,)
        )
        assert "<script>" not in one._repr_html_()
        assert one._repr_html_().count("&lt;script&gt;") >= 7

    def test_unknown_is_written_out_in_truth_tables(self) -> None:
        assert '<td class="unknown">unknown</td>' in card("diabetes")._repr_html_()

    def test_page_shows_conflicts_and_intervals(self) -> None:
        html = card("stretching")._repr_html_()
        assert "Conflict: Two trials of stretching disagree" in html
        low, high = (
            evidence_of("stretching").filter(source="Hawke 2021").select("conf_low", "conf_high").row(0)
        )
        assert f"({low:g} to {high:g})" in html


@EACH_CARD
def test_a_card_prints_as_ten_lines(card_: Card) -> None:
    lines = str(card_).splitlines()
    assert 10 == len(lines)
    assert max(map(len, lines)) <= 110
    assert card_.title in lines[0]
    assert f'tk.card("{card_.name}")' in lines[0]
    assert any(card_.main.name in line and card_.main.label in line for line in lines)


class TestCheck:
    def test_every_card_agrees_with_its_truth_tables(self) -> None:
        for one in cards().values():
            one.check()
            one.check(MEASURED)

    def test_a_case_that_the_expression_does_not_give_is_named_by_its_number(self) -> None:
        rule = card("stretching").rules[0]
        wrong = dataclasses.replace(rule, cases=(*rule.cases[:1], (7, "yes"), *rule.cases[2:]))
        with pytest.raises(VariableError, match=r"'regular_stretching'.*1 of 5 cases \(2\)"):
            dataclasses.replace(card("stretching"), rules=(wrong,)).check()

    def test_an_input_that_a_study_lacks_is_named(self) -> None:
        with pytest.raises(VariableError, match=r"'stretching_sessions'.*study\.variables\(\)"):
            card("stretching").check(("age", "sex"))
