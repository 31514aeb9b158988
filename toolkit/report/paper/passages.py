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
from toolkit.disclosure import name_levels
from toolkit.display.text import (
    capitalize,
    format_condition,
    format_estimate,
    format_size,
    label_variable,
    name_set,
    name_study,
)
from toolkit.errors import leave_out_rare
from toolkit.files.html_templates import load_template
from toolkit.results import covariates, estimand_of
from toolkit.variables import Codebook, Variable

EVIDENCE_HEADS = ("Source", "Participants", "Comparison", "Finding", "Adjusted for")
# Topics that are not an exposure.
_SUBJECTS = ("burden", "prevalence", "definition", "phenotype")
_PAGES = Path(__file__).parents[1] / "page" / "templates"


@dataclass(frozen=True)
class Passage:
    """A piece of HTML without scripts and without addresses that a browser would load."""

    html: str

    def _repr_html_(self) -> str:
        return f'<div class="passage">{self.html}</div>'


def prose(*paragraphs: str, heading: str = "", level: int = 2) -> Passage:
    """Write paragraphs of plain text, below a heading if only some pages have the section.

    Use it in place of Markdown for every sentence that contains labels.

    Parameters
    ----------
    *paragraphs
        Paragraphs as plain text.
    heading
        The heading of a section; "" for none.
    level
        2 for a section, which enters the table of contents of a page; 3 and 4 for its parts.

    Returns
    -------
    Passage
        The heading and the paragraphs.

    Examples
    --------
    >>> prose("Use of <b>salt</b>, *daily*", heading="Measures").html
    '<h2>Measures</h2><p>Use of &lt;b&gt;salt&lt;/b&gt;, *daily*</p>'
    """
    title = f"<h{level}>{escape(heading)}</h{level}>" if heading else ""
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
    return Passage("<ul>" + "".join(f"<li>{escape(end_sentence(item))}</li>" for item in items) + "</ul>")


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
    '<h4>Age (years)</h4><p><code>age</code>'
    """
    variable = codebook[name]
    rules = {rule.name: rule for rule in (*(card.rules if card else ()), *CRAMP_RULES)}
    caveat = next((e.caveat for e in card.exposures if e.name == name), "") if card else ""
    facts = _facts(variable)
    if name in rules:
        inputs = [codebook[item] for item in rules[name].derivation.inputs if item in codebook]
        facts += [fact for item in inputs for fact in _facts(item, f" ({item.name})")]
    if caveat:
        facts.append(("Caveat", end_sentence(caveat)))
    truth = None
    if name in rules:
        table = rules[name].truth_table()
        heads = [codebook[column].title if column in codebook else column for column in table.columns]
        truth = heads, [[_cell_value(value) for value in row] for row in table.iter_rows()]
    return fill_macro("definition", capitalize(variable.title), name, _values(variable), facts, truth)


def covariate_list(codebook: Codebook, names: Iterable[str]) -> Passage:
    """Tabulate variables, such as covariates, with their coding, question and source.

    Parameters
    ----------
    codebook
        The codebook of the study.
    names
        The names of the variables.

    Returns
    -------
    Passage
        A table that opens on a click.

    Examples
    --------
    >>> "years" in covariate_list(Codebook.of(Variable("age", "age", "number", unit="years")), ["age"]).html
    True
    """
    known = [codebook[name] for name in names if name in codebook]
    rows = [
        [capitalize(v.label), _values(v), end_sentence(v.question) if v.question else "", v.source]
        for v in known
    ]
    table = fill_macro("table", ("Variable", "Coding", "Question", "Source"), rows).html
    return Passage(f"<details><summary>Coding of {len(rows)} variables</summary>{table}</details>")


def _facts(variable: Variable, of: str = "") -> list[tuple[str, str]]:
    facts = {
        "Question": variable.question,
        "Asked": variable.asked,
        "Source": variable.source,
        "Note": variable.note,
    }
    return [(f"{head}{of}", end_sentence(leave_out_rare(text))) for head, text in facts.items() if text]


def _values(variable: Variable) -> str:
    unit = f", in {variable.unit}" if variable.unit else ""
    if variable.kind == "number":
        return f"continuous{unit}"
    return name_levels(variable.levels, variable.reference) + unit


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
    rows = [own_finding(row, labels or {}) for row in own.rows(named=True)] if own is not None else []
    references = {row["citation"]: row["doi"] for row in published}
    return fill_macro(
        "evidence",
        EVIDENCE_HEADS,
        [*rows, *map(published_finding, published)],
        len(rows),
        conflicts_of(name),
        [(end_sentence(text), doi) for text, doi in references.items()],
    )


def own_finding(row: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    """Write a result row as a line of the evidence table."""
    sample = ", ".join(filter(None, [name_study(row["study"]), format_condition(row["domain"], labels)]))
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
    size = ", ".join(filter(None, [sample, format_size(row)]))
    return ["This report", size, f"{row['exposure_label']}{levels}", finding, adjusted or "none (crude)"]


def published_finding(row: Mapping[str, Any]) -> list[str]:
    """Write a published finding as a line of the evidence table."""
    size = f", n = {row['n']:,}" if row["n"] else ""
    comparison = row["outcome"] if row["topic"] in _SUBJECTS else f"{row['topic']}: {row['outcome']}"
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
    return fill_macro("arrows", ("Cause", "Effect", "Reason", "Source"), rows)


def fill_macro(macro: str, *parts: object) -> Passage:
    """Fill a macro of `passages.html`, which escapes its parts."""
    return Passage(str(getattr(load_template(_PAGES, "passages.html").module, macro)(*parts)))


def end_sentence(text: str) -> str:
    """Add a capital letter, unless the text begins with the name of a variable, and a period."""
    text = text if text.endswith((".", "?", "!")) else f"{text}."
    return text if "_" in text.split(" ", 1)[0] else capitalize(text)
