"""Handle zero variance: flag such estimates, and choose the design effect of proportions of 0 and 1.

Where nobody or everybody is a case, or all values of a group are equal, a linearized variance of zero has no
meaning. A variance that is zero by design (a census, a calibrated total) remains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np

from toolkit.estimate.survey.analysis_sample import Sample
from toolkit.estimate.survey.domain_means import GroupMeans, averages_of
from toolkit.estimate.survey.estimator_covariance import design_effect
from toolkit.estimate.survey.groups import divide_sample, finite
from toolkit.estimate.survey.intervals import NCHS, Proportion, newcombe
from toolkit.estimate.survey.reliability import for_review
from toolkit.estimate.survey.variance.design_variance import CENSUS
from toolkit.results import Floats, Mask

# A standard error below this part of its own scale is a rounding error.
TINY = 1e-10
# Values apart by less than this part of themselves are equal but for rounding.
ROUNDING = 1e-12
# As the column `variance` says it.
NEWCOMBE = "Newcombe's hybrid interval, the covariance of the two groups taken as 0"
EXACT_NCHS = "exact, n"
_NOTHING = dict.fromkeys(("std_error", "conf_low", "conf_high", "statistic", "p_value"))


@dataclass(frozen=True, slots=True)
class Effect:
    """The design effect that divides n in the exact interval of a proportion of 0 or 1."""

    # At least 1.
    deff: float
    # Where it comes from, as the column `variance` says it.
    source: str


def effects(sample: Sample, values: Floats, members: Sequence[Mask]) -> list[Effect]:
    """Estimate the design effect of proportions over all groups together."""
    together = np.any(members, axis=0)
    (group,), _ = averages_of(sample, np.where(together[:, None], values, np.nan), [together])
    return [_effect(group, k) for k in range(values.shape[1])]


def effects_of_groups(
    sample: Sample, values: Floats, by: tuple[str, ...], found: Sequence[GroupMeans]
) -> Sequence[Effect | None]:
    """Estimate design effects if nobody or everybody of some group is a case; otherwise None."""
    if not any(group.cases[k] in (0, group.n) for group in found for k in range(values.shape[1])):
        return [None] * values.shape[1]
    return effects(sample, values, [inside for _, inside in divide_sample(sample, by)])


def _effect(group: GroupMeans, k: int) -> Effect:
    if group.cases[k] in (0, group.n) or not isfinite(group.variance[k]):
        return kish(group)
    size = group.population if group.population > group.n * (1 + TINY) else inf
    found = design_effect(float(group.variance[k]), float(group.between[k]), group.n, size)
    deff = max(found or 1.0, 1.0)
    return Effect(deff, f"exact, n / deff of all groups together ({deff:.2f})")


def kish(group: GroupMeans) -> Effect:
    """Use Kish's 1 + CV² of the weights as the design effect."""
    deff = max(group.unequal, 1.0)
    return Effect(deff, f"exact, n / (1 + CV² of the weights) ({deff:.2f})")


def proportion(group: GroupMeans, k: int, effect: Effect | None) -> Proportion:
    """Collect a group's proportion for its interval; `effect` where it is 0 or 1."""
    # Where all are cases the weighted mean may miss 1 by a rounding error.
    estimate = 1.0 if group.cases[k] == group.n else float(group.means[k])
    deff = max(effect.deff, group.unequal if group.standardized else 1.0) if effect else 1.0
    odds = None if group.log_odds_variance is None else float(group.log_odds_variance[k])
    variance = float(group.variance[k])
    return Proportion(estimate, variance, group.df, group.persons, group.n, deff, odds)


def exact(p: Proportion, effect: Effect, method: str) -> dict[str, Any]:
    """Give the columns of a row whose proportion is 0 or 1."""
    if method == NCHS:
        return {"std_error": None, "deff": None, "n_effective": float(p.counted), "variance": EXACT_NCHS}
    source = effect.source if p.deff == effect.deff else "exact, n / (1 + CV² of the standardized weights)"
    return {"std_error": None, "deff": p.deff, "n_effective": p.n_effective, "variance": source}


def difference(low: Proportion, high: Proportion, confidence: float) -> dict[str, Any]:
    """Give the columns of a row for a difference of proportions, one of which is 0 or 1."""
    ends = newcombe(low, high, confidence)
    return {
        **_NOTHING,
        "estimate": high.estimate - low.estimate,
        "scale": "identity",
        "conf_low": finite(ends[0]),
        "conf_high": finite(ends[1]),
        "df": min(low.df, high.df),
        "variance": NEWCOMBE,
    }


def length(values: Floats) -> float:
    """Compute the root of the sum of squares, without waking every thread of the machine for one sum."""
    return sqrt(float(np.square(values).sum()))


def constant(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Remove error, interval and test of a row without variation, and flag it for review."""
    return for_review({**row, **_NOTHING}, reason)


def alike(name: str, persons: int) -> str:
    """Give the reason of a row whose participants have the same value."""
    return f"all {persons:,} participants have the same value of '{name}', so it has no standard error"


def zero_variance(sample: Sample, cells: Mask, row: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Flag a row whose standard error is zero though participants vary; its interval stays only by design."""
    error = row.get("std_error")
    if error is None or not error <= TINY * scale:
        return dict(row)
    reason = _zero_by_design(sample, cells)
    if reason:
        return for_review(row, reason)
    return constant(row, "the sampling units do not differ, so it has no standard error")


def settled(
    sample: Sample, cells: Mask, row: Mapping[str, Any], size: tuple[float, Floats]
) -> dict[str, Any]:
    """Flag a model's row whose standard error is zero; `size` is its scale and the influence values."""
    scale, influence = size
    if row.get("std_error") is not None and length(influence) <= TINY * scale:
        return constant(
            row, "all participants that it is based on have the same outcome, so it has no standard error"
        )
    return zero_variance(sample, cells, row, scale)


def _zero_by_design(sample: Sample, cells: Mask) -> str:
    units = sample.units
    unit, replication = sample.unit[cells], units.replication
    if units.residuals is not None or (replication is not None and replication.made is not None):
        return "standard error 0, because the weights are calibrated to it"
    if replication is not None:
        alike = np.ptp(replication.factors[:, unit], axis=0).max(initial=0.0) <= TINY
        return "standard error 0, because the replicate weights do not differ" if alike else ""
    for stage in units.stages[::-1]:
        if not (1 - stage.fraction[unit] < CENSUS).all():
            return ""
        unit = stage.parent[unit]
    return "standard error 0, because the whole population is in the sample"


def firth_call(outcome: str, terms: Sequence[str], domain: str = "") -> str:
    """Write the call of Firth's model."""
    where = f", domain={domain!r}" if domain else ""
    return f"tk.model(study, '{outcome} ~ {' + '.join(terms)}', family='firth'{where}, exponentiate=True)"


def not_estimable(what: str, call: str) -> str:
    """Explain that a comparison with a group of no or only cases needs Firth's model."""
    return (
        f"{what}, so this comparison is not estimable, because its standard error would reflect one group "
        f"only. Use Firth's penalized model for an odds ratio: {call}"
    )
