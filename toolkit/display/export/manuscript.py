"""The parts of a whole report as a manuscript has them, whatever file they are written to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.display.export.typeset_content import Content


@dataclass(frozen=True)
class Run:
    """Text of one look; `link` is the address that it leads to."""

    text: str
    bold: bool = False
    italic: bool = False
    mono: bool = False
    place: str = ""
    """"raised" or "lowered" text; "" for text on the line."""
    link: str = ""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is that of a section."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `mark` is the bullet or number of an item, and `level` its depth."""

    runs: tuple[Run, ...]
    mark: str = ""
    level: int = 0
    small: bool = False

    @property
    def text(self) -> str:
        """The text of all runs."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True)
class Table:
    """A table; one without a title has no caption."""

    content: Content
    html: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure: a Vega-Lite specification, or a picture as it is; `alt` states its finding.

    `data` are the files of its values, by their ending.
    """

    number: str
    title: str
    alt: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    picture: bytes = b""
    note: str = ""
    data: Mapping[str, bytes] = field(default_factory=dict)


Block = Heading | Paragraph | Table | Figure


@dataclass(frozen=True)
class Manuscript:
    """A report with its title, its study and its blocks; an appendix has what the page folds away."""

    title: str
    study: str
    blocks: tuple[Block, ...]
    appendix: tuple[Block, ...] = ()
    simulated: bool = False
    finding: str = ""

    @property
    def exhibits(self) -> tuple[Table | Figure, ...]:
        """The numbered tables and figures."""
        return tuple(
            block
            for block in (*self.blocks, *self.appendix)
            if isinstance(block, Figure) or (isinstance(block, Table) and block.content.number)
        )
