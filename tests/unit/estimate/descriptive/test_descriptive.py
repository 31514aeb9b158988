import json
import math
from statistics import NormalDist

import numpy as np
import polars as pl
import pytest
from scipy.stats import t

import toolkit as tk
from tests.support.messages import mentioning, mentions
from tests.support.r_results import REFERENCE
from toolkit.errors import VariableError
from toolkit.estimate.descriptive.prevalences import mean, prevalence

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


def log_odds(p):
    return math.log(p / (1 - p))


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
    # R's own default is the normal distribution's, which the toolkit does not offer.
    margin = NormalDist().inv_cdf(0.975) * result["std_error"]
    equal(r["ci_normal"]["low"], result["estimate"] - margin)
    equal(r["ci_normal"]["high"], result["estimate"] + margin)


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
    # R interpolates the likelihood's profile. Its logit stops early, which moves this interval by 1.4e-9;
    # the next test shows that nothing else does.
    ends = {"likelihood": 5e-3, "logit": 2e-9 if domain == "race4" else 1e-9}.get(method, 1e-9)
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])
    equal(r["low"], result["conf_low"], ends)
    equal(r["high"], result["conf_high"], ends)
    assert r["df"] == result["df"].item()


@pytest.mark.parametrize("domain", DOMAINS)
def test_logit_interval_reaches_as_far_from_the_estimate_as_in_r(domain, r_studies, expected):
    r = expected[f"nhanes/proportion-{domain}-logit"]["result"]
    ours = prevalence(r_studies["nhanes"], outcome="HI_CHOL", domain=DOMAINS[domain], interval="logit")
    ours = ours.row(0, named=True)
    for theirs, end in (("low", "conf_low"), ("high", "conf_high")):
        reach = log_odds(r[theirs]) - log_odds(r["estimate"])
        equal(reach, log_odds(ours[end]) - log_odds(ours["estimate"]))


def test_proportions_by_groups_equal_r(r_studies, expected):
    r = expected["nhanes/proportion-by"]["result"]
    result = prevalence(r_studies["nhanes"], outcome="HI_CHOL", by=("RIAGENDR", "agecat"))
    assert r["agecat"] == result["agecat"].to_list()
    assert [str(code) for code in r["RIAGENDR"]] == result["RIAGENDR"].to_list()
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])


def test_proportions_of_levels_equal_r(r_studies, expected):
    r = expected["nhanes/levels"]["result"]
    result, covariance = prevalence(r_studies["nhanes"], outcome="race", covariance=True)
    assert [name.removeprefix("race") for name in r["stat"]["name"]] == result["level"].to_list()
    equal(r["stat"]["estimate"], result["estimate"])
    equal(r["stat"]["se"], result["std_error"])
    equal(r["stat"]["vcov"], covariance.ravel())
    equal(r["deff"], result["deff"])


NHANES_IDS = [e["id"] for e in json.loads((REFERENCE / "nhanes" / "expected.json").read_text())["entries"]]
CRAMPS = [name for name in NHANES_IDS if name.startswith("prevalence/") and "age >=" in name]
PAD = [name for name in NHANES_IDS if name.startswith("pad/")]
# R's script and the codebook word the same conditions.
WORDS = {
    " & ": " and ",
    "female == 1": "sex == 'female'",
    "female == 0": "sex == 'male'",
    "race ": "race_ethnicity ",
}


def in_words(condition: str) -> str:
    for theirs, ours in WORDS.items():
        condition = condition.replace(theirs, ours)
    return condition


def every_field_equal(r, result):
    equal(r["estimate"], result["estimate"])
    equal(r["se"], result["std_error"])
    equal(r["low"], result["conf_low"])
    equal(r["high"], result["conf_high"])
    assert [(r["df"], r["n"], r["n_cases"])] == result.select("df", "n", "n_cases").rows()


@pytest.mark.nhanes
@pytest.mark.parametrize("name", CRAMPS)
def test_prevalence_of_cramps_in_nhanes_equals_r(name, nhanes, expected_nhanes):
    entry = expected_nhanes[name]
    outcome, domain = name.split("/")[1], in_words(entry["domain"])
    result = prevalence(nhanes, outcome=outcome, domain=domain)
    every_field_equal(entry["result"], result)
    assert result["weight"].item() == "interview"


@pytest.fixture(scope="session")
def nhanes_1999_2000(nhanes_mirror):
    return tk.open_study("nhanes", cycles=("1999-2000",), mirror=nhanes_mirror)


