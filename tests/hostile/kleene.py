"""Draw conditions with their truth for a row, computed in Kleene's logic without parsing the text."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Truth = bool | None
Drawn = tuple[str, Callable[[dict[str, Any]], Truth]]
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "≥": lambda a, b: a >= b, "≠": lambda a, b: a != b,
}  # fmt: skip
NUMBERS, WORDS, LEVELS = ("age", "a b"), ("sex", "2"), ("f", "m", "it's")
_values = st.one_of(st.integers(-3, 12), st.sampled_from((2.5, 1e300, 2**70, 0.1)))


def _name(text: str) -> str:
    return text if text.isidentifier() else f"`{text}`"


def _quoted(text: str) -> str:
    return '"' + text + '"'


@st.composite
def _number_tests(draw: Any) -> Drawn:
    name, sign, value = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(list(SIGNS))), draw(_values)
    return (
        f"{_name(name)} {sign} {value!r}",
        lambda row: None if row[name] is None else SIGNS[sign](row[name], value),
    )


@st.composite
def _level_tests(draw: Any) -> Drawn:
    name, sign, level = (
        draw(st.sampled_from(WORDS)),
        draw(st.sampled_from(("==", "!="))),
        draw(st.sampled_from(LEVELS)),
    )
    return (
        f"{_name(name)}{sign}{_quoted(level)}",
        lambda row: None if row[name] is None else SIGNS[sign](row[name], level),
    )


@st.composite
def _lists(draw: Any) -> Drawn:
    name, values = draw(st.sampled_from(NUMBERS)), draw(st.lists(_values, min_size=1, max_size=40))
    no = draw(st.booleans())
    text = f"{_name(name)} {'not ' * no}in [{', '.join(map(repr, values))}]"
    return text, lambda row: None if row[name] is None else (row[name] in values) != no


@st.composite
def _missing(draw: Any) -> Drawn:
    name = draw(st.sampled_from((*NUMBERS, *WORDS)))
    return f"missing({_name(name)})", lambda row: row[name] is None


def _join(parts: tuple[Drawn, str, Drawn]) -> Drawn:
    (left, a), word, (right, b) = parts

    def truth(row: dict[str, Any]) -> Truth:
        decided = word == "or"
        found = (a(row), b(row))
        return decided if decided in found else None if None in found else not decided

    return f"({left}) {word} ({right})", truth


def _negate(part: Drawn) -> Drawn:
    text, a = part
    return f"not ({text}) # a comment", lambda row: None if (truth := a(row)) is None else not truth


def _in_lines(part: Drawn) -> Drawn:
    return f"({part[0]}\n)", part[1]


conditions: st.SearchStrategy[Drawn] = st.recursive(
    st.one_of(_number_tests(), _level_tests(), _lists(), _missing()),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("and", "or")), inner).map(_join), inner.map(_negate).map(_in_lines)
    ),
    max_leaves=12,
)
