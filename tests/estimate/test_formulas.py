"""Formulas are read as R reads them, and nothing but arithmetic is run."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from toolkit.codebook import Codebook, Variable
from toolkit.errors import EstimationError, VariableError
from toolkit.estimate import formulas
from toolkit.estimate.models import model
from toolkit.estimate.sample import draw
from toolkit.studies import Study


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


def built(study: Study, formula: str) -> formulas.Matrix:
    reading = formulas.read(formula)
    sample = draw(study, [reading.outcome, *reading.variables])
    return formulas.build(reading, sample, sample.complete())


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
    reading = formulas.read_offset("log(age) + score * 2")
    expected = np.sort(people["age"].log() + 2 * people["score"])
    given = np.sort(formulas.offset_values(reading, sample, sample.complete()))
    np.testing.assert_allclose(given, expected, rtol=1e-14)


def test_variables_alone_have_the_columns_that_formulaic_gives_them(study) -> None:
    plain = formulas.read("nights ~ education + age + sex")
    sample = draw(study, ["nights", *plain.variables])
    quick = formulas.build(plain, sample, sample.complete())
    full = formulas.build(replace(plain, plain=False), sample, sample.complete())
    assert full.terms == quick.terms
    np.testing.assert_array_equal(quick.values, full.values)


def test_an_offset_is_arithmetic_on_numbers(study) -> None:
    shifted = model(study, "nights ~ sex", "poisson", offset="log(age / 10)")
    plain = model(study, "nights ~ sex", "poisson")
    assert shifted["estimate"][0] < plain["estimate"][0]
    with pytest.raises(VariableError, match="'sex' is a category, which cannot stand in arithmetic"):
        model(study, "nights ~ age", "poisson", offset="log(sex)")
    with pytest.raises(VariableError, match="no variable 'followup'.*study.availability"):
        model(study, "nights ~ age", "poisson", offset="log(followup)")


REFUSED = {
    "cramps ~ age +": "cannot be read as a formula. Example: tk.model(",
    "cramps ~ age if age else sex": "cannot be read as a formula",
    "cramps ~ .": "cannot be read as a formula",
    "cramps": "needs the name of one outcome left of '~'. Example: tk.model(",
    "cramps + sex ~ age": "needs the name of one outcome",
    "log(nights) ~ age": "needs the name of one outcome",
    "cramps ~ age | sex": "join its terms by +",
    "cramps ~ cramps + age": "'cramps' stands on both sides of '~'",
    "cramps ~ C(education)": "write the name alone",
    "cramps ~ offset(log(age))": "tk.model(..., offset='log(follow_up)')",
    "cramps ~ lg(age)": "Nearest: 'log'",
    "cramps ~ np.log(age)": "more than arithmetic on variables. Derive a variable first, study.derive(...)",
    "cramps ~ I(sex * 2)": "'sex' is a category, which cannot stand in arithmetic",
    "cramps ~ log(score)": "'log(score)' is not a finite number for",
    "cramps ~ edcation": "Nearest: 'education'",
    "cramps ~ sex + age ** 2": "Write I(age ** 2)",
    "cramps ~ age^2": "Write I(age ** 2)",
    "cramps ~ I(age^2)": "Write I(age ** 2)",
    "cramps ~ sex * I(1 + age ^ 2)": "Write I(",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_a_formula_cannot_say(study, formula) -> None:
    with pytest.raises(VariableError) as caught:
        model(study, formula)
    assert REFUSED[formula] in str(caught.value)


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


def test_families_are_named(study) -> None:
    with pytest.raises(EstimationError, match=r"no family 'logist'. Nearest: 'logit'. All: logit, poisson"):
        model(study, "cramps ~ age", "logist")


@pytest.mark.parametrize(
    ("formula", "family", "said"),
    [
        ("age ~ sex", "logit", "'age' is a number; the family 'logit' needs an outcome of two levels"),
        ("education ~ sex", "gaussian", "'education' is a category of 3 levels"),
        ("score ~ sex", "poisson", "'score' is below 0 for .* narrow the domain to 'score >= 0'"),
    ],
)
def test_an_outcome_fits_its_family(study, formula, family, said) -> None:
    with pytest.raises(VariableError, match=said):
        model(study, formula, family)
