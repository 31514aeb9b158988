"""Describe participants by many variables, overall and by the levels of one: Table 1 of a paper."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, VariableError, require_known
from toolkit.estimate.descriptive.prevalences import mean, proportions
from toolkit.estimate.descriptive.quantiles import quantile
from toolkit.estimate.descriptive.standardized_differences import compare_means, compare_prevalences
from toolkit.estimate.hypotheses.group_comparisons import rank_test
from toolkit.estimate.hypotheses.model_tests import compute_term_test
from toolkit.estimate.hypotheses.two_way_tables import chi_square
from toolkit.estimate.regression import FAMILIES, MainEffects, ModelSpec
from toolkit.estimate.survey import (
    Column,
    Group,
    Row,
    Sample,
    alike,
    averages,
    constant,
    count_groups,
    draw,
    estimate_groups,
    heading,
    index_participants,
    interval_columns,
    intervals,
    judge_mean,
    make_result,
    read,
    require_levels,
    zero_variance,
)
from toolkit.results import Estimates, Floats
from toolkit.results import frame as result_frame
from toolkit.studies import COMPUTED, Study
from toolkit.variables import Names, as_names, conditions, reason_for, with_request

Summary = Literal["mean", "median", "both"]
QUARTILES = (0.25, 0.5, 0.75)
_SUMMARIES = ("mean", "median", "both")
# Names that no variable has.
_MISSING, _REASON, _INSIDE, _COUNT = (
    f"{COMPUTED}{name}" for name in ("missing", "reason", "inside", "count")
)


@dataclass(frozen=True)
class _Description:
    """One variable of the table with its groups, summary and subpopulation."""

    study: Study
    name: str
    groups: tuple[str, ...]
    summary: Summary
    domain: str
    confidence: float

    def both(self, call: Callable[[tuple[str, ...]], pl.DataFrame]) -> list[Row]:
        """Run an estimator overall and by groups."""
        rows = [{**row, **dict.fromkeys(self.groups)} for row in call(()).rows(named=True)]
        return rows + (call(self.groups).rows(named=True) if self.groups else [])


@with_request
def describe(
    study: Study,
    variables: Names,
    *,
    by: Names = (),
    domain: str = "",
    numbers: Summary | Mapping[str, Summary] = "mean",
    test: bool = True,
    difference: bool = False,
    confidence: float = 0.95,
) -> Estimates:
    """Describe participants by many variables, overall and by groups, with tests of differences: Table 1.

    Parameters
    ----------
    study
        The study.
    variables
        Continuous and categorical variables, in the order of the table.
    by
        One variable, an outcome or an exposure, whose levels are the columns; none for one column.
    domain
        A condition such as "age >= 20"; null is outside.
    numbers
        How continuous variables are summarized: "mean" (with standard deviation and standard error), "median"
        (with quartiles) or "both"; or a mapping of names to those not summarized by the mean.
    test
        Whether to test differences between groups: Rao-Scott F for levels, Wald F for means, Kruskal-Wallis
        for medians.
    difference
        Whether to add the absolute standardized mean difference of two groups.
    confidence
        Of the intervals, between 0 and 1.

    Returns
    -------
    Estimates
        Result rows, which `tk.table(frame)` formats as one table. Overall (`by` null) and for each group
        "people" (n and weighted share); then for each variable "prevalence" of its levels, "mean" and
        "standard_deviation" or "quantile", "missing" by reason (n_cases is the number, estimate the share,
        unweighted), a test, and "standardized_mean_difference". Each variable has the weight of its own
        component; participants without a group are in the overall rows only.

    Raises
    ------
    VariableError
        If a variable is unknown, `by` is continuous or more than one variable, or a standardized difference
        is asked for more or fewer than two groups.
    EstimationError
        If no participant is in the domain.

    Notes
    -----
    The standardized mean difference is the difference of two weighted means over the root of the mean of
    their variances (Austin 2009, doi 10.1002/sim.3697); for levels, the Mahalanobis distance of the
    prevalences (Yang and Dalton 2012).

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "age": [30.0, 50.0, 70.0, 40.0]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="four people")
    >>> describe(mine, ("cramps", "age"))["estimand"].to_list()
    ['people', 'prevalence', 'mean', 'standard_deviation']
    """
    intervals.check_confidence(confidence)
    names, groups = as_names(variables, "variables"), as_names(by, "by")
    if len(groups) > 1:
        column, other = groups[:2]
        raise VariableError(
            f"A table has one variable in its columns, not {len(groups)}. Describe by '{column}' in each "
            f"level of '{other}' with tk.describe(study, variables, by='{column}', domain=\"{other} == "
            "'...'\")."
        )
    ways = _choose_summaries(names, numbers)
    if difference:
        _require_two_groups(study, groups)
    domain = conditions.parse(domain).text
    rows = _people_rows(study, names, groups, domain)
    for name in names:
        if name not in groups:
            part = _Description(study, name, groups, ways[name], domain, confidence)
            rows += _variable_rows(part, test=test)
            rows += _difference_rows(part) if difference else []
    return result_frame(rows, groups)


def _choose_summaries(names: Sequence[str], numbers: Summary | Mapping[str, Summary]) -> dict[str, Summary]:
    usual: Summary = numbers if isinstance(numbers, str) else "mean"
    chosen = {**dict.fromkeys(names, usual), **({} if isinstance(numbers, str) else numbers)}
    for name, way in chosen.items():
        require_known("numbers= has an undescribed variable", name, names, error=VariableError)
        require_known("Unknown summary", str(way), _SUMMARIES, "Use one of")
    return chosen


def _people_rows(study: Study, names: tuple[str, ...], groups: tuple[str, ...], domain: str) -> list[Row]:
    """Count the participants of each column, with their weighted share of the domain."""
    first = groups[0] if groups else names[0]
    sample = draw(study, [first], domain, in_groups=groups)
    common = {"outcome_label": "participants", "reliability": "ok"}
    rows = [{**common, "estimate": 1.0, "n": sample.size, "n_cases": sample.size}]
    if groups:
        rows += [{**common, **row} for row in _estimate_shares(sample, first)]
    found = make_result(sample, rows, groups, {"estimand": "people"}).rows(named=True)
    return found + (
        _missing_rows(_Description(study, first, (), "mean", domain, 0.95), groups) if groups else []
    )


def _estimate_shares(sample: Sample, group: str) -> list[Row]:
    column = sample.columns[group]
    require_levels(column)
    (found,), _ = averages(sample, sample.marks(group, column.levels), ())
    return [
        {
            "group": (level,),
            "estimate": float(found.means[k]),
            "std_error": sqrt(found.variance[k]) if 0 < found.cases[k] < found.n else None,
            "df": found.df,
            "n": int(found.cases[k]),
            "n_cases": int(found.cases[k]),
        }
        for k, level in enumerate(column.levels)
    ]


def _variable_rows(part: _Description, *, test: bool) -> list[Row]:
    column = read(part.study, [part.name])[part.name]
    how = ("korn-graubard", part.confidence)
    try:
        if column.continuous:
            rows = _number_rows(part)
        else:
            rows = part.both(
                lambda by: proportions(part.study, part.name, by, part.domain, how=how, every=True)
            )
    except EstimationError as error:  # No participant has a value: the table keeps its other variables.
        estimand = "mean" if column.continuous else "prevalence"
        return [_describe_failure(part, column, estimand, error), *_missing_rows(part, part.groups)]
    rows += _missing_rows(part, part.groups)
    return rows + (_test_rows(part, column) if test and part.groups else [])


def _describe_failure(part: _Description, column: Column, estimand: str, error: EstimationError) -> Row:
    return {
        "study": part.study.label,
        "domain": part.domain,
        "outcome": part.name,
        "outcome_label": column.variable.title,
        "estimand": estimand,
        "reliability": "failed",
        "reason": str(error),
    }


def _number_rows(part: _Description) -> list[Row]:
    options: dict[str, Any] = {"domain": part.domain, "confidence": part.confidence}
    rows: list[Row] = []
    if part.summary in ("mean", "both"):
        rows += part.both(lambda by: mean(part.study, part.name, by=by, **options))
        rows += part.both(lambda by: _standard_deviation(part, by))
    if part.summary in ("median", "both"):
        rows += part.both(lambda by: quantile(part.study, part.name, QUARTILES, by=by, **options))
    return rows


def _standard_deviation(part: _Description, by: tuple[str, ...]) -> Estimates:
    sample = draw(part.study, [part.name, *by], part.domain, by=by)
    column, numbers = sample.columns[part.name], sample.numbers(part.name)

    def estimate(group: Group, weights: Floats) -> tuple[float, Floats]:
        """Estimate the standard deviation, the root of R's svyvar."""
        size, values = float(weights.sum()) or 1.0, numbers[group.cells]
        corrected = group.n / (group.n - 1) if group.n > 1 else np.nan
        squares = corrected * np.square(values - weights @ values / size)
        variance = float(weights @ squares) / size
        point = sqrt(variance) if variance > 0 else variance
        return point, np.nan_to_num(weights * (squares - variance) / size / (2 * point or 1.0))

    members = count_groups(sample, by, ~np.isnan(numbers))
    points, variances, _ = estimate_groups(sample, members, estimate)
    rows = [
        _describe_deviation(sample, group, column, (float(p[0]), float(v[0])), part.confidence)
        for group, p, v in zip(members, points, variances, strict=True)
    ]
    return make_result(sample, rows, by, {"estimand": "standard_deviation", "conf_level": part.confidence})


