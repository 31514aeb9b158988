"""Read the published evidence of `datasets/evidence.toml` by cause.

Takes the name of a cause (or "prevalence", "burden" and the other topics of the file); gives a frame of
findings and the sentences on where they disagree.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from toolkit.files.checked_toml import Checked, read_toml, shipped

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "source": pl.String(),
    "citation": pl.String(),
    "population": pl.String(),
    "design": pl.String(),
    "n": pl.Int64(),
    "topic": pl.String(),
    "outcome": pl.String(),
    "measure": pl.String(),
    "estimate": pl.Float64(),
    "conf_low": pl.Float64(),
    "conf_high": pl.Float64(),
    "reported": pl.String(),
    "adjusted_for": pl.String(),
    "direction": pl.String(),
    "conflict": pl.String(),
    "note": pl.String(),
    "doi": pl.String(),
    "known": pl.String(),
    "read_at": pl.String(),
}

_NUMBERS = ("estimate", "conf_low", "conf_high", "reported", "adjusted_for")


def evidence_of(cause: str) -> pl.DataFrame:
    """Give the published findings on one cause.

    Parameters
    ----------
    cause
        Name of a card, or of another group of the file: prevalence, burden, definition, drugs, alcohol,
        liver_kidney, pregnancy, benchmark.

    Returns
    -------
    polars.DataFrame
        One row a finding. `estimate` is null where the paper gives no single number; `reported` has its
        words then. `direction` says how cramps go with more of the topic: more, fewer, none found, mixed,
        not stated; null where the finding is no association. `conflict` is null unless findings disagree.
        `known` says how the finding is known here: read, recalled or derived.

    Examples
    --------
    >>> evidence_of("stretching").columns[:3]
    ['id', 'source', 'citation']
    """
    rows = [_row(finding, cause) for finding in _file()["finding"] if cause in finding["causes"]]
    return pl.DataFrame(rows, schema=SCHEMA)


def conflicts_of(cause: str) -> tuple[str, ...]:
    """Give the sentences that say where findings on one cause disagree.

    Examples
    --------
    >>> len(conflicts_of("stretching"))
    1
    """
    return tuple(c["statement"] for c in _conflicts(cause))


def citation_of(finding: str) -> str | None:
    """Give the short name and address of a finding's source; None if the file has no such finding.

    Examples
    --------
    >>> citation_of("garrison2012_statin")
    'Garrison 2012, doi:10.1001/archinternmed.2011.1029'
    """
    found = next((f for f in _file()["finding"] if f["id"] == finding), None)
    if found is None:
        return None
    doi = found.get("doi", "")
    return f"{found['source']}, doi:{doi}" if doi else str(found["source"])


def _row(finding: dict[str, Any], cause: str) -> dict[str, Any]:
    said = [c["statement"] for c in _conflicts(cause) if finding["id"] in c["findings"]]
    here = finding.get("for_cause", {}).get(cause, {})
    general = {k: v for k, v in finding.items() if "measure" not in here or k not in _NUMBERS}
    known = {**general, **here, "conflict": " ".join(said) or None}
    return {name: known.get(name) for name in SCHEMA}


def _conflicts(cause: str) -> list[dict[str, Any]]:
    return [c for c in _file()["conflict"] if cause in c["causes"]]


class _Finding(Checked):
    """The numbers and words of a finding; in `for_cause`, those that differ for one cause."""

    topic: str | None = None
    measure: str | None = None
    estimate: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    reported: str | None = None
    adjusted_for: str | None = None
    direction: str | None = None
    note: str | None = None
    n: int | None = None
    outcome: str | None = None
    population: str | None = None
    design: str | None = None


class _Source(_Finding):
    id: str
    causes: tuple[str, ...]
    source: str
    citation: str
    known: str
    read_at: str
    doi: str = ""
    for_cause: Mapping[str, _Finding] = {}


class _Conflict(Checked):
    causes: tuple[str, ...]
    findings: tuple[str, ...]
    statement: str
    topic: str | None = None


class _File(Checked):
    finding: tuple[_Source, ...]
    conflict: tuple[_Conflict, ...]


@cache
def _file() -> dict[str, Any]:
    content = read_toml(shipped("datasets") / "evidence.toml", _File).model_dump(exclude_unset=True)
    return {**content, "finding": _with_populations(content["finding"])}


def _with_populations(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write out what the file calls the "same" population: the one of the finding before, of that source."""
    before, written = "", []
    for finding in findings:
        population: str = finding["population"]
        if population.startswith("same"):
            population = before + population.removeprefix("same")
        else:
            before = population
        written.append({**finding, "population": population})
    return written
