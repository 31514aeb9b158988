"""The model families beyond generalized linear models: ordinal, multinomial, Cox, Firth and so on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from toolkit.errors import VariableError
from toolkit.estimate.regression.fit_failures import Attempt, separating_terms
from toolkit.estimate.regression.formula import CUTPOINT, DISPERSION, ONE, Matrix, Term
from toolkit.estimate.regression.likelihoods import (
    FAMILIES,
    CollinearError,
    Fit,
    NotConvergedError,
    NotOverdispersedError,
    Penalized,
    Times,
    fit_cox,
    fit_firth,
    fit_glm,
    fit_multinomial,
    fit_negative_binomial,
    fit_ordinal,
    fit_penalized,
)
from toolkit.estimate.survey import Column, Sample, effects, require_order
from toolkit.results import Floats, Indices, Mask

# Fitted probabilities so near 0 or 1 may be those of an outcome that is separated.
_CERTAIN = 1e-6


@dataclass(frozen=True)
class Likelihood:
    """A family that is not a generalized linear model, named as in `tk.model`."""

    name: str
    outcome: Callable[[Sample], Floats]  # the outcome of each cell as a number
    maximize: Callable[[Matrix, Floats, Sample, Mask, Floats | None], Fit]
    terms: Callable[[Matrix, Floats], tuple[Term, ...]] = lambda matrix, _: matrix.terms
    spent: Callable[[Matrix], int] = lambda matrix: len(matrix.terms)  # degrees of freedom used
    all_may_be_cases: bool = False  # the outcome need not vary
    separated: Callable[[Matrix, Floats, Sample, Mask, Floats | None], Penalized | None] | None = None
    informative: Callable[[Sample, Mask], Mask] | None = None  # complete cells that enter the likelihood


@dataclass(frozen=True)
class Clock:
    """The variables of observed time: its end, the event that may end it, late entry, and strata."""

    time: str
    event: str
    entry: str | None = None  # None if observation began at 0
    strata: tuple[str, ...] = ()  # each combination has a baseline

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable named, the event first."""
        return tuple(n for n in (self.event, self.time, self.entry, *self.strata) if n is not None)


def ordinal(outcome: Column) -> Likelihood:
    """Describe the proportional odds model of an outcome of three levels or more, in their order."""
    _require_several(outcome, "ordinal")
    require_order(outcome, "An ordinal model")

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, shift: Floats | None) -> Fit:
        return fit_ordinal(
            _drop_intercept(matrix, "ordinal"), _number_levels(y), sample.weights[inside], offset=shift
        )

    def terms(matrix: Matrix, y: Floats) -> tuple[Term, ...]:
        levels = [outcome.levels[int(k)] for k in np.unique(y)]
        return (*matrix.terms[1:], *(_cutpoint(below, above) for below, above in pairwise(levels)))

    # R's svyolr leaves PSUs minus strata minus slopes: its cutpoints count as one intercept.
    return Likelihood("ordinal", _read_levels(outcome), maximize, terms)


def _cutpoint(below: str, above: str) -> Term:
    name = f"{below} | {above}"
    return Term("", "", name, name, estimand=CUTPOINT)


def multinomial(outcome: Column) -> Likelihood:
    """Describe the multinomial logit of an outcome of three levels or more, each against its reference."""
    _require_several(outcome, "multinomial")
    reference = outcome.levels.index(outcome.reference or outcome.levels[0])

    def order(y: Floats) -> Floats:
        there = np.unique(y)
        return there[np.argsort(there != reference, kind="stable")]

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, _: Floats | None) -> Fit:
        place = np.argsort(order(y))[_number_levels(y)]
        return fit_multinomial(matrix.values, place, sample.weights[inside])

    def terms(matrix: Matrix, y: Floats) -> tuple[Term, ...]:
        levels = [outcome.levels[int(k)] for k in order(y)[1:]]
        return tuple(replace(term, outcome_level=level) for level in levels for term in matrix.terms)

    return Likelihood("multinomial", _read_levels(outcome), maximize, terms)


def negative_binomial(outcome: Column) -> Likelihood:
    """Describe the negative binomial model of a count, with the dispersion as its last parameter."""

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, shift: Floats | None) -> Fit:
        try:
            return fit_negative_binomial(matrix.values, y, sample.weights[inside], offset=shift)
        except NotOverdispersedError:
            raise NotOverdispersedError(
                f"'{outcome.name}' is not overdispersed among the {int(sample.persons[inside].sum()):,} "
                f"participants of the fit, so the negative binomial model has no dispersion to estimate. Use "
                f"family='poisson'."
            ) from None

    return Likelihood(
        "negative-binomial",
        lambda sample: sample.numbers(outcome.name),
        maximize,
        lambda matrix, _: (*matrix.terms, _DISPERSION),
    )


