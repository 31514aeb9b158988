"""Read a model formula over a study's variables and build its design matrix, with R's columns.

The coding is that of R's `terms` and `model.matrix` (Chambers and Hastie, Statistical Models in S, 1992,
ch. 2). No text is executed: arithmetic is a syntax tree of allowed nodes.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toolkit.errors import VariableError, short
from toolkit.estimate.regression.formula.design_matrix import (
    ONE,
    PER_UNIT,
    Matrix,
    Term,
    express_main_effects,
    levels_present,
    main_effects,
    of_level,
    per_unit,
    require_few_columns,
    spline_terms,
)
from toolkit.estimate.regression.formula.engine_columns import Bases, Points, mark_level, pieces
from toolkit.estimate.regression.formula.factors import (
    EXAMPLE,
    FUNCTIONS,
    IDENTITY,
    Coding,
    Factor,
    codings,
    kept_columns,
    parse_factor,
    tokens,
    unreadable,
)
from toolkit.estimate.regression.formula.terms import Terms, knots_at, parse_terms, spline
from toolkit.estimate.survey import in_rows
from toolkit.results import Floats, Mask

if TYPE_CHECKING:
    from toolkit.estimate.survey import Sample
from toolkit.variables import quoted

_CALLS: dict[str, Any] = {
    **{name: getattr(np, {"ceiling": "ceil"}.get(name, name)) for name in FUNCTIONS},
    IDENTITY: np.positive,
}
_OPERATIONS: dict[type, Any] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
    ast.USub: np.negative, ast.UAdd: np.positive,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """A formula: its outcome, and the variables and terms of its right side."""

    outcome: str
    variables: tuple[str, ...]
    inside: frozenset[str]  # variables in arithmetic or a function, where only numbers may be
    right: Terms
    plain: bool = False  # an intercept and variables alone

    def matrix(self, sample: "Sample", inside: Mask) -> Matrix:
        """Build the design matrix in R's order, without columns that are redundant on any data (NA in R)."""
        if self.plain:
            return main_effects(sample, self.variables, inside)
        return _build(self, sample, inside, every=False)

    def express(self, sample: "Sample", inside: Mask, bases: Bases) -> list[pl.Expr]:
        """Write the columns of the design matrix as expressions over participants."""
        if self.plain:
            return express_main_effects(sample, self.variables, inside, bases)
        made = {text: _express(factor, sample, inside, bases) for text, factor in self.right.factors.items()}
        first = [pl.lit(1.0)] if self.right.intercept else []
        return [*first, *(values for values, _ in _lay_out(self.right, made, every=False))]

    @property
    def listed(self) -> list[list[Factor]]:
        """The factors of each term."""
        return [[self.right.factors[text] for text in term] for term in self.right.terms]


@lru_cache(maxsize=256)
def read_formula(formula: str) -> Reading:
    """Read a formula and check that it asks for no more than terms and arithmetic; docs/formulas.md."""
    given = tokens(formula)
    tildes = [place for place, token in enumerate(given) if token.kind == "sign" and token.text == "~"]
    left, right = given[: tildes[0]] if tildes else given, given[tildes[0] + 1 :] if tildes else []
    if len(tildes) > 1 or (tildes and not right):
        raise unreadable(formula)
    if not tildes or len(left) != 1 or left[0].kind != "name":
        raise VariableError(
            f"The formula '{short(formula)}' requires the name of one outcome left of '~'. Example: "
            f"{EXAMPLE}."
        )
    terms, outcome = parse_terms(right, formula), left[0].text
    factors = terms.factors.values()
    variables = tuple(dict.fromkeys(name for factor in factors for name in factor.names))
    if outcome in variables:
        raise VariableError(
            f"'{outcome}' is on both sides of '~' in '{short(formula)}'. Remove it from the right: {EXAMPLE}."
        )
    if not terms.terms and not terms.intercept:
        raise VariableError(
            f"The formula '{short(formula)}' has no term and no intercept. Example: {EXAMPLE}."
        )
    inside = frozenset(name for factor in factors if not factor.plain for name in factor.names)
    alone = terms.intercept and not inside and all(len(term) == 1 for term in terms.terms)
    plain = alone and tuple(term[0] for term in terms.terms) == variables
    return Reading(outcome, variables, inside, terms, plain)


def read_offset(offset: str) -> Reading:
    """Read an offset, a variable or arithmetic such as "log(follow_up)", as a formula of one term."""
    factor = parse_factor(offset)
    terms = Terms(False, {factor.text: factor}, ((factor.text,),))
    return Reading("", factor.names, frozenset(factor.names), terms)


