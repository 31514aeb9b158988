"""Find the real NHANES files, open them once, and skip loudly where they are not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from toolkit.studies import Design, Study
from toolkit.variables import Reason, why
from toolkit.variables.codebook import codebook

ROOT = Path(__file__).parents[1]
REMEDY = (
    "set CRAMPS_NHANES to a folder laid out like the CDC's site, or put shared/nhanes beside the checkout"
)

# A test that forgets the fixtures below fails here as on a machine without the setting. The processes of
# pytest-xdist inherit the second name.
os.environ.setdefault("CRAMPS_TEST_NHANES", os.environ.pop("CRAMPS_NHANES", ""))


def shared() -> Path | None:
    """Give the folder `shared/nhanes` of this checkout's surroundings."""
    return next((p for up in ROOT.parents if (p := up / "shared" / "nhanes").is_dir()), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"nhanes_mirror", "nhanes_page"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.nhanes)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let the tests keep what they open in a folder of their own, never in the user's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRAMPS_CACHE", str(folder))
        yield folder


@pytest.fixture
def in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Round counts as the process that makes the pages of reports does."""
    monkeypatch.setattr("toolkit.disclosure.policies._RUN", True)


@pytest.fixture(scope="session")
def nhanes_mirror() -> Path:
    """Give the folder of real NHANES files, unpacked if need be."""
    told = os.environ["CRAMPS_TEST_NHANES"]
    if told and not told.startswith("http"):
        return Path(told)
    beside = shared()
    if beside is None:
        pytest.skip(f"NO REAL NHANES FILES: {REMEDY}")
    unpacked = subprocess.run([sys.executable, beside / "unpack"], check=True, capture_output=True, text=True)
    return Path(unpacked.stdout.strip())


@pytest.fixture(scope="session")
def nhanes_page() -> Callable[[str], dict[str, Any] | None]:
    """Give the CDC's codebook page of a table as data, None if it is not there."""
    beside = shared()
    if beside is None:
        pytest.skip(f"NO NHANES CODEBOOK PAGES: {REMEDY}")

    def page(table: str) -> dict[str, Any] | None:
        path = beside / "codebook" / f"{table}.json"
        return json.loads(path.read_text()) if path.is_file() else None

    return page


@pytest.fixture(scope="session")
def nhanes_people(nhanes_mirror: Path) -> Study:
    """Give the people of NHANES 2005-2008 as the loader hands them over, before any cause is derived."""
    from toolkit.sources.nhanes import open_nhanes

    return open_nhanes(mirror=nhanes_mirror)


@pytest.fixture(scope="session")
def nhanes(nhanes_mirror: Path) -> Any:
    """Give the study NHANES 2005-2008."""
    from toolkit.sources.registry import open_study

    return open_study("nhanes", mirror=nhanes_mirror)


@pytest.fixture(scope="session")
def minutes_file() -> Path:
    """Give the file of accelerometer minutes of 300 people of NHANES 2005-2006."""
    beside = shared()
    if beside is None or not (beside / "accelerometer.parquet").is_file():
        pytest.skip("NO ACCELEROMETER MINUTES: put shared/nhanes/accelerometer.parquet beside the checkout")
    return beside / "accelerometer.parquet"


@pytest.fixture(scope="session")
def nhanes_1999_2004(nhanes_mirror: Path) -> Any:
    """Give the study NHANES 1999-2004, whose people had their ankle blood pressure measured."""
    from toolkit.sources.registry import open_study

    return open_study("nhanes", cycles=("1999-2000", "2001-2002", "2003-2004"), mirror=nhanes_mirror)


@pytest.fixture(scope="session")
def invented() -> Study:
    """Give forty invented people of two cycles, with every kind of variable and of gap."""
    book = codebook()
    people = pl.DataFrame([_person(number) for number in range(40)], infer_schema_length=None)
    types = {name: book[name].dtype for name in people.columns if name in book and name != "cycle"}
    reasons = dict.fromkeys((name for name in people.columns if name.endswith(".why")), Reason)
    design = Design({"interview": "weight_interview", "examination": "weight_examination"}, "stratum", "psu")
    people = people.cast({**types, **reasons})  # type: ignore[arg-type]
    return Study("invented", "SIMULATED forty", people, design, book, {"seed": 7}, simulated=True)


def _person(number: int) -> dict[str, Any]:
    later, adult, examined = number >= 20, number % 5 != 0, number % 7 != 0
    answers: dict[str, tuple[Any, str | None]] = {
        "age": (20.0 + number if adult else 12.0, None),
        "sex": (("male", "female")[number % 2], None),
        "cramp_frequency": (
            ("never", "rarely", "sometimes", "often", "almost always")[number % 3 + number % 2],
            "not asked" if not adult else "refused" if number == 3 else None,
        ),
        "diabetes_told": (("no", "no", "yes")[number % 3], "don't know" if number == 4 else None),
        "hba1c": (
            5 + number / 7,
            "not examined" if not examined else "no value recorded" if number == 8 else None,
        ),
        "screen_hours": (
            (0.0, 0.5, 1.0, 5.5, 10.0)[number % 4],
            "not measured in this cycle" if later else None,
        ),
        "sitting_hours": (number * 7 / 60, None if later else "not measured in this cycle"),
        "season": (("cool", "warm")[number % 2], None if examined else "not examined"),
    }
    absent = {"screen_hours", "sitting_hours"} if not adult else set()
    told = {
        name: "not asked" if name in absent and not why_not else why_not
        for name, (_, why_not) in answers.items()
    }
    return {
        "person": 100 + number,
        "cycle": "2007-2008" if later else "2005-2006",
        "stratum": number // 10,
        "psu": number // 5 % 2,
        "weight_interview": 1000.1 + number,
        "weight_examination": 1100.3 + number if examined else 0.0,
        **{name: None if told[name] else value for name, (value, _) in answers.items()},
        **{why(name): told[name] for name in answers},
    }
