from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.estimate.associations.models import association, model
from toolkit.studies import Study
from toolkit.variables import Codebook, Variable

GLM = {
    "logit": ("HI_CHOL ~ race + agecat + female", "logit"),
    "poisson": ("HI_CHOL ~ race + agecat + female", "poisson"),
    "identity": ("HI_CHOL ~ female + age_mid", "gaussian"),
    "gaussian": ("age_mid ~ race + female", "gaussian"),
    "count": ("nights ~ female + agecat", "poisson"),
    "offset": ("event ~ female + agecat", "poisson"),
    "interact": ("HI_CHOL ~ female * agecat", "logit"),
    "polynomial": ("HI_CHOL ~ female + I(age_mid / 10) + I((age_mid / 10) ** 2)", "logit"),
    "cloglog": ("HI_CHOL ~ female + age_mid", "cloglog"),
    "probit": ("HI_CHOL ~ female + age_mid", "probit"),
    "logbinom": ("HI_CHOL ~ female + I((age_mid - 40) / 10)", "log-binomial"),
}
DOMAINS = {"women": "RIAGENDR == 2", "old_women": "RIAGENDR == 2 and agecat == '(59,Inf]'"}


@pytest.fixture(scope="session")
def nhanes_of_r(r_studies) -> Study:
    study = r_studies["nhanes"]
    people = study.people.with_columns(female=(pl.col("RIAGENDR") == 2), race=pl.col("race").cast(pl.String))
    return tk.study(people, design=study.design, name="nhanes of R")


def assert_same(left: pl.DataFrame, right: pl.DataFrame) -> None:
    # Sums of weights by cell differ in the last bit from run to run, as threads take turns.
    assert_frame_equal(left, right, rel_tol=1e-11, abs_tol=1e-14)


def assert_equals_r(frame: pl.DataFrame, covariance: np.ndarray, r: dict) -> None:
    stat = r["stat"]
    np.testing.assert_allclose(frame["estimate"], stat["estimate"], rtol=1e-9)
    np.testing.assert_allclose(frame["std_error"], stat["se"], rtol=1e-9)
    np.testing.assert_allclose(covariance.ravel(), stat["vcov"], rtol=1e-9)
    np.testing.assert_allclose(frame["conf_low"], r["ci"]["low"], rtol=1e-9)
    np.testing.assert_allclose(frame["conf_high"], r["ci"]["high"], rtol=1e-9)
    assert [r["df_residual"]] == frame["df"].unique().to_list()
    if "n" in r:
        assert [r["n"]] == frame["n"].unique().to_list()


@pytest.mark.parametrize("name", GLM)
def test_models_equal_r(name, nhanes_of_r, expected) -> None:
    formula, family = GLM[name]
    offset = "log(follow_up)" if name == "offset" else None
    found = model(nhanes_of_r, formula, family, offset=offset, covariance=True)
    assert_equals_r(*found, expected[f"nhanes/glm-{name}-all"]["result"])


@pytest.mark.parametrize("domain", DOMAINS)
def test_models_of_a_domain_equal_r(domain, nhanes_of_r, expected) -> None:
    found = model(nhanes_of_r, "HI_CHOL ~ race + age_mid", "logit", DOMAINS[domain], covariance=True)
    assert_equals_r(*found, expected[f"nhanes/glm-logit-domain-{domain}"]["result"])


@pytest.mark.parametrize("name", ["apisrs", "apistrat", "apiclus1", "apiclus2", "apinone"])
def test_linear_models_of_every_design_equal_r(name, r_studies, expected) -> None:
    found = model(r_studies[name], "api00 ~ ell + meals + mobility", "gaussian", covariance=True)
    assert_equals_r(*found, expected[f"{name}/linear"]["result"])


def test_an_association_shows_the_coefficients_of_its_model(nhanes_of_r) -> None:
    asked = {"outcome": "HI_CHOL", "exposure": "race", "adjust": ("agecat", "female")}
    asked |= {"df": "model"}  # as R's svyglm, and as tk.model
    rows = association(nhanes_of_r, **asked)
    terms = association(nhanes_of_r, **asked, terms=True)
    same = model(nhanes_of_r, "HI_CHOL ~ race + agecat + female", "poisson")
    assert_same(terms.drop("adjust"), same.drop("adjust"))
    assert rows["level"].to_list() == ["2", "3", "4"]
    np.testing.assert_allclose(rows["estimate"], np.exp(terms["estimate"][1:4]), rtol=1e-14)
    np.testing.assert_allclose(rows["conf_low"], np.exp(terms["conf_low"][1:4]), rtol=1e-14)
    assert rows["std_error"].to_list() == terms["std_error"][1:4].to_list()
    assert rows["scale"].unique().to_list() == ["log"]


