"""Draw the simulated study from a written causal model: people, design, codebook. No person in it is real.

Takes a seed and a number of people; gives the record that a loader hands over. A finite population is grown
in strata of PSUs; two PSUs a stratum are drawn in proportion to their size, people within them with unequal
chances that depend on cramps; weights are the inverse of these chances, on the scale of the US population.
`truth` tells the true values behind the study.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolkit.errors import DatasetError
from toolkit.sources.catalog import codebook as shared_codebook
from toolkit.sources.simulated.causal_model import Model, Node, load_model, parts
from toolkit.sources.simulated.generate import (
    ANSWERS,
    DRAW_PEOPLE,
    DRAW_PSUS,
    SEED,
    Array,
    Ints,
    Noise,
    People,
    grow,
    logistic,
    own_stream,
    psu_sizes,
    stream,
)
from toolkit.sources.simulated.potential_outcomes import truth
from toolkit.studies.cycle_weights import CycleWeight
from toolkit.studies.design import ComponentWeight, Design
from toolkit.studies.study import Study
from toolkit.variables.codebook import REASONS, Availability, Codebook, Variable, weight_name, why

__all__ = ["open_simulated", "truth"]

PERSONS = 12_000
# Ten people a PSU at least; at most half of the smallest PSU.
FEWEST, MOST = 600, 18_000
PSUS_DRAWN = 2  # in each stratum

NOT_SIMULATED = "not a part of the written causal model: no value was drawn"

Answers = dict[str, pl.Series]
_EXAMINED = "examination"


@dataclass(frozen=True)
class _Part:
    """Some of the examined: who they are, with what chance they were drawn, why the others have no value."""

    people: NDArray[np.bool_]
    chance: float = 1.0
    without: str = "not examined"


def open_simulated(seed: int = SEED, n: int = PERSONS, sample: int = 0) -> Study:
    """Draw the simulated study.

    Parameters
    ----------
    seed
        Of the population, a whole number from 0 on. The same seed gives the same people.
    n
        How many people to draw, 600 to 18,000.
    sample
        Which sample of the same population to draw, a whole number from 0 on: for studies of how estimates
        vary from sample to sample around the one truth.

    Returns
    -------
    Study
        `people` has one row a person of 16 and older in 30 strata of 2 PSUs: columns `cycle`, `stratum`,
        `psu`, `weight_interview`, `weight_examination` (0 for people not examined), the weights of the
        parts of the examined (null outside of the part), every variable of the codebook and its reasons of
        missing values. All ten causes are variables of it.

    Raises
    ------
    DatasetError
        If an option is not a whole number in its range.

    Examples
    --------
    >>> open_simulated().people.height
    12000
    """
    _check_whole("seed", seed, 0, 2**63 - 1)
    _check_whole("n", n, FEWEST, MOST)
    _check_whole("sample", sample, 0, 2**63 - 1)
    model = load_model()
    return Study(
        name="simulated",
        label=model.settings["label"],
        people=_people(model, seed, n, sample),
        design=_design(model),
        codebook=_codebook(model),
        provenance=_provenance(model, seed, n, sample),
        simulated=True,
    )


def _check_whole(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise DatasetError(
            f"the option '{name}' of the simulated study is a whole number from {low:,} to {high:,}, not "
            f"{value!r}. For example: tk.open_study('simulated', {name}={min(max(low, 2005), high)})."
        )


def _people(model: Model, seed: int, n: int, sample: int) -> pl.DataFrame:
    sizes = psu_sizes(model, seed)
    chosen = _drawn_psus(sizes, stream(seed, DRAW_PSUS, sample))
    strata = np.repeat(np.arange(len(sizes)), PSUS_DRAWN)
    size = sizes[strata, chosen]
    everyone = grow(model, seed, strata * sizes.shape[1] + chosen, size)
    rows, chance, place = _drawn_people(everyone, size, stream(seed, DRAW_PEOPLE, sample), n)
    in_psu = PSUS_DRAWN * size / sizes.sum(axis=1)[strata]
    weight = model.settings["persons"] / sizes.sum() / (in_psu[place] * chance)
    drawn = _rows(everyone, rows)
    generator = stream(seed, ANSWERS, sample)
    attends = logistic(drawn.linear(model.settings["examined"]))
    examined = generator.random(n) < attends
    groups = _parts(model, examined, seed, sample)
    among_examined = np.where(examined, weight / attends, 0.0)
    design = {
        "cycle": _levels((strata[place] >= len(sizes) // 2).astype(np.int64), model.settings["cycles"]),
        "stratum": pl.Series(strata[place] + model.settings["first_stratum"]),
        "psu": pl.Series(place % PSUS_DRAWN + 1),
        "weight_interview": pl.Series(weight),
        "weight_examination": pl.Series(among_examined),
        **{
            weight_name(name): pl.Series(among_examined / group.chance).set(pl.Series(~group.people), None)
            for name, group in groups.items()
        },
    }

    def luck(node: Node) -> Array:
        own = own_stream(seed, node.name, ANSWERS, sample) if node.get("own_chance") else generator
        return own.random(n)

    return pl.DataFrame(design | _answers(drawn, {_EXAMINED: _Part(examined), **groups}, luck))


def _parts(model: Model, examined: NDArray[np.bool_], seed: int, sample: int) -> dict[str, _Part]:
    """Draw the parts of the examined, such as those with a usable recall of their diet."""
    found: dict[str, _Part] = {}
    for name, said in model.settings["parts"].items():
        around = found.get(said.get("within", ""), _Part(examined))
        drawn = own_stream(seed, name, ANSWERS, sample).random(len(examined)) < said["share"]
        found[name] = _Part(around.people & drawn, around.chance * said["share"], said["without"])
    return found


def _drawn_psus(sizes: Ints, generator: np.random.Generator) -> Ints:
    drawn = []
    for row in sizes:
        order = generator.permutation(len(row))
        drawn.append(np.sort(order[_systematic(row[order] / row.sum() * PSUS_DRAWN, generator)]))
    return np.concatenate(drawn)


def _drawn_people(
    everyone: People, size: Ints, generator: np.random.Generator, n: int
) -> tuple[Ints, Array, Ints]:
    """Draw people within each PSU: their rows, chances and the place of their PSU."""
    relative = np.split(np.exp(everyone.linear(everyone.model.settings["selection"])), np.cumsum(size)[:-1])
    wanted = n // len(size) + (np.arange(len(size)) < n % len(size))
    chances = [_chances(share, int(target)) for share, target in zip(relative, wanted, strict=True)]
    taken = [_systematic(chance, generator) for chance in chances]
    starts = np.cumsum(size) - size
    rows = np.concatenate([start + rows for start, rows in zip(starts, taken, strict=True)])
    chance = np.concatenate([chance[rows] for chance, rows in zip(chances, taken, strict=True)])
    return rows, chance, np.repeat(np.arange(len(size)), wanted)


def _rows(people: People, rows: Ints) -> People:
    noise = Noise({}, {}, {}, len(rows))
    return People(people.model, noise, {name: values[rows] for name, values in people.columns.items()})


def _chances(share: Array, target: int) -> Array:
    """Scale to chances that add up to the target; whoever would pass 1 is certain and the rest share anew."""
    certain = np.zeros(len(share), dtype=bool)
    while True:
        chance = np.where(certain, 1.0, (target - certain.sum()) * share / share[~certain].sum())
        if (chance <= 1).all():
            return chance
        certain |= chance > 1


def _systematic(chance: Array, generator: np.random.Generator) -> Ints:
    """Draw with unequal chances and a fixed number: those in whose stretch a whole step falls."""
    ends = np.cumsum(chance)
    steps = np.arange(round(ends[-1])) + generator.random()
    # Rounding in the sum may leave the last end a hair short of a whole number.
    return np.minimum(np.searchsorted(ends, steps, side="right"), len(chance) - 1)


def _answers(sample: People, groups: Mapping[str, _Part], chance: Callable[[Node], Array]) -> Answers:
    luck: dict[str, Array] = {}
    reasons: dict[str, Ints] = {}
    answers: Answers = {}
    for node in (node for node in sample.model.nodes.values() if not node.get("hidden")):
        # What is missed on one occasion, such as the blood sample, is missing together.
        occasion = node.get("missed_with", node.name)
        drawn = chance(node)
        luck.setdefault(occasion, drawn)
        reason = _by_chance(node, sample, luck[occasion])
        for name in (node.variable.component, _EXAMINED) if node.variable.component in groups else ():
            reason[~groups[name].people] = REASONS.index(groups[name].without)
        reasons[node.name] = _not_asked(node, sample, reason, reasons)
        answers |= _answer(node, sample.columns[node.name], reasons[node.name])
    return answers


def _by_chance(node: Node, sample: People, luck: Array) -> Ints:
    """Give the position of each person's reason in `codebook.REASONS`; -1 where the value is there."""
    more = np.exp(sample.linear(node.get("missing_more", {})))
    if among := node.get("missing_among"):
        more = more * sample.term(among)
    reason = np.full(len(luck), -1, dtype=np.int64)
    reached = np.zeros(len(luck))
    for words, share in node.get("missing", {}).items():
        reason[(luck >= reached) & (luck < reached + share * more)] = REASONS.index(words)
        reached = reached + share * more
    return reason


