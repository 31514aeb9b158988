"""Write a table, or a whole report, as PDF with text, tags and alternative texts.

Typst typesets in this process: neither LaTeX nor LibreOffice nor a browser is needed, and its fonts come with
it, so that a page looks the same on every machine. Texts reach it as strings, never as markup.
"""

import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from toolkit.display.charts.palette import VERMILLION
from toolkit.display.export.figures import WIDTHS, choose_form, draw_figure, measure_figure
from toolkit.display.export.formats import Paper
from toolkit.display.export.manuscript import Block, Figure, Heading, Manuscript, Paragraph, Run
from toolkit.display.export.page_layout import Page, Part, plan_page
from toolkit.display.export.typeset_content import Cell, Content, is_group
from toolkit.display.text import SIMULATED
from toolkit.errors import DatasetError
from toolkit.files.safe_files import restate_full_temporary_folder, temporary_folder

_INDENT = "\u2003"
_LONG = 30  # Letters of a word that may break anywhere, such as a hash.
_SETTINGS = """
#set document(title: {title}, date: none)
#set page(paper: {paper}, margin: {margin}mm, flipped: {flipped}, numbering: "1", header: [{header}])
#set text(font: "Libertinus Serif", size: 10.5pt, lang: "en", region: "US", hyphenate: false)
#set par(leading: 0.62em, spacing: 1em)
#show raw: set text(font: "DejaVu Sans Mono", size: 0.8em)
#show link: underline
#show heading.where(level: 1): set text(size: 15pt)
#show heading.where(level: 2): set text(size: 12.5pt)
#show heading.where(level: 3): set text(size: 10.5pt)
#show heading: set block(above: 1.5em, below: 0.8em, sticky: true)
#show figure: set block(breakable: true, above: 1.6em, below: 1.6em)
#show figure.where(kind: image): set block(breakable: false)
#show figure.where(kind: table): set figure.caption(position: top)
#show figure.caption: set align(left)
#show figure: set align(left)
#set table(stroke: none, inset: (x: 1.5mm, y: 1.1mm))
#set table.cell(breakable: false)
"""


def write_table(page: Page, path: Path) -> None:
    """Write a table as PDF."""
    title = page.parts[0].content.heading or "Table"
    lines = [_set_up(title, page.paper, landscape=page.landscape), *_write_table(page, number="1")]
    path.write_bytes(_compile(lines, {}))


def write_manuscript(manuscript: Manuscript, paper: Paper, path: Path) -> list[str]:
    """Write a whole report; return a note for each table that needs more than a portrait page."""
    lines = [_set_up(manuscript.title, paper, banner=manuscript.simulated)]
    lines.append(f"#text(size: 20pt, weight: {_quote('bold')})[{_text(manuscript.title)}]\n")
    lines.append(f"#emph[{_text(manuscript.study)}]\n")
    lines += [_text(manuscript.finding) + "\n"] if manuscript.finding else []
    appendix = [Heading("Appendix"), *manuscript.appendix] if manuscript.appendix else []
    pictures: dict[str, bytes] = {}
    notes: list[str] = []
    for place, block in enumerate((*manuscript.blocks, *appendix)):
        if place == len(manuscript.blocks):
            lines.append("#pagebreak(weak: true)")
        lines += _write_block(block, paper, pictures, notes)
    path.write_bytes(_compile(lines, pictures))
    return notes


def _write_block(block: Block, paper: Paper, pictures: dict[str, bytes], notes: list[str]) -> list[str]:
    if isinstance(block, Heading):
        return [f"#heading(level: {block.level}, {_quote(block.text)})"]
    if isinstance(block, Paragraph):
        return [_write_paragraph(block)]
    if isinstance(block, Figure):
        return _write_figure(block, paper, pictures)
    page = plan_page(block.content, paper)
    if page.note:
        notes.append(f"Table {block.content.number} {page.note}")
    lines = _write_table(page, number=block.content.number)
    return ["#page(flipped: true)[", *lines, "]"] if page.landscape else lines


def load_typst() -> Any:
    """Import the typesetter, on first use."""
    try:
        return import_module("typst")
    except ImportError as error:
        raise DatasetError(
            "A PDF of text and tables is typeset by the package 'typst', which is not installed. Install it "
            "with: pip install typst. Or choose another format, such as .docx."
        ) from error


def _compile(lines: Iterable[str], pictures: Mapping[str, bytes]) -> bytes:
    typst = load_typst()
    with restate_full_temporary_folder(), temporary_folder() as folder:
        source = folder / "main.typ"
        source.write_text("\n".join(lines), encoding="utf-8")
        for name, picture in pictures.items():
            (folder / name).write_bytes(picture)
        return bytes(typst.compile(str(source), root=str(folder)))


def _set_up(title: str, paper: Paper, *, landscape: bool = False, banner: bool = False) -> str:
    return _SETTINGS.format(
        title=_quote(title),
        paper=_quote(paper.typst),
        margin=paper.margin,
        flipped=json.dumps(landscape),
        header=_warn(SIMULATED) if banner else "",
    )


def _quote(text: str) -> str:
    """Return a text as a string of Typst, in which nothing is markup."""
    kept = "".join(letter for letter in text if letter >= " ")
    words = (
        w if len(w) <= _LONG else "\u200b".join(w[n : n + 8] for n in range(0, len(w), 8))
        for w in kept.split(" ")
    )
    joined = " ".join(words).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{joined}"'


