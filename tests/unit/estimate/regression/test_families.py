"""Models beyond the generalised linear ones equal R's, and statsmodels' where there are no weights."""

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.estimate.associations.models import model
from toolkit.studies import Study

OF_R = "ordered4 ~ female + age_mid"


@pytest.fixture(scope="session")
def people_of_r(r_studies) -> Study:
    study = r_studies["nhanes"]
    people = study.people.with_columns(female=(pl.col("RIAGENDR") == 2), race=pl.col("race").cast(pl.String))
    return tk.study(people, design=study.design, name="nhanes of R")


def design_df(study: Study) -> int:
    units = study.people.select("SDMVSTRA", "SDMVPSU").unique()
    return units.height - units["SDMVSTRA"].n_unique()


def test_the_cox_model_equals_r(people_of_r, expected) -> None:
    r = expected["nhanes/cox"]["result"]["stat"]
    found, covariance = model(
        people_of_r, "Surv(follow_up, event) ~ female + age_mid", "cox", covariance=True
    )
    np.testing.assert_allclose(found["estimate"], r["estimate"], rtol=1e-9)
    np.testing.assert_allclose(found["std_error"], r["se"], rtol=1e-9)
    np.testing.assert_allclose(covariance.ravel(), r["vcov"], rtol=1e-9)
    assert {design_df(people_of_r) - 2 + 1} == set(found["df"])
    assert {int(people_of_r.people["event"].sum())} == set(found["n_cases"])


def assert_near_r(found: pl.DataFrame, entry: dict) -> None:
    """R's optimiser stops early: within 0.005 of a standard error; standard errors to 1e-3."""
    r = entry["result"]
    points = [*r["coefficients"], *r["intercepts"]]
    np.testing.assert_allclose(found["std_error"], r["se"], rtol=entry["tolerance"])
    assert np.abs((found["estimate"].to_numpy() - points) / found["std_error"].to_numpy()).max() < 0.005


def test_the_ordinal_model_equals_r(people_of_r, expected) -> None:
    found = model(people_of_r, OF_R, "ordinal")
    assert_near_r(found, expected["nhanes/ordinal"])
    assert ["coefficient"] * 2 + ["cutpoint"] * 3 == found["estimand"].to_list()
    assert ["0 | 1", "1 | 2", "2 | 3"] == found["level"].to_list()[2:]
    # As svyolr: PSUs minus strata minus slopes.
    assert {design_df(people_of_r) - 2} == set(found["df"])


@pytest.mark.nhanes
def test_the_cramp_frequency_of_nhanes_equals_r(nhanes, expected_nhanes) -> None:
    found = model(nhanes, "cramp_frequency ~ diabetes_told + age + sex", "ordinal", "age >= 20")
    assert_near_r(found, expected_nhanes["ordinal/frequency-diabetes"])
    assert {"interview"} == set(found["weight"])