@pytest.mark.nhanes
@pytest.mark.parametrize("name", PAD)
def test_prevalence_of_artery_disease_in_nhanes_equals_r(name, request, expected_nhanes):
    entry, cycles = expected_nhanes[name], name.split("/")[1]
    study = request.getfixturevalue(f"nhanes_{cycles.replace('-', '_')}")
    result = prevalence(study, outcome="pad", domain=entry["domain"])
    every_field_equal(entry["result"], result)
    assert result["weight"].item() == "examination"


@pytest.mark.nhanes
@pytest.mark.parametrize(
    ("outcome", "column"),
    [("any_cramps", ("any_cramps", "se_any")), ("frequent_cramps", ("frequent_cramps", "se_frequent"))],
)
def test_prevalence_by_cycle_equals_r(outcome, column, nhanes, expected_nhanes):
    r = expected_nhanes["prevalence/by-cycle"]["result"]
    result = prevalence(nhanes, outcome=outcome, by="cycle", domain="age >= 20")
    assert r["cycle"] == result["cycle"].to_list()
    equal(r[column[0]], result["estimate"])
    equal(r[column[1]], result["std_error"])


@pytest.mark.nhanes
def test_prevalence_by_two_variables_equals_r(nhanes, expected_nhanes):
    r = expected_nhanes["prevalence/by-race-sex"]["result"]
    by = ("race_ethnicity", "sex")
    result = prevalence(nhanes, outcome="frequent_cramps", by=by, domain="age >= 20")
    sexes = [{0: "male", 1: "female"}[code] for code in r["female"]]
    order = [result.select(by).rows().index(group) for group in zip(r["race"], sexes, strict=True)]
    assert sorted(order) == list(range(result.height))
    equal(r["estimate"], result["estimate"].gather(order))
    equal(r["se"], result["std_error"].gather(order))


def small(**columns):
    """Sixteen people in two strata of two PSUs, with what is given in place."""
    people = {
        "stratum": [1] * 8 + [2] * 8,
        "psu": [1, 1, 1, 1, 2, 2, 2, 2] * 2,
        "w": [float(w) for w in range(1, 17)],
        "cramps": [0, 1, 0, 1, 0, 0, 1, None] * 2,
        "age": [float(age) for age in range(20, 36)],
        "sex": ["m", "f"] * 8,
    }
    return tk.study(pl.DataFrame({**people, **columns}), design=CLUSTERED, name="small")


CLUSTERED = tk.Design(weight="w", strata="stratum", psu="psu")


def test_a_result_says_what_was_estimated_of_whom():
    row = prevalence(small(), outcome="cramps", domain="age >= 20").row(0, named=True)
    told = {
        "study": "small",
        "domain": "age >= 20",
        "estimand": "prevalence",
        "outcome": "cramps",
        "scale": "identity",
        "conf_level": 0.95,
        "df": 2.0,
        "n": 14,
        "n_cases": 6,
        "n_missing": 2,
        "weight": "w",
        "variance": "linearised",
        "level": None,
    }
    assert told == {name: row[name] for name in told}


def test_without_a_design_the_variance_is_called_robust():
    people = pl.DataFrame({"cramps": [0, 1, 1, 0, 1]})
    row = prevalence(tk.study(people, design=tk.Design.none()), outcome="cramps").row(0, named=True)
    assert (row["weight"], row["variance"], row["df"]) == ("none", "robust", 4.0)
    equal(math.sqrt(0.6 * 0.4 / 4), row["std_error"])


def test_the_counted_level_of_two_is_named_unless_it_is_yes():
    declared = small(sex=pl.Series(["m", "f"] * 8, dtype=pl.Enum(["f", "m"])))
    assert prevalence(declared, outcome="sex")["level"].to_list() == ["m"]
    assert prevalence(declared, outcome="sex", domain="sex == 'f'")["estimate"].to_list() == [0.0]
    # Text does not say which of its levels is the case: each has a row.
    assert prevalence(small(), outcome="sex")["level"].to_list() == ["f", "m"]


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("method", [*METHODS.values(), "korn-graubard-nchs"])
def test_nobody_or_everybody_has_the_exact_interval_on_the_effective_sample_size(value, method):
    # 1 - 0.025 ** (1 / n) is the exact upper end of Clopper and Pearson for 0 of n.
    row = prevalence(small(cramps=[value] * 16), outcome="cramps", interval=method).row(0, named=True)
    weights = np.arange(1, 17)
    deff = 16 * np.square(weights).sum() / weights.sum() ** 2
    nchs = method == "korn-graubard-nchs"
    size = 16 if nchs else 16 / deff * (t.ppf(0.975, 15) / t.ppf(0.975, 2)) ** 2
    end = 0.025 ** (1 / size)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((end, 1) if value else (0, 1 - end), rel=1e-9)
    assert (float(value), None, 16 * value) == (row["estimate"], row["std_error"], row["n_cases"])
    assert row["n_effective"] == pytest.approx(16 if nchs else 16 / deff, rel=1e-12)
    named = "exact, n" if nchs else "exact, n / (1 + CV² of the weights) (1.29)"
    assert (named, "suppress") == (row["variance"], row["reliability"])


