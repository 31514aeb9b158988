"""Fit the logit with Firth's penalty, finite where a level has no case or the outcome is separated.

The penalty is half the log-determinant of the information (Firth 1993; Heinze and Schemper 2002). Weights
are scaled to the number of participants, so that it counts as much as it does without weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, expit

from toolkit.estimate.regression.likelihoods.newton import Evaluation, Fit, maximize, scale_columns, solve
from toolkit.results import Floats


def fit_firth(X: Floats, y: Floats, weight: Floats, persons: float, *, offset: Floats | None = None) -> Fit:
    """Maximize the penalized likelihood; `persons` is the number of participants in all patterns."""
    Z, back = scale_columns(X, weight)
    evaluate = _penalize(Z, y, weight * (persons / weight.sum()), offset)
    return maximize(evaluate, np.zeros(Z.shape[1]), back)


@dataclass(frozen=True)
class Penalized:
    """A fit whose errors, intervals and tests are those of the penalized likelihood itself."""

    points: Floats
    covariance: Floats  # inverse of the information
    evaluate: Callable[[Floats], Evaluation]  # coefficients of scaled columns -> penalized likelihood
    back: Floats  # coefficients = `back` @ those of scaled columns
    deff: float = 1.0  # what the sum of weights was divided by
    along: str = ""  # the terms that separate the outcome

    def interval(self, place: int, confidence: float) -> tuple[float, float]:
        """Compute the profile penalized-likelihood interval of one coefficient."""
        fall = float(chdtri(1, 1 - confidence))
        return self._find_limit(place, fall, -1), self._find_limit(place, fall, +1)

    def test(self, place: int) -> tuple[float, float]:
        """Compute the penalized likelihood ratio that one coefficient is 0, and its p-value (1 df)."""
        points = self.points
        steps = 1 + int(abs(points[place]) / self._error(place))
        for value in np.linspace(float(points[place]), 0.0, 1 + steps)[1:]:
            points = self._constrain(
                place, float(value), self._predict(place, points, float(value - points[place]))
            )
        statistic = max(self._fall(points), 0.0)
        return statistic, float(chdtrc(1, statistic))

    def _error(self, place: int) -> float:
        return float(np.sqrt(self.covariance[place, place]))

    def _predict(self, place: int, points: Floats, step: float) -> Floats:
        """Predict all coefficients after a step of one, along the curvature at the maximum."""
        ahead: Floats = points + step * self.covariance[:, place] / self.covariance[place, place]
        return ahead

    def _constrain(self, place: int, value: float, start: Floats) -> Floats:
        """Maximize with one coefficient fixed at a value."""
        along = self.back[place]
        fixed = along * (value / (along @ along))
        free = np.asarray(np.linalg.svd(along[None, :])[2][1:].T, np.float64)
        if not free.size:
            return np.asarray(self.back @ fixed, np.float64)

        def restricted(at: Floats) -> Evaluation:
            whole = self.evaluate(fixed + free @ at)
            return Evaluation.from_parts(
                whole.value, whole.influence(free), free.T @ whole.information() @ free
            )

        found = maximize(restricted, free.T @ solve(self.back, start)).points
        return np.asarray(self.back @ (fixed + free @ found), np.float64)

    def _fall(self, points: Floats) -> float:
        """Compute twice the fall of the log-likelihood from its maximum."""
        top, there = (self.evaluate(solve(self.back, at)).value for at in (self.points, points))
        return 2 * (top - there)

    def _find_limit(self, place: int, fall: float, side: int) -> float:
        """Step from the maximum to where the likelihood has fallen so far."""
        step, inner = side * self._error(place), self.points
        for _ in range(60):
            outer = self._constrain(place, inner[place] + step, self._predict(place, inner, step))
            if self._fall(outer) > fall:
                return self._find_crossing(place, fall, inner, outer)
            inner = outer
        return side * np.inf

    def _find_crossing(self, place: int, fall: float, inner: Floats, outer: Floats) -> float:
        def excess(value: float) -> float:
            share = (value - inner[place]) / (outer[place] - inner[place])
            return self._fall(self._constrain(place, value, inner + share * (outer - inner))) - fall

        return float(brentq(excess, float(inner[place]), float(outer[place]), xtol=1e-12))


def fit_penalized(
    X: Floats, y: Floats, weight: Floats, size: float, *, offset: Floats | None = None
) -> Penalized:
    """Fit the logit with Firth's penalty to weights scaled to the effective sample size `size`."""
    Z, back = scale_columns(X, weight)
    scaled = weight * (size / weight.sum())
    evaluate = _penalize(Z, y, scaled, offset)
    top = maximize(evaluate, np.zeros(Z.shape[1])).points
    mean = expit(Z @ top if offset is None else offset + Z @ top)
    information = (Z * (scaled * mean * (1 - mean))[:, None]).T @ Z
    covariance = np.asarray(back @ np.linalg.inv(information) @ back.T, np.float64)
    return Penalized(back @ top, covariance, evaluate, back)


def _penalize(Z: Floats, y: Floats, weight: Floats, offset: Floats | None) -> Callable[[Floats], Evaluation]:
    return partial(_evaluate, Z, y, weight, np.zeros(len(y)) if offset is None else offset)


def _evaluate(Z: Floats, y: Floats, weight: Floats, offset: Floats, at: Floats) -> Evaluation:
    eta = offset + Z @ at
    mean = expit(eta)
    working, tilt = weight * mean * (1 - mean), 0.5 - mean
    information = (Z * working[:, None]).T @ Z
    sign, size = np.linalg.slogdet(information)
    if sign <= 0:
        return Evaluation.from_parts(-np.inf, np.zeros_like(Z), np.eye(len(at)))
    value = weight @ (y * eta - np.logaddexp(0, eta)) + size / 2
    V = Z @ np.linalg.inv(information)
    own = working * (Z * V).sum(axis=1) * tilt
    # A participant's weight moves the penalty through the own leverage and, by the information, through that
    # of all others; the weights' shares of the whole keep the parts' sum at the penalized score.
    cubed = _sum_products(working * tilt, Z, Z)
    others = working[:, None] * np.einsum("abc,ib,ic->ia", cubed, V, V, optimize=True)
    parts = Z * (weight * (y - mean) + own)[:, None] - others + np.outer(weight / weight.sum(), own @ Z)
    direct = (Z * (2 * own * tilt - working * (Z * V).sum(axis=1) * mean * (1 - mean))[:, None]).T @ Z
    through_leverage = 2 * np.einsum("abd,bdc->ac", _sum_products(working * tilt, Z, V), cubed)
    return Evaluation.from_parts(float(value), parts, information - direct + through_leverage)


def _sum_products(by: Floats, Z: Floats, V: Floats) -> Floats:
    product: Floats = np.einsum("ja,jb,jc->abc", Z * by[:, None], V, V, optimize=True)
    return product
