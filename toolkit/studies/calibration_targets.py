"""Declare what is known of the population: the totals that weights are calibrated to.

Takes mappings or frames of totals as people write them; gives the record `Calibration`. No number of a person
is read here; the calibration itself is done in `estimate.calibration`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import isfinite, isinf
from typing import Any

import polars as pl

from toolkit.errors import DesignError, unknown

METHODS = ("raking", "linear", "logit")
_EXAMPLE = "design.calibrated({'sex': {'male': 48_000, 'female': 52_000}, 'age_group': {...}})"
# Sums of margins may differ by rounding in their last digit, not by more.
_SAME_SUM = 1e-8

Levels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Margin:
    """Totals over the levels of one or several crossed variables, or of a number.

    Attributes
    ----------
    variables
        Their names; none for the number of people in the population.
    totals
        Levels and total; the one entry of a number has no levels.
    """

    variables: tuple[str, ...]
    totals: tuple[tuple[Levels, float], ...]

    @property
    def crossed(self) -> bool:
        """Whether it is of levels, and not of a number."""
        return bool(self.totals[0][0])

    def __str__(self) -> str:
        return " × ".join(f"'{name}'" for name in self.variables) or "the number of people"


@dataclass(frozen=True, slots=True)
class Calibration:
    """The totals that weights are calibrated to, and how.

    Attributes
    ----------
    margins
        What is known.
    method
        "raking", "linear" or "logit".
    bounds
        Between what a weight may be multiplied by; None for no bounds.
    """

    margins: tuple[Margin, ...]
    method: str
    bounds: tuple[float, float] | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable of the margins."""
        return tuple(dict.fromkeys(name for margin in self.margins for name in margin.variables))

    @property
    def word(self) -> str:
        """What it makes of weights: post-stratified, raked or calibrated."""
        if len(self.margins) == 1 and self.margins[0].crossed and self.bounds is None:
            return "post-stratified"
        return "raked" if self.method == "raking" else "calibrated"

    @property
    def sentence(self) -> str:
        """What was done to the weights, in words."""
        return f"{self.word} to the population totals of {' and '.join(map(str, self.margins))}"

    def record(self) -> dict[str, Any]:
        """Give it as plain values, which `calibration_of` reads again."""
        return asdict(self)


def calibration_of(record: Mapping[str, Any]) -> Calibration:
    """Read what `Calibration.record` gave, from JSON too."""
    margins = tuple(
        Margin(tuple(m["variables"]), tuple((tuple(levels), total) for levels, total in m["totals"]))
        for m in record["margins"]
    )
    bounds = record["bounds"]
    return Calibration(margins, record["method"], tuple(bounds) if bounds else None)


def read_totals(
    totals: Any, population: float | None, method: str | None, bounds: tuple[float, float] | None
) -> Calibration:
    """Read totals as people write them.

    Parameters
    ----------
    totals
        As `Design.calibrated`.
    population
        The number of people in the population, or None.
    method, bounds
        As `Design.calibrated`.

    Returns
    -------
    Calibration
        With a method.

    Raises
    ------
    DesignError
        If the totals are not numbers, differ in their sums, or the method cannot take them.

    Examples
    --------
    >>> read_totals({"sex": {"f": 52.0, "m": 48.0}}, None, None, None).word
    'post-stratified'
    """
    margins = tuple(_margins(totals))
    if population is not None:
        margins = (*margins, Margin((), (((), _number("population", population)),)))
    if not margins:
        raise DesignError(f"no totals are given to calibrate to. For example: {_EXAMPLE}.")
    _refuse_other_sums(margins)
    by_levels = all(margin.crossed for margin in margins)
    chosen = method or ("raking" if by_levels and len(margins) > 1 and bounds is None else "linear")
    if chosen not in METHODS:
        raise DesignError(unknown("'method' cannot be", chosen, METHODS, f"All: {', '.join(METHODS)}"))
    _check_bounds(chosen, bounds)
    return Calibration(margins, chosen, bounds)


def _margins(totals: Any) -> Iterable[Margin]:
    if isinstance(totals, pl.DataFrame):
        yield _of_frame(totals)
    elif isinstance(totals, Mapping):
        for key, value in totals.items():
            yield _of_mapping((key,) if isinstance(key, str) else tuple(key), value)
    elif isinstance(totals, list | tuple):
        for part in totals:
            yield from _margins(part)
    else:
        raise DesignError(
            f"totals are a mapping or frames, not of type {type(totals).__name__}. Example: {_EXAMPLE}."
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
    """Read a frame: its last column holds the totals, the others the levels."""
    *variables, total = frame.columns
    if not frame.schema[total].is_numeric() or not variables or not frame.height:
        raise DesignError(
            f"the last column of a frame of totals holds the totals, but '{total}' is of type "
            f"{frame.schema[total].base_type()}. Example: pl.DataFrame({{'sex': ['male', 'female'], "
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
            f"the totals of '{name}' need one level of each of {len(variables)} variables. Example: "
            f"design.calibrated({{('sex', 'age_group'): {{('male', '20-39'): 10_000, ...}}}})."
        )
    levels = [own for own, _ in pairs]
    twice = next((own for own in levels if levels.count(own) > 1), None)
    if twice:
        raise DesignError(f"'{', '.join(twice)}' of '{name}' has two totals. Give it one.")
    return Margin(variables, tuple(pairs))


def _word(level: Any) -> str:
    return (
        str(int(level))
        if isinstance(level, bool) or (isinstance(level, float) and level.is_integer())
        else str(level)
    )


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise DesignError(f"the total of '{name}' is {value!r}, and must be a number. Example: {_EXAMPLE}.")
    return float(value)


def _positive(name: str, value: Any) -> float:
    total = _number(name, value)
    if total <= 0:
        raise DesignError(
            f"the total of '{name}' is {total:g}, and must be above 0. Leave a level out that the population "
            f"has not, and its people by tk.study(frame.filter(...))."
        )
    return total


def _refuse_other_sums(margins: tuple[Margin, ...]) -> None:
    sums = {str(m): sum(total for _, total in m.totals) for m in margins if m.crossed or not m.variables}
    if sums and max(sums.values()) - min(sums.values()) > _SAME_SUM * max(sums.values()):
        told = ", ".join(f"{name} {total:,.10g}" for name, total in sums.items())
        raise DesignError(
            f"the totals do not fit together: they sum to {told}, and one population has one size. Multiply "
            f"each margin by what brings it to the same sum."
        )


def _check_bounds(method: str, bounds: tuple[float, float] | None) -> None:
    if bounds is None:
        if method == "logit":
            raise DesignError("the method 'logit' needs bounds: design.calibrated(..., bounds=(0.3, 3)).")
        return
    low, high = bounds
    if method == "raking":
        raise DesignError(
            "raking has no bounds. Take method='logit' or 'linear': design.calibrated(..., method='logit', "
            "bounds=(0.3, 3))."
        )
    if not 0 <= low < 1 < high or (method == "logit" and isinf(high)):
        raise DesignError(
            f"'bounds' are {low:g} and {high:g}: what a weight may be multiplied by, the lower from 0 to "
            f"below 1, the upper above 1, such as bounds=(0.3, 3)."
        )
