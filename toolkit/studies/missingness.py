"""List the variables of a study, and summarize missing data by reason and availability by survey cycle."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from toolkit.causes.card import cards
from toolkit.causes.outcomes import CRAMP_RULES
from toolkit.disclosure import Policy, list_levels, round_in_run, small_counts
from toolkit.errors import DatasetError, VariableError
from toolkit.results import AVAILABILITY_SCHEMA, VARIABLES_SCHEMA
from toolkit.studies.participants.engine_people import EnginePeople
from toolkit.variables import Availability, Codebook, Variable, reason_for

MISSING_SCHEMA: dict[str, pl.DataType] = {
    "variable": pl.String(),
    "cycle": pl.String(),
    "reason": pl.String(),
    "n": pl.Int64(),
    "percent": pl.Float64(),
}
HAS_VALUE = "has a value"
# Who was never asked is not counted as missing an answer.
_NOT_PUT = ("not asked", "not measured in this cycle", "not in the subsample")


def rare_levels(
    people: Any, codebook: Codebook, smallest: int, known: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Find the levels of categories that fewer participants have than a threshold, by variable."""
    if not smallest:
        return {}
    found = dict(known)
    for name, variable in codebook.items():
        category = variable.kind == "category" and name != "cycle"
        if category and name in people.columns and name not in found:
            counts = _count_levels(people, name)
            found[name] = tuple(level for level in variable.levels if 0 < counts.get(level, 0) < smallest)
    return found


def _count_levels(people: Any, name: str) -> dict[str, int]:
    """Count the participants of each level; those on an engine only if opening the study counted them."""
    if isinstance(people, EnginePeople):
        facts = people.facts.get(name)
        if facts is None or facts.values is None or facts.counts is None:
            return {}
        return dict(zip(facts.values.cast(pl.String), facts.counts, strict=True))
    return dict(people[name].drop_nulls().alias("level").cast(pl.String).value_counts().iter_rows())


def count_missing(people: pl.DataFrame, variable: str) -> pl.DataFrame:
    """Count the missing values of a variable by cycle and reason, in the columns of `MISSING_SCHEMA`."""
    cycle = pl.col("cycle").cast(pl.String) if "cycle" in people.columns else pl.lit("")
    counts = (
        people.group_by(cycle=cycle, reason=_reason(people, variable))
        .agg(n=pl.len().cast(pl.Int64))
        .with_columns(variable=pl.lit(variable), percent=100 * pl.col("n") / pl.col("n").sum().over("cycle"))
    )
    ordered = counts.sort("cycle", pl.col("reason") != HAS_VALUE, -pl.col("n"), "reason")
    return ordered.select(MISSING_SCHEMA.keys()).cast(MISSING_SCHEMA)  # type: ignore[arg-type]


def hide_small(counts: pl.DataFrame, smallest: int, margin: Sequence[str] = ()) -> pl.DataFrame:
    """Hide counts below a threshold and, of the rows of a margin, a second one where one alone is hidden."""
    if not smallest:
        return counts
    if round_in_run(smallest):
        return _round_counts(counts, smallest)
    hidden = small_counts(counts, smallest, margin)
    names = [name for name in ("n", "percent", "percent_missing") if name in counts.columns]
    shown = counts.with_columns(pl.when(~hidden).then(pl.col(name)).alias(name) for name in names)
    if "percent_missing" in shown.columns:  # of the participants with and without a value
        share = pl.col("percent_missing") / 100
        lacking = (counts["n"] * counts.select(share / (1 - share)).to_series()).round()
        lacks_few = lacking.is_between(1, smallest - 1).fill_null(value=False)
        shown = shown.with_columns(
            pl.when(~lacks_few).then(pl.col("percent_missing")).alias("percent_missing")
        )
    if "missing_n" not in shown.columns:
        return shown
    few = pl.col("missing_n").is_between(1, smallest - 1)
    reasons = ["missing_n", "missing_percent"]
    return shown.with_columns(pl.when(~few).then(pl.col(column)).alias(column) for column in reasons)


def _round_counts(counts: pl.DataFrame, smallest: int) -> pl.DataFrame:
    """Round counts to multiples of a threshold, hide smaller ones, and compute percentages from these."""
    policy, n, lacks = Policy(smallest), pl.col("n"), pl.col("missing_n")
    of_all = n.sum().over("variable", "cycle") if "percent" in counts.columns else None
    # Participants with and without a value; where nobody has one, all are missing.
    share = pl.col("percent_missing") / 100
    asked = pl.when(share < 1).then((n / (1 - share)).round().cast(pl.Int64))
    each = (100 * lacks / pl.col("missing_percent")).round().cast(pl.Int64)
    shown = {
        "n": policy.rounded(n),
        "percent": None if of_all is None else 100 * policy.rounded(n) / policy.rounded(of_all),
        "percent_missing": pl.when(share < 1)
        .then(
            pl.when(policy.rounded(asked - n).is_not_null()).then(
                100 - 100 * policy.rounded(n) / policy.rounded(asked)
            )
        )
        .otherwise(pl.col("percent_missing")),
        "missing_n": policy.rounded(lacks),
        "missing_percent": 100 * policy.rounded(lacks) / policy.rounded(each),
    }
    return counts.with_columns(
        column.alias(name) for name, column in shown.items() if name in counts.columns and column is not None
    )


def _reason(people: pl.DataFrame, variable: str) -> pl.Expr:
    stated = reason_for(variable, people.columns)
    return pl.when(pl.col(variable).is_null()).then(stated).otherwise(pl.lit(HAS_VALUE))


