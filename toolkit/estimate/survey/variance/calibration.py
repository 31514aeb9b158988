"""Calibrate weights to population totals, with the residuals or replicates needed for variances.

Method: Deville and Särndal, JASA 87 (1992) 376-382; the equations are solved by Newton's steps until the
totals are met to rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from toolkit.disclosure import common_levels, unknown_level
from toolkit.errors import DesignError
from toolkit.estimate.survey.roles import Column, read
from toolkit.estimate.survey.variance.design_variance import Replication, Residuals, Units
from toolkit.results import Floats, Indices
from toolkit.studies import COMPUTED, Calibration, Margin, Study
from toolkit.variables import YES_NO

MAX_STEPS, MAX_HALVINGS = 100, 60
# Totals are met when what is missing is below this part of them; R's own default is 1e-7.
MET = 1e-11
# Totals that follow from others, as the last level of each of two margins, are of no rank of their own.
RANK = 1e-9
# The weight as it was, beside the one that is calibrated.
BEFORE, _KIND, _PART = (f"{COMPUTED}{name}" for name in ("before", "kind", "part"))


@dataclass(frozen=True)
class _Equations:
    """The calibration equations; participants of one kind agree in every variable of the totals."""

    variables: Floats
    totals: Floats
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Parts:
    """Parts of units by kind: unit, kind, sum of weights before, and calibration factor."""

    parent: Indices
    kind: Indices
    within: Floats
    factor: Floats


@dataclass(frozen=True)
class _Form:
    """The factor of a weight as a function of the solution's linear predictor, and its slope."""

    factor: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]


def calibrate(
    study: Study, people: pl.DataFrame, units: Units, calibration: Calibration, columns: tuple[str, str]
) -> tuple[pl.DataFrame, Units]:
    """Calibrate the weights of participants and their replicates; `columns` name the unit and the weight."""
    unit, weight = columns
    kinds, equations = _write_equations(study, people, calibration)
    people = people.with_columns(pl.Series(_KIND, kinds), pl.col(weight).alias(BEFORE))
    parts = people.select(unit, _KIND).unique().sort(unit, _KIND).with_row_index(_PART)
    people = people.join(parts, on=[unit, _KIND], how="left", maintain_order="left")
    before = people[weight].to_numpy()
    factor = _solve_factors(equations, np.bincount(kinds, before).astype(float), calibration)
    part = people[_PART].cast(pl.Int64).to_numpy()
    people = people.drop(_PART, _KIND).with_columns(
        pl.Series(weight, before * factor[kinds]), pl.Series(unit, part)
    )
    kind, within = parts[_KIND].to_numpy(), np.bincount(part, before).astype(float)
    own = _Parts(parts[unit].to_numpy(), kind, within, factor[kind])
    found = replace(units, method=f"{units.method}, {calibration.word}")
    if units.replication is None:
        return people, replace(found, residuals=_compute_residuals(equations, own))
    return people, replace(
        found, replication=_calibrate_replicates(units.replication, equations, own, calibration)
    )


def _compute_residuals(equations: _Equations, parts: _Parts) -> Residuals:
    root = np.sqrt(parts.within)
    weighted = equations.variables[parts.kind] * root[:, None]
    # Columns of one length first: a sum of money beside marks of 0 and 1 would hide their rank.
    left, size, _ = np.linalg.svd(weighted / np.linalg.norm(weighted, axis=0), full_matrices=False)
    basis = np.ascontiguousarray(left[:, size > RANK * size[0]])
    return Residuals(parts.parent, basis, root * parts.factor)


def _calibrate_replicates(
    replication: Replication, equations: _Equations, parts: _Parts, calibration: Calibration
) -> Replication:
    made = replication.factors[:, parts.parent]
    factors = np.empty_like(made)
    for number, own in enumerate(made):
        weight = np.bincount(parts.kind, parts.within * own, minlength=len(equations.variables)).astype(float)
        try:
            again = _solve_factors(equations, weight, calibration)
        except DesignError as error:
            raise DesignError(
                f"Replicate weight {number + 1} of {len(made)} cannot be calibrated. {error}"
            ) from None
        factors[number] = own * again[parts.kind] / parts.factor
    return replace(replication, factors=factors, made=made)


