"""The domain language: what it reads, its three-valued logic, and its refusals."""

import contextlib

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.errors import VariableError
from toolkit.variables import Availability, Reason, parse

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
        ("==", "age = 3"),
        ("and, or, not", "age >= 20 & diabetes"),
        ("and, or, not", "(age >= 20) | (bmi > 3)"),
        ("call", "__import__('os').system('true')"),
        ("attribute", "age.real"),
        ("ifexp", "age if diabetes else bmi"),
        ("lambda", "lambda: 1"),
        ("subscript", "age[0] == 1"),
        ("cannot be read", "age >"),
        ("cannot be read", "(" * 300 + "age" + ")" * 300),
        ("'sex'", "sexx == 'male'"),
        (("'female'", "'male'"), "sex == 'femal'"),
        (("'male'", "'female'"), "sex > 'male'"),
        ("1", "age"),
        ("20", "age == 'x'"),
        ("1, 2", "age in 3"),
        ("1, 2", "age in []"),
        (("value", "variable"), "1 < 2"),
        ("condition", "[1, 2]"),
        ("numbers", "age == sex"),
        ("'3'", "place == 3"),
        ("'flag'", "flag == 3"),
        ("200,000", "age > 1 and " * 20_000 + "age > 1"),
    ],
)
def test_a_bad_condition_says_what_to_write(remedy: str, text: str) -> None:
    with pytest.raises(VariableError) as caught:
        parse(text).expression(PEOPLE.schema)
    assert mentions(caught.value, remedy)


def test_reason_columns_are_not_offered_as_names() -> None:
    with pytest.raises(VariableError) as caught:
        parse("bmj > 1").expression({**PEOPLE.schema, "bmi.why": pl.String()})
    assert mentions(caught.value, "'bmi'")
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
        (("'not aksed'", "'not asked'"), "missing(pregnant, 'not aksed')"),
        (("missing(age)", "missing(age, 'not asked')"), "missing(1)"),
        (("missing(age)", "missing(age, 'not asked')"), "missing(age, 'refused', 'not asked')"),
        ("'pregnent'", "missing(pregnent)"),
        (("'mising'", "'missing'"), "mising(age)"),
        (("value", "variable"), "missing(age) == true"),
    ],
)
def test_what_missing_cannot_ask_is_told(said: str, text: str) -> None:
    with pytest.raises(VariableError) as caught:
        evaluate(text)
    assert mentions(caught.value, said)


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
        with pytest.raises(VariableError, match=mentioning("'pad'", "1999-2004")):
            call()
