"""Matched nights: the exact conditional likelihood, strata by time, lags and their curve."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentions
from toolkit.estimate.regression import fit_conditional, informative


def strata(seed: int = 2, count: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(count), rng.integers(2, 7, count))
    X = rng.normal(size=(len(of), 2))
    case = rng.random(len(of)) < 1 / (1 + np.exp(0.4 - X @ [0.8, -0.5]))
    kept = informative(case, of)
    return X[kept], case[kept], of[kept]


def likelihood(beta: np.ndarray, X: np.ndarray, case: np.ndarray, of: np.ndarray) -> float:
    """By every way to choose the cases."""
    total = 0.0
    for stratum in np.unique(of):
        eta, own = X[of == stratum] @ beta, case[of == stratum]
        ways = [np.exp(eta[list(chosen)].sum()) for chosen in combinations(range(len(own)), int(own.sum()))]
        total += eta[own].sum() - np.log(sum(ways))
    return total


def test_it_maximises_the_exact_likelihood() -> None:
    X, case, of = strata()
    found = fit_conditional(X, case, of, np.ones(len(of)))
    top = likelihood(found.points, X, case, of)
    h, curved = 1e-4, np.zeros((2, 2))
    for a in range(2):
        for b in range(2):
            steps = np.eye(2)[a] * h, np.eye(2)[b] * h
            corners = [
                likelihood(found.points + s * steps[0] + t * steps[1], X, case, of) * s * t
                for s in (1, -1)
                for t in (1, -1)
            ]
            curved[a, b] = -sum(corners) / (4 * h * h)
        for sign in (1, -1):
            assert likelihood(found.points + sign * steps[0], X, case, of) < top
    np.testing.assert_allclose(found.bread, np.linalg.inv(curved), rtol=1e-4)


def test_one_case_a_stratum_is_what_statsmodels_gives() -> None:
    from statsmodels.discrete.conditional_models import ConditionalLogit

    X, case, of = strata()
    peer = ConditionalLogit(case.astype(float), X, groups=of).fit(disp=0)
    np.testing.assert_allclose(fit_conditional(X, case, of, np.ones(len(of))).points, peer.params, rtol=1e-4)


def test_weights_count_strata_and_influence_values_predict_their_change() -> None:
    X, case, of = strata()
    weight = np.array([1.0, 2.0, 3.0])[of % 3]
    found = fit_conditional(X, case, of, weight)
    moved = np.where(of == of[0], weight * (1 + 1e-6), weight)
    step = (fit_conditional(X, case, of, moved).points - found.points) / 1e-6
    np.testing.assert_allclose(step, found.influence[of == of[0]].sum(axis=0), rtol=1e-4)
    doubled = [np.concatenate([x, x]) for x in (X, case)]
    twice = fit_conditional(*doubled, np.concatenate([of, of + 1000]), np.ones(2 * len(of)))
    np.testing.assert_allclose(
        twice.points, fit_conditional(X, case, of, np.ones(len(of))).points, rtol=1e-10
    )


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


ASKED = {"exposures": "heat_index", "lags": (0, 2), "per": 10, "stratum": "month"}


def test_lags_stand_in_one_model_and_have_a_row_each(cohort) -> None:
    rows = tk.case_crossover(cohort, **ASKED)
    assert ["lag 0", "lag 2"] == rows["level"].to_list()
    assert {"odds_ratio"} == set(rows["estimand"])
    assert {"person, month"} == set(rows["adjust"])
    one = tk.case_crossover(cohort, **{**ASKED, "per": 1})
    np.testing.assert_allclose(rows["estimate"], one["estimate"] ** 10, rtol=1e-9)
    assert mentions(rows["exposure_label"][1], "2")


def test_lags_without_columns_come_from_the_diary_itself(cohort) -> None:
    diary = cohort.diary
    bare = replace(cohort, diary=diary.select("person", "date", "cramp", heat_index="heat_index_lag0"))
    ours = tk.case_crossover(bare, **ASKED)
    theirs = tk.case_crossover(cohort, **ASKED)
    # The first nights of a diary have no days before them in it.
    assert ours["n_missing"][0] > theirs["n_missing"][0]
    night = diary.filter(pl.col("date").rank().over("person") > 2)
    whole = tk.case_crossover(replace(cohort, diary=night), **ASKED)
    assert abs(np.log(ours["estimate"][1] / whole["estimate"][1])) < 0.2


def test_nights_are_those_of_strata_that_can_be_compared(cohort) -> None:
    row = tk.case_crossover(cohort, exposures="heat_index", stratum="month").row(0, named=True)
    nights = cohort.diary.drop_nulls(["cramp", "heat_index_lag0"])
    keyed = nights.with_columns(month=pl.col("date").dt.strftime("%Y-%m"), y=pl.col("cramp") == "yes")
    telling = keyed.filter(
        pl.col("y").any().over("person", "month") & ~pl.col("y").all().over("person", "month")
    )
    assert (telling.height, int(telling["y"].sum())) == (row["n"], row["n_cases"])
    assert cohort.diary.height - nights.height == row["n_missing"]


def test_by_fits_each_group_alone(cohort) -> None:
    within = tk.case_crossover(cohort, **ASKED, by="sex").filter(sex="male")
    alone = tk.case_crossover(cohort, **ASKED, domain="sex == 'male'")
    for column in ("estimate", "std_error", "n"):
        np.testing.assert_allclose(within[column], alone[column], rtol=1e-9)


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"stratum": "year"}, "'weekday of the month'"),
        ({"lags": (-1,)}, "lags=(0, 1, 2)"),
        ({"per": 0}, "per=10"),
        ({"exposures": "heat"}, ("'heat'", "'heat_wave'")),
        ({"exposures": "sex", "lags": 0, "per": 1}, ("'sex'", "stratum='month'")),
        ({"domain": "age > 70 and age < 20"}, ("'age > 70 and age < 20'", "3,038")),
    ],
)
def test_what_cannot_be_compared_says_what_can(changed, remedy, cohort) -> None:
    with pytest.raises(tk.ToolkitError) as caught:
        tk.case_crossover(cohort, **{**ASKED, **changed})
    assert mentions(caught.value, remedy)


def test_free_lags_are_those_of_one_model(cohort) -> None:
    free = tk.lag_curve(cohort, exposure="heat_index", lags=3, shape="free", per=10, stratum="month")
    model, covariance = tk.case_crossover(
        cohort, exposures="heat_index", lags=(0, 1, 2, 3), per=10, stratum="month", covariance=True
    )
    np.testing.assert_allclose(free["estimate"][:4], model["estimate"], rtol=1e-8)
    np.testing.assert_allclose(free["std_error"][:4], model["std_error"], rtol=1e-7)
    last = free.row(-1, named=True)
    assert np.prod(model["estimate"].to_numpy()) == pytest.approx(last["estimate"], rel=1e-8)
    assert np.sqrt(covariance.sum()) == pytest.approx(last["std_error"], rel=1e-7)
    assert "cumulative" == last["level"]


@pytest.mark.parametrize(("shape", "df"), [("polynomial", 4), ("spline", 4)])
def test_a_curve_with_as_many_parameters_as_lags_is_free(shape, df, cohort) -> None:
    asked = {"exposure": "heat_index", "lags": 3, "per": 10, "stratum": "month"}
    free = tk.lag_curve(cohort, **asked, shape="free")
    found = tk.lag_curve(cohort, **asked, shape=shape, df=df)
    np.testing.assert_allclose(found["estimate"], free["estimate"], rtol=1e-7)


def test_a_polynomial_of_one_parameter_has_one_ratio_for_all_lags(cohort) -> None:
    rows = tk.lag_curve(
        cohort, exposure="heat_index", lags=3, shape="polynomial", df=1, per=10, stratum="month"
    )
    np.testing.assert_allclose(rows["estimate"][:4], rows["estimate"][0], rtol=1e-10)
    assert rows["estimate"][0] ** 4 == pytest.approx(rows["estimate"][4], rel=1e-9)


def test_an_exposure_may_bend_too(cohort) -> None:
    asked = {"exposure": "heat_index", "lags": 2, "df": 3, "stratum": "month", "knots": (30, 60, 90)}
    rows = tk.lag_curve(cohort, **asked, value=95, reference=60)
    back = tk.lag_curve(cohort, **asked, value=60, reference=95)
    np.testing.assert_allclose(rows["estimate"] * back["estimate"], 1, rtol=1e-9)
    assert {"60 °F"} == set(rows["reference"])


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({"shape": "linear"}, ("'linear'", "spline, polynomial, free")),
        ({"df": 2}, ("shape='polynomial'", "df=1", "2")),
        ({"value": 90}, "knots=3"),
        ({"exposure": "heat_wave"}, "tk.case_crossover(study, exposures='heat_wave'"),
    ],
)
def test_what_is_no_lag_curve_says_what_to_ask(changed, remedy, cohort) -> None:
    with pytest.raises(tk.ToolkitError) as caught:
        tk.lag_curve(cohort, **{"exposure": "heat_index", "lags": 4, "stratum": "month", **changed})
    assert mentions(caught.value, remedy)