def _not_asked(node: Node, sample: People, reason: Ints, before: dict[str, Ints]) -> Ints:
    if follows := node.get("follows"):
        reason = np.where(before[follows] >= 0, before[follows], reason)
    for condition in node.get("asked", ()):
        gate = before[parts(condition)[0].name]
        not_put = np.where(sample.term(condition) == 0, REASONS.index("not asked"), reason)
        reason = np.where(gate >= 0, gate, not_put)
    return reason


def _answer(node: Node, values: Array, reason: Ints) -> Answers:
    missing = pl.Series(reason >= 0)
    given = pl.Series(values) if node.is_number else _levels(values, node.levels)
    if not missing.any():
        return {node.name: given}
    return {node.name: given.set(missing, None), why(node.name): _levels(reason, REASONS).set(~missing, None)}


def _levels(places: Array | Ints, levels: Sequence[str]) -> pl.Series:
    # -1 stands for no level; those rows are made null by the caller.
    return pl.Series(np.maximum(places, 0).astype(np.uint8)).cat.to(pl.Enum(levels))


def _design(model: Model) -> Design:
    sources = {
        "interview": "one over the chance of selection",
        "examination": "one over the chance of selection and examination",
        **dict.fromkeys(model.settings["parts"], "examination weight over the part's share"),
    }
    weights = {name: _component_weight(model, name, source) for name, source in sources.items()}
    return Design(weight=weights, strata="stratum", psu="psu")


