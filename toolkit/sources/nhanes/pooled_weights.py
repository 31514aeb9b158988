"""Weight columns of each NHANES cycle, for the cycle alone and for pooling with others."""

from collections.abc import Collection, Mapping, Sequence

from toolkit.sources.catalog import Catalog
from toolkit.sources.catalog_records import Cycle
from toolkit.studies import ComponentWeight, CycleWeight, source_of
from toolkit.variables import COMPONENTS, weight_name

# The four-year weights of 1999-2002 represent four years.
_FOUR_YEARS = 4.0
# Where blood was drawn from all examined participants, the examination weight is the phlebotomy weight.
_STANDS_IN = {"phlebotomy": "examination"}
_RESCALING = "rescaled in each analysis for the cycles that contribute"


def weights_of(
    catalog: Catalog, cycles: Sequence[Cycle], there: Collection[tuple[str, str]]
) -> dict[str, ComponentWeight]:
    """Give the design's weights by component; `there` names table and cycle of each file that exists.

    The two-year weights of 1999-2000 rest on another census than later ones. If pooled, they are replaced by
    the weights for the four years 1999-2002.
    """
    found = {}
    several = len(cycles) > 1 and any(cycle.two_year_alone for cycle in cycles)
    for component in (c for c in COMPONENTS if any(c in cycle.weights for cycle in cycles)):
        own = [w for c in cycles if (w := _cycle_weight(catalog, c, component, there, several=several))]
        if own:
            rescaling = _RESCALING if len(cycles) > 1 else ""
            found[component] = ComponentWeight(weight_name(component), source_of(own), rescaling, tuple(own))
    return found


def columns_of(
    catalog: Catalog,
    cycle: Cycle,
    weights: Mapping[str, ComponentWeight],
    there: Collection[tuple[str, str]],
) -> dict[str, tuple[str, str]]:
    """Give the table and column from which each weight column is read in one cycle."""
    read = {}
    for component, weight in weights.items():
        for own in (w for w in weight.cycles if w.cycle == cycle.name):
            table = _table(catalog, cycle, component, there)
            read[own.column] = (table, own.source)
            if own.pooled_column:
                read[own.pooled_column] = (table, own.pooled_source)
    return read


def _own(cycle: Cycle, component: str) -> str:
    return component if component in cycle.weights else _STANDS_IN.get(component, "")


def _table(catalog: Catalog, cycle: Cycle, component: str, there: Collection[tuple[str, str]]) -> str:
    """Name the table with a cycle's weight; "" if the cycle has none, or the file does not exist."""
    weight = cycle.weights.get(_own(cycle, component))
    if weight is None:
        return ""
    tables = weight.tables or (catalog.site.home,)
    return next((table for table in tables if (table, cycle.name) in there), "")


def _cycle_weight(
    catalog: Catalog,
    cycle: Cycle,
    component: str,
    there: Collection[tuple[str, str]],
    *,
    several: bool,
) -> CycleWeight | None:
    """Describe a cycle's weight; with `several` cycles, that for four years may replace it."""
    if not _table(catalog, cycle, component, there):
        return None
    own, column = _own(cycle, component), weight_name(component)
    pooled = cycle.four_year.get(own) if several else None
    return CycleWeight(
        cycle.name,
        column,
        cycle.weights[own].column,
        cycle.years,
        pooled_column=f"{column}_four_year" if pooled else "",
        pooled_source=pooled.column if pooled else "",
        pooled_years=_FOUR_YEARS if pooled else 0.0,
        alone=cycle.two_year_alone,
    )
