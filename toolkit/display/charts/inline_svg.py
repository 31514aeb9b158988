"""Turn a drawn chart into markup for a page: labeled, with values as data, in colors that styles change."""

import re
from collections.abc import Sequence
from urllib.parse import quote
from xml.etree import ElementTree

from toolkit.display.charts.palette import DARK, FONT
from toolkit.display.charts.tooltips import LINE_END, NAME_END
from toolkit.errors import DatasetError

_SVG_NAMESPACE = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_DROPPED = ("role", "aria-roledescription", "aria-hidden", "aria-label", "class", "pointer-events", "version")
_LONG_NUMBER = re.compile(r"(-?\d+\.\d)\d+(?:e-?\d+)?")
# A mark with a description of its own, unlike axes and legends.
_MARK = re.compile(r" mark$|^geoshape$")


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
    # What a style or the drawing program has by default.
    for name, usual in (("font-family", FONT), ("opacity", "1")):
        if kept.get(name) == usual:
            del kept[name]
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


def dark_styles(within: str = "") -> str:
    """Return the style rules that show the palette's colors on a dark page, or in a dark part of one."""
    rules = [
        f"{within} figure.chart svg [{name}='{light}'] {{ {name}: {dark}; }}".strip()
        for light, dark in DARK.items()
        for name in ("fill", "stroke")
    ]
    return "\n".join(rules)
