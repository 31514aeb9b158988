"""Calibrated weights, estimates and variances equal R's; totals that cannot be met are told."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.integration.r.test_r_script import in_r, needs_r
from tests.support.messages import mentioning
from tests.support.r_results import DESIGNS
from toolkit.errors import DesignError
from toolkit.estimate.survey.sampling_units import WEIGHT, index_participants
from toolkit.studies import choose_weight

STYPE = {"E": 4421, "H": 755, "M": 1018}
WIDE = {"No": 1072, "Yes": 5122}
TOTALS = {
    "poststratified": {"stype": STYPE},
    "raked": {"stype": STYPE, "sch.wide": WIDE},
    "calibrated": {"stype": STYPE, "api99": 3914069},
}


def equal(expected, found, rtol=1e-9):
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=rtol)


def calibrated(r_studies, name, totals, **options):
    whole = r_studies[name]
    return tk.study(whole.people, design=whole.design.calibrated(totals, **options), name=name)


def weights_of(study):
    return index_participants(study, choose_weight(study.design, [])).placed[WEIGHT].to_numpy()


@pytest.mark.parametrize("name", TOTALS)
def test_calibrated_estimates_equal_r(name, r_studies, expected):
    r = expected[f"apiclus1/{name}"]["result"]
    study = calibrated(r_studies, "apiclus1", TOTALS[name])
    for found, theirs in ((tk.mean(study, "api00"), r["mean"]), (tk.total(study, "enroll"), r["total"])):
        equal(theirs["estimate"], found["estimate"])
        equal(theirs["se"], found["std_error"])
        equal(theirs["vcov"], found["std_error"].to_numpy() ** 2)
    equal(r["weights_head"], weights_of(study)[:10])
    equal(r.get("weights_sum", sum(STYPE.values())), weights_of(study).sum())


@pytest.mark.parametrize("name", TOTALS)
def test_totals_that_weights_are_calibrated_to_have_no_variance(name, r_studies):
    study = calibrated(r_studies, "apiclus1", TOTALS[name])
    share = tk.prevalence(study, outcome="stype", interval="wald")
    equal(np.array(list(STYPE.values())) / sum(STYPE.values()), share["estimate"])
    np.testing.assert_allclose(share["std_error"], 0, atol=1e-12)


def test_a_result_says_that_weights_were_calibrated(r_studies):
    study = calibrated(r_studies, "apiclus1", TOTALS["raked"])
    assert ["linearised, raked"] == tk.mean(study, "api00")["variance"].to_list()


WAYS = {
    "post-stratified": ({"stype": STYPE}, {}),
    "crossed": (
        {("sch.wide", "awards"): {("No", "No"): 1072, ("Yes", "No"): 1000, ("Yes", "Yes"): 4122}},
        {},
    ),
    "raked": ({"sch.wide": WIDE, "awards": {"No": 2200, "Yes": 3994}}, {}),
    "number": ({"api99": 3914069}, {"population": 6194}),
    "bounded": ({"sch.wide": WIDE, "api99": 3914069}, {"bounds": (0.5, 1.5)}),
    "logit": ({"sch.wide": WIDE, "api99": 3914069}, {"method": "logit", "bounds": (0.7, 1.6)}),
}


@needs_r
@pytest.mark.parametrize("design", ["apistrat", "apiclus2"])
@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_calibrate_equals_r(way, design, r_studies, tmp_path):
    totals, options = WAYS[way]
    study = calibrated(r_studies, design, totals, **options)
    study.to_r(tmp_path)
    row = tk.mean(study, "enroll").row(0, named=True)
    equal(in_r(tmp_path, "enroll"), [row["estimate"], row["std_error"]])


@needs_r
def test_bounds_that_bind_equal_r(r_studies, tmp_path):
    bounds = (0.95, 1.04)
    totals = {"sch.wide": WIDE, "api99": 3914069}
    study = calibrated(r_studies, "apistrat", totals, bounds=bounds)
    factor = weights_of(study) / study.people["pw"].to_numpy()
    assert factor.max() == pytest.approx(bounds[1], rel=1e-12)
    study.to_r(tmp_path)
    row = tk.mean(study, "enroll").row(0, named=True)
    equal(in_r(tmp_path, "enroll"), [row["estimate"], row["std_error"]])


@needs_r
def test_the_people_outside_of_a_domain_count_as_in_r(r_studies, tmp_path):
    study = calibrated(r_studies, "apistrat", {"sch.wide": WIDE, "awards": {"No": 2200, "Yes": 3994}})
    study.to_r(tmp_path)
    row = tk.mean(study, "enroll", domain="stype == 'E'").row(0, named=True)
    asked = "subset(design, stype == 'E')"
    equal(in_r(tmp_path, "enroll", asked), [row["estimate"], row["std_error"]])


def test_raked_errors_agree_with_a_jackknife_of_the_raking(r_studies):
    """R's rake() averages residuals without weights and is further off where weights differ."""
    totals = {"sch.wide": WIDE, "awards": {"No": 2200, "Yes": 3994}}
    linearised = calibrated(r_studies, "apistrat", totals)
    people, strata = linearised.people, DESIGNS["apistrat"].strata
    size = people[strata].value_counts()
    n = dict(zip(size[strata], size["count"], strict=True))
    stratum, factors = people[strata].to_list(), {}
    for k, own in enumerate(stratum):
        factors[f"r{k}"] = [
            0.0 if j == k else n[own] / (n[own] - 1) if other == own else 1.0
            for j, other in enumerate(stratum)
        ]
    left = 1 - np.array([n[own] for own in stratum]) / people["fpc"].to_numpy()
    design = tk.Design(
        weight="pw",
        replicate_weights=list(factors),
        replicate_method="JKn",
        replicate_rscales=tuple(left * [(n[own] - 1) / n[own] for own in stratum]),
        replicate_factors=True,
    )
    jackknife = tk.study(
        people.with_columns(**{k: pl.Series(v) for k, v in factors.items()}), design=design.calibrated(totals)
    )
    ours, theirs = (tk.mean(s, "enroll").row(0, named=True) for s in (linearised, jackknife))
    assert theirs["variance"] == "200 JKn replicates, raked"
    equal(ours["estimate"], theirs["estimate"])
    equal(ours["std_error"], theirs["std_error"], 0.02)
    assert ours["df"] == theirs["df"]


