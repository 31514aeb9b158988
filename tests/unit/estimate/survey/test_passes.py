"""Count the passes over the data that estimates make; how long they take is measured by make bench."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from toolkit.estimate.regression.formula import exposed_terms
from toolkit.estimate.survey import draw, estimator_covariance, index_participants, sampling_units

PEOPLE = pl.DataFrame(
    {
        "stratum": np.repeat([1, 2, 3], 40),
        "psu": np.tile(np.repeat([1, 2, 3, 4], 10), 3),
        "w": np.linspace(1, 3, 120),
        "cramps": np.tile([0, 1, 1, 0, 0], 24),
        "often": np.tile([0, 1, 0, 0, 0, 1, 0], 18)[:120],
        "sex": np.tile(["f", "m", "f"], 40),
        "age": np.linspace(20, 80, 120),
        "bmi": np.tile([22.0, 31.0, 27.0, 25.0], 30),
    }
)
ESTIMATES: dict[str, Callable[[tk.Study], Any]] = {
    "mean": lambda study: tk.mean(study, "age"),
    "mean by groups": lambda study: tk.mean(study, "age", by="sex"),
    "prevalence": lambda study: tk.prevalence(study, "cramps"),
    "total": lambda study: tk.total(study, "age"),
    "ratio": lambda study: tk.ratio(study, "bmi", "age"),
    "model": lambda study: tk.model(study, "cramps ~ sex + age"),
    "association": lambda study: tk.association(study, "cramps", "sex", adjust="age"),
}


@pytest.fixture
def study() -> tk.Study:
    return tk.study(PEOPLE, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="passes")


@contextmanager
def queries() -> Iterator[list[str]]:
    """List the queries that polars executes: what it does to a frame, and the collecting of a lazy one."""
    found: list[str] = []

    def note(_: Any, event: str, called: Any) -> None:
        if event == "c_call" and called.__name__ == "collect" and "PyLazyFrame" in repr(called):
            found.append(called.__name__)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)


@pytest.mark.parametrize("name", ESTIMATES)
def test_a_repeated_estimate_queries_no_frame(study, name):
    ESTIMATES[name](study)
    with queries() as found:
        ESTIMATES[name](study)
    assert [] == found


def test_the_first_estimate_reads_its_variables_in_one_query(study):
    tk.mean(study, "bmi")
    with queries() as found:
        tk.mean(study, ["age", "cramps"], by="sex")
    assert 1 == len(found)


def test_a_domain_takes_one_query(study):
    tk.mean(study, "age")
    with queries() as found:
        tk.mean(study, "age", domain="bmi > 24 and age < 70")
    assert 1 == len(found)


def test_without_a_domain_no_column_is_copied(study):
    sample = draw(study, ["age", "sex"])
    participants = index_participants(study, sample.weight)
    assert np.shares_memory(sample.numbers("age"), participants.arrays(sample.columns.values())["age"])
    assert np.shares_memory(sample.weights, participants.weights)
    assert np.shares_memory(sample.numbers("age"), study.people["age"].to_numpy())


def test_sampling_units_are_indexed_once_for_each_weight(study, monkeypatch):
    counted = count_calls(monkeypatch, sampling_units, "number_units")
    for estimate in ESTIMATES.values():
        estimate(study)
    assert 1 == len(counted)


def test_a_model_sums_its_influence_values_once(study, monkeypatch):
    counted = count_calls(monkeypatch, estimator_covariance, "sum_by_unit")
    tk.model(study, "cramps ~ sex + age + bmi", covariance=True)
    assert 1 == len(counted)


def test_an_atlas_builds_the_design_matrix_of_an_exposure_once_for_all_outcomes(study, monkeypatch):
    counted = count_calls(monkeypatch, exposed_terms, "main_effects")
    sets, domains = [(), ("age",)], ("age > 18", "age < 70")
    rows = tk.atlas(study, ["cramps", "often"], ["sex", "bmi"], adjust=sets, domain=domains)
    assert 2 * 2 * 2 * 2 == rows.height
    assert {"failed"}.isdisjoint(rows["reliability"])
    assert 2 * 2 * 2 == len(counted)


def test_an_atlas_draws_one_sample_for_each_domain(study, monkeypatch):
    counted = count_calls(monkeypatch, sys.modules["toolkit.estimate.associations.shared_samples"], "draw")
    tk.atlas(study, ["cramps", "often"], ["sex", "bmi"], adjust=[()], domain=("age > 18", "age < 70"))
    assert 2 == len(counted)


def count_calls(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[str]:
    """List the calls of a function of a module, which it still makes."""
    found: list[str] = []
    original = getattr(module, name)

    def note(*args: Any, **options: Any) -> Any:
        found.append(name)
        return original(*args, **options)

    monkeypatch.setattr(module, name, note)
    return found
