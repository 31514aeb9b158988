"""Estimate what the explorer shows of one choice: prevalences, association, participant flow and weight."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import polars as pl

from toolkit.causes import cards
from toolkit.dag import Adjustment, Question, adjustment_for, covariates_for
from toolkit.errors import ToolkitError, VariableError
from toolkit.estimate.associations.models import association
from toolkit.estimate.descriptive.prevalences import prevalence
from toolkit.estimate.survey import flow
from toolkit.explorer.choices import CRUDE, NAMED, Choice
from toolkit.explorer.menus import outcomes_of
from toolkit.results import variables_of
from toolkit.studies import Study, WeightChoice

Found = TypeVar("Found")


class ChoiceError(VariableError):
    """A choice that nothing can be shown for; `field` is the menu that it is about."""

    def __init__(self, field: str, message: object) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Attempt(Generic[Found]):
    """What an estimator returned, or why it could not."""

    found: Found | None = None
    problem: str = ""


class Explored:
    """The results of one choice, estimated when they are shown; each may be missing for its own reason.

    Raises a `ChoiceError` if nothing can be shown of the choice.
    """

    def __init__(self, study: Study, choice: Choice) -> None:
        _check(study, choice)
        self.study, self.choice = study, choice
        self.cut = _name_of_thirds(study, choice)  # of a continuous exposure; "" if it has levels

    @cached_property
    def prevalence(self) -> Attempt[pl.DataFrame]:
        """Prevalences by the levels of the exposure, or by thirds of a continuous one."""
        return _try(lambda: _describe(self.study, self.choice, self.cut))

    @cached_property
    def association(self) -> Attempt[pl.DataFrame]:
        """The crude association and the adjusted one."""
        if not self.choice.exposure:
            return Attempt(problem="Choose an exposure to compare groups.")
        return _try(lambda: _associate(self.study, self.choice))

    @cached_property
    def flow(self) -> Attempt[pl.DataFrame]:
        """The participants on the way to the association, or to the prevalence without an exposure."""
        choice = self.choice
        adjust = choice.adjustment if choice.exposure else ()
        ends = (choice.outcome, choice.exposure or None)
        return _try(lambda: flow(self.study, *ends, adjust=adjust, by=choice.by, domain=choice.domain))

    @cached_property
    def adjustment(self) -> Attempt[Adjustment]:
        """The set of the causal diagram, where one is adjusted for."""
        choice = self.choice
        if not choice.exposure or choice.adjust in (CRUDE, NAMED):
            return Attempt()
        return _try(lambda: _set_of(self.study, choice))

    @cached_property
    def covariates(self) -> tuple[str, ...]:
        """The covariates as they enter the model; () where there are none or no set."""
        return _try(lambda: _covariates(self.study, self.choice)).found or ()

    def weight(self, *, adjusted: bool) -> Attempt[WeightChoice]:
        """Choose the weight of the prevalence, or of the adjusted association and its flow."""
        choice = self.choice
        exposure = (choice.exposure,) if choice.exposure else ()
        covariates = variables_of(self.covariates) if adjusted and choice.exposure else ()
        names = tuple(dict.fromkeys([choice.outcome, *exposure, *covariates, *choice.by]))
        return _try(lambda: self.study.weight_for(names, choice.domain))

    def labels(self, tab: str) -> dict[str, str]:
        """Return the labels of the columns of groups, where these differ from the names."""
        exposure = self.choice.exposure
        names = [(name, name) for name in self.choice.by]
        if exposure and tab == "prevalence":
            names.append((self.cut or exposure, exposure))
        found = {column: self.study.codebook[name].label for column, name in names}
        return {column: label for column, label in found.items() if label != column}


def choose_first(study: Study, asked: dict[str, Any]) -> Choice:
    """Return what the explorer shows first: what was asked, else the first outcome and a cause of it."""
    known = outcomes_of(study)
    outcome = asked.pop("outcome", None) or next(iter(known), None)
    if outcome is None:
        raise VariableError(
            f"{study.label} has no variable of two levels that can be an outcome. Derive one first: "
            "study = study.derive('cramps', \"answer == 'yes'\"), then tk.explore(study)."
        )
    exposure = asked.pop("exposure", None)
    if exposure is None:
        exposure = _first_exposure(study, outcome)
    choice = Choice(outcome, exposure, **asked)
    if choice.adjust == "small" and exposure and _try(lambda: _set_of(study, choice)).found is None:
        return replace(choice, adjust=CRUDE)
    return choice


def _first_exposure(study: Study, outcome: str) -> str:
    measured = [name for name in study.codebook if name in study.people.columns and name != outcome]
    mains = [card.exposure_among(measured) for card in cards().values()]
    named = [found.name for found in mains if found]
    levels = [name for name in measured if study.codebook[name].levels and name != "cycle"]
    return next(iter([*named, *levels, *measured]), "")


def _try(estimate: Callable[[], Found]) -> Attempt[Found]:
    try:
        return Attempt(estimate())
    except ToolkitError as error:
        return Attempt(problem=str(error))


def _check(study: Study, choice: Choice) -> None:
    """Check variables, condition and whether anyone is left, and name the menu that is wrong."""
    fields: dict[str, tuple[str, ...]] = {
        "outcome": (choice.outcome,),
        "exposure": (choice.exposure,) if choice.exposure else (),
        "by": choice.by,
    }
    for field, names in fields.items():
        for name in names:
            _require(field, lambda name=name: study.variable(name))  # type: ignore[misc]
    if choice.exposure == choice.outcome:
        raise ChoiceError("exposure", f"'{choice.outcome}' is the outcome. Choose another exposure.")
    for name in choice.by:
        if name in (choice.outcome, choice.exposure):
            raise ChoiceError("by", f"'{name}' is outcome or exposure. Choose other groups.")
    _require("domain", lambda: study.weight_for((), choice.domain))
    anyone = _try(lambda: prevalence(study, choice.outcome, domain=choice.domain))
    if anyone.found is None:
        raise ChoiceError("domain" if choice.domain else "outcome", anyone.problem)


def _require(field: str, read: Callable[[], object]) -> None:
    try:
        read()
    except ToolkitError as error:
        raise ChoiceError(field, error) from error


def _set_of(study: Study, choice: Choice) -> Adjustment:
    ends = (choice.outcome, choice.exposure)
    return adjustment_for(study, *ends, size=choice.adjust, domain=choice.domain)  # type: ignore[arg-type]


def _covariates(study: Study, choice: Choice) -> tuple[str, ...]:
    question = Question(choice.outcome, choice.exposure or None, choice.domain, choice.by)
    return covariates_for(study, choice.adjustment, question)


def _name_of_thirds(study: Study, choice: Choice) -> str:
    """Name the groups that a continuous exposure is cut into for prevalences."""
    if not choice.exposure or study.variable(choice.exposure).levels:
        return ""
    name = f"{choice.exposure}_thirds"
    while name in study.codebook or name in study.people.columns:
        name += "_"
    return name


def _describe(study: Study, choice: Choice, cut: str) -> pl.DataFrame:
    if cut:
        study = study.cut(choice.exposure, domain=choice.domain, as_=cut)
    levels = (cut or choice.exposure,) if choice.exposure else ()
    return prevalence(study, choice.outcome, by=(*choice.by, *levels), domain=choice.domain)


def _associate(study: Study, choice: Choice) -> pl.DataFrame:
    """Estimate the adjusted association, after the crude one of the same participants."""
    asked: dict[str, Any] = {"estimand": choice.estimand, "domain": choice.domain, "by": choice.by}
    ends = (choice.outcome, choice.exposure)
    adjusted: pl.DataFrame = association(study, *ends, adjust=choice.adjustment, **asked)
    complete = variables_of(_covariates(study, choice))
    if not complete:
        return adjusted
    crude: pl.DataFrame = association(study, *ends, adjust=(), complete=complete, **asked)
    return pl.concat([crude, adjusted])
