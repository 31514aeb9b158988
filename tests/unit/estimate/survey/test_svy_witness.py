"""Hear a second witness: the Python package svy on 2,000 simulated people, and where it differs, why.

It is a development dependency: the project does not rest on it.
"""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.r_results import equal
from tests.unit.estimate.survey.test_simulated_design import CROSSED, OLDS, PEOPLE, SEXES, STRATA, study

svy = pytest.importorskip("svy", reason="THE SECOND WITNESS svy IS NOT INSTALLED: pip install svy")

FORMULA = "any_cramps ~ sex + age"


def witness():
    """Give the same people in svy's types: 0/1 numbers and text."""
    columns = ["stratum", "psu", "weight_interview", "age", "nights", "diary"]
    people = PEOPLE.select(
        *columns,
        pl.col("sex", "old").cast(pl.String),
        ill=pl.col("any_cramps").cast(pl.Int64),
        female=(pl.col("sex") == "female").cast(pl.Int64),
    )
    return svy.Sample(people, design=svy.Design(stratum="stratum", psu="psu", wgt="weight_interview"))


def of(found, place=-1):
    row = found.to_polars().row(place, named=True)
    return [row[name] for name in ("est", "se", "lci", "uci")]


def ours(frame):
    return list(frame.select("estimate", "std_error", "conf_low", "conf_high").row(-1))


def test_means_totals_and_ratios_agree():
    estimation = witness().estimation
    equal(of(estimation.mean("age")), ours(tk.mean(study(), "age")))
    equal(of(estimation.total("nights")), ours(tk.total(study(), "nights")))
    equal(of(estimation.ratio("nights", "diary")), ours(tk.ratio(study(), "nights", "diary")))


def test_a_proportion_agrees_but_for_who_counts_in_its_interval():
    """R and the toolkit take n of the domain's people, svy n of those with a value: 2 of 2,000 apart."""
    theirs = of(witness().estimation.prop("ill", ci_method="korn-graubard", drop_nulls=True))
    found = ours(tk.prevalence(study(), outcome="any_cramps"))
    equal(theirs[:2], found[:2])
    equal(theirs[2:], found[2:], 1e-5)


def test_a_logit_model_agrees():
    fitted = witness().glm.fit("ill", x=["female", "age"], family="binomial").to_polars()
    found = tk.model(study(), FORMULA)
    for theirs, column in (("estimate", "estimate"), ("std_err", "std_error"), ("df", "df")):
        # svy stops its iterations at 1e-8.
        equal(fitted[theirs], found[column], 1e-7)


def test_its_margins_hold_the_people_fixed():
    """Its errors are those of the coefficients alone; the toolkit's count the sampling of people too."""
    fitted = witness().glm.fit("ill", x=["female", "age"], family="binomial")
    theirs = fitted.margins(at={"female": [0, 1]}).to_polars()
    found = tk.margins(study(), FORMULA, "sex")
    equal(theirs["margin"], found["estimate"], 1e-7)
    coefficients, matrix = tk.model(study(), FORMULA, covariance=True)
    there = PEOPLE.drop_nulls("any_cramps")
    weight, age = there["weight_interview"].to_numpy(), there["age"].to_numpy()
    for place, female in enumerate((0.0, 1.0)):
        X = np.column_stack([np.ones(len(age)), np.full(len(age), female), age])
        p = 1 / (1 + np.exp(-X @ coefficients["estimate"].to_numpy()))
        slopes = (weight * p * (1 - p)) @ X / weight.sum()
        equal(theirs["se"][place], np.sqrt(slopes @ matrix @ slopes), 1e-6)
        assert theirs["se"][place] < found["std_error"][place]


def test_a_jackknife_agrees():
    theirs = witness().weighting.create_jk_wgts().estimation.mean("age", method="replication")
    equal(of(theirs), ours(tk.mean(tk.replicates(study(), method="JKn"), "age")))


def test_half_samples_are_of_another_hadamard_matrix():
    """Its 32 half samples are others: a total has the same error, a mean nearly so."""
    halves = witness().weighting.create_brr_wgts()
    made = tk.replicates(study(), method="BRR")
    equal(of(halves.estimation.total("nights", method="replication")), ours(tk.total(made, "nights")))
    equal(of(halves.estimation.mean("age", method="replication"))[1], ours(tk.mean(made, "age"))[1], 0.01)


def test_post_strata_agree():
    theirs = witness().weighting.poststratify(CROSSED, cells=["sex", "old"]).estimation.mean("age")
    equal(of(theirs), ours(tk.mean(study(design=STRATA.calibrated({("sex", "old"): CROSSED})), "age")))


def test_its_raking_leaves_residuals_unweighted():
    """As R's rake(); a jackknife of the raking sides with R's calibrate(), as the toolkit does."""
    raked = witness().weighting.rake(controls={"sex": SEXES, "old": OLDS}, tol=1e-12)
    theirs = of(raked.estimation.mean("nights"))
    asked = study(design=STRATA.calibrated({"sex": SEXES, "old": OLDS}))
    found = ours(tk.mean(asked, "nights"))
    jackknife = ours(tk.mean(tk.replicates(asked, method="JKn"), "nights"))
    equal(theirs[0], found[0], 1e-8)
    equal(jackknife[1], found[1], 0.002)
    assert abs(theirs[1] / jackknife[1] - 1) > 0.01
