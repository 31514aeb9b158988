"""A variable in two roles, results of different rows and repeated columns each have one clear error."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.studies import Study

RNG = np.random.default_rng(16)
PEOPLE = pl.DataFrame(
    {
        "y": RNG.integers(0, 2, 240),
        "u": RNG.integers(0, 2, 240),
        "g": RNG.choice(["a", "b", "c"], 240),
        "x": RNG.normal(size=240),
        "t": RNG.exponential(size=240),
        "month": RNG.integers(1, 13, 240),
        "k": pl.Series(RNG.choice(["1", "2", "3"], 240), dtype=pl.Enum(["1", "2", "3"])),
    }
)


def opened(people: pl.DataFrame = PEOPLE) -> Study:
    return tk.study(people, design=tk.Design.none(), name="roles")


STUDY = opened()
TWICE = {
    "chi_square": lambda: tk.chi_square(STUDY, "y", "y"),
    "chi_square by": lambda: tk.chi_square(STUDY, "y", "u", by="y"),
    "t_test": lambda: tk.t_test(STUDY, "y", "y"),
    "t_test by": lambda: tk.t_test(STUDY, "x", "y", by="y"),
    "rank_test": lambda: tk.rank_test(STUDY, "y", "y"),
    "rank_test of an order": lambda: tk.rank_test(STUDY, "k", "k"),
    "rank_test by": lambda: tk.rank_test(STUDY, "x", "y", by="y"),
    "ratio by": lambda: tk.ratio(STUDY, "y", "t", by="y"),
    "quantile": lambda: tk.quantile(STUDY, "x", by="x"),
    "standardized": lambda: tk.prevalence(STUDY, outcome="y", standardise={"y": {"yes": 1, "no": 1}}),
    "association": lambda: tk.association(STUDY, outcome="y", exposure="y", adjust=()),
    "association by outcome": lambda: tk.association(STUDY, outcome="y", exposure="g", adjust=(), by="y"),
    "association by exposure": lambda: tk.association(STUDY, outcome="y", exposure="g", adjust=(), by="g"),
    "adjusted for exposure": lambda: tk.association(STUDY, outcome="y", exposure="g", adjust="g"),
    "adjusted twice": lambda: tk.association(STUDY, outcome="y", exposure="g", adjust=("x", "x")),
    "trend": lambda: tk.trend(STUDY, outcome="y", over="y"),
    "trend adjusted": lambda: tk.trend(STUDY, outcome="y", over="k", adjust="k"),
    "trend by": lambda: tk.trend(STUDY, outcome="y", over="k", by="k"),
    "cosinor": lambda: tk.cosinor(STUDY, outcome="month", time="month"),
    "curve": lambda: tk.curve(STUDY, outcome="y", exposure="x", adjust=(), by="y"),
    "interaction": lambda: tk.interaction(STUDY, outcome="y", exposures=("g", "u"), adjust=(), by="g"),
    "survival": lambda: tk.survival(STUDY, time="t", event="y", by="y"),
    "rate": lambda: tk.rate(STUDY, events="t", time="t"),
    "model by outcome": lambda: tk.model(STUDY, "y ~ g", by="y"),
    "model by covariate": lambda: tk.model(STUDY, "y ~ g + x", by="g"),
    "model offset": lambda: tk.model(STUDY, "t ~ x", "poisson", offset="t"),
    "flow": lambda: tk.flow(STUDY, outcome="y", exposure="y"),
    "precision": lambda: tk.precision(STUDY, outcome="y", exposure="y", adjust=()),
}


@pytest.mark.parametrize("estimator", TWICE)
def test_a_variable_has_one_role(estimator) -> None:
    with pytest.raises(tk.ToolkitError, match=r"'\w+'"):
        TWICE[estimator]()


def test_groups_of_the_outcome_itself_are_counted() -> None:
    assert [0.0, 1.0] == tk.prevalence(STUDY, outcome="y", by="y")["estimate"].to_list()
    assert [0.0, 1.0] == tk.mean(STUDY, "y", by="y")["estimate"].to_list()


def test_a_group_may_be_adjusted_for_within_another() -> None:
    found = tk.association(STUDY, outcome="y", exposure="u", adjust=("g", "x"), by="g")
    assert "failed" not in found["reliability"]


@pytest.mark.parametrize("covariance", [True, False])
def test_pooled_results_have_the_same_rows(covariance) -> None:
    without = PEOPLE.with_columns(pl.when(pl.col("g") == "c").then(pl.lit("b")).otherwise("g").alias("g"))
    renamed = PEOPLE.with_columns(pl.col("g").replace("c", "d"))
    with pytest.raises(tk.ToolkitError, match=mentioning("level 'c'", "study.derive")):
        tk.imputed([STUDY, opened(without)], tk.model, "y ~ g", covariance=covariance)
    with pytest.raises(tk.ToolkitError, match=mentioning("3 and 3 rows", "level 'c'")):
        tk.imputed([STUDY, opened(renamed)], tk.model, "y ~ g", covariance=covariance)
    with pytest.raises(tk.ToolkitError, match=mentioning("2 and 3 rows", "g 'c'")):
        tk.imputed([STUDY, opened(without)], tk.prevalence, outcome="y", by="g", covariance=covariance)


def test_what_cannot_be_pooled_says_which_result() -> None:
    rows, matrix = tk.model(STUDY, "y ~ g", covariance=True)
    for results, told in (
        ([(rows, matrix), (rows.head(2), matrix)], ("result 2", "2", "3")),
        ([(rows, matrix), (rows, np.eye(7))], ("result 2", "3 rows", "7 x 7")),
        ([(rows, matrix), (rows.drop("estimate"), matrix)], ("result 2", "'estimate'")),
        ([(rows.head(0), np.zeros((0, 0)))] * 2, ("result 1", "rows")),
        ([pl.DataFrame()] * 2, ("result 1", "column")),
        ([(rows, matrix), tk.model(STUDY, "y ~ x", by="g", covariance=True)], "other columns"),
    ):
        with pytest.raises(tk.ToolkitError, match=mentioning(told)):
            tk.pool(results)


def test_columns_of_a_design_stand_once() -> None:
    with pytest.raises(tk.DesignError, match=mentioning("'r0'", "2", "replicate_weights")):
        tk.Design(weight="w", replicate_weights=["r0", "r0", "r1"], replicate_method="JK1")
    with pytest.raises(tk.DesignError, match=mentioning("'r0'", "3", "replicate_weights")):
        tk.Design(weight={"a": "w"}, replicate_weights={"a": ["r0"] * 3}, replicate_method="BRR")
    with pytest.raises(tk.DesignError, match=mentioning("'village'", "2")):
        tk.Design(weight="w", psu=("village", "village"))
