"""Write the passages of a report that hold words, not estimates: definitions, published evidence, lists.

Takes cards, codebooks and result frames; gives `Passage`, which shows itself in a notebook and on a page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import polars as pl

from toolkit.causes.card import Card
from toolkit.causes.evidence import evidence_of, format_finding
from toolkit.causes.outcomes import CRAMP_RULES
from toolkit.display.text.numbers import format_condition, format_estimate, label_variable
from toolkit.display.text.row_labels import name_set
from toolkit.results import covariates, estimand_of
from toolkit.variables.codebook import Codebook, Variable

UNKNOWN = "unknown"
_EVIDENCE_HEADS = ("Source", "People", "What was compared", "Finding", "Adjusted for")
MARK = ' class="own"'


@dataclass(frozen=True)
class Passage:
    """A piece of HTML without script and without an address that a browser would load."""

    html: str

    def _repr_html_(self) -> str:
        return f'<div class="passage">{self.html}</div>'


def definition(codebook: Codebook, name: str, card: Card | None = None) -> Passage:
    """Tell how a variable is defined: question, who was asked, source, truth table.

    Parameters
    ----------
    codebook
        The study's codebook.
    name
        The variable.
    card
        The cause, for the truth table and the caveat of one of its exposures.

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
    parts = [f"<h3>{escape(_capital(variable.title))}</h3>", f"<p>{_levels(variable)}</p>"]
    inputs = rules[name].derivation.inputs if name in rules else ()
    facts = [*_facts(variable), *(f for i in inputs if i in codebook for f in _facts(codebook[i], of=True))]
    parts.append(_table((), [*facts, *([("Caveat", _sentence(caveat))] if caveat else [])], kind="facts"))
    if name in rules:
        parts.append(_truth_table(rules[name].truth_table(), codebook))
    return Passage("".join(parts))


def evidence(card: Card, own: pl.DataFrame | None = None, labels: Mapping[str, str] | None = None) -> Passage:
    """Set published findings on a cause beside the project's own estimates.

    Parameters
    ----------
    card
        The cause.
    own
        Result rows of this report, which head the table; None if nothing could be estimated.
    labels
        Words for the names of `adjust` variables.

    Returns
    -------
    Passage
        A table, the conflicts between findings, and the references.

    Examples
    --------
    >>> from toolkit.causes.card import card
    >>> "Conflict" in evidence(card("diabetes")).html
    True
    """
    published = card.evidence.rows(named=True)
    ours = [_own(row, labels or {}) for row in own.rows(named=True)] if own is not None else []
    if not published:
        return Passage("<p>No published finding on this cause is known to the project.</p>")
    conflicts = "".join(f"<p><b>Conflict.</b> {escape(said)}</p>" for said in card.conflicts)
    table = _table(_EVIDENCE_HEADS, [*ours, *map(_published, published)], marked=len(ours))
    return Passage(table + conflicts + _references(published))


def published(group: str) -> Passage:
    """Set published findings on a group of the evidence that is no cause, such as "burden".

    Parameters
    ----------
    group
        As `toolkit.causes.evidence.evidence_of` takes it.

    Returns
    -------
    Passage
        A table and the references.

    Examples
    --------
    >>> "References" in published("burden").html
    True
    """
    rows = evidence_of(group).rows(named=True)
    return Passage(_table(_EVIDENCE_HEADS, map(_published, rows)) + _references(rows))


def absence(codebook: Codebook, name: str) -> str:
    """Say why a study does not hold a variable, once for all cycles of one reason.

    Examples
    --------
    >>> absence(Codebook(), "sleep_hours")
    'not among the variables held'
    """
    if name not in codebook:
        return "not among the variables held"
    reasons = [a.reason for a in codebook[name].availability if a.status == "not measured"]
    return "; ".join(dict.fromkeys(reasons)) or "not among the variables held"


