"""Estimate time-stratified case-crossover models with lags: what precedes a night with a cramp.

Nights are compared with other nights of the same participant and time, so that what does not change within
a stratum cannot confound (Levy, Lumley et al. 2001; Janes, Sheppard and Lumley 2005).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from toolkit.dag import SIZES
from toolkit.errors import EstimationError, VariableError, unknown
from toolkit.estimate.longitudinal.gee_models import DATE, DAY, PERSON, is_records, records
from toolkit.estimate.regression import (
    ONE,
    Analysis,
    Fit,
    Likelihood,
    Matrix,
    ModelSpec,
    Predictors,
    Term,
    estimate,
    fit_conditional,
    informative,
    require_two_levels,
)
from toolkit.estimate.survey import Column, Sample, draw, require_countable
from toolkit.results import Estimates, Floats, Indices, Mask
from toolkit.studies import Study
from toolkit.variables import Names, as_names, with_covariance

STRATA = ("weekday of the month", "month")
_MATCHED_BY: dict[str | int, list[str]] = {STRATA[0]: ["month", "weekday"], STRATA[1]: ["month"]}
_STRATUM = ".matched"
# One number for all exposures, or one for each.
Per = float | Mapping[str, float]


@with_covariance
def case_crossover(
    study: Study,
    outcome: str = "cramp",
    exposures: Names = (),
    *,
    lags: int | Sequence[int] = 0,
    per: Per = 1.0,
    adjust: Names | None = None,
    stratum: str | int = "weekday of the month",
    domain: str = "",
    by: Names = (),
    confidence: float = 0.95,
) -> Estimates:
    """Estimate a case-crossover of nights with and without a cramp, with lagged exposures.

    Parameters
    ----------
    study
        A cohort with a diary, or the study that `tk.records` returned.
    outcome
        A variable of the night with two levels.
    exposures
        Continuous or yes/no variables of the night, such as "heat_index". Earlier days are read from columns
        such as `heat_index_lag1`, or else from the participant's own diary.
    lags
        Days before the night, one or several, which enter one model together; 0 is the same day.
    per
        Units of a continuous exposure per ratio, such as 10, or one for each exposure: {"heat_index": 10}.
    adjust
        Other variables of the night; None for none. A set of the causal diagram is not accepted, because
        covariates that do not vary within a participant drop out of the comparison.
    stratum
        "weekday of the month" compares nights of one participant, month and day of the week; "month" all
        nights of a month; a number compares nights within so many days.
    domain
        A condition on the nights; missing is outside.
    by
        Categories of the participant or night; one model within each of their levels.
    confidence
        Confidence level, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One result row per exposure and lag ("lag 0", ...): odds ratios. `n` counts the nights of strata that
        have both a night with the outcome and another, `n_cases` those with it.

    Raises
    ------
    VariableError
        For an unknown variable, or one of several levels.
    EstimationError
        If no stratum can be compared, or an exposure does not vary within strata.
    DatasetError
        If the study has no diary.

    Notes
    -----
    Conditional logit by its exact likelihood, as clogit of R's survival package; standard errors are
    clustered by participant (or PSU). Strata that are fixed in advance avoid overlap bias (Janes, Sheppard
    and Lumley 2005).

    Examples
    --------
    >>> import toolkit as tk
    >>> cohort = tk.open_study("example-cohort")
    >>> rows = tk.case_crossover(cohort, exposures="heat_index", lags=(0, 1), per=10)
    >>> rows["level"].to_list()
    ['lag 0', 'lag 1']
    """
    if not exposures:
        raise VariableError(
            "No exposure is given. Name one: tk.case_crossover(study, exposures='heat_index')."
        )
    names, by = as_names(exposures, "exposures"), as_names(by, "by")
    adjusted = as_names(adjust or (), "adjust")
    lagged = [(name, lag) for name in names for lag in _require_lags(lags)]
    nights = draw_nights(
        study, outcome=outcome, lagged=lagged, adjust=adjusted, stratum=stratum, domain=domain, by=by
    )
    units = [_choose_unit(nights, name, lag, per) for name, lag in lagged]
    terms = tuple(lag_term(nights, name, lag, unit) for (name, lag), unit in zip(lagged, units, strict=True))
    columns = tuple(column_of(*one) for one in lagged)
    lags_of = _Lags(columns, tuple(units), terms, adjusted)
    return estimate(
        Analysis(nights.model(lags_of), by, "odds_ratio", terms, nights.adjust, confidence)
    ).frame()


@dataclass(frozen=True)
class _Lags:
    """Exposures on some days before the night, in units, beside covariates."""

    columns: tuple[str, ...]
    units: tuple[float, ...]
    terms: tuple[Term, ...]
    adjust: tuple[str, ...]

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix."""
        own = read_columns(sample, self.columns, inside) / np.array(self.units)
        return with_night_covariates(sample, own, self.terms, self.adjust, inside)


