"""Fit generalized linear models to weighted covariate patterns.

Logit, Poisson and Gaussian models need no other library. Every other distribution and link is that of
statsmodels, which supplies its functions and the IRLS fit; the shared solver takes the last steps from there.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy

from toolkit.estimate.regression.likelihoods.newton import (
    BoundaryError,
    Evaluation,
    Fit,
    NotConvergedError,
    maximize,
    scale_columns,
    solve,
    weighted_products,
)
from toolkit.results import Floats

# A fitted mean this close to a limit that the link lets it cross is on the boundary.
BOUNDARY = 1e-7
# Probabilities that differ from 0 and 1 by no more than this are those of an outcome that is separated.
CERTAIN = 1e-9
Start = Callable[[Floats, Floats, Floats, Floats], Floats | None]


@dataclass(frozen=True, slots=True)
class Family:
    """A distribution with its link, and the inverse link `mean` with its derivative `slope`."""

    name: str
    link: Callable[[Floats], Floats]
    mean: Callable[[Floats], Floats]
    slope: Callable[[Floats, Floats], Floats]
    variance: Callable[[Floats], Floats]  # up to a factor
    deviance: Callable[[Floats, Floats, Floats], float]  # up to a factor
    canonical: bool = False  # slope equals variance
    limits: tuple[float, float] = (-np.inf, np.inf)  # of the means
    start: Start | None = None  # starting coefficients; None for those of the mean outcome


def _logistic(eta: Floats) -> Floats:
    odds = np.exp(-eta)
    odds += 1.0
    return np.asarray(np.reciprocal(odds, out=odds), np.float64)


def _binomial_variance(mean: Floats) -> Floats:
    return mean * (1.0 - mean)


def _binomial_deviance(y: Floats, mean: Floats, weight: Floats) -> float:
    cases = xlogy(y, np.where(y > 0, y / mean, 1.0))
    return 2 * float(weight @ (cases + xlogy(1 - y, np.where(y < 1, (1 - y) / (1 - mean), 1.0))))


def _poisson_deviance(y: Floats, mean: Floats, weight: Floats) -> float:
    return 2 * float(weight @ (xlogy(y, np.where(y > 0, y / mean, 1.0)) - (y - mean)))


def _identity(value: Floats) -> Floats:
    return value


FAMILIES = {
    family.name: family
    for family in (
        Family(
            "logit",
            lambda m: np.log(m / (1 - m)),
            _logistic,
            lambda _, m: _binomial_variance(m),
            _binomial_variance,
            _binomial_deviance,
            canonical=True,
            limits=(0.0, 1.0),
        ),
        Family("poisson", np.log, np.exp, lambda _, m: m, _identity, _poisson_deviance, canonical=True),
        Family(
            "gaussian",
            _identity,
            _identity,
            lambda _, m: np.ones_like(m),
            np.ones_like,
            lambda y, m, w: float(w @ np.square(y - m)),
            canonical=True,
        ),
    )
}

# The name of a family of tk.model: distribution and link of statsmodels.
STATSMODELS_FAMILIES = {
    "probit": ("Binomial", "Probit"),
    "cloglog": ("Binomial", "CLogLog"),
    "loglog": ("Binomial", "LogLog"),
    "cauchit": ("Binomial", "Cauchy"),
    "log-binomial": ("Binomial", "Log"),
    "binomial-identity": ("Binomial", "Identity"),
    "poisson-identity": ("Poisson", "Identity"),
    "gaussian-log": ("Gaussian", "Log"),
    "gamma": ("Gamma", "Log"),
    "inverse-gaussian": ("InverseGaussian", "Log"),
}
GLM_FAMILIES = (*FAMILIES, *STATSMODELS_FAMILIES)
_NAMES = {
    ("Binomial", "Logit"): "logit",
    ("Poisson", "Log"): "poisson",
    ("Gaussian", "Identity"): "gaussian",
    ("NegativeBinomial", "Log"): "negative-binomial",
    ("Tweedie", "Log"): "tweedie",
    **{pair: name for name, pair in STATSMODELS_FAMILIES.items()},
}
_LIMITS = {"Binomial": (0.0, 1.0), "Gaussian": (-np.inf, np.inf)}


@cache
def family_named(name: str) -> Family:
    """Look up a family of tk.model; those of statsmodels import it."""
    if name in FAMILIES:
        return FAMILIES[name]
    from statsmodels.genmod import families

    distribution, link = STATSMODELS_FAMILIES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A link whose means may cross a limit: the limits are checked here.
        return adopt_family(getattr(families, distribution)(getattr(families.links, link)()))


def adopt_family(family: Any) -> Family:
    """Describe a distribution and link of statsmodels."""
    link, distribution = family.link, type(family).__name__
    return Family(
        _NAMES.get((distribution, type(link).__name__), f"{distribution} ({type(link).__name__} link)"),
        link,
        link.inverse,
        lambda eta, _: np.asarray(link.inverse_deriv(eta), np.float64),
        family.variance,
        lambda y, mean, weight: float(family.deviance(y, mean, var_weights=weight)),
        limits=_LIMITS.get(distribution, (0.0, np.inf)),
        start=partial(_fit_irls, family),
    )


def _fit_irls(family: Any, X: Floats, y: Floats, weight: Floats, offset: Floats) -> Floats | None:
    """Fit by statsmodels; None where it fails, which the solver then explains."""
    from statsmodels.genmod.generalized_linear_model import GLM

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fitted = GLM(y, X, family, offset=offset, var_weights=weight).fit(maxiter=100)
        except (ValueError, np.linalg.LinAlgError):
            return None
    return np.asarray(fitted.params, np.float64)


def fit_glm(
    X: Floats,
    y: Floats,
    weight: Floats,
    family: Family,
    *,
    offset: Floats | None = None,
    start: Floats | None = None,
) -> Fit:
    """Maximize the weighted likelihood of a generalized linear model.

    `X` has one row per covariate pattern, `y` the outcome of each or its weighted mean, `weight` the sum of
    weights, which may be zero where a `start` is given. Influence values rest on the expected information, as
    those of R's svyglm. Raises CollinearError, BoundaryError and NotConvergedError.
    """
    Z, back = scale_columns(X, weight)
    data = _Data(Z, y, weight, family, np.float64(0.0) if offset is None else offset)
    first = _choose_start(data, X, back, start)
    found = maximize(partial(_evaluate, data), first, back, farthest=np.inf)
    with np.errstate(all="ignore"):
        _refuse_limits(data, family.mean(data.offset + X @ found.points))
    return found


class _Data(NamedTuple):
    Z: Floats
    y: Floats
    weight: Floats
    family: Family
    offset: Floats | np.float64


def _choose_start(data: _Data, X: Floats, back: Floats, start: Floats | None) -> Floats:
    """Take the coefficients supplied or those of the family's start if usable, else the mean outcome."""
    if start is None and data.family.start:
        start = data.family.start(X, data.y, data.weight, np.broadcast_to(data.offset, len(X)))
    if start is not None:
        supplied = solve(back, start)
        with np.errstate(all="ignore"):
            if np.isfinite(_evaluate(data, supplied).score).all():
                return supplied
    first = np.zeros(X.shape[1])
    if np.all(X[:, 0] == 1.0):
        total = data.weight.sum()
        level = data.weight @ data.y / total
        offset = data.weight @ np.broadcast_to(data.offset, len(X)) / total
        first[0] = data.family.link(np.array([level]))[0] - offset
    return first


