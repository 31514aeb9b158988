"""Find the real NHANES files, open them once, and skip loudly where they are not."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.population import Population

ROOT = Path(__file__).parents[1]
REMEDY = (
    "set CRAMPS_NHANES to a folder laid out like the CDC's site, or put shared/nhanes beside the checkout"
)


def shared() -> Path | None:
    """Give the folder `shared/nhanes` of this checkout's surroundings."""
    return next((p for up in ROOT.parents if (p := up / "shared" / "nhanes").is_dir()), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"nhanes_mirror", "nhanes_page"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.nhanes)


@pytest.fixture(scope="session")
def nhanes_mirror() -> Path:
    """Give the folder of real NHANES files, unpacked if need be."""
    told = os.environ.get("CRAMPS_NHANES", "")
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
def nhanes_people(nhanes_mirror: Path) -> Population:
    """Give the people of NHANES 2005-2008 as the loader hands them over, before any cause is derived."""
    from toolkit.nhanes import open_nhanes

    return open_nhanes(mirror=nhanes_mirror)


@pytest.fixture(scope="session")
def nhanes(nhanes_mirror: Path) -> Any:
    """Give the study NHANES 2005-2008."""
    from toolkit.studies import open_study

    return open_study("nhanes", mirror=nhanes_mirror)


@pytest.fixture(scope="session")
def nhanes_1999_2004(nhanes_mirror: Path) -> Any:
    """Give the study NHANES 1999-2004, whose people had their ankle blood pressure measured."""
    from toolkit.studies import open_study

    return open_study("nhanes", cycles=("1999-2000", "2001-2002", "2003-2004"), mirror=nhanes_mirror)
