import tomllib

import pytest

import toolkit as tk
from tests.house.tree import ROOT
from tests.support.messages import mentioning
from toolkit.estimate.survey.standard_populations import as_standard, standard

PUBLISHED = tomllib.loads((ROOT / "datasets" / "standards.toml").read_text(encoding="utf-8"))
# Anderson and Rosenberg, National Vital Statistics Reports 47(3), 1998: ages, thousands, weights.
ELEVEN = {
    (0, 1): (3795, 0.013818),
    (1, 5): (15192, 0.055317),
    (5, 15): (39977, 0.145565),
    (15, 25): (38077, 0.138646),
    (25, 35): (37233, 0.135573),
    (35, 45): (44659, 0.162613),
    (45, 55): (37030, 0.134834),
    (55, 65): (23961, 0.087247),
    (65, 75): (18136, 0.066037),
    (75, 85): (12315, 0.044842),
    (85, 200): (4259, 0.015508),
}


@pytest.mark.parametrize("ages", ELEVEN)
def test_the_us_standard_adds_up_to_the_published_groups(ages):
    entry = PUBLISHED["us-2000"]
    inside = [n for age, n in zip(entry["ages"], entry["people"], strict=True) if ages[0] <= age < ages[1]]
    assert ELEVEN[ages][0] == sum(inside)
    # One published weight is rounded up so that they sum to 1.
    assert ELEVEN[ages][1] == pytest.approx(sum(inside) / sum(entry["people"]), abs=1.5e-6)


@pytest.mark.parametrize(("name", "size"), [("us-2000", 274_634), ("who", 100.035), ("europe-2013", 100_000)])
def test_a_standard_has_its_published_size_groups_and_citation(name, size):
    entry = PUBLISHED[name]
    assert size == pytest.approx(sum(entry["people"]), abs=1e-9)
    assert len(entry["ages"]) == len(entry["people"])
    assert sorted(set(entry["ages"])) == entry["ages"]
    assert len(entry["citation"]) > 60


def test_bands_of_adults_are_those_of_the_nchs():
    found = standard("us-2000")
    assert [("20-39",), ("40-59",), ("60+",)] == list(found.shares)
    assert [77670 / 195850, 72816 / 195850, 45364 / 195850] == pytest.approx(list(found.shares.values()))
    assert (20.0, 40.0, 60.0) == found.starts


def test_the_last_band_may_end():
    found = standard("europe-2013", bands=(20, 40), until=65)
    assert {("20-39",): 25500 / 59000, ("40-64",): 33500 / 59000} == pytest.approx(found.shares)


def test_a_standard_of_ones_own_may_have_two_variables():
    given = {("band", "sex"): {("young", "f"): 1, ("young", "m"): 1, ("old", "f"): 2}}
    found = as_standard(given)
    assert ("band", "sex") == found.variables
    assert {("young", "f"): 0.25, ("young", "m"): 0.25, ("old", "f"): 0.5} == found.shares


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: standard("us2000"),
            ("'us2000'", "'us-2000'", "us-2000", "who"),
        ),
        (lambda: standard("us-2000", bands=(18, 40)), ("18", "15", "20")),
        (lambda: standard("us-2000", bands=(40, 20)), "tk.standard('us-2000', bands="),
        (lambda: as_standard(["us-2000"]), ("tk.standard(...)", "standardize=", "'age_group'")),
        (lambda: as_standard({"band": {"young": 0}}), ("0", "standardize=")),
        (lambda: as_standard({("band", "sex"): {"young": 1}}), "band, sex"),
    ],
)
def test_what_is_no_standard_says_what_to_write(call, told):
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        call()
