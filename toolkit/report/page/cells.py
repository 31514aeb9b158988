"""Turn the cells of an executed notebook into the body of a page: text, tables, pictures and charts."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from toolkit.report.captured_results import MIME
from toolkit.report.page.embedded_charts import SPEC, SVG, compose_figure

HIDDEN_TAGS = {"page-setup", "injected-parameters", "parameters", "notebook-only"}
_OWN_TABLE = re.compile(r'<table class="gt_table" aria-labelledby="table-[0-9a-f]{10}-title"')
_HEADING_ROW = re.compile(
    r'<tr class="gt_heading">\s*<td colspan="\d+" ([^>]*)>(.*?)</td>\s*</tr>', re.DOTALL
)
_EMPTY_HEAD = re.compile(r'<th class=("[^"]*")(?:( rowspan="\d+")|[^>])*></th>')
_ROW_LABEL = re.compile(r'<td (headers="[^"]*-label" class="[^"]*")>(.*?)</td>', re.DOTALL)
_PICTURES = ("image/png", "image/jpeg", "image/gif")


def compose_body(notebook: Any, folder: Path, *, interactive: bool = False) -> str:
    """Compose the body of a page without its code; pictures that texts name are read from `folder`."""
    charts = iter(range(1, 10_000))
    return "\n".join(
        part for cell in notebook.cells for part in _compose_cell(cell, folder, charts, interactive) if part
    )


def list_charts(notebook: Any) -> list[Mapping[str, Any]]:
    """List the specifications of the charts of a page, in the order of their numbers."""
    cells = (c for c in notebook.cells if not HIDDEN_TAGS & set(c.metadata.get("tags", [])))
    outputs = (output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    return [data[SPEC] for data in outputs if MIME not in data and SPEC in data and SVG in data]


def _compose_cell(cell: Any, folder: Path, charts: Iterator[int], interactive: bool) -> Iterable[str]:
    if HIDDEN_TAGS & set(cell.metadata.get("tags", [])):
        return
    if cell.cell_type == "markdown":
        yield f'<div class="text">{render_markdown(cell.source, folder=folder)}</div>'
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield f'<div class="output {output.name}"><pre>{escape(_plain(output.text))}</pre></div>'
        elif output.output_type == "error":
            trace = escape(_plain("\n".join(output.traceback)))
            yield f'<div class="output stderr"><pre>{trace}</pre></div>'
        elif MIME not in output.get("data", {}):
            yield _compose_output(output.get("data", {}), charts, interactive)


def _compose_output(data: Mapping[str, Any], charts: Iterator[int], interactive: bool) -> str:
    if SPEC in data and SVG in data:
        return compose_figure(data, next(charts), interactive=interactive)
    if "text/html" in data:
        return f'<div class="output">{_clean_html(data["text/html"])}</div>'
    if "text/markdown" in data:
        return f'<div class="text">{render_markdown(data["text/markdown"], escape_html=True)}</div>'
    text = escape(_plain(str(data.get("text/plain", ""))))
    if SVG in data:
        packed = b64encode(data[SVG].encode()).decode()
        return f'<figure><img alt="{text}" src="data:{SVG};base64,{packed}"></figure>'
    for kind in _PICTURES:
        if kind in data:
            return (
                f'<figure><img alt="{text}" src="data:{kind};base64,{"".join(data[kind].split())}"></figure>'
            )
    return f'<div class="output"><pre>{text}</pre></div>' if text else ""


def render_markdown(text: str, *, escape_html: bool = False, folder: Path | None = None) -> str:
    """Render Markdown; that of an output may contain labels, so HTML in it is escaped.

    Markdown cells are different: their author may write HTML, and name pictures beside the notebook.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(
        escape=escape_html,
        allow_harmful_protocols=False,
        exclude_anchor_links=True,
        embed_images=folder is not None,
        path=str(folder or ""),
    )
    return str(MarkdownWithMath(renderer=renderer).render(text))


def _clean_html(html: str) -> str:
    """Give the toolkit's own tables a caption and row headings, and leave their look to the page."""
    if not _OWN_TABLE.search(html):
        return html
    html = re.sub(r"<style>\s*#table-.*?</style>", "", html, flags=re.DOTALL)
    html = re.sub(r'^<div id="table-\w+" style="[^"]*">', "<div>", html.strip())
    html = re.sub(r' style="white-space: nowrap;"| data-quarto-[a-z-]+="\w+"| (row|col)span="1"', "", html)
    titles = _HEADING_ROW.findall(html)
    html = _HEADING_ROW.sub("", html)
    spans = "".join(f"<span {attributes}>{text}</span>" for attributes, text in titles)
    html = html.replace("<thead>", f"<caption>{spans}</caption><thead>" if spans else "<thead>", 1)
    html = _EMPTY_HEAD.sub(r"<td class=\1\2></td>", html)
    # Scopes say which cells a heading is of; those that great_tables lists by id need not.
    return re.sub(r' headers="[^"]*"', "", _ROW_LABEL.sub(r'<th scope="row" \1>\2</th>', html))


def _plain(text: str) -> str:
    """Remove the escape sequences that color a terminal."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
