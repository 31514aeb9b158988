"""Compare a number between groups: t-test and rank tests that count the design.

Takes a study, a number and a variable of levels; gives result rows, one a group of `by`.
Method: linear regression on the level (svyttest) and regression of estimated rank scores (Lumley and Scott,
Biometrika 100 (2013) 831-842; svyranktest) of R's survey package.
"""

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
import polars as pl
from scipy.special import fdtrc, ndtri, stdtr

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.regression.coefficient_rows import Analysis
from toolkit.estimate.regression.formula.design_matrix import MainEffects, of_level
from toolkit.estimate.regression.likelihoods.glm import FAMILIES
from toolkit.estimate.regression.model_estimates import estimate
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw
from toolkit.estimate.survey.distributions import wald
from toolkit.estimate.survey.linearization import Estimate, design_df, spread
from toolkit.estimate.survey.people import People, heading, people_of, result_of
from toolkit.estimate.survey.reliability import judge_test
from toolkit.estimate.survey.roles import Column, require_countable, require_order
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, require_one_role, with_covariance


@with_covariance
def t_test(
    study: Study,
    variable: str,
    group: str,
    *,
    by: Names = (),
    domain: str = "",
    confidence: float = 0.95,
) -> Estimates:
    """Test whether the mean of a number differs between two groups.

    Parameters
    ----------
    study
        The study.
    variable
        A number, or a variable of two levels (the case counts 1).
    group
        A variable of two levels or codes; the reference is subtracted.
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
        For an unknown variable, or a group of more or fewer than two levels.
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
    parted = _of_two_levels(sample.columns[group])
    _require_mean(sample.columns[variable])
    level = next(level for level in parted.levels if level != parted.reference)
    names, family = (variable, group), FAMILIES["gaussian"]
    fitted = ModelSpec(sample, sample.columns[variable], names, family, MainEffects((group,)))
    shown = (of_level(parted.variable, level, parted.reference),)
    found = estimate(Analysis(fitted, by, "mean_difference", shown, confidence=confidence))
    return found.frame(outcome_label=sample.columns[variable].variable.title)


def _of_two_levels(column: Column) -> Column:
    if column.continuous or len(column.levels) != 2:
        kind = "a number" if column.continuous else f"a category of {len(column.levels)} levels"
        raise VariableError(
            f"'{column.name}' is {kind}, and a t-test compares two groups. Of more groups: "
            f"tk.rank_test(study, variable, '{column.name}', test='KruskalWallis')."
        )
    return column


def _require_mean(column: Column) -> None:
    require_countable(
        column,
        f"'{column.name}' has {len(column.levels)} levels and no mean. Compare its levels: "
        f"tk.chi_square(study, '{column.name}', ...), or tk.rank_test(study, '{column.name}', ...).",
    )


Score = Callable[[Floats], Floats]
_RANKS: dict[str, tuple[str, Score]] = {
    "wilcoxon": ("Wilcoxon", lambda share: share),
    "KruskalWallis": ("Kruskal-Wallis", lambda share: share),
    "vanderWaerden": ("van der Waerden", lambda share: np.asarray(ndtri(share))),
    "median": ("median", lambda share: (share > 0.5).astype(float)),
}


def rank_test(
    study: Study,
    variable: str,
    group: str,
    *,
    test: str = "wilcoxon",
    by: Names = (),
    domain: str = "",
) -> Estimates:
    """Test whether a number or an ordered variable tends to be higher in one group than in others.

    Parameters
    ----------
    study
        The study.
    variable
        A number, or a variable whose levels stand in order.
    group
        A variable with levels or codes.
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
        For an unknown variable, or a group that is a number.
    EstimationError
        For an unknown test, and if all people are in one group.

    Notes
    -----
    A rank is the share of people estimated to lie below. Equal values take the mean of the ranks that they
    would have in the order of the file, as in R; that order moves it by less than one person's share.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"nights": [0.0, 2.0, 1.0, 5.0, 3.0, 6.0], "cramps": [0, 0, 0, 1, 1, 1]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="six people")
    >>> round(rank_test(mine, "nights", "cramps")["estimate"].item(), 6)
    0.5
    """
    if test not in _RANKS:
        raise EstimationError(unknown("there is no rank test", test, _RANKS, f"All: {', '.join(_RANKS)}"))
    by = as_names(by, "by")
    require_one_role(variable=variable, group=group, by=by)
    sample, column = _in_rows(study, variable, group, by, domain)
    values, parted = sample.numbers(column.name), sample.columns[group]
    if parted.continuous:
        raise VariableError(
            f"'{group}' is a number and makes no groups. Cut it first: study.derive('{group}_group', "
            f"'{group} >= ...')."
        )
    people = people_of(sample, by, sample.complete([column.name, group]))
    rows = [_rank_row(sample, one, (values, parted), test, alone=not by) for one in people]
    named = {"outcome": variable, "outcome_label": column.variable.title}
    return result_of(sample, [{**row, **named} for row in rows], by, {"estimand": "rank_test"})


def _in_rows(
    study: Study, variable: str, group: str, by: tuple[str, ...], domain: str
) -> tuple[Sample, Column]:
    """Draw people one by one: in cells their order, which ranks of ties hang on, would be lost."""
    sample = draw(study, [variable, group, *by], domain, in_groups=[group], by=by)
    column = sample.columns[variable]
    if column.continuous:
        return sample, column
    require_order(column, "A rank test")
    place = column.expression.to_physical().cast(pl.Float64)
    ranked = study.derive(_PLACE, place, label=column.variable.label)
    sample = draw(ranked, [_PLACE, group, *by], domain, in_groups=[group], by=by)
    return sample, sample.columns[_PLACE]


_PLACE = "place_among_levels"


def _rank_row(
    sample: Sample, group: People, over: tuple[Floats, Column], test: str, *, alone: bool
) -> dict[str, Any]:
    values, parted = over
    row = heading(group, parted, "", test)
    row |= {"exposure": parted.name, "exposure_label": parted.variable.label, "level_label": _RANKS[test][0]}
    codes = np.where(group.counted, sample.codes(parted.name), -1)
    present = sorted(np.unique(codes[codes >= 0]), key=lambda k: parted.levels[k] != parted.reference)
    if len(present) < 2:
        reason = (
            f"all {group.n:,} persons with a value are in one group of '{parted.name}'"
            if group.n
            else row["reason"]
        )
        if alone:
            raise EstimationError(f"{reason}: there is nothing to compare. Widen the domain.")
        return {**row, "reason": reason}
    seen = values[group.counted]
    if seen.min() == seen.max():
        reason = f"all {group.n:,} persons have the same value, so that it does not vary"
        if alone:
            raise EstimationError(f"{reason} and there is nothing to compare. Widen the domain.")
        return {**row, "reason": reason}
    scores = _scores(values, sample.weights, group, _RANKS[test][1])
    marks = np.stack([codes == k for k in present], axis=1).astype(float)
    estimate = partial(_differences, scores=scores, marks=marks, counted=group.counted)
    df = design_df(sample, group.counted)
    verdict = judge_test(df)
    tested = _t_of_two if len(present) == 2 else _f_of_more
    try:
        found, matrix = spread(sample, estimate)
        tests = tested(found.points, matrix, df)
    except EstimationError as error:
        if alone:
            raise
        return {**row, "reason": str(error)}
    return {**row, **tests, "reliability": verdict[0], "reason": verdict[1]}


def _scores(values: Floats, weights: Floats, group: People, score: Score) -> Floats:
    """Give each person the score of the estimated share of people below."""
    x, w = values[group.counted], weights[group.counted]
    order = np.argsort(x, kind="stable")
    middle = np.cumsum(w[order]) - w[order] / 2
    _, tie = np.unique(x[order], return_inverse=True)
    shares = np.empty(len(x))
    shares[order] = (np.bincount(tie, middle) / np.bincount(tie))[tie] / w.sum()
    result = np.zeros(len(values))
    result[group.counted] = score(shares)
    return result


def _differences(sample: Sample, scores: Floats, marks: Floats, counted: Any) -> Estimate:
    """Estimate the mean score of each group less that of the first."""
    weights = np.where(counted, sample.weights, 0.0)
    own = marks * weights[:, None]
    means = scores @ own / own.sum(axis=0)
    influence = own * (scores[:, None] - means) / own.sum(axis=0)
    return Estimate(means[1:] - means[0], influence[:, 1:] - influence[:, :1], counted)


def _t_of_two(points: Floats, matrix: Floats, df: int) -> dict[str, Any]:
    wald(points, matrix)
    point, std_error = float(points[0]), sqrt(float(matrix[0, 0]))
    statistic, left = point / std_error, _left(df, 1)
    low, high = intervals.around(point, std_error, left)
    return {
        "estimate": point,
        "std_error": std_error,
        "conf_low": low,
        "conf_high": high,
        "conf_level": 0.95,
        "statistic": statistic,
        "df": left,
        "p_value": 2 * float(stdtr(left, -abs(statistic))),
    }


def _left(df: int, used: int) -> int:
    if df <= used:
        raise EstimationError(
            f"{used + 1} groups cannot be compared on {df} degrees of freedom of the design: the test has "
            "none left. Merge levels, or widen the domain."
        )
    return df - used


def _f_of_more(points: Floats, matrix: Floats, df: int) -> dict[str, Any]:
    first = len(points)
    f, left = wald(points, matrix) / first, _left(df, first)
    return {"statistic": f, "df_numerator": first, "df": left, "p_value": float(fdtrc(first, left, f))}
