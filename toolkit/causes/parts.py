"""Hold the parts of a card: a rule with its truth table, an exposure, a way of prevention.

Takes derivations, variables and words; gives frozen records.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import polars as pl

from toolkit.causes.recode import answer, yes_if
from toolkit.variables.codebook import Variable
from toolkit.variables.derivation import Derivation

# The ways of preventing cramps that the cards speak of.
PREVENTIONS = (
    "stretching",
    "hydration",
    "sleeping posture",
    "moving",
    "nutrition",
    "glucose control",
    "seeing a clinician",
)


@dataclass(frozen=True)
class Rule:
    """A derivation and the truth table that it is held to.

    Attributes
    ----------
    derivation
        The expression, its inputs and the variable it gives.
    cases
        Rows of the truth table: one value an input, then the result; None is unknown.
    """

    derivation: Derivation
    cases: tuple[tuple[float | str | None, ...], ...]

    @property
    def name(self) -> str:
        """The variable that the rule gives."""
        return self.derivation.variable.name

    def truth_table(self) -> pl.DataFrame:
        """Lay the cases out: the inputs, then the result; one row a case, unknown as null."""
        names = [*self.derivation.inputs, self.name]
        columns = zip(names, zip(*self.cases, strict=True), strict=True)
        return pl.DataFrame([pl.Series(name, values, _dtype(values)) for name, values in columns])


def any_yes(variable: Variable, inputs: tuple[str, ...], known_if: tuple[str, ...] = ()) -> Rule:
    """Derive a yes where any of several answers is yes, and a no where all are no.

    With `known_if` one of these answers must be there: others alone say nothing of people who were not asked.
    """
    found = yes_if(pl.any_horizontal([answer(name) == "yes" for name in inputs]))
    if known_if:
        found = pl.when(pl.any_horizontal([pl.col(name).is_not_null() for name in known_if])).then(found)
    cases = product(("no", "yes", None), repeat=len(inputs))
    return Rule(
        Derivation(variable, inputs, found),
        tuple((*case, _any_case(dict(zip(inputs, case, strict=True)), known_if)) for case in cases),
    )


def _any_case(answers: dict[str, str | None], known_if: tuple[str, ...]) -> str | None:
    """Say what "or" gives: yes if any is yes, unknown if none is and one is unknown."""
    if known_if and not any(answers[name] for name in known_if):
        return None
    return "yes" if "yes" in answers.values() else None if None in answers.values() else "no"


@dataclass(frozen=True)
class Exposure:
    """A variable by which a cause is measured.

    Attributes
    ----------
    variable
        Name, label, levels, reference and unit.
    caveat
        What it does not measure, or why it is only a proxy; "" if it is what it says.
    """

    variable: Variable
    caveat: str = ""

    @property
    def name(self) -> str:
        """Name of the variable."""
        return self.variable.name

    @property
    def label(self) -> str:
        """Label of the variable, without unit."""
        return self.variable.label

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels in natural order; () for a number."""
        return self.variable.levels

    @property
    def reference(self) -> str | None:
        """The level that others are compared with; None for a number."""
        return self.variable.reference

    @property
    def unit(self) -> str:
        """Unit of a number; "" for levels."""
        return self.variable.unit


@dataclass(frozen=True)
class Prevention:
    """A way of preventing cramps with what studies found of it; never advice to a person.

    Attributes
    ----------
    kind
        One of `PREVENTIONS`.
    finding
        What was tried and found, in a sentence.
    sources
        Ids of `datasets/evidence.toml` that the sentence stands on; () if no study was found.
    """

    kind: str
    finding: str
    sources: tuple[str, ...] = ()


def _dtype(values: tuple[Any, ...]) -> pl.DataType:
    words = any(isinstance(value, str) for value in values)
    return pl.String() if words else pl.Float64()
