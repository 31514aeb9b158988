"""Say how a column of people enters an analysis: levels, reference, case, or a number.

Takes a study and names of variables; gives `Column`s. A variable of the codebook is taken as it is written
there; any other column is read from its type: booleans and 0/1 are no/yes, text has levels without an order,
other numbers are continuous.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from toolkit.errors import VariableError
from toolkit.studies.study import Study
from toolkit.variables.codebook import Variable, unknown_variable

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

    @cached_property
    def name(self) -> str:
        """The variable's name."""
        return self.variable.name

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """Levels in order; none for a continuous variable."""
        return self.variable.levels

    @cached_property
    def reference(self) -> str | None:
        """The level that others are compared with; None for a continuous variable."""
        return self.variable.reference

    @cached_property
    def continuous(self) -> bool:
        """Whether it is a number rather than one of a few levels."""
        return self.variable.kind == "number"

    @cached_property
    def case(self) -> str | None:
        """The level that is counted as a case; None unless there are two and it is known which is meant."""
        return self.variable.case


def require_countable(column: Column, otherwise: str) -> None:
    """Raise unless a column is a number, or has two levels of which one is known to be the case.

    Parameters
    ----------
    column
        An outcome, an event, or a variable whose mean or total is asked for.
    otherwise
        The error for a variable of another number of levels.

    Raises
    ------
    VariableError
        With the lines that declare the case, if there are two levels.
    """
    if column.continuous or column.case is not None:
        return
    raise VariableError(unknown_case(column) if len(column.levels) == 2 else otherwise)


def unknown_case(column: Column) -> str:
    """Say that nothing tells which of two levels is the case, and show the lines that declare it."""
    first, second = column.levels
    lines = [_derived_case(column.name, level) for level in (first, second)]
    return (
        f"'{column.name}' has the levels '{first}' and '{second}', and its source does not say which of them "
        f"is the case or event. Declare it with study = {lines[0]}, or with study = {lines[1]}, and use the "
        "new variable."
    )


def _derived_case(name: str, level: str) -> str:
    new = "_".join(re.findall(r"\w+", f"{name} {level}")).lower()
    return f"study.derive({new!r}, {f'{written(name)} == {level!r}'!r})"


def written(name: str) -> str:
    """Write a name as a condition takes it: in backticks unless it is letters, digits and _."""
    return name if name.isidentifier() else f"`{name}`"


def require_order(column: Column, purpose: str) -> None:
    """Raise unless a column is a number, or its source declares that its levels stand in order.

    Parameters
    ----------
    column
        What an analysis follows from level to level.
    purpose
        The analysis that needs the order, as the subject of a sentence.

    Raises
    ------
    VariableError
        With the levels, and the line that declares their order.
    """
    if column.continuous or column.variable.ordered:
        return
    levels = ", ".join(map(repr, column.levels))
    new = "_".join(re.findall(r"\w+", column.name)) + "_ordered"
    raise VariableError(
        f"{purpose} needs levels in order, and '{column.name}' has no declared order. Its levels are "
        f"{levels}. Write them from lowest to highest: study = study.derive({new!r}, "
        f"{written(column.name)!r}, levels=[{levels}]), and use '{new}'."
    )


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
    found: dict[str, Column] = {}
    for name in dict.fromkeys(names):
        key = (Column, name, name in in_groups)
        if key not in study.computed:
            study.computed[key] = _column(study, name, name in in_groups)
        found[name] = study.computed[key]
    return found


def _column(study: Study, name: str, in_groups: bool) -> Column:
    variable = _variable(study, name)
    series = study.people[name]
    if variable.kind != "number":
        return Column(variable, _levels(series, variable))
    if not series.dtype.is_numeric():
        raise _neither(series)
    codes = _whole_numbers(series) if in_groups else ()
    if codes:
        levels = replace(variable, kind="category", levels=codes, reference=codes[0], ordered=True)
        text = pl.col(name).cast(pl.Int64).cast(pl.String)
        return Column(levels, text.cast(pl.Enum(codes)))
    return Column(variable, _number(series))


def _variable(study: Study, name: str) -> Variable:
    if name in study.codebook:
        return study.variable(name)
    if name not in study.people.columns:
        known = [*study.codebook, *(c for c in study.people.columns if "." not in c)]
        raise unknown_variable(name, known)
    # The people's text has become an Enum of its levels: what no codebook describes has no declared order.
    variable = Variable.of_column(study.people[name], ordered=False)
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
