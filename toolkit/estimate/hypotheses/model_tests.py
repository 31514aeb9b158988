"""Test whether terms of a regression model can be left out: Wald, and likelihood ratio by Rao and Scott.

Takes a study, a formula and names of terms; gives one result row.
Method: as regTermTest of R's survey package; the working likelihood ratio against its own distribution
(Lumley and Scott, Australian & New Zealand Journal of Statistics 56 (2014) 1-14).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import fdtrc

from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.regression.diagnostics import find_flaw
from toolkit.estimate.regression.fit import Regression, regress
from toolkit.estimate.regression.formula.design_matrix import Matrix, Predictors, Term
from toolkit.estimate.regression.formula.factors import quoted
from toolkit.estimate.regression.formula.terms import term_key
from toolkit.estimate.regression.likelihoods.glm import Family
from toolkit.estimate.regression.specification import Degrees, ModelSpec, specify_formula
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.distributions import upper_tail
from toolkit.estimate.survey.people import People, people_of, result_of
from toolkit.estimate.survey.reliability import judge_test
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.results import Estimates
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_names

METHODS = {"wald": "Wald F", "rao-scott": "Rao-Scott likelihood ratio"}


@dataclass(frozen=True)
class Ratio:
    """A working likelihood ratio: twice the gain in weighted log-likelihood, and what it is spread like.

    Attributes
    ----------
    chi_square
        The statistic, with weights of mean 1.
    effects
        Generalised design effects, the weights of the chi-squares of 1 df that it is a sum of.
    """

    chi_square: float
    effects: Floats


def term_test(
    study: Study,
    formula: str,
    terms: Names,
    *,
    family: str = "logit",
    method: str = "wald",
    offset: str | None = None,
    by: Names = (),
    domain: str = "",
    df: Degrees = "model",
) -> Estimates:
    """Test whether terms of a regression model can be left out together.

    Parameters
    ----------
    study
        The study.
    formula
        As in `model`: the whole model, the terms to be tested among its terms.
    terms
        Names of variables, or what stands in the formula: "education", ("sex", "sex:age"), "I(age ** 2)".
    family, offset
        As in `model`.
    method
        "wald" (an F with the model's degrees of freedom) or "rao-scott" (working likelihood ratio).
    by
        Categories; one test within each combination of their levels.
    domain
        A condition such as "age >= 20"; null is outside.
    df
        "model" as R's regTermTest; "design" for the adjusted Wald test on q and df - q + 1 degrees of
        freedom, where df is PSUs minus strata.

    Returns
    -------
    Estimates
        Result rows, estimand "term": `statistic` is an F ("wald") or a chi-square ("rao-scott"), with
        `df_numerator`, `df` and `p_value`; `deff` is the mean generalised design effect of the likelihood
        ratio.

    Raises
    ------
    VariableError
        For a term that the formula does not have.
    EstimationError
        For an unknown method or family, and if the model cannot be fitted.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"nights": [0.0, 2.0, 1.0, 5.0, 4.0], "age": [20.0, 30.0, 40.0, 70.0, 50.0]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="five people")
    >>> term_test(mine, "nights ~ age", "age", family="gaussian")["df"].item()
    3.0
    """
    if method not in METHODS:
        raise EstimationError(unknown("there is no method", method, METHODS, f"All: {', '.join(METHODS)}"))
    by = as_names(by, "by")
    model = specify_formula(study, formula, family, domain, offset, by=by, degrees=df)
    sample = model.sample
    wanted = as_names(terms, "terms")
    people = people_of(sample, by, sample.complete(list(model.names)))
    rows = [_group_row(model, group, wanted, method, alone=not by) for group in people]
    return result_of(sample, rows, by, {"estimand": "term"})


def _group_row(
    model: ModelSpec, group: People, wanted: tuple[str, ...], method: str, *, alone: bool
) -> dict[str, Any]:
    name = ", ".join(wanted)
    row = {
        "group": group.levels,
        "outcome": model.outcome.name,
        "outcome_label": model.outcome.variable.label,
        "exposure": name,
        "exposure_label": ", ".join(_label(model, term) for term in wanted),
        "level": method,
        "level_label": METHODS[method],
        "n": group.n,
        "n_missing": group.missing,
    }
    try:
        found = tested(model, group, wanted, method)
    except EstimationError as error:
        if alone:
            raise
        return {**row, "reliability": "failed", "reason": str(error)}
    return {**row, **found}


def _label(model: ModelSpec, term: str) -> str:
    columns = model.sample.columns
    return columns[term].variable.label if term in columns else term


def tested(model: ModelSpec, group: People, wanted: tuple[str, ...], method: str) -> dict[str, Any]:
    """Test terms of a model within one group of people.

    Parameters
    ----------
    model, group
        The whole model, and the people that it is fitted to.
    wanted, method
        As `term_test` takes them.

    Returns
    -------
    dict
        Columns of a result row.

    Raises
    ------
    EstimationError
        If the model cannot be fitted.
    """
    if not group.inside.any():
        raise EstimationError("nobody in the domain has this level.")
    fitted = regress(model, group.inside)
    places = _places(fitted.terms, wanted)
    flaws = dict.fromkeys(filter(None, (find_flaw(model, fitted, fitted.terms[place]) for place in places)))
    verdict = judge_test(fitted.design_df, "; ".join(flaws) or None)
    common = {
        "df_numerator": len(places),
        "df": fitted.df,
        "n_cases": fitted.n_cases,
        "reliability": verdict[0],
        "reason": verdict[1],
    }
    own = _wald(fitted, places) if method == "wald" else _rao_scott(model, group, fitted, places)
    return {**common, **own}


def _places(terms: Sequence[Term], wanted: tuple[str, ...]) -> list[int]:
    known = list(dict.fromkeys(term.exposure for term in terms if term.exposure))
    by_key = {key: name for name in reversed(known) for key in (term_key(quoted(name)), term_key(name))}
    chosen = set()
    for name in wanted:
        own = name if name in known else by_key.get(term_key(name))
        if own is None:
            raise VariableError(unknown("the model has no term", name, known, f"All: {', '.join(known)}"))
        chosen.add(own)
    return [place for place, term in enumerate(terms) if term.exposure in chosen]


def _wald(fitted: Regression, places: list[int]) -> Mapping[str, Any]:
    f, df, size = fitted.joint_test(places)
    return {"statistic": f, "df": df, "p_value": float(fdtrc(size, df, f))}


def _rao_scott(model: ModelSpec, group: People, fitted: Regression, places: list[int]) -> Mapping[str, Any]:
    if not isinstance(model.family, Family):
        raise EstimationError(
            f"the family '{model.family.name}' has no Rao-Scott likelihood ratio here. Take method='wald'."
        )
    ratio = likelihood_ratio(model, model.family, group.inside, fitted, places)
    p = upper_tail(ratio.chi_square, ratio.effects, fitted.df)
    return {"statistic": ratio.chi_square, "p_value": p, "deff": float(ratio.effects.mean())}


def likelihood_ratio(
    model: ModelSpec, family: Family, group: Mask, fitted: Regression, places: list[int]
) -> Ratio:
    """Compare a fitted model with the one without some of its columns.

    Parameters
    ----------
    model, family, group, fitted
        The model with its distribution, the cells that it was fitted in, and the fit.
    places
        The columns to leave out.

    Returns
    -------
    Ratio
        With weights scaled to a mean of 1 among all people of the group.
    """
    sample, inside = model.sample, fitted.inside
    scale = float(sample.persons[group].sum() / sample.weights[group].sum())
    weights, y = scale * sample.weights[inside], sample.numbers(model.outcome.name)[inside]
    X, shift = model.matrix(inside).values, model.shift(inside)
    offset = np.zeros(len(X)) if shift is None else shift
    smaller = regress(replace(model, predictors=_Without(model.predictors, tuple(places))), group)
    kept = np.delete(X, places, axis=1)
    full, less = X @ fitted.coefficients + offset, kept @ smaller.coefficients + offset
    gain = family.deviance(y, family.mean(less), weights) - family.deviance(y, family.mean(full), weights)
    working = np.linalg.inv(_information(family, X, full, weights))[np.ix_(places, places)]
    effects = np.linalg.eigvals(np.linalg.solve(working, fitted.covariance[np.ix_(places, places)])).real
    return Ratio(gain, np.sort(effects)[::-1])


@dataclass(frozen=True)
class _Without:
    """Predictors without some of their columns."""

    predictors: Predictors
    places: tuple[int, ...]

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix."""
        whole = self.predictors.matrix(sample, inside)
        terms = tuple(term for place, term in enumerate(whole.terms) if place not in self.places)
        return Matrix(np.delete(whole.values, self.places, axis=1), terms)


def _information(family: Family, X: Floats, eta: Floats, weights: Floats) -> Floats:
    mean = family.mean(eta)
    working = weights * np.square(family.slope(eta, mean)) / family.variance(mean)
    return np.asarray(X.T @ (X * working[:, None]))
