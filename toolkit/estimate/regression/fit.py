"""Fit a specified model to one group of participants, with its design-based covariance."""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from toolkit.errors import EstimationError
from toolkit.estimate.regression import fit_failures
from toolkit.estimate.regression.engine_fits import (
    SeparatedError,
    fit_by_passes,
    has_moments,
    needs_passes,
    require_streamed,
)
from toolkit.estimate.regression.likelihoods import BoundaryError, CollinearError, NotConvergedError, fit_glm
from toolkit.estimate.regression.other_families import Likelihood
from toolkit.estimate.survey import (
    Estimate,
    cells_of,
    design_df,
    joint_covariance,
    joint_totals,
    replicate_points,
    wald,
)
from toolkit.results import Floats, Mask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.estimate.regression.formula import Term
    from toolkit.estimate.regression.likelihoods import Family, Fit, Penalized
    from toolkit.estimate.regression.specification import Degrees, ModelSpec
    from toolkit.estimate.survey import Column, Sample


@dataclass(frozen=True)
class Regression:
    """Coefficients of a fit with what their inference needs."""

    terms: "tuple[Term, ...]"
    coefficients: Floats
    covariance: Floats
    influence: Floats  # one row per cell of `inside`
    replicates: Floats | None  # one row per replicate weight
    inside: Mask
    df: int  # of intervals and tests
    design_df: int  # PSUs minus strata
    n: int
    n_cases: int | None
    scale: Floats  # magnitudes that standard errors are compared with; 0 if unknown
    penalized: "Penalized | None" = None  # of a separated outcome, whose inference is not the design's
    parameters: int = 0  # number of coefficients fitted
    covariates: tuple[tuple[str, str], ...] = ()  # as requested and as entered
    degrees: "Degrees" = "model"
    totals: Floats | None = None  # of the influence values, by sampling unit

    @property
    def estimate(self) -> Estimate:
        """The coefficients with their influence values, as `delta_method` takes them."""
        return Estimate(self.coefficients, self.influence, self.inside, self.replicates, self.totals)

    def joint_test(self, places: slice | list[int]) -> tuple[float, float, int]:
        """Test coefficients together: F, its denominator degrees of freedom, and how many are tested."""
        beta = self.coefficients[places]
        matrix = self.covariance[np.ix_(*[np.arange(len(self.coefficients))[places]] * 2)]
        size = len(beta)
        return (*adjusted_wald(wald(beta, matrix) / size, size, self.df, self.degrees), size)


def adjusted_wald(f: float, size: int, df: int, degrees: "Degrees") -> tuple[float, int]:
    """Return F and its denominator degrees of freedom for a joint test of `size` coefficients.

    With the design's degrees of freedom this is the adjusted Wald test, F (df - q + 1) / df on q and df - q
    + 1 (Korn and Graubard 1990, Am Stat 44:270-276), the default of Stata's `test` after svy.
    """
    if degrees == "model":
        return f, df
    left = df - size + 1
    if left < 1:
        raise EstimationError(
            f"A joint test of {size} coefficients is not possible with {df} degrees of freedom of the "
            f"design. Test fewer terms, merge levels, or pool more cycles."
        )
    return f * left / df, left


def regress(model: "ModelSpec", group: Mask) -> Regression:
    """Fit a model to the participants of a group with complete data, or raise EstimationError."""
    fit_failures.refuse_unfit({name: model.sample.columns[name].variable.unfit for name in model.names})
    if has_moments(model):
        require_streamed(model)
    inside = model.cells(group)
    if not inside.any():
        raise _explain_no_participants(model, group)
    with one_thread():
        return _regress(model, inside)


def _explain_no_participants(model: "ModelSpec", group: Mask) -> EstimationError:
    """Explain that nobody of a group enters the fit."""
    sample, complete = model.sample, model.complete(group)
    persons = int(sample.persons[group].sum())
    if not persons:
        return EstimationError("No participant of the domain has this level.")
    if complete.any():
        rows = sample.persons[complete]
        cases = int(rows @ (sample.numbers(model.outcome.name)[complete] > 0))
        return EstimationError(
            f"None of the {int(rows.sum()):,} nights with complete data can be compared: {cases:,} have "
            f"'{model.outcome.name}' = '{model.outcome.case}', and no stratum has both such a night and "
            f"another. Match by more nights, with stratum='month' or stratum=28."
        )
    missing = {name: int(sample.persons[group & ~sample.complete([name])].sum()) for name in model.names}
    listed = ", ".join(f"'{name}' for {count:,}" for name, count in missing.items() if count)
    return EstimationError(
        f"None of {persons:,} participants has complete data in the variables of the model. Missing are "
        f"{listed}. Remove a variable, or see why it is missing: study.missing(...)."
    )


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


_limited = ContextVar("limited", default=False)


@contextmanager
def one_thread() -> "Iterator[None]":
    """Limit BLAS to one thread: several make sums over ten thousand cells slower on a busy machine."""
    if _limited.get():
        yield
        return
    with _threads().limit(limits=1):
        token = _limited.set(True)
        try:
            yield
        finally:
            _limited.reset(token)


