"""Compute weighted means in groups with their design-based covariance, crude or directly standardized.

Standardization is within the domain, to fixed shares; its variance is that of svystandardize of R's survey
package, excluding missing values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import logit

from toolkit.errors import EstimationError, require_known
from toolkit.estimate.survey.analysis_sample import Sample
from toolkit.estimate.survey.estimator_covariance import Estimate, estimate_with_covariance, population_size
from toolkit.estimate.survey.groups import (
    Group,
    blank_covariance,
    count_group,
    count_groups,
    counted_in_any,
    divide_sample,
    require_values,
)
from toolkit.estimate.survey.standard_populations import Standard
from toolkit.estimate.survey.variance.design_variance import replicate_covariance
from toolkit.results import Floats, Indices, Mask


@dataclass(frozen=True)
class GroupMeans(Group):
    """The weighted means of a group: one number per column averaged."""

    # Size of the population of those counted, see `population_size`.
    population: float
    means: Floats
    # The weighted variance between participants, and the sum over participants.
    between: Floats
    cases: Floats
    # The design-based variance of the mean.
    variance: Floats
    # Why there is no mean although participants have values; "" if there is one.
    lacking: str = ""
    # Kish's 1 + CV² of the weights that the mean is taken with.
    unequal: float = 1.0
    standardized: bool = False
    # The variance of the log odds over the replicate weights; None without them.
    log_odds_variance: Floats | None = None


def averages(sample: Sample, values: Floats, by: tuple[str, ...]) -> tuple[list[GroupMeans], Floats]:
    """Average columns (cells x columns) in each group; a cell with NaN in any column is missing in all."""
    return averages_of(sample, values, list(divide_sample(sample, by)), by)


def averages_of(
    sample: Sample, values: Floats, members: Sequence[tuple[tuple[str, ...], Mask]], by: tuple[str, ...] = ()
) -> tuple[list[GroupMeans], Floats]:
    """Average columns of values in groups that are given as names and marks on the cells."""
    known: Mask = np.asarray(~np.isnan(values).any(axis=1), bool)
    require_values(sample, by, known)
    filled = np.where(known[:, None], values, 0.0)
    parts = [_average(sample, filled, count_group(sample, by, *member, known)) for member in members]
    influence = np.hstack([own for _, own in parts])
    found = Estimate(np.concatenate([group.means for group, _ in parts]), influence, known)
    again = partial(_weighted_means, filled, np.column_stack([group.counted for group, _ in parts]))
    found, matrix = estimate_with_covariance(sample, lambda _: found, again)
    matrix = blank_covariance(
        matrix, np.repeat([not group.n for group, _ in parts], values.shape[1]).tolist()
    )
    return _with_variances(sample, [group for group, _ in parts], found, matrix), matrix


def _average(sample: Sample, values: Floats, group: Group) -> tuple[GroupMeans, Floats]:
    """Average the values of one group, with the influence values of its means."""
    counted = group.counted
    weights, persons = np.where(counted, sample.weights, 0.0), np.where(counted, sample.persons, 0)
    weight = float(weights.sum())
    means = weights @ values / (weight or np.nan)
    deviation = np.where(counted[:, None], values - means, 0.0)
    influence = deviation * weights[:, None] / (weight or 1.0)
    own = GroupMeans(
        **vars(group),
        population=population_size(sample, counted),
        means=means,
        between=(deviation * influence).sum(axis=0),
        cases=persons @ values,
        variance=np.full_like(means, np.nan),
        unequal=float(persons.sum() * sample.squares[counted].sum() / weight**2) if weight else 1.0,
    )
    return own, influence


def _weighted_means(values: Floats, members: Mask, sample: Sample) -> Floats:
    weighted = np.where(members, sample.weights[:, None], 0.0)
    # In a replicate a group may have no weight; its mean is then NaN.
    with np.errstate(invalid="ignore"):
        means: Floats = (weighted.T @ values) / weighted.sum(axis=0)[:, None]
    return means.ravel()


def _with_variances(
    sample: Sample, means: Sequence[GroupMeans], found: Estimate, matrix: Floats
) -> list[GroupMeans]:
    """Add to each mean its variance, and with replicate weights that of its log odds."""
    variances = matrix.diagonal().reshape(len(means), -1)
    replication, odds = sample.units.replication, None
    if replication is not None and found.replicates is not None:
        with np.errstate(all="ignore"):
            own = replicate_covariance(logit(found.replicates), logit(found.points), replication).diagonal()
        # NaN where a replicate has a share of 0 or 1.
        odds = np.where(np.isfinite(own), own, np.nan).reshape(len(means), -1)
    return [
        replace(group, variance=variances[i], log_odds_variance=None if odds is None else odds[i])
        for i, group in enumerate(means)
    ]


@dataclass(frozen=True)
class _Composition:
    """The stratum of the standard of each cell (-1 if missing), and the shares of the strata."""

    names: tuple[str, ...]
    stratum: Indices
    shares: Floats


def standardized_averages(
    sample: Sample, values: Floats, by: tuple[str, ...], standard: Standard
) -> tuple[list[GroupMeans], Floats]:
    """Average columns of values in each group, weighted to the standard; no mean where it lacks a stratum."""
    composition = _compose(sample, standard)
    members = count_groups(sample, by, ~np.isnan(values).any(axis=1) & (composition.stratum >= 0))
    lacking = [_find_empty_stratum(group, composition) for group in members]
    filled = np.nan_to_num(values)

    def estimate(drawn: Sample) -> Estimate:
        found = [
            _standardize(drawn, filled, group.counted & (not why), composition)
            for group, why in zip(members, lacking, strict=True)
        ]
        points, influence = np.concatenate([p for p, _ in found]), np.hstack([own for _, own in found])
        return Estimate(points, influence, counted_in_any(members))

    found, matrix = estimate_with_covariance(sample, estimate)
    empty = np.repeat(
        [bool(why) or not group.n for group, why in zip(members, lacking, strict=True)], values.shape[1]
    )
    matrix = blank_covariance(matrix, empty.tolist())
    points = np.where(empty, np.nan, found.points).reshape(len(members), -1)
    means = [
        _describe_standardized(sample, group, filled, points[i], (composition, lacking[i]))
        for i, group in enumerate(members)
    ]
    return _with_variances(sample, means, found, matrix), matrix


def _compose(sample: Sample, standard: Standard) -> _Composition:
    stratum = _place_in_bands(sample, standard) if standard.starts else _place_in_levels(sample, standard)
    names = tuple(", ".join(key) for key in standard.shares)
    seen = np.bincount(stratum[stratum >= 0], minlength=len(names))
    absent = [name for name, cells in zip(names, seen, strict=True) if not cells]
    if absent:
        kept = [b for b, key in zip(standard.starts, standard.shares, strict=False) if key[0] not in absent]
        narrower = f"tk.standard(..., bands=({', '.join(f'{start:g}' for start in kept)}))"
        raise EstimationError(
            f"No participant in the domain is in '{absent[0]}', which the standard weights. Leave it out "
            "with "
            f"{narrower if standard.starts else 'standardize={...} and the levels that participants have'}."
        )
    return _Composition(names, stratum, np.array(list(standard.shares.values())))


def _place_in_bands(sample: Sample, standard: Standard) -> Indices:
    (name,) = standard.variables
    if not sample.columns[name].continuous:
        raise EstimationError(
            f"'{name}' is categorical, and the {standard.label} has bands of years. Name the age in years "
            f"with tk.standard(..., variable='age'), or supply people by level: standardize={{'{name}': "
            "{...}}."
        )
    values = sample.numbers(name)
    known = ~np.isnan(values)
    low, high = known & (values < standard.starts[0]), known & (values >= (standard.until or np.inf))
    outside = int(sample.persons[low | high].sum())
    if outside:
        until = f" and '{name} < {standard.until:g}'" if standard.until else ""
        raise EstimationError(
            f"{outside:,} participants in the domain are outside the standard's bands. Restrict the domain "
            f"to '{name} >= {standard.starts[0]:g}'{until}, or choose bands: tk.standard(..., bands=(...))."
        )
    stratum = np.searchsorted(np.array(standard.starts), np.nan_to_num(values), side="right") - 1
    return np.where(known, stratum, -1)


def _place_in_levels(sample: Sample, standard: Standard) -> Indices:
    for at, name in enumerate(standard.variables):
        levels = sample.columns[name].levels
        for key in standard.shares:
            require_known(f"The standard is not usable: '{name}' has no level", key[at], levels)
    codes = np.stack([sample.codes(name) for name in standard.variables], axis=1)
    stratum = np.full(len(codes), -1)
    for number, key in enumerate(standard.shares):
        wanted = [sample.columns[n].levels.index(k) for n, k in zip(standard.variables, key, strict=True)]
        stratum[(codes == wanted).all(axis=1)] = number
    outside = int(sample.persons[(stratum < 0) & (codes >= 0).all(axis=1)].sum())
    if outside:
        raise EstimationError(
            f"{outside:,} participants in the domain have a level of "
            f"{' and '.join(map(repr, standard.variables))} that the standard does not name. Supply its "
            "size, or restrict the domain."
        )
    return stratum


def _find_empty_stratum(group: Group, composition: _Composition) -> str:
    """Explain which stratum of the standard is empty in a group; "" if none is."""
    if not group.n:
        return ""
    seen = np.bincount(composition.stratum[group.counted], minlength=len(composition.names))
    empty = [name for name, cells in zip(composition.names, seen, strict=True) if not cells]
    return f"no participant with a value is in '{empty[0]}' of the standard; use wider bands" if empty else ""


def _standardize(
    sample: Sample, values: Floats, counted: Mask, composition: _Composition
) -> tuple[Floats, Floats]:
    """Weight the means in the strata of the standard by their shares, with influence values."""
    weights, stratum = np.where(counted, sample.weights, 0.0), np.maximum(composition.stratum, 0)
    size = _sizes(counted, weights, composition)
    sums = [np.bincount(stratum, weights * column, minlength=len(size)) for column in values.T]
    means = np.stack(sums, axis=1) / size[:, None]
    scale = (composition.shares / size)[stratum] * weights
    influence = np.where(counted[:, None], (values - means[stratum]) * scale[:, None], 0.0)
    return composition.shares @ means, influence


def _sizes(counted: Mask, weights: Floats, composition: _Composition) -> Floats:
    size = np.bincount(np.maximum(composition.stratum, 0), weights, minlength=len(composition.shares))
    return np.where(size > 0, size, np.nan if counted.any() else 1.0)


def _describe_standardized(
    sample: Sample, group: Group, values: Floats, means: Floats, standard: tuple[_Composition, str]
) -> GroupMeans:
    (composition, lacking), counted = standard, group.counted
    persons, weights = np.where(counted, sample.persons, 0), np.where(counted, sample.weights, 0.0)
    scale = (composition.shares / _sizes(counted, weights, composition))[np.maximum(composition.stratum, 0)]
    scale = np.where(counted & (composition.stratum >= 0), scale, 0.0)
    squares = float((sample.squares * np.square(scale)).sum())
    return GroupMeans(
        **vars(group),
        population=population_size(sample, counted),
        means=means,
        # A standardized mean has no simple random sample to be compared with: no design effect.
        between=np.zeros(values.shape[1]),
        # A product of matrices would wake every thread of the machine for a few sums.
        cases=(persons[:, None] * values).sum(axis=0),
        variance=np.full(values.shape[1], np.nan),
        lacking=lacking,
        unequal=group.n * squares if squares > 0 and np.isfinite(squares) else 1.0,
        standardized=True,
    )
