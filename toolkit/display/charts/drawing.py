"""Put texts, stripes, tooltips and the watermark of simulated data at given places in pixels.

Takes a layout and values with their y; gives layers of an altair chart.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import altair as alt

from toolkit.display.charts import palette
from toolkit.display.charts.row_layout import HALF, LINE, TOP, Layout

Chart = TypeVar("Chart", alt.VConcatChart, alt.LayerChart)

SMALL: dict[str, Any] = {"fontSize": palette.SMALL_SIZE, "color": palette.MUTED}
_PLAIN: dict[str, Any] = {
    "align": "left",
    "baseline": "middle",
    "lineBreak": "\n",
    "lineHeight": LINE,
    "color": palette.INK,
    "fontSize": palette.TEXT_SIZE,
}


def stripes(layout: Layout) -> alt.Chart:
    """Shade every other row, so that the eye finds the number of a label."""
    rows = [line for line in layout.lines if line.item]
    values = [{"y": line.top, "below": line.top + line.height} for line in rows[::2]]
    marks = chart(values).mark_rect(color=palette.STRIPE)
    return typed(marks.encode(**_full_width(layout)))


def write(values: Sequence[dict[str, Any]], x: float, layout: Layout, **style: Any) -> alt.Chart:
    """Write texts with their middle at y; a mark's own baseline knows its first line only."""
    shifted = [{**v, "y": v["y"] - HALF * v["text"].count("\n")} for v in values if v["text"]]
    plain = {
        "align": "left",
        "baseline": "middle",
        "lineBreak": "\n",
        "lineHeight": LINE,
        "color": palette.INK,
    }
    mark = chart(shifted).mark_text(**{**plain, "fontSize": palette.TEXT_SIZE, **style})
    return typed(mark.encode(x=alt.value(x), y=down(layout), text="text:N"))


def hover(values: Sequence[dict[str, Any]], layout: Layout) -> alt.Chart:
    """Answer to the pointer anywhere on a row with all that `values` holds but its place."""
    names = [name for name in values[0] if name not in ("y", "below")]
    tips = [alt.Tooltip(f"{name}:N", title=name.replace("_", " ")) for name in names]
    area = chart(values).mark_rect(opacity=0)
    return typed(area.encode(**_full_width(layout), tooltip=tips))


def watermark(layout: Layout) -> alt.Chart:
    """Write SIMULATED across the plot."""
    size = max(min(layout.height / 3, 44), 14)
    mark = chart([{"text": "SIMULATED"}]).mark_text(
        fontSize=size, fontWeight="bold", color=palette.VERMILLION, opacity=0.16, baseline="middle"
    )
    middle = (layout.plot[0] + layout.plot[1]) / 2
    return typed(mark.encode(x=alt.value(middle), y=alt.value((layout.height + TOP) / 2), text="text:N"))


def with_narrow(wide: Chart, narrow: alt.TopLevelMixin) -> Chart:
    """Let a chart carry its narrow form along, which pages show on phones."""
    carried: Chart = wide.properties(usermeta={"narrow": narrow.to_dict()})
    return carried


def down(layout: Layout) -> alt.Y:
    """Give the vertical place of a mark, in pixels from the top."""
    size = [0, layout.height]
    return alt.Y("y:Q", axis=None, scale=alt.Scale(domain=size, range=size, nice=False, zero=False))


def chart(values: Sequence[dict[str, Any]]) -> alt.Chart:
    """Start a chart of values that it carries with it."""
    return alt.Chart({"values": list(values)})


def typed(chart: Any) -> alt.Chart:
    """Tell the type checker what altair's `encode` gives, which altair itself leaves open."""
    made: alt.Chart = chart
    return made


def _full_width(layout: Layout) -> dict[str, Any]:
    return {"x": alt.value(0), "x2": alt.value(layout.width), "y": down(layout), "y2": "below:Q"}
