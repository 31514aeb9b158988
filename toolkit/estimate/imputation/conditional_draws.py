"""Draw missing values of one variable from its regression on the others, with parameters drawn first.

Numbers: predictive mean matching with five donors and a Bayesian draw of the coefficients (Little, J Bus Econ
Stat 1988;6:287; van Buuren, Flexible Imputation of Missing Data, 2nd ed., 2018, algorithms 3.1 and 3.3),
as `pmm` of R's mice. Levels: sequential logits, each level against those after it, whose likelihood is the
product of binary ones (Agresti, Categorical Data Analysis, 3rd ed., 2013, 8.3.3); two levels are one logit.
The prior of Gelman and others (Ann Appl Stat 2008;2:1360) keeps the coefficients of separated levels finite,
in place of the augmented rows of White, Daniel and Royston (Comput Stat Data Anal 2010;54:2267), which
would draw rare levels too often.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

import numpy as np

from toolkit.estimate.imputation.clustered_matrix import ClusteredMatrix
from toolkit.results import Floats, Indices, Mask

DONORS = 5
# As mice: this share of its diagonal keeps the cross-products of collinear columns invertible.
_RIDGE = 1e-5
# Prior standard deviations of log odds ratios: of a level, or of two standard deviations of a number; and of
# one sampling unit.
SLOPE, UNIT = 2.5, 0.5
# Newton's steps end below this part of a coefficient's posterior standard deviation, which is drawn next.
_SMALL_STEP = 0.05
_STEPS, _FIXED_STEPS, _LARGEST_STEP = 50, 4, 4.0
_EMPTY = 1e-12


@dataclass(frozen=True)
class Rows:
    """The participants of one regression: those without a value, and the columns of the other variables."""

    missing: Indices
    columns: Indices


def match_means(
    X: ClusteredMatrix, rows: Rows, y: Floats, gram: Floats, generator: np.random.Generator
) -> Floats:
    """Draw numbers by predictive mean matching; `y` is 0 where missing, `gram` of all participants."""
    lacking = X.rows(rows.missing)[:, rows.columns]
    seen = np.ones(len(y), bool)
    seen[rows.missing] = False
    whole = gram[np.ix_(rows.columns, rows.columns)] - lacking.T @ lacking
    used = np.flatnonzero(np.diag(whole) > _EMPTY)
    own = whole[np.ix_(used, used)]
    inverse = np.linalg.inv(own + np.diag(_RIDGE * np.diag(own)))
    inverse = (inverse + inverse.T) / 2
    points, drawn = np.zeros(X.width), np.zeros(X.width)
    places = rows.columns[used]
    points[places] = inverse @ X.cross(y)[places]
    fitted = X.times(points)
    residuals = (y - fitted)[seen]
    df = max(int(seen.sum()) - len(used), 1)
    spread = np.sqrt(residuals @ residuals / generator.chisquare(df))
    drawn[places] = points[places] + spread * (
        np.linalg.cholesky(inverse) @ generator.standard_normal(len(used))
    )
    return _choose_donors(fitted[seen], y[seen], lacking @ drawn[rows.columns], generator)


def _choose_donors(means: Floats, values: Floats, wanted: Floats, generator: np.random.Generator) -> Floats:
    """Take for each predicted mean the value of one of the donors with the nearest ones; ties at random."""
    order = generator.permutation(len(means))
    order = order[np.argsort(means[order], kind="stable")]
    means, values = means[order], values[order]
    count = min(DONORS, len(means))
    place = np.searchsorted(means, wanted)
    near = np.clip(place[:, None] + np.arange(-count, count), 0, len(means) - 1)
    gap = np.abs(means[near] - wanted[:, None])
    repeated = np.diff(near, axis=1, prepend=-1) == 0
    gap[repeated] = np.inf
    nearest = np.take_along_axis(near, np.argsort(gap, axis=1, kind="stable")[:, :count], axis=1)
    chosen = generator.integers(0, count, len(wanted))
    return np.asarray(values[nearest[np.arange(len(wanted)), chosen]], np.float64)


@dataclass(frozen=True)
class Prior:
    """The columns of a logit, with one over the variance of the prior of each coefficient."""

    columns: Indices
    precision: Floats


@dataclass(frozen=True)
class Logit:
    """The mode of a binary logit with normal priors, and the covariance there with a root of it."""

    mode: Floats
    covariance: Floats
    root: Floats

    def draw(self, generator: np.random.Generator) -> Floats:
        """Draw coefficients from the normal approximation of the posterior."""
        return np.asarray(self.mode + self.root @ generator.standard_normal(len(self.mode)), np.float64)


@dataclass(frozen=True)
class Split:
    """Who has a level, among those who have it or one after it."""

    case: Mask
    among: Mask


def fit_logit(X: ClusteredMatrix, split: Split, prior: Prior, start: Logit | None) -> Logit:
    """Find the mode among some participants by Newton's method.

    From a start, which was fitted to nearly the same values, the first steps use the information there.
    """
    columns, precision = prior.columns, prior.precision
    mode, covariance, root = (start.mode, start.covariance, start.root) if start else _nothing(len(columns))
    whole = np.zeros(X.width)
    for step in range(_STEPS):
        whole[columns] = mode
        chance = _logistic(X.times(whole))
        if start is None or step >= _FIXED_STEPS:
            information = X.gram(split.among * chance * (1 - chance))[np.ix_(columns, columns)]
            covariance = np.asarray(np.linalg.inv(information + np.diag(precision)), np.float64)
            root = np.asarray(np.linalg.cholesky((covariance + covariance.T) / 2), np.float64)
        move = covariance @ (X.cross(split.among * (split.case - chance))[columns] - precision * mode)
        mode = mode + move * min(1.0, _LARGEST_STEP / max(np.abs(move).max(), _EMPTY))
        if (np.abs(move) <= _SMALL_STEP * np.sqrt(np.diag(covariance))).all():
            break
    return Logit(mode, covariance, root)


def _nothing(count: int) -> tuple[Floats, Floats, Floats]:
    return np.zeros(count), np.empty((0, 0)), np.empty((0, 0))


def _logistic(values: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -35, 35))), np.float64)


@dataclass(frozen=True)
class Levels:
    """The levels of a variable in the order of its logits, with the level of each participant."""

    # Codes of the levels that occur.
    order: Indices
    # Place in `order`; -1 where missing.
    place: Indices

    @classmethod
    def of(cls, codes: Indices, *, ordered: bool) -> "Levels":
        """Order levels as declared; without an order, the most frequent first."""
        counts = np.bincount(codes[codes >= 0])
        present = np.flatnonzero(counts)
        order = present if ordered else present[np.argsort(-counts[present], kind="stable")]
        place = np.full(len(counts), -1)
        place[order] = np.arange(len(order))
        return cls(order, np.where(codes >= 0, place[np.maximum(codes, 0)], -1))

    @cached_property
    def _splits(self) -> list[Split]:
        return [Split(self.place == at, self.place >= at) for at in range(len(self.order) - 1)]

    def fit(self, X: ClusteredMatrix, prior: Prior, starts: Sequence[Logit] = ()) -> list[Logit]:
        """Fit the logit of each level against those after it."""
        return [fit_logit(X, split, prior, start) for split, start in zip_longest(self._splits, starts)]

    def draw(self, rows: Floats, fits: Sequence[Logit], generator: np.random.Generator) -> Indices:
        """Draw the codes of participants, with coefficients drawn for each logit."""
        last = len(self.order) - 1
        place = np.full(len(rows), last)
        for at, fitted in enumerate(fits):
            stops = generator.random(len(rows)) < _logistic(rows @ fitted.draw(generator))
            place = np.where(stops & (place == last), at, place)
        return np.asarray(self.order[place], np.int64)
