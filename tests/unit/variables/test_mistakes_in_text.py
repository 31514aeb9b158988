"""Usual mistakes in conditions are told in words that say what to write."""

import pytest

from tests.support.messages import mentioning
from toolkit.errors import VariableError
from toolkit.variables.conditions import parse

MISTAKES: dict[str, tuple[str, ...]] = {
    "sex == “f”": ("straight quotes", "“"),
    "sex == ‘f’": ("straight quotes", "‘"),
    "sex == 'f": ("quote", "partner"),
    "`age > 40": ("backtick", "partner"),
    "(age > 40": ("parenthesis", "partner"),
    "age in [1": ("bracket", "partner"),
    "age <> 40": ("Write !=",),
    "age => 40": ("Write >=",),
    "age =< 40": ("Write <=",),
    "age = 40": ("==",),
    "age === 40": ("Write ==",),
    "!(age > 40)": ("not in place of",),
    "age > 1 && age < 2": ("and, or, not",),
    "age IS NULL": ("missing(name)",),
    "age is not None": ("not missing(name)",),
    "age between 20 and 30": ("20 <= age <= 30",),
    "age > 40 AND bmi > 3": ("AND", "small letters"),
    "NOT age > 40": ("NOT", "small letters"),
    "age > 40 and": ("Nothing follows and",),
    "age >": ("Nothing follows >",),
    "or age > 40": ("Nothing precedes or",),
    "age > 40;": ("sign ;",),
    "age > 1,000": ("numbers without commas",),
    "class == 1": ("'class'", "backticks"),
    "age\u200b > 40": ("U+200B", "ZERO WIDTH SPACE"),
    "age\u00a0> 40": ("U+00A0", "NO-BREAK SPACE"),
    "\u202eage > 40": ("U+202E", "RIGHT-TO-LEFT OVERRIDE"),
    "age > \0" + "40": ("U+0000",),
    "age ＞ 40": ("U+FF1E", "FULLWIDTH GREATER-THAN SIGN"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_usual_mistake_is_told_with_its_remedy(text: str) -> None:
    with pytest.raises(VariableError, match=mentioning("cannot be read", MISTAKES[text])):
        parse(text)


@pytest.mark.parametrize(
    "text", ["`class` == 1", "name == 'is null; “x” AND'", "a == 'x' and not missing(b)"]
)
def test_what_looks_like_a_mistake_within_quotes_is_read(text: str) -> None:
    assert text == parse(text).text
