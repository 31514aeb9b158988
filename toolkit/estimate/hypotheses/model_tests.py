"""Test regression models: terms that may be left out, and proportional odds.

Terms as regTermTest of R's survey package, with the working likelihood ratio against its own distribution
(Lumley and Scott, Australian & New Zealand Journal of Statistics 56 (2014) 1-14). Proportional odds by a
logit for each cut of the outcome: Wald's test of their slopes with the joint covariance (Brant 1990).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from scipy.special import fdtrc

from toolkit.errors import EstimationError, VariableError, require_known, unknown
from toolkit.estimate.regression import (
    FAMILIES,
    Analysis,
    Degrees,
    Family,
    Fit,
    Likelihood,
    Matrix,
    ModelSpec,
    NotConvergedError,
    Passes,
    Predictors,
    Regression,
    Reported,
    Term,
    estimate,
    find_flaw,
    fit_glm,
    heading_of,
    regress,
    specify_formula,
    term_key,
    verdict,
)
from toolkit.estimate.survey import (
    Group,
    Row,
    Sample,
    count_groups,
    heading,
    judge_test,
    make_result,
    run_tests,
    upper_tail,
    verdict_columns,
)
from toolkit.results import Estimates, Floats, Mask, frame
from toolkit.studies import Study
from toolkit.variables import Names, as_names, quoted, with_request

ALL = "all terms"
METHODS = {"wald": "Wald F", "rao-scott": "Rao-Scott likelihood ratio"}


@with_request
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
    """Test terms of a regression model jointly.

    Parameters
    ----------
    study
        The study.
    formula
        As in `model`: the full model with the terms to be tested.
    terms
        Names of variables, or terms as in the formula: "education", ("sex", "sex:age"), "I(age ** 2)".
    family, offset
        As in `model`.
    method
        "wald" (an F with the model's degrees of freedom) or "rao-scott" (working likelihood ratio).
    by
        Categorical variables; one test in each combination of their levels.
    domain
        A condition such as "age >= 20"; null is outside.
    df
        "model" as R's regTermTest; "design" for the adjusted Wald test on q and df - q + 1 degrees of
        freedom, where df is PSUs minus strata.

    Returns
    -------
    Estimates
        Result rows, estimand "term": `statistic` is an F ("wald") or a chi-square ("rao-scott"), with
        `df_numerator`, `df` and `p_value`; `deff` is the mean generalized design effect of the likelihood
        ratio.

    Raises
    ------
    VariableError
        If the formula does not have a term.
    EstimationError
        If the method or family is unknown, or the model cannot be fitted.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"nights": [0.0, 2.0, 1.0, 5.0, 4.0], "age": [20.0, 30.0, 40.0, 70.0, 50.0]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="five people")
    >>> term_test(mine, "nights ~ age", "age", family="gaussian")["df"].item()
    3.0
    """
    require_known("tk.term_test has no method", method, METHODS, "Use one of")
    by = as_names(by, "by")
    # Rao and Scott's test needs the log-likelihood, which no pass sums.
    passes: Passes = "averages" if method == "wald" else "none"
    model = specify_formula(study, formula, family, domain, offset, by=by, degrees=df, passes=passes)
    sample, wanted = model.sample, as_names(terms, "terms")
    labels = [sample.columns[name].variable.label if name in sample.columns else name for name in wanted]

    def start(group: Group) -> Row:
        row = heading(group, model.outcome, model.outcome.variable.label, method)
        row |= {"exposure": ", ".join(wanted), "exposure_label": ", ".join(labels)}
        return row | {"level_label": METHODS[method]}

    members = count_groups(sample, by, sample.complete(list(model.names)))
    rows = run_tests(members, start, lambda group: compute_term_test(model, group, wanted, method))
    return make_result(sample, rows, by, {"estimand": "term"})


def compute_term_test(model: ModelSpec, group: Group, wanted: tuple[str, ...], method: str) -> Row:
    """Fit a model to a group and test terms of it."""
    fitted = regress(model, group.inside)
    places = _find_places(fitted.terms, wanted)
    flaws = dict.fromkeys(filter(None, (find_flaw(model, fitted, fitted.terms[place]) for place in places)))
    row = {"df_numerator": len(places), "df": fitted.df, "n_cases": fitted.n_cases}
    row |= verdict_columns(judge_test(fitted.design_df, "; ".join(flaws) or None))
    if method == "wald":
        f, df, size = fitted.joint_test(places)
        return {**row, "statistic": f, "df": df, "p_value": float(fdtrc(size, df, f))}
    if not isinstance(model.family, Family):
        raise EstimationError(
            f"The Rao-Scott likelihood ratio is not available for family='{model.family.name}'. Use "
            "method='wald'."
        )
    statistic, effects = likelihood_ratio(model, model.family, group.inside, fitted, places)
    p = upper_tail(statistic, effects, fitted.df)
    return {**row, "statistic": statistic, "p_value": p, "deff": float(effects.mean())}


def _find_places(terms: Sequence[Term], wanted: tuple[str, ...]) -> list[int]:
    known = list(dict.fromkeys(term.exposure for term in terms if term.exposure))
    by_key = {key: name for name in reversed(known) for key in (term_key(quoted(name)), term_key(name))}
    chosen = set()
    for name in wanted:
        own = name if name in known else by_key.get(term_key(name))
        if own is None:
            raise VariableError(
                unknown("The model has no term", name, known, f"Use one of {', '.join(known)}")
            )
        chosen.add(own)
    return [place for place, term in enumerate(terms) if term.exposure in chosen]


def likelihood_ratio(
    model: ModelSpec, family: Family, group: Mask, fitted: Regression, places: list[int]
) -> tuple[float, Floats]:
    """Test columns: twice the gain in weighted log-likelihood, and the weights of its chi-squares of 1 df."""
    sample, inside = model.sample, fitted.inside
    scale = float(sample.persons[group].sum() / sample.weights[group].sum())
    weights, y = scale * sample.weights[inside], sample.numbers(model.outcome.name)[inside]
    X, shift = model.matrix(inside).values, model.shift(inside)
    offset = np.zeros(len(X)) if shift is None else shift
    smaller = regress(replace(model, predictors=_Without(model.predictors, tuple(places))), group)
    kept = np.delete(X, places, axis=1)
    full, less = X @ fitted.coefficients + offset, kept @ smaller.coefficients + offset
    gain = family.deviance(y, family.mean(less), weights) - family.deviance(y, family.mean(full), weights)
    working = np.linalg.inv(_compute_information(family, X, full, weights))[np.ix_(places, places)]
    effects = np.linalg.eigvals(np.linalg.solve(working, fitted.covariance[np.ix_(places, places)])).real
    return gain, np.sort(effects)[::-1]


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


def _compute_information(family: Family, X: Floats, eta: Floats, weights: Floats) -> Floats:
    mean = family.mean(eta)
    working = weights * np.square(family.slope(eta, mean)) / family.variance(mean)
    return np.asarray(X.T @ (X * working[:, None]))


@with_request
def proportionality(
    study: Study, formula: str, *, by: Names = (), domain: str = "", offset: str | None = None
) -> Estimates:
    """Test the proportional-odds assumption of the ordinal model.

    Parameters
    ----------
    study
        The study.
    formula
        As of ``tk.model(..., family="ordinal")``.
    by
        Categorical variables; one test in each combination of their levels.
    domain
        A condition in the domain language; null is outside.
    offset
        As of `tk.model`.

    Returns
    -------
    Estimates
        Result rows of estimand "proportionality", one per variable and one for all together, each with
        statistic (F), degrees of freedom and p-value. A small p-value indicates that odds ratios differ by
        cut; report them by cut, with logits of derived outcomes or ``family="multinomial"``.

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
    analysis = Analysis(replace(model, family=_fit_cuts(model)), by, "proportionality")
    heading = {**heading_of(analysis, Term("", "", ALL, ALL)), **_TESTED}
    return frame(estimate(analysis, report=_report_slopes, headings=[heading]).rows, by)


