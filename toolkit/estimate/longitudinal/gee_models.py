"""Fit GEE models of repeated outcomes (`tk.gee`), and reshape a cohort to one row per visit or night."""

from dataclasses import replace

import numpy as np
import polars as pl

from toolkit.errors import DatasetError, require_known, require_study
from toolkit.estimate.regression import (
    CORRELATIONS,
    Analysis,
    Family,
    Fit,
    Likelihood,
    Matrix,
    estimate,
    family_named,
    ratio_of,
    solve_equations,
    sort_clusters,
    specify_formula,
)
from toolkit.estimate.survey import Sample
from toolkit.results import Estimates, Floats, Mask
from toolkit.studies import Design, Study
from toolkit.variables import YES_NO, Codebook, Names, Variable, as_names, with_covariance

PERSON, DATE = "person", "date"
# The number of the participant, the rank of the row by date, and its day; no variable has a dot in its name.
CLUSTER, ORDER, DAY = ".person", ".order", ".day"
_ROWS = {"visits": "visits", "diary": "nights"}
_EPOCH = pl.date(1970, 1, 1)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MONTH = Variable("month", "month", "category", _MONTHS, component="", source="date", ordered=True)
HALF_YEAR = Variable(
    "half_year",
    "half-year",
    "category",
    ("cool", "warm"),
    component="",
    source="date: November to April cool, May to October warm (north of the equator)",
    case="warm",
)
_LAG_UNITS = {"heat_index": "°F", "temperature_mean": "°C", "degree_days": "°F"}


def records(study: Study, section: str = "diary") -> Study:
    """Convert a cohort's visits or nights to a study, with the variables of the participant in each row.

    Parameters
    ----------
    study
        A cohort: a study with visits or a diary.
    section
        "visits" or "diary".

    Returns
    -------
    Study
        One row per visit or night. A variable of the row replaces one of the participant of the same name,
        and `heat_index_lag0` serves as `heat_index`. `month` and `half_year` follow from the date. Without a
        PSU in the design the participant is the PSU: `n` of a result counts visits or nights, and its
        standard errors are clustered by participant.

    Raises
    ------
    DatasetError
        If the study has no such rows.

    Examples
    --------
    >>> import toolkit as tk
    >>> nights = tk.records(tk.open_study("example-cohort"), "diary")
    >>> nights.people.height > 1000, nights.design.psu
    (True, 'person')
    """
    require_study(study, "tk.longitudinal.records")
    require_known("A cohort has no rows", section, _ROWS, "Available:")
    rows: pl.DataFrame | None = getattr(study, section)
    if rows is None:
        raise DatasetError(
            f"{study.label} has no {_ROWS[section]}. Name their file under [{section}] in its study.toml."
        )
    rows = rows.with_columns(_of_the_day(rows))
    taken = {*rows.columns, *(f"{name}.why" for name in rows.columns)}
    own = study.people.select(PERSON, *(c for c in study.people.columns if c not in taken))
    people = rows.join(own, on=PERSON, how="inner", maintain_order="left").sort(PERSON, DATE)
    codebook = replace(
        study.codebook, variables={k: v for k, v in study.codebook.items() if k not in rows.columns}
    )
    # A variable of the user's own of these names stays.
    free = [variable for variable in (MONTH, HALF_YEAR) if variable.name not in people.columns]
    return replace(
        study,
        label=f"{study.label}, {_ROWS[section]}",
        people=people.with_columns(*_places(), *(_calendar()[variable.name] for variable in free)),
        design=_clustered(study.design),
        codebook=codebook.with_variables(*_ordered(rows), *free, *_lags(people, codebook)),
        visits=None,
        diary=None,
    )


def _ordered(rows: pl.DataFrame) -> list[Variable]:
    """Describe the columns of rows whose levels study.toml lists in order."""
    columns = [rows[name] for name, dtype in rows.schema.items() if isinstance(dtype, pl.Enum)]
    described = [Variable.of_column(c) for c in columns if not c.name.endswith(".why")]
    return [entry for entry in described if entry and entry.levels != YES_NO]


def _of_the_day(rows: pl.DataFrame) -> list[pl.Expr]:
    """Copy variables of the row's own day without the suffix of lag 0."""
    today = {name.removesuffix("_lag0"): name for name in rows.columns if name.endswith("_lag0")}
    return [pl.col(name).alias(plain) for plain, name in today.items() if plain not in rows.columns]


def is_records(study: Study) -> bool:
    """Return whether a study's rows are visits or nights."""
    return CLUSTER in study.people.columns


def _places() -> tuple[pl.Expr, ...]:
    return (
        pl.col(PERSON).rank("dense").cast(pl.Float64).alias(CLUSTER),
        pl.int_range(pl.len()).over(PERSON).cast(pl.Float64).alias(ORDER),
        (pl.col(DATE) - _EPOCH).dt.total_days().cast(pl.Float64).alias(DAY),
    )


