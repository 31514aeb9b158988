"""Expand a model formula to terms by R's rules (`terms.formula`), with Surv(), strata() and splines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

import numpy as np

from toolkit.errors import EstimationError, VariableError, short
from toolkit.estimate.regression.formula.factors import (
    Factor,
    Token,
    parse_call,
    tokens,
    unreadable,
)
from toolkit.estimate.survey import QUANTILE_RULES
from toolkit.results import Floats
from toolkit.variables import quoted

_DEEPEST, _MOST_TERMS = 50, 5_000
_MOST_PAIRS = 1_000_000  # of terms that one operator crosses
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
    used = frozenset().union(*listed)
    idle = [text for text in order if text not in used]
    if idle:
        raise VariableError(
            f"'{short(idle[0])}' is added to the formula '{short(formula)}' and removed again. Remove "
            "both mentions."
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
        parts: dict[Names, None] = {}
        sign = self.ahead("+", "-") or "+"
        while sign:
            while turned := self.ahead("+", "-"):
                sign = "+" if sign == turned else "-"
            outer, self.kept = self.kept, self.kept == (sign == "+")
            found = self.crossed()
            self.kept = outer
            if sign == "+":
                parts |= dict.fromkeys(found)
            else:
                parts = {part: None for part in parts if part not in found}
            sign = self.ahead("+", "-")
        return self._few(parts)

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
        text = short(self._between(start, self.place))
        if not self.ahead("^", "**"):
            return base
        token = self.given[self.place] if self.place < len(self.given) else None
        self.place += 1
        if not token or token.kind != "number" or not token.text.isdigit() or self.ahead("^", "**"):
            raise VariableError(
                f"The formula '{short(self.formula)}' raises '{text}' to a power that is not a whole "
                f"number. Write arithmetic within I(...), such as I({text} ** 0.5)."
            )
        if len(base) < 2:
            raise VariableError(
                f"The formula '{short(self.formula)}' raises '{text}' to a power as formulas cross terms, "
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
            number = short(token.text)
            raise VariableError(
                f"The number {number} is a term of the formula '{short(self.formula)}'. A variable of that "
                f"name is written in backticks, `{number}`; arithmetic is written within I(...)."
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
        if len(left) * len(right) > _MOST_PAIRS:
            raise self._too_many()
        return [one | other for one, other in product(left, right)]

    def _few(self, parts: Iterable[Names]) -> list[Names]:
        own = _unique(parts)
        if len(own) > _MOST_TERMS:
            raise self._too_many()
        return own

    def _too_many(self) -> VariableError:
        return VariableError(
            f"The formula '{short(self.formula)}' has more than {_MOST_TERMS:,} terms. Name those that you "
            "need."
        )

    def _require_two(self, left: list[Names], right: list[Names], sign: str) -> None:
        if not left or not right:
            raise VariableError(
                f"The formula '{short(self.formula)}' crosses a term with a number by '{sign}'. Write "
                f"arithmetic within I(...), such as I(age / 10)."
            )
        if left == right and len(left) == 1:
            text = short(":".join(sorted(left[0])))
            raise VariableError(
                f"The formula '{short(self.formula)}' crosses '{text}' with itself by '{sign}', which "
                f"gives no square. Write '{text}' once, or I({text} ** 2)."
            )


EXAMPLE = "tk.model(study, 'Surv(first_cramp_days, first_cramp) ~ age + sex', family='cox')"
# Outer quantiles of Harrell's knots by their number (Regression Modeling Strategies, 2nd ed. 2015,
# table 2.3); the others lie at equal distances between them.
OUTER = {3: 0.10, 4: 0.05, 5: 0.05, 6: 0.05, 7: 0.025}
_TIED = 0.05  # An outermost value shared by so many gets the knot to itself.
_FEW = 100  # With fewer values the outer knots are the fifth smallest and the fifth largest.


@dataclass(frozen=True, slots=True)
class Taken:
    """A formula without Surv() and strata(), the event its outcome, and the names in them."""

    formula: str
    time: str | None = None
    entry: str | None = None
    strata: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def take_time(formula: str) -> Taken:
    """Separate Surv(time, event) or Surv(entry, time, event), and strata(a, b), from a formula."""
    given = tokens(formula)
    tilde = next((place for place, token in enumerate(given) if _is(token, "~")), len(given))
    right, strata = _without_strata(given[tilde + 1 :], formula)
    left = formula[: given[tilde].start].strip() if tilde < len(given) else formula
    plain = f"{left} ~ {right}" if strata else formula
    if not given or given[0].text != "Surv" or given[0].quoted:
        return Taken(plain, strata=strata)
    names = _listed(given[1:tilde])
    if len(names) not in (2, 3):
        raise VariableError(
            f"'{short(left)}' cannot be read. Write Surv(time, event), or Surv(entry, time, event) where "
            f"observation began late. Example: {EXAMPLE}."
        )
    *entry, time, event = names
    return Taken(f"{quoted(event)} ~ {right}", time, entry[0] if entry else None, strata)


def _is(token: Token, *signs: str) -> bool:
    return token.kind == "sign" and token.text in signs


def _listed(given: Sequence[Token]) -> tuple[str, ...]:
    """Read names within parentheses, with commas between; none if there is anything else."""
    inner = given[1:-1]
    framed = len(given) > 2 and _is(given[0], "(") and _is(given[-1], ")")
    named = all(token.kind == "name" for token in inner[::2])
    parted = len(inner) % 2 == 1 and all(_is(token, ",") for token in inner[1::2])
    return tuple(token.text for token in inner[::2]) if framed and named and parted else ()


def _without_strata(given: Sequence[Token], formula: str) -> tuple[str, tuple[str, ...]]:
    """Take each strata(...) out, with the + that joins it."""
    names: list[str] = []
    cut, place = [], 0
    while place < len(given):
        token = given[place]
        if token.text != "strata" or token.quoted or token.kind != "name":
            place += 1
            continue
        end = next((k for k in range(place, len(given)) if _is(given[k], ")")), len(given) - 1) + 1
        own = _listed(given[place + 1 : end])
        before, after = given[place - 1 : place] if place else [], given[end : end + 1]
        joined = all(_is(sign, "+") for sign in before) and all(_is(sign, "+", "-") for sign in after)
        if not own or not joined:
            raise VariableError(
                f"strata(...) in '{short(formula)}' must be a separate term of names, as in "
                f"... + strata(sex, region). Example: {EXAMPLE}."
            )
        names += own
        cut.append((before[0].start if before else token.start, given[end - 1].end))
        place = end
    start, end = (given[0].start, given[-1].end) if given else (0, 0)
    kept = "".join(
        formula[a:b] for a, b in zip([start, *(c[1] for c in cut)], [*(c[0] for c in cut), end], strict=True)
    )
    left = kept.strip().removeprefix("+").strip()
    return (left or "1" if names else kept.strip()), tuple(dict.fromkeys(names))


def knots_at(values: Floats, weights: Floats, count: float, name: str = "x") -> Floats:
    """Place 3 to 7 knots at weighted quantiles, as `rcs` of R's rms with equal weights."""
    if count not in OUTER:
        raise EstimationError(
            f"A spline of '{name}' cannot have {count:g} knots. Use 3 to 7 knots, or name them: "
            f"rcs({name}, 30, 50, 70)."
        )
    distinct, knots = np.unique(values), np.empty(0)
    if len(distinct) - 2 == count:
        return distinct[1:-1]
    if len(distinct) - 2 > count and len(values) > 5:
        knots = _placed(values, weights, int(count))
    if len(knots) < count or (np.diff(knots) <= 0).any():
        raise EstimationError(
            f"{count:g} knots of '{name}' coincide at {len(np.unique(knots)) or len(distinct)} values, "
            f"because many participants share a value. Use fewer knots, or name them: rcs({name}, 30, 50, "
            "70)."
        )
    return knots


