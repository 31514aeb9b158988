"""Apply derivations to a study's participants, recording why each derived value is missing.

A missing derived value takes the first reason, in the order of `codebook.REASONS`, among those of its inputs;
where every input has a value it is "outside the groups" (such as an age under 20 of `age_group`).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import polars as pl

from toolkit.errors import DesignError, ToolkitError, VariableError, join_list, short
from toolkit.variables.codebook import (
    Availability,
    Codebook,
    Comparability,
    Reason,
    Variable,
    clash,
    deepest,
    remarks,
    why,
)
from toolkit.variables.conditions import Condition

NOT_MEASURED = "not measured"
_OUTSIDE = pl.lit("outside the domain", Reason)
NOT_THIS_CYCLE = "not measured in this cycle"


@dataclass(frozen=True)
class Derivation:
    """How one variable follows from others.

    Attributes
    ----------
    variable
        The derived variable. Its component and availability follow from the inputs.
    inputs
        Names of the columns that the expression reads.
    expression
        A polars expression over the inputs; null wherever the value cannot be known.
    any_input
        True if one measured input is enough (such as one leg of two); otherwise a cycle that did not measure
        all of them has no value.
    gate
        The input whose answer determined whether the others were asked (such as "ever smoked"): its reason
        takes precedence.
    within
        The domain in which the variable is defined; participants outside have no value, for that reason.
        None for everyone.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> obese = tk.Variable("obese", "obesity", "yes_no")
    >>> tk.causes.Derivation(obese, ("bmi",), pl.col("bmi") >= 30).inputs
    ('bmi',)
    """

    variable: Variable
    inputs: tuple[str, ...]
    expression: pl.Expr
    any_input: bool = False
    gate: str = ""
    within: Condition | None = None

    @property
    def reads(self) -> tuple[str, ...]:
        """Every variable that it depends on: its inputs and those of its domain."""
        return tuple(dict.fromkeys((*self.inputs, *(self.within.names if self.within else ()))))


def derive(
    people: pl.DataFrame, codebook: Codebook, derivations: Iterable[Derivation]
) -> tuple[pl.DataFrame, Codebook]:
    """Add each derived variable that the study lacks; to the codebook alone if the inputs are there alone."""
    for step in derivations:
        name = step.variable.name
        if name in people.columns:
            continue
        if not _possible(step, people):
            codebook = _with_gap(people, codebook, step)
            continue
        with restate_failure(name, step.inputs):
            people = _with_value(people, step)
            settled = _settled(people, codebook, step)
        people = people.with_columns(pl.when(_measured(people, step, settled)).then(pl.col(name)).alias(name))
        people = people.with_columns(_reason(people, step).alias(why(name)))
        codebook = codebook.with_variables(_described(step, codebook, settled))
    return people, codebook


def _with_gap(people: pl.DataFrame, codebook: Codebook, step: Derivation) -> Codebook:
    """Record in the codebook why a variable cannot be derived, where it gives a reason for the inputs."""
    absent = [name for name in step.reads if name not in people.columns]
    explained = all(name in codebook for name in step.reads) and all(
        any(a.status == NOT_MEASURED for a in codebook[name].availability) for name in absent
    )
    return codebook.with_variables(_described(step, codebook)) if explained else codebook


def _possible(step: Derivation, people: pl.DataFrame) -> bool:
    present = [name in people.columns for name in step.reads]
    return any(present) if step.any_input else all(present)


def _with_value(people: pl.DataFrame, step: Derivation) -> pl.DataFrame:
    """Add the value of a variable; an input that the study lacks is missing for everyone."""
    absent = [name for name in step.reads if name not in people.columns]
    columns = people.with_columns(pl.lit(None).alias(name) for name in absent)
    name, value = step.variable.name, step.expression.cast(step.variable.dtype)
    if step.within:
        value = pl.when(step.within.expression(columns.schema)).then(value)
    try:
        return columns.with_columns(value.alias(name)).drop(absent)
    except pl.exceptions.InvalidOperationError:
        if step.variable.levels:
            columns.with_columns(step.expression.alias(name))  # raises what is not a matter of its levels
            raise VariableError(_explain_levels(step.variable)) from None
        raise


@contextmanager
def restate_failure(name: str, inputs: Sequence[str]) -> Iterator[None]:
    """Restate a failure of a variable's expression; the message of polars may quote a participant's value."""
    try:
        yield
    except (ToolkitError, MemoryError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        kind, quoted = type(error).__name__, [f"'{short(own)}'" for own in inputs]
        read = f" on the values of {join_list(quoted)}" if quoted else ""
        raise VariableError(
            f"'{short(name)}' cannot be derived: its expression failed{read} ({kind}). {_explain_kind(kind)} "
            "The original message, which may quote a participant's value, is in error.__context__."
        ) from None


def _explain_kind(kind: str) -> str:
    """Say what the error of polars means for an expression of a variable."""
    if kind in ("ShapeError", "DuplicateError"):
        return "Write an expression that gives one value per participant, in one column."
    if kind in ("SchemaError", "InvalidOperationError", "ComputeError"):
        return "Convert text with cast(..., strict=False), which gives null for what cannot be read."
    return "Check that it accepts every value, missing ones included."


def _explain_levels(variable: Variable) -> str:
    return (
        f"'{variable.name}' takes values that are not among its levels ({', '.join(variable.levels)}). Name "
        f"every level in study.derive('{variable.name}', ..., levels=[..]) or tk.Variable(..., levels=(..))."
    )


def _measured(people: pl.DataFrame, step: Derivation, settled: frozenset[str]) -> pl.Expr:
    """Select the cycles that measured all inputs or settle the value; in others, "no" cannot be known."""
    reasons = [] if step.any_input else [name for name in map(why, step.reads) if name in people.columns]
    elsewhere = [(pl.col(name) == NOT_THIS_CYCLE).fill_null(value=False) for name in reasons]
    if not elsewhere:
        return pl.lit(value=True)
    if settled:
        return ~pl.any_horizontal(elsewhere) | pl.col("cycle").cast(pl.String).is_in(list(settled))
    return ~pl.any_horizontal(elsewhere)


def _reason(people: pl.DataFrame, step: Derivation) -> pl.Expr:
    columns = [why(name) for name in step.reads if why(name) in people.columns]
    ranks = [pl.col(column).to_physical() for column in columns]
    first = pl.min_horizontal(ranks).cast(pl.UInt8).cat.to(Reason) if ranks else pl.lit(None, Reason)
    gate = pl.col(why(step.gate)) if why(step.gate) in columns else pl.lit(None, Reason)
    present = [pl.col(name).is_not_null() for name in step.reads if name in people.columns]
    complete = pl.all_horizontal(present) if present else pl.lit(value=True)  # a constant reads nothing
    outside = pl.when(complete).then(pl.lit("outside the groups", Reason))
    unexplained = outside.otherwise(pl.lit("no value recorded", Reason))
    known = pl.coalesce(gate, first, unexplained)
    if step.within:
        known = pl.when(~step.within.expression(people.schema)).then(_OUTSIDE).otherwise(known)
    return pl.when(pl.col(step.variable.name).is_null()).then(known)


def _settled(people: pl.DataFrame, codebook: Codebook, step: Derivation) -> frozenset[str]:
    """Find the cycles that lack an input and settle the value nevertheless, such as by another instrument."""
    inputs = [codebook[name] for name in step.inputs if name in codebook and name in people.columns]
    lacking: dict[str, set[str]] = {}
    for variable in inputs:
        for entry in variable.availability:
            if entry.status == NOT_MEASURED:
                lacking.setdefault(entry.cycle, set()).add(variable.name)
    if step.any_input or not lacking or "cycle" not in people.columns:
        return frozenset()
    cycle, value = pl.col("cycle").cast(pl.String), pl.col(step.variable.name)
    settled = []
    for name, lost in lacking.items():
        others = [v.name for v in inputs if v.name not in lost]
        known = pl.all_horizontal(pl.lit(value=True), *(pl.col(other).is_not_null() for other in others))
        there = people.filter((cycle == name) & known).select(
            pl.len().alias("n"), value.count().alias("known")
        )
        if others and there["n"].item() and there["n"].item() == there["known"].item():
            settled.append(name)
    return frozenset(settled)


def _described(step: Derivation, codebook: Codebook, settled: frozenset[str] = frozenset()) -> Variable:
    inputs = [codebook[name] for name in step.reads if name in codebook]
    _expect_common_weight(step, inputs)
    cycles = list(dict.fromkeys(a.cycle for v in inputs for a in v.availability))
    entries = tuple(
        _available(cycle, inputs, any_input=step.any_input or cycle in settled) for cycle in cycles
    )
    every = list(dict.fromkeys(c.cycle for v in inputs for c in v.comparability))
    compared = tuple(_compared(cycle, inputs, any_input=step.any_input) for cycle in every)
    component = deepest([v.component for v in inputs])
    review, unfit = remarks(inputs)
    derived = replace(step.variable, component=component, availability=entries, comparability=compared)
    return replace(derived, review=review, unfit=unfit, inputs=step.inputs)


def _expect_common_weight(step: Derivation, inputs: list[Variable]) -> None:
    pair = clash(v.component for v in inputs)
    if pair:
        of = {v.component: v.name for v in inputs}
        raise DesignError(
            f"'{step.variable.name}' would combine '{of[pair[0]]}' ({pair[0]}) and '{of[pair[1]]}' "
            f"({pair[1]}), which have no common weight. Derive one variable from each instead."
        )


def _available(cycle: str, inputs: list[Variable], *, any_input: bool) -> Availability:
    found = [a for v in inputs for a in v.availability if a.cycle == cycle]
    absent = [a for a in found if a.status == NOT_MEASURED]
    if absent and not (any_input and len(absent) < len(found)):
        return absent[0]
    proxies = [a for a in found if a.status == "proxy"]
    return proxies[0] if proxies else Availability(cycle, "measured", _changes(cycle, inputs))


def _compared(cycle: str, inputs: list[Variable], *, any_input: bool) -> Comparability:
    """Compare as the inputs do: an absent input makes it absent, a changed input makes it changed."""
    found = [c for v in inputs for c in v.comparability if c.cycle == cycle]
    absent = [c for c in found if c.verdict == "absent"]
    if absent and not (any_input and len(absent) < len(found)):
        return absent[0]
    changed = any(c.verdict == "changed" for c in found)
    return Comparability(cycle, "changed" if changed else "same", _changes(cycle, inputs) if changed else "")


def _changes(cycle: str, inputs: list[Variable]) -> str:
    changed = {v.name: c.how for v in inputs if (c := v.compared(cycle)).verdict == "changed"}
    return "; ".join(f"{name}: {how}" for name, how in changed.items())
