"""Translate polars expressions to narwhals, in which DuckDB and Spark understand them.

The toolkit writes conditions, derived variables, weights and reasons as polars expressions. Their syntax
trees (`Expr.meta.serialize`) are translated piece by piece; a piece without a translation is refused.
"""

import json
from collections.abc import Callable, Mapping
from functools import reduce
from io import StringIO
from typing import Any

import narwhals as nw
import polars as pl

from toolkit.errors import VariableError
from toolkit.sources.harmonize.raw_values import ISO

Tree = Any
# What polars strips around text: the characters that Unicode calls white space.
_BLANKS = "".join(
    map(chr, (*range(9, 14), 32, 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288))
)

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": lambda a, b: a == b,
    "NotEq": lambda a, b: a != b,
    "Lt": lambda a, b: a < b,
    "LtEq": lambda a, b: a <= b,
    "Gt": lambda a, b: a > b,
    "GtEq": lambda a, b: a >= b,
    "And": lambda a, b: a & b,
    "Or": lambda a, b: a | b,
    "LogicalAnd": lambda a, b: a & b,
    "LogicalOr": lambda a, b: a | b,
    "Plus": lambda a, b: a + b,
    "Minus": lambda a, b: a - b,
    "Multiply": lambda a, b: a * b,
    "TrueDivide": lambda a, b: a / b,
}
_OF_ONE: dict[str, Callable[[Any], Any]] = {
    "IsNull": lambda a: a.is_null(),
    "IsNotNull": lambda a: ~a.is_null(),
    "IsNan": lambda a: a.cast(nw.Float64).is_nan(),
    "IsNotNan": lambda a: ~a.cast(nw.Float64).is_nan(),
    "IsFinite": lambda a: a.cast(nw.Float64).is_finite(),
    "IsInfinite": lambda a: ~a.cast(nw.Float64).is_finite() & ~a.cast(nw.Float64).is_nan(),
    "Not": lambda a: ~a,
    "Negate": lambda a: a * -1,
    "Abs": lambda a: a.abs(),
    "Exp": lambda a: a.exp(),
    "StripChars": lambda a: a.str.strip_chars(_BLANKS),
    "Lowercase": lambda a: a.str.to_lowercase(),
    "Date": lambda a: a.cast(nw.Date),
    "Month": lambda a: a.dt.month(),
    "Sqrt": lambda a: a.sqrt(),
}
_OF_SEVERAL: dict[str, Callable[[list[Any]], Any]] = {
    "AllHorizontal": lambda terms: reduce(lambda a, b: a & b, terms),
    "AnyHorizontal": lambda terms: reduce(lambda a, b: a | b, terms),
    "MinHorizontal": lambda terms: nw.min_horizontal(*terms),
    "MaxHorizontal": lambda terms: nw.max_horizontal(*terms),
    "Coalesce": lambda terms: nw.coalesce(*terms),
    "FillNull": lambda terms: nw.coalesce(*terms),
}
_TYPES: dict[type[pl.DataType], Any] = {
    pl.Float64: nw.Float64,
    pl.Float32: nw.Float64,
    pl.Int64: nw.Int64,
    pl.Int32: nw.Int64,
    pl.Int16: nw.Int64,
    pl.Int8: nw.Int64,
    pl.UInt8: nw.Int64,
    pl.UInt32: nw.Int64,
    pl.String: nw.String,
    pl.Boolean: nw.Boolean,
    pl.Date: nw.Date,
}


class UntranslatableError(VariableError):
    """An expression has a piece that no engine but polars understands."""


def tree_of(expression: pl.Expr) -> Tree:
    """Read the syntax tree of an expression."""
    return json.loads(expression.meta.serialize(format="json"))


def require_known_form(read: Callable[[pl.Expr], Tree] = tree_of) -> None:
    """Raise unless polars writes syntax trees in the form that is translated, which it may change."""
    column = {"Column": "a"}
    known = {
        "Len": pl.len(),
        "Sum": pl.col("a").sum(),
        "Plus": pl.col("a") + pl.col("a"),
        "IsNull": pl.col("a").is_null(),
    }
    expected = {
        "Len": "Len",
        "Sum": {"Agg": {"Sum": column}},
        "Plus": {"BinaryExpr": {"left": column, "op": "Plus", "right": column}},
        "IsNull": {"Function": {"input": [column], "function": {"Boolean": "IsNull"}}},
    }
    for name, expression in known.items():
        if read(expression) != expected[name]:
            raise UntranslatableError(
                f"polars {pl.__version__} writes expressions such as '{name}' in a form that this version of "
                "the toolkit does not translate for other engines. Install the version of polars that the "
                "toolkit was tested with, pip install 'polars==2.1.*', or read the participants into memory"
            )


