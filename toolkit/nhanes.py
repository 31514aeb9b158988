"""Open NHANES: choose cycles, pool their weights, and mark files of simulated people as such.

Takes cycles and a place of files; gives a `Population`. What a table or a code means stands in
`datasets/nhanes*.toml`; here is the arithmetic of pooling alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from toolkit import catalog
from toolkit.catalog import Catalogue, read_toml, shipped
from toolkit.codebook import Codebook
from toolkit.design import ComponentWeight, Design
from toolkit.download import Mirror, Wanted, choose_mirror, fetch_all, fetch_optional
from toolkit.errors import DatasetError, unknown
from toolkit.hash_lock import sha256_of
from toolkit.kept_tables import hash_read, keep_tables
from toolkit.nhanes_minutes import add_minutes
from toolkit.person_table import TableFile, check_rows, describe, join_cycle
from toolkit.population import Inputs, Population
from toolkit.survey_records import Cycle, SimulatedMark, WeightColumn

SETTING = "CRAMPS_NHANES"
MARK = "SIMULATED.toml"
CYCLES = ("2005-2006", "2007-2008")
STRATUM, PSU = "stratum", "psu"
_RELEASE = "release"
# The four-year weights of 1999-2002 stand for four years of people.
_FOUR_YEARS = 4.0


@dataclass(frozen=True)
class _Found:
    """The files of the opened cycles: those that are there, and the addresses of those that are not."""

    files: Mapping[tuple[str, str], TableFile]
    absent: Mapping[tuple[str, str], str]
    mark: SimulatedMark | None


@dataclass(frozen=True)
class _Pooled:
    """The weight column of one component in one cycle, and the factor by which pooling multiplies it."""

    table: str
    column: str
    factor: float
    years: float


def open_nhanes(
    cycles: Sequence[str] | str = CYCLES,
    mirror: str | Path | None = None,
    minutes: str | Path | None = None,
) -> Population:
    """Open NHANES: the people of some cycles with pooled weights.

    Parameters
    ----------
    cycles
        Names such as "2005-2006"; 1999-2000 to 2017-2018, 2017-2020 (which holds the people of 2017-2018) and
        2021-2023.
    mirror
        A folder or an http(s) address laid out like the CDC's site. None: what `CRAMPS_NHANES` says, else
        the CDC's site.
    minutes
        A file of accelerometer minutes of 2003-2006 (PAXRAW as parquet or transport file), which gives
        `sedentary_hours`, `active_minutes`, `wear_hours` and `accelerometer_days`.

    Returns
    -------
    Population
        `people` has one row a person: `person`, `cycle`, the codebook's variables with their reasons,
        `weight_interview`, `weight_examination` (0 for people not examined), `stratum`, `psu`. A variable
        that these cycles did not measure, or whose file is not there, is in the codebook alone.

    Raises
    ------
    DatasetError
        For an unknown or repeated cycle, cycles that hold the same people, a home table that is not there,
        and any file that is not as its codebook page says.

    Notes
    -----
    Weights are pooled by years, as the CDC advises: each is multiplied by the years that it stands for over
    the years of all cycles. 1999-2002 take the four-year weights as soon as cycles are pooled.
    """
    catalogue = catalog.nhanes()
    chosen = _chosen(catalogue, [cycles] if isinstance(cycles, str) else list(cycles))
    source = choose_mirror(mirror, catalogue.site.site, SETTING)
    found = _find(catalogue, chosen, source)
    keep_tables(file.path for file in found.files.values())
    codebook = describe(catalogue, [cycle.name for cycle in chosen], found.absent)
    plan = {cycle.name: _weights(catalogue, cycle, chosen, found) for cycle in chosen}
    people = _people(catalogue, chosen, found, codebook, plan)
    provenance = _provenance(catalogue, chosen, source, found)
    inputs = _inputs(catalogue, chosen, source, found)
    if minutes is not None:
        inputs = _with_recordings(inputs, Path(minutes))
        measured = add_minutes(people, codebook, minutes)
        people, codebook = measured.people, measured.codebook
        provenance |= measured.provenance
    return Population(
        name="nhanes",
        label=_label(chosen, found.mark),
        people=people,
        design=_design(plan),
        codebook=codebook,
        provenance=provenance,
        simulated=found.mark is not None,
        inputs=inputs,
    )


def _inputs(catalogue: Catalogue, cycles: Sequence[Cycle], source: Mirror, found: _Found) -> Inputs | None:
    """Name what an opening rests on; None where an address is asked each time whether its people are real."""
    files = {file.path: hash_read(file.path) for file in found.files.values()}
    if source.folder is None:
        return Inputs(files) if source.address == source.site else None
    mark = source.folder / MARK
    paths = [catalogue.path(cycle.name, table) for cycle in cycles for table in _tables(catalogue, cycle)]
    looked_for = [source.folder / path for path in paths if source.publisher(path) in found.absent.values()]
    if found.mark:
        return Inputs({**files, mark: sha256_of(mark)}, tuple(looked_for))
    return Inputs(files, (*looked_for, mark))


def _with_recordings(inputs: Inputs | None, path: Path) -> Inputs | None:
    # Hashed before it is read: if it changes meanwhile, its hash is another one when the study is kept.
    if inputs is None or not path.is_file():
        return inputs
    return Inputs({**inputs.files, path: sha256_of(path)}, inputs.absent)


def _chosen(catalogue: Catalogue, names: list[str]) -> list[Cycle]:
    known = catalogue.cycles
    if not names:
        raise DatasetError(f"no cycle was named. Name at least one: cycles={CYCLES}.")
    for name in names:
        if name not in known:
            raise DatasetError(unknown("NHANES has no cycle", name, known, f"All: {', '.join(known)}"))
        if names.count(name) > 1:
            raise DatasetError(
                f"cycle '{name}' is named {names.count(name)} times: its people would count twice. "
                "Name it once."
            )
        twins = [other for other in known[name].never_with if other in names]
        if twins:
            raise DatasetError(
                f"cycle '{name}' holds the people of '{twins[0]}' under new numbers: they would count twice. "
                f"Leave one of the two out."
            )
    return [cycle for name, cycle in known.items() if name in names]


def _find(catalogue: Catalogue, cycles: Sequence[Cycle], source: Mirror) -> _Found:
    mark = _mark(source)
    tables = {
        (table, cycle.name): _expected(catalogue, cycle, table, mark)
        for cycle in cycles
        for table in _tables(catalogue, cycle)
    }
    found = fetch_all(source, [wanted for wanted, _ in tables.values()])
    files: dict[tuple[str, str], TableFile] = {}
    absent: dict[tuple[str, str], str] = {}
    for key, (wanted, (name, rows)) in tables.items():
        path = found[wanted.path]
        if path is None:
            absent[key] = source.publisher(wanted.path)
        else:
            files[key] = TableFile(name, path, rows)
    for cycle in cycles:
        _expect_home(catalogue, cycle, absent, source)
    return _Found(files, absent, mark)


def _mark(source: Mirror) -> SimulatedMark | None:
    path = fetch_optional(source, MARK)
    return None if path is None else read_toml(path, SimulatedMark)


def _tables(catalogue: Catalogue, cycle: Cycle) -> list[str]:
    measured = (catalogue.measured(name, cycle.name) for name in catalogue.origins)
    return list(
        dict.fromkeys(
            [catalogue.site.home, *(table for piece in measured if piece for table in piece.tables)]
        )
    )


def _expected(
    catalogue: Catalogue, cycle: Cycle, table: str, mark: SimulatedMark | None
) -> tuple[Wanted, tuple[str, int | None]]:
    """Say which file a table is, how its content is checked, its name and its number of rows."""
    entry = catalogue.tables[table].files[cycle.name]
    rows = mark.rows.get(entry.name) if mark else entry.rows

    def check(path: Path) -> None:
        check_rows(TableFile(entry.name, path, rows))

    return Wanted(catalogue.path(cycle.name, table), check), (entry.name, rows)


def _expect_home(
    catalogue: Catalogue, cycle: Cycle, absent: Mapping[tuple[str, str], str], source: Mirror
) -> None:
    home = catalogue.site.home
    name = catalogue.tables[home].files[cycle.name].name
    address = absent.get((home, cycle.name))
    if address:
        raise DatasetError(
            f"cycle '{cycle.name}' cannot be opened: '{name}', its table of persons and weights, is not in "
            f"{source.folder}. Put {address} there as "
            f"{catalogue.path(cycle.name, home)}, leave the cycle out, or unset {SETTING} to download it."
        )


def _weights(
    catalogue: Catalogue, cycle: Cycle, cycles: Sequence[Cycle], found: _Found
) -> dict[str, _Pooled]:
    total = sum(c.years for c in cycles)
    components = [
        c for c in ("interview", "examination", "phlebotomy") if any(c in x.weights for x in cycles)
    ]
    plan = {}
    for component in components:
        weight, years = _weight_of(cycle, component, cycles)
        tables = [table for table in weight.tables if (table, cycle.name) in found.files]
        if tables or not weight.tables:
            table = tables[0] if tables else catalogue.site.home
            plan[component] = _Pooled(table, weight.column, years / total, years)
    return plan


def _weight_of(cycle: Cycle, component: str, cycles: Sequence[Cycle]) -> tuple[WeightColumn, float]:
    """Choose the weight of a cycle, and say how many years of people it stands for.

    The two-year weights of 1999-2000 rest on another census than later ones: as soon as that cycle is pooled,
    the weights made for the four years 1999-2002 take their place.
    """
    # Where blood was drawn from all who were examined, the examination weight is the weight of blood.
    own = component if component in cycle.weights else "examination"
    if len(cycles) > 1 and own in cycle.four_year and any(c.two_year_alone for c in cycles):
        return cycle.four_year[own], _FOUR_YEARS
    return cycle.weights[own], cycle.years


def _people(
    catalogue: Catalogue,
    cycles: Sequence[Cycle],
    found: _Found,
    codebook: Codebook,
    plan: Mapping[str, Mapping[str, _Pooled]],
) -> pl.DataFrame:
    usable = [name for name in catalogue.origins if _usable(catalogue, name, cycles, found)]
    parts = [_cycle_people(catalogue, cycle, found, usable, plan[cycle.name]) for cycle in cycles]
    people = pl.concat(parts)
    return people.with_columns(pl.col("cycle").cast(codebook["cycle"].dtype))


def _usable(catalogue: Catalogue, name: str, cycles: Sequence[Cycle], found: _Found) -> bool:
    """Tell whether any cycle measured a variable and no file of it is missing: half a variable is none."""
    pieces = {c.name: p for c in cycles if (p := catalogue.measured(name, c.name))}
    places = [(table, cycle) for cycle, piece in pieces.items() for table in piece.tables]
    return bool(pieces) and not any(place in found.absent for place in places)


def _cycle_people(
    catalogue: Catalogue, cycle: Cycle, found: _Found, variables: list[str], plan: Mapping[str, _Pooled]
) -> pl.DataFrame:
    site = catalogue.site
    files = {table: file for (table, name), file in found.files.items() if name == cycle.name}
    keep = {
        _RELEASE: (site.home, site.release),
        STRATUM: (site.home, site.stratum),
        PSU: (site.home, site.psu),
    }
    weights = {_weight_name(component): (w.table, w.column) for component, w in plan.items()}
    people = join_cycle(catalogue, cycle.name, files, variables, {**keep, **weights})
    _expect_release(people, cycle, files[site.home])
    factors = [pl.col(_weight_name(component)) * w.factor for component, w in plan.items()]
    return people.drop(_RELEASE).with_columns(pl.col(STRATUM, PSU).cast(pl.Int64), *factors)


def _expect_release(people: pl.DataFrame, cycle: Cycle, file: TableFile) -> None:
    wrong = people.filter(pl.col(_RELEASE).ne_missing(float(cycle.release))).height
    if wrong:
        raise DatasetError(
            f"'{file.name}' holds {wrong:,} persons of another cycle than {cycle.name}: the file has a wrong "
            f"name. Fetch it anew, in place of {file.path}."
        )


def _weight_name(component: str) -> str:
    return f"weight_{component}"


def _design(plan: Mapping[str, Mapping[str, _Pooled]]) -> Design:
    components = dict.fromkeys(component for weights in plan.values() for component in weights)
    complete = [c for c in components if all(c in weights for weights in plan.values())]
    return Design(
        weight={component: _component_weight(component, plan) for component in complete},
        strata=STRATUM,
        psu=PSU,
        nest=True,
        lonely_psu="fail",
    )


def _component_weight(component: str, plan: Mapping[str, Mapping[str, _Pooled]]) -> ComponentWeight:
    pooled = {cycle: weights[component] for cycle, weights in plan.items()}
    columns: dict[str, list[str]] = {}
    for cycle, weight in pooled.items():
        columns.setdefault(weight.column, []).append(cycle)
    source = (
        next(iter(columns))
        if len(columns) == 1
        else "; ".join(f"{column} in {_and(cycles)}" for column, cycles in columns.items())
    )
    return ComponentWeight(_weight_name(component), source, _rescaling(pooled))


def _rescaling(pooled: Mapping[str, _Pooled]) -> str:
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


def _times(weight: _Pooled) -> str:
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


def _label(cycles: Sequence[Cycle], mark: SimulatedMark | None) -> str:
    runs: list[list[Cycle]] = [[cycles[0]]]
    for before, cycle in pairwise(cycles):
        if cycle.first_year == before.first_year + 2:
            runs[-1].append(cycle)
        else:
            runs.append([cycle])
    spans = ", ".join(f"{run[0].first_year}-{run[-1].name[-4:]}" for run in runs)
    return f"NHANES {spans}, {mark.label}" if mark else f"NHANES {spans}"


def _provenance(
    catalogue: Catalogue, cycles: Sequence[Cycle], source: Mirror, found: _Found
) -> dict[str, Any]:
    files = [
        {
            "table": file.name,
            "cycle": cycle,
            "address": source.publisher(catalogue.path(cycle, table)),
            "sha256": hash_read(file.path),
        }
        for (table, cycle), file in found.files.items()
    ]
    mark = {"simulated_from": dict(found.mark.source)} if found.mark else {}
    return {
        "survey": "National Health and Nutrition Examination Survey, CDC/NCHS",
        "cycles": [cycle.name for cycle in cycles],
        "origin": source.origin,
        "files": files,
        "not_found": sorted(found.absent.values()),
        "codebook": {
            f"{path.parent.name}/{path.name}": sha256(path.read_bytes()).hexdigest()
            for path in sorted(shipped("datasets").rglob("*.toml"))
            if path.name.startswith("nhanes") or path.parent.name in ("nhanes-variables", "codebook")
        },
        **mark,
    }
