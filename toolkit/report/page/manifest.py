"""Put into a page what is needed to verify it: report, parameters, hashes, versions and the rows it shows.

The manifest is compressed JSON in a script element, which a browser neither runs nor shows.
"""

import json
import lzma
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import polars as pl
from lxml import html as parser

from toolkit.errors import DatasetError

FORMAT = 1
_DIGITS = 10  # significant digits of the numbers kept
_START, _END = '<script type="application/x-xz" id="manifest">base64,', "</script>\n"
_ELEMENT = re.compile(rf"{_START}(.*?){_END}?", re.DOTALL)
_UNSEEN = {"script", "style", "template", "nav", "footer"}
_BLOCKS = {"p", "li", "td", "th", "h1", "h2", "h3", "h4", "pre", "summary", "text", "figcaption", "dt"}


class NoManifestError(DatasetError):
    """A file that cannot be verified: another file than the page of a report, or one without a manifest."""


def insert_manifest(page: str, facts: Mapping[str, Any]) -> str:
    """Put a manifest at the end of a page, with the hash of what the page shows."""
    content = {"manifest": FORMAT, **facts, "text_sha256": hash_text(page)}
    element = f"{_START}{pack_manifest(json.dumps(content, separators=(',', ':'), default=str))}{_END}"
    head, end, tail = page.rpartition("</body>")
    return f"{head}{element}{end}{tail}" if end else page + element


def read_manifest(page: str, name: str) -> dict[str, Any]:
    """Read the manifest of a page; `name` is that of the file, for messages."""
    if 'class="provenance"' not in page and "</html>" not in page[-2000:]:
        raise NoManifestError(
            f"'{name}' is not a complete page of a report, because it does not end as a page does. It is "
            "another file, or was truncated when it was copied. Copy it again."
        )
    if 'class="provenance"' not in page:
        raise NoManifestError(
            f"'{name}' is not a report of this toolkit, because it states no provenance. Name the page of a "
            "report, such as reports/simulated/diabetes.html."
        )
    found = _ELEMENT.search(page)
    if found is None:
        raise NoManifestError(
            f"'{name}' has no manifest. It was rendered by an earlier version, or is truncated. Render it "
            "anew, and verify the new page."
        )
    try:
        kept = json.loads(unpack_manifest(found[1]))
    except (ValueError, EOFError, lzma.LZMAError):
        kept = None
    if not isinstance(kept, dict) or kept.get("manifest") != FORMAT:
        raise NoManifestError(
            f"The manifest of '{name}' cannot be read. The page was edited, or is of another version of the "
            "toolkit. Render it anew, and verify the new page."
        )
    return kept


def pack_manifest(text: str) -> str:
    """Compress a manifest to letters, the same text to the same letters."""
    return b64encode(lzma.compress(text.encode(), preset=9)).decode()


def unpack_manifest(letters: str) -> str:
    """Return the text of a compressed manifest."""
    return lzma.decompress(b64decode(letters, validate=True)).decode()


def rows_as_records(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the rows that a page shows without empty columns, numbers to 10 digits."""
    return [
        {name: _shorten(value) for name, value in row.items() if value is not None}
        for row in rows.rows(named=True)
    ]


def _shorten(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def hash_text(page: str) -> str:
    """Hash what a page shows, without the links to its neighbors."""
    return sha256("\n".join(list_blocks(page)).encode()).hexdigest()


def list_blocks(page: str) -> list[str]:
    """List the texts of a page in order, charts included, without its provenance."""
    root = parser.document_fromstring(page)
    return [text for text in _texts(root.find("body")) if text]


def _texts(element: Any) -> Iterator[str]:
    if not isinstance(element.tag, str) or element.tag in _UNSEEN or element.get("class") == "provenance":
        return
    if element.tag in _BLOCKS:
        yield " ".join(element.text_content().split())
        return
    if element.text and element.text.strip():
        yield " ".join(element.text.split())
    for child in element:
        yield from _texts(child)
        if child.tail and child.tail.strip():
            yield " ".join(child.tail.split())
