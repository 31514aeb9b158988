"""Headings and labels of result rows, and the title and notes that apply to all rows."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from toolkit.display.text.numbers import (
    Labels,
    capitalize,
    format_condition,
    format_confidence,
    format_count,
    format_level,
    format_size,
    format_test,
    label_variable,
    name_exposure,
    name_outcome,
)
from toolkit.display.text.simulated_data import SIMULATED, begin_note, is_simulated, name_study
from toolkit.display.text.specification_summaries import is_multiverse, label_specification
from toolkit.errors import join_list
from toolkit.results import PLAN_QUESTION, Row, by_columns, covariates, estimand_of

# A set goes by the name of one that has at most this many covariates more.
_MOST_WITHOUT = 2


@dataclass(frozen=True, slots=True)
class Headed:
    """A result row with the heading that it shares with its neighbors and its own label; either may be ""."""

    head: str
    label: str
    row: Row

    @property
    def name(self) -> str:
        """Heading and label in one phrase."""
        return ", ".join(part for part in (self.head, self.label) if part)


def head_rows(frame: pl.DataFrame, labels: Labels | None = None) -> list[Headed]:
    """Split what distinguishes the rows into headings and labels; rows of a heading follow each other."""
    rows, by = frame.rows(named=True), by_columns(frame)
    if is_multiverse(frame):
        return _gather_headings([Headed(*label_specification(row, by, labels), row) for row in rows])
    comparisons = {(row["exposure"], row["level"], row["reference"]) for row in rows if row["exposure"]}
    single = {name for name, n in Counter(exposure for exposure, *_ in comparisons).items() if n == 1}
    several = len({text for row in rows if (text := format_adjustment(row)) not in ("", "crude")}) > 1
    parts = [_split_row(row, by, labels, row["exposure"] in single, several) for row in rows]
    apart = [name for name in parts[0] if len({part[name] for part in parts}) > 1] if rows else []
    tail = [name for name in apart if name in ("level", "adjust")] or apart[-1:]
    if len(apart) > 1 and _repeat_in_studies(rows, by):
        tail = ["study"]  # Studies are compared with one another.
    lead = [name for name in apart if name not in tail]
    headed = []
    for part, row in zip(parts, rows, strict=True):
        head, label = (", ".join(part[name] for name in names if part[name]) for names in (lead, tail))
        if len(tail) == 1 and tail[0] in by:  # The heading or title names the variable.
            label = label.split(": ", 1)[-1]
        headed.append(Headed(head, label, row))
    return _gather_headings(headed)


def _gather_headings(headed: Sequence[Headed]) -> list[Headed]:
    """Let rows of a heading follow each other."""
    first = {item.head: place for place, item in reversed(list(enumerate(headed)))}
    return _drop_single_headings(sorted(headed, key=lambda item: first[item.head]))


def _repeat_in_studies(rows: Sequence[Row], by: Sequence[str]) -> bool:
    """Return whether each row has one like it of every study, apart from covariates and domain."""
    names = ("study", *by, "estimand", "outcome", "exposure", "level", "reference")
    found: dict[tuple[str | None, ...], set[str]] = {}
    for row in rows:
        study, *own = (row[name] for name in names)
        found.setdefault(tuple(own), set()).add(study)
    studies = {row["study"] for row in rows}
    return len(studies) > 1 and all(own == studies for own in found.values())


def split_agreement(frame: pl.DataFrame, labels: Labels | None = None) -> tuple[pl.DataFrame, list[str]]:
    """Split a comparison of studies into their estimates and the lines that state its tests."""
    tested = frame["estimand"] == "heterogeneity"
    if tested.all() or not tested.any():
        return frame, []
    tests, by = frame.filter(tested), by_columns(frame)
    apart = [name for name in ("exposure_label", "level_label") if tests[name].n_unique() > 1]
    lines = []
    for row in tests.rows(named=True):
        named = [f"{label_variable(name, labels)}: {format_level(row[name])}" for name in by if row[name]]
        named += [str(row[name]) for name in apart]
        where = f" ({', '.join(named)})" if named else ""
        found = format_test(row) if row["p_value"] is not None else "not possible"
        why = f"; {row['reason']}" if row["reason"] else ""
        lines.append(f"Test of heterogeneity across studies{where}: {found}{why}")
    return frame.filter(~tested), lines


def _split_row(
    row: Row, by: Sequence[str], labels: Labels | None, single: bool, several: bool
) -> dict[str, str]:
    if row.get(PLAN_QUESTION):
        groups = [f"{label_variable(n, labels)}: {format_level(row[n])}" for n in by if row[n] is not None]
        contrast = label_contrast(row) or label_level(row)
        return {"question": row[PLAN_QUESTION], "level": ", ".join(filter(None, [*groups, contrast]))}
    exposure = name_exposure(row, labels)
    if single and label_contrast(row):
        exposure = f"{exposure}: {label_contrast(row)}"
    elif exposure and row["reference"]:
        exposure = f"{exposure} (vs {row['reference']})"
    adjustment = format_adjustment(row, labels)
    return {
        "study": name_study(row["study"] or ""),
        "domain": format_condition(row["domain"], labels) or "everyone",
        "outcome": row["outcome_label"] or label_variable(row["outcome"] or "", labels),
        **{n: f"{label_variable(n, labels)}: {format_level(row[n] or 'overall')}" for n in by},
        "exposure": exposure,
        "level": "" if single else label_level(row),
        # Where all adjusted rows have one set, a note lists it.
        "adjust": name_set(row, labels) or (adjustment if several else adjustment.split(" for ")[0]),
    }


def _drop_single_headings(headed: Sequence[Headed]) -> list[Headed]:
    """Join heading and label of a row that is alone under its heading, unless others need the indent."""
    sizes = Counter(item.head for item in headed)
    nested = any(size > 1 for size in sizes.values())
    return [
        item if nested and (item.label or sizes[item.head] > 1) else Headed("", item.name, item.row)
        for item in headed
    ]


def label_level(row: Row) -> str:
    """Return a row's level; the unit of a continuous exposure."""
    return format_level(row["level_label"] or row["level"] or "")


