"""Find out why data cannot give the coefficients that were asked for, and say so with names and counts.

Takes a design matrix with the names of its columns, outcomes and numbers of persons; gives errors.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import EstimationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from toolkit.estimate.regression.fit_errors import BoundaryError, CollinearError
    from toolkit.estimate.regression.formula.design_matrix import Matrix, Term
    from toolkit.estimate.survey.variance.linearized import Floats

# A direction of separation has parts of this size at least; the solver leaves rounding of about 1e-9.
_PART = 1e-6
_BINOMIAL = ("logit", "probit", "cloglog", "loglog", "cauchit")
_LOG = ("poisson", "log-binomial", "negative-binomial", "tweedie", "cox")
_SEVERAL = ("ordinal", "multinomial")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One fit that is tried: what enters it, and what it is called.

    Attributes
    ----------
    outcome, case
        The outcome's name and the level that counts; case is "" for a number.
    family
        How the outcome is modelled, as `tk.model` calls it.
    matrix
        Design matrix and the names of its columns.
    y, persons
        Outcome and number of persons of each cell.
    levels
        Of an outcome of several levels, of which y holds the places.
    call
        Firth's model of the same outcome and terms, ready to paste.
    """

    outcome: str
    case: str
    family: str
    matrix: "Matrix"
    y: "Floats"
    persons: "Floats"
    levels: tuple[str, ...] = ()
    call: str = "tk.model(..., family='firth')"

    @property
    def n(self) -> int:
        """Number of persons."""
        return int(self.persons.sum())


def refuse_unfit(reasons: "Mapping[str, str]") -> None:
    """Raise if a variable is fit for no model.

    Parameters
    ----------
    reasons
        Variable to the reason why it is unfit; "" if it is fit.

    Raises
    ------
    EstimationError
        With the reason.
    """
    for name, reason in reasons.items():
        if reason:
            raise EstimationError(
                f"'{name}' enters no model here: {reason}. Take another exposure: tk.cards(), or count its "
                f"people: study.people['{name}'].value_counts()."
            )


def refuse_constant_outcome(
    outcome: str, values: "Floats", persons: "Floats", names: tuple[str, ...]
) -> None:
    """Raise if everybody has the same outcome.

    Parameters
    ----------
    outcome
        Its name.
    values, persons
        Outcome and number of persons of each cell.
    names
        What 0, 1, ... are called; none for a number.

    Raises
    ------
    EstimationError
        With the number of persons.
    """
    if values.min() < values.max():
        return
    seen = f"'{names[int(values[0])]}'" if names else "the same number"
    raise EstimationError(
        f"'{outcome}' does not vary: all {persons.sum():,.0f} persons of the analysis have {seen}. Widen the "
        f"domain, or take another outcome."
    )


def refuse_empty_levels(attempt: Attempt) -> None:
    """Raise if a level has no case (or, for a logit, nobody else), so that a coefficient is infinite.

    Parameters
    ----------
    attempt
        The fit to be tried.

    Raises
    ------
    EstimationError
        With the level, the number of its persons and what can be done.
    """
    marks = [j for j, term in enumerate(attempt.matrix.terms) if term.marks]
    if attempt.family in _SEVERAL:
        _refuse_empty_cells(attempt, marks)
    if attempt.family not in (*_BINOMIAL, *_LOG):
        return
    counted = attempt.matrix.values[:, marks]
    for j, persons, cases in zip(marks, *_counts(attempt, counted), strict=True):
        term = attempt.matrix.terms[j]
        _refuse_empty(attempt, term.exposure, term.level, int(persons), int(cases))
    for exposure in dict.fromkeys(attempt.matrix.terms[j].exposure for j in marks):
        _refuse_empty_reference(attempt, exposure)


def _counts(attempt: Attempt, marked: "Floats") -> "tuple[Floats, Floats]":
    return attempt.persons @ marked, (attempt.persons * (attempt.y > 0)) @ marked


def _refuse_empty_reference(attempt: Attempt, exposure: str) -> None:
    own = [j for j, term in enumerate(attempt.matrix.terms) if term.exposure == exposure]
    marked = attempt.matrix.values[:, own].sum(axis=1)
    reference = attempt.matrix.terms[own[0]].reference or ""
    if attempt.matrix.terms[0].exposure or ":" in exposure or marked.max() > 1:
        return
    persons, cases = _counts(attempt, (marked == 0).astype(float)[:, None])
    _refuse_empty(attempt, exposure, reference, int(persons[0]), int(cases[0]))


def _refuse_empty(attempt: Attempt, exposure: str, level: str, persons: int, cases: int) -> None:
    whole = attempt.family in _BINOMIAL and cases == persons
    if cases and not whole:
        return
    what = f"'{attempt.outcome}' is '{attempt.case}'" if attempt.case else f"'{attempt.outcome}' is above 0"
    share = f"all {persons:,}" if cases else f"none of the {persons:,}"
    raise EstimationError(
        f"{what} for {share} persons with '{exposure}' = '{level}': a ratio is then 0 or infinite, without a "
        f"standard error. {_remedy(attempt)}"
    )


def _remedy(attempt: Attempt) -> str:
    return (
        f"Merge levels with study.derive(...), leave the variable out, take Firth's penalty: {attempt.call}, "
        f"or ask for a crude difference: tk.association(..., adjust=(), estimand='prevalence_difference')."
    )


