"""Phrase one result row as a clause: measure, estimate, confidence interval, adjustment."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from toolkit.disclosure import is_hidden
from toolkit.display.text.numbers import (
    FLAGS,
    SHOWN,
    Labels,
    format_condition,
    format_confidence,
    format_interval,
    format_level,
    format_p_value,
    format_point,
    format_size,
    format_test,
    label_variable,
    name_exposure,
    name_outcome,
    phrase_count,
    phrase_estimate,
    remove_unit,
)
from toolkit.display.text.row_labels import (
    Headed,
    format_adjustment,
    head_rows,
    label_contrast,
    label_level,
    name_set,
)
from toolkit.display.text.simulated_data import name_study
from toolkit.errors import join_list
from toolkit.results import Row, by_columns, covariates, estimand_of

_QUANTILES = {"0.5": "median", "0.25": "lower quartile", "0.75": "upper quartile"}
# What joins the variable to a test of a result across groups, by the name of the estimand.
_TEST_LINKS = {"heterogeneity": "across", "seasonality": "over"}


def phrase_row(row: Row, by: Sequence[str], labels: Labels | None = None) -> str:
    """Phrase a row with its group: its estimate, or why there is none."""
    groups = " and ".join(
        f"{label_variable(name, labels)}: {format_level(row[name])}" for name in by if row[name] is not None
    )
    start = f"in the group {groups}, " if groups else ""
    flag, reason = row["reliability"], str(row["reason"] or "no reason given").rstrip(".")
    empty = row["estimate"] is None and row["statistic"] is None
    if flag in ("suppress", "withheld") and empty:
        return f"{start}{name_measure(row, labels)} was {FLAGS[flag]} ({reason})"
    if flag == "failed" or empty:
        return f"{start}{name_measure(row, labels)} could not be estimated: {reason}"
    return f"{start}{_phrase_result(row, labels)}" + (
        f"; {FLAGS[flag]}: {reason}" if flag == "review" else ""
    )


def _phrase_result(row: Row, labels: Labels | None) -> str:
    estimand = estimand_of(row)
    measure = name_measure(row, labels)
    adjusted = phrase_adjustment(row, labels)
    if estimand.kind == "test":
        return f"{measure} gave {format_test(row)}"
    if estimand.family == "planning":
        n = phrase_count(row["study"], row["n"])
        return f"with {n} participants, {measure} is {phrase_estimate(row)}{adjusted}"
    if estimand.family == "impact":
        return _phrase_impact(row, labels)
    if row["estimand"] == "peak":
        return f"{measure} was on {row['level_label']}{adjusted}"
    groups = _name_compared(row, labels) if (estimand.of, estimand.kind) == ("prevalence", "ratio") else None
    if groups:
        return f"{_phrase_likelihood(row, *groups, labels)}{adjusted}"
    return f"{measure} was {phrase_estimate(row)}{adjusted}"


def _phrase_impact(row: Row, labels: Labels | None) -> str:
    """Say what would not occur under another exposure, and that this assumes causation."""
    what, against = name_outcome(row, labels) or "the outcome", name_exposure(row, labels)
    adjusted = phrase_adjustment(row, labels)
    changed = {
        "no for everyone": f"nobody had {against}",
        "yes for everyone": f"everyone had {against}",
    }.get(row["level"], f"{against} were {row['level_label']}")
    more = ", where a negative share means additional cases" if (row["estimate"] or 0) < 0 else ""
    return (
        f"if the association of {against} with {what} is causal{f' ({adjusted[2:]})' if adjusted else ''}, "
        f"{phrase_estimate(row)} of the cases of {what} would not occur if {changed}{more}"
    )


def _name_compared(row: Row, labels: Labels | None) -> tuple[str, str] | None:
    """Name the participants with and without a binary exposure, the reference last; None for other levels."""
    name = name_exposure(row, labels)
    match (row["level_label"] or row["level"], row["reference"]):
        case ("yes", "no"):
            return f"participants with {name}", "those without"
        case ("no", "yes"):
            return f"participants without {name}", "those with it"
    return None


def _phrase_likelihood(row: Row, exposed: str, reference: str, labels: Labels | None) -> str:
    value = format_point(row)
    ends = format_interval(row)
    interval = f", {format_confidence(row)} CI {ends}" if ends else ", no interval"
    return (
        f"{exposed} were {value} times as likely to have {name_outcome(row, labels) or 'the outcome'} as "
        f"{reference} ({_name_noun(row)} {value}{interval})"
    )


def name_measure(
    row: Row, labels: Labels | None = None, *, outcome: bool = True, exposure: bool = True, level: bool = True
) -> str:
    """Name what a row estimates: "the prevalence ratio of any cramps for diagnosed diabetes (yes vs no)"."""
    estimand, what, against = estimand_of(row), name_outcome(row, labels), name_exposure(row, labels)
    if estimand.kind == "test":
        return _name_test(row, what, against)
    if row["estimand"] == "ratio" and outcome:
        return f"the ratio of {remove_unit(what)} to {remove_unit(against)}"
    at = label_contrast(row) if level else ""
    if estimand.family == "coefficient":
        term = ": ".join(part for part in (against if exposure else "", at) if part)
        model = f" in the model of {what}" if outcome and what else ""
        return f"the {estimand.noun}{f' for {term}' if term else ''}{model}"
    text = f"the {_name_noun(row, level)}"
    if outcome:
        text += f" {estimand.link} {what or 'the outcome'}"
    if estimand.family == "survival" and at:
        text += f" at {at}"
    elif estimand.family in ("quantile", "rate", "season", "survival"):
        pass  # The noun has the level; the exposure is the time.
    elif exposure and against:
        text += f" for {against}{f' ({at})' if at else ''}"
    elif at and at != "yes":
        text += f": {at}"
    return text


def _name_noun(row: Row, level: bool = True) -> str:
    """Return the noun of a measure: "crude odds ratio", "median", "90th percentile"."""
    noun, family = estimand_of(row).noun, estimand_of(row).family
    if row["estimand"] == "quantile" and level:
        return _QUANTILES.get(str(row["level"]), f"{100 * float(row['level']):g}th percentile")
    return f"crude {noun}" if format_adjustment(row) == "crude" and family != "planning" else noun


def _name_test(row: Row, what: str, by: str) -> str:
    statistic = f" ({label_level(row)})" if label_level(row) else ""
    if row["estimand"] == "term":
        return f"the test of {by} in the model of {what}{statistic}"
    across = f" {_TEST_LINKS.get(row['estimand'], 'by')} {by}" if by else ""
    return f"the {estimand_of(row).noun} of {what or 'the outcome'}{across}{statistic}"


def phrase_adjustment(row: Row, labels: Labels | None = None) -> str:
    """Return the adjustment as the end of a clause; "" for a crude estimate, which its measure says."""
    text = format_adjustment(row, labels)
    if name_set(row, labels):
        return f" ({text})"
    return f", {text}" if text not in ("", "crude") else ""


def phrase_addition(row: Row, main: Row, labels: Labels | None = None) -> str:
    """Phrase another estimate of the same comparison in a few words; "" if it has no number to show."""
    if row["estimand"] == "seasonality" and row["statistic"] is not None:
        return f"test of seasonality: {format_test(row)}"
    if is_hidden(row) or row["estimate"] is None:
        return ""
    if row["estimand"] == "peak":
        return f"peak on {row['level_label']}"
    if row["level"] == "quadratic":
        return f"quadratic term {phrase_estimate(row)}"
    named = f"{_name_noun(row)} {phrase_estimate(row)}"
    if row["adjust"] == main["adjust"] or format_adjustment(row) == "crude":
        return named
    model = name_set(row, labels)
    return f"{model} {named}" if model else f"{named}{phrase_adjustment(row, labels)}"


def phrase_source(row: Row, labels: Labels | None = None) -> str:
    """Return study, domain and n in brackets."""
    where = (name_study(row["study"] or ""), format_condition(row["domain"], labels), format_size(row))
    parts = [part for part in where if part]
    return f" ({', '.join(parts)})" if parts else ""


OVERALL = "overall"


def summarize_range(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Summarize estimates of one measure by the lowest and the highest."""
    items = head_rows(frame, labels)
    tests = estimand_of(items[0].row).kind == "test"
    column = "p_value" if tests else "estimate"
    shown = [i for i in items if i.row["reliability"] in SHOWN and i.row[column] is not None]
    alike = {
        name: frame[name].n_unique() == 1 for name in ("outcome", "exposure", "level", "study", "domain", "n")
    }
    quantile = items[0].row["estimand"] == "quantile"
    measure = name_measure(
        items[0].row,
        labels,
        outcome=alike["outcome"],
        exposure=alike["exposure"],
        level=quantile and alike["level"],
    )
    lost = _count_lost(items)
    if not shown:
        return f"none of the {len(items)} estimates of {measure} could be reported{lost}"
    ends = [choose(shown, key=lambda item: item.row[column]) for choose in (min, max)]
    group = _name_group(frame, labels)
    low, high = (f"{_phrase(end.row)} for {group}{end.name}" for end in ends)
    named = f"p-values of {measure}" if tests and len(shown) > 1 else measure
    span = f"{'gave' if tests else 'was'} {low} only" if len(shown) == 1 else f"ranged from {low} to {high}"
    adjusted = phrase_adjustment(items[0].row, labels) if frame["adjust"].n_unique() == 1 else ""
    shared = {**items[0].row, **{name: None for name in ("study", "domain", "n") if not alike[name]}}
    return f"{named} {span}{adjusted}{lost}{phrase_source(shared, labels)}"


