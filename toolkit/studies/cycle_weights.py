"""Pool the weights of survey cycles: which cycles contribute to an analysis, and how weights are rescaled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeVar

import polars as pl

from toolkit.errors import EstimationError, join_list
from toolkit.variables import Availability, Variable

Key = TypeVar("Key")
CYCLE = "cycle"
NOT_MEASURED = "not measured"
_NUMBERS = dict(enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 2))


@dataclass(frozen=True, slots=True)
class CycleWeight:
    """The weight of one component in one cycle; `pooled` are weights of several, such as NHANES 1999-2002."""

    cycle: str
    column: str
    source: str = ""  # its published name
    years: float = 2.0  # of data that it represents
    scale: float = 1.0  # column * scale is the cycle's own weight
    pooled_column: str = ""
    pooled_source: str = ""
    pooled_years: float = 0.0
    alone: bool = False  # only for this cycle alone: pooled weights replace it, and those beside it


@dataclass(frozen=True, slots=True)
class ComponentWeight:
    """The weight column of one component, where it comes from and how it was rescaled, in words."""

    column: str
    source: str = ""
    rescaling: str = ""
    cycles: tuple[CycleWeight, ...] = ()  # each with its own weight, rescaled for those that contribute

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the people frame that contains a weight of the component."""
        pooled = [w.pooled_column for w in self.cycles if w.pooled_column]
        return tuple(dict.fromkeys([self.column, *(w.column for w in self.cycles), *pooled]))


@dataclass(frozen=True, slots=True)
class CyclePart:
    """What one contributing cycle brings: its weight column and the factor that rescales it."""

    cycle: str
    column: str
    source: str
    share: float
    years: float
    scale: float

    @property
    def factor(self) -> float:
        """What the column is multiplied by."""
        return self.share * self.scale


def rescale(weights: Sequence[CycleWeight], *, by_cycle: bool = False) -> tuple[CyclePart, ...]:
    """Rescale the weights of the contributing cycles; with `by_cycle` each cycle keeps its own weight.

    Each weight is multiplied by the years that it represents over the years of all contributing cycles, as
    the NHANES analytic guidelines advise (NCHS, Vital Health Stat 2(161), 2013; 2(184), 2020).

    Examples
    --------
    >>> pair = [CycleWeight("2005-2006", "w"), CycleWeight("2007-2008", "w")]
    >>> [part.factor for part in rescale(pair)], [part.factor for part in rescale(pair[:1])]
    ([0.5, 0.5], [1.0])
    """
    pooled = len(weights) > 1 and not by_cycle
    total = sum(w.years for w in weights)
    over_several = pooled and any(w.alone for w in weights)
    parts = []
    for w in weights:
        if over_several and w.pooled_column:
            column, source, years = w.pooled_column, w.pooled_source, w.pooled_years
        else:
            column, source, years = w.column, w.source, w.years
        parts.append(CyclePart(w.cycle, column, source, years / total if pooled else 1.0, years, w.scale))
    return tuple(parts)


def cycles_by(pairs: Iterable[tuple[Key, str]]) -> dict[Key, list[str]]:
    """Gather the cycles of pairs (key, cycle) by their keys, in the order of the pairs."""
    found: dict[Key, list[str]] = {}
    for key, cycle in pairs:
        found.setdefault(key, []).append(cycle)
    return found


def rescaled(parts: Sequence[CyclePart]) -> pl.Expr:
    """Give each person the rescaled weight of the cycle; null in cycles that do not contribute."""
    cycle, weight = pl.col(CYCLE).cast(pl.String), pl.lit(None, pl.Float64)
    alike = cycles_by(((part.column, part.factor), part.cycle) for part in parts)
    for (column, factor), cycles in alike.items():
        here = pl.col(column).cast(pl.Float64) * factor
        weight = pl.when(cycle.is_in(cycles)).then(here).otherwise(weight)
    return weight


