"""Fit models with continuous terms to participants on an engine, by passes that sum scores and information.

The points that stand for a cell's participants give starting values, centers and lengths of the columns; each
Newton step is one aggregate query, and the last query sums the scores of each cell for the variance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from toolkit.errors import EstimationError
from toolkit.estimate.regression.likelihoods import Family, Fit, NotConvergedError, fit_glm
from toolkit.results import Floats, Mask

if TYPE_CHECKING:
    from toolkit.estimate.regression.fit_failures import Attempt
    from toolkit.estimate.regression.specification import ModelSpec
    from toolkit.estimate.survey import ParticipantSums, Sample

# The links whose score can be written for every engine.
STREAMED = ("logit", "poisson", "gaussian")
_MAX_PASSES = 30
# After a step below this the information of the pass before is as good as its own.
_NEAR = 1e-3
# The error of the parameters, in standard deviations of the columns, at which the last pass is made.
_REACHED = 1e-11
_ETA, _MEAN, _PULL, _CURVE = ".eta", ".mean", ".pull", ".curve"


@dataclass(frozen=True)
class _Streamed:
    """A model as expressions over participants: the columns of its matrix, centered and scaled."""

    sums: "ParticipantSums"
    inside: Mask
    where: tuple[pl.Expr, ...]
    family: str
    outcome: pl.Expr
    columns: tuple[pl.Expr, ...]

    def totals(self, theta: Floats, *, information: bool) -> tuple[Floats, Floats]:
        """Sum the score, and the information if asked for, over all participants."""
        p = len(theta)
        sums = self._scores(p) | (self._products(p) if information else {})
        row = self.sums.total(self.where, self._steps(theta), sums)
        return np.array([row[str(k)] for k in range(p)], float), _matrix(row, p)

    def by_cell(self, theta: Floats) -> tuple[Floats, Floats]:
        """Sum the score over the participants of each cell of the fit, and the information over all."""
        p = len(theta)
        sums = self._products(p), self._scores(p)
        row, table = self.sums.total_and_by_cell(self.where, self._steps(theta), sums)
        return table.to_numpy()[self.inside], _matrix(row, p)

    @staticmethod
    def _products(p: int) -> dict[str, pl.Expr]:
        places = [(j, k) for j in range(p) for k in range(j + 1)]
        return {f"{j},{k}": (pl.col(_CURVE) * _column(j) * _column(k)).sum() for j, k in places}

    @staticmethod
    def _scores(p: int) -> dict[str, pl.Expr]:
        return {str(k): (pl.col(_PULL) * _column(k)).sum() for k in range(p)}

    def _steps(self, theta: Floats) -> list[dict[str, pl.Expr]]:
        """Compute columns, linear predictor, mean, and what score and information multiply columns by."""
        eta = sum((float(b) * _column(k) for k, b in enumerate(theta)), pl.lit(0.0))
        mean = 1 / (1 + (-pl.col(_ETA)).exp()) if self.family == "logit" else pl.col(_ETA).exp()
        slope = pl.col(_MEAN) * (1 - pl.col(_MEAN)) if self.family == "logit" else pl.col(_MEAN)
        weight = self.sums.weight
        return [
            {f".x{k}": column for k, column in enumerate(self.columns)},
            {_ETA: eta},
            {_MEAN: mean},
            {_PULL: weight * (self.outcome - pl.col(_MEAN)), _CURVE: weight * slope},
        ]


def _matrix(row: Mapping[str, float], p: int) -> Floats:
    """Write sums of products as a symmetric matrix; zeros where there are none."""
    matrix = np.zeros((p, p))
    for j in range(p):
        for k in range(j + 1):
            matrix[j, k] = matrix[k, j] = row.get(f"{j},{k}", 0.0)
    return matrix


def _column(k: int) -> pl.Expr:
    return pl.col(f".x{k}")


def fit_by_passes(model: "ModelSpec", attempt: "Attempt", inside: Mask) -> Fit:
    """Maximize the likelihood of a model with continuous terms by passes over the participants."""
    sample = model.sample
    X, weight = attempt.matrix.values, sample.weights[inside]
    family = model.family
    assert isinstance(family, Family)  # noqa: S101 - `require_streamed` refuses others
    start = fit_glm(X, attempt.y, weight, family)
    if family.name == "gaussian":
        # Its scores are second moments, which the points have.
        return start
    center, length = _scales(X, weight)
    streamed = _write_model(model, attempt, inside, center, length)
    theta = _climb(streamed, _to_scaled(start.points, center, length))
    scores, information = streamed.by_cell(theta)
    inverse = np.linalg.inv(information)
    back = np.diag(1 / length)
    back[0] -= center / length
    back[0, 0] = 1.0
    return Fit(back @ theta, scores @ (inverse @ back.T), back @ inverse @ back.T, scores.sum(axis=0))


def _climb(streamed: _Streamed, theta: Floats) -> Floats:
    """Take Newton steps until the next would be rounding."""
    score, information = streamed.totals(theta, information=True)
    for _ in range(_MAX_PASSES):
        step = _solve(information, score)
        theta, size = theta + step, float(np.abs(step).max())
        if size <= _REACHED:
            return theta
        near = size <= _NEAR
        score, fresh = streamed.totals(theta, information=not near)
        if near:
            # The error that is left is that of this step, times that of the information.
            step = _solve(information, score)
            theta = theta + step
            if np.abs(step).max() * size <= _REACHED:
                return theta
            score, fresh = streamed.totals(theta, information=True)
        information = fresh
    raise NotConvergedError(f"The score is not zero after {_MAX_PASSES} passes.")


def _solve(information: Floats, score: Floats) -> Floats:
    if not (np.isfinite(information).all() and np.isfinite(score).all()):
        raise NotConvergedError("The log-likelihood is not finite.")
    return np.asarray(np.linalg.solve(information, score), np.float64)


def _scales(X: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Give the mean and the standard deviation of each column; 0 and 1 for the intercept."""
    center = weight @ X / weight.sum()
    length = np.sqrt(weight @ np.square(X - center) / weight.sum())
    center[0], length[0] = 0.0, 1.0
    return center, length