def _refuse_empty_cells(attempt: Attempt, marks: list[int]) -> None:
    """Raise if a level holds nobody of an outcome's level, or only people of its first or last."""
    terms, values = attempt.matrix.terms, attempt.matrix.values
    for j in marks:
        _refuse_empty_cell(attempt, terms[j].exposure, terms[j].level, values[:, j] > 0)
    for exposure in dict.fromkeys(terms[j].exposure for j in marks if ":" not in terms[j].exposure):
        own = [j for j, term in enumerate(terms) if term.exposure == exposure]
        others = values[:, own].sum(axis=1) == 0
        if others.any():
            _refuse_empty_cell(attempt, exposure, terms[own[0]].reference or "", others)


def _refuse_empty_cell(attempt: Attempt, exposure: str, level: str, own: "NDArray[np.bool_]") -> None:
    there = np.unique(attempt.y).astype(int)
    counts = np.bincount(attempt.y[own].astype(int), attempt.persons[own], minlength=len(attempt.levels))
    empty = [k for k in there if not counts[k]]
    whole = [k for k in (there[0], there[-1]) if counts[k] == counts.sum()]
    found = whole if attempt.family == "ordinal" else empty
    if not found:
        return
    share = f"all {counts.sum():,.0f}" if found is whole else f"none of the {counts.sum():,.0f}"
    raise EstimationError(
        f"'{attempt.outcome}' is '{attempt.levels[found[0]]}' for {share} persons with '{exposure}' = "
        f"'{level}', so a coefficient is infinite. Merge levels with study.derive(...), or leave "
        f"'{exposure}' out."
    )


def collinear(attempt: Attempt, error: "CollinearError") -> EstimationError:
    """Name the terms that follow from each other.

    Parameters
    ----------
    attempt
        The fit that was tried.
    error
        The columns as the fit found them.

    Returns
    -------
    EstimationError
        To be raised.
    """
    terms = attempt.matrix.terms
    term, others = terms[error.column], [terms[k] for k in error.others]
    among = f"among the {attempt.n:,} persons of the fit"
    if not [other for other in others if other.exposure]:
        return EstimationError(
            f"'{term.exposure}' has a single value {among}, so it explains nothing. Leave it out, or widen "
            f"the domain."
        )
    return EstimationError(
        f"{term} follows from {_listed(others)} {among}, so the model cannot tell them apart. Leave "
        f"'{term.exposure}' or what it follows from out of the model."
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


def not_converged(attempt: Attempt, endless: "Iterable[Term]" = ()) -> EstimationError:
    """Say why there is no maximum: the outcome is separated, or else the number of persons.

    Parameters
    ----------
    attempt
        The fit that was tried.
    endless
        Terms whose coefficients were on their way to infinity.

    Returns
    -------
    EstimationError
        To be raised.
    """
    along = separating_terms(attempt)
    if along:
        return EstimationError(
            f"'{attempt.outcome}' is separated by {_listed(along)} among the {attempt.n:,} persons of the "
            f"fit: beyond some value all have the same outcome, so a coefficient is infinite. "
            f"{_remedy(attempt)}"
        )
    running = list(dict.fromkeys(term for term in endless if term.exposure))
    if running:
        return EstimationError(
            f"a coefficient of {_listed(running)} runs to infinity among the {attempt.n:,} persons of the "
            f"fit: beyond some value all have the same '{attempt.outcome}'. Merge levels with "
            f"study.derive(...), or leave the variable out."
        )
    remedy = "Use fewer terms, or another family."
    if attempt.family == "log-binomial":
        remedy = "Its fitted prevalences may exceed 1. Use family='poisson' for the same ratio."
    elif attempt.family in ("binomial-identity", "poisson-identity"):
        remedy = "Its fitted means may leave their range. Use family='gaussian' for the same difference."
    return EstimationError(
        f"the {attempt.family} model of '{attempt.outcome}' did not converge with "
        f"{len(attempt.matrix.terms)} coefficients for {attempt.n:,} persons. {remedy}"
    )


def separating_terms(attempt: Attempt) -> "list[Term]":
    """Name the terms along which the outcome is separated; none if there is a finite maximum.

    Parameters
    ----------
    attempt
        A logit, probit, cloglog or Poisson fit.

    Returns
    -------
    list of Term
        Those with a part in a direction in which the likelihood rises without end.

    Notes
    -----
    Linear programme of Konis (2007, Computational algorithms for detecting separation, ch. 4); for the
    Poisson model, Correia, Guimarães and Zylkin (2019): cases stay where they are, others fall.
    """
    if attempt.family not in (*_BINOMIAL, *_LOG):
        return []
    X = attempt.matrix.values / np.abs(attempt.matrix.values).max(axis=0)
    case = attempt.y > 0
    direction = _direction(X, case, held=attempt.family in _LOG)
    return [
        t for t, part in zip(attempt.matrix.terms, direction, strict=True) if abs(part) > _PART and t.exposure
    ]


def _direction(X: "Floats", case: "NDArray[np.bool_]", *, held: bool) -> "Floats":
    from scipy.optimize import linprog

    rising = np.unique(X[case], axis=0)
    falling = -np.unique(X[~case], axis=0)
    free = falling if held else np.vstack([rising, falling])
    solved = linprog(
        -free.sum(axis=0),
        A_ub=-free,
        b_ub=np.zeros(len(free)),
        A_eq=rising if held else None,
        b_eq=np.zeros(len(rising)) if held else None,
        bounds=(-1, 1),
    )
    return np.asarray(solved.x) if solved.status == 0 else np.zeros(X.shape[1])


def _listed(terms: "Iterable[Term]") -> str:
    words = [str(term) for term in terms]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
