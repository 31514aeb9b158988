from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.errors import DesignError
from toolkit.estimate.survey import draw
from toolkit.estimate.survey.variance.design_variance import (
    Stage,
    Units,
    covariance_of_totals,
    degrees_of_freedom,
    sum_by_unit,
)
from toolkit.sources.registry import study
from toolkit.studies import Design

MEANS = {
    "apisrs": ["api00", "enroll"],
    "apistrat": ["api00", "enroll"],
    "apiclus1": ["api00", "enroll"],
    "apiclus2": ["api00", "enroll"],
    "apinone": ["api00", "enroll"],
    "mu284": ["y1"],
    "fpc": ["x"],
    "fpc_with": ["x"],
}


WITH_REPLACEMENT = np.full(4, np.inf)
PAIRS = Units((Stage(np.array([0, 0, 1, 1]), WITH_REPLACEMENT),), strata=2)
LONELY = Units((Stage(np.array([0, 0, 1]), np.full(3, np.inf)),), strata=2)
TWO_STAGES = Units(
    (
        Stage(np.array([0, 0]), np.array([10.0, 10.0])),
        Stage(np.array([0, 0, 1, 1]), np.array([4.0, 4.0, 6.0, 6.0])),
    ),
    strata=1,
)


def covariance(influence, unit, units):
    used = np.bincount(unit, minlength=len(units)) > 0
    return covariance_of_totals(sum_by_unit(influence, unit, units), used, units)


def mean_and_covariance(sample, names):
    there = sample.complete()
    values = np.column_stack([sample.numbers(v)[there] for v in names])
    weights = sample.weights[there]
    mean = weights @ values / weights.sum()
    influence = (values - mean) * weights[:, None] / weights.sum()
    return mean, covariance(influence, sample.unit[there], sample.units)


@pytest.mark.parametrize("name", MEANS)
def test_covariance_of_means_equals_r(name, r_studies, expected):
    r = expected[f"{name}/mean"]["result"]
    sample = draw(r_studies[name], MEANS[name])
    mean, v = mean_and_covariance(sample, MEANS[name])
    np.testing.assert_allclose(mean, r["stat"]["estimate"], rtol=1e-9)
    np.testing.assert_allclose(v.ravel(), r["stat"]["vcov"], rtol=1e-9)
    assert r["df"] == degrees_of_freedom(sample.unit, sample.units)


@pytest.mark.parametrize("how", ["certainty", "adjust", "average", "remove"])
def test_a_lonely_psu_counts_as_in_r(how, r_studies, expected):
    r = expected[f"nhanes/lonely-{how}"]["result"]
    whole = r_studies["nhanes"]
    people = whole.people.filter(~((pl.col("SDMVSTRA") == 83) & (pl.col("SDMVPSU") == 2)))
    sample = draw(study(people, design=replace(whole.design, lonely_psu=how)), ["HI_CHOL"])
    mean, v = mean_and_covariance(sample, ["HI_CHOL"])
    np.testing.assert_allclose(mean, r["mean"]["estimate"], rtol=1e-9)
    np.testing.assert_allclose(v.item(), r["mean"]["vcov"], rtol=1e-9)
    assert r["df"] == degrees_of_freedom(sample.unit, sample.units)


def test_strata_add_the_spread_of_their_psus():
    influence = np.array([[1.0], [3.0], [5.0], [6.0]])
    # Two PSUs: n / (n - 1) times the squared deviations from their mean is the squared difference.
    assert covariance(influence, np.arange(4), PAIRS).item() == pytest.approx((3 - 1) ** 2 + (6 - 5) ** 2)


def test_cells_of_one_psu_are_summed():
    influence, unit = np.array([[1.0], [2.0], [5.0], [0.0], [0.0]]), np.array([0, 0, 1, 2, 3])
    assert covariance(influence, unit, PAIRS).item() == pytest.approx((1 + 2 - 5) ** 2)


def test_a_psu_without_a_cell_counts_as_zero():
    assert covariance(np.array([[3.0]]), np.array([0]), PAIRS).item() == pytest.approx(3.0**2)


def test_two_stages_with_finite_populations_by_hand():
    influence = np.array([[1.0], [2.0], [4.0], [8.0]])
    first = (1 - 2 / 10) * (3 - 12) ** 2
    second = 2 / 10 * ((1 - 2 / 4) * (1 - 2) ** 2 + (1 - 2 / 6) * (4 - 8) ** 2)
    assert covariance(influence, np.arange(4), TWO_STAGES).item() == pytest.approx(first + second)


