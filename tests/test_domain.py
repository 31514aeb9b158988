"""The domain language: what it reads, its three-valued logic, and its refusals."""

import contextlib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolkit as tk
from toolkit.errors import VariableError
from toolkit.variables.codebook import Availability, Reason
from toolkit.variables.conditions import parse

PEOPLE = pl.DataFrame(
    {
        "age": [10.0, 30.0, None, 50.0],
        "bmi": [18.0, None, 25.0, 41.0],
        "sex": pl.Series(["male", "female", "female", None], dtype=pl.Enum(["male", "female"])),
        "diabetes": pl.Series(["yes", "no", None, "yes"], dtype=pl.Enum(["no", "yes"])),
        "flag": [True, None, False, True],
        "x y": [1, 0, None, 2],
        "place": ["north", "south", None, "it's"],
        "pregnant": pl.Series([None, "yes", "no", None], dtype=pl.Enum(["no", "yes"])),
        "pregnant.why": pl.Series(["not asked", None, None, "refused"], dtype=Reason),
    }
)


def evaluate(text: str) -> list[bool | None]:
    expression = parse(text).expression(PEOPLE.schema)
    return PEOPLE.select(expression.alias("inside"))["inside"].to_list()


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ([False, True, None, True], "age >= 20"),
        ([False, True, None, None], "age >= 20 and sex == 'female'"),
        ([True, False, None, True], "not (age == 30)"),
        ([True, False, None, True], "not age == 30"),
        ([True, False, None, True], "diabetes"),
        ([False, True, None, False], "not diabetes"),
        ([True, None, None, True], "diabetes or flag"),
        ([True, False, False, True], "diabetes and flag"),
        ([False, True, None, False], "20 <= age < 40"),
        ([True, True, None, False], "40 > age"),
        ([True, False, False, None], "sex in ['male']"),
        ([False, True, True, None], "sex not in ['male']"),
        ([True, True, None, False], "age in [10, 30]"),
        ([True, False, None, True], "age != 30"),
        ([False, False, None, False], "age == -3"),
        ([True, False, None, None], "`x y`"),
        ([False, False, None, True], "`x y` == 2"),
        ([False, None, None, True], "age > bmi"),
        ([True, None, False, True], "flag == true"),
        ([False, False, None, True], 'place == "it\'s"'),
        ([False, True, None, True], "age >= 20\n  and true"),
        ([False, False, True, False], "missing(age)"),
        ([True, False, False, True], "missing(pregnant)"),
        ([False, True, True, False], "not missing(pregnant)"),
        ([True, False, False, False], "missing(pregnant, 'not asked')"),
        ([False, False, False, True], 'missing(pregnant, "refused")'),
        ([False, False, False, False], "missing(pregnant, 'not examined')"),
        ([False, False, True, False], "missing(age, 'no value recorded')"),
        ([False, False, True, False], "missing(`x y`)"),
        ([None, False, True, None], "pregnant != 'yes'"),
        ([True, False, True, None], "pregnant != 'yes' or missing(pregnant, 'not asked')"),
        ([True, False, True, True], "not (pregnant == 'yes') or missing(pregnant)"),
    ],
)
def test_conditions_follow_three_valued_logic(expected: list[bool | None], text: str) -> None:
    assert expected == evaluate(text)


def test_nothing_means_everyone() -> None:
    assert parse("  ").names == ()
    assert PEOPLE.filter(parse("").expression(PEOPLE.schema)).height == 4


def test_names_stand_in_the_order_of_their_first_use() -> None:
    assert parse("age > 3 and `x y` == 1 and (sex == 'male' or age < 9)").names == ("age", "x y", "sex")


