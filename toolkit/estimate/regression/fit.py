"""Fit one model to the cells of one group of people, with its design-based covariance.

Takes a `Sample`, the cells of a group and a model; gives a `Regression`. What makes the fit impossible is
told with names and counts (`difficulties`). Generalised linear models are fitted by `newton`; any other
brings its own `Likelihood`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

import numpy as np
from threadpoolctl import ThreadpoolController

from toolkit.errors import EstimationError
from toolkit.estimate.regression import diagnostics
from toolkit.estimate.regression.fit_errors import BoundaryError, CollinearError, NotConvergedError
from toolkit.estimate.regression.formula.design_matrix import Matrix, Term
from toolkit.estimate.regression.formula.factors import quoted
from toolkit.estimate.regression.likelihoods.firth import Penalized
from toolkit.estimate.regression.likelihoods.glm import Family, fit_glm
from toolkit.estimate.regression.likelihoods.newton import Fit
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.distributions import wald
from toolkit.estimate.survey.linearization import Estimate, design_df, joint_covariance, replicate_points
from toolkit.estimate.survey.roles import Column
from toolkit.estimate.survey.unvarying import firth_call
from toolkit.estimate.survey.variance.linearized import Floats

# Degrees of freedom: PSUs minus strata ("design", as Stata and SUDAAN), or less the coefficients ("model",
# as R's svyglm).
Degrees = Literal["model", "design"]


@dataclass(frozen=True)
class Likelihood:
    """A family that is not a generalized linear model.

    Attributes
    ----------
    name
        As in `tk.model`.
    outcome
        Sample -> the outcome of each cell as a number, such as the position of its level.
    maximize
        Design matrix, outcomes of the fit, sample and cells of the fit -> fit. Of the design it reads the
        sample's weights alone.
    terms
        Design matrix and outcomes of the fit -> its parameters in order.
    spent
        Design matrix -> how many parameters count against the degrees of freedom.
    all_may_be_cases
        True if the outcome need not vary, as an event that everyone has in time.
    separated
        Design matrix, outcomes of the fit, sample and cells of the fit -> the penalized fit if the outcome is
        separated, else None.
    """

    name: str
    outcome: Callable[[Sample], Floats]
    maximize: Callable[[Matrix, Floats, Sample, Mask], Fit]
    terms: Callable[[Matrix, Floats], tuple[Term, ...]] = lambda matrix, _: matrix.terms
    spent: Callable[[Matrix], int] = lambda matrix: len(matrix.terms)
    all_may_be_cases: bool = False
    separated: Callable[[Matrix, Floats, Sample, Mask], Penalized | None] | None = None


@dataclass(frozen=True)
class Model:
    """What is fitted, whoever the people are.

    Attributes
    ----------
    sample
        The people of the analysis as cells.
    outcome
        The outcome's column.
    names
        Every variable that must have a value: outcome, exposure, adjustment.
    family
        Distribution and link, or a likelihood of its own.
    build
        Cells -> design matrix.
    offset
        Cells -> what is added to the linear predictor; None for nothing.
    elsewhere
        Gives the same model of other people; None where it can be of these alone.
    formula
        As it would be asked of `tk.model`; "" for the main effects of the names.
    degrees
        "model" or "design": the degrees of freedom of intervals and tests.
    """

    sample: Sample
    outcome: Column
    names: tuple[str, ...]
    family: Family | Likelihood
    build: Callable[[Mask], Matrix]
    offset: Callable[[Mask], Floats] | None = None
    elsewhere: Callable[[Sample], "Model"] | None = None
    degrees: Degrees = "model"
    formula: str = ""

    def firth(self) -> str:
        """Write the call of Firth's model of the same outcome and terms."""
        outcome, _, terms = self.formula.partition("~")
        left, *right = [outcome.strip(), terms.strip()] if terms else [quoted(name) for name in self.names]
        return firth_call(left, right, self.sample.domain)


