"""Text blocks of reports that are not estimates: headings, definitions, published evidence, lists.

A passage shows itself in a notebook and on a page. Every text in it is escaped, because labels may contain
`<`, `*`, `$` or `[`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.evidence import conflicts_of, evidence_of, format_finding
from toolkit.causes.outcomes import CRAMP_RULES
from toolkit.display.text import capitalize, format_condition, format_estimate, label_variable, name_set
from toolkit.errors import join_list
from toolkit.files.html_templates import load_template
from toolkit.results import covariates, estimand_of
from toolkit.variables import Codebook, Variable

_STATUSES = ("measured", "proxy", "not measured")
_PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Passage:
    """A piece of HTML without scripts and without addresses that a browser would load."""

    html: str

    def _repr_html_(self) -> str:
        return f'<div class="passage">{self.html}</div>'


def prose(*paragraphs: str, heading: str = "") -> Passage:
    """Write paragraphs of plain text, below a heading if only some pages have the section.

    Use it in place of Markdown for every sentence that contains labels.

    Parameters
    ----------
    *paragraphs
        Paragraphs as plain text.
    heading
        The heading of a section, which enters the table of contents of a page; "" for none.

    Returns
    -------
    Passage
        The heading and the paragraphs.

    Examples
    --------
    >>> prose("Use of <b>salt</b>, *daily*", heading="Measures").html
    '<h2>Measures</h2><p>Use of &lt;b&gt;salt&lt;/b&gt;, *daily*</p>'
    """
    title = f"<h2>{escape(heading)}</h2>" if heading else ""
    return Passage(title + "".join(f"<p>{escape(text)}</p>" for text in paragraphs))


def bullets(items: Iterable[str]) -> Passage:
    """Write a list, each item with a capital letter and a period.

    Parameters
    ----------
    items
        Items as plain text.

    Returns
    -------
    Passage
        The list.

    Examples
    --------
    >>> bullets(["one < two"]).html
    '<ul><li>One &lt; two.</li></ul>'
    """
    return Passage("<ul>" + "".join(f"<li>{escape(_sentence(item))}</li>" for item in items) + "</ul>")


def definition(codebook: Codebook, name: str, card: Card | None = None) -> Passage:
    """Write the definition of a variable: question, eligible respondents, source and truth table.

    Parameters
    ----------
    codebook
        The codebook of the study.
    name
        The name of the variable.
    card
        The card of the cause, if the variable is one of its exposures. It supplies truth table and caveat.

    Returns
    -------
    Passage
        A heading, a table of facts and, for a derived variable, its truth table.

    Examples
    --------
    >>> definition(Codebook.of(Variable("age", "age", "number", unit="years")), "age").html[:39]
    '<h3>Age (years)</h3><p><code>age</code>'
    """
    variable = codebook[name]
    rules = {rule.name: rule for rule in (*(card.rules if card else ()), *CRAMP_RULES)}
    caveat = next((e.caveat for e in card.exposures if e.name == name), "") if card else ""
    facts = _facts(variable)
    if name in rules:
        inputs = [codebook[item] for item in rules[name].derivation.inputs if item in codebook]
        facts += [fact for item in inputs for fact in _facts(item, f" ({item.name})")]
    if caveat:
        facts.append(("Caveat", _sentence(caveat)))
    truth = None
    if name in rules:
        table = rules[name].truth_table()
        heads = [codebook[column].title if column in codebook else column for column in table.columns]
        truth = heads, [[_cell_value(value) for value in row] for row in table.iter_rows()]
    return _fill("definition", capitalize(variable.title), name, _values(variable), facts, truth)


def _facts(variable: Variable, of: str = "") -> list[tuple[str, str]]:
    facts = {
        "Question": variable.question,
        "Asked": variable.asked,
        "Source": variable.source,
        "Note": variable.note,
    }
    return [(f"{head}{of}", _sentence(text)) for head, text in facts.items() if text]


def _values(variable: Variable) -> str:
    unit = f", in {variable.unit}" if variable.unit else ""
    if variable.kind == "number":
        return f"continuous{unit}"
    levels = [f"{level} (reference)" if level == variable.reference else level for level in variable.levels]
    return ", ".join(levels) + unit


def _cell_value(value: object) -> str:
    if value is None:
        return "unknown"
    return f"{value:g}" if isinstance(value, float) else str(value)


def reason_unmeasured(codebook: Codebook, name: str) -> str:
    """State why a study did not measure a variable, each reason once.

    Parameters
    ----------
    codebook
        The codebook of the study.
    name
        The name of the variable.

    Returns
    -------
    str
        The reasons.

    Examples
    --------
    >>> reason_unmeasured(Codebook(), "sleep_hours")
    'not available in this study'
    """
    availability = codebook[name].availability if name in codebook else ()
    reasons = dict.fromkeys(entry.reason for entry in availability if entry.status == "not measured")
    return "; ".join(reasons) or "not available in this study"


def evidence(
    subject: Card | str, own: pl.DataFrame | None = None, labels: Mapping[str, str] | None = None
) -> Passage:
    """Tabulate published findings on a cause, below the estimates of this report.

    Parameters
    ----------
    subject
        The card of a cause, or another subject of the evidence file, such as "burden".
    own
        Result rows of this report, shown first; None if nothing could be estimated.
    labels
        Labels of the variables in `adjust`.

    Returns
    -------
    Passage
        A table, the conflicts between findings, and the references.

    Examples
    --------
    >>> "References" in evidence("burden").html
    True
    """
    name = subject.name if isinstance(subject, Card) else subject
    published = evidence_of(name).rows(named=True)
    if not published:
        return prose("No published findings on this subject have been collected.")
    rows = [_own_finding(row, labels or {}) for row in own.rows(named=True)] if own is not None else []
    references = {row["citation"]: row["doi"] for row in published}
    return _fill(
        "evidence",
        ("Source", "Participants", "Comparison", "Finding", "Adjusted for"),
        [*rows, *map(_published_finding, published)],
        len(rows),
        conflicts_of(name),
        [(_sentence(text), doi) for text, doi in references.items()],
    )


def _own_finding(row: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    sample = (
        f"{row['study']}, {format_condition(row['domain'], labels)}" if row["domain"] else str(row["study"])
    )
    levels = "" if row["reference"] is None else f": {row['level_label']} vs. {row['reference']}"
    presented = row["reliability"] in {"ok", "review"}
    finding = (
        f"{estimand_of(row).noun}: {format_estimate(row)}" if presented else f"not shown: {row['reason']}"
    )
    adjusted = (
        ", ".join(label_variable(name, labels) for name in covariates(row["adjust"])) if row["adjust"] else ""
    )
    if name := name_set(row, labels):
        adjusted = f"{name}: {adjusted}"
    size = f"{sample}, n = {row['n']:,}"
    return ["This report", size, f"{row['exposure_label']}{levels}", finding, adjusted or "none (crude)"]


def _published_finding(row: Mapping[str, Any]) -> list[str]:
    size = f", n = {row['n']:,}" if row["n"] else ""
    comparison = f"{row['topic']}: {row['outcome']}"
    finding = capitalize(format_finding(row))
    return [row["source"], f"{row['population']}{size}", comparison, finding, row["adjusted_for"] or ""]


def adjustment(
    summary: str,
    left_open: Iterable[str],
    edges: pl.DataFrame,
    given: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Passage:
    """State the adjustment set that the causal diagram supplies, and any set that was used in its place.

    Parameters
    ----------
    summary, left_open
        The summary of the adjustment set and its open back-door paths, as `tk.adjustment_for` returns them.
    edges
        The arrows around the exposure.
    given
        The covariates that were requested; None if the set is that of the diagram.
    labels
        Labels of variables.

    Returns
    -------
    Passage
        Paragraphs, with the open paths as a list.

    Examples
    --------
    >>> edges = pl.DataFrame({"citation": ["", "Garrison 2012"]})
    >>> adjustment("Adjusted for age.", [], edges).html[:24]
    '<p>Adjusted for age.</p>'
    """
    requested = ""
    if given is not None:
        names = ", ".join(label_variable(name, labels) for name in given) or "no covariate"
        requested = prose(f"As requested, estimates are adjusted for {names}. The diagram supplies:").html
    paths = list(left_open)
    assumed = edges.filter(pl.col("citation") == "").height
    trust = (
        f"The diagram encodes prior assumptions. Of {edges.height} arrows around this exposure, {assumed} "
        "rest on expert judgment without a cited source."
    )
    return Passage(
        f"{requested}{prose(summary).html}{bullets(paths).html if paths else ''}{prose(trust).html}"
    )


def arrows(edges: pl.DataFrame) -> Passage:
    """Tabulate the arrows of a causal diagram with the reason and the source of each.

    Parameters
    ----------
    edges
        The arrows: cause_label, effect_label, reason, citation.

    Returns
    -------
    Passage
        A table that opens on a click.

    Examples
    --------
    >>> columns = ("cause_label", "effect_label", "reason", "citation")
    >>> edges = pl.DataFrame([("age", "cramps", "tendons shorten", "")], columns, orient="row")
    >>> "assumed" in arrows(edges).html
    True
    """
    columns = edges.select("cause_label", "effect_label", "reason", "citation")
    rows = [(*row[:3], row[3] or "assumed") for row in columns.iter_rows()]
    return _fill("arrows", ("Cause", "Effect", "Reason", "Source"), rows)


def count_measured_causes(available: pl.DataFrame, titles: Mapping[str, str]) -> str:
    """State how many causes have a measured exposure, and name those with a proxy or without any.

    Parameters
    ----------
    available
        `study.availability()`.
    titles
        The title of each cause, by its name.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> rows = [("joints", "arthritis", "measured"), ("stretching", "stretches", "not measured")]
    >>> frame = pl.DataFrame(rows, schema=["cause", "exposure", "status"], orient="row")
    >>> count_measured_causes(frame, {"joints": "Joints", "stretching": "Stretching"})
    '1 of 2 causes has a measured exposure. Not measured: stretching.'
    """
    statuses = {cause: set(exposures.values()) for cause, exposures in _best_statuses(available).items()}
    by_status: dict[str, list[str]] = {status: [] for status in _STATUSES}
    for cause, title in titles.items():
        by_status[min(statuses.get(cause, {_STATUSES[-1]}), key=_STATUSES.index)].append(title.lower())
    measured, proxies, absent = by_status.values()
    verb = "has" if len(measured) == 1 else "have"
    text = f"{len(measured)} of {len(titles)} causes {verb} a measured exposure."
    if proxies:
        text += f" Measured by a proxy only: {join_list(proxies)}."
    return text + (f" Not measured: {join_list(absent)}." if absent else "")


def tabulate_causes(available: pl.DataFrame, labels: Mapping[str, str], titles: Mapping[str, str]) -> Passage:
    """Tabulate the exposures of each cause by their best status over the survey cycles.

    Parameters
    ----------
    available
        `study.availability()`.
    labels
        Labels of exposures.
    titles
        The title of each cause, by its name.

    Returns
    -------
    Passage
        A table with one row per cause, including those that were not measured.

    Examples
    --------
    >>> rows = [("joints", "arthritis", "measured")]
    >>> frame = pl.DataFrame(rows, ["cause", "exposure", "status"], orient="row")
    >>> "arthritis" in tabulate_causes(frame, {}, {"joints": "Joints"}).html
    True
    """
    best = _best_statuses(available)
    rows = []
    for cause, title in titles.items():
        exposures: dict[str, list[str]] = {status: [] for status in _STATUSES}
        for exposure, status in best.get(cause, {}).items():
            exposures[status].append(label_variable(exposure, labels))
        rows.append([title, *map("; ".join, exposures.values())])
    return _fill("table", ("Cause", *map(capitalize, _STATUSES)), rows)


def _best_statuses(available: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Map causes to their exposures with the best status of each over the cycles."""
    found: dict[str, dict[str, str]] = {}
    for cause, exposure, status in available.select("cause", "exposure", "status").iter_rows():
        of_cause = found.setdefault(cause, {})
        of_cause[exposure] = min(status, of_cause.get(exposure, status), key=_STATUSES.index)
    return found


def _fill(macro: str, *parts: object) -> Passage:
    return Passage(str(getattr(load_template(_PAGES, "passages.html").module, macro)(*parts)))


def _sentence(text: str) -> str:
    """Add a capital letter, unless the text begins with the name of a variable, and a period."""
    text = text if text.endswith((".", "?", "!")) else f"{text}."
    return text if "_" in text.split(" ", 1)[0] else capitalize(text)
