"""Estimate a model in each group of an analysis: the harness of all model estimators."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from toolkit.errors import DesignError, EstimationError
from toolkit.estimate.regression.coefficient_rows import (
    Analysis,
    Answer,
    Reported,
    common,
    failed,
    heading_of,
    report_coefficients,
    with_covariates,
)
from toolkit.estimate.regression.fit import Regression, regress
from toolkit.estimate.regression.formula import ONE
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import check_confidence, counts, divide_sample, for_review
from toolkit.results import Mask


def estimate(
    analysis: Analysis,
    *,
    fit: Callable[[ModelSpec, Mask], Regression] = regress,
    report: Callable[[Analysis, Regression], Iterable[Reported]] = report_coefficients,
    headings: Sequence[Mapping[str, Any]] | None = None,
) -> Answer:
    """Fit the model in each group of `by` and report its rows; one that fails has rows with the reason."""
    check_confidence(analysis.confidence)
    model, found, shared = analysis.model, Answer(analysis, [], []), common(analysis)
    sample, by = model.sample, analysis.by
    for levels, group in divide_sample(sample, by):
        counted: dict[str, Any] = counts(sample, by, levels, model.complete(group))
        covariates: tuple[tuple[str, str], ...] = ()
        try:
            counted["n"] = int(sample.persons[model.cells(group)].sum())
            fitted = fit(model, group)
            reported = list(report(analysis, fitted))
            counted["n_cases"], covariates = fitted.n_cases, fitted.covariates
        except (EstimationError, DesignError) as error:
            if not by:
                raise
            rows = headings or [heading_of(analysis, term) for term in analysis.terms or (ONE,)]
            reported = [({**row, **failed(str(error))}, None) for row in rows]
        for row, part in reported:
            own = {**shared, **dict(zip(by, levels, strict=True)), **counted, **row}
            found.rows.append(for_review(with_covariates(covariates, own), sample.review))
            found.parts.append(part)
    return found
