"""Derive variables that an analyst defines by a condition, a formula or a polars expression."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.parts import Rule
from toolkit.errors import VariableError, unknown
from toolkit.variables.codebook import Codebook, Kind, Variable
from toolkit.variables.conditions import parse
from toolkit.variables.derivation import Derivation, derive
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


def checked_steps(people: pl.DataFrame, codebook: Codebook, card: Card) -> list[Derivation]:
    """Check the rules of a card against their truth tables and return the derivations that a study lacks."""
    known = {*people.columns, *codebook}
    for rule in card.rules:
        _check_truth(rule)
        for name in rule.derivation.inputs:
            if name not in known:
                raise VariableError(unknown("this study has no variable", name, codebook))
        known.add(rule.name)
    return [rule.derivation for rule in card.rules if rule.name not in people.columns]


def _check_truth(rule: Rule) -> None:
    table = rule.truth_table()
    try:
        people, _ = derive(table.drop(rule.name), Codebook(), [rule.derivation])
    except pl.exceptions.PolarsError:
        raise VariableError(
            f"the rule '{rule.name}' gives values that are not its variable's. Name every level in its "
            "Variable, and let its expression give them as text."
        ) from None
    given, told = (frame[rule.name].cast(table[rule.name].dtype) for frame in (people, table))
    wrong = [number for number, same in enumerate(given.eq_missing(told), 1) if not same]
    if wrong:
        raise VariableError(
            f"the rule '{rule.name}' and its truth table disagree in {len(wrong)} of {table.height} cases "
            f"({', '.join(map(str, wrong))}). Mend the expression or the case."
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
