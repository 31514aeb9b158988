"""Write the columns of design matrices as expressions over the participants of an engine.

Cells on an engine have moments of continuous variables alone. A column that is not linear in them,
such as a product or a power, is computed of participants (`streamed_columns`) and has moments of its own.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toolkit.errors import EstimationError
from toolkit.estimate.regression.formula.factors import IDENTITY, Factor
from toolkit.estimate.survey import computed_column
from toolkit.results import Floats, Mask
from toolkit.studies import COMPUTED, EnginePeople, Study

if TYPE_CHECKING:
    from toolkit.estimate.survey import Column, Sample

# By variable the expression of its values, or the level that everyone is set to.
Bases = Mapping[str, pl.Expr | str]
Piece = tuple[str, pl.Expr]
_OPERATIONS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_CALLS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "log2": lambda x: x.log() / float(np.log(2)),
    "log10": lambda x: x.log() / float(np.log(10)),
    "ceiling": lambda x: x.ceil(),
    "expm1": lambda x: x.exp() - 1.0,
    IDENTITY: lambda x: x,
}


def pieces(factor: Factor, bases: Bases, knots: Sequence[float] = ()) -> list[Piece]:
    """Write the columns of a factor of numbers, by their text; `knots` are those chosen for a spline."""
    if factor.knots:
        (name,) = factor.names
        own = list(factor.knots) if len(factor.knots) > 1 else list(knots)
        return write_spline(factor.text, name, _number(bases[name]), own)
    if factor.tree is not None:
        numbers = {alias: _number(bases[name]) for alias, name in factor.aliases}
        return [(factor.text, _evaluate(factor.tree, numbers))]
    return [(factor.text, _number(bases[factor.text]))]


def write_spline(text: str, name: str, base: pl.Expr, knots: Sequence[float]) -> list[Piece]:
    """Write a restricted cubic spline, as `spline`; its first column is the variable itself."""
    t = sorted(knots)
    last, before, width = t[-1], t[-2], (t[-1] - t[0]) ** 2

    def cubed(knot: float) -> pl.Expr:
        beyond = base - knot
        return pl.when(beyond > 0).then(beyond * beyond * beyond).otherwise(0.0)

    bends = [
        (
            cubed(knot)
            - cubed(before) * (last - knot) / (last - before)
            + cubed(last) * (before - knot) / (last - before)
        )
        / width
        for knot in t[:-2]
    ]
    return [(name, base), *((f"{text} {k}", bend) for k, bend in enumerate(bends, start=1))]


def mark_level(base: pl.Expr | str, level: str) -> pl.Expr:
    """Write the mark of a level."""
    if isinstance(base, str):
        return pl.lit(float(base == level))
    return (base == level).cast(pl.Float64)


def _number(base: pl.Expr | str) -> pl.Expr:
    assert isinstance(base, pl.Expr)  # noqa: S101 - categories have marks
    return base


def _evaluate(node: ast.expr, numbers: Mapping[str, pl.Expr]) -> pl.Expr:
    found: pl.Expr
    match node:
        case ast.Constant(value=int() | float() as value):
            found = pl.lit(float(value))
        case ast.Name(id=alias):
            found = numbers[alias]
        case ast.UnaryOp(op=op, operand=operand):
            sign = -1.0 if isinstance(op, ast.USub) else 1.0
            found = sign * _evaluate(operand, numbers)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            base = _evaluate(left, numbers)
            found = base * base
        case ast.BinOp(left=left, op=op, right=right):
            found = _OPERATIONS[type(op)](_evaluate(left, numbers), _evaluate(right, numbers))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            inner = _evaluate(argument, numbers)
            found = _CALLS[name](inner) if name in _CALLS else getattr(inner, name)()
        case _:
            raise AssertionError(ast.dump(node))  # `factors` refuses everything else.
    return found


def _name(keys: Sequence[str]) -> str:
    return keys[0] if len(keys) == 1 else " × ".join(keys)


def _place(keys: Sequence[str], known: Mapping[str, object]) -> str:
    """Name the column of the sample that has a product of pieces."""
    name = _name(keys)
    return name if name in known else f"{COMPUTED}{name}"


@dataclass(frozen=True)
class Points:
    """A column at the points of cells: marks, times a product of pieces that has moments of its own."""

    sample: "Sample"
    inside: Mask
    keys: tuple[str, ...]
    marks: Any = 1.0
    # Arrays leave products with points to them.
    __array_ufunc__ = None

    def __mul__(self, other: Any) -> "Points":
        """Multiply by marks or by other pieces."""
        if isinstance(other, Points):
            return Points(self.sample, self.inside, self.keys + other.keys, self.marks * other.marks)
        return Points(self.sample, self.inside, self.keys, self.marks * other)

    __rmul__ = __mul__

    def values(self) -> Floats:
        """Return the values of the points."""
        found: Floats = self.marks * self.sample.numbers(_place(self.keys, self.sample.columns))[self.inside]
        return found


def streamed_columns(
    study: Study, columns: "Mapping[str, Column]", terms: Sequence[Sequence[Factor]]
) -> "tuple[list[str], dict[str, Column]] | None":
    """List the variables of terms that passes sum, and columns computed of them; None if none is needed.

    Passes are needed where a term has a measurement, of more values than an engine groups by.
    """
    people = study.people
    numbers = {name: column.expression for name, column in columns.items() if column.continuous}
    if not isinstance(people, EnginePeople):
        return None
    facts = people.facts_of(list(numbers))
    if all(own.values is not None for own in facts.values()):
        return None
    counted = {name for term in terms for f in term if f.knots and len(f.knots) == 1 for name in f.names}
    for name in sorted(counted):
        if name in facts and facts[name].values is None:
            raise _explain_knots(name, people)
    computed = {}
    for term in terms:
        measured = [f for f in term if f.names[0] in numbers and not (f.knots and len(f.knots) == 1)]
        for chosen in product(*(pieces(f, numbers) for f in measured)):
            keys = [key for key, _ in chosen]
            if keys and not (len(keys) == 1 and keys[0] in numbers):
                column = computed_column(_name(keys), reduce(operator.mul, [own for _, own in chosen]))
                computed[column.name] = column
    used = {name for term in terms for f in term for name in f.names}
    return [name for name in numbers if name in used and name not in counted], computed


def _explain_knots(name: str, people: EnginePeople) -> EstimationError:
    return EstimationError(
        f"The knots of a spline of '{name}' are quantiles, which need the value of each participant, and "
        f"those of this study stay on {people.engine.noun}. Name the knots, as in "
        f"rcs({name}, 30, 50, 70), or read the participants into memory: "
        f"tk.study({people.engine.in_memory}, design=...)."
    )
