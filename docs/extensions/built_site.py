"""Check the built site: nothing loaded from elsewhere, a text for every picture, a target for every link."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes whose address a browser requests without a click.
_LOADING = {"src", "srcset", "poster", "data", "background", "action"}
_LOADING_HREF = {"link", "image", "use", "base", "script"}
_STYLE = re.compile(r"(?:url\(\s*|@import\s+)['\"]?((?:https?:)?//[^'\")\s]+)")
_SCRIPT = re.compile(
    r"(?:fetch|import|importScripts|open|WebSocket|EventSource|Worker)\s*\(\s*['\"`][^'\"`]*?((?:https?:|wss?:)?//[^'\"`]+)"
    r"|\.(?:src|href)\s*=\s*['\"`]((?:https?:)?//[^'\"`]+)"
)
_ELSEWHERE = re.compile(r"^(?:[a-z]+:)?//", re.IGNORECASE)


class _Page(HTMLParser):
    """Collect what a page loads, its anchors, its links and its pictures without text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.bare: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        known = {name: value or "" for name, value in attrs}
        self.anchors |= {known[name] for name in ("id", "name") if name in known}
        names = _LOADING | ({"href", "xlink:href"} if tag in _LOADING_HREF else set())
        self.loads += [known[name] for name in known.keys() & names if _ELSEWHERE.match(known[name])]
        self.loads += _STYLE.findall(known.get("style", ""))
        if tag == "a" and "href" in known:
            self.links.append(known["href"])
        if tag == "img" and not known.get("alt", "").strip() and known.get("role") != "presentation":
            self.bare.append(known.get("src", "")[:80])

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.loads += _STYLE.findall(data)
        if self._inside == "script":
            self.loads += requests_of_script(data)

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the base class names it
        self._inside = ""


def requests_of_script(text: str) -> list[str]:
    """List the addresses elsewhere that a script would request."""
    return [one or other for one, other in _SCRIPT.findall(text)]


def problems(site: Path) -> list[str]:
    """List what is wrong with the built site, one line each."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site} has no page"]
    for path, page in pages.items():
        where = path.relative_to(site)
        found += [f"{where}: loads {address}" for address in page.loads]
        found += [f"{where}: picture without alternative text: {source}" for source in page.bare]
        found += [f"{where}: broken link {link}" for link in _broken(path, page, pages)]
    for path in [*site.rglob("*.css"), *site.rglob("*.js")]:
        text = path.read_text(encoding="utf-8", errors="replace")
        addresses = _STYLE.findall(text) if path.suffix == ".css" else requests_of_script(text)
        found += [f"{path.relative_to(site)}: loads {address}" for address in addresses]
    return found


def _broken(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in dict.fromkeys(page.links):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        anchor = unquote(parts.fragment)
        if not target.exists() or (anchor and target in pages and anchor not in pages[target].anchors):
            yield link
