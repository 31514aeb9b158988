"""Write a population to a folder and read it back equal: people as parquet, the rest as JSON.

Takes and gives `Population`. The files hold rows of people: they are readable by the user alone and are
meant to live only as long as the process that they hand people to.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.codebook import Availability, Codebook, Comparability, Variable
from toolkit.cycle_weights import CycleWeight
from toolkit.design import ComponentWeight, Design
from toolkit.population import Population
from toolkit.population_totals import calibration_of
from toolkit.readers import write_parquet, write_text

PEOPLE = "people.parquet"
DECLARED = "population.json"
_REPEATED = ("visits", "diary")
_PLAIN = ("name", "label", "provenance", "simulated")


def write_population(population: Population, folder: Path) -> None:
    """Write people and what is declared about them into a folder, readable by the user alone.

    Parameters
    ----------
    population
        A population or a study; its provenance holds plain values.
    folder
        Where to write; made if it is not there.

    Raises
    ------
    DatasetError
        If the disk is full or the folder cannot be written.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> people = pl.DataFrame({"w": [1.0]})
    >>> write_population(Population("mine", "my study", people, Design(weight="w"), Codebook()), folder)
    >>> read_population(folder).label
    'my study'
    """
    write_parquet(folder / PEOPLE, population.people, private=True)
    for part in _REPEATED:
        if (frame := getattr(population, part)) is not None:
            write_parquet(folder / f"{part}.parquet", frame, private=True)
    write_text(folder / DECLARED, declared_json(population), private=True)


def read_population(folder: Path) -> Population:
    """Read what `write_population` wrote.

    Parameters
    ----------
    folder
        The folder that was written to.

    Returns
    -------
    Population
        Equal to what was written, but that tuples in the provenance come back as lists.

    Examples
    --------
    See `write_population`.
    """
    text = (folder / DECLARED).read_text(encoding="utf-8")
    repeated: dict[str, Any] = {part: _frame(folder / f"{part}.parquet") for part in _REPEATED}
    return replace(declared_again(text, pl.read_parquet(folder / PEOPLE)), **repeated)


def declared_json(population: Population) -> str:
    """Give all of a population but its frames as JSON.

    Examples
    --------
    >>> people = pl.DataFrame({"w": [1.0]})
    >>> text = declared_json(Population("mine", "my study", people, Design(weight="w"), Codebook()))
    >>> declared_again(text, people).design.weight
    'w'
    """
    declared = {
        "facts": {name: getattr(population, name) for name in _PLAIN},
        "design": _design_record(population.design),
        "codebook": [asdict(variable) for variable in population.codebook.values()],
    }
    return json.dumps(declared, default=_as_plain)


def declared_again(text: str, people: pl.DataFrame) -> Population:
    """Make a population of people and of what `declared_json` gave; see there."""
    declared = json.loads(text)
    return Population(
        people=people,
        design=_design(declared["design"]),
        codebook=Codebook.of(*(_variable(record) for record in declared["codebook"])),
        **declared["facts"],
    )


def _frame(path: Path) -> pl.DataFrame | None:
    return pl.read_parquet(path) if path.is_file() else None


def holds_population(folder: str | Path) -> bool:
    """Tell whether `write_population` wrote into this folder.

    Examples
    --------
    >>> holds_population("no such folder")
    False
    """
    return Path(folder, DECLARED).is_file()


def _as_plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _design_record(design: Design) -> dict[str, Any]:
    record = {f.name: getattr(design, f.name) for f in fields(design)}
    if isinstance(design.weight, Mapping):
        record["weight"] = {name: asdict(weight) for name, weight in design.components.items()}
    if design.calibration:
        record["calibration"] = design.calibration.record()
    return record


def _design(record: Mapping[str, Any]) -> Design:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    if isinstance(record["weight"], dict):
        values["weight"] = {name: _component_weight(weight) for name, weight in record["weight"].items()}
    if record["calibration"]:
        values["calibration"] = calibration_of(record["calibration"])
    return Design(**values)


def _component_weight(record: Mapping[str, Any]) -> ComponentWeight:
    return ComponentWeight(**{**record, "cycles": tuple(CycleWeight(**own) for own in record["cycles"])})


def _variable(record: Mapping[str, Any]) -> Variable:
    entries = tuple(Availability(**entry) for entry in record["availability"])
    compared = tuple(Comparability(**entry) for entry in record["comparability"])
    lists = {name: tuple(record[name]) for name in ("levels", "inputs")}
    own = {**lists, "availability": entries, "comparability": compared}
    return Variable(**{**record, **own})