def contributing(
    weights: Mapping[str, CycleWeight],
    cycles: Iterable[str],
    variables: Sequence[Variable],
    admits: Callable[[str], bool] | None,
    component: str,
) -> tuple[list[CycleWeight], dict[str, str]]:
    """Select the cycles with all variables, the weight and the domain (`admits`); say why others are out."""
    chosen, left_out = [], dict[str, str]()
    for cycle in cycles:
        lacking = [(v.name, a.reason) for v in variables for a in _gaps(v, cycle)]
        if admits is not None and not admits(cycle):
            left_out[cycle] = "outside the domain"
        elif lacking:
            name, reason = lacking[0]
            left_out[cycle] = f"'{name}' was not measured" + (f" ({reason})" if reason else "")
        elif cycle not in weights:
            left_out[cycle] = f"no {component} weight"
        else:
            chosen.append(weights[cycle])
    if not chosen:
        raise EstimationError(_none_contributes(left_out))
    return chosen, left_out


def _gaps(variable: Variable, cycle: str) -> list[Availability]:
    return [a for a in variable.availability if a.cycle == cycle and a.status == NOT_MEASURED]


def _none_contributes(left_out: Mapping[str, str]) -> str:
    reasons = "; ".join(dict.fromkeys(grouped(left_out.items()).values()))
    return (
        f"No cycle of the study measured all variables of this analysis within the domain ({reasons}). "
        "Remove a variable, change the condition on 'cycle', or open other cycles. study.availability() "
        "lists what each cycle measured."
    )


def grouped(left_out: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each cycle why it does not contribute, with cycles of one reason listed together."""
    cycles = cycles_by((reason, cycle) for cycle, reason in left_out)
    texts = {reason: f"{span(own)}: {reason}" for reason, own in cycles.items()}
    return {cycle: texts[reason] for reason, own in cycles.items() for cycle in own}


def span(cycles: Sequence[str]) -> str:
    """Name cycles by their years, consecutive cycles as one run."""
    if not all(cycle[:4].isdigit() and cycle[-4:].isdigit() for cycle in cycles):
        return ", ".join(cycles)
    runs = [[cycles[0]]]
    for before, cycle in pairwise(cycles):
        if int(cycle[:4]) == int(before[:4]) + 2:
            runs[-1].append(cycle)
        else:
            runs.append([cycle])
    return ", ".join(f"{run[0][:4]}-{run[-1][-4:]}" for run in runs)


def label_of(label: str, cycles: Sequence[str], contributing: Sequence[str]) -> str:
    """Name a study by the cycles that contribute."""
    if list(cycles) == list(contributing):
        return label
    whole, part = span(cycles), span(contributing)
    return label.replace(whole, part, 1) if whole in label else f"{label}, {part}"


def source_of(parts: Sequence[CyclePart] | Sequence[CycleWeight]) -> str:
    """Name the published weights of the contributing cycles, each with its cycles where they differ."""
    sources = cycles_by((part.source, part.cycle) for part in parts)
    if len(sources) == 1:
        return next(iter(sources))
    return "; ".join(f"{source} in {join_list(cycles)}" for source, cycles in sources.items())


def rescaling_of(parts: Sequence[CyclePart], opened: int, *, by_cycle: bool = False) -> str:
    """Describe how the weights were rescaled; "" for a study of one cycle."""
    cycles = [part.cycle for part in parts]
    if len(cycles) == 1:
        return f"not rescaled because only {cycles[0]} contributes" if opened > 1 else ""
    if by_cycle:
        return f"not rescaled because each cycle is estimated separately ({join_list(cycles)})"
    count = _NUMBERS.get(len(cycles), len(cycles))
    shares = cycles_by(((part.share, part.years), part.cycle) for part in parts)
    if {part.share for part in parts} == {1 / len(parts)}:
        return f"divided by {len(parts)} because {count} cycles contribute ({join_list(cycles)})"
    factors = [f"{_times(*key)} in {join_list(own)}" for key, own in shares.items()]
    factors = factors[:1] + [text.removeprefix("multiplied ") for text in factors[1:]]
    return f"{join_list(factors)} because {count} cycles contribute"


def _times(share: float, years: float) -> str:
    total = years / share
    if years.is_integer() and round(total, 9).is_integer():
        return f"multiplied by {Fraction(round(years), round(total))}"
    return f"multiplied by {years:g}/{total:g} (years)"
