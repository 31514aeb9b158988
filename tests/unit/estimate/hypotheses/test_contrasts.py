import numpy as np
import polars as pl
import pytest
from scipy.stats import f as f_distribution

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning, mentions
from tests.support.r_results import equal
from toolkit.estimate.hypotheses.contrasts import contrast


@pytest.fixture(scope="module")
def by_band():
    return tk.prevalence(crowded(), outcome="cramps", by="band", covariance=True)


def test_each_group_is_compared_with_the_first(by_band):
    rows, matrix = by_band
    result, own = contrast(rows, matrix, "first", with_covariance=True)
    assert [("40-59", "20-39"), ("60+", "20-39")] == result.select("level", "reference").rows()
    assert {"prevalence_difference"} == set(result["estimand"])
    equal(rows["estimate"].to_numpy()[1:] - rows["estimate"][0], result["estimate"])
    equal(matrix[1, 1] + matrix[0, 0] - 2 * matrix[0, 1], result["std_error"][0] ** 2)
    equal(result["std_error"], np.sqrt(own.diagonal()))
    equal(matrix[1, 2] - matrix[0, 1] - matrix[0, 2] + matrix[0, 0], own[0, 1])


def test_a_difference_of_two_groups_is_the_model_s(by_band):
    study = crowded()
    rows, matrix = tk.prevalence(study, outcome="cramps", by="sex", covariance=True)
    ours = contrast(rows, matrix, [-1, 1]).row(0, named=True)
    model = tk.association(
        study, outcome="cramps", exposure="sex", adjust=(), estimand="prevalence_difference"
    )
    equal(model["estimate"], ours["estimate"])
    equal(model["std_error"], ours["std_error"])
    ratio = contrast(rows, matrix, [-1, 1], ratio=True).row(0, named=True)
    model = tk.association(study, outcome="cramps", exposure="sex", adjust=())
    equal(model["estimate"], ratio["estimate"])
    equal(model["std_error"], ratio["std_error"])
    assert ("prevalence_ratio", "log", "m", "f", "sex") == tuple(
        ratio[name] for name in ("estimand", "scale", "level", "reference", "exposure")
    )


def test_pairs_are_all_of_them(by_band):
    result = contrast(*by_band, "pairs")
    pairs = [("40-59", "20-39"), ("60+", "20-39"), ("60+", "40-59")]
    assert pairs == result.select("level", "reference").rows()


def test_weights_of_ones_own_have_names(by_band):
    rows, matrix = by_band
    result = contrast(rows, matrix, {"middle": [-0.5, 1, -0.5], "mean": [1 / 3] * 3})
    assert ["middle", "mean"] == result["level"].to_list()
    # Weights that sum to 0 compare, weights that sum to 1 average.
    assert ["prevalence_difference", "prevalence"] == result["estimand"].to_list()
    equal(rows["estimate"].mean(), result["estimate"][1])
    equal(matrix.sum() / 9, result["std_error"][1] ** 2)
    assert (
        "40-59 -0.5 × 20-39 -0.5 × 60+"
        == contrast(rows[[1, 0, 2]], matrix[np.ix_([1, 0, 2], [1, 0, 2])], [1, -0.5, -0.5])["level"].item()
    )


def test_heterogeneity_is_wald_s_f(by_band):
    rows, matrix = by_band
    row = contrast(rows, matrix, "heterogeneity").row(0, named=True)
    own = np.array([[-1, 1, 0], [-1, 0, 1]])
    points = own @ rows["estimate"].to_numpy()
    f = points @ np.linalg.inv(own @ matrix @ own.T) @ points / 2
    equal(f, row["statistic"])
    equal(f_distribution.sf(f, 2, rows["df"].min()), row["p_value"])
    assert ("heterogeneity", "band", 2.0, 900) == tuple(
        row[name] for name in ("estimand", "exposure", "df_numerator", "n")
    )


def test_of_two_groups_heterogeneity_is_their_contrast_squared():
    rows, matrix = tk.association(
        crowded(), outcome="cramps", exposure="region", adjust=(), by="sex", covariance=True
    )
    pairs, tests = contrast(rows, matrix, "first"), contrast(rows, matrix, "heterogeneity")
    # Rows of one level of the exposure are of one kind.
    assert (2, 2) == (pairs.height, tests.height)
    equal(pairs["statistic"] ** 2, tests["statistic"])
    equal(pairs["p_value"], tests["p_value"])
    assert "cramps, prevalence ratio by region (south vs north)" == pairs["outcome_label"][0]
    assert {"ratio_of_ratios"} == set(pairs["estimand"])


