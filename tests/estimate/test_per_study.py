"""Hold that what is kept for a study is its alone and goes with it."""

import gc

import polars as pl
from toolkit.estimate.per_study import PerStudy

import toolkit as tk


def one() -> tk.Study:
    return tk.study(pl.DataFrame({"cramps": [0, 1]}), design=tk.Design.none(), name="one")


def test_a_study_finds_what_was_kept_and_its_equal_does_not():
    kept: PerStudy[str, int] = PerStudy()
    study, twin = one(), one()
    kept.of(study)["people"] = 2
    assert {"people": 2} == kept.of(study)
    assert {} == kept.of(twin)


def test_what_was_kept_goes_with_the_study():
    kept: PerStudy[str, int] = PerStudy()
    study = one()
    kept.of(study)["people"] = 2
    assert 1 == len(kept._kept)
    del study
    gc.collect()
    assert {} == kept._kept


def test_a_column_read_for_one_study_is_not_that_of_another():
    few = tk.study(pl.DataFrame({"sex": ["f", "m"]}), design=tk.Design.none(), name="few")
    more = tk.study(pl.DataFrame({"sex": ["f", "m", "x"]}), design=tk.Design.none(), name="more")
    assert ["f", "m"] == tk.prevalence(few, outcome="sex", interval="wald")["level"].to_list()
    assert ["f", "m", "x"] == tk.prevalence(more, outcome="sex", interval="wald")["level"].to_list()
