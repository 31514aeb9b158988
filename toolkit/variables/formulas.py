"""Read a formula in words (the domain language with arithmetic and `when`) and turn it into an expression.

Takes text such as "weight_kg / (height_cm / 100) ** 2" or "when(sbp >= 140, 'high', 'not high')"; gives a
`Formula`. Each piece is looked up in a list of what is allowed; nothing of the text is ever run as code. A
result that cannot be known is null: a missing input, an undecided condition, a division by 0.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import polars as pl

from toolkit.errors import VariableError, short, unknown
from toolkit.variables.condition_text import in_order, one_line, plain_names, syntax_tree, written
from toolkit.variables.conditions import MISSING, Writer, is_call, names_in

FORMULAS = (
    "A formula is a condition as in a domain, or arithmetic (+ - * / **, parentheses) on numbers, with "
    "abs, sqrt, log, exp, round, min, max, missing(x), missing(x, 'reason'), days(from, to) and "
    "when(condition, value, ..., else)"
)
_ARITHMETIC: dict[type[ast.operator], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: pl.when(b != 0).then(a / b),
    ast.Pow: lambda a, b: a.pow(b),
}
_OF_ONE: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "abs": pl.Expr.abs,
    "sqrt": lambda a: pl.when(a >= 0).then(a.sqrt()),
    "log": lambda a: pl.when(a > 0).then(a.log()),
    "exp": pl.Expr.exp,
    "round": lambda a: a.round(0),
}
_OF_SEVERAL: dict[str, Callable[[list[pl.Expr]], pl.Expr]] = {
    "min": lambda terms: _complete(terms, pl.min_horizontal(terms)),
    "max": lambda terms: _complete(terms, pl.max_horizontal(terms)),
}
_FUNCTIONS = (*_OF_ONE, *_OF_SEVERAL, "when", MISSING, "days")
_COMPARE: dict[type[ast.cmpop], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    ast.Eq: pl.Expr.eq,
    ast.NotEq: pl.Expr.ne,
    ast.Lt: pl.Expr.lt,
    ast.LtE: pl.Expr.le,
    ast.Gt: pl.Expr.gt,
    ast.GtE: pl.Expr.ge,
}
_ALLOWED = (
    ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.In, ast.NotIn, ast.List,
    ast.Tuple, ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.Call, *_ARITHMETIC, *_COMPARE,
)  # fmt: skip
_WORDS = ("true", "false")

Result = Literal["yes_no", "number", "category"]


@dataclass(frozen=True)
class Formula:
    """A parsed formula.

    Attributes
    ----------
    text
        As written, in one line and without comments.
    names
        The variables it reads, in the order of their first use.
    result
        What it gives: yes_no (a condition), number, or category (a `when` whose values are texts).
    levels
        The texts of a `when`, in the order in which they are written.
    """

    text: str
    names: tuple[str, ...]
    result: Result
    levels: tuple[str, ...]
    _tree: ast.expr
    _aliases: Mapping[str, str]

    @property
    def dates(self) -> frozenset[str]:
        """The names that stand in days(from, to), and so have to be dates."""
        calls = [node for node in in_order(self._tree) if isinstance(node, ast.Call)]
        terms = [t for call in calls if is_call(call, "days") for t in call.args if isinstance(t, ast.Name)]
        return frozenset(self._aliases.get(term.id, term.id) for term in terms)

    def expression(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """Make a polars expression: true/false, a finite number, or text; null where it cannot be known.

        Parameters
        ----------
        schema
            The columns that the formula may read, with their types.

        Raises
        ------
        VariableError
            For an unknown variable or level, and for arithmetic on what is no number.
        """
        writer = _Formulas(schema, self._aliases)
        if self.result == "yes_no":
            return writer.condition(self._tree)
        if self.result == "category":
            return writer.choice(self._tree, lambda node: pl.lit(_text(node)))
        value = writer.number(self._tree)
        return pl.when(value.is_finite()).then(value)


def formula(text: str) -> Formula:
    """Parse a formula.

    Parameters
    ----------
    text
        A formula; a name that is not letters, digits and _ stands in backticks.

    Returns
    -------
    Formula
        With the names that it reads and the kind of value it gives.

    Raises
    ------
    VariableError
        If the text is not of the language.

    Examples
    --------
    >>> formula("weight / (height / 100) ** 2").names
    ('weight', 'height')
    >>> formula("when(age < 40, 'younger', 'older')").levels
    ('younger', 'older')
    """
    line = one_line(text)
    plain, aliases = plain_names(line)
    tree = syntax_tree(plain, line, "formula")
    _check(tree, line)
    result, levels = _result(tree)
    return Formula(line, names_in(tree, aliases), result, levels, tree, aliases)


def _check(tree: ast.expr, text: str) -> None:
    for node in in_order(tree):
        if not isinstance(node, _ALLOWED):
            piece = type(node).__name__.lower()
            raise VariableError(
                f"the formula '{short(text)}' holds a piece that is not of the language ({piece}). "
                f"{FORMULAS}."
            )
        if isinstance(node, ast.Call):
            _check_call(node)


def _check_call(node: ast.Call) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    if name not in _FUNCTIONS:
        raise VariableError(unknown("a formula has no function", name, _FUNCTIONS, FORMULAS))
    count = len(node.args)
    fits = {"when": count >= 2, MISSING: count in (1, 2), "days": count == 2}.get(
        name, count == 1 if name in _OF_ONE else count >= 2
    )
    if node.keywords or not fits:
        raise VariableError(f"'{written(node)}' has {count} arguments, too few or too many. {FORMULAS}.")


def _result(tree: ast.expr) -> tuple[Result, tuple[str, ...]]:
    values = list(_outcomes(tree))
    texts = [v.value for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    if texts and len(texts) == len(values):
        return "category", tuple(dict.fromkeys(texts))
    if texts:
        raise VariableError(
            f"'{written(tree)}' gives texts and numbers: let every value of when be a text in quotes."
        )
    return ("number" if all(_is_number(value) for value in values) else "yes_no"), ()


def _outcomes(tree: ast.expr) -> list[ast.expr]:
    if not is_call(tree, "when"):
        return [tree]
    return [leaf for value in _branches(tree)[1] for leaf in _outcomes(value)]


def _branches(tree: ast.expr) -> tuple[list[ast.expr], list[ast.expr]]:
    """Part a `when` into its conditions and its values; the last value may have no condition."""
    assert isinstance(tree, ast.Call)  # noqa: S101 - callers asked _is_call
    arguments = tree.args
    pairs = len(arguments) // 2
    rest = arguments[2 * pairs :]
    return arguments[: 2 * pairs : 2], [*arguments[1 : 2 * pairs : 2], *rest]


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        return not is_call(node, MISSING)
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, bool | str)
    minus = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    return minus or isinstance(node, ast.BinOp) or (isinstance(node, ast.Name) and node.id not in _WORDS)


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)  # noqa: S101 - the formula is known to give texts alone
    return str(node.value)


def _complete(terms: list[pl.Expr], value: pl.Expr) -> pl.Expr:
    return pl.when(pl.all_horizontal(term.is_not_null() for term in terms)).then(value)


class _Formulas(Writer):
    """Translates conditions as the domain language does, and arithmetic besides."""

    def condition(self, node: ast.expr) -> pl.Expr:
        if is_call(node, "when"):
            return self.choice(node, self.condition)
        return super().condition(node)

    def link(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pl.Expr:
        computed = ast.BinOp | ast.Call
        if isinstance(left, computed) or isinstance(right, computed):
            if type(op) not in _COMPARE:
                raise VariableError(f"'{written(left)}' cannot stand before in: only a variable can.")
            return _COMPARE[type(op)](self.number(left), self.number(right))
        return super().link(left, op, right)

    def choice(self, node: ast.expr, value: Callable[[ast.expr], pl.Expr]) -> pl.Expr:
        """Take the value of the first condition that holds; one that is undecided leaves the rest unknown."""
        if not is_call(node, "when"):
            return value(node)
        conditions, values = _branches(node)
        chosen = self.choice(values[-1], value) if len(values) > len(conditions) else pl.lit(None)
        for condition, branch in reversed(list(zip(conditions, values, strict=False))):
            held = self.condition(condition)
            chosen = pl.when(held).then(self.choice(branch, value)).when(~held).then(chosen)
        return chosen

    def number(self, node: ast.expr) -> pl.Expr:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return pl.lit(float(value))
            case ast.Name() if self.is_variable(node):
                return self.column(self.name(node))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.number(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _ARITHMETIC[type(op)](self.number(left), self.number(right))
            case ast.Call():
                return self.call(node)
        raise VariableError(f"'{written(node)}' is not a number. {FORMULAS}.")

    def call(self, node: ast.Call) -> pl.Expr:
        name = ast.unparse(node.func)
        if name == "when":
            return self.choice(node, self.number)
        if name == "days":
            start, end = (self.date(term) for term in node.args)
            return (end - start).dt.total_days().cast(pl.Float64)
        if name in _OF_ONE:
            return _OF_ONE[name](self.number(node.args[0]))
        if name in _OF_SEVERAL:
            return _OF_SEVERAL[name]([self.number(term) for term in node.args])
        raise VariableError(f"'{written(node)}' is not a number. {FORMULAS}.")

    def column(self, name: str) -> pl.Expr:
        if not self.is_number(name):
            raise VariableError(
                f"'{name}' is not a number and cannot be reckoned with. Say its values: "
                f"when({name} == 'yes', 1, 0)."
            )
        return pl.col(name).cast(pl.Float64)

    def date(self, node: ast.expr) -> pl.Expr:
        if not self.is_variable(node) or not isinstance(self.kind(self.name(node)), pl.Date | pl.Datetime):
            raise VariableError(f"'{written(node)}' is not a date: days(from, to) takes two dates.")
        return pl.col(self.name(node)).cast(pl.Date)
