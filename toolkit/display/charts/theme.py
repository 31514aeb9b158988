"""Altair theme and offline renderer for all charts.

`use()` switches both on. A chart's output has, by MIME type:

`application/vnd.vegalite.v6+json`
    The specification with its data, which an interactive report draws with one vega bundle a page.
`image/svg+xml`
    The drawn chart, for reports and saved notebooks; its marks have their tooltips as descriptions.
`application/vnd.cramps.narrow+svg`
    The chart's form for phones, if it has one and `CRAMPS_CHARTS` is "saved".
`text/plain`
    The chart's title.
`application/vnd.jupyter.widget-view+json`
    An interactive widget, only in JupyterLab or VS Code and only while `CRAMPS_CHARTS` is not "saved".
    Programs that run notebooks (papermill) set `CRAMPS_CHARTS=saved` for the kernel, because a widget's
    state would add a megabyte of script to the notebook for each chart.
"""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import altair as alt
from altair.utils.schemapi import debug_mode

from toolkit.display.charts.palette import FAINT, FONT, INK, MUTED, PALETTE, TEXT_SIZE, TITLE_SIZE
from toolkit.display.charts.tooltips import describe_marks

SPEC_TYPE = "application/vnd.vegalite.v6+json"
SVG_TYPE = "image/svg+xml"
Parameters = ParamSpec("Parameters")
Drawn = TypeVar("Drawn")
NARROW_TYPE = "application/vnd.cramps.narrow+svg"


def use() -> None:
    """Switch on theme and renderer, unless the user chose others."""
    if alt.theme.active == "default":
        alt.theme.enable("toolkit")
    if alt.renderers.active == "default":
        alt.renderers.enable("toolkit")


def unchecked(draw: Callable[Parameters, Drawn]) -> Callable[Parameters, Drawn]:
    """Let a function of the toolkit draw without altair's check of every part, a fourth of the time.

    The specification of the whole chart is checked where it is shown.
    """

    @wraps(draw)
    def draw_unchecked(*arguments: Parameters.args, **options: Parameters.kwargs) -> Drawn:
        with debug_mode(False):
            return draw(*arguments, **options)

    return draw_unchecked


@alt.theme.register("toolkit", enable=False)
def look() -> alt.theme.ThemeConfig:
    """Return fonts, colors, sizes and grid of every chart."""
    text = {"labelFontSize": TEXT_SIZE, "titleFontSize": TEXT_SIZE, "labelLimit": 0, "titleLimit": 0}
    axis = {
        **text,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": FAINT,
        "domainColor": MUTED,
        "tickColor": MUTED,
    }
    title = {
        "anchor": "start",
        "frame": "bounds",
        "fontSize": TITLE_SIZE,
        "color": INK,
        "subtitleFontSize": TEXT_SIZE,
        "subtitleColor": MUTED,
        "subtitleLineHeight": 16,
        "subtitlePadding": 4,
        "offset": 14,
    }
    config = {
        "font": FONT,
        "background": "white",
        "padding": 8,
        "view": {"stroke": None},
        "axis": axis,
        "title": title,
        "legend": text,
        "range": {"category": list(PALETTE)},
    }
    return {"config": config}  # type: ignore[typeddict-item]


def render(
    spec: dict[str, Any], *, for_page: bool | None = None, **options: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a notebook or a page keeps of a chart, by MIME type, and the (empty) metadata."""
    del options
    saved = {SPEC_TYPE: spec, SVG_TYPE: to_svg(spec), "text/plain": describe(spec)}
    narrow = spec.get("usermeta", {}).get("narrow")
    if narrow and (_for_report() if for_page is None else for_page):
        saved[NARROW_TYPE] = to_svg(narrow)
    return ({**_widget(spec), **saved} if _interactive() else saved), {}


alt.renderers.register("toolkit", render)


def to_svg(spec: dict[str, Any]) -> str:
    """Draw a specification as SVG, without a browser or a network."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(describe_marks(spec), allowed_base_urls=[]))


def describe(spec: dict[str, Any]) -> str:
    """Return the description of a chart in words, or its title if it has none."""
    if spec.get("description"):
        return str(spec["description"])
    title = spec.get("title", "chart")
    text = title.get("text", "chart") if isinstance(title, dict) else title
    return " ".join(text) if isinstance(text, list) else str(text)


def _interactive() -> bool:
    in_kernel = getattr(getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)(), "kernel", None)
    watched = any(name in os.environ for name in ("JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_IPC_HOOK"))
    return in_kernel is not None and watched and not _for_report()


def _for_report() -> bool:
    return os.environ.get("CRAMPS_CHARTS") == "saved"


def _widget(spec: dict[str, Any]) -> dict[str, Any]:
    alt.JupyterChart.enable_offline(offline=True)
    options = {"actions": {"export": True, "source": False, "compiled": False, "editor": False}}
    made = alt.JupyterChart(chart=alt.Chart.from_dict(spec), embed_options=options)._repr_mimebundle_()
    bundle = made[0] if isinstance(made, tuple) else made
    return dict(bundle or {})
