"""Name the families of models beyond the generalised linear ones, and what each asks of its outcome.

Takes a sample, the outcome's name and what a family needs besides; gives a `Likelihood` for `regression`.
Points and influence values come from the kernel's own Newton steps, whatever the weights are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import VariableError
from toolkit.estimate.regression.diagnostics import Attempt, separating_terms
from toolkit.estimate.regression.fit import Likelihood, Points
from toolkit.estimate.regression.fit_errors import CollinearError, NotConvergedError
from toolkit.estimate.regression.formula.design_matrix import CUTPOINT, DISPERSION, ONE, Matrix, Term
from toolkit.estimate.regression.likelihoods.firth import Penalized, penalized
from toolkit.estimate.regression.likelihoods.glm import FAMILIES, fit
from toolkit.estimate.survey.roles import Column, require_order
from toolkit.estimate.survey.unvarying import effects

if TYPE_CHECKING:
    from toolkit.estimate.regression.likelihoods.cox import Times
    from toolkit.estimate.survey.analysis_sample import Mask, Sample
    from toolkit.estimate.survey.variance.linearized import Floats, Indices

# Fitted probabilities so near 0 or 1 may be those of an outcome that is separated.
_CERTAIN = 1e-6
Offset = Callable[["Mask"], "Floats"] | None


@dataclass(frozen=True)
class Clock:
    """The variables of observed time: its end, the event that may end it, its beginning, baselines.

    Attributes
    ----------
    time, event
        A number, and a variable of two levels whose case is the event.
    entry
        A number, where observation began later than at 0; None if it did not.
    strata
        Categories whose combinations have a baseline each.
    ties
        "efron" or "breslow".
    """

    time: str
    event: str
    entry: str | None = None
    strata: tuple[str, ...] = ()
    ties: str = "efron"

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable named, the event first."""
        return tuple(n for n in (self.event, self.time, self.entry, *self.strata) if n)


def ordinal(outcome: Column, offset: Offset = None) -> Likelihood:
    """Give the proportional odds model of an outcome of three levels or more, in their order."""
    from toolkit.estimate.regression.likelihoods.ordinal import fit_ordinal

    _require_several(outcome, "ordinal")
    require_order(outcome, "An ordinal model")

    def maximise(matrix: Matrix, y: "Floats", sample: "Sample", inside: "Mask") -> Points:
        shift = offset(inside) if offset else None
        found = fit_ordinal(_slopes(matrix, "ordinal"), _dense(y), sample.weights[inside], offset=shift)
        return found.points, found.influence

    def terms(matrix: Matrix, y: "Floats") -> tuple[Term, ...]:
        levels = [outcome.levels[int(k)] for k in np.unique(y)]
        return (*matrix.terms[1:], *(_cutpoint(below, above) for below, above in pairwise(levels)))

    # R's svyolr leaves PSUs minus strata minus slopes: its cutpoints count as one intercept.
    return Likelihood("ordinal", _places(outcome), terms, maximise, lambda matrix: len(matrix.terms))


def _cutpoint(below: str, above: str) -> Term:
    name = f"{below} | {above}"
    return Term("", "", name, name, estimand=CUTPOINT)


def multinomial(outcome: Column) -> Likelihood:
    """Give the multinomial logit of an outcome of three levels or more, each against its reference."""
    from toolkit.estimate.regression.likelihoods.multinomial import fit_multinomial

    _require_several(outcome, "multinomial")
    reference = outcome.levels.index(outcome.reference or outcome.levels[0])

    def order(y: "Floats") -> "Floats":
        there = np.unique(y)
        return there[np.argsort(there != reference, kind="stable")]

    def maximise(matrix: Matrix, y: "Floats", sample: "Sample", inside: "Mask") -> Points:
        place = np.argsort(order(y))[_dense(y)]
        found = fit_multinomial(matrix.values, place, sample.weights[inside])
        return found.points, found.influence

    def terms(matrix: Matrix, y: "Floats") -> tuple[Term, ...]:
        levels = [outcome.levels[int(k)] for k in order(y)[1:]]
        return tuple(replace(term, outcome_level=level) for level in levels for term in matrix.terms)

    return Likelihood("multinomial", _places(outcome), terms, maximise, lambda matrix: len(matrix.terms))


def negative_binomial(outcome: Column, offset: Offset = None) -> Likelihood:
    """Give the negative binomial model of a count, with the dispersion as its last parameter."""
    from toolkit.estimate.regression.likelihoods.negative_binomial import (
        NotOverdispersedError,
        fit_negative_binomial,
    )

    def maximise(matrix: Matrix, y: "Floats", sample: "Sample", inside: "Mask") -> Points:
        shift = offset(inside) if offset else None
        try:
            found = fit_negative_binomial(matrix.values, y, sample.weights[inside], offset=shift)
        except NotOverdispersedError:
            raise NotOverdispersedError(
                f"'{outcome.name}' varies no more than a Poisson count would among the "
                f"{int(sample.persons[inside].sum()):,} persons of the fit, so the negative binomial has no "
                f"dispersion to estimate. Take family='poisson'."
            ) from None
        return found.points, found.influence

    return Likelihood(
        "negative-binomial",
        lambda sample: sample.numbers(outcome.name),
        lambda matrix, _: (*matrix.terms, _DISPERSION),
        maximise,
        lambda matrix: len(matrix.terms),
    )


