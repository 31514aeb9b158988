"""Sum up which causes a study measures: a sentence and a table of a line a cause.

Takes availability frames; gives text and a `Passage`.
"""

from collections.abc import Mapping
from html import escape

import polars as pl

from toolkit.display.text.numbers import join_list, label_variable
from toolkit.report.passages import Passage

_ANSWERS = ("measured", "proxy", "not measured")


def summary(available: pl.DataFrame, titles: Mapping[str, str]) -> str:
    """Say how many causes have an exposure that was measured, and name those that have none.

    Parameters
    ----------
    available
        `study.availability()`.
    titles
        Cause to the words for it.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = [("joints", "arthritis", "measured"), ("stretching", "stretches", "not measured")]
    >>> frame = pl.DataFrame(rows, schema=["cause", "exposure", "status"], orient="row")
    >>> summary(frame, {"joints": "Joints", "stretching": "Stretching"})
    'Of 2 causes 1 has an exposure that was measured. None at all: stretching.'
    """
    best = _best(available)
    causes = list(titles)
    measured = [c for c in causes if "measured" in best.get(c, {}).values()]
    proxies = [c for c in causes if c not in measured and "proxy" in best.get(c, {}).values()]
    none = [titles[c].lower() for c in causes if c not in (*measured, *proxies)]
    verb = "has" if len(measured) == 1 else "have"
    text = f"Of {len(causes)} causes {len(measured)} {verb} an exposure that was measured."
    if proxies:
        text += f" By a proxy alone: {join_list(titles[c].lower() for c in proxies)}."
    return text + (f" None at all: {join_list(none)}." if none else "")


def overview(available: pl.DataFrame, labels: Mapping[str, str], titles: Mapping[str, str]) -> Passage:
    """Set the causes with their exposures: measured in a cycle at least, by proxy, or in none.

    Parameters
    ----------
    available, titles
        As for `summary`.
    labels
        Words for exposures.

    Returns
    -------
    Passage
        One line a cause.

    Examples
    --------
    >>> rows = [("joints", "arthritis", "measured")]
    >>> frame = pl.DataFrame(rows, ["cause", "exposure", "status"], orient="row")
    >>> "arthritis" in overview(frame, {}, {"joints": "Joints"}).html
    True
    """
    best = _best(available)
    heads = "".join(f"<th>{head}</th>" for head in ("Cause", "Measured", "Proxy", "Not measured"))
    lines = "".join(
        f"<tr><td><strong>{escape(title)}</strong></td>"
        + "".join(f"<td>{_names(best.get(cause, {}), answer, labels)}</td>" for answer in _ANSWERS)
        + "</tr>"
        for cause, title in titles.items()
    )
    return Passage(f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>")


def _best(available: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Give for each exposure of a cause the best answer over the cycles."""
    found: dict[str, dict[str, str]] = {}
    for cause, exposure, status in available.select("cause", "exposure", "status").iter_rows():
        of_cause = found.setdefault(cause, {})
        of_cause[exposure] = min(status, of_cause.get(exposure, status), key=_ANSWERS.index)
    return found


def _names(exposures: Mapping[str, str], answer: str, labels: Mapping[str, str]) -> str:
    return "; ".join(
        escape(label_variable(name, labels)) for name, best in exposures.items() if best == answer
    )