@dataclass(frozen=True)
class Regression:
    """Coefficients and what they rest on.

    Attributes
    ----------
    terms, coefficients, covariance
        In the order of the design matrix; the covariance counts the design.
    influence
        One row a cell of `inside`, one column a coefficient.
    replicates
        Replicates x coefficients; None where the design has no replicate weights.
    inside
        The cells of the fit.
    df, design_df
        Those of intervals and tests, as the model says; and PSUs minus strata among the people of the fit.
    n, n_cases
        Persons of the fit; cases among them, None for a number.
    scale
        For each coefficient the size beside which a standard error that is a rounding error is nothing; 0
        where it is not known.
    penalized
        The fit of an outcome that is separated, whose errors, intervals and tests are not the design's.
    parameters
        How many coefficients were fitted.
    covariates
        Each covariate as it was asked for and as it entered; "" if it does not vary.
    """

    terms: tuple[Term, ...]
    coefficients: Floats
    covariance: Floats
    influence: Floats
    replicates: Floats | None
    inside: Mask
    df: int
    design_df: int
    n: int
    n_cases: int | None
    scale: Floats
    penalized: Penalized | None = None
    parameters: int = 0
    covariates: tuple[tuple[str, str], ...] = ()
    degrees: Degrees = "model"

    @property
    def estimate(self) -> Estimate:
        """The coefficients with their influence values, as `delta_method` takes them."""
        return Estimate(self.coefficients, self.influence, self.inside, self.replicates)

    def joint_test(self, places: slice | list[int]) -> tuple[float, float, int]:
        """Test coefficients together: F, its denominator degrees of freedom, and how many are tested."""
        beta = self.coefficients[places]
        matrix = self.covariance[np.ix_(*[np.arange(len(self.coefficients))[places]] * 2)]
        size = len(beta)
        return (*adjusted_wald(wald(beta, matrix) / size, size, self.df, self.degrees), size)


def adjusted_wald(f: float, size: int, df: int, degrees: Degrees) -> tuple[float, int]:
    """Return F and its denominator degrees of freedom for a joint test of `size` coefficients.

    With the design's degrees of freedom this is the adjusted Wald test, F (df - q + 1) / df on q and df - q
    + 1 (Korn and Graubard 1990, Am Stat 44:270-276), the default of Stata's `test` after svy.

    Examples
    --------
    >>> adjusted_wald(2.0, 3, 16, "design"), adjusted_wald(2.0, 3, 12, "model")
    ((1.75, 14), (2.0, 12))
    """
    if degrees == "model":
        return f, df
    left = df - size + 1
    if left < 1:
        raise EstimationError(
            f"{size} coefficients cannot be tested together on {df} degrees of freedom of the design. Test "
            f"fewer terms, merge levels, or pool more cycles."
        )
    return f * left / df, left


def regress(model: Model, group: Mask) -> Regression:
    """Fit a model to the people of a group who have a value in every variable.

    Parameters
    ----------
    model
        What is fitted.
    group
        The cells of the group.

    Returns
    -------
    Regression
        The maximum of the weighted likelihood, linearised variance.

    Raises
    ------
    EstimationError
        If a variable is unfit for models, nobody has all values, the outcome does not vary, terms are
        collinear, the outcome is separated, the fit does not converge, or the design has fewer degrees of
        freedom than the model coefficients.
    """
    diagnostics.refuse_unfit({name: model.sample.columns[name].variable.unfit for name in model.names})
    inside = group & model.sample.complete(model.names)
    if not inside.any():
        raise _nobody(model, group)
    with _threads().limit(limits=1):
        return _regress(model, inside)


@cache
def _threads() -> ThreadpoolController:
    # Several BLAS threads make sums over ten thousand cells ten times slower on a busy machine.
    return ThreadpoolController()


def _regress(model: Model, inside: Mask) -> Regression:
    sample, own = model.sample, model.family if isinstance(model.family, Likelihood) else None
    y = (own.outcome(sample) if own else sample.numbers(model.outcome.name))[inside]
    persons = sample.persons[inside].astype(float)
    if not (own and own.all_may_be_cases and y.min() > 0):
        diagnostics.refuse_constant_outcome(model.outcome.name, y, persons, _words(model.outcome, bool(own)))
    matrix = model.build(inside)
    levels = () if model.outcome.case else model.outcome.levels
    attempt = diagnostics.Attempt(
        model.outcome.name,
        model.outcome.case or "",
        model.family.name,
        matrix,
        y,
        persons,
        levels,
        model.firth(),
    )
    diagnostics.refuse_empty_levels(attempt)
    terms = own.terms(matrix, y) if own else matrix.terms
    between = design_df(sample, inside)
    spent = own.spent(matrix) if own else len(terms)
    df = between if model.degrees == "design" else between + 1 - spent
    cases = int(persons @ y) if model.outcome.case else None
    fitted = (spent, matrix.covariates, model.degrees)
    apart = own.separated(matrix, y, sample, inside) if own and own.separated else None
    if apart:
        counts, none = (df, between, attempt.n, cases), np.zeros((len(y), len(terms)))
        points, scale = apart.points, np.zeros(len(terms))
        return Regression(terms, points, apart.covariance, none, None, inside, *counts, scale, apart, *fitted)
    found = _fit(model, attempt, inside)
    points, influence = found.points, found.influence
    _refuse_few_degrees(attempt, between, df, spent)
    replicates = replicate_points(sample, partial(_refit, model, attempt, inside, points))
    return Regression(
        terms,
        points,
        joint_covariance(sample, Estimate(points, influence, inside, replicates)),
        influence,
        replicates,
        inside,
        df,
        between,
        attempt.n,
        cases,
        _scale(model, attempt, len(points)),
        None,
        *fitted,
    )


