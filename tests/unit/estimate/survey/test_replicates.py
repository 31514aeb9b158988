"""Estimates with replicate weights equal R's, and a broken set of them is told."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.r_results import DESIGNS, R_SURVEY
from toolkit.errors import DesignError, EstimationError
from toolkit.estimate.survey import Estimate, Sample, draw, estimate_with_covariance

PSU = ["SDMVSTRA", "SDMVPSU"]
METHODS = {"bootstrap": "bootstrap", "brr": "BRR", "fay": "Fay"}


def equal(expected, found, rtol=1e-9):
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=rtol)


def ratio(numerator: str, denominator: str):
    def estimate(sample: Sample) -> Estimate:
        above, below = (sample.weights @ sample.numbers(name) for name in (numerator, denominator))
        point = above / below
        deviation = sample.numbers(numerator) - point * sample.numbers(denominator)
        influence = (sample.weights * deviation / below)[:, None]
        return Estimate(np.array([point]), influence, np.ones(len(influence), bool))

    return estimate


@pytest.mark.parametrize(("method", "rho"), [("BRR", 0.0), ("Fay", 0.3)])
def test_a_ratio_by_half_samples_equals_r(method, rho, expected):
    r = expected[f"scd/ratio-{method.lower()}"]["result"]
    halves = np.array([[1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 1, 0]])
    weights = 2 * halves * (1 - rho) + rho
    people = pl.read_csv(R_SURVEY / "data" / "scd.csv").with_columns(
        pl.lit(1.0).alias("w"), *(pl.Series(f"r{k}", own) for k, own in enumerate(weights))
    )
    names = [f"r{k}" for k in range(4)]
    design = tk.Design(weight="w", replicate_weights=names, replicate_method=method, fay_rho=rho)
    found, matrix = estimate_with_covariance(
        draw(tk.study(people, design=design), ["alive", "arrests"]), ratio("alive", "arrests")
    )
    equal(r["estimate"], found.points)
    equal(r["se"], np.sqrt(matrix))


@pytest.fixture(scope="module", params=METHODS)
def resampled(request, r_studies, expected):
    """The NHANES of R's package with replicates by PSU, as factors and as weights in full."""
    name = request.param
    r = expected[f"nhanes/replicate-{name}"]["result"]
    factors = pl.read_csv(R_SURVEY / "data" / f"replicates-{name}.csv", infer_schema_length=None)
    columns = tuple(c for c in factors.columns if c not in PSU)
    people = r_studies["nhanes"].people.join(factors, on=PSU, how="inner", maintain_order="left")
    design = tk.Design(
        weight="WTMEC2YR",
        replicate_weights=columns,
        replicate_method=METHODS[name],
        replicate_scale=r["scale"],
        fay_rho=0.3 if name == "fay" else 0.0,
        replicate_factors=True,
    )
    full = people.with_columns(pl.col(c) * pl.col("WTMEC2YR") for c in columns)
    in_full = replace(design, replicate_factors=False)
    return r, tk.study(people, design=design), tk.study(full, design=in_full)


@pytest.mark.parametrize("which", [1, 2])
def test_means_by_replicates_equal_r(which, resampled):
    r, study = resampled[0], resampled[which]
    for options, theirs in (({}, r["mean"]), ({"domain": "RIAGENDR == 2"}, r["domain_mean"])):
        found, matrix = tk.mean(study, "HI_CHOL", covariance=True, **options)
        equal(theirs["estimate"], found["estimate"])
        equal(theirs["se"], found["std_error"])
        equal(theirs["vcov"], matrix)
    assert r["df"] == tk.mean(study, "HI_CHOL")["df"].item()


@pytest.mark.parametrize("which", [1, 2])
def test_models_by_replicates_equal_r(which, resampled):
    r = resampled[0]["glm"]
    found, matrix = tk.model(resampled[which], "HI_CHOL ~ RIAGENDR + age_mid", covariance=True)
    # R's script codes women 1, the column 2: the intercept takes the difference up.
    shift = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    equal(r["estimate"], shift @ found["estimate"].to_numpy())
    equal(r["vcov"], shift @ matrix @ shift.T)
    equal(r["se"], np.sqrt((shift @ matrix @ shift.T).diagonal()))
    assert {resampled[0]["df"] + 1 - 3} == set(found["df"])


def test_a_result_says_by_which_replicates(resampled):
    row = tk.prevalence(resampled[1], outcome="HI_CHOL", by="RIAGENDR").row(0, named=True)
    method = resampled[1].design.replicate_method
    assert f"{len(resampled[1].design.replicate_weights)} {method} replicates" == row["variance"]


def test_rows_of_groups_have_their_joint_covariance(resampled):
    study = resampled[1]
    asked = {"outcome": "HI_CHOL", "exposure": "age_mid", "adjust": (), "estimand": "odds_ratio"}
    frame, matrix = tk.association(study, **asked, by="agecat", covariance=True)
    equal(frame["std_error"], np.sqrt(np.diag(matrix)))
    off = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    assert 0 < abs(off) < 1


