"""Average the predictions of a model over participants on an engine, by passes that sum them."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from toolkit.estimate.regression.engine_fits import StreamedModel, write_model
from toolkit.estimate.survey import Estimate, joint_covariance
from toolkit.results import Floats
from toolkit.studies import COMPUTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.estimate.regression.counterfactuals import Setting, Standard
    from toolkit.estimate.regression.fit import Regression
    from toolkit.estimate.regression.specification import ModelSpec


@dataclass(frozen=True)
class _Averages:
    """A model under settings, as expressions over participants."""

    streamed: StreamedModel
    # For each setting the columns of the design matrix, centered and scaled as those observed.
    settings: tuple[tuple[pl.Expr, ...], ...]

    def steps(self, theta: Floats) -> list[dict[str, pl.Expr]]:
        """Compute the predictions under each setting, and their slopes by the linear predictor."""
        columns: dict[str, pl.Expr] = {}
        etas: dict[str, pl.Expr] = {}
        means: dict[str, pl.Expr] = {}
        for s, own in enumerate(self.settings):
            places = {k: self._place(s, k) for k in range(len(own))}
            columns |= {place: own[k] for k, place in places.items() if place != self.streamed.place(k)}
            etas[self._name(s, "eta")] = self.streamed.predictor(theta, list(places.values()))
            means[self._name(s, "mean")] = self.streamed.mean(pl.col(self._name(s, "eta")))
        return [*self.streamed.steps(theta), columns, etas, means]

    def _place(self, s: int, k: int) -> str:
        """Name the column of a setting; one that is as observed is not computed again."""
        same = self.settings[s][k].meta.eq(self.streamed.columns[k])
        return self.streamed.place(k) if same else self._name(s, f"x{k}")

    @staticmethod
    def _name(s: int, part: str) -> str:
        return f"{COMPUTED}setting {s} {part}"

    def mean(self, s: int) -> pl.Expr:
        """Name the predictions under a setting."""
        return pl.col(self._name(s, "mean"))

    def sums(self) -> dict[str, pl.Expr]:
        """List the sums of weights, of predictions, and of slopes by each coefficient."""
        weight = self.streamed.weight
        sums = {"weight": weight.sum()}
        for s, own in enumerate(self.settings):
            curve = weight * self.streamed.slope(self.mean(s))
            sums[f"mean {s}"] = (weight * self.mean(s)).sum()
            sums |= {f"slope {s},{k}": (curve * pl.col(self._place(s, k))).sum() for k in range(len(own))}
        return sums


def average_by_passes(model: "ModelSpec", fitted: "Regression", standard: "Standard") -> "Regression":
    """Replace the coefficients of a model fitted on an engine by contrasts of average predictions."""
    streamed, scaling = write_model(model, fitted.inside)
    settings = tuple(scaling.columns(columns) for columns in _express(model, fitted, standard.settings))
    averages = _Averages(streamed, settings)
    theta = scaling.forward(fitted.coefficients, streamed.origin)
    steps, sums = averages.steps(theta), streamed.sums
    count = range(len(settings))
    predicted = [streamed.weight * averages.mean(s) for s in count]
    if sums.persons:
        row, own = sums.total(streamed.where, steps, averages.sums() | streamed.products(len(theta))), None
    else:
        row, own = sums.total_and_by_cell(
            streamed.where, steps, averages.sums(), [*predicted, streamed.weight]
        )
    size = row["weight"]
    means = np.array([row[f"mean {s}"] for s in count]) / size
    slopes = np.array([[row[f"slope {s},{k}"] for k in range(len(theta))] for s in count]) / size
    points, contrast = standard.combine(means + streamed.origin)
    with np.errstate(invalid="ignore"):  # The ratio to an average of 0 has no influence values.
        if own is None:
            by_score = contrast @ slopes @ np.linalg.inv(streamed.matrix(row, len(theta)))
            values = _write_influence(averages, by_score, contrast, means, size)
            influence = sums.total_and_by_cell(streamed.where, steps, {}, values)[1][fitted.inside]
        else:
            own = own[fitted.inside]
            direct = (own[:, :-1] - own[:, -1:] * means) / size
            influence = (direct + fitted.influence @ scaling.slopes(slopes).T) @ contrast.T
    found = Estimate(points, influence, fitted.inside)
    return replace(
        fitted,
        scale=np.minimum(np.abs(contrast).sum(axis=1), 2.0) * np.abs(means + streamed.origin).max(),
        terms=standard.terms,
        coefficients=points,
        influence=influence,
        totals=None,
        replicates=None,
        covariance=joint_covariance(model.sample, found),
    )


def _write_influence(
    averages: _Averages, by_score: Floats, contrast: Floats, means: Floats, size: float
) -> list[pl.Expr]:
    """Write influence values of estimates as expressions; `contrast` combines averages to estimates."""
    streamed, influence = averages.streamed, []
    for own, factors in zip(contrast.tolist(), by_score, strict=True):
        value = streamed.pull * streamed.predictor(factors, [streamed.place(k) for k in range(len(factors))])
        for s, (factor, mean) in enumerate(zip(own, means.tolist(), strict=True)):
            if factor:
                value = value + factor / size * streamed.weight * (averages.mean(s) - mean)
        influence.append(value)
    return influence


def _express(model: "ModelSpec", fitted: "Regression", settings: "Sequence[Setting]") -> list[list[pl.Expr]]:
    """Write the columns of the design matrix under each setting."""
    columns = model.sample.columns
    observed = {name: columns[name].expression for name in model.names}
    return [
        model.express(
            fitted.inside,
            {**observed, **{n: change.express(columns[n]) for n, change in setting.items()}},
        )
        for setting in settings
    ]
