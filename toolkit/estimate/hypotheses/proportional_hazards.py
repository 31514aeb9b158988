"""Test whether one odds ratio holds for every cut through an ordered outcome.

Takes a study and the formula of an ordinal model; gives result rows of tests, one a variable and one of all.
Method: a logit for each cut, fitted apart; their slopes are compared by Wald's test with the covariance that
the design gives all of them together (Brant 1990, for surveys).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
from scipy.special import fdtrc

from toolkit.errors import EstimationError
from toolkit.estimate.regression.coefficient_rows import Analysis, Reported, heading_of, verdict
from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.regression.fit_errors import NotConvergedError
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term
from toolkit.estimate.regression.likelihoods.families import Likelihood
from toolkit.estimate.regression.likelihoods.glm import FAMILIES, fit_glm
from toolkit.estimate.regression.likelihoods.newton import Fit
from toolkit.estimate.regression.model_estimates import estimate
from toolkit.estimate.regression.specification import ModelSpec, specify_formula
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates, frame
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names

ALL = "all terms"


def proportionality(
    study: Study, formula: str, *, by: Names = (), domain: str = "", offset: str | None = None
) -> Estimates:
    """Test the assumption of the ordinal model: the same odds ratio wherever the outcome is cut.

    Parameters
    ----------
    study
        People, design and codebook.
    formula
        As of ``tk.model(..., family="ordinal")``.
    by
        Categories; one test within each of their levels.
    domain
        A condition in the domain language; null is outside.
    offset
        As of `tk.model`.

    Returns
    -------
    Estimates
        Result rows of estimand "proportionality": one a variable, then one of all together, each with
        statistic (F), degrees of freedom and p-value. A small p-value says that ratios differ by cut: show
        them apart, by logits of derived outcomes or by ``family="multinomial"``.

    Raises
    ------
    VariableError, EstimationError
        As `tk.model`; EstimationError also where one of the logits cannot be fitted.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> rows = tk.proportionality(study, "cramp_frequency ~ age + sex")
    >>> rows["level"].to_list(), rows["df_numerator"].to_list()
    (['age', 'sex', 'all terms'], [3.0, 3.0, 6.0])
    """
    by = as_names(by, "by")
    model = specify_formula(study, formula, "ordinal", domain, offset, by=by)
    model = replace(model, family=_cuts(model))
    analysis = Analysis(model, by, "proportionality")
    heading = {**heading_of(analysis, Term("", "", ALL, ALL)), **_TESTED}
    return frame(estimate(analysis, report=_report_tests, headings=[heading]).rows, by)


_TESTED = {"estimand": "proportionality", "conf_level": None}


def _report_tests(analysis: Analysis, fitted: Regression) -> Iterator[Reported]:
    for term, numbers in _tests(fitted):
        yield {**heading_of(analysis, term), **_TESTED, **numbers, **verdict(fitted)}, None


def _cuts(model: ModelSpec) -> Likelihood:
    """Give the logits of all cuts as one family, so that their slopes have one covariance."""
    outcome = model.outcome

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, shift: Floats | None) -> Fit:
        weight = sample.weights[inside]
        fits = []
        for cut in np.unique(y)[1:]:
            try:
                above = (y >= cut).astype(float)
                fits.append(fit_glm(matrix.values, above, weight, FAMILIES["logit"], offset=shift))
            except NotConvergedError:
                raise EstimationError(
                    f"the logit of '{outcome.name}' from '{outcome.levels[int(cut)]}' up does not converge: "
                    f"some term separates it. Merge levels with study.derive(...), or take fewer terms."
                ) from None
        return Fit(np.concatenate([f.points for f in fits]), np.hstack([f.influence for f in fits]))

    def terms(matrix: Matrix, y: Floats) -> tuple[Term, ...]:
        cuts = [outcome.levels[int(k)] for k in np.unique(y)[1:]]
        return tuple(replace(term, outcome_level=cut) for cut in cuts for term in matrix.terms)

    return replace(cast("Likelihood", model.family), terms=terms, maximize=maximize)


def _tests(fitted: Regression) -> Iterator[tuple[Term, dict[str, Any]]]:
    cuts = list(dict.fromkeys(term.outcome_level for term in fitted.terms))
    if len(cuts) < 2:
        raise EstimationError("the outcome has one cut only, and there is nothing to compare.")
    own = [term for term in fitted.terms if term.outcome_level == cuts[0]]
    slopes = [k for k, term in enumerate(own) if term.exposure]
    for exposure in dict.fromkeys(own[k].exposure for k in slopes):
        there = [k for k in slopes if own[k].exposure == exposure]
        label = own[there[0]].exposure_label
        yield Term(exposure, label, exposure, label), _wald(fitted, there, len(own))
    yield Term("", "", ALL, ALL), _wald(fitted, slopes, len(own))


def _wald(fitted: Regression, places: list[int], size: int) -> dict[str, Any]:
    """Compare the slopes of every later cut with those of the first."""
    cuts = len(fitted.terms) // size
    contrast = np.zeros((len(places) * (cuts - 1), len(fitted.terms)))
    for row, (cut, place) in enumerate((c, p) for c in range(1, cuts) for p in places):
        contrast[row, cut * size + place], contrast[row, place] = 1.0, -1.0
    apart, matrix = contrast @ fitted.coefficients, contrast @ fitted.covariance @ contrast.T
    if np.linalg.matrix_rank(matrix) < len(matrix):
        raise EstimationError(
            f"{len(matrix)} differences of slopes cannot be tested with {fitted.design_df} degrees of "
            f"freedom of the design. Take fewer terms, or merge levels of the outcome with study.derive(...)."
        )
    statistic = float(apart @ np.linalg.solve(matrix, apart)) / len(matrix)
    return {
        "statistic": statistic,
        "p_value": float(fdtrc(len(matrix), fitted.df, statistic)),
        "df": fitted.df,
        "df_numerator": len(matrix),
    }
