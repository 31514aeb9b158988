"""Combine declared choices into the specifications of a multiverse, or the reason for one that cannot be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import polars as pl

from toolkit.dag import SIZES
from toolkit.errors import ToolkitError, VariableError, require_known, short
from toolkit.estimate.associations.shared_samples import Plan
from toolkit.estimate.regression import COEFFICIENTS, STANDARDIZED
from toolkit.results import variables_of
from toolkit.studies import COMPUTED, Study
from toolkit.variables import Names, as_covariates, conditions, quoted

# One option or several, which a mapping names.
Options = Names | None | Mapping[str, Any]
COMPLETE, INDICATOR, COMMON = "complete", "indicator", "common"
# Ways to handle missing values of covariates. Multiple imputation would be a fourth.
MISSING = (COMPLETE, INDICATOR, COMMON)
ESTIMANDS = (*COEFFICIENTS, *(name for name in STANDARDIZED if name != "standardised_prevalence"))
MOST = 20_000
# The column of the result that names the option of each choice.
COLUMNS = {
    "outcome": "outcome_definition",
    "exposure": "exposure_definition",
    "domain": "population",
    "adjust": "adjustment_set",
    "missing": "missing_values",
    "estimand": "measure",
}
_COMPARES = ("<", ">", "==", "!=", " in ", "missing(")
_UNKNOWN, _EVERYONE = "missing", f"{COMPUTED}everyone"
# A level of fewer participants, or of a smaller share, would have no case in many models.
_FEWEST, _SMALLEST = 30, 0.01


@dataclass(frozen=True)
class Specification:
    """One combination of options; it has no plan, or fails, for a reason."""

    options: Mapping[str, str]  # by choice
    plan: Plan
    reason: str = ""


@dataclass(frozen=True)
class Choices:
    """The options of each choice by name, in the order of the result."""

    options: Mapping[str, Mapping[str, Any]]

    @classmethod
    def declare(cls, **given: Options) -> "Choices":
        """Name the options of each choice, and refuse too few or too many combinations."""
        options = {choice: _name_options(choice, given[choice]) for choice in COLUMNS}
        found = cls(options)
        found._refuse_size()
        for choice, known in (("estimand", ESTIMANDS), ("missing", MISSING)):
            for option in options[choice].values():
                require_known(f"tk.multiverse has no {choice}", option, known, "Available:")
        return found

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """The choices of several options."""
        return tuple(choice for choice, options in self.options.items() if len(options) > 1)

    def _refuse_size(self) -> None:
        sizes = {choice: len(options) for choice, options in self.options.items()}
        count = prod(sizes.values())
        if count == 1:
            raise VariableError(
                "These choices make one specification, and a multiverse compares several. Add options to a "
                "choice, such as adjust=((), 'small', 'full') or domain=('age >= 20', 'age >= 40'), or use "
                "tk.association(...) for the one."
            )
        if count > MOST:
            largest = max(sizes, key=lambda choice: sizes[choice])
            factors = " x ".join(f"{size} ({choice})" for choice, size in sizes.items() if size > 1)
            raise VariableError(
                f"These choices make {count:,} specifications, {factors}, and at most {MOST:,} are fitted. "
                f"Nothing was started. Narrow '{largest}' first, which has {sizes[largest]} options, to "
                "those that you would defend in a paper."
            )


def _name_options(choice: str, given: Options) -> dict[str, Any]:
    if isinstance(given, Mapping):
        options = {str(name): option for name, option in given.items()}
    else:
        if not (given is None or isinstance(given, str | Iterable)):
            raise _wrong_type(choice, given)
        several = [given] if given is None or isinstance(given, str) else list(given)
        options = {}
        for option in several or [()] * (choice == "adjust"):
            name = _write_option(choice, option)
            if name in options:
                raise VariableError(f"'{short(name)}' is twice in {choice}=. Name each option once.")
            options[name] = option
    if not options:
        raise VariableError(f"{choice}= has no option. Give at least one.")
    wrong = [option for option in options.values() if choice != "adjust" and not isinstance(option, str)]
    if wrong:
        raise _wrong_type(choice, wrong[0])
    return options


def _wrong_type(choice: str, option: object) -> VariableError:
    return VariableError(
        f"An option of {choice}= is {option!r}, of the type '{type(option).__name__}'. Give one option as "
        "text, several as a list, or names for them as a dictionary."
    )


def _write_option(choice: str, option: Any) -> str:
    if choice == "adjust":
        return "small" if option is None else ", ".join(as_covariates(option)) or "crude"
    return str(option) or "everyone"


def prepare(study: Study, choices: Choices) -> Study:
    """Derive outcomes and exposures that are conditions; refuse unknown variables and conditions."""
    for choice in ("outcome", "exposure"):
        for option in dict.fromkeys(choices.options[choice].values()):
            if option not in study.codebook and any(sign in option for sign in _COMPARES):
                study = study.derive(option, option)
            study.codebook[option]
    for adjust in choices.options["adjust"].values():
        for name in variables_of(() if adjust is None or adjust in SIZES else as_covariates(adjust)):
            study.codebook[name]
    for text in choices.options["domain"].values():
        conditions.parse(text).expression(study.people.schema)
    return study


def combine(study: Study, choices: Choices, make: Callable[..., Plan]) -> tuple[Study, list[Specification]]:
    """Combine all options, with the variables derived that the specifications need.

    `make` makes a plan with what all specifications share.
    """
    study = prepare(study, choices)
    found = [_choose(study, choices, make, names) for names in product(*choices.options.values())]
    found = [own if own.reason else _require_measured(study, own) for own in found]
    names = [name for own in found if not own.reason for name in own.plan.names]
    complete = tuple(dict.fromkeys(names))
    filled = _Filled(study, complete)
    first: dict[Any, int] = {}
    specifications = [_handle_missing(own, choices, complete, filled) for own in found]
    for number, own in enumerate(specifications, start=1):
        same = number if own.reason else first.setdefault(_identify(own.plan), number)
        if same != number:
            reason = f"The same as specification {same}, and counted once."
            specifications[number - 1] = replace(own, reason=reason)
    return filled.study, specifications


def _choose(study: Study, choices: Choices, make: Callable[..., Plan], names: Sequence[str]) -> Specification:
    """Choose the covariates of one combination, or find the reason why it cannot exist."""
    named = dict(zip(choices.options, names, strict=True))
    own = {choice: choices.options[choice][name] for choice, name in named.items()}
    plan = make(
        outcome=own["outcome"],
        exposure=study.codebook[own["exposure"]],
        domain=conditions.parse(own["domain"]).text,
        estimand=own["estimand"],
    )
    try:
        return Specification(named, plan.choose_covariates(study, own["adjust"]))
    except ToolkitError as error:
        return Specification(named, plan, str(error))


def _require_measured(study: Study, own: Specification) -> Specification:
    """Find the reason why a specification with a variable that was not measured cannot exist."""
    try:
        for name in own.plan.names:
            study.variable(name)
    except ToolkitError as error:
        return replace(own, reason=str(error))
    return own


def _identify(plan: Plan) -> tuple[Any, ...]:
    """Tell what makes two specifications one: all but the order of their covariates."""
    needed = frozenset(plan.names)
    return plan.outcome, plan.exposure.name, plan.domain, plan.estimand, frozenset(plan.adjust), needed


def _handle_missing(
    own: Specification, choices: Choices, complete: tuple[str, ...], filled: "_Filled"
) -> Specification:
    """Handle missing values of the covariates as a specification says."""
    how = choices.options["missing"][own.options["missing"]]
    if own.reason:
        return own
    if how == COMMON:
        return replace(own, plan=replace(own.plan, complete=complete))
    if how == INDICATOR:
        adjust = filled.covariates(own.plan)
        # The variables derived follow from covariates that were accepted.
        return replace(own, plan=replace(own.plan, adjust=adjust))
    return own


@dataclass
class _Filled:
    """A study with variables in which a missing value is a level, or the median with an indicator."""

    study: Study
    every: tuple[str, ...]  # the variables of all specifications
    _of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _lost: dict[Any, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def _schema(self) -> Mapping[str, pl.DataType]:
        return self.study.people.schema

    def covariates(self, plan: Plan) -> tuple[str, ...]:
        """Replace the covariates that many participants of an analysis lack."""
        found: list[str] = []
        lost = self._find_lost(plan)
        for covariate in plan.adjust:
            name = variables_of([covariate])[0]
            if name not in lost:
                found.append(covariate)
                continue
            new, *indicator = self._fill(name)
            if covariate != name:  # A spline: its knots follow the first comma.
                new = f"rcs({quoted(new)},{covariate.partition(',')[2]}"
            found += [new, *indicator]
        return tuple(found)

    def _find_lost(self, plan: Plan) -> frozenset[str]:
        """Find covariates that many participants with outcome and exposure in the domain lack."""
        key = (plan.outcome, plan.exposure.name, plan.domain)
        if key not in self._lost:
            people, inside = self.study.people, pl.col(key[0]).is_not_null() & pl.col(key[1]).is_not_null()
            if plan.domain:
                inside &= conditions.parse(plan.domain).expression(self._schema)
            lost = {name: (inside & pl.col(name).is_null()) for name in self.every}
            counted = {_EVERYONE: inside, **lost}
            counts = people.select(mask.cast(pl.Int64).sum().alias(n) for n, mask in counted.items())
            fewest = max(_FEWEST, _SMALLEST * counts[_EVERYONE].item())
            self._lost[key] = frozenset(name for name in self.every if counts[name].item() >= fewest)
        return self._lost[key]

    def _fill(self, name: str) -> tuple[str, ...]:
        if name not in self._of:
            variable, value = self.study.codebook[name], pl.col(name)
            if variable.kind == "number":
                middle = self.study.people.select(value.median()).item()
                self._of[name] = (f"{name}_or_median", f"{name}_missing")
                self.study = self.study.derive(
                    self._of[name][0], value.fill_null(middle), label=variable.label, unit=variable.unit
                ).derive(self._of[name][1], value.is_null(), label=f"{variable.label} missing")
            else:
                self._of[name] = (f"{name}_or_missing",)
                self.study = self.study.derive(
                    self._of[name][0],
                    value.cast(pl.String).fill_null(_UNKNOWN),
                    levels=[*variable.levels, _UNKNOWN],
                    label=variable.label,
                    reference=variable.reference,
                )
        return self._of[name]