def availability_of(
    people: pl.DataFrame, codebook: Codebook, label: str, cycles: Sequence[str], *, by_reason: bool = False
) -> pl.DataFrame:
    """Report whether each exposure was measured in each cycle; `by_reason`, a row for each reason."""
    rows = [
        (cause, exposure.name, cycle, *_available(people, codebook, label, exposure.name, cycle))
        for cause, card in cards().items()
        for exposure in card.exposures
        for cycle in cycles
    ]
    frame = pl.DataFrame(rows, schema=AVAILABILITY_SCHEMA, orient="row")
    return _with_reasons(people, frame) if by_reason else frame


def _with_reasons(people: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    names = frame.filter(pl.col("status") != "not measured")["exposure"].unique(maintain_order=True)
    counts = [count_missing(people, name) for name in names]
    empty = pl.DataFrame(schema=MISSING_SCHEMA)
    put = pl.concat([empty, *counts]).filter(~pl.col("reason").is_in(_NOT_PUT))
    shares = put.with_columns(missing_percent=100 * pl.col("n") / pl.col("n").sum().over("variable", "cycle"))
    lacking = shares.filter(pl.col("reason") != HAS_VALUE).select(
        pl.col("variable").alias("exposure"), "cycle",
        pl.col("reason").alias("missing_reason"), pl.col("n").alias("missing_n"), "missing_percent",
    )  # fmt: skip
    return frame.join(lacking, on=["exposure", "cycle"], how="left", maintain_order="left_right")


def _available(
    people: pl.DataFrame, codebook: Codebook, label: str, exposure: str, cycle: str
) -> tuple[Any, ...]:
    if exposure not in codebook:
        return ("not measured", f"not among the variables of {label}", 0, None)
    variable = codebook[exposure]
    entries = {a.cycle: a for a in variable.availability}
    entry = entries.get(cycle, Availability(cycle, "measured"))
    if exposure not in people.columns or entry.status == "not measured":
        return ("not measured", entry.reason, 0, None)
    return (entry.status, _compared(variable, entry), *_counts(people, exposure, cycle))


def _compared(variable: Variable, entry: Availability) -> str:
    """Say of what was measured how it compares with the other cycles; "" is the same as there."""
    changed = variable.compared(entry.cycle).verdict == "changed"
    return f"changed: {entry.reason}" if changed else entry.reason


def _counts(people: pl.DataFrame, variable: str, cycle: str) -> tuple[int, float | None]:
    counts = count_missing(people, variable).filter(cycle=cycle)
    with_value = int(counts.filter(reason=HAS_VALUE)["n"].sum())
    put = int(counts.filter(~pl.col("reason").is_in(_NOT_PUT))["n"].sum())
    return with_value, 100 * (put - with_value) / put if put else None


def summarize(
    people: pl.DataFrame,
    codebook: Codebook,
    *,
    visits: pl.DataFrame | None,
    diary: pl.DataFrame | None,
    cycles: Sequence[str],
    design: str,
) -> dict[str, str]:
    """Summarize a study: participants, visits, diary entries, cycles, design, outcomes and variables."""
    columns = frozenset(people.columns)
    measured = [name for name in codebook if name in columns]
    facts = {
        "Participants": f"{people.height:,}",
        "Visits": "" if visits is None else f"{visits.height:,}",
        "Diary entries": "" if diary is None else f"{diary.height:,}",
        "Cycles": ", ".join(filter(None, cycles)),
        "Design": design,
        "Outcomes": ", ".join(rule.name for rule in CRAMP_RULES if rule.name in measured),
        "Variables": f"{len(measured):,} measured of {len(codebook):,} in the codebook; "
        "list them with study.variables()",
    }
    return {name: text for name, text in facts.items() if text}


def list_variables(
    people: pl.DataFrame, codebook: Codebook, cycles: Sequence[str], search: str
) -> pl.DataFrame:
    """List the variables whose name, label or question contains a text (`VARIABLES_SCHEMA`)."""
    sought = search.casefold()
    found = [
        variable
        for variable in codebook.values()
        if any(sought in text.casefold() for text in (variable.name, variable.label, variable.question))
    ]
    columns = frozenset(people.columns)
    present = [variable.name for variable in found if variable.name in columns]
    counts = people.select(pl.col(name).count() for name in present).row(0, named=True) if present else {}
    rows = [_listed(variable, counts, cycles) for variable in found]
    return pl.DataFrame(rows, schema=VARIABLES_SCHEMA, orient="row")


def _listed(variable: Variable, counts: Mapping[str, int], cycles: Sequence[str]) -> tuple[Any, ...]:
    unmeasured = {entry.cycle for entry in variable.availability if entry.status == "not measured"}
    present = variable.name in counts
    measured = ", ".join(cycle for cycle in cycles if cycle and cycle not in unmeasured)
    return (
        variable.name,
        variable.label,
        variable.kind,
        list_levels(variable.levels, len(variable.levels), mark="") or variable.unit,
        variable.component,
        measured if present else "",
        counts.get(variable.name, 0),
    )


def require_measured(variable: Variable, people: pl.DataFrame, label: str) -> Variable:
    """Return a variable that is among the columns; otherwise raise with the reasons of each cycle."""
    name = variable.name
    if name in people.columns:
        return variable
    gaps = [entry for entry in variable.availability if entry.status == "not measured"]
    reasons = [f"{entry.cycle}: {entry.reason}" for entry in gaps]
    listed = "; ".join(reasons) or "it is in the codebook but not among the columns of study.people"
    if any("not found:" in reason for reason in reasons):
        raise DatasetError(
            f"'{name}' cannot be used ({listed}). Put the file there and open the study again."
        )
    raise VariableError(
        f"'{name}' was not measured in {label} ({listed}). List what was measured with study.variables()."
    )
