"""Name what the theme leaves without a name for screen readers, and let the keyboard scroll wide tables."""

import re
from pathlib import Path
from typing import Any

# The fold of a page in the list of pages, after the link to it.
_FOLD = re.compile(
    r"(<a (?:[^>]* )?href=\"[^\"]*\">(?:(?!</a>).)*</a>\s*<details[^>]*>\s*<summary)>", re.DOTALL
)
_LINK_TEXT = re.compile(r"<a [^>]*>(.*)</a>", re.DOTALL)
_TABLE = re.compile(r"<div (id=\"table-[0-9a-f]{10}\") style=")


def name_folds(page: str) -> str:
    """Name the folds in the list of pages by the page that they are of."""

    def name(match: re.Match[str]) -> str:
        text = _LINK_TEXT.search(match[1])
        called = re.sub(r"<[^>]+>", "", text[1]).strip() if text else "this section"
        return f'{match[1]} aria-label="Pages of {called}">'

    return _FOLD.sub(name, page)


def focus_tables(page: str) -> str:
    """Let the keyboard reach the boxes in which tables of results scroll."""
    return _TABLE.sub(r'<div \1 tabindex="0" style=', page)


def complete_pages(app: Any, exception: Exception | None) -> None:
    """Complete the pages of a finished build, and remove a page of the theme that no page shows."""
    if exception is not None or app.builder.name != "html":
        return
    site = Path(app.outdir)
    (site / "_static" / "webpack-macros.html").unlink(missing_ok=True)
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        completed = focus_tables(name_folds(text))
        if completed != text:
            path.write_text(completed, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", complete_pages)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
