"""Climb a weighted log-likelihood by Newton's own steps until its score is zero.

Takes a function from parameters to a `Place` (value, each cell's part of the score, information); gives the
`Maximum` with influence values. What is climbed, the families say: `ordinal`, `multinomial`, `counts`,
`hazards`, `conditional`, `firth`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.estimate.regression.fit_errors import NotConvergedError
from toolkit.estimate.regression.likelihoods.glm import basis

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# As of the generalised linear models: the score against the sum of its absolute parts, and steps so small
# that only rounding is left.
SCORE_TOLERANCE = 1e-12
SMALL_STEP = 1e-6
# A penalty's score cancels, so that its rounding may stay above that: steps of this size are rounding.
ROUNDING_STEP = 1e-12
SETTLED = 2
MAX_STEPS = 100
MAX_HALVINGS = 40
# A log odds or hazard ratio this large for a standard deviation of its term is on its way to infinity.
ENDLESS = 8.0
FAR = 1e4


@dataclass(frozen=True, slots=True)
class Place:
    """The log-likelihood at one set of parameters.

    Attributes
    ----------
    value
        Weighted log-likelihood, up to a constant; -inf where the parameters are impossible.
    parts
        Cells x parameters: each cell's part of the score, weighted.
    information
        Minus the second derivatives.
    """

    value: float
    parts: "Floats"
    information: "Floats"


@dataclass(frozen=True, slots=True)
class Maximum:
    """Parameters at the top, and what the design-based variance needs of them.

    Attributes
    ----------
    points
        One a parameter.
    influence
        Cells x parameters: how far the cell's people move each parameter, in sum.
    bread
        Inverse of the information.
    score
        The weighted score at the top, which is zero but for rounding.
    """

    points: "Floats"
    influence: "Floats"
    bread: "Floats"
    score: "Floats"


def slopes(X: "Floats", weight: "Floats") -> "tuple[Floats, Floats]":
    """Give columns that are easy to compute with, and the way back to the coefficients of those given.

    Parameters
    ----------
    X
        A design matrix without an intercept.
    weight
        The weight of each cell.

    Returns
    -------
    tuple
        `Z` with the intercept first, and `back`: coefficients of `[1, X]` are `back @ gamma`.

    Raises
    ------
    CollinearError
        If a column follows from others or does not vary; the intercept has place 0.
    """
    return basis(np.column_stack([np.ones(len(X)), X]), weight)


def climb(place: "Callable[[Floats], Place]", start: "Floats", back: "Floats | None" = None) -> Maximum:
    """Find the top from a start.

    Parameters
    ----------
    place
        Parameters -> the log-likelihood there.
    start
        Where it is finite.
    back
        Parameters as they are shown = `back` @ those climbed with; None for the same.

    Returns
    -------
    Maximum
        With a score of zero (1e-12 of the sum of its absolute parts).

    Raises
    ------
    NotConvergedError
        If there is no top, or it is not reached.

    Examples
    --------
    >>> def bowl(at): return Place(-float(at @ at), -2 * at[None, :], 2 * np.eye(1))
    >>> climb(bowl, np.array([3.0])).points.tolist()
    [0.0]
    """
    theta, settled = np.asarray(start, float), 0
    try:
        with np.errstate(all="ignore"):
            here = place(theta)
            for _ in range(MAX_STEPS):
                if settled == SETTLED:
                    return _maximum(theta, here, np.eye(len(theta)) if back is None else back)
                step = _step(here.information, here.parts.sum(axis=0))
                small = bool(np.abs(step).max() <= SMALL_STEP * (1 + np.abs(theta).max()))
                theta, here = _moved(place, theta, here, step, small)
                tiny = bool(np.abs(step).max() <= ROUNDING_STEP * (1 + np.abs(theta).max()))
                settled = settled + 1 if small and (tiny or _is_zero(here)) else 0
                if np.abs(theta).max() > FAR:
                    break
        raise NotConvergedError(f"the score is not zero after {MAX_STEPS} Newton steps")  # noqa: TRY301
    except NotConvergedError as error:
        endless = tuple(int(k) for k in np.flatnonzero(np.abs(theta) > ENDLESS))
        raise NotConvergedError(str(error), endless) from None


def _maximum(theta: "Floats", here: Place, back: "Floats") -> Maximum:
    inverse = _inverse(here.information)
    influence = here.parts @ (inverse @ back.T)
    return Maximum(back @ theta, influence, back @ inverse @ back.T, here.parts.sum(axis=0))


def _step(information: "Floats", score: "Floats") -> "Floats":
    """Go where the parabola has its top; where there is none, uphill along its own axes."""
    if not np.isfinite(information).all() or not np.isfinite(score).all():
        raise NotConvergedError("the log-likelihood is not finite")
    values, axes = np.linalg.eigh((information + information.T) / 2)
    steepest = np.abs(values).max(initial=0.0)
    if steepest == 0:
        raise NotConvergedError("the information is singular")
    if values[0] <= 1e-14 * steepest:
        values = np.maximum(np.abs(values), 1e-8 * steepest)
    step: Floats = axes @ ((axes.T @ score) / values)
    return step


def _moved(
    place: "Callable[[Floats], Place]", theta: "Floats", here: Place, step: "Floats", small: bool
) -> "tuple[Floats, Place]":
    """Take a step, halved until it does not lead down; the last, smallest ones are below rounding."""
    if small:
        return theta + step, place(theta + step)
    for halvings in range(MAX_HALVINGS):
        ahead = theta + step * 0.5**halvings
        there = place(ahead)
        if np.isfinite(there.value) and there.value >= here.value - 1e-12 * abs(here.value):
            return ahead, there
    raise NotConvergedError("no step raises the likelihood")


def _is_zero(here: Place) -> bool:
    size = np.abs(here.parts).sum(axis=0)
    return bool((np.abs(here.parts.sum(axis=0)) <= SCORE_TOLERANCE * np.maximum(size, 1e-300)).all())


def _inverse(A: "Floats") -> "Floats":
    try:
        inverse = np.asarray(np.linalg.inv(A), np.float64)
    except np.linalg.LinAlgError:
        raise NotConvergedError("the information is singular") from None
    if (np.diag(inverse) <= 0).any():
        raise NotConvergedError("the top is no maximum")
    return inverse