def sampled(seed: int = 3, n: int = 600) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    age, group = rng.uniform(20, 80, n), rng.choice(["a", "b", "c"], n)
    drift = 0.03 * (age - 50) + 0.5 * (group == "b")
    latent = drift + rng.logistic(size=n)
    time = rng.exponential(np.exp(-drift) * 5, n)
    entry = rng.uniform(0, 1, n)
    end = entry + rng.uniform(0.5, 6, n)
    return pl.DataFrame(
        {
            "age": age,
            "group": group,
            "level": pl.Series(np.digitize(latent, [-1, 0, 1.5])).cast(pl.String).cast(pl.Enum("0123")),
            "nights": rng.negative_binomial(1.5, 1.5 / (1.5 + np.exp(0.3 + drift))).astype(float),
            "entry": np.floor(entry * 4) / 4 + 0.01,
            # Whole quarters of a year, so that there are ties.
            "time": np.ceil(np.minimum(entry + time, end) * 4) / 4,
            "event": entry + time <= end,
            "w": rng.exponential(1, n) + 0.2,
            "stratum": np.repeat(np.arange(10), n // 10),
            "psu": np.tile([0, 1, 2], n // 3),
        }
    )


ASKED = {
    "ordinal": "level ~ age + group",
    "multinomial": "level ~ age + group",
    "negative-binomial": "nights ~ age + group",
    "cox": "Surv(entry, time, event) ~ age + group",
    "firth": "event ~ age + group",
}


@pytest.fixture(scope="module")
def unweighted() -> Study:
    return tk.study(sampled(), design=tk.Design.none(), name="made")


@pytest.fixture(scope="module")
def dummies() -> np.ndarray:
    people = sampled()
    return np.column_stack([people["age"], *(people["group"] == level for level in "bc")]).astype(float)


def test_the_ordinal_model_is_that_of_statsmodels(unweighted, dummies) -> None:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    levels = unweighted.people["level"].cast(pl.String).cast(pl.Int64).to_numpy()
    peer = OrderedModel(levels, dummies, distr="logit").fit(method="newton", maxiter=100, tol=1e-14, disp=0)
    ours = model(unweighted, ASKED["ordinal"], "ordinal")["estimate"].to_numpy()
    cuts = peer.model.transform_threshold_params(peer.params)[1:-1]
    np.testing.assert_allclose(ours, [*peer.params[:3], *cuts], rtol=1e-6, atol=1e-8)


def test_the_multinomial_model_is_that_of_statsmodels(unweighted, dummies) -> None:
    import statsmodels.api as sm

    levels = unweighted.people["level"].cast(pl.String).cast(pl.Int64).to_numpy()
    peer = sm.MNLogit(levels, sm.add_constant(dummies)).fit(method="newton", maxiter=100, tol=1e-14, disp=0)
    ours = model(unweighted, ASKED["multinomial"], "multinomial")
    np.testing.assert_allclose(ours["estimate"], np.asarray(peer.params).T.ravel(), rtol=1e-8)
    assert ["1"] * 4 + ["2"] * 4 + ["3"] * 4 == ours["outcome_level"].to_list()


def test_the_negative_binomial_model_is_that_of_statsmodels(unweighted, dummies) -> None:
    import statsmodels.api as sm

    peer = sm.NegativeBinomial(unweighted.people["nights"].to_numpy(), sm.add_constant(dummies)).fit(
        method="newton", maxiter=200, tol=1e-14, disp=0, start_params=[0.3, 0, 0, 0, 0.5]
    )
    ours = model(unweighted, ASKED["negative-binomial"], "negative-binomial")
    np.testing.assert_allclose(ours["estimate"], peer.params, rtol=1e-6)
    assert ("dispersion", "log") == ours.select("estimand", "scale").row(-1)


def test_the_cox_model_is_that_of_statsmodels(unweighted, dummies) -> None:
    from statsmodels.duration.hazard_regression import PHReg

    people = unweighted.people
    peer = PHReg(
        people["time"].to_numpy(),
        dummies,
        people["event"].to_numpy().astype(int),
        entry=people["entry"].to_numpy(),  # none equals a time: there the two draw the line differently
        ties="efron",
    ).fit(disp=0)
    ours = model(unweighted, ASKED["cox"], "cox")["estimate"]
    np.testing.assert_allclose(ours, peer.params, rtol=1e-5)


def test_strata_have_a_baseline_each(unweighted, dummies) -> None:
    from statsmodels.duration.hazard_regression import PHReg

    people = unweighted.people
    peer = PHReg(
        people["time"].to_numpy(),
        dummies[:, :1],
        people["event"].to_numpy().astype(int),
        strata=dummies[:, 1] + 2 * dummies[:, 2],
        ties="efron",
    ).fit(disp=0)
    ours = model(unweighted, "Surv(time, event) ~ age + strata(group)", "cox")["estimate"]
    np.testing.assert_allclose(ours, peer.params, rtol=1e-5)


def jackknifed() -> Study:
    """Leave each PSU out in turn, its weight going to the others of its stratum."""
    people, names = sampled(), []
    for stratum, psu in people.select("stratum", "psu").unique(maintain_order=True).iter_rows():
        same, own = pl.col("stratum") == stratum, pl.col("psu") == psu
        weight = pl.when(same & own).then(0.0).when(same).then(1.5 * pl.col("w")).otherwise(pl.col("w"))
        names.append(f"jk{stratum}_{psu}")
        people = people.with_columns(weight.alias(names[-1]))
    design = tk.Design(
        weight="w",
        replicate_weights=tuple(names),
        replicate_method="JKn",
        replicate_scale=1.0,
        replicate_rscales=(2 / 3,) * len(names),
        mse=True,
    )
    return tk.study(people, design=design, name="made")


@pytest.fixture(scope="module")
def replicated() -> Study:
    return jackknifed()


@pytest.mark.parametrize("family", ASKED)
def test_a_jackknife_agrees_with_the_influence_values(family: str, replicated) -> None:
    """Fits without each PSU have the variance that the influence values tell, but for O(1 / n)."""
    study = tk.study(sampled(), design=tk.Design(weight="w", strata="stratum", psu="psu"), name="made")
    ours, covariance = model(study, ASKED[family], family, covariance=True)
    refitted = model(replicated, ASKED[family], family)
    np.testing.assert_allclose(refitted["estimate"], ours["estimate"], rtol=1e-12)
    np.testing.assert_allclose(refitted["std_error"], ours["std_error"], rtol=0.12)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), ours["std_error"], rtol=1e-12)