def _component_weight(model: Model, component: str, source: str) -> ComponentWeight:
    """Let each cycle represent the population: the columns are scaled to that of all cycles together."""
    column, cycles = weight_name(component), model.settings["cycles"]
    own = tuple(CycleWeight(cycle, column, source, scale=float(len(cycles))) for cycle in cycles)
    return ComponentWeight(column, source, "scaled to the mean population of the contributing cycles", own)


def _codebook(model: Model) -> Codebook:
    cycles = tuple(model.settings["cycles"])
    measured = tuple(Availability(cycle, "measured") for cycle in cycles)
    words = {
        "levels": cycles,
        "reference": cycles[0],
        "availability": measured,
        "source": "simulated: stratum",
    }
    cycle = replace(shared_codebook()["cycle"], **words)
    shown = [node for node in model.nodes.values() if not node.get("hidden")]
    absent = tuple(Availability(name, "not measured", NOT_SIMULATED) for name in cycles)
    others = [v for v in shared_codebook().values() if v.name not in {"cycle", *(n.name for n in shown)}]
    return Codebook.of(
        cycle,
        *(_variable(node, measured) for node in shown),
        *(replace(variable, availability=absent) for variable in others),
    )


def _variable(node: Node, measured: tuple[Availability, ...]) -> Variable:
    return replace(
        node.variable,
        question=node.get("question", ""),
        asked=node.get("asked_words", "everyone"),
        source=f"simulated: node '{node.name}' of datasets/simulated.toml",
        availability=measured,
        note=" ".join(part for part in ("Simulated: no real person.", node.variable.note) if part),
    )


def _provenance(model: Model, seed: int, n: int, sample: int) -> dict[str, Any]:
    return {
        "study": "simulated",
        "made_by": "toolkit.sources.simulated.study from datasets/simulated.toml",
        "model_sha256": model.sha256,
        "seed": seed,
        "people": n,
        "sample": sample,
        "cycles": list(model.settings["cycles"]),
    }
