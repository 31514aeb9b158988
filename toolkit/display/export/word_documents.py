"""Write a table as a Word document with caption, repeated header row and footnotes."""

from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_ALIGN_VERTICAL, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from toolkit.display.charts.palette import VERMILLION
from toolkit.display.export.page_layout import SIZE, Page
from toolkit.display.export.typeset_content import Cell, Content, is_group
from toolkit.display.text import SIMULATED

_FONT = "Arial"
_ALIGN = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}
_THICK, _THIN = "8", "4"  # Eighths of a point.
_INDENT = "\u2003"


def write_word(content: Content, page: Page, path: Path) -> None:
    """Write a table into a new document of A4 pages."""
    document = Document()
    _set_up(document, content, page)
    caption = document.add_paragraph(style="Caption")
    _number_caption(caption)
    _write(caption, f". {content.title}", SIZE + 1)
    for note in content.notes:
        paragraph = document.add_paragraph()
        _write(paragraph, note, page.size, bold=note == SIMULATED, warning=note == SIMULATED)
        paragraph.paragraph_format.keep_with_next = True
    table = document.add_table(len(content.header) + len(content.body), content.width)
    table.alignment, table.autofit = WD_TABLE_ALIGNMENT.LEFT, False
    _describe(table, content)
    _size_columns(table, page)
    # Read once: python-docx counts the cells of the whole table for each.
    grid = [list(row.cells) for row in table.rows]
    _draw_rules(grid, content)
    grouped = False
    for line, row in enumerate((*content.header, *content.body)):
        grouped = grouped or (line >= len(content.header) and is_group(row, content.width))
        _fill_row(grid, line, row, content, page, indent=grouped)
    _mark_rows(table, len(content.header))
    for mark, text in content.below:
        paragraph = document.add_paragraph()
        if mark:
            _write(paragraph, f"{mark} ", page.size - 1, raised=True)
        _write(paragraph, text, page.size - 1)
    document.save(str(path))


def _set_up(document: Any, content: Content, page: Page) -> None:
    section = document.sections[0]
    short, long = Mm(210), Mm(297)
    section.page_width, section.page_height = (long, short) if page.landscape else (short, long)
    section.orientation = WD_ORIENT.LANDSCAPE if page.landscape else WD_ORIENT.PORTRAIT
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Mm(25))
    document.core_properties.title = _clean(content.title)[:255]
    document.core_properties.author = document.core_properties.comments = ""
    for name in ("Normal", "Caption"):
        style = document.styles[name]
        style.font.name, style.font.size = _FONT, Pt(page.size)
        style.element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)
        style.paragraph_format.space_after = Pt(3)
        style.paragraph_format.space_before = Pt(0)
    caption = document.styles["Caption"]
    caption.font.color.rgb, caption.font.bold = RGBColor(0, 0, 0), True
    caption.paragraph_format.keep_with_next = True


def _number_caption(paragraph: Any) -> None:
    """Write "Table 1" as a field, so that Word renumbers it in a manuscript."""
    _write(paragraph, "Table ", SIZE + 1)
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), " SEQ Table \\* ARABIC ")
    run = OxmlElement("w:r")
    size = OxmlElement("w:rPr")
    points = OxmlElement("w:sz")
    points.set(qn("w:val"), str(int(2 * (SIZE + 1))))
    size.append(points)
    text = OxmlElement("w:t")
    text.text = "1"
    run.extend([size, text])
    field.append(run)
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no public call for fields


def _describe(table: Any, content: Content) -> None:
    """Set the alternative text of a table, for screen readers."""
    properties = table._tbl.tblPr  # noqa: SLF001
    for tag, text in (("w:tblCaption", content.title), ("w:tblDescription", " ".join(content.notes))):
        element = OxmlElement(tag)
        element.set(qn("w:val"), _clean(text).replace("\n", " "))
        properties.append(element)


def _size_columns(table: Any, page: Page) -> None:
    for column, width in zip(table.columns, page.widths, strict=True):
        column.width = Mm(width)


def _fill_row(
    grid: list[list[Any]], line: int, row: tuple[Cell, ...], content: Content, page: Page, *, indent: bool
) -> None:
    """Write a row; the rows of a group are indented below its heading."""
    header, group = line < len(content.header), is_group(row, content.width)
    for cell in row:
        target = grid[line][cell.column]
        if cell.columns > 1 or cell.rows > 1:
            target = target.merge(grid[line + cell.rows - 1][cell.column + cell.columns - 1])
        target.width = Mm(sum(page.widths[cell.column : cell.column + cell.columns]))
        if header:
            target.vertical_alignment = WD_ALIGN_VERTICAL.BOTTOM
        paragraph = target.paragraphs[0]
        layout = paragraph.paragraph_format
        layout.alignment = _ALIGN["center" if header and cell.columns > 1 else cell.align]
        layout.space_before = layout.space_after = Pt(1.5)
        layout.keep_with_next = header or group
        text = cell.text.lstrip(_INDENT)
        inner = indent and not group and cell.column == 0
        layout.left_indent = Mm(3 * (len(cell.text) - len(text) + inner))
        _write(paragraph, text, page.size, bold=header or group)
        if cell.marks:
            _write(paragraph, cell.marks, page.size, raised=True)


def _mark_rows(table: Any, heads: int) -> None:
    """Keep each row on one page, and repeat those of the header on every page."""
    for line, row in enumerate(table.rows):
        properties = row._tr.get_or_add_trPr()  # noqa: SLF001
        properties.append(OxmlElement("w:cantSplit"))
        if line < heads:
            properties.append(OxmlElement("w:tblHeader"))


def _write(
    paragraph: Any, text: str, size: float, *, bold: bool = False, raised: bool = False, warning: bool = False
) -> None:
    run = paragraph.add_run(_clean(text))
    run.font.size, run.font.bold, run.font.superscript = Pt(size), bold or None, raised or None
    if warning:
        run.font.color.rgb = RGBColor.from_string(VERMILLION.removeprefix("#"))


def _clean(text: str) -> str:
    """Remove control characters, which XML does not allow."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")


def _draw_rules(grid: list[list[Any]], content: Content) -> None:
    """Draw the three rules of a printed table, and one below each spanner."""
    heads = len(content.header)
    for column in range(content.width):
        _draw_rule(grid[0][column], "top", _THICK)
        _draw_rule(grid[max(heads - 1, 0)][column], "bottom", _THIN)
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
