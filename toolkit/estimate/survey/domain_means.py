"""Average columns of values over groups of people: weighted means with their design-based covariance.

Takes a sample, cells x columns of values and the names of the groups' variables; gives a `Group` for each
combination of levels and the covariance matrix of all their means.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from scipy.special import logit

from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.design_effects import population
from toolkit.estimate.survey.groups import counts, groups
from toolkit.estimate.survey.linearization import Estimate, design_df, spread
from toolkit.estimate.survey.variance.linearized import Floats, replicate_covariance


@dataclass(frozen=True)
class Group:
    """The weighted means of one group of people."""

    # Of the `by` variables.
    levels: tuple[str, ...]
    # persons, counted: Persons in the group, and those of them with a value.
    persons: int
    counted: int
    # Persons that a missing value keeps out, one of `by` too.
    missing: int
    # population, df: The size of the population of those counted, see `design_effects`; degrees of freedom
    # of the group's PSUs.
    population: float
    df: int
    # means, spread, cases: For each column averaged the mean, the weighted variance between persons, the
    # sum over persons.
    means: Floats
    spread: Floats
    cases: Floats
    # For each column the design-based variance of the mean.
    variance: Floats
    # Why there is no mean although people have values; "" if there is one.
    lacking: str = ""
    # Kish's 1 + CV² of the weights that the mean is taken with.
    unequal: float = 1.0
    # Whether the mean is brought to the composition of a standard.
    standardised: bool = False
    # Those of the sample that are counted.
    cells: Mask = field(default_factory=lambda: np.empty(0, bool))
    # For each column the variance of its log odds over the replicate weights; None without them.
    log_odds_variance: Floats | None = None


def averages(sample: Sample, values: Floats, by: tuple[str, ...]) -> tuple[list[Group], Floats]:
    """Average columns of values within each group."""
    return averages_of(sample, values, list(groups(sample, by)), by)


def averages_of(
    sample: Sample,
    values: Floats,
    members: Sequence[tuple[tuple[str, ...], Mask]],
    by: tuple[str, ...] = (),
) -> tuple[list[Group], Floats]:
    """Average columns of values within groups that are given as names and marks on the cells."""
    there: Mask = np.asarray(~np.isnan(values).any(axis=1), bool)
    if not there.any():
        raise EstimationError(
            f"none of {sample.size:,} people in the domain has a value of {_quoted(sample, by)}. "
            f"Why: study.missing('{next(iter(sample.columns))}')."
        )
    filled = np.where(there[:, None], values, 0.0)
    parts = [_group(sample, filled, there, (by, levels), inside) for levels, inside in members]
    influence = np.hstack([own for _, own in parts])
    found = Estimate(np.concatenate([group.means for group, _ in parts]), influence, there)
    again = partial(_means_alone, filled, np.column_stack([inside & there for _, inside in members]))
    found, matrix = spread(sample, lambda _: found, again)
    odds = log_odds_variances(sample, found, len(parts))
    empty = np.repeat([group.counted == 0 for group, _ in parts], values.shape[1])
    matrix[empty] = matrix[:, empty] = np.nan
    own = matrix.diagonal().reshape(len(parts), -1)
    return [
        replace(group, variance=v, log_odds_variance=o)
        for (group, _), v, o in zip(parts, own, odds, strict=True)
    ], matrix


def log_odds_variances(sample: Sample, found: Estimate, groups: int) -> list[Floats | None]:
    """Give the variance of the log odds of means over the replicate weights, group by group."""
    replication = sample.units.replication
    if replication is None or found.replicates is None:
        return [None] * groups
    with np.errstate(all="ignore"):
        matrix = replicate_covariance(logit(found.replicates), logit(found.points), replication)
    return list(np.where(np.isfinite(matrix.diagonal()), matrix.diagonal(), np.nan).reshape(groups, -1))


def _means_alone(values: Floats, members: Mask, sample: Sample) -> Floats:
    weighted = np.where(members, sample.weights[:, None], 0.0)
    with np.errstate(invalid="ignore"):  # Nobody of a group may have a weight: its mean is then not known.
        means: Floats = (weighted.T @ values) / weighted.sum(axis=0)[:, None]
    return means.ravel()


def _quoted(sample: Sample, by: tuple[str, ...]) -> str:
    return " and ".join(f"'{name}'" for name in sample.columns if name not in by)


def _group(
    sample: Sample, values: Floats, there: Mask, group: tuple[tuple[str, ...], tuple[str, ...]], inside: Mask
) -> tuple[Group, Floats]:
    """Average the values of one group; the influence values of its means stand beside it."""
    counted = inside & there
    weights, persons = np.where(counted, sample.weights, 0.0), np.where(counted, sample.persons, 0)
    weight = float(weights.sum())
    means = weights @ values / (weight or np.nan)
    deviation = np.where(counted[:, None], values - means, 0.0)
    influence = deviation * weights[:, None] / (weight or 1.0)
    df = design_df(sample, inside)
    found = counts(sample, *group, counted)
    own = Group(
        levels=group[1],
        persons=int(sample.persons[inside].sum()),
        counted=found["n"],
        missing=found["n_missing"],
        population=population(sample, counted),
        df=df,
        means=means,
        spread=(deviation * influence).sum(axis=0),
        cases=persons @ values,
        variance=np.full_like(means, np.nan),
        unequal=float(persons.sum() * sample.squares[counted].sum() / weight**2) if weight else 1.0,
        cells=counted,
    )
    return own, influence
