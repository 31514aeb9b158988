"""Estimate quantiles of a continuous variable, such as the median, and cut a variable at its quantiles.

Method: the inverse of the weighted distribution by a rule; the interval is the inverse of an interval of the
proportion below the quantile (Woodruff, JASA 47 (1952) 635-646), as svyquantile of R's survey package.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

import numpy as np

from toolkit.errors import EstimationError, VariableError, require_known
from toolkit.estimate.survey import (
    QUANTILE_RULES,
    Column,
    Group,
    Proportion,
    QuantileRule,
    Row,
    alike,
    blank_covariance,
    constant,
    count_groups,
    design_df,
    draw,
    estimate_groups,
    finite,
    heading,
    in_rows,
    interval_columns,
    intervals,
    judge_quantile,
    make_result,
    require_continuous,
)
from toolkit.results import Estimates, Floats
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance

# Values of participants with their weights.
_Weighted = tuple[Floats, Floats]


@dataclass(frozen=True)
class _Method:
    """Probabilities, rule, interval of the proportion below, confidence."""

    probs: tuple[float, ...]
    rule: QuantileRule
    interval: str
    confidence: float


@dataclass(frozen=True)
class _Quantile:
    """One quantile of one group with the proportion of participants at or below it."""

    value: float
    low: float
    high: float
    std_error: float
    below: Proportion


@with_covariance
def quantile(
    study: Study,
    variable: str,
    probs: float | Sequence[float] = (0.25, 0.5, 0.75),
    rule: str = "math",
    *,
    by: Names = (),
    domain: str = "",
    interval: str = "wald",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate quantiles of a continuous variable, such as the median.

    Parameters
    ----------
    study
        The study.
    variable
        A continuous variable.
    probs
        Probabilities between 0 and 1.
    rule
        The definition of a quantile: "math" (the lowest value with at least that share at or below it),
        "school" (halfway to the next value where a share is met exactly) or "hf7" (interpolated, as
        unweighted quantiles usually are; Hyndman and Fan's seventh).
    by, domain
        As in `prevalence`.
    interval
        The interval of the proportion below: "wald" (R's "mean"), or another of `prevalence`'s.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows, one per group and probability (in `level`). A limit beyond the range of the data is null.
        The standard error is the interval's length over twice Student's t.

    Raises
    ------
    VariableError
        If the variable is unknown or categorical.
    EstimationError
        If the rule is unknown, or a probability is not between 0 and 1.

    Notes
    -----
    As svyquantile of R's survey package with na.rm=TRUE: the degrees of freedom are those of the PSUs with
    a participant who has a value.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"age": [30.0, 40.0, 50.0, 60.0], "w": [1.0, 1.0, 2.0, 1.0]})
    >>> mine = tk.study(people, design=tk.Design(weight="w"), name="four people")
    >>> quantile(mine, "age", 0.5)["estimate"].item()
    50.0
    """
    method, by = _read_method(probs, rule, interval, confidence), as_names(by, "by")
    require_one_role(variable=variable, by=by)
    sample = draw(study, [variable, *by], domain, by=by)
    column = sample.columns[variable]
    require_continuous(column, f"Use tk.prevalence(study, outcome='{variable}').")
    values = sample.numbers(variable)
    members = count_groups(sample, by, ~np.isnan(values))
    persons, weights = sample.persons, sample.weights
    seen = [in_rows(values[g.counted], weights[g.counted], persons[g.counted]) for g in members]
    cuts = {
        group.levels: [method.rule(*own, p) if group.n else nan for p in method.probs]
        for group, own in zip(members, seen, strict=True)
    }

    def estimate_below(group: Group, weights: Floats) -> tuple[Floats, Floats]:
        """Estimate which share of a group is at or below each of its cuts."""
        size = float(weights.sum()) or 1.0
        below = (values[group.cells, None] <= np.array(cuts[group.levels])).astype(float)
        # A product of matrices would wake every thread of the machine for a few sums. The share is 1 without
        # a rounding error where nobody is above.
        share = 1 - (weights[:, None] * (1 - below)).sum(axis=0) / size
        return share, (below - share) * weights[:, None] / size

    shares, variances, matrix = estimate_groups(sample, members, estimate_below)
    found = [
        [
            _invert(own, cut, Proportion(float(p), float(v), df, group.n, group.n), method)
            for cut, p, v in zip(cuts[group.levels], points, spread, strict=True)
        ]
        for group, own, points, spread in zip(members, seen, shares, variances, strict=True)
        for df in [design_df(sample, group.counted) if group.n else 0]
    ]
    rows = [
        _describe_quantile(group, column, own[0], prob, one)
        for group, quantiles, own in zip(members, found, seen, strict=True)
        for prob, one in zip(method.probs, quantiles, strict=True)
    ]
    fixed = {"estimand": "quantile", "conf_level": confidence}
    return make_result(sample, rows, by, fixed, _scale_covariance(matrix, found, members))


