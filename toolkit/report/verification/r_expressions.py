"""Translate polars expressions to R, so that a script derives variables and domains as the toolkit does.

A value is missing in R (NA) where it is null in polars; both languages decide conditions in three values.
"""

import json
from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any

import polars as pl

from toolkit.errors import VariableError
from toolkit.studies import quote
from toolkit.variables import Codebook

Tree = Any

_OPERATORS = {
    "Eq": "==", "NotEq": "!=", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">=",
    "And": "&", "Or": "|", "LogicalAnd": "&", "LogicalOr": "|",
    "Plus": "+", "Minus": "-", "Multiply": "*", "TrueDivide": "/",
}  # fmt: skip
_OF_ONE = {
    "IsNull": "is.na({})", "IsNotNull": "!is.na({})", "IsNan": "is.nan({})", "IsNotNan": "!is.nan({})",
    "IsFinite": "is_finite({})", "Not": "!{}", "Negate": "-{}", "Abs": "abs({})", "Exp": "exp({})",
    "Sqrt": "sqrt({})", "Log": "log({})", "StripChars": "trimws({})", "Lowercase": "tolower({})",
}  # fmt: skip
_OF_SEVERAL = {
    "AllHorizontal": "&", "AnyHorizontal": "|", "MinHorizontal": "pmin", "MaxHorizontal": "pmax",
    "Coalesce": "first_known", "FillNull": "first_known",
}  # fmt: skip
_FAMILIES = ("Boolean", "StringExpr", "Pow", "TemporalExpr", "Categorical")


class UntranslatableError(VariableError):
    """An expression has a piece that has no translation to R."""


def write_vector(values: list[Any] | tuple[Any, ...]) -> str:
    """Write values as an R vector."""
    return f"c({', '.join(write_value(value) for value in values)})"


def write_value(value: Any) -> str:
    """Write one value for R."""
    if value is None:
        return "NA"
    if isinstance(value, bool):
        return str(value).upper()
    return quote(value) if isinstance(value, str) else repr(float(value) if value == value else "NaN")  # noqa: PLR0124


def write_name(name: str) -> str:
    """Write the name of a column in backticks."""
    return f"`{name}`"


