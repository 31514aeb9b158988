"""Compute weighted means in groups with their design-based covariance, crude or directly standardized.

Standardization is within the domain, to fixed shares; its variance is that of svystandardize of R's survey
package, excluding missing values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.special import logit

from toolkit.disclosure import unknown_level
from toolkit.errors import EstimationError
from toolkit.estimate.survey.analysis_sample import Sample, cells_of
from toolkit.estimate.survey.estimator_covariance import (
    ROUNDED,
    Estimate,
    estimate_with_covariance,
    mark_units,
    population_size,
)
from toolkit.estimate.survey.groups import (
    Division,
    Group,
    blank_covariance,
    count_division,
    count_groups,
    counted_in_any,
    divide,
    require_values,
)
from toolkit.estimate.survey.standard_populations import Standard
from toolkit.estimate.survey.variance.design_variance import covariance_of_totals, replicate_covariance
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
    return average_division(sample, values, divide(sample, by), by)


def averages_of(sample: Sample, values: Floats, members: Sequence[Mask]) -> tuple[list[GroupMeans], Floats]:
    """Average columns of values in groups that are given as marks on the cells and do not overlap."""
    number = np.full(len(sample.unit), -1)
    for place, inside in enumerate(members):
        number[inside] = place
    return average_division(sample, values, Division([()] * len(members), number))


def average_division(
    sample: Sample, values: Floats, division: Division, by: tuple[str, ...] = ()
) -> tuple[list[GroupMeans], Floats]:
    """Average columns in the groups of a division; nothing is kept for each cell and group."""
    known = ~np.isnan(values[:, 0])
    for column in values.T[1:]:
        known &= ~np.isnan(column)
    require_values(sample, by, known)
    groups = count_division(sample, by, division, known)
    counted = known if division.number is None else known & (division.number >= 0)
    cells = cells_of(counted)
    sums = _sum_columns(sample, values, division, cells)
    replication, points, replicates = sample.units.replication, sums.means.ravel(), None
    if replication is None:
        matrix = covariance_of_totals(sums.influence, mark_units(sample, known), sample.units)
    else:
        replicates = _replicate_means(sample, values, division, cells, replication.factors)
        matrix = replicate_covariance(replicates, points, replication)
    empty = [not group.n for group in groups for _ in values.T]
    matrix = blank_covariance(matrix, empty) if any(empty) else matrix
    odds = _log_odds_variances(sample, points, replicates)
    variances = matrix.diagonal().reshape(sums.means.shape)
    return [
        GroupMeans(
            **vars(group),
            population=population_size(sample, float(sums.weights[place])),
            means=sums.means[place],
            between=sums.between[place],
            cases=sums.cases[place],
            variance=variances[place],
            unequal=group.n * float(sums.squares[place] / sums.weights[place] ** 2) if group.n else 1.0,
            log_odds_variance=None if odds is None else odds.reshape(sums.means.shape)[place],
        )
        for place, group in enumerate(groups)
    ], matrix


class _Sums(NamedTuple):
    """Weighted sums over the cells of each group that have a value."""

    # The influence values of the means, summed by sampling unit (units x means).
    influence: Floats
    # weights, squares: of the weights and the squared weights of persons, by group.
    weights: Floats
    squares: Floats
    # means, between, cases: groups x columns.
    means: Floats
    between: Floats
    cases: Floats


def _sum_columns(sample: Sample, values: Floats, division: Division, cells: slice | Indices) -> _Sums:
    """Sum what means, their variance and design effects need, column by column."""
    places, weights = division.places(sample)[cells], sample.weights[cells]
    number = None if division.number is None else division.number[cells]
    persons = None if sample.squared is None else sample.persons[cells].astype(float)

    def in_groups(own: Floats) -> Floats:
        # A product of vectors would wake every thread of the machine for one sum.
        found = [own.sum()] if number is None else np.bincount(number, own, minlength=count)
        return np.asarray(found, np.float64)

    count, room, pull = len(division.levels), np.empty(len(weights)), np.empty(len(weights))
    if sample.everyone and number is None and len(weights) == len(sample.unit):
        size, squares = np.array([[sample.everyone.weights], [sample.everyone.squares]])
    else:
        size = in_groups(weights)
        squares = in_groups(np.square(weights, out=room) if persons is None else sample.squares[cells])
    divisor = np.where(size > 0, size, 1.0)

    def sum_deviations(deviation: Floats) -> tuple[Floats, Floats]:
        np.multiply(weights, deviation, out=pull)
        by_unit = division.sums(sample, places, pull) / divisor[:, None]
        return by_unit, in_groups(np.multiply(pull, deviation, out=pull)) / divisor

    influence = np.empty((count, values.shape[1], len(sample.units)))
    means, variances, cases = np.empty((3, count, values.shape[1]))
    for k, column in enumerate(values.T):
        x = column[cells]
        means[:, k] = np.where(size > 0, in_groups(np.multiply(weights, x, out=room)) / divisor, np.nan)
        deviation = np.subtract(x, means[0, k] if number is None else means[number, k], out=room)
        by_unit, variances[:, k] = sum_deviations(deviation)
        lost = by_unit.sum(axis=1)
        if np.any(np.square(lost) > ROUNDED * variances[:, k]):
            deviation -= lost[0] if number is None else lost[number]
            by_unit, variances[:, k] = sum_deviations(deviation)
        influence[:, k] = by_unit
        cases[:, k] = in_groups(x if persons is None else np.multiply(x, persons, out=room))
    by_unit = influence.reshape(-1, len(sample.units)).T
    return _Sums(by_unit, size, squares, means, variances, cases)


def _replicate_means(
    sample: Sample, values: Floats, division: Division, cells: slice | Indices, factors: Floats
) -> Floats:
    """Compute the means with each replicate weight (replicates x means), from sums by sampling unit."""
    places, weights = division.places(sample)[cells], sample.weights[cells]
    size = division.sums(sample, places, weights) @ factors.T
    sums = [division.sums(sample, places, weights * column[cells]) @ factors.T for column in values.T]
    # In a replicate a group may have no weight; its mean is then NaN.
    with np.errstate(invalid="ignore"):
        means = np.stack(sums, axis=1) / size[:, None]
    return np.asarray(means.reshape(-1, len(factors)).T, np.float64)


def _log_odds_variances(sample: Sample, points: Floats, replicates: Floats | None) -> Floats | None:
    """Compute the variances of log odds over the replicate weights; None without them."""
    replication = sample.units.replication
    if replication is None or replicates is None:
        return None
    with np.errstate(all="ignore"):
        own = replicate_covariance(logit(replicates), logit(points), replication).diagonal()
    # NaN where a replicate has a share of 0 or 1.
    return np.where(np.isfinite(own), own, np.nan)


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
    variances, odds = matrix.diagonal(), _log_odds_variances(sample, found.points, found.replicates)
    means = [
        replace(
            _describe_standardized(sample, group, filled, points[i], (composition, lacking[i])),
            variance=variances.reshape(points.shape)[i],
            log_odds_variance=None if odds is None else odds.reshape(points.shape)[i],
        )
        for i, group in enumerate(members)
    ]
    return means, matrix


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
            if key[at] not in levels:
                what = f"The standard is not usable: '{name}' has no level"
                raise EstimationError(unknown_level(what, key[at], levels))
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
        population=population_size(sample, float(weights.sum())),
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
