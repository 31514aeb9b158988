"""The simulated study: its people, design, codebook and reasons of missing values."""

import polars as pl
import pytest

from toolkit.codebook import why
from toolkit.errors import DatasetError
from toolkit.simulated import open_simulated


@pytest.fixture(scope="module")
def people() -> pl.DataFrame:
    return open_simulated().people


def test_it_draws_twelve_thousand_people_in_thirty_strata_of_two_psus(people: pl.DataFrame) -> None:
    assert people.height == 12_000
    assert people.select("stratum", "psu").unique().group_by("stratum").len()["len"].to_list() == [2] * 30
    assert people.group_by("cycle").agg(pl.col("stratum").n_unique()).sort("cycle").rows() == [
        ("2005-2006", 15),
        ("2007-2008", 15),
    ]


def test_the_same_seed_gives_the_same_people_and_another_seed_others(people: pl.DataFrame) -> None:
    assert open_simulated(seed=2005).people.equals(people)
    assert not open_simulated(seed=2006).people.equals(people)


@pytest.mark.parametrize("options", [{"seed": -1}, {"seed": 1.5}, {"n": 599}, {"n": True}, {"n": 20_000}])
def test_a_wrong_seed_or_number_is_told_with_an_example(options: dict[str, object]) -> None:
    with pytest.raises(DatasetError, match=r"For example: tk\.open_study\('simulated', (seed|n)="):
        open_simulated(**options)  # type: ignore[arg-type]


def test_every_missing_value_has_its_reason_and_no_other(people: pl.DataFrame) -> None:
    for name in open_simulated().codebook:
        if why(name) in people.columns:
            assert (people[name].is_null() == people[why(name)].is_not_null()).all(), name
        else:
            assert people[name].null_count() == 0, name
