"""Compute true conditional log odds from the outcome probabilities under each level of an exposure."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from toolkit.errors import EstimationError
from toolkit.results import SPLINE, variables_of
from toolkit.sources.simulated.generate import Array, logistic

GROUPS = 20  # into which a covariate with a spline is divided


def fit_log_odds(frame: pl.DataFrame, covariates: Sequence[str], chances: Array) -> Array:
    """Fit a logistic model with one intercept per world and common effects of the covariates.

    `chances` are probabilities, persons by worlds. Returns the intercepts. Newton's method.
    """
    names = variables_of(covariates)
    known = ~frame.select(pl.any_horizontal(pl.col(names).is_null())).to_series().to_numpy()
    frame, chances = frame.filter(known), chances[known]
    splines = variables_of(term for term in covariates if SPLINE.fullmatch(term))
    columns = [column for name in names for column in _columns(frame[name], spline=name in splines)]
    X = np.column_stack([column for column in columns if np.ptp(column) > 0] or [np.zeros(frame.height)])
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), np.finfo(float).tiny)
    mean = chances.mean(axis=0)
    worlds, intercepts, effects = len(mean), np.log(mean / (1 - mean)), np.zeros(X.shape[1])
    for _ in range(50):
        fitted = logistic((X @ effects)[:, None] + intercepts)
        variance = fitted * (1 - fitted)
        residual, cross = chances - fitted, X.T @ variance
        score = np.concatenate([residual.sum(axis=0), X.T @ residual.sum(axis=1)])
        within = X.T @ (X * variance.sum(axis=1)[:, None])
        information = np.block([[np.diag(variance.sum(axis=0)), cross.T], [cross, within]])
        step = np.linalg.lstsq(information, score, rcond=None)[0]  # covariates may be collinear
        intercepts, effects = intercepts + step[:worlds], effects + step[worlds:]
        if np.abs(step).max() < 1e-10:
            return np.asarray(intercepts)
    raise EstimationError("The conditional odds ratio did not converge. Supply fewer covariates in adjust=.")


def _columns(values: pl.Series, *, spline: bool) -> list[Array]:
    if spline:
        numbers = values.to_numpy()
        cuts = np.unique(np.quantile(numbers, np.arange(1, GROUPS) / GROUPS))
        codes = np.searchsorted(cuts, numbers, side="right")
    elif values.dtype.is_numeric():
        return [values.to_numpy().astype(float)]
    else:
        codes = values.to_physical().to_numpy()
    return [(codes == code).astype(float) for code in range(1, int(codes.max()) + 1)]
