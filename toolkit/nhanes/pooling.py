"""Pool the weights of cycles: which column a component has in each, and by what it is multiplied.

Takes the chosen cycles and the tables that are there; gives a plan by cycle, and the design's weights.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from toolkit.catalog import Catalogue
from toolkit.codebook import COMPONENTS, weight_name
from toolkit.design import ComponentWeight
from toolkit.survey_records import Cycle, WeightColumn

# The four-year weights of 1999-2002 stand for four years of people.
_FOUR_YEARS = 4.0
# Where blood was drawn from all who were examined, the examination weight is the weight of blood.
_STANDS_IN = {"phlebotomy": "examination"}

Plan = Mapping[str, Mapping[str, "Pooled"]]


@dataclass(frozen=True)
class Pooled:
    """The weight column of one component in one cycle, and the factor by which pooling multiplies it."""

    table: str
    column: str
    factor: float
    years: float


def pool(catalogue: Catalogue, cycles: Sequence[Cycle], there: Collection[tuple[str, str]]) -> Plan:
    """Plan the weights of some cycles.

    Parameters
    ----------
    catalogue
        What is known of the survey.
    cycles
        The cycles that are pooled.
    there
        Table and cycle of each file that is there.

    Returns
    -------
    dict
        Cycle to component to `Pooled`; a component that a cycle has no weight for is not in it.

    Notes
    -----
    Each weight is multiplied by the years that it stands for over the years of all cycles that have one.
    """
    components = [c for c in COMPONENTS if any(c in cycle.weights for cycle in cycles)]
    plan: dict[str, dict[str, Pooled]] = {cycle.name: {} for cycle in cycles}
    for component in components:
        having = {c.name: c for c in cycles if _table(catalogue, c, component, there)}
        total = sum(cycle.years for cycle in having.values())
        for name, cycle in having.items():
            weight, years = _weight_of(cycle, component, list(having.values()))
            table = _table(catalogue, cycle, component, there)
            plan[name][component] = Pooled(table, weight.column, years / total, years)
    return plan


def _own(cycle: Cycle, component: str) -> str:
    return component if component in cycle.weights else _STANDS_IN.get(component, "")


def _table(catalogue: Catalogue, cycle: Cycle, component: str, there: Collection[tuple[str, str]]) -> str:
    """Name the table that holds a cycle's weight; "" if the cycle has none, or none is there."""
    weight = cycle.weights.get(_own(cycle, component))
    if weight is None:
        return ""
    tables = weight.tables or (catalogue.site.home,)
    return next((table for table in tables if (table, cycle.name) in there), "")


def _weight_of(cycle: Cycle, component: str, cycles: Sequence[Cycle]) -> tuple[WeightColumn, float]:
    """Choose the weight of a cycle, and say how many years of people it stands for.

    The two-year weights of 1999-2000 rest on another census than later ones: as soon as that cycle is pooled,
    the weights made for the four years 1999-2002 take their place.
    """
    own = _own(cycle, component)
    if len(cycles) > 1 and own in cycle.four_year and any(c.two_year_alone for c in cycles):
        return cycle.four_year[own], _FOUR_YEARS
    return cycle.weights[own], cycle.years


def weights_of(plan: Plan) -> dict[str, ComponentWeight]:
    """Say for the design which columns hold the weights, of what they were made and how rescaled."""
    given = {component for weights in plan.values() for component in weights}
    return {c: _component_weight(c, plan) for c in COMPONENTS if c in given}


def _component_weight(component: str, plan: Plan) -> ComponentWeight:
    pooled = {cycle: weights[component] for cycle, weights in plan.items() if component in weights}
    columns: dict[str, list[str]] = {}
    for cycle, weight in pooled.items():
        columns.setdefault(weight.column, []).append(cycle)
    source = (
        next(iter(columns))
        if len(columns) == 1
        else "; ".join(f"{column} in {_and(cycles)}" for column, cycles in columns.items())
    )
    without = [cycle for cycle in plan if cycle not in pooled]
    fall_out = f"{_and(without)} {_have(without)} no such weight and {_fall(without)} out" if without else ""
    words = "; ".join(filter(None, [_rescaling(pooled), fall_out]))
    return ComponentWeight(weight_name(component), source, words)


def _have(cycles: Sequence[str]) -> str:
    return "has" if len(cycles) == 1 else "have"


def _fall(cycles: Sequence[str]) -> str:
    return "falls" if len(cycles) == 1 else "fall"


def _rescaling(pooled: Mapping[str, Pooled]) -> str:
    """Say in words what pooling did to the weights; "" if nothing."""
    count = len(pooled)
    if count == 1:
        return ""
    factors: dict[float, list[str]] = {}
    for cycle, weight in pooled.items():
        factors.setdefault(weight.factor, []).append(cycle)
    why = f"as {count} cycles are pooled"
    if list(factors) == [1 / count]:
        return f"divided by {count}, {why}"
    parts = [f"{_times(pooled[cycles[0]])} in {_and(cycles)}" for cycles in factors.values()]
    return f"{', '.join(parts)}, {why}"


def _times(weight: Pooled) -> str:
    total = weight.years / weight.factor
    share = Fraction(weight.factor).limit_denominator(100)
    if share == 1:
        return "taken as it is"
    return (
        f"multiplied by {share}"
        if weight.years.is_integer() and round(total, 9).is_integer()
        else (f"multiplied by {weight.years:g}/{total:g} (years)")
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
