"""Create replicate weights from strata and PSUs: jackknife, BRR, Fay, bootstrap, successive differences.

Methods and scales: Wolter, Introduction to Variance Estimation, 2007, ch. 3-5; Rao and Wu, JASA 83 (1988)
231-241; Fay and Train, ASA Proceedings 1995; as `as.svrepdesign` of R's survey package where that makes them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
import polars as pl

from toolkit.errors import DesignError, require_known, require_study
from toolkit.estimate.survey.sampling_units import ROW, WEIGHT, index_participants
from toolkit.estimate.survey.variance.design_variance import Stage
from toolkit.estimate.survey.variance.unit_numbers import UNIT, number_units
from toolkit.results import Floats, Indices
from toolkit.studies import Design, Study, choose_weight, read_method

# A jackknife refits once for each unit: beyond this many, a bootstrap says as much in far less time.
MOST_UNITS = 2_000
FULL_WEIGHT = "full_sample_weight"


@dataclass(frozen=True)
class _Made:
    """Replicates x units, with their scales."""

    factors: Floats
    scale: float | None = None
    rscales: tuple[float, ...] | None = None


@dataclass(frozen=True)
class _Request:
    """The sampling units, and how replicates are created from them."""

    stage: Stage
    design: Design
    number: int
    seed: int
    fay_rho: float

    @property
    def strata(self) -> Indices:
        """The stratum of each unit."""
        return self.stage.parent


def replicates(
    study: Study, *, method: str, number: int = 200, seed: int = 1, fay_rho: float = 0.3, mse: bool = False
) -> Study:
    """Create replicate weights from a study's strata and PSUs.

    Parameters
    ----------
    study
        With a design of strata and PSUs, of PSUs alone, or of participants sampled individually.
    method
        "JK1" (leave out a PSU; no strata), "JKn" (leave out a PSU of a stratum), "BRR" (half samples, two
        PSUs a stratum), "Fay" (half samples, damped), "bootstrap" (Rao and Wu) or "SDR" (successive
        differences of PSUs in their order).
    number
        Of bootstrap replicates.
    seed
        Of the bootstrap: the same seed gives the same replicates.
    fay_rho
        Of Fay's method, between 0 and 1.
    mse
        True for deviations from the full-sample estimate, False for those from the replicates' mean.

    Returns
    -------
    Study
        A copy with one column per replicate (`replicate_1`, ...) that multiplies the weight of an analysis;
        its design has them in place of strata and PSUs. Each replicate is calibrated to the design's totals.

    Raises
    ------
    DesignError
        If the method does not fit the design: strata for JK1, none for JKn, a stratum of other than two PSUs
        for BRR, a finite population where a method has no place for it.

    Notes
    -----
    Finite populations of the first stage shrink jackknife scales and, as Rao and Wu, bootstrap factors. A
    stratum of one PSU counts as `lonely_psu` says: left out, or for "adjust" taken out of the whole.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = replicates(tk.open_study("simulated"), method="JKn")
    >>> tk.prevalence(study, outcome="any_cramps")["variance"].item()
    '60 JKn replicates'
    """
    require_study(study, "tk.survey.replicates")
    chosen = read_method(method)
    require_known("Unknown replication method", chosen, _METHODS, "Use one of", DesignError)
    _require_units(study.design, chosen)
    study = _add_weight(study)
    people, stage = _number_psus(study)
    made = _METHODS[chosen](_Request(stage, study.design, number, seed, fay_rho))
    names = _choose_names(study, len(made.factors))
    values = np.ones((study.people.height, len(names)))
    values[people[ROW].to_numpy()] = made.factors[:, people[UNIT].to_numpy()].T
    columns = pl.from_numpy(values, schema=names)
    design = replace(
        study.design,
        strata=None,
        psu=None,
        fpc=None,
        replicate_weights=names,
        replicate_method=chosen,
        replicate_scale=made.scale,
        replicate_rscales=made.rscales,
        fay_rho=fay_rho if chosen == "Fay" else 0.0,
        mse=mse,
        replicate_factors=True,
    )
    return replace(study, people=study.people.hstack(columns), design=design)


def _require_units(design: Design, method: str) -> None:
    if design.replicate_weights:
        raise DesignError(
            f"The study already has replicate weights by {design.replicate_method}, and others cannot be "
            f"created from them. Use the study with strata and PSUs."
        )
    if design.fpcs and method in ("BRR", "Fay", "SDR"):
        raise DesignError(
            f"{method} does not support finite populations. Use method='JKn' or 'bootstrap', or a design "
            f"without fpc (sampling with replacement)."
        )
    if len(design.fpcs) > 1:
        raise DesignError(
            f"Replicates are of the first stage, and the design has fpc columns of {len(design.fpcs)} "
            f"stages. Use the first only: tk.Design(psu='{design.stages[0]}', fpc='{design.fpcs[0]}', "
            "weight=...)."
        )
    if method == "JK1" and design.strata:
        raise DesignError(
            "JK1 ignores strata, and this design is stratified. Use tk.replicates(study, method='JKn')."
        )
    if method in ("JKn", "BRR", "Fay") and not design.strata:
        raise DesignError(f"{method} needs strata, and the design has none. Use method='JK1' or 'bootstrap'.")


def _add_weight(study: Study) -> Study:
    if study.design.weight is not None:
        return study
    plain = replace(study, design=replace(study.design, calibration=None))
    weight = index_participants(plain, choose_weight(plain.design, [])).placed[WEIGHT].alias(FULL_WEIGHT)
    design = replace(study.design, weight=FULL_WEIGHT, declared_absent=False)
    return replace(study, people=study.people.with_columns(weight), design=design)


def _number_psus(study: Study) -> tuple[pl.DataFrame, Stage]:
    weights = [pl.col(name).is_not_null() for w in study.design.components.values() for name in w.columns]
    people = study.people.with_row_index(ROW).filter(pl.any_horizontal(weights))
    if not people.height:
        raise DesignError("No participant has a weight, so there is nothing to replicate. Check the weight.")
    people, units = number_units(people, study.design)
    return people, units.stages[0]


def _choose_names(study: Study, count: int) -> tuple[str, ...]:
    prefix = "replicate"
    while any(name.startswith(f"{prefix}_") for name in study.people.columns):
        prefix += "_again"
    return tuple(f"{prefix}_{number}" for number in range(1, count + 1))


def _jk1(asked: _Request) -> _Made:
    n = len(asked.strata)
    _require_few(n)
    left = 1 - float(asked.stage.fraction[0])
    return _Made(_omit_each(n), left * (n - 1) / n)


def _omit_each(n: int) -> Floats:
    if n < 2:
        raise DesignError(
            "A jackknife needs at least two PSUs, and the design has one. Supply psu=, or use linearization."
        )
    factors = np.full((n, n), n / (n - 1))
    np.fill_diagonal(factors, 0.0)
    return factors


def _require_few(units: int) -> None:
    if units > MOST_UNITS:
        raise DesignError(
            f"A jackknife has one replicate for each of {units:,} units, more than {MOST_UNITS:,}. Use "
            f"method='bootstrap', or supply the PSUs that participants were sampled in."
        )


def _jkn(asked: _Request) -> _Made:
    strata = asked.strata
    _require_few(len(strata))
    blocks, rscales, left_out = [], [], 0
    for stratum in range(strata.max() + 1):
        own = np.flatnonzero(strata == stratum)
        left = 1 - float(asked.stage.fraction[own[0]])
        if len(own) == 1 and left > 0:
            left_out += 1
            block, scale = _omit_lonely_psu(asked, own)
        elif left <= 0:  # A census of the stratum varies by nothing.
            continue
        else:
            block = np.ones((len(own), len(strata)))
            block[:, own] = _omit_each(len(own))
            scale = left * (len(own) - 1) / len(own)
        blocks.append(block)
        rscales += [scale] * len(block)
    if not rscales:
        raise DesignError("No stratum has two PSUs, so a jackknife is not possible. Merge strata.")
    average = asked.design.lonely_psu == "average" and left_out
    return _Made(np.vstack(blocks), len(strata) / len(rscales) if average else None, tuple(rscales))


def _omit_lonely_psu(asked: _Request, own: Indices) -> tuple[Floats, float]:
    how, count = asked.design.lonely_psu, int(asked.strata.max()) + 1
    if how == "fail":
        raise DesignError(
            "A stratum has a single PSU, which a jackknife cannot remove. Merge it with a similar stratum, "
            "or use tk.Design(..., lonely_psu='adjust')."
        )
    if how != "adjust" or count == 1:
        return np.ones((0, len(asked.strata))), 0.0
    factors = np.full((1, len(asked.strata)), count / (count - 1))
    factors[0, own] = 0.0
    return factors, (count - 1) / count


def _half_samples(asked: _Request, rho: float) -> _Made:
    sizes = np.bincount(asked.strata)
    others = int((sizes != 2).sum())
    if others:
        raise DesignError(
            f"Half samples need two PSUs in each stratum, and {others:,} of {len(sizes):,} strata have other "
            f"numbers. Use method='JKn' or 'bootstrap'."
        )
    signs = hadamard(len(sizes) + 1)[1 : len(sizes) + 1]
    second = np.zeros(len(asked.strata))
    second[np.unique(asked.strata, return_index=True)[1]] = 1
    side = np.where(second == 1, 1.0, -1.0)
    return _Made((1 + (1 - rho) * signs[asked.strata] * side[:, None]).T)


def _fay(asked: _Request) -> _Made:
    if not 0 < asked.fay_rho < 1:
        raise DesignError(
            f"'fay_rho' is {asked.fay_rho}, but must be between 0 and 1. Use fay_rho=0.3, for example."
        )
    return _half_samples(asked, asked.fay_rho)


def _bootstrap(asked: _Request) -> _Made:
    """Draw one PSU fewer than a stratum has, with replacement, as Rao and Wu."""
    if not isinstance(asked.number, int) or asked.number < 2:
        raise DesignError(
            f"'number' is {asked.number!r}, but a bootstrap needs at least 2 replicates. Use number=200, "
            "for example."
        )
    random = np.random.default_rng(asked.seed)
    factors = np.ones((asked.number, len(asked.strata)))
    for stratum in range(asked.strata.max() + 1):
        own = np.flatnonzero(asked.strata == stratum)
        n, left = len(own), 1 - float(asked.stage.fraction[own[0]])
        if n == 1:
            if left > 0 and asked.design.lonely_psu not in ("certainty", "remove"):
                raise DesignError(
                    "A stratum has a single PSU, which cannot be resampled. Merge it with another, or use "
                    "tk.Design(..., lonely_psu='certainty')."
                )
            continue
        drawn = random.multinomial(n - 1, np.full(n, 1 / n), size=asked.number)
        damping = np.sqrt(left)
        factors[:, own] = 1 - damping + damping * drawn * n / (n - 1)
    return _Made(factors)


def _successive(asked: _Request) -> _Made:
    """Weigh each PSU by the difference of its own row of signs and the next one's, around its stratum."""
    sizes = np.bincount(asked.strata)
    signs = hadamard(len(asked.strata) + 1)[1:]
    order = np.argsort(asked.strata, kind="stable")
    following = np.empty(len(order), np.int64)
    for stratum, start in enumerate(np.cumsum(sizes) - sizes):
        own = np.arange(start, start + sizes[stratum])
        following[own] = np.roll(own, -1)
    factors = np.empty((signs.shape[1], len(order)))
    place = np.arange(len(order))
    factors[:, order] = 1 + 2**-1.5 * (signs[place] - signs[following]).T
    return _Made(factors)


