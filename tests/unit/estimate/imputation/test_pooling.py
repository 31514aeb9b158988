"""Results of imputed studies are pooled as mitools pools them."""

from math import inf

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.special import stdtrit

import toolkit as tk
from tests.support.invented import crowded
from tests.support.messages import mentioning, mentions
from tests.support.r_results import R_SURVEY
from toolkit.errors import EstimationError

FORMULA = "HI_CHOL ~ age_mid"


def equal(expected, found, rtol=1e-9):
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=rtol)


@pytest.fixture(scope="module")
def studies(r_studies):
    whole = r_studies["nhanes"]
    values = pl.read_csv(R_SURVEY / "data" / "nhanes-imputed.csv")
    people = whole.people.drop("HI_CHOL").join(values, on="person", maintain_order="left")
    return [
        tk.study(people.with_columns(HI_CHOL=f"HI_CHOL_{number}"), design=whole.design, name="imputed")
        for number in range(1, 6)
    ]


@pytest.mark.parametrize(("entry", "complete"), [("Inf", inf), ("15", 15)])
def test_pooled_models_equal_mitools(entry, complete, studies, expected):
    r = expected[f"nhanes/imputed-df-{entry}"]["result"]
    results = [tk.model(study, FORMULA, covariance=True) for study in studies]
    found, matrix = tk.pool(results, df_complete=complete, covariance=True)
    equal(r["stat"]["estimate"], found["estimate"])
    equal(r["stat"]["se"], found["std_error"])
    equal(r["stat"]["vcov"], matrix)
    equal(r["df"], found["df"])
    equal(r["missing_information"], found["missing_information"])
    reach = stdtrit(found["df"].to_numpy(), 0.975) * found["std_error"].to_numpy()
    equal(found["estimate"] - reach, found["conf_low"])


def test_an_estimator_is_applied_to_each_and_pooled(studies):
    asked = {"outcome": "HI_CHOL", "exposure": "RIAGENDR", "adjust": "age_mid", "estimand": "odds_ratio"}
    found = tk.imputed(studies, tk.association, **asked)
    by_hand = tk.pool([tk.association(study, **asked) for study in studies])
    assert found.equals(by_hand)
    each = [tk.association(study, **asked).row(0, named=True) for study in studies]
    logs = np.log([row["estimate"] for row in each])
    error = np.sqrt(np.mean([row["std_error"] ** 2 for row in each]) + 1.2 * logs.var(ddof=1))
    row = found.row(0, named=True)
    equal([np.exp(logs.mean()), error], [row["estimate"], row["std_error"]])
    assert ("log", "linearised, 5 imputations", 8591) == (row["scale"], row["variance"], row["n"])
    assert row["df"] < each[0]["df"] + 1e-9
    assert round(np.mean([row["n_cases"] for row in each])) == row["n_cases"]


def test_errors_alone_pool_as_with_their_covariance(studies):
    with_matrix = tk.imputed(studies, tk.model, FORMULA, covariance=True)
    assert_frame_equal(with_matrix[0], tk.imputed(studies, tk.model, FORMULA), rel_tol=1e-12)


def test_the_design_gives_the_degrees_of_freedom_of_complete_data(studies):
    own = tk.model(studies[0], FORMULA)["df"][0]
    found = tk.imputed(studies, tk.model, FORMULA)
    same = tk.imputed(studies, tk.model, FORMULA, df_complete=own)
    assert found.equals(same)
    assert (found["df"] < own).all()


def test_without_missing_values_nothing_is_lost(studies):
    found = tk.imputed([studies[0]] * 3, tk.mean, "age_mid", df_complete=inf)
    once = tk.mean(studies[0], "age_mid")
    equal(once["std_error"], found["std_error"])
    assert [0.0] == found["missing_information"].to_list()


def test_a_pooled_prevalence_stays_between_0_and_1():
    def study(ill):
        return tk.study(pl.DataFrame({"ill": ill + [0] * 36}), design=tk.Design.none())

    found = tk.imputed([study([1, 1, 0, 0]), study([1, 0, 0, 0])], tk.prevalence, outcome="ill")
    equal(0.0375, found["estimate"])
    assert 0 < found["conf_low"].item() < 0.0375


