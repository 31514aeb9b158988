"""Model outcomes that were measured several times in each person, by generalised estimating equations.

Takes a cohort and a formula; gives result rows, one a coefficient. The working correlation makes the points
more precise; the errors hold whatever the correlation is.
"""

from dataclasses import replace
from typing import Literal, overload

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, unknown
from toolkit.estimate.longitudinal.person_records import CLUSTER, ORDER, is_records, records
from toolkit.estimate.regression.coefficient_rows import answer
from toolkit.estimate.regression.fit import Likelihood, Points
from toolkit.estimate.regression.formula.design_matrix import Matrix
from toolkit.estimate.regression.likelihoods.gee import CORRELATIONS, clusters, solve
from toolkit.estimate.regression.likelihoods.glm import FAMILIES, Family
from toolkit.estimate.regression.specification import Request, question
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.studies.study import Study
from toolkit.variables.arguments import Covaried, Names, as_names


@overload
def gee(
    study: Study,
    formula: str,
    family: str = ...,
    correlation: str = ...,
    *,
    section: str = ...,
    domain: str = ...,
    offset: str | None = ...,
    by: Names = ...,
    exponentiate: bool = ...,
    confidence: float = ...,
    covariance: Literal[True],
) -> Covaried: ...
@overload
def gee(
    study: Study,
    formula: str,
    family: str = ...,
    correlation: str = ...,
    *,
    section: str = ...,
    domain: str = ...,
    offset: str | None = ...,
    by: Names = ...,
    exponentiate: bool = ...,
    confidence: float = ...,
    covariance: Literal[False] = ...,
) -> pl.DataFrame: ...
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
    covariance: bool = False,
) -> pl.DataFrame | Covaried:
    """Fit a marginal model of repeated visits or nights by generalised estimating equations.

    Parameters
    ----------
    study
        A cohort with visits or a diary, or what `tk.records` made of one.
    formula
        As of `tk.model`; variables of the visit and of the person.
    family
        "logit", "poisson" (log link), "gaussian", "probit" or "cloglog".
    correlation
        Of a person's outcomes: "exchangeable" (all pairs alike), "ar1" (falling with the number of visits
        between) or "independence".
    section
        Which rows of the cohort: "visits" or "diary".
    domain
        A condition on the rows; null is outside.
    offset
        A number's name or arithmetic, added with the coefficient 1.
    by
        Categories; one model within each of their levels.
    exponentiate
        True for ratios in place of coefficients.
    confidence
        Of the interval, between 0 and 1.
    covariance
        True to get the covariance of the coefficients too.

    Returns
    -------
    polars.DataFrame
        Result rows, one a coefficient; `n` counts visits or nights. With `covariance=True` a tuple of frame
        and matrix.

    Raises
    ------
    VariableError, EstimationError
        As `tk.model`; EstimationError also for an unknown correlation.
    DatasetError
        If the study has no such rows.

    Notes
    -----
    Points as geeglm of R's geepack for equal weights. Errors are robust and clustered by person, or by PSU
    where the design has them, with Student's t by the number of these; geepack's lack the factor of the
    number of clusters over that number less 1.

    Examples
    --------
    >>> import toolkit as tk
    >>> cohort = tk.open_study("example-cohort")
    >>> tk.gee(cohort, "any_cramps ~ sex", exponentiate=True)["estimand"].to_list()
    ['coefficient', 'odds_ratio']
    """
    _require(family, correlation)
    rows = study if is_records(study) else records(study, section)
    names = as_names(by, "by")
    asked = question(
        Request(rows, formula, family, domain, offset, names, exponentiate, confidence), also=_PLACE
    )
    marginal = _equations(asked.model.outcome.name, FAMILIES[family], correlation, asked.model.offset)
    found = answer(replace(asked, model=replace(asked.model, family=marginal)))
    return (found.frame(), found.covariance()) if covariance else found.frame()


_PLACE = (CLUSTER, ORDER)
_MARGINAL = ("logit", "poisson", "gaussian", "probit", "cloglog")


def _require(family: str, correlation: str) -> None:
    if family not in _MARGINAL:
        known = f"All: {', '.join(_MARGINAL)}"
        raise EstimationError(unknown("estimating equations have no family", family, _MARGINAL, known))
    if correlation not in CORRELATIONS:
        known = f"All: {', '.join(CORRELATIONS)}"
        raise EstimationError(unknown("there is no working correlation", correlation, CORRELATIONS, known))


def _equations(outcome: str, family: Family, correlation: str, offset: object) -> Likelihood:
    def maximise(matrix: Matrix, y: Floats, sample: Sample, inside: Mask) -> Points:
        person, order = (sample.numbers(name)[inside] for name in _PLACE)
        places, within = clusters(person, order, correlation)
        shift = offset(inside)[places] if callable(offset) else None
        weight = sample.weights[inside][places]
        found = solve(matrix.values[places], y[places], weight, family, within, offset=shift)
        influence = np.empty_like(found.influence)
        influence[places] = found.influence
        return found.points, influence

    return Likelihood(
        family.name,
        lambda sample: sample.numbers(outcome),
        lambda matrix, _: matrix.terms,
        maximise,
        lambda matrix: len(matrix.terms),
    )
