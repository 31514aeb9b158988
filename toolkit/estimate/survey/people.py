"""Count the people of each group of an analysis, and start the rows that tell of them.

Takes a sample, the variables of the groups and the cells that have a value; gives `People`, one a group, and
the columns of a result row that do not depend on the estimator.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.groups import counts, groups
from toolkit.estimate.survey.linearization import design_df
from toolkit.estimate.survey.reliability import for_review
from toolkit.estimate.survey.roles import Column
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates, frame


@dataclass(frozen=True)
class People:
    """The people of one group."""

    # Of the `by` variables.
    levels: tuple[str, ...]
    # inside, counted: The cells of the group, and those of them with a value in every variable.
    inside: Mask
    counted: Mask
    # persons, n: Persons in these.
    persons: int
    n: int
    # Persons that a missing value keeps out, one of `by` too.
    missing: int
    # Degrees of freedom of the group's PSUs, those of persons without a value too.
    df: int


def people_of(sample: Sample, by: tuple[str, ...], there: Mask) -> list[People]:
    """Count the people of each group."""
    if not there.any():
        names = " and ".join(f"'{name}'" for name in sample.columns if name not in by)
        raise EstimationError(
            f"none of {sample.size:,} people in the domain has a value of {names}. "
            f"Why: study.missing('{next(iter(sample.columns))}')."
        )
    return [_people(sample, by, levels, inside & there, inside) for levels, inside in groups(sample, by)]


def _people(
    sample: Sample, by: tuple[str, ...], levels: tuple[str, ...], counted: Mask, inside: Mask
) -> People:
    persons, found = int(sample.persons[inside].sum()), counts(sample, by, levels, counted)
    df = design_df(sample, inside)
    return People(levels, inside, counted, persons, found["n"], found["n_missing"], df)


def stack(parts: Sequence[Floats]) -> Floats:
    """Put the influence values of groups beside one another."""
    return np.hstack([part if part.ndim == 2 else part[:, None] for part in parts])


def anyone(people: Sequence[People]) -> Mask:
    """Mark the cells that count in one group or another."""
    return np.asarray(np.any([group.counted for group in people], axis=0), bool)


def blanked(matrix: Floats, empty: Sequence[bool]) -> Floats:
    """Leave no covariance to rows that could not be estimated."""
    result, lost = matrix.copy(), np.asarray(empty, bool)
    result[lost] = result[:, lost] = np.nan
    return result


def heading(group: People, column: Column, label: str, level: str | None = None) -> dict[str, Any]:
    """Start a row: what is estimated and of how many, failed until an estimate is there."""
    return {
        "group": group.levels,
        "outcome": column.name,
        "outcome_label": label,
        "level": level,
        "level_label": level,
        "n": group.n,
        "n_missing": group.missing,
        "reliability": "failed",
        "reason": lacking(group, column.name),
    }


def lacking(group: People, name: str) -> str:
    """Say why a group has no estimate."""
    if group.persons:
        return f"none of {group.persons:,} people has a value of '{name}'"
    return f"nobody in the domain is {', '.join(group.levels)}"


def finite(number: float) -> float | None:
    """Give a number, or nothing where it is not finite."""
    return number if isfinite(number) else None


def result_of(
    sample: Sample,
    rows: Sequence[Mapping[str, Any]],
    by: tuple[str, ...],
    fixed: Mapping[str, Any],
    covariance: Floats | None = None,
) -> Estimates:
    """Make the result frame of rows that `heading` started; all of them have the columns `fixed`."""
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
