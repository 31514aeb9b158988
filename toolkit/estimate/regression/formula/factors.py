"""Split a model formula into tokens, and parse its variables: names, splines and arithmetic."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations, product
from typing import Any

import numpy as np

from toolkit.errors import VariableError, nearest, short
from toolkit.results import Floats
from toolkit.variables import LONGEST, is_too_deep, quoted, require_storable

Names = frozenset[str]


@dataclass(frozen=True)
class Coding:
    """How the factors of one term are coded."""

    factors: tuple[str, ...]
    full: Names  # categories with a column for each level
    levels: Mapping[str, int]  # number of levels of each category
    spanned: frozenset[Names] = field(default_factory=frozenset)  # sets of categories of earlier columns


def codings(
    terms: Sequence[tuple[str, ...]], levels: Mapping[str, int], *, intercept: bool
) -> Iterator[Coding]:
    """Code each term, by degree; without an intercept the first category has a column for each level."""
    before: list[Names] = []
    spans: dict[Names, set[Names]] = {frozenset(): {frozenset()}} if intercept else {}
    wanting = not intercept
    for term in terms:
        own = [name for name in term if name in levels]
        full = {name for name in own if not _is_margin(frozenset(term) - {name}, before)}
        if wanting and own:
            full.add(own[0])
            wanting = False
        numbers = frozenset(term) - frozenset(own)
        effects = _effects(own, full)
        spanned = spans.setdefault(numbers, set())
        yield Coding(
            term, frozenset(full), {name: levels[name] for name in own}, frozenset(spanned & effects)
        )
        spanned |= effects
        before.append(frozenset(term))


def _is_margin(rest: Names, before: Sequence[Names]) -> bool:
    return not rest or any(rest <= term for term in before)


def _effects(own: Sequence[str], full: set[str]) -> set[Names]:
    """List the sets of categories whose effects a term's columns span."""
    marked = frozenset(own) - full
    chosen = [name for name in own if name in full]
    return {marked | frozenset(part) for k in range(len(chosen) + 1) for part in combinations(chosen, k)}


def kept_columns(coding: Coding) -> set[tuple[int, ...]] | None:
    """Find the level combinations that earlier columns do not span, as R's `lm` keeps them; None if all."""
    if not coding.spanned:
        return None
    names = [name for name in coding.factors if name in coding.levels]
    sizes = [coding.levels[name] for name in names]
    effects = [_effect(names, sizes, effect) for effect in sorted(coding.spanned, key=len)]
    basis = np.asarray(np.linalg.qr(np.column_stack(effects))[0], float)
    kept = set()
    starts = [0 if name in coding.full else 1 for name in names]
    ranges = [range(size - start) for size, start in zip(sizes, starts, strict=True)]
    for places in product(*reversed(ranges)):
        own = tuple(reversed(places))
        marks = [np.eye(size)[k + start] for size, k, start in zip(sizes, own, starts, strict=True)]
        column = reduce(np.kron, marks)
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        if np.linalg.norm(rest) > 1e-7:  # of a column of length 1
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
            kept.add(own)
    return kept


def _effect(names: Sequence[str], sizes: Sequence[int], effect: Names) -> Floats:
    """Give a basis of one effect on the cells: contrasts of its categories, constant over the others."""
    parts: list[Any] = [
        np.eye(size)[:, 1:] - 1 / size if name in effect else np.ones((size, 1))
        for name, size in zip(names, sizes, strict=True)
    ]
    return np.asarray(reduce(np.kron, parts), np.float64)


FUNCTIONS = (
    "log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sin", "cos", "tan", "floor", "ceiling",
)  # fmt: skip
SPLINE, IDENTITY = "rcs", "I"
EXAMPLE = "tk.model(study, 'any_cramps ~ sex + age + I(age ** 2)', family='logit')"
_TOKEN = re.compile(
    r"\s*(?:`(?P<quoted>[^`]+)`"
    r"|(?P<name>[^\W\d][\w.]*|\.[^\W\d][\w.]*)"
    r"|(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<sign>\*\*|%in%|[-+*/:^(),~]))"
)
_ARITHMETIC = (
    ast.BinOp, ast.UnaryOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd, ast.Load,
    ast.Name, ast.Constant, ast.Call,
)  # fmt: skip
_CATEGORY_MAKERS = ("C", "factor", "as.factor", "ordered", "cut")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a formula: `kind` is "name", "number" or "sign"; `end` is its end in the text."""

    kind: str
    text: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Factor:
    """A variable of the formula in R's sense: a name, a spline of one, or arithmetic on several."""

    text: str
    names: tuple[str, ...]  # the columns that it reads
    tree: ast.expr | None = None  # arithmetic, in which `aliases` replace columns
    aliases: tuple[tuple[str, str], ...] = ()
    knots: tuple[float, ...] | None = None  # their number or values, for a spline

    @property
    def plain(self) -> bool:
        """Whether it is a column by itself."""
        return self.tree is None and self.knots is None


def tokens(text: str) -> list[Token]:
    """Split a formula into tokens, or raise VariableError with the first that no formula has."""
    if len(text) > LONGEST:
        raise VariableError(
            f"The formula has {len(text):,} characters, more than {LONGEST:,}. Derive variables first: "
            f"study.derive(...)."
        )
    found, place, end = [], 0, len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if not match:
            raise _foreign(text, text[place:].lstrip()[0])
        kind = match.lastgroup or ""
        start = match.start(kind) - (kind == "quoted")
        found.append(
            Token("name" if kind == "quoted" else kind, match[kind], start, match.end(), kind == "quoted")
        )
        place = match.end()
    return found


