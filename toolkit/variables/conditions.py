"""Read a condition in words and turn it into an expression that is null where it cannot be decided.

Takes text such as "age >= 20 and sex == 'female' and not (bmi > 40)"; gives a `Condition`. The text is
parsed and each piece is looked up in a list of what is allowed; nothing of it is ever run as code.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import and_, or_
from typing import Any

import polars as pl

from toolkit.errors import VariableError, unknown
from toolkit.variables.codebook import REASONS, YES_NO, Reason, why
from toolkit.variables.condition_text import (
    LANGUAGE,
    in_order,
    not_understood,
    one_line,
    plain_names,
    syntax_tree,
    written,
)
from toolkit.variables.kleene_logic import WORDS, truth_given

_COMPARE = {
    ast.Eq: "__eq__", ast.NotEq: "__ne__", ast.Lt: "__lt__", ast.LtE: "__le__", ast.Gt: "__gt__",
    ast.GtE: "__ge__",
}  # fmt: skip
_MIRROR = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
MISSING = "missing"  # the function of conditions


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Attributes
    ----------
    text
        As written, in one line and without comments.
    names
        The variables it reads, in the order of their first use.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr | None
    _aliases: Mapping[str, str]

    def expression(self, schema: Mapping[str, pl.DataType]) -> pl.Expr:
        """Make a boolean polars expression: true inside, false outside, null where undecided.

        Parameters
        ----------
        schema
            The columns that the condition may read, with their types: Enum, number, Boolean or String.

        Returns
        -------
        polars.Expr
            Three-valued: `and`, `or`, `not` keep null where a missing value leaves the answer open.

        Raises
        ------
        VariableError
            For an unknown variable or level, and for a comparison that a type does not allow.
        """
        if self._tree is None:
            return pl.lit(value=True)
        return Writer(schema, self._aliases).condition(self._tree)

    def may_hold(self, name: str, value: str) -> bool:
        """Tell whether the condition can be true for someone of this value of one variable.

        Parameters
        ----------
        name, value
            The variable and its value; all others may have any value.

        Examples
        --------
        >>> parse("age >= 20 and cycle != '2005-2006'").may_hold("cycle", "2005-2006")
        False
        >>> parse("age >= 20 or cycle != '2005-2006'").may_hold("cycle", "2005-2006")
        True
        """
        if self._tree is None:
            return True
        names = {name, *(alias for alias, own in self._aliases.items() if own == name)}
        return truth_given(self._tree, names, value) is not False


def parse(text: str) -> Condition:
    """Parse a condition; an empty text holds for everyone.

    A comparison with a missing value is undecided, and who is undecided is outside a domain. Whether a value
    is missing is always known: `missing(name)` is true or false, and `missing(name, 'reason')` asks for one
    reason, such as "not asked" or "refused" (`study.missing(name)` counts them). The usual exclusion of
    pregnant women, which keeps men and older women, who were not asked, is
    ``pregnant != 'yes' or missing(pregnant, 'not asked')``; those whose answer is missing for another reason
    stay outside. With ``not (pregnant == 'yes')`` alone everyone who was not asked would be outside.

    Parameters
    ----------
    text
        A condition in the domain language. Names that are not letters, digits and _ stand in backticks.

    Returns
    -------
    Condition
        With the names that it reads.

    Raises
    ------
    VariableError
        If the text is not of the language.

    Examples
    --------
    >>> parse("age >= 20 and not (bmi > 40)").names
    ('age', 'bmi')
    >>> people = pl.DataFrame({"pregnant": ["no", "yes", None], "pregnant.why": [None, None, "not asked"]})
    >>> condition = parse("pregnant != 'yes' or missing(pregnant, 'not asked')")
    >>> people.select(inside=condition.expression(people.schema))["inside"].to_list()
    [True, False, True]
    """
    line = one_line(text)
    if not line:
        return Condition("", (), None, {})
    plain, aliases = plain_names(line)
    tree = syntax_tree(plain, line, "condition")
    names = _names(tree, aliases, line)
    return Condition(line, names, tree, aliases)


def _names(tree: ast.expr, aliases: Mapping[str, str], text: str) -> tuple[str, ...]:
    allowed = (
        ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.In, ast.NotIn, ast.List,
        ast.Tuple, ast.Constant, ast.Name, ast.Load, ast.Call, *_COMPARE,
    )  # fmt: skip
    for node in in_order(tree):
        if not isinstance(node, allowed) or (isinstance(node, ast.Call) and not is_call(node, MISSING)):
            raise not_understood(text, _offence(node))
    return names_in(tree, aliases)


def names_in(tree: ast.AST, aliases: Mapping[str, str]) -> tuple[str, ...]:
    """List the variables that a tree reads, in the order of their first use; functions are none."""
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = [node.id for node in in_order(tree) if isinstance(node, ast.Name) and id(node) not in functions]
    return tuple(dict.fromkeys(aliases.get(name, name) for name in names if name not in WORDS))


def is_call(node: ast.AST, name: str) -> bool:
    """Tell whether a piece calls the function of this name."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _offence(node: ast.AST) -> str:
    if isinstance(node, ast.BitAnd | ast.BitOr | ast.Invert | ast.BinOp):
        return "Write and, or, not in place of &, | and !; arithmetic belongs into study.derive(...)."
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return unknown("a condition has no function", ast.unparse(node.func), [MISSING])
    return f"It holds a piece that is not of the language ({type(node).__name__.lower()})."


