"""Show a study in a notebook: people, cycles, variables, weights and design, and whether it is simulated.

Takes a population and its cycles; gives HTML without a value of anyone.
"""

from collections.abc import Sequence
from html import escape

from toolkit.studies.population import Population


def summary_html(population: Population, cycles: Sequence[str]) -> str:
    """Lay out a study's summary."""
    held = sum(name in population.people.columns for name in population.codebook)
    rows = {
        "people": f"{population.people.height:,}",
        "cycles": ", ".join(cycle for cycle in cycles if cycle) or "none",
        "variables": f"{held:,} of {len(population.codebook):,} in the codebook",
        "weights": ", ".join(population.design.components) or "none",
    }
    warning = (
        "<p style='color:#a33'><b>SIMULATED: no person in it is real.</b></p>" if population.simulated else ""
    )
    design = population.design._repr_html_()
    return f"<h4>{escape(population.label)}</h4>{warning}{_table(rows)}{design}"


def _table(rows: dict[str, str]) -> str:
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items()
    )
    return f"<table>{cells}</table>"
