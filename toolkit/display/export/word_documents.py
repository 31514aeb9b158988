"""Write a table, or a whole report as a manuscript, as a Word document."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.image.image import Image
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from toolkit.display.export.figures import WIDTHS, choose_form, draw_figure, measure_figure
from toolkit.display.export.formats import Paper
from toolkit.display.export.manuscript import Block, Figure, Heading, Manuscript, Paragraph, Run, Table
from toolkit.display.export.page_layout import SIZE, Page, plan_page
from toolkit.display.export.word_tables import (
    add_caption,
    add_field,
    add_table,
    clean,
    turn_page,
    write,
)
from toolkit.display.text import SIMULATED

_FONT, _MONO = "Arial", "Courier New"
_TEXT = 10.0
# Sizes of the headings of each level, with the space above.
_HEADINGS = {1: (14.0, 18.0), 2: (11.5, 12.0), 3: (10.0, 9.0)}
_BLACK = RGBColor(0, 0, 0)


def write_word(page: Page, path: Path) -> None:
    """Write a table into a new document."""
    document = _open_document(page.parts[0].content.heading, page.size, 3)
    turn_page(document.sections[0], page.paper, landscape=page.landscape)
    add_table(document, page, alone=True)
    _save(document, path)


def _open_document(title: str, size: float, gap: float) -> Any:
    """Open an empty document whose styles have one font."""
    document = Document()
    document.core_properties.title = clean(title)[:255]
    document.core_properties.author = document.core_properties.comments = ""
    document.core_properties.language = "en-US"
    for name in ("Normal", "Caption"):
        _set_style(document.styles[name], size, 0, gap)
    caption = document.styles["Caption"]
    caption.font.color.rgb, caption.font.bold = _BLACK, True
    caption.paragraph_format.keep_with_next = True
    return document


def _set_style(style: Any, size: float, before: float, after: float) -> None:
    style.font.name, style.font.size = _FONT, Pt(size)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{name}"), None)
    fonts.set(qn("w:eastAsia"), _FONT)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)


def write_manuscript(manuscript: Manuscript, paper: Paper, path: Path) -> list[str]:
    """Write a whole report; return a note for each table that needs more than a portrait page."""
    document = _open_document(manuscript.title, _TEXT, 6)
    document.styles["Normal"].paragraph_format.line_spacing = 1.15
    for level, (size, before) in _HEADINGS.items():
        style = document.styles[f"Heading {level}"]
        _set_style(style, size, before, 4)
        style.font.color.rgb, style.font.bold, style.font.italic = _BLACK, True, False
    _set_style(document.styles["Title"], 18, 0, 4)
    _clear_title(document.styles["Title"])
    writer = _Writer(document, paper)
    turn_page(document.sections[0], paper, landscape=False)
    _add_margins(document.sections[0], manuscript)
    document.add_paragraph(clean(manuscript.title), style="Title")
    writer.add(Paragraph((Run(manuscript.study, italic=True),)))
    if manuscript.finding:
        writer.add(Paragraph((Run(manuscript.finding),)))
    for block in manuscript.blocks:
        writer.add(block)
    if manuscript.appendix:
        writer.turn(landscape=False)
        document.add_heading("Appendix", 1).paragraph_format.page_break_before = True
    for block in manuscript.appendix:
        writer.add(block)
    _save(document, path)
    return writer.notes


def _clear_title(style: Any) -> None:
    """Remove the color and the line below of Word's title."""
    style.font.color.rgb, style.font.bold = _BLACK, True
    for border in style.element.pPr.findall(qn("w:pBdr")):
        style.element.pPr.remove(border)


def _add_margins(section: Any, manuscript: Manuscript) -> None:
    """Put the page number below each page, and the banner of simulated data above it."""
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    add_field(footer, "PAGE", "1", 8)
    if manuscript.simulated:
        header = section.header.paragraphs[0]
        write(header, SIMULATED, 9, bold=True, warning=True)


