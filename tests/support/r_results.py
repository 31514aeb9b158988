"""Give the studies of R's survey package and the results that R got from them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from toolkit.sources.registry import study
from toolkit.studies import Design, Study

REFERENCE = Path(__file__).parents[1] / "reference"
R_SURVEY = REFERENCE / "r-survey"
DESIGNS = {
    "apisrs": Design(weight="pw", fpc="fpc"),
    "apistrat": Design(weight="pw", strata="stype", fpc="fpc"),
    "apiclus1": Design(weight="pw", psu="dnum", fpc="fpc"),
    "apiclus2": Design(weight="pw", psu=("dnum", "snum"), fpc=("fpc1", "fpc2")),
    "apinone": Design(weight="pw"),
    "mu284": Design(psu=("id1", "id2"), fpc=("n1", "n2")),
    "fpc": Design(weight="weight", strata="stratid", psu="psuid"),
    "fpc_with": Design(weight="weight", strata="stratid", psu="psuid", fpc="Nh"),
    "nhanes": Design(weight="WTMEC2YR", strata="SDMVSTRA", psu="SDMVPSU"),
}
FILES = {"apinone": "apistrat", "fpc_with": "fpc"}


@pytest.fixture(scope="session")
def expected() -> dict[str, dict[str, Any]]:
    entries = json.loads((R_SURVEY / "expected.json").read_text())["entries"]
    return {entry["id"]: entry for entry in entries}


@pytest.fixture(scope="session")
def r_studies() -> dict[str, Study]:
    def opened(name: str) -> Study:
        file = R_SURVEY / "data" / f"{FILES.get(name, name)}.csv"
        people = pl.read_csv(file, infer_schema_length=None)
        return study(people, design=DESIGNS[name], name=name)

    return {name: opened(name) for name in DESIGNS}


@pytest.fixture(scope="session")
def expected_nhanes() -> dict[str, dict[str, Any]]:
    entries = json.loads((REFERENCE / "nhanes" / "expected.json").read_text())["entries"]
    return {entry["id"]: entry for entry in entries}


def equal(wanted: Any, found: Any, rtol: float = 1e-9) -> None:
    """Hold a number or column of ours to R's."""
    np.testing.assert_allclose(np.ravel(found), np.ravel(wanted), rtol=rtol)
