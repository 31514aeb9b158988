"""Simulate individuals from the structural causal model, with or without interventions.

The random numbers of a person are fixed by the seed, so that the same person can be simulated again under
another exposure.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from toolkit.sources.simulated.causal_model import OUTCOME, Model, Node, Part, parts

Array: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Columns: TypeAlias = dict[str, Array]

SEED = 2005  # of the study as it is opened without options

# Streams of random numbers that must not coincide, beside those of the PSUs (0, 1, 2, ...).
SIZES, DRAW_PSUS, DRAW_PEOPLE, ANSWERS, DONORS, OWN = (1_000_000 + i for i in range(6))


@dataclass(frozen=True)
class Noise:
    """Random numbers by node: one uniform or normal number per person, one normal number per PSU."""

    uniform: Mapping[str, Array]
    normal: Mapping[str, Array]
    psu: Mapping[str, Array]
    sizes: Ints

    @property
    def persons(self) -> int:
        """Number of persons in all PSUs."""
        return int(self.sizes.sum())


@dataclass(frozen=True)
class People:
    """Simulated persons: their model, their random numbers, and their values so far.

    Numbers are kept as they are, levels as their positions (0 is the first).
    """

    model: Model
    noise: Noise
    columns: Columns

    def term(self, term: str) -> Array:
        """Evaluate a term: steps from the center for a number alone, else 1 or 0."""
        pieces = parts(term)
        if len(pieces) == 1 and not pieces[0].sign:
            node = self.model.nodes[pieces[0].name]
            return np.asarray((self.columns[node.name] - node.get("centre", 0)) / node.get("step", 1))
        met = self._compare(pieces[0])
        for piece in pieces[1:]:
            met = met | self._compare(piece)
        return met.astype(np.float64)

    def linear(self, effects: Mapping[str, float], intercept: float = 0.0) -> Array:
        """Sum the intercept and the effects times their terms, one number per person."""
        total = np.full(self.noise.persons, float(effects.get("intercept", intercept)))
        for term, effect in effects.items():
            if term != "intercept":
                total += effect * self.term(term)
        return total

    def mean(self, node: Node) -> Array:
        """Compute the linear predictor of a node, with the shift of its PSU."""
        return self.linear(node.effects, node.get("intercept", 0.0)) + self.shift(node)

    def shift(self, node: Node) -> Array:
        """Repeat what each PSU adds to a node for its persons."""
        return np.repeat(node.get("psu_sd", 0.0) * self.noise.psu[node.name], self.noise.sizes)

    def _compare(self, piece: Part) -> NDArray[np.bool_]:
        values = self.columns[piece.name]
        if piece.sign == "=":
            return np.asarray(values == self.model.nodes[piece.name].levels.index(piece.value))
        limit = float(piece.value)
        return np.asarray(values >= limit if piece.sign == ">=" else values < limit)


def stream(seed: int, *keys: int) -> np.random.Generator:
    """Open the random numbers of one purpose, independent of all others and reproducible."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *keys])))


def own_stream(seed: int, name: str, *keys: int) -> np.random.Generator:
    """Open the random numbers of a node with `own_chance`, which leaves those of other nodes unchanged."""
    return stream(seed, *keys, OWN, crc32(name.encode()))


def psu_sizes(model: Model, seed: int) -> Ints:
    """Draw the number of persons in each PSU of the population: strata by PSUs."""
    smallest, largest = model.settings["psu_size"]
    shape = (model.settings["strata"], model.settings["psus_in_stratum"])
    return np.asarray(stream(seed, SIZES).integers(smallest, largest + 1, size=shape), dtype=np.int64)


def simulate_people(
    model: Model, seed: int, psus: Ints, sizes: Ints, names: Iterable[str] | None = None
) -> People:
    """Simulate the persons of some PSUs, node by node in the order of the model.

    A PSU's persons do not depend on other PSUs. With `names` only these nodes and their ancestors are drawn.
    """
    drawn = model.nodes if names is None else model.with_ancestors(names)
    people = People(model, _draw_noise(model, seed, psus, sizes, drawn), {})
    for name in drawn:
        people.columns[name] = _draw(model.nodes[name], people)
    return people


def intervene(people: People, forced: Columns, *, beyond: bool = False) -> People:
    """Set nodes and draw all that depend on them again, with the same random numbers.

    Unless `beyond`, neither the outcome (see `cramp_probabilities`) nor what depends on it is drawn again.
    """
    changed = replace(people, columns={**people.columns, **forced})
    kept = set() if beyond else {OUTCOME, *people.model.descendants((OUTCOME,))}
    for name in people.model.descendants(forced):
        if name in people.columns and name not in kept:
            changed.columns[name] = _draw(people.model.nodes[name], changed)
    return changed


def cramp_probabilities(people: People) -> Array:
    """Compute the probability of each level of the outcome: persons by levels (never to almost always)."""
    node = people.model.nodes[OUTCOME]
    most = node.get("most")
    any_cramps = np.minimum(np.exp(people.linear(node.get("any")) + people.shift(node)), most)
    frequent = any_cramps * np.minimum(np.exp(people.linear(node.get("frequent"))), most)
    mild = any_cramps - frequent
    rarely, often = node.get("rarely_of_mild"), node.get("often_of_frequent")
    shares = [1 - any_cramps, rarely * mild, (1 - rarely) * mild, often * frequent, (1 - often) * frequent]
    return np.column_stack(shares)


