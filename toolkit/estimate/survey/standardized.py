"""Average columns of values over groups of people as if all groups had the composition of a standard.

Takes a sample, cells x columns of values, the groups' variables and a `Standard`; gives a `Group` for each
combination of levels and the covariance matrix of all their means.
Method: direct standardisation within the domain, the standard's shares being fixed; its variance is that of
svystandardize in R's survey package, excluding missing values.
"""

from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import EstimationError, unknown
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.design_effects import population
from toolkit.estimate.survey.domain_means import Group, log_odds_variances
from toolkit.estimate.survey.linearization import Estimate, spread
from toolkit.estimate.survey.people import People, anyone, blanked, people_of, stack
from toolkit.estimate.survey.standard_populations import Standard
from toolkit.estimate.survey.variance.linearized import Floats, Indices


@dataclass(frozen=True)
class _Composed:
    """Where each cell stands in the standard (-1 for a missing value), and the standard's shares."""

    names: tuple[str, ...]
    place: Indices
    shares: Floats


def standardised_averages(
    sample: Sample, values: Floats, by: tuple[str, ...], standard: Standard
) -> tuple[list[Group], Floats]:
    """Average columns of values within each group, its people weighted to the standard's composition.

    Parameters
    ----------
    sample
        The cells, with the variables of the standard.
    values
        Cells x columns; NaN is missing.
    by
        Variables of the sample whose combinations of levels are the groups; none for one group of all.
    standard
        The population to whose composition each group is brought.

    Returns
    -------
    tuple
        The groups, and the covariance of their means. A group that has nobody with a value at some place of
        the standard has no mean, and says why.

    Raises
    ------
    EstimationError
        If people of the domain stand outside of the standard, or the standard names what nobody has.
    """
    composed = _composed(sample, standard)
    there = ~np.isnan(values).any(axis=1) & (composed.place >= 0)
    people = people_of(sample, by, there)
    lacking = [_lacking(group, composed) for group in people]
    filled = np.nan_to_num(values)
    found, matrix = spread(sample, lambda drawn: _means(drawn, filled, people, composed, lacking))
    empty = [bool(why) or not group.n for group, why in zip(people, lacking, strict=True)]
    matrix = blanked(matrix, np.repeat(empty, values.shape[1]).tolist())
    lost = np.repeat(empty, values.shape[1])
    points = np.where(lost, np.nan, found.points).reshape(len(people), -1)
    variances = matrix.diagonal().reshape(len(people), -1)
    odds = log_odds_variances(sample, found, len(people))
    made = [
        _group(sample, group, filled, (points[i], variances[i]), (composed, lacking[i]))
        for i, group in enumerate(people)
    ]
    return [replace(group, log_odds_variance=o) for group, o in zip(made, odds, strict=True)], matrix


def _composed(sample: Sample, standard: Standard) -> _Composed:
    place = _of_bands(sample, standard) if standard.starts else _of_levels(sample, standard)
    names = tuple(", ".join(key) for key in standard.shares)
    seen = np.bincount(place[place >= 0], minlength=len(names))
    absent = [name for name, cells in zip(names, seen, strict=True) if not cells]
    if absent:
        raise EstimationError(
            f"nobody in the domain is in '{absent[0]}' of the standard, which weights it. Leave it out: "
            f"{_narrower(standard, absent)}."
        )
    return _Composed(names, place, np.array(list(standard.shares.values())))


def _narrower(standard: Standard, absent: list[str]) -> str:
    if not standard.starts:
        return "standardize={...} with the levels that people have"
    kept = [
        start for start, key in zip(standard.starts, standard.shares, strict=True) if key[0] not in absent
    ]
    return f"tk.standard(..., bands=({', '.join(f'{start:g}' for start in kept)}))"


def _of_bands(sample: Sample, standard: Standard) -> Indices:
    (name,) = standard.variables
    column = sample.columns[name]
    if not column.continuous:
        raise EstimationError(
            f"'{name}' has levels, and the {standard.label} is in bands of years. Name the age in years: "
            f"tk.standard(..., variable='age'), or give people by level: standardize={{'{name}': {{...}}}}."
        )
    values = sample.numbers(name)
    known = ~np.isnan(values)
    low = known & (values < standard.starts[0])
    high = known & (values >= (standard.until or np.inf))
    outside = int(sample.persons[low | high].sum())
    if outside:
        until = f" and '{name} < {standard.until:g}'" if standard.until else ""
        raise EstimationError(
            f"{outside:,} people of the domain are outside of the standard's bands. Narrow the domain to "
            f"'{name} >= {standard.starts[0]:g}'{until}, or choose bands: tk.standard(..., bands=(...))."
        )
    place = np.searchsorted(np.array(standard.starts), np.nan_to_num(values), side="right") - 1
    return np.where(known, place, -1)


