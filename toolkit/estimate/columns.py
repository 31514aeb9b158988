"""Say how a column of people enters an analysis: levels, reference, case, or a number.

Takes a study and names of variables; gives `Column`s. A variable of the codebook is taken as it is written
there; any other column is read from its type: booleans and 0/1 are no/yes, strings have their levels in
alphabetical order, an Enum its own, other numbers are continuous.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from toolkit.codebook import Variable
from toolkit.errors import VariableError, unknown
from toolkit.estimate.per_study import PerStudy
from toolkit.studies import Study

# The level of a two-level outcome that is counted, whichever is the reference.
_CASE_WORDS = ("yes", "1", "true")
# Whole numbers of at most so many different values can part people into groups: codes of sex, region, cycle.
MOST_CODES = 30


@dataclass(frozen=True)
class Column:
    """One variable as an analysis reads it.

    Attributes
    ----------
    variable
        Name, label, unit, component, levels and reference.
    expression
        Gives an Enum of `levels`, or Float64 for a continuous variable; null where missing.
    """

    variable: Variable
    expression: pl.Expr

    @property
    def name(self) -> str:
        """The variable's name."""
        return self.variable.name

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels in order; none for a continuous variable."""
        return self.variable.levels

    @property
    def reference(self) -> str | None:
        """The level that others are compared with; None for a continuous variable."""
        return self.variable.reference

    @property
    def continuous(self) -> bool:
        """Whether it is a number rather than one of a few levels."""
        return self.variable.kind == "number"

    @property
    def case(self) -> str | None:
        """The level that is counted as a case; None unless there are two levels."""
        if len(self.levels) != 2:
            return None
        named = [level for level in self.levels if level.lower() in _CASE_WORDS]
        others = [level for level in self.levels if level != self.reference]
        return named[0] if len(named) == 1 else others[0]


_kept: PerStudy[tuple[str, bool], Column] = PerStudy()


def read(study: Study, names: Sequence[str], in_groups: Sequence[str] = ()) -> dict[str, Column]:
    """Read how the columns named enter an analysis.

    Parameters
    ----------
    study
        People and codebook.
    names
        Variables of the codebook, or other columns of the people frame.
    in_groups
        Those of them that part people into groups: whole numbers of few values are levels there.

    Returns
    -------
    dict of Column
        By name, in the order given, each once.

    Raises
    ------
    VariableError
        If the study has no such variable, measured it in no cycle, or its type can be no variable.
    DatasetError
        If the file of the variable is missing.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.study(pl.DataFrame({"cramps": [0, 1]}), design=tk.Design.none(), name="mine")
    >>> read(study, ["cramps"])["cramps"].case
    'yes'
    """
    return {name: _kept_column(study, name, name in in_groups) for name in dict.fromkeys(names)}


def _kept_column(study: Study, name: str, in_groups: bool) -> Column:
    kept, key = _kept.of(study), (name, in_groups)
    if key not in kept:
        kept[key] = _column(study, name, in_groups)
    return kept[key]


def _column(study: Study, name: str, in_groups: bool) -> Column:
    variable = _variable(study, name)
    series = study.people[name]
    if variable.kind != "number":
        return Column(variable, _levels(series, variable))
    if not series.dtype.is_numeric():
        raise _neither(series)
    codes = _whole_numbers(series) if in_groups else ()
    if codes:
        levels = replace(variable, kind="category", levels=codes, reference=codes[0])
        text = pl.col(name).cast(pl.Int64).cast(pl.String)
        return Column(levels, text.cast(pl.Enum(codes)))
    return Column(variable, _number(series))


def _variable(study: Study, name: str) -> Variable:
    if name in study.codebook:
        return study.variable(name)
    if name not in study.people.columns:
        known = [*study.codebook, *(c for c in study.people.columns if "." not in c)]
        raise VariableError(unknown("this study has no variable", name, known, "All: study.availability()"))
    variable = Variable.of_column(study.people[name])
    if variable is None:
        raise _neither(study.people[name])
    return variable


def _whole_numbers(series: pl.Series) -> tuple[str, ...]:
    """Name the values of a column of codes in their order; none if they are measurements."""
    values = series.drop_nulls().unique().sort()
    whole = values.is_finite() & (values == values.round())
    if not 0 < len(values) <= MOST_CODES or not whole.all():
        return ()
    return tuple(values.cast(pl.Int64).cast(pl.String))


def _neither(series: pl.Series) -> VariableError:
    seen = f" with {series.n_unique():,} different values" if series.dtype == pl.String else ""
    return VariableError(
        f"'{series.name}' is of type {series.dtype.base_type()}{seen}: neither a category of few "
        f"levels nor a number. Derive a variable from it first: study.derive('{series.name}_group', ...)."
    )


def _number(series: pl.Series) -> pl.Expr:
    column = pl.col(series.name)
    if series.dtype.is_float():
        column = column.fill_nan(None)
    return column.cast(pl.Float64).alias(series.name)


def _levels(series: pl.Series, variable: Variable) -> pl.Expr:
    column, kind, levels = pl.col(series.name), series.dtype, pl.Enum(variable.levels)
    if kind == levels:
        return column
    if isinstance(kind, pl.Boolean) or kind.is_numeric():
        truth = column == 1 if kind.is_numeric() else column
        return (
            pl.when(truth)
            .then(pl.lit("yes", levels))
            .when(~truth)
            .then(pl.lit("no", levels))
            .alias(series.name)
        )
    return column.cast(pl.String).cast(levels)
