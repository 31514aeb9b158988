"""Write a study's data dictionary as one page: its variables, missing data with reasons, and the causes.

The page contains no participant's row and needs no network. `disclosure_control` hides small groups.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.causes import covariates, outcomes
from toolkit.causes.card import cards
from toolkit.disclosure import count_rare
from toolkit.errors import DatasetError, as_path, require_study
from toolkit.files.checked_toml import read_toml, shipped
from toolkit.files.safe_files import write_text
from toolkit.report.disclosure_control import (
    RULES,
    Histogram,
    count_bars,
    draw_histogram,
    format_count,
    format_share,
)
from toolkit.report.output import folder_of
from toolkit.report.page.html import fill_page, page_text
from toolkit.studies import HAS_VALUE, Study, count_missing
from toolkit.variables import Entry, Variable

_THEMES = {"cramps": "Leg cramps", "burden": "Burden", "background": "Background"}
_OWN = "Variables of this study"
_KINDS = {"number": "continuous", "yes_no": "yes or no", "category": "categorical"}
_MARKS = {"measured": "●", "proxy": "○", "not measured": "–"}
_YES_NO = {"true": "yes", "false": "no", "1": "yes", "0": "no", "1.0": "yes", "0.0": "no"}
_UNAVAILABLE = "not available"


def data_dictionary(study: Study, path: str | Path | None = None, *, exact: bool = False) -> Path:
    """Write a study's data dictionary as one HTML page that needs no network.

    Parameters
    ----------
    study
        The study.
    path
        The file to write; None writes `<study>/data-dictionary.html` in the folder of all reports (see
        `tk.render`).
    exact
        False rounds counts of participants to tens, shows 1 to 9 as "<10" and omits statistics of few
        participants. True shows exact counts, for public files and for your own use.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DatasetError
        If the path does not end in .html.

    Examples
    --------
    >>> import tempfile, toolkit as tk
    >>> study = tk.open_study("example-survey")
    >>> tk.data_dictionary(study, Path(tempfile.mkdtemp()) / "page.html").name
    'page.html'
    """
    require_study(study, "tk.reports.data_dictionary")
    target = as_path(path, "A data dictionary") if path else folder_of(study) / "data-dictionary.html"
    if target.suffix.lower() != ".html":
        raise DatasetError(
            f"The data dictionary is an HTML page, and '{target.name}' does not end in .html. Use a name "
            f"such as '{target.stem}.html'."
        )
    page = fill_page(
        "dictionary.html",
        _describe_study(study, exact=exact),
        styles=["dictionary.css"],
        scripts=[page_text("dictionary.js")],
        simulated=study.label if study.simulated else "",
    )
    write_text(target, page)
    return target


def _describe_study(study: Study, *, exact: bool) -> dict[str, Any]:
    themes = list(_describe_themes(study, exact=exact))
    return {
        "study": study,
        "people": format_count(study.people.height, exact=exact),
        "cycles": [cycle for cycle in study.cycles if cycle],
        "design": _describe_design(study),
        "themes": themes,
        "count": sum(len(theme["measured"]) for theme in themes),
        "causes": list(_describe_causes(study, exact=exact)),
        "marks": _MARKS,
        "records": list(_describe_records(study, exact=exact)),
        "rules": RULES[exact],
    }


def _describe_design(study: Study) -> list[tuple[str, str]]:
    design = study.design
    weights = [f"{name} ({w.rescaling})" if w.rescaling else name for name, w in design.components.items()]
    replicates = len(design.replicate_weights or ())
    # A column is named as in the file where a variable has the same name.
    columns = [column.removesuffix("_of_design") for column in (design.strata or "", *design.stages)]
    facts = [
        ("Weights", "; ".join(weights) or "none (each participant counts once)"),
        ("Strata", columns[0]),
        ("Primary sampling units", ", ".join(columns[1:])),
        ("Finite populations", ", ".join(design.fpcs)),
        ("Replicate weights", f"{replicates} ({design.replicate_method})" if replicates else ""),
    ]
    return [(name, value) for name, value in facts if value]


@cache
def _variable_themes() -> dict[str, str]:
    """Map every variable of the toolkit to its theme: a file of the codebook, a cause or a group of rules."""
    folder = shipped("datasets") / "codebook"
    themes = {path.stem: read_toml(path, dict[str, Entry]) for path in sorted(folder.glob("*.toml"))}
    found = {name: theme for theme, entries in themes.items() for name in entries}
    for name, card in cards().items():
        found |= {step.variable.name: name for step in card.derivations}
        found |= {exposure.name: name for exposure in card.exposures if exposure.name not in found}
    themes_of_rules = {
        "cramps": outcomes.CRAMP_RULES,
        "background": covariates.RULES,
        "burden": outcomes.BURDEN_RULES,
        "conditions": covariates.COMORBIDITY_RULES,
    }
    return found | {rule.name: theme for theme, rules in themes_of_rules.items() for rule in rules}


def _describe_themes(study: Study, *, exact: bool) -> Iterator[dict[str, Any]]:
    """Yield the variables of each theme: those with values, and those not measured with the reasons."""
    titles = _THEMES | {name: card.title for name, card in cards().items()}
    theme_of = {name: _variable_themes().get(name, "") for name in study.codebook}
    for theme in (*titles, *sorted(set(theme_of.values()) - {*titles, ""}), ""):
        names = [name for name in study.codebook if theme_of[name] == theme]
        measured = [name for name in names if name in study.people.columns]
        if names:
            yield {
                "title": titles.get(theme) or theme.replace("_", " ").capitalize() or _OWN,
                "anchor": theme or "own",
                "measured": [_describe_variable(study, name, exact=exact) for name in measured],
                "absent": [
                    (study.codebook[name], _absence(study.codebook[name]))
                    for name in names
                    if name not in measured
                ],
            }


def _absence(variable: Variable) -> str:
    entries = [(a.reason, a.cycle) for a in variable.availability if a.status == "not measured"]
    return _join_reasons(entries) or _UNAVAILABLE


def _join_reasons(entries: Sequence[tuple[str, str]]) -> str:
    """Join reasons with their cycles; the cycles are omitted if there is one reason only."""
    cycles: dict[str, list[str]] = {}
    for reason, cycle in entries:
        cycles.setdefault(reason, []).append(cycle)
    if len(cycles) == 1:
        return next(iter(cycles))
    return "; ".join(f"{', '.join(filter(None, named))}: {reason}" for reason, named in cycles.items())


def _describe_variable(study: Study, name: str, *, exact: bool) -> dict[str, Any]:
    variable, values = study.codebook[name], study.people[name].drop_nulls()
    counts = count_missing(study.people, name)
    reasons = counts.group_by("reason").agg(pl.col("n").sum()).sort("n", "reason", descending=[True, False])
    gaps = [(reason, n) for reason, n in reasons.rows() if reason != HAS_VALUE]
    continuous = variable.kind == "number" and values.dtype.is_numeric()
    kind, smallest = _KINDS[variable.kind], 0 if exact else study.smallest_cell
    return {
        "variable": variable,
        "kind": f"{kind}, {variable.unit}" if continuous and variable.unit else kind,
        "n": format_count(len(values), exact=exact),
        "levels": () if continuous else count_bars(_list_levels(values, variable, smallest), exact=exact),
        "spread": draw_histogram(values.cast(pl.Float64), exact=exact) if continuous else Histogram(),
        "gaps": count_bars([(HAS_VALUE, len(values)), *gaps], exact=exact, faint=True)[1:],
        "cycles": list(_describe_cycles(study, variable, counts, exact=exact)),
    }


def _count_levels(values: pl.Series, variable: Variable) -> Iterator[tuple[str, int]]:
    text = values.cast(pl.String)
    if variable.kind == "yes_no" and not set(text.unique()) <= {"yes", "no"}:
        text = text.replace(_YES_NO)
    found = dict(text.alias("level").value_counts().iter_rows())
    for level in variable.levels or tuple(sorted(found)):
        yield level, found.get(level, 0)


def _list_levels(values: pl.Series, variable: Variable, smallest: int) -> list[tuple[str, int]]:
    counts = list(_count_levels(values, variable))
    return counts if variable.kind == "yes_no" else _join_rare(counts, smallest)


def _join_rare(counts: Sequence[tuple[str, int]], smallest: int) -> list[tuple[str, int]]:
    """Join the levels of few participants in one row without their names."""
    rare = [n for _, n in counts if 0 < n < smallest]
    if not rare:
        return list(counts)
    return [*(pair for pair in counts if pair[1] not in rare), (count_rare(len(rare))[0], sum(rare))]


def _describe_cycles(
    study: Study, variable: Variable, counts: pl.DataFrame, *, exact: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield cycle, percentage with a value and reason, unless all cycles are complete."""
    entries = {entry.cycle: entry for entry in variable.availability}
    complete = set(counts["reason"]) <= {HAS_VALUE} and not any(e.reason for e in entries.values())
    for cycle in () if complete or len(study.cycles) < 2 else study.cycles:
        rows, entry = counts.filter(cycle=cycle), entries.get(cycle)
        with_value = int(rows.filter(reason=HAS_VALUE)["n"].sum())
        measured = entry is None or entry.status != "not measured"
        share = format_share(with_value, int(rows["n"].sum()), exact=exact) if measured else ""
        yield cycle, share, entry.reason if entry else ""


