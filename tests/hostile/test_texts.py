"""Conditions and formulas are answered as a naive evaluator does, or refused in a short message."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolkit as tk
from tests.hostile import kleene
from tests.hostile.amounts import drawn
from toolkit.variables import formula, parse

OFFENDERS = (Path(__file__).parent / "offenders.txt").read_text(encoding="utf-8").splitlines()[1:]
ROWS = [
    {"age": age, "a b": other, "sex": sex, "2": level}
    for age, other, sex, level in zip(
        (None, 0.0, 2.5, 7.0, -3.0, 1e300, 12.0),
        (3, None, 0, 12, -1, 4, 7),
        ("f", "m", None, "it's") * 2,
        ("m", None, "f", "f", "it's", "m", "m"), strict=False,
    )
]  # fmt: skip
PEOPLE = pl.DataFrame(ROWS, schema_overrides={"sex": pl.Enum(kleene.LEVELS)})
PIECES = st.sampled_from(
    (
        "age", "`a b`", "sex", "and", "or", "not", "in", "(", ")", "[", "]", ",", "==", "<", "-", "+", "*",
        "**", "/", "~", ":", "^", "%in%", "1", "2.5", "1e999", "'f'", "missing", "rcs", "I", "log", "when",
        "true", "#", "\n", "`", "|", "&", "=", "0", "Surv", "strata", "days",
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def study() -> tk.Study:
    frame = pl.DataFrame(
        {"y": [0, 1] * 20, "age": [float(k % 17) for k in range(40)], "sex": ["f", "m", "m", "f"] * 10}
    )
    return tk.study(frame, design=tk.Design.none(), name="forty")


@drawn
@given(kleene.conditions)
def test_conditions_select_whom_a_naive_evaluator_selects(condition: kleene.Drawn) -> None:
    text, truth = condition
    found = PEOPLE.select(parse(text).expression(PEOPLE.schema).alias("inside"))["inside"].to_list()
    assert [truth(row) for row in ROWS] == found, text


def _refusal(call: Callable[[], Any]) -> str:
    try:
        call()
    except tk.ToolkitError as error:
        return str(error)
    return ""


def _calls(study: tk.Study, text: str) -> list[Callable[[], Any]]:
    return [
        lambda: PEOPLE.select(parse(text).expression(PEOPLE.schema)),
        lambda: PEOPLE.select(formula(text).expression(PEOPLE.schema)),
        lambda: tk.prevalence(study, "y", domain=text),
        lambda: study.derive("new", text),
        lambda: tk.model(study, text),
        lambda: tk.model(study, f"y ~ {text}"),
        lambda: tk.model(study, "y ~ age", offset=text),
        lambda: tk.prevalence(study, "y", by=text),
        lambda: tk.association(study, "y", text, adjust=()),
        lambda: tk.association(study, "y", "sex", adjust=(text,)),
    ]


@drawn
@given(st.lists(PIECES, max_size=14).map(" ".join))
def test_random_texts_are_answered_or_refused(study: tk.Study, text: str) -> None:
    for call in _calls(study, text):
        assert len(_refusal(call)) < 1_000, text


@pytest.mark.parametrize("line", OFFENDERS)
def test_past_offenders_are_answered_or_refused(study: tk.Study, line: str) -> None:
    text = (
        line.encode("latin-1", "backslashreplace").decode("unicode_escape", "surrogatepass")
        if "\\" in line
        else line
    )
    for call in _calls(study, text):
        assert len(_refusal(call)) < 1_000, text


LONG = {
    "900 not": "not " * 900 + "age > 20",
    "900 not in parentheses": "not (" * 900 + "age > 20" + ")" * 900,
    "150 parentheses": "(" * 150 + "age > 1" + ")" * 150,
    "5,000 parentheses": "(" * 5_000 + "age > 1" + ")" * 5_000,
    "300 minus signs": "-" * 300 + "age > 1",
    "3,000 minus signs": "age > " + "-" * 3_000 + "1",
    "400 digits": "age < " + "9" * 400,
    "5,000 digits": "age < " + "9" * 5_000,
    "a sum of 1,000": " + ".join(["age"] * 1_000),
    "a long name": "x" * 5_000,
    "a long level": f"sex == '{'x' * 5_000}'",
    "a long chain": "20 < " + " < ".join(["age"] * 2_000),
    "300,000 characters": "age > 1 and " * 25_000 + "age > 1",
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts_are_answered_or_refused_with_their_first_60_characters(
    study: tk.Study, name: str
) -> None:
    for call in _calls(study, LONG[name]):
        message = _refusal(call)
        assert len(message) < 1_000
        assert LONG[name][:61].strip() not in message or len(LONG[name][:61].strip()) < 61, message


def test_a_condition_of_a_thousand_parts_selects_the_right_people(study: tk.Study) -> None:
    text = " and ".join(f"age >= {k / 200}" for k in range(1_000))
    listed = f"age in [{', '.join(str(k / 2) for k in range(2_000))}]"
    assert (
        tk.mean(study, "age", domain="age >= 4.995")["n"].item()
        == tk.mean(study, "age", domain=text)["n"].item()
    )
    assert [40] == tk.mean(study, "age", domain=listed)["n"].to_list()
    others = f"age not in [{', '.join(map(str, range(1, 2_001)))}]"
    assert [(0.0, 3)] == tk.mean(study, "age", domain=others).select("estimate", "n").rows()


@pytest.mark.parametrize("right", ["a:b:c", "a*b*c", "a*b"])
def test_a_formula_of_more_than_5000_columns_is_refused_before_they_are_made(right: str) -> None:
    letters = {k: [f"level {(i * p) % 80}" for i in range(400)] for k, p in (("a", 1), ("b", 7), ("c", 11))}
    study = tk.study(pl.DataFrame({"y": [0, 1] * 200, **letters}), design=tk.Design.none(), name="levels")
    message = _refusal(lambda: tk.model(study, f"y ~ {right}"))
    assert "5,000" in message


def test_a_formula_of_6000_terms_is_refused(study: tk.Study) -> None:
    assert "5,000" in _refusal(
        lambda: tk.model(study, "y ~ " + " + ".join(f"I(age*{k})" for k in range(6_000)))
    )
    assert "" == _refusal(lambda: tk.model(study, "y ~ " + " + ".join(["age"] * 2_000)))


@pytest.mark.parametrize("name", ["len", "count", "literal", "index", "group", ".missing"])
def test_groups_may_be_named_like_columns_of_the_libraries(name: str) -> None:
    frame = pl.DataFrame({"y": [0, 1, 1, 0] * 5, name: ["a", "b"] * 10})
    study = tk.study(frame, design=tk.Design.none(), name="twenty")
    assert ["a", "b"] == tk.prevalence(study, "y", by=name)[name].to_list()
    assert {"a", "b", None} == set(tk.describe(study, ["y"], by=name)[name])
