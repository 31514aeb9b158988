"""Describe people by many variables at once, overall and by the levels of one: the first table of a paper.

Takes a study, names of variables and one of groups; gives result rows that `show` sets as one table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any, Literal

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.descriptive.prevalences import mean, proportions
from toolkit.estimate.descriptive.quantiles import quantile
from toolkit.estimate.hypotheses.model_tests import tested
from toolkit.estimate.hypotheses.two_groups import rank_test
from toolkit.estimate.hypotheses.two_way_tables import chi_square
from toolkit.estimate.regression.formula.design_matrix import MainEffects
from toolkit.estimate.regression.likelihoods.glm import FAMILIES
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.domain_means import averages
from toolkit.estimate.survey.linearization import Estimate, spread
from toolkit.estimate.survey.people import People, anyone, finite, heading, people_of, result_of, stack
from toolkit.estimate.survey.reliability import judge_mean
from toolkit.estimate.survey.roles import Column, read
from toolkit.estimate.survey.sampling_units import skeleton_of
from toolkit.estimate.survey.unvarying import alike, constant, zero_variance
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.results import frame as result_frame
from toolkit.studies.study import Study
from toolkit.variables import conditions
from toolkit.variables.arguments import Names, as_names
from toolkit.variables.codebook import why

Summary = Literal["mean", "median", "both"]
QUARTILES = (0.25, 0.5, 0.75)
_SUMMARIES = ("mean", "median", "both")
_UNSAID = "no value recorded"
# Names that no variable has.
_LOST, _REASON, _INSIDE = ".lost", ".reason", ".inside"


@dataclass(frozen=True)
class _Asked:
    """One variable of the table: of whom, by which groups, summarised how."""

    study: Study
    name: str
    groups: tuple[str, ...]
    summary: Summary
    domain: str
    confidence: float

    def both(self, call: Callable[[tuple[str, ...]], pl.DataFrame]) -> list[dict[str, Any]]:
        """Run an estimator for everyone, and by groups."""
        rows = [{**row, **dict.fromkeys(self.groups)} for row in call(()).rows(named=True)]
        return rows + (call(self.groups).rows(named=True) if self.groups else [])


def describe(
    study: Study,
    variables: Names,
    *,
    by: Names = (),
    domain: str = "",
    numbers: Summary | Mapping[str, Summary] = "mean",
    test: bool = True,
    confidence: float = 0.95,
) -> Estimates:
    """Describe people by many variables, overall and by groups, with a test of difference: Table 1.

    Parameters
    ----------
    study
        The study.
    variables
        Numbers and variables of levels, in the order of the table.
    by
        One variable whose levels are the columns, an outcome or an exposure; none for one column.
    domain
        A condition such as "age >= 20"; null is outside.
    numbers
        How numbers are summarised: "mean" (with standard deviation and standard error), "median" (with
        quartiles) or "both"; or a mapping of those names to be summarised otherwise than by the mean.
    test
        Whether to test that the groups differ: Rao-Scott F for levels, a Wald F for means, Kruskal-Wallis for
        medians.
    confidence
        Of the intervals, between 0 and 1.

    Returns
    -------
    Estimates
        Result rows, which `tk.table(frame)` sets as one table. For everyone (`by` null) and each group
        "people" (n and weighted share); then for each variable "prevalence" of its levels, "mean" and
        "standard_deviation" or "quantile", "missing" by reason (n_cases is the number, estimate the share,
        unweighted), and a test. Each variable has the weight of its own component; people without a group are
        in the rows of everyone alone.

    Raises
    ------
    VariableError
        For an unknown variable, a `by` that makes no groups, or more than one.
    EstimationError
        If nobody is in the domain.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1, 0], "age": [30.0, 50.0, 70.0, 40.0]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="four people")
    >>> describe(mine, ("cramps", "age"))["estimand"].to_list()
    ['people', 'prevalence', 'mean', 'standard_deviation']
    """
    intervals.check_confidence(confidence)
    names, groups = as_names(variables, "variables"), _one_group(as_names(by, "by"))
    ways = _ways(names, numbers)
    domain = conditions.parse(domain).text
    rows = _people_rows(study, names, groups, domain)
    for name in names:
        if name not in groups:
            rows += _variable_rows(_Asked(study, name, groups, ways[name], domain, confidence), test=test)
    return result_frame(rows, groups)


def _one_group(by: tuple[str, ...]) -> tuple[str, ...]:
    if len(by) > 1:
        raise VariableError(
            f"a table has one variable across, not {len(by)}. Describe by '{by[0]}' within each level of "
            f"'{by[1]}': tk.describe(study, variables, by='{by[0]}', domain=\"{by[1]} == '...'\")."
        )
    return by


def _ways(names: Sequence[str], numbers: Summary | Mapping[str, Summary]) -> dict[str, Summary]:
    usual: Summary = numbers if isinstance(numbers, str) else "mean"
    chosen = {**dict.fromkeys(names, usual), **({} if isinstance(numbers, str) else numbers)}
    for name, way in chosen.items():
        if name not in names:
            raise VariableError(unknown("numbers= names what is not described:", name, names))
        if way not in _SUMMARIES:
            known = ", ".join(_SUMMARIES)
            raise EstimationError(unknown("there is no summary", str(way), _SUMMARIES, f"All: {known}"))
    return chosen


def _people_rows(
    study: Study, names: tuple[str, ...], groups: tuple[str, ...], domain: str
) -> list[dict[str, Any]]:
    """Count the people of each column, with their weighted share of the domain."""
    first = groups[0] if groups else names[0]
    sample = draw(study, [first], domain, in_groups=groups)
    common = {"outcome_label": "people", "reliability": "ok"}
    rows = [{**common, "estimate": 1.0, "n": sample.size, "n_cases": sample.size}]
    if groups:
        rows += [{**common, **row} for row in _shares(sample, first)]
    found = result_of(sample, rows, groups, {"estimand": "people"}).rows(named=True)
    return found + (_missing_rows(_Asked(study, first, (), "mean", domain, 0.95), groups) if groups else [])


def _shares(sample: Sample, group: str) -> list[dict[str, Any]]:
    """Estimate which share of the people each group is."""
    column = sample.columns[group]
    if column.continuous:
        raise VariableError(
            f"'{group}' is a number and makes no columns. Cut it first: study.derive('{group}_group', "
            f"'{group} >= ...')."
        )
    codes = sample.codes(group)
    marks = np.stack([codes == k for k in range(len(column.levels))], axis=1).astype(float)
    (found,), _ = averages(sample, np.where(codes[:, None] < 0, np.nan, marks), ())
    return [
        {
            "group": (level,),
            "estimate": float(found.means[k]),
            "std_error": sqrt(found.variance[k]) if 0 < found.cases[k] < found.counted else None,
            "df": found.df,
            "n": int(found.cases[k]),
            "n_cases": int(found.cases[k]),
        }
        for k, level in enumerate(column.levels)
    ]


def _variable_rows(asked: _Asked, *, test: bool) -> list[dict[str, Any]]:
    column = read(asked.study, [asked.name])[asked.name]
    try:
        rows = _number_rows(asked) if column.continuous else _level_rows(asked)
    except EstimationError as error:  # Nobody has a value: the rest of the table stands.
        estimand = "mean" if column.continuous else "prevalence"
        return [_failed(asked, column, estimand, error), *_missing_rows(asked, asked.groups)]
    rows += _missing_rows(asked, asked.groups)
    return rows + (_test_rows(asked, column) if test and asked.groups else [])


def _failed(asked: _Asked, column: Column, estimand: str, error: EstimationError) -> dict[str, Any]:
    return {
        "study": asked.study.label,
        "domain": asked.domain,
        "outcome": asked.name,
        "outcome_label": column.variable.title,
        "estimand": estimand,
        "reliability": "failed",
        "reason": str(error),
    }


def _level_rows(asked: _Asked) -> list[dict[str, Any]]:
    how = ("korn-graubard", asked.confidence)
    return asked.both(lambda by: proportions(asked.study, asked.name, by, asked.domain, how=how, every=True))


def _number_rows(asked: _Asked) -> list[dict[str, Any]]:
    """Summarise a number: mean and standard deviation, quartiles, or all of them."""
    options: dict[str, Any] = {"domain": asked.domain, "confidence": asked.confidence}
    rows: list[dict[str, Any]] = []
    if asked.summary in ("mean", "both"):
        rows += asked.both(lambda by: mean(asked.study, asked.name, by=by, **options))
        rows += asked.both(lambda by: _standard_deviation(asked, by))
    if asked.summary in ("median", "both"):
        rows += asked.both(lambda by: quantile(asked.study, asked.name, QUARTILES, by=by, **options))
    return rows


def _standard_deviation(asked: _Asked, by: tuple[str, ...]) -> pl.DataFrame:
    sample = draw(asked.study, [asked.name, *by], asked.domain, by=by)
    values = sample.numbers(asked.name)
    people = people_of(sample, by, ~np.isnan(values))
    found, matrix = spread(sample, partial(_deviations, values=np.nan_to_num(values), people=people))
    column = sample.columns[asked.name]
    rows = [
        _deviation_row(sample, group, column, (point, variance), asked.confidence)
        for group, point, variance in zip(people, found.points, matrix.diagonal(), strict=True)
    ]
    return result_of(sample, rows, by, {"estimand": "standard_deviation", "conf_level": asked.confidence})


def _deviations(sample: Sample, values: Floats, people: list[People]) -> Estimate:
    """Estimate the spread between persons, as the root of R's svyvar."""
    points, parts = [], []
    for group in people:
        weights = np.where(group.counted, sample.weights, 0.0)
        size = float(weights.sum()) or 1.0
        corrected = group.n / (group.n - 1) if group.n > 1 else np.nan
        squares = corrected * np.square(values - weights @ values / size)
        variance = float(weights @ squares) / size
        points.append(sqrt(variance) if variance > 0 else variance)
        influence = weights * (squares - variance) / size / (2 * points[-1] or 1.0)
        parts.append(np.nan_to_num(influence))
    return Estimate(np.array(points), stack(parts), anyone(people))


