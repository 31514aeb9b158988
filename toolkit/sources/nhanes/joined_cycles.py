"""Open NHANES: read the files of some cycles and join them to one row per participant."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import DatasetError, as_path
from toolkit.files.cache import Inputs, cache_tables, hash_when_read, sha256_of
from toolkit.files.checked_toml import Checked, read_toml, shipped
from toolkit.files.download import Mirror, choose_mirror
from toolkit.sources.catalog import Catalog, nhanes
from toolkit.sources.catalog_records import Cycle, SimulatedMark
from toolkit.sources.harmonize.documentation import describe
from toolkit.sources.harmonize.join import PERSON, TableFile, join_cycle
from toolkit.sources.nhanes.activity import add_minutes
from toolkit.sources.nhanes.cycle_files import CYCLES, SETTING, Found, choose_cycles, find_files, rests_on
from toolkit.sources.nhanes.pooled_weights import columns_of, weights_of
from toolkit.studies import ComponentWeight, Design, Study, span

STRATUM, PSU = "stratum", "psu"
PUBLIC = "public-use files"
_RELEASE = "release"


def open_nhanes(
    cycles: Sequence[str] | str = CYCLES,
    mirror: str | Path | None = None,
    minutes: str | Path | None = None,
) -> Study:
    """Open NHANES: the participants of some cycles, with the weights of each cycle.

    Parameters
    ----------
    cycles
        Names such as "2005-2006"; 1999-2000 to 2017-2018, 2017-2020 (which includes the participants of
        2017-2018) and 2021-2023.
    mirror
        A folder or an http(s) address laid out like the CDC's site. None for the value of `CRAMPS_NHANES`,
        else the CDC's site.
    minutes
        A file of accelerometer minutes of 2003-2006 (PAXRAW as parquet or transport file), which gives
        `sedentary_hours`, `active_minutes`, `wear_hours` and `accelerometer_days`.

    Returns
    -------
    Study
        One row per participant: `person`, `cycle`, `stratum`, `psu`, the cycle's own weight for each
        component (0 or null outside of it; for 1999-2002 also the four-year weights), and the codebook's
        variables with their reasons. A variable that these cycles did not measure, or whose file is absent,
        is in the codebook alone.

    Raises
    ------
    DatasetError
        For an unknown or repeated cycle, cycles with the same participants, an absent table of persons, and
        any file that differs from its codebook page.

    Notes
    -----
    Analyses pool weights by years, as the CDC advises: each is multiplied by the years that it represents
    divided by the years of all contributing cycles. If 1999-2000 is pooled with another cycle, 1999-2002 use
    the four-year weights.
    """
    recordings = None if minutes is None else as_path(minutes, "minutes=")
    catalog = nhanes()
    chosen = choose_cycles(catalog, cycles)
    source = choose_mirror(mirror, catalog.site.site, SETTING)
    found = find_files(catalog, chosen, source)
    cache_tables(file.path for file in found.files.values())
    lacking = found.lacking(catalog)
    codebook = describe(catalog, [cycle.name for cycle in chosen], found.absent, lacking)
    weights = weights_of(catalog, chosen, found.files)
    usable = [n for n in catalog.origins if _usable(catalog, n, chosen, found, lacking)]
    people = _people(catalog, chosen, found, usable, weights)
    people = people.with_columns(pl.col("cycle").cast(codebook["cycle"].dtype))
    provenance = _provenance(catalog, chosen, source, found)
    inputs = rests_on(catalog, chosen, source, found)
    if recordings is not None:
        inputs = _with_recordings(inputs, recordings)
        measured = add_minutes(people, codebook, recordings)
        people, codebook = measured.people, measured.codebook
        provenance |= measured.provenance
    return Study(
        name="nhanes",
        label=_label(chosen, found.mark),
        people=people,
        design=Design(weight=weights, strata=STRATUM, psu=PSU, nest=True, lonely_psu="fail"),
        codebook=codebook,
        provenance=provenance,
        simulated=found.mark is not None,
        inputs=inputs,
        smallest_cell=0,
    )


def _with_recordings(inputs: Inputs | None, path: Path) -> Inputs | None:
    # Hashed before it is read: if it changes meanwhile, its hash is another one when the study is kept.
    if inputs is None or not path.is_file():
        return inputs
    return Inputs({**inputs.files, path: sha256_of(path)}, inputs.absent)


def _people(
    catalog: Catalog,
    cycles: Sequence[Cycle],
    found: Found,
    variables: list[str],
    weights: Mapping[str, ComponentWeight],
) -> pl.DataFrame:
    """Join the cycles, with the weights in one order; a cycle without a component has nobody in it."""
    columns = [column for weight in weights.values() for column in weight.columns]
    first = (PERSON, "cycle", STRATUM, PSU, *columns)
    parts = []
    for cycle in cycles:
        part = _cycle_people(catalog, cycle, found, variables, weights)
        part = part.with_columns(pl.lit(None, pl.Float64).alias(c) for c in columns if c not in part.columns)
        parts.append(part.select(*first, pl.exclude(first)))
    return pl.concat(parts)


def _usable(
    catalog: Catalog,
    name: str,
    cycles: Sequence[Cycle],
    found: Found,
    lacking: Mapping[tuple[str, str], str],
) -> bool:
    """Whether some cycle measured a variable and no cycle that did lacks its file or column."""
    pieces = {c.name: p for c in cycles if (p := catalog.measured(name, c.name))}
    places = [(table, cycle) for cycle, piece in pieces.items() for table in piece.tables]
    lost = [place in found.absent for place in places] + [(name, cycle) in lacking for cycle in pieces]
    return bool(pieces) and not any(lost)


def _cycle_people(
    catalog: Catalog,
    cycle: Cycle,
    found: Found,
    variables: list[str],
    weights: Mapping[str, ComponentWeight],
) -> pl.DataFrame:
    site = catalog.site
    files = {table: file for (table, name), file in found.files.items() if name == cycle.name}
    keep = {
        _RELEASE: (site.home, site.release),
        STRATUM: (site.home, site.stratum),
        PSU: (site.home, site.psu),
        **columns_of(catalog, cycle, weights, found.files),
    }
    people = join_cycle(catalog, cycle.name, files, variables, keep)
    _expect_release(people, cycle, files[site.home])
    return people.drop(_RELEASE).with_columns(pl.col(STRATUM, PSU).cast(pl.Int64))


def _expect_release(people: pl.DataFrame, cycle: Cycle, file: TableFile) -> None:
    wrong = people.filter(pl.col(_RELEASE).ne_missing(float(cycle.release))).height
    if wrong:
        raise DatasetError(
            f"'{file.name}' contains {wrong:,} persons of another cycle than {cycle.name}, so the file has a "
            f"wrong name. Download it again and replace {file.path}."
        )


def _label(cycles: Sequence[Cycle], mark: SimulatedMark | None) -> str:
    years = f"NHANES {span([cycle.name for cycle in cycles])}"
    return f"{years}, {mark.label}" if mark else years


class _Rate(Checked):
    """The published unweighted response rates of a cycle, in percent of the persons selected."""

    cycle: str
    source: str
    selected: int | None = None
    interviewed: float | None = None
    examined: float | None = None


class _Rates(Checked):
    rate: tuple[_Rate, ...]


def _response_rates(cycles: Collection[str]) -> list[dict[str, Any]]:
    rates = read_toml(shipped("datasets") / "nhanes-response-rates.toml", _Rates).rate
    return [rate.model_dump(exclude_none=True) for rate in rates if rate.cycle in cycles]


def _provenance(catalog: Catalog, cycles: Sequence[Cycle], source: Mirror, found: Found) -> dict[str, Any]:
    files = [
        {
            "table": file.name,
            "cycle": cycle,
            "address": source.publisher(catalog.path(cycle, table)),
            "sha256": hash_when_read(file.path),
        }
        for (table, cycle), file in found.files.items()
    ]
    mark = {"simulated_from": dict(found.mark.source)} if found.mark else {}
    return {
        "survey": "National Health and Nutrition Examination Survey, CDC/NCHS",
        "sampling": "cross-sectional survey with a stratified multistage probability sample",
        "population": "civilian noninstitutionalized population of the United States",
        "cycles": [cycle.name for cycle in cycles],
        "response_rates": _response_rates({cycle.name for cycle in cycles}),
        "origin": source.origin,
        **({} if found.mark else {"access": PUBLIC}),
        "files": files,
        "not_found": sorted(found.absent.values()),
        "codebook": {
            f"{path.parent.name}/{path.name}": sha256_of(path)
            for path in sorted(shipped("datasets").rglob("*.toml"))
            if path.name.startswith("nhanes") or path.parent.name in ("nhanes-variables", "codebook")
        },
        **mark,
    }
