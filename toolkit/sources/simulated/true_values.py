"""True values of an estimand in the simulated population, by group, level and reference."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from toolkit.errors import EstimationError, VariableError, short, unknown
from toolkit.results import variables_of
from toolkit.sources.simulated.causal_model import load_model
from toolkit.sources.simulated.conditional_odds import fit_log_odds
from toolkit.sources.simulated.generate import Array
from toolkit.sources.simulated.population import (
    AS_IS,
    PLACE,
    ROW,
    Intervention,
    find_variable,
    find_worlds,
    population,
)
from toolkit.variables import parse

ODDS_RATIO = "odds_ratio"
THINNING = 10  # the conditional odds ratio is that of every tenth simulated person of a stratum

Compare = Callable[[Array, Array], Array]
_COMPARE: Mapping[str, Compare] = {
    "prevalence_ratio": lambda one, other: one / other,
    "prevalence_difference": lambda one, other: one - other,
    ODDS_RATIO: lambda one, other: one / (1 - one) / (other / (1 - other)),
    "standardised_ratio": lambda one, other: one / other,
    "standardised_difference": lambda one, other: one - other,
    "mean_difference": lambda one, other: one - other,
}
DESCRIPTIVE = ("prevalence", "mean")
ESTIMANDS = (*DESCRIPTIVE, "standardised_prevalence", *_COMPARE)


@dataclass(frozen=True)
class Question:
    """An estimand of the population of a seed; `covariates` are those of a conditional odds ratio."""

    seed: int
    outcome: str
    exposure: str | None
    estimand: str
    reference: str | None
    covariates: tuple[str, ...]
    by: tuple[str, ...]
    domain: str

    @property
    def names(self) -> tuple[str, ...]:
        """Variables that are needed of everyone as they are."""
        own = (self.exposure,) if self.exposure else (self.outcome,) if self.has_levels else ()
        return (*parse(self.domain).names, *self.by, *variables_of(self.covariates), *own)

    @property
    def has_levels(self) -> bool:
        """Whether the outcome has levels each of which has a prevalence."""
        return find_variable(load_model(), self.outcome).kind == "category"

    @property
    def intervention(self) -> Intervention:
        """What is assigned to everyone; the domain matters for the donors of a derived exposure alone."""
        if self.exposure is None or self.exposure in load_model().nodes:
            return Intervention(self.exposure)
        return Intervention(self.exposure, self.domain)


# The level and reference of a value, and the value.
Value = tuple[str | None, str | None, float]


@dataclass(frozen=True)
class Group:
    """One group of `by`: the number of its persons, and the true values."""

    n: int
    values: tuple[Value, ...]


def simulate(questions: Iterable[Question]) -> None:
    """Simulate everyone once for several questions of one seed, in place of once for each."""
    asked = list(dict.fromkeys(questions))
    wanted = dict.fromkeys((q.intervention, q.outcome) for q in asked if not q.has_levels)
    # An exposure that lacks a level in a stratum fails in `find_values` alone.
    with suppress(EstimationError):
        for seed in {question.seed for question in asked}:
            population(seed).simulate([name for q in asked for name in q.names], list(wanted))


@lru_cache(maxsize=64)
def find_values(question: Question) -> Mapping[tuple[str, ...], Group]:
    """Compute the true values in each group of `by`."""
    check(question)
    persons = population(question.seed)
    chances = np.empty((0, 0))
    if not question.has_levels:
        asked = (question.intervention, question.outcome)
        persons.simulate(question.names, [asked])
        chances = persons.chances(*asked)
    groups = _find_groups(question.seed, question.domain, question.by)
    return {
        levels: Group(len(rows), tuple(_compute_values(question, rows, chances)))
        for levels, rows in groups.items()
    }


@lru_cache(maxsize=4)
def _find_groups(seed: int, domain: str, by: tuple[str, ...]) -> Mapping[tuple[str, ...], pl.Series]:
    """Return the rows of the persons of a domain, by group."""
    condition = parse(domain)
    frame = population(seed).observe((*condition.names, *by))
    inside = frame.filter(condition.expression(frame.schema).fill_null(value=False)) if domain else frame
    if inside.is_empty():
        raise EstimationError(
            f"No simulated participants meet the condition '{short(domain)}'. Check the condition."
        )
    if not by:
        return {(): inside[ROW]}
    grouped = inside.drop_nulls(by).group_by(by, maintain_order=True).agg(ROW)
    return {tuple(map(str, levels)): rows for *levels, rows in grouped.select(*by, ROW).iter_rows()}


def check(question: Question) -> None:
    """Raise a VariableError unless the causal model has the variables, in these roles."""
    model, estimand = load_model(), question.estimand
    for name in (question.outcome, *question.names):
        find_variable(model, name)
    for name in question.by:
        if not find_variable(model, name).levels:
            raise VariableError(f"'{name}' in by is continuous. Use a categorical variable.")
    kind, of_means = find_variable(model, question.outcome).kind, estimand in ("mean", "mean_difference")
    if of_means != (kind == "number"):
        raise VariableError(
            f"'{question.outcome}' has no {estimand.replace('_', ' ')}. Use estimand='mean' or "
            "'mean_difference' for a continuous variable, and another one for a categorical variable."
        )
    if question.exposure is None:
        return
    if kind == "category":
        raise VariableError(f"'{question.outcome}' has more than two levels. Use a yes/no variable.")
    worlds = _worlds(question)
    if worlds[0] != AS_IS and _reference(question) not in worlds:
        raise VariableError(unknown(f"'{question.exposure}' has no level", _reference(question), worlds))


def _worlds(question: Question) -> tuple[str, ...]:
    return find_worlds(load_model(), question.exposure) if question.exposure else (AS_IS,)


def _reference(question: Question) -> str:
    worlds = _worlds(question)
    if worlds[0] == AS_IS:
        return AS_IS
    own = find_variable(load_model(), str(question.exposure)).reference
    return question.reference or own or worlds[0]


def _compute_values(question: Question, rows: pl.Series, chances: Array) -> list[Value]:
    """Compute the values of one group, each with level and reference."""
    if question.has_levels:
        values = population(question.seed).observe((question.outcome,))[question.outcome][rows].drop_nulls()
        levels = find_variable(load_model(), question.outcome).levels
        return [(level, None, float(np.mean((values == level).to_numpy()))) for level in levels]
    own = chances[rows]
    shares = own.mean(axis=0)
    if np.isnan(shares).any():  # nanmean is slow
        shares = np.nanmean(own, axis=0)
    if question.estimand in DESCRIPTIVE:
        return [(None, None, float(shares[0]))]
    worlds, against = _worlds(question), _reference(question)
    if question.estimand == "standardised_prevalence":
        return [(world, None, float(share)) for world, share in zip(worlds, shares, strict=True)]
    other = worlds.index(against)
    if question.covariates:
        log_odds = _fit_log_odds(question, rows, chances)
        compared = np.exp(log_odds - log_odds[other])
    else:
        compared = _COMPARE[question.estimand](shares, shares[other])
    reference = None if against == AS_IS else against
    return [
        (world, reference, float(value))
        for world, value in zip(worlds, compared, strict=True)
        if world != against
    ]


def _fit_log_odds(question: Question, rows: pl.Series, chances: Array) -> Array:
    thin = population(question.seed).observe(question.names)[rows].filter(pl.col(PLACE) % THINNING == 0)
    # An increase by one unit is conditional on where it starts.
    start = (str(question.exposure),) if _worlds(question)[0] == AS_IS else ()
    own = chances[thin[ROW]]
    known = np.flatnonzero(~np.isnan(own).any(axis=1))
    return fit_log_odds(thin[known], (*question.covariates, *start), own[known])
