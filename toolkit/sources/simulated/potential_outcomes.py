"""True values of the simulated study: what its written causal model implies for an estimand.

`study` draws samples of this population, `generate` its individuals.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from toolkit import results
from toolkit.causes import DERIVATIONS
from toolkit.errors import DatasetError, EstimationError, VariableError, unknown
from toolkit.results import Estimates, covariates
from toolkit.sources.simulated.causal_model import OUTCOME, Model, load_model
from toolkit.sources.simulated.conditional_odds import fit_log_odds
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
from toolkit.studies import Study
from toolkit.variables import Variable, parse

ODDS_RATIO = "odds_ratio"
AS_IS, PER_UNIT = "as it is", "per unit"  # the worlds of a continuous exposure
THINNING = 10  # the conditional odds ratio is that of every tenth simulated person
_ROW = ".row"

Compare = Callable[[Array, Array], Array]
_COMPARE: Mapping[str, Compare] = {
    "prevalence_ratio": lambda one, other: one / other,
    "prevalence_difference": lambda one, other: one - other,
    ODDS_RATIO: lambda one, other: one / (1 - one) / (other / (1 - other)),
    "standardised_ratio": lambda one, other: one / other,
    "standardised_difference": lambda one, other: one - other,
}
_SHARES = ("prevalence", "standardised_prevalence")
ESTIMANDS = (*_SHARES, *_COMPARE)


@dataclass(frozen=True)
class _Question:
    """Which potential outcomes to simulate."""

    outcome: str
    exposure: str | None
    domain: str
    by: tuple[str, ...]
    covariates: tuple[str, ...]
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """Variables that are needed of everyone as they are."""
        own = (self.exposure,) if self.exposure else ()
        return (*parse(self.domain).names, *self.by, *results.variables_of(self.covariates), *own)


@dataclass
class _Group:
    """One group of `by`: its size, and the expected cases as they are and in each world.

    `rows` are, by stratum, covariates and probabilities (persons by worlds) for a conditional odds ratio.
    """

    n: int
    cases: Array
    rows: list[tuple[pl.DataFrame, Array]]


def truth(
    study: Study,
    outcome: str,
    exposure: str | None = None,
    *,
    estimand: str | None = None,
    reference: str | None = None,
    adjust: str | Sequence[str] | None = None,
    by: str | Sequence[str] = (),
    domain: str = "",
) -> Estimates:
    """Compute the true value of an estimand in the population that the simulated study samples.

    Parameters
    ----------
    study
        A study opened by `tk.open_study("simulated")`, with any seed, size and sample.
    outcome
        "any_cramps", "mild_cramps" or "frequent_cramps".
    exposure
        A categorical variable of the causal model or derived from it, each level of which is compared with
        the reference; or a continuous variable of the causal model, per unit. None for a prevalence.
    estimand
        "prevalence" (without an exposure; the default then), "prevalence_ratio" (the default with an
        exposure), "prevalence_difference", "odds_ratio", "standardised_prevalence" (one row for each level),
        "standardised_ratio" or "standardised_difference".
    reference
        The level that the others are compared with. None for that of the codebook.
    adjust
        The covariates of the model whose odds ratio is wanted, such as `found["adjust"][0]` of the estimates;
        `()` for the marginal odds ratio. The other estimands do not depend on it.
    by
        Categorical variables; one value within each of their levels.
    domain
        A condition such as "age >= 20". It applies to persons as they are, without intervention.

    Returns
    -------
    polars.DataFrame
        The result schema, with the rows of `tk.association` or `tk.prevalence`. `n` counts the simulated
        persons of the domain. Standard error and interval are null: the outcome is not drawn but enters
        with its probability, and every person of the population counts.

    Raises
    ------
    DatasetError
        If the study is not the simulated one.
    VariableError
        If a variable is unknown to the causal model or unsuitable for its role.
    EstimationError
        If the estimand is unknown, an odds ratio is requested without `adjust`, nobody is in the domain, or
        a level does not occur in one of its strata.

    Notes
    -----
    Potential outcomes: the exposure is set for everyone, and all variables that depend on it are drawn again
    with the same random numbers. The values are therefore total effects, averaged over the population of the
    domain (marginal). A derived exposure, such as `pad`, is set by giving everyone the inputs of a random
    person of the same stratum and domain who has the level.

    Ratios and differences of prevalences are marginal. The model of the outcome is log-linear, so that
    the adjusted prevalence ratio of `tk.association` estimates the marginal one where the adjustment set
    suffices. Its prevalence difference weights covariate patterns differently and can deviate from the
    marginal one; "standardised_difference" does not.

    The odds ratio is not collapsible: it depends on the covariates even without confounding. Here it is
    conditional on `adjust`: the odds ratio of a trial that assigns every level to the whole population,
    analyzed by a logistic model with the same covariates. The fit uses every tenth simulated person, and a
    covariate with a spline enters as 20 quantile groups. In this population odds ratios rise with the
    risk, so that a logistic model of observed exposures, which gives more weight to covariate patterns in
    which both levels are frequent, can be a few percent off.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> tk.truth(study, "any_cramps", domain="age >= 20")["estimate"].round(2).item()
    0.31
    """
    seed = _seed(study)
    estimand = estimand or ("prevalence_ratio" if exposure else "prevalence")
    estimand = estimand.replace("standardized", "standardised")
    _check_estimand(estimand, exposure, adjust)
    model = load_model()
    by = (by,) if isinstance(by, str) else tuple(by)
    named = covariates(adjust) if isinstance(adjust, str) else list(adjust or ())
    entering = tuple(named) if estimand == ODDS_RATIO else ()
    question = _Question(outcome, exposure, parse(domain).text, by, entering, seed)
    variables = {name: _variable(model, name) for name in question.names}
    for name in by:
        if not variables[name].levels:
            raise VariableError(f"'{name}' in by is continuous. Use a categorical variable.")
    worlds = _worlds(model, exposure)
    against = _reference(study, exposure, reference, worlds)
    heading = {
        "study": study.label,
        "domain": question.domain,
        "estimand": estimand,
        "outcome": outcome,
        "outcome_label": study.codebook[outcome].label,
        "exposure": exposure,
        "exposure_label": study.codebook[exposure].label if exposure else None,
        "adjust": ", ".join(named) if exposure else None,
        "scale": "log" if estimand.endswith("ratio") else "identity",
        "reliability": "ok",
    }
    groups = _simulate(question)
    rows: list[dict[str, Any]] = []
    for levels in product(*(variables[name].levels for name in by)):
        own = heading | dict(zip(by, levels, strict=True))
        if levels in groups:
            found = _values(groups[levels], estimand, question, worlds, against)
            rows += [own | {"n": groups[levels].n} | row for row in found]
        else:
            reason = f"No simulated participants are {', '.join(levels)} in the domain."
            rows.append(own | {"n": 0, "reliability": "failed", "reason": reason})
    return results.frame(rows, by)


def _seed(study: Study) -> int:
    if study.provenance.get("study") != "simulated":
        raise DatasetError(
            f"The true values are known only for the simulated study, and '{study.label}' is another one. "
            "Use tk.truth(tk.open_study('simulated'), ...)."
        )
    if study.provenance.get("model_sha256") != load_model().sha256:
        raise DatasetError(
            f"'{study.label}' was drawn from another version of the causal model. Open it again: "
            "tk.open_study('simulated')."
        )
    return int(study.provenance["seed"])


def _check_estimand(estimand: str, exposure: str | None, adjust: str | Sequence[str] | None) -> None:
    if estimand not in ESTIMANDS:
        known = f"All: {', '.join(ESTIMANDS)}"
        raise EstimationError(unknown("The truth has no estimand", estimand, ESTIMANDS, known))
    if exposure and estimand == "prevalence":
        raise EstimationError(
            f"A prevalence has no exposure. Use by='{exposure}' for the prevalence at each of its levels, or "
            "estimand='standardised_prevalence'."
        )
    if not exposure and estimand != "prevalence":
        raise EstimationError(f"The estimand '{estimand}' needs an exposure. Supply exposure='...'.")
    if estimand == ODDS_RATIO and adjust is None:
        raise EstimationError(
            "The odds ratio depends on the covariates of its model. Supply those of the estimate, "
            "adjust=found['adjust'][0], or adjust=() for the marginal odds ratio."
        )


def _worlds(model: Model, exposure: str | None) -> tuple[str, ...]:
    if exposure is None:
        return ()
    variable = _variable(model, exposure)
    if variable.levels:
        return variable.levels
    if exposure not in model.nodes:
        inputs = ", ".join(f"'{name}'" for name in _nodes_behind(model, exposure))
        raise VariableError(
            f"'{exposure}' is a continuous variable derived from {inputs}, so that an increase by one unit "
            f"can come about in several ways. Use one of these or a categorical variable."
        )
    return (AS_IS, PER_UNIT)


def _reference(study: Study, exposure: str | None, reference: str | None, worlds: Sequence[str]) -> str:
    if exposure is None or worlds[0] == AS_IS:
        return AS_IS
    chosen = reference or study.codebook[exposure].reference or worlds[0]
    if chosen not in worlds:
        raise VariableError(unknown(f"'{exposure}' has no level", chosen, worlds))
    return chosen


def _variable(model: Model, name: str) -> Variable:
    known = {node.name: node.variable for node in model.nodes.values() if not node.get("hidden")}
    known |= {step.variable.name: step.variable for step in DERIVATIONS if step.variable.name not in known}
    known["cycle"] = Variable("cycle", "survey cycle", "category", levels=tuple(model.settings["cycles"]))
    if name not in known:
        remedy = "Variables that were added to the study have no truth."
        raise VariableError(unknown("The causal model has no variable", name, known, remedy))
    return known[name]


def _nodes_behind(model: Model, name: str) -> tuple[str, ...]:
    if name in model.nodes or name == "cycle":
        return (name,)
    step = next(step for step in DERIVATIONS if step.variable.name == name)
    return tuple(dict.fromkeys(node for read in step.inputs for node in _nodes_behind(model, read)))


@lru_cache(maxsize=32)
def _simulate(question: _Question) -> Mapping[tuple[str, ...], _Group]:
    """Simulate the whole population in each world, stratum by stratum, grouped by `by`."""
    model = load_model()
    cases = _case_levels(model, question.outcome)
    worlds = _worlds(model, question.exposure)
    sizes = psu_sizes(model, question.seed)
    needed = {OUTCOME, *(node for name in question.names for node in _nodes_behind(model, name))} - {"cycle"}
    found: dict[tuple[str, ...], _Group] = {}
    for stratum, row in enumerate(sizes):
        psus = stratum * len(row) + np.arange(len(row))
        people = simulate_people(model, question.seed, psus, row, needed)
        cycle = model.settings["cycles"][int(stratum >= len(sizes) // 2)]
        frame = _observe(people, question.names, cycle)
        condition = parse(question.domain).expression(frame.schema)
        inside = frame.filter(condition.fill_null(value=False)) if question.domain else frame
        generator = stream(question.seed, DONORS, stratum)
        settings = [_intervene(people, inside, question, world, generator) for world in worlds]
        chances = np.column_stack([cramp_probabilities(each) @ cases for each in (people, *settings)])
        for levels, members in _group(inside, question.by):
            group = found.setdefault(levels, _Group(0, np.zeros(len(worlds) + 1), []))
            group.n += members.height
            group.cases += [world[members[_ROW]].sum() for world in chances.T]
            if question.covariates:
                thin = members.filter(pl.col(_ROW) % THINNING == 0)
                group.rows.append((thin, chances[thin[_ROW], 1:]))
    if not sum(group.n for group in found.values()):
        raise EstimationError(
            f"No simulated participants meet the condition '{question.domain}'. Check the condition."
        )
    return found


def _intervene(
    people: People, inside: pl.DataFrame, question: _Question, world: str, donors: np.random.Generator
) -> People:
    """Give everyone the exposure of a world; donors of a derived exposure are persons `inside` the domain."""
    name, persons = str(question.exposure), people.noise.persons
    if world == AS_IS:
        return people
    if world == PER_UNIT:
        return intervene(people, {name: people.columns[name] + 1})
    if name in people.model.nodes:
        level = people.model.nodes[name].levels.index(world)
        return intervene(people, {name: np.full(persons, float(level))})
    having = inside.filter(pl.col(name) == world)[_ROW].to_numpy()
    if not len(having):
        raise EstimationError(
            f"No simulated participant of a stratum has '{name}' = '{world}' in the domain "
            f"'{question.domain}', so that the effect is not defined. Widen the domain."
        )
    chosen, inputs = donors.choice(having, persons), _nodes_behind(people.model, name)
    return intervene(people, {node: people.columns[node][chosen] for node in inputs})


def _case_levels(model: Model, outcome: str) -> Array:
    steps = {step.variable.name: step for step in DERIVATIONS if step.inputs == (OUTCOME,)}
    if outcome not in steps:
        known = f"All: {', '.join(steps)}"
        raise VariableError(unknown("The truth is not available for the outcome", outcome, steps, known))
    levels = model.nodes[OUTCOME].levels
    frame = pl.DataFrame({OUTCOME: pl.Series(levels, dtype=pl.Enum(levels))})
    cases = frame.select(steps[outcome].expression.cast(pl.String) == "yes").to_series()
    return cases.to_numpy().astype(float)


def _observe(people: People, names: Sequence[str], cycle: str) -> pl.DataFrame:
    """Give the named variables of everyone as they are, nodes and variables derived from them."""
    model = people.model
    needed = {node for name in names for node in _nodes_behind(model, name)}
    nodes = {name: _series(people, name) for name in model.nodes if name in needed}
    frame = pl.DataFrame({_ROW: np.arange(people.noise.persons), **nodes})
    for step in DERIVATIONS:
        if step.variable.name not in frame.columns and set(step.inputs) <= set(frame.columns):
            frame = frame.with_columns(step.expression.cast(step.variable.dtype).alias(step.variable.name))
    return frame.with_columns(pl.lit(cycle, _variable(model, "cycle").dtype).alias("cycle"))


def _series(people: People, name: str) -> pl.Series:
    node, values = people.model.nodes[name], people.columns[name]
    if node.is_number:
        return pl.Series(values)
    positions = pl.Series(np.maximum(values, 0).astype(np.uint8)).cat.to(pl.Enum(node.levels))
    return positions.set(pl.Series(values < 0), None)


def _group(inside: pl.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pl.DataFrame]]:
    if not by:
        yield (), inside
        return
    for levels, members in inside.drop_nulls(by).group_by(by, maintain_order=True):
        yield tuple(str(level) for level in levels), members


def _values(
    group: _Group, estimand: str, question: _Question, worlds: Sequence[str], against: str
) -> list[dict[str, Any]]:
    """Give the values of one group, each with level and reference."""
    shares = group.cases / group.n
    if estimand == "prevalence":
        return [{"estimate": float(shares[0])}]
    if estimand == "standardised_prevalence":
        return [
            {"level": world, "level_label": world, "estimate": float(share)}
            for world, share in zip(worlds, shares[1:], strict=True)
        ]
    other = worlds.index(against)
    if question.covariates:
        log_odds = _conditional_log_odds(group, question, worlds)
        compared = np.exp(log_odds - log_odds[other])
    else:
        compared = _COMPARE[estimand](shares[1:], shares[1 + other])
    reference = None if against == AS_IS else against
    return [
        {"level": world, "level_label": world, "reference": reference, "estimate": float(value)}
        for world, value in zip(worlds, compared, strict=True)
        if world != against
    ]


def _conditional_log_odds(group: _Group, question: _Question, worlds: Sequence[str]) -> Array:
    frame, chances = pl.concat([frame for frame, _ in group.rows]), np.concatenate([c for _, c in group.rows])
    # An increase by one unit is conditional on where it starts.
    start = (str(question.exposure),) if worlds[0] == AS_IS else ()
    return fit_log_odds(frame, (*question.covariates, *start), chances)
