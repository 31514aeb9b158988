"""Specify regression models, from a formula or from outcome, exposure and covariates; none is fitted here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import polars as pl

from toolkit.errors import EstimationError, VariableError, require_known, short
from toolkit.estimate.regression.formula import (
    EXAMPLE,
    Bases,
    EnginePredictors,
    Exposed,
    Matrix,
    Predictors,
    Taken,
    Term,
    ask_engine,
    of_level,
    parser,
    per_unit,
    take_time,
)
from toolkit.estimate.regression.likelihoods import FAMILIES, GLM_FAMILIES, Family, family_named
from toolkit.estimate.regression.other_families import (
    Clock,
    Likelihood,
    cox,
    firth,
    multinomial,
    negative_binomial,
    ordinal,
)
from toolkit.estimate.survey import Asked, Column, Sample, draw, firth_call, read, unknown_case
from toolkit.results import ESTIMANDS, Floats, Mask, variables_of
from toolkit.studies import Study
from toolkit.variables import LONGEST, Variable, one_line, quoted, require_one_role

# Degrees of freedom: PSUs minus strata ("design", as Stata and SUDAAN), or less the coefficients ("model",
# as R's svyglm).
Degrees = Literal["model", "design"]
# What passes over the participants of an engine give an estimator: nothing, or all that it needs of a fit.
Passes = Literal["none", "coefficients", "averages"]
# The estimands that are coefficients of the exposure: the log link with Poisson variance is the modified
# Poisson of Zou (2004). An association may also average the predictions of its model.
COEFFICIENTS = ("prevalence_ratio", "odds_ratio", "prevalence_difference")
STANDARDIZED = ("standardised_prevalence", "standardised_ratio", "standardised_difference")
OTHERS = ("firth", "ordinal", "multinomial", "negative-binomial", "cox")
# What the exponential of a coefficient is, for an outcome of two levels.
RATIOS = {
    "logit": "odds_ratio",
    "firth": "odds_ratio",
    "ordinal": "cumulative_odds_ratio",
    "multinomial": "relative_risk_ratio",
    "cloglog": "hazard_ratio",
    "cox": "hazard_ratio",
    "poisson": "prevalence_ratio",
    "log-binomial": "prevalence_ratio",
    "negative-binomial": "rate_ratio",
}
_COUNTS = ("poisson", "poisson-identity", "negative-binomial")
_POSITIVE = ("gamma", "inverse-gaussian")


@dataclass(frozen=True)
class ModelSpec:
    """A regression model of the participants of a sample."""

    sample: Sample
    outcome: Column
    names: tuple[str, ...]  # all variables that must have a value, the outcome first
    family: Family | Likelihood
    predictors: Predictors
    offset: parser.Reading | None = None
    degrees: Degrees = "model"  # of intervals and tests
    formula: str = ""  # as for `tk.model`; "" for a model of `terms`
    terms: tuple[str, ...] = ()

    def on(self, sample: Sample) -> "ModelSpec":
        """Specify the same model of other participants."""
        return replace(self, sample=sample)

    def complete(self, group: Mask) -> Mask:
        """Mark the cells of a group that have a value in every variable."""
        return group & self.sample.complete(self.names)

    def cells(self, group: Mask) -> Mask:
        """Mark the cells of a group that enter the fit."""
        inside = self.complete(group)
        if isinstance(self.family, Likelihood) and self.family.informative:
            return self.family.informative(self.sample, inside)
        return inside

    def matrix(self, inside: Mask) -> Matrix:
        """Build the design matrix of cells."""
        return self.predictors.matrix(self.sample, inside)

    def express(self, inside: Mask, bases: Bases) -> list[pl.Expr]:
        """Write the columns of the design matrix as expressions over participants on an engine."""
        predictors = cast("EnginePredictors", self.predictors)
        return predictors.express(self.sample, inside, bases)

    def shift(self, inside: Mask) -> Floats | None:
        """Compute what the offset adds to the linear predictor of cells; None without an offset."""
        return self.offset.matrix(self.sample, inside).values[:, 0] if self.offset else None

    def firth(self) -> str:
        """Write the call of Firth's model of the same outcome and terms."""
        outcome, _, right = self.formula.partition("~")
        columns = self.sample.columns
        terms = [quoted(term) if term in columns else term for term in self.terms or self.names[1:]]
        return firth_call(
            outcome.strip() or quoted(self.outcome.name),
            [right.strip()] if right else terms,
            self.sample.domain,
        )