class RWriter:
    """Writes expressions over columns of known types; `as_read` says that no column is a factor yet."""

    def __init__(
        self, schema: Mapping[str, pl.DataType], codebook: Codebook | None = None, *, as_read: bool = False
    ) -> None:
        self.schema, self.codebook, self.as_read = schema, codebook or Codebook.of(), as_read

    def expression(self, given: pl.Expr) -> str:
        """Translate an expression."""
        return self.piece(json.loads(given.meta.serialize(format="json")))

    def piece(self, tree: Tree) -> str:
        """Translate a piece of a syntax tree."""
        kind: str
        body: Tree
        kind, body = next(iter(tree.items())) if isinstance(tree, dict) else (str(tree), None)
        known: dict[str, Callable[[], str]] = {
            "Column": lambda: self.column(body),
            "Literal": lambda: write_value(self.value(tree)),
            "Alias": lambda: self.piece(body[0]),
            "BinaryExpr": lambda: self.operation(body),
            "Ternary": lambda: self.choice(body),
            "Cast": lambda: self.cast(body),
            "Function": lambda: self.function(body["function"], body["input"]),
        }
        if kind not in known:
            raise _refuse(kind)
        return known[kind]()

    def column(self, name: str) -> str:
        """Read a column with its type in polars: levels as text, yes and no as truth or number."""
        dtype, own = self.schema.get(name), write_name(name)
        if self.as_read or dtype is None:
            return own
        levels = self.codebook[name].levels if name in self.codebook else ()
        if isinstance(dtype, pl.Enum | pl.Categorical) or (dtype == pl.String and levels):
            return f"as.character({own})"
        if levels and (dtype == pl.Boolean or dtype.is_numeric()):
            truth = f"({own} == {quote(levels[1])})"
            return truth if dtype == pl.Boolean else f"as.numeric{truth}"
        return own

    def operation(self, body: Tree) -> str:
        """Translate an operator between two pieces."""
        if body["op"] not in _OPERATORS:
            raise _refuse(body["op"])
        return f"({self.piece(body['left'])} {_OPERATORS[body['op']]} {self.piece(body['right'])})"

    def choice(self, body: Tree) -> str:
        """Translate when, then, otherwise; an undecided condition takes the other branch."""
        parts = (self.piece(body[name]) for name in ("predicate", "truthy", "falsy"))
        return f"choose({', '.join(parts)})"

    def cast(self, body: Tree) -> str:
        """Translate a change of type; levels stay text."""
        null = {"Literal": {"Scalar": {"Null": "Null"}}}
        dtype = pl.select(_expression_of({"Cast": {**body, "expr": null}})).dtypes[0]
        piece = self.piece(body["expr"])
        if isinstance(dtype, pl.Enum | pl.Categorical | pl.String):
            return f"as_text({piece})"
        if dtype == pl.Boolean:
            return f"as.logical({piece})"
        if dtype.is_numeric():
            return f"as.numeric({piece})" if dtype.is_float() else f"trunc(as.numeric({piece}))"
        raise _refuse(str(dtype))

    def function(self, function: Tree, inputs: list[Tree]) -> str:
        """Translate a function."""
        name, options = _name_of(function)
        if name in _OF_ONE:
            return f"({_OF_ONE[name].format(self.piece(inputs[0]))})"
        if name in _OF_SEVERAL:
            return self.several(_OF_SEVERAL[name], [self.piece(one) for one in inputs])
        special: dict[str, Callable[[], str]] = {
            "IsIn": lambda: f"among({self.piece(inputs[0])}, {write_vector(self.listed(inputs[1]))})",
            "IsBetween": lambda: self.between(inputs, options["closed"]),
            "Generic": lambda: f"({self.piece(inputs[0])} ^ {self.piece(inputs[1])})",
            "Round": lambda: self.rounded(inputs[0], options),
            "ReplaceStrict": lambda: self.replaced(inputs),
            "ToPhysical": lambda: self.number_levels(inputs[0]),
        }
        if name not in special:
            raise _refuse(name)
        return special[name]()

    @staticmethod
    def several(word: str, terms: list[str]) -> str:
        """Join several pieces by an operator, or as the arguments of a function."""
        if word in ("&", "|"):
            return f"({f' {word} '.join(terms)})"
        further = ", na.rm = TRUE" if word in ("pmin", "pmax") else ""
        return f"{word}({', '.join(terms)}{further})"

    def between(self, inputs: list[Tree], closed: str) -> str:
        """Translate a range with both of its ends."""
        if closed != "Both":
            raise _refuse("IsBetween")
        value, low, high = (self.piece(one) for one in inputs)
        return f"({value} >= {low} & {value} <= {high})"

    def rounded(self, tree: Tree, options: Tree) -> str:
        """Translate rounding to whole numbers, halves to even ones as R does."""
        if options != {"decimals": 0, "mode": "HalfToEven"}:
            raise _refuse("Round")
        return f"round({self.piece(tree)})"

    def replaced(self, inputs: list[Tree]) -> str:
        """Translate a mapping of values; what it does not name becomes the default."""
        if len(inputs) != 4:
            raise _refuse("ReplaceStrict")
        old, new = (write_vector(self.listed(one)) for one in inputs[1:3])
        return f"replace_values({self.piece(inputs[0])}, {old}, {new}, {write_value(self.value(inputs[3]))})"

    def number_levels(self, tree: Tree) -> str:
        """Give the places of levels of a category."""
        name = tree.get("Column") if isinstance(tree, dict) else None
        dtype = self.schema.get(name or "")
        if not isinstance(dtype, pl.Enum):
            raise _refuse("ToPhysical")
        return f"(match({self.piece(tree)}, {write_vector(list(dtype.categories))}) - 1)"

    def value(self, tree: Tree) -> Any:
        """Evaluate a literal."""
        found = pl.select(_expression_of(tree)).to_series()
        return found.item() if len(found) == 1 else found.to_list()

    def listed(self, tree: Tree) -> list[Any]:
        """Evaluate a literal of several values."""
        found = self.value(tree)
        return list(found) if isinstance(found, list | pl.Series) else [found]


def _expression_of(tree: Tree) -> pl.Expr:
    return pl.Expr.deserialize(StringIO(json.dumps(tree)), format="json")


def _name_of(function: Tree) -> tuple[str, Any]:
    """Name a function, inside its family, and give its options."""
    while isinstance(function, dict):
        name, inner = next(iter(function.items()))
        if name not in _FAMILIES:
            return name, inner
        function = inner
    return function, None


def _refuse(piece: str) -> UntranslatableError:
    return UntranslatableError(f"'{piece}' has no translation to R. Write the variable as a formula instead.")
