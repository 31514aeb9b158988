"""Maximize weighted likelihoods by Newton's method: the one solver of all regression models."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from toolkit.errors import EstimationError
from toolkit.results import Floats, Mask

# Score against the sum of its absolute parts: rounding alone leaves about 1e-15.
SCORE_TOLERANCE = 1e-12
# Newton's error is squared each step: after two steps this small only rounding is left.
SMALL_STEP = 1e-6
SETTLED = 2
# The score of a penalty, or of a perfect fit, is rounding alone: steps of this size decide there.
ROUNDING_STEP = 1e-12
MAX_STEPS = 100
MAX_HALVINGS = 40
# Curvature below this share of the steepest is flat: the likelihood rises without end.
FLAT = 1e-14
# A log odds or hazard ratio this large for a standard deviation of its term is on its way to infinity.
ENDLESS = 8.0
FAR = 1e4
# R's lm and glm call a column collinear when less than this part of its length is its own.
COLLINEAR = 1e-7
# Below this share of own variance the normal equations would lose digits: the columns are made orthogonal.
NEARLY_COLLINEAR = 1e-5
# Rows of which a weighted copy stays in the processor's cache, and whose products wake no other thread.
BLOCK = 4_096
# glibc returns large arrays to the system when they are freed, so that each fit waits for new pages. When it
# has freed one of this many bytes, it keeps all up to that size (mallopt(3), M_MMAP_THRESHOLD).
KEPT = 31 * 2**20
np.empty(KEPT, np.uint8)


class NotConvergedError(EstimationError):
    """Newton's steps did not reach a maximum; `endless` are the parameters on their way to infinity."""

    def __init__(self, message: str, endless: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.endless = endless


class BoundaryError(NotConvergedError):
    """The maximum has a nonzero slope at a limit of the means; `cells` marks the patterns there."""

    def __init__(self, cells: Mask) -> None:
        super().__init__("The maximum is on the boundary.")
        self.cells = cells


class CollinearError(EstimationError):
    """Column number `column` follows from the columns numbered `others` before it."""

    def __init__(self, column: int, others: tuple[int, ...]) -> None:
        super().__init__(f"Column {column} follows from columns {others}.")
        self.column = column
        self.others = others


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The log-likelihood, up to a constant, at one set of parameters; NaN where only its slope is known."""

    value: float
    score: Floats  # not finite for impossible parameters
    information: Callable[[], Floats]  # minus the second derivatives, or their expectation
    # The share of each covariate pattern in the score, times a matrix (parameters x parameters).
    influence: Callable[[Floats], Floats]
    size: Callable[[], Floats]  # the sum of the absolute shares

    @classmethod
    def from_parts(cls, value: float, parts: Floats, information: Floats) -> "Evaluation":
        """Gather what is known of all parameters at once."""
        return cls(
            value,
            parts.sum(axis=0),
            lambda: information,
            lambda matrix: parts @ matrix,
            lambda: np.abs(parts).sum(axis=0),
        )


@dataclass(frozen=True, slots=True)
class Fit:
    """Parameters at the maximum, and what their design-based variance needs."""

    points: Floats
    influence: Floats  # patterns x parameters, weighted totals of the participants
    bread: Floats = field(default_factory=lambda: np.empty((0, 0)))  # inverse of the information
    score: Floats = field(default_factory=lambda: np.empty(0))  # zero but for rounding


def maximize(
    evaluate: Callable[[Floats], Evaluation],
    start: Floats,
    back: Floats | None = None,
    *,
    farthest: float = FAR,
) -> Fit:
    """Climb until the score is zero; reported are `back` @ the parameters. Raises NotConvergedError."""
    theta, settled, small, inverse = np.asarray(start, float), 0, False, np.empty(0)
    try:
        with np.errstate(all="ignore"):
            here = evaluate(theta)
            for _ in range(MAX_STEPS):
                if settled == SETTLED:
                    return _describe_maximum(theta, here, np.eye(len(theta)) if back is None else back)
                if not small:  # Near the maximum the curvature is that of the step before.
                    inverse = _invert_curvature(here.information())
                step = inverse @ here.score
                largest, size = np.abs(step).max(), 1 + np.abs(theta).max()
                small = bool(largest <= SMALL_STEP * size)
                theta, here = _move(evaluate, theta, here, step, small=small)
                settled = settled + 1 if small and (largest <= ROUNDING_STEP * size or _is_zero(here)) else 0
                if np.abs(theta).max() > farthest:
                    break
        raise NotConvergedError(f"The score is not zero after {MAX_STEPS} Newton steps.")  # noqa: TRY301
    except NotConvergedError as error:
        endless = tuple(int(k) for k in np.flatnonzero(np.abs(theta) > ENDLESS))
        raise NotConvergedError(str(error), endless) from None


def _describe_maximum(theta: Floats, here: Evaluation, back: Floats) -> Fit:
    try:
        inverse = np.asarray(np.linalg.inv(here.information()), np.float64)
    except np.linalg.LinAlgError:
        raise NotConvergedError("The information is singular.") from None
    if (np.diag(inverse) <= 0).any():
        raise NotConvergedError("The score is zero at a point that is not a maximum.")
    return Fit(back @ theta, here.influence(inverse @ back.T), back @ inverse @ back.T, here.score)


def _invert_curvature(information: Floats) -> Floats:
    """Invert the information; where the likelihood is not concave, point uphill along its own axes."""
    if not np.isfinite(information).all():
        raise NotConvergedError("The log-likelihood is not finite.")
    try:
        own = np.square(np.linalg.cholesky(information).diagonal())
        if own.size and own.min() > NEARLY_COLLINEAR * own.max():
            return np.asarray(np.linalg.inv(information), np.float64)
    except np.linalg.LinAlgError:
        pass
    values, axes = np.linalg.eigh((information + information.T) / 2)
    steepest = np.abs(values).max(initial=0.0)
    if np.abs(values[:1]).max(initial=0.0) <= FLAT * steepest:
        raise NotConvergedError("The information is singular.")
    if values[0] < 0:
        values = np.maximum(np.abs(values), 1e-8 * steepest)
    return np.asarray((axes / values) @ axes.T, np.float64)


def _move(
    evaluate: Callable[[Floats], Evaluation], theta: Floats, here: Evaluation, step: Floats, *, small: bool
) -> tuple[Floats, Evaluation]:
    """Take a step, halved until it does not lead down; the last, smallest ones are below rounding."""
    if not np.isfinite(step).all():
        raise NotConvergedError("The log-likelihood is not finite.")
    for halvings in range(1 if small else MAX_HALVINGS):
        ahead = theta + step * 0.5**halvings
        there = evaluate(ahead)
        if small or _leads_up(here, there, step):
            return ahead, there
    raise NotConvergedError("No step raises the likelihood.")


def _leads_up(here: Evaluation, there: Evaluation, step: Floats) -> bool:
    """Compare two values, or where they are unknown the slopes along the step: past the top it turns."""
    if not np.isfinite(there.score).all():
        return False
    if np.isnan(here.value):
        return bool(abs(there.score @ step) <= here.score @ step)
    return bool(np.isfinite(there.value) and there.value >= here.value - 1e-12 * abs(here.value))


def _is_zero(here: Evaluation) -> bool:
    return bool((np.abs(here.score) <= SCORE_TOLERANCE * np.maximum(here.size(), 1e-300)).all())


def scale_slopes(X: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Scale the columns of a model without an intercept, as `scale_columns` of `[1, X]`."""
    return scale_columns(np.column_stack([np.ones(len(X)), X]), weight)


def scale_columns(X: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Center and scale columns so that fits lose no digits: `gamma` for Z is `back @ gamma` for X."""
    share = weight / weight.sum()
    center = share @ X
    center[0] = 0.0
    if not np.all(X[:, 0] == 1.0):
        center[:] = 0.0
    Z = np.subtract(X, center, order="F")
    products = weighted_products(Z, share)
    length = np.sqrt(products.diagonal())
    empty = np.flatnonzero(length <= COLLINEAR * np.hypot(center, length))
    if empty.size:
        raise CollinearError(int(empty[0]), (0,) if empty[0] else ())
    Z /= length
    back = np.eye(X.shape[1])
    back[0] -= center
    back /= length
    return _orthogonalize(Z, share, back, products / np.outer(length, length))


def weighted_products(Z: Floats, weight: Floats) -> Floats:
    """Compute Z' W Z in blocks of rows, so that no weighted copy of all rows is made."""
    total, room = np.zeros((Z.shape[1],) * 2), np.empty((min(BLOCK, len(Z)), Z.shape[1]), order="F")
    for first in range(0, len(Z), BLOCK):
        rows = Z[first : first + BLOCK]
        weighted = np.multiply(rows, weight[first : first + BLOCK, None], out=room[: len(rows)])
        total += weighted.T @ rows
    return total


def _orthogonalize(Z: Floats, share: Floats, back: Floats, gram: Floats) -> tuple[Floats, Floats]:
    try:
        own = np.square(np.diag(np.asarray(np.linalg.cholesky(gram))))
    except np.linalg.LinAlgError:
        own = np.zeros(1)
    if own.min() > NEARLY_COLLINEAR:
        return Z, back
    root = np.sqrt(share)[:, None]
    first = _triangle(Z * root)
    _refuse_collinear(first)
    # Two passes: what the first leaves of rounding, the second takes.
    Z = solve(first.T, Z.T).T
    again = _triangle(Z * root)
    return solve(again.T, Z.T).T, back @ np.asarray(np.linalg.inv(again @ first), np.float64)


# numpy's stubs leave the precision of these open.
def _triangle(A: Floats) -> Floats:
    return np.asarray(np.linalg.qr(A, mode="r"), np.float64)


def solve(A: Floats, b: Floats) -> Floats:
    """Solve A x = b."""
    return np.asarray(np.linalg.solve(A, b), np.float64)


def _refuse_collinear(R: Floats) -> None:
    rows, p = R.shape
    own = np.abs(np.diag(R))
    short = [j for j in range(p) if j >= rows or own[j] <= COLLINEAR]
    if short:
        j = short[0]
        follows = np.linalg.lstsq(R[:, :j], R[:, j], rcond=None)[0]
        others = np.flatnonzero(np.abs(follows) > np.sqrt(COLLINEAR))
        raise CollinearError(j, tuple(int(k) for k in others))