@dataclass(frozen=True)
class Writer:
    """Translates the allowed pieces of a tree, knowing the types of the columns."""

    schema: Mapping[str, pl.DataType]
    aliases: Mapping[str, str]

    def condition(self, node: ast.expr) -> pl.Expr:
        """Translate a condition: true, false, or null where it is undecided."""
        match node:
            case ast.BoolOp(op=op, values=values):
                joined = and_ if isinstance(op, ast.And) else or_
                return balanced(joined, [self.condition(value) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return ~self.condition(operand)
            case ast.Compare():
                return balanced(and_, self.links(node))
            case ast.Call() if is_call(node, MISSING):
                return self.missing(node)
            case ast.Name() if node.id not in WORDS:
                return self.standing_alone(self.name(node))
            case ast.Name() | ast.Constant(value=bool()):
                return pl.lit(_literal(node))
        raise VariableError(f"'{written(node)}' is no condition by itself. {LANGUAGE}.")

    def missing(self, node: ast.Call) -> pl.Expr:
        """Ask whether a variable has no value, or none for one reason: true or false, never undecided."""
        if len(node.args) not in (1, 2) or node.keywords or not self.is_variable(node.args[0]):
            raise VariableError(
                f"missing(...) takes the name of a variable and perhaps a reason, not "
                f"'{written(node)}'. Write missing(age) or missing(age, 'not asked')."
            )
        name = self.name(node.args[0])
        self.kind(name)
        absent = pl.col(name).is_null()
        if len(node.args) == 1:
            return absent
        reason = _literal(node.args[1])
        if reason not in REASONS:
            listed = ", ".join(map(repr, REASONS))
            raise VariableError(unknown("there is no reason", str(reason), REASONS, f"Reasons: {listed}"))
        unexplained = pl.lit("no value recorded", Reason)
        given = pl.col(why(name)) if why(name) in self.schema else pl.lit(None, Reason)
        asked: pl.Expr = absent & (given.cast(Reason).fill_null(unexplained) == reason)
        return asked

    def links(self, node: ast.Compare) -> list[pl.Expr]:
        """Part a chain such as `20 <= age < 60` into its links."""
        terms = [node.left, *node.comparators]
        return [self.link(terms[i], op, terms[i + 1]) for i, op in enumerate(node.ops)]

    def link(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> pl.Expr:
        """Translate one comparison."""
        if not self.is_variable(left) and self.is_variable(right) and not isinstance(op, ast.In | ast.NotIn):
            left, op, right = right, _MIRROR.get(type(op), type(op))(), left
        if not self.is_variable(left):
            raise VariableError(f"'{written(left)}' is a value, not a variable. {LANGUAGE}.")
        name = self.name(left)
        if isinstance(op, ast.In | ast.NotIn):
            inside = self.among(name, right)
            return inside if isinstance(op, ast.In) else ~inside
        if self.is_variable(right):
            return self.two_variables(name, op, self.name(right))
        value = self.value_for(name, _literal(right), op)
        comparison: pl.Expr = getattr(pl.col(name), _COMPARE[type(op)])(value)
        return comparison

    def among(self, name: str, right: ast.expr) -> pl.Expr:
        """Translate what stands after `in`."""
        if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
            raise VariableError(f"after in stands a list, such as {name} in [1, 2]. {LANGUAGE}.")
        values = [self.value_for(name, _literal(item), ast.Eq()) for item in right.elts]
        return balanced(or_, [pl.col(name) == value for value in dict.fromkeys(values)])

    def two_variables(self, name: str, op: ast.cmpop, other: str) -> pl.Expr:
        """Compare two numbers of a person."""
        if not (self.is_number(name) and self.is_number(other)):
            raise VariableError(
                f"'{name}' and '{other}' cannot be compared with each other: only two numbers can. "
                f"Derive what you need first: study.derive(...)."
            )
        comparison: pl.Expr = getattr(pl.col(name), _COMPARE[type(op)])(pl.col(other))
        return comparison

    def standing_alone(self, name: str) -> pl.Expr:
        """Translate a yes/no variable that is a condition by itself."""
        kind = self.kind(name)
        if isinstance(kind, pl.Enum) and tuple(kind.categories) == YES_NO:
            return pl.col(name) == "yes"
        if isinstance(kind, pl.Boolean):
            return pl.col(name)
        if kind.is_integer():
            return self.zero_or_one(name)
        raise VariableError(
            f"'{name}' is not a yes/no variable and cannot stand alone in a condition. Compare it with a "
            f"value, such as {name} == {_example(kind)}."
        )

    def zero_or_one(self, name: str) -> pl.Expr:
        """Read 0 and 1 as no and yes; any other number is undecided."""
        answer: pl.Expr = pl.when(pl.col(name).is_in([0, 1])).then(pl.col(name) == 1)
        return answer

    def value_for(self, name: str, value: Any, op: ast.cmpop) -> Any:
        """Check that a value fits the type of the variable that it is compared with."""
        kind = self.kind(name)
        if isinstance(kind, pl.Enum):
            return _level(name, tuple(kind.categories), value, op)
        if isinstance(kind, pl.Boolean):
            return _truth(name, value)
        if kind.is_numeric() and isinstance(value, str):
            raise VariableError(
                f"'{name}' is a number and cannot be compared with the text '{value}'. "
                f"Write {name} >= 20, without quotes."
            )
        if isinstance(kind, pl.String) and not isinstance(value, str):
            raise VariableError(f"'{name}' is text: put the value in quotes, {name} == '{value}'.")
        return value

    def is_variable(self, node: ast.expr) -> bool:
        """Tell whether a piece names a variable."""
        return isinstance(node, ast.Name) and node.id not in WORDS

    def is_number(self, name: str) -> bool:
        """Tell whether a variable is a number."""
        return self.kind(name).is_numeric()

    def kind(self, name: str) -> pl.DataType:
        """Give the type of a variable."""
        if name not in self.schema:
            known = [column for column in self.schema if "." not in column]
            raise VariableError(
                unknown("this study has no variable", name, known, "All: study.availability()")
            )
        return self.schema[name]

    def name(self, node: ast.expr) -> str:
        """Give the variable's name that a piece stands for."""
        assert isinstance(node, ast.Name)  # noqa: S101 - callers asked is_variable
        return self.aliases.get(node.id, node.id)


def balanced(joined: Callable[[Any, Any], Any], terms: Sequence[pl.Expr]) -> pl.Expr:
    """Join terms two by two, because polars needs minutes for hundreds of them inside one another."""
    while len(terms) > 1:
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [joined(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return terms[0]


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=word) if word in WORDS:
            return WORDS[word]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    raise VariableError(f"'{written(node)}' is not a number, a text in quotes, true or false. {LANGUAGE}.")


def _level(name: str, levels: tuple[str, ...], value: Any, op: ast.cmpop) -> str:
    if not isinstance(op, ast.Eq | ast.NotEq):
        raise VariableError(
            f"the levels of '{name}' cannot be compared with <, <=, >, >=. Name them: "
            f"{name} in [{', '.join(repr(level) for level in levels[:2])}]."
        )
    if value not in levels:
        listed = ", ".join(f"'{level}'" for level in levels[:12])
        raise VariableError(
            unknown(f"variable '{name}' has no level", str(value), levels, f"Levels: {listed}")
        )
    return str(value)


def _truth(name: str, value: Any) -> bool:
    words: dict[Any, bool] = {"yes": True, "no": False, True: True, False: False}
    if value not in words:
        raise VariableError(f"'{name}' is true or false and cannot be compared with '{value}'. Write {name}.")
    return words[value]


def _example(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Enum) and len(kind.categories):
        return repr(kind.categories[0])
    return "'text'" if isinstance(kind, pl.String) else "1"
