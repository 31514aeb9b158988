"""Choose the survey weight for an analysis from its components and cycles, and explain the choice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from toolkit.errors import DesignError
from toolkit.studies.cycle_weights import (
    CYCLE,
    ComponentWeight,
    CyclePart,
    contributing,
    rescale,
    rescaled,
    rescaling_of,
    source_of,
)
from toolkit.studies.design import Design
from toolkit.variables import COMPONENTS, Condition, Variable, clash


@dataclass(frozen=True, slots=True)
class WeightChoice:
    """The weight of one analysis; prints as a sentence.

    Attributes
    ----------
    component
        As the result's column `weight` shows it: `interview`, `examination`, or the weight column's name.
    weight
        The column of the people frame; "" where everyone counts as one.
    rescaling
        What was done to the weight when cycles were pooled, in words; "" if nothing.
    sentence
        The choice explained.
    parts
        For each contributing cycle its weight column and factor; none where cycles are not pooled.
    left_out
        For each other cycle why it does not contribute.
    """

    component: str
    weight: str
    rescaling: str
    sentence: str
    parts: tuple[CyclePart, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def cycles(self) -> tuple[str, ...]:
        """The contributing cycles; none where cycles are not pooled."""
        return tuple(part.cycle for part in self.parts)

    @property
    def key(self) -> tuple[str, tuple[CyclePart, ...]]:
        """What tells this weight from the others of the study."""
        return self.component, self.parts

    @property
    def expression(self) -> pl.Expr:
        """Each person's weight; null in cycles that do not contribute. Needs a weight column."""
        return rescaled(self.parts) if self.parts else pl.col(self.weight).cast(pl.Float64)

    def __str__(self) -> str:
        return self.sentence


def choose_weight(
    design: Design,
    variables: Iterable[Variable],
    condition: Condition | None = None,
    *,
    by_cycle: bool = False,
) -> WeightChoice:
    """Choose the weight of the smallest subsample with all variables; the domain narrows the cycles."""
    chosen = _choice(design, list(variables), condition, by_cycle=by_cycle)
    if not design.calibration:
        return chosen
    return replace(chosen, sentence=f"{chosen.sentence[:-1]}; {design.calibration.sentence}.")


def _choice(
    design: Design, variables: list[Variable], condition: Condition | None, *, by_cycle: bool
) -> WeightChoice:
    weights = design.components
    if not weights:
        return _without_weight(design)
    if not isinstance(design.weight, Mapping):
        column = next(iter(weights))
        return WeightChoice(column, column, "", f"Weight {column}: the only weight of this study.")
    component, touched = _deepest_component(weights, variables)
    chosen = weights[component]
    if not chosen.cycles:
        return WeightChoice(component, chosen.column, chosen.rescaling, _sentence(component, chosen, touched))
    own = {weight.cycle: weight for weight in chosen.cycles}
    opened = design.cycles
    admits = partial(condition.may_hold, CYCLE) if condition else None
    kept, left_out = contributing(own, opened, variables, admits, component)
    parts = rescale(kept, by_cycle=by_cycle)
    rescaling = rescaling_of(parts, len(opened), by_cycle=by_cycle)
    pooled = ComponentWeight(chosen.column, source_of(parts), rescaling)
    sentence = _sentence(component, pooled, touched)
    return WeightChoice(component, chosen.column, rescaling, sentence, parts, tuple(left_out.items()))


_WHERE = {
    "examination": "in the examination",
    "phlebotomy": "in blood, which not everyone examined gave",
    "dietary day 1": "in the first dietary recall",
    "dietary two-day": "over both dietary recalls",
    "fasting": "in the morning subsample, who came fasting",
    "glucose tolerance": "in the glucose tolerance test of the morning subsample",
}


def _without_weight(design: Design) -> WeightChoice:
    if design.fpcs:
        return WeightChoice(
            "from fpc", "", "", "Weight: population over sample at each stage, from the fpc columns."
        )
    return WeightChoice("none", "", "", "No weight: every participant counts once, as the design declares.")


def _deepest_component(
    weights: Mapping[str, ComponentWeight], variables: list[Variable]
) -> tuple[str, dict[str, str]]:
    """Return the component that determines the weight, and one variable measured in each component."""
    touched: dict[str, str] = {}
    for variable in variables:
        touched.setdefault(variable.component or "interview", variable.name)
    _refuse_impossible(touched)
    component = max(touched or ("interview",), key=COMPONENTS.index)
    if component not in weights:
        raise DesignError(
            f"'{touched[component]}' was measured in the component '{component}', for which this study has "
            f"no weight. It has weights for: {', '.join(weights)}. Remove '{touched[component]}', or add its "
            f"weight to the design."
        )
    return component, touched


def _refuse_impossible(touched: Mapping[str, str]) -> None:
    pair = clash(touched)
    if pair:
        recall, blood = (touched[component] for component in pair)
        raise DesignError(
            f"'{recall}' ({pair[0]}) and '{blood}' ({pair[1]}) have no common weight. The weights of dietary "
            "recalls balance the days of the week among all examined participants, and those of the morning "
            f"session apply to the fasting subsample. Remove '{recall}' or '{blood}'."
        )
    if "dietary day 1" in touched and "dietary two-day" in touched:
        one, both = touched["dietary day 1"], touched["dietary two-day"]
        raise DesignError(
            f"'{one}' (dietary day 1) and '{both}' (dietary two-day) have no common weight, because the "
            "two-day weight applies to means of both days. Use day 1 for both, or two-day means for both."
        )


def _sentence(component: str, chosen: ComponentWeight, touched: Mapping[str, str]) -> str:
    source = f" ({chosen.source})" if chosen.source else ""
    because = (
        "because all variables come from the home interview"
        if component == "interview"
        else f"because {touched[component]} was measured {_WHERE.get(component, f'in {component!r}')}"
    )
    rescaled = f"; {chosen.rescaling}" if chosen.rescaling else ""
    return f"{component.capitalize()} weight{source}, {because}{rescaled}."
