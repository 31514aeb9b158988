"""Expand the right side of a model formula to terms by R's rules (`terms.formula`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

from toolkit.errors import VariableError
from toolkit.estimate.regression.formula.factors import Factor, Token, parse_call, shorten, tokens, unreadable

_DEEPEST, _MOST_TERMS = 50, 1_000
Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Terms:
    """The right side of a formula: factors in order of appearance, and terms by degree."""

    intercept: bool
    factors: dict[str, Factor]
    terms: tuple[tuple[str, ...], ...]


def parse_terms(given: Sequence[Token], formula: str) -> Terms:
    """Expand tokens right of ~; raise VariableError for operators that would do less than they say."""
    parser = _Parser(list(given), formula)
    parts = parser.parse()
    order = {text: place for place, text in enumerate(parser.factors)}
    listed = sorted(parts, key=len)
    idle = [text for text in order if not any(text in part for part in listed)]
    if idle:
        raise VariableError(
            f"'{idle[0]}' is added to the formula '{shorten(formula)}' and removed again. Remove both "
            f"mentions."
        )
    terms = tuple(tuple(sorted(part, key=order.__getitem__)) for part in listed)
    return Terms(parser.intercept, parser.factors, terms)


def term_key(text: str) -> Names:
    """Identify a term whatever its spaces and the order of its variables: `a:b` is `b:a`."""
    try:
        terms = parse_terms(tokens(text), text).terms
    except VariableError:
        return frozenset([text])
    return frozenset(terms[0]) if len(terms) == 1 else frozenset([text])


def _unique(parts: Iterable[Names]) -> list[Names]:
    return list(dict.fromkeys(parts))


@dataclass
class _Parser:
    """Recursive descent over R's operators, from the loosest (+ -) to the tightest (^)."""

    given: list[Token]
    formula: str
    place: int = 0
    depth: int = 0
    intercept: bool = True
    kept: bool = True  # False within what is subtracted
    factors: dict[str, Factor] = field(default_factory=dict)

    def parse(self) -> list[Names]:
        parts = self.sum()
        if self.place < len(self.given):
            raise unreadable(self.formula)
        return parts

    def ahead(self, *signs: str) -> str:
        """Give the next sign if it is one of these, and pass it."""
        token = self.given[self.place] if self.place < len(self.given) else None
        if token and token.kind == "sign" and token.text in signs:
            self.place += 1
            return token.text
        return ""

    def sum(self) -> list[Names]:
        parts: list[Names] = []
        sign = self.ahead("+", "-") or "+"
        while sign:
            while turned := self.ahead("+", "-"):
                sign = "+" if sign == turned else "-"
            outer, self.kept = self.kept, self.kept == (sign == "+")
            found = self.crossed()
            self.kept = outer
            parts = _unique([*parts, *found]) if sign == "+" else [p for p in parts if p not in found]
            sign = self.ahead("+", "-")
        return parts

    def crossed(self) -> list[Names]:
        left = self.nested()
        while sign := self.ahead("*", "/"):
            right = self.nested()
            self._require_two(left, right, sign)
            if sign == "*":
                left = [*left, *right, *self._pairs(left, right)]
            else:
                whole = frozenset().union(*left)
                left = [*left, *(whole | part for part in right)]
            left = self._few(left)
        return left

    def nested(self) -> list[Names]:
        left = self.interaction()
        while self.ahead("%in%"):
            right = self.interaction()
            self._require_two(left, right, "%in%")
            whole = frozenset().union(*right)
            left = self._few([part | whole for part in left])
        return left

    def interaction(self) -> list[Names]:
        left = self.power()
        while self.ahead(":"):
            right = self.power()
            self._require_two(left, right, ":")
            left = self._few(self._pairs(left, right))
        return left

    def power(self) -> list[Names]:
        start = self.place
        base = self.atom()
        text = self._between(start, self.place)
        if not self.ahead("^", "**"):
            return base
        token = self.given[self.place] if self.place < len(self.given) else None
        self.place += 1
        if not token or token.kind != "number" or not token.text.isdigit() or self.ahead("^", "**"):
            raise VariableError(
                f"The formula '{shorten(self.formula)}' raises '{text}' to a power that is not a whole "
                f"number. Write arithmetic within I(...), such as I({text} ** 0.5)."
            )
        if len(base) < 2:
            raise VariableError(
                f"The formula '{shorten(self.formula)}' raises '{text}' to a power as formulas cross terms, "
                f"which does not give its power. Write I({text} ** {token.text})."
            )
        crossed = base
        for _ in range(min(int(token.text), _DEEPEST) - 1):
            crossed = self._few(self._pairs(crossed, base))
        return crossed

    def atom(self) -> list[Names]:
        token = self.given[self.place] if self.place < len(self.given) else None
        if token is None:
            raise unreadable(self.formula)
        if self.ahead("("):
            return self._inside()
        self.place += 1
        if token.kind == "number" and token.text in ("0", "1"):
            self.intercept = (token.text == "1") == self.kept
            return []
        if token.kind == "number":
            raise VariableError(
                f"The number {token.text} is a term of the formula '{shorten(self.formula)}'. A variable of "
                f"that name is written in backticks, `{token.text}`; arithmetic is written within I(...)."
            )
        if token.kind != "name":
            raise unreadable(self.formula)
        called = self.place < len(self.given) and self.given[self.place].text == "(" and not token.quoted
        factor = self._call() if called else Factor(token.text, (token.text,))
        self.factors.setdefault(factor.text, factor)
        return [frozenset([factor.text])]

    def _inside(self) -> list[Names]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise VariableError(
                f"A formula has more than {_DEEPEST} parentheses within each other. Remove some of them."
            )
        parts = self.sum()
        self.depth -= 1
        if not self.ahead(")"):
            raise unreadable(self.formula)
        return parts

    def _call(self) -> Factor:
        """Take a function with its arguments, up to the parenthesis that closes it."""
        start, depth = self.place - 1, 0
        for place in range(self.place, len(self.given)):
            sign = self.given[place].text if self.given[place].kind == "sign" else ""
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if not depth:
                self.place = place + 1
                return parse_call(self.given[start : self.place], self.formula)
        raise unreadable(self.formula)

    def _between(self, start: int, end: int) -> str:
        return self.formula[self.given[start].start : self.given[end - 1].end]

    def _pairs(self, left: list[Names], right: list[Names]) -> list[Names]:
        return [one | other for one, other in product(left, right)]

    def _few(self, parts: list[Names]) -> list[Names]:
        own = _unique(parts)
        if len(own) > _MOST_TERMS:
            raise VariableError(
                f"The formula '{shorten(self.formula)}' has more than {_MOST_TERMS:,} terms. Name those that "
                f"you need."
            )
        return own

    def _require_two(self, left: list[Names], right: list[Names], sign: str) -> None:
        if not left or not right:
            raise VariableError(
                f"The formula '{shorten(self.formula)}' crosses a term with a number by '{sign}'. Write "
                f"arithmetic within I(...), such as I(age / 10)."
            )
        if left == right and len(left) == 1:
            text = ":".join(sorted(left[0]))
            raise VariableError(
                f"The formula '{shorten(self.formula)}' crosses '{text}' with itself by '{sign}', which "
                f"gives no square. Write '{text}' once, or I({text} ** 2)."
            )
