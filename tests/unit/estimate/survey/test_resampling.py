"""Replicate weights made from a design equal R's, and give the variance of linear statistics exactly."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk
from tests.integration.r.test_r_script import in_r, needs_r
from tests.support.messages import mentioning
from toolkit.errors import DesignError
from toolkit.estimate.survey.variance.replicate_weights import hadamard

MADE = {"jk1": ("apiclus1", "JK1"), "jkn": ("apistrat", "JKn")}


def equal(expected, found, rtol=1e-9):
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=rtol)


@pytest.mark.parametrize("name", MADE)
def test_jackknives_equal_r(name, r_studies, expected):
    data, method = MADE[name]
    r = expected[f"{data}/replicate-{name}"]["result"]
    study = tk.replicates(r_studies[data], method=method)
    found, matrix = tk.mean(study, "api00", covariance=True)
    equal(r["mean"]["estimate"], found["estimate"])
    equal(r["mean"]["se"], found["std_error"])
    equal(r["mean"]["vcov"], matrix)
    assert r["df"] == found["df"].item()
    fitted, matrix = tk.model(study, "api00 ~ ell + meals", family="gaussian", covariance=True)
    equal(r["glm"]["estimate"], fitted["estimate"])
    equal(r["glm"]["se"], fitted["std_error"])
    equal(r["glm"]["vcov"], matrix)
    ratio = tk.ratio(study, "api.stu", "enroll")
    equal(r["ratio"], ratio["estimate"])
    equal(r["ratio_se"], ratio["std_error"])


def pairs(strata=5, people=8, seed=1):
    """Strata of two PSUs, with a number whose total is linear in the weights."""
    random = np.random.default_rng(seed)
    place = np.repeat(np.arange(2 * strata), people)
    frame = pl.DataFrame(
        {
            "stratum": place // 2,
            "psu": place % 2,
            "w": random.gamma(2, 100, len(place)),
            "x": random.normal(5, 2, len(place)) + place,
            "ill": random.integers(0, 2, len(place)),
        }
    )
    return tk.study(frame, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="pairs")


def total(study):
    return tk.total(study, "x").select("estimate", "std_error", "df").row(0)


@pytest.mark.parametrize("method", ["JKn", "BRR", "Fay"])
@pytest.mark.parametrize("strata", [1, 3, 5, 16, 30])
def test_a_total_has_the_linearised_variance(method, strata):
    study = pairs(strata)
    equal(total(study), total(tk.replicates(study, method=method)))


def test_half_samples_agree_with_r_whatever_the_hadamard_matrix(r_studies, expected):
    """A mean is not linear, so other half samples differ by some per cent; a total's differ by none."""
    r = expected["nhanes/replicate-brr"]["result"]
    whole = r_studies["nhanes"]
    paired = whole.people.filter(pl.col("SDMVPSU").n_unique().over("SDMVSTRA") == 2)
    study = tk.replicates(replace(whole, people=paired), method="BRR")
    row = tk.mean(study, "HI_CHOL").row(0, named=True)
    equal(r["mean"]["estimate"], row["estimate"])
    equal(r["mean"]["se"], row["std_error"], 0.05)
    assert (r["df"], "16 BRR replicates") == (row["df"], row["variance"])


def test_successive_differences_by_hand():
    study = pairs(3)
    weighted = study.people.group_by("stratum", "psu", maintain_order=True).agg(
        (pl.col("w") * pl.col("x")).sum()
    )
    # Around a circle of two PSUs each difference stands twice.
    of_pairs = weighted["w"].to_numpy().reshape(3, 2)
    equal(
        np.sqrt(((of_pairs[:, 0] - of_pairs[:, 1]) ** 2).sum()), total(tk.replicates(study, method="SDR"))[1]
    )
    one = replace(study, design=tk.Design(weight="w", psu=("stratum",)))
    found = tk.replicates(
        replace(one, people=study.people.with_columns(stratum=pl.col("stratum"))), method="SDR"
    )
    sums = of_pairs.sum(axis=1)
    equal(np.sqrt(((sums - np.roll(sums, -1)) ** 2).sum() / 2), total(found)[1])


def test_a_bootstrap_is_near_the_linearised_variance_and_of_its_seed():
    study = pairs(12)
    made = tk.replicates(study, method="bootstrap", number=600, seed=3)
    # Its own error is that of a chi-square of 600 degrees of freedom: 3 % of a standard error.
    equal(total(study)[1], total(made)[1], 0.1)
    again = tk.replicates(study, method="bootstrap", number=600, seed=3)
    assert total(made) == total(again)
    assert total(made) != total(tk.replicates(study, method="bootstrap", number=600, seed=4))


def test_a_bootstrap_counts_a_finite_population(r_studies):
    study = r_studies["apistrat"]
    drawn = tk.replicates(study, method="bootstrap", number=800)
    everyone = study.people.with_columns(fpc=pl.len().over("stype"))
    census = tk.replicates(replace(study, people=everyone), method="bootstrap", number=10)
    equal(tk.mean(study, "api00")["std_error"], tk.mean(drawn, "api00")["std_error"], 0.1)
    np.testing.assert_allclose(tk.mean(census, "api00")["std_error"], 0, atol=1e-9)


