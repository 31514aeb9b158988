"""Read the references that reports cite, the warning signs of guidelines, and the published trials."""

from collections.abc import Mapping
from functools import cache
from math import log
from typing import Any

from toolkit.causes.evidence import all_findings
from toolkit.errors import VariableError, unknown
from toolkit.files.checked_toml import Checked, read_toml, shipped
from toolkit.results import Estimates, frame

# What a measure of the evidence file is in the table of estimands, for measures that a chart can show.
_ESTIMANDS = {"mean difference": "mean_difference", "RR": "risk_ratio"}
_NORMAL = 1.959964  # The 97.5th percentile, by which a standard error follows from a 95% interval.
_DESIGNS = ("RCT", "meta-analysis")


class _Reference(Checked):
    id: str
    citation: str
    doi: str = ""
    read_at: str = ""


class _Sign(Checked):
    sign: str
    sources: tuple[str, ...]


class _References(Checked):
    reference: tuple[_Reference, ...]
    sign: tuple[_Sign, ...]


@cache
def _read_file() -> _References:
    return read_toml(shipped("datasets") / "references.toml", _References)


@cache
def _all_citations() -> dict[str, tuple[str, str]]:
    known = {entry.id: (entry.citation, entry.doi) for entry in _read_file().reference}
    return known | {row["id"]: (row["citation"], row["doi"] or "") for row in all_findings().rows(named=True)}


def find_citation(key: str) -> tuple[str, str]:
    """Return citation and DOI ("" without one) of a reference or of a published finding, by its id."""
    known = _all_citations()
    if key not in known:
        raise VariableError(unknown("The bibliography has no reference", key, known))
    return known[key]


def list_signs() -> list[tuple[str, tuple[str, ...]]]:
    """List the warning signs of guidelines, each with the ids of the references that name it."""
    return [(entry.sign, entry.sources) for entry in _read_file().sign]


def trials() -> Estimates:
    """List the published randomized trials and meta-analyses as result rows, for one figure.

    Returns
    -------
    Estimates
        One row per comparison with a published 95% confidence interval, ordered by outcome. `level_label` is
        the source with the intervention, `outcome_label` the outcome, `outcome` the id of the finding, and
        `n` the number of participants. The standard error is that of the interval. A reduction that was
        published as a positive number is shown as a negative difference, so that negative differences favor
        the intervention.

    Examples
    --------
    >>> rows = trials()
    >>> rows.filter(outcome="hallegraeff2012_freq")["level_label"].item(), rows["estimate"].min()
    ('Hallegraeff 2012: stretching before sleep', -9.59)
    """
    rows = []
    for row in all_findings().rows(named=True):
        measure = str(row["measure"]).split(" (")[0].removesuffix(" %")
        design = str(row["design"])
        if (
            measure not in _ESTIMANDS
            or not any(name in design for name in _DESIGNS)
            or row["conf_low"] is None
        ):
            continue
        ends = [row["estimate"], row["conf_low"], row["conf_high"]]
        if str(row["measure"]).partition("(")[2].startswith(("fewer", "lower")):
            ends = [-ends[0], -ends[2], -ends[1]]
        rows.append(_row(row, _ESTIMANDS[measure], ends))
    return frame(sorted(rows, key=lambda row: (row["estimand"], row["outcome_label"], row["level"])))


def _row(finding: Mapping[str, Any], estimand: str, ends: list[float]) -> dict[str, Any]:
    """Write a finding as a result row; the outcome is the unit of its panel in a chart."""
    low, high = (log(end) if estimand == "risk_ratio" else end for end in ends[1:])
    return {
        "study": "published randomized trials",
        "domain": "",
        "estimand": estimand,
        "outcome": finding["id"],
        "outcome_label": f"outcome ({finding['outcome']})",
        "level": finding["id"],
        "level_label": f"{finding['source']}: {finding['topic']}",
        **dict(zip(("estimate", "conf_low", "conf_high"), ends, strict=True)),
        "std_error": (high - low) / (2 * _NORMAL),
        "scale": "log" if estimand == "risk_ratio" else "identity",
        "conf_level": 0.95,
        "n": finding["n"],
        "reliability": "ok",
    }
