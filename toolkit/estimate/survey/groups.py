"""Divide the analytic sample into groups, estimate in each of them, and start their result rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import Any

import numpy as np
from scipy.special import stdtr

from toolkit.errors import EstimationError, VariableError
from toolkit.estimate.survey.analysis_sample import Sample
from toolkit.estimate.survey.estimator_covariance import Estimate, design_df, estimate_with_covariance
from toolkit.estimate.survey.intervals import Ends, around
from toolkit.estimate.survey.reliability import Verdict, for_review
from toolkit.estimate.survey.roles import Column, require_levels
from toolkit.results import SCHEMA, Estimates, Floats, Mask, frame

Row = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """The participants of one combination of levels of the `by` variables."""

    levels: tuple[str, ...]
    # inside, counted: the cells of the group, and those with a value in every variable of the estimate.
    inside: Mask
    counted: Mask
    # persons, n: participants in these.
    persons: int
    n: int
    # Participants excluded for a missing value, in one of `by` too.
    missing: int
    # Degrees of freedom of the group's PSUs, those without a value included.
    df: int


# The estimates of one group with the influence values of the cells, from the weights of its counted cells.
GroupEstimator = Callable[[Any, Floats], tuple[float | Floats, Floats]]


def divide_sample(sample: Sample, by: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mask]]:
    """Go through the combinations of levels, empty ones too; a missing level is in no group."""
    for name in by:
        require_levels(sample.columns[name])
        if name in SCHEMA:
            raise VariableError(
                f"'{name}' is also a column of every result, so it cannot name the groups. Use another name: "
                f"study.derive('{name}_group', pl.col('{name}'), levels=[..])."
            )
    codes = [sample.codes(name) for name in by]
    for levels in product(*(enumerate(sample.columns[name].levels) for name in by)):
        inside = np.ones(len(sample.unit), bool)
        for (position, _), own in zip(levels, codes, strict=True):
            inside &= own == position
        yield tuple(level for _, level in levels), inside


def counts(sample: Sample, by: tuple[str, ...], levels: tuple[str, ...], counted: Mask) -> dict[str, int]:
    """Count a group's participants in the analysis, `n`, and those excluded for missing values, `n_missing`.

    Participants without a value of `by` who may belong to the group are missing there, so that everyone in
    the domain is counted somewhere, and `n_missing` of several groups does not add up.
    """
    possible = np.ones(len(sample.unit), bool)
    for name, level in zip(by, levels, strict=True):
        codes = sample.codes(name)
        possible &= (codes == sample.columns[name].levels.index(level)) | (codes < 0)
    n = int(sample.persons[counted].sum())
    return {"n": n, "n_missing": int(sample.persons[possible].sum()) - n}


def count_groups(sample: Sample, by: tuple[str, ...], known: Mask) -> list[Group]:
    """Count the participants of each group; `known` marks the cells with a value in every variable."""
    require_values(sample, by, known)
    return [count_group(sample, by, levels, inside, known) for levels, inside in divide_sample(sample, by)]


def require_values(sample: Sample, by: tuple[str, ...], known: Mask) -> None:
    """Raise if no cell has a value in every variable."""
    if not known.any():
        names = " and ".join(f"'{name}'" for name in sample.columns if name not in by)
        raise EstimationError(
            f"None of {sample.size:,} participants in the domain has a value of {names}. "
            f"See the reasons with study.missing('{next(iter(sample.columns))}')."
        )


def count_group(
    sample: Sample, by: tuple[str, ...], levels: tuple[str, ...], inside: Mask, known: Mask
) -> Group:
    """Count the participants of one group."""
    counted = inside & known
    found = counts(sample, by, levels, counted)
    persons, df = int(sample.persons[inside].sum()), design_df(sample, inside)
    return Group(levels, inside, counted, persons, found["n"], found["n_missing"], df)


def estimate_groups(
    sample: Sample, members: Sequence[Group], estimate: GroupEstimator
) -> tuple[Floats, Floats, Floats]:
    """Estimate in each group: points and variances (groups x parameters), and the joint covariance."""

    def estimate_all(drawn: Sample) -> Estimate:
        found = [estimate(group, np.where(group.counted, drawn.weights, 0.0)) for group in members]
        points, influence = np.hstack([own for own, _ in found]), np.column_stack([own for _, own in found])
        return Estimate(points, influence, counted_in_any(members))

    found, matrix = estimate_with_covariance(sample, estimate_all)
    points, variances = (x.reshape(len(members), -1) for x in (found.points, matrix.diagonal()))
    return points, variances, matrix


def counted_in_any(members: Sequence[Group]) -> Mask:
    """Mark the cells that count in any group."""
    return np.asarray(np.any([group.counted for group in members], axis=0), bool)


def run_tests(
    members: Sequence[Group], heading: Callable[[Group], Row], test: Callable[[Group], Mapping[str, Any]]
) -> list[Row]:
    """Test in each group of `by`; one that cannot be tested is a failed row, without groups an error."""
    rows = []
    for group in members:
        row = heading(group)
        if group.n:
            try:
                row |= test(group)
            except EstimationError as error:
                if not group.levels:
                    raise
                row |= {"reliability": "failed", "reason": str(error)}
        rows.append(row)
    return rows


def blank_covariance(matrix: Floats, empty: Sequence[bool]) -> Floats:
    """Set the covariance of rows without an estimate to NaN."""
    result, lost = matrix.copy(), np.asarray(empty, bool)
    result[lost] = result[:, lost] = np.nan
    return result


def heading(group: Group, column: Column, label: str, level: str | None = None) -> Row:
    """Start a row: what is estimated and its counts, failed until an estimate is there."""
    return {
        "group": group.levels,
        "outcome": column.name,
        "outcome_label": label,
        "level": level,
        "level_label": level,
        "n": group.n,
        "n_missing": group.missing,
        "reliability": "failed",
        "reason": explain_missing(group, column.name),
    }


def explain_missing(group: Group, name: str) -> str:
    """Give the reason why a group has no estimate."""
    if group.persons:
        return f"none of {group.persons:,} participants has a value of '{name}'"
    return f"no participant in the domain is in the group {', '.join(group.levels)}"


def interval_columns(std_error: float, ends: Ends, df: float, verdict: Verdict) -> Row:
    """Give the columns of uncertainty and reliability of a row."""
    return {
        "std_error": std_error,
        "conf_low": finite(ends[0]),
        "conf_high": finite(ends[1]),
        "df": df,
        **verdict_columns(verdict),
    }


def t_columns(point: float, std_error: float, df: float, confidence: float, *, log: bool = False) -> Row:
    """Give estimate, error, t interval and t test of a point on the scale of its standard error."""
    low, high = around(point, std_error, df, confidence)
    shown = np.exp if log else float
    statistic = point / std_error if std_error > 0 else None
    return {
        "estimate": float(shown(point)),
        "std_error": std_error,
        "scale": "log" if log else "identity",
        "conf_low": float(shown(low)),
        "conf_high": float(shown(high)),
        "statistic": statistic,
        "p_value": None if statistic is None else 2 * float(stdtr(df, -abs(statistic))),
        "df": df,
    }


def verdict_columns(verdict: Verdict) -> Row:
    """Give the columns of reliability of a row."""
    return {"reliability": verdict[0], "reason": verdict[1]}


def finite(number: float) -> float | None:
    """Give a number, or None where it is not finite."""
    return number if isfinite(number) else None


def make_result(
    sample: Sample,
    rows: Sequence[Mapping[str, Any]],
    by: tuple[str, ...],
    fixed: Mapping[str, Any],
    covariance: Floats | None = None,
) -> Estimates:
    """Make the result of rows that `heading` started; all of them have the columns `fixed`."""
    common = {
        "study": sample.label,
        "domain": sample.domain,
        "scale": "identity",
        "weight": sample.weight.component,
        "variance": sample.units.method,
        **fixed,
    }
    flagged = (for_review(row, sample.review, sample.unfit) for row in rows)
    named = ({**common, **row, **dict(zip(by, row.get("group", ()), strict=False))} for row in flagged)
    return frame(named, by, covariance)
