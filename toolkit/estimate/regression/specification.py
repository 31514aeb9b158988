"""Turn what was asked of `tk.model` into a question to a model: variables, family, rows.

Takes a study, a formula and the family's name; gives an `Asked` for `rows`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from toolkit.errors import EstimationError, VariableError, short, unknown
from toolkit.estimate.regression.coefficient_rows import Asked
from toolkit.estimate.regression.fit import Degrees, Likelihood, Model
from toolkit.estimate.regression.formula import parser
from toolkit.estimate.regression.formula.special_terms import EXAMPLE, Taken, take_time
from toolkit.estimate.regression.likelihoods import families
from toolkit.estimate.regression.likelihoods.glm import GLM_FAMILIES, Family, family_named
from toolkit.estimate.survey.analysis_sample import Mask, Sample, draw
from toolkit.estimate.survey.roles import Column, unknown_case
from toolkit.studies.study import Study
from toolkit.variables.arguments import require_one_role
from toolkit.variables.syntax import LONGEST, one_line

OTHERS = ("firth", "ordinal", "multinomial", "negative-binomial", "cox")
_LONG_QUOTE = re.compile(r"'([^']{100,})'")
_COUNTS = ("poisson", "poisson-identity", "negative-binomial")
_POSITIVE = ("gamma", "inverse-gaussian")
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


@dataclass(frozen=True)
class Request:
    """What `tk.model` was asked for, as it was written."""

    study: Study
    formula: str
    family: str
    domain: str = ""
    offset: str | None = None
    by: tuple[str, ...] = ()
    exponentiate: bool = False
    confidence: float = 0.95
    degrees: Degrees = "model"


def question(asked: Request, also: tuple[str, ...] = (), *, aggregate: bool = True) -> Asked:
    """Read a request and draw its people.

    Parameters
    ----------
    asked
        What was asked.
    also
        Columns of the people that the fit needs besides.
    aggregate
        False for one cell per participant.

    Returns
    -------
    Asked
        One row a parameter.

    Raises
    ------
    VariableError
        For a formula that cannot be read, an unknown variable, or one that cannot stand where it does.
    EstimationError
        For an unknown family, or one without ratios.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> study = tk.study(pl.DataFrame({"cramps": [0, 1], "age": [30, 50]}), design=tk.Design.none())
    >>> question(Request(study, "cramps ~ age", "logit")).model.names
    ('cramps', 'age')
    """
    _require_family(asked.family)
    taken = take_time(one_line(asked.formula))
    _require_time(taken, asked)
    reading = _reading(taken.formula)
    shift = parser.read_offset(one_line(asked.offset)) if asked.offset else None
    timed = [name for name in (taken.time, taken.entry, *taken.strata) if name]
    names = tuple(
        dict.fromkeys([reading.outcome, *reading.variables, *timed, *(shift.variables if shift else ())])
    )
    require_one_role(outcome=reading.outcome, offset=shift.variables if shift else ())
    require_one_role(formula=names, by=asked.by)
    as_levels = set(taken.strata)
    if asked.family in ("ordinal", "multinomial"):
        as_levels.add(reading.outcome)
    sample = draw(
        asked.study,
        [*names, *asked.by, *also],
        asked.domain,
        in_groups=tuple(as_levels),
        by=asked.by,
        aggregate=aggregate,
    )
    for part in (reading, *([shift] if shift else [])):
        parser.require_numbers(part, sample)
    _require_roles(sample, taken)
    require_outcome(sample, reading.outcome, asked.family)
    added = partial(parser.offset_values, shift, sample) if shift else None
    column = sample.columns[reading.outcome]
    family = _family(asked.family, column, taken, added)

    def of(people: Sample) -> Model:
        own = partial(parser.offset_values, shift, people) if shift else None
        build = partial(parser.build, reading, people)
        fitted = Model(people, column, names, family, build, offset=own, elsewhere=of)
        return replace(fitted, formula=taken.formula, degrees=asked.degrees)

    model = of(sample)
    ratio = ratio_of(asked.family, column, offset=bool(shift)) if asked.exponentiate else "coefficient"
    return Asked(model, asked.by, estimand=ratio, confidence=asked.confidence)


def _reading(formula: str) -> parser.Reading:
    """Read a formula; one that is too long or too deep for the parsers is refused, in a short line."""
    try:
        if len(formula) <= LONGEST:
            return parser.read(formula)
    except (MemoryError, RecursionError):
        pass
    except VariableError as error:
        # The message may quote the whole of a long formula, or of a factor.
        raise VariableError(_LONG_QUOTE.sub(lambda found: f"'{short(found[1])}'", str(error))) from None
    raise VariableError(
        f"the formula '{short(formula)}' has {len(formula):,} characters, or nests too many pieces. Derive "
        f"variables first, study.derive(...), and name them."
    ) from None


def _require_family(family: str) -> None:
    known = [*GLM_FAMILIES, *OTHERS]
    if family not in known:
        raise EstimationError(unknown("there is no family", family, known, f"All: {', '.join(known)}"))


def _require_time(taken: Taken, asked: Request) -> None:
    if asked.family == "cox" and taken.time is None:
        raise VariableError(
            f"the family 'cox' needs the time to the event on the left of '{asked.formula}'. "
            f"Example: {EXAMPLE}."
        )
    if asked.family != "cox" and (taken.time or taken.strata):
        raise VariableError(
            f"the family '{asked.family}' knows no Surv(...) and no strata(...). "
            f"Take family='cox': {EXAMPLE}."
        )


def _require_roles(sample: Sample, taken: Taken) -> None:
    for name in (taken.time, taken.entry):
        if name and not sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' in Surv(...) is a category, and time is a number. The order is Surv(time, event): "
                f"{EXAMPLE}."
            )
    for name in taken.strata:
        if sample.columns[name].continuous:
            raise VariableError(
                f"'{name}' in strata(...) is a number of many values. Cut it first: "
                f"study.derive('{name}_group', ...)."
            )


def _family(name: str, outcome: Column, taken: Taken, offset: families.Offset) -> Family | Likelihood:
    if name in GLM_FAMILIES:
        return family_named(name)
    if name == "cox":
        clock = families.Clock(taken.time or "", outcome.name, taken.entry, taken.strata)
        return families.cox(clock, offset)
    if name == "multinomial":
        if offset:
            raise EstimationError(
                "the family 'multinomial' takes no offset: it would be one for each level. Leave offset= out."
            )
        return families.multinomial(outcome)
    makers = {
        "ordinal": families.ordinal,
        "firth": families.firth,
        "negative-binomial": families.negative_binomial,
    }
    return makers[name](outcome, offset)


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
    """Raise unless an estimand is one of those that an estimator has."""
    if estimand not in allowed:
        raise EstimationError(
            unknown(f"{caller} has no estimand", estimand, allowed, f"All: {', '.join(allowed)}")
        )


def require_two_levels(outcome: Column, caller: str) -> None:
    """Raise unless an outcome has two levels.

    Raises
    ------
    VariableError
        With what the outcome is, and what can be done with it.
    """
    if outcome.case:
        return
    if len(outcome.levels) == 2:
        raise VariableError(unknown_case(outcome))
    kind = "a number" if outcome.continuous else f"a category of {len(outcome.levels)} levels"
    family = "gaussian" if outcome.continuous else "ordinal"
    what = "model the number" if outcome.continuous else "model the levels in their order"
    raise VariableError(
        f"'{outcome.name}' is {kind}; {caller} needs an outcome of two levels. Derive one with "
        f"study.derive(...), or {what}: tk.model(study, '{outcome.name} ~ ...', family='{family}')."
    )


def require_outcome(sample: Sample, name: str, family: str) -> None:
    """Raise if an outcome is not what a family models.

    Raises
    ------
    VariableError
        With the outcome's name and a family for it.
    """
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
