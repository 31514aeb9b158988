"""Judge comparisons of levels by their smallest group of cases or others, and make those of empty ones.

A crude difference with an empty group has Newcombe's interval, a crude prevalence the exact one; other
comparisons with an empty group are not estimable, because their variance would be that of the other group.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from toolkit.estimate.regression.fit import Model, Regression
from toolkit.estimate.regression.formula.design_matrix import Term
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.domain_means import averages_of
from toolkit.estimate.survey.groups import finite
from toolkit.estimate.survey.roles import Column
from toolkit.estimate.survey.unvarying import difference, effects, exact, not_estimable, proportion
from toolkit.results import ESTIMANDS
from toolkit.variables.codebook import YES_NO

# Rates on fewer cases are not to be shown (NCHS, Parker et al. 2023); here they are for review.
FEW_CASES = 10
_PLAIN = ("gaussian", "poisson")


class Smallest(NamedTuple):
    """The smallest group of cases or others of a comparison: number of persons, and who they are."""

    persons: int
    who: str

    @property
    def told(self) -> str | None:
        """Word it as the reason of a row, if it is small."""
        if self.persons >= FEW_CASES:
            return None
        number = f"only {self.persons}" if self.persons else "no"
        return f"{number} {self.who}" + (f", fewer than {FEW_CASES}" if self.persons else "")


def smallest_group(model: Model, fitted: Regression, term: Term) -> Smallest | None:
    """Count cases and others of a term's level and reference; None where the term is not of levels."""
    levels = _levels(model, term)
    if not levels or not model.outcome.case:
        return None
    sample, outcome, column = model.sample, model.outcome, model.sample.columns[term.exposure]
    codes, persons = sample.codes(term.exposure)[fitted.inside], sample.persons[fitted.inside]
    y = sample.numbers(outcome.name)[fitted.inside]
    counts = {}
    for level in levels:
        own = codes == column.levels.index(level)
        counts["with", level] = int((persons * y)[own].sum())
        counts["without", level] = int((persons * (1 - y))[own].sum())
    (kind, level), count = min(counts.items(), key=lambda item: item[1])
    return Smallest(count, f"persons {_having(outcome, outcome.case, kind)} {_among(column, level)}")


def constant_group(model: Model, fitted: Regression, term: Term) -> str | None:
    """Word that a number does not vary within a term's level or reference; None where it does."""
    if model.outcome.case or model.family.name not in _PLAIN:
        return None
    y = model.sample.numbers(model.outcome.name)[fitted.inside]
    for level in _levels(model, term):
        column = model.sample.columns[term.exposure]
        own = model.sample.codes(term.exposure)[fitted.inside] == column.levels.index(level)
        if own.any() and y[own].min() == y[own].max():
            persons = int(model.sample.persons[fitted.inside][own].sum())
            return f"all {persons:,} persons {_among(column, level)} have the same '{model.outcome.name}'"
    return None


def flaw(model: Model, fitted: Regression, term: Term) -> str | None:
    """Say why a coefficient's error counts one group alone: the other has no case, or does not vary."""
    found = smallest_group(model, fitted, term) if model.family.name in _PLAIN else None
    return found.told if found and not found.persons else constant_group(model, fitted, term)


def with_empty_group(
    model: Model, fitted: Regression, term: Term, asked: tuple[str, float], reason: str
) -> dict[str, Any]:
    """Give the columns of a row that is made with an empty group: exact, by Newcombe, or not estimable.

    Parameters
    ----------
    model, fitted, term
        The fit, and the level that the row is about.
    asked
        Estimand and confidence.
    reason
        Which group is empty.

    Returns
    -------
    dict
        Columns of a result row, the verdict too.
    """
    estimand, confidence = asked
    crude = set(model.names) == {model.outcome.name, term.exposure}
    if crude and ESTIMANDS[estimand].family == "difference" and term.reference is not None:
        level, reference = _proportions(model, fitted, term, (term.level, term.reference))
        found = difference(reference[0], level[0], confidence)
    elif crude and ESTIMANDS[estimand].family == "share":
        ((p, effect),) = _proportions(model, fitted, term, (term.level,))
        low, high = intervals.interval(p, "korn-graubard", confidence)
        found = {"estimate": p.estimate, "conf_low": finite(low), "conf_high": finite(high), "df": p.df}
        found |= exact(p, effect, "korn-graubard")
    else:
        return {"reliability": "failed", "reason": not_estimable(reason, model.firth())}
    return {**found, "scale": "identity", "reliability": "review", "reason": reason}


def _levels(model: Model, term: Term) -> tuple[str, ...]:
    """Name the levels that a term compares; none where it is not of a variable's levels."""
    column = model.sample.columns.get(term.exposure)
    if column is None or column.continuous:
        return ()
    return tuple(level for level in (term.level, term.reference) if level in column.levels)


def _proportions(model: Model, fitted: Regression, term: Term, levels: Sequence[str]) -> list[Any]:
    sample, column = model.sample, model.sample.columns[term.exposure]
    codes = sample.codes(term.exposure)
    y = np.where(fitted.inside, sample.numbers(model.outcome.name), np.nan)[:, None]
    members = [fitted.inside & (codes == k) for k in range(len(column.levels))]
    (effect,) = effects(sample, y, members)
    named = [((), members[column.levels.index(level)]) for level in levels]
    groups, _ = averages_of(sample, y, named)
    return [(proportion(group, 0, effect), effect) for group in groups]


def _having(column: Column, level: str | None, kind: str) -> str:
    """Say who has a level, or has not: "without leg cramps", "without posture: sits"."""
    named = column.variable.label if level == "yes" else f"{column.variable.label}: {level}"
    return f"{kind} {named}"


def _among(column: Column, level: str) -> str:
    if column.levels == YES_NO:
        return f"among people {'with' if level == 'yes' else 'without'} {column.variable.label}"
    return f"in the group {column.variable.label}: {level}"
