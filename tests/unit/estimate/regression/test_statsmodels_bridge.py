"""Fits of statsmodels have the standard errors of the survey design, as R's svyglm, and misuse is refused."""

import json
import re
import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

import toolkit as tk
from toolkit.estimate.regression.likelihoods import STATSMODELS_FAMILIES

REFERENCE = Path(__file__).parents[3] / "reference"
ENTRIES = json.loads((REFERENCE / "statsmodels" / "expected.json").read_text())["entries"]
LINKS = sm.families.links
FAMILIES = {"NegativeBinomial": {"alpha": 0.8}, "Tweedie": {"var_power": 1.5}}
OWN = {("Binomial", "Logit"): "logit", ("Poisson", "Log"): "poisson", ("Gaussian", "Identity"): "gaussian"}
NAMES = OWN | {pair: name for name, pair in STATSMODELS_FAMILIES.items()}


def family_of(distribution: str, link: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Some links are outside of the distribution's own list.
        return getattr(sm.families, distribution)(getattr(LINKS, link)(), **FAMILIES.get(distribution, {}))


def fit(sample: Any, family: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = {"var_weights": sample.weights, "offset": sample.offset} | options
        return sm.GLM(sample.endog, sample.exog, family=family, **chosen).fit(maxiter=200)


@pytest.fixture(scope="module")
def studies() -> dict[str, tk.Study]:
    simulated = pl.read_csv(REFERENCE / "statsmodels" / "simulated.csv")
    schools = {
        name: pl.read_csv(REFERENCE / "r-survey" / "data" / f"{name}.csv", infer_schema_length=None)
        for name in ("apistrat", "apiclus1", "apiclus2", "nhanes")
    }
    types = {"stype": {"E": 4421.0, "H": 755.0, "M": 1018.0}}
    clusters = tk.Design(weight="weight", strata="stratum", psu="psu")
    found = {
        "simulated": tk.study(simulated, design=clusters, name="simulated"),
        "simulated_fpc": tk.study(
            simulated, design=tk.Design(weight="weight", strata="stratum", psu="psu", fpc="drawn"), name="fpc"
        ),
        "apistrat": tk.study(
            schools["apistrat"], design=tk.Design(weight="pw", strata="stype", fpc="fpc"), name="apistrat"
        ),
        "apiclus2": tk.study(
            schools["apiclus2"],
            design=tk.Design(weight="pw", psu=("dnum", "snum"), fpc=("fpc1", "fpc2")),
            name="apiclus2",
        ),
        "apiclus1_calibrated": tk.study(
            schools["apiclus1"],
            design=tk.Design(weight="pw", psu="dnum", fpc="fpc").calibrated(types),
            name="apiclus1",
        ),
        "nhanes": tk.study(
            # R enters RIAGENDR as a number; halves keep it one here.
            schools["nhanes"].with_columns(RIAGENDR=pl.col("RIAGENDR").cast(pl.Float64)),
            design=tk.Design(weight="WTMEC2YR", strata="SDMVSTRA", psu="SDMVPSU"),
            name="nhanes",
        ),
    }
    found["simulated_replicates"] = tk.replicates(found["simulated"], method="JKn")
    return found


def require_equal(found: pl.DataFrame, covariance: np.ndarray, r: dict[str, Any]) -> None:
    # R stops each replicate's fit on the deviance, which leaves half of the digits of the coefficients open.
    rtol = 1e-8 if "replicates" in r["study"] else 1e-9
    np.testing.assert_allclose(found["estimate"], r["estimate"], rtol=rtol)
    np.testing.assert_allclose(found["std_error"], r["se"], rtol=rtol)
    np.testing.assert_allclose(
        covariance.ravel(), r["vcov"], rtol=rtol, atol=rtol * np.max(np.square(r["se"]))
    )
    np.testing.assert_allclose(found["conf_low"], r["low"], rtol=rtol, atol=rtol)
    np.testing.assert_allclose(found["conf_high"], r["high"], rtol=rtol, atol=rtol)
    assert {r["df"]} == set(found["df"])


@pytest.mark.parametrize("r", ENTRIES, ids=[entry["id"] for entry in ENTRIES])
def test_a_fit_of_statsmodels_equals_r(r, studies) -> None:
    sample = tk.design_matrix(studies[r["study"]], r["formula"], r["domain"], offset=r["offset"])
    fitted = fit(sample, family_of(r["distribution"], r["link"]))
    require_equal(*tk.survey_inference(fitted, sample, covariance=True), r)


NAMED = [entry for entry in ENTRIES if (entry["distribution"], entry["link"]) in NAMES]


@pytest.mark.parametrize("r", NAMED, ids=[entry["id"] for entry in NAMED])
def test_a_family_of_tk_model_equals_r(r, studies) -> None:
    name = NAMES[r["distribution"], r["link"]]
    found = tk.model(
        studies[r["study"]], r["formula"], name, r["domain"], offset=r["offset"], covariance=True
    )
    require_equal(*found, r)


def test_every_family_of_statsmodels_is_compared_with_r() -> None:
    assert {*NAMES.values()} == {NAMES[entry["distribution"], entry["link"]] for entry in NAMED}


BINOMIAL = sm.families.Binomial()
FORMULA = "cramps ~ age + group"


@pytest.fixture(scope="module")
def sample(studies) -> Any:
    return tk.design_matrix(studies["simulated"], FORMULA)


@pytest.fixture(scope="module")
def fitted(sample) -> Any:
    return fit(sample, BINOMIAL)


def test_the_influence_values_are_scores_times_the_inverse_information(sample, fitted) -> None:
    """By the textbook formula of strata and PSUs, from statsmodels' own scores and Hessian."""
    points = fitted.params.to_numpy()
    bread = np.linalg.inv(-fitted.model.hessian(points, scale=1.0, observed=False))
    influence = fitted.model.score_obs(points, scale=1.0) @ bread
    variance = np.zeros((4, 4))
    for stratum in np.unique(sample.strata):
        units = np.unique(sample.psus[0][sample.strata == stratum])
        totals = np.array([influence[sample.psus[0] == unit].sum(axis=0) for unit in units])
        centered = totals - totals.mean(axis=0)
        variance += len(units) / (len(units) - 1) * centered.T @ centered
    _, covariance = tk.survey_inference(fitted, sample, covariance=True)
    np.testing.assert_allclose(covariance, variance, rtol=1e-8)


def test_the_arrays_are_those_of_the_participants(studies) -> None:
    study = studies["apiclus2"]
    people = study.people
    found = tk.design_matrix(study, "awards ~ meals + stype", "ell > 5", offset="log(api00)")
    inside = people.filter(pl.col("ell") > 5).drop_nulls(["awards", "meals", "stype"])
    assert ("awards", inside.height) == (found.outcome, found.n)
    assert ("intercept", "meals", "stype: H", "stype: M") == found.names == tuple(found.exog.columns)
    np.testing.assert_array_equal(found.X[:, 1], inside["meals"])
    np.testing.assert_array_equal(found.y, (inside["awards"] == "Yes").cast(pl.Float64))
    np.testing.assert_array_equal(found.weights, inside["pw"])
    np.testing.assert_allclose(found.offset, np.log(inside["api00"]))
    assert found.strata is not None
    assert {0} == set(found.strata)
    for unit, name in zip(found.psus, ("dnum", "snum"), strict=True):
        pairs = set(zip(unit.tolist(), inside[name].to_list(), strict=True))
        assert len(pairs) == inside[name].n_unique() == len(set(unit.tolist()))


def test_rows_are_participants_where_nothing_is_continuous(studies) -> None:
    found = tk.design_matrix(studies["simulated"], "cramps ~ group")
    assert found.n == studies["simulated"].people.height
    ours = tk.model(studies["simulated"], "cramps ~ group", covariance=True)
    theirs = tk.survey_inference(fit(found, BINOMIAL), found, covariance=True)
    np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-9)
    np.testing.assert_allclose(theirs[0]["estimate"], ours[0]["estimate"], rtol=1e-9)
    shared = [name for name in ours[0].columns if ours[0][name].dtype != pl.Float64]
    assert theirs[0].select(shared).equals(ours[0].select(shared))


def test_the_repr_shows_counts_and_no_participant(studies, sample) -> None:
    assert "n=900, columns=['intercept', 'age', 'group: b', 'group: c']" in repr(sample)
    assert "6 strata, 30 sampling units" in repr(sample)
    made = tk.design_matrix(studies["simulated_replicates"], FORMULA)
    assert (None, ()) == (made.strata, made.psus)
    assert "30 JKn replicates" in repr(made)


@pytest.mark.parametrize(
    ("family", "formula", "options", "estimand"),
    [
        (BINOMIAL, FORMULA, {"exponentiate": True}, "odds_ratio"),
        (family_of("Binomial", "Log"), FORMULA, {"exponentiate": True}, "prevalence_ratio"),
        (sm.families.Poisson(), "nights ~ age", {"exponentiate": True}, "rate_ratio"),
        (family_of("NegativeBinomial", "Log"), "nights ~ age", {"exponentiate": True}, "rate_ratio"),
        (sm.families.Poisson(), FORMULA, {"estimand": "hazard_ratio"}, "hazard_ratio"),
    ],
)
def test_ratios_are_exponentials(family, formula, options, estimand, studies) -> None:
    made = tk.design_matrix(studies["simulated"], formula)
    fitted = fit(made, family)
    plain, ratios = tk.survey_inference(fitted, made), tk.survey_inference(fitted, made, **options)
    assert ["coefficient"] + [estimand] * (len(made.names) - 1) == ratios["estimand"].to_list()
    np.testing.assert_allclose(ratios["estimate"][1:], np.exp(plain["estimate"][1:]))
    np.testing.assert_allclose(ratios["conf_high"][1:], np.exp(plain["conf_high"][1:]))
    assert ratios["p_value"].to_list() == plain["p_value"].to_list()


def test_options_reach_the_rows(sample, fitted) -> None:
    narrow = tk.survey_inference(fitted, sample, confidence=0.5, df="design")
    assert {24.0} == set(narrow["df"])
    wide = tk.survey_inference(fitted, sample)
    assert (narrow["conf_low"] > wide["conf_low"]).all()


@pytest.mark.parametrize("kind", ["freq_weights", "var_weights"])
@pytest.mark.parametrize("scale", [1.0, 1 / 400])
def test_either_kind_of_weights_and_any_scale_give_the_same(kind, scale, sample, fitted) -> None:
    chosen = {"var_weights": None, kind: sample.weights * scale}
    again = tk.survey_inference(fit(sample, BINOMIAL, **chosen), sample)
    ours = tk.survey_inference(fitted, sample)
    np.testing.assert_allclose(again["std_error"], ours["std_error"], rtol=1e-9)


def test_an_exposure_of_statsmodels_is_an_offset(studies) -> None:
    made = tk.design_matrix(studies["simulated"], "nights ~ age", offset="log(years)")
    years = studies["simulated"].people["years"].to_numpy()
    found = tk.survey_inference(fit(made, sm.families.Poisson(), offset=None, exposure=years), made)
    same = tk.survey_inference(fit(made, sm.families.Poisson()), made)
    np.testing.assert_allclose(found["std_error"], same["std_error"], rtol=1e-12)


def permuted(sample: Any) -> Any:
    order = np.random.default_rng(1).permutation(sample.n)
    model = sm.GLM(sample.y[order], sample.X[order], family=BINOMIAL, var_weights=sample.weights[order])
    return model.fit()


def glm(sample: Any, y: Any = None, X: Any = None, **options: Any) -> Any:
    y, X = sample.y if y is None else y, sample.X if X is None else X
    return sm.GLM(y, X, family=options.pop("family", BINOMIAL), **{"var_weights": sample.weights} | options)


MISUSED = {
    "fewer rows": (lambda s: glm(s, s.y[9:], s.X[9:], var_weights=s.weights[9:]).fit(), ["891", "900"]),
    "other order": (permuted, ["'cramps'", "of 900"]),
    "fewer columns": (lambda s: glm(s, X=s.X[:, :3]).fit(), ["3 columns", "4", "tk.design_matrix("]),
    "other column": (lambda s: glm(s, X=s.X * [1, 2, 1, 1]).fit(), ["'age'", "900 of 900"]),
    "no weights": (lambda s: glm(s, var_weights=None).fit(), ["no weights", "var_weights=d.weights"]),
    "other weights": (lambda s: glm(s, var_weights=s.weights**2).fit(), ["weights", "var_weights=d.weights"]),
    "an offset": (lambda s: glm(s, offset=s.X[:, 1]).fit(), ["offset", "tk.design_matrix(..., offset="]),
    "few iterations": (lambda s: glm(s).fit(maxiter=1), ["standard errors", "convergence: .fit(maxiter=200"]),
    "ridge": (lambda s: glm(s).fit_regularized(alpha=0.1, L1_wt=0.0), ["regularized", ".fit()"]),
    "lasso": (lambda s: glm(s).fit_regularized(alpha=0.1), ["regularized", ".fit()"]),
    "lasso, fitted again": (
        lambda s: glm(s, var_weights=s.weights / s.weights.mean()).fit_regularized(alpha=0.2, refit=True),
        ["standard errors", ".fit(maxiter=200, tol=1e-10)"],
    ),
    "a constraint": (
        lambda s: glm(s).fit_constrained((np.array([[0.0, 1, 0, 0]]), np.array([0.05]))),
        ["'", "standard errors"],
    ),
    "a discrete model": (lambda s: sm.Logit(s.y, s.X).fit(disp=0), ["LogitResults", "sm.GLM("]),
    "least squares": (lambda s: sm.WLS(s.y, s.X, weights=s.weights).fit(), ["RegressionResults", "sm.GLM("]),
    "estimating equations": (
        lambda s: sm.GEE(s.y, s.X, s.psus[0], family=BINOMIAL).fit(),
        ["GEEResults", "sm.GLM("],
    ),
}


@pytest.mark.parametrize("misused", MISUSED)
def test_another_fit_is_refused_with_the_remedy(misused, sample) -> None:
    make, said = MISUSED[misused]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = make(sample)
    with pytest.raises(tk.EstimationError) as caught:
        tk.survey_inference(wrong, sample)
    for part in said:
        assert part in str(caught.value)


def test_collinear_columns_and_separation_are_named(studies) -> None:
    twice = studies["simulated"].derive("twice", pl.col("age") * 2.0).derive("old", pl.col("age") > 50)
    collinear = tk.design_matrix(twice, "cramps ~ age + twice")
    with pytest.raises(tk.EstimationError, match="'twice'.*'age'"):
        tk.survey_inference(fit(collinear, BINOMIAL), collinear)
    separated = tk.design_matrix(twice, "old ~ age")
    with pytest.raises(tk.EstimationError, match="'old'.*'age'"):
        tk.survey_inference(fit(separated, family_of("Binomial", "Probit")), separated)


@pytest.mark.parametrize("estimand", ["odds_ratio", "prevalence_ratio", "oddsratio"])
def test_a_ratio_that_the_link_does_not_give_is_refused(estimand, sample) -> None:
    probit = fit(sample, family_of("Binomial", "Probit"))
    with pytest.raises(tk.EstimationError, match=f"'{estimand}'.*coefficient"):
        tk.survey_inference(probit, sample, estimand=estimand)
    with pytest.raises(tk.EstimationError, match="probit.*exponentiate=True"):
        tk.survey_inference(probit, sample, exponentiate=True)


@pytest.mark.parametrize(
    ("formula", "family", "said"),
    [
        ("nights ~ age", "gamma", r"'nights' is 0 or below for \d+ of 900.*'nights > 0'"),
        ("cramps ~ age", "gamma", "'cramps' has 2 levels.*family='poisson'"),
        ("cost ~ age", "cauchit", "'cost'.*study.derive"),
        ("lost ~ age", "poisson-identity", r"'lost' is below 0 for 900 of 900.*'lost >= 0'"),
    ],
)
def test_an_outcome_that_a_family_cannot_have_is_refused(formula, family, said, studies) -> None:
    study = studies["simulated"].derive("lost", -pl.col("cost"))
    with pytest.raises(tk.VariableError) as caught:
        tk.model(study, formula, family)
    assert re.search(said, str(caught.value))


def test_means_on_the_boundary_are_refused() -> None:
    people = pl.DataFrame({"y": [1] * 20 + [0, 1] * 10, "g": ["a"] * 20 + ["b"] * 20})
    study = tk.study(people, design=tk.Design.none(), name="edge")
    for family in ("log-binomial", "binomial-identity"):
        with pytest.raises(tk.EstimationError, match="'y'"):
            tk.model(study, "y ~ g", family)


def test_the_example_of_the_documentation_runs(tmp_path, capsys) -> None:
    page = (REFERENCE.parents[1] / "docs" / "statsmodels.md").read_text()
    (code,) = re.findall(r"```\{code-cell\}\n(.*?)```", page, re.DOTALL)
    (tmp_path / "example.py").write_text(code)
    made = runpy.run_path(str(tmp_path / "example.py"))
    assert "sex: female" in capsys.readouterr().out
    assert tk.survey_inference(made["fitted"], made["sample"]).height == len(made["sample"].names)


def test_the_documentation_counts_the_models_that_are_compared() -> None:
    page = (REFERENCE.parents[1] / "docs" / "statsmodels.md").read_text()
    distributions, links, designs = (
        len({entry[key] for entry in ENTRIES}) for key in ("distribution", "link", "study")
    )
    assert f"{len(ENTRIES)} models are compared" in page
    assert f"{distributions} distributions and {links} links" in page
    assert f"{designs} designs" in page
