"""Groups that leave no variance, no degrees of freedom or no weight in a replicate have a reason in words."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions

# Two PSUs a stratum that hold the same people, so that the sampling units of group "a" do not differ.
SAME = pl.DataFrame(
    {
        "s": [1, 1, 1, 1, 2, 2, 2, 2] * 2,
        "p": [1, 1, 2, 2] * 4,
        "x": ["u", "v"] * 8,
        "y": ["m", "n", "m", "n", "m", "n", "m", "n", "m", "n", "n", "m", "m", "n", "n", "n"],
        "h": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 4.0, 1.0, 3.0, 2.0, 2.0, 5.0],
        "g": ["a"] * 8 + ["b"] * 8,
    }
)
CLUSTERED = tk.Design(strata="s", psu="p", weight="w")


@pytest.mark.parametrize(
    "test",
    [
        lambda study, **how: tk.chi_square(study, "x", "y", **how),
        lambda study, **how: tk.chi_square(study, "x", "y", statistic="Wald", **how),
        lambda study, **how: tk.rank_test(study, "h", "x", **how),
    ],
)
def test_a_test_without_variance_fails_in_words_and_alone_in_its_group(test) -> None:
    study = tk.study(SAME.with_columns(w=pl.lit(1.0)), design=CLUSTERED)
    with pytest.raises(tk.EstimationError, match=mentioning("variance")):
        test(study, domain="g == 'a'")
    rows = test(study, by="g")
    assert ["failed", "review"] == rows["reliability"].to_list()
    assert mentions(rows["reason"][0], "variance")


def test_a_rank_test_of_more_groups_than_degrees_of_freedom_says_so() -> None:
    people = pl.DataFrame({"p": [1, 1, 2, 2, 3, 3], "x": list("abcabc"), "h": [1.0, 5, 2, 4, 3, 9]})
    study = tk.study(people.with_columns(w=pl.lit(1.0)), design=tk.Design(psu="p", weight="w"))
    with pytest.raises(tk.EstimationError, match=mentioning("3", "2")):
        tk.rank_test(study, "h", "x", test="KruskalWallis")


def test_a_replicate_without_a_group_leaves_no_standard_error_and_warns_of_nothing() -> None:
    rng, n = np.random.default_rng(3), 400
    people = pl.DataFrame(
        {
            "w": np.ones(n),
            "c": np.repeat(np.arange(20), n // 20),
            "t": rng.uniform(1, 5, n),
            "e": rng.integers(0, 2, n),
        }
    ).with_columns(g=pl.when(pl.col("c") < 1).then(pl.lit("a")).otherwise(pl.lit("b")))
    study = tk.replicates(tk.study(people, design=tk.Design(weight="w", psu="c")), method="JK1")
    for rows in (tk.ratio(study, "e", "t", by="g"), tk.survival(study, time="t", event="e", by="g")):
        lone = rows.filter(g="a")
        assert lone["std_error"].null_count() == lone.height
        assert "ok" not in lone["reliability"]
    assert tk.ratio(study, "e", "t", by="g").filter(g="b")["std_error"].item() > 0


def test_the_likelihood_interval_of_a_share_with_a_large_error_is_within_0_and_1() -> None:
    people = pl.DataFrame({"p": [1] * 40 + [2] * 41, "y": [0] * 40 + [1] * 41, "w": [1.0] * 81})
    study = tk.study(people, design=tk.Design(psu="p", weight="w"))
    row = tk.prevalence(study, outcome="y", interval="likelihood").row(0, named=True)
    assert 0 <= row["conf_low"] < row["estimate"] < row["conf_high"] <= 1


def test_a_name_with_blanks_stands_in_backticks_in_the_call_of_firth() -> None:
    people = pl.DataFrame({"y": [0] * 20 + [0, 1] * 10, "sex at birth": ["m"] * 20 + ["f"] * 20})
    study = tk.study(people, design=tk.Design.none())
    with pytest.raises(tk.EstimationError, match=mentioning("'y ~ `sex at birth`'", "family='firth'")):
        tk.association(study, outcome="y", exposure="sex at birth", adjust=())
    tk.model(study, "y ~ `sex at birth`", family="firth", exponentiate=True)


def test_no_difference_is_detectable_where_the_sampling_units_do_not_differ() -> None:
    study = tk.study(
        SAME.filter(pl.col("g") == "a")
        .with_columns(w=pl.lit(1.0), d=pl.col("h").eq(2).cast(pl.Int64))
        .with_columns(x=pl.Series(["u", "u", "u", "u", "v", "v", "v", "v"])),
        design=CLUSTERED,
    )
    rows = tk.precision(study, outcome="d", exposure="x", adjust=()).filter(pl.col("exposure") == "x")
    assert ["failed", "failed"] == rows["reliability"].to_list()
    assert [None, None] == rows["estimate"].to_list()
    assert all(mentions(reason, "differ") for reason in rows["reason"])


def test_a_table_of_a_variable_that_is_the_other_is_refused_in_words() -> None:
    study = tk.study(pl.DataFrame({"a": list("xyz") * 4, "b": list("xyz") * 4}), design=tk.Design.none())
    with pytest.raises(tk.EstimationError, match=mentioning("variance")):
        tk.chi_square(study, "a", "b")
