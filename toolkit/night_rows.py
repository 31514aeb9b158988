"""Make a study of a cohort's nights or visits: one row a night, its person the sampling unit.

Takes a study with a diary or visits; gives a study whose rows are nights (or visits), so that seasons and
weather can be analysed on the day on which they were.
"""

from dataclasses import replace

import polars as pl

from toolkit.codebook import Codebook, Variable
from toolkit.design import Design
from toolkit.errors import DatasetError
from toolkit.studies import Study

PARTS = {"diary": "nights", "visits": "visits"}
ONE = "equal"
HALF_YEAR = Variable(
    "half_year",
    "half-year",
    "category",
    ("cool", "warm"),
    component="",
    source="date: November to April cool, May to October warm, as NHANES has it (north of the equator)",
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MONTH = Variable("month", "month", "category", _MONTHS, component="", source="date")
_PERSON, _DATE = "person", "date"


def nights(study: Study, part: str = "diary") -> Study:
    """Take each night of a diary, or each visit, as a row of its own.

    Parameters
    ----------
    study
        With a diary or visits.
    part
        "diary" or "visits".

    Returns
    -------
    Study
        One row a night: its own variables, those of its person that the night does not have, and
        `half_year` and `month`. The person is the sampling unit, within the design's strata; where the
        design has PSUs, those are. Weights are the person's; without weights each night counts 1.

    Raises
    ------
    DatasetError
        If the study has no such part.

    Examples
    --------
    >>> import toolkit as tk
    >>> nights(tk.open_study("example-cohort")).people.columns[:2]
    ['person', 'date']
    """
    rows = getattr(study, part, None) if part in PARTS else None
    if rows is None:
        there = [name for name in PARTS if getattr(study, name) is not None]
        raise DatasetError(
            f"{study.label} has no {part}. "
            + (f"It has: {', '.join(there)}." if there else "Name one in study.toml: [diary] file = '...'.")
        )
    own = study.people.select(_PERSON, *(c for c in study.people.columns if c not in rows.columns))
    joined = rows.join(own, on=_PERSON, how="left", maintain_order="left")
    people = joined.select(_PERSON, _DATE, pl.exclude(_PERSON, _DATE)).with_columns(
        _half_year(), _month(), pl.lit(1.0).alias(ONE)
    )
    return replace(
        study,
        label=f"{study.label}, {PARTS[part]}",
        people=people,
        design=_design(study.design),
        codebook=_codebook(study.codebook, people),
        visits=None,
        diary=None,
    )


def _half_year() -> pl.Expr:
    warm = pl.col(_DATE).dt.month().is_between(5, 10)
    levels = HALF_YEAR.dtype
    return (
        pl.when(warm).then(pl.lit("warm", levels)).when(~warm).then(pl.lit("cool", levels)).alias("half_year")
    )


def _month() -> pl.Expr:
    names = dict(enumerate(MONTH.levels, 1))
    return pl.col(_DATE).dt.month().replace_strict(names, return_dtype=MONTH.dtype).alias(MONTH.name)


def _design(design: Design) -> Design:
    """Let the nights of a person hang together: rows of one sampling unit."""
    weight = design.weight or (None if design.fpc else ONE)
    return replace(design, weight=weight, psu=design.psu or _PERSON, declared_absent=False)


def _codebook(codebook: Codebook, people: pl.DataFrame) -> Codebook:
    """Describe the columns that joined weather added to the nights."""
    found = [
        Variable.of_column(people[name]) for name in people.columns if name not in codebook and "_lag" in name
    ]
    named = [replace(v, label=_worded(v.name), unit=_unit(v.name)) for v in found if v is not None]
    return codebook.with_variables(HALF_YEAR, MONTH, *named)


def _worded(name: str) -> str:
    what, _, lag = name.rpartition("_lag")
    days = {"0": "of the day", "1": "of the day before"}.get(lag, f"of {lag} days before")
    return f"{what.replace('_', ' ')} {days}"


def _unit(name: str) -> str:
    units = {"heat_index": "°F", "temperature_mean": "°C", "degree_days": "°F"}
    return units.get(name.rpartition("_lag")[0], "")
