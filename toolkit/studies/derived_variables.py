"""Derive variables that an analyst defines by a condition, a formula or a polars expression."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolkit.errors import VariableError
from toolkit.variables.codebook import Codebook, Kind, Variable
from toolkit.variables.conditions import parse
from toolkit.variables.derivation import Derivation
from toolkit.variables.formulas import formula


@dataclass(frozen=True)
class Specification:
    """Name, levels, label and role of a variable that an analyst derives."""

    name: str
    levels: tuple[str, ...] = ()
    label: str = ""
    reference: str | None = None
    unit: str = ""
    node: str = ""


def derivation_of(
    people: pl.DataFrame, codebook: Codebook, asked: Specification, expression: pl.Expr | str
) -> Derivation:
    """Convert a condition, a formula or a polars expression to a derivation."""
    require_free(people, codebook, asked.name)
    value, inputs, found = _read(people, asked, expression)
    entry = _entry(people, asked, value, asked.levels or found)
    return Derivation(entry, inputs, _as_levels(value, entry))


def require_free(people: pl.DataFrame, codebook: Codebook, name: str) -> None:
    """Raise if a study already has a variable or column of this name."""
    if name in codebook or name in people.columns:
        raise VariableError(
            f"This study already has a variable '{name}'. Choose another name, such as "
            f"study.derive('{name}_2', ...)."
        )


def _read(
    people: pl.DataFrame, asked: Specification, expression: pl.Expr | str
) -> tuple[pl.Expr, tuple[str, ...], Sequence[str]]:
    """Return the value, the names it reads, and the levels that the text itself names."""
    if not isinstance(expression, str):
        return expression, tuple(dict.fromkeys(expression.meta.root_names())), ()
    read = formula(expression)
    if read.result == "number" and read.names == (read.text.strip("` "),):
        if asked.levels:  # a variable of levels, put in another order
            return pl.col(read.names[0]).cast(pl.String), read.names, ()
        condition = parse(expression)  # a yes/no variable that stands alone
        return condition.expression(people.schema), condition.names, ()
    return read.expression(people.schema), read.names, read.levels


def _entry(people: pl.DataFrame, asked: Specification, value: pl.Expr, levels: Sequence[str]) -> Variable:
    kind: Kind = "category" if levels else _kind(people, asked.name, value)
    return Variable(
        asked.name,
        asked.label or asked.name,
        kind,
        tuple(levels),
        asked.reference,
        asked.unit,
        component="",
        source="derived by the analyst",
        ordered=bool(asked.levels),
        node=asked.node,
    )


def _kind(people: pl.DataFrame, name: str, value: pl.Expr) -> Kind:
    dtype = people.head(0).select(value.alias(name)).schema[name]
    if isinstance(dtype, pl.Boolean):
        return "yes_no"
    if dtype.is_numeric():
        return "number"
    raise VariableError(
        f"'{name}' would be of type {dtype}: say its levels in their order, "
        f"study.derive('{name}', ..., levels=[..])."
    )


def _as_levels(value: pl.Expr, entry: Variable) -> pl.Expr:
    if entry.kind != "yes_no":
        return value
    answer: pl.Expr = pl.when(value).then(pl.lit("yes")).when(~value).then(pl.lit("no"))
    return answer