def _evaluate(data: _Data, gamma: Floats) -> Evaluation:
    Z, y, weight, family, offset = data
    eta = Z @ gamma
    eta += offset
    mean = family.mean(eta)
    # A canonical link's slope is the variance: no division, hence no 0 / 0 at a mean of 0 or 1.
    factor = weight if family.canonical else weight * family.slope(eta, mean) / family.variance(mean)
    pull = y - mean
    pull *= factor
    low, high = family.limits
    possible = low <= mean.min() and mean.max() <= high

    def influence(matrix: Floats) -> Floats:
        """Multiply in place, and give columns that are contiguous."""
        parts = (matrix.T @ Z.T).T
        parts *= pull[:, None]
        return np.asarray(parts, np.float64)

    return Evaluation(
        np.nan,
        pull @ Z if possible else np.full(len(gamma), np.nan),
        lambda: weighted_products(Z, factor * family.slope(eta, mean)),
        influence,
        lambda: np.array([np.abs(pull) @ np.abs(column) for column in Z.T]),
    )


def _refuse_limits(data: _Data, mean: Floats) -> None:
    """Raise if all means are at a limit, or some at a limit that the link lets them cross."""
    (low, high), far = data.family.limits, data.family.mean(np.array([-1e3, 1e3]))
    if np.isfinite(high) and np.minimum(mean - low, high - mean).max() < CERTAIN:
        raise NotConvergedError("All fitted probabilities are 0 or 1.")
    below = (far.min() < low) & (mean < low + BOUNDARY)
    above = (far.max() > high) & (mean > high - BOUNDARY)
    cells = (below | above) & (data.weight > 0)
    if cells.any():
        raise BoundaryError(cells)