def _deviation_row(
    sample: Sample, group: People, column: Column, found: tuple[float, float], confidence: float
) -> dict[str, Any]:
    row = heading(group, column, column.variable.title)
    point, variance = (float(number) for number in found)
    if not np.isfinite(point) or not group.n:
        alone = "one person has no spread" if group.n else row["reason"]
        return {**row, "reason": alone}
    low, high = intervals.around(point, sqrt(variance), group.df, confidence)
    verdict = judge_mean(point, variance, group.df, group.n)
    row |= {
        "estimate": point,
        "std_error": sqrt(variance),
        "conf_low": finite(max(low, 0.0)),
        "conf_high": finite(high),
        "df": group.df,
        "reliability": verdict[0],
        "reason": verdict[1],
    }
    values = sample.numbers(column.name)[group.counted]
    if values.min() == values.max():
        return constant({**row, "estimate": 0.0}, alike(column.name, group.n))
    return zero_variance(sample, group.counted, row, point)


def _missing_rows(asked: _Asked, groups: tuple[str, ...]) -> list[dict[str, Any]]:
    """Count who has no value, by reason, for everyone and each group."""
    sample = draw(asked.study, [asked.name, *asked.groups], asked.domain, in_groups=asked.groups)
    people = _with_reasons(asked, sample)
    common = {"outcome": asked.name, "outcome_label": sample.columns[asked.name].variable.title}
    common |= {"reliability": "ok"}
    counted = _counted(people, ()) + (_counted(people, asked.groups) if asked.groups else [])
    rows = [{**common, **row} for row in counted]
    return result_of(sample, rows, groups, {"estimand": "missing"}).rows(named=True)


