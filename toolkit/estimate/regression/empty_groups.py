"""Find comparisons with a small or empty group, and replace model intervals that it makes invalid."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.regression.formula.design_matrix import Term
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.domain_means import averages_of
from toolkit.estimate.survey.groups import finite
from toolkit.estimate.survey.roles import Column
from toolkit.estimate.survey.unvarying import difference, effects, exact, not_estimable, proportion
from toolkit.results import ESTIMANDS
from toolkit.variables import YES_NO

# Rates on fewer cases are not to be shown (NCHS, Parker et al. 2023); here they are for review.
FEW_CASES = 10


class Smallest(NamedTuple):
    """The smallest group of cases or noncases of a comparison: its number, and who they are."""

    persons: int
    who: str

    @property
    def reason(self) -> str | None:
        """The reason of a row, if the group is small."""
        if self.persons >= FEW_CASES:
            return None
        return f"only {self.persons} {self.who}, fewer than {FEW_CASES}" if self.persons else f"no {self.who}"


def smallest_group(model: ModelSpec, fitted: Regression, term: Term) -> Smallest | None:
    """Count cases and noncases of a term's level and reference; None where the term is not of levels."""
    levels = _compared_levels(model, term)
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
    label = outcome.variable.label
    named = label if outcome.case == "yes" else f"{label}: {outcome.case}"
    return Smallest(count, f"participants {kind} {named} {_name_group(column, level)}")


def find_flaw(
    model: ModelSpec, fitted: Regression, term: Term, smallest: Smallest | None = None
) -> str | None:
    """Explain why a standard error counts one group alone: the other has no case, or does not vary."""
    if model.family.name not in ("gaussian", "poisson"):
        return None
    smallest = smallest or smallest_group(model, fitted, term)
    if smallest:
        return None if smallest.persons else smallest.reason
    sample = model.sample
    for level in () if model.outcome.case else _compared_levels(model, term):
        y, column = sample.numbers(model.outcome.name)[fitted.inside], sample.columns[term.exposure]
        own = sample.codes(term.exposure)[fitted.inside] == column.levels.index(level)
        if own.any() and y[own].min() == y[own].max():
            persons = int(sample.persons[fitted.inside][own].sum())
            where = _name_group(column, level)
            return f"all {persons:,} participants {where} have the same '{model.outcome.name}'"
    return None


def compare_empty_group(
    model: ModelSpec, fitted: Regression, term: Term, estimand: str, confidence: float, *, reason: str
) -> dict[str, Any]:
    """Report a comparison with an empty group: by Newcombe's or the exact interval, or as not estimable.

    Only a crude difference or prevalence is estimable; the variance of others would be one group's alone.
    """
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


def _compared_levels(model: ModelSpec, term: Term) -> tuple[str, ...]:
    """Name the levels that a term compares; none where it is not of a variable's levels."""
    column = model.sample.columns.get(term.exposure)
    if column is None or column.continuous:
        return ()
    return tuple(level for level in (term.level, term.reference) if level in column.levels)


def _proportions(model: ModelSpec, fitted: Regression, term: Term, levels: Sequence[str]) -> list[Any]:
    sample, column = model.sample, model.sample.columns[term.exposure]
    codes = sample.codes(term.exposure)
    y = np.where(fitted.inside, sample.numbers(model.outcome.name), np.nan)[:, None]
    members = [fitted.inside & (codes == k) for k in range(len(column.levels))]
    (effect,) = effects(sample, y, members)
    named = [((), members[column.levels.index(level)]) for level in levels]
    groups, _ = averages_of(sample, y, named)
    return [(proportion(group, 0, effect), effect) for group in groups]


def _name_group(column: Column, level: str) -> str:
    if column.levels == YES_NO:
        return f"among participants {'with' if level == 'yes' else 'without'} {column.variable.label}"
    return f"in the group {column.variable.label}: {level}"
