"""NHANES 1999-2004 gives the published figures of arterial disease and neuropathy, within a tolerance."""

from typing import Any

import pytest

import toolkit as tk
from toolkit.causes.evidence import evidence_of

FIRST, ALL = ("1999-2000",), ("1999-2000", "2001-2002", "2003-2004")
ADULTS = "age >= 40"
TOLD = "age >= 40 and diabetes_told == 'yes'"


@pytest.fixture(scope="module")
def opened(nhanes_mirror: Any) -> dict[tuple[str, ...], tk.Study]:
    return {cycles: tk.open_study("nhanes", cycles=cycles, mirror=nhanes_mirror) for cycles in (FIRST, ALL)}


def published(finding: str) -> dict[str, Any]:
    return evidence_of("benchmark").filter(id=finding).row(0, named=True)


def percent(study: tk.Study, outcome: str, domain: str) -> float:
    return 100 * float(tk.prevalence(study, outcome=outcome, domain=domain)["estimate"].item())


# Printed to one decimal: half of the last place, and as much again for what the authors left out.
@pytest.mark.parametrize(
    ("finding", "outcome", "domain"),
    [
        ("gregg2004_pn", "neuropathy", ADULTS),
        ("gregg2004_pn_dm", "neuropathy", TOLD),
        ("gregg2004_pad", "pad", ADULTS),
        ("gregg2004_pad_dm", "pad", TOLD),
    ],
)
def test_figures_of_1999_2000_are_the_printed_ones(
    opened: Any, finding: str, outcome: str, domain: str
) -> None:
    expected = published(finding)["estimate"]
    assert expected == pytest.approx(percent(opened[FIRST], outcome, domain), abs=0.1)


# These papers left out people with an index above 1.5 or a missing covariate: within their intervals.
@pytest.mark.parametrize(
    ("finding", "cycles", "domain"),
    [
        ("selvin2004_40", FIRST, ADULTS),
        ("selvin2004_70", FIRST, "age >= 70"),
        ("ostchega2007_60", ALL, "age >= 60"),
        ("ostchega2007_60_69", ALL, "age >= 60 and age < 70"),
        ("ostchega2007_70_79", ALL, "age >= 70 and age < 80"),
        ("ostchega2007_80", ALL, "age >= 80"),
    ],
)
def test_arterial_disease_by_age_is_within_the_published_interval(
    opened: Any, finding: str, cycles: tuple[str, ...], domain: str
) -> None:
    told = published(finding)
    assert told["conf_low"] <= percent(opened[cycles], "pad", domain) <= told["conf_high"]


@pytest.mark.parametrize("finding", ["ostchega2007_60_69", "ostchega2007_70_79", "ostchega2007_80"])
def test_arterial_disease_in_ten_years_of_age_is_near_the_printed_figure(opened: Any, finding: str) -> None:
    low = {"60_69": 60, "70_79": 70, "80": 80}[finding.removeprefix("ostchega2007_")]
    domain = f"age >= {low} and age < {low + 10}"
    expected = published(finding)["estimate"]
    assert expected == pytest.approx(percent(opened[ALL], "pad", domain), abs=0.4)