def require_numbers(reading: Reading, sample: "Sample") -> None:
    """Raise VariableError if a category is where only a number may be."""
    for name in sorted(reading.inside):
        if not sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' is a category and cannot be used in arithmetic. Write it as a term by itself, or "
                f"derive a number from it first: study.derive(...)."
            )


def model_matrix(reading: Reading, sample: "Sample", inside: Mask) -> Matrix:
    """Build every column of R's `model.matrix`, those that R estimates as NA too."""
    return _build(reading, sample, inside, every=True)


@dataclass(frozen=True)
class _Columns:
    """The columns of one factor: with a reference level, and with a column for each level."""

    levels: int  # 0 unless it is a category
    marked: list[tuple[Any, Term]]  # arrays, points of cells, or expressions
    full: list[tuple[Any, Term]] = field(default_factory=list)


def _build(reading: Reading, sample: "Sample", inside: Mask, *, every: bool) -> Matrix:
    right = reading.right
    _require_few_columns(right, sample, inside)
    made = {text: _columns(factor, sample, inside) for text, factor in right.factors.items()}
    columns: list[Floats] = [np.ones(int(inside.sum()))] if right.intercept else []
    terms = [ONE] if right.intercept else []
    for values, term in _lay_out(right, made, every=every):
        columns.append(values.values() if isinstance(values, Points) else values)
        terms.append(term)
    matrix = np.asfortranarray(np.array(columns).T)
    _require_finite(matrix, tuple(terms), sample.persons[inside])
    return Matrix(matrix, tuple(terms))


def _lay_out(right: Terms, made: Mapping[str, _Columns], *, every: bool) -> list[tuple[Any, Term]]:
    """Multiply the columns of factors to those of terms, in R's order."""
    levels = {text: own.levels for text, own in made.items() if own.levels}
    return [
        column
        for coding in codings(right.terms, levels, intercept=right.intercept)
        for column in _crossed(coding, made, right.factors, every=every)
    ]


def _require_few_columns(right: Terms, sample: "Sample", inside: Mask) -> None:
    """Refuse a formula of too many columns, by the levels of its factors."""
    levels = {
        text: len(levels_present(sample.columns[text].variable, sample.codes(text)[inside]))
        for text, factor in right.factors.items()
        if factor.plain and not sample.columns[text].continuous
    }
    spline = {
        text: int(f.knots[0]) if len(f.knots) == 1 else len(f.knots)
        for text, f in right.factors.items()
        if f.knots
    }
    count = int(right.intercept)
    for coding in codings(right.terms, levels, intercept=right.intercept):
        count += prod(
            levels[text] - (text not in coding.full) if text in levels else max(spline.get(text, 2) - 1, 1)
            for text in coding.factors
        )
    require_few_columns(count)


def _columns(factor: Factor, sample: "Sample", inside: Mask) -> _Columns:
    measured = any(name in sample.centers for name in factor.names)
    if factor.knots:
        knots = _knots(factor, sample, inside)
        terms = spline_terms(factor.text, factor.text, len(knots) - 1)
        if measured:
            return _Columns(0, _at_points(factor, sample, inside, terms))
        values = spline(sample.numbers(factor.names[0])[inside], knots)
        return _Columns(0, list(zip(values.T, terms, strict=True)))
    if measured:
        variable = None if factor.tree else sample.columns[factor.text].variable
        term = per_unit(variable) if variable else Term(factor.text, factor.text, PER_UNIT, PER_UNIT)
        return _Columns(0, _at_points(factor, sample, inside, [term]))
    if factor.tree is not None:
        numbers = {alias: sample.numbers(name)[inside] for alias, name in factor.aliases}
        with np.errstate(all="ignore"):
            values = np.broadcast_to(_evaluate(factor.tree, numbers), int(inside.sum())).astype(float)
        return _Columns(0, [(values, Term(factor.text, factor.text, PER_UNIT, PER_UNIT))])
    column = sample.columns[factor.text]
    if column.continuous:
        return _Columns(0, [(sample.numbers(factor.text)[inside], per_unit(column.variable))])
    codes = sample.codes(factor.text)[inside]
    levels = levels_present(column.variable, codes)
    marks = [(codes == column.levels.index(level)).astype(float) for level in levels]
    against = [of_level(column.variable, level, levels[0]) for level in levels]
    alone = [of_level(column.variable, level, None) for level in levels]
    return _Columns(
        len(levels),
        list(zip(marks[1:], against[1:], strict=True)),
        list(zip(marks, alone, strict=True)),
    )


def _at_points(
    factor: Factor, sample: "Sample", inside: Mask, terms: Sequence[Term]
) -> list[tuple[Any, Term]]:
    """Give the columns of measurements on an engine at the points of cells."""
    bases = {name: sample.columns[name].expression for name in factor.names}
    own = pieces(factor, bases)
    return [(Points(sample, inside, (key,)), term) for (key, _), term in zip(own, terms, strict=True)]