@pytest.mark.parametrize("family", ASKED)
def test_the_scale_of_weights_and_the_order_of_rows_do_not_matter(family: str) -> None:
    people, design = sampled(), tk.Design(weight="w", strata="stratum", psu="psu")
    ours = model(tk.study(people, design=design, name="made"), ASKED[family], family)
    other = people.sample(fraction=1, shuffle=True, seed=1).with_columns(pl.col("w") * 1e5)
    again = model(tk.study(other, design=design, name="made"), ASKED[family], family)
    np.testing.assert_allclose(again["estimate"], ours["estimate"], rtol=1e-9)
    np.testing.assert_allclose(again["std_error"], ours["std_error"], rtol=1e-8)


@pytest.mark.parametrize("family", ASKED)
def test_by_and_domain_give_the_same_rows(family: str) -> None:
    study = tk.study(
        sampled(), design=tk.Design(weight="w", strata="stratum", psu="psu"), name="made"
    ).derive("old", "age >= 50")
    formula = ASKED[family].replace(" + group", "")
    within = model(study, formula, family, by="old", exponentiate=True).filter(pl.col("old") == "yes")
    alone = model(study, formula, family, "age >= 50", exponentiate=True)
    for column in ("estimate", "std_error", "conf_low", "conf_high", "n"):
        np.testing.assert_allclose(within[column], alone[column], rtol=1e-10)


RATIOS = {
    "ordinal": "cumulative_odds_ratio",
    "multinomial": "relative_risk_ratio",
    "negative-binomial": "rate_ratio",
    "cox": "hazard_ratio",
    "firth": "odds_ratio",
}


@pytest.mark.parametrize("family", ASKED)
def test_exponentiated_rows_are_ratios_and_the_rest_stays(family: str, unweighted) -> None:
    plain = model(unweighted, ASKED[family], family)
    ratios = model(unweighted, ASKED[family], family, exponentiate=True)
    terms = plain["exposure"].is_not_null()
    assert {RATIOS[family]} == set(ratios.filter(terms)["estimand"])
    assert {"log"} == set(ratios.filter(terms)["scale"])
    np.testing.assert_allclose(ratios.filter(terms)["estimate"], np.exp(plain.filter(terms)["estimate"]))
    assert plain.filter(~terms).equals(ratios.filter(~terms))


@pytest.mark.parametrize(
    ("formula", "family", "remedy"),
    [
        ("event ~ age", "cox", "Surv(first_cramp_days, first_cramp)"),
        ("Surv(time) ~ age", "cox", "Surv(entry, time, event)"),
        ("Surv(event, time) ~ age", "cox", "Surv(time, event)"),
        ("Surv(time, event) ~ age", "logit", "family='cox'"),
        ("event ~ age + strata(group)", "logit", ("strata(...)", "family='cox'")),
        ("Surv(time, event) ~ age * strata(group)", "cox", "strata(sex, region)"),
        ("Surv(time, event) ~ group + strata(age)", "cox", "study.derive('age_group', ...)"),
        ("Surv(time, event) ~ age - 1", "cox", ("'- 1'", "'0 +'")),
        ("event ~ age", "ordinal", "family='logit'"),
        ("age ~ group", "multinomial", ("family='gaussian'", "'negative-binomial'")),
        ("event ~ age", "negative-binomial", "family='poisson'"),
    ],
)
def test_what_a_family_cannot_read_says_what_to_write(formula, family, remedy, unweighted) -> None:
    with pytest.raises(tk.VariableError) as caught:
        model(unweighted, formula, family)
    assert mentions(caught.value, remedy)


