import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowd, crowded
from tests.support.messages import mentioning
from tests.support.r_results import equal
from toolkit.estimate.hypotheses.model_tests import likelihood_ratio, term_test
from toolkit.estimate.regression import regress, specify_formula

# R's own fit stops one step early, which moves these by 1e-9 (see the entries' notes): 1e-7 as they say.
EARLY = 1e-7
FORMULA = "HI_CHOL ~ race4 + agecat + female"
TERMS = {"race": "race4", "agecat": "agecat", "female": "female"}


@pytest.fixture(scope="module")
def people(r_studies):
    study = r_studies["nhanes"].derive("female", "RIAGENDR == 2")
    return study.derive("race4", pl.col("race").cast(pl.String), levels=["1", "2", "3", "4"])


@pytest.mark.parametrize("term", TERMS)
def test_wald_tests_of_terms_equal_r(term, people, expected):
    entry = expected[f"nhanes/term-{term}"]
    r, row = entry["result"]["wald"], term_test(people, FORMULA, TERMS[term]).row(0, named=True)
    assert entry["tolerance"] == EARLY
    equal(r["F"], row["statistic"], EARLY)
    equal(r["p"], row["p_value"], EARLY)
    assert (r["df"], r["ddf"]) == (row["df_numerator"], row["df"])


@pytest.mark.parametrize("term", TERMS)
def test_likelihood_ratios_of_terms_equal_r(term, people, expected):
    r = expected[f"nhanes/term-{term}"]["result"]["lrt"]
    row = term_test(people, FORMULA, TERMS[term], method="rao-scott").row(0, named=True)
    equal(r["chisq"], row["statistic"], EARLY)
    equal(np.mean(r["lambda"]), row["deff"], EARLY)
    # R's saddlepoint is found to 1e-8; the entry allows 1e-3.
    equal(r["p"], row["p_value"], EARLY)
    assert r["df"] == row["df_numerator"]
    model = specify_formula(people, FORMULA, "logit")
    fitted = regress(model, np.ones(len(model.sample.unit), bool))
    places = [k for k, own in enumerate(fitted.terms) if own.exposure == TERMS[term]]
    everyone = np.ones(len(model.sample.unit), bool)
    _, effects = likelihood_ratio(model, model.family, everyone, fitted, places)
    equal(r["lambda"], effects, EARLY)


@pytest.mark.nhanes
def test_education_in_nhanes_equals_r(nhanes, expected_nhanes):
    r = expected_nhanes["test/term-education"]["result"]
    formula = "frequent_cramps ~ diabetes_told + age + sex + race_ethnicity + education"
    row = term_test(nhanes, formula, "education", domain="age >= 20").row(0, named=True)
    equal([r["F"], r["p"]], [row["statistic"], row["p_value"]])
    assert (r["df"], r["ddf"]) == (row["df_numerator"], row["df"])


def test_one_coefficient_tested_is_its_t_squared():
    study = crowded()
    coefficients = tk.model(study, "cramps ~ age + sex")
    row = term_test(study, "cramps ~ age + sex", "age").row(0, named=True)
    equal(coefficients["statistic"][1] ** 2, row["statistic"])
    equal(coefficients["p_value"][1], row["p_value"])
    assert ("term", "cramps", "age", "wald", "Wald F") == tuple(
        row[name] for name in ("estimand", "outcome", "exposure", "level", "level_label")
    )


def test_terms_are_tested_together():
    study = crowded()
    row = term_test(study, "cramps ~ age + sex + region", ("age", "region")).row(0, named=True)
    assert (3.0, "age, region") == (row["df_numerator"], row["exposure"])


@pytest.mark.parametrize("term", ["sex:age", "age:sex"])
def test_an_interaction_goes_by_either_order(term):
    row = term_test(crowded(), "cramps ~ age * sex", term).row(0, named=True)
    assert 1.0 == row["df_numerator"]


def test_arithmetic_is_a_term():
    row = term_test(crowded(), "cramps ~ age + I(age ** 2)", "I(age**2)", method="rao-scott").row(
        0, named=True
    )
    assert 1.0 == row["df_numerator"]
    assert 0 < row["p_value"] < 1


@pytest.mark.parametrize("family", ["logit", "poisson", "gaussian", "probit", "cloglog"])
def test_without_a_design_both_methods_agree_on_a_clear_case(family):
    study = tk.study(crowd(), design=tk.Design.none())
    formula = "cramps ~ age + sex"
    wald, ratio = (
        term_test(study, formula, "age", family=family, method=m)["p_value"].item()
        for m in ("wald", "rao-scott")
    )
    assert np.log(ratio) == pytest.approx(np.log(wald), rel=0.2)


def test_each_group_has_its_own_test():
    result = term_test(crowded(), "cramps ~ age", "age", by="sex")
    assert ["f", "m"] == result["sex"].to_list()
    alone = term_test(crowded(), "cramps ~ age", "age", domain="sex == 'm'")
    assert alone["statistic"].item() == pytest.approx(result["statistic"][1], rel=1e-12)


def test_a_group_that_cannot_be_fitted_is_a_failed_row():
    people = crowd().with_columns(cramps=pl.col("cramps") * (pl.col("sex") == "f"))
    result = term_test(crowded(people), "cramps ~ age", "age", by="sex")
    assert ["ok", "failed"] == result["reliability"].to_list()


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"terms": "sexx"}, tk.VariableError, ("'sexx'", "'sex'", "age")),
        ({"terms": "sex", "method": "wold"}, tk.EstimationError, ("'wold'", "'wald'")),
        ({"terms": "sex", "family": "logitt"}, tk.EstimationError, ("'logitt'", "'logit'")),
        (
            {"terms": "sex", "family": "firth", "method": "rao-scott"},
            tk.EstimationError,
            ("'firth'", "method='wald'"),
        ),
        ({"terms": ("sex", "sex")}, tk.VariableError, ("'sex'", "terms=('sex',)")),
    ],
)
def test_what_cannot_be_tested_says_what_to_write(options, error, told):
    with pytest.raises(error, match=mentioning(told)):
        term_test(crowded(), "cramps ~ age + sex", **options)