def test_everybody_is_one_to_the_last_bit():
    weights = [0.1, 0.2, 0.3, 0.7] * 4
    assert prevalence(small(cramps=[1] * 16, w=weights), outcome="cramps")["estimate"].item() == 1.0


def test_a_confidence_widens_the_interval():
    half, most = (prevalence(small(), outcome="cramps", confidence=c).row(0, named=True) for c in (0.5, 0.99))
    assert (0.5, 0.99) == (half["conf_level"], most["conf_level"])
    assert most["conf_low"] < half["conf_low"] < half["conf_high"] < most["conf_high"]


def test_a_group_without_persons_is_a_failed_row():
    study = small().derive("ages", pl.when(pl.col("age") < 40).then(pl.lit("young")), levels=["young", "old"])
    result = prevalence(study, outcome="cramps", by="ages")
    row = result.row(1, named=True)
    assert ["young", "old"] == result["ages"].to_list()
    assert (0, 0, None, "failed") == (row["n"], row["n_cases"], row["estimate"], row["reliability"])
    assert mentions(row["reason"], "old")


def test_a_group_without_values_is_a_failed_row_and_has_no_covariance():
    cramps = [0, None] * 4 + [1, None] * 4
    result, covariance = prevalence(small(cramps=cramps), outcome="cramps", by="sex", covariance=True)
    assert mentions(result["reason"].to_list()[0], "8", "'cramps'")
    assert np.isnan(covariance[0]).all()
    assert covariance[1, 1] == result["std_error"][1] ** 2


def test_a_person_without_a_group_makes_no_row():
    result = prevalence(small(sex=["m", None] * 8), outcome="cramps", by="sex")
    assert ["m"] == result["sex"].to_list()
    assert [8] == result["n"].to_list()


def test_means_are_over_the_people_who_have_each_value():
    result = mean(small(age=[None, *range(21, 36)]), ("age", "cramps"))
    assert ["age", "cramps"] == result["outcome"].to_list()
    assert [13, 13] == result["n"].to_list()
    assert [3, 3] == result["n_missing"].to_list()


def test_a_census_has_no_variance():
    people = small().people.with_columns(size=pl.lit(2))
    design = tk.Design(weight="w", strata="stratum", psu="psu", fpc="size")
    row = prevalence(tk.study(people, design=design), outcome="cramps").row(0, named=True)
    assert (0.0, None) == (row["std_error"], row["n_effective"])
    assert row["estimate"] == row["conf_low"] == row["conf_high"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: prevalence(s, outcome="cramp"), ("'cramp'", "'cramps'")),
        (lambda s: prevalence(s, outcome="age"), ("'age'", "tk.mean(study, 'age')")),
        (
            lambda s: prevalence(s, outcome="cramps", by="age"),
            ("'age'", "study.cut('age')"),
        ),
        (lambda s: prevalence(s, outcome="cramps", by="n"), ("'n'", "n_group")),
        (
            lambda s: mean(s, "mood"),
            ("'mood'", "3", "tk.prevalence(study, outcome='mood')"),
        ),
    ],
)
def test_a_variable_in_the_wrong_role_says_what_to_call(call, told):
    with pytest.raises(tk.VariableError, match=mentioning(told)):
        call(small(age=[20.5] * 16, n=["a", "b"] * 8, mood=["a", "b", "c", "a"] * 4))


def test_an_infinite_value_has_no_mean():
    study = small(age=[math.inf, None, *range(14)])
    with pytest.raises(tk.EstimationError, match=mentioning("'age'", "1")):
        mean(study, "age")
    assert mean(study, "age", domain="age < 100")["n"].item() == 14


def test_an_outcome_without_a_value_says_where_to_look():
    with pytest.raises(tk.EstimationError, match=mentioning("16", "'mood'", "study.missing('mood')")):
        prevalence(small(mood=pl.Series([None] * 16, dtype=pl.Boolean)), outcome="mood", by="sex")


def test_a_stratum_with_one_psu_says_what_to_declare():
    with pytest.raises(tk.DesignError, match=mentioning("1", "PSU", "lonely_psu='adjust'")):
        prevalence(small(psu=[1] * 8 + [1, 1, 1, 1, 2, 2, 2, 2]), outcome="cramps")


def test_the_two_spellings_of_standardize_are_one_argument() -> None:
    people = tk.open_study("simulated")
    with pytest.raises(VariableError, match="standardise="):
        tk.prevalence(people, "any_cramps", standardize="us-2000", standardise="us-2000")
