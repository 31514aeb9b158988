"""Lay out the nodes and arrows of a causal diagram in pixels, for a page and for a phone.

Exposure and outcome are separate boxes; the nodes of each other role form rows inside a frame.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.display.charts import palette
from toolkit.display.charts.row_layout import LINE, PAD, text_width, wrap_text

Rows = Sequence[Mapping[str, Any]]
# Label, role and effects with their reasons.
Node = tuple[str, str, str]
Points = tuple[tuple[float, float], ...]

WIDTH, NARROW = 800.0, 340.0
HEADING, CORNER = 26.0, 6.0
AROUND = 10.0
HEADS = {
    "adjusted": "Adjustment set",
    "between": "Mediators (part of the effect, not adjusted for)",
    "not measured": "Unmeasured confounders",
}
STROKE = {"adjusted": palette.GREEN, "between": palette.MUTED, "not measured": palette.VERMILLION}
_SIDE, _GAP, _BETWEEN, _MOST = 140.0, 8.0, 46.0, 150.0
# On a phone, arrows that pass other boxes run in lanes at the sides.
_LANE, _INNER_LANE, _STEP = 7.0, 17.0, 30.0


@dataclass(frozen=True)
class Box:
    """A node or a frame of nodes, in pixels from the top left."""

    text: str
    role: str
    x: float
    y: float
    width: float
    height: float
    effects: str = ""

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def below(self) -> float:
        """The lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """The center."""
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, right: float, down: float) -> "Box":
        """Return a copy moved by so many pixels."""
        return replace(self, x=self.x + right, y=self.y + down)


