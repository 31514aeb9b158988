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
from toolkit.estimate.regression.likelihoods import ENDLESS, FAR, Family, Fit, NotConvergedError, fit_glm
from toolkit.results import Floats, Mask
from toolkit.studies import COMPUTED, EnginePeople

if TYPE_CHECKING:
    from toolkit.estimate.regression.fit_failures import Attempt
    from toolkit.estimate.regression.formula import Matrix
    from toolkit.estimate.regression.specification import ModelSpec
    from toolkit.estimate.survey import ParticipantSums, Sample

# The links whose score can be written for every engine.
STREAMED = ("logit", "poisson", "gaussian")
_MAX_PASSES = 30
# After a step below this the information of the pass before is as good as its own.
_NEAR = 1e-3
# The error of the parameters, in standard deviations of the columns, at which the last pass is made.
_REACHED = 1e-11
_ETA, _MEAN, _PULL, _CURVE = (f"{COMPUTED}{name}" for name in ("eta", "mean", "pull", "curve"))


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
            {f"{COMPUTED}x{k}": column for k, column in enumerate(self.columns)},
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
    return pl.col(f"{COMPUTED}x{k}")


def fit_by_passes(model: "ModelSpec", attempt: "Attempt", inside: Mask) -> Fit:
    """Maximize the likelihood of a model with continuous terms by passes over the participants."""
    sample = model.sample
    X, weight = attempt.matrix.values, sample.weights[inside]
    family = model.family
    assert isinstance(family, Family)  # noqa: S101 - `require_streamed` refuses others
    center, length = _scales(X, weight)
    streamed = _write_model(model, attempt, inside, center, length)
    theta = _climb(streamed, _start(attempt, weight, family, (center, length)))
    scores, information = streamed.by_cell(theta)
    inverse = np.linalg.inv(information)
    # What is left of the score is worth a last step, which needs no pass.
    theta = theta + inverse @ scores.sum(axis=0)
    back = np.diag(1 / length)
    back[0] -= center / length
    back[0, 0] = 1.0
    return Fit(back @ theta, scores @ (inverse @ back.T), back @ inverse @ back.T, scores.sum(axis=0))


def _start(attempt: "Attempt", weight: Floats, family: Family, scales: tuple[Floats, Floats]) -> Floats:
    """Fit the points; where the outcome separates them, perhaps not participants, use the mean."""
    try:
        return _to_scaled(fit_glm(attempt.matrix.values, attempt.y, weight, family).points, *scales)
    except NotConvergedError:
        mean = float(weight @ attempt.y / weight.sum())
        theta = np.zeros(attempt.matrix.values.shape[1])
        theta[0] = np.log(mean / (1 - mean) if family.name == "logit" else mean)
        return theta


def _climb(streamed: _Streamed, theta: Floats) -> Floats:
    """Take Newton steps until the next would be rounding."""
    score, information = streamed.totals(theta, information=True)
    for _ in range(_MAX_PASSES):
        step = _solve(information, score, theta)
        theta, size = theta + step, float(np.abs(step).max())
        if size <= _REACHED:
            return theta
        near, rise = size <= _NEAR, float(step @ score)
        score, fresh = streamed.totals(theta, information=not near)
        while not near and not _descends(float(step @ score), rise) and size > _NEAR:
            step, size = step / 2, size / 2
            theta = theta - step
            score, fresh = streamed.totals(theta, information=True)
        if near:
            # The error that is left is that of this step, times that of the information.
            step = _solve(information, score, theta)
            theta = theta + step
            if np.abs(step).max() * size <= _REACHED:
                return theta
            score, fresh = streamed.totals(theta, information=True)
        information = fresh
        if np.abs(theta[1:]).max() > FAR:
            break
    raise NotConvergedError(f"The score is not zero after {_MAX_PASSES} passes.", _endless(theta))


def _descends(slope: float, rise: float) -> bool:
    """Whether the slope at the end of a step is less steep than at its start: it went not too far."""
    return bool(np.isfinite(slope) and slope > -rise)


def _endless(theta: Floats) -> tuple[int, ...]:
    return tuple(int(k) for k in np.flatnonzero(np.abs(theta) > ENDLESS) if k)


def _solve(information: Floats, score: Floats, theta: Floats) -> Floats:
    if not (np.isfinite(information).all() and np.isfinite(score).all()):
        raise NotConvergedError("The log-likelihood is not finite.", _endless(theta))
    try:
        return np.asarray(np.linalg.solve(information, score), np.float64)
    except np.linalg.LinAlgError:
        raise NotConvergedError("The log-likelihood is flat.", _endless(theta)) from None


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
    for k in range(1, len(center)):
        value = _write_column(model, attempt.matrix, k, inside)
        columns.append((value - float(center[k])) / float(length[k]))
    outcome = model.outcome.expression
    if not model.outcome.continuous:
        outcome = (outcome == model.outcome.case).cast(pl.Float64)
    where = (*_complete(sample, model.names), *_group(sample, model.names, inside))
    return _Streamed(sample.sums, inside, where, model.family.name, outcome, tuple(columns))


def _write_column(model: "ModelSpec", matrix: "Matrix", k: int, inside: Mask) -> pl.Expr:
    """Write a column of the design matrix: a variable, the mark of a level, or a spline."""
    sample, term = model.sample, matrix.terms[k]
    if term.exposure in sample.columns:
        column = sample.columns[term.exposure]
        return column.expression if column.continuous else (column.expression == term.level).cast(pl.Float64)
    for name in model.names[1:]:
        column = sample.columns[name]
        if not column.continuous or name in sample.centers:
            continue
        values, first, number = np.unique(
            sample.numbers(name)[inside], return_index=True, return_inverse=True
        )
        own = matrix.values[:, k]
        if (own[first][number] == own).all():
            # A spline of a variable by which participants are grouped has as many values as it has.
            return column.expression.replace_strict(values, own[first], default=None, return_dtype=pl.Float64)
    people = sample.study.people
    assert isinstance(people, EnginePeople)  # noqa: S101 - callers checked
    raise EstimationError(
        f"'{term.exposure}' beside a continuous term needs the participants in memory. Create categories of "
        "the continuous terms with study.derive(...), or read the participants into memory: "
        f"tk.study({people.engine.in_memory}, design=...)."
    )


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


def has_moments(model: "ModelSpec") -> bool:
    """Whether a model has continuous terms of which cells have moments alone."""
    sample = model.sample
    return sample.sums is not None and any(sample.columns[name].continuous for name in model.names[1:])


def needs_passes(model: "ModelSpec") -> bool:
    """Whether a model is fitted by passes; scores of a linear model are moments, which points have."""
    return has_moments(model) and model.family.name != "gaussian"


def require_streamed(model: "ModelSpec") -> None:
    """Raise EstimationError for a model with measurements that no pass can sum."""
    family, people = model.family.name, model.sample.study.people
    assert isinstance(people, EnginePeople)  # noqa: S101 - callers checked
    in_memory = people.engine.in_memory
    if family not in STREAMED:
        raise EstimationError(
            f"A model of family='{family}' with continuous terms needs the participants in memory. Use one "
            f"of {', '.join(STREAMED)}, create categories of the terms with study.derive(...), or read the "
            f"participants into memory: tk.study({in_memory}, design=...)."
        )
    if model.offset is not None:
        raise EstimationError(
            "A model with continuous terms and an offset needs the participants in memory. Create categories "
            "of the terms with study.derive(...), remove offset=, or read the participants into memory: "
            f"tk.study({in_memory}, design=...)."
        )