def _of_levels(sample: Sample, standard: Standard) -> Indices:
    for at, name in enumerate(standard.variables):
        levels = sample.columns[name].levels
        for key in standard.shares:
            if key[at] not in levels:
                raise EstimationError(unknown(f"the standard: '{name}' has no level", key[at], levels))
    codes = np.stack([sample.codes(name) for name in standard.variables], axis=1)
    place = np.full(len(codes), -1)
    for number, key in enumerate(standard.shares):
        wanted = [sample.columns[n].levels.index(k) for n, k in zip(standard.variables, key, strict=True)]
        place[(codes == wanted).all(axis=1)] = number
    outside = int(sample.persons[(place < 0) & (codes >= 0).all(axis=1)].sum())
    if outside:
        raise EstimationError(
            f"{outside:,} people of the domain have a level of {' and '.join(map(repr, standard.variables))} "
            f"that the standard does not name. Give it people there, or narrow the domain."
        )
    return place


def _lacking(group: People, composed: _Composed) -> str:
    """Say at which place of the standard a group has nobody; "" if at none."""
    if not group.n:
        return ""
    seen = np.bincount(composed.place[group.counted], minlength=len(composed.names))
    empty = [name for name, cells in zip(composed.names, seen, strict=True) if not cells]
    return f"nobody with a value is in '{empty[0]}' of the standard; take fewer, wider bands" if empty else ""


def _means(
    sample: Sample, values: Floats, people: list[People], composed: _Composed, lacking: list[str]
) -> Estimate:
    found = [
        _mean(sample, values, group.counted & (not why), composed)
        for group, why in zip(people, lacking, strict=True)
    ]
    return Estimate(np.concatenate([p for p, _ in found]), stack([i for _, i in found]), anyone(people))


def _mean(sample: Sample, values: Floats, counted: Mask, composed: _Composed) -> tuple[Floats, Floats]:
    """Weigh the means at each place of the standard by its share."""
    weights, place = np.where(counted, sample.weights, 0.0), np.maximum(composed.place, 0)
    size = _size(counted, weights, composed)
    sums = [np.bincount(place, weights * column, minlength=len(size)) for column in values.T]
    means = np.stack(sums, axis=1) / size[:, None]
    scale = _scale(sample, counted, composed) * weights
    influence = np.where(counted[:, None], (values - means[place]) * scale[:, None], 0.0)
    return composed.shares @ means, influence


def _size(counted: Mask, weights: Floats, composed: _Composed) -> Floats:
    size = np.bincount(np.maximum(composed.place, 0), weights, minlength=len(composed.shares))
    return np.where(size > 0, size, np.nan if counted.any() else 1.0)


def _scale(sample: Sample, counted: Mask, composed: _Composed) -> Floats:
    """Give what each cell's weight is multiplied by to stand for its share of the standard."""
    weights, place = np.where(counted, sample.weights, 0.0), np.maximum(composed.place, 0)
    scale: Floats = (composed.shares / _size(counted, weights, composed))[place]
    return scale


def _group(
    sample: Sample,
    group: People,
    values: Floats,
    found: tuple[Floats, Floats],
    standard: tuple[_Composed, str],
) -> Group:
    composed, lacking = standard
    persons = np.where(group.counted, sample.persons, 0)
    scale = np.where(group.counted & (composed.place >= 0), _scale(sample, group.counted, composed), 0.0)
    squares = float((sample.squares * np.square(scale)).sum())
    return Group(
        levels=group.levels,
        persons=group.persons,
        counted=group.n,
        missing=group.missing,
        population=population(sample, group.counted),
        df=group.df,
        means=found[0],
        # A standardised mean has no simple random sample to be compared with: no design effect.
        spread=np.zeros(values.shape[1]),
        # A product of matrices would wake every thread of the machine for a few sums.
        cases=(persons[:, None] * values).sum(axis=0),
        variance=found[1],
        lacking=lacking,
        unequal=group.n * squares if squares > 0 and np.isfinite(squares) else 1.0,
        standardised=True,
        cells=group.counted,
    )