FOUR = pl.DataFrame(
    {
        "w": [1.0, 2.0, 3.0, 4.0],
        "x": [1.0, 2.0, 4.0, 8.0],
        "g": ["a", "b", "b", "b"],
        "r1": [0.0, 3.0, 3.0, 4.0],
        "r2": [2.0, 1.0, 3.0, 4.0],
    }
)


def declared(**options):
    return tk.Design(weight="w", replicate_weights=["r1", "r2"], **options)


def test_deviations_are_from_the_mean_or_from_the_estimate():
    means = [(2 * 3 + 4 * 3 + 8 * 4) / 10, (1 * 2 + 2 * 1 + 4 * 3 + 8 * 4) / 10]
    full = (1 + 4 + 12 + 32) / 10
    from_mean = sum((m - np.mean(means)) ** 2 for m in means)
    from_estimate = sum((m - full) ** 2 for m in means)
    for mse, total in ((False, from_mean), (True, from_estimate)):
        study = tk.study(FOUR, design=declared(replicate_method="other", replicate_scale=0.7, mse=mse))
        equal(0.7 * total, tk.mean(study, "x")["std_error"].item() ** 2)


@pytest.mark.parametrize(
    ("method", "options", "scale"),
    [
        ("BRR", {}, 1 / 2),
        ("Fay", {"fay_rho": 0.5}, 1 / (2 * 0.25)),
        ("JK1", {}, 1 / 2),
        ("JKn", {"replicate_rscales": (1.0, 1.0)}, 1),
        ("bootstrap", {}, 1),
        ("SDR", {}, 4 / 2),
        ("acs", {}, 4 / 2),
        ("other", {"replicate_rscales": (0.25, 0.25)}, 0.25),
    ],
)
def test_each_method_has_the_scale_of_r(method, options, scale):
    squares = (5.0 - 4.8) ** 2 / 2
    study = tk.study(FOUR, design=declared(replicate_method=method, **options))
    equal(scale * squares, tk.mean(study, "x")["std_error"].item() ** 2)


def test_a_group_without_weight_in_a_replicate_has_no_standard_error():
    study = tk.study(FOUR, design=declared(replicate_method="JK1"))
    rows = tk.mean(study, "x", by="g").rows(named=True)
    assert rows[1]["std_error"] > 0
    assert (1.0, None, "failed") == tuple(rows[0][name] for name in ("estimate", "std_error", "reliability"))
    assert mentions(rows[0]["reason"], "replicates")
    row = tk.prevalence(study, outcome="g", by="g").row(0, named=True)
    assert (1.0, None, "failed") == tuple(row[name] for name in ("estimate", "std_error", "reliability"))


def test_a_model_that_a_replicate_cannot_give_names_it():
    people = FOUR.with_columns(y=pl.Series([0.0, 1.0, 2.0, 5.0]), r3=pl.Series([1.0, 0.0, 5.0, 4.0]))
    design = tk.Design(weight="w", replicate_weights=["r3", "r2", "r1"], replicate_method="JK1")
    with pytest.raises(EstimationError, match=mentioning("replicate", "3 of 3")):
        tk.model(tk.study(people, design=design), "y ~ g", family="gaussian")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, ("'replicate_method'", "BRR", "Fay")),
        ({"replicate_method": "Bootstraps"}, ("'Bootstraps'", "'bootstrap'")),
        ({"replicate_method": "JKn"}, "'replicate_rscales'"),
        ({"replicate_method": "Fay"}, ("'fay_rho'", "0", "1")),
        ({"replicate_method": "other"}, ("'replicate_scale'", "'replicate_rscales'")),
        ({"replicate_method": "JK1", "psu": "x"}, ("strata", "psu")),
        (
            {"replicate_method": "JK1", "replicate_rscales": (1.0,)},
            ("1", "2"),
        ),
    ],
)
def test_a_design_of_replicates_must_be_whole(options, message):
    with pytest.raises(DesignError, match=mentioning(message)):
        declared(**options)


def test_other_slips_in_a_design_of_replicates():
    with pytest.raises(DesignError, match=mentioning("'r1'")):
        tk.Design(weight="w", replicate_weights="r1", replicate_method="JK1")
    with pytest.raises(DesignError, match=mentioning("2", "1")):
        tk.Design(weight="w", replicate_weights=["r1"], replicate_method="JK1")
    with pytest.raises(DesignError, match=mentioning("replicate_weights=")):
        tk.Design(weight="w", replicate_method="JK1")
    with pytest.raises(DesignError, match=mentioning("weight")):
        tk.Design(replicate_weights=["r1", "r2"], replicate_method="JK1")
    with pytest.raises(DesignError, match=mentioning("replicate_weights={")):
        tk.Design(weight={"interview": "w"}, replicate_weights=["r1", "r2"], replicate_method="JK1")
    study = tk.study(FOUR, design=declared(replicate_method="BRR", replicate_scale=3.0))
    with pytest.raises(DesignError, match=mentioning("2", "BRR", "0.5", "'other'")):
        tk.mean(study, "x")