class _Writer:
    """Add the blocks of a manuscript; sections turn to landscape for a wide table, and back."""

    def __init__(self, document: Any, paper: Paper) -> None:
        self.document, self.paper, self.notes = document, paper, list[str]()
        self._landscape = False

    def add(self, block: Block) -> None:
        """Add a block."""
        kinds: dict[type, Callable[[Any], None]] = {
            Heading: self._add_heading,
            Paragraph: self._add_paragraph,
            Table: self._add_table,
            Figure: self._add_figure,
        }
        kinds[type(block)](block)

    def turn(self, *, landscape: bool) -> None:
        """Begin a section of the other orientation."""
        if landscape != self._landscape:
            turn_page(self.document.add_section(), self.paper, landscape=landscape)
            self._landscape = landscape

    def _add_heading(self, heading: Heading) -> None:
        self.turn(landscape=False)
        self.document.add_heading(clean(heading.text), min(heading.level, 3))

    def _add_paragraph(self, block: Paragraph) -> None:
        self.turn(landscape=False)
        paragraph = self.document.add_paragraph()
        if block.mark:
            layout, depth = paragraph.paragraph_format, Mm(6)
            layout.left_indent, layout.first_line_indent = depth * (block.level + 1), -depth
            layout.space_after = Pt(3)
            layout.tab_stops.add_tab_stop(depth * (block.level + 1))
            paragraph.add_run(f"{block.mark}\t")
        for run in block.runs:
            _add_run(paragraph, run, SIZE if block.small else _TEXT)

    def _add_table(self, block: Table) -> None:
        page = plan_page(block.content, self.paper)
        self.turn(landscape=page.landscape)
        if page.note:
            self.notes.append(f"Table {block.content.number} {page.note}")
        add_table(self.document, page)
        gap = self.document.add_paragraph()
        gap.paragraph_format.space_after, gap.paragraph_format.line_spacing = Pt(0), Pt(8)

    def _add_figure(self, figure: Figure) -> None:
        self.turn(landscape=False)
        paragraph = self.document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        # A figure leaves room for its caption on the page.
        tallest = self.paper.height - 2 * self.paper.margin - 35
        if figure.spec:
            width = min(self.paper.room(), WIDTHS[-1])
            spec = choose_form(figure.spec, width, tallest)
            picture = draw_figure(spec, ".png", width, figure.alt)[0]
            width = min(width, width * tallest / measure_figure(spec, width))
        else:
            picture, image = figure.picture, Image.from_blob(figure.picture)
            width = min(self.paper.room(), image.width.mm, tallest * image.px_width / image.px_height)
        shape = paragraph.add_run().add_picture(BytesIO(picture), Mm(width))
        properties = shape._inline.docPr  # noqa: SLF001 - python-docx has no public call for it
        properties.set("title", clean(f"Figure {figure.number}. {figure.title}".strip()))
        properties.set("descr", clean(figure.alt))
        if figure.number:
            caption = add_caption(self.document, "Figure", figure.number)
            write(caption, f"{figure.title.rstrip('.')}.", SIZE + 1)
            caption.paragraph_format.keep_with_next = False
            caption.paragraph_format.space_after = Pt(12)
            if figure.note:
                _add_run(caption, Run(f" {figure.note}"), SIZE, bold=False)


def _add_run(paragraph: Any, run: Run, size: float, *, bold: bool | None = None) -> None:
    if run.link:
        paragraph = _open_link(paragraph, run.link)
    made = paragraph.add_run(clean(run.text))
    made.font.size = Pt(size)
    made.font.bold, made.font.italic = (run.bold or None) if bold is None else bold, run.italic or None
    made.font.superscript, made.font.subscript = run.place == "raised" or None, run.place == "lowered" or None
    if run.mono:
        made.font.name, made.font.size = _MONO, Pt(size - 0.5)
    if run.link:
        made.font.underline = True


def _open_link(paragraph: Any, address: str) -> Any:
    """Add a hyperlink to a paragraph; runs are added to what is returned."""
    from docx.text.paragraph import Paragraph as WordParagraph

    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True))
    paragraph._p.append(link)  # noqa: SLF001 - python-docx has no public call for links
    inside = WordParagraph(OxmlElement("w:p"), paragraph._parent)  # noqa: SLF001
    run = inside.add_run
    return _Link(link, run)


class _Link:
    """A hyperlink that takes runs as a paragraph does."""

    def __init__(self, element: Any, add_run: Callable[[str], Any]) -> None:
        self._element, self._add = element, add_run

    def add_run(self, text: str) -> Any:
        """Add a run to the link."""
        made = self._add(text)
        self._element.append(made._r)  # noqa: SLF001
        return made


def _save(document: Any, path: Path) -> None:
    """Write a document at once: an archive that is half written to a full disk raises a second time later."""
    packed = BytesIO()
    document.save(packed)
    path.write_bytes(packed.getvalue())