def label_contrast(row: Row) -> str:
    """Return a row's level and reference, "yes vs no"."""
    level, reference = label_level(row), format_level(row["reference"] or "")
    return f"{level} vs {reference}" if level and reference else level


def find_set(row: Row, labels: Labels | None = None) -> str:
    """Return the key of `labels` that has a row's covariates and at most two more; "" if none does."""
    own = set(covariates(row["adjust"] or ""))
    sets = {key: set(covariates(key)) for key in labels or {}}
    within = {key: len(names - own) for key, names in sets.items() if own and len(names) > 1 and own <= names}
    key = min(within, key=lambda key: within[key], default="")
    return key if key and within[key] <= _MOST_WITHOUT else ""


def name_set(row: Row, labels: Labels | None = None) -> str:
    """Name a row's covariates by the label of a set, "Model 1 without sex"; "" if none fits."""
    if not labels or not (key := find_set(row, labels)):
        return ""
    own = covariates(row["adjust"])
    without = join_list(label_variable(name, labels) for name in covariates(key) if name not in own)
    return f"{labels[key]} without {without}" if without else labels[key]


def format_adjustment(row: Row, labels: Labels | None = None) -> str:
    """Return "crude" or "adjusted for age and sex", after the name of the set; "" without a comparison."""
    own = covariates(row["adjust"] or "")
    if not own:
        return "crude" if row["exposure"] and estimand_of(row).kind in ("ratio", "points") else ""
    text = f"adjusted for {join_list(label_variable(name, labels) for name in own)}"
    named = name_set(row, labels)
    return f"{named}, {text}" if named else text