@dataclass(frozen=True)
class Route:
    """An arrow: its points, color, and whether it represents an open path."""

    points: Points
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Plan:
    """Frames, nodes and arrows, with the size of the chart."""

    frames: tuple[Box, ...]
    nodes: tuple[Box, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def list_nodes(rows: Rows) -> list[Node]:
    """List each node once: label, role, and its effects with their reasons."""
    found: dict[str, tuple[str, str]] = {}
    effects: dict[str, list[str]] = {}
    for row in rows:
        for end in ("cause", "effect"):
            found.setdefault(row[end], (row[f"{end}_label"], row[f"{end}_role"]))
        effects.setdefault(row["cause"], []).append(f"→ {row['effect_label']}: {row['reason']}")
    return [(label, role, "\n".join(effects.get(name, []))) for name, (label, role) in found.items()]


def lay_out_wide(rows: Rows) -> Plan:
    """Lay out a diagram for a page: exposure at the left, outcome at the right, frames between them."""
    named, outer = list_nodes(rows), WIDTH - 2 * _BETWEEN
    widths = {"adjusted": outer, "between": outer - 2 * _SIDE, "not measured": outer}
    panels = {role: _arrange_frame(role, named, width) for role, width in widths.items()}
    heights = {role: boxes[0].height if boxes else 0.0 for role, boxes in panels.items()}
    band = max(heights["between"], 64.0)
    first = heights["adjusted"] + _BETWEEN if panels["adjusted"] else 0.0
    down = first + band + _BETWEEN
    tops = {"adjusted": 0.0, "between": first + (band - heights["between"]) / 2, "not measured": down}
    placed = [
        _move_boxes(boxes, (WIDTH - boxes[0].width) / 2, tops[role])
        for role, boxes in panels.items()
        if boxes
    ]
    exposure, outcome = (_place_end(role, named, first, band) for role in ("exposure", "outcome"))
    frames = tuple(boxes[0] for boxes in placed)
    nodes = (exposure, outcome, *(box for boxes in placed for box in boxes[1:]))
    bottom = heights["not measured"]
    height = down + bottom if bottom else first + band + _BETWEEN * _has_direct_arrow(rows)
    return Plan(frames, nodes, tuple(_route_wide(rows, frames, (exposure, outcome))), WIDTH, height)


def _has_direct_arrow(rows: Rows) -> bool:
    return any((row["cause_role"], row["effect_role"]) == ("exposure", "outcome") for row in rows)


def _place_end(role: str, named: list[Node], top: float, band: float) -> Box:
    label, effects = next(((label, effects) for label, r, effects in named if r == role), (role, ""))
    text = wrap_text(label, _SIDE - 2 * PAD, bold=True)
    height = LINE * (text.count("\n") + 1) + 2 * PAD
    x = 0.0 if role == "exposure" else WIDTH - _SIDE
    return Box(text, role, x, top + (band - height) / 2, _SIDE, height, effects)


def _arrange_frame(role: str, named: list[Node], width: float) -> list[Box]:
    """Arrange the nodes of a role in rows inside a frame, which comes first; [] if there are none."""
    boxes = [_make_node(label, role, effects) for label, r, effects in named if r == role]
    if not boxes:
        return []
    rows: list[list[Box]] = [[]]
    for box in boxes:
        used = sum(b.width + _GAP for b in rows[-1])
        if rows[-1] and used + box.width > width - 2 * AROUND:
            rows.append([])
        rows[-1].append(box)
    longest = max(sum(b.width + _GAP for b in row) - _GAP for row in rows)
    head = text_width(HEADS[role], palette.SMALL_SIZE, bold=True)
    frame = max(longest, head) + 2 * AROUND
    placed, y = [], HEADING
    for row in rows:
        x = (frame - sum(b.width + _GAP for b in row) + _GAP) / 2
        high = max(b.height for b in row)
        for box in row:
            placed.append(box.moved(x, y + (high - box.height) / 2))
            x += box.width + _GAP
        y += high + _GAP
    return [Box(HEADS[role], role, 0.0, 0.0, frame, y - _GAP + AROUND), *placed]


def _make_node(label: str, role: str, effects: str) -> Box:
    text = wrap_text(label, _MOST)
    return Box(text, role, 0, 0, text_width(text) + PAD, LINE * (text.count("\n") + 1) + 8, effects)


def _move_boxes(boxes: list[Box], right: float, down: float) -> list[Box]:
    return [box.moved(right, down) for box in boxes]


def _route_wide(rows: Rows, frames: Sequence[Box], ends: tuple[Box, Box]) -> Iterator[Route]:
    exposure, outcome = ends
    of = {frame.role: frame for frame in frames}
    for role, dashed in (("adjusted", False), ("not measured", True)):
        if role in of:
            for end in ends:
                yield Route(_route_to_end(of[role], end), STROKE[role], dashed)
    across = exposure.middle[1]
    if "between" in of:
        panel = of["between"]
        yield Route(((exposure.right, across), (panel.x, across)), palette.INK)
        yield Route(((panel.right, across), (outcome.x, across)), palette.INK)
        if _has_direct_arrow(rows):
            yield Route(_route_under(exposure, outcome, panel.below + _BETWEEN / 2), palette.INK)
    elif _has_direct_arrow(rows):
        yield Route(((exposure.right, across), (outcome.x, across)), palette.INK)


def _route_to_end(panel: Box, end: Box) -> Points:
    """Route from a frame above or below to exposure or outcome: straight, or out of its side."""
    x, tip = end.middle[0], end.y if panel.below <= end.y else end.below
    if panel.x + CORNER <= x <= panel.right - CORNER:
        return (x, panel.below if panel.below <= end.y else panel.y), (x, tip)
    side = panel.x if x < panel.x + CORNER else panel.right
    return (side, panel.middle[1]), (x, panel.middle[1]), (x, tip)


def _route_under(exposure: Box, outcome: Box, lowest: float) -> Points:
    """Route from exposure to outcome below the frame of mediators."""
    start, end = exposure.right - PAD, outcome.x + PAD
    return (start, exposure.below), (start, lowest), (end, lowest), (end, outcome.below)


def lay_out_narrow(rows: Rows) -> Plan:
    """Lay out a diagram for a phone: all in one column, with arrows that pass boxes in lanes at the sides."""
    named = list_nodes(rows)
    room = NARROW - 2 * (_INNER_LANE + PAD)
    stack: list[list[Box]] = []
    for role in ("adjusted", "exposure", "between", "outcome", "not measured"):
        boxes = (
            [_place_end(role, named, 0, 0)]
            if role in ("exposure", "outcome")
            else _arrange_frame(role, named, room)
        )
        if boxes:
            down = stack[-1][0].below + _STEP if stack else 0.0
            stack.append(_move_boxes(boxes, (NARROW - boxes[0].width) / 2 - boxes[0].x, down - boxes[0].y))
    of = {boxes[0].role: boxes[0] for boxes in stack}
    frames = tuple(boxes[0] for boxes in stack if len(boxes) > 1)
    nodes = tuple(box for boxes in stack for box in (boxes if len(boxes) == 1 else boxes[1:]))
    return Plan(frames, nodes, tuple(_route_narrow(rows, of)), NARROW, stack[-1][0].below)


def _route_narrow(rows: Rows, of: Mapping[str, Box]) -> Iterator[Route]:
    exposure, outcome = of["exposure"], of["outcome"]
    if "adjusted" in of:
        yield Route(_route_down(of["adjusted"], exposure), STROKE["adjusted"])
        yield Route(_route_around(of["adjusted"], outcome, _LANE), STROKE["adjusted"])
    if "not measured" in of:
        low = of["not measured"]
        yield Route(
            ((low.middle[0], low.y), (outcome.middle[0], outcome.below)), STROKE["not measured"], True
        )
        yield Route(_route_around(low, exposure, NARROW - _LANE), STROKE["not measured"], True)
    if "between" in of:
        yield Route(_route_down(exposure, of["between"]), palette.INK)
        yield Route(_route_down(of["between"], outcome), palette.INK)
        if _has_direct_arrow(rows):
            yield Route(_route_around(exposure, outcome, _INNER_LANE, up=-PAD), palette.INK)
    elif _has_direct_arrow(rows):
        yield Route(_route_down(exposure, outcome), palette.INK)


def _route_down(start: Box, end: Box) -> Points:
    return (start.middle[0], start.below), (end.middle[0], end.y)


def _route_around(start: Box, end: Box, lane: float, up: float = 0.0) -> Points:
    """Route out of a side, along a lane, and into the same side of the end."""
    left = lane < start.middle[0]
    sides = [box.x if left else box.right for box in (start, end)]
    return (
        (sides[0], start.middle[1]),
        (lane, start.middle[1]),
        (lane, end.middle[1] + up),
        (sides[1], end.middle[1] + up),
    )
