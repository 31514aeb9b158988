"""Test many specifications together by sign flips of the score totals of their sampling units.

Each specification is fitted without its exposure. The efficient score of a coefficient of the exposure,
which is the residual times what the covariates leave of the exposure, is summed by PSU. Flipping the signs
of PSUs, the same in every specification, keeps how specifications depend on each other. z of a
specification is the sum of its totals over the root of their design-based variance, and each flip computes
both anew. Where totals are symmetric about 0, the flipped z have exactly the distribution of the observed
ones, however few PSUs there are. Where totals of a stratum have another mean, as in a finite population,
both are standard normal in large samples, because each is divided by its own standard error. Flips of the
difference of the two PSUs of a stratum would leave the variance as it is, and reject too often with few
strata.

Hemerik, Goeman and Finos, J R Stat Soc B 2020;82:841; Chung and Romano, Ann Stat 2013;41:484 (flips of
studentized statistics); Simonsohn, Simmons and Nelson, Nat Hum Behav 2020;4:1208 (tests of a multiverse).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.regression import Family, ModelSpec, fit_glm, scale_columns, weighted_products
from toolkit.estimate.survey import (
    Sample,
    Units,
    cells_of,
    index_participants,
    sum_by_group,
    sum_by_psu,
    sum_by_unit,
)
from toolkit.results import Floats, Indices
from toolkit.studies import EnginePeople, Study

# Flips computed at once, so that those of twenty thousand specifications need little memory.
_AT_ONCE = 250
# PSUs beyond so many have the signs of earlier ones; in one stratum they are joined, as sums of symmetric
# totals are symmetric too.
_MOST_SIGNS = 2_000
# Strata of at most so many PSUs are summed by pairs of PSUs, all strata at once.
_MOST_PAIRED = 8
# An observed statistic equals that of its own flips but for rounding.
_ROUNDING = 1e-9
# The statistics of a test: what all specifications together show, and what any of them shows.
MEDIAN, LARGEST = "median", "largest"


@dataclass(frozen=True)
class _Signed:
    """The PSUs of samples of one weight: for each the row of its total, whose stratum and sign follow."""

    units: Units  # Held, so that no other object takes its id.
    row: Indices
    stratum: Indices
    sign: Indices


@dataclass
class ScoreTotals:
    """The score totals of specifications by PSU."""

    study: Study
    count: int = 0  # of coefficients
    _numbers: dict[Any, int] = field(default_factory=dict)
    _signed: dict[int, _Signed] = field(default_factory=dict)
    _totals: dict[int, list[Floats]] = field(default_factory=dict)
    _places: dict[int, list[int]] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why the study has no such test; "" if it has one."""
        if isinstance(self.study.people, EnginePeople):
            return "the test needs participants in memory, and those of this study stay on an engine"
        if self.study.design.replicate_weights:
            return "the test needs strata and PSUs, and this design has replicate weights"
        return ""

    def add(self, model: ModelSpec, exposure: str) -> dict[str, int]:
        """Compute the totals of a specification; by level of the exposure, its place in the test."""
        sample = model.sample
        signed = self._sign(sample)
        levels, parts, unit = _score(model, exposure)
        totals = sum_by_psu(sum_by_unit(parts, unit, sample.units), sample.units)
        places = range(self.count, self.count + len(levels))
        self._totals.setdefault(id(sample.units), []).append(
            sum_by_group(totals, signed.row, len(signed.sign))
        )
        self._places.setdefault(id(sample.units), []).extend(places)
        self.count += len(levels)
        return dict(zip(levels, places, strict=True))

    def _sign(self, sample: Sample) -> _Signed:
        """Find the sign of each PSU of a sample: that of the same stratum and PSU in other samples."""
        units = sample.units
        if id(units) in self._signed:
            return self._signed[id(units)]
        parent = units.stages[0].parent
        codes = self._read_codes(sample)
        numbers = [
            self._numbers.setdefault(codes.get(psu, (id(units), psu)), len(self._numbers))
            for psu in range(len(parent))
        ]
        sign = np.array(numbers, np.int64) % _MOST_SIGNS
        kept, row = np.unique(parent * _MOST_SIGNS + sign, return_inverse=True)
        found = _Signed(units, row, kept // _MOST_SIGNS, kept % _MOST_SIGNS)
        self._signed[id(units)] = found
        return found

    def _read_codes(self, sample: Sample) -> dict[int, tuple[Any, ...]]:
        """Read stratum and PSU of the first participant of each PSU that has one."""
        design, participants = self.study.design, index_participants(self.study, sample.weight)
        psu, first = np.unique(sample.units.first_stage(participants.unit), return_index=True)
        rows = participants.rows[first]
        if not design.stages:
            return dict(zip(psu.tolist(), ((row,) for row in rows.tolist()), strict=True))
        columns = [name for name in (design.strata, design.stages[0]) if name]
        return dict(zip(psu.tolist(), self.study.people[rows].select(columns).rows(), strict=True))

    def test(
        self, groups: Mapping[Any, Sequence[int]], flips: int, seed: int
    ) -> dict[Any, dict[str, tuple[float, float]]]:
        """Test each group of coefficients: for each statistic its value and p, of the same flips for all."""
        signs = min(len(self._numbers), _MOST_SIGNS)
        self._totals = {key: [np.hstack(parts)] for key, parts in self._totals.items()}
        observed = _summarize(self._standardize(np.ones((1, signs))), groups)
        beyond = dict.fromkeys(observed, 0)
        generator = np.random.default_rng(seed)
        for size in _split(flips):
            drawn: Floats = generator.choice(np.array([-1.0, 1.0]), (size, signs))
            for key, values in _summarize(self._standardize(drawn), groups).items():
                beyond[key] += int((values >= observed[key] * (1 - _ROUNDING)).sum())
        found: dict[Any, dict[str, tuple[float, float]]] = {}
        for (group, statistic), values in observed.items():
            p = (1 + beyond[group, statistic]) / (1 + flips)
            found.setdefault(group, {})[statistic] = float(values[0]), p
        return found

    def _standardize(self, signs: Floats) -> Floats:
        """Compute z of every coefficient for each row of signs (flips x coefficients)."""
        z = np.zeros((len(signs), self.count))
        for key, (totals,) in self._totals.items():
            signed = self._signed[key]
            z[:, self._places[key]] = _flip(totals, signs[:, signed.sign], signed.stratum)
        return z


def _flip(totals: Floats, signs: Floats, stratum: Indices) -> Floats:
    """Divide sums of flipped totals by the root of their variance, between the PSUs of each stratum.

    With n PSUs of a stratum the variance is the sum of squares, which no flip changes, less 2 / (n - 1) times
    the products of two PSUs with their signs. A PSU alone in its stratum is centered at 0, its mean at the
    null.
    """
    squares = np.square(totals).sum(axis=0)
    variance = np.broadcast_to(squares, (len(signs), len(squares))).copy()
    pairs: list[tuple[Indices, Indices]] = []
    sizes: list[Floats] = []
    for own in np.split(np.arange(len(stratum)), np.flatnonzero(np.diff(stratum)) + 1):
        n = len(own)
        if n > _MOST_PAIRED:
            variance += (np.square(totals[own]).sum(axis=0) - np.square(signs[:, own] @ totals[own])) / (
                n - 1
            )
        elif n > 1:
            first, second = np.triu_indices(n, 1)
            pairs.append((own[first], own[second]))
            sizes.append(np.full(len(first), 2 / (n - 1)))
    if pairs:
        first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
        products = totals[first] * totals[second] * np.concatenate(sizes)[:, None]
        variance -= (signs[:, first] * signs[:, second]) @ products
    # What rounding leaves of a variance of 0 is no variance.
    known = variance > squares * _ROUNDING
    z: Floats = np.where(known, signs @ totals / np.sqrt(np.where(known, variance, 1.0)), 0.0)
    return z


def _summarize(z: Floats, groups: Mapping[Any, Sequence[int]]) -> dict[tuple[Any, str], Floats]:
    """Compute the statistics of each group, in each row of z."""
    found = {}
    for group, places in groups.items():
        own = z[:, list(places)]
        found[group, MEDIAN] = np.abs(np.median(own, axis=1))
        found[group, LARGEST] = np.abs(own).max(axis=1)
    return found


def _split(flips: int) -> Iterator[int]:
    for first in range(0, flips, _AT_ONCE):
        yield min(_AT_ONCE, flips - first)


def _score(model: ModelSpec, exposure: str) -> tuple[list[str], Floats, Indices]:
    """Compute the efficient score of each cell for each coefficient of the exposure, where all are 0.

    The first step of Newton's method from there divides it by the information, so that its sum has the
    direction of the coefficient.
    """
    sample, family = model.sample, model.family
    if not isinstance(family, Family):
        raise EstimationError(f"A {family.name} model has no score of a single mean.")
    inside = model.complete(np.ones(len(sample.unit), bool))
    matrix, cells = model.matrix(inside), cells_of(inside)
    exposed = np.array([term.exposure == exposure for term in matrix.terms])
    y, weight = sample.numbers(model.outcome.name)[cells], sample.weights[cells]
    others = matrix.values[:, ~exposed]
    eta = others @ fit_glm(others, y, weight, family).points
    mean = family.mean(eta)
    curvature = weight * family.slope(eta, mean)
    own = _leave(matrix.values[:, exposed], others, curvature)
    parts = own @ np.linalg.inv(weighted_products(own, curvature)) * (weight * (y - mean))[:, None]
    levels = [term.level for term, found in zip(matrix.terms, exposed, strict=True) if found]
    return levels, parts, sample.unit[cells]


def _leave(columns: Floats, others: Floats, weight: Floats) -> Floats:
    """Return what others leave of columns, by weighted least squares."""
    Z, _ = scale_columns(others, weight)
    left: Floats = columns - Z @ np.linalg.solve(
        weighted_products(Z, weight), Z.T @ (columns * weight[:, None])
    )
    return left
