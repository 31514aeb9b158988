"""Compare each person's nights with a cramp with other nights of the same person and time.

Takes a cohort's diary, names and lags; gives the sample and the likelihood of a time-stratified
case-crossover: what does not change from night to night within a stratum cannot confound (Levy, Lumley et al.
2001; Janes, Sheppard and Lumley 2005).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from toolkit.dag.backdoor import SIZES
from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.longitudinal.person_records import DATE, DAY, PERSON, is_records, records
from toolkit.estimate.regression.fit import Likelihood, Model, Regression, regress
from toolkit.estimate.regression.formula.design_matrix import ONE, Matrix, Term
from toolkit.estimate.regression.likelihoods.conditional_logit import fit_conditional, informative
from toolkit.estimate.regression.likelihoods.newton import Fit
from toolkit.estimate.regression.specification import require_two_levels
from toolkit.estimate.survey.analysis_sample import Mask, Sample, draw
from toolkit.estimate.survey.groups import counts, groups
from toolkit.estimate.survey.roles import Column, require_countable
from toolkit.estimate.survey.variance.linearized import Floats
from toolkit.studies.study import Study

STRATA = ("weekday of the month", "month")
_HELD: dict[str | int, list[str]] = {STRATA[0]: ["month", "weekday"], STRATA[1]: ["month"]}
_STRATUM = ".matched"


@dataclass(frozen=True)
class Nights:
    """The nights of a case-crossover.

    Attributes
    ----------
    sample
        One cell a night, with the columns of each exposure and lag.
    outcome
        The outcome's column.
    names
        Every column that must have a value, the outcome first.
    by
        Categories within whose levels it is done.
    adjust
        What nights are matched by, and adjusted for besides, as results show it.
    """

    sample: Sample
    outcome: Column
    names: tuple[str, ...]
    by: tuple[str, ...]
    adjust: str

    def columns(self, inside: Mask, names: Sequence[str]) -> Floats:
        """Give the values of exposures on some nights."""
        return np.column_stack([self.sample.numbers(name)[inside] for name in names])


def nights_of(
    study: Study,
    *,
    outcome: str,
    lagged: Sequence[tuple[str, int]],
    adjust: tuple[str, ...],
    stratum: str | int,
    domain: str,
    by: tuple[str, ...],
) -> Nights:
    """Gather the nights of a case-crossover.

    Parameters
    ----------
    study
        A cohort with a diary, or what `tk.records` made of one.
    outcome
        A variable of the night with two levels.
    lagged
        Exposures, each with a number of days before the night.
    adjust
        Other variables of the night.
    stratum
        "weekday of the month" (the nights of one person, month and day of the week), "month", or a number of
        days of which strata are made.
    domain
        A condition on nights.
    by
        Categories.

    Returns
    -------
    Nights
        With the lags as columns of their own.
    """
    rows = study if is_records(study) else records(study, "diary")
    people = rows.people.with_columns(_strata(stratum))
    for name in (outcome, *adjust, *by, *(name for name, _ in lagged)):
        if name not in people.columns and f"{name}_lag0" not in people.columns:
            known = [c for c in people.columns if "." not in c]
            if name in adjust and name in SIZES:
                raise VariableError(
                    f"adjust='{name}' is a set of the causal diagram, whose covariates do not vary within a "
                    "person. Use variables of the night, such as adjust=('temperature_mean',), or adjust=()."
                )
            raise VariableError(unknown("The nights have no variable", name, known))
    people = people.with_columns(
        _lag(people, name, lag) for name, lag in lagged if column_of(name, lag) not in people.columns
    )
    exposures = {column_of(name, lag): name for name, lag in lagged}
    lags = [
        replace(rows.codebook[name], name=column)
        for column, name in exposures.items()
        if name in rows.codebook and column not in rows.codebook
    ]
    rows = replace(rows, people=people, codebook=rows.codebook.with_variables(*lags))
    needed = list(exposures)
    names = (outcome, *needed, *adjust)
    sample = draw(rows, [*names, *by, _STRATUM, DAY], domain, by=by)
    require_two_levels(sample.columns[outcome], "a case-crossover")
    for column in (*needed, *adjust):
        _require_number(sample.columns[column], exposures.get(column, column))
    held = ", ".join([PERSON, *_HELD.get(stratum, [f"{stratum} days"]), *adjust])
    return Nights(sample, sample.columns[outcome], names, by, held)


def column_of(name: str, lag: int) -> str:
    """Name the column that holds an exposure so many days before.

    Examples
    --------
    >>> column_of("heat_index", 2)
    'heat_index_lag2'
    """
    return f"{name}_lag{lag}"


def _strata(stratum: str | int) -> pl.Expr:
    if isinstance(stratum, int) and stratum > 1:
        parts: tuple[pl.Expr, ...] = ((pl.col(DAY) // stratum).alias("block"),)
    elif stratum in STRATA:
        date = pl.col(DATE).dt
        weekday = (date.weekday().alias("weekday"),) if stratum == STRATA[0] else ()
        parts = (date.year().alias("year"), date.month().alias("month"), *weekday)
    else:
        raise EstimationError(
            f"nights cannot be matched by '{stratum}'. Take stratum='{STRATA[0]}', '{STRATA[1]}', or a "
            f"number of days such as 28."
        )
    return pl.struct(PERSON, *parts).rank("dense").cast(pl.Float64).alias(_STRATUM)


def _lag(people: pl.DataFrame, name: str, lag: int) -> pl.Expr:
    """Look an exposure up so many days before, in the person's own diary."""
    if not lag:
        return pl.col(name).alias(column_of(name, lag))
    before = people.select(PERSON, pl.col(DATE).dt.offset_by(f"{lag}d"), pl.col(name).alias("value"))
    found = people.select(PERSON, DATE).join(before, on=[PERSON, DATE], how="left", maintain_order="left")[
        "value"
    ]
    return pl.lit(found).alias(column_of(name, lag))