def read_columns(sample: Sample, names: Sequence[str], inside: Mask) -> Floats:
    """Read variables of some nights as columns."""
    return np.column_stack([sample.numbers(name)[inside] for name in names])


def with_night_covariates(
    sample: Sample, own: Floats, terms: Sequence[Term], adjust: Sequence[str], inside: Mask
) -> Matrix:
    """Add an intercept before the columns `own`, and covariates after them."""
    others = [read_columns(sample, adjust, inside)] if adjust else []
    values = np.column_stack([np.ones(len(own)), np.column_stack([own, *others])])
    return Matrix(values, (ONE, *terms, *(Term(name, name, "adjusted", "") for name in adjust)))


def _require_lags(lags: int | Sequence[int]) -> tuple[int, ...]:
    chosen = (lags,) if isinstance(lags, int) else tuple(lags)
    if not chosen or any(lag < 0 or lag != int(lag) for lag in chosen) or len(set(chosen)) < len(chosen):
        raise EstimationError(
            "'lags' must be distinct whole numbers of days before the night. Use for example lags=(0, 1, 2)."
        )
    return chosen


def _choose_unit(nights: "Nights", name: str, lag: int, per: Per) -> float:
    own = per.get(name, 1.0) if isinstance(per, Mapping) else per
    if own <= 0:
        raise EstimationError(f"'per' of '{name}' is {own:g}, but must be positive. Use for example per=10.")
    return float(own) if nights.sample.columns[column_of(name, lag)].continuous else 1.0


@dataclass(frozen=True)
class Nights:
    """The nights of a case-crossover: one cell per night, with a column for each exposure and lag."""

    sample: Sample
    outcome: Column
    names: tuple[str, ...]  # variables that must have a value, the outcome first
    adjust: str  # what nights are matched by and adjusted for, as results show it

    def model(self, predictors: Predictors) -> ModelSpec:
        """Specify the conditional logit of predictors that vary within strata."""

        def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, _: Floats | None) -> Fit:
            _require_varying(matrix, sample, inside)
            stratum = _read_strata(sample, inside)
            return fit_conditional(matrix.values[:, 1:], y > 0, stratum, sample.weights[inside])

        def keep_informative(sample: Sample, inside: Mask) -> Mask:
            kept = inside.copy()
            y = sample.numbers(self.outcome.name)[inside]
            kept[inside] = informative(y > 0, _read_strata(sample, inside)) if inside.any() else False
            return kept

        family = Likelihood(
            "conditional logit",
            lambda sample: sample.numbers(self.outcome.name),
            maximize,
            lambda matrix, _: matrix.terms[1:],
            lambda matrix: len(matrix.terms) - 1,
            informative=keep_informative,
        )
        return ModelSpec(self.sample, self.outcome, self.names, family, predictors)


