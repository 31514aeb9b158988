"""Read the published evidence of `datasets/evidence.toml` by cause, and format its findings as text."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import polars as pl

from toolkit.files.checked_toml import Checked, read_toml, shipped

_TEXT = pl.String()
SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("id", "source", "citation", "population", "design"), _TEXT),
    "n": pl.Int64(),
    **dict.fromkeys(("topic", "outcome", "measure"), _TEXT),
    **dict.fromkeys(("estimate", "conf_low", "conf_high"), pl.Float64()),
    **dict.fromkeys(
        ("reported", "adjusted_for", "direction", "conflict", "note", "doi", "known", "read_at"), _TEXT
    ),
}
_NUMBERS = ("estimate", "conf_low", "conf_high", "reported", "adjusted_for")
# Remarks on what was not read, which the file keeps and no page shows.
_REMARKS = re.compile(r",? \(?(authors|year) not (read|seen)\)?| increases with$")
# Measures without a number.
_WITHOUT_NUMBER = {
    "direction": "",
    "none": "no number reported",
    "not read": "the numbers were not read for this table",
    "associated, sign not stated": "associated; direction not stated",
    "correlation significant": "correlated; no number reported",
    "not significant": "no significant association; no number reported",
    "not independently associated": "not associated after adjustment for other factors",
    "did not differ": "did not differ",
    "p values": "only p-values were reported",
    "predicted cramps": "preceded cramps; no number reported",
    "OR significant in men only": "odds ratio significant in men only; no number reported",
}
_DIRECTIONS = {
    "more": "more cramps; no number reported",
    "fewer": "fewer cramps; no number reported",
    "none found": "no association found; no number reported",
    "mixed": "mixed; no number reported",
}
_NAMES = {
    "OR": "odds ratio",
    "RR": "risk ratio",
    "R2 %": "variance explained %",
    "features": "number of features",
}


def evidence_of(cause: str) -> pl.DataFrame:
    """List the published findings on one cause.

    Parameters
    ----------
    cause
        Name of a card, or of another group of the file: prevalence, burden, definition, drugs, alcohol,
        liver_kidney, pregnancy, benchmark.

    Returns
    -------
    polars.DataFrame
        One row per finding. `estimate` is null where the paper reports no single number; `reported` then
        quotes it. `direction` says whether cramps are more or less frequent with more of the topic: more,
        fewer, none found, mixed, not stated; null where the finding is not an association. `conflict` is null
        unless findings disagree. `known` says how the finding is known here: read, recalled or derived.

    Examples
    --------
    >>> evidence_of("stretching").columns[:3]
    ['id', 'source', 'citation']
    """
    rows = [_row(finding, cause) for finding in _read_evidence()["finding"] if cause in finding["causes"]]
    return pl.DataFrame(rows, schema=SCHEMA)


def all_findings() -> pl.DataFrame:
    """List every published finding once, whatever its cause, in the columns of `evidence_of`."""
    return pl.DataFrame([_row(finding, "") for finding in _read_evidence()["finding"]], schema=SCHEMA)


def conflicts_of(cause: str) -> tuple[str, ...]:
    """List where findings on one cause disagree, one sentence each."""
    return tuple(c["statement"] for c in _conflicts(cause))


def citation_of(finding: str) -> str | None:
    """Cite the source of a finding; None if the file has no such finding."""
    found = next((f for f in _read_evidence()["finding"] if f["id"] == finding), None)
    if found is None:
        return None
    doi = found.get("doi", "")
    return f"{found['source']}, doi:{doi}" if doi else str(found["source"])


def _row(finding: dict[str, Any], cause: str) -> dict[str, Any]:
    said = [c["statement"] for c in _conflicts(cause) if finding["id"] in c["findings"]]
    here = finding.get("for_cause", {}).get(cause, {})
    general = {k: v for k, v in finding.items() if "measure" not in here or k not in _NUMBERS}
    known = {**general, **here, "conflict": " ".join(said) or None}
    known |= {name: _REMARKS.sub("", known[name]) for name in ("source", "citation", "outcome")}
    return {name: known.get(name) for name in SCHEMA}


def _conflicts(cause: str) -> list[dict[str, Any]]:
    return [c for c in _read_evidence()["conflict"] if cause in c["causes"]]


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
def _read_evidence() -> dict[str, Any]:
    content = read_toml(shipped("datasets") / "evidence.toml", _File).model_dump(exclude_unset=True)
    before, outcome = "", ""
    for finding in content["finding"]:
        finding["outcome"] = outcome = outcome if finding["outcome"] == "same" else finding["outcome"]
        # "same" repeats the outcome and the population of the finding before, of that source.
        if finding["population"].startswith("same"):
            finding["population"] = before + finding["population"].removeprefix("same")
        else:
            before = finding["population"]
    return content


def format_finding(row: Mapping[str, Any]) -> str:
    """Format measure, number and interval of a row of `evidence_of`."""
    measure = _name_measure(str(row["measure"]))
    value = row["reported"] or ("" if row["estimate"] is None else _format(row["estimate"]))
    if not value:
        return _WITHOUT_NUMBER.get(row["measure"]) or _DIRECTIONS.get(row["direction"] or "", "") or measure
    limits = (
        "" if row["conf_low"] is None else f" ({_format(row['conf_low'])} to {_format(row['conf_high'])})"
    )
    return _attach_unit(measure, value) + limits


def _attach_unit(measure: str, value: str) -> str:
    if measure == "%":
        return f"{value}%"
    if measure == "variance explained %":
        return f"{value}% of the variance explained"
    if measure.startswith("% "):
        rest = measure.removeprefix("% ")
        return f"{value}% ({rest})" if " vs " in rest else f"{value}% {rest}"
    if measure.endswith("%"):
        return f"{measure.removesuffix('%').rstrip(' ,')}: {value}%"
    return f"{measure}: {value}"


def _name_measure(measure: str) -> str:
    short, _, rest = measure.partition(" ")
    if measure in _NAMES:
        return _NAMES[measure]
    return f"{_NAMES[short]} {rest}" if short in _NAMES and rest.startswith("(") else measure


def _format(number: float) -> str:
    return f"{number:,g}".replace("-", "−")