def _calendar() -> dict[str, pl.Expr]:
    month = pl.col(DATE).dt.month()
    named = month.replace_strict(dict(enumerate(_MONTHS, 1)), return_dtype=MONTH.dtype)
    half = (
        pl.when(month.is_between(5, 10)).then(pl.lit("warm")).when(month.is_not_null()).then(pl.lit("cool"))
    )
    halves = half.cast(HALF_YEAR.dtype)
    return {MONTH.name: named.alias(MONTH.name), HALF_YEAR.name: halves.alias(HALF_YEAR.name)}


def _lags(people: pl.DataFrame, codebook: Codebook) -> list[Variable]:
    """Describe the lagged weather variables."""
    found = []
    for name in people.columns:
        what, _, lag = name.rpartition("_lag")
        if what in _LAG_UNITS and lag.isdigit() and name not in codebook:
            when = {"0": "of the day", "1": "of the day before"}.get(lag, f"of {lag} days before")
            label = f"{what.replace('_', ' ')} {when}"
            found.append(Variable(name, label, "number", unit=_LAG_UNITS[what], component=""))
    return found


def _clustered(design: Design) -> Design:
    if design.stages or design.replicate_weights:
        return design
    return replace(design, psu=PERSON, nest=False)


@with_covariance
def gee(
    study: Study,
    formula: str,
    family: str = "logit",
    correlation: str = "exchangeable",
    *,
    section: str = "visits",
    domain: str = "",
    offset: str | None = None,
    by: Names = (),
    exponentiate: bool = False,
    confidence: float = 0.95,
) -> Estimates:
    """Fit a marginal model of repeated visits or nights by generalized estimating equations.

    Parameters
    ----------
    study
        A cohort with visits or a diary, or the study that `tk.records` returned.
    formula
        As for `tk.model`; variables of the visit and of the participant.
    family
        "logit", "poisson" (log link), "gaussian", "probit" or "cloglog".
    correlation
        Working correlation of a participant's outcomes: "exchangeable" (equal for all pairs), "ar1"
        (declining with the number of visits between) or "independence".
    section
        Which rows of the cohort: "visits" or "diary".
    domain
        A condition on the rows; missing is outside.
    offset
        A continuous variable or arithmetic, which enters with the coefficient 1.
    by
        Categories; one model within each of their levels.
    exponentiate
        True for ratios in place of coefficients.
    confidence
        Confidence level, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One result row per coefficient; `n` counts visits or nights.

    Raises
    ------
    VariableError, EstimationError
        As for `tk.model`; EstimationError also for an unknown correlation.
    DatasetError
        If the study has no such rows.

    Notes
    -----
    Estimates equal those of geeglm in R's geepack for equal weights. Standard errors are robust to the
    working correlation and clustered by participant, or by PSU if the design has PSUs, with t intervals.
    Those of geepack lack the factor m / (m - 1) for m clusters.

    Examples
    --------
    >>> import toolkit as tk
    >>> cohort = tk.open_study("example-cohort")
    >>> tk.gee(cohort, "any_cramps ~ sex", exponentiate=True)["estimand"].to_list()
    ['coefficient', 'odds_ratio']
    """
    require_known("tk.gee has no family", family, _MARGINAL, "Available:")
    require_known("tk.gee has no working correlation", correlation, CORRELATIONS, "Available:")
    rows = study if is_records(study) else records(study, section)
    groups = as_names(by, "by")
    model = specify_formula(rows, formula, family, domain, offset, by=groups, also=_POSITION)
    ratio = ratio_of(family, model.outcome, offset=bool(offset)) if exponentiate else "coefficient"
    marginal = _equations(model.outcome.name, family_named(family), correlation)
    return estimate(Analysis(replace(model, family=marginal), groups, ratio, confidence=confidence)).frame()


_POSITION = (CLUSTER, ORDER)
_MARGINAL = ("logit", "poisson", "gaussian", "probit", "cloglog")


def _equations(outcome: str, family: Family, correlation: str) -> Likelihood:
    def maximize(matrix: Matrix, y: Floats, sample: Sample, inside: Mask, offset: Floats | None) -> Fit:
        cluster, order = (sample.numbers(name)[inside] for name in _POSITION)
        places, within = sort_clusters(cluster, order, correlation)
        shift = None if offset is None else offset[places]
        weight = sample.weights[inside][places]
        found = solve_equations(matrix.values[places], y[places], weight, family, within, offset=shift)
        influence = np.empty_like(found.influence)
        influence[places] = found.influence
        return Fit(found.points, influence)

    return Likelihood(family.name, lambda sample: sample.numbers(outcome), maximize)