def _placed(values: Floats, weights: Floats, count: int) -> Floats:
    """Place knots as Hmisc's `rcspline.eval`, with shares and quantiles weighted."""
    first, last = _tied(values, weights)
    inner = (values > first) & (values < last)
    values, weights = values[inner], weights[inner]
    free, outer = count - np.isfinite(first) - np.isfinite(last), OUTER[count]
    starts = 0.5 if free <= 2 else outer
    at = np.linspace(starts, 0.5 if free == 1 else 1 - outer, int(free))
    knots = np.array([QUANTILE_RULES["hf7"](values, weights, p) for p in at])
    if len(values) < _FEW and free > 1:
        ordered = np.sort(values)
        if not np.isfinite(first):
            knots[0] = ordered[min(4, len(ordered) - 1)]
        if not np.isfinite(last):
            knots[-1] = ordered[max(-5, -len(ordered))]
    ends = np.array([end for end in (first, last) if np.isfinite(end)])
    return np.sort(np.concatenate([ends, knots]))


def _tied(values: Floats, weights: Floats) -> tuple[float, float]:
    """Give the value next to an outermost one that many share, where a knot goes; infinite where few do."""
    distinct, place = np.unique(values, return_inverse=True)
    share = np.bincount(place, weights) / weights.sum()
    if share[1:-1].max() >= _TIED:
        return -np.inf, np.inf
    first = distinct[1] if share[0] >= _TIED else -np.inf
    # The second tie is looked for among the values beyond the first knot.
    return float(first), float(distinct[-2] if share[-1] >= _TIED else np.inf)


def spline(values: Floats, knots: "Sequence[float] | Floats") -> Floats:
    """Compute a restricted cubic spline basis, values x (knots - 1), scaled as `rcs` of R's rms."""
    t = np.asarray(knots, float)
    cubed = np.maximum(values[:, None] - t, 0) ** 3
    last, before = t[-1], t[-2]
    if not (np.diff(t) > 0).all() or not (last - t[0]) ** 2 > 0:
        raise EstimationError(
            "The knots of a spline coincide. Supply knots that differ, such as rcs(age, 30, 50, 70)."
        )
    bends = (
        cubed[:, :-2]
        - cubed[:, -2:-1] * (last - t[:-2]) / (last - before)
        + cubed[:, -1:] * (before - t[:-2]) / (last - before)
    )
    return np.column_stack([values, bends / (last - t[0]) ** 2])
