"""Define how a variable enters an analysis: categorical or continuous, case, reference level, order.

A variable of the codebook keeps its declaration. Any other column is read by its type: booleans and 0/1 are
no/yes, text is categorical without an order, other numbers are continuous.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import polars as pl

from toolkit.disclosure import common_levels, list_levels, unknown_level
from toolkit.errors import VariableError, require_known
from toolkit.files.cache import compute_once
from toolkit.results import Floats, Indices
from toolkit.studies import FREE_TEXT, IDENTIFIERS, Study, describe_column, distinct_values
from toolkit.variables import Variable, quoted, unknown_variable

# Whole numbers of at most so many different values can define groups: codes of sex, region, cycle.
MOST_CODES = 30


@dataclass(frozen=True)
class Column:
    """A variable in an analysis."""

    # Name, label, unit, component, levels and reference.
    variable: Variable
    # Gives an Enum of `levels`, or Float64 for a continuous variable; null where missing.
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
    def others(self) -> tuple[str, ...]:
        """Levels other than the reference."""
        return tuple(level for level in self.levels if level != self.reference)

    @cached_property
    def continuous(self) -> bool:
        """Whether it is continuous rather than categorical."""
        return self.variable.kind == "number"

    @cached_property
    def case(self) -> str | None:
        """The level that is a case; None unless it is declared among two."""
        return self.variable.case

    def array(self, series: pl.Series) -> Floats | Indices:
        """Convert what `expression` gave: numbers, NaN if missing, or indices of levels, -1 if missing."""
        if self.continuous:
            return (series.fill_null(np.nan) if series.null_count() else series).to_numpy()
        physical = (series.to_physical() if isinstance(series.dtype, pl.Enum) else series).cast(pl.Int64)
        return (physical.fill_null(-1) if series.null_count() else physical).to_numpy()


def require_levels(column: Column, instead: str = "") -> None:
    """Raise if a variable is continuous; `instead` is the call that takes one."""
    if column.continuous:
        use = f"Use {instead}, or create" if instead else "Create"
        raise VariableError(
            f"'{column.name}' is continuous. {use} categories first with study.cut('{column.name}')."
        )


def require_continuous(column: Column, remedy: str) -> None:
    """Raise if a variable is categorical; `remedy` is a sentence."""
    if not column.continuous:
        levels = list_levels(column.levels)
        raise VariableError(
            f"'{column.name}' is categorical ({len(column.levels)} levels: {levels}). {remedy}"
        )


def require_countable(column: Column, otherwise: str) -> None:
    """Raise unless a variable is continuous or has a case; `otherwise` is for one of more levels."""
    if column.continuous or column.case is not None:
        return
    raise VariableError(unknown_case(column) if len(column.levels) == 2 else otherwise)


def unknown_case(column: Column) -> str:
    """Explain that the case of two levels is not declared, with the calls that declare it."""
    first, second = column.levels
    lines = [_write_case(column.name, level) for level in (first, second)]
    return (
        f"'{column.name}' has the levels '{first}' and '{second}', and its source does not say which of them "
        f"is the case or event. Declare it with study = {lines[0]}, or with study = {lines[1]}, and use the "
        "new variable."
    )


def _write_case(name: str, level: str) -> str:
    new = "_".join(re.findall(r"\w+", f"{name} {level}")).lower()
    return f"study.derive({new!r}, {f'{quoted(name)} == {level!r}'!r})"


def require_order(column: Column, purpose: str) -> None:
    """Raise unless a variable is continuous or ordinal; `purpose` is the subject of the message."""
    if column.continuous or column.variable.ordered:
        return
    levels = list_levels(column.levels)
    every = ", ".join(map(repr, column.levels)) if common_levels(column.levels) == column.levels else "..."
    new = "_".join(re.findall(r"\w+", column.name)) + "_ordered"
    raise VariableError(
        f"{purpose} needs an ordinal variable, and '{column.name}' has no declared order. Its levels are "
        f"{levels}. Declare them from lowest to highest with study = study.derive({new!r}, "
        f"{quoted(column.name)!r}, levels=[{every}]), and use '{new}'."
    )


def read(study: Study, names: Sequence[str], in_groups: Sequence[str] = ()) -> dict[str, Column]:
    """Read variables of a study; those `in_groups` are categorical if they are codes."""
    grouped = {name: name in in_groups for name in names}
    return {
        name: compute_once(study.computed, (Column, name, codes), partial(_read_column, study, name, codes))
        for name, codes in grouped.items()
    }


def _read_column(study: Study, name: str, in_groups: bool) -> Column:
    variable, dtype = _find_variable(study, name), study.people.schema[name]
    if variable.kind != "number":
        return Column(variable, _express_levels(name, dtype, variable))
    if not dtype.is_numeric():
        raise _explain_type(study, name)
    codes = _list_codes(distinct_values(study.people, name)) if in_groups else ()
    if codes:
        levels = replace(variable, kind="category", levels=codes, reference=codes[0], ordered=True)
        text = pl.col(name).cast(pl.Int64).cast(pl.String)
        return Column(levels, text.cast(pl.Enum(codes)))
    return Column(variable, _express_number(name, dtype))


def _find_variable(study: Study, name: str) -> Variable:
    if name in study.codebook:
        return study.variable(name)
    if name not in study.people.columns:
        known = [*study.codebook, *(c for c in study.people.columns if "." not in c)]
        raise unknown_variable(name, known)
    if name in study.provenance.get(IDENTIFIERS, ()):
        raise VariableError(
            f"'{name}' identifies the participants, so it is not a variable of an analysis. If it is a "
            "measurement, rename the column before tk.study."
        )
    # The people's text has become an Enum of its levels: what no codebook describes has no declared order.
    free = name in study.provenance.get(FREE_TEXT, ())
    variable = None if free else describe_column(study.people, name, ordered=False)
    if variable is None:
        raise _explain_type(study, name)
    return variable


def _list_codes(values: pl.Series | None) -> tuple[str, ...]:
    """List the values of a column of codes in order; none if they are measurements."""
    if values is None or not 0 < len(values) <= MOST_CODES:
        return ()
    whole = values.is_finite() & (values == values.round())
    return tuple(values.cast(pl.Int64).cast(pl.String)) if whole.all() else ()


def _explain_type(study: Study, name: str) -> VariableError:
    dtype, seen = study.people.schema[name], ""
    if dtype == pl.String:
        seen = f" with {study.people.select(pl.col(name).n_unique()).item():,} different values"
    return VariableError(
        f"'{name}' has the type {dtype.base_type()}{seen}, which is neither categorical "
        f"nor continuous. Derive a variable from it first with study.derive('{name}_group', ...)."
    )


def _express_number(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_float():
        column = column.fill_nan(None)
    return column.cast(pl.Float64).alias(name)


def _express_levels(name: str, dtype: pl.DataType, variable: Variable) -> pl.Expr:
    column, levels = pl.col(name), pl.Enum(variable.levels)
    if dtype == levels:
        return column
    if isinstance(dtype, pl.Boolean) or dtype.is_numeric():
        truth = column == 1 if dtype.is_numeric() else column
        return pl.when(truth).then(pl.lit("yes", levels)).when(~truth).then(pl.lit("no", levels)).alias(name)
    return column.cast(pl.String).cast(levels)


def with_reference(study: Study, exposure: str | None, reference: str | None) -> Study:
    """Set the reference level of an exposure; None keeps that of the study."""
    if reference is None:
        return study
    if exposure is None:
        raise VariableError(
            f"reference='{reference}' needs an exposure. Supply exposure=, or remove reference=."
        )
    variable = read(study, [exposure])[exposure].variable
    if not variable.levels:
        raise VariableError(
            f"'{exposure}' is continuous and has no reference level. Remove reference=, or create categories "
            f"first with study.cut('{exposure}')."
        )
    if reference not in variable.levels:
        raise VariableError(unknown_level(f"'{exposure}' has no level", reference, variable.levels))
    chosen = replace(variable, reference=reference)
    return replace(study, codebook=study.codebook.with_variables(chosen))


def with_references(study: Study, exposures: tuple[str, ...], references: Mapping[str, str] | None) -> Study:
    """Set the reference levels of several exposures."""
    for exposure, reference in (references or {}).items():
        require_known("reference= names an unknown exposure", exposure, exposures, error=VariableError)
        study = with_reference(study, exposure, reference)
    return study
