"""Fit marginal models of repeated outcomes by generalized estimating equations."""

from dataclasses import replace

import numpy as np

from toolkit.errors import EstimationError, unknown
from toolkit.estimate.longitudinal.person_records import CLUSTER, ORDER, is_records, records
from toolkit.estimate.regression.coefficient_rows import Analysis
from toolkit.estimate.regression.formula.design_matrix import Matrix
from toolkit.estimate.regression.likelihoods.families import Likelihood
from toolkit.estimate.regression.likelihoods.gee import CORRELATIONS, solve_equations, sort_clusters
from toolkit.estimate.regression.likelihoods.glm import Family, family_named
from toolkit.estimate.regression.likelihoods.newton import Fit
from toolkit.estimate.regression.model_estimates import estimate
from toolkit.estimate.regression.specification import ratio_of, specify_formula
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names, with_covariance


@with_covariance
def gee(
    study: Study,
    formula: str,
    family: str = "logit",
    correlation: str = "exchangeable",
    *,
    section: str = "visits",
    domain: str = "",
    offset: str | None = None,
    by: Names = (),
    exponentiate: bool = False,
    confidence: float = 0.95,
) -> Estimates:
    """Fit a marginal model of repeated visits or nights by generalized estimating equations.

    Parameters
    ----------
    study
        A cohort with visits or a diary, or the study that `tk.records` returned.
    formula
        As for `tk.model`; variables of the visit and of the participant.
    family
        "logit", "poisson" (log link), "gaussian", "probit" or "cloglog".
    correlation
        Working correlation of a participant's outcomes: "exchangeable" (equal for all pairs), "ar1"
        (declining with the number of visits between) or "independence".
    section
        Which rows of the cohort: "visits" or "diary".
    domain
        A condition on the rows; missing is outside.
    offset
        A continuous variable or arithmetic, which enters with the coefficient 1.
    by
        Categories; one model within each of their levels.
    exponentiate
        True for ratios in place of coefficients.
    confidence
        Confidence level, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One result row per coefficient; `n` counts visits or nights.

    Raises
    ------
    VariableError, EstimationError
        As for `tk.model`; EstimationError also for an unknown correlation.
    DatasetError
        If the study has no such rows.

    Notes
    -----
    Estimates equal those of geeglm in R's geepack for equal weights. Standard errors are robust to the
    working correlation and clustered by participant, or by PSU if the design has PSUs, with t intervals.
    Those of geepack lack the factor m / (m - 1) for m clusters.

    Examples
    --------
    >>> import toolkit as tk
    >>> cohort = tk.open_study("example-cohort")
    >>> tk.gee(cohort, "any_cramps ~ sex", exponentiate=True)["estimand"].to_list()
    ['coefficient', 'odds_ratio']
    """
    _require(family, correlation)
    rows = study if is_records(study) else records(study, section)
    groups = as_names(by, "by")
    model = specify_formula(rows, formula, family, domain, offset, by=groups, also=_POSITION)
    ratio = ratio_of(family, model.outcome, offset=bool(offset)) if exponentiate else "coefficient"
    marginal = _equations(model.outcome.name, family_named(family), correlation)
    return estimate(Analysis(replace(model, family=marginal), groups, ratio, confidence=confidence)).frame()


_POSITION = (CLUSTER, ORDER)
_MARGINAL = ("logit", "poisson", "gaussian", "probit", "cloglog")


def _require(family: str, correlation: str) -> None:
    if family not in _MARGINAL:
        known = f"All: {', '.join(_MARGINAL)}"
        raise EstimationError(unknown("tk.gee has no family", family, _MARGINAL, known))
    if correlation not in CORRELATIONS:
        known = f"All: {', '.join(CORRELATIONS)}"
        raise EstimationError(unknown("tk.gee has no working correlation", correlation, CORRELATIONS, known))


def _equations(outcome: str, family: Family, correlation: str) -> Likelihood:
    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, offset: Floats | None) -> Fit:
        cluster, order = (sample.numbers(name)[inside] for name in _POSITION)
        places, within = sort_clusters(cluster, order, correlation)
        shift = None if offset is None else offset[places]
        weight = sample.weights[inside][places]
        found = solve_equations(matrix.values[places], y[places], weight, family, within, offset=shift)
        influence = np.empty_like(found.influence)
        influence[places] = found.influence
        return Fit(found.points, influence)

    return Likelihood(family.name, lambda sample: sample.numbers(outcome), maximize)