def _foreign(text: str, sign: str) -> VariableError:
    if sign == "|":
        return VariableError(
            f"The formula '{short(text)}' has several parts; join its terms by +: {EXAMPLE}."
        )
    if sign == "`":
        return VariableError(
            f"The formula '{short(text)}' has a backtick without its partner. Example: {EXAMPLE}."
        )
    if sign == ".":
        return VariableError(
            f"'{short(text)}' cannot be read as a formula. Name each variable. Example: {EXAMPLE}."
        )
    return _refused(sign, text)


def _refused(factor: str, formula: str) -> VariableError:
    return VariableError(
        f"'{short(factor)}' in the formula '{short(formula)}' is more than arithmetic on variables. "
        f"Derive a variable first, study.derive(...), and name it. Example: {EXAMPLE}."
    )


def unreadable(formula: str) -> VariableError:
    """State that text is not a formula."""
    return VariableError(f"'{short(formula)}' cannot be read as a formula. Example: {EXAMPLE}.")


def parse_factor(text: str) -> Factor:
    """Parse arithmetic that is by itself, such as an offset."""
    return _arithmetic(tokens(text), text, named=None)


def parse_call(given: Sequence[Token], formula: str) -> Factor:
    """Parse a function with its arguments."""
    name, text = given[0].text, formula[given[0].start : given[-1].end]
    _require_function(name, text, formula)
    return _spline(given, text) if name == SPLINE else _arithmetic(given, formula, named=text)


def _require_function(name: str, factor: str, formula: str) -> None:
    if name == "offset":
        raise VariableError(
            f"'{short(factor)}' cannot be a term of a formula. Supply an offset as an argument: "
            f"tk.model(..., offset='log(follow_up)')."
        )
    if name in _CATEGORY_MAKERS:
        raise VariableError(
            f"'{short(factor)}' cannot be a term of a formula, because the codebook defines which "
            f"variables are categories. Use the name alone, or create categories with study.derive(...)."
        )
    if "." in name:
        raise _refused(factor, formula)
    if name not in (*FUNCTIONS, SPLINE, IDENTITY):
        near = nearest(name, FUNCTIONS)
        raise VariableError(
            f"The formula '{short(formula)}' calls '{name}', which is not available."
            f"{f' Nearest: {near}.' if near else ''} Functions: I, {SPLINE}, {', '.join(FUNCTIONS)}."
        )


def _spline(given: Sequence[Token], text: str) -> Factor:
    """Read rcs(x, 4), rcs(x, 30, 50, 70) or R's rcs(x, c(30, 50, 70))."""
    inner = list(given[2:-1])
    vector = [t.text for t in inner[2:4]] == ["c", "("] and inner[-1].text == ")"
    numbers = inner[4:-1] if vector else inner[2:]
    knots = _numbers(numbers) if [t.text for t in inner[1:2]] == [","] and inner[0].kind == "name" else ()
    if not knots or len(knots) == 2 or (vector and len(knots) < 3):
        raise _not_a_spline(text)
    shown = ", ".join([quoted(inner[0].text), *(f"{knot:g}" for knot in knots)])
    return Factor(f"{SPLINE}({shown})", (inner[0].text,), knots=knots)


def _not_a_spline(text: str) -> VariableError:
    """State how a spline is written."""
    return VariableError(
        f"'{short(text)}' is not a spline. Use rcs(age, 4) for 4 knots, or rcs(age, 30, 50, 70) for "
        f"your own knots, as a term by itself."
    )


def _numbers(given: Sequence[Token]) -> tuple[float, ...]:
    """Read numbers, perhaps negative, with commas between; none if they are anything else."""
    text = "".join(t.text for t in given)
    parts = text.split(",")
    if not all(re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", part) for part in parts):
        return ()
    numbers = tuple(float(part) for part in parts)
    return numbers if np.isfinite(numbers).all() else ()


def _arithmetic(given: Sequence[Token], formula: str, named: str | None) -> Factor:
    """Parse arithmetic with Python's grammar, in which each column is an alias."""
    aliases: dict[str, str] = {}
    pieces = []
    for place, token in enumerate(given):
        called = (
            token.kind == "name"
            and not token.quoted
            and [t.text for t in given[place + 1 : place + 2]] == ["("]
        )
        if token.kind != "name" or called:
            pieces.append("**" if token.text == "^" else token.text)
            continue
        alias = next((a for a, name in aliases.items() if name == token.text), f"column_{len(aliases)}_")
        aliases[alias] = token.text
        pieces.append(alias)
    source = named or formula
    try:
        tree = ast.parse(" ".join(pieces), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise _refused(source, formula) from None
    if is_too_deep(tree):
        raise _refused(source, formula)
    _require_arithmetic(tree, source, formula)
    text = _written(tree, aliases)
    return Factor(text, tuple(aliases.values()), tree, tuple(aliases.items()))


def _require_arithmetic(tree: ast.expr, source: str, formula: str) -> None:
    for node in ast.walk(tree):
        number = not isinstance(node, ast.Constant) or type(node.value) in (int, float)
        if not isinstance(node, _ARITHMETIC) or not number:
            raise _refused(source, formula)
        if isinstance(node, ast.Constant):
            require_storable(node.value, source)
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == SPLINE:
            raise _not_a_spline(source)
        _require_function(name or source, source, formula)
        if len(node.args) != 1 or node.keywords:
            raise VariableError(
                f"'{name}' takes one argument, and '{short(source)}' gives it {len(node.args)}. Write a "
                f"logarithm of another base as I(log(age) / log(3))."
            )


def _written(tree: ast.expr, aliases: dict[str, str]) -> str:
    """Write a tree in one spelling, whatever its spaces were."""
    text = ast.unparse(tree)
    return re.sub(r"\bcolumn_\d+_\b", lambda found: quoted(aliases.get(found[0], found[0])), text)