def _write_equations(
    study: Study, people: pl.DataFrame, calibration: Calibration
) -> tuple[Indices, _Equations]:
    """Classify participants into kinds, with what each kind adds to each total."""
    names = calibration.variables
    grouped = [name for margin in calibration.margins if margin.crossed for name in margin.variables]
    read_as = read(study, names, in_groups=grouped)
    values = people.select(
        pl.lit(0).alias(f"{COMPUTED}one"), *(column.expression for column in read_as.values())
    )
    _refuse_missing(values)
    kinds = values.unique().sort(values.columns).with_row_index(_KIND)
    of_person = values.join(kinds, on=values.columns, how="left", maintain_order="left")[_KIND]
    blocks = [_write_block(margin, kinds, read_as) for margin in calibration.margins]
    variables = np.column_stack([block for block, _, _ in blocks])
    totals = np.concatenate([own for _, own, _ in blocks])
    labels = tuple(name for _, _, own in blocks for name in own)
    return of_person.cast(pl.Int64).to_numpy(), _Equations(variables, totals, labels)


def _refuse_missing(values: pl.DataFrame) -> None:
    for name in values.columns:
        missing = values[name].null_count()
        if missing:
            raise DesignError(
                f"'{name}' has population totals, but is missing for {missing:,} of {values.height:,} "
                "participants with a weight. Make missing a level with a total, "
                f"study.derive('{name}_known', ...), or exclude these participants before tk.study."
            )


def _write_block(
    margin: Margin, kinds: pl.DataFrame, columns: dict[str, Column]
) -> tuple[Floats, Floats, tuple[str, ...]]:
    totals = np.array([total for _, total in margin.totals])
    if not margin.crossed:
        own = kinds[margin.variables[0]].to_numpy() if margin.variables else np.ones(kinds.height)
        _require_number(margin, columns)
        return own[:, None].astype(float), totals, (str(margin),)
    levels = [_read_levels(margin, k, columns[name]) for k, name in enumerate(margin.variables)]
    wanted = list(zip(*levels, strict=True))
    have = list(kinds.select(pl.col(margin.variables).cast(pl.String)).iter_rows())
    _refuse_unmatched(margin, wanted, have)
    place = {key: k for k, key in enumerate(wanted)}
    marks = np.zeros((kinds.height, len(wanted)))
    marks[np.arange(kinds.height), [place[key] for key in have]] = 1.0
    return marks, totals, tuple(f"{margin}: {', '.join(key)}" for key in wanted)


def _require_number(margin: Margin, columns: dict[str, Column]) -> None:
    for name in margin.variables:
        if not columns[name].continuous:
            shown = ", ".join(f"'{level}': ..." for level in common_levels(columns[name].levels))
            raise DesignError(
                f"'{name}' is categorical and needs a total for each level: "
                f"design.calibrated({{'{name}': {{{shown}}}}})."
            )


def _read_levels(margin: Margin, place: int, column: Column) -> list[str]:
    if column.continuous:
        raise DesignError(
            f"'{column.name}' is continuous and has one total, its sum: "
            f"design.calibrated({{'{column.name}': ...}}). Or create categories first with "
            f"study.cut('{column.name}')."
        )
    numbered = {"0": "no", "1": "yes"} if column.levels == YES_NO else {}
    found = [numbered.get(levels[place], levels[place]) for levels, _ in margin.totals]
    for level in found:
        what = f"The totals name an unknown level of '{column.name}',"
        if level not in column.levels:
            raise DesignError(unknown_level(what, level, column.levels))
    return found


def _refuse_unmatched(margin: Margin, wanted: list[tuple[str, ...]], have: list[tuple[str, ...]]) -> None:
    empty = [key for key in wanted if key not in have]
    if empty:
        listed = "; ".join(", ".join(key) for key in empty)
        raise DesignError(
            f"{len(empty)} of {len(wanted)} totals of {margin} have no participants in the study ({listed}), "
            f"so no weights can meet them. Merge levels with study.derive(...) and add up their totals."
        )
    without = [key for key in dict.fromkeys(have) if key not in wanted]
    if without:
        listed = "; ".join(", ".join(key) for key in without)
        raise DesignError(
            f"The totals of {margin} lack levels that participants of the study have ({listed}). Supply a "
            f"total for each."
        )


