"""What is computed once for a study belongs to it alone, and is freed with it."""

import gc
import weakref

import polars as pl
import pytest

import toolkit as tk
from toolkit.estimate.survey import sampling_units


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


def kept_arrays(study):
    (participants,) = [x for x in study.computed.values() if isinstance(x, sampling_units.Participants)]
    return participants._arrays


def test_values_that_are_kept_are_read_only():
    study = one()
    tk.mean(study, "age")
    (values,) = kept_arrays(study).values()
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1.0


def test_values_beyond_a_size_are_dropped_and_read_again(monkeypatch):
    study = one()
    expected = [tk.mean(study, name)["estimate"].item() for name in ("age", "cramps", "age")]
    assert 2 == len(kept_arrays(study))
    monkeypatch.setattr(sampling_units, "_MOST_BYTES", 800)
    study = one()
    assert expected == [tk.mean(study, name)["estimate"].item() for name in ("age", "cramps", "age")]
    assert 1 == len(kept_arrays(study))
