import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded, small
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.hypotheses.group_comparisons import rank_test, t_test

TESTS = ["wilcoxon", "vanderWaerden", "median", "KruskalWallis"]


def test_a_t_test_equals_r(r_studies, expected):
    r = expected["nhanes/ttest"]["result"]
    row = t_test(r_studies["nhanes"], "age_mid", "RIAGENDR").row(0, named=True)
    equal(r["estimate"], row["estimate"])
    equal(r["statistic"], row["statistic"])
    equal(r["p"], row["p_value"])
    assert (r["df"], "2", "1") == (row["df"], row["level"], row["reference"])


@pytest.mark.parametrize("test", TESTS)
def test_rank_tests_equal_r(test, r_studies, expected):
    r = expected[f"nhanes/ranktest-{test}"]["result"]
    row = rank_test(r_studies["nhanes"], "nights", "RIAGENDR", test=test).row(0, named=True)
    equal(r["statistic"], row["statistic"])
    equal(r["p"], row["p_value"])
    assert r["df"] == row["df"]


def test_a_t_test_is_the_difference_of_two_means():
    study = crowded()
    row = t_test(study, "age", "cramps").row(0, named=True)
    means, matrix = tk.mean(study, "age", by="cramps", covariance=True)
    equal(means["estimate"][1] - means["estimate"][0], row["estimate"])
    equal(np.sqrt(np.array([-1, 1]) @ matrix @ np.array([-1, 1])), row["std_error"])
    assert ("mean_difference", "identity", "yes", "no") == tuple(
        row[name] for name in ("estimand", "scale", "level", "reference")
    )
    assert row["conf_low"] < row["estimate"] < row["conf_high"]


def test_groups_of_a_t_test_share_a_covariance():
    result, matrix = t_test(crowded(), "age", "cramps", by="region", covariance=True)
    assert ["north", "south", "west"] == result["region"].to_list()
    equal(result["std_error"], np.sqrt(matrix.diagonal()))


def test_an_order_reversed_turns_the_ranks_round():
    people = crowd().with_columns(pl.col("age") + pl.Series(np.random.default_rng(2).random(900)) / 100)
    one = rank_test(crowded(people), "age", "cramps").row(0, named=True)
    other = rank_test(crowded(people.with_columns(-pl.col("age"))), "age", "cramps").row(0, named=True)
    assert -one["statistic"] == pytest.approx(other["statistic"], rel=1e-9)


def test_ranks_do_not_care_for_the_scale():
    people = crowd()
    one = rank_test(crowded(people), "age", "region").row(0, named=True)
    other = rank_test(crowded(people.with_columns(pl.col("age").exp())), "age", "region").row(0, named=True)
    assert one["statistic"] == pytest.approx(other["statistic"], rel=1e-12)
    assert (2.0, None) == (one["df_numerator"], one["estimate"])


def test_more_groups_are_tested_together():
    people = crowd().with_columns(
        pl.when(pl.col("region") == "west").then(pl.col("age") + 15).otherwise("age")
    )
    row = rank_test(crowded(people), "age", "region").row(0, named=True)
    assert row["p_value"] < 0.01
    # 16 PSUs less 4 strata, less 2 for the groups.
    assert 10.0 == row["df"]


def test_the_levels_of_an_ordered_variable_have_ranks():
    often = pl.Enum(["never", "rarely", "often"])
    people = crowd().with_columns(
        often=(pl.col("nights").fill_null(0) // 2).clip(0, 2).cast(pl.UInt8).cat.to(often),
        place=(pl.col("nights").fill_null(0) // 2).clip(0, 2) * 10.0,
    )
    one, other = (
        rank_test(crowded(people), name, "cramps").row(0, named=True) for name in ("often", "place")
    )
    assert other["statistic"] == pytest.approx(one["statistic"], rel=1e-12)
    assert ("often", "rank_test", "Wilcoxon") == (one["outcome"], one["estimand"], one["level_label"])


def test_a_group_that_nobody_is_in_is_a_failed_row():
    people = crowd().with_columns(cramps=pl.col("cramps") * (pl.col("sex") == "f"))
    rows = rank_test(crowded(people), "age", "cramps", by="sex")
    assert ["ok", "failed"] == rows["reliability"].to_list()
    assert mentions(rows["reason"][1], "'cramps'")
    assert ["ok", "failed"] == t_test(crowded(people), "age", "cramps", by="sex")["reliability"].to_list()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: t_test(s, "age", "mood"), ("3", "tk.rank_test(study, 'age', 'mood'")),
        (lambda s: t_test(s, "age", "age2"), "'age2'"),
        (lambda s: t_test(s, "mood", "sex"), ("'mood'", "3 levels", "tk.chi_square")),
        (lambda s: rank_test(s, "age", "age2"), ("'age2'", "study.cut('age2')")),
    ],
)
def test_a_variable_in_the_wrong_role_says_what_to_call(call, told):
    with pytest.raises(tk.VariableError, match=mentioning(told)):
        call(small(mood=["a", "b", "c", "a"] * 4, age2=[20.5 + k for k in range(16)]))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: rank_test(s, "age", "sex", test="wilcox"), ("'wilcox'", "'wilcoxon'")),
        (lambda s: rank_test(s, "age", "sex", domain="sex == 'f'"), "'sex'"),
    ],
)
def test_what_cannot_be_tested_says_what_to_do(call, told):
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        call(small())
