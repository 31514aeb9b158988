"""Passages on availability: which causes a study measures, and by which exposures."""

from collections.abc import Mapping

import polars as pl

from toolkit.display.text import capitalize, label_variable
from toolkit.errors import join_list
from toolkit.report.paper.passages import Passage, fill_macro

_STATUSES = ("measured", "proxy", "not measured")


def count_measured_causes(available: pl.DataFrame, titles: Mapping[str, str]) -> str:
    """State how many causes have a measured exposure, and name those with a proxy or without any.

    Parameters
    ----------
    available
        `study.availability()`.
    titles
        The title of each cause, by its name.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> rows = [("joints", "arthritis", "measured"), ("stretching", "stretches", "not measured")]
    >>> frame = pl.DataFrame(rows, schema=["cause", "exposure", "status"], orient="row")
    >>> count_measured_causes(frame, {"joints": "Joints", "stretching": "Stretching"})
    '1 of 2 causes has a measured exposure. Not measured: stretching.'
    """
    statuses = {cause: set(exposures.values()) for cause, exposures in _best_statuses(available).items()}
    by_status: dict[str, list[str]] = {status: [] for status in _STATUSES}
    for cause, title in titles.items():
        by_status[min(statuses.get(cause, {_STATUSES[-1]}), key=_STATUSES.index)].append(title.lower())
    measured, proxies, absent = by_status.values()
    verb = "has" if len(measured) == 1 else "have"
    text = f"{len(measured)} of {len(titles)} causes {verb} a measured exposure."
    if proxies:
        text += f" Measured by a proxy only: {join_list(proxies)}."
    return text + (f" Not measured: {join_list(absent)}." if absent else "")


def tabulate_causes(available: pl.DataFrame, labels: Mapping[str, str], titles: Mapping[str, str]) -> Passage:
    """Tabulate the exposures of each cause by their best status over the survey cycles.

    Parameters
    ----------
    available
        `study.availability()`.
    labels
        Labels of exposures.
    titles
        The title of each cause, by its name.

    Returns
    -------
    Passage
        A table with one row per cause, including those that were not measured.

    Examples
    --------
    >>> rows = [("joints", "arthritis", "measured")]
    >>> frame = pl.DataFrame(rows, ["cause", "exposure", "status"], orient="row")
    >>> "arthritis" in tabulate_causes(frame, {}, {"joints": "Joints"}).html
    True
    """
    best = _best_statuses(available)
    rows = []
    for cause, title in titles.items():
        exposures: dict[str, list[str]] = {status: [] for status in _STATUSES}
        for exposure, status in best.get(cause, {}).items():
            exposures[status].append(label_variable(exposure, labels))
        rows.append([title, *map("; ".join, exposures.values())])
    return fill_macro("table", ("Cause", *map(capitalize, _STATUSES)), rows)


def _best_statuses(available: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Map causes to their exposures with the best status of each over the cycles."""
    found: dict[str, dict[str, str]] = {}
    for cause, exposure, status in available.select("cause", "exposure", "status").iter_rows():
        of_cause = found.setdefault(cause, {})
        of_cause[exposure] = min(status, of_cause.get(exposure, status), key=_STATUSES.index)
    return found
