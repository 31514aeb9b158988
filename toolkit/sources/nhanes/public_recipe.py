"""State how a study of public-use files follows from the publisher's files: columns, codes, derivations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.sources.catalog import Catalog, nhanes
from toolkit.sources.catalog_records import Measured
from toolkit.sources.harmonize.join import PERSON
from toolkit.sources.nhanes.joined_cycles import PSU, PUBLIC, STRATUM
from toolkit.sources.nhanes.pooled_weights import columns_of
from toolkit.studies import CYCLE, Study
from toolkit.variables import Derivation


@dataclass(frozen=True)
class PublicFile:
    """A file of the publisher."""

    name: str
    address: str
    sha256: str


@dataclass(frozen=True)
class CycleRecipe:
    """One cycle: its files by table, the columns copied by new name, and what measures each variable."""

    name: str
    files: Mapping[str, PublicFile]
    copied: Mapping[str, tuple[str, str]]
    measured: Mapping[str, Measured | None]


@dataclass(frozen=True)
class Recipe:
    """All steps from the files to the participants; `unknown` are columns that no step explains."""

    home: str
    person: str
    cycles: tuple[CycleRecipe, ...]
    derivations: tuple[Derivation, ...]
    unknown: tuple[str, ...]
    schema: Mapping[str, pl.DataType]


def recipe_of(study: Study, columns: Sequence[str]) -> Recipe | None:
    """Give the recipe of some columns of a study; None for a study that is not of public-use files."""
    if study.simulated or study.provenance.get("access") != PUBLIC:
        return None
    catalog = nhanes()
    known = {step.variable.name: step for step in DERIVATIONS}
    needed = _list_needed(catalog, known, [name for name in columns if name not in study.design.columns])
    base = [name for name in needed if name in catalog.origins and name in study.people.columns]
    steps = tuple(step for name, step in known.items() if name in needed and name not in base)
    given = {PERSON, CYCLE, STRATUM, PSU, *study.design.columns}
    explained = {*base, *(step.variable.name for step in steps), *given}
    return Recipe(
        catalog.site.home,
        catalog.site.person,
        tuple(_describe_cycle(study, catalog, name, base, set(columns)) for name in study.cycles),
        steps,
        tuple(name for name in columns if name not in explained),
        study.people.schema,
    )


def _list_needed(catalog: Catalog, known: Mapping[str, Derivation], columns: Sequence[str]) -> list[str]:
    """Name the columns and all that they are derived from; ages decide who was asked."""
    found: dict[str, None] = {"age": None}
    waiting = list(columns)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            if name in known and name not in catalog.origins:
                waiting += known[name].reads
    return list(found)


def _describe_cycle(
    study: Study, catalog: Catalog, name: str, base: Sequence[str], columns: set[str]
) -> CycleRecipe:
    cycle, site = catalog.cycles[name], catalog.site
    by_name = {
        entry["table"]: PublicFile(entry["table"], entry["address"], entry["sha256"])
        for entry in study.provenance["files"]
        if entry["cycle"] == name
    }
    files = {
        table: by_name[of.files[name].name]
        for table, of in catalog.tables.items()
        if name in of.files and of.files[name].name in by_name
    }
    there = {(table, name) for table in files}
    weights = columns_of(catalog, cycle, study.design.components, there)
    copied = {STRATUM: (site.home, site.stratum), PSU: (site.home, site.psu), **weights}
    copied = {new: place for new, place in copied.items() if new in columns}
    measured = {variable: catalog.measured(variable, name) for variable in base}
    used = {site.home, *(table for table, _ in copied.values())}
    used |= {table for piece in measured.values() if piece for table in piece.tables}
    return CycleRecipe(name, {table: files[table] for table in files if table in used}, copied, measured)
