"""Say a published finding in words: measure, number and interval as a reader would.

Takes a row of `evidence_of`; gives text. Short names of measures in the file become words here.
"""

from collections.abc import Mapping
from typing import Any

# Measures whose number goes without saying, or that have none.
_WORDED = {
    "direction": "",
    "none": "no number given",
    "not read": "the numbers were not read for this table",
    "associated, sign not stated": "associated; which way is not stated",
    "correlation significant": "correlated; no number given",
    "not significant": "no significant association; no number given",
    "not independently associated": "not associated once other factors were counted",
    "did not differ": "did not differ",
    "p values": "p-values alone were given",
    "predicted cramps": "went before cramps; no number given",
    "OR significant in men only": "an odds ratio that was significant in men alone; no number given",
}
_DIRECTIONS = {
    "more": "more cramps; no number given",
    "fewer": "fewer cramps; no number given",
    "none found": "no association found; no number given",
    "mixed": "mixed; no number given",
}
_NAMES = {
    "OR": "odds ratio",
    "RR": "risk ratio",
    "R2 %": "variance explained %",
    "features": "number of features",
}


def finding_words(row: Mapping[str, Any]) -> str:
    """Say measure, number and interval of a published finding.

    Parameters
    ----------
    row
        `measure`, `estimate`, `conf_low`, `conf_high`, `reported` and `direction`.

    Returns
    -------
    str
        Such as "odds ratio 4.6 (2.1 to 9.9)" or "12 % of the variance explained".

    Examples
    --------
    >>> row = {"measure": "variance explained %", "estimate": 12.0, "conf_low": None, "reported": None}
    >>> finding_words({**row, "direction": None})
    '12 % of the variance explained'
    """
    measure = str(row["measure"])
    value = row["reported"] or ("" if row["estimate"] is None else _plain(row["estimate"]))
    if not value:
        return _WORDED.get(measure) or _DIRECTIONS.get(row["direction"] or "", "") or _named(measure)
    interval = (
        "" if row["conf_low"] is None else f" ({_plain(row['conf_low'])} to {_plain(row['conf_high'])})"
    )
    return _with_unit(_named(measure), value) + interval


def _with_unit(measure: str, value: str) -> str:
    """Put a number into its measure: percent signs stand behind numbers."""
    if measure == "%":
        return f"{value} %"
    if measure == "variance explained %":
        return f"{value} % of the variance explained"
    if measure.startswith("% "):
        rest = measure.removeprefix("% ")
        return f"{value} % ({rest})" if " vs " in rest else f"{value} % {rest}"
    if measure.endswith("%"):
        return f"{measure.removesuffix('%').rstrip(' ,')}: {value} %"
    return f"{measure}: {value}"


def _named(measure: str) -> str:
    if measure in _NAMES:
        return _NAMES[measure]
    short, _, rest = measure.partition(" ")
    return f"{_NAMES[short]} {rest}" if short in _NAMES and rest.startswith("(") else measure


def _plain(number: float) -> str:
    return f"{number:,g}".replace("-", "−")
