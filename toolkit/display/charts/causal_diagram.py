"""The causal diagram around one exposure: adjustment set, mediators and unmeasured confounders.

Nodes of one role share a frame, and an arrow at the frame represents those of its nodes, so that a diagram of
forty nodes stays legible. The tooltip of a node lists its own arrows with their reasons.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import polars as pl

from toolkit.display.charts import palette, theme
from toolkit.display.charts.causal_diagram_layout import (
    AROUND,
    CORNER,
    HEADING,
    HEADS,
    STROKE,
    Box,
    Plan,
    Route,
    Rows,
    lay_out_narrow,
    lay_out_wide,
    list_nodes,
)
from toolkit.display.charts.row_layout import LINE, carry_narrow, chart, wrap_title
from toolkit.display.text import check_columns
from toolkit.errors import VariableError
from toolkit.results import EDGES_SCHEMA

ROLES = ("exposure", "outcome", "adjusted", "between", "not measured")
_FILL = {"exposure": palette.BLUE, "outcome": palette.INK}
_HEAD, _DASHED = 9.0, [5, 4]


def diagram_chart(edges: pl.DataFrame) -> alt.LayerChart:
    """Draw the causal diagram around an exposure: adjustment set, mediators and unmeasured confounders.

    Parameters
    ----------
    edges
        The arrows of an adjustment set, `tk.adjustment_for(study, ...).edges`.

    Returns
    -------
    altair.LayerChart
        Exposure and outcome, the adjustment set, mediators, and unmeasured confounders. The tooltip of a node
        lists its arrows with their reasons.

    Raises
    ------
    VariableError
        If this is not a frame of arrows, has no rows, or has no exposure.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> chosen = tk.adjustment_for(study, outcome="any_cramps", exposure="arthritis")
    >>> diagram_chart(chosen.edges).title.text
    ['Causal diagram for arthritis and nocturnal leg cramps']
    """
    made_by = "tk.adjustment_for(study, ...).edges"
    check_columns(edges, EDGES_SCHEMA, "tk.diagram_chart", made_by)
    if "exposure" not in {*edges["cause_role"], *edges["effect_role"]}:
        raise VariableError(
            f"tk.diagram_chart draws the diagram around an exposure, and none of these {edges.height} arrows "
            f"has one. Use {made_by}."
        )
    theme.use()
    rows = edges.rows(named=True)
    return carry_narrow(_draw(rows, lay_out_wide), _draw(rows, lay_out_narrow))


@theme.unchecked
def _draw(rows: Rows, lay_out: Callable[[Rows], Plan]) -> alt.LayerChart:
    plan = lay_out(rows)
    at = {"x": _make_axis(alt.X, "x", plan.width), "y": _make_axis(alt.Y, "y", plan.height)}
    area = {**at, "x2": "right:Q", "y2": "below:Q"}
    layers = [
        *(_draw_frame(box).encode(**area) for box in plan.frames),
        *(_draw_line(route).encode(**at, order="order:O") for route in plan.routes),
        *(_draw_head(route).encode(**at) for route in plan.routes),
    ]
    tips = [alt.Tooltip(f"{name}:N", title=name) for name in ("node", "effects")]
    for role in ROLES:
        boxes = [box for box in plan.nodes if box.role == role]
        if boxes:
            layers += [
                _draw_boxes(boxes, role).encode(**area, tooltip=tips),
                _write_labels(boxes, filled=role in _FILL).encode(**at, text="text:N"),
            ]
    layers.append(_write_headings(plan).encode(**at, text="text:N"))
    return alt.LayerChart(
        layer=layers,
        width=plan.width,
        height=plan.height,
        title=_write_title(rows, plan),
        description=_describe(rows),
    )


def _describe(rows: Rows) -> str:
    """Describe a diagram in words: the nodes of each role."""
    labels: dict[str, list[str]] = {}
    for label, role, _ in list_nodes(rows):
        labels.setdefault(role, []).append(label)
    parts = [f"{head}: {', '.join(labels[role])}." for role, head in HEADS.items() if role in labels]
    ends = f"{labels['exposure'][0]} and {', '.join(labels.get('outcome', []))}"
    return " ".join([f"Causal diagram for {ends}.", *parts])


def _make_axis(channel: Callable[..., Any], name: str, length: float) -> Any:
    scale = alt.Scale(domain=[0, length], range=[0, length], nice=False, zero=False)
    return channel(f"{name}:Q", axis=None, scale=scale)


def _write_title(rows: Rows, plan: Plan) -> alt.TitleParams:
    named = {role: label for label, role, _ in list_nodes(rows)}
    text = f"Causal diagram for {named['exposure']} and {named['outcome']}"
    note = "Arrows at a frame represent those of its nodes. Dashed arrows are open back-door paths."
    return wrap_title(text, [note], plan.width, simulated=False)


def _draw_frame(box: Box) -> Any:
    dashes = _DASHED if box.role == "not measured" else []
    return chart([_find_corners(box)]).mark_rect(
        fill=palette.STRIPE, stroke=STROKE[box.role], strokeDash=dashes, cornerRadius=CORNER
    )


def _draw_boxes(boxes: Sequence[Box], role: str) -> Any:
    values = [
        {**_find_corners(box), "node": box.text.replace("\n", " "), "effects": box.effects} for box in boxes
    ]
    style: dict[str, Any] = {"fill": _FILL.get(role, "white"), "stroke": STROKE.get(role), "cornerRadius": 4}
    return chart(values).mark_rect(**style)


def _find_corners(box: Box) -> dict[str, float]:
    return {"x": box.x, "y": box.y, "right": box.right, "below": box.below}


def _write_labels(boxes: Sequence[Box], *, filled: bool) -> Any:
    values = [
        {"x": box.middle[0], "y": box.middle[1] - LINE / 2 * box.text.count("\n"), "text": box.text}
        for box in boxes
    ]
    return chart(values).mark_text(
        align="center", baseline="middle", lineBreak="\n", lineHeight=LINE, fontSize=palette.TEXT_SIZE,
        color="white" if filled else palette.INK, fontWeight="bold" if filled else "normal",
    )  # fmt: skip


def _write_headings(plan: Plan) -> Any:
    values = [{"x": box.x + AROUND, "y": box.y + HEADING / 2, "text": box.text} for box in plan.frames]
    return chart(values or [{"x": 0, "y": 0, "text": ""}]).mark_text(
        align="left", baseline="middle", fontSize=palette.SMALL_SIZE, fontWeight="bold", color=palette.MUTED
    )


def _draw_line(route: Route) -> Any:
    # It ends under its arrowhead, not at the tip.
    points = [*route.points[:-1], _point_before_end(route, _HEAD)]
    return chart([{"x": x, "y": y, "order": n} for n, (x, y) in enumerate(points)]).mark_line(
        color=route.color, strokeWidth=1.6, strokeDash=_DASHED if route.dashed else [], interpolate="linear"
    )


def _draw_head(route: Route) -> Any:
    (x0, y0), (x, y) = route.points[-2:]
    angle = (math.degrees(math.atan2(y - y0, x - x0)) + 90) % 360
    middle_x, middle_y = _point_before_end(route, _HEAD / 2)
    return chart([{"x": middle_x, "y": middle_y}]).mark_point(
        shape="triangle-up", filled=True, size=90, color=route.color, angle=angle, opacity=1
    )


def _point_before_end(route: Route, pixels: float) -> tuple[float, float]:
    """Return the point of the last segment so many pixels before its end."""
    (x0, y0), (x, y) = route.points[-2:]
    share = min(pixels / (math.hypot(x - x0, y - y0) or 1.0), 1.0)
    return x - (x - x0) * share, y - (y - y0) * share
