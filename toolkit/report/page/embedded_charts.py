"""Put the charts of a notebook's outputs into a page, in their wide and narrow forms."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from toolkit.display.charts.inline_svg import inline_svg

SPEC = "application/vnd.vegalite.v6+json"
SVG = "image/svg+xml"
NARROW = "application/vnd.cramps.narrow+svg"


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
