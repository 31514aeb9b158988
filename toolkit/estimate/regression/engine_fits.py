"""Fit models with continuous terms to participants on an engine, by passes that sum scores and information.

The points that stand for a cell's participants give starting values, centers and lengths of the columns; each
Newton step is one aggregate query, and the last query sums the scores of each cell for the variance.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
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
# Below this part of its length that is its own, a column makes the columns be turned.
_NEARLY_COLLINEAR = 0.05
# After a step below this the information of the pass before is as good as its own.
_NEAR = 1e-3
# The error of the parameters, in standard deviations of the columns, at which the last pass is made.
_REACHED = 1e-12
_ETA, _MEAN, _PULL, _CURVE, _WEIGHT = (
    f"{COMPUTED}{name}" for name in ("eta", "mean", "pull", "curve", "own weight")
)


@dataclass(frozen=True)
class Scaling:
    """How the columns of a design matrix are centered and scaled, and turned if they are near collinear."""

    # Mean and standard deviation of each column; 0 and 1 for the intercept.
    center: Floats
    length: Floats
    # Makes columns orthogonal; the identity matrix where they need not be.
    turn: Floats

    @classmethod
    def of(cls, X: Floats, weight: Floats) -> "Scaling":
        """Compute it of the points of cells, which have the moments of participants."""
        share = weight / weight.sum()
        center = share @ X if np.all(X[:, 0] == 1.0) else np.zeros(X.shape[1])
        length = np.sqrt(share @ np.square(X - center))
        if np.all(X[:, 0] == 1.0):
            center[0], length[0] = 0.0, 1.0
        R: Floats = np.asarray(np.linalg.qr(np.sqrt(share)[:, None] * (X - center) / length, mode="r"), float)
        own = np.abs(R.diagonal())
        near = bool(0 < own.min() < _NEARLY_COLLINEAR) and len(R) == X.shape[1]
        turn = np.linalg.inv(R) if near else np.eye(X.shape[1])
        return cls(center, length, np.asarray(turn, np.float64))

    @cached_property
    def back(self) -> Floats:
        """The matrix that converts coefficients of scaled columns."""
        back: Floats = np.diag(1 / self.length)
        back[0, 1:] -= self.center[1:] / self.length[1:]
        turned: Floats = back @ self.turn
        return turned

    def forward(self, points: Floats, origin: float = 0.0) -> Floats:
        """Convert coefficients to those of scaled columns, of an outcome less an origin."""
        moved = points.copy()
        moved[0] -= origin
        return np.asarray(np.linalg.solve(self.back, moved), np.float64)

    def slopes(self, scaled: Floats) -> Floats:
        """Convert derivatives by coefficients of scaled columns, in rows."""
        return np.asarray(np.linalg.solve(self.back.T, scaled.T).T, np.float64)

    def columns(self, raw: Sequence[pl.Expr]) -> tuple[pl.Expr, ...]:
        """Write columns so."""
        pairs = zip(raw, self.center.tolist(), self.length.tolist(), strict=True)
        own = [one if (c, length) == (0.0, 1.0) else (one - c) / length for one, c, length in pairs]
        turned = []
        for k, factors in enumerate(self.turn.T.tolist()):
            used = [(j, factor) for j, factor in enumerate(factors) if factor]
            plain = used == [(k, 1.0)]
            turned.append(own[k] if plain else reduce(operator.add, [own[j] * f for j, f in used]))
        return tuple(turned)


@dataclass(frozen=True)
class StreamedModel:
    """A model as expressions over participants: the columns of its matrix, centered and scaled."""

    sums: "ParticipantSums"
    inside: Mask
    where: tuple[pl.Expr, ...]
    family: str
    outcome: pl.Expr
    columns: tuple[pl.Expr, ...]
    # What a continuous outcome is a deviation from.
    origin: float = 0.0
    # By which columns are turned.
    turn: Floats = field(default_factory=lambda: np.eye(1))

    def totals(self, theta: Floats, *, information: bool) -> tuple[Floats, Floats]:
        """Sum the score, and the information if asked for, over all participants."""
        p = len(theta)
        sums = {str(k): score.sum() for k, score in enumerate(self._scores(p))}
        row = self.sums.total(self.where, self.steps(theta), sums | (self.products(p) if information else {}))
        return np.array([row[str(k)] for k in range(p)], float), self.matrix(row, p)

    def by_cell(self, theta: Floats) -> tuple[Floats, Floats]:
        """Sum the score over the participants of each point of the fit, and the information over all."""
        p = len(theta)
        row, placed = self.sums.total_and_by_cell(
            self.where, self.steps(theta), self.products(p), self._scores(p)
        )
        return placed[self.inside], self.matrix(row, p)

    def separates(self, theta: Floats) -> bool:
        """Whether a linear predictor has all cases on one side and all others on the other."""
        case = self.outcome > 0
        eta, none = pl.col(_ETA), pl.lit(None, pl.Float64)
        sums = {
            "lowest": pl.when(case).then(eta).otherwise(none).min(),
            "highest": pl.when(case).then(none).otherwise(eta).max(),
        }
        row = self.sums.total(self.where, self.steps(theta)[:2], sums)
        return row["lowest"] is not None and row["highest"] is not None and row["lowest"] >= row["highest"]

    @staticmethod
    def place(k: int) -> str:
        """Name a column of the design matrix."""
        return f"{COMPUTED}x{k}"

    @property
    def weight(self) -> pl.Expr:
        """The weight of each participant."""
        return pl.col(_WEIGHT)

    @property
    def pull(self) -> pl.Expr:
        """The weighted residual, with which columns give the score."""
        return pl.col(_PULL)

    def products(self, p: int) -> dict[str, pl.Expr]:
        """List the sums of the information."""
        places = [(j, k) for j in range(p) for k in range(j + 1)]
        curved = [pl.col(_CURVE) * pl.col(self.place(j)) for j in range(p)]
        return {f"{j},{k}": (curved[j] * pl.col(self.place(k))).sum() for j, k in places}

    @staticmethod
    def matrix(row: Mapping[str, float], p: int) -> Floats:
        """Write sums of products as a symmetric matrix; zeros where there are none."""
        matrix = np.zeros((p, p))
        for j in range(p):
            for k in range(j + 1):
                matrix[j, k] = matrix[k, j] = row.get(f"{j},{k}", 0.0)
        return matrix

    def _scores(self, p: int) -> list[pl.Expr]:
        return [self.pull * pl.col(self.place(k)) for k in range(p)]

    @staticmethod
    def predictor(theta: Floats, places: Sequence[str]) -> pl.Expr:
        """Write a linear predictor of columns."""
        return sum((float(b) * pl.col(name) for b, name in zip(theta, places, strict=True)), pl.lit(0.0))

    def mean(self, eta: pl.Expr) -> pl.Expr:
        """Write the inverse link."""
        if self.family == "gaussian":
            return eta
        return 1 / (1 + (-eta).exp()) if self.family == "logit" else eta.exp()

    def slope(self, mean: pl.Expr) -> pl.Expr:
        """Write the derivative of the inverse link."""
        if self.family == "gaussian":
            return pl.lit(1.0)
        return mean * (1 - mean) if self.family == "logit" else mean

    def steps(self, theta: Floats) -> list[dict[str, pl.Expr]]:
        """Compute columns, linear predictor, mean, and what score and information multiply columns by."""
        places = [self.place(k) for k in range(len(theta))]
        weight, mean = self.weight, pl.col(_MEAN)
        return [
            {_WEIGHT: self.sums.weight, **dict(zip(places, self.columns, strict=True))},
            {_ETA: self.predictor(theta, places)},
            {_MEAN: self.mean(pl.col(_ETA))},
            {_PULL: weight * (self.outcome - mean), _CURVE: weight * self.slope(mean)},
        ]


class SeparatedError(NotConvergedError):
    """A linear predictor has all cases beyond a value; `endless` are its parameters."""

    def __init__(self, endless: tuple[int, ...]) -> None:
        super().__init__("The outcome is separated.", endless)


def fit_by_passes(model: "ModelSpec", attempt: "Attempt", inside: Mask) -> Fit:
    """Maximize the likelihood of a model with continuous terms by passes over the participants."""
    weight, family = model.sample.weights[inside], model.family
    assert isinstance(family, Family)  # noqa: S101 - `require_streamed` refuses others
    streamed, scaling = write_model(model, inside, attempt.matrix)
    theta = _climb(streamed, scaling.forward(_start(attempt, weight, family), streamed.origin))
    scores, information = streamed.by_cell(theta)
    inverse, back = np.linalg.inv(information), scaling.back
    # What is left of the score is worth a last step, which needs no pass.
    points = back @ (theta + inverse @ scores.sum(axis=0))
    points[0] += streamed.origin
    return Fit(points, scores @ (inverse @ back.T), back @ inverse @ back.T, scores.sum(axis=0))


def _start(attempt: "Attempt", weight: Floats, family: Family) -> Floats:
    """Fit the points; where the outcome separates them, perhaps not participants, use the mean."""
    X = attempt.matrix.values
    try:
        return fit_glm(X, attempt.y, weight, family).points
    except NotConvergedError:
        mean = float(weight @ attempt.y / weight.sum())
        points = np.zeros(X.shape[1])
        if np.all(X[:, 0] == 1.0):
            points[0] = np.log(mean / (1 - mean) if family.name == "logit" else mean)
        return points


def _climb(streamed: StreamedModel, theta: Floats) -> Floats:
    """Take Newton steps until the next would be rounding."""
    score, information = streamed.totals(theta, information=True)
    for _ in range(_MAX_PASSES):
        step = _solve(streamed, information, score, theta)
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
            step = _solve(streamed, information, score, theta)
            theta = theta + step
            if np.abs(step).max() * size <= _REACHED:
                return theta
            score, fresh = streamed.totals(theta, information=True)
        information = fresh
        farthest = float(np.abs((streamed.turn @ theta)[1:]).max(initial=0.0))
        if farthest > FAR or (
            streamed.family == "logit" and farthest > ENDLESS and streamed.separates(theta)
        ):
            raise SeparatedError(_endless(streamed.turn @ theta))
    raise NotConvergedError(
        f"The score is not zero after {_MAX_PASSES} passes.", _endless(streamed.turn @ theta)
    )


def _descends(slope: float, rise: float) -> bool:
    """Whether the slope at the end of a step is less steep than at its start: it went not too far."""
    return bool(np.isfinite(slope) and slope > -rise)


def _endless(theta: Floats) -> tuple[int, ...]:
    return tuple(int(k) for k in np.flatnonzero(np.abs(theta) > ENDLESS) if k)


def _solve(streamed: StreamedModel, information: Floats, score: Floats, theta: Floats) -> Floats:
    if not (np.isfinite(information).all() and np.isfinite(score).all()):
        raise NotConvergedError("The log-likelihood is not finite.", _endless(streamed.turn @ theta))
    try:
        return np.asarray(np.linalg.solve(information, score), np.float64)
    except np.linalg.LinAlgError:
        raise NotConvergedError("The log-likelihood is flat.", _endless(streamed.turn @ theta)) from None


def write_model(
    model: "ModelSpec", inside: Mask, matrix: "Matrix | None" = None
) -> tuple[StreamedModel, Scaling]:
    """Write a model as expressions over participants, with the scaling of its columns."""
    sample, outcome = model.sample, model.outcome.expression
    assert sample.sums is not None  # noqa: S101 - callers checked
    values = (model.matrix(inside) if matrix is None else matrix).values
    scaling = Scaling.of(values, sample.weights[inside])
    bases = {name: sample.columns[name].expression for name in model.names}
    columns = scaling.columns(model.express(inside, bases))
    origin = 0.0
    if not model.outcome.continuous:
        outcome = (outcome == model.outcome.case).cast(pl.Float64)
    elif model.family.name == "gaussian" and np.all(values[:, 0] == 1.0):
        origin = sample.centers.get(model.outcome.name, 0.0)
        outcome = outcome - origin
    where = (*_complete(sample, model.names), *_group(sample, model.names, inside))
    family = model.family.name
    streamed = StreamedModel(sample.sums, inside, where, family, outcome, columns, origin, scaling.turn)
    return streamed, scaling


def _complete(sample: "Sample", names: Sequence[str]) -> list[pl.Expr]:
    return [sample.columns[name].expression.is_not_null() for name in names]


def _group(sample: "Sample", names: Sequence[str], inside: Mask) -> list[pl.Expr]:
    """Select the level of each variable that divides the participants into groups."""
    found = []
    for name, column in sample.columns.items():
        if name not in names and not column.continuous:
            (code,) = np.unique(sample.codes(name)[inside])
            found.append(column.expression == column.levels[code])
    return found


def has_moments(model: "ModelSpec") -> bool:
    """Whether a model has continuous terms of which cells have moments alone."""
    return model.sample.sums is not None and any(name in model.sample.centers for name in model.names[1:])


def needs_passes(model: "ModelSpec") -> bool:
    """Whether a model is fitted by passes; sums of the scores of a linear model are moments of cells."""
    sums = model.sample.sums
    return has_moments(model) and (model.family.name != "gaussian" or (sums is not None and sums.persons))


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
