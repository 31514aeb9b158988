"""Recode numbers and answers to levels, with missing values kept missing, and write rules with truth tables.

Logic is three-valued (Kleene): "yes or missing" is yes, "no or missing" is missing.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, product
from typing import Any

import polars as pl

from toolkit.causes.card import Cases, Rule, Value
from toolkit.variables import Derivation, Variable

ANSWERS: tuple[str | None, ...] = ("no", "yes", None)


def number(name: str) -> pl.Expr:
    """Read a column as numbers; not-a-number is missing."""
    return pl.col(name).cast(pl.Float64).fill_nan(None)


def answer(name: str) -> pl.Expr:
    """Read a column of levels as text, so that an Enum without the level compared with is not an error."""
    return pl.col(name).cast(pl.String)


def assign_levels(conditions: Mapping[str, pl.Expr]) -> pl.Expr:
    """Assign the first level whose condition is true; missing if none is."""
    chained: Any = pl
    for level, condition in conditions.items():
        chained = chained.when(condition).then(pl.lit(level))
    expression: pl.Expr = chained
    return expression


def yes_if(condition: pl.Expr) -> pl.Expr:
    """Recode a condition to yes and no."""
    return assign_levels({"yes": condition, "no": ~condition})


def bands(name: str, edges: Sequence[float], levels: Sequence[str | None]) -> pl.Expr:
    """Cut a number into levels, lowest first; edges belong to the level above, None is outside the groups."""
    value, (lowest, *others) = number(name), levels
    level: pl.Expr = pl.when(value.is_not_null()).then(pl.lit(lowest, pl.String))
    for edge, label in zip(edges, others, strict=True):
        level = pl.when(value >= edge).then(pl.lit(label, pl.String)).otherwise(level)
    return level


def within(name: str, low: float, high: float, levels: Sequence[str]) -> pl.Expr:
    """Classify a number as below, within or above a range that includes both of its ends."""
    value, (below, inside, above) = number(name), levels
    return assign_levels({below: value < low, inside: value <= high, above: value > high})


def cross(*values: Sequence[Value], results: Sequence[Sequence[Value]]) -> Cases:
    """List every combination of input values, the last input varying fastest, with its result."""
    combinations = product(*values)
    return tuple((*c, r) for c, r in zip(combinations, chain.from_iterable(results), strict=True))


def make_rule(
    variable: Variable, inputs: tuple[str, ...], expression: pl.Expr, cases: Cases, **options: Any
) -> Rule:
    """Write a rule; `options` are those of a derivation, such as `gate`."""
    return Rule(Derivation(variable, inputs, expression, **options), cases)


def band_rule(
    variable: Variable, source: str, edges: Sequence[float], examples: Sequence[Sequence[float]]
) -> Rule:
    """Cut a number into the levels of a variable; `examples` are the values of the truth table, band by band.

    With as many edges as levels the lowest band is outside the groups.
    """
    outside = (None,) if len(edges) == len(variable.levels) else ()
    levels = (*outside, *variable.levels)
    cases = [(value, level) for level, band in zip(levels, examples, strict=True) for value in band]
    return make_rule(variable, (source,), bands(source, edges, levels), (*cases, (None, None)))


def threshold_rule(
    variable: Variable,
    source: str,
    *,
    at_least: float | None = None,
    below: float | None = None,
    no: Sequence[float],
    yes: Sequence[float],
) -> Rule:
    """Recode a number to yes from a value on, or below one; `no` and `yes` are values of the truth table."""
    value = number(source)
    expression = yes_if(value < below if at_least is None else value >= at_least)
    cases = (*((v, "no") for v in no), *((v, "yes") for v in yes), (None, None))
    return make_rule(variable, (source,), expression, cases)


def level_rule(variable: Variable, source: str, levels: Sequence[str], yes: Sequence[str]) -> Rule:
    """Recode an answer to yes where it is one of several levels."""
    cases = (*((level, "yes" if level in yes else "no") for level in levels), (None, None))
    return make_rule(variable, (source,), yes_if(answer(source).is_in(list(yes))), cases)


def any_yes_rule(variable: Variable, inputs: tuple[str, ...], known_if: tuple[str, ...] = ()) -> Rule:
    """Derive yes if any answer is yes, no if all are no; missing unless one of `known_if` is known."""

    def combine(answers: dict[str, str | None]) -> str | None:
        if known_if and not any(answers[name] for name in known_if):
            return None
        return "yes" if "yes" in answers.values() else None if None in answers.values() else "no"

    found = yes_if(pl.any_horizontal([answer(name) == "yes" for name in inputs]))
    if known_if:
        found = pl.when(pl.any_horizontal([pl.col(name).is_not_null() for name in known_if])).then(found)
    combinations = product(ANSWERS, repeat=len(inputs))
    cases = tuple((*c, combine(dict(zip(inputs, c, strict=True)))) for c in combinations)
    return make_rule(variable, inputs, found, cases)
