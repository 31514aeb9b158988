"""Write a study's data dictionary: one page on its variables, what is missing and why, and its ten causes.

Takes a study; gives one HTML file that asks for no address. No row of a person enters it, and small groups
are hidden by the rules of `distribution`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.causes import comorbidities, covariates, outcomes
from toolkit.causes.card import cards
from toolkit.errors import DatasetError
from toolkit.files.atomic import write_text
from toolkit.files.checked_toml import read_toml, shipped
from toolkit.report.disclosure_control import RULES, Bar, Histogram, counted, histogram, number, share
from toolkit.report.html import filled, page_text
from toolkit.studies.missingness import HAS_VALUE
from toolkit.studies.study import Study
from toolkit.variables.codebook import Variable
from toolkit.variables.shared_codebook import Entry

OUTPUT = "reports/out"
_THEMES = {"cramps": "Leg cramps", "burden": "Burden", "background": "Background"}
_OWN = "Variables of the study's own"
_KINDS = {"number": "number", "yes_no": "yes or no", "category": "category"}
_MARKS = {"measured": "●", "proxy": "○", "not measured": "–"}


@dataclass(frozen=True)
class Described:
    """One variable as the page shows it."""

    variable: Variable
    kind: str
    n: str
    levels: tuple[Bar, ...]
    spread: Histogram
    gaps: tuple[Bar, ...]
    cycles: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Theme:
    """The variables that belong together, and those of them that the study did not measure, with reasons."""

    title: str
    anchor: str
    measured: tuple[Described, ...]
    absent: tuple[tuple[Variable, str], ...]


@dataclass(frozen=True)
class Measured:
    """One exposure of a cause, by cycle: mark, what it means, and how many people have a value."""

    label: str
    name: str
    cells: tuple[tuple[str, str, str], ...]
    reasons: tuple[str, ...]


def data_dictionary(study: Study, path: str | Path | None = None, *, exact: bool = False) -> Path:
    """Write a study's data dictionary as one page that needs no network.

    Parameters
    ----------
    study
        The study.
    path
        The file to write; None writes `reports/out/<study>-dictionary.html`.
    exact
        False rounds counts of people to tens, shows 1 to 9 as "<10" and leaves out what few people have.
        True shows every count: for public files and for the analyst's own desk.

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
    target = Path(path) if path else Path(OUTPUT) / f"{_file_name(study.name)}-dictionary.html"
    if target.suffix.lower() != ".html":
        raise DatasetError(f"'{target.name}' would hold a page: let its name end in .html.")
    write_text(target, _page(study, exact=exact))
    return target


def _page(study: Study, *, exact: bool) -> str:
    scripts = [page_text("dictionary.js")]
    return filled("dictionary.html", _parts(study, exact=exact), styles=["dictionary.css"], scripts=scripts)


def _file_name(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name).strip("-") or "study"


def _parts(study: Study, *, exact: bool) -> dict[str, Any]:
    themes = list(_themes(study, exact=exact))
    return {
        "study": study,
        "people": number(study.people.height, exact=exact),
        "cycles": [cycle for cycle in study.cycles if cycle],
        "design": _design(study),
        "themes": themes,
        "count": sum(len(theme.measured) for theme in themes),
        "causes": list(_causes(study, exact=exact)),
        "marks": _MARKS,
        "records": list(_records(study, exact=exact)),
        "rules": RULES[exact],
    }