def _express(factor: Factor, sample: "Sample", inside: Mask, bases: Bases) -> _Columns:
    """Write the columns of a factor as expressions over participants."""
    own = _columns(factor, sample, inside)
    if own.levels:
        base = bases[factor.text]
        marked = [(mark_level(base, term.level), term) for _, term in own.marked]
        return _Columns(own.levels, marked, [(mark_level(base, term.level), term) for _, term in own.full])
    knots = [float(knot) for knot in _knots(factor, sample, inside)] if factor.knots else []
    written = pieces(factor, bases, knots)
    return _Columns(0, [(e, term) for (_, e), (_, term) in zip(written, own.marked, strict=True)])


def _knots(factor: Factor, sample: "Sample", inside: Mask) -> Sequence[float] | Floats:
    """Give the knots of a spline: those named, or one number of knots at the weighted quantiles."""
    (name,), knots, weights = factor.names, factor.knots or (), sample.weights[inside]
    if len(knots) > 1:
        return sorted(knots)
    x, counted = sample.numbers(name)[inside], weights > 0  # Copies with another exposure have no weight.
    own = in_rows(x[counted], weights[counted], sample.persons[inside][counted])
    return knots_at(*own, knots[0], name)


def _evaluate(node: ast.expr, numbers: Mapping[str, Floats]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value):
            return np.float64(value)
        case ast.Name(id=alias):
            return numbers[alias]
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATIONS[type(op)](_evaluate(operand, numbers))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_evaluate(left, numbers), _evaluate(right, numbers))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _CALLS[name](_evaluate(argument, numbers))
    raise AssertionError(ast.dump(node))  # `factors` refuses everything else.


def _crossed(
    coding: Coding, made: Mapping[str, _Columns], factors: Mapping[str, Factor], *, every: bool
) -> list[tuple[Any, Term]]:
    """Multiply the columns of a term's factors, those of the first running fastest."""
    kept = None if every else kept_columns(coding)
    choices = [made[text].full if text in coding.full else made[text].marked for text in coding.factors]
    categories = [place for place, text in enumerate(coding.factors) if text in coding.levels]
    last = _dropped_cell(coding, made, kept)
    found = []
    for places in product(*(range(len(choice)) for choice in reversed(choices))):
        own = tuple(reversed(places))
        if kept is not None and tuple(own[k] for k in categories) not in kept:
            continue
        parts = [choice[k] for choice, k in zip(choices, own, strict=True)]
        values = parts[0][0]
        for part in parts[1:]:
            values = values * part[0]
        found.append((values, _joined([factors[t] for t in coding.factors], [p[1] for p in parts], last)))
    return found


def _dropped_cell(
    coding: Coding, made: Mapping[str, _Columns], kept: set[tuple[int, ...]] | None
) -> str | None:
    """Name the cell that the others are compared with, if the term is cells and exactly one is redundant."""
    sizes = [coding.levels[text] for text in coding.factors if text in coding.levels]
    if kept is None or set(coding.factors) != coding.full or len(kept) != np.prod(sizes) - 1:
        return None
    (cell,) = set(product(*(range(size) for size in sizes))) - kept
    return _levels([made[text].full[k][1].level for text, k in zip(coding.factors, cell, strict=True)])


def _levels(levels: Sequence[str]) -> str:
    """Join levels by colons, and quote a level that contains one."""
    if len(levels) == 1:
        return levels[0]
    return ":".join(f"'{level}'" if ":" in level else level for level in levels)


def cell_key(names: Sequence[str], levels: Sequence[str]) -> tuple[str, str]:
    """Give exposure and level of the term of several variables' levels."""
    return ":".join(quoted(name) for name in names), _levels(levels)


def _joined(factors: Sequence[Factor], parts: Sequence[Term], dropped: str | None) -> Term:
    if len(parts) == 1:
        return parts[0]
    marked = [part.reference for part in parts if part.reference is not None]
    names = [quoted(factor.text) if factor.plain else factor.text for factor in factors]
    return Term(
        ":".join(names),
        " × ".join(part.exposure_label for part in parts),
        _levels([part.level for part in parts]),
        " × ".join(part.level_label for part in parts),
        _levels(marked) if len(marked) == len(parts) else dropped,
    )


def _require_finite(values: Floats, terms: tuple[Term, ...], persons: Any) -> None:
    broken = ~(np.abs(values) < 1e100)
    if broken.any():
        j = int(np.flatnonzero(broken.any(axis=0))[0])
        raise VariableError(
            f"'{short(terms[j].exposure)}' is not a finite number for {persons[broken[:, j]].sum():,} of "
            f"{persons.sum():,} participants. Restrict the domain, or derive another variable: "
            f"study.derive(...)."
        )
