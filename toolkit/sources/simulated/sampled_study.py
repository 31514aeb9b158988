"""The simulated study: a sample of the population defined by the causal model. No real people.

A finite population is simulated in strata of PSUs. Two PSUs per stratum are drawn with probability
proportional to size, and persons within them with unequal probabilities that depend on cramps. Weights are
the inverse of these probabilities, scaled to the US population. `potential_outcomes` computes true values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolkit.errors import DatasetError
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
    logistic,
    own_stream,
    psu_sizes,
    simulate_people,
    stream,
)
from toolkit.studies import ComponentWeight, CycleWeight, Design, Study
from toolkit.variables import REASONS, Availability, Codebook, Variable, weight_name, why
from toolkit.variables.codebook import codebook as shared_codebook

PERSONS = 12_000
# At least ten persons per PSU; at most half of the smallest PSU.
FEWEST, MOST = 600, 18_000
PSUS_DRAWN = 2  # in each stratum

NOT_SIMULATED = "not a part of the written causal model: no value was drawn"

_EXAMINED = "examination"


@dataclass(frozen=True)
class _Subsample:
    """A part of the examined: its members, its sampling fraction, why the others have no value."""

    people: NDArray[np.bool_]
    chance: float = 1.0
    without: str = "not examined"


def open_simulated(seed: int = SEED, n: int = PERSONS, sample: int = 0) -> Study:
    """Draw the simulated study: persons of 16 and older in 30 strata of 2 PSUs, with all ten causes.

    Parameters
    ----------
    seed
        Of the population, a whole number from 0. The same seed gives the same persons.
    n
        Sample size, 600 to 18,000.
    sample
        Which sample of the population to draw, a whole number from 0, for studies of sampling variation.

    Returns
    -------
    Study
        `weight_examination` is 0 for persons not examined; weights of subsamples are null outside of them.

    Raises
    ------
    DatasetError
        If an option is not a whole number in its range.
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
            f"The option '{name}' of the simulated study must be a whole number from {low:,} to {high:,}, "
            f"not {value!r}. Example: tk.open_study('simulated', {name}={min(max(low, 2005), high)})."
        )


