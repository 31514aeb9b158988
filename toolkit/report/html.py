"""Make one self-contained page of an executed notebook: text, tables, charts, provenance, no address asked.

Takes a notebook with outputs and the facts about its run; gives HTML. A page loads nothing: charts are drawn
by a script inside it and stand as pictures too, for print and for readers without a script.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from toolkit.display.charts.theme import to_svg
from toolkit.errors import DatasetError
from toolkit.files.notebook_html import load_template

MARKDOWN = "text/markdown"
CHART = "application/vnd.vegalite.v6+json"
SVG = "image/svg+xml"
UNSHOWN = {"page-setup", "injected-parameters", "parameters", "notebook-only"}
_NO_SCRIPT = "'none'"
_FOLDER = Path(__file__).parent / "pages"
# What a browser asks for on its own when it opens a page; a link is followed only when a reader clicks.
_LOADING = {"src", "srcset", "poster", "data", "background"}
_HEADING = re.compile(r"<h([23])(?: [^>]*)?>(.*?)</h\1>", re.DOTALL)


@dataclass(frozen=True)
class Facts:
    """What a page says about its run besides the notebook's outputs."""

    title: str
    study: str
    finding: str = ""
    simulated: bool = False
    provenance: Sequence[tuple[str, str | list[str]]] = field(default_factory=tuple)


def compose(notebook: Any, facts: Facts, folder: Path) -> str:
    """Make a page of an executed notebook.

    Parameters
    ----------
    notebook
        With outputs; code is not shown.
    facts
        Title, study, finding, whether the study is simulated, provenance as pairs.
    folder
        Where pictures that the notebook names stand: they are put into the page.

    Returns
    -------
    str
        A whole HTML document.

    Raises
    ------
    DatasetError
        If the notebook shows something from an address, which a reader's browser would ask for.
    """
    body = _body(notebook, folder)
    refuse_addresses(body)
    body, contents = _with_anchors(body)
    parts = {"facts": facts, "body": body, "contents": contents}
    return filled("report.html", parts, scripts=_scripts(body))


def index(entries: Sequence[Mapping[str, Any]], study: str, *, simulated: bool) -> str:
    """Make the page that links the reports of a run with a one-line finding each.

    Parameters
    ----------
    entries
        Mappings with `title`, `finding`, `html`, `parquet`, `csv` (file names) or `failure`.
    study
        The study's label.
    simulated
        True puts the banner on the page.

    Returns
    -------
    str
        A whole HTML document.
    """
    return filled("index.html", {"entries": entries, "study": study, "simulated": simulated})


def first_heading(notebook: Any) -> str:
    """Give the text of a notebook's first heading, "" if it has none.

    Examples
    --------
    >>> from types import SimpleNamespace as N
    >>> first_heading(N(cells=[N(cell_type="markdown", source="# Diabetes and cramps")]))
    'Diabetes and cramps'
    """
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = (re.search(r"^# +(.+)$", text, re.MULTILINE) for text in texts)
    return next((match[1].strip() for match in found if match), "")


def refuse_addresses(html: str) -> None:
    """Raise an error if a page would load something from an address.

    Parameters
    ----------
    html
        The page's body.

    Raises
    ------
    DatasetError
        Names the first address.

    Examples
    --------
    >>> refuse_addresses('<a href="https://example.org">a link is followed on a click only</a>')
    """
    finder = _Finder()
    finder.feed(html)
    if finder.found:
        raise DatasetError(
            f"the notebook shows '{finder.found[0]}' from an address, so the page would not stand alone. "
            "Save the file beside the notebook and name it without an address: ![](picture.png)."
        )