def test_a_model_of_calibrated_weights_weighs_by_them(r_studies):
    study = calibrated(r_studies, "apistrat", TOTALS["raked"])
    by_hand = study.people.with_columns(w=pl.Series(weights_of(study)))
    plain = tk.study(by_hand, design=tk.Design(weight="w", strata="stype", fpc="fpc"))
    ours, theirs = (tk.model(s, "api00 ~ ell + meals", family="gaussian") for s in (study, plain))
    equal(theirs["estimate"], ours["estimate"])
    assert (np.abs(ours["std_error"] / theirs["std_error"] - 1) > 1e-6).any()


def small(**columns):
    people = {
        "w": [1.0, 1.0, 2.0, 2.0],
        "sex": ["m", "f", "m", "f"],
        "old": [0, 1, 1, 0],
        "x": [1.0, 2.0, 3.0, 9.5],
    }
    return pl.DataFrame({**people, **columns})


@pytest.mark.parametrize(
    ("totals", "options", "message"),
    [
        ({"sex": {"m": 5, "f": 5, "d": 1}}, {}, ("'sex'", "'d'", "f", "m")),
        ({"sex": {"m": 10}}, {}, ("'sex'", "levels", "f")),
        ({"old": 4}, {}, ("'old'", "'no'", "'yes'")),
        ({"x": {"1.5": 4}}, {}, "'x'"),
        ({"x": 600.0}, {"population": 10, "bounds": (0.5, 2)}, ("'x'", "93", "bounds=")),
        ({"x": 94.0}, {"population": 10}, ("2", "bounds=", "'raking'")),
    ],
)
def test_totals_that_weights_cannot_meet_are_told(totals, options, message):
    study = tk.study(small(), design=tk.Design(weight="w").calibrated(totals, **options), smallest_cell=0)
    with pytest.raises(DesignError, match=mentioning(message)):
        tk.mean(study, "x")


def test_a_level_without_people_is_named():
    people = small(sex=pl.Series(["m", "f", "m", "f"], dtype=pl.Enum(["m", "f", "d"])))
    design = tk.Design(weight="w").calibrated({"sex": {"m": 5, "f": 5, "d": 1}})
    with pytest.raises(DesignError, match=mentioning("1", "3", "'sex'")):
        tk.mean(tk.study(people, design=design), "x")


def test_a_missing_value_of_a_variable_with_totals_is_counted():
    people = small(sex=["m", None, "m", "f"])
    design = tk.Design(weight="w").calibrated({"sex": {"m": 5, "f": 5}})
    with pytest.raises(DesignError, match=mentioning("'sex'", "1", "4")):
        tk.mean(tk.study(people, design=design), "x")


def test_a_yes_no_variable_takes_numbers_and_words_for_its_levels():
    for totals in ({0: 6, 1: 4}, {"no": 6, "yes": 4}, {False: 6, True: 4}):
        study = tk.study(small(), design=tk.Design(weight="w").calibrated({"old": totals}))
        equal([2.0, 4 / 3, 8 / 3, 4.0], weights_of(study))


def test_a_replicate_that_cannot_be_calibrated_is_named():
    people = small(r1=[0.0, 2.0, 0.0, 4.0], r2=[2.0, 0.0, 4.0, 2.0])
    design = tk.Design(weight="w", replicate_weights=["r1", "r2"], replicate_method="JK1")
    study = tk.study(people, design=design.calibrated({"sex": {"m": 5, "f": 5}}))
    with pytest.raises(DesignError, match=mentioning("1", "2", "'sex'")):
        tk.mean(study, "x")