def write_title(frame: pl.DataFrame, labels: Labels | None = None) -> str:
    """Write the title of all rows, "Prevalence ratio of any cramps by diagnosed diabetes"."""
    rows = frame.rows(named=True)
    measures = _distinct(estimand_of(row).noun for row in rows)
    outcomes = _distinct(name_outcome(row, labels) for row in rows)
    exposures = _distinct(name_exposure(row, labels) for row in rows)
    by = [] if is_multiverse(frame) else [label_variable(name, labels) for name in by_columns(frame)]
    if len(exposures) > 1:
        exposures = [f"{len(exposures)} exposures"]
    text = join_list(measures) if len(measures) < 3 else f"{len(measures)} measures"
    if outcomes:
        link = estimand_of(rows[0]).link if len(measures) == 1 else "of"
        text += f" {link} {outcomes[0] if len(outcomes) == 1 else f'{len(outcomes)} outcomes'}"
    return capitalize(text + (f" by {join_list([*exposures, *by])}" if exposures or by else ""))


def write_notes(frame: pl.DataFrame, labels: Labels | None = None) -> list[str]:
    """Write what applies to all rows: simulated or not, study, domain, n, reference and adjustment."""
    rows = frame.rows(named=True)
    domains = {format_condition(row["domain"], labels) for row in rows}
    sizes = "" if by_columns(frame) and not is_multiverse(frame) else _range_of_n(rows)
    where = [
        join_list(_distinct(name_study(row["study"] or "") for row in rows)),
        *(domains if len(domains) == 1 else []),
        sizes,
    ]
    how = [_note_reference(rows), _note_adjustment(rows, labels)]
    lines = [
        SIMULATED if is_simulated(frame) else "",
        begin_note("; ".join(part for part in where if part)),
        capitalize("; ".join(part for part in how if part)),
        *_describe_sets(rows, labels),
    ]
    return [line for line in lines if line]


def _range_of_n(rows: Sequence[Row]) -> str:
    sizes = sorted({row["n"] for row in rows if row["n"]})
    if not sizes:
        return ""
    return format_size(rows[0], sizes[0]) + f" to {format_count(sizes[-1])} by row" * (len(sizes) > 1)


def _note_reference(rows: Sequence[Row]) -> str:
    pairs = {(row["exposure"], row["reference"]) for row in rows if row["reference"]}
    if len(pairs) != 1 or len({row["exposure"] for row in rows}) != 1:
        return ""
    levels, (_, reference) = _distinct(label_level(row) for row in rows), pairs.pop()
    return f"{levels[0]} compared with {reference}" if len(levels) == 1 else f"compared with {reference}"


def _note_adjustment(rows: Sequence[Row], labels: Labels | None) -> str:
    texts = _distinct(format_adjustment(row, labels) for row in rows)
    sets = [text for text in texts if text != "crude"]
    if len(sets) == 1 and len(texts) > 1:
        return (
            "" if _describe_sets(rows, labels) else sets[0].replace("adjusted", "adjusted estimates account")
        )
    return texts[0] if len(texts) == 1 else ""


def _describe_sets(rows: Sequence[Row], labels: Labels | None) -> list[str]:
    """List the covariates of each named set once, where the rows do not all have one set."""
    if not labels or len(_distinct(format_adjustment(row, labels) for row in rows)) < 2:
        return []
    sets = {key: covariates(key) for key in _distinct(find_set(row, labels) for row in rows)}
    lines = []
    for key, own in sets.items():
        inner = [other for other, names in sets.items() if set(names) < set(own)]
        within = max(inner, key=lambda other: len(sets[other]), default="")
        rest = join_list(label_variable(name, labels) for name in own if name not in sets.get(within, []))
        start = f"{labels[within]} plus" if within else "adjusted for"
        lines.append(f"{labels[key]}: {start} {rest}")
    return lines


def name_interval(frame: pl.DataFrame) -> str:
    """Name the interval in the head of a column, "95% CI"."""
    levels = _distinct(format_confidence(row) for row in frame.rows(named=True))
    return f"{levels[0]} CI" if len(levels) == 1 else "CI"


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
