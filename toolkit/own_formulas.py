"""Compute the variables of a study that are formulas over others, each with the reasons of its inputs.

Takes people, their codebook and parsed formulas; gives both with the new variables, and what went wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import polars as pl

from toolkit.codebook import Codebook, Reason, Variable, why
from toolkit.derivation import Derivation, derive
from toolkit.errors import VariableError, unknown
from toolkit.expressions import Formula
from toolkit.own_columns import NO_VALUE, described
from toolkit.study_rules import broken, range_rules
from toolkit.study_toml import FileEntry, OwnStudy, OwnVariable, Problem, known_variables


@dataclass(frozen=True)
class Computed:
    """People and codebook with the computed variables, and the problems of those that could not be had."""

    people: pl.DataFrame
    codebook: Codebook
    problems: tuple[Problem, ...] = ()


def compute(
    people: pl.DataFrame, codebook: Codebook, study: OwnStudy, formulas: Mapping[str, Formula]
) -> Computed:
    """Compute formulas in an order in which each finds its inputs.

    Parameters
    ----------
    people, codebook
        With all columns that formulas read.
    study
        Declares label, levels, unit and range of each formula's variable.
    formulas
        Variable -> formula.
    """
    done = Computed(people, codebook)
    graph = {name: set(parsed.names) & set(formulas) for name, parsed in formulas.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " <- ".join(error.args[1])
        told = f"these expressions need one another in a circle: {circle}"
        return Computed(people, codebook, (Problem("variables", told, "Compute one of them from columns."),))
    for name in order:
        done = _with(done, name, study.variables[name], formulas[name])
    return done


def raw_input(column: pl.Series, entry: FileEntry) -> list[pl.Series]:
    """Read a column that only formulas use: missing codes of its file become reasons, digits numbers.

    Parameters
    ----------
    column
        Codes as text, or dates.
    entry
        The file that the column is of.

    Returns
    -------
    list of polars.Series
        The values, and under `<name>.why` the reasons.

    Examples
    --------
    >>> values, reasons = raw_input(pl.Series("kg", ["61,5", "-9"]), FileEntry(path="a.csv", decimal=",",
    ...                                                                   missing={"-9": "refused"}))
    >>> values.to_list(), reasons.to_list()
    ([61.5, None], [None, 'refused'])
    """
    reasons = pl.Series(why(column.name), [None] * len(column), Reason)
    if isinstance(column.dtype, pl.String):
        known = column.str.to_lowercase().replace_strict(entry.missing, default=None, return_dtype=Reason)
        reasons = known.alias(reasons.name)
        column = _numbers(column.set(reasons.is_not_null(), None), entry.decimal)
    unexplained = pl.select(pl.when(column.is_null()).then(reasons.fill_null(NO_VALUE)).alias(reasons.name))
    return [column, unexplained.to_series()]


def _numbers(column: pl.Series, decimal: str) -> pl.Series:
    """Take a column of text for numbers if all of it is."""
    plain = column.str.replace(",", ".", literal=True) if decimal == "," else column
    numbers = plain.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == column.null_count() else column


def _with(done: Computed, name: str, declared: OwnVariable, parsed: Formula) -> Computed:
    where = f"variables.{name}"
    try:
        entry = _entry(name, declared, parsed)
        value = parsed.expression(done.people.schema)
        if entry.kind == "yes_no":
            value = pl.when(value).then(pl.lit("yes")).when(~value).then(pl.lit("no"))
        people, codebook = derive(done.people, done.codebook, [Derivation(entry, parsed.names, value)])
    except VariableError as error:
        return Computed(done.people, done.codebook, (*done.problems, Problem(where, str(error), "")))
    rules = range_rules(entry, declared.range) if entry.kind == "number" else ()
    return Computed(people, codebook, (*done.problems, *broken(where, people, rules)))


def _entry(name: str, declared: OwnVariable, parsed: Formula) -> Variable:
    known = known_variables().variables.get(name)
    asked = declared.model_copy(update={"kind": parsed.result, "levels": declared.levels or parsed.levels})
    entry = described(name, asked, known)
    if entry.kind != parsed.result:
        raise VariableError(
            f"'{name}' is of kind {entry.kind}, and its expression gives {parsed.result}. Mend it."
        )
    for level in parsed.levels:
        if level not in entry.levels:
            raise VariableError(unknown(f"variable '{name}' has no level", level, entry.levels))
    return entry