def _design(study: Study) -> list[tuple[str, str]]:
    design = study.design
    weights = [f"{name} ({w.rescaling})" if w.rescaling else name for name, w in design.components.items()]
    replicates = len(design.replicate_weights or ())
    facts = [
        ("Weights", "; ".join(weights) or "none: everyone counts once"),
        ("Strata", _plain(design.strata or "")),
        ("Primary sampling units", ", ".join(map(_plain, design.stages))),
        ("Finite populations", ", ".join(design.fpcs)),
        ("Replicate weights", f"{replicates} ({design.replicate_method})" if replicates else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _plain(column: str) -> str:
    """Name a column as the file has it, where a variable of the same name stands beside it."""
    return column.removesuffix("_of_design")


@cache
def _theme_of() -> dict[str, str]:
    """Find the theme of every variable of the toolkit: by the codebook's files, and by the cards' rules."""
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
        "conditions": comorbidities.RULES,
    }
    for theme, rules in themes_of_rules.items():
        found |= {rule.name: theme for rule in rules}
    return found


def _themes(study: Study, *, exact: bool) -> Iterator[Theme]:
    titles = _THEMES | {name: card.title for name, card in cards().items()}
    of = {name: _theme_of().get(name, "") for name in study.codebook}
    order = [*titles, *sorted(set(of.values()) - {*titles, ""}), ""]
    for theme in order:
        names = [name for name in study.codebook if of[name] == theme]
        if names:
            title = titles.get(theme) or theme.replace("_", " ").capitalize() or _OWN
            there = [name for name in names if name in study.people.columns]
            yield Theme(
                title,
                theme or "own",
                tuple(_described(study, name, exact=exact) for name in there),
                tuple(
                    (study.codebook[name], _absence(study.codebook[name]))
                    for name in names
                    if name not in there
                ),
            )


def _absence(variable: Variable) -> str:
    entries = [(a.reason, a.cycle) for a in variable.availability if a.status == "not measured"]
    return _by_reason(entries) or "not held"


def _by_reason(entries: Sequence[tuple[str, str]]) -> str:
    """Tell reasons with the cycles for which each holds; one that holds for all stands alone."""
    cycles: dict[str, list[str]] = {}
    for reason, cycle in entries:
        cycles.setdefault(reason, []).append(cycle)
    if len(cycles) == 1:
        return next(iter(cycles))
    return "; ".join(f"{', '.join(c for c in held if c)}: {reason}" for reason, held in cycles.items())


def _described(study: Study, name: str, *, exact: bool) -> Described:
    variable, column = study.codebook[name], study.people[name]
    counts = study.missing(name)
    reasons = counts.group_by("reason").agg(pl.col("n").sum()).sort("n", "reason", descending=[True, False])
    gaps = [(row[0], row[1]) for row in reasons.rows() if row[0] != HAS_VALUE]
    values = column.drop_nulls()
    numbers = variable.kind == "number" and values.dtype.is_numeric()
    levels = [] if numbers else [(level, n) for level, n in _levels(values, variable)]
    everyone = counted([(HAS_VALUE, len(values)), *gaps], exact=exact, faint=True)
    return Described(
        variable,
        ", ".join(filter(None, (_KINDS[variable.kind], variable.unit if numbers else ""))),
        number(len(values), exact=exact),
        counted(levels, exact=exact),
        histogram(values.cast(pl.Float64), exact=exact) if numbers else Histogram(),
        everyone[1:],
        tuple(_cycles(study, variable, counts, exact=exact)),
    )


def _levels(values: pl.Series, variable: Variable) -> Iterator[tuple[str, int]]:
    text = values.cast(pl.String)
    plain = {"true": "yes", "false": "no", "1": "yes", "0": "no", "1.0": "yes", "0.0": "no"}
    if variable.kind == "yes_no" and not set(text.unique()) <= {"yes", "no"}:
        text = text.replace(plain)
    found = dict(text.value_counts().iter_rows())
    for level in variable.levels or tuple(sorted(found)):
        yield level, found.get(level, 0)


def _cycles(
    study: Study, variable: Variable, counts: pl.DataFrame, *, exact: bool
) -> Iterator[tuple[str, str, str]]:
    told = {a.cycle: a for a in variable.availability}
    same = counts.filter(pl.col("reason") != HAS_VALUE).is_empty() and not any(
        a.reason for a in told.values()
    )
    for cycle in study.cycles if len(study.cycles) > 1 and not same else ():
        of = counts.filter(cycle=cycle)
        with_value = int(of.filter(reason=HAS_VALUE)["n"].sum())
        entry = told.get(cycle)
        status = entry.status if entry else "measured"
        value = share(with_value, int(of["n"].sum()), exact=exact) if status != "not measured" else ""
        yield cycle, value, entry.reason if entry else ""


def _causes(study: Study, *, exact: bool) -> Iterator[tuple[str, str, list[Measured]]]:
    rows = study.availability().rows(named=True)
    for cause, of_cause in groupby(rows, key=lambda row: row["cause"]):
        card = cards()[cause]
        exposures = []
        for exposure, of_exposure in groupby(of_cause, key=lambda row: row["exposure"]):
            entries = list(of_exposure)
            cells = tuple(_cell(row, exact=exact) for row in entries)
            told = [(_reason(row), row["cycle"]) for row in entries if row["reason"]]
            reasons = (_by_reason(told),) if told else ()
            exposures.append(Measured(card.exposure(exposure).label, exposure, cells, reasons))
        yield card.title, cause, exposures


def _reason(row: Mapping[str, Any]) -> str:
    return "not held" if row["reason"].startswith("not among the variables held") else str(row["reason"])


def _cell(row: Mapping[str, Any], *, exact: bool) -> tuple[str, str, str]:
    if row["status"] == "not measured":
        return _MARKS["not measured"], row["status"], ""
    return _MARKS[row["status"]], row["status"], number(int(row["n"]), exact=exact)


def _records(study: Study, *, exact: bool) -> Iterator[dict[str, Any]]:
    """Describe the visits and nights of a cohort: how many, of how many people, what each holds."""
    words = study.provenance.get("records", {})
    for section, frame in (("visits", study.visits), ("diary", study.diary)):
        if frame is not None:
            told = words.get(section, {})
            yield {
                "title": {"visits": "Visits", "diary": "Nights of the diary"}[section],
                "rows": number(frame.height, exact=exact),
                "people": number(frame["person"].n_unique(), exact=exact),
                "columns": [
                    _record(frame[name], told.get(name, {}), exact=exact)
                    for name in frame.columns
                    if name not in ("person", "date") and not name.endswith(".why")
                ],
            }


def _record(column: pl.Series, told: Mapping[str, str], *, exact: bool) -> dict[str, Any]:
    values, entry = column.drop_nulls(), Variable.of_column(column)
    numbers = values.dtype.is_numeric()
    missing = column.null_count()
    return {
        "name": column.name,
        "label": told.get("label") or column.name,
        "unit": told.get("unit", ""),
        "missing": number(missing, exact=exact) if missing else "none",
        "levels": () if numbers or entry is None else counted(list(_levels(values, entry)), exact=exact),
        "spread": histogram(values.cast(pl.Float64), exact=exact) if numbers else Histogram(),
    }
