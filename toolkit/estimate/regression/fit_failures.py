"""Explain why a model cannot be estimated: separation, empty levels, collinearity, nonconvergence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError, join_list
from toolkit.results import Floats, Mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from toolkit.estimate.regression.formula import Matrix, Term
    from toolkit.estimate.regression.likelihoods import BoundaryError, CollinearError

# A direction of separation has parts of this size at least; the solver leaves rounding of about 1e-9.
_PART = 1e-6
_BINOMIAL = ("logit", "probit", "cloglog", "loglog", "cauchit")
_LOG = ("poisson", "log-binomial", "negative-binomial", "tweedie", "cox")
_SEVERAL = ("ordinal", "multinomial")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What enters one fit, and what its errors call it."""

    outcome: str
    case: str  # the level that counts; "" for a number
    family: str
    matrix: "Matrix"
    y: Floats  # by cell, as the numbers of participants are
    persons: Floats
    levels: tuple[str, ...] = ()  # of an outcome of several, which y numbers
    call: "Callable[[], str]" = lambda: "tk.model(..., family='firth')"  # writes a call of Firth's model

    @property
    def n(self) -> int:
        """Number of participants."""
        return int(self.persons.sum())


def refuse_unfit(reasons: "Mapping[str, str]") -> None:
    """Raise EstimationError if a variable is unfit for models; `reasons` is "" for one that is fit."""
    for name, reason in reasons.items():
        if reason:
            raise EstimationError(
                f"'{name}' cannot be used in a model: {reason}. Use another exposure from tk.cards(), or "
                f"count its participants: study.people['{name}'].value_counts()."
            )


def refuse_constant_outcome(outcome: str, values: Floats, persons: Floats, names: tuple[str, ...]) -> None:
    """Raise EstimationError if all participants have the same outcome; `names` are those of 0, 1, ..."""
    if values.min() < values.max():
        return
    seen = f"'{names[int(values[0])]}'" if names else "the same number"
    raise EstimationError(
        f"'{outcome}' does not vary: all {persons.sum():,.0f} participants of the analysis have {seen}. "
        f"Widen the domain, or use another outcome."
    )


def refuse_empty_levels(attempt: Attempt) -> None:
    """Raise EstimationError if a level has no case (or, for a logit, only cases)."""
    if attempt.family not in (*_BINOMIAL, *_LOG, *_SEVERAL):
        return
    terms, values = attempt.matrix.terms, attempt.matrix.values
    marks = [j for j, term in enumerate(terms) if term.reference is not None]
    if attempt.family not in _SEVERAL and _has_both_everywhere(attempt, marks):
        return
    for j in marks:
        _refuse_empty(attempt, terms[j].exposure, terms[j].level, values[:, j] > 0)
    for exposure in dict.fromkeys(terms[j].exposure for j in marks):
        own = [j for j, term in enumerate(terms) if term.exposure == exposure]
        marked = values[:, own].sum(axis=1)
        if not terms[0].exposure and ":" not in exposure and marked.max() <= 1 and marked.min() == 0:
            _refuse_empty(attempt, exposure, terms[own[0]].reference or "", marked == 0)


def _has_both_everywhere(attempt: Attempt, marks: list[int]) -> bool:
    """Find out from sums alone that each level and reference has cases, and not only cases."""
    case, values = attempt.y > 0, attempt.matrix.values
    cases, others = attempt.persons * case, attempt.persons * ~case
    among = [own @ values for own in ((cases, others) if attempt.family in _BINOMIAL else (cases,))]
    exposures = dict.fromkeys(attempt.matrix.terms[j].exposure for j in marks)
    of = [[j for j in marks if attempt.matrix.terms[j].exposure == exposure] for exposure in exposures]
    return all((sums[marks] > 0).all() and all(sums[0] > sums[own].sum() for own in of) for sums in among)


def _refuse_empty(attempt: Attempt, exposure: str, level: str, own: Mask) -> None:
    """Raise if the cells of a level lack a case, or a level of the outcome, or have no other."""
    y, persons = attempt.y[own], attempt.persons[own]
    total, what = persons.sum(), f"'{attempt.outcome}' is '{attempt.case}'"
    if attempt.family in _SEVERAL:
        there = np.unique(attempt.y).astype(int)
        counts = np.bincount(y.astype(int), persons, minlength=len(attempt.levels))
        whole = [k for k in (there[0], there[-1]) if counts[k] == total]
        found = whole if attempt.family == "ordinal" else [k for k in there if not counts[k]]
        if not found:
            return
        every, what = found is whole, f"'{attempt.outcome}' is '{attempt.levels[found[0]]}'"
        remedy = f"Merge levels with study.derive(...), or remove '{exposure}'."
    else:
        cases = persons @ (y > 0)
        every = bool(cases)
        if cases and not (attempt.family in _BINOMIAL and cases == total):
            return
        what = what if attempt.case else f"'{attempt.outcome}' is above 0"
        remedy = _remedy(attempt)
    share = f"{'all' if every else 'none of the'} {total:,.0f}"
    raise EstimationError(
        f"{what} for {share} participants with '{exposure}' = '{level}', so a coefficient is infinite and "
        f"has no standard error. {remedy}"
    )