def _solve_factors(equations: _Equations, weight: Floats, calibration: Calibration) -> Floats:
    _refuse_empty(equations, weight)
    X, totals, form = equations.variables, equations.totals, _choose_form(calibration)
    size = np.maximum(np.abs(totals), np.abs(X).T @ np.abs(weight))

    def missing(path: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            return totals - (weight * form.factor(X @ path)) @ X

    path = np.zeros(X.shape[1])
    for _ in range(MAX_STEPS):
        left = missing(path)
        if (np.abs(left) <= MET * size).all():
            return _require_positive(form.factor(X @ path), calibration)
        # Scaled to numbers of a like size, as totals of people and sums of numbers are not.
        information = (X * (weight * form.slope(X @ path))[:, None]).T @ X / np.outer(size, size)
        step = np.linalg.pinv(information, rcond=1e-13, hermitian=True) @ (left / size) / size
        path = _shorten_step(missing, path, step)
    raise _explain_unmet(equations, missing(path), calibration)


def _shorten_step(missing: Callable[[Floats], Floats], path: Floats, step: Floats) -> Floats:
    bound = abs(missing(path) @ step)
    for halvings in range(MAX_HALVINGS):
        along: Floats = path + step * 0.5**halvings
        if abs(missing(along) @ step) <= bound:
            return along
    return path


def _choose_form(calibration: Calibration) -> _Form:
    if calibration.method == "raking":
        return _Form(np.exp, np.exp)
    if calibration.bounds is None:
        return _Form(lambda u: 1 + u, np.ones_like)
    low, high = calibration.bounds
    if calibration.method == "linear":
        return _Form(
            lambda u: np.clip(1 + u, low, high), lambda u: ((1 + u > low) & (1 + u < high)).astype(float)
        )
    return _bound_factors(low, high)


def _bound_factors(low: float, high: float) -> _Form:
    """Bound factors by a logistic curve through 1 with slope 1."""
    speed = (high - low) / ((high - 1) * (1 - low))

    def factor(u: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            shrunk = (high - 1) * np.exp(-speed * u)
            curve = high - (high - low) * shrunk / (shrunk + 1 - low)
        return np.where(np.isinf(shrunk), low, curve)

    def slope(u: Floats) -> Floats:
        g = factor(u)
        return speed * (g - low) * (high - g) / (high - low)

    return _Form(factor, slope)


def _refuse_empty(equations: _Equations, weight: Floats) -> None:
    """Raise if a level has no weight, as can happen in a replicate."""
    there = weight @ (equations.variables != 0)
    for name, own in zip(equations.names, there, strict=True):
        if own == 0:
            raise DesignError(
                f"No participant in {name} has a weight above 0, so its total cannot be met. Merge levels "
                f"with study.derive(...) and add up their totals."
            )


def _require_positive(factor: Floats, calibration: Calibration) -> Floats:
    below = int((factor <= 0).sum())
    if below and calibration.bounds is None:
        raise DesignError(
            f"Linear calibration makes the weights of {below:,} kinds of participants zero or negative. Use "
            f"bounds, design.calibrated(..., bounds=(0.2, 5)), or use method='raking'."
        )
    return factor


def _explain_unmet(equations: _Equations, missing: Floats, calibration: Calibration) -> DesignError:
    share = np.abs(missing) / np.abs(equations.totals)
    worst = int(share.argmax())
    remedy = (
        f"Widen bounds={calibration.bounds}"
        if calibration.bounds
        else "Merge small levels with study.derive(...), or use fewer margins"
    )
    return DesignError(
        f"No weights were found that meet the totals. {equations.names[worst]} stays "
        f"{100 * share[worst]:.2g}% off. Check the totals against those of the sample. {remedy}."
    )