def _with_reasons(asked: _Asked, sample: Sample) -> pl.DataFrame:
    """Take the people of the domain, with the reason of each missing value."""
    people = asked.study.people
    given = why(asked.name)
    reason = pl.col(given).cast(pl.String) if given in people.columns else pl.lit(None, pl.String)
    found = skeleton_of(asked.study, sample.weight).select(
        conditions.parse(asked.domain).expression(people.schema).alias(_INSIDE),
        sample.columns[asked.name].expression.is_null().alias(_LOST),
        reason.fill_null(_UNSAID).alias(_REASON),
        *(sample.columns[name].expression.cast(pl.String) for name in asked.groups),
    )
    return found.filter(_INSIDE) if asked.domain.strip() else found


def _counted(people: pl.DataFrame, groups: tuple[str, ...]) -> list[dict[str, Any]]:
    """Count each reason within each group, the most frequent first."""
    known = people.drop_nulls(list(groups)) if groups else people
    sizes = {tuple(key): size for *key, size in known.group_by(*groups).len().rows()} if groups else {}
    counts = known.filter(_LOST).group_by(*groups, _REASON).len()
    order = [*groups, "len", _REASON]
    rows = []
    for *key, reason, count in counts.sort(order, descending=[name == "len" for name in order]).rows():
        size = sizes[tuple(key)] if groups else known.height
        own = {"level": reason, "level_label": reason, "n": size, "n_cases": count, "n_missing": count}
        rows.append({"group": tuple(key), **own, "estimate": count / size})
    return rows


def _test_rows(asked: _Asked, column: Column) -> list[dict[str, Any]]:
    """Test that groups differ; what cannot be tested says why."""
    (group,) = asked.groups
    try:
        if not column.continuous:
            found = chi_square(asked.study, asked.name, group, domain=asked.domain)
        elif asked.summary == "median":
            found = rank_test(asked.study, asked.name, group, test="KruskalWallis", domain=asked.domain)
        else:
            found = _test_of_means(asked)
    except EstimationError as error:
        return [{**_failed(asked, column, "term", error), "exposure": group}]
    return [{**row, group: None} for row in found.rows(named=True)]


def _test_of_means(asked: _Asked) -> Estimates:
    (group,) = asked.groups
    sample = draw(asked.study, [asked.name, group], asked.domain, in_groups=asked.groups)
    column, parted = sample.columns[asked.name], sample.columns[group]
    (people,) = people_of(sample, (), sample.complete())
    names, family = (asked.name, group), FAMILIES["gaussian"]
    model = ModelSpec(sample, column, names, family, MainEffects((group,)))
    row = {
        "outcome": asked.name,
        "outcome_label": column.variable.title,
        "exposure": group,
        "exposure_label": parted.variable.label,
        "level": "wald",
        "level_label": "Wald F",
        "n": people.n,
        "n_missing": people.missing,
    }
    own = tested(model, people, (group,), "wald")
    return result_of(sample, [{**row, **own}], (), {"estimand": "term"})
