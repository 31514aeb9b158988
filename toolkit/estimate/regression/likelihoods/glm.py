"""Fit a generalised linear model to weighted cells until the score is zero, by Newton's own steps.

Takes a design matrix, outcomes and sums of weights as plain arrays; gives coefficients, the inverse of the
information and one influence value per cell and coefficient. It knows nothing of people or designs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from toolkit.estimate.regression.fit_errors import BoundaryError, CollinearError, NotConvergedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Score against the sum of its absolute parts: rounding alone leaves about 1e-15.
SCORE_TOLERANCE = 1e-12
# Newton's error is squared each step: after two steps this small only rounding is left.
SMALL_STEP = 1e-6
SETTLED = 2
MAX_STEPS = 60
MAX_HALVINGS = 40
# R's lm and glm call a column collinear when less than this part of its length is its own.
COLLINEAR = 1e-7
# A fitted prevalence so near to 1 is on the boundary of the log-binomial model.
BOUNDARY = 1e-7
# Below this share of own variance the normal equations would lose digits: the basis is made orthogonal.
NEARLY_COLLINEAR = 1e-5


@dataclass(frozen=True, slots=True)
class Family:
    """A distribution with its link: what the linear predictor means, and how much an outcome varies.

    Attributes
    ----------
    link
        Mean -> linear predictor.
    mean, slope
        Linear predictor -> mean, and the mean's derivative.
    variance
        Mean -> variance of one outcome, up to a factor.
    canonical
        True if slope equals variance, where Newton's steps and Fisher's scoring are one.
    """

    name: str
    link: "Callable[[Floats], Floats]"
    mean: "Callable[[Floats], Floats]"
    slope: "Callable[[Floats, Floats], Floats]"
    variance: "Callable[[Floats], Floats]"
    canonical: bool


@dataclass(frozen=True, slots=True)
class Fit:
    """The maximum, and what the design-based variance needs of it.

    Attributes
    ----------
    coefficients
        In the order of the columns of the design matrix.
    bread
        Inverse of the information, the sandwich's two outer parts.
    influence
        One row a cell, one column a coefficient: how far the cell's people move it, in sum.
    mean
        Fitted mean of each cell.
    steps
        How many Newton steps were taken.
    """

    coefficients: "Floats"
    bread: "Floats"
    influence: "Floats"
    mean: "Floats"
    steps: int


class _Data(NamedTuple):
    y: "Floats"
    weight: "Floats"
    family: Family
    offset: "Floats"


class _Point(NamedTuple):
    """One place on the way up; `pull` is each cell's part of the score, `working` of the information."""

    gamma: "Floats"
    mean: "Floats"
    pull: "Floats"
    factor: "Floats"
    working: "Floats"
    score: "Floats"


def fit(
    X: "Floats",
    y: "Floats",
    weight: "Floats",
    family: Family,
    *,
    offset: "Floats | None" = None,
    start: "Floats | None" = None,
) -> Fit:
    """Maximise the weighted likelihood of a generalised linear model.

    Parameters
    ----------
    X
        One row a cell, one column a coefficient. A first column of ones is the intercept.
    y
        The outcome of each cell, or its weighted mean in the cell.
    weight
        The sum of the weights of the cell's people, above zero.
    family
        One of `FAMILIES`.
    offset
        Added to the linear predictor; None for none.
    start
        Coefficients to start from; None starts from the mean.

    Returns
    -------
    Fit
        Coefficients with a score of zero (1e-12 of the sum of its absolute parts), and influence values.

    Raises
    ------
    CollinearError
        If a column follows from others.
    NotConvergedError
        If there is no maximum, or it is not reached.

    Examples
    --------
    >>> X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    >>> y, weight = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 3.0, 2.0, 2.0])
    >>> np.exp(fit(X, y, weight, FAMILIES["poisson"]).coefficients).round(12).tolist()
    [0.25, 2.0]
    """
    data = _Data(y, weight, family, np.zeros_like(y) if offset is None else offset)
    Z, back = basis(X, weight)
    first = _start(X, data) if start is None else _solve(back, start)
    point, steps = _climb(Z, data, first)
    inverse = _inverse_information(Z, point)
    influence = (Z * point.pull[:, None]) @ (inverse @ back.T)
    return Fit(back @ point.gamma, back @ inverse @ back.T, influence, point.mean, steps)


