"""Write a table into a Word document: caption, header rows that repeat, rules, footnotes."""

from typing import Any

from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_ALIGN_VERTICAL, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from toolkit.display.charts.palette import VERMILLION
from toolkit.display.export.formats import Paper
from toolkit.display.export.page_layout import SIZE, Page, Part
from toolkit.display.export.typeset_content import Cell, Content, is_group
from toolkit.display.text import SIMULATED

_ALIGN = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}
_THICK, _THIN = "8", "4"  # Eighths of a point.
_INDENT = "\u2003"


def add_table(document: Any, page: Page, *, alone: bool = False) -> None:
    """Add a table in all of its parts; the number of one that is alone in its file is set, not counted."""
    for place, part in enumerate(page.parts):
        _add_part(document, part, page, first=not place, alone=alone)
        if place < len(page.parts) - 1:
            document.add_paragraph().paragraph_format.space_after = Pt(6)


def _add_part(document: Any, part: Part, page: Page, *, first: bool, alone: bool) -> None:
    content = part.content
    if content.title:
        number = content.number or ("1" if alone else "")
        reset = "\\c " if not first else f"\\r {number} " if alone and content.number else ""
        caption = add_caption(document, "Table", number, reset)
        write(caption, content.caption, SIZE + 1)
    for note in content.notes:
        paragraph = document.add_paragraph()
        write(paragraph, note, page.size, bold=note == SIMULATED, warning=note == SIMULATED)
        paragraph.paragraph_format.space_after = Pt(3)
        paragraph.paragraph_format.keep_with_next = True
    table = document.add_table(len(content.header) + len(content.body), content.width)
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    _describe(table, content)
    for column, width in zip(table.columns, part.widths, strict=True):
        column.width = Mm(width)
    # Read once: python-docx counts the cells of the whole table for each.
    grid = [list(row.cells) for row in table.rows]
    _draw_rules(grid, content)
    grouped = False
    for line, row in enumerate((*content.header, *content.body)):
        grouped = grouped or (line >= len(content.header) and is_group(row, content.width))
        _fill_row(grid, line, row, part, page.size, indent=grouped)
    _mark_rows(table, len(content.header))
    for place, (mark, text) in enumerate(content.below):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_before = Pt(0 if place else 3)
        paragraph.paragraph_format.space_after, paragraph.paragraph_format.line_spacing = Pt(1), 1.0
        if mark:
            write(paragraph, f"{mark} ", page.size - 1, raised=True)
        write(paragraph, text, page.size - 1)


def turn_page(section: Any, paper: Paper, *, landscape: bool) -> None:
    """Set paper, orientation and margins of a section."""
    short, long = Mm(paper.width), Mm(paper.height)
    section.page_width, section.page_height = (long, short) if landscape else (short, long)
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Mm(paper.margin))


def add_caption(document: Any, kind: str, number: str, reset: str = "") -> Any:
    """Add a caption with "Table 1. "; a plain number is a field, which Word counts anew in a manuscript."""
    caption = document.add_paragraph(style="Caption")
    if number.isdigit():
        write(caption, f"{kind} ", SIZE + 1)
        add_field(caption, f"SEQ {kind} {reset}\\* ARABIC", number, SIZE + 1)
        write(caption, ". ", SIZE + 1)
    elif number:
        write(caption, f"{kind} {number}. ", SIZE + 1)
    return caption


def add_field(paragraph: Any, instruction: str, shown: str, points: float) -> None:
    """Add a field that Word computes, with the text that it shows until then."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), f" {instruction} ")
    run = OxmlElement("w:r")
    size = OxmlElement("w:rPr")
    half_points = OxmlElement("w:sz")
    half_points.set(qn("w:val"), str(int(2 * points)))
    size.append(half_points)
    text = OxmlElement("w:t")
    text.text = shown
    run.extend([size, text])
    field.append(run)
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no public call for fields


def _describe(table: Any, content: Content) -> None:
    """Set the alternative text of a table, for screen readers."""
    properties = table._tbl.tblPr  # noqa: SLF001
    for tag, text in (("w:tblCaption", content.title), ("w:tblDescription", " ".join(content.notes))):
        element = OxmlElement(tag)
        element.set(qn("w:val"), clean(text).replace("\n", " "))
        properties.append(element)


def _fill_row(
    grid: list[list[Any]], line: int, row: tuple[Cell, ...], part: Part, size: float, *, indent: bool
) -> None:
    """Write a row; the rows of a group are indented below its heading."""
    content = part.content
    header, group = line < len(content.header), is_group(row, content.width)
    for cell in row:
        target = grid[line][cell.column]
        if cell.columns > 1 or cell.rows > 1:
            target = target.merge(grid[line + cell.rows - 1][cell.column + cell.columns - 1])
        target.width = Mm(sum(part.widths[cell.column : cell.column + cell.columns]))
        if header:
            target.vertical_alignment = WD_ALIGN_VERTICAL.BOTTOM
        paragraph = target.paragraphs[0]
        layout = paragraph.paragraph_format
        layout.alignment = _ALIGN["center" if header and cell.columns > 1 else cell.align]
        layout.space_before = layout.space_after = Pt(1.5)
        layout.line_spacing = 1.0
        layout.keep_with_next = header or group
        text = cell.text.lstrip(_INDENT)
        inner = indent and not group and cell.column == 0
        layout.left_indent = Mm(3 * (len(cell.text) - len(text) + inner))
        write(paragraph, text, size, bold=header or group)
        if cell.marks:
            write(paragraph, cell.marks, size, raised=True)


def _mark_rows(table: Any, heads: int) -> None:
    """Keep each row on one page, and repeat those of the header on every page."""
    for line, row in enumerate(table.rows):
        properties = row._tr.get_or_add_trPr()  # noqa: SLF001
        properties.append(OxmlElement("w:cantSplit"))
        if line < heads:
            properties.append(OxmlElement("w:tblHeader"))


def write(
    paragraph: Any, text: str, size: float, *, bold: bool = False, raised: bool = False, warning: bool = False
) -> None:
    """Add text of one look to a paragraph."""
    run = paragraph.add_run(clean(text))
    run.font.size, run.font.bold, run.font.superscript = Pt(size), bold or None, raised or None
    if warning:
        run.font.color.rgb = RGBColor.from_string(VERMILLION.removeprefix("#"))


def clean(text: str) -> str:
    """Remove control characters, which XML does not allow."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")


def _draw_rules(grid: list[list[Any]], content: Content) -> None:
    """Draw the three rules of a printed table, and one below each spanner."""
    heads = len(content.header)
    for column in range(content.width):
        _draw_rule(grid[0][column], "top", _THICK)
        if heads:
            _draw_rule(grid[heads - 1][column], "bottom", _THIN)
        _draw_rule(grid[-1][column], "bottom", _THICK)
    for line, row in enumerate(content.header):
        for cell in row:
            if cell.columns > 1 and cell.text:
                for column in range(cell.column, cell.column + cell.columns):
                    _draw_rule(grid[line][column], "bottom", _THIN)


def _draw_rule(cell: Any, side: str, width: str) -> None:
    properties = cell._tc.get_or_add_tcPr()  # noqa: SLF001
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        properties.append(borders)
    for old in borders.findall(qn(f"w:{side}")):
        borders.remove(old)
    rule = OxmlElement(f"w:{side}")
    for name, value in (("val", "single"), ("sz", width), ("color", "222222")):
        rule.set(qn(f"w:{name}"), value)
    # The schema wants the rule above before that below.
    borders.insert(0, rule) if side == "top" else borders.append(rule)