@pytest.mark.parametrize("broken", [None, float("nan"), float("inf")])
def test_a_missing_replicate_weight_is_counted(broken):
    people = FOUR.with_columns(r2=pl.Series([2.0, broken, 3.0, 4.0]))
    study = tk.study(people, design=declared(replicate_method="JK1"))
    with pytest.raises(DesignError, match=mentioning("'r2'", "1", "4")):
        tk.mean(study, "x")


def test_a_replicate_weight_is_a_number():
    design = declared(replicate_method="JK1")
    with pytest.raises(DesignError, match=mentioning("'r2'", "4 of its 4", "Float64")):
        tk.study(FOUR.with_columns(r2=pl.lit("a")), design=design)
    with pytest.raises(DesignError, match=mentioning("'r2'", "Float64")):
        tk.mean(tk.study(FOUR.with_columns(r2=pl.lit(value=True)), design=design), "x")
    text = FOUR.with_columns(pl.col("r2").cast(pl.String))
    expected = tk.mean(tk.study(FOUR, design=design), "x")
    assert expected.equals(tk.mean(tk.study(text, design=design), "x"))


def test_each_component_has_its_own_replicates():
    design = tk.Design(
        weight={"interview": "w"}, replicate_weights={"examination": ["r1", "r2"]}, replicate_method="JK1"
    )
    assert design.columns == ("w", "r1", "r2")
    assert design.replicates_of("examination") == ("r1", "r2")
    with pytest.raises(DesignError, match=mentioning("'interview'", "examination")):
        tk.mean(tk.study(FOUR, design=design), "x")


def test_the_notebook_form_counts_replicates():
    assert "2 JK1 replicate weights" in declared(replicate_method="jk1")._repr_html_()


def test_all_designs_of_r_are_without_replicates():
    assert {()} == {design.replicates_of("any") for design in DESIGNS.values()}


@pytest.mark.parametrize(
    ("interval", "known"),
    [("logit", False), ("likelihood", False), ("xlogit", True), ("korn-graubard", True)],
)
def test_log_odds_without_a_case_in_some_replicate_have_no_interval(interval, known):
    # A jackknife of four participants, of whom one is a case: without that one nobody is.
    factors = 4 / 3 * (1 - np.eye(4))
    columns = {f"r{k}": own for k, own in enumerate(factors)}
    people = pl.DataFrame({"w": 1.0, "y": [1, 0, 0, 0], **columns})
    design = tk.Design(weight="w", replicate_weights=tuple(columns), replicate_method="JK1")
    row = tk.prevalence(tk.study(people, design=design), "y", interval=interval).row(0, named=True)
    # The replicates' prevalences are 0, 1/3, 1/3 and 1/3, with a mean of 1/4.
    error = np.sqrt(3 / 4 * ((1 / 4) ** 2 + 3 * (1 / 12) ** 2))
    assert (0.25, pytest.approx(error)) == (row["estimate"], row["std_error"])
    assert known == (row["conf_low"] is not None)
    assert known or mentions(row["reason"], "log odds", "interval='korn-graubard'")


ESTIMATORS = {
    "prevalence": lambda study: tk.prevalence(study, "y"),
    "mean": lambda study: tk.mean(study, "x"),
    "total": lambda study: tk.survey.total(study, "y"),
    "ratio": lambda study: tk.survey.ratio(study, "x", "z"),
    "quantile": lambda study: tk.survey.quantile(study, "x"),
    "describe": lambda study: tk.describe(study, ["x"]),
    "association": lambda study: tk.association(study, "y", "g", adjust=()),
    "model": lambda study: tk.model(study, "x ~ g", family="gaussian"),
    "margins": lambda study: tk.margins(study, "y ~ g", "g"),
    "chi-square": lambda study: tk.tests.chi_square(study, "y", "g"),
}


@pytest.mark.parametrize("named", ESTIMATORS)
def test_a_replicate_weight_of_zeros_is_refused_by_every_estimator(named: str):
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "y": rng.integers(0, 2, 60), "x": rng.normal(size=60), "z": rng.uniform(1, 2, 60),
            "g": ["a", "b"] * 30, "w": [2.0] * 60,
            **{f"r{k}": rng.uniform(1, 3, 60) * (k != 2) for k in range(4)},
        }
    )  # fmt: skip
    design = tk.Design(weight="w", replicate_weights=[f"r{k}" for k in range(4)], replicate_method="BRR")
    with pytest.raises(DesignError, match=mentioning("'r2'", "0", "60", "replicate_weights=")):
        ESTIMATORS[named](tk.study(frame, design=design))