def test_each_component_takes_the_same_factors():
    study = tk.replicates(tk.open_study("simulated"), method="JKn")
    for variable, component in (("any_cramps", "interview"), ("hba1c", "examination")):
        row = tk.mean(study, variable).row(0, named=True)
        plain = tk.mean(tk.open_study("simulated"), variable).row(0, named=True)
        assert (component, "60 JKn replicates", 30.0) == (row["weight"], row["variance"], row["df"])
        equal(plain["std_error"], row["std_error"], 0.01)


def test_a_calibrated_design_calibrates_each_replicate(r_studies):
    types = {"E": 4421, "H": 755, "M": 1018}
    study = r_studies["apiclus1"]
    study = replace(study, design=study.design.calibrated({"stype": types}))
    made = tk.replicates(study, method="JK1")
    shares = tk.prevalence(made, outcome="stype")
    equal(np.array(list(types.values())) / sum(types.values()), shares["estimate"])
    np.testing.assert_allclose(shares["std_error"], 0, atol=1e-12)
    assert tk.mean(made, "api00")["variance"].item() == "15 JK1 replicates, post-stratified"
    equal(tk.mean(study, "api00")["std_error"], tk.mean(made, "api00")["std_error"], 0.15)


def test_weights_that_follow_from_the_design_are_written_down():
    people = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "N": 8})
    study = tk.study(people, design=tk.Design(fpc="N"))
    equal(total(study), total(tk.replicates(study, method="JK1")))
    bare = tk.replicates(tk.study(people, design=tk.Design.none()), method="JK1")
    equal(
        tk.mean(tk.study(people, design=tk.Design.none()), "x")["std_error"], tk.mean(bare, "x")["std_error"]
    )


@needs_r
@pytest.mark.parametrize("method", ["JKn", "BRR", "Fay", "bootstrap", "SDR"])
def test_r_reads_the_replicates_that_were_made(method, tmp_path):
    study = tk.replicates(pairs(4), method=method, number=40, mse=method == "SDR")
    study.to_r(tmp_path)
    row = tk.mean(study, "x").row(0, named=True)
    equal(in_r(tmp_path, "x"), [row["estimate"], row["std_error"]])


LONELY = {"adjust": 1, "average": 0, "certainty": 0, "remove": 0}


@pytest.mark.parametrize("how", LONELY)
def test_a_lonely_psu_is_left_out_as_the_design_says(how):
    study = pairs(4)
    people = study.people.filter((pl.col("stratum") > 0) | (pl.col("psu") == 0))
    lonely = replace(study, people=people, design=replace(study.design, lonely_psu=how))
    made = tk.replicates(lonely, method="JKn")
    assert 6 + LONELY[how] == len(made.design.replicate_weights)
    if how != "adjust":
        scale = np.sqrt(7 / 6 / (4 / 3)) if how == "average" else 1
        equal(total(lonely)[1] * scale, total(made)[1])


@settings(derandomize=True, deadline=None, max_examples=30)
@given(least=st.integers(1, 130))
def test_half_samples_are_orthogonal(least):
    H = hadamard(least)
    assert least <= len(H) < 2 * least + 2
    assert (H[0] == 1).all()
    np.testing.assert_array_equal(H @ H.T, len(H) * np.eye(len(H)))


@pytest.mark.parametrize(
    ("change", "method", "message"),
    [
        ({}, "JK1", ("JK1", "method='JKn'")),
        ({"strata": None}, "JKn", "method='JK1'"),
        ({"fpc": "size"}, "BRR", "'JKn'"),
        ({}, "other", ("'other'", "JK1")),
        ({}, "jackknife", ("'replicate_method'", "'jackknife'", "BRR")),
    ],
)
def test_a_method_that_does_not_fit_the_design_is_told(change, method, message):
    study = pairs()
    with pytest.raises(DesignError, match=mentioning(message)):
        tk.replicates(replace(study, design=replace(study.design, **change)), method=method)


def test_other_designs_that_cannot_be_resampled():
    study = pairs()
    three = replace(study, people=study.people.with_columns(psu=pl.int_range(pl.len()) % 3))
    with pytest.raises(DesignError, match=mentioning("PSUs", "5", "'JKn'")):
        tk.replicates(three, method="BRR")
    with pytest.raises(DesignError, match=mentioning("replicate weights", "JKn")):
        tk.replicates(tk.replicates(study, method="JKn"), method="BRR")
    one = replace(study, people=study.people.filter((pl.col("stratum") > 0) | (pl.col("psu") == 0)))
    with pytest.raises(DesignError, match=mentioning("PSU", "lonely_psu='adjust'")):
        tk.replicates(one, method="JKn")
    with pytest.raises(DesignError, match=mentioning("lonely_psu='certainty'")):
        tk.replicates(one, method="bootstrap")
    with pytest.raises(DesignError, match=mentioning("2 replicates")):
        tk.replicates(study, method="bootstrap", number=1)
    with pytest.raises(DesignError, match=mentioning("'fay_rho'", "1.5", "0.3")):
        tk.replicates(study, method="Fay", fay_rho=1.5)
    two = replace(study, design=tk.Design(weight="w", psu=("stratum", "psu"), fpc=("a", "b")))
    with pytest.raises(DesignError, match=mentioning("tk.Design(psu='stratum', fpc='a'")):
        tk.replicates(two, method="JK1")
    many = tk.study(pl.DataFrame({"x": np.arange(2001.0)}), design=tk.Design.none())
    with pytest.raises(DesignError, match=mentioning("2,001", "2,000", "'bootstrap'")):
        tk.replicates(many, method="JK1")