def fit_again(
    X: "Floats", y: "Floats", weight: "Floats", family: Family, *, offset: "Floats | None", start: "Floats"
) -> "Floats":
    """Give the coefficients alone, from others that are near: as `fit`, but weights may be zero."""
    data = _Data(y, weight, family, np.zeros_like(y) if offset is None else offset)
    Z, back = basis(X, weight)
    return back @ _climb(Z, data, _solve(back, start))[0].gamma


def basis(X: "Floats", weight: "Floats") -> "tuple[Floats, Floats]":
    """Give columns that span the same space with fewer digits lost, and the way back.

    Parameters
    ----------
    X
        A design matrix. A first column of ones is the intercept.
    weight
        The weight of each cell.

    Returns
    -------
    tuple
        `Z` and `back`: what is `gamma` for Z is `back @ gamma` for X.

    Raises
    ------
    CollinearError
        If a column follows from others.

    Examples
    --------
    >>> Z, back = basis(np.array([[1.0, 20.0], [1.0, 60.0]]), np.ones(2))
    >>> (Z @ np.linalg.inv(back)).tolist()
    [[1.0, 20.0], [1.0, 60.0]]
    """
    # Centred columns of unit length keep the digits that age in years beside a square of it would cost.
    p = X.shape[1]
    total = weight.sum()
    centre = (weight @ X) / total
    centre[0] = 0.0
    if not np.all(X[:, 0] == 1.0):
        centre[:] = 0.0
    Z = X - centre
    length = np.sqrt(weight @ np.square(Z) / total)
    size = np.sqrt(np.square(centre) + np.square(length))
    empty = np.flatnonzero(length <= COLLINEAR * size)
    if empty.size:
        raise CollinearError(int(empty[0]), (0,) if empty[0] else ())
    Z /= length
    back = np.eye(p)
    back[0] -= centre
    back /= length
    return _orthogonal(Z, weight / total, back)


def _orthogonal(Z: "Floats", share: "Floats", back: "Floats") -> "tuple[Floats, Floats]":
    gram = (Z * share[:, None]).T @ Z
    try:
        own = np.square(np.diag(np.asarray(np.linalg.cholesky(gram))))
    except np.linalg.LinAlgError:
        own = np.zeros(1)
    if own.min() > NEARLY_COLLINEAR:
        return Z, back
    root = np.sqrt(share)[:, None]
    R = _triangle(Z * root)
    _refuse_collinear(R)
    # Two passes: what the first leaves of rounding, the second takes.
    Z = _solve(R.T, Z.T).T
    again = _triangle(Z * root)
    return _solve(again.T, Z.T).T, back @ _inverse(again @ R)


# numpy's stubs leave the precision of these open.
def _triangle(A: "Floats") -> "Floats":
    return np.asarray(np.linalg.qr(A, mode="r"), np.float64)


def _solve(A: "Floats", b: "Floats") -> "Floats":
    return np.asarray(np.linalg.solve(A, b), np.float64)


def _inverse(A: "Floats") -> "Floats":
    return np.asarray(np.linalg.inv(A), np.float64)


def _refuse_collinear(R: "Floats") -> None:
    rows, p = R.shape
    own = np.abs(np.diag(R))
    short = [j for j in range(p) if j >= rows or own[j] <= COLLINEAR]
    if short:
        j = short[0]
        follows = np.linalg.lstsq(R[:, :j], R[:, j], rcond=None)[0]
        others = np.flatnonzero(np.abs(follows) > np.sqrt(COLLINEAR))
        raise CollinearError(j, tuple(int(k) for k in others))


def _start(X: "Floats", data: "_Data") -> "Floats":
    first = np.zeros(X.shape[1])
    if np.all(X[:, 0] == 1.0):
        level = np.average(data.y, weights=data.weight)
        first[0] = data.family.link(np.array([level]))[0] - np.average(data.offset, weights=data.weight)
    return first