def _describe_deviation(
    sample: Sample, group: Group, column: Column, found: tuple[float, float], confidence: float
) -> Row:
    row, (point, variance) = heading(group, column, column.variable.title), found
    if not group.n:
        return row
    if not np.isfinite(point):
        return {**row, "reason": "a single participant has no standard deviation"}
    low, high = intervals.around(point, sqrt(variance), group.df, confidence)
    verdict = judge_mean(point, variance, group.df, group.n)
    row |= {"estimate": point, **interval_columns(sqrt(variance), (max(low, 0.0), high), group.df, verdict)}
    values = sample.numbers(column.name)[group.counted]
    if values.min() == values.max():
        return constant({**row, "estimate": 0.0}, alike(column.name, group.n))
    return zero_variance(sample, group.counted, row, point)


def _missing_rows(part: _Description, groups: tuple[str, ...]) -> list[Row]:
    sample = draw(part.study, [part.name, *part.groups], part.domain, in_groups=part.groups)
    people = _select_with_reasons(part, sample)
    common = {"outcome": part.name, "outcome_label": sample.columns[part.name].variable.title}
    common |= {"reliability": "ok"}
    counted = _count_reasons(people, ()) + (_count_reasons(people, part.groups) if part.groups else [])
    rows = [{**common, **row} for row in counted]
    return make_result(sample, rows, groups, {"estimand": "missing"}).rows(named=True)


