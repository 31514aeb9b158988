"""Define variables from an analyst's condition, formula, quantiles or merged levels."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

import polars as pl

from toolkit.disclosure import common_levels, unknown_level
from toolkit.errors import RARE, VariableError
from toolkit.variables import (
    YES_NO,
    Codebook,
    Derivation,
    Kind,
    Variable,
    formula,
    parse,
    restate_failure,
    unknown_variable,
)


@dataclass(frozen=True)
class Specification:
    """Name, levels, label and role of a variable that an analyst derives."""

    name: str
    levels: tuple[str, ...] = ()
    label: str = ""
    reference: str | None = None
    unit: str = ""
    node: str = ""


def derivation_of(
    people: pl.DataFrame, codebook: Codebook, asked: Specification, expression: pl.Expr | str
) -> Derivation:
    """Convert a condition, a formula or a polars expression to a derivation."""
    require_free(people, codebook, asked.name)
    value, inputs, found = _read(people, asked, expression)
    entry = _entry(people, asked, value, asked.levels or found)
    return Derivation(entry, inputs, _as_levels(value, entry))


def variables_read(people: pl.DataFrame, codebook: Codebook, step: Derivation) -> list[str]:
    """List the inputs that have to be variables, which all are but columns of dates."""
    dates = {name for name, dtype in people.schema.items() if dtype.is_temporal() and name not in codebook}
    return [name for name in step.inputs if name not in dates]


def require_free(people: pl.DataFrame, codebook: Codebook, name: str) -> None:
    """Raise if a study already has a variable or column of this name."""
    if name in codebook or name in people.columns:
        raise VariableError(
            f"This study already has a variable '{name}'. Choose another name, such as "
            f"study.derive('{name}_2', ...)."
        )


def _read(
    people: pl.DataFrame, asked: Specification, expression: pl.Expr | str
) -> tuple[pl.Expr, tuple[str, ...], Sequence[str]]:
    """Return the value, the names it reads, and the levels that the text itself names."""
    if not isinstance(expression, str):
        return expression, _inputs(people, asked.name, expression), ()
    read = formula(expression)
    if read.result == "number" and read.names == (read.text.strip("` "),):
        if asked.levels:  # a variable of levels, put in another order
            return pl.col(read.names[0]).cast(pl.String), read.names, ()
        condition = parse(expression)  # a yes/no variable that stands alone
        return condition.expression(people.schema), condition.names, ()
    return read.expression(people.schema), read.names, read.levels


def _inputs(people: pl.DataFrame, name: str, expression: object) -> tuple[str, ...]:
    """List the columns that a polars expression reads."""
    if not isinstance(expression, pl.Expr):
        raise VariableError(
            f"The expression of '{name}' has type {type(expression).__name__}. Write it as text, "
            f"study.derive('{name}', 'age >= 40'), or as a polars expression, pl.col('age') >= 40."
        )
    inputs = tuple(dict.fromkeys(expression.meta.root_names()))
    for needed in inputs:
        if needed not in people.columns:
            raise unknown_variable(needed, people.columns)
    return inputs


def _entry(people: pl.DataFrame, asked: Specification, value: pl.Expr, levels: Sequence[str]) -> Variable:
    kind: Kind = "category" if levels else _kind(people, asked.name, value)
    return Variable(
        asked.name,
        asked.label or asked.name,
        kind,
        tuple(levels),
        asked.reference,
        asked.unit,
        component="",
        source="derived by the analyst",
        ordered=bool(asked.levels),
        node=asked.node,
    )


def _kind(people: pl.DataFrame, name: str, value: pl.Expr) -> Kind:
    with restate_failure(name, value.meta.root_names()):
        dtype = people.head(0).select(value.alias(name)).schema[name]
    if isinstance(dtype, pl.Boolean):
        return "yes_no"
    if dtype.is_numeric():
        return "number"
    raise VariableError(
        f"'{name}' would be of type {dtype}: say its levels in their order, "
        f"study.derive('{name}', ..., levels=[..])."
    )


def _as_levels(value: pl.Expr, entry: Variable) -> pl.Expr:
    if entry.kind != "yes_no":
        return value
    answer: pl.Expr = pl.when(value).then(pl.lit("yes")).when(~value).then(pl.lit("no"))
    return answer


# Weighted quantiles belong to estimation, a layer above; the module is loaded when a study is cut.
_QUANTILES = "toolkit.estimate.descriptive.quantiles"
_GROUPS = {2: "halves", 3: "thirds", 4: "quarters", 5: "fifths", 10: "tenths"}


def quantile_derivation(study: Any, name: str, into: int, domain: str, as_: str | None) -> Derivation:
    """Derive the quantile groups of a continuous variable in a domain of a study."""
    variable: Variable = study.variable(name)
    words = _GROUPS.get(into, f"{into}_groups")
    new = as_ or f"{name}_{words}"
    require_free(study.people, study.codebook, new)
    found = import_module(_QUANTILES).quantile_groups(study, name, into, domain)
    levels = _bounds(found.texts)
    value = pl.col(name)
    group: pl.Expr = pl.when(value > found.cuts[-1]).then(pl.lit(levels[-1]))
    for cut, level in reversed(list(zip(found.cuts, levels[:-1], strict=True))):
        group = pl.when(value <= cut).then(pl.lit(level)).otherwise(group)
    entry = Variable(
        new,
        f"{variable.label}, in {_GROUPS.get(len(levels), f'{len(levels)} groups')}",
        "category",
        levels,
        unit=variable.unit,
        component="",
        source=f"{name}, cut at its weighted quantiles",
        note=_cut_note(variable, into, domain, found),
        ordered=True,
    )
    return Derivation(entry, (name,), group, within=parse(domain))


def _bounds(texts: Sequence[str]) -> tuple[str, ...]:
    between = [f"above {low} to {high}" for low, high in pairwise(texts)]
    return (f"up to {texts[0]}", *between, f"above {texts[-1]}")


def _cut_note(variable: Variable, into: int, domain: str, found: Any) -> str:
    cuts = ", ".join(f"{text} {variable.unit}".strip() for text in found.texts)
    persons = ", ".join(f"{count:,}" for count in found.persons)
    whom = f"participants with {domain.strip()}" if domain.strip() else "all participants"
    note = f"Cut at the weighted quantiles of {whom} ({cuts}; {persons} participants)."
    fewer = len(found.persons)
    if fewer < into:
        note += f" Cut points coincide, so there are {fewer} groups instead of {into}."
    return " ".join(filter(None, (note, variable.note)))


def merged_derivation(
    study: Any, name: str, levels: Mapping[str, str | Sequence[str]], as_: str | None
) -> Derivation:
    """Derive a variable with merged levels; levels that are not named stay."""
    variable: Variable = study.variable(name)
    new = as_ or f"{name}_merged"
    require_free(study.people, study.codebook, new)
    if not variable.levels:
        raise VariableError(f"'{name}' is continuous and has no levels. Cut it first: study.cut('{name}').")
    merged = {new_: (old,) if isinstance(old, str) else tuple(old) for new_, old in levels.items()}
    becomes = _becomes(variable, merged)
    kept = tuple(dict.fromkeys(becomes.values()))
    if len(kept) < 2:
        raise VariableError(
            f"All levels of '{name}' would be merged into '{kept[0]}'. Leave at least two levels apart."
        )
    yes_no = set(kept) == set(YES_NO)
    entry = Variable(
        new,
        variable.label,
        "yes_no" if yes_no else "category",
        () if yes_no else kept,
        None if yes_no else becomes[variable.reference or variable.levels[0]],
        variable.unit,
        component="",
        source=f"{name}, with levels merged",
        note=" ".join(filter(None, (_merge_note(merged, common_levels(variable.levels)), variable.note))),
        ordered=variable.ordered and all(_side_by_side(variable.levels, old) for old in merged.values()),
    )
    text = pl.col(name).cast(pl.String).replace_strict(becomes, default=None, return_dtype=pl.String)
    return Derivation(entry, (name,), text)


def _becomes(variable: Variable, merged: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Say for each level of a variable, in order, what it becomes."""
    becomes = {level: level for level in variable.levels}
    named = [old for olds in merged.values() for old in olds]
    for new, olds in merged.items():
        for old in olds:
            if old not in becomes:
                raise VariableError(
                    unknown_level(f"variable '{variable.name}' has no level", old, variable.levels)
                )
            if named.count(old) > 1:
                raise VariableError(f"The level '{old}' of '{variable.name}' is merged twice. Name it once.")
            becomes[old] = new
        if new in variable.levels and new not in olds:
            raise VariableError(
                f"'{variable.name}' has a level '{new}' that is not merged. Give the new level another name."
            )
    return becomes


def _side_by_side(levels: tuple[str, ...], olds: tuple[str, ...]) -> bool:
    places = sorted(levels.index(old) for old in olds)
    return not places or places[-1] - places[0] == len(places) - 1


def _merge_note(merged: Mapping[str, tuple[str, ...]], common: Collection[str]) -> str:
    """Say what each new level is; the note goes to pages, which name no rare level."""
    named = {
        new: [repr(old) if old in common else f"a {RARE}" for old in olds] for new, olds in merged.items()
    }
    parts = [f"'{new}' is {' or '.join(olds)}" for new, olds in named.items() if olds]
    return f"{'; '.join(parts)}." if parts else ""
