"""Population totals to which weights are calibrated (in `estimate.survey.variance.calibration`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isinf
from typing import Any

import polars as pl

from toolkit.errors import DesignError, require_known

METHODS = ("raking", "linear", "logit")
_EXAMPLE = "design.calibrated({'sex': {'male': 48_000, 'female': 52_000}, 'age_group': {...}})"
# Sums of margins may differ by rounding in their last digit, not by more.
_SAME_SUM = 1e-8

Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Margin:
    """Totals over the levels of one or several crossed variables, or of a continuous variable."""

    variables: tuple[str, ...]  # none for the size of the population
    totals: tuple[tuple[Levels, float], ...]  # a continuous variable's single entry has no levels

    @property
    def crossed(self) -> bool:
        """Whether the totals are by level."""
        return bool(self.totals[0][0])

    def __str__(self) -> str:
        return " × ".join(f"'{name}'" for name in self.variables) or "the number of people"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Population totals with the calibration method."""

    margins: tuple[Margin, ...]
    method: str  # one of METHODS
    bounds: tuple[float, float] | None = None  # of the ratio of calibrated to original weight

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable of the margins."""
        return tuple(dict.fromkeys(name for margin in self.margins for name in margin.variables))

    @property
    def word(self) -> str:
        """The name of the adjustment: post-stratified, raked or calibrated."""
        if len(self.margins) == 1 and self.margins[0].crossed and self.bounds is None:
            return "post-stratified"
        return "raked" if self.method == "raking" else "calibrated"

    @property
    def sentence(self) -> str:
        """The adjustment in words."""
        return f"{self.word} to the population totals of {' and '.join(map(str, self.margins))}"


def read_totals(
    totals: Any, population: float | None, method: str | None, bounds: tuple[float, float] | None
) -> Calibration:
    """Validate the arguments of `Design.calibrated` and choose the method."""
    margins = tuple(_margins(totals))
    if population is not None:
        margins = (*margins, Margin((), (((), _number("population", population)),)))
    if not margins:
        raise DesignError(f"No population totals are given. Supply them, for example {_EXAMPLE}.")
    _refuse_other_sums(margins)
    by_levels = all(margin.crossed for margin in margins)
    chosen = method or ("raking" if by_levels and len(margins) > 1 and bounds is None else "linear")
    require_known("'method' cannot be", chosen, METHODS, "Available:", DesignError)
    _check_bounds(chosen, bounds)
    return Calibration(margins, chosen, bounds)


def _margins(totals: Any) -> Iterable[Margin]:
    if isinstance(totals, pl.DataFrame):
        yield _of_frame(totals)
    elif isinstance(totals, Mapping):
        for key, value in totals.items():
            names = key if isinstance(key, tuple) else (key,)
            if not all(isinstance(name, str) for name in names):
                raise DesignError(f"Totals are of variables, which '{key}' does not name. Use {_EXAMPLE}.")
            yield _of_mapping(names, value)
    elif isinstance(totals, list | tuple):
        for part in totals:
            yield from _margins(part)
    else:
        raise DesignError(
            f"Population totals of type {type(totals).__name__} are not supported. Supply a mapping or data "
            f"frames, for example {_EXAMPLE}."
        )


def _of_mapping(variables: tuple[str, ...], value: Any) -> Margin:
    name = ", ".join(variables)
    if not isinstance(value, Mapping):
        return Margin(variables, (((), _number(name, value)),))
    pairs = []
    for levels, total in value.items():
        key = tuple(levels) if isinstance(levels, tuple) else (levels,)
        pairs.append((tuple(map(_word, key)), _positive(f"{name}: {levels}", total)))
    return _margin(variables, pairs)


def _of_frame(frame: pl.DataFrame) -> Margin:
    """Read a frame whose last column contains the totals and whose other columns contain levels."""
    *variables, total = frame.columns
    if not frame.schema[total].is_numeric() or not variables or not frame.height:
        raise DesignError(
            f"The last column of a frame of totals must contain numbers, but '{total}' is of type "
            f"{frame.schema[total].base_type()}. Use pl.DataFrame({{'sex': ['male', 'female'], "
            f"'total': [48_000, 52_000]}})."
        )
    pairs = [
        (tuple(map(_word, levels)), _positive(f"{', '.join(variables)}: {levels}", count))
        for *levels, count in frame.iter_rows()
    ]
    return _margin(tuple(variables), pairs)


def _margin(variables: tuple[str, ...], pairs: list[tuple[Levels, float]]) -> Margin:
    name = ", ".join(variables)
    wrong = [levels for levels, _ in pairs if len(levels) != len(variables)]
    if wrong or not pairs:
        raise DesignError(
            f"The totals of '{name}' require one level of each of {len(variables)} variables. Use "
            f"design.calibrated({{('sex', 'age_group'): {{('male', '20-39'): 10_000, ...}}}})."
        )
    levels = [own for own, _ in pairs]
    twice = next((own for own in levels if levels.count(own) > 1), None)
    if twice:
        raise DesignError(f"'{', '.join(twice)}' of '{name}' has two totals. Supply one.")
    return Margin(variables, tuple(pairs))


def _word(level: Any) -> str:
    return (
        str(int(level))
        if isinstance(level, bool) or (isinstance(level, float) and level.is_integer())
        else str(level)
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise DesignError(f"The total of '{name}' is {value!r}, which is not a number. Example: {_EXAMPLE}.")
    return float(value)


def _positive(name: str, value: Any) -> float:
    total = _number(name, value)
    if total <= 0:
        raise DesignError(
            f"The total of '{name}' is {total:g}, but totals must be positive. Remove levels that are "
            "absent from "
            f"the population, and their participants with tk.study(frame.filter(...))."
        )
    return total


def _refuse_other_sums(margins: tuple[Margin, ...]) -> None:
    sums = {str(m): sum(total for _, total in m.totals) for m in margins if m.crossed or not m.variables}
    if sums and max(sums.values()) - min(sums.values()) > _SAME_SUM * max(sums.values()):
        listed = ", ".join(f"{name} {total:,.10g}" for name, total in sums.items())
        raise DesignError(
            f"The margins sum to different population sizes ({listed}). Rescale each margin to the same sum."
        )


def _are_two_numbers(bounds: object) -> bool:
    return isinstance(bounds, Sequence) and [isinstance(b, int | float) for b in bounds] == [True, True]


def _check_bounds(method: str, bounds: tuple[float, float] | None) -> None:
    if bounds is None:
        if method == "logit":
            raise DesignError(
                "The method 'logit' requires bounds. Use design.calibrated(..., bounds=(0.3, 3))."
            )
        return
    if not _are_two_numbers(bounds):
        raise DesignError("'bounds' must be two numbers. Use bounds=(0.3, 3), for example.")
    low, high = bounds
    if method == "raking":
        raise DesignError(
            "Raking has no bounds. Use method='logit' or 'linear': design.calibrated(..., method='logit', "
            "bounds=(0.3, 3))."
        )
    if not 0 <= low < 1 < high or (method == "logit" and isinf(high)):
        raise DesignError(
            f"'bounds' are {low:g} and {high:g}. The lower must be at least 0 and below 1, and the upper "
            "above 1. "
            f"Use bounds=(0.3, 3), for example."
        )