def _read_method(probs: float | Sequence[float], rule: str, interval: str, confidence: float) -> _Method:
    intervals.check(interval, confidence)
    require_known("Unknown quantile rule", rule, QUANTILE_RULES, "Use one of")
    chosen = (float(probs),) if isinstance(probs, int | float) else tuple(float(p) for p in probs)
    wrong = [p for p in chosen if not 0 < p < 1]
    if wrong or not chosen:
        raise EstimationError(
            f"A quantile needs a probability between 0 and 1, not {wrong[0] if wrong else 'none'}. "
            f"Use probs=0.5 for the median, or probs=(0.25, 0.5, 0.75) for quartiles."
        )
    return _Method(chosen, QUANTILE_RULES[rule], interval, confidence)


def _invert(seen: _Weighted, cut: float, below: Proportion, method: _Method) -> _Quantile:
    """Compute Woodruff's interval of a quantile from that of the proportion below it."""
    if not len(seen[0]):
        return _Quantile(nan, nan, nan, nan, below)
    if method.interval != "wald":
        ends = intervals.interval(below, method.interval, method.confidence)
    else:  # Also where everyone is at or below the quantile: R's interval is then the quantile itself.
        ends = intervals.around(below.estimate, below.variance**0.5, below.df, method.confidence)
    low, high = (method.rule(*seen, p) if 0 <= p <= 1 else nan for p in ends)
    reach = intervals.student(method.confidence, below.df)
    return _Quantile(cut, low, high, (high - low) / (2 * reach), below)


def _describe_quantile(group: Group, column: Column, values: Floats, prob: float, found: _Quantile) -> Row:
    row = heading(group, column, column.variable.title, f"{prob:g}")
    if not group.n:
        return row
    verdict = judge_quantile(found.below, isfinite(found.low) and isfinite(found.high))
    row |= interval_columns(found.std_error, (found.low, found.high), found.below.df, verdict)
    row |= {
        "estimate": found.value,
        "std_error": finite(found.std_error),
        "n_effective": finite(found.below.n_effective),
    }
    if values.min() == values.max():
        return constant(row, alike(column.name, group.n))
    if found.below.extreme:
        return constant(row, "no value is above the quantile, so it has no standard error")
    return row


def _scale_covariance(matrix: Floats, found: list[list[_Quantile]], members: list[Group]) -> Floats:
    """Convert the covariance of the shares below to the units of the quantiles."""
    every = [one for quantiles in found for one in quantiles]
    scale = np.array([one.std_error for one in every]) / np.sqrt(np.maximum(matrix.diagonal(), 1e-300))
    empty = np.repeat([group.n == 0 for group in members], len(found[0]))
    empty |= np.array([one.below.extreme for one in every])
    return blank_covariance(matrix * np.outer(scale, scale), (empty | ~np.isfinite(scale)).tolist())


@dataclass(frozen=True)
class QuantileGroups:
    """The cut points of a continuous variable; each group includes its upper cut."""

    # The ends of all groups but the highest.
    cuts: tuple[float, ...]
    # The cuts in as few digits as give the same groups.
    texts: tuple[str, ...]
    # The number of people of each group.
    persons: tuple[int, ...]


def quantile_groups(study: Study, name: str, into: int, domain: str) -> QuantileGroups:
    """Cut a continuous variable at its weighted quantiles in a domain; ties stay together."""
    if not isinstance(into, int) or isinstance(into, bool) or into < 2:
        raise VariableError(
            f"The number of quantile groups must be 2 or more, not {into!r}. "
            f"Use study.cut('{name}', into=3) for thirds."
        )
    sample = draw(study, [name], domain)
    remedy = f"Merge its levels with study.merge_levels('{name}', {{'new level': [...]}})."
    require_continuous(sample.columns[name], remedy)
    values = sample.numbers(name)
    known = np.isfinite(values)
    values, weights, persons = values[known], sample.weights[known], sample.persons[known]
    different = np.unique(values)
    if len(different) < 2:
        raise VariableError(_explain_constant(name, domain, int(persons.sum()), len(different)))
    cuts = _choose_cuts(values, weights, into, different)
    group = np.searchsorted(cuts, values, side="left")
    counts = np.bincount(group, persons, minlength=len(cuts) + 1).astype(int)
    return QuantileGroups(tuple(map(float, cuts)), _write_cuts(cuts, different), tuple(map(int, counts)))


def _explain_constant(name: str, domain: str, persons: int, different: int) -> str:
    whom = f"{persons:,} participants" + (f" with {domain}" if domain.strip() else "")
    seen = f"has a single value among the {whom}" if different else "has no value in the domain"
    return f"'{name}' {seen}, so there are no quantile groups. Use a wider domain, or remove the variable."


def _choose_cuts(values: Floats, weights: Floats, into: int, different: Floats) -> Floats:
    found = [QUANTILE_RULES["math"](values, weights, k / into) for k in range(1, into)]
    # A cut at the largest value would leave an empty group above it: that value is a group.
    return np.unique(np.minimum(found, different[-2]))


def _write_cuts(cuts: Floats, different: Floats) -> tuple[str, ...]:
    below = np.searchsorted(different, cuts, side="right")
    for digits in range(3, 18):
        texts = [np.format_float_positional(cut, digits, fractional=False, trim="-") for cut in cuts]
        read = np.array([float(text) for text in texts])
        if np.array_equal(np.searchsorted(different, read, side="right"), below):
            break
    return tuple(texts)
