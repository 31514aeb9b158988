"""Models over the simulated study and the example cohort equal R's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from toolkit.estimate.regression.likelihoods import Times, fit_cox

FOLDER = Path(__file__).parents[3] / "reference" / "simulated"
ENTRIES = {entry["id"]: entry for entry in json.loads((FOLDER / "models.json").read_text())["entries"]}
FREQUENCY = ["never", "rarely", "sometimes", "often", "almost always"]
ADULTS = "age >= 20"
TERMS = "diabetes_told + age + sex"


@pytest.fixture(scope="module")
def study() -> tk.Study:
    levels = {"cramp_frequency": FREQUENCY, "sex": ["male", "female"]}
    people = pl.read_csv(FOLDER / "frame.csv", infer_schema_length=None).with_columns(
        pl.col(name).cast(pl.Enum(own)) for name, own in levels.items()
    )
    people = people.with_columns(
        pl.col(name).cast(pl.Enum(["no", "yes"])) for name in ("diabetes_told", "any_cramps")
    ).with_columns(
        entry=(pl.col("follow_up") / 3).floor(), tied=(pl.col("follow_up") * 4).ceil() / 4,
        event=pl.col("event") == 1, nights=pl.col("nights").cast(pl.Float64),
    )  # fmt: skip
    return tk.study(
        people, design=tk.Design(weight="weight_interview", strata="stratum", psu="psu"), name="simulated"
    )


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


def of_r(name: str) -> dict[str, Any]:
    return ENTRIES[name]["result"]


def assert_equal(found: pl.DataFrame, r: dict[str, Any], rtol: float = 1e-9, *, log: bool = False) -> None:
    points = np.log(found["estimate"].to_numpy()) if log else found["estimate"].to_numpy()
    np.testing.assert_allclose(points, r["estimate"], rtol=rtol, atol=1e-12)
    if "se" in r:
        np.testing.assert_allclose(found["std_error"], r["se"], rtol=rtol)


def test_the_ordinal_model_equals_r(study) -> None:
    found = tk.model(study, f"cramp_frequency ~ {TERMS}", "ordinal", ADULTS)
    r = of_r("ordinal")
    apart = (found["estimate"].to_numpy() - r["estimate"]) / found["std_error"].to_numpy()
    assert np.abs(apart).max() < 1e-3
    np.testing.assert_allclose(found["std_error"], r["se"], rtol=ENTRIES["ordinal"]["tolerance"])


def test_the_score_of_the_ordinal_model_is_zero(study) -> None:
    """The project's own property: R's optimiser stops before it."""
    from toolkit.estimate.regression.likelihoods import fit_ordinal

    people = study.people.filter(pl.col("age") >= 20).drop_nulls(["cramp_frequency", "diabetes_told"])
    X = np.column_stack([people["diabetes_told"] == "yes", people["age"], people["sex"] == "female"])
    level, weight = people["cramp_frequency"].to_physical().to_numpy(), people["weight_interview"].to_numpy()
    found = fit_ordinal(X.astype(float), level.astype(np.int64), weight)
    beta, cuts = found.points[:3], np.concatenate([[-np.inf], found.points[3:], [np.inf]])

    def chances(beta: np.ndarray, cuts: np.ndarray) -> float:
        below = [1 / (1 + np.exp(X @ beta - cuts[level + k])) for k in (0, 1)]
        return float(weight @ np.log(below[1] - below[0]))

    steps = []
    for k in range(7):
        h = np.zeros(7)
        h[k] = 1e-5
        ends = (chances(beta + s * h[:3], cuts + s * np.concatenate([[0], h[3:], [0]])) for s in (1, -1))
        steps.append((next(ends) - next(ends)) / 2e-5)
    size = np.concatenate([weight @ np.abs(X), np.full(4, weight.sum())])
    assert np.abs(np.array(steps) / size).max() < 1e-7  # of differences
    assert np.abs(found.score).max() / weight.sum() < 1e-10


def test_the_multinomial_model_equals_r(study) -> None:
    found = tk.model(study, f"cramp_frequency ~ {TERMS}", "multinomial", ADULTS)
    np.testing.assert_allclose(found["estimate"], of_r("multinomial")["estimate"], rtol=1e-7, atol=1e-9)
    assert FREQUENCY[1:] == found["outcome_level"].unique(maintain_order=True).to_list()


def test_the_negative_binomial_model_equals_r(study) -> None:
    found = tk.model(study, f"nights ~ {TERMS}", "negative-binomial", ADULTS)
    r, errors = of_r("negative-binomial"), ENTRIES["negative-binomial-se"]
    expected = [*r["estimate"], r["dispersion"]]
    np.testing.assert_allclose(found["estimate"], expected, rtol=ENTRIES["negative-binomial"]["tolerance"])
    np.testing.assert_allclose(found["std_error"], errors["result"]["se"], rtol=errors["tolerance"])


def test_firths_logit_equals_r(study) -> None:
    people = study.people.filter((pl.col("age") >= 70) & (pl.col("race_ethnicity") == "other hispanic"))
    some = tk.study(people, design=tk.Design.none(), name="some")
    found = tk.model(some, "any_cramps ~ diabetes_told + age", "firth")
    r = ENTRIES["firth"]
    np.testing.assert_allclose(found["estimate"], r["result"]["estimate"], rtol=r["tolerance"])
    assert r["result"]["n"] == found["n"][0]


def test_cox_models_equal_r(study) -> None:
    found, covariance = tk.model(
        study, "Surv(tied, event) ~ diabetes_told + age", "cox", ADULTS, covariance=True
    )
    assert_equal(found, of_r("cox-efron"))
    np.testing.assert_allclose(covariance.ravel(), of_r("cox-efron")["vcov"], rtol=1e-9)
    late = tk.model(
        study, "Surv(entry, tied, event) ~ diabetes_told + age + strata(sex)", "cox",
        f"{ADULTS} and tied > entry",
    )  # fmt: skip
    assert_equal(late, of_r("cox-entry-strata"))


def test_breslows_ties_equal_r(study) -> None:
    people = study.people.filter(pl.col("age") >= 20).drop_nulls("diabetes_told")
    X = np.column_stack([people["diabetes_told"] == "yes", people["age"]]).astype(float)
    times = Times(people["tied"].to_numpy(), people["event"].to_numpy())
    found = fit_cox(X, times, people["weight_interview"].to_numpy(), ties="breslow")
    np.testing.assert_allclose(found.points, of_r("cox-breslow")["estimate"], rtol=1e-9)


@pytest.mark.parametrize("sex", ["male", "female"])
def test_survival_curves_equal_r(sex, study) -> None:
    found = tk.survival(study, time="tied", event="event", at=(1, 2, 5, 9), by="sex", domain=ADULTS)
    own, r = found.filter(sex=sex), ENTRIES[f"km-{sex}"]
    np.testing.assert_allclose(own["estimate"], r["result"]["survival"], rtol=1e-9)
    np.testing.assert_allclose(own["std_error"], r["result"]["se"], rtol=r["tolerance"])


def test_rates_and_their_ratio_equal_r(study) -> None:
    rates = tk.rate(study, events="event", time="follow_up", by="sex", domain=ADULTS).sort("sex")
    assert ["female", "male"] == rates["sex"].to_list()
    assert_equal(rates, of_r("rate"))
    ratio = tk.model(study, "nights ~ diabetes_told + age", "poisson", ADULTS, "log(diary)")
    assert_equal(ratio, of_r("rate-ratio"))


@pytest.mark.parametrize(
    ("estimand", "family"), [("prevalence_ratio", "poisson"), ("odds_ratio", "binomial")]
)
def test_curves_equal_r(estimand, family, study) -> None:
    r = of_r(f"curve-{family}")
    asked = {"outcome": "any_cramps", "exposure": "age", "adjust": "sex", "domain": ADULTS}
    found = tk.curve(
        study,
        **asked,
        knots=(30, 45, 60, 75),
        at=(25, 40, 55, 70),
        reference=50,
        estimand=estimand,
        df="model",
    )
    assert_equal(found.head(4), r, log=True)
    tests = found.tail(2)
    np.testing.assert_allclose(tests["statistic"], r["F"], rtol=1e-8)
    np.testing.assert_allclose(tests["p_value"], r["p"], rtol=1e-7)
    assert {r["df"]} == set(found["df"])
    name = {"poisson": "poisson", "binomial": "logit"}[family]
    terms = tk.model(study, "any_cramps ~ rcs(age, 30, 45, 60, 75) + sex", name, ADULTS)
    np.testing.assert_allclose(terms["estimate"], r["terms"], rtol=1e-8)
    np.testing.assert_allclose(terms["std_error"], r["terms_se"], rtol=1e-8)


INTERACTIONS = {
    "prevalence_ratio": "poisson",
    "odds_ratio": "binomial",
    "prevalence_difference": "gaussian",
}


@pytest.mark.parametrize("estimand", INTERACTIONS)
def test_interactions_equal_r(estimand, study) -> None:
    r = of_r(f"interaction-{INTERACTIONS[estimand]}")
    found = tk.interaction(
        study, outcome="any_cramps", exposures=("diabetes_told", "sex"), adjust="age", estimand=estimand,
        domain=ADULTS, df="model",
    )  # fmt: skip
    points = [np.log(e) if s == "log" else e for e, s in found.select("estimate", "scale").iter_rows()]
    np.testing.assert_allclose(points, r["estimate"], rtol=1e-9)
    np.testing.assert_allclose(found["std_error"], r["se"], rtol=1e-8)
    assert {r["df"]} == set(found["df"])


@pytest.mark.parametrize("family", ["binomial", "gaussian"])
@pytest.mark.parametrize("correlation", ["independence", "exchangeable"])
def test_estimating_equations_equal_r(correlation, family, cohort) -> None:
    entry = ENTRIES[f"gee/{correlation}/{family}"]
    r, name = entry["result"], {"binomial": "logit"}.get(family, family)
    found = tk.gee(cohort, "any_cramps ~ sex + age + mass", name, correlation)
    # R's robust errors lack the factor of the persons over the persons less 1: those of the whole study, of
    # whom one has no visit with all values.
    persons = cohort.people.height
    assert persons == r["clusters"] + 1
    factor = np.sqrt(persons / (persons - 1))
    np.testing.assert_allclose(found["estimate"], r["estimate"], rtol=entry["tolerance"])
    np.testing.assert_allclose(found["std_error"], factor * np.array(r["se"]), rtol=entry["tolerance"])
    assert {r["n"]} == set(found["n"])


@pytest.mark.parametrize("stratum", ["month", "weekday"])
def test_a_case_crossover_equals_r(stratum, cohort) -> None:
    r = of_r(f"case-crossover/{stratum}")
    told = {"weekday": "weekday of the month"}.get(stratum, stratum)
    row = tk.case_crossover(cohort, exposures="slept", stratum=told).row(0, named=True)
    assert r["estimate"] == pytest.approx(np.log(row["estimate"]), rel=1e-8)
    assert (r["n"], r["n_cases"]) == (row["n"], row["n_cases"])
    # Robust against the likelihood's own error: of one size, and not the same.
    assert 0.5 < row["std_error"] / r["model_se"] < 2
    assert row["std_error"] != pytest.approx(r["model_se"], rel=1e-3)