def _climb(Z: "Floats", data: "_Data", gamma: "Floats") -> "tuple[_Point, int]":
    point = _at(Z, data, gamma)
    settled, small, inverse = 0, False, np.empty(0)
    for steps in range(MAX_STEPS):
        if settled == SETTLED:
            _refuse_boundary(data, point)
            return point, steps
        if not small:  # So near the top the slope of the score is what it was a step before.
            inverse = _inverse_information(Z, point)
        step = inverse @ point.score
        small = bool(np.abs(step).max() <= SMALL_STEP * (1 + np.abs(point.gamma).max()))
        point = _at(Z, data, point.gamma + step) if small else _shortened(Z, data, point, step)
        settled = settled + 1 if small and _is_zero(Z, data, point) else 0
    raise NotConvergedError(f"the score is not zero after {MAX_STEPS} Newton steps")


def _refuse_boundary(data: "_Data", point: "_Point") -> None:
    """Raise if a log link leads to a mean of 1 or more, where cases alone would hold the score at zero."""
    cells = (point.mean > 1 - BOUNDARY) & (data.weight > 0)
    if data.family.name == "log-binomial" and cells.any():
        raise BoundaryError(cells)


def _at(Z: "Floats", data: "_Data", gamma: "Floats") -> "_Point":
    family = data.family
    with np.errstate(all="ignore"):
        eta = data.offset + Z @ gamma
        mean = family.mean(eta)
        slope = family.slope(eta, mean)
        # A canonical link's slope is the variance: no division, hence no 0 / 0 at a mean of 0 or 1.
        factor = data.weight if family.canonical else data.weight * slope / family.variance(mean)
        pull = (data.y - mean) * factor
        return _Point(gamma, mean, pull, factor, factor * slope, pull @ Z)


def _inverse_information(Z: "Floats", point: "_Point") -> "Floats":
    try:
        return _inverse((Z * point.working[:, None]).T @ Z)
    except np.linalg.LinAlgError:
        raise NotConvergedError("the information is singular") from None


def _shortened(Z: "Floats", data: "_Data", point: "_Point", step: "Floats") -> "_Point":
    # Along the step the likelihood rises at first; past its top by more than that, the step was too long.
    rise = point.score @ step
    for halvings in range(MAX_HALVINGS):
        ahead = _at(Z, data, point.gamma + step * 0.5**halvings)
        usable = np.isfinite(ahead.score).all() and (ahead.working >= 0).all()
        if usable and abs(ahead.score @ step) <= rise:
            return ahead
    raise NotConvergedError("no step raises the likelihood")


def _is_zero(Z: "Floats", data: "_Data", point: "_Point") -> bool:
    parts = np.abs(point.factor) * (np.abs(data.y) + np.abs(point.mean))
    return bool((np.abs(point.score) <= SCORE_TOLERANCE * (parts @ np.abs(Z))).all())


def _logistic(eta: "Floats") -> "Floats":
    return 1.0 / (1.0 + np.exp(-eta))


def _binomial(mean: "Floats") -> "Floats":
    return mean * (1.0 - mean)


def _probit(mean: "Floats") -> "Floats":
    from scipy.special import ndtri

    return np.asarray(ndtri(mean))


def _normal(eta: "Floats") -> "Floats":
    from scipy.special import ndtr

    return np.asarray(ndtr(eta))


def _normal_density(eta: "Floats", _: "Floats") -> "Floats":
    return np.asarray(np.exp(-0.5 * np.square(eta)) / np.sqrt(2 * np.pi))


def _same(value: "Floats") -> "Floats":
    return value


def _mean_itself(_: "Floats", mean: "Floats") -> "Floats":
    return mean


FAMILIES = {
    f.name: f
    for f in (
        Family("logit", lambda m: np.log(m / (1 - m)), _logistic, lambda _, m: _binomial(m), _binomial, True),
        Family("poisson", np.log, np.exp, _mean_itself, _same, True),
        Family("gaussian", _same, _same, lambda _, m: np.ones_like(m), np.ones_like, True),
        Family("probit", _probit, _normal, _normal_density, _binomial, False),
        Family(
            "cloglog",
            lambda m: np.log(-np.log1p(-m)),
            lambda eta: -np.expm1(-np.exp(eta)),
            lambda eta, _: np.exp(eta - np.exp(eta)),
            _binomial,
            False,
        ),
        Family("log-binomial", np.log, np.exp, _mean_itself, _binomial, False),
    )
}
