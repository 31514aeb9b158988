"""Write Markdown tables from values, with every character of the text shown as it is."""

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|$#~])")


def escape(text: object) -> str:
    """Escape text for Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table; cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def fold(title: str, text: str) -> str:
    """Put text in a fold that the reader opens."""
    return f":::{{dropdown}} {title}\n{text}\n:::\n"
