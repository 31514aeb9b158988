"""Estimate quantiles with Woodruff's interval.

Takes a study and a number's name; gives result rows, one a group and probability.
Method: the inverse of the weighted distribution by a rule; the interval is the inverse of an interval of the
proportion below the quantile (Woodruff, JASA 47 (1952) 635-646), as svyquantile of R's survey package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite, nan
from typing import Any

import numpy as np

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.intervals import Proportion
from toolkit.estimate.survey.linearization import Estimate, design_df, spread
from toolkit.estimate.survey.people import (
    People,
    anyone,
    blanked,
    finite,
    heading,
    people_of,
    result_of,
    stack,
)
from toolkit.estimate.survey.reliability import judge_quantile
from toolkit.estimate.survey.roles import Column
from toolkit.estimate.survey.unvarying import alike, constant
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance

Rule = Callable[[Floats, Floats, float], float]
# Values of people with their weights.
_Weighted = tuple[Floats, Floats]


@dataclass(frozen=True)
class _Asked:
    """How quantiles are taken: probabilities, rule, interval of the proportion below, confidence."""

    probs: tuple[float, ...]
    rule: Rule
    interval: str
    confidence: float


@dataclass(frozen=True)
class _Found:
    """One quantile of one group: value, ends, standard error, proportion of people at or below it."""

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
    """Estimate quantiles of a number, such as the median.

    Parameters
    ----------
    study
        The study.
    variable
        A number.
    probs
        Probabilities between 0 and 1.
    rule
        What a quantile is where no value has exactly that share of people below it: "math" (the lowest value
        with at least that share at or below it), "school" (where a share is met exactly, halfway to the next
        value) or "hf7" (interpolated, as unweighted quantiles usually are; Hyndman and Fan's seventh).
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
        Result rows, one a group and probability, which stands in `level`. An end that would lie beyond the
        data is null. The standard error is the interval's length over twice Student's t.

    Raises
    ------
    VariableError
        For an unknown variable, or one of levels.
    EstimationError
        For an unknown rule, or a probability that is not between 0 and 1.

    Notes
    -----
    As svyquantile of R's survey package with na.rm=TRUE: the degrees of freedom are those of the PSUs that
    hold a person with a value.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"age": [30.0, 40.0, 50.0, 60.0], "w": [1.0, 1.0, 2.0, 1.0]})
    >>> mine = tk.study(people, design=tk.Design(weight="w"), name="four people")
    >>> quantile(mine, "age", 0.5)["estimate"].item()
    50.0
    """
    asked = _asked(probs, rule, interval, confidence)
    by = as_names(by, "by")
    require_one_role(variable=variable, by=by)
    sample = draw(study, [variable, *by], domain, by=by)
    values = _numbers(sample.columns[variable], sample)
    people = people_of(sample, by, ~np.isnan(values))
    seen = [_counted(sample, values, group) for group in people]
    cuts = [_cuts(own, asked) for own in seen]
    found, matrix = spread(sample, partial(_shares_below, values=values, people=people, cuts=cuts))
    below = _of_counted(sample, people, found.points, matrix)
    quantiles = [
        [_woodruff(seen[i], cut, share, asked) for cut, share in zip(cuts[i], below[i], strict=True)]
        for i in range(len(people))
    ]
    rows = [
        _row(group, sample.columns[variable], own[0], prob, one)
        for group, ones, own in zip(people, quantiles, seen, strict=True)
        for prob, one in zip(asked.probs, ones, strict=True)
    ]
    return result_of(
        sample,
        rows,
        by,
        {"estimand": "quantile", "conf_level": confidence},
        _scaled(matrix, quantiles, people),
    )


def _asked(probs: float | Sequence[float], rule: str, interval: str, confidence: float) -> _Asked:
    intervals.check(interval, confidence)
    if rule not in RULES:
        raise EstimationError(unknown("there is no quantile rule", rule, RULES, f"All: {', '.join(RULES)}"))
    chosen = (float(probs),) if isinstance(probs, int | float) else tuple(float(p) for p in probs)
    wrong = [p for p in chosen if not 0 < p < 1]
    if wrong or not chosen:
        raise EstimationError(
            f"a quantile needs a probability between 0 and 1, not {wrong[0] if wrong else 'none'}. "
            f"Write the median as probs=0.5, quartiles as probs=(0.25, 0.5, 0.75)."
        )
    return _Asked(chosen, RULES[rule], interval, confidence)


def _numbers(column: Column, sample: Sample) -> Floats:
    if not column.continuous:
        raise VariableError(
            f"'{column.name}' has levels, which have no quantiles. How common each is: "
            f"tk.prevalence(study, outcome='{column.name}')."
        )
    return sample.numbers(column.name)


def _counted(sample: Sample, values: Floats, group: People) -> _Weighted:
    return values[group.counted], sample.weights[group.counted]


def _cuts(seen: _Weighted, asked: _Asked) -> list[float]:
    return [asked.rule(*seen, p) if len(seen[0]) else nan for p in asked.probs]


def _shares_below(sample: Sample, values: Floats, people: list[People], cuts: list[list[float]]) -> Estimate:
    """Estimate which share of each group's people lies at or below each of its cuts."""
    points, parts = [], []
    for group, own in zip(people, cuts, strict=True):
        weights = np.where(group.counted, sample.weights, 0.0)
        size = float(weights.sum()) or 1.0
        below = np.where(group.counted[:, None], values[:, None] <= np.array(own), 0.0)
        # A product of matrices would wake every thread of the machine for a few sums.
        share = (weights[:, None] * below).sum(axis=0) / size
        points.append(share)
        parts.append(np.where(group.counted[:, None], below - share, 0.0) * weights[:, None] / size)
    return Estimate(np.concatenate(points), stack(parts), anyone(people))


