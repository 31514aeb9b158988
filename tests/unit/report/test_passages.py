"""Passages of words say what cards, codebooks and result rows hold, escaped and without loss."""

import re

import polars as pl
import pytest

from tests.support.messages import mentions
from toolkit.causes.card import card, cards
from toolkit.report.page.html import refuse_addresses
from toolkit.report.paper import passages
from toolkit.report.paper.passages import bullets, definition, evidence
from toolkit.results import frame
from toolkit.variables import Codebook, Variable

CODEBOOK = Codebook.of(
    Variable(
        "hba1c", "glycated haemoglobin", "number", unit="%", question="Blood < drawn?", asked="12 and older"
    ),
    Variable(
        "hba1c_group", "HbA1c, grouped", "category", ("under 5.7", "more"), source="hba1c: under 5.7, more"
    ),
    Variable("any_cramps", "any cramps", "yes_no", source="cramp_frequency: rarely or more often"),
)
OWN = {
    "study": "A study",
    "domain": "age >= 20",
    "estimand": "prevalence_ratio",
    "outcome_label": "any cramps",
    "exposure_label": "diabetes",
    "level": "yes",
    "level_label": "yes",
    "reference": "no",
    "adjust": "age, race_ethnicity",
    "estimate": 1.384,
    "std_error": 0.05,
    "scale": "log",
    "conf_low": 1.251,
    "conf_high": 1.524,
    "conf_level": 0.95,
    "n": 10377,
    "reliability": "ok",
}


def test_a_derived_exposure_is_defined_by_its_truth_table_and_by_what_it_is_made_of() -> None:
    html = definition(CODEBOOK, "hba1c_group", card("diabetes")).html
    assert "under 5.7 (reference), more" in html
    assert '<th scope="row">Question (hba1c)</th><td>Blood &lt; drawn?</td>' in html
    assert "<td>5.6</td><td>under 5.7</td>" in html
    assert '<td class="unknown">unknown</td><td class="unknown">unknown</td>' in html


def test_a_measured_exposure_has_its_question_its_caveat_and_no_truth_table() -> None:
    html = definition(CODEBOOK, "hba1c", card("diabetes")).html
    assert mentions(html, "<code>hba1c</code>", "in %")
    assert "<td>12 and older.</td>" in html
    assert re.search("an(a)?emia", html)
    assert "Truth table" not in html


def test_the_outcome_is_defined_by_its_own_rule_and_names_keep_their_spelling() -> None:
    html = definition(CODEBOOK, "any_cramps").html
    assert "<td>cramp_frequency: rarely or more often.</td>" in html
    assert "<td>rarely</td><td>yes</td>" in html


def test_the_reports_own_estimate_heads_the_published_ones() -> None:
    html = evidence(card("diabetes"), frame([OWN]), {"age": "age", "race_ethnicity": "race"}).html
    assert mentions(html, '<tr class="own">', "A study, age ≥ 20, n = 10,377", "diabetes")
    assert mentions(html, "prevalence ratio", "1.38 (1.25 to 1.52)")
    assert "<td>age, race</td>" in html
    assert html.index("This report") < html.index("Abdulla 1999")


@pytest.mark.parametrize("flag", ["suppress", "failed"])
def test_an_estimate_that_is_not_fit_to_be_shown_is_not(flag: str) -> None:
    html = evidence(card("diabetes"), frame([{**OWN, "reliability": flag, "reason": "too few people"}])).html
    assert "too few people" in html
    assert "1.38" not in html


def test_a_crude_estimate_and_one_per_unit_say_so() -> None:
    html = evidence(card("diabetes"), frame([{**OWN, "adjust": "", "reference": None, "domain": ""}])).html
    assert "<td>A study, n = 10,377</td><td>diabetes</td>" in html
    assert "none (crude)" in html


@pytest.mark.parametrize("name", list(cards()))
def test_every_causes_evidence_is_told_with_all_references_and_conflicts(name: str) -> None:
    chosen = card(name)
    html = evidence(chosen).html
    refuse_addresses(html)
    assert chosen.evidence["citation"].n_unique() == html.count("<li>")
    assert len(chosen.conflicts) == html.count("<b>Conflict.</b>")
    assert chosen.evidence["doi"].drop_nulls().n_unique() == html.count("https://doi.org/")


def test_a_list_is_escaped_and_closed_with_full_stops() -> None:
    assert "<ul><li>One &lt; two.</li><li>Three?</li></ul>" == bullets(["one < two", "Three?"]).html


def test_a_passage_shows_itself_in_a_notebook() -> None:
    assert '<div class="passage"><ul><li>A.</li></ul></div>' == bullets(["a"])._repr_html_()


def test_a_frame_without_rows_adds_none() -> None:
    assert "This report" not in evidence(card("diabetes"), frame([])).html


EDGES = pl.DataFrame(
    [("age", "cramps", "tendons <shorten>", ""), ("statins", "cramps", "they harm muscle", "Garrison 2012")],
    ["cause_label", "effect_label", "reason", "citation"],
    orient="row",
)


def test_what_is_adjusted_for_is_told_with_what_stays_open_and_what_is_assumed():
    html = passages.adjustment("Adjusted for age.", ["diet (not measured): a ← b"], EDGES).html
    assert "<p>Adjusted for age.</p><ul><li>Diet (not measured): a ← b.</li></ul>" in html
    assert mentions(html, "2 arrows", "expert judgment")


def test_a_report_that_was_asked_to_adjust_says_so_beside_the_diagrams_choice():
    html = passages.adjustment(
        "Adjusted for age.", [], EDGES, ("bmi", "sex"), {"bmi": "body mass index"}
    ).html
    assert mentions(html.partition("</p>")[0], "body mass index", "sex", "diagram")
    assert mentions(passages.adjustment("x", [], EDGES, ()).html, "no covariate")


def test_arrows_are_listed_with_reason_and_source():
    html = passages.arrows(EDGES).html
    assert mentions(html, "<summary>", "2 arrows")
    assert "<td>tendons &lt;shorten&gt;</td><td>assumed</td>" in html
    assert "<td>Garrison 2012</td>" in html
