"""Grow simulated people from a causal model: draw every node from its parents, or set nodes by force.

Takes a `Model` and a seed; gives numpy columns by node name, levels as their positions. What chance adds to
a person is fixed by the seed, so that the same person can be grown again in another world.
"""

from collections.abc import Callable, Mapping
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

# Streams of random numbers that must not meet, beside the PSUs' own (0, 1, 2, ...).
SIZES, DRAW_PSUS, DRAW_PEOPLE, ANSWERS, DONORS, OWN = (1_000_000 + i for i in range(6))


@dataclass(frozen=True)
class Noise:
    """What chance adds: one uniform or one normal number a person and node, one normal a PSU and node."""

    uniform: Mapping[str, Array]
    normal: Mapping[str, Array]
    psu: Mapping[str, Array]
    persons: int


@dataclass(frozen=True)
class People:
    """Simulated people: the model that they follow, their chance, and their values so far."""

    model: Model
    noise: Noise
    columns: Columns

    def term(self, term: str) -> Array:
        """Give a term's value a person: steps from the centre for a number alone, else 1 or 0."""
        pieces = parts(term)
        if len(pieces) == 1 and not pieces[0].sign:
            node = self.model.nodes[pieces[0].name]
            return np.asarray((self.columns[node.name] - node.get("centre", 0)) / node.get("step", 1))
        return np.asarray(np.any([self._holds(piece) for piece in pieces], axis=0), dtype=np.float64)

    def linear(self, effects: Mapping[str, float], intercept: float = 0.0) -> Array:
        """Add up intercept and effects times terms, one number a person."""
        total = np.full(self.noise.persons, float(effects.get("intercept", intercept)))
        for term, size in effects.items():
            if term != "intercept":
                total += size * self.term(term)
        return total

    def mean(self, node: Node) -> Array:
        """Give the linear predictor of a node: intercept, effects of its parents, and its PSU's shift."""
        return self.linear(node.effects, node.get("intercept", 0.0)) + self.shift(node)

    def shift(self, node: Node) -> Array:
        """Give what the PSU adds to a node."""
        return np.asarray(node.get("psu_sd", 0.0) * self.noise.psu[node.name])

    def _holds(self, piece: Part) -> NDArray[np.bool_]:
        values = self.columns[piece.name]
        if piece.sign == "=":
            return np.asarray(values == self.model.nodes[piece.name].levels.index(piece.value))
        limit = float(piece.value)
        return np.asarray(values >= limit if piece.sign == ">=" else values < limit)


def stream(seed: int, *keys: int) -> np.random.Generator:
    """Open the random numbers of one purpose, independent of every other and the same at each run."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *keys])))


def own_stream(seed: int, name: str, *keys: int) -> np.random.Generator:
    """Open the random numbers of a node with `own_chance`, which leave those of other nodes as they are."""
    return stream(seed, *keys, OWN, crc32(name.encode()))


def psu_sizes(model: Model, seed: int) -> Ints:
    """Give the number of simulated people in each PSU of the population that a seed grows: strata by PSUs."""
    smallest, largest = model.settings["psu_size"]
    shape = (model.settings["strata"], model.settings["psus_in_stratum"])
    return np.asarray(stream(seed, SIZES).integers(smallest, largest + 1, size=shape), dtype=np.int64)


def grow(model: Model, seed: int, psus: Ints, sizes: Ints) -> People:
    """Grow the people of some PSUs, node by node in the order of the model.

    Parameters
    ----------
    model
        The causal model.
    seed
        Of the population.
    psus, sizes
        Numbers of the PSUs and of the people in each. A PSU's people do not depend on other PSUs.

    Returns
    -------
    People
        With one column a node: numbers as they are, levels as their positions (0 is the first).
    """
    people = People(model, _noise(model, seed, psus, sizes), {})
    for node in model.nodes.values():
        people.columns[node.name] = _draw(node, people)
    return people


def intervene(people: People, forced: Columns) -> People:
    """Set nodes by force and draw again, with the same chance, every node that follows from them.

    The outcome itself is not drawn again (see `cramp_probabilities`), nor is what follows from it.
    """
    changed = replace(people, columns={**people.columns, **forced})
    kept = {OUTCOME, *people.model.descendants((OUTCOME,))}
    for name in people.model.descendants(forced):
        if name not in kept:
            changed.columns[name] = _draw(people.model.nodes[name], changed)
    return changed


def cramp_probabilities(people: People) -> Array:
    """Give each person's probability of each level of the outcome, as the model has it.

    Returns
    -------
    numpy.ndarray
        Persons by levels (never, rarely, sometimes, often, almost always); each row adds up to 1.
    """
    node = people.model.nodes[OUTCOME]
    most = node.get("most")
    any_cramps = np.minimum(np.exp(people.linear(node.get("any")) + people.shift(node)), most)
    frequent = any_cramps * np.minimum(np.exp(people.linear(node.get("frequent"))), most)
    mild = any_cramps - frequent
    rarely, often = node.get("rarely_of_mild"), node.get("often_of_frequent")
    shares = [1 - any_cramps, rarely * mild, (1 - rarely) * mild, often * frequent, (1 - often) * frequent]
    return np.column_stack(shares)


def logistic(value: Array) -> Array:
    """Turn log-odds into probabilities."""
    return np.asarray(1 / (1 + np.exp(-value)))


def _noise(model: Model, seed: int, psus: Ints, sizes: Ints) -> Noise:
    names = [name for name, node in model.nodes.items() if not node.get("own_chance")]
    own = [name for name in model.nodes if name not in names]
    normals = [name for name in names if model.nodes[name].kind == "number"]
    uniforms = [name for name in names if name not in normals]
    drawn = [
        _noise_of_psu(seed, int(psu), int(size), len(names), len(normals))
        for psu, size in zip(psus, sizes, strict=True)
    ]
    effect, uniform, normal = (np.concatenate(block, axis=1) for block in zip(*drawn, strict=True))
    shared = Noise(
        uniform=dict(zip(uniforms, uniform, strict=True)),
        normal=dict(zip(normals, normal, strict=True)),
        psu=dict(zip(names, effect, strict=True)),
        persons=int(sizes.sum()),
    )
    return _with_own(shared, model, own, lambda name: _own_noise(seed, name, psus, sizes))


def _with_own(
    noise: Noise, model: Model, names: list[str], drawn: Callable[[str], tuple[Array, Array, Array]]
) -> Noise:
    found = {name: drawn(name) for name in names}
    numbers = {name for name in names if model.nodes[name].kind == "number"}
    return Noise(
        uniform={**noise.uniform, **{name: found[name][1] for name in names if name not in numbers}},
        normal={**noise.normal, **{name: found[name][2] for name in numbers}},
        psu={**noise.psu, **{name: found[name][0] for name in names}},
        persons=noise.persons,
    )


def _own_noise(seed: int, name: str, psus: Ints, sizes: Ints) -> tuple[Array, Array, Array]:
    """Draw a node's chance apart: the shift of each PSU, a uniform and a normal number a person."""
    parts = []
    for psu, size in zip(psus, sizes, strict=True):
        generator = own_stream(seed, name, int(psu))
        shift = np.full(size, generator.standard_normal())
        parts.append((shift, generator.random(size), generator.standard_normal(size)))
    shifts, uniforms, normals = (np.concatenate(block) for block in zip(*parts, strict=True))
    return shifts, uniforms, normals