def _scale(model: Model, attempt: diagnostics.Attempt, count: int) -> Floats:
    """Give the size of coefficients: that of the outcome, on the link's scale, over that of the column."""
    X = attempt.matrix.values
    if X.shape[1] != count:
        return np.zeros(count)
    size = float(np.abs(attempt.y).max()) if model.family.name in ("gaussian", "poisson-identity") else 1.0
    scale: Floats = size / np.abs(X).max(axis=0)
    return scale


def _fit(model: Model, attempt: diagnostics.Attempt, inside: Mask) -> Fit:
    try:
        return _maximize(model, attempt, inside)
    except CollinearError as error:
        raise diagnostics.collinear(attempt, error) from None
    except BoundaryError as error:
        raise diagnostics.on_the_boundary(attempt, error) from None
    except NotConvergedError as error:
        terms = model.family.terms(attempt.matrix, attempt.y) if isinstance(model.family, Likelihood) else ()
        named = [replace(terms[place], outcome_level="") for place in error.endless if place < len(terms)]
        raise diagnostics.not_converged(attempt, named) from None


def _refit(model: Model, attempt: diagnostics.Attempt, inside: Mask, start: Floats, sample: Sample) -> Floats:
    """Fit again with other weights, from the coefficients that are there."""
    X, weight = attempt.matrix.values, sample.weights[inside]
    try:
        if isinstance(model.family, Likelihood):
            return model.family.maximize(attempt.matrix, attempt.y, sample, inside).points
        offset = model.offset(inside) if model.offset else None
        return fit_glm(X, attempt.y, weight, model.family, offset=offset, start=start).points
    except (CollinearError, NotConvergedError):
        raise EstimationError(
            "its people of a weight above zero do not have every term of the model, or are separated. Leave "
            "out rare levels, or take the linearised variance: declare strata and psu in place of replicates."
        ) from None


def _maximize(model: Model, attempt: diagnostics.Attempt, inside: Mask) -> Fit:
    sample = model.sample
    if isinstance(model.family, Likelihood):
        return model.family.maximize(attempt.matrix, attempt.y, sample, inside)
    X, weight = attempt.matrix.values, sample.weights[inside]
    offset = model.offset(inside) if model.offset else None
    return fit_glm(X, attempt.y, weight, model.family, offset=offset)


def _words(outcome: Column, own: bool) -> tuple[str, ...]:
    if not outcome.case:
        return outcome.levels if own else ()
    other = next(level for level in outcome.levels if level != outcome.case)
    return other, outcome.case


def _nobody(model: Model, group: Mask) -> EstimationError:
    sample = model.sample
    persons = int(sample.persons[group].sum())
    gaps = {name: int(sample.persons[group & ~sample.complete([name])].sum()) for name in model.names}
    listed = ", ".join(f"'{name}' for {count:,}" for name, count in gaps.items() if count)
    return EstimationError(
        f"none of {persons:,} persons has a value in every variable of the model: missing are {listed}. "
        f"Leave a variable out, or see why it is missing: study.missing(...)."
    )


def _refuse_few_degrees(attempt: diagnostics.Attempt, between: int, df: int, spent: int) -> None:
    if df > 0:
        return
    raise EstimationError(
        f"the model has {spent} coefficients, but the design has only {between} degrees "
        f"of freedom among its {attempt.n:,} persons (PSUs minus strata, or replicates that differ), which "
        f"leaves none for a standard error. Adjust for fewer variables or levels, pool more cycles, or take "
        f"the design's degrees of freedom: df='design'."
    )
