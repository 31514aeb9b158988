import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded, small
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.descriptive.quantiles import quantile

API = ["apisrs", "apistrat", "apiclus1", "apiclus2", "apinone"]


@pytest.mark.parametrize("name", API)
@pytest.mark.parametrize("rule", ["math", "school", "hf7"])
def test_quantiles_equal_r(name, rule, r_studies, expected):
    r = expected[f"{name}/quantile-{rule}"]["result"]
    result, matrix = quantile(r_studies[name], "api00", (0.1, 0.25, 0.5, 0.9), rule, covariance=True)
    assert ["0.1", "0.25", "0.5", "0.9"] == result["level"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["low"], result["conf_low"])
    equal(r["high"], result["conf_high"])
    equal(r["se"], result["std_error"])
    equal(r["se"], np.sqrt(matrix.diagonal()))


@pytest.mark.parametrize(("rule", "median"), [("math", 21.0), ("school", 21.5), ("hf7", 21.5)])
def test_the_rules_differ_where_a_share_is_met_exactly(rule, median):
    people = pl.DataFrame({"age": [22.0, 20.0, 23.0, 21.0]})
    study = tk.study(people, design=tk.Design.none())
    assert [median] == quantile(study, "age", 0.5, rule)["estimate"].to_list()


def test_a_weight_counts_as_that_many_people():
    people = pl.DataFrame({"age": [20.0, 30.0, 40.0], "w": [1.0, 1.0, 3.0]})
    study = tk.study(people, design=tk.Design(weight="w"))
    assert [20.0, 30.0, 40.0] == quantile(study, "age", (0.2, 0.4, 0.41))["estimate"].to_list()


def test_below_the_first_share_lies_the_lowest_value():
    assert [20.0] == quantile(small(w=[1.0] * 16), "age", 0.01)["estimate"].to_list()


def test_an_end_beyond_the_data_is_open_and_said():
    row = quantile(crowded(), "age", 0.999).row(0, named=True)
    assert (None, None) == (row["conf_high"], row["std_error"])
    assert ("review", True) == (row["reliability"], mentions(row["reason"], "interval"))


def test_the_interval_is_that_of_the_people_below():
    study = crowded()
    row = quantile(study, "age", 0.5, interval="korn-graubard").row(0, named=True)
    below = study.derive("below", f"age <= {row['estimate']}")
    share = tk.prevalence(below, outcome="below").row(0, named=True)
    ends = [quantile(study, "age", share[end])["estimate"].item() for end in ("conf_low", "conf_high")]
    assert ends == [row["conf_low"], row["conf_high"]]


def test_groups_share_a_covariance():
    result, matrix = quantile(crowded(), "age", (0.25, 0.5), by="sex", covariance=True)
    assert [("f", "0.25"), ("f", "0.5"), ("m", "0.25"), ("m", "0.5")] == result.select("sex", "level").rows()
    equal(np.sqrt(matrix.diagonal()), result["std_error"])
    # People below one quartile of a group are mostly below its median too.
    assert matrix[0, 1] > 0.2 * np.sqrt(matrix[0, 0] * matrix[1, 1])


def test_people_without_a_value_are_counted():
    people = crowd()
    row = quantile(crowded(people), "nights", 0.5).row(0, named=True)
    lost = people["nights"].null_count()
    assert (people.height - lost, lost) == (row["n"], row["n_missing"])


def test_a_group_without_persons_is_a_failed_row():
    study = crowded().derive(
        "ages", pl.when(pl.col("age") < 90).then(pl.lit("young")), levels=["young", "old"]
    )
    result, matrix = quantile(study, "age", (0.25, 0.5), by="ages", covariance=True)
    assert all(mentions(reason, "old") for reason in result["reason"][2:])
    assert np.isnan(matrix[2:]).all()
    assert np.isfinite(matrix[:2, :2]).all()


def test_a_small_sample_is_not_to_be_shown():
    assert "suppress" == quantile(small(), "age", 0.5)["reliability"].item()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: quantile(s, "age", 0.5, "maths"), ("'maths'", "'math'", "hf7")),
        (lambda s: quantile(s, "age", 50), ("0", "1", "50.0", "probs=0.5")),
        (lambda s: quantile(s, "age", ()), "probs=(0.25, 0.5, 0.75)"),
        (lambda s: quantile(s, "age", interval="wold"), ("'wold'", "'wald'")),
        (lambda s: quantile(s, "age", confidence=95), "confidence=0.95"),
    ],
)
def test_what_cannot_be_asked_says_what_to_write(call, told):
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        call(small())


def test_levels_have_no_quantiles():
    with pytest.raises(tk.VariableError, match=mentioning("'sex'", "tk.prevalence(study, outcome='sex')")):
        quantile(small(), "sex")
