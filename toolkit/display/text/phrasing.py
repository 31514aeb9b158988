"""Word estimates that are no prevalence, mean or comparison: totals, quantiles, tests, seasons, plans.

Takes a row of a result frame; gives a clause without capital and full stop.
"""

from collections.abc import Callable

from toolkit.display.text.comparing import after, exposure, outcome
from toolkit.display.text.numbers import (
    Labels,
    count,
    estimate_phrase,
    interval,
    level_of_confidence,
    number,
    test_text,
    without_unit,
)
from toolkit.results import Row, estimand_of

_QUANTILES = {"0.5": "median", "0.25": "lower quartile", "0.75": "upper quartile"}


def phrase(row: Row, labels: Labels | None) -> str | None:
    """Word a row whose estimand has words of its own; None if it has none.

    Examples
    --------
    >>> from toolkit.results import frame
    >>> row = {"estimand": "quantile", "outcome_label": "age (years)", "level": "0.5", "estimate": 47.0,
    ...        "std_error": 0.4, "conf_low": 46.0, "conf_high": 48.0}
    >>> phrase(frame([row]).row(0, named=True), None)
    'the median of age was 47.00 years (95 % CI 46.00 to 48.00)'
    """
    if estimand_of(row).kind == "test":
        return f"{tested(row, labels)} gave {test_text(row)}"
    own = _OWN.get(row["estimand"])
    return own(row, labels) if own else None


def tested(row: Row, labels: Labels | None) -> str:
    """Name a test: of what, by what, by which statistic."""
    how = f" ({row['level_label'] or row['level']})" if row["level_label"] or row["level"] else ""
    what, by = without_unit(outcome(row, labels)), exposure(row, labels)
    if row["estimand"] == "term":
        return f"the test of {by} in the model of {what}{how}"
    across = {"heterogeneity": " across ", "seasonality": " over "}.get(row["estimand"], " by ")
    return f"the {estimand_of(row).noun} of {what}{across + by if by else ''}{how}"


def quantile_name(row: Row) -> str:
    """Name a quantile: the median, a quartile, or a percentile."""
    level = str(row["level"])
    return _QUANTILES.get(level, f"{100 * float(level):g}th percentile")


def _quantile(row: Row, labels: Labels | None) -> str:
    return f"the {quantile_name(row)} of {outcome(row, labels)} was {estimate_phrase(row)}"


def _total(row: Row, labels: Labels | None) -> str:
    if row["n_cases"] is None:
        return f"the total of {outcome(row, labels)} was {estimate_phrase(row)}"
    level = f": {row['level_label']}" if row["level_label"] not in (None, "yes") else ""
    return f"an estimated {estimate_phrase(row)} people have {outcome(row, labels)}{level}"


def ratio_name(row: Row, labels: Labels | None) -> str:
    """Name a ratio of two totals by both."""
    return f"the ratio of {without_unit(outcome(row, labels))} to {without_unit(exposure(row, labels))}"


def _ratio(row: Row, labels: Labels | None) -> str:
    return f"{ratio_name(row, labels)} was {estimate_phrase(row)}"


def _swing(row: Row, labels: Labels | None) -> str:
    """Say how far a seasonal curve swings."""
    of, ends = outcome(row, labels), interval(row)
    sure = f" ({level_of_confidence(row)} CI {ends})" if ends else ""
    if row["estimand"] == "peak_to_trough_ratio":
        value = f"{number(row['estimate'], 'ratio')} times{sure} that at its trough"
        return f"at its yearly peak the prevalence of {of} was {value}{after(row, labels)}"
    if row["estimand"] == "peak_to_trough_difference":
        value = f"{number(row['estimate'], 'points')} percentage points{sure} higher than at its trough"
        return f"at its yearly peak the prevalence of {of} was {value}{after(row, labels)}"
    swung = f"swung by {estimate_phrase(row)} to either side"
    return f"over the year the mean of {of} {swung}{after(row, labels)}"


def _peak(row: Row, labels: Labels | None) -> str:
    return f"the yearly peak of {without_unit(outcome(row, labels))} lay at {row['level_label']}"


def _margin(row: Row, labels: Labels | None) -> str:
    of, value = outcome(row, labels), number(row["estimate"], "points")
    return (
        f"with {count(row['n'])} people the prevalence of {of} is known to within {value} percentage points"
    )


def _detectable(row: Row, labels: Labels | None) -> str:
    """Say what a planned analysis would find."""
    ratio = row["estimand"] == "smallest_detectable_ratio"
    value = (
        number(row["estimate"], "ratio")
        if ratio
        else f"{number(row['estimate'], 'points')} percentage points"
    )
    against = (
        f"{row['level_label']} vs {row['reference']}" if row["reference"] else str(row["level_label"] or "")
    )
    what = "prevalence ratio" if ratio else "prevalence difference"
    by = f"{exposure(row, labels)} ({against})"
    found = f"a {what} of {outcome(row, labels)} by {by} can be detected from {value} on"
    return f"with {count(row['n'])} people {found}{after(row, labels)}"


_OWN: dict[str, Callable[[Row, Labels | None], str]] = {
    "quantile": _quantile,
    "total": _total,
    "ratio": _ratio,
    "peak_to_trough_ratio": _swing,
    "peak_to_trough_difference": _swing,
    "amplitude": _swing,
    "peak": _peak,
    "margin_of_error": _margin,
    "smallest_detectable_ratio": _detectable,
    "smallest_detectable_difference": _detectable,
}
