"""Hold a hundred frozen results: none moves without a reason in the changelog."""

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import util
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2] / "reference" / "released"
# Sums of ten thousand weights differ in the last digits from one machine to the next.
CLOSE = 1e-8

_spec = util.spec_from_file_location("released", HERE / "make.py")
assert _spec
assert _spec.loader
make = util.module_from_spec(_spec)
_spec.loader.exec_module(make)

Rows = list[dict[str, Any]]


def read(name: str) -> dict[str, Rows]:
    return json.loads((HERE / name).read_text())


def changes() -> list[dict[str, Any]]:
    return make.tomllib.loads((HERE / "changes.toml").read_text()).get("change", [])


def differences(told: Rows, found: Rows) -> list[str]:
    """Name what differs: rows and columns with both values."""
    if len(told) != len(found):
        return [f"{len(told)} rows, now {len(found)}"]
    return [
        f"row {place}, {name}: {old.get(name)!r}, now {new.get(name)!r}"
        for place, (old, new) in enumerate(zip(told, found, strict=True))
        for name in {**old, **new}
        if not same(old.get(name), new.get(name))
    ]


def same(old: object, new: object) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return new == pytest.approx(old, rel=CLOSE, abs=CLOSE)
    return old == new


def moved() -> set[str]:
    before, now = read("before.json"), read("results.json")
    return {name for name in {**before, **now} if differences(before.get(name, []), now.get(name, []))}


@pytest.fixture(scope="module")
def files(nhanes_mirror: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "CRAMPS_NHANES", str(nhanes_mirror))
        yield


def test_the_results_are_those_of_the_questions() -> None:
    asked = [question["id"] for question in make.questions()]
    assert len(set(asked)) == len(asked) == 100
    assert list(read("results.json")) == asked


@pytest.mark.parametrize("study", ["nhanes", "simulated"])
def test_every_result_is_the_frozen_one(study: str, files: None) -> None:
    told = read("results.json")
    found = {
        q["id"]: differences(told[q["id"]], make.result_of(q))
        for q in make.questions()
        if q["study"] == study
    }
    assert not {name: differing for name, differing in found.items() if differing}


def test_every_result_that_moved_since_the_last_release_has_its_reason_in_the_changelog() -> None:
    text = " ".join((HERE.parents[2] / "CHANGELOG.md").read_text().split())
    explained = {n for n in moved() if any(fnmatchcase(n, p) for c in changes() for p in c["results"])}
    assert explained == moved()
    assert not [change["reason"] for change in changes() if " ".join(change["reason"].split()) not in text]


def test_no_reason_is_given_for_results_that_did_not_move() -> None:
    idle = [p for c in changes() for p in c["results"] if not any(fnmatchcase(n, p) for n in moved())]
    assert not idle


def test_a_difference_is_seen_in_numbers_words_and_rows() -> None:
    row = {"estimate": 1.0, "n": 3, "level": "yes", "p_value": None}
    assert not differences([row], [{**row, "estimate": 1.0 + 1e-12}])
    for change in ({"estimate": 1.0001}, {"n": 4}, {"level": "no"}, {"p_value": 0.5}):
        assert differences([row], [{**row, **change}])
    assert differences([row], []) == ["1 rows, now 0"]