def expression_of(tree: Tree) -> pl.Expr:
    """Write a syntax tree as an expression."""
    return pl.Expr.deserialize(StringIO(json.dumps(tree)), format="json")


class Translation:
    """Translates expressions over columns of known types; categories are text on an engine."""

    def __init__(self, schema: Mapping[str, pl.DataType], places: Mapping[str, str]) -> None:
        self.schema, self.places = schema, places

    def expression(self, given: pl.Expr) -> nw.Expr:
        """Translate an expression."""
        found: nw.Expr = self.piece(tree_of(given))
        return found

    def piece(self, tree: Tree) -> Any:
        """Translate a piece of a syntax tree."""
        kind: str
        body: Tree
        kind, body = next(iter(tree.items())) if isinstance(tree, dict) else (str(tree), None)
        known: dict[str, Callable[[], Any]] = {
            "Column": lambda: self.column(body),
            "Literal": lambda: nw.lit(self.value(tree)),
            "Alias": lambda: self.piece(body[0]),
            "BinaryExpr": lambda: self.operation(body),
            "Ternary": lambda: self.choice(body),
            "Cast": lambda: self.cast(self.piece(body["expr"]), body, tree),
            "Function": lambda: self.function(body["function"], body["input"]),
        }
        if kind not in known:
            raise _refuse(tree)
        return known[kind]()

    def operation(self, body: Tree) -> Any:
        """Translate an operator between two pieces."""
        if body["op"] not in _OPERATORS:
            raise _refuse({body["op"]: None})
        return _OPERATORS[body["op"]](self.piece(body["left"]), self.piece(body["right"]))

    def choice(self, body: Tree) -> Any:
        """Translate when, then, otherwise."""
        chosen = nw.when(self.piece(body["predicate"])).then(self.piece(body["truthy"]))
        return chosen if self.is_null(body["falsy"]) else chosen.otherwise(self.piece(body["falsy"]))

    def column(self, name: str) -> nw.Expr:
        """Read a column, categories as text."""
        column = nw.col(self.places[name])
        return column.cast(nw.String) if isinstance(self.schema[name], pl.Enum | pl.Categorical) else column

    def value(self, tree: Tree) -> Any:
        """Evaluate a literal."""
        if tree["Literal"] == {"Dyn": {"Float": None}}:  # NaN and infinities alike
            raise _refuse(tree)
        found = pl.select(expression_of(tree)).to_series()
        return found.item() if len(found) == 1 else found.to_list()

    def is_null(self, tree: Tree) -> bool:
        """Whether a piece is the literal null."""
        return isinstance(tree, dict) and "Literal" in tree and self.value(tree) is None

    def cast(self, piece: nw.Expr, body: Tree, tree: Tree) -> nw.Expr:
        """Translate a change of type; categories stay text."""
        dtype = pl.select(
            expression_of({"Cast": {**body, "expr": {"Literal": {"Scalar": {"Null": "Null"}}}}})
        ).dtypes[0]
        if isinstance(dtype, pl.Enum | pl.Categorical):
            return piece.cast(nw.String)
        if type(dtype) not in _TYPES:
            raise _refuse(tree)
        return piece.cast(_TYPES[type(dtype)])

    def function(self, function: Tree, inputs: list[Tree]) -> Any:
        """Translate a function."""
        name, options = _name_of(function)
        if name in _OF_ONE:
            return _OF_ONE[name](self.piece(inputs[0]))
        if name in _OF_SEVERAL:
            return _OF_SEVERAL[name]([self.piece(one) for one in inputs])
        special: dict[str, Callable[[], Any]] = {
            "IsIn": lambda: self.among(inputs),
            "IsBetween": lambda: self.between(inputs, options["closed"]),
            "Generic": lambda: self.piece(inputs[0]) ** self.piece(inputs[1]),
            "Log": lambda: self.piece(inputs[0]).log(),
            "Round": lambda: _round_to_even(self.piece(inputs[0]), options),
            "ReplaceStrict": lambda: self.replaced(inputs),
            "ToPhysical": lambda: self.number_levels(inputs[0]),
            "Contains": lambda: self.piece(inputs[0]).str.contains(self.value(inputs[1])),
            "Slice": lambda: self.piece(inputs[0]).str.slice(*(self.value(one) for one in inputs[1:])),
            "Strptime": lambda: self.iso_date(inputs[0], options),
        }
        if name not in special:
            raise _refuse({"Function": function})
        return special[name]()

    def among(self, inputs: list[Tree]) -> Any:
        """Translate a list of values to comparisons, so that a missing value is undecided."""
        value = self.piece(inputs[0])
        return reduce(lambda a, b: a | b, [value == one for one in self.listed(inputs[1])])

    def between(self, inputs: list[Tree], closed: str) -> Any:
        """Translate a range with both of its ends."""
        if closed != "Both":
            raise _refuse({"IsBetween": None})
        value, low, high = (self.piece(one) for one in inputs)
        return (value >= low) & (value <= high)

    def listed(self, tree: Tree) -> list[Any]:
        """Evaluate a literal of several values."""
        found = self.value(tree)
        return list(found) if isinstance(found, list | pl.Series) else [found]

    def replaced(self, inputs: list[Tree]) -> nw.Expr:
        """Translate a mapping of values; what it does not name becomes the default."""
        if len(inputs) != 4:
            raise _refuse({"ReplaceStrict": None})
        value, old, new = self.piece(inputs[0]), self.listed(inputs[1]), self.listed(inputs[2])
        return _chain([(value == a, nw.lit(b)) for a, b in zip(old, new, strict=True)], self.value(inputs[3]))

    def iso_date(self, tree: Tree, options: Tree) -> nw.Expr:
        """Translate text of dates in the form that every engine casts."""
        if options[1]["format"] != ISO:
            raise _refuse({"Strptime": None})
        found: nw.Expr = self.piece(tree).cast(nw.Date)
        return found

    def number_levels(self, tree: Tree) -> nw.Expr:
        """Give the places of levels of a category."""
        name = tree.get("Column") if isinstance(tree, dict) else None
        dtype = self.schema.get(name or "")
        if not isinstance(dtype, pl.Enum):
            raise _refuse(tree)
        value = self.piece(tree)
        return _chain([(value == level, nw.lit(at)) for at, level in enumerate(dtype.categories)], None)


