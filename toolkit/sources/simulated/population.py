"""The simulated population of a seed: everyone's values, and outcome probabilities under each intervention.

A simulation of everyone takes about a second, so that its values are kept for the estimands that follow.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.sources.simulated.causal_model import OUTCOME, Model, load_model
from toolkit.sources.simulated.generate import (
    DONORS,
    Array,
    People,
    cramp_probabilities,
    intervene,
    psu_sizes,
    simulate_people,
    stream,
)
from toolkit.variables import Variable, parse

AS_IS, PER_UNIT = "as it is", "per unit"  # the worlds of a continuous exposure
ROW = ".row"
PLACE = ".place"  # of a person in the own stratum
_THREADS = 4
_MOST_KEPT = 8  # exposures and outcomes
_DERIVED = {step.variable.name: step for step in DERIVATIONS}


@dataclass(frozen=True)
class Intervention:
    """An exposure whose levels are assigned to everyone in turn; None leaves all persons as they are.

    Donors of a derived exposure are persons of the domain, which is "" for other exposures.
    """

    exposure: str | None = None
    domain: str = ""


class Population:
    """The persons that a seed gives, simulated when their values are first required."""

    def __init__(self, seed: int) -> None:
        self.model, self.seed = load_model(), seed
        self._sizes = psu_sizes(self.model, seed)
        self._columns: dict[str, pl.Series] = {}
        self._chances: OrderedDict[tuple[Intervention, str], Array] = OrderedDict()

    def simulate(self, names: Iterable[str], wanted: Sequence[tuple[Intervention, str]]) -> None:
        """Simulate everyone once for the variables and for the interventions with outcomes not yet known.

        Variables that others depend on are drawn anyway; those with levels are kept, and so is age.
        """
        absent = [name for name in nodes_behind(self.model, names) if name not in self._columns]
        new = [pair for pair in wanted if pair not in self._chances]
        if not absent and not new:
            return
        # While everyone is at hand, the outcome of people as they are costs little; a prevalence asks for it.
        as_they_are = dict.fromkeys((Intervention(), outcome) for _, outcome in new)
        new += [pair for pair in as_they_are if pair not in self._chances and pair not in new]
        read = {name for own, _ in new for name in (own.exposure, *parse(own.domain).names) if name}
        read |= {outcome for _, outcome in new}
        needed = {*absent, *nodes_behind(self.model, read), *([OUTCOME] if new else [])}
        interventions = dict.fromkeys(own for own, _ in new)
        drawn = self.model.with_ancestors(needed)
        small = [name for name in drawn if self.model.nodes[name].levels or name == "age"]
        keep = dict.fromkeys(name for name in (*absent, *small) if name not in self._columns)

        def run(stratum: int) -> tuple[dict[str, pl.Series], list[Array]]:
            people = self._simulate_stratum(stratum, drawn)
            beyond = not all(has_cases(outcome) for _, outcome in new)
            worlds = {own: self._intervene(people, stratum, own, beyond) for own in interventions}
            chances = [
                np.column_stack([_find_chances(world, outcome) for world in worlds[own]])
                for own, outcome in new
            ]
            return {name: _series(people, name) for name in keep}, chances

        with ThreadPoolExecutor(_THREADS) as pool:
            parts = list(pool.map(run, range(len(self._sizes))))
        self._columns |= {name: pl.concat([columns[name] for columns, _ in parts]) for name in keep}
        for place, pair in enumerate(new):
            self._chances[pair] = np.concatenate([chances[place] for _, chances in parts])
        while len(self._chances) > max(_MOST_KEPT, len(new)):
            self._chances.popitem(last=False)

    def chances(self, intervention: Intervention, outcome: str) -> Array:
        """Return the outcome in each world, persons by worlds.

        An outcome derived from the frequency of cramps is a probability, another one its drawn value: 1 or 0
        for yes or no, NaN where there is none.
        """
        self.simulate((), [(intervention, outcome)])
        return self._chances[intervention, outcome]

    def observe(self, names: Sequence[str]) -> pl.DataFrame:
        """Return variables of everyone as they are, with the number of the row."""
        self.simulate(names, ())
        for name in names:
            if name != "cycle" and name not in self._columns:
                nodes = {n: self._columns[n] for n in nodes_behind(self.model, (name,))}
                self._columns[name] = derive(pl.DataFrame(nodes), (name,))[name]
        return self._rows.with_columns(**{n: self._columns[n] for n in names if n != "cycle"})

    @cached_property
    def _rows(self) -> pl.DataFrame:
        """The row of each person, the place in the own stratum, and the cycle."""
        sizes = self._sizes.sum(axis=1)
        cycles = [self._cycle(stratum) for stratum in range(len(sizes))]
        levels = find_variable(self.model, "cycle").dtype
        return pl.DataFrame(
            {
                ROW: np.arange(sizes.sum()),
                PLACE: np.concatenate([np.arange(size) for size in sizes]),
                "cycle": pl.Series(np.repeat(cycles, sizes), dtype=levels),
            }
        )

    def _cycle(self, stratum: int) -> str:
        return str(self.model.settings["cycles"][int(stratum >= len(self._sizes) // 2)])

    def _simulate_stratum(self, stratum: int, names: Iterable[str]) -> People:
        row = self._sizes[stratum]
        psus = stratum * len(row) + np.arange(len(row))
        return simulate_people(self.model, self.seed, psus, row, names)

    def _intervene(self, people: People, stratum: int, own: Intervention, beyond: bool) -> list[People]:
        """Give everyone each level of the exposure; a derived exposure comes with the inputs of a donor."""
        name = own.exposure
        if name is None:
            return [people]
        donors = self._find_donors(people, stratum, own)
        found = []
        for world in find_worlds(self.model, name):
            if world == PER_UNIT:
                forced = {name: people.columns[name] + 1}
            elif name in self.model.nodes:
                level = self.model.nodes[name].levels.index(world) if world != AS_IS else 0
                forced = {name: np.full(people.noise.persons, float(level))}
            else:
                chosen = donors(world)
                forced = {n: people.columns[n][chosen] for n in nodes_behind(self.model, (name,))}
            found.append(people if world == AS_IS else intervene(people, forced, beyond=beyond))
        return found

    def _find_donors(self, people: People, stratum: int, own: Intervention) -> Callable[[str], Array]:
        """Draw, for each person, a person of the same stratum and domain who has a level of the exposure."""
        name, generator = str(own.exposure), stream(self.seed, DONORS, stratum)
        if name in self.model.nodes:
            return lambda _: np.empty(0)
        condition = parse(own.domain)
        nodes = nodes_behind(self.model, (name, *condition.names))
        frame = pl.DataFrame({ROW: np.arange(people.noise.persons), **{n: _series(people, n) for n in nodes}})
        cycle = pl.lit(self._cycle(stratum), find_variable(self.model, "cycle").dtype)
        frame = derive(frame.with_columns(cycle=cycle), (name, *condition.names))
        inside = (
            frame.filter(condition.expression(frame.schema).fill_null(value=False)) if own.domain else frame
        )

        def draw(level: str) -> Array:
            rows = inside.filter(pl.col(name) == level)[ROW].to_numpy()
            if not len(rows):
                raise EstimationError(
                    f"No simulated participant of a stratum has '{name}' = '{level}' in the domain "
                    f"'{own.domain}', so that the effect is not defined. Widen the domain."
                )
            return generator.choice(rows, people.noise.persons)

        return draw


@lru_cache(maxsize=1)
def population(seed: int) -> Population:
    """Return the population of a seed; the last one is kept."""
    return Population(seed)


def find_worlds(model: Model, exposure: str) -> tuple[str, ...]:
    """Return the levels that an exposure is set to; a continuous one is increased by one unit."""
    variable = find_variable(model, exposure)
    if exposure == "cycle":
        raise VariableError("'cycle' has no effect in the causal model. Use by='cycle'.")
    if variable.levels:
        return variable.levels
    if exposure not in model.nodes:
        inputs = ", ".join(f"'{name}'" for name in nodes_behind(model, (exposure,)))
        raise VariableError(
            f"'{exposure}' is a continuous variable derived from {inputs}, so that an increase by one unit "
            f"can come about in several ways. Use one of these or a categorical variable."
        )
    return (AS_IS, PER_UNIT)


def find_variable(model: Model, name: str) -> Variable:
    """Return a variable of the causal model or derived from it."""
    known = {node.name: node.variable for node in model.nodes.values() if not node.get("hidden")}
    known |= {name: step.variable for name, step in _DERIVED.items() if name not in known}
    known["cycle"] = Variable("cycle", "survey cycle", "category", levels=tuple(model.settings["cycles"]))
    if name not in known:
        remedy = "Variables that were added to the study have no truth."
        raise VariableError(unknown("The causal model has no variable", name, known, remedy))
    return known[name]


def nodes_behind(model: Model, names: Iterable[str]) -> tuple[str, ...]:
    """Name the nodes that variables are or derive from, without the cycle."""
    found: dict[str, None] = {}
    for name in names:
        if name in model.nodes:
            found[name] = None
        elif name != "cycle":
            found |= dict.fromkeys(nodes_behind(model, _DERIVED[name].inputs))
    return tuple(found)


def has_cases(outcome: str) -> bool:
    """Return whether an outcome is derived from the frequency of cramps, and has a probability."""
    return outcome in _DERIVED and _DERIVED[outcome].inputs == (OUTCOME,)


@lru_cache(maxsize=64)
def _values_by_level(outcome: str) -> Array | None:
    """Return an outcome's value at each level of the only node that it derives from, then NaN for none."""
    model = load_model()
    nodes = nodes_behind(model, (outcome,))
    levels = model.nodes[nodes[0]].levels
    if len(nodes) > 1 or not levels or model.nodes[nodes[0]].numbers:
        return None
    frame = pl.DataFrame({nodes[0]: pl.Series(levels, dtype=pl.Enum(levels))})
    return np.append(_read_values(derive(frame, (outcome,))[outcome]), np.nan)


