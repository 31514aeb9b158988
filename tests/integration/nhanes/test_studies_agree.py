"""Check that what the cards say of their exposures is what the studies hold under those names."""

from pathlib import Path

import polars as pl
import pytest

from tests.support.looping import in_one_test
from toolkit.causes import RULES
from toolkit.causes.card import CAUSES, cards
from toolkit.causes.cards import exertion
from toolkit.causes.evidence import evidence_of
from toolkit.sources.registry import open_study
from toolkit.studies import Study
from toolkit.variables import why

# Some questions are put to a part of the people, such as those who were told of diabetes.
NOT_PUT = ("not asked", "not in the subsample")
# Names that tell the instruments of NHANES apart; the simulated study has one instrument.
OTHER_INSTRUMENTS = {
    *exertion.OTHER_INSTRUMENTS,
    *("screen_hours_in_one", "screen_hours_since_2011"),
}


@pytest.fixture(scope="module")
def simulated() -> Study:
    return open_study("simulated")


@pytest.fixture(scope="module")
def nhanes(nhanes_mirror: Path) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRAMPS_NHANES", str(nhanes_mirror))
        return open_study("nhanes", cycles=("2005-2006", "2007-2008"))


@pytest.mark.parametrize("cause", CAUSES)
def test_the_simulated_study_measures_every_exposure_of_every_card(simulated: Study, cause: str) -> None:
    for exposure in (e for e in cards()[cause].exposures if e.name not in OTHER_INSTRUMENTS):
        assert exposure.levels == simulated.codebook[exposure.name].levels
        assert exposure.reference == simulated.codebook[exposure.name].reference
        put = ~simulated.people[why(exposure.name)].is_in(list(NOT_PUT)).fill_null(value=False)
        assert put.sum() > 500
        missing = simulated.people.filter(put)[exposure.name].null_count()
        assert missing < 0.6 * put.sum()


@pytest.mark.parametrize("cause", CAUSES)
def test_nhanes_means_by_a_name_what_the_card_means(nhanes: Study, cause: str) -> None:
    for exposure in cards()[cause].exposures:
        if exposure.name in nhanes.codebook:
            variable = nhanes.codebook[exposure.name]
            assert (exposure.levels, exposure.reference, exposure.unit) == (
                variable.levels,
                variable.reference,
                variable.unit,
            )


@in_one_test("name", RULES)
def test_each_derived_value_is_there_or_says_why_not(simulated: Study, name: str) -> None:
    if name not in simulated.people.columns:
        assert all(entry.reason for entry in simulated.codebook[name].availability)
        assert not simulated.codebook[name].measured
        return
    value, reason = simulated.people[name], simulated.people[why(name)]
    assert (value.is_null() == reason.is_not_null()).all()


def test_three_valued_or_counts_in_nhanes(nhanes: Study) -> None:
    told, high = pl.col("diabetes_told"), pl.col("hba1c") >= 6.5
    counts = nhanes.people.select(
        yes=((told == "yes") | high).fill_null(value=False).sum(),
        no=((told == "no") & ~high).fill_null(value=False).sum(),
    )
    found = nhanes.people["diabetes"].value_counts().drop_nulls()
    assert {"yes": counts["yes"][0], "no": counts["no"][0]} == dict(found.iter_rows())


def test_the_index_of_nhanes_1999_to_2004_has_the_counts_known_of_it(nhanes_mirror: Path) -> None:
    """The number of people is that of Selvin & Hirsch, Atherosclerosis 2008;201:425-433."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRAMPS_NHANES", str(nhanes_mirror))
        people = open_study("nhanes", cycles=("1999-2000", "2001-2002", "2003-2004")).people
    published = evidence_of("benchmark").filter(id="selvin2008")["n"].item()
    assert published == people["pad"].count()
    one_leg = people.filter(pl.col("abi_left").is_null() != pl.col("abi_right").is_null())
    assert one_leg.height == 752
    assert one_leg["pad"].null_count() == 0
    index = people.filter(pl.max_horizontal("abi_left", "abi_right") > 1.40)
    beyond = people.filter((pl.col("over_255_left") == "yes") | (pl.col("over_255_right") == "yes"))
    assert (index.height, beyond.height) == (113, 42 + 57)
    assert beyond["ankle_brachial_index"].null_count() == 68
    either = set(index["person"]) | set(beyond["person"])
    assert either == set(people.filter(non_compressible="yes")["person"])
    exactly = people.filter(pl.col("ankle_brachial_index") == 0.90)
    assert (exactly.height, exactly["pad"].unique().to_list()) == (51, ["no"])
