"""Tables and charts as they are written to files, each in the formats that it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from toolkit.disclosure import show_data
from toolkit.display.export import figures
from toolkit.display.export.formats import CHARTS, TABLES, Paper
from toolkit.display.export.manuscript import Figure, Table
from toolkit.display.export.page_layout import plan_page
from toolkit.display.export.typeset_content import Content, read_table
from toolkit.display.tables.result_table import table
from toolkit.display.text import classify_frame
from toolkit.errors import DatasetError


@dataclass(frozen=True)
class ChartItem:
    """A chart, or its specification, that can be written in each format of charts."""

    chart: Any
    alt: str = ""
    width: float = figures.WIDTHS[-1]
    title: str = ""
    data: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that this chart can be written in, and those of its values."""
        return (*CHARTS, *self.data)

    def write(self, kind: str, draft: Path, _: Paper) -> str:
        """Write the chart; return what was decided for its size."""
        if kind == ".json":
            figures.write_specification(self.chart, draft)
        elif kind == ".html":
            figures.write_page(self.chart, draft, self.alt, self.title)
        elif kind in self.data:
            draft.write_bytes(self.data[kind])
        else:
            drawn, note = figures.draw_figure(self.chart, kind, self.width, self.alt, self.title)
            draft.write_bytes(drawn)
            return note
        return ""


@dataclass(frozen=True)
class TableItem:
    """The content of a table, and the frame that it was made from, if it was."""

    content: Content
    html: str
    rows: pl.DataFrame | None = None
    formats: ClassVar[tuple[str, ...]] = TABLES

    def write(self, kind: str, draft: Path, paper: Paper) -> str:
        """Write the table; return what was decided for its page."""
        from toolkit.display.export import (
            latex_documents,
            pdf_documents,
            text_files,
            word_documents,
            workbooks,
        )

        page = plan_page(self.content, paper)
        writers = {
            ".docx": lambda: word_documents.write_word(page, draft),
            ".xlsx": lambda: workbooks.write_workbook(self.content, page, draft, self.rows),
            ".pdf": lambda: pdf_documents.write_table(page, draft),
            ".tex": lambda: latex_documents.write_latex(page, draft),
            ".html": lambda: text_files.write_html(self.html, self.content.heading, draft),
            ".md": lambda: text_files.write_markdown(self.content, draft),
            ".csv": lambda: (
                text_files.write_csv(self.content, draft)
                if self.rows is None
                else text_files.write_frame(self.rows, draft)
            ),
        }
        writers[kind]()
        return page.note if kind in (".docx", ".pdf", ".tex") else ""


Item = ChartItem | TableItem


def read_item(item: Any) -> Item:
    """Read a table, a chart, a frame, or an exhibit of a report."""
    if isinstance(item, Figure):
        title = f"Figure {item.number}. {item.title}"
        return ChartItem(item.spec, item.alt, title=title, data=item.data)
    if isinstance(item, Table):
        return TableItem(item.content, item.html)
    if _is_chart(item):
        return ChartItem(item)
    frame = item if isinstance(item, pl.DataFrame) else None
    if frame is not None:
        classify_frame(frame, "tk.save")
    typeset = table(frame) if frame is not None else item
    html = typeset.as_raw_html()
    return TableItem(read_table(html), html, None if frame is None else show_data(frame))


def _is_chart(item: Any) -> bool:
    """Whether this is a chart; great-tables and altair load on first use."""
    from great_tables import GT

    if isinstance(item, GT | pl.DataFrame):
        return False
    import altair

    if isinstance(item, altair.TopLevelMixin):
        return True
    raise DatasetError(
        f"tk.save needs a table, a chart or a frame, not a value of type '{type(item).__name__}'. Use "
        "tk.save(tk.table(result), 'table.docx') or tk.save(tk.forest(result), 'figure.svg')."
    )