def _read_values(values: pl.Series) -> Array:
    """Read numbers as they are, yes as 1 and no as 0; NaN for none."""
    known = values if values.dtype.is_numeric() else values == "yes"
    return known.cast(pl.Float64).to_numpy()


def derive(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Add the named variables, and those that they are derived from, to a frame of nodes."""
    for name in names:
        if name not in frame.columns:
            step = _DERIVED[name]
            frame = derive(frame, step.inputs).with_columns(
                step.expression.cast(step.variable.dtype).alias(name)
            )
    return frame


def _find_chances(people: People, outcome: str) -> Array:
    """Return the outcome of each person: a probability of cramps, or the drawn value of another variable."""
    values, nodes = _values_by_level(outcome), nodes_behind(people.model, (outcome,))
    if values is not None and has_cases(outcome):
        return np.asarray(cramp_probabilities(people) @ values[:-1])
    if values is not None:
        return values[people.columns[nodes[0]].astype(np.int64)]  # -1, no level, is the last
    frame = derive(pl.DataFrame({name: _series(people, name) for name in nodes}), (outcome,))
    return _read_values(frame[outcome])


def _series(people: People, name: str) -> pl.Series:
    node, values = people.model.nodes[name], people.columns[name]
    if node.is_number:
        return pl.Series(values)
    positions = pl.Series(np.maximum(values, 0).astype(np.uint8)).cat.to(pl.Enum(node.levels))
    return positions.set(pl.Series(values < 0), None)
