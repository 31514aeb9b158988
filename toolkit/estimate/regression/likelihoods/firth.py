"""Fit the logit with Firth's penalty, finite where a level has no case or the outcome is separated.

Takes a design matrix, outcomes, weights and a number of persons; gives the `Maximum` of the log-likelihood
plus half the log-determinant of the information (Firth 1993; Heinze and Schemper 2002). Weights are scaled
to the number of persons, so that the penalty weighs as much as it does without them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, expit

from toolkit.estimate.regression.likelihoods.glm import basis
from toolkit.estimate.regression.likelihoods.newton import Maximum, Place, climb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def fit_firth(
    X: "Floats", y: "Floats", weight: "Floats", persons: float, *, offset: "Floats | None" = None
) -> Maximum:
    """Maximise the weighted, penalised likelihood of a logit.

    Parameters
    ----------
    X
        One row a cell, one column a coefficient.
    y
        0 or 1 for each cell.
    weight
        The weight of each cell.
    persons
        Number of persons in all cells.
    offset
        Added to the linear predictor; None for none.

    Returns
    -------
    Maximum
        The coefficients. The influence values count what a weight does to the penalty.

    Raises
    ------
    CollinearError, NotConvergedError
        As of any fit.

    Examples
    --------
    >>> X, y = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    >>> np.exp(fit_firth(X, y, np.ones(4), 4).points).round(6).tolist()
    [1.0, 5.0]
    """
    Z, back = basis(X, weight)
    shift = np.zeros(len(y)) if offset is None else offset
    scaled = weight * (persons / weight.sum())
    return climb(lambda at: _place(at, Z, y, scaled, shift), np.zeros(Z.shape[1]), back)


@dataclass(frozen=True)
class Penalized:
    """A fit whose errors, intervals and tests are those of the penalized likelihood itself.

    Attributes
    ----------
    points, covariance
        Coefficients, and the inverse of the information at them.
    place
        Coefficients of an easier basis -> the penalized likelihood.
    back
        Coefficients = `back` @ those of the easier basis.
    deff, along
        What the weights' sum was divided by, and the terms that separate the outcome.
    """

    points: "Floats"
    covariance: "Floats"
    place: "Callable[[Floats], Place]"
    back: "Floats"
    deff: float = 1.0
    along: str = ""

    def interval(self, place: int, confidence: float) -> tuple[float, float]:
        """Compute the profile penalized-likelihood interval of one coefficient."""
        fall = float(chdtri(1, 1 - confidence))
        return self._end(place, fall, -1), self._end(place, fall, +1)

    def test(self, place: int) -> tuple[float, float]:
        """Compute the penalized likelihood ratio that one coefficient is 0, and its p-value (1 df)."""
        held = self.points
        steps = 1 + int(abs(held[place]) / self._error(place))
        for value in np.linspace(float(held[place]), 0.0, 1 + steps)[1:]:
            held = self._held(place, float(value), self._ahead(place, held, float(value - held[place])))
        statistic = max(self._fall(held), 0.0)
        return statistic, float(chdtrc(1, statistic))

    def _error(self, place: int) -> float:
        return float(np.sqrt(self.covariance[place, place]))

    def _ahead(self, place: int, held: "Floats", step: float) -> "Floats":
        """Guess where all coefficients go if one moves on: along the curvature at the top."""
        ahead: Floats = held + step * self.covariance[:, place] / self.covariance[place, place]
        return ahead

    def _held(self, place: int, value: float, start: "Floats") -> "Floats":
        """Give all coefficients at the top of the likelihood with one of them held at a value."""
        along = self.back[place]
        fixed = along * (value / (along @ along))
        free = np.asarray(np.linalg.svd(along[None, :])[2][1:].T, np.float64)
        if not free.size:
            return np.asarray(self.back @ fixed, np.float64)

        def restricted(at: "Floats") -> Place:
            whole = self.place(fixed + free @ at)
            return Place(whole.value, whole.parts @ free, free.T @ whole.information @ free)

        found = climb(restricted, free.T @ np.linalg.solve(self.back, start)).points
        return np.asarray(self.back @ (fixed + free @ found), np.float64)

    def _fall(self, held: "Floats") -> float:
        """Give twice by how much the likelihood is lower than at its top."""
        top, there = (
            self.place(np.asarray(np.linalg.solve(self.back, at), np.float64)).value
            for at in (self.points, held)
        )
        return 2 * (top - there)

    def _end(self, place: int, fall: float, side: int) -> float:
        """Walk from the top, step by step, to where the likelihood has fallen so far."""
        step, inner = side * self._error(place), self.points
        for _ in range(60):
            outer = self._held(place, inner[place] + step, self._ahead(place, inner, step))
            if self._fall(outer) > fall:
                return self._crossing(place, fall, (inner, outer))
            inner = outer
        return side * np.inf

    def _crossing(self, place: int, fall: float, ends: "tuple[Floats, Floats]") -> float:
        """Find where the likelihood has fallen so far, between coefficients where it has less and more."""
        inner, outer = ends

        def excess(value: float) -> float:
            share = (value - inner[place]) / (outer[place] - inner[place])
            return self._fall(self._held(place, value, inner + share * (outer - inner))) - fall

        return float(brentq(excess, float(inner[place]), float(outer[place]), xtol=1e-12))


def penalized(
    X: "Floats", y: "Floats", weight: "Floats", size: float, *, offset: "Floats | None" = None
) -> Penalized:
    """Fit a logit with Firth's penalty to weights that are scaled to sum to a size.

    Parameters
    ----------
    X, y, weight, offset
        As of `fit_firth`.
    size
        The effective number of persons.

    Returns
    -------
    Penalized
        Coefficients with the inverse information, profile intervals and tests (Heinze and Schemper 2002).

    Examples
    --------
    >>> X, y = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0, 1.0])
    >>> penalized(X, y, np.ones(4), 4).covariance.round(6).tolist()
    [[2.0, -2.0], [-2.0, 5.6]]
    """
    Z, back = basis(X, weight)
    shift = np.zeros(len(y)) if offset is None else offset
    scaled = weight * (size / weight.sum())

    def place(at: "Floats") -> Place:
        return _place(at, Z, y, scaled, shift)

    top = climb(place, np.zeros(Z.shape[1])).points
    mean = expit(shift + Z @ top)
    information = (Z * (scaled * mean * (1 - mean))[:, None]).T @ Z
    covariance = np.asarray(back @ np.linalg.inv(information) @ back.T, np.float64)
    return Penalized(back @ top, covariance, place, back)


def _place(at: "Floats", Z: "Floats", y: "Floats", weight: "Floats", shift: "Floats") -> Place:
    eta = shift + Z @ at
    mean = expit(eta)
    working, tilt = weight * mean * (1 - mean), 0.5 - mean
    information = (Z * working[:, None]).T @ Z
    sign, size = np.linalg.slogdet(information)
    if sign <= 0:
        return Place(-np.inf, np.zeros_like(Z), np.eye(len(at)))
    value = weight @ (y * eta - np.logaddexp(0, eta)) + size / 2
    V = Z @ np.linalg.inv(information)
    own = working * (Z * V).sum(axis=1) * tilt
    # A person's weight moves the penalty through the own leverage and, by the information, through that of
    # all others; the weights' shares of the whole keep the parts' sum at the penalised score.
    cubed = _threefold(working * tilt, Z, Z)
    others = working[:, None] * np.einsum("abc,ib,ic->ia", cubed, V, V, optimize=True)
    parts = Z * (weight * (y - mean) + own)[:, None] - others + np.outer(weight / weight.sum(), own @ Z)
    bend = (Z * (2 * own * tilt - working * (Z * V).sum(axis=1) * mean * (1 - mean))[:, None]).T @ Z
    turned = 2 * np.einsum("abd,bdc->ac", _threefold(working * tilt, Z, V), cubed)
    return Place(float(value), parts, information - bend + turned)


def _threefold(by: "Floats", Z: "Floats", V: "Floats") -> "Floats":
    product: Floats = np.einsum("ja,jb,jc->abc", Z * by[:, None], V, V, optimize=True)
    return product