def _chain(pairs: list[tuple[nw.Expr, nw.Expr]], default: Any) -> nw.Expr:
    chosen = None if default is None else nw.lit(default)
    for condition, value in reversed(pairs):
        branch = nw.when(condition).then(value)
        chosen = branch if chosen is None else branch.otherwise(chosen)
    assert chosen is not None  # noqa: S101 - a mapping has values
    return chosen


def _round_to_even(value: nw.Expr, options: Tree) -> nw.Expr:
    """Round to whole numbers, halves to even ones, which engines do differently."""
    if options != {"decimals": 0, "mode": "HalfToEven"}:
        raise _refuse({"Round": None})
    down = value.floor()
    beyond = value - down
    even = down / 2 == (down / 2).floor()
    up = (beyond > 0.5) | ((beyond == 0.5) & ~even)
    return nw.when(up).then(down + 1).otherwise(down)


def _name_of(function: Tree) -> tuple[str, Any]:
    """Name a function, inside its family, and give its options."""
    while isinstance(function, dict):
        (name, inner) = next(iter(function.items()))
        if name not in ("Boolean", "StringExpr", "Pow", "TemporalExpr", "Categorical"):
            return name, inner
        function = inner
    return function, None


def _refuse(tree: Tree) -> UntranslatableError:
    piece = next(iter(tree)) if isinstance(tree, dict) else str(tree)
    if piece == "Function":
        piece = _name_of(tree["Function"])[0]
    return UntranslatableError(
        f"The analysis computes '{piece}', which has no translation for the engine of this study. Derive the "
        "variable on the engine before you open the study, write it as a formula, "
        "study.derive('new', 'age >= 40'), or read the participants into memory"
    )