def hadamard(least: int) -> Floats:
    """Construct a Hadamard matrix by Paley's construction and Sylvester's doubling; the first row is 1."""
    order = next(size for size in range(max(least, 1), 2 * least + 2) if _construction(size))
    q, doublings = _construction(order) or (0, 0)
    matrix = _paley(q) if q else np.ones((1, 1))
    for _ in range(doublings):
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    signs: Floats = matrix * matrix[0]
    return signs


def _construction(order: int) -> tuple[int, int] | None:
    """Find q and k with order = 2^k (q + 1), q a prime of the form 4m + 3, or order = 2^k with q = 0."""
    doublings = 0
    while order >= 1:
        if order == 1:
            return 0, doublings
        if _is_prime(order - 1) and (order - 1) % 4 == 3:
            return order - 1, doublings
        if order % 2:
            return None
        order, doublings = order // 2, doublings + 1
    return None


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, isqrt(number) + 1))


def _paley(q: int) -> Floats:
    squares = {(k * k) % q for k in range(1, q)}
    sign = np.array([0.0, *(1.0 if k in squares else -1.0 for k in range(1, q))])
    Q = sign[(np.arange(q)[:, None] - np.arange(q)) % q]
    skew = np.zeros((q + 1, q + 1))
    skew[0, 1:], skew[1:, 0], skew[1:, 1:] = 1, -1, Q
    np.fill_diagonal(skew, 1.0)
    return skew


_METHODS: dict[str, Callable[[Any], _Made]] = {
    "JK1": _jk1,
    "JKn": _jkn,
    "BRR": lambda asked: _half_samples(asked, 0.0),
    "Fay": _fay,
    "bootstrap": _bootstrap,
    "SDR": _successive,
}