def _regress(model: "ModelSpec", inside: Mask) -> Regression:
    sample, own = model.sample, model.family if isinstance(model.family, Likelihood) else None
    outcome = model.outcome
    cells = cells_of(inside)
    y = (own.outcome(sample) if own else sample.numbers(outcome.name))[cells]
    persons = sample.persons[cells].astype(float)
    if not (own and own.all_may_be_cases and y.min() > 0):
        names = _name_outcomes(outcome, several=bool(own))
        fit_failures.refuse_constant_outcome(outcome.name, y, persons, names)
    matrix = model.matrix(inside)
    attempt = fit_failures.Attempt(
        outcome.name,
        outcome.case or "",
        model.family.name,
        matrix,
        y,
        persons,
        () if outcome.case else outcome.levels,
        model.firth,
    )
    fit_failures.refuse_empty_levels(attempt)
    terms = own.terms(matrix, y) if own else matrix.terms
    spent = own.spent(matrix) if own else len(terms)
    between = design_df(sample, inside)
    df = between if model.degrees == "design" else between + 1 - spent
    cases = int(persons @ y) if outcome.case else None
    counted = (df, between, int(persons.sum()), cases)
    described = (spent, matrix.covariates, model.degrees)
    shift = model.shift(inside)
    separated = own.separated(matrix, y, sample, inside, shift) if own and own.separated else None
    if separated:
        none, scale = np.zeros((len(y), len(terms))), np.zeros(len(terms))
        return Regression(
            terms, separated.points, separated.covariance, none, None, inside,
            *counted, scale, separated, *described,
        )  # fmt: skip
    found = _fit(model, attempt, inside, shift)
    if df <= 0:
        raise fit_failures.few_degrees(attempt, between, spent)
    points = found.points
    replicates = replicate_points(sample, partial(_refit, model, attempt, inside, shift=shift, start=points))
    estimate = Estimate(points, found.influence, inside, replicates)
    if replicates is None:
        estimate = replace(estimate, totals=joint_totals(sample, estimate))
    covariance, scale = joint_covariance(sample, estimate), _scale(attempt, len(points))
    return Regression(
        terms, points, covariance, found.influence, replicates, inside, *counted, scale, None, *described,
        estimate.totals,
    )  # fmt: skip


def _scale(attempt: fit_failures.Attempt, count: int) -> Floats:
    """Give the size of coefficients: that of the outcome, on the link's scale, over that of the column."""
    X = attempt.matrix.values
    if X.shape[1] != count:
        return np.zeros(count)
    size = float(np.abs(attempt.y).max()) if attempt.family == "poisson-identity" else 1.0
    if attempt.family == "gaussian":
        size = float(np.abs(attempt.y - attempt.y.mean()).max())
    scale: Floats = size / np.maximum(X.max(axis=0), -X.min(axis=0))
    return scale


def _fit(model: "ModelSpec", attempt: fit_failures.Attempt, inside: Mask, shift: Floats | None) -> "Fit":
    try:
        return _maximize(model, attempt, inside, model.sample, shift=shift)
    except CollinearError as error:
        raise fit_failures.collinear(attempt, error) from None
    except BoundaryError as error:
        raise fit_failures.on_the_boundary(attempt, error) from None
    except NotConvergedError as error:
        streamed = needs_passes(model)
        terms = attempt.matrix.terms if streamed else ()
        if isinstance(model.family, Likelihood):
            terms = model.family.terms(attempt.matrix, attempt.y)
        named = [replace(terms[place], outcome_level="") for place in error.endless if place < len(terms)]
        if isinstance(error, SeparatedError):
            raise fit_failures.separated(attempt, named) from None
        raise fit_failures.not_converged(attempt, named, of_participants=not streamed) from None


def _refit(
    model: "ModelSpec",
    attempt: fit_failures.Attempt,
    inside: Mask,
    sample: "Sample",
    *,
    shift: Floats | None,
    start: Floats,
) -> Floats:
    """Fit again with the weights of another sample, from the coefficients of the fit."""
    try:
        return _maximize(model, attempt, inside, sample, shift=shift, start=start).points
    except (CollinearError, NotConvergedError):
        raise EstimationError(
            "Its participants with a positive weight lack a term of the model, or are separated. Remove rare "
            "levels, or use the linearized variance by declaring strata and psu in place of replicates."
        ) from None


def _maximize(
    model: "ModelSpec",
    attempt: fit_failures.Attempt,
    inside: Mask,
    sample: "Sample",
    *,
    shift: Floats | None,
    start: Floats | None = None,
) -> "Fit":
    if needs_passes(model):
        return fit_by_passes(model, attempt, inside)
    if isinstance(model.family, Likelihood):
        return model.family.maximize(attempt.matrix, attempt.y, sample, inside, shift)
    weight = sample.weights[cells_of(inside)]
    if model.family.name == "gaussian" and shift is None and not attempt.matrix.terms[0].exposure:
        return _fit_centered(model, attempt, (sample, inside), model.family)
    return fit_glm(attempt.matrix.values, attempt.y, weight, model.family, offset=shift, start=start)


def _fit_centered(
    model: "ModelSpec", attempt: fit_failures.Attempt, drawn: "tuple[Sample, Mask]", family: "Family"
) -> "Fit":
    """Fit a linear model to the deviations from the mean, which keep the digits of values far from 0."""
    (sample, inside) = drawn
    cells = cells_of(inside)
    weight = sample.weights[cells]
    center, values = sample.deviations(model.outcome.name)
    y = values[cells]
    mean = float(weight @ y / weight.sum())
    found = fit_glm(attempt.matrix.values, y - mean, weight, family)
    points = found.points.copy()
    points[0] += center + mean
    return replace(found, points=points)


def _name_outcomes(outcome: "Column", *, several: bool) -> tuple[str, ...]:
    if not outcome.case:
        return outcome.levels if several else ()
    other = next(level for level in outcome.levels if level != outcome.case)
    return other, outcome.case