def test_a_row_says_all_that_a_chart_needs(nhanes_of_r) -> None:
    row = association(
        nhanes_of_r, outcome="HI_CHOL", exposure="female", adjust=("age_mid", "race"), domain="age_mid >= 20"
    ).row(0, named=True)
    assert {
        "study": "nhanes of R",
        "domain": "age_mid >= 20",
        "estimand": "prevalence_ratio",
        "outcome": "HI_CHOL",
        "exposure": "female",
        "level": "yes",
        "reference": "no",
        "adjust": "age_mid, race",
        "scale": "log",
        "conf_level": 0.95,
        "weight": "WTMEC2YR",
        "variance": "linearised",
        "reliability": "ok",
    }.items() <= row.items()


def test_a_number_has_one_row_per_unit(nhanes_of_r) -> None:
    row = association(nhanes_of_r, outcome="HI_CHOL", exposure="age_mid", adjust=(), estimand="odds_ratio")
    assert ["per unit"] == row["level"].to_list()
    assert [None] == row["reference"].to_list()
    assert row["estimate"].item() > 1


def test_by_fits_within_each_level_as_a_domain(nhanes_of_r) -> None:
    asked = {"outcome": "HI_CHOL", "exposure": "female", "adjust": ("age_mid",)}
    rows = association(nhanes_of_r, **asked, by="race")
    assert ["1", "2", "3", "4"] == rows["race"].to_list()
    for level in ("1", "4"):
        alone = association(nhanes_of_r, **asked, domain=f"race == '{level}'")
        within = rows.filter(pl.col("race") == level)
        assert_same(alone.drop("domain"), within.drop("race", "domain"))


def test_what_fails_in_one_level_stays_as_a_row(nhanes_of_r) -> None:
    rows = association(
        nhanes_of_r,
        outcome="HI_CHOL",
        exposure="female",
        adjust=(),
        domain="agecat != '(39,59]'",
        by="agecat",
    )
    failed = rows.filter(pl.col("agecat") == "(39,59]").row(0, named=True)
    assert ("failed", 0, None) == (failed["reliability"], failed["n"], failed["estimate"])
    assert failed["reason"]
    assert 3 == rows["estimate"].drop_nulls().len()


def test_the_covariance_spans_groups_and_leaves_failed_rows_out(nhanes_of_r) -> None:
    asked = {"outcome": "HI_CHOL", "exposure": "female", "adjust": (), "covariance": True}
    rows, matrix = association(nhanes_of_r, **asked, domain="agecat != '(39,59]'", by="agecat")
    np.testing.assert_allclose(np.sqrt(np.diag(matrix)), rows["std_error"].to_numpy(), rtol=1e-12)
    assert [False, False, True, False] == np.isnan(np.diag(matrix)).tolist()
    assert abs(matrix[0, 1]) > 0