def _people(model: Model, seed: int, n: int, sample: int) -> pl.DataFrame:
    sizes = psu_sizes(model, seed)
    chosen = _draw_psus(sizes, stream(seed, DRAW_PSUS, sample))
    strata = np.repeat(np.arange(len(sizes)), PSUS_DRAWN)
    size = sizes[strata, chosen]
    everyone = simulate_people(model, seed, strata * sizes.shape[1] + chosen, size)
    rows, chance, psu = _draw_people(everyone, size, stream(seed, DRAW_PEOPLE, sample), n)
    in_psu = PSUS_DRAWN * size / sizes.sum(axis=1)[strata]
    weight = model.settings["persons"] / sizes.sum() / (in_psu[psu] * chance)
    nothing = Noise({}, {}, {}, np.array([n]))
    drawn = People(model, nothing, {name: values[rows] for name, values in everyone.columns.items()})
    generator = stream(seed, ANSWERS, sample)
    attends = logistic(drawn.linear(model.settings["examined"]))
    examined = generator.random(n) < attends
    groups = _draw_subsamples(model, examined, seed, sample)
    among_examined = np.where(examined, weight / attends, 0.0)
    design = {
        "cycle": _levels((strata[psu] >= len(sizes) // 2).astype(np.int64), model.settings["cycles"]),
        "stratum": pl.Series(strata[psu] + model.settings["first_stratum"]),
        "psu": pl.Series(psu % PSUS_DRAWN + 1),
        "weight_interview": pl.Series(weight),
        "weight_examination": pl.Series(among_examined),
        **{
            weight_name(name): pl.Series(among_examined / group.chance).set(pl.Series(~group.people), None)
            for name, group in groups.items()
        },
    }

    def draw(node: Node) -> Array:
        own = own_stream(seed, node.name, ANSWERS, sample) if node.get("own_chance") else generator
        return own.random(n)

    return pl.DataFrame(design | _report_answers(drawn, {_EXAMINED: _Subsample(examined), **groups}, draw))


def _draw_subsamples(
    model: Model, examined: NDArray[np.bool_], seed: int, sample: int
) -> dict[str, _Subsample]:
    """Draw subsamples of the examined, such as those with a usable dietary recall."""
    found: dict[str, _Subsample] = {}
    for name, entry in model.settings["parts"].items():
        around = found.get(entry.get("within", ""), _Subsample(examined))
        drawn = own_stream(seed, name, ANSWERS, sample).random(len(examined)) < entry["share"]
        found[name] = _Subsample(around.people & drawn, around.chance * entry["share"], entry["without"])
    return found


def _draw_psus(sizes: Ints, generator: np.random.Generator) -> Ints:
    drawn = []
    for row in sizes:
        order = generator.permutation(len(row))
        drawn.append(np.sort(order[_draw_systematically(row[order] / row.sum() * PSUS_DRAWN, generator)]))
    return np.concatenate(drawn)


def _draw_people(
    everyone: People, size: Ints, generator: np.random.Generator, n: int
) -> tuple[Ints, Array, Ints]:
    """Draw persons within each PSU: their rows, their probabilities, and the position of their PSU."""
    relative = np.split(np.exp(everyone.linear(everyone.model.settings["selection"])), np.cumsum(size)[:-1])
    wanted = n // len(size) + (np.arange(len(size)) < n % len(size))
    chances = [_scale_to_target(share, int(target)) for share, target in zip(relative, wanted, strict=True)]
    taken = [_draw_systematically(chance, generator) for chance in chances]
    starts = np.cumsum(size) - size
    rows = np.concatenate([start + rows for start, rows in zip(starts, taken, strict=True)])
    chance = np.concatenate([chance[rows] for chance, rows in zip(chances, taken, strict=True)])
    return rows, chance, np.repeat(np.arange(len(size)), wanted)


def _scale_to_target(share: Array, target: int) -> Array:
    """Scale to probabilities that sum to the target; those that would exceed 1 are certain."""
    certain = np.zeros(len(share), dtype=bool)
    while True:
        chance = np.where(certain, 1.0, (target - certain.sum()) * share / share[~certain].sum())
        if (chance <= 1).all():
            return chance
        certain |= chance > 1


def _draw_systematically(chance: Array, generator: np.random.Generator) -> Ints:
    """Draw a sample of fixed size with unequal probabilities."""
    ends = np.cumsum(chance)
    steps = np.arange(round(ends[-1])) + generator.random()
    # Rounding may leave the last cumulative sum slightly below a whole number.
    return np.minimum(np.searchsorted(ends, steps, side="right"), len(chance) - 1)


def _report_answers(
    sample: People, groups: Mapping[str, _Subsample], draw: Callable[[Node], Array]
) -> dict[str, pl.Series]:
    """Give the values as reported, and the reasons of missing ones."""
    draws: dict[str, Array] = {}
    reasons: dict[str, Ints] = {}
    answers: dict[str, pl.Series] = {}
    for node in (node for node in sample.model.nodes.values() if not node.get("hidden")):
        # What is missed on one occasion, such as the blood sample, is missing together.
        occasion = node.get("missed_with", node.name)
        drawn = draw(node)
        draws.setdefault(occasion, drawn)
        reason = _draw_reasons(node, sample, draws[occasion])
        for name in (node.variable.component, _EXAMINED) if node.variable.component in groups else ():
            reason[~groups[name].people] = REASONS.index(groups[name].without)
        reasons[node.name] = reason = _skip_questions(node, sample, reason, reasons)
        values = sample.columns[node.name]
        answer, missing = pl.Series(values) if node.is_number else _levels(values, node.levels), reason >= 0
        answers[node.name] = answer.set(pl.Series(missing), None)
        if missing.any():
            answers[why(node.name)] = _levels(reason, REASONS).set(pl.Series(~missing), None)
    return answers


def _draw_reasons(node: Node, sample: People, uniform: Array) -> Ints:
    """Draw the position of each person's reason in `codebook.REASONS`; -1 where the value is not missing."""
    more = np.exp(sample.linear(node.get("missing_more", {})))
    if among := node.get("missing_among"):
        more = more * sample.term(among)
    reason = np.full(len(uniform), -1, dtype=np.int64)
    reached = np.zeros(len(uniform))
    for name, share in node.get("missing", {}).items():
        reason[(uniform >= reached) & (uniform < reached + share * more)] = REASONS.index(name)
        reached = reached + share * more
    return reason


def _skip_questions(node: Node, sample: People, reason: Ints, before: dict[str, Ints]) -> Ints:
    """Set the reason of those whose earlier answers skip the question."""
    if follows := node.get("follows"):
        reason = np.where(before[follows] >= 0, before[follows], reason)
    for condition in node.get("asked", ()):
        gate = before[parts(condition)[0].name]
        skipped = np.where(sample.term(condition) == 0, REASONS.index("not asked"), reason)
        reason = np.where(gate >= 0, gate, skipped)
    return reason


def _levels(positions: Array | Ints, levels: Sequence[str]) -> pl.Series:
    # -1 means no level; the caller makes these rows null.
    return pl.Series(np.maximum(positions, 0).astype(np.uint8)).cat.to(pl.Enum(levels))


def _design(model: Model) -> Design:
    sources = {
        "interview": "one over the chance of selection",
        "examination": "one over the chance of selection and examination",
        **dict.fromkeys(model.settings["parts"], "examination weight over the part's share"),
    }
    weights = {name: _component_weight(model, name, source) for name, source in sources.items()}
    return Design(weight=weights, strata="stratum", psu="psu")


def _component_weight(model: Model, component: str, source: str) -> ComponentWeight:
    """Scale the weights so that each cycle represents the population."""
    column, cycles = weight_name(component), model.settings["cycles"]
    own = tuple(CycleWeight(cycle, column, source, scale=float(len(cycles))) for cycle in cycles)
    return ComponentWeight(column, source, "scaled to the mean population of the contributing cycles", own)


def _codebook(model: Model) -> Codebook:
    cycles = tuple(model.settings["cycles"])
    measured = tuple(Availability(cycle, "measured") for cycle in cycles)
    cycle = replace(
        shared_codebook()["cycle"],
        levels=cycles,
        reference=cycles[0],
        availability=measured,
        source="simulated: stratum",
    )
    visible = [node for node in model.nodes.values() if not node.get("hidden")]
    absent = tuple(Availability(name, "not measured", NOT_SIMULATED) for name in cycles)
    others = [v for v in shared_codebook().values() if v.name not in {"cycle", *(n.name for n in visible)}]
    return Codebook.of(
        cycle,
        *(_variable(node, measured) for node in visible),
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
        "made_by": "toolkit.sources.simulated.sampled_study from datasets/simulated.toml",
        "model_sha256": model.sha256,
        "seed": seed,
        "people": n,
        "sample": sample,
        "cycles": list(model.settings["cycles"]),
    }
