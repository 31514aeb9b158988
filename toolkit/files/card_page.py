"""Show a card as a page in a notebook.

Takes a `Card`; gives HTML with its style inside, without scripts and without an address to load from.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

import polars as pl

from toolkit.causes.evidence import format_finding

# The page keeps to JupyterLab's colours, light or dark, and falls back to plain ones elsewhere.
_STYLE = """
.cause-card{max-width:60rem;padding:.4rem 1.2rem 1rem;border:1px solid var(--jp-border-color2,#d5d9de);
border-radius:8px;line-height:1.5;font-size:.95rem;color:var(--jp-content-font-color1,#1c2430)}
.cause-card h2{margin:.6rem 0 .1rem;font-size:1.35rem}
.cause-card h3{margin:1.1rem 0 .25rem;font-size:1rem}
.cause-card p{margin:.25rem 0}
.cause-card .name{color:var(--jp-content-font-color2,#5a6473);font-size:.85rem}
.cause-card ul{margin:.2rem 0;padding-left:1.2rem}
.cause-card table{border-collapse:collapse;margin:.3rem 0 .6rem;font-size:.88rem}
.cause-card th,.cause-card td{text-align:left;vertical-align:top;padding:.22rem .9rem .22rem 0;
border:0;border-bottom:1px solid var(--jp-border-color2,#e3e6ea);background:none;white-space:normal}
.cause-card th{font-weight:600;white-space:nowrap}
.cause-card td:first-child{white-space:nowrap;min-width:9rem}
.cause-card td+td{min-width:7rem}
.cause-card .evidence td:first-child{white-space:normal;min-width:11rem}
.cause-card summary{cursor:pointer}
.cause-card .unknown{color:var(--jp-content-font-color2,#5a6473);font-style:italic}
.cause-card .conflict{border-left:3px solid #b8860b;padding-left:.6rem}
"""


def page(card: Any) -> str:
    """Lay a card out: what it is, exposures, truth tables, mechanism, evidence, caveats, prevention.

    Parameters
    ----------
    card
        The cause to show.

    Returns
    -------
    str
        HTML; every word of the card is escaped.

    Examples
    --------
    >>> from toolkit.causes.card import cards
    >>> "<script" in page(cards()["diabetes"])
    False
    """
    parts = [
        f'<div class="cause-card"><style>{_STYLE}</style>',
        f'<h2>{escape(card.title)}</h2><div class="name">tk.card("{escape(card.name)}")</div>',
        f"<p>{escape(card.what)}</p>",
        "<h3>Exposures</h3>" + _exposures(card),
        "<h3>How it may lead to cramps</h3>" + f"<p>{escape(card.mechanism)}</p>",
        "<h3>Published evidence</h3>" + _evidence(card),
        "<h3>Caveats</h3>" + _list(card.caveats),
        "<h3>Prevention, as studied</h3>" + _list(_words(p) for p in card.prevention),
        "<h3>Definitions as truth tables</h3>" + _truth_tables(card) if card.rules else "",
        "</div>",
    ]
    return "".join(parts)


def _exposures(card: Any) -> str:
    rows = [
        _exposure(e, main=e is card.exposures[0], derived=e.name in _derived(card)) for e in card.exposures
    ]
    return _table(["variable", "what it is", "levels or unit", "how it is known"], rows)


def _derived(card: Any) -> dict[str, str]:
    return {rule.name: rule.derivation.variable.source for rule in card.rules}


def _exposure(exposure: Any, *, main: bool, derived: bool) -> list[str]:
    name = f"{exposure.name} (main)" if main else exposure.name
    known = f"derived: {exposure.variable.source}" if derived else "measured directly"
    caveat = f". {exposure.caveat[:1].upper()}{exposure.caveat[1:]}" if exposure.caveat else ""
    return [name, exposure.label, _scale(exposure), known + caveat]


def _scale(exposure: Any) -> str:
    if not exposure.levels:
        return exposure.unit or "number"
    levels = [f"{level} (reference)" if level == exposure.reference else level for level in exposure.levels]
    return f"{', '.join(levels)} {exposure.unit}".strip()


def _evidence(card: Any) -> str:
    conflicts = "".join(f'<p class="conflict">Conflict: {escape(said)}</p>' for said in card.conflicts)
    rows = [
        [
            row["source"],
            row["population"],
            f"{row['topic']}: {row['outcome']}",
            format_finding(row),
            row["direction"] or "",
        ]
        for row in card.evidence.iter_rows(named=True)
    ]
    head = ["study", "population", "what was compared", "finding", "cramps with more of it"]
    table = f'<div class="evidence">{_table(head, rows)}</div>'
    return conflicts + _details(f"{len(rows)} published findings", table)


def _words(prevention: Any) -> str:
    return f"{prevention.kind.capitalize()}: {prevention.finding}"


def _truth_tables(card: Any) -> str:
    return "".join(
        _details(f"{rule.name}: {rule.derivation.variable.source}", _frame(rule.truth_table()))
        for rule in card.rules
    )


def _frame(frame: pl.DataFrame) -> str:
    return _table(frame.columns, [[_value(v) for v in row] for row in frame.iter_rows()])


def _value(value: object) -> str | None:
    return f"{value:g}" if isinstance(value, float) else value if value is None else str(value)


def _table(head: Iterable[str], rows: Iterable[Iterable[str | None]]) -> str:
    top = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(word: str | None) -> str:
    return '<td class="unknown">unknown</td>' if word is None else f"<td>{escape(word)}</td>"


def _details(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def _list(words: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(word)}</li>" for word in words) + "</ul>"
