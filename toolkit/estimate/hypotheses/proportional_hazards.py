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

from toolkit.errors import DesignError, EstimationError
from toolkit.estimate.regression.coefficient_rows import Asked, common, failed, heading_of, verdict
from toolkit.estimate.regression.fit import Likelihood, Regression, regress
from toolkit.estimate.regression.fit_errors import CollinearError, NotConvergedError
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term
from toolkit.estimate.regression.likelihoods.glm import FAMILIES, fit_glm
from toolkit.estimate.regression.likelihoods.newton import Fit
from toolkit.estimate.regression.specification import Request, question
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.groups import counts, groups
from toolkit.estimate.survey.reliability import for_review
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
    asked = question(Request(study, formula, "ordinal", domain, offset, by))
    asked = replace(asked, estimand="proportionality", model=replace(asked.model, family=_cuts(asked)))
    rows = []
    for levels, group in groups(asked.model.sample, by):
        for row in _group_rows(asked, levels, group):
            flagged = for_review(row, asked.model.sample.review)
            named = dict(zip(by, levels, strict=True))
            rows.append({**common(asked), **named, **flagged, "conf_level": None})
    return frame(rows, by)


def _cuts(asked: Asked) -> Likelihood:
    """Give the logits of all cuts as one family, so that their slopes have one covariance."""
    outcome, offset = asked.model.outcome, asked.model.offset

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask) -> Fit:
        weight, shift = sample.weights[inside], offset(inside) if offset else None
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

    return replace(cast("Likelihood", asked.model.family), terms=terms, maximize=maximize)


def _group_rows(asked: Asked, levels: tuple[str, ...], group: Mask) -> Iterator[dict[str, Any]]:
    sample, names = asked.model.sample, asked.model.names
    told = counts(sample, asked.by, levels, group & sample.complete(names))
    try:
        fitted = regress(asked.model, group)
        tests = list(_tests(fitted))
    except (EstimationError, DesignError, CollinearError) as error:
        if not asked.by:
            raise
        yield {
            **heading_of(asked, Term("", "", ALL, ALL)),
            "estimand": asked.estimand,
            **told,
            **failed(str(error)),
        }
        return
    for term, numbers in tests:
        named = {**heading_of(asked, term), "estimand": asked.estimand}
        yield {**named, **told, **numbers, **verdict(fitted)}


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