def draw_nights(
    study: Study,
    *,
    outcome: str,
    lagged: Sequence[tuple[str, int]],
    adjust: tuple[str, ...],
    stratum: str | int,
    domain: str,
    by: tuple[str, ...],
) -> Nights:
    """Draw the nights of a case-crossover, with exposures as many days before as `lagged` says."""
    rows = study if is_records(study) else records(study, "diary")
    people = rows.people.with_columns(_number_strata(stratum))
    for name in (outcome, *adjust, *by, *(name for name, _ in lagged)):
        if name not in people.columns and f"{name}_lag0" not in people.columns:
            known = [c for c in people.columns if "." not in c]
            if name in adjust and name in SIZES:
                raise VariableError(
                    f"adjust='{name}' is a set of the causal diagram, whose covariates do not vary within a "
                    "participant. Use variables of the night, such as adjust=('temperature_mean',), or "
                    "adjust=()."
                )
            raise VariableError(unknown("The nights have no variable", name, known))
    people = people.with_columns(
        _look_up(people, name, lag) for name, lag in lagged if column_of(name, lag) not in people.columns
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
    matched = ", ".join([PERSON, *_MATCHED_BY.get(stratum, [f"{stratum} days"]), *adjust])
    return Nights(sample, sample.columns[outcome], names, matched)


def column_of(name: str, lag: int) -> str:
    """Name the column of an exposure so many days before."""
    return f"{name}_lag{lag}"


def _number_strata(stratum: str | int) -> pl.Expr:
    if isinstance(stratum, int) and stratum > 1:
        parts: tuple[pl.Expr, ...] = ((pl.col(DAY) // stratum).alias("block"),)
    elif stratum in STRATA:
        date = pl.col(DATE).dt
        weekday = (date.weekday().alias("weekday"),) if stratum == STRATA[0] else ()
        parts = (date.year().alias("year"), date.month().alias("month"), *weekday)
    else:
        raise EstimationError(
            f"Nights cannot be matched by '{stratum}'. Use stratum='{STRATA[0]}', '{STRATA[1]}', or a "
            f"number of days such as 28."
        )
    return pl.struct(PERSON, *parts).rank("dense").cast(pl.Float64).alias(_STRATUM)


def _look_up(people: pl.DataFrame, name: str, lag: int) -> pl.Expr:
    """Look up an exposure so many days before, in the participant's own diary."""
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
        f"'{column.name}' has {len(column.levels)} levels, and a case-crossover requires continuous or "
        f"yes/no variables of the night. Derive one before tk.records with study.derive(...).",
    )


def _read_strata(sample: Sample, inside: Mask) -> Indices:
    return sample.numbers(_STRATUM)[inside].astype(np.int64)


def _require_varying(matrix: Matrix, sample: Sample, inside: Mask) -> None:
    _, of, size = np.unique(_read_strata(sample, inside), return_inverse=True, return_counts=True)
    for term, column in zip(matrix.terms[1:], matrix.values.T[1:], strict=True):
        centred = column - (np.bincount(of, column) / size)[of]
        if np.abs(centred).max() <= 1e-12 * (1 + np.abs(column).max()):
            raise EstimationError(
                f"'{term.exposure}' does not vary within the strata, so nights cannot be compared by it. "
                f"Remove it, or match by more nights: stratum='month'."
            )


def when(lag: int) -> str:
    """Express a lag in words."""
    return "the same day" if not lag else f"{lag} day{'s' if lag > 1 else ''} before"


def lag_term(nights: Nights, name: str, lag: int, per: float) -> Term:
    """Describe the row of an exposure so many days before."""
    column = nights.sample.columns[column_of(name, lag)]
    known = nights.sample.study.codebook
    undescribed = replace(column.variable, name=name, label=name.replace("_", " "))
    variable = known.variables.get(name, undescribed)
    label = f"{variable.label}, {when(lag)}"
    if column.continuous:
        return Term(name, label, f"lag {lag}", f"per {per:g} {variable.unit}".strip())
    other = next(level for level in column.levels if level != column.case)
    return Term(name, label, f"lag {lag}", column.case or "", other)
