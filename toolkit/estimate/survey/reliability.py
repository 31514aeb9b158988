"""Rate each estimate as ok, review or suppress: by NCHS standards where they exist, else by stated rules.

A verdict is `ok`, `review` or `suppress`, with its reason. Proportions: Parker et al., National Center for
Health Statistics data presentation standards for proportions, Vital Health Stat 2(175), 2017, in the order of
the CDC's own implementation. Counts and rates: Parker et al., Vital Health Stat 2(200), 2023.
"""

from collections.abc import Mapping
from math import inf, sqrt
from typing import Any

from toolkit.estimate.survey.intervals import Proportion, around, interval

Verdict = tuple[str, str | None]
OK: Verdict = ("ok", None)

SMALLEST_N = 30
NARROW, WIDE = 0.05, 0.30
LARGEST_RELATIVE_WIDTH = 1.30
SMALLEST_DF = 8
LARGEST_RELATIVE_ERROR = 0.30
FEWEST_CASES = 10
LARGEST_COUNT_WIDTH = 1.60
# A survival estimate with fewer participants still under observation is for review.
FEWEST_OBSERVED = 10
_NO_DF: Verdict = ("suppress", "one PSU per stratum leaves no degrees of freedom for an interval")
_COMPLEMENT = "the 95% interval of the complement is more than 1.3 times as wide as the complement"


def judge_proportion(proportion: Proportion, n_cases: int) -> Verdict:
    """Apply the NCHS standards, by the width of the 95% Korn-Graubard interval (effective n capped at n)."""
    if not proportion.df > 0:
        return _NO_DF
    # Where nobody or everybody is a case the standards take n itself.
    n_effective = min(proportion.counted, inf if proportion.extreme else proportion.n_effective)
    if not n_effective >= SMALLEST_N:
        return _few(n_effective)
    if n_cases in (0, proportion.counted):
        who = "none" if n_cases == 0 else "all"
        return "review", f"{who} of {proportion.counted:,} participants are cases"
    low, high = interval(proportion, "korn-graubard-nchs")
    return _judge_width(proportion.estimate, high - low, proportion.df)


def judge_mean(estimate: float, variance: float, df: float, n_effective: float) -> Verdict:
    """Apply the usual rule for means, which the NCHS standards do not cover."""
    if not df > 0:
        return _NO_DF
    if n_effective < SMALLEST_N:
        return _few(n_effective)
    error = sqrt(variance) / abs(estimate) if estimate else inf
    if variance > 0 and error >= LARGEST_RELATIVE_ERROR:
        size = f"{error:.0%}" if error < inf else "many times"
        return "suppress", f"standard error {size} of the estimate, 30% or more"
    return _judge_df(df)


def judge_count(estimate: float, n_cases: int, variance: float, df: float) -> Verdict:
    """Apply the NCHS standards for counts to an estimated number of people from `n_cases` participants."""
    if not df > 0:
        return _NO_DF
    if n_cases < FEWEST_CASES:
        return "suppress", f"only {n_cases} participants counted, fewer than {FEWEST_CASES}"
    low, high = around(estimate, sqrt(variance), df)
    return _judge_relative_width((high - low) / estimate, df)


def judge_rate(events: float, width: float, df: float) -> Verdict:
    """Apply the NCHS standards for rates; `width` is that of the interval in units of the rate."""
    if not df > 0:
        return _NO_DF
    if not events:
        return "review", "no event in this time"
    if events < FEWEST_CASES:
        return "suppress", f"only {events:g} events, fewer than {FEWEST_CASES}"
    return _judge_relative_width(width, df)


def judge_quantile(below: Proportion, bounded: bool) -> Verdict:
    """Judge a quantile by the proportion at or below it; `bounded` if its interval is within the data."""
    if not below.df > 0:
        return _NO_DF
    n_effective = min(below.n_effective, below.counted) if below.variance > 0 else below.counted
    if n_effective < SMALLEST_N:
        return _few(n_effective)
    return _add_reason(_judge_df(below.df), "" if bounded else "the interval extends beyond the data")


def judge_survival(observed: int, df: float) -> Verdict:
    """Judge a point of a survival curve by the number of participants still under observation."""
    if not df > 0:
        return _NO_DF
    few = f"only {observed} participants still under observation, fewer than {FEWEST_OBSERVED}"
    return _add_reason(_judge_df(df), few if observed < FEWEST_OBSERVED else "")


def judge_test(df: float, reason: str | None = None) -> Verdict:
    """Judge a test by the degrees of freedom of the design; `reason` is another one for a review."""
    return _add_reason(_judge_df(df), reason) if df > 0 else _NO_DF


def for_review(row: Mapping[str, Any], reason: str, unfit: str = "") -> dict[str, Any]:
    """Flag a row for a reason of the whole analysis: what was ok is for review, or suppressed if `unfit`."""
    if not (reason or unfit):
        return dict(row)
    least, better = ("suppress", ("ok", "review")) if unfit else ("review", ("ok",))
    verdict = least if row["reliability"] in better else row["reliability"]
    return {**row, "reliability": verdict, "reason": "; ".join(filter(None, (unfit, reason, row["reason"])))}


def _judge_width(estimate: float, width: float, df: float) -> Verdict:
    if width <= NARROW:
        return _judge_df(df)
    if width >= WIDE:
        return "suppress", f"95% interval {100 * width:.0f} percentage points wide, 30 or more"
    if width / estimate > LARGEST_RELATIVE_WIDTH:
        return "suppress", f"95% interval {width / estimate:.1f} times as wide as the estimate, above 1.3"
    verdict, reason = _judge_df(df)
    if width / (1 - estimate) > LARGEST_RELATIVE_WIDTH:
        return verdict, "; ".join(filter(None, (reason, _COMPLEMENT)))
    return verdict, reason


def _judge_relative_width(width: float, df: float) -> Verdict:
    if width > LARGEST_COUNT_WIDTH:
        return "suppress", f"interval {width:.1f} times as wide as the estimate, above {LARGEST_COUNT_WIDTH}"
    return _judge_df(df)


def _judge_df(df: float) -> Verdict:
    return ("review", f"{df:.0f} degrees of freedom, below {SMALLEST_DF}") if df < SMALLEST_DF else OK


def _add_reason(verdict: Verdict, reason: str | None) -> Verdict:
    """Set a verdict for review for one more reason, if there is one."""
    return ("review", "; ".join(filter(None, (verdict[1], reason)))) if reason else verdict


def _few(n_effective: float) -> Verdict:
    # 29.7 is not rounded to the limit that it is below.
    size = f"{n_effective:.0f}" if round(n_effective) < SMALLEST_N else f"{min(n_effective, 29.9):.1f}"
    return "suppress", f"effective sample size {size}, below {SMALLEST_N}"
