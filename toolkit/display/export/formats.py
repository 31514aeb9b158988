"""Formats of tables and charts, and paper, by their names; they are checked before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.errors import DatasetError, join_list, unknown

TABLES = (".docx", ".xlsx", ".pdf", ".tex", ".html", ".md", ".csv")
CHARTS = (".svg", ".pdf", ".png", ".html", ".json")


@dataclass(frozen=True)
class Paper:
    """A sheet with its size and margins in mm, and its names in LaTeX, Typst and Excel."""

    width: float
    height: float
    latex: str
    typst: str
    excel: int
    margin: float = 25.0

    def room(self, *, landscape: bool = False) -> float:
        """Return the width of the text in mm."""
        return (self.height if landscape else self.width) - 2 * self.margin


PAPERS = {
    "a4": Paper(210.0, 297.0, "a4paper", "a4", 9),
    "letter": Paper(215.9, 279.4, "letterpaper", "us-letter", 1),
}


def read_paper(name: str) -> Paper:
    """Return the paper of a name, in upper or lower case."""
    found = PAPERS.get(str(name).lower())
    if found is None:
        raise DatasetError(
            unknown("The paper is unknown:", str(name), PAPERS, 'Use paper="a4" or paper="letter"')
        )
    return found


def read_formats(formats: Sequence[str]) -> list[str]:
    """Return the endings of formats of tables and charts; an unknown one is refused with the known ones."""
    kinds = [f".{name.lower().lstrip('.')}" for name in formats]
    for kind in kinds:
        if kind not in (*TABLES, *CHARTS):
            raise DatasetError(name_formats("The format", kind, (*TABLES, *CHARTS)))
    return list(dict.fromkeys(kinds))


def name_formats(what: str, kind: str, known: Sequence[str]) -> str:
    """Say that a format is unknown, and list the known ones."""
    return unknown(f"{what} is not known:", kind, known, f"Use {join_list(dict.fromkeys(known), 'or')}")
