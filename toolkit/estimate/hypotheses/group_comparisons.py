"""Compare a continuous or ordinal variable between groups: t-test (two groups), rank tests (two or more).

Method: linear regression on the level (svyttest) and regression of estimated rank scores (Lumley and Scott,
Biometrika 100 (2013) 831-842; svyranktest) of R's survey package.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
from scipy.special import fdtrc, ndtri

from toolkit.errors import EstimationError, VariableError, require_known
from toolkit.estimate.regression import FAMILIES, Analysis, MainEffects, ModelSpec, estimate, of_level
from toolkit.estimate.survey import (
    Column,
    Estimate,
    Group,
    Row,
    Sample,
    count_groups,
    design_df,
    draw,
    estimate_with_covariance,
    heading,
    judge_test,
    make_result,
    require_countable,
    require_levels,
    require_order,
    run_tests,
    t_columns,
    verdict_columns,
    wald,
)
from toolkit.results import Estimates, Floats
from toolkit.studies import Study
from toolkit.variables import Names, as_names, require_one_role, with_covariance, with_request


@with_covariance
def t_test(
    study: Study, variable: str, group: str, *, by: Names = (), domain: str = "", confidence: float = 0.95
) -> Estimates:
    """Test the difference in means between two groups (t-test).

    Parameters
    ----------
    study
        The study.
    variable
        A continuous variable, or one of two levels (the case counts 1).
    group
        A variable of two levels or codes; the mean of the reference is subtracted.
    by, domain
        As in `prevalence`.
    confidence
        Of the interval of the difference, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows, estimand "mean_difference": the difference with its interval, t in `statistic`, `df`
        (PSUs minus strata minus 1) and `p_value`.

    Raises
    ------
    VariableError
        If a variable is unknown, or the group does not have two levels.
    EstimationError
        If a group is empty or the design leaves no degrees of freedom.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"age": [30.0, 40.0, 50.0, 70.0], "cramps": [0, 0, 1, 1]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="four people")
    >>> round(t_test(mine, "age", "cramps")["estimate"].item(), 6)
    25.0
    """
    by = as_names(by, "by")
    require_one_role(variable=variable, group=group, by=by)
    sample = draw(study, [variable, group, *by], domain, in_groups=[group], by=by)
    parted, outcome = sample.columns[group], sample.columns[variable]
    if parted.continuous or len(parted.levels) != 2:
        kind = "continuous" if parted.continuous else f"categorical with {len(parted.levels)} levels"
        raise VariableError(
            f"'{group}' is {kind}, and a t-test compares two groups. For more groups, use "
            f"tk.rank_test(study, '{variable}', '{group}', test='KruskalWallis')."
        )
    require_countable(
        outcome,
        f"'{variable}' is categorical with {len(outcome.levels)} levels and has no mean. Use "
        f"tk.chi_square(study, '{variable}', '{group}') or tk.rank_test(study, '{variable}', '{group}').",
    )
    (level,) = parted.others
    predictors = MainEffects((group,))
    fitted = ModelSpec(sample, outcome, (variable, group), FAMILIES["gaussian"], predictors)
    shown = (of_level(parted.variable, level, parted.reference),)
    found = estimate(Analysis(fitted, by, "mean_difference", shown, confidence=confidence))
    return found.frame(outcome_label=outcome.variable.title)


Score = Callable[[Floats], Floats]
_RANKS: dict[str, tuple[str, Score]] = {
    "wilcoxon": ("Wilcoxon", lambda share: share),
    "KruskalWallis": ("Kruskal-Wallis", lambda share: share),
    "vanderWaerden": ("van der Waerden", lambda share: np.asarray(ndtri(share))),
    "median": ("median", lambda share: (share > 0.5).astype(float)),
}


@with_request
def rank_test(
    study: Study, variable: str, group: str, *, test: str = "wilcoxon", by: Names = (), domain: str = ""
) -> Estimates:
    """Test whether a continuous or ordinal variable tends to be higher in some groups (rank test).

    Parameters
    ----------
    study
        The study.
    variable
        A continuous or ordinal variable.
    group
        A categorical variable or codes.
    test
        "wilcoxon" or "KruskalWallis" (one test, for two and for more groups), "vanderWaerden" (normal scores)
        or "median".
    by, domain
        As in `prevalence`.

    Returns
    -------
    Estimates
        Result rows, estimand "rank_test". Of two groups: `estimate` is the difference in mean score against
        the reference, `statistic` its t with `df`; of more: `statistic` is an F with `df_numerator` and `df`.

    Raises
    ------
    VariableError
        If a variable is unknown, or the group is continuous.
    EstimationError
        If the test is unknown, or all participants are in one group.

    Notes
    -----
    A rank is the estimated share of the population below. Ties have the mean of their ranks in the order of
    the file, as in R; that order changes it by less than one participant's share.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"nights": [0.0, 2.0, 1.0, 5.0, 3.0, 6.0], "cramps": [0, 0, 0, 1, 1, 1]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="six people")
    >>> round(rank_test(mine, "nights", "cramps")["estimate"].item(), 6)
    0.5
    """
    require_known("Unknown rank test", test, _RANKS, "Use one of")
    by = as_names(by, "by")
    require_one_role(variable=variable, group=group, by=by)
    sample, column = _draw_in_rows(study, variable, group, by, domain)
    values, parted = sample.numbers(column.name), sample.columns[group]
    require_levels(parted)

    def start(one: Group) -> Row:
        row = heading(one, parted, column.variable.title, test)
        row |= {"outcome": variable, "level_label": _RANKS[test][0]}
        return row | {"exposure": group, "exposure_label": parted.variable.label}

    members = count_groups(sample, by, sample.complete([column.name, group]))
    rows = run_tests(members, start, lambda one: _test_ranks(sample, one, (values, parted), test))
    return make_result(sample, rows, by, {"estimand": "rank_test"})


def _draw_in_rows(
    study: Study, variable: str, group: str, by: tuple[str, ...], domain: str
) -> tuple[Sample, Column]:
    """Draw participants one by one, because their order decides the ranks of ties."""
    sample = draw(study, [variable, group, *by], domain, in_groups=[group], by=by, aggregate=False)
    column = sample.columns[variable]
    if column.continuous:
        return sample, column
    require_order(column, "A rank test")
    rank = column.expression.to_physical().cast(pl.Float64)
    ranked = study.derive(_RANK, rank, label=column.variable.label)
    sample = draw(ranked, [_RANK, group, *by], domain, in_groups=[group], by=by, aggregate=False)
    return sample, sample.columns[_RANK]


_RANK = "rank_of_level"


def _test_ranks(sample: Sample, group: Group, over: tuple[Floats, Column], test: str) -> Row:
    values, parted = over
    codes = np.where(group.counted, sample.codes(parted.name), -1)
    present = sorted(np.unique(codes[codes >= 0]), key=lambda k: parted.levels[k] != parted.reference)
    if len(present) < 2:
        raise EstimationError(
            f"All {group.n:,} participants with a value are in one group of '{parted.name}', so there is "
            "nothing to compare. Use a wider domain."
        )
    seen = values[group.counted]
    if seen.min() == seen.max():
        raise EstimationError(
            f"All {group.n:,} participants have the same value, so there is nothing to compare. Use a wider "
            "domain."
        )
    scores = _score(values, sample.weights, group, _RANKS[test][1])
    marks = np.stack([codes == k for k in present], axis=1).astype(float)
    estimate = partial(_estimate_differences, scores=scores, marks=marks, counted=group.counted)
    df = design_df(sample, group.counted)
    found, matrix = estimate_with_covariance(sample, estimate)
    compare = _compare_two if len(present) == 2 else _compare_more
    return {**compare(found.points, matrix, df), **verdict_columns(judge_test(df))}


def _score(values: Floats, weights: Floats, group: Group, score: Score) -> Floats:
    """Score the estimated share of the population below each participant."""
    x, w = values[group.counted], weights[group.counted]
    order = np.argsort(x, kind="stable")
    middle = np.cumsum(w[order]) - w[order] / 2
    _, tie = np.unique(x[order], return_inverse=True)
    shares = np.empty(len(x))
    shares[order] = (np.bincount(tie, middle) / np.bincount(tie))[tie] / w.sum()
    result = np.zeros(len(values))
    result[group.counted] = score(shares)
    return result


def _estimate_differences(sample: Sample, scores: Floats, marks: Floats, counted: Any) -> Estimate:
    """Estimate the difference of the mean score of each group from the first."""
    weights = np.where(counted, sample.weights, 0.0)
    own = marks * weights[:, None]
    means = scores @ own / own.sum(axis=0)
    influence = own * (scores[:, None] - means) / own.sum(axis=0)
    return Estimate(means[1:] - means[0], influence[:, 1:] - influence[:, :1], counted)


def _compare_two(points: Floats, matrix: Floats, df: int) -> Row:
    wald(points, matrix)
    std_error, confidence = sqrt(float(matrix[0, 0])), 0.95
    found = t_columns(float(points[0]), std_error, _subtract_df(df, 1), confidence)
    return {**found, "conf_level": confidence}


def _subtract_df(df: int, used: int) -> int:
    if df <= used:
        raise EstimationError(
            f"{used + 1} groups cannot be compared with {df} degrees of freedom of the design. Merge levels, "
            "or use a wider domain."
        )
    return df - used


def _compare_more(points: Floats, matrix: Floats, df: int) -> Row:
    first = len(points)
    f, left = wald(points, matrix) / first, _subtract_df(df, first)
    return {"statistic": f, "df_numerator": first, "df": left, "p_value": float(fdtrc(first, left, f))}