def summarize_briefly(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Summarize estimates of one measure in a line: estimate and interval, or the lowest and the highest."""
    items = head_rows(frame, labels)
    shown = [i for i in items if i.row["reliability"] in SHOWN and i.row["estimate"] is not None]
    row, single = (shown or items)[0].row, len(items) == 1
    compared = row["exposure"] and estimand_of(row).kind in ("ratio", "points")
    measure = name_measure(row, labels, outcome=single or not compared, level=single)
    if compared and covariates(row["adjust"] or ""):
        measure = measure.replace("the ", "the adjusted ", 1)
    if not shown:
        return f"{measure} could not be reported"
    if single:
        return f"{measure} was {phrase_estimate(row)}"
    low, high = (choose(shown, key=lambda item: item.row["estimate"]) for choose in (min, max))
    ends = [f"{phrase_estimate(end.row)} for {end.name}" for end in (low, high)]
    return f"{measure} was {ends[0]} only" if low is high else f"{measure} ranged from {' to '.join(ends)}"


def _phrase(row: Row) -> str:
    return format_p_value(row["p_value"]) if estimand_of(row).kind == "test" else phrase_estimate(row)


def _name_group(frame: pl.DataFrame, labels: Labels | None) -> str:
    """Name the grouping variable before levels that do not explain themselves: "diabetes: "."""
    by = by_columns(frame)
    bare = len(by) == 1 and set(frame[by[0]].drop_nulls()) <= {"yes", "no"}
    return f"{label_variable(by[0], labels)}: " if bare else ""


def _count_lost(items: Sequence[Headed]) -> str:
    flags = Counter(item.row["reliability"] for item in items)
    lost = [
        f"{n} {'was' if n == 1 else 'were'} {FLAGS[flag]}"
        for flag in ("suppress", "withheld", "failed")
        if (n := flags[flag])
    ]
    return f"; of {len(items)} estimates, {join_list(lost)}" if lost else ""


def is_description(frame: pl.DataFrame) -> bool:
    """Return whether this is a frame of `tk.describe`: it alone counts the participants of its columns."""
    return "people" in frame["estimand"].to_list()


def group_of(row: Row, by: str | None) -> str:
    """Return the column of Table 1 that a row belongs to."""
    return OVERALL if by is None or row[by] is None else str(row[by])


def name_groups(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Name the grouping variable of a description, by its own label where a test has it; "" without one."""
    by = next(iter(by_columns(frame)), None)
    if by is None:
        return ""
    own = frame.filter(pl.col("exposure") == by)["exposure_label"].drop_nulls().to_list()
    return (labels or {}).get(by) or next(iter(own), label_variable(by, labels))


def describe_source(rows: Sequence[Row], labels: Labels | None = None, sep: str = ", ") -> str:
    """Return the studies of all rows, since not every cycle measured each variable, and the domain."""
    studies = join_list(dict.fromkeys(name_study(row["study"]) for row in rows if row["study"]))
    return sep.join(part for part in (studies, format_condition(rows[0]["domain"], labels)) if part)


def summarize_description(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Summarize a description: participants, characteristics, and the range of p-values between groups."""
    rows, by = frame.rows(named=True), next(iter(by_columns(frame)), None)
    n_names = len({row["outcome"] for row in rows if row["outcome"] and row["outcome"] != by})
    everyone = next(row for row in rows if row["estimand"] == "people")
    where = describe_source(rows, labels)
    n = phrase_count(everyone["study"], everyone["n"])
    text = f"{n} participants are described by {n_names} characteristic{'s' * (n_names != 1)}"
    text += f" ({where})" if where else ""
    tests: list[Any] = [row for row in rows if estimand_of(row).kind == "test" and row["p_value"] is not None]
    if not by or not tests:
        return text
    tests.sort(key=lambda row: row["p_value"])
    ends = [f"{format_p_value(row['p_value'])} ({name_outcome(row)})" for row in (tests[0], tests[-1])]
    if len(tests) == 1:
        return f"{text}; the test of a difference by {name_groups(frame, labels)} gave {ends[0]}"
    return (
        f"{text}; {len(tests)} tests of a difference by {name_groups(frame, labels)} gave {' to '.join(ends)}"
    )