def made(seed: int, n: int = 240) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b", "c"], n)
    return pl.DataFrame(
        {
            "w": rng.exponential(1, n) + 0.1,
            "stratum": np.repeat(np.arange(6), n // 6),
            "psu": np.tile([0, 1, 2], n // 3),
            "group": group,
            "age": rng.uniform(20, 80, n),
            "cramps": rng.random(n) < np.where(group == "b", 0.5, 0.3),
        }
    )


def opened(people: pl.DataFrame, reference: str = "a") -> Study:
    codebook = Codebook.of(
        Variable("group", "group", "category", ("a", "b", "c"), reference, component=""),
        Variable("age", "age", "number", unit="years", component=""),
        Variable("cramps", "leg cramps", "yes_no", component=""),
    )
    design = tk.Design(weight="w", strata="stratum", psu="psu")
    return tk.study(people, design=design, name="made", codebook=codebook)


SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=12, deadline=None)
CRUDE = {"outcome": "cramps", "exposure": "group", "adjust": ()}


@FEW
@given(SEEDS)
def test_crude_estimates_are_those_of_the_prevalences(seed: int) -> None:
    study = opened(made(seed))
    p = dict(tk.prevalence(study, outcome="cramps", by="group").select("group", "estimate").iter_rows())
    expected = {
        "prevalence_ratio": [p["b"] / p["a"], p["c"] / p["a"]],
        "prevalence_difference": [p["b"] - p["a"], p["c"] - p["a"]],
        "odds_ratio": [p[x] / (1 - p[x]) / (p["a"] / (1 - p["a"])) for x in "bc"],
    }
    for estimand, values in expected.items():
        rows = association(study, **CRUDE, estimand=estimand)
        np.testing.assert_allclose(rows["estimate"], values, rtol=1e-11)


@FEW
@given(SEEDS)
def test_the_error_of_a_crude_ratio_follows_from_the_covariance_of_prevalences(seed: int) -> None:
    study = opened(made(seed))
    prevalence, v = tk.prevalence(study, outcome="cramps", by="group", covariance=True)
    change = np.array([-1, 1, 0]) / prevalence["estimate"].to_numpy()
    row = association(study, **CRUDE).row(0, named=True)
    assert np.sqrt(change @ v @ change) == pytest.approx(row["std_error"], rel=1e-10)
    difference = association(study, **CRUDE, estimand="prevalence_difference").row(0, named=True)
    assert np.sqrt(v[0, 0] + v[1, 1] - 2 * v[0, 1]) == pytest.approx(difference["std_error"], rel=1e-10)


@FEW
@given(SEEDS, st.sampled_from(["prevalence_ratio", "odds_ratio"]))
def test_another_reference_turns_a_ratio_round(seed: int, estimand: str) -> None:
    people = made(seed)
    asked = {**CRUDE, "adjust": ("age",), "estimand": estimand}
    from_a = association(opened(people), **asked).filter(pl.col("level") == "b").row(0, named=True)
    from_b = association(opened(people, "b"), **asked).filter(pl.col("level") == "a").row(0, named=True)
    assert 1 / from_a["estimate"] == pytest.approx(from_b["estimate"], rel=1e-10)
    assert 1 / from_a["conf_low"] == pytest.approx(from_b["conf_high"], rel=1e-10)
    assert from_a["std_error"] == pytest.approx(from_b["std_error"], rel=1e-10)


@FEW
@given(SEEDS, st.floats(1e-4, 1e4))
def test_scaled_weights_and_shuffled_rows_give_the_same(seed: int, scale: float) -> None:
    people = made(seed)
    other = people.sample(fraction=1, shuffle=True, seed=seed).with_columns(pl.col("w") * scale)
    asked = {**CRUDE, "adjust": ("age",)}
    left, right = (association(opened(p), **asked) for p in (people, other))
    assert_frame_equal(left, right, rel_tol=1e-9, abs_tol=1e-12)


@FEW
@given(SEEDS)
def test_everyone_as_a_domain_is_no_domain(seed: int) -> None:
    study = opened(made(seed))
    whole, everyone = (association(study, **CRUDE, domain=domain) for domain in ("", "age >= 0"))
    assert_same(whole.drop("domain"), everyone.drop("domain"))


@FEW
@given(SEEDS)
def test_a_person_split_in_two_of_half_the_weight_moves_no_estimate(seed: int) -> None:
    people = made(seed)
    halves = people.with_columns(pl.col("w") / 2)
    asked = {**CRUDE, "adjust": ("age",)}
    whole, split = (association(opened(p), **asked) for p in (people, pl.concat([halves, halves])))
    columns = ["estimate", "std_error", "conf_low", "conf_high", "df"]
    assert_frame_equal(whole.select(columns), split.select(columns), rel_tol=1e-9)


REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"adjust": None}, ("'group'", "study.derive('group', ..., node=", "adjust=")),
    ({"adjust": ("age", "age")}, ("'age'", "adjust=('age',)")),
    ({"adjust": ("group", "age")}, ("'group'", "exposure", "adjust=('age',)")),
    ({"adjust": ("cramps",)}, ("'cramps'", "outcome", "adjust=()")),
    ({"exposure": "cramps"}, ("'cramps'", "outcome and exposure")),
    ({"estimand": "prevalence_rate"}, ("'prevalence_rate'", "'prevalence_ratio'", "odds_ratio")),
    ({"outcome": "crmps"}, ("'crmps'", "'cramps'")),
    ({"outcome": "age"}, ("'age'", "tk.model(study, 'age ~ ...', family='gaussian')")),
    ({"outcome": "group", "exposure": "age"}, ("'group'", "3 levels", "study.derive")),
    ({"confidence": 95}, ("'confidence'", "95", "0.95")),
    ({"by": "age"}, ("'age'", "study.cut('age')")),
]


@pytest.mark.parametrize(("changed", "told"), REFUSED)
def test_what_cannot_be_asked_is_told_with_a_remedy(changed: dict[str, Any], told: tuple[str, ...]) -> None:
    with pytest.raises(tk.ToolkitError, match=mentioning(told)):
        association(opened(made(1)), **{**CRUDE, **changed})


def test_one_name_may_stand_without_a_tuple() -> None:
    study = opened(made(1))
    left, right = (association(study, **{**CRUDE, "adjust": adjust}) for adjust in ("age", ("age",)))
    assert_same(left, right)


def test_a_result_goes_through_parquet_unchanged(tmp_path) -> None:
    frame = association(opened(made(1)), **CRUDE)
    frame.write_parquet(tmp_path / "result.parquet")
    assert frame.equals(pl.read_parquet(tmp_path / "result.parquet"))


def test_codes_part_people_into_groups_as_in_a_prevalence():
    people = pl.DataFrame(
        {
            "cramps": [0, 1, 0, 1, 1, 0, 1, 1] * 4,
            "diabetes": [0, 0, 0, 0, 1, 1, 1, 1] * 4,
            "region": [3, 7] * 16,
        }
    )
    study = tk.study(people, design=tk.Design.none())
    told = tk.association(study, outcome="cramps", exposure="diabetes", adjust=(), by="region")
    assert ["3", "7"] == told["region"].to_list()