class _Finder(HTMLParser):
    """Collect what a browser would load by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag == "meta" and any(
            name == "http-equiv" and (value or "").lower() != "content-security-policy"
            for name, value in attrs
        ):
            self.found += [value or "" for name, value in attrs if name == "content"]
        names = _LOADING | ({"href", "xlink:href"} if tag in {"link", "image", "use", "base"} else set())
        for name, value in attrs:
            if name in names and value and not value.startswith(("data:", "#")):
                self.found.append(value)
            if name == "style" and value:
                self.found += _addresses_in_style(value)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base class names it
        self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += _addresses_in_style(data)


def _addresses_in_style(text: str) -> list[str]:
    addresses = re.findall(r"url\(\s*['\"]?([^'\")]+)", text) + re.findall(r"@import\s+['\"]([^'\"]+)", text)
    return [address for address in addresses if not address.startswith(("data:", "#"))]


def _body(notebook: Any, folder: Path) -> str:
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        embed_images=True,
    )
    shown, _ = exporter.from_notebook_node(_shown(notebook), {"metadata": {"path": str(folder)}})
    # The ids of cells are drawn at random and would make equal reports differ.
    return re.sub(r' id="cell-id=[^"]*"', "", shown)


def _shown(notebook: Any) -> Any:
    """Copy the notebook as its page shows it: charts as figures, without set-up cells and carried results."""
    from copy import deepcopy

    from toolkit.report.captured_results import MIME

    copy = deepcopy(notebook)
    copy.cells = [cell for cell in copy.cells if not UNSHOWN & set(cell.metadata.get("tags", []))]
    charts = 0
    for cell in copy.cells:
        outputs = [output for output in cell.get("outputs", []) if MIME not in output.get("data", {})]
        for output in outputs:
            data = output.get("data", {})
            if CHART in data:
                charts += 1
                output.data = {"text/html": _figure(data, charts)}
            elif MARKDOWN in data and "text/html" not in data:
                output.data = {"text/html": _formatted(data[MARKDOWN])}
        if cell.cell_type == "code":
            cell.outputs = outputs
    return copy


def _formatted(text: str) -> str:
    """Format Markdown that a cell put out. It may hold labels, so HTML in it is text: a second wall.

    A page's own cells of Markdown hold what the notebook's author wrote, HTML too.
    """
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(text)


def _figure(data: Mapping[str, Any], number: int) -> str:
    spec = dict(data[CHART])
    words = escape(_described(spec, data), quote=True)
    forms = {"wide": (spec, data.get(SVG, ""))}
    if narrow := spec.pop("usermeta", {}).get("narrow"):
        forms["narrow"] = (narrow, to_svg(narrow))
    kind = "chart both" if narrow else "chart"
    stills = "".join(_still(form, drawn, words) for form, (_, drawn) in forms.items())
    specs = "".join(_spec(form, own) for form, (own, _) in forms.items())
    live = f'<div class="live" role="img" aria-label="{words}"></div>'
    return f'<figure class="{kind}" id="chart-{number}">{stills}{live}{specs}</figure>'


def _still(form: str, drawn: str, words: str) -> str:
    picture = b64encode(drawn.encode()).decode()
    return f'<img class="still {form}" alt="{words}" src="data:{SVG};base64,{picture}">'


def _spec(form: str, spec: Mapping[str, Any]) -> str:
    # A closing tag or a comment inside the data would end the script early or swallow the rest of the page.
    packed = json.dumps(spec, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" class="spec {form}">{packed}</script>'


def _described(spec: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    return str(spec.get("description") or data.get("text/plain") or "chart")


def _with_anchors(body: str) -> tuple[str, list[dict[str, str]]]:
    """Give each heading an id, and list those of the second rank as the table of contents."""
    # The page's header shows the title already.
    body = re.sub(r"<h1[ >].*?</h1>", "", body, count=1, flags=re.DOTALL)
    contents: list[dict[str, str]] = []
    seen: dict[str, int] = {}

    def anchored(match: re.Match[str]) -> str:
        rank, text = match[1], re.sub(r"<[^>]+>", "", match[2]).strip()
        slug = re.sub(r"[^a-z0-9]+", "-", unescape(text).lower()).strip("-") or "section"
        seen[slug] = seen.get(slug, 0) + 1
        anchor = slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
        if rank == "2":
            contents.append({"anchor": anchor, "text": unescape(text)})
        return f'<h{rank} id="{anchor}">{match[2]}</h{rank}>'

    return _HEADING.sub(anchored, body), contents


def _scripts(body: str) -> list[str]:
    """Give the script that draws the page's charts; none for a page without one."""
    if '<figure class="chart' not in body:
        return []
    return [f"(function(){{{_bundle()}\n}})();\n{page_text('report.js')}"]


@cache
def _bundle() -> str:
    import vl_convert

    # The bundle declares short global names: its caller wraps it in a function, and one name is let out.
    text = str(vl_convert.javascript_bundle("window.drawChart = vegaEmbed;"))
    return text.replace("</script", "<\\/script")


def filled(
    name: str, parts: Mapping[str, Any], *, styles: Sequence[str] = (), scripts: Sequence[str] = ()
) -> str:
    """Fill one of the pages of this room, whose policy lets a browser run these scripts and nothing else.

    Parameters
    ----------
    name
        The template's file. Whatever `parts` hold is escaped in it.
    parts
        Values by their names in the template.
    styles
        Files of style besides that of all pages.
    scripts
        Texts of scripts.
    """
    css = "\n".join(page_text(style) for style in ("report.css", *styles))
    # A browser reads every line end as LF before it computes the hash.
    texts = [re.sub("\r\n?", "\n", script) for script in scripts]
    return str(load_template(_FOLDER, name).render(css=css, policy=_policy(texts), scripts=texts, **parts))


def _policy(scripts: Sequence[str]) -> str:
    """Write the Content-Security-Policy of a page with these inline scripts."""
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in scripts]
    return (
        f"default-src 'none'; script-src {' '.join(hashes or [_NO_SCRIPT])}; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def page_text(name: str) -> str:
    """Read a file of style or script of this room."""
    return (_FOLDER / name).read_text(encoding="utf-8")
