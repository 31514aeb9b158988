"""Hold that an estimator's points and influence values become its covariance."""

import numpy as np
import polars as pl

import toolkit as tk
from toolkit.estimate.survey import Estimate, Sample, design_df, draw, estimate_with_covariance


def mean_age(sample: Sample) -> Estimate:
    age, counted = sample.numbers("age"), sample.complete()
    weights = np.where(counted, sample.weights, 0.0)
    mean = weights @ np.nan_to_num(age) / weights.sum()
    influence = weights * np.where(counted, age - mean, 0.0) / weights.sum()
    return Estimate(np.array([mean]), influence[:, None], counted)


def test_an_estimator_gets_the_covariance_that_the_mean_has():
    people = pl.DataFrame({"age": [30.0, 50.0, None, 41.0], "w": [1.0, 2.0, 1.0, 3.0], "psu": [1, 2, 3, 3]})
    study = tk.study(people, design=tk.Design(weight="w", psu="psu"))
    row = tk.mean(study, "age").row(0, named=True)
    found, matrix = estimate_with_covariance(draw(study, ["age"]), mean_age)
    np.testing.assert_allclose(found.points, [row["estimate"]], rtol=1e-12)
    np.testing.assert_allclose(np.sqrt(matrix), [[row["std_error"]]], rtol=1e-12)


def test_degrees_of_freedom_are_those_of_the_cells_marked():
    people = pl.DataFrame({"age": [30.0, 50.0, 41.0], "psu": [1, 2, 3]})
    sample = draw(tk.study(people.with_columns(w=1.0), design=tk.Design(weight="w", psu="psu")), ["age"])
    assert 2 == design_df(sample, np.array([True, True, True]))
    assert 1 == design_df(sample, np.array([True, True, False]))
