import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowded, small
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.descriptive.totals import ratio, total

API = ["apisrs", "apistrat", "apiclus1", "apiclus2", "apinone"]
TOTALS = {**dict.fromkeys(API, "api00"), "mu284": "y1", "fpc": "x", "fpc_with": "x"}


@pytest.mark.parametrize("name", TOTALS)
def test_totals_equal_r(name, r_studies, expected):
    r = expected[f"{name}/total"]["result"]["stat"]
    result, covariance = total(r_studies[name], TOTALS[name], covariance=True)
    assert [r["name"]] == result["outcome"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])
    equal(r["vcov"], covariance.ravel())


@pytest.mark.parametrize("name", API)
def test_ratios_equal_r(name, r_studies, expected):
    r = expected[f"{name}/ratio"]["result"]
    result = ratio(r_studies[name], "api.stu", "enroll")
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])


def test_people_of_a_level_are_counted():
    result = total(small(), "cramps").row(0, named=True)
    # Cases weigh 2, 4, 7, 10, 12 and 15.
    assert ("total", 50.0, 6, 14, 2, "identity") == tuple(
        result[name] for name in ("estimand", "estimate", "n_cases", "n", "n_missing", "scale")
    )


def test_every_level_of_more_than_two_has_a_row():
    result = total(crowded(), "region", by="sex")
    assert ["north", "south", "west"] * 2 == result["level"].to_list()
    assert ["f"] * 3 + ["m"] * 3 == result["sex"].to_list()


def test_the_people_of_all_groups_are_the_population():
    study = crowded()
    people, matrix = total(study, "region", by="sex", covariance=True)
    assert study.people["w"].sum() == pytest.approx(people["estimate"].sum())
    assert (6, 6) == matrix.shape
    equal(np.sqrt(matrix.diagonal()), people["std_error"])


def test_a_total_is_the_size_of_the_population_times_the_mean():
    study = crowded()
    people = study.people.filter(pl.col("nights").is_not_null())["w"].sum()
    equal(people * tk.mean(study, "nights")["estimate"].item(), total(study, "nights")["estimate"])


def test_a_ratio_to_everyone_is_the_mean():
    study = crowded()
    row = ratio(study, "nights", "everyone").row(0, named=True)
    mean = tk.mean(study, "nights").row(0, named=True)
    for name in ("std_error", "conf_low", "conf_high", "df", "n", "n_missing"):
        assert mean[name] == pytest.approx(row[name], rel=1e-9)
    assert ("nights", "everyone") == (row["outcome"], row["exposure"])


def test_a_ratio_and_its_inverse_have_one_relative_error():
    study = crowded()
    one, other = (
        ratio(study, *pair).row(0, named=True) for pair in (("nights", "diary"), ("diary", "nights"))
    )
    assert 1 / other["estimate"] == pytest.approx(one["estimate"])
    assert other["std_error"] / other["estimate"] == pytest.approx(one["std_error"] / one["estimate"])


def test_few_people_are_not_to_be_shown():
    row = total(small(), "cramps").row(0, named=True)
    assert "suppress" == row["reliability"]
    assert mentions(row["reason"], 6, 10)
    assert ["ok"] * 2 == total(crowded(), "cramps", by="sex")["reliability"].to_list()


def test_a_group_without_persons_is_a_failed_row_without_covariance():
    study = small().derive("ages", pl.when(pl.col("age") < 40).then(pl.lit("young")), levels=["young", "old"])
    for estimated in (
        total(study, "age", by="ages", covariance=True),
        ratio(study, "age", "cramps", by="ages", covariance=True),
    ):
        result, matrix = estimated
        assert "failed" == result["reliability"][1]
        assert mentions(result["reason"][1], "old")
        assert np.isnan(matrix[1]).all()
        assert matrix[0, 0] > 0


def test_nothing_is_divided_by_nothing():
    row = ratio(small(none=[0.0] * 16), "age", "none").row(0, named=True)
    assert row["reliability"] == "failed"
    assert mentions(row["reason"], "'none'", 0)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: ratio(s, "mood", "age"), ("'mood'", "3", "tk.total(study, 'mood')")),
        (lambda s: total(s, ("age", "age")), ("'age'", "variable=('age',)")),
        (lambda s: total(s, "agee"), ("'agee'", "'age'")),
        (lambda s: total(s, "sex", by="age"), ("'age'", "study.cut('age')")),
    ],
)
def test_what_cannot_be_asked_says_what_to_call(call, told):
    with pytest.raises(tk.VariableError, match=mentioning(told)):
        call(small(mood=["a", "b", "c", "a"] * 4, age=[20.5 + k for k in range(16)]))


def test_a_variable_without_a_value_says_where_to_look():
    with pytest.raises(tk.EstimationError, match=mentioning("16", "'mood'", "study.missing('mood')")):
        total(small(mood=pl.Series([None] * 16, dtype=pl.Float64)), "mood", by="sex")
