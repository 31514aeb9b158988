"""Write the page of each cause from its card: definition, exposures, evidence, caveats, truth tables."""

from typing import Any

import toolkit as tk
from docs.extensions.markdown import escape, table
from toolkit.causes.evidence import format_finding


def cause_pages() -> dict[str, str]:
    """Write one page per cause, and the list of them: path -> text."""
    cards = tk.cards()
    pages = {f"causes/{name}.md": _page(card) for name, card in cards.items()}
    rows = [
        [f"[{escape(card.title)}]({name}.md)", f"`{card.main.name}`", escape(card.main.variable.title)]
        for name, card in cards.items()
    ]
    listed = table(["cause", "main exposure", "definition"], rows)
    pages["causes/index.md"] = _INDEX.replace("TABLE", listed).replace("CONTENTS", "\n".join(cards))
    return pages


def _page(card: Any) -> str:
    parts = [
        f"# {escape(card.title)}",
        escape(card.what),
        f'In Python, this card is `tk.causes.card("{card.name}")`.',
        "## Exposures",
        "The main exposure comes first. It represents the cause in a study that measured it.",
        _exposures(card),
        "## Mechanism",
        escape(card.mechanism),
        "## Published evidence",
        *(
            f":::{{admonition}} Conflicting findings\n:class: warning\n{escape(text)}\n:::"
            for text in card.conflicts
        ),
        _evidence(card),
        "## Limitations",
        "\n".join(f"- {escape(caveat)}" for caveat in card.caveats),
        "## Prevention studied",
        "What studies found; not advice to a person.",
        "\n".join(f"- {escape(way.kind.capitalize())}: {escape(way.finding)}" for way in card.prevention),
    ]
    if card.rules:
        parts += [
            "## Truth tables",
            "Each derived variable is checked against its truth table, which has a row for every combination "
            "of its input values. A result is unknown where it cannot be derived.",
            *(_truth_table(rule) for rule in card.rules),
        ]
    return "\n\n".join(parts) + "\n"


def _exposures(card: Any) -> str:
    derived = {rule.name for rule in card.rules}
    rows = []
    for exposure in card.exposures:
        source = f"derived: {exposure.variable.source}" if exposure.name in derived else "measured"
        caveat = f". {exposure.caveat[:1].upper()}{exposure.caveat[1:]}" if exposure.caveat else ""
        levels = ", ".join(exposure.levels) or exposure.unit or "number"
        rows.append([f"`{exposure.name}`", escape(exposure.label), escape(levels), escape(source + caveat)])
    return table(["variable", "label", "levels or unit", "source and caveat"], rows)


def _evidence(card: Any) -> str:
    found = list(card.evidence.iter_rows(named=True))
    if not found:
        return "No published finding was found."
    rows = [
        [
            _source(row),
            escape(row["population"]),
            escape(f"{row['topic']}: {row['outcome']}"),
            escape(format_finding(row)),
            escape(row["direction"] or ""),
        ]
        for row in found
    ]
    return table(["study", "population", "comparison", "finding", "cramps"], rows)


def _source(row: dict[str, Any]) -> str:
    name = escape(row["source"])
    return f"[{name}](https://doi.org/{row['doi']})" if row["doi"] else name


def _truth_table(rule: Any) -> str:
    cases = rule.truth_table()
    rows = [[_value(value) for value in row] for row in cases.iter_rows()]
    heads = [f"`{name}`" for name in cases.columns]
    source = escape(rule.derivation.variable.source or rule.derivation.variable.label)
    return f"### {escape(rule.name)}\n\nDefinition: {source}.\n\n{table(heads, rows)}"


def _value(value: object) -> str:
    if value is None:
        return "*unknown*"
    return f"{value:g}" if isinstance(value, float) else escape(value)


_INDEX = """# Causes

Each of the ten causes is one card: the definition and its limits, the variables that measure it, the
mechanism, published evidence with conflicts, what was studied for prevention, and the truth table of every
derived variable. These pages are written from the cards that the analyses use.

TABLE

```{toctree}
:hidden:

CONTENTS
```
"""
