"""Average a fitted model's predictions over its participants, with variables set to values.

The influence values of the averages, their ratios or differences count that the participants are a sample,
and how the averages depend on the coefficients.
Method: Graubard and Korn, Biometrics 55 (1999) 652-659; Binder, International Statistical Review 51 (1983).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import EstimationError
from toolkit.estimate.regression.counterfactuals import Setting, Standard
from toolkit.estimate.regression.engine_averages import average_by_passes
from toolkit.estimate.regression.engine_fits import has_moments
from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.regression.likelihoods import Family
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import Estimate, Sample, joint_covariance
from toolkit.results import Floats


@dataclass(frozen=True)
class _Predicted:
    """The averages, the prediction for each participant, and slopes by the coefficients."""

    averages: Floats
    each: Floats
    slopes: Floats


def average_predictions(model: ModelSpec, fitted: Regression, standard: Standard) -> Regression:
    """Replace the coefficients of a fitted generalized linear model by contrasts of average predictions."""
    if not isinstance(model.family, Family):
        raise EstimationError(
            f"A {model.family.name} model has no single mean to average. Use family='logit' or 'poisson'."
        )
    if has_moments(model):
        return average_by_passes(model, fitted, standard)
    matrices, offset = _build_settings(model, fitted, standard.settings)
    predict = _Predictor(model.family, matrices, offset)
    sample, inside = model.sample, fitted.inside
    found = predict.at(fitted.coefficients, sample.weights[inside])
    points, slopes = standard.combine(found.averages)
    own = sample.weights[inside, None] * (found.each - found.averages) / sample.weights[inside].sum()
    with np.errstate(invalid="ignore"):  # The ratio to an average of 0 has no influence values.
        influence = (own + fitted.influence @ found.slopes.T) @ slopes.T
    replicates = _replicates(fitted, sample, lambda b, w: standard.combine(predict.averages(b, w))[0])
    # What rounding leaves of predictions that cancel out is small beside this.
    scale = np.minimum(np.abs(slopes).sum(axis=1), 2.0) * np.abs(found.each).max()
    return replace(
        fitted,
        scale=scale,
        terms=standard.terms,
        coefficients=points,
        influence=influence,
        totals=None,
        replicates=replicates,
        covariance=joint_covariance(sample, Estimate(points, influence, inside, replicates)),
    )


def _build_settings(
    model: ModelSpec, fitted: Regression, settings: Sequence[Setting]
) -> tuple[Floats, Floats]:
    """Build the design matrix under each setting; the observed participants above keep levels and knots."""
    sample, n = model.sample, int(fitted.inside.sum())
    copies = len(settings)
    nobody = np.zeros(n * copies)
    participants = {name: own[fitted.inside] for name, own in sample.values.items()}
    values = {
        name: np.concatenate([own, *(setting[name](own) if name in setting else own for setting in settings)])
        for name, own in participants.items()
    }
    stacked = replace(
        sample,
        values=values,
        unit=np.tile(sample.unit[fitted.inside], copies + 1),
        weights=np.concatenate([sample.weights[fitted.inside], nobody]),
        persons=np.concatenate([sample.persons[fitted.inside], nobody.astype(np.int64)]),
    )
    there, everyone = model.on(stacked), np.ones(len(stacked.unit), bool)
    X, own = there.matrix(everyone).values, model.matrix(fitted.inside).values
    # Knots that are quantiles by weight may differ by a rounding error of their sums.
    if (np.abs(X[:n] - own) > 1e-9 * np.abs(own).max(axis=0)).any():
        raise EstimationError(
            "The model has terms that depend on its participants, so its predictions cannot be averaged. Use "
            "fixed numbers for what is taken from the data, such as the knots of a spline."
        )
    shift = there.shift(everyone)
    offset = np.zeros(len(X)) if shift is None else shift
    return X[n:].reshape(copies, n, -1), offset[n:].reshape(copies, n)


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
