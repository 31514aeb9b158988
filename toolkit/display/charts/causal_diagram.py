"""Draw a causal diagram around one exposure: what is adjusted for, what lies between, what is not measured.

Takes a checked frame of arrows with roles; gives one altair chart. Nodes of one role stand in one frame, and
an arrow to or from the frame stands for those of its nodes, so that a diagram of forty nodes can be read;
each node tells its own arrows, with their reasons, to the pointer.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette
from toolkit.display.charts.causal_diagram_layout import (
    AROUND,
    CORNER,
    HEADING,
    STROKE,
    Box,
    Plan,
    Way,
    named_nodes,
    narrow,
    wide,
)
from toolkit.display.charts.drawing import chart, typed, with_narrow
from toolkit.display.charts.row_layout import LINE, wrapped
from toolkit.display.text.numbers import check_columns
from toolkit.errors import VariableError
from toolkit.results import EDGES_SCHEMA

Rows = Sequence[Mapping[str, Any]]
ROLES = ("exposure", "outcome", "adjusted", "between", "not measured")
_FILL = {"exposure": palette.BLUE, "outcome": palette.INK}
_HEAD, _DASHED = 9.0, [5, 4]


def check_edges(frame: object, shown_by: str) -> pl.DataFrame:
    """Refuse what is no frame of a diagram's arrows around an exposure."""
    made_by = "tk.adjustment_for(study, ...).edges"
    edges = check_columns(frame, tuple(EDGES_SCHEMA), shown_by, made_by)
    if "exposure" not in {*edges["cause_role"], *edges["effect_role"]}:
        raise VariableError(
            f"{shown_by} draws a diagram around an exposure, and these {edges.height} arrows have none. "
            f"Choose one: {made_by}."
        )
    return edges


def arrows(edges: pl.DataFrame) -> alt.LayerChart:
    """Draw the arrows around an exposure.

    Parameters
    ----------
    edges
        A frame of arrows with the roles of their nodes.

    Returns
    -------
    altair.LayerChart
        The chart.
    """
    rows = edges.rows(named=True)
    return with_narrow(_drawn(rows, wide), _drawn(rows, narrow))


def _drawn(rows: Rows, place: Callable[[Rows], Plan]) -> alt.LayerChart:
    plan = place(rows)
    layers = [
        *(_frame(box, plan) for box in plan.frames),
        *(_line(way, plan) for way in plan.ways),
        *(_head(way, plan) for way in plan.ways),
        *_nodes(plan),
        _headings(plan),
    ]
    return alt.LayerChart(layer=layers, width=plan.width, height=plan.height, title=_title(rows, plan))


def _title(rows: Rows, plan: Plan) -> alt.TitleParams:
    named = {role: label for label, role, _ in named_nodes(rows)}
    text = f"{named['exposure']} and {named['outcome']} in the causal diagram"
    subtitle = "An arrow at a frame stands for the arrows of its nodes. Dashed arrows are open paths."
    return alt.TitleParams(
        wrapped(text[0].upper() + text[1:], plan.width, palette.TITLE_SIZE * 1.1).split("\n"),
        subtitle=wrapped(subtitle, plan.width).split("\n"),
    )


def _frame(box: Box, plan: Plan) -> alt.Chart:
    dashes = _DASHED if box.role == "not measured" else []
    mark = chart([_corners(box)]).mark_rect(
        fill=palette.STRIPE, stroke=STROKE[box.role], strokeDash=dashes, cornerRadius=CORNER
    )
    return typed(mark.encode(**_area(plan)))


def _nodes(plan: Plan) -> Iterator[alt.Chart]:
    for role in ROLES:
        boxes = [box for box in plan.nodes if box.role == role]
        if not boxes:
            continue
        filled = role in _FILL
        style: dict[str, Any] = {
            "fill": _FILL.get(role, "white"),
            "stroke": STROKE.get(role),
            "cornerRadius": 4,
        }
        values = [{**_corners(box), "node": box.text.replace("\n", " "), "causes": box.told} for box in boxes]
        tips = [alt.Tooltip(f"{name}:N", title=name) for name in ("node", "causes")]
        yield typed(chart(values).mark_rect(**style).encode(**_area(plan), tooltip=tips))
        yield _text(boxes, plan, color="white" if filled else palette.INK, bold=filled)


def _text(boxes: Sequence[Box], plan: Plan, *, color: str, bold: bool) -> alt.Chart:
    values = [
        {"x": box.middle[0], "y": box.middle[1] - LINE / 2 * box.text.count("\n"), "text": box.text}
        for box in boxes
    ]
    mark = chart(values).mark_text(
        align="center", baseline="middle", lineBreak="\n", lineHeight=LINE, fontSize=palette.TEXT_SIZE,
        color=color, fontWeight="bold" if bold else "normal",
    )  # fmt: skip
    return typed(mark.encode(x=_x(plan), y=_y(plan), text="text:N"))


def _headings(plan: Plan) -> alt.Chart:
    values = [{"x": box.x + AROUND, "y": box.y + HEADING / 2, "text": box.text} for box in plan.frames]
    mark = chart(values or [{"x": 0, "y": 0, "text": ""}]).mark_text(
        align="left", baseline="middle", fontSize=palette.SMALL_SIZE, fontWeight="bold", color=palette.MUTED
    )
    return typed(mark.encode(x=_x(plan), y=_y(plan), text="text:N"))


def _line(way: Way, plan: Plan) -> alt.Chart:
    values = [{"x": x, "y": y, "order": n} for n, (x, y) in enumerate(_short(way.points))]
    mark = chart(values).mark_line(
        color=way.colour, strokeWidth=1.6, strokeDash=_DASHED if way.dashed else [], interpolate="linear"
    )
    return typed(mark.encode(x=_x(plan), y=_y(plan), order="order:O"))


def _short(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """End a line under its arrowhead, not at the head's tip."""
    (x0, y0), (x, y) = points[-2:]
    length = math.hypot(x - x0, y - y0) or 1.0
    back = min(_HEAD / length, 1.0)
    return [*points[:-1], (x - (x - x0) * back, y - (y - y0) * back)]


def _head(way: Way, plan: Plan) -> alt.Chart:
    (x0, y0), (x, y) = way.points[-2:]
    angle = (math.degrees(math.atan2(y - y0, x - x0)) + 90) % 360
    length = math.hypot(x - x0, y - y0) or 1.0
    tip = {"x": x - (x - x0) / length * _HEAD / 2, "y": y - (y - y0) / length * _HEAD / 2}
    mark = chart([tip]).mark_point(
        shape="triangle-up", filled=True, size=90, color=way.colour, angle=angle, opacity=1
    )
    return typed(mark.encode(x=_x(plan), y=_y(plan)))


def _corners(box: Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "right": box.right, "below": box.below}


def _area(plan: Plan) -> dict[str, Any]:
    return {"x": _x(plan), "x2": "right:Q", "y": _y(plan), "y2": "below:Q"}


def _x(plan: Plan) -> alt.X:
    scale = alt.Scale(domain=[0, plan.width], range=[0, plan.width], nice=False, zero=False)
    return alt.X("x:Q", axis=None, scale=scale)


def _y(plan: Plan) -> alt.Y:
    scale = alt.Scale(domain=[0, plan.height], range=[0, plan.height], nice=False, zero=False)
    return alt.Y("y:Q", axis=None, scale=scale)
