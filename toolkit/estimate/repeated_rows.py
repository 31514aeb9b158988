"""Make a study of the visits or nights of a cohort: one row a visit or night, clustered within its person.

Takes a study with visits or a diary; gives a `Study` that every estimator takes, with the person's own
variables beside those of the row and errors that count that a person's rows belong together.
"""

from dataclasses import replace
from typing import Literal

import polars as pl

from toolkit.design import Design
from toolkit.errors import DatasetError, EstimationError, unknown
from toolkit.studies import Study

Section = Literal["visits", "diary"]
PERSON, DATE = "person", "date"
# Of the row: a number of its person, its place among the person's rows by date, and its day. No variable of
# a study has a dot in its name.
CLUSTER, ORDER, DAY = ".person", ".order", ".day"
_ROWS = {"visits": "visits", "diary": "nights"}
_EPOCH = pl.date(1970, 1, 1)


def records(study: Study, section: str = "diary") -> Study:
    """Make a study of a cohort's visits or nights, each a row with its person's variables.

    Parameters
    ----------
    study
        A cohort: a study with visits or a diary.
    section
        "visits" or "diary".

    Returns
    -------
    Study
        One row a visit or night. A variable of the row stands before one of the person of the same name, and
        so does the row's own `heat_index` where it has `heat_index_lag0`.
        Where the design names no PSU, the person is one; so `n` of a result counts visits or nights, and its
        errors count persons.

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
    if section not in _ROWS:
        raise EstimationError(unknown("a cohort has no rows", section, _ROWS, "All: visits, diary"))
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
    return replace(
        study,
        label=f"{study.label}, {_ROWS[section]}",
        people=people.with_columns(*_places()),
        design=_clustered(study.design),
        codebook=codebook,
        visits=None,
        diary=None,
    )


def _of_the_day(rows: pl.DataFrame) -> list[pl.Expr]:
    """Name what happened on the row's own day without its lag of 0."""
    today = {name.removesuffix("_lag0"): name for name in rows.columns if name.endswith("_lag0")}
    return [pl.col(name).alias(plain) for plain, name in today.items() if plain not in rows.columns]


def is_records(study: Study) -> bool:
    """Tell whether a study's rows are visits or nights."""
    return CLUSTER in study.people.columns


def _places() -> tuple[pl.Expr, ...]:
    return (
        pl.col(PERSON).rank("dense").cast(pl.Float64).alias(CLUSTER),
        pl.int_range(pl.len()).over(PERSON).cast(pl.Float64).alias(ORDER),
        (pl.col(DATE) - _EPOCH).dt.total_days().cast(pl.Float64).alias(DAY),
    )


def _clustered(design: Design) -> Design:
    if design.stages or design.replicate_weights:
        return design
    return replace(design, psu=PERSON, nest=False)
