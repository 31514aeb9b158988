"""Read the page of a report as a manuscript: sections, numbered tables and figures, an appendix of folds."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from lxml import html as parser

from toolkit.display.export.manuscript import Block, Figure, Heading, Manuscript, Paragraph, Run, Table
from toolkit.display.export.typeset_content import read_table
from toolkit.display.export.workbooks import pack_frame

_SKIPPED = {"nav", "script", "style", "svg", "template", "footer"}
_HEADINGS = {"h1": 1, "h2": 1, "h3": 2, "h4": 3, "h5": 3, "h6": 3}
_EXHIBIT = re.compile(r"(Figure|Table) (\w+)\.$")
_DATA = "The values of each figure are on the web page of this report, which saves them as CSV or for Excel."
_BULLETS = ("•", "–", "·")
# How the elements inside of a paragraph change the look of a run.
_LOOKS: dict[str, dict[str, Any]] = {
    "b": {"bold": True},
    "strong": {"bold": True},
    "i": {"italic": True},
    "em": {"italic": True},
    "code": {"mono": True},
    "pre": {"mono": True},
    "sup": {"place": "raised"},
    "sub": {"place": "lowered"},
}


def read_manuscript(page: str, charts: Sequence[Mapping[str, Any]]) -> Manuscript:
    """Read a page; `charts` are the specifications of its charts, in their order."""
    root = parser.document_fromstring(page)
    reader = _Reader(charts)
    reader.read(root.find(".//main"))
    title, study, finding = (
        _plain(root.find(f".//header/{name}")) for name in ("h1", "p[@class='study']", "p[@class='finding']")
    )
    simulated = root.find(".//p[@class='banner']") is not None
    appendix = tuple(reader.appendix)
    if any(isinstance(block, Figure) and block.data for block in reader.blocks):
        appendix = (Paragraph((Run(_DATA),)), *appendix)
    return Manuscript(title, study, tuple(reader.blocks), appendix, simulated=simulated, finding=finding)


class _Reader:
    """Collect blocks in the order of the page; a fold becomes a part of the appendix."""

    def __init__(self, charts: Sequence[Mapping[str, Any]]) -> None:
        self.charts = charts
        self.body: list[Block] = []
        self.appendix: list[Block] = []
        self.blocks = self.body
        self._announced: dict[str, tuple[str, str]] = {}
        self._numbers = {"Figure": 0, "Table": 0, "Fold": 0}

    def read(self, element: Any) -> None:
        """Read what is inside an element."""
        for child in element:
            if not isinstance(child.tag, str) or child.tag in _SKIPPED:
                continue
            self._read_block(child)
            self._add_text((Run(child.tail or ""),))

    def _read_block(self, child: Any) -> None:
        kinds: dict[str, Callable[[Any], None]] = {
            "p": self._read_paragraph,
            "ul": self._read_items,
            "ol": self._read_items,
            "table": self._read_table,
            "figure": self._read_figure,
            "details": self._read_fold,
            "dl": self._read_facts,
            "pre": self._read_lines,
        }
        if child.tag in _HEADINGS:
            self.blocks.append(Heading(_plain(child), _HEADINGS[child.tag]))
        elif child.tag in kinds:
            kinds[child.tag](child)
        elif child.find(".//*") is None or not len(child):
            self._add_text(_read_runs(child))
        else:
            self._add_text((Run(child.text or ""),))
            self.read(child)

    def _add_text(self, runs: Sequence[Run], **look: Any) -> None:
        if any(run.text.strip() for run in runs):
            self.blocks.append(Paragraph(tuple(runs), **look))

    def _read_lines(self, pre: Any) -> None:
        self._add_text((Run(pre.text_content().strip("\n"), mono=True),), small=True)

    def _read_paragraph(self, paragraph: Any) -> None:
        kind = paragraph.get("class", "")
        found = _EXHIBIT.match(_plain(paragraph.find("b"))) if kind == "exhibit" else None
        last = self.blocks[-1] if self.blocks else None
        if found:
            title = _plain(paragraph).removeprefix(found[0]).strip().rstrip(".")
            self._announced[found[1]] = (found[2], title)
        elif kind == "caption" and isinstance(last, Figure):
            self.blocks[-1] = replace(last, note=_plain(paragraph))
        else:
            self._add_text(_read_runs(paragraph), small=kind == "caption")

    def _read_items(self, items: Any, level: int = 0) -> None:
        for number, item in enumerate(items.iterchildren("li"), 1):
            mark = f"{number}." if items.tag == "ol" else _BULLETS[min(level, 2)]
            self._add_text(_read_runs(item, without=("ul", "ol")), mark=mark, level=level)
            for inner in item.xpath("./ul|./ol"):
                self._read_items(inner, level + 1)

    def _take_number(self, kind: str) -> tuple[str, str]:
        """Return number and title of an exhibit: those announced before it, or the next number."""
        number, title = self._announced.pop(kind, ("", ""))
        self._numbers[kind] = int(number) if number.isdigit() else self._numbers[kind] + 1
        return number or str(self._numbers[kind]), title

    def _read_table(self, table: Any) -> None:
        source = parser.tostring(table, encoding="unicode", with_tail=False)
        content = read_table(source)
        if "Table" not in self._announced and not content.title:
            self.blocks.append(Table(content, source))
            return
        if content.number:
            self._announced["Table"] = (content.number, content.title)
        number, title = self._take_number("Table")
        self.blocks.append(Table(replace(content, number=number, title=title or content.title), source))

    def _read_figure(self, figure: Any) -> None:
        picture = figure.find(".//img")
        if picture is not None:
            alt, data = picture.get("alt") or "", _decode(picture.get("src", ""))
            number, title = self._take_number("Figure") if "Figure" in self._announced else ("", "")
            self.blocks.append(Figure(number, title, alt, picture=data))
            return
        spec = self.charts[int(figure.get("id").removeprefix("chart-")) - 1]
        alt = _plain(figure.find(".//desc"))
        number, title = self._take_number("Figure")
        self.blocks.append(Figure(number, title or alt.partition(".")[0], alt, spec))

    def _read_fold(self, fold: Any) -> None:
        """Add a fold to the appendix; the data of a figure are files beside it instead."""
        if fold.get("class") == "data":
            places = [n for n, block in enumerate(self.blocks) if isinstance(block, Figure)]
            data = _read_data(fold.find(".//a[@download]"))
            if places and isinstance(last := self.blocks[places[-1]], Figure):
                self.blocks[places[-1]] = replace(last, data=data)
            return
        summary = _plain(fold.find("summary"))
        subject = next((_plain(head) for head in fold.itersiblings("h4", preceding=True)), "")
        self._append(fold, f"{summary}: {subject}" if subject else summary)

    def _append(self, fold: Any, title: str) -> None:
        tables = fold.findall(".//table")
        self._numbers["Fold"] += 1
        number = f"A{self._numbers['Fold']}"
        kind = "Table" if tables else "Section"
        self._add_text((Run(f"{kind} {number} in the appendix: {title}."),), small=True)
        before, self.blocks = self.blocks, self.appendix
        if tables:
            self._announced["Table"] = (number, title)
            counted = self._numbers["Table"]
        else:
            self.blocks.append(Heading(f"Section {number}. {title}", 2))
        for child in fold:
            if child.tag != "summary":
                self._read_block(child)
        if tables:
            self._numbers["Table"] = counted
        self.blocks = before

    def _read_facts(self, facts: Any) -> None:
        """Read a list of names with their values, such as the provenance, as small paragraphs."""
        name = ""
        for child in facts:
            fold = child.find("details")
            if child.tag == "dt":
                name = _plain(child)
            elif fold is not None:
                self._append(fold, f"{name} ({_plain(fold.find('summary'))})")
            else:
                self._add_text((Run(f"{name}: ", bold=True), *_read_runs(child)), small=True)


def _read_runs(element: Any, *, without: Sequence[str] = (), **look: Any) -> tuple[Run, ...]:
    """Read the text of an element as runs of one look, without the elements of some tags."""
    runs = [_run(element.text, look)]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in (*_SKIPPED, *without):
            if child.tag == "br":
                runs.append(Run("\n"))
            link = child.get("href", "") if child.tag == "a" else ""
            own = {"link": link} if link.startswith(("http://", "https://")) else {}
            runs += _read_runs(child, without=without, **{**look, **_LOOKS.get(child.tag, {}), **own})
        runs.append(_run(child.tail, look))
    kept = [run for run in runs if run.text]
    return _trim(kept)


def _trim(runs: list[Run]) -> tuple[Run, ...]:
    """Remove the spaces that a browser does not show, between runs that each begin or end with one."""
    kept: list[Run] = []
    for run in runs:
        after_space = bool(kept) and kept[-1].text.endswith((" ", "\n"))
        text = run.text.lstrip(" ") if after_space else run.text
        kept += [replace(run, text=text)] if text else []
    return tuple(kept)


def _run(text: str | None, look: Mapping[str, Any]) -> Run:
    return Run(re.sub(r"[ \t\r\n]+", " ", text or ""), **look)


def _plain(element: Any) -> str:
    """Return the text of an element in one line."""
    return "" if element is None else " ".join(element.text_content().split())


def _read_data(link: Any) -> dict[str, bytes]:
    """Return the data of a figure as CSV and as a workbook, from the link that saves them."""
    if link is None:
        return {}
    packed = _decode(link.get("href", ""))
    texts = dict.fromkeys(link.get("data-text", "").split(), pl.String)
    frame = pl.read_csv(packed, schema_overrides=texts, infer_schema_length=None)
    plain = frame.with_columns(pl.col(pl.String).str.replace(r"^'(\s*[=+\-@\t\r])", "${1}"))
    name = link.get("download", "").removesuffix(".csv")
    return {".csv": packed, ".xlsx": pack_frame(plain, name)}


def _decode(address: str) -> bytes:
    """Return the bytes of a data address."""
    head, _, packed = address.partition(",")
    return b64decode(packed) if head.startswith("data:") and head.endswith(";base64") else b""
