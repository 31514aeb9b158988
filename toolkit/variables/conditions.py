"""Conditions such as "age >= 20 and sex == 'female' and not (bmi > 40)" as three-valued expressions."""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl

from toolkit.disclosure import common_levels, unknown_level
from toolkit.errors import VariableError, short, unknown
from toolkit.variables.codebook import REASONS, YES_NO, Reason, unknown_variable, why
from toolkit.variables.syntax import (
    CONDITION_PIECES,
    MISSING,
    WORDS,
    Language,
    Tree,
    is_call,
    is_variable,
    one_line,
    write_piece,
)

COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], pl.Expr]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LARGEST_WHOLE = 2**63 - 1  # of polars' integers; larger ones are compared as decimal numbers
_FEW = 20  # values of a list that are compared one by one
_MIRROR = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
_CONDITIONS = Language(
    "condition",
    "A condition compares variables with values (==, !=, <, <=, >, >=, in [..], not in [..]), tests for "
    "missing values (missing(name), missing(name, 'reason')) and combines these with and, or, not and "
    "parentheses, such as \"age >= 20 and sex == 'female'\"",
    CONDITION_PIECES,
    (MISSING,),
)


@dataclass(frozen=True)
class Condition:
    """A parsed condition."""

    text: str  # in one line and without comments
    names: tuple[str, ...]  # in the order of their first use
    _tree: Tree | None

    def expression(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """Build a boolean polars expression for columns of these types: null where undecided."""
        if self._tree is None:
            return pl.lit(value=True)
        return ConditionWriter(schema, self._tree).condition(self._tree.root)

    def may_hold(self, name: str, value: str) -> bool:
        """Whether the condition can be true where one variable has this value, whatever all others are."""
        if self._tree is None:
            return True
        names = {name, *(alias for alias, own in self._tree.aliases.items() if own == name)}
        return _truth_given(self._tree.root, names, value) is not False


@lru_cache(maxsize=256)
def parse(text: str) -> Condition:
    """Parse a condition; an empty text includes everyone.

    A comparison with a missing value is undecided, and who is undecided is outside a domain. Whether a value
    is missing is always known: `missing(name)` is true or false, and `missing(name, 'reason')` asks for one
    reason, such as "not asked" or "refused" (`study.missing(name)` counts them). The usual exclusion of
    pregnant women, which keeps men and older women, who were not asked, is
    ``pregnant != 'yes' or missing(pregnant, 'not asked')``; with ``not (pregnant == 'yes')`` alone everyone
    who was not asked would be outside. Names that are not letters, digits and _ are in backticks. Raises
    VariableError if the text is not of the language.

    Examples
    --------
    >>> parse("age >= 20 and not (bmi > 40)").names
    ('age', 'bmi')
    """
    if not isinstance(text, str):
        raise VariableError(
            f"A condition is of the type '{type(text).__name__}'. Write it as text, such as \"age >= 20\"."
        )
    line = one_line(text)
    if not line:
        return Condition("", (), None)
    tree = _CONDITIONS.parse(line)
    return Condition(line, tree.names(), tree)


@dataclass(frozen=True)
class ConditionWriter:
    """Translates the pieces of a condition to polars, knowing the types of the columns."""

    schema: Mapping[str, pl.DataType]
    tree: Tree

    def condition(self, node: ast.expr) -> pl.Expr:
        """Translate a condition: true, false, or null where it is undecided."""
        match node:
            case ast.BoolOp(op=op, values=values):
                combine = operator.and_ if isinstance(op, ast.And) else operator.or_
                return _combine(combine, [self.condition(value) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ~self.condition(operand)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                terms = [left, *comparators]  # a chain such as 20 <= age < 60
                links = [self.comparison(terms[i], op, terms[i + 1]) for i, op in enumerate(ops)]
                return _combine(operator.and_, links)
            case ast.Call() if is_call(node, MISSING):
                return self.missing(node)
            case ast.Name() if is_variable(node):
                return self.yes_no(self.tree.name(node))
            case ast.Name() | ast.Constant(value=bool()):
                return pl.lit(_literal(node))
        raise VariableError(f"'{write_piece(node)}' is not a condition. {_CONDITIONS.description}.")

    def missing(self, node: ast.Call) -> pl.Expr:
        """Test whether a variable has no value, or none for one reason: true or false, never undecided."""
        if len(node.args) not in (1, 2) or node.keywords or not is_variable(node.args[0]):
            raise VariableError(
                "missing(...) takes the name of a variable and optionally a reason, not "
                f"'{write_piece(node)}'. Write missing(age) or missing(age, 'not asked')."
            )
        name = self.tree.name(node.args[0])
        self.dtype(name)
        absent = pl.col(name).is_null()
        if len(node.args) == 1:
            return absent
        reason = _literal(node.args[1])
        if reason not in REASONS:
            listed = ", ".join(map(repr, REASONS))
            raise VariableError(unknown("Unknown reason", str(reason), REASONS, f"Reasons: {listed}"))
        unexplained = pl.lit("no value recorded", Reason)
        recorded = pl.col(why(name)) if why(name) in self.schema else pl.lit(None, Reason)
        matching: pl.Expr = absent & (recorded.cast(Reason).fill_null(unexplained) == reason)
        return matching

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pl.Expr:
        """Translate one comparison."""
        among = isinstance(op, ast.In | ast.NotIn)
        if not is_variable(left) and is_variable(right) and not among:
            left, op, right = right, _MIRROR.get(type(op), type(op))(), left
        if not is_variable(left):
            raise VariableError(
                f"'{write_piece(left)}' is a value, not a variable. {_CONDITIONS.description}."
            )
        name = self.tree.name(left)
        if among:
            inside = self.among(name, right)
            return inside if isinstance(op, ast.In) else ~inside
        if is_variable(right):
            return self.two_variables(name, op, self.tree.name(right))
        return COMPARE[type(op)](pl.col(name), self.value_for(name, _literal(right), op))

    def among(self, name: str, right: ast.expr) -> pl.Expr:
        """Translate the list after `in`."""
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            raise VariableError(
                f"A list must follow in, such as {name} in [1, 2]. {_CONDITIONS.description}."
            )
        values = [self.value_for(name, _literal(item), ast.Eq()) for item in right.elts]
        distinct = list(dict.fromkeys(values))
        if len(distinct) > _FEW and (listed := _series(distinct, self.dtype(name))) is not None:
            return pl.col(name).is_in(listed.implode())
        return _combine(operator.or_, [pl.col(name) == value for value in distinct])

    def two_variables(self, name: str, op: ast.cmpop, other: str) -> pl.Expr:
        """Compare two continuous variables."""
        if not (self.dtype(name).is_numeric() and self.dtype(other).is_numeric()):
            raise VariableError(
                f"'{name}' and '{other}' cannot be compared with each other, because only two numbers can. "
                "Derive a variable first: study.derive(...)."
            )
        return COMPARE[type(op)](pl.col(name), pl.col(other))

    def yes_no(self, name: str) -> pl.Expr:
        """Translate a yes/no variable that is a condition by itself; the numbers 0 and 1 mean no and yes."""
        dtype = self.dtype(name)
        if isinstance(dtype, pl.Enum) and tuple(dtype.categories) == YES_NO:
            return pl.col(name) == "yes"
        if isinstance(dtype, pl.Boolean):
            return pl.col(name)
        if dtype.is_integer():
            answer: pl.Expr = pl.when(pl.col(name).is_in([0, 1])).then(pl.col(name) == 1)
            return answer
        raise VariableError(
            f"'{name}' is not a yes/no variable and cannot be a condition by itself. Compare it with a "
            f"value, such as {name} == {_example(dtype)}."
        )

    def value_for(self, name: str, value: Any, op: ast.cmpop) -> Any:
        """Check that a value fits the type of the variable that it is compared with."""
        dtype = self.dtype(name)
        if isinstance(dtype, pl.Enum):
            return _level(name, tuple(dtype.categories), value, op)
        if isinstance(dtype, pl.Boolean):
            truths: dict[Any, bool] = {"yes": True, "no": False, True: True, False: False}
            if value not in truths:
                raise VariableError(
                    f"'{name}' is true or false and cannot be compared with '{short(value)}'. Write {name}."
                )
            return truths[value]
        if dtype.is_numeric() and isinstance(value, str):
            raise VariableError(
                f"'{name}' is a number and cannot be compared with the text '{short(value)}'. Write "
                f"{name} >= 20, without quotes."
            )
        if isinstance(dtype, pl.String) and not isinstance(value, str):
            raise VariableError(f"'{name}' is text. Put the value in quotes, {name} == '{short(value)}'.")
        return value

    def dtype(self, name: str) -> pl.DataType:
        """Look up the type of a variable."""
        if name not in self.schema:
            raise unknown_variable(name, [column for column in self.schema if "." not in column])
        return self.schema[name]


def _combine(combine: Callable[[Any, Any], Any], terms: Sequence[pl.Expr]) -> pl.Expr:
    """Combine terms two by two, because polars needs minutes for hundreds of them inside one another."""
    while len(terms) > 1:
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [combine(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return terms[0]


def _series(values: list[Any], dtype: pl.DataType) -> pl.Series | None:
    """Write the values of a long list as a column of the variable's type; None if it has other numbers."""
    if isinstance(dtype, pl.Boolean | pl.Enum | pl.String):
        return pl.Series(values, dtype=dtype)
    exact = (int, float) if dtype == pl.Float64 else (int,) if dtype == pl.Int64 else ()
    return pl.Series(values, dtype=dtype, strict=False) if all(type(v) in exact for v in values) else None


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() as value) if abs(value) > _LARGEST_WHOLE:
            return float(value)
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word) if word in WORDS:
            return WORDS[word]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float()) as positive):
            return -_literal(positive)
    raise VariableError(
        f"'{write_piece(node)}' is not a number, a text in quotes, true or false. {_CONDITIONS.description}."
    )


def _level(name: str, levels: tuple[str, ...], value: Any, op: ast.cmpop) -> str:
    if not isinstance(op, ast.Eq | ast.NotEq):
        raise VariableError(
            f"The levels of '{name}' cannot be compared with <, <=, >, >=. Name them: "
            f"{name} in [{', '.join(repr(level) for level in common_levels(levels)[:2])}]."
        )
    if value not in levels:
        raise VariableError(unknown_level(f"Variable '{name}' has no level", value, levels))
    return str(value)


def _example(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Enum) and len(dtype.categories):
        return repr((*common_levels(dtype.categories), "a level")[0])
    return "'text'" if isinstance(dtype, pl.String) else "1"


def _truth_given(node: ast.expr, names: Set[str], value: str) -> bool | None:
    """Evaluate a condition in Kleene's logic where one variable alone is known; None where others decide."""
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_truth_given(part, names, value) for part in values]
            return _all(parts) if isinstance(op, ast.And) else _not(_all([_not(part) for part in parts]))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _not(_truth_given(operand, names, value))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            terms = [left, *comparators]
            return _all([_link_given(terms[i], op, terms[i + 1], names, value) for i, op in enumerate(ops)])
        case ast.Constant(value=bool() as word):
            return word
        case ast.Name(id=word) if word in WORDS:
            return WORDS[word]
    return None


def _link_given(left: ast.expr, op: ast.cmpop, right: ast.expr, names: Set[str], value: str) -> bool | None:
    equality = isinstance(op, ast.Eq | ast.NotEq)
    if isinstance(right, ast.Name) and right.id in names and equality:
        left, right = right, left
    if not (isinstance(left, ast.Name) and left.id in names):
        return None
    if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
        among = value in [item.value for item in right.elts if isinstance(item, ast.Constant)]
        return among == isinstance(op, ast.In)
    if equality and isinstance(right, ast.Constant):
        return (value == right.value) == isinstance(op, ast.Eq)
    return None


def _all(parts: list[bool | None]) -> bool | None:
    return False if False in parts else None if None in parts else True


def _not(truth: bool | None) -> bool | None:
    return None if truth is None else not truth
