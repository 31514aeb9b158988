import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.survey import (
    Sample,
    blank_covariance,
    count_groups,
    divide_sample,
    draw,
    estimate_groups,
    heading,
    run_tests,
)


@pytest.fixture(scope="module")
def sample() -> Sample:
    people = pl.DataFrame(
        {
            "sex": ["male", "female", None, "female"],
            "old": [0, 1, 1, 1],
            "age": [30.0, 60.0, 70.0, 80.0],
            "level": ["a", "b", "a", "b"],
        }
    )
    return draw(tk.study(people, design=tk.Design.none(), name="groups"), ["sex", "old", "age", "level"])


def test_each_combination_of_levels_is_a_group_and_a_missing_level_in_none(sample) -> None:
    counted = {
        levels: int(sample.persons[cells].sum()) for levels, cells in divide_sample(sample, ("sex", "old"))
    }
    assert {("female", "no"): 0, ("female", "yes"): 2, ("male", "no"): 1, ("male", "yes"): 0} == counted


def test_without_variables_everyone_is_one_group(sample) -> None:
    ((levels, cells),) = divide_sample(sample, ())
    assert ((), 4) == (levels, int(cells.sum()))


def test_a_number_makes_no_groups(sample) -> None:
    with pytest.raises(VariableError, match=mentioning("'age'", "study.cut('age')")):
        list(divide_sample(sample, ("age",)))


@pytest.mark.parametrize("name", ["level", "weight", "true_value"])
def test_a_column_of_every_result_cannot_name_the_groups(name) -> None:
    frame = pl.DataFrame({"cramps": [0, 1, 1, 0], name: ["a", "b", "a", "b"]})
    mine = tk.study(frame, design=tk.Design.none(), name="four people")
    for call in (
        lambda: tk.prevalence(mine, "cramps", by=name),
        lambda: tk.describe(mine, ["cramps"], by=name),
    ):
        with pytest.raises(VariableError, match=mentioning(f"'{name}'", "study.derive")):
            call()


def test_each_group_has_its_estimate_and_the_covariance_of_all(sample) -> None:
    values = sample.numbers("age")
    members = count_groups(sample, ("sex",), ~np.isnan(values))
    assert [(("female",), 2, 1), (("male",), 1, 1)] == [(g.levels, g.n, g.missing) for g in members]

    def total(group, weights):
        own = values[group.cells]
        return float(weights @ own), weights * own

    points, variances, matrix = estimate_groups(sample, members, total)
    assert [[140.0], [30.0]] == points.tolist()
    assert matrix.diagonal().tolist() == variances.ravel().tolist()
    assert matrix[0, 1] == matrix[1, 0] < 0


def test_a_group_that_cannot_be_tested_is_a_failed_row_and_without_groups_an_error(sample) -> None:
    def start(group):
        return heading(group, sample.columns["age"], "age")

    def fail(group):
        if group.levels != ("female",):
            raise EstimationError("Nothing varies.")
        return {"statistic": 1.0, "reliability": "ok", "reason": None}

    known = sample.complete(["age"])
    tested, failed = run_tests(count_groups(sample, ("sex",), known), start, fail)
    assert (1.0, "ok") == (tested["statistic"], tested["reliability"])
    assert ("failed", "Nothing varies.") == (failed["reliability"], failed["reason"])
    with pytest.raises(EstimationError, match=mentioning("varies")):
        run_tests(count_groups(sample, (), known), start, fail)


def test_a_group_without_a_value_is_failed_before_it_is_tested(sample) -> None:
    def start(group):
        return heading(group, sample.columns["age"], "age")

    members = count_groups(sample, ("sex", "old"), sample.complete(["age"]))
    rows = run_tests(members, start, lambda group: {"reliability": "ok"})
    assert ["failed", "ok", "ok", "failed"] == [row["reliability"] for row in rows]
    assert mentions(rows[0]["reason"], "female, no")


def test_a_row_without_an_estimate_has_no_covariance() -> None:
    matrix = blank_covariance(np.eye(2), [False, True])
    assert 1.0 == matrix[0, 0]
    assert np.isnan([matrix[0, 1], matrix[1, 0], matrix[1, 1]]).all()