_TESTED = {"estimand": "proportionality", "conf_level": None}


def _report_slopes(analysis: Analysis, fitted: Regression) -> Iterator[Reported]:
    for term, numbers in _test_slopes(fitted):
        yield {**heading_of(analysis, term), **_TESTED, **numbers, **verdict(fitted)}, None


def _fit_cuts(model: ModelSpec) -> Likelihood:
    """Combine the logits of all cuts in one family, so that their slopes have a joint covariance."""
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
                    f"The logit of '{outcome.name}' from '{outcome.levels[int(cut)]}' up does not converge, "
                    "because a term separates it. Merge levels with study.derive(...), or use fewer terms."
                ) from None
        return Fit(np.concatenate([f.points for f in fits]), np.hstack([f.influence for f in fits]))

    def terms(matrix: Matrix, y: Floats) -> tuple[Term, ...]:
        cuts = [outcome.levels[int(k)] for k in np.unique(y)[1:]]
        return tuple(replace(term, outcome_level=cut) for cut in cuts for term in matrix.terms)

    return replace(cast("Likelihood", model.family), terms=terms, maximize=maximize)


def _test_slopes(fitted: Regression) -> Iterator[tuple[Term, dict[str, Any]]]:
    cuts = list(dict.fromkeys(term.outcome_level for term in fitted.terms))
    if len(cuts) < 2:
        raise EstimationError(
            "The outcome has a single cut, so there is nothing to compare. Use an outcome of three or more "
            "levels."
        )
    own = [term for term in fitted.terms if term.outcome_level == cuts[0]]
    slopes = [k for k, term in enumerate(own) if term.exposure]
    if not slopes:
        raise EstimationError(
            "The model has no slope to compare among cuts, because no variable varies among its "
            "participants. Name other variables, or widen the domain."
        )
    for exposure in dict.fromkeys(own[k].exposure for k in slopes):
        there = [k for k in slopes if own[k].exposure == exposure]
        label = own[there[0]].exposure_label
        yield Term(exposure, label, exposure, label), _compare_cuts(fitted, there, len(own))
    yield Term("", "", ALL, ALL), _compare_cuts(fitted, slopes, len(own))


def _compare_cuts(fitted: Regression, places: list[int], size: int) -> dict[str, Any]:
    """Compare the slopes of every later cut with those of the first."""
    cuts = len(fitted.terms) // size
    contrast = np.zeros((len(places) * (cuts - 1), len(fitted.terms)))
    for row, (cut, place) in enumerate((c, p) for c in range(1, cuts) for p in places):
        contrast[row, cut * size + place], contrast[row, place] = 1.0, -1.0
    apart, matrix = contrast @ fitted.coefficients, contrast @ fitted.covariance @ contrast.T
    if np.linalg.matrix_rank(matrix) < len(matrix):
        raise EstimationError(
            f"{len(matrix)} differences of slopes cannot be tested with {fitted.design_df} degrees of "
            f"freedom of the design. Use fewer terms, or merge levels of the outcome with study.derive(...)."
        )
    statistic = float(apart @ np.linalg.solve(matrix, apart)) / len(matrix)
    return {
        "statistic": statistic,
        "p_value": float(fdtrc(len(matrix), fitted.df, statistic)),
        "df": fitted.df,
        "df_numerator": len(matrix),
    }
