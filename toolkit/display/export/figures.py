"""Draw charts for a printed page, with exact widths in mm, text of fixed size and alternative text."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import lru_cache
from html import escape
from math import inf
from pathlib import Path
from typing import Any

import altair as alt

from toolkit.display.charts.palette import SMALL_SIZE, TEXT_SIZE
from toolkit.display.charts.theme import to_svg
from toolkit.errors import DatasetError

WIDTHS = (85.0, 114.0, 170.0)
_LEAST, _MOST = 30.0, 400.0
_DPI = 300
_MM = 72 / 25.4  # Points in a millimeter.
# Text of 12 pixels is 8 points on the page, that of 11 is 7.3.
_POINTS = 8 / TEXT_SIZE
_LEGIBLE = 6.0
_SVG = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)"[^>]*>')
_TIPS = ("row", "at", "step", "node")
_OF_TIP = ("estimate", "remaining", "n")


def read_width(width: str | float | None) -> float:
    """Return a width in mm, given as a number or as "85 mm"; that of a full page by default."""
    if width is None:
        return WIDTHS[-1]
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:mm)?\s*", str(width))
    value = float(found[1]) if found and not isinstance(width, bool) else 0.0
    if not _LEAST <= value <= _MOST:
        raise DatasetError(
            f"width={width!r} is not a width between {_LEAST:.0f} and {_MOST:.0f} mm. Use a number or a "
            'journal width: width="85 mm" (one column), "114 mm" or "170 mm" (a full page).'
        )
    return value


def draw_figure(chart: Any, kind: str, width: float, alt_text: str, title: str = "") -> tuple[bytes, str]:
    """Draw a chart as .svg, .pdf or .png, with a note on small text, or ""."""
    import vl_convert

    points = width * _MM
    spec = choose_form(chart, width)
    drawn = _draw(spec)
    scale = points / max(_size_of(drawn)[0], points / _POINTS)
    # vl-convert reads pixels as points.
    unit = "mm" if kind == ".svg" else ""
    text = alt_text or describe_chart(spec)
    resized = _scale(drawn, points, unit, title or describe_title(spec), text)
    if kind == ".svg":
        made = resized.encode()
    elif kind == ".pdf":
        made = bytes(vl_convert.svg_to_pdf(resized))
    else:
        made = bytes(vl_convert.svg_to_png(resized, ppi=_DPI))
    smallest = find_smallest_text(spec) * scale
    if smallest >= _LEGIBLE:
        return made, ""
    return made, f"text of {smallest:.1f} points at {width:g} mm; use a larger width or fewer rows"


def measure_figure(chart: Any, width: float) -> float:
    """Return the height of a chart in mm at a width in mm."""
    pixels = width * _MM / _POINTS
    across, down = _size_of(_draw(choose_form(chart, width)))
    return width * down / max(across, pixels)


def write_specification(chart: Any, path: Path) -> None:
    """Write the Vega-Lite specification with its data."""
    path.write_text(json.dumps(_specify(chart), indent=1, ensure_ascii=False), encoding="utf-8")


def write_page(chart: Any, path: Path, alt_text: str, title: str = "") -> None:
    """Write a page with the drawn chart, without a script or an address."""
    spec = _specify(chart)
    title = title or describe_title(spec)
    drawn = _describe(_draw(spec), title, alt_text or describe_chart(spec))
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    page = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{drawn}\n</body></html>\n'
    path.write_text(page, encoding="utf-8")


def choose_form(chart: Any, width: float, tallest: float = inf) -> dict[str, Any]:
    """Return the specification of a chart for a place in mm, drawn anew where that is possible."""
    pixels, height = (size * _MM / _POINTS for size in (width, tallest))
    # Altair answers any name with a part of its schema.
    draw_at = None if isinstance(chart, Mapping) else vars(chart).get("draw_at")
    if draw_at is not None:
        return _specify(draw_at(pixels))
    spec = _specify(chart)
    narrow = (spec.get("usermeta") or {}).get("narrow")
    if narrow is not None:
        # Either form keeps its size; the wide one is taken where its text stays legible, or else the larger.
        wide = {name: part for name, part in spec.items() if name != "usermeta"}
        long = {**deepcopy(narrow), "config": spec.get("config", {})}
        scales = [_fit(form, pixels, height) for form in (wide, long)]
        return wide if scales[0] >= min(_LEGIBLE / 8, scales[1]) else long
    if not {"hconcat", "vconcat", "concat", "facet", "repeat", "spec"} & {*spec} and "width" not in spec:
        spec = {**spec, "width": int(pixels), "autosize": {"type": "fit-x", "contains": "padding"}}
    return spec


def _draw(spec: Mapping[str, Any]) -> str:
    return _draw_text(json.dumps(spec))


@lru_cache(maxsize=64)
def _draw_text(spec: str) -> str:
    """Draw a specification once, for the choice of its form and for every format."""
    return to_svg(json.loads(spec))


def _fit(spec: Mapping[str, Any], width: float, height: float) -> float:
    """Return the scale at which a drawing fits a place in pixels; it is never enlarged."""
    across, down = _size_of(_draw(spec))
    return min(width / across, height / down, 1.0)


def _specify(chart: Any) -> dict[str, Any]:
    if isinstance(chart, Mapping):
        return dict(chart)
    try:
        spec: dict[str, Any] = chart.to_dict()
    except (alt.MaxRowsError, alt.SchemaValidationError) as error:
        raise DatasetError(
            f"Altair cannot draw this chart: {' '.join(str(error).split())[:200]}. Correct it until it is "
            "displayed in a notebook, and save it then."
        ) from error
    return spec


def _size_of(svg: str) -> tuple[float, float]:
    found = _SVG.search(svg)
    if found is None:
        raise DatasetError("The chart has no size when it is drawn. Set width and height with .properties().")
    return float(found[1]), float(found[2])


def _scale(svg: str, points: float, unit: str, title: str, text: str) -> str:
    """Set the width of a drawing on the page; a smaller drawing is centered and keeps its size of text."""
    width, height = _size_of(svg)
    canvas = max(width, points / _POINTS)
    share = points / canvas / (_MM if unit == "mm" else 1)
    box = f"{(width - canvas) / 2:.4f} 0 {canvas:.4f} {height:.4f}"
    size = f'width="{canvas * share:.4f}{unit}" height="{height * share:.4f}{unit}"'
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" version="1.1" '
        f'class="marks" {size} viewBox="{box}">'
    )
    # The drawing's own background covers the drawing alone.
    left = (width - canvas) / 2
    back = f'<rect x="{left:.4f}" y="0" width="{canvas:.4f}" height="{height:.4f}" fill="white"/>'
    return _describe(_SVG.sub(lambda _: head + back, svg, count=1), title, text)


def _describe(svg: str, title: str, text: str) -> str:
    """Put title and alternative text into a drawing, as its first elements."""
    marks = f"<title>{escape(title)}</title><desc>{escape(text)}</desc>"
    return re.sub(
        r"<svg ([^>]*)>",
        lambda found: f'<svg {found[1]} role="img" aria-label="{escape(f"{title}. {text}")}">{marks}',
        svg,
        count=1,
    )


def describe_title(spec: Mapping[str, Any]) -> str:
    """Return the title of a chart in one line."""
    title = spec.get("title") or "Chart"
    text = title.get("text", "Chart") if isinstance(title, Mapping) else title
    return " ".join(text) if isinstance(text, list) else str(text)


def describe_chart(spec: Mapping[str, Any]) -> str:
    """Write the alternative text of a chart: its description, or its notes and the estimates it shows."""
    if spec.get("description"):
        return str(spec["description"])
    title = spec.get("title")
    notes = title.get("subtitle", []) if isinstance(title, Mapping) else []
    lines = [notes] if isinstance(notes, str) else list(notes)
    shown = list(dict.fromkeys(_list_estimates(spec)))
    parts = [" ".join(lines), "; ".join(shown[:40])]
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def _list_estimates(spec: Any) -> Iterator[str]:
    """List what the tooltips of a chart say: each row with its estimate."""
    if isinstance(spec, Mapping):
        label = next((str(spec[name]) for name in _TIPS if name in spec), "")
        value = next((str(spec[name]) for name in _OF_TIP if name in spec), "")
        if label and value and not isinstance(spec.get("row"), Mapping):
            group = f"{spec['group']}, " if spec.get("group") else ""
            yield f"{group}{label}: {value}"
        for key, part in spec.items():
            if key not in ("usermeta", "config", "encoding"):
                yield from _list_estimates(part)
    elif isinstance(spec, Sequence) and not isinstance(spec, str):
        for part in spec:
            yield from _list_estimates(part)


def find_smallest_text(spec: Mapping[str, Any]) -> float:
    """Return the size in pixels of the smallest text that a specification sets, 10 where it sets none."""
    sizes = list(_list_sizes({**spec, "usermeta": None}))
    return min([*sizes, SMALL_SIZE]) if sizes else 10.0


def _list_sizes(spec: Any) -> Iterator[float]:
    if isinstance(spec, Mapping):
        for key, part in spec.items():
            if key.endswith(("fontSize", "FontSize")) and isinstance(part, int | float):
                yield float(part)
            else:
                yield from _list_sizes(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from _list_sizes(part)