def specify_estimand(
    sample: Sample,
    names: tuple[str, ...],
    estimand: str,
    predictors: Predictors,
    *,
    degrees: Degrees = "design",
    formula: str = "",
    terms: tuple[str, ...] = (),
) -> ModelSpec:
    """Specify the model whose coefficients, or average predictions, are an estimand."""
    family = FAMILIES[ESTIMANDS[estimand].model]
    outcome = sample.columns[names[0]]
    return ModelSpec(sample, outcome, names, family, predictors, None, degrees, formula, terms)


def specify_association(
    sample: Sample,
    names: tuple[str, str, tuple[str, ...]],
    estimand: str,
    *,
    complete: tuple[str, ...] = (),
    degrees: Degrees = "design",
) -> ModelSpec:
    """Specify the model of an association: outcome, exposure and covariates."""
    outcome, exposure, adjust = names
    require_two_levels(sample.columns[outcome], "tk.association")
    known = tuple(dict.fromkeys((outcome, exposure, *variables_of(adjust), *complete)))
    predictors, terms = Exposed(exposure, adjust), (exposure, *adjust)
    return specify_estimand(sample, known, estimand, predictors, degrees=degrees, terms=terms)


def exposure_terms(variable: Variable) -> tuple[Term, ...]:
    """Name the rows of an exposure: each level but the reference, or one per unit if continuous."""
    if variable.kind == "number":
        return (per_unit(variable),)
    others = [level for level in variable.levels if level != variable.reference]
    return tuple(of_level(variable, level, variable.reference or "") for level in others)


def specify_formula(
    study: Study,
    formula: str,
    family: str,
    domain: str = "",
    offset: str | None = None,
    *,
    by: tuple[str, ...] = (),
    degrees: Degrees = "model",
    also: tuple[str, ...] = (),
    aggregate: bool = True,
    passes: Passes = "none",
    settings: int = 0,
) -> ModelSpec:
    """Read a formula as for `tk.model` and draw its sample, with the columns `also` besides.

    `passes` says whether passes over the participants of an engine give all that is estimated: coefficients,
    or their averages as well, of which there are `settings`.
    """
    require_known("tk.model has no family", family, (*GLM_FAMILIES, *OTHERS), "Available:")
    taken = take_time(one_line(formula))
    _require_time(taken, formula, family)
    reading = _read_formula(taken.formula)
    shift = parser.read_offset(one_line(offset)) if offset else None
    timed = [name for name in (taken.time, taken.entry, *taken.strata) if name]
    shifting = shift.variables if shift else ()
    names = tuple(dict.fromkeys([reading.outcome, *reading.variables, *timed, *shifting]))
    require_one_role(outcome=reading.outcome, offset=shifting)
    require_one_role(formula=names, by=by)
    grouped = [*taken.strata, *([reading.outcome] if family in ("ordinal", "multinomial") else [])]
    asked = Asked()
    if passes != "none":
        plain = list(reading.variables) if reading.plain else []
        columns = read(study, reading.variables)
        asked = ask_engine(study, columns, reading.listed, (plain, passes == "averages"), settings)
    if family == "gaussian":
        # The score of a linear model is linear in the outcome, and second moments of terms are enough.
        asked = replace(asked, averaged=[reading.outcome, *asked.streamed, *asked.computed])
    sample = draw(
        study,
        [*names, *by, *also],
        domain,
        in_groups=grouped,
        by=by,
        # The partial likelihood orders participants one by one, and corrects for ties among them.
        aggregate=aggregate and family != "cox",
        asked=asked,
    )
    for part in (reading, *([shift] if shift else [])):
        parser.require_numbers(part, sample)
    _require_roles(sample, taken)
    require_outcome(sample, reading.outcome, family)
    outcome = sample.columns[reading.outcome]
    likelihood = _choose_likelihood(family, outcome, taken, shifted=bool(shift))
    return ModelSpec(sample, outcome, names, likelihood, reading, shift, degrees, taken.formula)


def _read_formula(formula: str) -> parser.Reading:
    """Read a formula; one that is too long or too deep for the parsers is refused in a short message."""
    try:
        if len(formula) <= LONGEST:
            return parser.read_formula(formula)
    except (MemoryError, RecursionError):
        pass
    raise VariableError(
        f"The formula '{short(formula)}' has {len(formula):,} characters, or too many nested terms. Derive "
        f"variables first with study.derive(...), and name them."
    )


def _require_time(taken: Taken, formula: str, family: str) -> None:
    if family == "cox" and taken.time is None:
        raise VariableError(
            f"family='cox' requires the time to the event on the left of '{short(formula)}'. Example: "
            f"{EXAMPLE}."
        )
    if family != "cox" and (taken.time or taken.strata):
        raise VariableError(
            f"Surv(...) and strata(...) are only available with family='cox', not with family='{family}'. "
            f"Example: {EXAMPLE}."
        )


