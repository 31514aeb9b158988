"""Hold designs, calibration, margins and imputation over 2,000 simulated people to R, without other data."""

import json
from dataclasses import replace
from math import inf

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.r_results import REFERENCE, equal

FOLDER = REFERENCE / "simulated"
R = {e["id"]: e["result"] for e in json.loads((FOLDER / "design.json").read_text())["entries"]}
STRATA = tk.Design(weight="weight_interview", strata="stratum", psu="psu")
LONELY = ("certainty", "adjust", "average", "remove")
N = 3.9e7
SEXES, OLDS = {"male": 1.90e7, "female": 2.00e7}, {"no": 2.95e7, "yes": 0.95e7}
CROSSED = {
    ("male", "no"): 1.44e7,
    ("male", "yes"): 0.46e7,
    ("female", "no"): 1.51e7,
    ("female", "yes"): 0.49e7,
}
WITH_AGE = {"sex": SEXES, "age": N * 46.5}
CALIBRATED = {
    "post-stratified": ({("sex", "old"): CROSSED}, {}),
    "raked": ({"sex": SEXES, "old": OLDS}, {}),
    "linear": (WITH_AGE, {}),
    "bounded": (WITH_AGE, {"bounds": (0.96, 1.1)}),
    "logit": (WITH_AGE, {"bounds": (0.5, 2), "method": "logit"}),
}


def read() -> pl.DataFrame:
    frame = pl.read_csv(FOLDER / "frame.csv", infer_schema_length=None)
    old = pl.when(pl.col("age") >= 60).then(pl.lit("yes")).otherwise(pl.lit("no"))
    health = pl.col("general_health").cast(pl.Enum(sorted(frame["general_health"].drop_nulls().unique())))
    return frame.with_columns(
        pl.col("any_cramps", "diabetes_told") == "yes",
        pl.col("sex").cast(pl.Enum(["male", "female"])),
        old=old.cast(pl.Enum(["no", "yes"])),
        health=health,
        size=40 + pl.col("stratum") % 3,
        cluster=pl.col("stratum") * 10 + pl.col("psu"),
    )


PEOPLE = read()


def study(people=PEOPLE, design=STRATA) -> tk.Study:
    return tk.study(people, design=design, name="2,000 SIMULATED people")


def with_replicates(method: str) -> tk.Study:
    """The half samples that R made, taken as replicates of any method."""
    factors = pl.read_csv(FOLDER / "replicates.csv")
    names = [name for name in factors.columns if name not in ("stratum", "psu")]
    people = PEOPLE.join(factors, on=["stratum", "psu"], maintain_order="left")
    if method == "Fay":
        people = people.with_columns(pl.col(names) * 0.7 + 0.3)
    other = {"replicate_scale": 0.02, "replicate_rscales": tuple(np.linspace(0.5, 1.5, len(names)))}
    design = tk.Design(
        weight="weight_interview",
        replicate_weights=names,
        replicate_method=method,
        replicate_factors=True,
        fay_rho=0.3 if method == "Fay" else 0.0,
        mse=method == "ACS",
        **(other if method == "other" else {}),
    )
    return study(people, design)


def designs():
    """Every design that R was asked of."""
    yield "strata", study()
    yield "weights-alone", study(design=tk.Design(weight="weight_interview"))
    yield "none", study(design=tk.Design.none())
    examined = PEOPLE.filter(pl.col("weight_examination") > 0)
    yield "examination", study(examined, replace(STRATA, weight="weight_examination"))
    yield "fpc", study(design=replace(STRATA, fpc="size"))
    first = pl.col("stratum") == pl.col("stratum").min()
    fewer = PEOPLE.filter(~(first & (pl.col("psu") == 2)))
    for how in LONELY:
        yield f"lonely-{how}", study(fewer, replace(STRATA, lonely_psu=how))
    yield "jkn", tk.replicates(study(), method="JKn")
    yield "jkn-mse", tk.replicates(study(), method="JKn", mse=True)
    clusters = tk.Design(weight="weight_interview", psu="cluster")
    yield "jk1", tk.replicates(study(design=clusters), method="JK1")
    for method in ("BRR", "Fay", "ACS", "bootstrap", "other"):
        yield f"replicates-{method}", with_replicates(method)
    for way, (totals, options) in CALIBRATED.items():
        calibrated = study(design=STRATA.calibrated(totals, **options))
        yield f"{way}-linearised", calibrated
        yield f"{way}-jkn", tk.replicates(calibrated, method="JKn")