def test_time_before_entry_is_counted_and_refused(unweighted) -> None:
    late = unweighted.derive("late", pl.col("time") + 1.0)
    with pytest.raises(tk.VariableError, match=mentioning("'time'", "'late'", "600")):
        model(late, "Surv(late, time, event) ~ age", "cox")


def test_counts_without_extra_variance_are_sent_to_poisson() -> None:
    people = pl.DataFrame({"nights": [1.0, 2.0] * 30, "age": np.arange(60.0)})
    study = tk.study(people, design=tk.Design.none(), name="even")
    with pytest.raises(tk.EstimationError, match=mentioning("family='poisson'")):
        model(study, "nights ~ age", "negative-binomial")


@pytest.mark.parametrize(
    ("levels", "family", "said"),
    [
        ({"a": "012", "b": "01"}, "multinomial", ("'2'", "20", "'group'", "'b'")),
        ({"a": "012", "b": "0"}, "ordinal", ("'0'", "10", "'group'", "'b'")),
        ({"a": "2", "b": "012"}, "ordinal", ("'2'", "10", "'group'", "'a'")),
    ],
)
def test_empty_cells_are_named_with_a_remedy(levels, family, said) -> None:
    rows = [(group, level) for group, own in levels.items() for level in own for _ in range(10)]
    people = pl.DataFrame(rows, schema={"group": pl.String, "level": pl.Enum("012")}, orient="row")
    study = tk.study(people, design=tk.Design.none(), name="few")
    with pytest.raises(tk.EstimationError) as caught:
        model(study, "level ~ group", family)
    assert mentions(caught.value, said)
    assert mentions(caught.value, "study.derive(...)")


def test_a_level_without_events_is_named_before_cox_runs_away() -> None:
    people = pl.DataFrame(
        {"t": np.arange(1.0, 41), "event": [1, 0] * 10 + [0] * 20, "group": ["a"] * 20 + ["b"] * 20}
    )
    study = tk.study(people, design=tk.Design.none(), name="few")
    with pytest.raises(tk.EstimationError, match=mentioning("20", "'group'", "'b'")):
        model(study, "Surv(t, event) ~ group", "cox")


@pytest.mark.parametrize("family", ["ordinal", "cox"])
def test_more_terms_than_the_design_has_degrees_of_freedom(family: str) -> None:
    people = sampled().with_columns(psu=pl.col("psu").clip(0, 1), stratum=pl.col("stratum") // 9)
    study = tk.study(people, design=tk.Design(weight="w", strata="stratum", psu="psu"), name="made")
    with pytest.raises(tk.EstimationError, match=mentioning("2", "600")):
        model(study, ASKED[family], family)


@pytest.mark.parametrize(
    ("formula", "family"),
    [
        ("level ~ age", "ordinal"),
        ("level ~ age", "multinomial"),
        ("Surv(time, event) ~ age", "cox"),
    ],
)
def test_a_term_that_separates_is_named_with_a_remedy(formula: str, family: str) -> None:
    age = np.arange(1.0, 61.0)
    people = pl.DataFrame(
        {
            "age": age,
            "level": pl.Series(np.repeat(["a", "b", "c"], 20)).cast(pl.Enum("abc")),
            "time": 100 - age,
            "event": np.repeat([1, 1], 30),
        }
    )
    study = tk.study(people, design=tk.Design.none(), name="apart")
    with pytest.raises(tk.EstimationError) as caught:
        model(study, formula, family)
    assert mentions(caught.value, "'age'", "60")
    assert mentions(caught.value, "study.derive(...)")
