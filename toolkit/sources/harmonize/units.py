"""Convert units to those of the codebook, and check which values are plausible (`datasets/units.toml`).

The factor depends on the substance, and so on the variable (mmol/L to mg/dL: calcium 4.0078, glucose
18.0156).
"""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from toolkit.errors import VariableError, unknown
from toolkit.files.checked_toml import Checked, read_toml, shipped

_RATE = re.compile(r"\s*(?:/|\ba |\bper )\s*(?:day|night)$", re.IGNORECASE)


@dataclass(frozen=True)
class Conversion:
    """A linear change of unit: value in the new unit = value * times + plus."""

    times: float = 1.0
    plus: float = 0.0

    def then(self, other: "Conversion") -> "Conversion":
        """Chain another conversion."""
        return Conversion(self.times * other.times, self.plus * other.times + other.plus)

    @property
    def back(self) -> "Conversion":
        """The inverse conversion."""
        return Conversion(1 / self.times, -self.plus / self.times)

    def expression(self, value: pl.Expr) -> pl.Expr:
        """Convert a column; the same unit leaves every bit unchanged."""
        return value if self == Conversion() else value * self.times + self.plus


class _Step(Checked):
    """One line of the table; without variables it applies to every substance."""

    unit: str
    into: str
    times: float
    plus: float = 0.0
    variables: tuple[str, ...] = ()


class _Analyte(Checked):
    """A substance: from moles to mass by its molar mass in g/mol, to charge by its valence."""

    molar_mass: float
    valence: int = 0
    variables: tuple[str, ...] = ()


class _Table(Checked):
    """The file `units.toml`."""

    spelling: Mapping[str, tuple[str, ...]]
    plain: tuple[_Step, ...]
    of: tuple[_Step, ...]
    analytes: Mapping[str, _Analyte]
    plausible: Mapping[str, tuple[float, float]]


def conversion(unit: str, into: str, variable: str = "", analyte: str = "") -> Conversion:
    """Find the conversion between units; the variable or analyte decides between moles and mass."""
    if analyte and analyte not in _table().analytes:
        raise VariableError(unknown("Unknown analyte", analyte, _table().analytes))
    start, goal = spelled(unit), spelled(into)
    found = _reachable(start, variable, analyte)
    if goal in found:
        return found[goal]
    known = [u for u in _reachable(goal, variable, analyte) if u != goal]
    raise VariableError(
        unknown(
            f"'{variable}' cannot be converted to {into} from the unit", unit, known, _remedy(known, into)
        )
    )


def spelled(unit: str) -> str:
    """Return the standard spelling of a unit; an unknown unit is returned unchanged."""
    bare = _RATE.sub("", unit.strip())
    return _spellings().get(bare.lower(), bare)


def plausible(variable: str) -> tuple[float, float] | None:
    """Return the plausible range of a codebook variable; None if it has none."""
    return _table().plausible.get(variable)


def other_units(variable: str, into: str, low: float, high: float) -> list[str]:
    """List the other units in which values from `low` to `high` would be plausible."""
    limits = plausible(variable)
    if limits is None:
        return []
    ways = {unit: way.back for unit, way in _reachable(spelled(into), variable, "").items()}
    ends = {u: sorted((low * w.times + w.plus, high * w.times + w.plus)) for u, w in ways.items()}
    return [
        unit
        for unit, (least, most) in ends.items()
        if unit != into and limits[0] <= least and most <= limits[1]
    ]


def _remedy(known: list[str], into: str) -> str:
    if not known:
        return f"Write unit = '{into}' if this is the unit of the values, or convert them in an expression"
    return f"Use one of: {', '.join(known)}"


@cache
def _table() -> _Table:
    return read_toml(shipped("datasets") / "units.toml", _Table)


@cache
def _spellings() -> dict[str, str]:
    return {word.lower(): unit for unit, words in _table().spelling.items() for word in words}


@cache
def _reachable(start: str, variable: str, analyte: str) -> dict[str, Conversion]:
    """Search the table from a unit, nearest units first."""
    found, waiting = {start: Conversion()}, deque([start])
    steps = list(_steps(variable, analyte))
    while waiting:
        here = waiting.popleft()
        for unit, into, way in steps:
            if unit == here and into not in found:
                found[into] = found[here].then(way)
                waiting.append(into)
    return found


def _steps(variable: str, analyte: str) -> Iterator[tuple[str, str, Conversion]]:
    for unit, into, way in _forward(variable, analyte):
        yield unit, into, way
        yield into, unit, way.back


def _forward(variable: str, analyte: str) -> Iterator[tuple[str, str, Conversion]]:
    table = _table()
    for step in (*table.of, *table.plain):
        if not step.variables or variable in step.variables:
            yield step.unit, step.into, Conversion(step.times, step.plus)
    for name, substance in table.analytes.items():
        if name == analyte or (not analyte and variable in substance.variables):
            yield "mmol/L", "mg/dL", Conversion(substance.molar_mass / 10)
            if substance.valence:
                yield "mmol/L", "mEq/L", Conversion(float(substance.valence))
