"""Read a frame of the user's own by its types, so that it can be a study.

Takes anything that polars reads and a design; gives a `Population`. Nothing is matched by name: text has its
levels in alphabetical order, an Enum its own, true/false and 0/1 are yes/no, other numbers are continuous.
"""

from typing import Any

import polars as pl

from toolkit.codebook import MOST_LEVELS, Codebook, Variable
from toolkit.design import Design
from toolkit.errors import DatasetError, DesignError, unknown
from toolkit.population import Population


def own_population(frame: Any, design: Design, name: str, codebook: Codebook | None) -> Population:
    """Make a population of a frame: NaN becomes null, text becomes levels, the design's columns are checked.

    Raises
    ------
    DatasetError
        If the frame is empty or no frame.
    DesignError
        If no design is declared or it names a column that is not there.
    """
    people = _plain_types(_as_polars(frame))
    _check_design(design, people)
    return Population(name, name, people, design, codebook or _described(people, design))


def _as_polars(frame: Any) -> pl.DataFrame:
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if not isinstance(frame, pl.DataFrame):
        try:
            frame = pl.DataFrame(frame)
        except (TypeError, ValueError):
            raise DatasetError(
                f"a study is made of a frame with one row a person, not of {type(frame).__name__}. "
                f"Try tk.study(pl.DataFrame(...), design=...)."
            ) from None
    if not frame.height:
        raise DatasetError("the frame holds no person: 0 rows. Check how it was read or filtered.")
    people: pl.DataFrame = frame
    return people


def _plain_types(people: pl.DataFrame) -> pl.DataFrame:
    floats = [name for name, dtype in people.schema.items() if dtype.is_float()]
    people = people.with_columns(pl.col(floats).fill_nan(None))
    return people.with_columns(_with_levels(people[name]) for name in people.columns)


def _with_levels(column: pl.Series) -> pl.Series:
    if not isinstance(column.dtype, pl.String | pl.Categorical):
        return column
    levels = column.cast(pl.String).unique().drop_nulls().sort()
    return column if len(levels) > MOST_LEVELS else column.cast(pl.String).cast(pl.Enum(levels))


def _check_design(design: Design, people: pl.DataFrame) -> None:
    if not (design.weight or design.fpcs or design.declared_absent):
        raise DesignError(
            "the design has no weight. Name it, tk.Design(weight='...'), or declare that there is none: "
            "tk.Design.none()."
        )
    for column in design.columns:
        if column not in people.columns:
            raise DesignError(unknown("the design names a column that is not there,", column, people.columns))


def _described(people: pl.DataFrame, design: Design) -> Codebook:
    taken = set(design.columns)
    entries = [Variable.of_column(people[name]) for name in people.columns if name not in taken]
    return Codebook.of(*(entry for entry in entries if entry))