def test_a_later_stage_without_a_population_was_drawn_with_replacement():
    people = pl.DataFrame(
        {"psu": [1, 1, 2, 2], "person": [1, 2, 3, 4], "size": 10, "w": 1.0, "x": [1.0, 2.0, 4.0, 8.0]}
    )
    design = Design(weight="w", psu=("psu", "person"), fpc="size")
    units = draw(study(people, design=design), ["x"]).units
    influence = np.array([[1.0], [2.0], [4.0], [8.0]])
    first = (1 - 2 / 10) * (3 - 12) ** 2
    second = 2 / 10 * ((1 - 2) ** 2 + (4 - 8) ** 2)
    assert covariance(influence, np.arange(4), units).item() == pytest.approx(first + second)


def test_without_a_population_later_stages_do_not_enter():
    people = pl.DataFrame({"psu": [1, 1, 2, 2], "person": [1, 2, 3, 4], "w": 1.0, "x": [0, 1, 0, 1]})
    sample = draw(study(people, design=Design(weight="w", psu=("psu", "person"))), ["x"])
    assert len(sample.units.stages) == 1


def test_degrees_of_freedom_are_those_of_the_cells():
    assert degrees_of_freedom(np.arange(4), PAIRS) == 2
    assert degrees_of_freedom(np.array([0, 1, 1]), PAIRS) == 1
    assert degrees_of_freedom(np.array([0, 2]), PAIRS) == 0
    assert degrees_of_freedom(np.arange(4), TWO_STAGES) == 1


def test_a_lonely_psu_fails_only_where_it_counts():
    influence = np.array([[1.0], [3.0]])
    assert covariance(influence, np.array([0, 1]), LONELY).item() == pytest.approx(4.0)
    with pytest.raises(DesignError, match=mentioning("1", "PSU", "lonely_psu='adjust'")):
        covariance(influence, np.array([0, 2]), LONELY)


def test_several_lonely_strata_are_counted():
    units = Units((Stage(np.array([0, 1]), np.full(2, np.inf)),), strata=2)
    with pytest.raises(DesignError, match=mentioning("2", "PSU")):
        covariance(np.ones((2, 1)), np.arange(2), units)
    with pytest.raises(DesignError, match=mentioning("PSU", "'adjust'")):
        covariance(np.ones((2, 1)), np.arange(2), replace(units, lonely_psu="average"))


def test_a_lonely_unit_of_a_later_stage_is_named():
    stages = (TWO_STAGES.stages[0], Stage(np.array([0, 1, 1]), np.array([4.0, 6.0, 6.0])))
    with pytest.raises(DesignError, match=mentioning("1", "stage 2")):
        covariance(np.ones((3, 1)), np.arange(3), Units(stages, strata=1))


def test_a_lonely_psu_that_is_the_whole_stratum_is_a_census():
    units = Units((Stage(np.array([0, 0, 1]), np.array([np.inf, np.inf, 1.0])),), strata=2)
    assert covariance(np.array([[1.0], [3.0], [9.0]]), np.arange(3), units).item() == pytest.approx(4.0)


@pytest.mark.parametrize("how", ["certainty", "adjust", "average", "remove"])
def test_means_and_models_over_a_lonely_psu_equal_r(how, r_studies, expected):
    r = expected[f"nhanes/lonely-{how}"]["result"]
    whole = r_studies["nhanes"]
    people = whole.people.filter(~((pl.col("SDMVSTRA") == 83) & (pl.col("SDMVPSU") == 2)))
    lonely = study(people, design=replace(whole.design, lonely_psu=how))
    found, matrix = tk.mean(lonely, "HI_CHOL", covariance=True)
    fitted, between = tk.model(lonely, "HI_CHOL ~ age_mid", covariance=True)
    for theirs, frame, own in ((r["mean"], found, matrix), (r["glm"], fitted, between)):
        np.testing.assert_allclose(frame["estimate"], np.ravel(theirs["estimate"]), rtol=1e-9)
        np.testing.assert_allclose(frame["std_error"], np.ravel(theirs["se"]), rtol=1e-9)
        np.testing.assert_allclose(own.ravel(), np.ravel(theirs["vcov"]), rtol=1e-9)
    assert r["df"] == found["df"].item()