def _require_roles(sample: Sample, taken: Taken) -> None:
    for name in (taken.time, taken.entry):
        if name and not sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' in Surv(...) is a category, but time must be a continuous variable. The order is "
                f"Surv(time, event): {EXAMPLE}."
            )
    for name in taken.strata:
        if sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' in strata(...) is continuous. Create categories first: "
                f"study.derive('{name}_group', ...)."
            )


def _choose_likelihood(name: str, outcome: Column, taken: Taken, *, shifted: bool) -> Family | Likelihood:
    if name in GLM_FAMILIES:
        return family_named(name)
    if name == "cox":
        return cox(Clock(taken.time or "", outcome.name, taken.entry, taken.strata))
    if name == "multinomial" and shifted:
        raise EstimationError(
            "family='multinomial' does not accept an offset, because each level would need one. Remove "
            "offset=."
        )
    makers = {
        "multinomial": multinomial,
        "ordinal": ordinal,
        "firth": firth,
        "negative-binomial": negative_binomial,
    }
    return makers[name](outcome)


def ratio_of(family: str, outcome: Column, *, offset: bool) -> str:
    """Name the estimand that the exponential of a family's coefficients is."""
    if family not in RATIOS:
        raise EstimationError(
            f"The exponential of a coefficient of family='{family}' is not a ratio. Remove "
            f"exponentiate=True, or use one of these families: {', '.join(RATIOS)}."
        )
    # Events over person-time, or a count of them, have rates; participants of two kinds have prevalences.
    return "rate_ratio" if family == "poisson" and (outcome.continuous or offset) else RATIOS[family]


def require_estimand(estimand: str, allowed: Sequence[str], caller: str) -> None:
    """Raise EstimationError unless an estimand is one of those of an estimator."""
    require_known(f"{caller} has no estimand", estimand, allowed, "Available:")


def choose_estimand(outcome: Column, requested: str | None, allowed: Sequence[str], caller: str) -> str:
    """Choose the estimand of a trend or curve: by default a ratio of prevalences or a difference in means."""
    if requested is not None:
        require_estimand(requested, allowed, caller)
    chosen = requested or ("mean_difference" if outcome.continuous else "prevalence_ratio")
    if chosen != "mean_difference":
        require_two_levels(outcome, caller)
    elif not outcome.continuous:
        raise EstimationError(
            f"'{outcome.name}' has levels and no mean. Use estimand='prevalence_difference', or remove "
            f"estimand=."
        )
    return chosen


def require_two_levels(outcome: Column, caller: str) -> None:
    """Raise VariableError, with what can be done instead, unless an outcome has two levels."""
    if outcome.case:
        return
    if len(outcome.levels) == 2:
        raise VariableError(unknown_case(outcome))
    kind = "continuous" if outcome.continuous else f"a category of {len(outcome.levels)} levels"
    family = "gaussian" if outcome.continuous else "ordinal"
    what = "the continuous outcome" if outcome.continuous else "the ordered levels"
    raise VariableError(
        f"'{outcome.name}' is {kind}, and {caller} requires an outcome of two levels. Derive one with "
        f"study.derive(...), or model {what}: tk.model(study, '{outcome.name} ~ ...', family='{family}')."
    )


def require_outcome(sample: Sample, name: str, family: str) -> None:
    """Raise VariableError, with a family that fits, if an outcome is not what a family models."""
    column = sample.columns[name]
    if family in ("ordinal", "multinomial"):
        return
    numeric = ("negative-binomial", *_POSITIVE)
    if family not in ("gaussian", "gaussian-log", *_COUNTS, *_POSITIVE) or not (
        column.continuous or family in numeric
    ):
        require_two_levels(column, f"family='{family}'")
        return
    if not column.continuous:
        raise VariableError(
            f"'{name}' has {len(column.levels)} levels, and family='{family}' requires a number. Use "
            f"family='poisson' for prevalence ratios, or name a continuous outcome."
        )
    if family in _COUNTS:
        _require_range(sample, name, family, sample.numbers(name) < 0, ("below 0", ">= 0"))
    elif family in _POSITIVE:
        _require_range(sample, name, family, sample.numbers(name) <= 0, ("0 or below", "> 0"))


def _require_range(sample: Sample, name: str, family: str, outside: Mask, limits: tuple[str, str]) -> None:
    count, (where, domain) = int(sample.persons[outside].sum()), limits
    if count:
        raise VariableError(
            f"'{name}' is {where} for {count:,} of {sample.size:,} participants, which family='{family}' "
            f"does not allow. Use family='gaussian', or restrict the domain: '{name} {domain}'."
        )
