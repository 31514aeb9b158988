"""List which exposures a study measures, in a table whose width does not depend on the number of cycles."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from toolkit.display.text import Labels, capitalize, format_count, format_number, label_variable

_COLUMNS = ("group", "label", "cycles", "status", "n", "lacking")
_HYPHEN = "\u2011"  # No line breaks at it.
Rows = Sequence[Mapping[str, Any]]


def list_availability(frame: pl.DataFrame, labels: Labels | None = None) -> dict[str, list[str]]:
    """Give an availability frame as columns of text; cycles of the same status and reason share a line."""
    cycles = [str(cycle or "") for cycle in frame["cycle"].unique(maintain_order=True)]
    columns: dict[str, list[str]] = {name: [] for name in _COLUMNS}
    before = None
    for (cause, exposure, status, reason), rows in _group_cycles(frame).items():
        cells = (
            capitalize(label_variable(cause, labels)),
            label_variable(exposure, labels) if (cause, exposure) != before else "",
            shorten_cycles([str(row["cycle"] or "") for row in rows], cycles).replace("-", _HYPHEN),
            _join_reason(status, reason.rstrip(".")),
            *_count_values(status, rows),
        )
        before = (cause, exposure)
        for name, cell in zip(_COLUMNS, cells, strict=True):
            columns[name].append(cell)
    return columns


def shorten_cycles(cycles: Sequence[str], everyone: Sequence[str]) -> str:
    """Name consecutive cycles by their first and last year: "2001-2004, 2007-2008"."""
    if set(cycles) == set(everyone) and len(everyone) > 2:
        return "every cycle"
    runs: list[list[str]] = []
    for place, cycle in enumerate(everyone):
        if cycle in cycles:
            if runs and runs[-1][-1] == everyone[place - 1]:
                runs[-1].append(cycle)
            else:
                runs.append([cycle])
    return ", ".join(_name_run(run) for run in runs)


def _name_run(run: Sequence[str]) -> str:
    if len(run) == 1:
        return run[0]
    years = [part for cycle in run for part in cycle.split("-")]
    dated = all(len(part) == 4 and part.isdigit() for part in years)
    return f"{min(years)}-{max(years)}" if dated else ", ".join(run)


def _join_reason(status: str, reason: str) -> str:
    return f"{status}{'; ' if reason.startswith('changed') else ': '}{reason}" if reason else status


def _group_cycles(frame: pl.DataFrame) -> dict[tuple[str, str, str, str], list[dict[str, Any]]]:
    """Collect the cycles of an exposure by status and reason."""
    pairs = frame.select("cause", "exposure").unique(maintain_order=True).rows()
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for row in frame.rows(named=True):
        key = (row["cause"], row["exposure"], row["status"], row["reason"] or "")
        groups.setdefault(key, []).append(row)
    return dict(sorted(groups.items(), key=lambda item: pairs.index(item[0][:2])))


def _count_values(status: str, rows: Rows) -> tuple[str, str]:
    """Return the number of participants with a value, and the share that is missing, with the reasons."""
    if status == "not measured":
        return "", ""
    cycles = {row["cycle"]: row for row in rows}.values()
    shares = [row["percent_missing"] for row in cycles if row["percent_missing"] is not None]
    ends = dict.fromkeys(_format_percent(share) for share in (min(shares), max(shares))) if shares else {}
    share = " to ".join(ends)
    if any(row["n"] is None for row in cycles):  # A small count is not shown, nor what it is a part of.
        return "–", share
    n = sum(row["n"] for row in cycles)
    reasons = _list_reasons(rows, n)
    return format_count(n), f"{share}: {reasons}" if reasons else share


def _list_reasons(rows: Rows, n: int) -> str:
    """List the reasons of missing values over the cycles of a line, the most frequent first."""
    totals: dict[str, int] = {}
    for row in rows:
        if row.get("missing_reason") and row["missing_n"] is not None:
            totals[row["missing_reason"]] = totals.get(row["missing_reason"], 0) + row["missing_n"]
    applied = sum(totals.values()) + n
    ordered = sorted(totals.items(), key=lambda item: -item[1])
    return "; ".join(f"{reason} {_format_percent(100 * lost / applied)}" for reason, lost in ordered)


def _format_percent(share: float) -> str:
    return "under 0.1%" if 0 < share < 0.1 else f"{format_number(share / 100, 'percent')}%"
