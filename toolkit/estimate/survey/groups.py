"""Divide the analytic sample into groups, estimate in each of them, and start their result rows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import isfinite
from typing import Any

import numpy as np
from scipy.special import stdtr

from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Sample, cells_of
from toolkit.estimate.survey.estimator_covariance import (
    Estimate,
    covariance_of_rows,
    replicate_points,
)
from toolkit.estimate.survey.intervals import Ends, around, exponential
from toolkit.estimate.survey.reliability import Verdict, for_review
from toolkit.estimate.survey.roles import Column, require_levels
from toolkit.estimate.survey.variance.design_variance import degrees_of_freedom
from toolkit.results import Estimates, Floats, Indices, Mask, frame

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

    @property
    def cells(self) -> slice | Indices:
        """The places of the cells counted; indexing with them copies nothing where these are all."""
        return cells_of(self.counted)


@dataclass(frozen=True)
class Division:
    """Groups of cells that do not overlap."""

    # For each group a level of each `by` variable, the empty groups too.
    levels: list[tuple[str, ...]]
    # For each cell the number of its group, -1 outside of all; None if the one group has every cell.
    number: Indices | None

    def places(self, sample: Sample) -> Indices:
        """Assign a number to each group and sampling unit, after those of cells that are in no group."""
        return sample.unit if self.number is None else (self.number + 1) * len(sample.units) + sample.unit

    def sums(self, sample: Sample, places: Indices, values: Any = None) -> Any:
        """Sum values, or count cells, by group and sampling unit (groups x units)."""
        outside, units = int(self.number is not None), len(sample.units)
        found = np.bincount(places, values, minlength=(len(self.levels) + outside) * units)
        return found.reshape(-1, units)[outside:]


# The estimates of a group, and the influence values of its counted cells, from the weights of these.
GroupEstimator = Callable[[Any, Floats], tuple[float | Floats, Floats]]


def divide_sample(sample: Sample, by: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mask]]:
    """Go through the combinations of levels, empty ones too; a missing level is in no group."""
    division = divide(sample, by)
    for place, levels in enumerate(division.levels):
        yield levels, mark_group(sample, division, place)


def mark_group(sample: Sample, division: Division, place: int) -> Mask:
    """Mark the cells of one group."""
    return np.ones(len(sample.unit), bool) if division.number is None else division.number == place


def divide(sample: Sample, by: tuple[str, ...]) -> Division:
    """Divide the cells by the combinations of levels of the `by` variables."""
    for name in by:
        require_levels(sample.columns[name])
    if not by:
        return Division([()], None)
    levels = [sample.columns[name].levels for name in by]
    codes = [sample.codes(name) for name in by]
    number = np.ravel_multi_index(codes, [len(own) for own in levels], mode="clip")
    for own in codes:
        if (own < 0).any():
            number[own < 0] = -1
    return Division(list(product(*levels)), number)


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
    return count_division(sample, by, divide(sample, by), known)


def require_values(sample: Sample, by: tuple[str, ...], known: Mask) -> None:
    """Raise if no cell has a value in every variable."""
    if not known.any():
        names = " and ".join(f"'{name}'" for name in sample.columns if name not in by)
        raise EstimationError(
            f"None of {sample.size:,} participants in the domain has a value of {names}. "
            f"See the reasons with study.missing('{next(iter(sample.columns))}')."
        )


def count_division(sample: Sample, by: tuple[str, ...], division: Division, known: Mask) -> list[Group]:
    """Count the participants of each group of a division in one pass."""
    places = division.places(sample)
    everyone = sample.everyone if division.number is None else None
    if everyone:
        persons = everyone.persons[None]
    else:
        persons = division.sums(sample, places, None if sample.squared is None else sample.persons)
    size, every = persons.sum(axis=1), bool(known.all())
    valued = size if every else division.sums(sample, places[known], sample.persons[known]).sum(axis=1)
    apart = division.number is None or (by and division.number.min() >= 0)
    found = []
    for place, levels in enumerate(division.levels):
        inside, n = mark_group(sample, division, place), round(valued[place])
        counted = inside if every else inside & known
        missing = size[place] - n if apart else counts(sample, by, levels, counted)["n_missing"]
        present = persons[place].nonzero()[0]
        df = everyone.df if everyone else degrees_of_freedom(present, sample.units)
        found.append(Group(levels, inside, counted, round(size[place]), n, round(missing), df))
    return found


def estimate_groups(
    sample: Sample, members: Sequence[Group], estimate: GroupEstimator
) -> tuple[Floats, Floats, Floats]:
    """Estimate in each group: points and variances (groups x parameters), and the joint covariance."""
    cells = [group.cells for group in members]

    def estimate_all(drawn: Sample) -> list[tuple[Floats, Floats]]:
        found = [estimate(group, drawn.weights[own]) for group, own in zip(members, cells, strict=True)]
        return [(np.atleast_1d(points), influence) for points, influence in found]

    found = estimate_all(sample)
    again = replicate_points(sample, lambda drawn: np.concatenate([own for own, _ in estimate_all(drawn)]))
    replicates = [None] * len(members) if again is None else np.hsplit(again, len(members))
    parts = [
        Estimate(points, influence.reshape(len(influence), len(points)), group.counted, own)
        for (points, influence), group, own in zip(found, members, replicates, strict=True)
    ]
    matrix = covariance_of_rows(sample, parts)
    points = np.stack([part.points for part in parts])
    return points, matrix.diagonal().reshape(points.shape), matrix


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
    shown = exponential if log else float
    statistic = point / std_error if std_error > 0 else None
    return {
        "estimate": shown(point),
        "std_error": std_error,
        "scale": "log" if log else "identity",
        "conf_low": finite(shown(low)),
        "conf_high": finite(shown(high)),
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
    # A variable of `by` may be named "group" itself.
    named = (
        {**common, **row, "group": None, **dict(zip(by, row.get("group", ()), strict=False))}
        for row in flagged
    )
    return frame(named, by, covariance)