_DISPERSION = Term(
    "", "", DISPERSION, "dispersion (variance = mean + dispersion × mean²)", estimand=DISPERSION
)


def cox(clock: Clock) -> Likelihood:
    """Describe the Cox model of the time to an event."""

    def maximize(matrix: Matrix, _: Floats, sample: Sample, inside: Mask, shift: Floats | None) -> Fit:
        times = read_times(clock, sample, inside)
        X = _drop_intercept(matrix, "cox")
        return fit_cox(X, times, sample.weights[inside], offset=shift)

    return Likelihood(
        "cox",
        lambda sample: sample.numbers(clock.event),
        maximize,
        lambda matrix, _: matrix.terms[1:],
        lambda matrix: len(matrix.terms) - 1,
        all_may_be_cases=True,
    )


def firth(outcome: Column) -> Likelihood:
    """Describe the logit with Firth's penalty."""

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, shift: Floats | None) -> Fit:
        persons = float(sample.persons[inside].sum())
        return fit_firth(matrix.values, y, sample.weights[inside], persons, offset=shift)

    def separated(
        matrix: Matrix, y: Floats, sample: Sample, inside: Mask, shift: Floats | None
    ) -> Penalized | None:
        weights = sample.weights[inside]
        persons = sample.persons[inside].astype(float)
        terms = _name_separating(outcome, matrix, y, (weights, persons, shift))
        if not terms:
            return None
        values = np.full((len(sample.unit), 1), np.nan)
        values[inside, 0] = y
        deff = effects(sample, values, [inside])[0].deff
        found = fit_penalized(matrix.values, y, weights, persons.sum() / deff, offset=shift)
        return replace(found, deff=deff, along=" and ".join(map(str, terms)))

    return Likelihood(
        "firth",
        lambda sample: sample.numbers(outcome.name),
        maximize,
        separated=separated,
    )


def _name_separating(
    outcome: Column, matrix: Matrix, y: Floats, of: tuple[Floats, Floats, Floats | None]
) -> list[Term]:
    """Name the terms along which an outcome is separated, so that the unpenalized logit has no maximum."""
    weights, persons, shift = of
    try:
        found = fit_glm(matrix.values, y, weights, FAMILIES["logit"], offset=shift).points
    except CollinearError:  # Reported by the fit that follows.
        return []
    except NotConvergedError:
        pass
    else:
        # On the way to infinity Newton's steps may stop where a probability is 0 or 1 but for rounding.
        mean = FAMILIES["logit"].mean(matrix.values @ found + (0.0 if shift is None else shift))
        if min(mean.min(), (1 - mean).min()) > _CERTAIN:
            return []
    return separating_terms(Attempt(outcome.name, outcome.case or "", "logit", matrix, y, persons))


def read_times(clock: Clock, sample: Sample, inside: Mask) -> Times:
    """Read the times of observation of a fit's patterns; raise VariableError if one ends before it begins."""
    end = sample.numbers(clock.time)[inside]
    begin = sample.numbers(clock.entry)[inside] if clock.entry else None
    early = end <= begin if begin is not None else end < 0
    if early.any():
        than = f"'{clock.entry}'" if clock.entry else "0"
        raise VariableError(
            f"'{clock.time}' is not after {than} for {int(sample.persons[inside][early].sum()):,} of "
            f"{int(sample.persons[inside].sum()):,} participants, who therefore have no time at risk. "
            f"Restrict the domain: '{clock.time} > {clock.entry or 0}'."
        )
    group = np.zeros(len(end), np.int64)
    for name in clock.strata:
        codes = sample.codes(name)[inside]
        group = group * (codes.max() + 1) + codes
    event = sample.numbers(clock.event)[inside] > 0
    return Times(end, event, begin, group if clock.strata else None)


def _require_several(outcome: Column, family: str) -> None:
    if len(outcome.levels) > 2:
        return
    kind = "is continuous" if outcome.continuous else "has two levels"
    instead = "family='gaussian' or 'negative-binomial'" if outcome.continuous else "family='logit'"
    raise VariableError(
        f"'{outcome.name}' {kind}, and family='{family}' requires three levels or more. Use {instead}, or "
        f"derive levels with study.derive(..., levels=[..])."
    )


def _read_levels(outcome: Column) -> Callable[[Sample], Floats]:
    return lambda sample: sample.codes(outcome.name).astype(float)


def _number_levels(y: Floats) -> Indices:
    """Replace levels by their rank among those that occur."""
    places: Indices = np.unique(y, return_inverse=True)[1]
    return places


def _drop_intercept(matrix: Matrix, family: str) -> Floats:
    if matrix.terms[:1] != (ONE,):
        raise VariableError(
            f"Models of family='{family}' cannot omit the intercept. Remove '- 1' or '0 +' from the formula."
        )
    return matrix.values[:, 1:]