def adjusting(
    summary: str,
    left_open: Iterable[str],
    edges: pl.DataFrame,
    given: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Passage:
    """Tell what a report adjusts for: what the causal diagram chose, or what it was asked to in its place.

    Parameters
    ----------
    summary, left_open
        What the diagram's choice says of itself, and the paths that it leaves open.
    edges
        The arrows around the exposure.
    given
        The names that the report was asked to adjust for; None if the diagram was asked.
    labels
        Words for the names.

    Returns
    -------
    Passage
        The sentence, the open paths, and how far the diagram can be trusted.

    Examples
    --------
    >>> edges = pl.DataFrame({"citation": ["", "Garrison 2012"]})
    >>> adjusting("Adjusted for age.", [], edges).html[:24]
    '<p>Adjusted for age.</p>'
    """
    asked = ""
    if given is not None:
        named = ", ".join(label_variable(name, labels) for name in given) or "no covariate"
        asked = f"<p>As requested, the report adjusts for {escape(named)}. The diagram's own set:</p>"
    open_paths = list(left_open)
    gaps = listed(open_paths).html if open_paths else ""
    assumed = edges.filter(pl.col("citation") == "").height
    trust = (
        f"The diagram encodes prior assumptions. Of {edges.height} arrows around this exposure, {assumed} "
        "rest on expert judgment without a cited source."
    )
    return Passage(f"{asked}<p>{escape(summary)}</p>{gaps}<p>{escape(trust)}</p>")


def arrows(edges: pl.DataFrame) -> Passage:
    """List the arrows of a diagram with the reason and the source of each.

    Examples
    --------
    >>> columns = ("cause_label", "effect_label", "reason", "citation")
    >>> edges = pl.DataFrame([("age", "cramps", "tendons shorten", "")], columns, orient="row")
    >>> "assumed" in arrows(edges).html
    True
    """
    columns = edges.select("cause_label", "effect_label", "reason", "citation")
    rows = [
        (cause, effect, reason, source or "assumed") for cause, effect, reason, source in columns.iter_rows()
    ]
    table = _table(("Cause", "Effect", "Why it is thought", "Source"), rows)
    return Passage(f"<details><summary>All {len(rows)} arrows, with their reasons</summary>{table}</details>")


def prose(*paragraphs: str) -> Passage:
    """Set sentences as paragraphs, every character as it is.

    A report shows its sentences by this and never as Markdown: their labels are text, in which `*`, `$`,
    `[` or `<` mean nothing.

    Examples
    --------
    >>> prose("Use of <b>salt</b>, *daily*").html
    '<p>Use of &lt;b&gt;salt&lt;/b&gt;, *daily*</p>'
    """
    return Passage("".join(f"<p>{escape(text)}</p>" for text in paragraphs))


def listed(words: Iterable[str]) -> Passage:
    """Set sentences as a list.

    Examples
    --------
    >>> listed(["one < two"]).html
    '<ul><li>One &lt; two.</li></ul>'
    """
    return Passage("<ul>" + "".join(f"<li>{escape(_sentence(word))}</li>" for word in words) + "</ul>")


def _levels(variable: Variable) -> str:
    name = f"<code>{escape(variable.name)}</code>"
    if variable.kind == "number":
        return f"{name}: a number, in {escape(variable.unit)}." if variable.unit else f"{name}: a number."
    unit = f", in {variable.unit}" if variable.unit else ""
    levels = [f"{level} (reference)" if level == variable.reference else level for level in variable.levels]
    return f"{name}: {escape(', '.join(levels) + unit)}."


def _facts(variable: Variable, *, of: bool = False) -> list[tuple[str, str]]:
    named = f" ({variable.name})" if of else ""
    facts = (
        (f"Question{named}", variable.question),
        (f"Asked of{named}", variable.asked),
        (f"Source{named}", variable.source),
        (f"Note{named}", variable.note),
    )
    return [(head, _sentence(text)) for head, text in facts if text]


def _truth_table(table: pl.DataFrame, codebook: Codebook) -> str:
    heads = [codebook[name].title if name in codebook else name for name in table.columns]
    rows = [[_value(value) for value in row] for row in table.iter_rows()]
    return f"<h4>Truth table</h4>{_table(heads, rows)}"


def _value(value: object) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:g}" if isinstance(value, float) else str(value)


def _own(row: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    people = (
        f"{row['study']}, {format_condition(row['domain'], labels)}" if row["domain"] else str(row["study"])
    )
    against = "" if row["reference"] is None else f": {row['level_label']} against {row['reference']}"
    shown = row["reliability"] in {"ok", "review"}
    told = f"{estimand_of(row).noun}: {format_estimate(row)}" if shown else f"not shown: {row['reason']}"
    adjusted = (
        ", ".join(label_variable(name, labels) for name in covariates(row["adjust"])) if row["adjust"] else ""
    )
    if name := name_set(row, labels):
        adjusted = f"{name}: {adjusted}"
    size = f"{people}, n = {row['n']:,}"
    return ["This report", size, f"{row['exposure_label']}{against}", told, adjusted or "nothing (crude)"]


def _published(row: Mapping[str, Any]) -> list[str]:
    size = f", n = {row['n']:,}" if row["n"] else ""
    compared = f"{row['topic']}: {row['outcome']}"
    return [
        row["source"],
        f"{row['population']}{size}",
        compared,
        _capital(format_finding(row)),
        row["adjusted_for"] or "",
    ]


def _references(rows: Iterable[Mapping[str, Any]]) -> str:
    found = {row["citation"]: row["doi"] for row in rows}
    items = "".join(f"<li>{escape(_sentence(text))}{_doi(doi)}</li>" for text, doi in found.items())
    return f'<h4>References</h4><ol class="references">{items}</ol>'


def _doi(doi: str | None) -> str:
    return f' <a href="https://doi.org/{escape(doi)}">doi:{escape(doi)}</a>' if doi else ""


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], marked: int = 0, kind: str = "words") -> str:
    """Write a table whose first `marked` rows stand out."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(_line(row, marked=n < marked) for n, row in enumerate(rows))
    head = f"<thead><tr>{top}</tr></thead>" if top else ""
    return f'<table class="{kind}">{head}<tbody>{body}</tbody></table>'


def _line(row: Iterable[str], *, marked: bool) -> str:
    return f"<tr{MARK if marked else ''}>{''.join(map(_cell, row))}</tr>"


def _cell(text: str) -> str:
    return f'<td class="unknown">{UNKNOWN}</td>' if text == UNKNOWN else f"<td>{escape(text)}</td>"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sentence(text: str) -> str:
    first = text.split(" ", 1)[0]
    if "_" in first:  # the name of a variable keeps its spelling
        return text if text.endswith(".") else f"{text}."
    return _capital(text if text.endswith((".", "?", "!")) else f"{text}.")