STUDIES = dict(designs())


def test_every_design_of_r_is_asked_here():
    others = {name for name in R if name.startswith(("margins", "imputed"))}
    assert set(R) - others == set(STUDIES)


@pytest.mark.parametrize("name", STUDIES)
def test_each_design_equals_r(name):
    r, asked = R[name], STUDIES[name]
    every = (
        (r["mean"], tk.mean(asked, ("age", "bmi"), covariance=True)),
        (r["women"], tk.mean(asked, "any_cramps", domain="sex == 'female'", covariance=True)),
        (r["total"], tk.total(asked, "nights", covariance=True)),
        (r["glm"], tk.model(asked, "any_cramps ~ sex + age", covariance=True)),
    )
    for theirs, (found, matrix) in every:
        equal(theirs["estimate"], found["estimate"])
        equal(theirs["se"], found["std_error"])
        equal(theirs["vcov"], matrix)


RESAMPLED = [f"{way}-jkn" for way in CALIBRATED]


@pytest.mark.parametrize("name", RESAMPLED)
def test_calibration_adds_no_degrees_of_freedom(name):
    """R has two answers: those of the replicates as they were made, or the rank of the calibrated ones."""
    women = tk.mean(STUDIES[name], "any_cramps", domain="sex == 'female'")["df"].item()
    assert R["jkn"]["df"] == tk.total(STUDIES[name], "nights")["df"].item()
    assert R["jkn"]["df_women"] == women < R[name]["df_women"]
    assert R[name]["df"] in (R["jkn"]["df"], R[name]["df_women"])


@pytest.mark.parametrize("name", [name for name in STUDIES if name not in RESAMPLED])
def test_each_design_has_the_degrees_of_freedom_of_r(name):
    r, asked = R[name], STUDIES[name]
    assert r["df"] == tk.total(asked, "nights")["df"].item()
    assert r["df_women"] == tk.mean(asked, "any_cramps", domain="sex == 'female'")["df"].item()
    assert r["df_residual"] == tk.model(asked, "any_cramps ~ sex + age")["df"][0]


@pytest.mark.parametrize("family", ["logit", "poisson"])
def test_margins_count_all_that_moves_them(family):
    r = R[f"margins-{family}"]
    formula = "any_cramps ~ health + sex * age + diabetes_told"
    found, matrix = tk.margins(study(), formula, "health", family=family, covariance=True)
    assert r["levels"] == found["level"].to_list()
    equal(r["prevalence"], found["estimate"])
    equal(r["vcov"], matrix)


@pytest.mark.parametrize("family", ["logit", "poisson"])
def test_margins_by_replicates_equal_a_jackknife_in_r(family):
    r = R[f"margins-{family}"]
    formula = "any_cramps ~ health + sex * age + diabetes_told"
    found, matrix = tk.margins(STUDIES["jkn"], formula, "health", family=family, covariance=True)
    equal(r["prevalence"], found["estimate"])
    # R's own glm stops at its tolerance in each replicate.
    equal(r["jackknife"], matrix, 1e-7)
    # And the linearised covariance is near to it: of each variance within 6 %.
    jackknife, linearised = (np.diag(np.reshape(r[way], matrix.shape)) for way in ("jackknife", "vcov"))
    equal(jackknife, linearised, 0.06)


@pytest.mark.parametrize("complete", ["Inf", "30"])
@pytest.mark.parametrize("what", ["glm", "mean"])
def test_pooled_imputations_equal_mitools(what, complete):
    r = R[f"imputed-{what}-{complete}"]
    values = pl.read_csv(FOLDER / "imputed.csv")
    studies = [study(PEOPLE.with_columns(any_cramps=values[f"any_{k}"] == 1)) for k in range(1, 6)]
    options = {"df_complete": inf if complete == "Inf" else 30, "covariance": True}
    if what == "glm":
        found, matrix = tk.imputed(studies, tk.model, "any_cramps ~ sex + age", **options)
    else:
        found, matrix = tk.imputed(studies, tk.mean, ("any_cramps", "age"), **options)
    equal(r["stat"]["estimate"], found["estimate"])
    equal(r["stat"]["vcov"], matrix)
    varies = ~np.isinf(np.array([inf if df in ("Inf", None) else df for df in r["df"]], float))
    equal(np.array(r["df"], object)[varies].astype(float), found["df"].to_numpy()[varies])
    equal(r["missing_information"], found["missing_information"])