def _select_with_reasons(part: _Description, sample: Sample) -> pl.DataFrame:
    """Select the participants of the domain, with the reason of each missing value."""
    people = part.study.people
    found = index_participants(part.study, sample.weight).select(
        conditions.parse(part.domain).expression(people.schema).alias(_INSIDE),
        sample.columns[part.name].expression.is_null().alias(_MISSING),
        reason_for(part.name, people.columns).alias(_REASON),
        *(sample.columns[name].expression.cast(pl.String) for name in part.groups),
    )
    return found.filter(_INSIDE) if part.domain.strip() else found


def _count_reasons(people: pl.DataFrame, groups: tuple[str, ...]) -> list[Row]:
    """Count each reason within each group, the most frequent first."""
    known = people.drop_nulls(list(groups)) if groups else people
    sizes = {tuple(key): size for *key, size in known.group_by(*groups).len(_COUNT).rows()} if groups else {}
    counts = known.filter(_MISSING).group_by(*groups, _REASON).len(_COUNT)
    order = [*groups, _COUNT, _REASON]
    rows = []
    for *key, reason, count in counts.sort(order, descending=[name == _COUNT for name in order]).rows():
        size = sizes[tuple(key)] if groups else known.height
        own = {"level": reason, "level_label": reason, "n": size, "n_cases": count, "n_missing": count}
        rows.append({"group": tuple(key), **own, "estimate": count / size})
    return rows


