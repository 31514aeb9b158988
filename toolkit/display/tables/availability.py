"""Set what a study measures, and what not, as a table that stays narrow however many cycles there are.

Takes availability frames; gives lines in words: cycles with the same answer stand in one line.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from toolkit.display.text.numbers import Labels, count, number, words


def availability_columns(frame: pl.DataFrame, labels: Labels | None = None) -> dict[str, list[str]]:
    """Word an availability frame line by line.

    Parameters
    ----------
    frame
        `study.availability()`, also with `by_reason=True`.
    labels
        Words for causes and exposures.

    Returns
    -------
    dict
        Columns group, label, cycles, status, people and lacking (with reasons where the frame has them);
        lines of one exposure follow each other, its name on the first.
    """
    everyone = [str(cycle or "") for cycle in frame["cycle"].unique(maintain_order=True)]
    groups = _groups(frame)
    columns: dict[str, list[str]] = {name: [] for name in _COLUMNS}
    before = None
    for (cause, exposure, status, reason), rows in groups.items():
        first = (cause, exposure) != before
        before = (cause, exposure)
        cells = (
            words(cause, labels),
            words(exposure, labels) if first else "",
            span([str(row["cycle"] or "") for row in rows], everyone).replace("-", _HYPHEN),
            _answer(status, reason.rstrip(".")),
            *_numbers(status, rows),
        )
        for name, cell in zip(_COLUMNS, cells, strict=True):
            columns[name].append(cell[:1].upper() + cell[1:] if name == "group" else cell)
    return columns


_COLUMNS = ("group", "label", "cycles", "status", "people", "lacking")
# A hyphen at which no line breaks: years stay whole.
_HYPHEN = "\u2011"


def span(cycles: Sequence[str], everyone: Sequence[str]) -> str:
    """Name cycles in short: those that follow one another by first and last year.

    Examples
    --------
    >>> span(["2001-2002", "2003-2004", "2007-2008"], ["2001-2002", "2003-2004", "2005-2006", "2007-2008"])
    '2001-2004, 2007-2008'
    >>> span([""], [""])
    ''
    """
    if set(cycles) == set(everyone) and len(everyone) > 2:
        return "every cycle"
    runs: list[list[str]] = []
    for cycle in (c for c in everyone if c in cycles):
        follows = runs and everyone.index(cycle) == everyone.index(runs[-1][-1]) + 1
        if follows:
            runs[-1].append(cycle)
        else:
            runs.append([cycle])
    return ", ".join(_short(run) for run in runs)


def _answer(status: str, reason: str) -> str:
    return f"{status}{'; ' if reason.startswith('changed') else ': '}{reason}" if reason else status


def _short(run: Sequence[str]) -> str:
    if len(run) == 1:
        return run[0]
    years = [part for cycle in run for part in cycle.split("-")]
    dated = all(len(part) == 4 and part.isdigit() for part in years)
    return f"{min(years)}-{max(years)}" if dated else ", ".join(run)


def _groups(frame: pl.DataFrame) -> dict[tuple[str, str, str, str], list[dict[str, Any]]]:
    """Collect the cycles of one exposure that have the same status and reason."""
    order = {
        pair: n for n, pair in enumerate(frame.select("cause", "exposure").unique(maintain_order=True).rows())
    }
    groups: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for row in frame.rows(named=True):
        key = (row["cause"], row["exposure"], row["status"], row["reason"] or "")
        groups.setdefault(key, []).append(row)
    return dict(sorted(groups.items(), key=lambda item: order[item[0][:2]]))


def _numbers(status: str, rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Count the people with a value, and say which share of the others is missing and why."""
    if status == "not measured":
        return "", ""
    cycles = {row["cycle"]: row for row in rows}.values()
    shares = [row["percent_missing"] for row in cycles if row["percent_missing"] is not None]
    span_of = (
        sorted({_percent(share) for share in (min(shares), max(shares))}, key=_as_number) if shares else []
    )
    share = " to ".join(span_of)
    why = _why(rows)
    return count(sum(row["n"] for row in cycles)), f"{share}: {why}" if why else share


def _why(rows: Sequence[Mapping[str, Any]]) -> str:
    """Word the reasons of missing values over the cycles of a line, the most frequent first."""
    if "missing_reason" not in rows[0]:
        return ""
    totals: dict[str, int] = {}
    for row in rows:
        if row["missing_reason"]:
            totals[row["missing_reason"]] = totals.get(row["missing_reason"], 0) + row["missing_n"]
    put = sum(totals.values()) + sum(row["n"] for row in {row["cycle"]: row for row in rows}.values())
    ordered = sorted(totals.items(), key=lambda item: -item[1])
    return "; ".join(f"{reason} {_percent(100 * n / put)}" for reason, n in ordered)


def _percent(share: float) -> str:
    return "under 0.1 %" if 0 < share < 0.1 else f"{number(share / 100, 'percent')} %"


def _as_number(text: str) -> float:
    return 0.05 if text.startswith("under") else float(text.split(maxsplit=1)[0])
