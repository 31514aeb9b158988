"""Tell the true values behind the simulated study: what would happen to its population under other exposures.

Takes an exposure, an outcome and a condition in words; gives a frame of true prevalences, ratios and
differences. The whole population of about a million simulated people is grown anew in each world, with the
same chance, and the outcome is not drawn but counted with its probability.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.sources.simulated.causal_model import OUTCOME, Model, Node, load_model
from toolkit.sources.simulated.generate import (
    DONORS,
    SEED,
    Array,
    Ints,
    People,
    cramp_probabilities,
    grow,
    intervene,
    psu_sizes,
    stream,
)
from toolkit.variables.conditions import parse
from toolkit.variables.derivation import Derivation

World: TypeAlias = str | None  # the level that everyone is given; "+1" for one unit more; None as it is

SCHEMA: dict[str, pl.DataType] = {
    "outcome": pl.String(),
    "exposure": pl.String(),
    "level": pl.String(),
    "reference": pl.String(),
    "domain": pl.String(),
    "estimand": pl.String(),
    "estimate": pl.Float64(),
    "precision": pl.Float64(),
    "n": pl.Int64(),
}
ONE_MORE = "+1"


@dataclass(frozen=True)
class Sums:
    """Of some people in one world: how many, their expected cases, and the variance of the cases."""

    n: float = 0.0
    cases: float = 0.0
    variance: float = 0.0

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.n + other.n, self.cases + other.cases, self.variance + other.variance)

    @property
    def prevalence(self) -> float:
        """Expected share of cases."""
        return self.cases / self.n

    @property
    def precision(self) -> float:
        """Standard deviation that the draw of the outcome alone gives the share of cases."""
        return float(np.sqrt(self.variance)) / self.n


def truth(
    exposure: str | None = None, outcome: str = "any_cramps", domain: str = "", seed: int = SEED
) -> pl.DataFrame:
    """Give the true prevalence, ratios and differences in the population that the simulated study samples.

    Parameters
    ----------
    exposure
        A variable of the study with levels, or a number of the causal model (then: one unit more against as
        it is); None for the prevalence alone.
    outcome
        `any_cramps`, `mild_cramps` or `frequent_cramps`.
    domain
        A condition in words on the people as they are, such as "age >= 20"; "" for everyone.
    seed
        That of the study.

    Returns
    -------
    polars.DataFrame
        outcome, exposure, level, reference, domain, estimand, estimate, precision, n (simulated people).
        Estimands: `prevalence` (of those at the level, as they are), `standardised_prevalence` (everyone
        given the level), `prevalence_ratio` and `prevalence_difference` (everyone given the level against
        everyone given the reference: the causal effect), `crude_ratio` and `crude_difference` (those at
        the level against those at the reference: confounded). `precision` is the standard deviation that
        drawing the outcome would add; nothing else is drawn, the values are those of this population.

    Raises
    ------
    VariableError
        For an unknown exposure, outcome or variable of the domain, and for a derived number as exposure.
    EstimationError
        If nobody is in the domain, or a level has nobody in some stratum of it.

    Notes
    -----
    Potential outcomes: the exposure is set by force and every node that follows from it is drawn again
    with the same chance, so effects through mediators count (total effects). A derived exposure, such as
    `pad` or `age_group`, is set by giving everyone the inputs of a random person of the domain and the
    stratum who has the level. What the study would not ask someone is known here of everyone.

    The model is multiplicative, so adjusted prevalence ratios estimate `prevalence_ratio`. A regression on
    the identity link weighs people otherwise: its single difference is not `prevalence_difference`, which is
    the average over everyone, and lies above it where the exposed are at higher risk already.

    Examples
    --------
    >>> round(truth(domain="age >= 20")["estimate"][0], 2)
    0.31
    """
    return _truth(exposure, outcome, domain, seed)


@cache
def _truth(exposure: str | None, outcome: str, domain: str, seed: int) -> pl.DataFrame:
    model = load_model()
    question = _Question.of(model, exposure, outcome, domain)
    sums: dict[tuple[World, World], Sums] = {}
    for number, people in enumerate(_strata(model, seed)):
        for key, found in question.ask(people, stream(seed, DONORS, number)).items():
            sums[key] = sums.get(key, Sums()) + found
    return pl.DataFrame(_rows(question, sums), schema=SCHEMA, orient="row")


def _strata(model: Model, seed: int) -> Iterator[People]:
    sizes = psu_sizes(model, seed)
    for stratum, row in enumerate(sizes):
        yield grow(model, seed, stratum * len(row) + np.arange(len(row)), row)


@dataclass(frozen=True)
class _Question:
    """What is asked of each stratum: exposure, outcome and domain, looked up and checked once."""

    exposure: str | None
    outcome: str
    domain: str
    levels: tuple[str, ...]
    reference: str
    inputs: tuple[str, ...]
    cases: Array

    @classmethod
    def of(cls, model: Model, exposure: str | None, outcome: str, domain: str) -> "_Question":
        levels, reference = _levels(model, exposure)
        inputs = _nodes_behind(model, exposure) if exposure else ()
        return cls(exposure, outcome, domain, levels, reference, inputs, _case_levels(model, outcome))

    def ask(self, people: People, donors: np.random.Generator) -> dict[tuple[World, World], Sums]:
        """Sum up one stratum: key (None, level) for people as they are, (level, None) for a world."""
        frame = _frame(people, (*parse(self.domain).names, *([self.exposure] if self.exposure else [])))
        inside = frame.select(parse(self.domain).expression(frame.schema).fill_null(value=False))
        rows = np.broadcast_to(inside.to_series().to_numpy(), people.noise.persons)
        natural = self._chance(people)
        found: dict[tuple[World, World], Sums] = {(None, None): _sum(natural[rows])}
        if self.exposure and not self.levels:
            found[ONE_MORE, None] = _sum(self._chance(self._one_more(people))[rows])
        for level in self.levels:
            at_level = rows & (frame[str(self.exposure)] == level).fill_null(value=False).to_numpy()
            found[None, level] = _sum(natural[at_level])
            world = self._given(people, level, np.flatnonzero(at_level), donors)
            found[level, None] = _sum(self._chance(world)[rows])
        return found

    @property
    def pairs(self) -> tuple[tuple[str, World], ...]:
        """Pairs of worlds to compare: a level with the reference, one unit more with people as they are."""
        if not self.levels:
            return ((ONE_MORE, None),)
        return tuple((level, self.reference) for level in self.levels if level != self.reference)

    def _chance(self, people: People) -> Array:
        return np.asarray(cramp_probabilities(people) @ self.cases)

    def _one_more(self, people: People) -> People:
        name = self.inputs[0]
        return intervene(people, {name: people.columns[name] + 1})

    def _given(self, people: People, level: str, donors: Ints, generator: np.random.Generator) -> People:
        persons = people.noise.persons
        if self.inputs == (self.exposure,):
            place = people.model.nodes[self.inputs[0]].levels.index(level)
            return intervene(people, {self.inputs[0]: np.full(persons, float(place))})
        if not len(donors):
            raise EstimationError(
                f"no simulated person of a stratum is '{level}' in '{self.exposure}' within the domain "
                f"'{self.domain}': its true effect is not defined. Widen the domain."
            )
        chosen = generator.choice(donors, persons)
        return intervene(people, {name: people.columns[name][chosen] for name in self.inputs})


def _levels(model: Model, exposure: str | None) -> tuple[tuple[str, ...], str]:
    if exposure is None:
        return (), ""
    node = _shown(model).get(exposure)
    if node:
        return node.levels, node.variable.reference or ""
    variable = _derivation(model, exposure).variable
    if variable.kind == "number":
        inputs = ", ".join(f"'{name}'" for name in _nodes_behind(model, exposure))
        raise VariableError(
            f"'{exposure}' is a derived number: one unit more of it can come about in several ways. Ask for "
            f"a variable with levels, or for the truth of what it is made of: {inputs}."
        )
    return variable.levels, variable.reference or variable.levels[0]


def _shown(model: Model) -> Mapping[str, Node]:
    return {name: node for name, node in model.nodes.items() if not node.get("hidden")}


def _derivation(model: Model, name: str) -> Derivation:
    found = {step.variable.name: step for step in DERIVATIONS}
    if name not in found:
        known = [*_shown(model), *found]
        remedy = "All: list(tk.open_study('simulated').codebook)"
        raise VariableError(unknown("the simulated study has no variable", name, known, remedy))
    return found[name]


def _nodes_behind(model: Model, name: str) -> tuple[str, ...]:
    if name in model.nodes:
        return (name,)
    found = [node for input_ in _derivation(model, name).inputs for node in _nodes_behind(model, input_)]
    return tuple(dict.fromkeys(found))


def _case_levels(model: Model, outcome: str) -> Array:
    step = {step.variable.name: step for step in DERIVATIONS if step.inputs == (OUTCOME,)}
    if outcome not in step:
        raise VariableError(unknown("the truth is not known of an outcome", outcome, step, "Take any_cramps"))
    levels = model.nodes[OUTCOME].levels
    frame = pl.DataFrame({OUTCOME: pl.Series(levels, dtype=pl.Enum(levels))})
    return (
        frame.select(step[outcome].expression.cast(pl.String) == "yes").to_series().to_numpy().astype(float)
    )


def _frame(people: People, names: tuple[str, ...]) -> pl.DataFrame:
    """Give the named variables of everyone: nodes as they are, others derived as in the study."""
    needed = {node for name in names for node in _nodes_behind(people.model, name)}
    frame = pl.DataFrame({name: _series(people, name) for name in people.model.nodes if name in needed})
    for step in DERIVATIONS:
        if step.variable.name not in frame.columns and set(step.inputs) <= set(frame.columns):
            frame = frame.with_columns(step.expression.cast(step.variable.dtype).alias(step.variable.name))
    return frame


def _series(people: People, name: str) -> pl.Series:
    node, values = people.model.nodes[name], people.columns[name]
    if node.is_number:
        return pl.Series(values)
    places = pl.Series(np.maximum(values, 0).astype(np.uint8)).cat.to(pl.Enum(node.levels))
    return places.set(pl.Series(values < 0), None)


def _sum(chance: Array) -> Sums:
    return Sums(len(chance), float(chance.sum()), float((chance * (1 - chance)).sum()))


def _rows(question: _Question, sums: Mapping[tuple[World, World], Sums]) -> list[tuple[Any, ...]]:
    overall = sums[None, None]
    if not overall.n:
        raise EstimationError(
            f"nobody is in the domain '{question.domain}' of the simulated population. Widen the domain."
        )
    rows = [(None, None, *_share("prevalence", overall))]
    if question.exposure is not None:
        rows += [(level, None, *_share("prevalence", sums[None, level])) for level in question.levels]
        worlds = question.levels or (ONE_MORE,)
        rows += [(world, None, *_share("standardised_prevalence", sums[world, None])) for world in worlds]
        rows += [row for world, other in question.pairs for row in _contrasts(world, other, sums)]
    return [(question.outcome, question.exposure, *row[:2], question.domain, *row[2:]) for row in rows]


def _contrasts(
    level: str, reference: World, sums: Mapping[tuple[World, World], Sums]
) -> list[tuple[Any, ...]]:
    forced, against = sums[level, None], sums[reference, None]
    names = ("prevalence_ratio", "prevalence_difference")
    rows = _compare(names, forced, against, forced.n)
    if reference is not None:
        one, other = sums[None, level], sums[None, reference]
        rows += _compare(("crude_ratio", "crude_difference"), one, other, one.n + other.n)
    return [(level, reference, *row) for row in rows]


def _share(estimand: str, found: Sums) -> tuple[Any, ...]:
    if not found.n:
        return (estimand, None, None, 0)
    return (estimand, found.prevalence, found.precision, int(found.n))


def _compare(estimands: tuple[str, str], one: Sums, other: Sums, n: float) -> list[tuple[Any, ...]]:
    if not (one.n and other.n):
        return [(estimand, None, None, int(n)) for estimand in estimands]
    ratio = one.prevalence / other.prevalence
    of_ratio = ratio * np.hypot(one.precision / one.prevalence, other.precision / other.prevalence)
    of_difference = np.hypot(one.precision, other.precision)
    return [
        (estimands[0], ratio, float(of_ratio), int(n)),
        (estimands[1], one.prevalence - other.prevalence, float(of_difference), int(n)),
    ]
