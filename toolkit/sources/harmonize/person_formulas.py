"""Compute the variables of a study that are formulas over others, each with the reasons of its inputs.

Takes people, their codebook and parsed formulas; gives both with the new variables, and what went wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

import polars as pl

from toolkit.errors import VariableError, unknown
from toolkit.sources.harmonize.recode import described
from toolkit.sources.user.declaration import OwnStudy, OwnVariable, Problem, known_variables
from toolkit.sources.user.row_checks import check_rows, range_rules
from toolkit.variables.codebook import Codebook, Variable
from toolkit.variables.derivation import Derivation, derive
from toolkit.variables.formulas import Formula


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
    return Computed(people, codebook, (*done.problems, *check_rows(where, people, rules)))


def _entry(name: str, declared: OwnVariable, parsed: Formula) -> Variable:
    known = known_variables().variables.get(name)
    ordered = bool(declared.levels) if declared.ordered is None else declared.ordered
    levels = declared.levels or parsed.levels
    asked = declared.model_copy(update={"kind": parsed.result, "levels": levels, "ordered": ordered})
    entry = described(name, asked, known)
    if entry.kind != parsed.result:
        raise VariableError(
            f"'{name}' is of kind {entry.kind}, and its expression gives {parsed.result}. Mend it."
        )
    for level in parsed.levels:
        if level not in entry.levels:
            raise VariableError(unknown(f"variable '{name}' has no level", level, entry.levels))
    return entry
