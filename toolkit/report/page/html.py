"""Compose self-contained HTML pages: the body of an executed notebook, its contents and its provenance.

A page loads nothing: styles and scripts are inside it, and charts are drawn in it as SVG.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from toolkit.display.charts.inline_svg import dark_styles
from toolkit.display.charts.tooltips import tooltip_script
from toolkit.errors import DatasetError
from toolkit.files.html_templates import load_template
from toolkit.report.page.banner import warn_once
from toolkit.report.page.cells import compose_body

_FOLDER = Path(__file__).parent / "templates"
# What a browser requests when it opens a page; a link is followed only when a reader clicks on it.
_LOADING = {"src", "srcset", "poster", "data", "background"}
_LINKS = re.compile(r'<nav class="pages".*?</nav>', re.DOTALL)
_HEADING = re.compile(r"<h([23])(?: [^>]*)?>(.*?)</h\1>", re.DOTALL)


@dataclass(frozen=True)
class Facts:
    """What a page states about its run besides the outputs of the notebook."""

    title: str
    study: str
    finding: str = ""
    simulated: bool = False
    provenance: Sequence[tuple[str, str | list[str]]] = field(default_factory=tuple)


def compose_report(notebook: Any, facts: Facts, folder: Path, *, interactive: bool = False) -> str:
    """Compose the page of an executed notebook; pictures that it names are read from `folder`."""
    body = compose_body(notebook, folder, interactive=interactive)
    refuse_addresses(body)
    body, contents = _add_anchors(body)
    parts = {"facts": facts, "body": body, "contents": contents}
    simulated = facts.study if facts.simulated else ""
    return fill_page("report.html", parts, scripts=_chart_scripts(body, interactive), simulated=simulated)


def compose_index(
    entries: Iterable[Mapping[str, Any]], study: str, *, simulated: bool, figure: str = ""
) -> str:
    """Compose the page that links reports; entries have title, finding and file names, or a failure."""
    parts = {"entries": list(entries), "study": study, "figure": figure}
    label = study if simulated else ""
    return fill_page("index.html", parts, scripts=_chart_scripts(figure, False), simulated=label)


def compose_studies(studies: Iterable[Mapping[str, Any]]) -> str:
    """Compose the page that links the indexes of all studies, each with folder, label and report count."""
    return fill_page("studies.html", {"studies": list(studies)})


def write_links(page: str, before: tuple[str, str] | None, after: tuple[str, str] | None) -> str:
    """Return the text of a page with links to the pages before and after it, each a file and a title."""
    links = load_template(_FOLDER, "links.html").render(before=before, after=after).strip()
    return _LINKS.sub(lambda _: links, page)


def first_heading(notebook: Any) -> str:
    """Return the text of a notebook's first heading, "" if it has none."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = (re.search(r"^# +(.+)$", text, re.MULTILINE) for text in texts)
    return next((match[1].strip() for match in found if match), "")


def refuse_addresses(html: str) -> None:
    """Raise DatasetError if a browser that opens this page would load something from an address."""
    finder = _AddressFinder()
    finder.feed(html)
    if finder.found:
        raise DatasetError(
            f"The notebook shows '{finder.found[0]}', which a browser would have to load from outside the "
            "page. Save the file beside the notebook and use its name: ![](picture.png)."
        )


class _AddressFinder(HTMLParser):
    """Collect the addresses that a browser would load without a click."""

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


def _add_anchors(body: str) -> tuple[str, list[dict[str, str]]]:
    """Give each heading an id, and list those of the second level as the table of contents."""
    # The header of the page shows the title already.
    body = re.sub(r"<h1[ >].*?</h1>", "", body, count=1, flags=re.DOTALL)
    contents: list[dict[str, str]] = []
    seen: dict[str, int] = {}

    def add_anchor(match: re.Match[str]) -> str:
        rank, text = match[1], re.sub(r"<[^>]+>", "", match[2]).strip()
        slug = re.sub(r"[^a-z0-9]+", "-", unescape(text).lower()).strip("-") or "section"
        seen[slug] = seen.get(slug, 0) + 1
        anchor = slug if seen[slug] == 1 else f"{slug}-{seen[slug]}"
        if rank == "2":
            contents.append({"anchor": anchor, "text": unescape(text)})
        return f'<h{rank} id="{anchor}">{match[2]}</h{rank}>'

    return _HEADING.sub(add_anchor, body), contents


def _chart_scripts(body: str, interactive: bool) -> list[str]:
    """Return the scripts that a page's charts need, none if it has no charts."""
    if '<figure class="chart' not in body:
        return []
    drawn = [f"(function(){{{_chart_library()}\n}})();\n{page_text('interactive.js')}"] if interactive else []
    data = [page_text("workbooks.js")] if '<details class="data">' in body else []
    return [f"{tooltip_script()}\n{page_text('scrolling.js')}", *data, *drawn]


@cache
def _chart_library() -> str:
    import vl_convert

    # The bundle declares short global names, so it runs inside a function that exports one name.
    text = str(vl_convert.javascript_bundle("window.drawChart = vegaEmbed;"))
    return text.replace("</script", "<\\/script")


def fill_page(
    name: str,
    parts: Mapping[str, Any],
    *,
    styles: Sequence[str] = (),
    scripts: Sequence[str] = (),
    simulated: str = "",
) -> str:
    """Fill a template, escaping all parts; its policy allows these scripts and no others.

    `simulated` is the label of a simulated study, of which the page then warns by its banner alone.
    """
    dark = f"@media screen and (prefers-color-scheme: dark) {{\n{dark_styles()}\n}}"
    css = "\n".join([*(page_text(style) for style in ("report.css", *styles)), dark])
    # A browser reads every line end as LF before it computes the hash.
    texts = [re.sub("\r\n?", "\n", script) for script in scripts]
    hashes = [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts]
    allowed = " ".join(hashes) or "'none'"
    policy = (
        f"default-src 'none'; script-src {allowed}; "
        "style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    head = {"css": css, "policy": policy, "scripts": texts, "simulated": simulated}
    page = str(load_template(_FOLDER, name).render(**head, **parts))
    return warn_once(page, simulated) if simulated else page


@cache
def page_text(name: str) -> str:
    """Read a style sheet or script of `pages/`."""
    return (_FOLDER / name).read_text(encoding="utf-8")
