import numpy as np
import polars as pl
import pytest

from toolkit.estimate.descriptive import mean, prevalence

API = ["apisrs", "apistrat", "apiclus1", "apiclus2", "apinone"]
MEANS = {**dict.fromkeys(API, ("api00", "enroll")), "mu284": "y1", "fpc": "x", "fpc_with": "x"}
METHODS = {
    "logit": "logit",
    "likelihood": "likelihood",
    "asin": "arcsine",
    "beta": "korn-graubard",
    "mean": "wald",
    "xlogit": "xlogit",
}
DOMAINS = {
    "all": "",
    "women": "RIAGENDR == 2",
    "old_women": "RIAGENDR == 2 and agecat == '(59,Inf]'",
    "race4": "race == 4",
}


def equal(expected, column, rtol=1e-9):
    np.testing.assert_allclose(column, expected, rtol=rtol)


@pytest.mark.parametrize("name", MEANS)
def test_means_equal_r(name, r_studies, expected):
    r = expected[f"{name}/mean"]["result"]
    result, covariance = mean(r_studies[name], MEANS[name], covariance=True)
    stat = {key: np.ravel(value) for key, value in r["stat"].items()}
    assert list(stat["name"]) == result["outcome"].to_list()
    equal(stat["estimate"], result["estimate"])
    equal(stat["se"], result["std_error"])
    equal(stat["vcov"], covariance.ravel())
    assert {r["df"]} == set(result["df"])


@pytest.mark.parametrize("name", API)
def test_intervals_and_design_effects_of_means_equal_r(name, r_studies, expected):
    r = expected[f"{name}/mean"]["result"]
    result = mean(r_studies[name], MEANS[name])
    equal(r["ci_t"]["low"], result["conf_low"])
    equal(r["ci_t"]["high"], result["conf_high"])
    equal(r["deff"], result["deff"])


@pytest.mark.parametrize("name", API)
def test_means_by_group_equal_r(name, r_studies, expected):
    r = expected[f"{name}/mean-by"]["result"]
    result = mean(r_studies[name], "api00", by="stype")
    assert r["by"] == result["stype"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])


@pytest.mark.parametrize("name", API)
def test_means_of_a_domain_equal_r(name, r_studies, expected):
    r = expected[f"{name}/mean-domain"]["result"]
    result, covariance = mean(r_studies[name], "api00", domain="`comp.imp` == 'Yes'", covariance=True)
    equal(r["stat"]["estimate"], result["estimate"])
    equal(r["stat"]["se"], result["std_error"])
    equal(r["stat"]["vcov"], covariance[0, 0])
    assert r["df"] == result["df"].item()


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("method", METHODS)
def test_proportions_equal_r(domain, method, r_studies, expected):
    entry = expected[f"nhanes/proportion-{domain}-{method}"]
    r = entry["result"]
    result = prevalence(
        r_studies["nhanes"], outcome="HI_CHOL", domain=DOMAINS[domain], interval=METHODS[method]
    )
    # The tolerance is R's own for the likelihood; R's logit stops its fit early (see the test below).
    ends = {"likelihood": 5e-3, "logit": 2e-9}.get(method, 1e-9)
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])
    equal(r["low"], result["conf_low"], ends)
    equal(r["high"], result["conf_high"], ends)
    assert r["df"] == result["df"].item()


def test_proportions_by_groups_equal_r(r_studies, expected):
    r = expected["nhanes/proportion-by"]["result"]
    study = r_studies["nhanes"].derive("sex", "RIAGENDR == 2")
    result = prevalence(study, outcome="HI_CHOL", by=("sex", "agecat"))
    assert r["agecat"] == result["agecat"].to_list()
    assert [{1: "no", 2: "yes"}[code] for code in r["RIAGENDR"]] == result["sex"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])


def test_proportions_of_levels_equal_r(r_studies, expected):
    r = expected["nhanes/levels"]["result"]
    levels = ["1", "2", "3", "4"]
    study = r_studies["nhanes"].derive("race_group", pl.col("race").cast(pl.String), levels=levels)
    result, covariance = prevalence(study, outcome="race_group", covariance=True)
    assert levels == result["level"].to_list()
    equal(r["stat"]["estimate"], result["estimate"])
    equal(r["stat"]["se"], result["std_error"])
    equal(r["stat"]["vcov"], covariance.ravel())
    equal(r["deff"], result["deff"])
