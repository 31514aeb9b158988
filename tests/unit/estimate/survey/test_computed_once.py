"""What is computed once for a study belongs to it alone, and is freed with it."""

import gc
import weakref

import polars as pl

import toolkit as tk


def one() -> tk.Study:
    frame = pl.DataFrame({"cramps": [0, 1, 1, 0] * 20, "age": [30.0, 40.0, 50.0, 61.0] * 20})
    return tk.study(frame, design=tk.Design.none(), name="one")


def test_a_copy_of_a_study_starts_empty():
    study = one()
    tk.prevalence(study, outcome="cramps", interval="wald")
    assert study.computed
    assert not study.derive("old", "age > 45").computed
    assert not one().computed


def test_what_was_computed_is_freed_with_the_study():
    study = one()
    tk.prevalence(study, outcome="cramps", interval="wald")
    tk.association(study, outcome="cramps", exposure="age", adjust=())
    gc.collect()
    gc.disable()
    try:
        gone = weakref.ref(study)
        del study
        # Without a collection: nothing that a study keeps refers back to it.
        assert gone() is None
    finally:
        gc.enable()


def test_a_column_read_for_one_study_is_not_that_of_another():
    few = tk.study(pl.DataFrame({"sex": ["f", "m"]}), design=tk.Design.none(), name="few")
    more = tk.study(pl.DataFrame({"sex": ["f", "m", "x"]}), design=tk.Design.none(), name="more")
    assert ["f", "m"] == tk.prevalence(few, outcome="sex", interval="wald")["level"].to_list()
    assert ["f", "m", "x"] == tk.prevalence(more, outcome="sex", interval="wald")["level"].to_list()
