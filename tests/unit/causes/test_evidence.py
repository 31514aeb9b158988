"""Check the data of `datasets/evidence.toml`, and that findings reach the cards they belong to."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.looping import in_one_test
from toolkit.causes.card import CAUSES, cards
from toolkit.causes.evidence import SCHEMA, conflicts_of, evidence_of
from toolkit.files.checked_toml import shipped

FILE = tomllib.loads((shipped("datasets") / "evidence.toml").read_text(encoding="utf-8"))
FILE_OF = {finding["id"]: finding for finding in FILE["finding"]}
GROUPS = (
    *CAUSES,
    *("prevalence", "burden", "definition", "drugs", "alcohol", "liver_kidney", "pregnancy", "benchmark"),
)
EACH_FINDING = in_one_test("finding", FILE["finding"], ids=lambda f: f["id"])


def versions(finding: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding, *finding.get("for_cause", {}).values()]


@EACH_FINDING
def test_a_finding_says_where_it_stands_and_how_it_is_known(finding: dict[str, Any]) -> None:
    needed = {"id", "source", "causes", "topic", "outcome", "citation", "population", "design", "measure"}
    assert needed <= set(finding)
    assert set(finding) <= {*SCHEMA, "causes", "for_cause"} - {"conflict"}
    assert finding["known"] in {"read", "recalled", "derived"}
    assert finding["read_at"]
    assert finding["causes"]
    assert set(finding["causes"]) <= set(GROUPS)
    assert set(finding.get("for_cause", {})) <= set(finding["causes"])


@EACH_FINDING
def test_the_numbers_of_a_finding_hold_together(finding: dict[str, Any]) -> None:
    assert not {"estimate", "reported"} <= set(finding)
    assert ("conf_low" in finding) == ("conf_high" in finding)
    if "conf_low" in finding:
        assert finding["conf_low"] <= finding["estimate"] <= finding["conf_high"]
    if "RR" in finding["measure"] or "OR (" in finding["measure"]:
        assert finding["conf_low"] > 0


@EACH_FINDING
def test_direction_and_doi_are_well_formed(finding: dict[str, Any]) -> None:
    for version in versions(finding):
        assert version.get("direction", "more") in {"more", "fewer", "none found", "mixed", "not stated"}
    if "doi" in finding:
        assert re.fullmatch(r"10\.\d{4,9}/\S+", finding["doi"])


@EACH_FINDING
def test_a_ratio_away_from_one_goes_in_the_direction_stated(finding: dict[str, Any]) -> None:
    if "conf_low" not in finding or not re.search(r"OR|ratio|RR", finding["measure"]):
        return
    if "direction" not in finding:  # figures of NHANES that are not about cramps
        assert finding["causes"] == ["benchmark"]
        return
    sides = {"more": finding["estimate"] > 1, "fewer": finding["estimate"] < 1}
    crosses = finding["conf_low"] < 1 < finding["conf_high"]
    assert sides.get(finding["direction"], crosses)


def test_ids_are_unique_and_conflicts_name_findings_of_their_causes() -> None:
    causes = {finding["id"]: set(finding["causes"]) for finding in FILE["finding"]}
    assert len(FILE["finding"]) == len(causes) == 112
    for conflict in FILE["conflict"]:
        assert len(conflict["findings"]) >= 2
        for id_ in conflict["findings"]:
            assert causes[id_] & set(conflict["causes"])


def test_every_finding_of_a_conflict_is_marked_where_it_is_shown() -> None:
    for cause in GROUPS:
        marked = evidence_of(cause).filter(pl.col("conflict").is_not_null())
        assert bool(conflicts_of(cause)) == (marked.height >= 2)


@in_one_test("cause", GROUPS)
def test_every_cause_has_evidence_of_one_schema(cause: str) -> None:
    evidence = evidence_of(cause)
    assert evidence.height >= 1
    assert SCHEMA == dict(evidence.schema)


def test_the_trials_of_stretching_are_shown_as_in_conflict() -> None:
    evidence = cards()["stretching"].evidence
    trials = evidence.filter(pl.col("design").str.contains("RCT"))
    assert {"fewer", "none found"} == set(trials["direction"])
    assert trials["conflict"].null_count() == 0


def test_magnesium_trials_stand_against_the_uncontrolled_change() -> None:
    magnesium = evidence_of("electrolytes").filter(
        pl.col("topic").str.contains("magnesium in|oral magnesium")
    )
    assert {"none found", "fewer"} == set(magnesium["direction"])
    assert magnesium["conflict"].n_unique() == 1


def test_a_finding_of_two_causes_shows_to_each_what_it_found_there() -> None:
    causes = ("diabetes", "electrolytes")
    found = {cause: evidence_of(cause).filter(id="hu2022_dr").row(0, named=True) for cause in causes}
    assert found["diabetes"]["estimate"] == FILE_OF["hu2022_dr"]["estimate"]
    assert found["diabetes"]["direction"] == "more"
    assert found["electrolytes"]["estimate"] is None
    assert found["electrolytes"]["conf_low"] is None
    assert found["electrolytes"]["direction"] == "none found"


def test_the_published_nhanes_analysis_is_among_prevalence() -> None:
    published = evidence_of("prevalence").filter(pl.col("doi") == "10.1371/journal.pone.0178465")
    assert {"24-25"} <= set(published["reported"].drop_nulls())
    assert 6.0 in published["estimate"].to_list()


def test_nothing_was_changed_on_the_way_from_the_reading_notes() -> None:
    name = Path("shared", "reference", "published.json")
    notes = next((file for up in Path(__file__).parents if (file := up / name).is_file()), None)
    if notes is None:
        pytest.skip(f"NO READING NOTES: put {name} beside the checkout")
    same = {"low": "conf_low", "high": "conf_high", "source_address": "read_at", "cause": "topic"}
    reworded = {"topic", "note", "read_at", "measure"}
    spelled = {"outcome", "population", "design", "adjusted_for"}  # abbreviations and spelling may differ
    for note in json.loads(notes.read_text(encoding="utf-8")):
        finding = FILE_OF[note["id"]]
        expected = {same.get(key, key): value for key, value in note.items()}
        if isinstance(expected.get("estimate"), str):
            expected["reported"] = expected.pop("estimate")
        assert {k: v for k, v in expected.items() if k not in reworded | spelled} == {
            k: finding.get(k) for k in expected if k not in reworded | spelled
        }
        for key in spelled & set(expected):
            assert numbers(expected[key]) == numbers(finding.get(key))


def numbers(text: str | None) -> list[str]:
    return re.findall(r"\d+", text or "")


def test_no_finding_leaves_its_population_to_the_one_before() -> None:
    populations = evidence_of("diabetes")["population"].to_list()
    assert ["China, type 2 diabetes"] * 2 == [
        p for p in populations if p.startswith("China, type 2 diabetes")
    ][:2]
    assert [] == [p for cause in cards() for p in evidence_of(cause)["population"] if p.startswith("same")]
