"""Draw the causal diagram around one exposure: adjustment set, mediators and unmeasured confounders.

Nodes of one role share a frame, and an arrow at the frame represents those of its nodes, so that a diagram of
forty nodes stays legible. The tooltip of a node lists its own arrows with their reasons.
"""

import math
from collections.abc import Callable, Iterator, Sequence
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
    Route,
    Rows,
    lay_out_narrow,
    lay_out_wide,
    list_nodes,
)
from toolkit.display.charts.drawing import chart, typed, with_narrow
from toolkit.display.charts.row_layout import LINE, wrapped
from toolkit.display.text.numbers import check_columns
from toolkit.errors import VariableError
from toolkit.results import EDGES_SCHEMA

ROLES = ("exposure", "outcome", "adjusted", "between", "not measured")
_FILL = {"exposure": palette.BLUE, "outcome": palette.INK}
_HEAD, _DASHED = 9.0, [5, 4]


def check_edges(frame: object, shown_by: str) -> pl.DataFrame:
    """Raise a VariableError unless this is a frame of a diagram's arrows around an exposure."""
    made_by = "tk.adjustment_for(study, ...).edges"
    edges = check_columns(frame, tuple(EDGES_SCHEMA), shown_by, made_by)
    if "exposure" not in {*edges["cause_role"], *edges["effect_role"]}:
        raise VariableError(
            f"{shown_by} draws the diagram around an exposure, but these {edges.height} arrows have none. "
            f"Use {made_by}."
        )
    return edges


def arrows(edges: pl.DataFrame) -> alt.LayerChart:
    """Draw the arrows around an exposure, from a frame of arrows with the roles of their nodes."""
    rows = edges.rows(named=True)
    return with_narrow(_draw(rows, lay_out_wide), _draw(rows, lay_out_narrow))


def _draw(rows: Rows, lay_out: Callable[[Rows], Plan]) -> alt.LayerChart:
    plan = lay_out(rows)
    layers = [
        *(_frame(box, plan) for box in plan.frames),
        *(_line(route, plan) for route in plan.routes),
        *(_head(route, plan) for route in plan.routes),
        *_nodes(plan),
        _headings(plan),
    ]
    return alt.LayerChart(layer=layers, width=plan.width, height=plan.height, title=_title(rows, plan))


def _title(rows: Rows, plan: Plan) -> alt.TitleParams:
    named = {role: label for label, role, _ in list_nodes(rows)}
    text = f"Causal diagram for {named['exposure']} and {named['outcome']}"
    subtitle = "Arrows at a frame represent those of its nodes. Dashed arrows are open back-door paths."
    return alt.TitleParams(
        wrapped(text, plan.width, palette.TITLE_SIZE * 1.1).split("\n"),
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
        values = [
            {**_corners(box), "node": box.text.replace("\n", " "), "effects": box.effects} for box in boxes
        ]
        tips = [alt.Tooltip(f"{name}:N", title=name) for name in ("node", "effects")]
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


def _line(route: Route, plan: Plan) -> alt.Chart:
    values = [{"x": x, "y": y, "order": n} for n, (x, y) in enumerate(_short(route.points))]
    mark = chart(values).mark_line(
        color=route.color, strokeWidth=1.6, strokeDash=_DASHED if route.dashed else [], interpolate="linear"
    )
    return typed(mark.encode(x=_x(plan), y=_y(plan), order="order:O"))


def _short(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """End a line under its arrowhead, not at the tip."""
    (x0, y0), (x, y) = points[-2:]
    length = math.hypot(x - x0, y - y0) or 1.0
    back = min(_HEAD / length, 1.0)
    return [*points[:-1], (x - (x - x0) * back, y - (y - y0) * back)]


def _head(route: Route, plan: Plan) -> alt.Chart:
    (x0, y0), (x, y) = route.points[-2:]
    angle = (math.degrees(math.atan2(y - y0, x - x0)) + 90) % 360
    length = math.hypot(x - x0, y - y0) or 1.0
    tip = {"x": x - (x - x0) / length * _HEAD / 2, "y": y - (y - y0) / length * _HEAD / 2}
    mark = chart([tip]).mark_point(
        shape="triangle-up", filled=True, size=90, color=route.color, angle=angle, opacity=1
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