def test_cycles_are_compared_on_the_pooled_design():
    study = tk.open_study("simulated")
    rows, matrix = tk.prevalence(study, outcome="any_cramps", by="cycle", domain="age >= 20", covariance=True)
    row = contrast(rows, matrix).row(0, named=True)
    # Cycles have strata of their own, hence no covariance.
    equal((rows["std_error"] ** 2).sum(), row["std_error"] ** 2)
    assert ("2007-2008", "2005-2006", "cycle") == (row["level"], row["reference"], row["exposure"])


def test_rows_without_groups_are_told_apart_by_their_levels():
    rows, matrix = tk.association(crowded(), outcome="cramps", exposure="band", adjust=(), covariance=True)
    row = contrast(rows, matrix).row(0, named=True)
    assert ("60+", "40-59", "band") == (row["level"], row["reference"], row["exposure"])
    turned = crowded(crowd().with_columns(band=pl.col("band").cast(pl.Enum(["40-59", "20-39", "60+"]))))
    direct = tk.association(turned, outcome="cramps", exposure="band", adjust=())
    equal(direct["estimate"][1], row["estimate"])
    equal(direct["std_error"][1], row["std_error"])


def test_what_is_taken_from_a_failed_row_is_failed():
    people = crowd().with_columns(cramps=pl.when(pl.col("band") != "60+").then("cramps"))
    rows, matrix = tk.prevalence(crowded(people), outcome="cramps", by="band", covariance=True)
    result = contrast(rows, matrix)
    assert ["ok", "failed"] == result["reliability"].to_list()
    assert mentions(result["reason"][1], "'cramps'")
    test = contrast(rows, matrix, "heterogeneity").row(0, named=True)
    assert ("review", 1.0) == (test["reliability"], test["df_numerator"])
    assert mentions(test["reason"], "1 of 3")


def test_a_contrast_is_no_more_reliable_than_its_rows(by_band):
    rows, matrix = by_band
    flagged = rows.with_columns(
        pl.Series("reliability", ["ok", "suppress", "review"]),
        pl.Series("reason", [None, "too few", "few PSUs"]),
    )
    result = contrast(flagged, matrix)
    assert [("suppress", "too few"), ("review", "few PSUs")] == result.select("reliability", "reason").rows()


def test_degrees_of_freedom_may_be_given(by_band):
    row = contrast(*by_band, [-1, 1, 0], df=4).row(0, named=True)
    assert 4.0 == row["df"]
    assert row["conf_high"] - row["estimate"] == pytest.approx(2.776445 * row["std_error"], rel=1e-6)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda r, m: contrast(r, m, "frist"), ("'frist'", "'first'", "pairs")),
        (lambda r, m: contrast(r, m, [1, -1]), ("3", "2", "20-39", "40-59", "60")),
        (lambda r, m: contrast(r, m[:2, :2]), ("3", "2", "tk.prevalence")),
        (lambda r, m: contrast(r, 2 * m), ("covariance matrix", "standard errors", "tk.contrast(")),
        (lambda r, m: contrast(r[:1], m[:1, :1]), ("1", "by='sex'")),
        (lambda r, m: contrast(r.with_columns(-pl.col("estimate")), m, ratio=True), ("0", "ratio=")),
        (lambda r, m: contrast(r, m, confidence=95), "confidence=0.95"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_what_to_do(call, told, by_band):
    with pytest.raises(tk.EstimationError, match=mentioning(told)):
        call(*by_band)


def test_ratios_and_differences_are_not_mixed(by_band):
    rows, matrix = by_band
    mixed = rows.with_columns(pl.Series("scale", ["log", "identity", "identity"]))
    with pytest.raises(tk.EstimationError, match=mentioning("ratios", "contrast")):
        contrast(mixed, matrix)


def test_predictions_of_a_grid_are_of_the_same_participants():
    study = crowded()
    grid = {"sex": ("f", "m"), "age": (30, 70)}
    predicted = tk.predict(study, "cramps ~ sex * age", grid)
    own = contrast(predicted, weights="pairs")
    assert set(predicted["n"]) == set(own["n"])
    assert set(predicted["n_cases"]) == set(own["n_cases"])
    assert {"sex", "age", "sex, age"} == set(own["exposure"])


def test_the_flow_of_a_contrast_is_that_of_its_rows():
    study = crowded()
    rows = tk.prevalence(study, "cramps", by="sex", domain="age > 30")
    assert tk.flow(rows).equals(tk.flow(contrast(rows)))
    assert tk.flow(rows).equals(tk.flow(tk.pool([rows, rows])))
    cohort = tk.open_study("example-cohort")
    visits = tk.gee(cohort, "any_cramps ~ sex")
    with pytest.raises(tk.EstimationError, match=mentioning("tk.gee analyzes visits or nights")):
        tk.flow(contrast(visits, weights=[0, 1]))