def _noise_of_psu(seed: int, psu: int, size: int, nodes: int, normals: int) -> tuple[Array, Array, Array]:
    generator = stream(seed, psu)
    effect = np.broadcast_to(generator.standard_normal((nodes, 1)), (nodes, size))
    return effect, generator.random((nodes - normals, size)), generator.standard_normal((normals, size))


def _draw(node: Node, people: People) -> Array:
    value = _DRAW[node.kind](node, people)
    finished = value if node.levels or node.numbers else _finished(node, value)
    needed = node.get("requires")
    if not needed:
        return finished
    # Without what is required a person has the first level, or none where the file says -1.
    return np.where(people.term(needed) == 1, finished, float(node.get("otherwise", 0)))


def _finished(node: Node, value: Array) -> Array:
    value = np.maximum(value - node.get("minus", 0), node.get("least", -np.inf))
    if "per_hour" in node.written:
        # Asked in minutes: kept as whole steps of minutes, so that minutes / 60 gives the very same number.
        value = np.round(value * node.get("per_hour")) * (60 // node.get("per_hour")) / 60
    elif node.get("round_down"):
        value = np.floor(value)
    elif "decimals" in node.written:
        value = np.round(value, node.get("decimals"))
    return np.asarray(np.minimum(value, node.get("most", np.inf)))


def _points(node: Node, people: People) -> Array:
    return np.asarray(np.interp(people.noise.uniform[node.name], node.get("shares"), node.get("values")))


def _number(node: Node, people: People) -> Array:
    spread = people.linear(node.get("spread", {}), node.get("sd"))
    value = people.mean(node) + spread * people.noise.normal[node.name]
    return _TRANSFORM[node.get("transform", "")](value)


def _yes_no(node: Node, people: People) -> Array:
    holds = people.noise.uniform[node.name] < logistic(people.mean(node))
    return np.asarray(holds, dtype=np.float64)


def _ordered(node: Node, people: People) -> Array:
    # P(level <= k) = logistic(cut k - mean): effects move people towards the later levels.
    luck = people.noise.uniform[node.name]
    latent = people.mean(node) + np.log(luck) - np.log1p(-luck)
    place = np.searchsorted(np.asarray(node.get("cuts"), dtype=np.float64), latent)
    return np.asarray(node.numbers)[place] if node.numbers else place.astype(np.float64)


def _nominal(node: Node, people: People) -> Array:
    # The PSU's shift is one for all levels but the reference: a PSU has more or fewer people outside of it.
    shift, logits = people.shift(node), node.get("logits")
    scores = [people.linear(logits[k]) + shift if k in logits else 0 * shift for k in node.levels]
    shares = np.cumsum(np.exp(scores), axis=0)
    passed = people.noise.uniform[node.name] > shares[:-1] / shares[-1]
    return np.asarray(passed.sum(axis=0), dtype=np.float64)


def _either(node: Node, people: People) -> Array:
    low, gap = (people.columns[name] for name in node.get("numbers_of"))
    return np.asarray(low + gap * people.term(node.get("added_if")))


def _cramps(node: Node, people: People) -> Array:
    shares = np.cumsum(cramp_probabilities(people), axis=1)
    passed = people.noise.uniform[node.name][:, None] > shares[:, :-1]
    return np.asarray(passed.sum(axis=1), dtype=np.float64)


_DRAW: Mapping[str, Callable[[Node, People], Array]] = {
    "points": _points, "number": _number, "yes_no": _yes_no, "ordered": _ordered, "nominal": _nominal,
    "either": _either, "cramps": _cramps,
}  # fmt: skip
_TRANSFORM: Mapping[str, Callable[[Array], Array]] = {
    "": np.asarray,
    "exp": lambda value: np.asarray(np.exp(value)),
    "logistic": logistic,
}
