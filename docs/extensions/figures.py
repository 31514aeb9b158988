"""Prepare the outputs of executed pages: alternative texts of figures, links to files of the run.

A figure without a text is a warning, which fails the build.
"""

import re
from html import unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

_logger = logging.getLogger(__name__)
_ROOT = re.compile(r"<svg\b[^>]*?\saria-label=\"([^\"]+)\"")
_LOCAL_LINK = re.compile(r"<a\b[^>]*\shref=\"(?![a-z]+:|#)[^\"]*\"[^>]*>(.*?)</a>", re.DOTALL)
_TITLE = re.compile(r"aria-label=\"Title text '(.*?)'\"|<title>(.*?)</title>", re.DOTALL)


class OutputParts(SphinxPostTransform):
    """Describe charts by their description, or title and subtitle; drop links to files that a run wrote."""

    default_priority = 900

    def run(self, **_: Any) -> None:
        """Prepare the outputs of one page."""
        for raw in self.document.findall(nodes.raw):
            if raw.get("format") == "html" and "cell_output" in _classes_around(raw):
                raw.children = [nodes.Text(_LOCAL_LINK.sub(r"\1", raw.astext()))]
        for image in self.document.findall(nodes.image):
            if image.get("alt"):
                continue
            image["alt"] = describe_svg(self._file(image["uri"]))
            if not image["alt"]:
                _logger.warning("figure without alternative text: %s", image["uri"], location=image)

    def _file(self, uri: str) -> str:
        path = Path(self.app.srcdir) / uri
        path = path if path.exists() else Path(uri)
        return path.read_text(encoding="utf-8") if path.suffix == ".svg" and path.exists() else ""


def _classes_around(node: Any) -> set[str]:
    found: set[str] = set()
    while node is not None:
        found |= set(node.get("classes", ()) if isinstance(node, nodes.Element) else ())
        node = node.parent
    return found


def describe_svg(svg: str) -> str:
    """Return the description of a drawing, or its titles; "" if it has neither."""
    if described := _ROOT.search(svg):
        return unescape(described[1])
    titles = [unescape(unescape(one or other)).strip() for one, other in _TITLE.findall(svg)]
    return ". ".join(dict.fromkeys(title.rstrip(".").replace("\n", " ") for title in titles if title))


def setup(app: Any) -> dict[str, bool]:
    """Register the transform."""
    app.add_post_transform(OutputParts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
