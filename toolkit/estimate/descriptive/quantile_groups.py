"""Compute the weighted quantile groups of `study.cut`.

The variable of the groups is made in `level_groups`; quantiles with intervals are in `quantiles`.
"""

from dataclasses import dataclass

import numpy as np

from toolkit.errors import VariableError
from toolkit.estimate.survey.analysis_sample import draw
from toolkit.estimate.survey.distributions import QUANTILE_RULES
from toolkit.estimate.survey.roles import require_continuous
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.studies.study import Study


@dataclass(frozen=True)
class QuantileGroups:
    """The cut points of a continuous variable; each group includes its upper cut."""

    # The ends of all groups but the highest.
    cuts: tuple[float, ...]
    # The cuts in as few digits as give the same groups.
    texts: tuple[str, ...]
    # The number of people of each group.
    persons: tuple[int, ...]


def quantile_groups(study: Study, name: str, into: int, domain: str) -> QuantileGroups:
    """Cut a continuous variable at its weighted quantiles in a domain; ties stay together."""
    if not isinstance(into, int) or isinstance(into, bool) or into < 2:
        raise VariableError(
            f"The number of quantile groups must be 2 or more, not {into!r}. "
            f"Use study.cut('{name}', into=3) for thirds."
        )
    sample = draw(study, [name], domain)
    remedy = f"Merge its levels with study.merge_levels('{name}', {{'new level': [...]}})."
    require_continuous(sample.columns[name], remedy)
    values = sample.numbers(name)
    known = np.isfinite(values)
    values, weights, persons = values[known], sample.weights[known], sample.persons[known]
    different = np.unique(values)
    if len(different) < 2:
        raise VariableError(_explain_constant(name, domain, int(persons.sum()), len(different)))
    cuts = _choose_cuts(values, weights, into, different)
    group = np.searchsorted(cuts, values, side="left")
    counts = np.bincount(group, persons, minlength=len(cuts) + 1).astype(int)
    return QuantileGroups(tuple(map(float, cuts)), _write_cuts(cuts, different), tuple(map(int, counts)))


def _explain_constant(name: str, domain: str, persons: int, different: int) -> str:
    whom = f"{persons:,} participants" + (f" with {domain}" if domain.strip() else "")
    seen = f"has a single value among the {whom}" if different else "has no value in the domain"
    return f"'{name}' {seen}, so there are no quantile groups. Use a wider domain, or remove the variable."


def _choose_cuts(values: Floats, weights: Floats, into: int, different: Floats) -> Floats:
    found = [QUANTILE_RULES["math"](values, weights, k / into) for k in range(1, into)]
    # A cut at the largest value would leave an empty group above it: that value is a group.
    return np.unique(np.minimum(found, different[-2]))


def _write_cuts(cuts: Floats, different: Floats) -> tuple[str, ...]:
    below = np.searchsorted(different, cuts, side="right")
    for digits in range(3, 18):
        texts = [np.format_float_positional(cut, digits, fractional=False, trim="-") for cut in cuts]
        read = np.array([float(text) for text in texts])
        if np.array_equal(np.searchsorted(different, read, side="right"), below):
            break
    return tuple(texts)