_DISPERSION = Term(
    "", "", DISPERSION, "dispersion (variance = mean + dispersion × mean²)", estimand=DISPERSION
)


def cox(clock: Clock, offset: Offset = None) -> Likelihood:
    """Give Cox's model of the time to an event."""
    from toolkit.estimate.regression.likelihoods.cox import fit_cox

    def maximise(matrix: Matrix, _: "Floats", sample: "Sample", inside: "Mask") -> Points:
        shift = offset(inside) if offset else None
        times = observed(clock, sample, inside)
        X = _slopes(matrix, "cox")
        found = fit_cox(X, times, sample.weights[inside], ties=clock.ties, offset=shift)
        return found.points, found.influence

    return Likelihood(
        "cox",
        lambda sample: sample.numbers(clock.event),
        lambda matrix, _: matrix.terms[1:],
        maximise,
        lambda matrix: len(matrix.terms) - 1,
        all_may_be_cases=True,
    )


def firth(outcome: Column, offset: Offset = None) -> Likelihood:
    """Give the logit with Firth's penalty, which is finite where the plain one is infinite."""
    from toolkit.estimate.regression.likelihoods.firth import fit_firth

    def maximise(matrix: Matrix, y: "Floats", sample: "Sample", inside: "Mask") -> Points:
        shift, persons = offset(inside) if offset else None, float(sample.persons[inside].sum())
        found = fit_firth(matrix.values, y, sample.weights[inside], persons, offset=shift)
        return found.points, found.influence

    def separated(matrix: Matrix, y: "Floats", sample: "Sample", inside: "Mask") -> Penalized | None:
        shift, weights = offset(inside) if offset else None, sample.weights[inside]
        persons = sample.persons[inside].astype(float)
        terms = _separating(outcome, matrix, y, (weights, persons, shift))
        if not terms:
            return None
        values = np.full((len(sample.unit), 1), np.nan)
        values[inside, 0] = y
        deff = effects(sample, values, [inside])[0].deff
        found = penalized(matrix.values, y, weights, persons.sum() / deff, offset=shift)
        return replace(found, deff=deff, along=" and ".join(map(str, terms)))

    return Likelihood(
        "firth",
        lambda sample: sample.numbers(outcome.name),
        lambda matrix, _: matrix.terms,
        maximise,
        lambda matrix: len(matrix.terms),
        separated=separated,
    )


def _separating(
    outcome: Column, matrix: Matrix, y: "Floats", of: "tuple[Floats, Floats, Floats | None]"
) -> "list[Term]":
    """Name the terms along which an outcome is separated: the plain logit has then no maximum."""
    weights, persons, shift = of
    try:
        mean = fit(matrix.values, y, weights, FAMILIES["logit"], offset=shift).mean
    except CollinearError:  # Told by the fit that follows.
        return []
    except NotConvergedError:
        mean = np.zeros(1)
    # On the way to infinity Newton's steps may stop where a probability is 0 or 1 but for rounding.
    if min(mean.min(), (1 - mean).min()) > _CERTAIN:
        return []
    return separating_terms(Attempt(outcome.name, outcome.case or "", "logit", matrix, y, persons))


def observed(clock: Clock, sample: "Sample", inside: "Mask") -> "Times":
    """Read when the cells of a fit were under observation.

    Raises
    ------
    VariableError
        If somebody's time ends before it begins.
    """
    from toolkit.estimate.regression.likelihoods.cox import Times

    end = sample.numbers(clock.time)[inside]
    begin = sample.numbers(clock.entry)[inside] if clock.entry else None
    early = end <= begin if begin is not None else end < 0
    if early.any():
        than = f"'{clock.entry}'" if clock.entry else "0"
        raise VariableError(
            f"'{clock.time}' is not after {than} for {int(sample.persons[inside][early].sum()):,} of "
            f"{int(sample.persons[inside].sum()):,} persons, so they were never under observation. Narrow "
            f"the domain: '{clock.time} > {clock.entry or 0}'."
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
    kind = "a number" if outcome.continuous else "a variable of two levels"
    instead = "family='gaussian' or 'negative-binomial'" if outcome.continuous else "family='logit'"
    raise VariableError(
        f"'{outcome.name}' is {kind}; the family '{family}' needs an outcome of three levels or more. Take "
        f"{instead}, or derive levels: study.derive(..., levels=[..])."
    )


def _places(outcome: Column) -> "Callable[[Sample], Floats]":
    return lambda sample: sample.codes(outcome.name).astype(float)


def _dense(y: "Floats") -> "Indices":
    """Give the levels that somebody has the numbers 0, 1, ..."""
    places: Indices = np.unique(y, return_inverse=True)[1]
    return places


def _slopes(matrix: Matrix, family: str) -> "Floats":
    if matrix.terms[:1] != (ONE,):
        raise VariableError(
            f"the family '{family}' has no intercept to leave out. Take '- 1' or '0 +' out of the formula."
        )
    return matrix.values[:, 1:]
