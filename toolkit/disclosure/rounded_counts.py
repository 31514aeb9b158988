"""Round the counts of pages and their files, so that no difference of two of them is a small count.

In reports of a study with a threshold k, every count is the nearest multiple of k. The numbers of two
analyses that differ by a few participants are then equal or k apart, whatever table, page or file of the run
they are in. What is shown beside a count, such as a number of missing values, is the difference of rounded
counts, so that it says no more than these.
"""

import re
from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import Any

import polars as pl

from toolkit.disclosure.policies import Policy, policy_of, rounding_unit
from toolkit.disclosure.shown_rows import FLOW, SHARES, study_of_flow, withhold

# Numbers of a study in which everyone counts once are fractions of its counts.
_DIGITS = {
    **dict.fromkeys(("estimate", "conf_low", "conf_high", "statistic", "p_value", "missing_information"), 3),
    **dict.fromkeys(("std_error", "deff"), 2),
}
_UNWEIGHTED = (None, "none")
_PERCENTAGES = (
    *SHARES,
    "prevalence_difference",
    "standardised_difference",
    "predicted_prevalence",
    "survival",
)
_TOTAL = ("estimate", "conf_low", "conf_high")
_COUNTED = re.compile(
    r"(?<!fewer than )(?<!about )(?<![\d,.])(\d[\d,]*) "
    r"(?=(?:participants?|respondents?|people|persons?|(?:non)?cases?|events?)\b)"
)


def show(frame: pl.DataFrame) -> pl.DataFrame:
    """Return result rows or a flow as they may be shown; any other frame is returned as it is."""
    kept = withhold(frame)
    if not rounding_of(frame):
        return kept
    return _round_steps(kept) if set(FLOW) <= set(kept.columns) else _round_rows(kept)


def show_data(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows as they may be written to a file of data, with the digits of estimates that pages show."""
    shown = show(frame)
    if not rounding_of(frame) or "weight" not in frame.columns:
        return shown
    rows = shown.rows(named=True)
    return shown.with_columns(
        pl.Series(name, [shorten_number(row, row[name], digits) for row in rows], pl.Float64)
        for name, digits in _DIGITS.items()
        if name in shown.columns
    )


def shorten_number(row: Mapping[str, Any], value: float | None, digits: int = 3) -> float | None:
    """Return a number of a row with the digits that it has in a file of data."""
    if value is None or not isfinite(value) or row["n"] is None or not _counts_once(row):
        return value
    decimals = limit_decimals(row)
    if digits > 2 and decimals is not None and row["estimand"] in _PERCENTAGES:
        return round(value, 2 + decimals) or float(f"{value:.0e}")
    return float(f"{value:.{digits - 1}e}")


def limit_decimals(row: Mapping[str, Any]) -> int | None:
    """Return how many decimals a percentage may have, so that counts do not follow from it; None for any.

    Of fewer than 500 k participants it is whole.
    """
    if not _counts_once(row) or not is_multiple(row["study"], row["n"]):
        return None
    return max(0, floor(log10(row["n"] / (50 * policy_of(row["study"]).smallest_cell))))


def _counts_once(row: Mapping[str, Any]) -> bool:
    """Return whether each participant counts as one in a study with a threshold."""
    return rounding_unit(row["study"]) > 0 and row["weight"] in _UNWEIGHTED


def rounding_of(frame: pl.DataFrame) -> int:
    """Return the threshold to whose multiples the counts of result rows or a flow are rounded; 0 for none."""
    if frame.is_empty():
        return 0
    if set(FLOW) <= set(frame.columns):
        return rounding_unit(study_of_flow(frame))
    if not {"study", "n"} <= set(frame.columns):
        return 0
    return max(map(rounding_unit, frame["study"].unique()))


def is_multiple(study: str | None, count: int | None) -> bool:
    """Return whether a count that is shown of a study is a rounded one."""
    return bool(count and rounding_unit(study) and policy_of(study).round(count) == count)


def is_rounded(frame: pl.DataFrame) -> bool:
    """Return whether the counts of a frame to be shown are rounded, which those of a private look are not."""
    smallest = rounding_of(frame)
    counts = [frame[name].drop_nulls() for name in ("n", "n_cases", "n_left") if name in frame.columns]
    return smallest > 0 and not any((column % smallest != 0).any() for column in counts)


def note_counts(frame: pl.DataFrame) -> str:
    """Say what the counts of a frame to be shown are: unweighted, and rounded."""
    rounded = f" and rounded to multiples of {rounding_of(frame)}" if is_rounded(frame) else ""
    return f"Counts are unweighted{rounded}"


def _round_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Round the counts of result rows, and leave out what is one count less another."""
    rows = [dict(row) for row in frame.rows(named=True)]
    for row in rows:
        if rounding_unit(row["study"]):
            row.update(_round_row(row, policy_of(row["study"])))
    names = ("n", "n_cases", "n_missing", "df", "n_effective", "reason", *_TOTAL)
    return frame.with_columns(
        pl.Series(name, [row[name] for row in rows], frame.schema[name])
        for name in names
        if name in frame.columns
    )


def _round_row(row: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    n, missing, unweighted = row["n"], row["n_missing"], row.get("weight") in _UNWEIGHTED
    found: dict[str, Any] = {name: policy.round(row[name]) for name in ("n", "n_cases", "n_missing")}
    if missing and found["n"] is not None and found["n_missing"] is not None:
        everyone = policy.round(n + missing) or 0
        found["n_missing"] = everyone - found["n"]
    # Participants who were drawn singly are the sampling units, whose number less some is df.
    if n is not None and row.get("df") is not None and (unweighted or row["df"] >= n / 2):
        found["df"] = None
    if unweighted:
        found["n_effective"] = None
    if unweighted and row.get("estimand") == "total" and row["n_cases"] is not None:
        found |= {name: _round_total(row[name], policy.smallest_cell) for name in _TOTAL}
    if row["reason"]:
        found["reason"] = _COUNTED.sub(lambda count: _round_text(count, policy), row["reason"])
    return found


def _round_total(value: float | None, smallest: int) -> float | None:
    """Round a total that is a count of participants."""
    return None if value is None else float(smallest * round(value / smallest))


def _round_text(found: re.Match[str], policy: Policy) -> str:
    count = policy.round(int(found[1].replace(",", "")))
    return found[0] if count is None else f"about {count:,} "


def _round_steps(flow: pl.DataFrame) -> pl.DataFrame:
    """Round the participants who remain at each step; the excluded are the differences of these."""
    policy, rows = policy_of(study_of_flow(flow)), flow.rows(named=True)
    left = [policy.round(row["n_left"]) for row in rows]
    out = [policy.round(row["n_out"]) for row in rows]
    for at in range(1, len(rows)):
        before, after = left[at - 1], left[at]
        if out[at] and before is not None and after is not None:
            out[at] = before - after
    counts = pl.Series("n_left", left, pl.Int64), pl.Series("n_out", out, pl.Int64)
    return flow.with_columns(*counts)