@pytest.mark.parametrize(
    ("remedy", "text"),
    [
        ("Equality is written with two signs, ==.", "age = 3"),
        ("Write and, or, not in place of &, | and !", "age >= 20 & diabetes"),
        ("Write and, or, not in place of &, | and !", "(age >= 20) | (bmi > 3)"),
        ("not of the language (call)", "__import__('os').system('true')"),
        ("not of the language (attribute)", "age.real"),
        ("not of the language (ifexp)", "age if diabetes else bmi"),
        ("not of the language (lambda)", "lambda: 1"),
        ("not of the language (subscript)", "age[0] == 1"),
        ("cannot be read", "age >"),
        ("cannot be read", "(" * 300 + "age" + ")" * 300),
        ("Nearest: 'sex'", "sexx == 'male'"),
        ("Nearest: 'female', 'male'. Levels: 'male', 'female'.", "sex == 'femal'"),
        ("Name them: sex in ['male', 'female']", "sex > 'male'"),
        ("Compare it with a value, such as age == 1", "age"),
        ("Write age >= 20, without quotes", "age == 'x'"),
        ("age in [1, 2]", "age in 3"),
        ("age in [1, 2]", "age in []"),
        ("is a value, not a variable", "1 < 2"),
        ("is no condition by itself", "[1, 2]"),
        ("only two numbers can", "age == sex"),
        ("put the value in quotes, place == '3'", "place == 3"),
        ("Write flag", "flag == 3"),
        ("more than 10,000", "age > 1 and " * 2000 + "age > 1"),
    ],
)
def test_a_bad_condition_says_what_to_write(remedy: str, text: str) -> None:
    with pytest.raises(VariableError) as caught:
        parse(text).expression(PEOPLE.schema)
    assert remedy in str(caught.value)


def test_reason_columns_are_not_offered_as_names() -> None:
    with pytest.raises(VariableError) as caught:
        parse("bmj > 1").expression({**PEOPLE.schema, "bmi.why": pl.String()})
    assert "'bmi'" in str(caught.value)
    assert "bmi.why" not in str(caught.value)


@given(st.text(max_size=60))
def test_no_text_is_run_or_ends_in_another_error(text: str) -> None:
    with contextlib.suppress(VariableError):
        PEOPLE.select(parse(text).expression(PEOPLE.schema).alias("inside"))


@given(low=st.integers(-5, 60), high=st.integers(-5, 60))
def test_a_condition_and_its_negation_share_no_one(low: int, high: int) -> None:
    inside = evaluate(f"age >= {low} and age < {high}")
    outside = evaluate(f"not (age >= {low} and age < {high})")
    assert [None if a is None else not a for a in inside] == outside


def test_missing_reads_the_variable_and_no_other() -> None:
    assert ("pregnant", "age") == parse("missing(pregnant, 'not asked') or age > 50").names


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("there is no reason 'not aksed'. Nearest: 'not asked'", "missing(pregnant, 'not aksed')"),
        ("Write missing(age) or missing(age, 'not asked')", "missing(1)"),
        ("Write missing(age) or missing(age, 'not asked')", "missing(age, 'refused', 'not asked')"),
        ("no variable 'pregnent'", "missing(pregnent)"),
        ("a condition has no function 'mising'. Nearest: 'missing'", "mising(age)"),
        ("is a value, not a variable", "missing(age) == true"),
    ],
)
def test_what_missing_cannot_ask_is_told(said: str, text: str) -> None:
    with pytest.raises(VariableError) as caught:
        evaluate(text)
    assert said in str(caught.value)


def test_a_study_asks_for_missing_values_in_domains_and_derived_variables() -> None:
    study = tk.study(PEOPLE.select("pregnant", "pregnant.why", "bmi"), design=tk.Design.none())
    usual = tk.mean(study, "bmi", domain="pregnant != 'yes' or missing(pregnant, 'not asked')")
    assert (21.5, 2) == (usual["estimate"].item(), usual["n"].item())
    study = study.derive("asked", "not missing(pregnant, 'not asked')")
    assert ["no", "yes", "yes", "yes"] == list(study.people["asked"])
    study = study.derive("answer", "when(missing(pregnant, 'refused'), 'refused', pregnant, 'yes', 'no')")
    assert [None, "yes", "no", "refused"] == list(study.people["answer"])
    assert ["not asked", None, None, None] == list(study.people["answer.why"])


def test_a_variable_that_no_cycle_measured_is_told_in_domain_and_derivation() -> None:
    gap = tk.Variable("pad", "peripheral artery disease", "yes_no", component="").with_availability(
        (Availability("2005-2006", "not measured", "measured in 1999-2004 only"),)
    )
    book = tk.study(PEOPLE.select("bmi"), design=tk.Design.none()).codebook.with_variables(gap)
    study = tk.study(PEOPLE.select("bmi"), design=tk.Design.none(), codebook=book)
    for call in (
        lambda: tk.mean(study, "bmi", domain="pad == 'yes'"),
        lambda: tk.mean(study, "bmi", domain="missing(pad)"),
        lambda: study.cut("bmi", domain="pad == 'yes'"),
        lambda: study.derive("none", "not pad"),
    ):
        with pytest.raises(VariableError, match="'pad' was not measured.*measured in 1999-2004 only"):
            call()
