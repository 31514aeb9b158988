"""Judge whether an estimate is fit to be shown, by the presentation standards of the NCHS.

Takes what a result row holds; gives one of `ok`, `review`, `suppress`, `failed` with the reason in words.
Proportions: Parker et al., National Center for Health Statistics data presentation standards for
proportions, Vital Health Stat 2(175), 2017, in the order of the CDC's own implementation.
"""

from collections.abc import Mapping
from math import inf, isfinite, sqrt
from typing import Any

from toolkit.estimate.survey.intervals import Proportion, around, interval

Verdict = tuple[str, str | None]
OK: Verdict = ("ok", None)

SMALLEST_N = 30
NARROW, WIDE = 0.05, 0.30
LARGEST_RELATIVE_WIDTH = 1.30
SMALLEST_DF = 8
LARGEST_RELATIVE_ERROR = 0.30
# Counts and rates: Parker et al., Vital Health Stat 2(200), 2023.
FEWEST_CASES = 10
LARGEST_COUNT_WIDTH = 1.60
_COMPLEMENT = "the complement is not reliable: its 95 % interval is more than 1.3 times as wide as it"


def judge_proportion(proportion: Proportion, n_cases: int) -> Verdict:
    """Apply the NCHS standards to a proportion."""
    if not proportion.df > 0:
        return "suppress", _no_df()
    # Where nobody or everybody is a case the standards take n itself.
    n_effective = min(proportion.counted, inf if proportion.extreme else proportion.n_effective)
    extreme = n_cases in (0, proportion.counted)
    if not n_effective >= SMALLEST_N:
        return "suppress", f"effective sample size {n_effective:.0f}, below {SMALLEST_N}"
    if extreme:
        return "review", f"{'nobody' if n_cases == 0 else 'everybody'} among {proportion.counted:,} is a case"
    low, high = interval(proportion, "korn-graubard-nchs")
    return _judge_width(proportion.estimate, high - low, proportion.df)


def judge_mean(estimate: float, variance: float, df: float, n_effective: float) -> Verdict:
    """Apply the usual rule for means, which the NCHS standards do not cover."""
    if not df > 0:
        return "suppress", _no_df()
    if n_effective < SMALLEST_N:
        return "suppress", f"effective sample size {n_effective:.0f}, below {SMALLEST_N}"
    error = sqrt(variance) / abs(estimate) if estimate else float("inf")
    if variance > 0 and error >= LARGEST_RELATIVE_ERROR:
        told = f"{error:.0%}".replace("%", " %") if isfinite(error) else "many times"
        return "suppress", f"standard error {told} of the estimate, 30 % or more"
    return _judge_df(df)


def judge_count(estimate: float, n_cases: int, variance: float, df: float) -> Verdict:
    """Apply the NCHS standards for counts to an estimated number of people."""
    if not df > 0:
        return "suppress", _no_df()
    if n_cases < FEWEST_CASES:
        return "suppress", f"only {n_cases} persons counted, fewer than {FEWEST_CASES}"
    low, high = around(estimate, sqrt(variance), df)
    width = (high - low) / estimate
    if width > LARGEST_COUNT_WIDTH:
        return "suppress", f"95 % interval {width:.1f} times as wide as the estimate, above 1.6"
    return _judge_df(df)


def judge_quantile(below: Proportion, bounded: bool) -> Verdict:
    """Judge a quantile by the proportion at or below it, as the NCHS standards do not cover quantiles."""
    if not below.df > 0:
        return "suppress", _no_df()
    n_effective = min(below.n_effective, below.counted) if below.variance > 0 else below.counted
    if n_effective < SMALLEST_N:
        return "suppress", f"effective sample size {n_effective:.0f}, below {SMALLEST_N}"
    verdict, reason = _judge_df(below.df)
    if not bounded:
        told = [part for part in (reason, "the interval reaches beyond the data") if part]
        return "review", "; ".join(told)
    return verdict, reason


def for_review(row: Mapping[str, Any], reason: str, unfit: str = "") -> dict[str, Any]:
    """Mark a result row for review for a reason that holds of the whole analysis, such as few recordings."""
    if not (reason or unfit):
        return dict(row)
    told = "; ".join(filter(None, (unfit, reason, row["reason"])))
    least = "suppress" if unfit else "review"
    better = ("ok", "review") if unfit else ("ok",)
    verdict = least if row["reliability"] in better else row["reliability"]
    return {**row, "reliability": verdict, "reason": told}


def judge_test(df: float, care: str | None = None) -> Verdict:
    """Judge a test by the degrees of freedom of its people."""
    if not df > 0:
        return "suppress", _no_df()
    verdict, reason = _judge_df(df)
    told = "; ".join(part for part in (reason, care) if part)
    return ("review", told) if told else (verdict, reason)


def _judge_width(estimate: float, width: float, df: float) -> Verdict:
    if width <= NARROW:
        return _judge_df(df)
    if width >= WIDE:
        return "suppress", f"95 % interval {100 * width:.0f} points wide, 30 or more"
    if width / estimate > LARGEST_RELATIVE_WIDTH:
        return "suppress", f"95 % interval {width / estimate:.1f} times as wide as the estimate, above 1.3"
    verdict, reason = _judge_df(df)
    if width / (1 - estimate) > LARGEST_RELATIVE_WIDTH:
        return verdict, "; ".join(told for told in (reason, _COMPLEMENT) if told)
    return OK if verdict == "ok" else (verdict, reason)


def _judge_df(df: float) -> Verdict:
    return ("review", f"{df:.0f} degrees of freedom, below {SMALLEST_DF}") if df < SMALLEST_DF else OK


def _no_df() -> str:
    return "the people lie in one PSU a stratum, which leaves no degrees of freedom for an interval"