def _of_counted(
    sample: Sample, people: list[People], points: Floats, matrix: Floats
) -> list[list[Proportion]]:
    shares, variances = (x.reshape(len(people), -1) for x in (points, matrix.diagonal()))
    df = [design_df(sample, group.counted) if group.n else 0 for group in people]
    return [
        [Proportion(float(p), float(v), df[i], group.n, group.n) for p, v in zip(*own, strict=True)]
        for i, (group, *own) in enumerate(zip(people, shares, variances, strict=True))
    ]


def _woodruff(seen: _Weighted, cut: float, below: Proportion, asked: _Asked) -> _Found:
    if not len(seen[0]):
        return _Found(nan, nan, nan, nan, below)
    low, high = (asked.rule(*seen, p) if 0 <= p <= 1 else nan for p in _ends(below, asked))
    reach = intervals.student(asked.confidence, below.df)
    return _Found(cut, low, high, (high - low) / (2 * reach), below)


def _ends(below: Proportion, asked: _Asked) -> intervals.Ends:
    if asked.interval != "wald":
        return intervals.interval(below, asked.interval, asked.confidence)
    # Also where everyone lies at or below the quantile: R's interval is then the quantile itself.
    return intervals.around(below.estimate, below.variance**0.5, below.df, asked.confidence)


def _row(group: People, column: Column, values: Floats, prob: float, found: _Found) -> dict[str, Any]:
    row = heading(group, column, column.variable.title, f"{prob:g}")
    if not group.n:
        return row
    verdict = judge_quantile(found.below, isfinite(found.low) and isfinite(found.high))
    row |= {
        "estimate": found.value,
        "std_error": finite(found.std_error),
        "conf_low": finite(found.low),
        "conf_high": finite(found.high),
        "df": found.below.df,
        "n_effective": finite(found.below.n_effective),
        "reliability": verdict[0],
        "reason": verdict[1],
    }
    if values.min() == values.max():
        return constant(row, alike(column.name, group.n))
    if found.below.extreme:
        return constant(row, "no value lies above the quantile, which leaves no standard error")
    return row


def _scaled(matrix: Floats, quantiles: list[list[_Found]], people: list[People]) -> Floats:
    """Give the covariance of the shares below the units of the quantiles."""
    every = [one for ones in quantiles for one in ones]
    scale = np.array([one.std_error for one in every]) / np.sqrt(np.maximum(matrix.diagonal(), 1e-300))
    empty = np.repeat([group.n == 0 for group in people], len(quantiles[0]))
    empty |= np.array([one.below.extreme for one in every])
    return blanked(matrix * np.outer(scale, scale), (empty | ~np.isfinite(scale)).tolist())


def _sorted(x: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Sort values, ties in the order of the file, and cumulate the weights."""
    order = np.argsort(x, kind="stable")
    # Whether a share is met exactly hangs on the last bit: R cumulates in extended precision, and so here.
    return x[order], np.cumsum(weights[order].astype(np.longdouble)).astype(float)


def _share(x: Floats, weights: Floats, p: float, halfway: float) -> float:
    """Give the lowest value with at least a share p at or below it, or beyond it where p is met exactly."""
    values, reached = _sorted(x, weights)
    size = float(weights.astype(np.longdouble).sum())
    place = int(np.searchsorted(reached, p * size, side="right"))
    if place == 0:
        return float(values[0])
    low, high = values[place - 1], values[min(place, len(values) - 1)]
    exact = p - reached[place - 1] / size == 0
    return float(low + halfway * (high - low)) if exact else float(high)


def _interpolated(x: Floats, weights: Floats, p: float) -> float:
    values, reached = _sorted(x, weights)
    if len(values) == 1:
        return float(values[0])
    return float(np.interp(p, np.concatenate([[0.0], reached[:-1]]) / reached[-2], values))


RULES: dict[str, Rule] = {
    "math": partial(_share, halfway=0.0),
    "school": partial(_share, halfway=0.5),
    "hf7": _interpolated,
}