def _to_scaled(points: Floats, center: Floats, length: Floats) -> Floats:
    theta: Floats = points * length
    theta[0] = points[0] + points[1:] @ center[1:]
    return theta


def _write_model(
    model: "ModelSpec", attempt: "Attempt", inside: Mask, center: Floats, length: Floats
) -> _Streamed:
    sample = model.sample
    assert sample.sums is not None  # noqa: S101 - callers checked
    columns = [pl.lit(1.0)]
    for term, mean, size in zip(attempt.matrix.terms[1:], center[1:], length[1:], strict=True):
        column = sample.columns[term.exposure]
        value = column.expression
        if not column.continuous:
            value = (value == term.level).cast(pl.Float64)
        columns.append((value - float(mean)) / float(size))
    outcome = model.outcome.expression
    if not model.outcome.continuous:
        outcome = (outcome == model.outcome.case).cast(pl.Float64)
    where = (*_complete(sample, model.names), *_group(sample, model.names, inside))
    return _Streamed(sample.sums, inside, where, model.family.name, outcome, tuple(columns))


def _complete(sample: "Sample", names: Sequence[str]) -> list[pl.Expr]:
    return [sample.columns[name].expression.is_not_null() for name in names]


def _group(sample: "Sample", names: Sequence[str], inside: Mask) -> list[pl.Expr]:
    """Select the level of each variable that divides the participants into groups."""
    found = []
    for name, column in sample.columns.items():
        if name not in names:
            (code,) = np.unique(sample.codes(name)[inside])
            found.append(column.expression == column.levels[code])
    return found


def needs_passes(model: "ModelSpec") -> bool:
    """Whether a model has continuous terms of which cells have moments alone."""
    sample = model.sample
    return sample.sums is not None and any(sample.columns[name].continuous for name in model.names[1:])


def require_streamed(model: "ModelSpec") -> None:
    """Raise EstimationError for a model with measurements that no pass can sum."""
    family = model.family.name
    if family not in STREAMED:
        raise EstimationError(
            f"A model of family='{family}' with continuous terms needs the participants in memory. Use one "
            f"of {', '.join(STREAMED)}, or create categories of the terms with study.derive(...)."
        )
    if model.offset is not None:
        raise EstimationError(
            "A model with continuous terms and an offset needs the participants in memory. Create categories "
            "of the terms with study.derive(...), or remove offset=."
        )
