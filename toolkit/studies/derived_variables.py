"""Make a derivation of what an analyst writes: a formula in words, or a polars expression over columns.

Takes a population and the words of a variable; gives a `Derivation`, whose missing values will take the
reasons of their inputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolkit.errors import VariableError
from toolkit.studies.population import Population
from toolkit.variables.codebook import Kind, Variable
from toolkit.variables.conditions import parse
from toolkit.variables.derivation import Derivation
from toolkit.variables.formulas import formula


@dataclass(frozen=True)
class Words:
    """How a variable of the analyst's own is called and shown."""

    name: str
    levels: tuple[str, ...] = ()
    label: str = ""
    reference: str | None = None
    unit: str = ""
    node: str = ""


def own_step(population: Population, words: Words, expression: pl.Expr | str) -> Derivation:
    """Turn an expression into a derivation.

    Parameters
    ----------
    population
        Whose columns the expression reads.
    words
        Name, levels, label, reference, unit, node.
    expression
        A condition, a formula, or a polars expression.

    Raises
    ------
    VariableError
        If the name is taken, a name in the text is unknown, or levels are needed and not given.
    """
    require_free(population, words.name)
    value, inputs, found = _read(population, words, expression)
    entry = _entry(population, words, value, words.levels or found)
    return Derivation(entry, inputs, _as_levels(value, entry))


def require_free(population: Population, name: str) -> None:
    """Raise if a population has a variable or column of this name."""
    if name in population.codebook or name in population.people.columns:
        raise VariableError(
            f"'{name}' is there already. Choose another name, such as study.derive('{name}_2', ...)."
        )


def _read(
    population: Population, words: Words, expression: pl.Expr | str
) -> tuple[pl.Expr, tuple[str, ...], Sequence[str]]:
    """Give the value, the names it reads, and the levels that a text names itself."""
    if not isinstance(expression, str):
        return expression, tuple(dict.fromkeys(expression.meta.root_names())), ()
    told = formula(expression)
    if told.result == "number" and told.names == (told.text.strip("` "),):
        if words.levels:  # a variable of levels, put in another order
            return pl.col(told.names[0]).cast(pl.String), told.names, ()
        condition = parse(expression)  # a yes/no variable that stands alone
        return condition.expression(population.people.schema), condition.names, ()
    return told.expression(population.people.schema), told.names, told.levels


def _entry(population: Population, words: Words, value: pl.Expr, levels: Sequence[str]) -> Variable:
    kind: Kind = "category" if levels else _kind(population, words.name, value)
    return Variable(
        words.name,
        words.label or words.name,
        kind,
        tuple(levels),
        words.reference,
        words.unit,
        component="",
        source="derived by the analyst",
        ordered=bool(words.levels),
        node=words.node,
    )


def _kind(population: Population, name: str, value: pl.Expr) -> Kind:
    dtype = population.people.head(0).select(value.alias(name)).schema[name]
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
