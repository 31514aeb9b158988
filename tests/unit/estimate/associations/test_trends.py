import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning
from tests.support.r_results import equal
from toolkit.estimate.associations.trends import trend

ESTIMANDS = {"prevalence_ratio": "poisson", "odds_ratio": "logit", "prevalence_difference": "gaussian"}


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_a_trend_over_levels_is_a_model_of_their_places(estimand):
    people = crowd().with_columns(
        place=pl.col("band").replace_strict({"20-39": 0.0, "40-59": 1.0, "60+": 2.0})
    )
    study = crowded(people)
    asked = {"outcome": "cramps", "over": "band", "adjust": "sex", "estimand": estimand}
    row = trend(study, **asked, df="model").row(0, named=True)  # as tk.model
    assert row["df"] + 2 == trend(study, **asked)["df"].item()
    model = tk.model(study, "cramps ~ place + sex", family=ESTIMANDS[estimand]).row(1, named=True)
    shown = np.exp if estimand.endswith("ratio") else float
    equal(shown(model["estimate"]), row["estimate"])
    for name in ("std_error", "p_value", "df", "n"):
        equal(model[name], row[name])
    assert ("linear", "per level", estimand, "sex", "band") == tuple(
        row[name] for name in ("level", "level_label", "estimand", "adjust", "exposure")
    )


def test_a_quadratic_trend_is_the_model_s_and_its_slope_is_midway():
    people = crowd().with_columns(
        place=pl.col("band").replace_strict({"20-39": 0.0, "40-59": 1.0, "60+": 2.0})
    )
    study = crowded(people)
    rows, matrix = trend(study, outcome="cramps", over="band", degree=2, covariance=True)
    model, own = tk.model(study, "cramps ~ place + I(place ** 2)", family="poisson", covariance=True)
    equal(np.exp(model["estimate"][2]), rows["estimate"][1])
    equal(model["std_error"][2], rows["std_error"][1])
    # The slope of b x + c x² at x = 1 is b + 2 c.
    slope = np.array([0, 1, 2])
    equal(slope @ model["estimate"].to_numpy(), np.log(rows["estimate"][0]))
    equal(np.sqrt(slope @ own @ slope), rows["std_error"][0])
    equal(rows["std_error"], np.sqrt(matrix.diagonal()))
    assert ["linear", "quadratic"] == rows["level"].to_list()


def test_cycles_are_followed_in_years():
    study = tk.open_study("simulated")
    row = trend(study, outcome="bmi", domain="age >= 20").row(0, named=True)
    means = tk.mean(study, "bmi", by="cycle", domain="age >= 20")
    # Two cycles lie two years apart, and the line goes through both means.
    equal((means["estimate"][1] - means["estimate"][0]) / 2, row["estimate"])
    assert ("mean_difference", "per year", "cycle") == tuple(
        row[n] for n in ("estimand", "level_label", "exposure")
    )


def test_scores_may_be_given():
    people = crowd().with_columns(cycle=pl.Series(["2017-2018", "2017-2020", "2021-2023"] * 300))
    study = crowded(people)
    scores = {"2017-2018": 2018.0, "2017-2020": 2018.6, "2021-2023": 2022.6}
    row = trend(study, outcome="age", scores=scores).row(0, named=True)
    year = crowded(people.with_columns(year=pl.col("cycle").replace_strict(scores)))
    equal(tk.model(year, "age ~ year", family="gaussian")["estimate"][1], row["estimate"])
    assert "per year" == row["level_label"]
    assert trend(study, outcome="age").row(0, named=True)["estimate"] != row["estimate"]


def test_a_number_is_followed_as_it_is():
    row = trend(crowded(), outcome="cramps", over="age").row(0, named=True)
    equal(tk.association(crowded(), outcome="cramps", exposure="age", adjust=())["estimate"], row["estimate"])


def test_groups_have_trends_that_can_be_compared():
    rows, matrix = trend(crowded(), outcome="cramps", over="band", by="sex", covariance=True)
    assert ["f", "m"] == rows["sex"].to_list()
    test = tk.contrast(rows, matrix, "heterogeneity").row(0, named=True)
    assert 0 <= test["p_value"] <= 1


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"degree": 3}, tk.EstimationError, "degree=1"),
        ({"estimand": "risk_ratio"}, tk.EstimationError, ("'risk_ratio'", "'odds_ratio'")),
        ({"estimand": "mean_difference"}, tk.EstimationError, "'prevalence_difference'"),
        ({"over": "everyone", "degree": 2}, tk.EstimationError, ("1", "degree=1")),
        ({"outcome": "region"}, tk.VariableError, ("'region'", "3", "tk.trend")),
        ({"scores": {"20-39": 1}}, tk.VariableError, ("'40-59'", "'60+'")),
        ({"over": "age", "scores": {"a": 1}}, tk.VariableError, ("'age'", "scores=")),
    ],
)  # fmt: skip
def test_what_has_no_trend_says_what_to_do(options, error, told):
    with pytest.raises(error, match=mentioning(told)):
        trend(
            crowded(),
            **{
                "outcome": "cramps",
                "over": "band",
                "estimand": None if "outcome" in options else "odds_ratio",
                **options,
            },
        )