def _remedy(attempt: Attempt) -> str:
    return (
        f"Merge levels with study.derive(...), remove the variable, use Firth's penalty: {attempt.call()}, "
        f"or estimate a crude difference: tk.association(..., adjust=(), estimand='prevalence_difference')."
    )


def collinear(attempt: Attempt, error: "CollinearError") -> EstimationError:
    """Explain which terms determine one another."""
    terms = attempt.matrix.terms
    term, others = terms[error.column], [terms[k] for k in error.others]
    among = f"among the {attempt.n:,} participants of the fit"
    if not [other for other in others if other.exposure]:
        return EstimationError(
            f"'{term.exposure}' has a single value {among}. Remove it from the model, or widen the domain."
        )
    return EstimationError(
        f"{term} is determined by {join_list(map(str, others))} {among}, so their effects cannot be "
        f"separated. Remove '{term.exposure}' or what determines it from the model."
    )


def on_the_boundary(attempt: Attempt, error: "BoundaryError") -> EstimationError:
    """Explain that fitted means reach a limit of the distribution."""
    instead = "poisson" if attempt.family == "log-binomial" else "gaussian"
    return EstimationError(
        f"The {attempt.family} model of '{attempt.outcome}' has its maximum where the fitted mean of "
        f"{attempt.persons[error.cells].sum():,.0f} of {attempt.n:,} participants is at a limit of its "
        f"range, so its coefficients have no standard error. Use family='{instead}' for the same measure, "
        f"or remove terms."
    )


def not_converged(
    attempt: Attempt, endless: "Iterable[Term]" = (), *, of_participants: bool = True
) -> EstimationError:
    """Explain why the fit has no maximum; the coefficients of the terms `endless` diverged.

    `of_participants` is False where the attempt has points that stand for participants on an engine.
    """
    along = separating_terms(attempt) if of_participants else []
    if along:
        return separated(attempt, along)
    running = list(dict.fromkeys(term for term in endless if term.exposure))
    if running:
        return EstimationError(
            f"A coefficient of {join_list(map(str, running))} diverges among the {attempt.n:,} participants "
            f"of the fit, because beyond some value all have the same '{attempt.outcome}'. Merge levels with "
            f"study.derive(...), or remove the variable."
        )
    remedy = "Use fewer terms, or another family."
    if attempt.family == "log-binomial":
        remedy = "Its fitted prevalences may exceed 1. Use family='poisson' for the same ratio."
    elif attempt.family in ("binomial-identity", "poisson-identity"):
        remedy = "Its fitted means may leave their range. Use family='gaussian' for the same difference."
    return EstimationError(
        f"The {attempt.family} model of '{attempt.outcome}' did not converge with "
        f"{len(attempt.matrix.terms)} coefficients for {attempt.n:,} participants. {remedy}"
    )


def separated(attempt: Attempt, along: "Iterable[Term]") -> EstimationError:
    """Explain that terms separate the cases from the others."""
    return EstimationError(
        f"'{attempt.outcome}' is separated by {join_list(map(str, along))} among the {attempt.n:,} "
        f"participants of the fit: beyond some value all have the same outcome, so a coefficient is "
        f"infinite. {_remedy(attempt)}"
    )


def separating_terms(attempt: Attempt) -> "list[Term]":
    """Name the terms in a direction in which the likelihood rises without end; none if it has a maximum.

    Linear program of Konis (2007, Computational algorithms for detecting separation, ch. 4); for log links
    that of Correia, Guimarães and Zylkin (2019), in which the predictor of cases stays and others fall.
    """
    if attempt.family not in (*_BINOMIAL, *_LOG):
        return []
    X = attempt.matrix.values / np.abs(attempt.matrix.values).max(axis=0)
    case = attempt.y > 0
    direction = _find_direction(X, case, cases_fixed=attempt.family in _LOG)
    return [
        t for t, part in zip(attempt.matrix.terms, direction, strict=True) if abs(part) > _PART and t.exposure
    ]


def _find_direction(X: Floats, case: Mask, *, cases_fixed: bool) -> Floats:
    from scipy.optimize import linprog

    rising = np.unique(X[case], axis=0)
    falling = -np.unique(X[~case], axis=0)
    free = falling if cases_fixed else np.vstack([rising, falling])
    solved = linprog(
        -free.sum(axis=0),
        A_ub=-free,
        b_ub=np.zeros(len(free)),
        A_eq=rising if cases_fixed else None,
        b_eq=np.zeros(len(rising)) if cases_fixed else None,
        bounds=(-1, 1),
    )
    return np.asarray(solved.x) if solved.status == 0 else np.zeros(X.shape[1])


def few_degrees(attempt: Attempt, between: int, spent: int) -> EstimationError:
    """Explain that the coefficients use up the degrees of freedom of the design."""
    return EstimationError(
        f"The model has {spent} coefficients, but the design has only {between} degrees of freedom among its "
        f"{attempt.n:,} participants (PSUs minus strata, or replicates that differ). None remain for a "
        f"standard error. Adjust for fewer variables or levels, pool more cycles, or use the design's "
        f"degrees of freedom: df='design'."
    )