def _describe_causes(study: Study, *, exact: bool) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Yield title and name of each cause with its exposures: mark, status and count by cycle, and reasons."""
    rows = study.availability().rows(named=True)
    for cause, of_cause in groupby(rows, key=lambda row: row["cause"]):
        card = cards()[cause]
        exposures = []
        for exposure, of_exposure in groupby(of_cause, key=lambda row: row["exposure"]):
            entries = list(of_exposure)
            cells = [
                (
                    _MARKS[row["status"]],
                    row["status"],
                    "" if row["status"] == "not measured" else format_count(row["n"], exact=exact),
                )
                for row in entries
            ]
            reasons = [(_shorten_reason(row["reason"]), row["cycle"]) for row in entries if row["reason"]]
            label = card.exposure(exposure).label
            exposures.append(
                {"label": label, "name": exposure, "cells": cells, "reason": _join_reasons(reasons)}
            )
        yield card.title, cause, exposures


def _shorten_reason(reason: str) -> str:
    return _UNAVAILABLE if reason.startswith("not among the variables") else reason


def _describe_records(study: Study, *, exact: bool) -> Iterator[dict[str, Any]]:
    """Yield the visits and the nights of a cohort: their number, the number of participants, the columns."""
    described = study.provenance.get("records", {})
    sections = (("visits", "Visits", study.visits), ("diary", "Nights of the diary", study.diary))
    for section, title, frame in sections:
        if frame is not None:
            texts = described.get(section, {})
            yield {
                "title": title,
                "rows": format_count(frame.height, exact=exact),
                "people": format_count(frame["person"].n_unique(), exact=exact),
                "columns": [
                    _describe_record(frame[name], texts.get(name, {}), study.smallest_cell, exact=exact)
                    for name in frame.columns
                    if name not in ("person", "date") and not name.endswith(".why")
                ],
            }


def _describe_record(
    column: pl.Series, texts: Mapping[str, str], smallest: int, *, exact: bool
) -> dict[str, Any]:
    values, entry = column.drop_nulls(), Variable.of_column(column)
    continuous = values.dtype.is_numeric()
    missing = column.null_count()
    levels = () if continuous or entry is None else list(_count_levels(values, entry))
    return {
        "name": column.name,
        "label": texts.get("label") or column.name,
        "unit": texts.get("unit", ""),
        "missing": format_count(missing, exact=exact) if missing else "none",
        "levels": count_bars(_join_rare(levels, 0 if exact else smallest), exact=exact),
        "spread": draw_histogram(values.cast(pl.Float64), exact=exact) if continuous else Histogram(),
    }
