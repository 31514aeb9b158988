"""Put charts into a page: drawn as SVG, with their values as data and colors that a style sheet changes."""

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from toolkit.display.charts.palette import DARK, FONT
from toolkit.display.charts.tooltips import LINE_END, NAME_END
from toolkit.errors import DatasetError

SPEC = "application/vnd.vegalite.v6+json"
SVG = "image/svg+xml"
NARROW = "application/vnd.cramps.narrow+svg"
_SVG_NAMESPACE = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_DROPPED = ("role", "aria-roledescription", "aria-hidden", "aria-label", "class", "pointer-events", "version")
_UNSEEN = ("background", "foreground")
_LONG_NUMBER = re.compile(r"(-?\d+\.\d)\d+(?:e-?\d+)?")
# A mark with a description of its own, unlike axes and legends.
_MARK = re.compile(r" mark$|^geoshape$")


def compose_figure(
    data: Mapping[str, Any], number: int, *, interactive: bool = False, links: Sequence[str] = ()
) -> str:
    """Compose the figure of a chart's output, wide and, if it has one, in its narrow form.

    An interactive figure also has its specifications, which `pages/interactive.js` draws in place of the SVG.
    With `links`, each mark that has values leads to a file beside the page.
    """
    identity = f"chart-{number}"
    text = str(data.get("text/plain") or "chart")
    forms = {"wide": data.get(SVG, "<svg/>"), "narrow": data.get(NARROW, "")}
    drawn = "".join(
        inline_svg(svg, f"{identity}-{form}", text, form, links) for form, svg in forms.items() if svg
    )
    kind = "chart both" if forms["narrow"] else "chart"
    live = _write_specifications(data[SPEC], text) if interactive else ""
    return f'<figure class="{kind}" id="{identity}">{drawn}{live}</figure>'


def inline_svg(svg: str, identity: str, text: str, form: str = "wide", links: Sequence[str] = ()) -> str:
    """Return a drawn chart as markup for a page: labeled, smaller, with values as data and ids of its own."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - drawn by vl-convert from our own specification
    background = root.find(f"{_SVG_NAMESPACE}rect")
    if background is not None and background.get("fill") == "white":
        root.remove(background)
    _clean(root, identity)
    if links:
        _link_marks(root, links)
    # The parts of an image cannot be reached, those of a group can.
    root.attrib.update(
        {"class": form, "role": "group" if links else "img", "aria-labelledby": f"{identity}-text"}
    )
    description = ElementTree.Element("desc", {"id": f"{identity}-text"})
    description.text = text
    root.insert(0, description)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG_NAMESPACE)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def _clean(element: ElementTree.Element, identity: str) -> None:
    """Drop what a page does not show, and name the rest for its scripts and styles."""
    for child in list(element):
        _clean(child, identity)
        if _is_unseen(child):
            element.remove(child)
    kept = element.attrib
    tip = kept.get("aria-label", "") if _MARK.search(kept.get("aria-roledescription", "")) else ""
    for name in _DROPPED:
        kept.pop(name, None)
    if kept.get("font-family") == FONT:
        del kept["font-family"]
    for name, value in kept.items():
        if name == "id":
            kept[name] = f"{identity}-{value}"
        elif name == _HREF and not value.startswith("#"):
            raise DatasetError(
                f"A chart of the notebook links to '{value}'. Remove the channel href, because a page opens "
                "without a network."
            )
        else:
            kept[name] = _LONG_NUMBER.sub(r"\1", value.replace("url(#", f"url(#{identity}-"))
    if tip:
        kept["data-tip"] = tip


def _link_marks(root: ElementTree.Element, links: Sequence[str]) -> None:
    parents = {child: parent for parent in root.iter() for child in parent}
    marks = [element for element in root.iter() if element.get("data-tip")]
    for mark, link in zip(marks, links, strict=True):
        lines = [line.split(NAME_END) for line in mark.get("data-tip", "").split(LINE_END)]
        text = "; ".join(": ".join(parts) for parts in lines)
        anchor = ElementTree.Element("a", {"href": quote(link), "aria-label": text})
        parent = parents[mark]
        parent.insert(list(parent).index(mark), anchor)
        parent.remove(mark)
        anchor.append(mark)


def _is_unseen(element: ElementTree.Element) -> bool:
    """Whether an element draws nothing: an empty group, or a frame without fill and stroke."""
    if element.tag == f"{_SVG_NAMESPACE}g":
        return not len(element)
    shape = element.tag == f"{_SVG_NAMESPACE}path"
    return shape and not element.get("data-tip") and not {"fill", "stroke"} & set(element.attrib)


def _write_specifications(spec: Mapping[str, Any], text: str) -> str:
    """Write the specifications of a chart as data, and the place that its script draws them in."""
    wide = dict(spec)
    forms = {"wide": wide, "narrow": wide.pop("usermeta", {}).get("narrow")}
    # A closing tag or a comment inside the data would end the script early or swallow the rest of the page.
    packed = {
        form: json.dumps(own, separators=(",", ":")).replace("<", "\\u003c")
        for form, own in forms.items()
        if own
    }
    specs = "".join(
        f'<script type="application/json" class="spec {form}">{own}</script>' for form, own in packed.items()
    )
    return f'<div class="live" role="img" aria-label="{escape(text)}"></div>{specs}'


def dark_styles() -> str:
    """Return the style rules that show the palette's colors on a dark page."""
    rules = [
        f"figure.chart svg [{name}='{light}'] {{ {name}: {dark}; }}"
        for light, dark in DARK.items()
        for name in ("fill", "stroke")
    ]
    return "@media screen and (prefers-color-scheme: dark) {\n" + "\n".join(rules) + "\n}"
