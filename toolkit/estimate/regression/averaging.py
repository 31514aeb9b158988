"""Average a fitted model's predictions over people, with variables set to values: standardised prevalences.

Takes a fitted model and settings; gives it again with the averages, their ratios or differences in place of
coefficients. Their influence values count that the people averaged over are a sample, and how that moves with
the coefficients: one influence value for the whole estimator.
Method: Graubard and Korn, Biometrics 55 (1999) 652-659; Binder, International Statistical Review 51 (1983).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from toolkit.errors import EstimationError
from toolkit.estimate.regression.fit import Model, Regression
from toolkit.estimate.regression.formula.design_matrix import Term
from toolkit.estimate.regression.likelihoods.glm import Family
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.linearization import Estimate, joint_covariance
from toolkit.estimate.survey.variance.linearized import Floats

# What to do to the people: by name of a variable, the value that everyone gets.
Setting = dict[str, pl.Expr]
# Averages -> what is estimated, and its derivatives by the averages (rows: estimates).
Contrast = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Standard:
    """What is estimated of one fitted model.

    Attributes
    ----------
    settings
        One average for each.
    terms
        What the estimates are called.
    contrast
        From averages to estimates.
    """

    settings: Sequence[Setting]
    terms: tuple[Term, ...]
    contrast: Contrast


@dataclass(frozen=True)
class _Predicted:
    """The averages with what moves them."""

    averages: Floats
    each: Floats
    slopes: Floats


def themselves(averages: Floats) -> tuple[Floats, Floats]:
    """Leave averages as they are."""
    return averages, np.eye(len(averages))


def linear(matrix: Floats) -> Contrast:
    """Take sums and differences of averages.

    Examples
    --------
    >>> linear(np.array([[-1.0, 1.0]]))(np.array([0.25, 0.5]))[0]
    array([0.25])
    """
    return lambda averages: (matrix @ averages, matrix)


def log_ratios(below: int) -> Contrast:
    """Take the logarithm of the ratio of each other average to one of them.

    Examples
    --------
    >>> np.exp(log_ratios(0)(np.array([0.25, 0.5]))[0]).round(12)
    array([2.])
    """

    def contrast(averages: Floats) -> tuple[Floats, Floats]:
        marks = np.delete(np.eye(len(averages)), below, axis=0)
        marks[:, below] = -1.0
        with np.errstate(divide="ignore", invalid="ignore"):
            return marks @ np.log(averages), marks / averages

    return contrast


def averaged(model: Model, fitted: Regression, standard: Standard) -> Regression:
    """Give the averages of a fitted model's predictions in place of its coefficients.

    Parameters
    ----------
    model
        What was fitted: a generalised linear model.
    fitted
        The fit.
    standard
        Settings and what is made of their averages.

    Returns
    -------
    Regression
        Same people and degrees of freedom; a term for each estimate.

    Raises
    ------
    EstimationError
        For a model without predictions of one mean, or one whose columns depend on who is in it.
    """
    if model.elsewhere is None or not isinstance(model.family, Family):
        raise EstimationError(
            f"a {model.family.name} model has no single mean to average. Take family='logit' or 'poisson'."
        )
    matrices, offset = _set(model, fitted, standard.settings)
    predict = _Predictor(model.family, matrices, offset)
    sample, inside = model.sample, fitted.inside
    found = predict.at(fitted.coefficients, sample.weights[inside])
    points, slopes = standard.contrast(found.averages)
    own = sample.weights[inside, None] * (found.each - found.averages) / sample.weights[inside].sum()
    with np.errstate(invalid="ignore"):  # The ratio to an average of 0 has no influence values.
        influence = (own + fitted.influence @ found.slopes.T) @ slopes.T
    replicates = _replicates(fitted, sample, lambda b, w: standard.contrast(predict.averages(b, w))[0])
    # What rounding leaves of predictions that cancel out is small beside this.
    scale = np.minimum(np.abs(slopes).sum(axis=1), 2.0) * np.abs(found.each).max()
    return replace(
        fitted,
        scale=scale,
        terms=standard.terms,
        coefficients=points,
        influence=influence,
        replicates=replicates,
        covariance=joint_covariance(sample, Estimate(points, influence, inside, replicates)),
    )


def _set(model: Model, fitted: Regression, settings: Sequence[Setting]) -> tuple[Floats, Floats]:
    """Build the design matrix of the people of the fit as each setting would have them.

    They stand under the people as they are, without weight, so that levels and knots stay those of the fit.
    """
    sample, n = model.sample, int(fitted.inside.sum())
    people = sample.values.filter(fitted.inside)
    copies = [people.with_columns(**setting) for setting in settings]
    nobody = np.zeros(n * len(copies))
    stacked = replace(
        sample,
        values=pl.concat([people, *copies]),
        unit=np.tile(sample.unit[fitted.inside], len(copies) + 1),
        weights=np.concatenate([sample.weights[fitted.inside], nobody]),
        persons=np.concatenate([sample.persons[fitted.inside], nobody.astype(np.int64)]),
    )
    there = model.elsewhere(stacked) if model.elsewhere else model
    everyone = np.ones(len(stacked.unit), bool)
    X = there.build(everyone).values
    own = model.build(fitted.inside).values
    # Knots that are quantiles by weight may differ by a rounding error of their sums.
    if (np.abs(X[:n] - own) > 1e-9 * np.abs(own).max(axis=0)).any():
        raise EstimationError(
            "the model has terms that depend on who is in it, so its predictions cannot be averaged. Write "
            "numbers in place of what is taken from the people, such as the knots of a spline."
        )
    offset = there.offset(everyone) if there.offset else np.zeros(len(X))
    return X[n:].reshape(len(copies), n, -1), offset[n:].reshape(len(copies), n)


@dataclass(frozen=True)
class _Predictor:
    """Predictions of a family from coefficients, averaged by weights."""

    family: Family
    matrices: Floats
    offset: Floats

    def averages(self, coefficients: Floats, weights: Floats) -> Floats:
        mean = self.family.mean(self.matrices @ coefficients + self.offset)
        average: Floats = mean @ weights / weights.sum()
        return average

    def at(self, coefficients: Floats, weights: Floats) -> _Predicted:
        eta = self.matrices @ coefficients + self.offset
        mean = self.family.mean(eta)
        slope = self.family.slope(eta, mean) * weights / weights.sum()
        return _Predicted(
            mean @ weights / weights.sum(), mean.T, np.einsum("sn,snp->sp", slope, self.matrices)
        )


def _replicates(
    fitted: Regression, sample: Sample, points: Callable[[Floats, Floats], Floats]
) -> Floats | None:
    """Average anew with the coefficients and weights of each replicate."""
    replication = sample.units.replication
    if replication is None or fitted.replicates is None:
        return None
    weights, unit = sample.weights[fitted.inside], sample.unit[fitted.inside]
    pairs = zip(fitted.replicates, replication.factors, strict=True)
    return np.array([points(own, weights * factors[unit]) for own, factors in pairs])


def present_levels(model: Model, inside: Mask, name: str) -> list[str]:
    """Name the levels that somebody of the fit has, in the codebook's order."""
    column = model.sample.columns[name]
    there = np.unique(model.sample.codes(name)[inside])
    return [column.levels[code] for code in there]