def logistic(value: Array) -> Array:
    """Convert log-odds to probabilities."""
    return np.asarray(1 / (1 + np.exp(-value)))


def _draw_noise(model: Model, seed: int, psus: Ints, sizes: Ints, names: Collection[str]) -> Noise:
    """Draw the random numbers of the named nodes; those of a common stream are drawn for all."""
    numbers = {name for name, node in model.nodes.items() if node.kind == "number"}
    shared = [name for name, node in model.nodes.items() if not node.get("own_chance")]
    uniforms = [name for name in shared if name not in numbers]
    normals = [name for name in shared if name in numbers]
    drawn: list[tuple[Array, Array, Array]] = []
    for psu, size in zip(psus, sizes, strict=True):
        generator = stream(seed, int(psu))
        drawn.append((
            generator.standard_normal((len(shared), 1)),
            generator.random((len(uniforms), size)),
            generator.standard_normal((len(normals), size)),
        ))  # fmt: skip
    shift, uniform, normal = (np.concatenate(block, axis=1) for block in zip(*drawn, strict=True))
    of_psu = dict(zip(shared, shift, strict=True))
    of_uniform = dict(zip(uniforms, uniform, strict=True))
    of_normal = dict(zip(normals, normal, strict=True))
    for name in (name for name in names if name not in shared):
        own = [
            (generator.standard_normal(1), generator.random(size), generator.standard_normal(size))
            for psu, size in zip(psus, sizes, strict=True)
            if (generator := own_stream(seed, name, int(psu)))
        ]
        of_psu[name], of_uniform[name], of_normal[name] = (
            np.concatenate(block) for block in zip(*own, strict=True)
        )
    return Noise(of_uniform, of_normal, of_psu, np.asarray(sizes))


def _draw(node: Node, people: People) -> Array:
    value = _DRAW[node.kind](node, people)
    finished = value if node.levels or node.numbers else _finish(node, value)
    needed = node.get("requires")
    if not needed:
        return finished
    # Without what is required a person has the first level, or none where the file says -1.
    return np.where(people.term(needed) == 1, finished, float(node.get("otherwise", 0)))


def _finish(node: Node, value: Array) -> Array:
    """Shift, round and bound a number."""
    value = np.maximum(value - node.get("minus", 0), node.get("least", -np.inf))
    if "per_hour" in node.written:
        # Reported in whole steps of minutes, so that minutes / 60 gives the very same number.
        value = np.round(value * node.get("per_hour")) * (60 // node.get("per_hour")) / 60
    elif node.get("round_down"):
        value = np.floor(value)
    elif "decimals" in node.written:
        value = np.round(value, node.get("decimals"))
    return np.asarray(np.minimum(value, node.get("most", np.inf)))


def _draw_points(node: Node, people: People) -> Array:
    return np.asarray(np.interp(people.noise.uniform[node.name], node.get("shares"), node.get("values")))


def _draw_number(node: Node, people: People) -> Array:
    deviation = people.linear(node.get("spread", {}), node.get("sd"))
    value = people.mean(node) + deviation * people.noise.normal[node.name]
    return _TRANSFORM[node.get("transform", "")](value)


def _draw_yes_no(node: Node, people: People) -> Array:
    return np.asarray(people.noise.uniform[node.name] < logistic(people.mean(node)), dtype=np.float64)


def _draw_ordered(node: Node, people: People) -> Array:
    # P(level <= k) = logistic(cut k - mean): effects move people towards the later levels.
    uniform = people.noise.uniform[node.name]
    latent = people.mean(node) + np.log(uniform) - np.log1p(-uniform)
    position = np.searchsorted(np.asarray(node.get("cuts"), dtype=np.float64), latent)
    return np.asarray(node.numbers)[position] if node.numbers else position.astype(np.float64)


def _draw_nominal(node: Node, people: People) -> Array:
    # The PSU's shift is the same for all levels except the reference.
    shift, logits = people.shift(node), node.get("logits")
    scores = [people.linear(logits[k]) + shift if k in logits else 0 * shift for k in node.levels]
    shares = np.cumsum(np.exp(scores), axis=0)
    passed = people.noise.uniform[node.name] > shares[:-1] / shares[-1]
    return np.asarray(passed.sum(axis=0), dtype=np.float64)


def _draw_either(node: Node, people: People) -> Array:
    low, gap = (people.columns[name] for name in node.get("numbers_of"))
    return np.asarray(low + gap * people.term(node.get("added_if")))


def _draw_cramps(node: Node, people: People) -> Array:
    shares = np.cumsum(cramp_probabilities(people), axis=1)
    passed = people.noise.uniform[node.name][:, None] > shares[:, :-1]
    return np.asarray(passed.sum(axis=1), dtype=np.float64)


_DRAW: Mapping[str, Callable[[Node, People], Array]] = {
    "points": _draw_points, "number": _draw_number, "yes_no": _draw_yes_no, "ordered": _draw_ordered,
    "nominal": _draw_nominal, "either": _draw_either, "cramps": _draw_cramps,
}  # fmt: skip
_TRANSFORM: Mapping[str, Callable[[Array], Array]] = {
    "": np.asarray,
    "exp": lambda value: np.asarray(np.exp(value)),
    "logistic": logistic,
}
