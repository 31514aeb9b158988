"""Formulas are read as R reads them, and nothing but arithmetic is run."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.associations.models import model
from toolkit.estimate.regression.formula import parser
from toolkit.estimate.survey import draw
from toolkit.studies import Study
from toolkit.variables import Codebook, Variable


@pytest.fixture(scope="module")
def study() -> Study:
    rng = np.random.default_rng(1)
    people = pl.DataFrame(
        {
            "cramps": rng.integers(0, 2, 200),
            "nights": rng.integers(0, 9, 200).astype(float),
            "age": rng.uniform(20, 80, 200),
            "score": rng.integers(-3, 4, 200).astype(float),
            "sex": pl.Series(rng.choice(["male", "female"], 200), dtype=pl.Enum(["male", "female"])),
            "education": rng.choice(["low", "mid", "high"], 200),
        }
    )
    codebook = Codebook.of(
        Variable("cramps", "cramps", "yes_no", component=""),
        Variable("nights", "nights with cramps", "number", unit="nights", component=""),
        Variable("age", "age", "number", unit="years", component=""),
        Variable("score", "score", "number", component=""),
        Variable("sex", "sex", "category", ("male", "female"), component=""),
        Variable("education", "education", "category", ("low", "mid", "high"), "high", component=""),
    )
    return tk.study(people, design=tk.Design.none(), name="formulas", codebook=codebook)


def built(study: Study, formula: str) -> parser.Matrix:
    reading = parser.read_formula(formula)
    sample = draw(study, [reading.outcome, *reading.variables])
    return reading.matrix(sample, sample.complete())


def test_categories_are_compared_with_their_reference_in_the_codebooks_order(study) -> None:
    matrix = built(study, "cramps ~ education + sex")
    seen = [(t.exposure, t.level, t.reference) for t in matrix.terms]
    assert [
        ("", "intercept", None),
        ("education", "low", "high"),
        ("education", "mid", "high"),
        ("sex", "female", "male"),
    ] == seen


def test_columns_hold_what_their_terms_say(study) -> None:
    people = study.people
    matrix = built(study, "nights ~ education * sex + I(age ** 2) + log(age)")
    age, female, low = people["age"], people["sex"] == "female", people["education"] == "low"
    by_term = {(t.exposure, t.level): matrix.values[:, j] for j, t in enumerate(matrix.terms)}
    np.testing.assert_array_equal(by_term["education", "low"], low.cast(float))
    np.testing.assert_array_equal(by_term["education:sex", "low:female"], (low & female).cast(float))
    np.testing.assert_allclose(by_term["I(age ** 2)", "per unit"], age**2, rtol=1e-15)
    np.testing.assert_allclose(by_term["log(age)", "per unit"], age.log(), rtol=1e-15)
    assert 8 == len(matrix.terms)


def test_a_term_is_named_for_people(study) -> None:
    terms = built(study, "nights ~ age + education + age:sex").terms
    assert ("age", "age", "per unit", "per 1 year") == (
        terms[1].exposure, terms[1].exposure_label, terms[1].level, terms[1].level_label,
    )  # fmt: skip
    assert ("age:sex", "age × sex", "per unit:female") == (
        terms[-1].exposure, terms[-1].exposure_label, terms[-1].level,
    )  # fmt: skip


def test_without_an_intercept_each_level_has_a_column(study) -> None:
    frame = model(study, "nights ~ education - 1", "gaussian")
    assert ["low", "mid", "high"] == sorted(frame["level"], key=["low", "mid", "high"].index)
    means = {row[0]: row[1] for row in study.people.group_by("education").agg(pl.col("nights").mean()).rows()}
    for row in frame.iter_rows(named=True):
        assert means[row["level"]] == pytest.approx(row["estimate"], rel=1e-12)


def test_the_intercept_alone_is_the_mean(study) -> None:
    frame = model(study, "nights ~ 1", "gaussian")
    assert study.people["nights"].mean() == pytest.approx(frame["estimate"].item(), rel=1e-12)


def test_powers_of_a_sum_are_interactions_as_in_r(study) -> None:
    crossed = model(study, "nights ~ (age + sex) ** 2", "gaussian")
    written = model(study, "nights ~ age + sex + age:sex", "gaussian")
    assert written["level"].to_list() == crossed["level"].to_list()


def test_powers_inside_are_arithmetic(study) -> None:
    for formula in (
        "nights ~ I((age - 40) ** 2)",
        "nights ~ I((age) + score ** 2)",
        "nights ~ sqrt(age ** 2)",
    ):
        assert 2 == model(study, formula, "gaussian").height


def test_an_offset_of_several_parts_counts_them_all(study) -> None:
    people, sample = study.people, draw(study, ["age", "score"])
    reading = parser.read_offset("log(age) + score * 2")
    expected = np.sort(people["age"].log() + 2 * people["score"])
    given = np.sort(reading.matrix(sample, sample.complete()).values[:, 0])
    np.testing.assert_allclose(given, expected, rtol=1e-14)


def test_variables_alone_have_the_columns_of_any_formula(study) -> None:
    plain = parser.read_formula("nights ~ education + age + sex")
    sample = draw(study, ["nights", *plain.variables])
    quick = plain.matrix(sample, sample.complete())
    full = replace(plain, plain=False).matrix(sample, sample.complete())
    assert full.terms == quick.terms
    np.testing.assert_array_equal(quick.values, full.values)


def test_an_offset_is_arithmetic_on_numbers(study) -> None:
    shifted = model(study, "nights ~ sex", "poisson", offset="log(age / 10)")
    plain = model(study, "nights ~ sex", "poisson")
    assert shifted["estimate"][0] < plain["estimate"][0]
    with pytest.raises(VariableError, match=mentioning("'sex'")):
        model(study, "nights ~ age", "poisson", offset="log(sex)")
    with pytest.raises(VariableError, match=mentioning("'followup'", "study.variables()")):
        model(study, "nights ~ age", "poisson", offset="log(followup)")


REFUSED: dict[str, str | tuple[str, ...]] = {
    "cramps ~ age +": ("'cramps ~ age +'", "tk.model("),
    "cramps ~ age if age else sex": "'cramps ~ age if age else sex'",
    "cramps ~ .": "'cramps ~ .'",
    "cramps": ("outcome", "'~'", "tk.model("),
    "cramps + sex ~ age": ("outcome", "'~'"),
    "log(nights) ~ age": ("outcome", "'~'"),
    "cramps ~ age | sex": "+",
    "cramps ~ cramps + age": ("'cramps'", "'~'"),
    "cramps ~ C(education)": "name alone",
    "cramps ~ offset(log(age))": "tk.model(..., offset='log(follow_up)')",
    "cramps ~ lg(age)": ("lg", "'log'"),
    "cramps ~ np.log(age)": "study.derive(...)",
    "cramps ~ I(sex * 2)": "'sex'",
    "cramps ~ log(score)": "'log(score)'",
    "cramps ~ edcation": ("'edcation'", "'education'"),
    "cramps ~ sex + age ** 2": "I(age ** 2)",
    "cramps ~ age^2": "I(age ** 2)",
    "cramps ~ (age)^2": "I((age) ** 2)",
    "cramps ~ sex + age:age": ("square", "I(age ** 2)"),
    "cramps ~ sex * sex": ("square", "'sex'"),
    "cramps ~ age ** 0.5": "I(age ** 0.5)",
    "cramps ~ age / 10": "I(...)",
    "cramps ~ age:1": "I(...)",
    "cramps ~ 2": "`2`",
    "cramps ~ sex + age - age": "age",
    "cramps ~ 0": "intercept",
    "cramps ~ `age": "backtick",
    "cramps ~ log(age, 2)": "I(log(age) / log(3))",
    "cramps ~ factor(age)": "name alone",
    "cramps ~ poly(age, 2)": "'poly'",
    "cramps ~ age > 50": "study.derive(...)",
    "cramps ~ age ~ sex": "'cramps ~ age ~ sex'",
    "cramps ~ (age": "'cramps ~ (age'",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_a_formula_cannot_say(study, formula) -> None:
    with pytest.raises(VariableError) as caught:
        model(study, formula)
    assert mentions(caught.value, REFUSED[formula])


@pytest.mark.parametrize(
    "factor",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "I(age.__class__)",
        "eval(age)",
        "I([age for age in age])",
        "I((lambda: 1)())",
        "log(age, where=sex)",
        "{age.map_elements(print)}",
        "I(age if age else 1)",
    ],
)
def test_nothing_but_arithmetic_is_run(study, factor) -> None:
    with pytest.raises(VariableError):
        model(study, f"cramps ~ {factor}")
    with pytest.raises(VariableError):
        model(study, "cramps ~ age", offset=factor)


@pytest.fixture(scope="module")
def oddly_named() -> Study:
    rng = np.random.default_rng(5)
    size = 200
    people = pl.DataFrame(
        {
            "y": rng.normal(size=size),
            "event": rng.integers(0, 2, size),
            "days": rng.exponential(size=size),
            **{
                name: rng.normal(size=size)
                for name in ("1", "2", "None", "if", "bmi.kg", "a:b", "age in years")
            },
            "sex at birth": rng.choice(["female", "male"], size),
            "region": rng.choice(["a:b", "a", "b"], size),
        }
    )
    return tk.study(people, design=tk.Design.none(), name="odd")


@pytest.mark.parametrize("name", ["1", "2", "None", "if", "bmi.kg", "a:b", "age in years"])
def test_backticks_name_a_column(name, oddly_named) -> None:
    found = model(oddly_named, f"y ~ `{name}` + I(`{name}` ** 2)", "gaussian")
    x = oddly_named.people[name].to_numpy()
    expected = np.linalg.lstsq(np.column_stack([np.ones(200), x, x**2]), oddly_named.people["y"].to_numpy())[
        0
    ]
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-9)
    assert [None, name] == found["exposure"].to_list()[:2]


def test_backticks_are_taken_by_every_estimator_with_names(oddly_named) -> None:
    study, both = oddly_named, {"adjust": ("age in years", "bmi.kg"), "domain": "`bmi.kg` > -2 and `1` < 2"}
    plain = tk.study(
        study.people.rename({"sex at birth": "sex", "age in years": "age", "bmi.kg": "bmi", "1": "one"}),
        design=tk.Design.none(),
    )
    renamed = {"adjust": ("age", "bmi"), "domain": "bmi > -2 and one < 2"}
    for ours, theirs in (
        (
            tk.association(study, outcome="event", exposure="sex at birth", **both),
            tk.association(plain, outcome="event", exposure="sex", **renamed),
        ),
        (
            tk.interaction(study, outcome="event", exposures=("sex at birth", "region"), **both),
            tk.interaction(plain, outcome="event", exposures=("sex", "region"), **renamed),
        ),
        (
            tk.model(study, "Surv(days, event) ~ `age in years` + strata(`sex at birth`)", "cox"),
            tk.model(plain, "Surv(days, event) ~ age + strata(sex)", "cox"),
        ),
        (
            tk.margins(study, "event ~ `sex at birth` * rcs(`age in years`, 3)", "sex at birth"),
            tk.margins(plain, "event ~ sex * rcs(age, 3)", "sex"),
        ),
        (
            tk.predict(study, "event ~ `sex at birth`:`age in years`", {"age in years": (-1, 1)}),
            tk.predict(plain, "event ~ sex:age", {"age": (-1, 1)}),
        ),
        (
            tk.term_test(study, "event ~ region * `sex at birth`", "`sex at birth`:region"),
            tk.term_test(plain, "event ~ region * sex", "sex:region"),
        ),
        (
            tk.model(study, "event ~ region", "poisson", offset="log(`bmi.kg` + 9)"),
            tk.model(plain, "event ~ region", "poisson", offset="log(bmi + 9)"),
        ),
    ):
        assert theirs["std_error"].to_list() == ours["std_error"].to_list()
        assert theirs["statistic"].to_list() == ours["statistic"].to_list()
        assert "failed" not in ours["reliability"]


def test_the_product_of_two_numbers_has_one_slope() -> None:
    rng = np.random.default_rng(16)
    dose, age = rng.uniform(0, 5, 200), rng.uniform(20, 80, 200)
    out = 3 + 0.05 * dose * age + rng.normal(size=200)
    study = tk.study(pl.DataFrame({"out": out, "dose": dose, "age": age}), design=tk.Design.none())
    expected = np.linalg.lstsq(np.column_stack([np.ones(200), dose * age]), out)[0]
    found = model(study, "out ~ dose:age", "gaussian")
    assert [None, "dose:age"] == found["exposure"].to_list()
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-10)


def test_rows_of_an_interaction_are_told_apart(oddly_named) -> None:
    frame = model(oddly_named, "y ~ region:`sex at birth`", "gaussian")
    assert ["b:male"] == frame["reference"].drop_nulls().unique().to_list()
    assert frame.height == frame.select("exposure", "level").n_unique() == 6
    assert "'a:b':male" in frame["level"].to_list()
    means = oddly_named.people.group_by("region", "sex at birth").agg(pl.col("y").mean())
    last = means.filter(pl.col("region") == "b", pl.col("sex at birth") == "male")["y"].item()
    assert last == pytest.approx(frame["estimate"][0])


def test_a_term_is_tested_by_any_spelling(study) -> None:
    for formula, terms in {
        "nights ~ age + I(age^2)": ("I(age ** 2)", "I( age**2 )", "I(age^2)"),
        "nights ~ sex * age": ("sex:age", "age:sex", "age : sex"),
        "nights ~ sex + rcs(age, c(30, 50, 70))": ("rcs(age, 30, 50, 70)", "rcs(age, c(30,50,70))"),
    }.items():
        found = {tk.term_test(study, formula, term, family="gaussian")["statistic"].item() for term in terms}
        assert 1 == len(found)


@pytest.mark.parametrize(
    "formula",
    [
        "cramps ~ " + "(" * 150 + "age" + ")" * 150,
        "cramps ~ I(" + "-" * 3000 + "age)",
        "cramps ~ " + "age + " * 3000,
    ],
)
def test_a_formula_without_end_is_refused_in_a_line(study, formula) -> None:
    with pytest.raises(VariableError) as caught:
        model(study, formula)
    assert len(str(caught.value)) < 600


def test_families_are_named(study) -> None:
    with pytest.raises(EstimationError, match=mentioning("'logist'", "'logit'", "poisson")):
        model(study, "cramps ~ age", "logist")


@pytest.mark.parametrize(
    ("formula", "family", "said"),
    [
        ("age ~ sex", "logit", ("'age'", "'logit'")),
        ("education ~ sex", "gaussian", ("'education'", "3")),
        ("score ~ sex", "poisson", ("'score'", "0", "'score >= 0'")),
    ],
)
def test_an_outcome_fits_its_family(study, formula, family, said) -> None:
    with pytest.raises(VariableError, match=mentioning(said)):
        model(study, formula, family)
