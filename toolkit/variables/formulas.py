"""Formulas of derived variables: conditions, arithmetic and `when`, as polars expressions.

Such as "weight_kg / (height_cm / 100) ** 2" or "when(sbp >= 140, 'high', 'not high')". A result that cannot
be known is null: a missing input, an undecided condition, a division by 0.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from toolkit.errors import VariableError
from toolkit.variables.conditions import COMPARE, ConditionWriter
from toolkit.variables.syntax import (
    CONDITION_PIECES,
    MISSING,
    Language,
    Tree,
    is_call,
    is_variable,
    one_line,
    pieces_in_order,
    write_piece,
)

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], pl.Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda a, b: pl.when(b != 0).then(a / b),
    ast.Pow: pl.Expr.pow,
}
_OF_ONE: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "abs": pl.Expr.abs,
    "sqrt": lambda a: pl.when(a >= 0).then(a.sqrt()),
    "log": lambda a: pl.when(a > 0).then(a.log()),
    "exp": pl.Expr.exp,
    "round": lambda a: a.round(0),
}
_OF_SEVERAL: dict[str, Callable[..., pl.Expr]] = {"min": pl.min_horizontal, "max": pl.max_horizontal}
_OF_DATES = {"days": 2, "month": 1}  # the number of dates that each takes
_FORMULAS = Language(
    "formula",
    "A formula is a condition as in a domain, or arithmetic (+ - * / **, parentheses) on numbers, with abs, "
    "sqrt, log, exp, round, min, max, missing(x), missing(x, 'reason'), days(from, to), month(date) and "
    "when(condition, value, ..., else)",
    (*CONDITION_PIECES, ast.BinOp, *_ARITHMETIC),
    (*_OF_ONE, *_OF_SEVERAL, "when", MISSING, *_OF_DATES),
)

Result = Literal["yes_no", "number", "category"]


@dataclass(frozen=True)
class Formula:
    """A parsed formula."""

    text: str  # in one line and without comments
    names: tuple[str, ...]  # in the order of their first use
    result: Result  # a category is a `when` of texts
    levels: tuple[str, ...]  # the texts of a `when`, as written
    _tree: Tree

    @property
    def dates(self) -> frozenset[str]:
        """The names inside days(from, to) and month(date), which must be dates."""
        calls = [node for node in pieces_in_order(self._tree.root) if isinstance(node, ast.Call)]
        dated = [call for call in calls if any(is_call(call, name) for name in _OF_DATES)]
        terms = [term for call in dated for term in call.args]
        return frozenset(self._tree.name(term) for term in terms if isinstance(term, ast.Name))

    def expression(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """Build a polars expression: true/false, a finite number, or text; null where it cannot be known."""
        writer, root = _FormulaWriter(schema, self._tree), self._tree.root
        if self.result == "yes_no":
            return writer.condition(root)
        if self.result == "category":
            return writer.choice(root, lambda node: pl.lit(str(getattr(node, "value", ""))))
        value = writer.number(root)
        return pl.when(value.is_finite()).then(value)


def formula(text: str) -> Formula:
    """Parse a formula; a name that is not letters, digits and _ is in backticks."""
    line = one_line(text)
    tree = _FORMULAS.parse(line)
    for node in pieces_in_order(tree.root):
        if isinstance(node, ast.Call):
            _check_arguments(node)
    result, levels = _result(tree.root)
    return Formula(line, tree.names(), result, levels, tree)


def _check_arguments(node: ast.Call) -> None:
    name, count = ast.unparse(node.func), len(node.args)
    special = {"when": count >= 2, MISSING: count in (1, 2)}
    special |= {of_dates: count == dates for of_dates, dates in _OF_DATES.items()}
    fits = special.get(name, count == 1 if name in _OF_ONE else count >= 2)
    if node.keywords or not fits:
        raise VariableError(
            f"'{write_piece(node)}' has {count} arguments, too few or too many. {_FORMULAS.description}."
        )


def _result(root: ast.expr) -> tuple[Result, tuple[str, ...]]:
    values = _values(root)
    texts = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    if texts and len(texts) == len(values):
        return "category", tuple(dict.fromkeys(texts))
    if texts:
        raise VariableError(
            f"'{write_piece(root)}' gives texts and numbers. Write every value of when as a text in quotes."
        )
    return ("number" if all(_is_number(value) for value in values) else "yes_no"), ()


def _values(node: ast.expr) -> list[ast.expr]:
    """List the values that a formula can give: the branches of a `when`, or itself."""
    if not isinstance(node, ast.Call) or not is_call(node, "when"):
        return [node]
    return [leaf for value in _branches(node)[1] for leaf in _values(value)]


def _branches(node: ast.Call) -> tuple[list[ast.expr], list[ast.expr]]:
    """Split a `when` into its conditions and its values; the last value may have no condition."""
    pairs = 2 * (len(node.args) // 2)
    return node.args[:pairs:2], [*node.args[1:pairs:2], *node.args[pairs:]]


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return not is_call(node, MISSING)
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, bool | str)
    minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return minus or isinstance(node, ast.BinOp) or is_variable(node)


class _FormulaWriter(ConditionWriter):
    """Translates conditions as in a domain, and arithmetic."""

    def condition(self, node: ast.expr) -> pl.Expr:
        return self.choice(node, self.condition) if is_call(node, "when") else super().condition(node)

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pl.Expr:
        computed = ast.BinOp | ast.Call
        if isinstance(left, computed) or isinstance(right, computed):
            if type(op) not in COMPARE:
                raise VariableError(f"'{write_piece(left)}' cannot precede in. Only a variable can.")
            return COMPARE[type(op)](self.number(left), self.number(right))
        return super().comparison(left, op, right)

    def choice(self, node: ast.expr, value: Callable[[ast.expr], pl.Expr]) -> pl.Expr:
        """Take the value of the first true condition; one that is undecided leaves the rest unknown."""
        if not isinstance(node, ast.Call) or not is_call(node, "when"):
            return value(node)
        conditions, values = _branches(node)
        chosen = self.choice(values[-1], value) if len(values) > len(conditions) else pl.lit(None)
        for condition, branch in reversed(list(zip(conditions, values, strict=False))):
            true = self.condition(condition)
            chosen = pl.when(true).then(self.choice(branch, value)).when(~true).then(chosen)
        return chosen

    def number(self, node: ast.expr) -> pl.Expr:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return pl.lit(float(value))
            case ast.Name() if is_variable(node):
                return self.column(self.tree.name(node))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.number(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](self.number(left), self.number(right))
            case ast.Call() if not is_call(node, MISSING):
                return self.call(node)
        raise VariableError(f"'{write_piece(node)}' is not a number. {_FORMULAS.description}.")

    def call(self, node: ast.Call) -> pl.Expr:
        name = ast.unparse(node.func)
        if name == "when":
            return self.choice(node, self.number)
        if name == "days":
            start, end = (self.date(term) for term in node.args)
            return (end - start).dt.total_days().cast(pl.Float64)
        if name == "month":
            return self.date(node.args[0]).dt.month().cast(pl.Float64)
        terms = [self.number(term) for term in node.args]
        if name in _OF_ONE:
            return _OF_ONE[name](terms[0])
        complete = pl.all_horizontal(term.is_not_null() for term in terms)
        return pl.when(complete).then(_OF_SEVERAL[name](terms))

    def column(self, name: str) -> pl.Expr:
        if not self.dtype(name).is_numeric():
            raise VariableError(
                f"'{name}' is not a number and cannot be used in arithmetic. Give its levels values: "
                f"when({name} == 'yes', 1, 0)."
            )
        return pl.col(name).cast(pl.Float64)

    def date(self, node: ast.expr) -> pl.Expr:
        if not is_variable(node) or not isinstance(self.dtype(self.tree.name(node)), pl.Date | pl.Datetime):
            raise VariableError(
                f"'{write_piece(node)}' is not a date, and days(from, to) and month(date) take dates."
            )
        return pl.col(self.tree.name(node)).cast(pl.Date)