def _require_number(column: Column, name: str) -> None:
    column = replace(column, variable=replace(column.variable, name=name))
    require_countable(
        column,
        f"'{column.name}' has {len(column.levels)} levels; a case-crossover takes numbers and yes/no "
        f"variables of the night. Derive one before tk.records: study.derive(...).",
    )


def matched(nights: Nights, build: Callable[[Mask], Matrix]) -> Model:
    """Give the conditional model of the nights, of columns that vary within strata."""

    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask) -> Fit:
        _require_varying(matrix, sample, inside)
        return fit_conditional(matrix.values[:, 1:], y > 0, _stratum(sample, inside), sample.weights[inside])

    family = Likelihood(
        "conditional logit",
        lambda sample: sample.numbers(nights.outcome.name),
        maximize,
        lambda matrix, _: matrix.terms[1:],
        lambda matrix: len(matrix.terms) - 1,
    )

    def with_one(inside: Mask) -> Matrix:
        own = build(inside)
        return Matrix(np.column_stack([np.ones(len(own.values)), own.values]), (ONE, *own.terms))

    return Model(nights.sample, nights.outcome, nights.names, family, with_one)


def _stratum(sample: Sample, inside: Mask) -> Any:
    return sample.numbers(_STRATUM)[inside].astype(np.int64)


def _require_varying(matrix: Matrix, sample: Sample, inside: Mask) -> None:
    _, of, size = np.unique(_stratum(sample, inside), return_inverse=True, return_counts=True)
    for term, column in zip(matrix.terms[1:], matrix.values.T[1:], strict=True):
        centred = column - (np.bincount(of, column) / size)[of]
        if np.abs(centred).max() <= 1e-12 * (1 + np.abs(column).max()):
            raise EstimationError(
                f"'{term.exposure}' does not vary within the strata, so nights cannot be compared by it: "
                f"what a person always is drops out by design. Leave it out, or match by more nights: "
                f"stratum='month'."
            )


@dataclass(frozen=True)
class Matched:
    """One group's nights: its levels, counts, and the fit or why there is none."""

    levels: tuple[str, ...]
    counts: dict[str, int | None]
    fitted: Regression | None
    reason: str = ""


def each_group(nights: Nights, model: Model) -> Iterator[Matched]:
    """Fit the model in each group, to the nights of strata that hold both a case and another.

    Parameters
    ----------
    nights
        The nights.
    model
        As `matched` gave it.

    Yields
    ------
    Matched
        Groups in the order of the levels of `by`.

    Raises
    ------
    EstimationError
        If there is one group only and it cannot be fitted.
    """
    sample = nights.sample
    complete = sample.complete(nights.names)
    y = sample.numbers(nights.outcome.name)
    for levels, group in groups(sample, nights.by):
        own = group & complete
        missing = counts(sample, nights.by, levels, own)["n_missing"]
        telling = own.copy()
        telling[own] = informative(y[own] > 0, _stratum(sample, own)) if own.any() else False
        told: dict[str, int | None] = {"n": int(sample.persons[telling].sum()), "n_missing": missing}
        try:
            _refuse_nothing(nights, own, telling)
            fitted = regress(model, telling)
        except EstimationError as error:
            if not nights.by:
                raise
            yield Matched(levels, {**told, "n_cases": None}, None, str(error))
            continue
        yield Matched(levels, {**told, "n_cases": fitted.n_cases}, fitted)


def _refuse_nothing(nights: Nights, own: Mask, telling: Mask) -> None:
    if telling.any():
        return
    sample, outcome = nights.sample, nights.outcome
    cases = int(sample.persons[own] @ (sample.numbers(outcome.name)[own] > 0)) if own.any() else 0
    raise EstimationError(
        f"none of the {int(sample.persons[own].sum()):,} nights with all values can be compared: {cases:,} "
        f"have '{outcome.name}' = '{outcome.case}', and no stratum holds such a night and another. Match by "
        f"more nights: stratum='month', or 28 days."
    )


def when(lag: int) -> str:
    """Say how long before the night.

    Examples
    --------
    >>> when(0), when(2)
    ('the same day', '2 days before')
    """
    return "the same day" if not lag else f"{lag} day{'s' if lag > 1 else ''} before"


def lag_term(nights: Nights, name: str, lag: int, per: float) -> Term:
    """Describe the row of an exposure so many days before."""
    column = nights.sample.columns[column_of(name, lag)]
    known = nights.sample.study.codebook
    unknown_ = replace(column.variable, name=name, label=name.replace("_", " "))
    variable = known.variables.get(name, unknown_)
    label = f"{variable.label}, {when(lag)}"
    if column.continuous:
        return Term(name, label, f"lag {lag}", f"per {per:g} {variable.unit}".strip())
    other = next(level for level in column.levels if level != column.case)
    return Term(name, label, f"lag {lag}", column.case or "", other)