def test_pooled_rows_are_shown_and_kept_like_others(studies, tmp_path):
    found = tk.imputed(studies, tk.prevalence, outcome="HI_CHOL", by="RIAGENDR")
    found.write_parquet(tmp_path / "pooled.parquet")
    assert found.equals(pl.read_parquet(tmp_path / "pooled.parquet"))
    assert "imputed" in tk.finding(found)
    assert tk.table(found) is not None
    assert tk.prevalence_chart(found) is not None


def test_a_row_that_failed_in_one_imputation_fails():
    def study(ill):
        people = pl.DataFrame({"ill": [*ill, 0, 1, 1, 0], "g": ["a", "a", "b", "b", "c", "c"]})
        return tk.study(people, design=tk.Design.none())

    asked = {"outcome": "ill", "exposure": "ill2", "adjust": (), "by": "g"}
    studies = [study(ill).derive("ill2", pl.col("ill") == 1) for ill in ([0, 1], [1, 1])]
    with pytest.raises(EstimationError):
        tk.imputed(studies, tk.association, **{**asked, "by": ()})
    found = tk.imputed(studies, tk.association, **asked)
    assert {"failed"} == set(found["reliability"])
    assert mentions(found["reason"][0], "2")


@pytest.mark.parametrize("count", [0, 1])
def test_one_imputation_is_none(count, studies):
    with pytest.raises(EstimationError, match=mentioning("tk.pool([result_1")):
        tk.pool([tk.mean(studies[0], "age_mid")] * count)


def test_results_of_other_questions_are_not_pooled(studies):
    results = [tk.mean(studies[0], name) for name in ("age_mid", "HI_CHOL")]
    with pytest.raises(EstimationError, match=mentioning("2", "tk.imputed")):
        tk.pool(results)


def test_covariances_are_pooled_wherever_the_results_have_them(studies):
    plain = [pl.DataFrame(tk.mean(study, "age_mid", by="HI_CHOL")) for study in studies]
    own = [tk.mean(study, "age_mid", by="HI_CHOL") for study in studies]
    pairs = [tk.mean(study, "age_mid", by="HI_CHOL", covariance=True) for study in studies]
    assert_frame_equal(tk.pool(plain), tk.pool(own), check_exact=True)
    assert np.allclose(tk.pool(own).covariance(), tk.pool(pairs).covariance(), rtol=1e-12)
    for lacking in (plain, [own[0], *plain[1:]]):
        with pytest.raises(EstimationError, match="'mean'.*no covariance.*tk.pool"):
            tk.pool(lacking, covariance=True)


def test_studies_of_other_people_are_no_imputations(studies):
    fewer = tk.study(studies[0].people.head(100), design=tk.Design(weight="WTMEC2YR"))
    with pytest.raises(EstimationError, match=mentioning("8,591")):
        tk.imputed([studies[0], fewer], tk.mean, "age_mid")


def test_a_table_of_imputations_has_their_mean_sizes_and_no_failed_counts():
    study = crowded()
    imputations = tk.impute(study, "nights", outcome="cramps", m=3, iterations=2)
    tables = [tk.describe(one, ("nights", "cramps"), by="sex", difference=True) for one in imputations]
    pooled = tk.pool(tables)
    for estimand in ("people", "standardized_mean_difference"):
        own = pooled.filter(pl.col("estimand") == estimand)
        means = [frame.filter(pl.col("estimand") == estimand)["estimate"].to_numpy() for frame in tables]
        np.testing.assert_allclose(np.mean(means, axis=0), own["estimate"].to_numpy(), rtol=1e-12)
        assert {"ok"} == {*own["reliability"]}
        assert own["conf_low"].is_null().all()
    assert pooled.filter(pl.col("estimand") == "missing").is_empty()
    assert tk.table(pooled).as_raw_html()