def _text(text: str) -> str:
    return "#linebreak()".join(f"#{_quote(line)}" for line in text.split("\n"))


def _warn(text: str) -> str:
    return f"#text(weight: {_quote('bold')}, fill: rgb({_quote(VERMILLION)}))[{_text(text)}]"


def _write_run(run: Run) -> str:
    if run.mono:
        made = "#linebreak()".join(f"#raw({_quote(line)})" for line in run.text.split("\n"))
    else:
        made = _text(run.text)
    for wanted, name in (
        (run.bold, "strong"),
        (run.italic, "emph"),
        (run.place == "raised", "super"),
        (run.place == "lowered", "sub"),
    ):
        made = f"#{name}[{made}]" if wanted else made
    return f"#link({_quote(run.link)})[{made}]" if run.link else made


def _write_paragraph(block: Paragraph) -> str:
    text = "".join(map(_write_run, block.runs))
    if block.mark:
        mark = f"#box(width: 6mm)[{_text(block.mark)}]"
        text = f"#pad(left: {6 * block.level}mm, par(hanging-indent: 6mm, justify: false)[{mark}{text}])"
    return f"#text(size: 9pt)[{text}]\n" if block.small else f"{text}\n"


def _write_figure(figure: Figure, paper: Paper, pictures: dict[str, bytes]) -> list[str]:
    tallest = paper.height - 2 * paper.margin - 35
    if figure.spec:
        width = min(paper.room(), WIDTHS[-1])
        spec = choose_form(figure.spec, width, tallest)
        name, picture = f"{len(pictures)}.pdf", draw_figure(spec, ".pdf", width, figure.alt)[0]
        size = f"width: {min(width, width * tallest / measure_figure(spec, width)):.2f}mm"
    else:
        kind = {b"\x89P": "png", b"\xff\xd8": "jpg"}.get(figure.picture[:2], "gif")
        name, picture, size = f"{len(pictures)}.{kind}", figure.picture, f"height: {tallest / 2:.0f}mm"
    pictures[name] = picture
    made = f"image({_quote(name)}, {size}, alt: {_quote(figure.alt)})"
    if not figure.number:
        return [f"#{made}\n"]
    title = figure.title.rstrip(".")
    caption = f"#strong[{_text(f'Figure {figure.number}. {title}.')}] "
    caption += f"#text(size: 9pt)[{_text(figure.note)}]" if figure.note else ""
    return [f"#figure({made}, caption: [{caption}], supplement: none, numbering: none)"]


def _write_table(page: Page, *, number: str) -> list[str]:
    lines = []
    for part in page.parts:
        content = part.content
        rows = _write_rows(part, page.size)
        below = _write_below(content, page.size - 1)
        if not content.title:
            lines += [rows, *below]
            continue
        caption = f"#strong[{_text(f'Table {content.number or number}. {content.caption}')}]"
        for note in content.notes:
            caption += "#linebreak()" + (_warn(note) if note == SIMULATED else _text(note))
        caption = f"#text(size: {page.size}pt)[{caption}]"
        lines += [f"#figure(kind: table, supplement: none, numbering: none, caption: [{caption}])["]
        lines += [rows, *below, "]"]
    return lines


def _write_rows(part: Part, size: float) -> str:
    content = part.content
    columns = ", ".join(f"{width:.2f}mm" for width in part.widths)
    aligns = ", ".join(content.align_of(n) for n in range(content.width))
    lines = [
        f"#text(size: {size}pt)[#set par(leading: 0.5em)",
        f"#table(columns: ({columns},), align: ({aligns},),",
    ]
    heads = ["table.hline(stroke: 0.9pt)"]
    for row in content.header:
        heads += [
            _write_cell(cell, bold=True, align="center" if cell.columns > 1 else cell.align) for cell in row
        ]
        heads += [
            f"table.hline(start: {c.column}, end: {c.column + c.columns}, stroke: 0.5pt)"
            for c in row
            if c.columns > 1 and c.text
        ]
    if content.header:
        heads = [f"table.header(repeat: true, {', '.join([*heads, 'table.hline(stroke: 0.5pt)'])})"]
    lines += [f"{part}," for part in heads]
    grouped = False
    for row in content.body:
        group = is_group(row, content.width)
        grouped = grouped or group
        cells = [
            _write_cell(cell, bold=group, inner=grouped and not group and cell.column == 0) for cell in row
        ]
        lines.append(", ".join(cells) + ",")
    return "\n".join([*lines, "table.hline(stroke: 0.9pt))]"])


def _write_cell(cell: Cell, *, bold: bool = False, align: str = "", inner: bool = False) -> str:
    text = cell.text.lstrip(_INDENT)
    made = _text(text) + (f"#super[{_text(cell.marks)}]" if cell.marks else "")
    made = f"#strong[{made}]" if bold else made
    depth = 3 * (len(cell.text) - len(text) + inner)
    made = f"#pad(left: {depth}mm)[{made}]" if depth else made
    look = f", align: {align} + bottom" if align else ""
    return f"table.cell(colspan: {cell.columns}, rowspan: {cell.rows}{look})[{made}]"


def _write_below(content: Content, size: float) -> list[str]:
    lines = [(f"#super[{_text(mark)}]#h(1mm)" if mark else "") + _text(text) for mark, text in content.below]
    return [f"#block(above: 0.6em, text(size: {size}pt)[{'#linebreak()'.join(lines)}])"] if lines else []