def _test_rows(part: _Description, column: Column) -> list[Row]:
    (group,) = part.groups
    try:
        if not column.continuous:
            found = chi_square(part.study, part.name, group, domain=part.domain)
        elif part.summary == "median":
            found = rank_test(part.study, part.name, group, test="KruskalWallis", domain=part.domain)
        else:
            found = _test_of_means(part)
    except EstimationError as error:
        return [{**_describe_failure(part, column, "term", error), "exposure": group}]
    return [{**row, group: None} for row in found.rows(named=True)]


def _test_of_means(part: _Description) -> Estimates:
    (group,) = part.groups
    sample = draw(part.study, [part.name, group], part.domain, in_groups=part.groups)
    column, parted = sample.columns[part.name], sample.columns[group]
    (everyone,) = count_groups(sample, (), sample.complete())
    names, family = (part.name, group), FAMILIES["gaussian"]
    model = ModelSpec(sample, column, names, family, MainEffects((group,)))
    row = {
        **heading(everyone, column, column.variable.title, "wald"),
        "exposure": group,
        "exposure_label": parted.variable.label,
        "level_label": "Wald F",
        **compute_term_test(model, everyone, (group,), "wald"),
    }
    return make_result(sample, [row], (), {"estimand": "term"})


def _require_two_groups(study: Study, groups: tuple[str, ...]) -> None:
    levels = read(study, groups, groups)[groups[0]].levels if groups else ()
    if len(levels) != 2:
        named = f"by='{groups[0]}' has {len(levels)} levels" if groups else "by= names no variable"
        raise VariableError(
            f"A standardized mean difference compares two groups, and {named}. Choose a variable of two "
            "levels, merge levels with study.merge_levels(...), or use difference=False."
        )


def _difference_rows(part: _Description) -> list[Row]:
    """Compare the two groups of a variable; a variable that cannot be compared has a row with the reason."""
    column, (group,) = read(part.study, [part.name])[part.name], part.groups
    row: dict[str, Any] = {"study": part.study.label, "domain": part.domain, "outcome": part.name}
    row |= {"outcome_label": column.variable.title, "estimand": "standardized_mean_difference"}
    row |= {"exposure": group, "reliability": "ok"}
    how = ("korn-graubard", part.confidence)
    try:
        if column.continuous:
            own = mean(part.study, part.name, by=part.groups, domain=part.domain)
            means = own.rows(named=True)
            value = compare_means(means, _standard_deviation(part, part.groups).rows(named=True))
        else:
            own = proportions(part.study, part.name, part.groups, part.domain, how=how, every=True)
            first, second = own.partition_by(group, maintain_order=True)
            value = compare_prevalences(first.rows(named=True), second.rows(named=True))
    except EstimationError as error:
        return [row | {"reliability": "failed", "reason": str(error)}]
    row |= {"study": own["study"][0], "weight": own["weight"][0]}
    if not np.isfinite(value):
        return [row | {"reliability": "failed", "reason": "a group has no value or nothing varies"}]
    return [row | {"estimate": value, "scale": "identity"}]
