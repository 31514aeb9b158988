"""Place the nodes and arrows of a causal diagram in pixels: for a page, and for a phone.

Takes the rows of a frame of arrows with roles; gives a `Plan` of boxes and ways. Exposure and outcome stand
apart; the nodes of each other role stand in rows inside a frame.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.display.charts import palette
from toolkit.display.charts.row_layout import LINE, PAD, text_width, wrapped

WIDTH, NARROW = 800.0, 340.0
HEADING, CORNER = 26.0, 6.0
AROUND = 10.0
HEADS = {
    "adjusted": "Adjusted for",
    "between": "Mediators: part of the effect, not adjusted for",
    "not measured": "Confounders that are not measured",
}
STROKE = {"adjusted": palette.GREEN, "between": palette.MUTED, "not measured": palette.VERMILLION}
_SIDE, _GAP, _BETWEEN, _MOST = 140.0, 8.0, 46.0, 150.0
# On a phone, arrows that pass by go down lanes at the sides.
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
    told: str = ""

    @property
    def right(self) -> float:
        """Where it ends at the right."""
        return self.x + self.width

    @property
    def below(self) -> float:
        """Where it ends below."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, right: float, down: float) -> "Box":
        """Copy it to another place."""
        return Box(self.text, self.role, self.x + right, self.y + down, self.width, self.height, self.told)


@dataclass(frozen=True)
class Way:
    """An arrow: its points, colour, whether it stands for a path that is left open, and its word."""

    points: tuple[tuple[float, float], ...]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Plan:
    """Frames, nodes and arrows, and the size of the whole."""

    frames: tuple[Box, ...]
    nodes: tuple[Box, ...]
    ways: tuple[Way, ...]
    width: float
    height: float


def named_nodes(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """List each node once: label, role, and its arrows in words."""
    found: dict[str, tuple[str, str]] = {}
    told: dict[str, list[str]] = {}
    for row in rows:
        for end in ("cause", "effect"):
            found.setdefault(row[end], (row[f"{end}_label"], row[f"{end}_role"]))
        told.setdefault(row["cause"], []).append(f"→ {row['effect_label']}: {row['reason']}")
    return [(label, role, "\n".join(told.get(name, []))) for name, (label, role) in found.items()]


def wide(rows: Sequence[Mapping[str, Any]]) -> Plan:
    """Place a diagram on a page: exposure at the left, outcome at the right, the frames between them."""
    named = named_nodes(rows)
    inner = WIDTH - 2 * (_SIDE + _BETWEEN)
    top = _panel("adjusted", named, WIDTH - 2 * _BETWEEN)
    middle = _panel("between", named, inner)
    bottom = _panel("not measured", named, WIDTH - 2 * _BETWEEN)
    band = max(middle[0].height if middle else 0.0, 64.0)
    first = top[0].height + _BETWEEN if top else 0.0
    ends = [_end(role, named, first, band) for role in ("exposure", "outcome")]
    down = first + band + _BETWEEN
    placed = [
        _moved(top, (WIDTH - top[0].width) / 2, 0.0) if top else [],
        _moved(middle, (WIDTH - middle[0].width) / 2, first + (band - middle[0].height) / 2)
        if middle
        else [],
        _moved(bottom, (WIDTH - bottom[0].width) / 2, down) if bottom else [],
    ]
    frames = tuple(boxes[0] for boxes in placed if boxes)
    nodes = (*ends, *(box for boxes in placed for box in boxes[1:]))
    height = down + bottom[0].height if bottom else first + band + _direct_room(rows)
    return Plan(frames, tuple(nodes), tuple(_ways(rows, frames, (ends[0], ends[1]))), WIDTH, height)


def _direct_room(rows: Sequence[Mapping[str, Any]]) -> float:
    return _BETWEEN * _direct(rows)


def _direct(rows: Sequence[Mapping[str, Any]]) -> bool:
    return any((row["cause_role"], row["effect_role"]) == ("exposure", "outcome") for row in rows)


def _end(role: str, named: list[tuple[str, str, str]], top: float, band: float) -> Box:
    label, told = next(((label, told) for label, r, told in named if r == role), (role, ""))
    text = wrapped(label, _SIDE - 2 * PAD, bold=True)
    height = LINE * (text.count("\n") + 1) + 2 * PAD
    x = 0.0 if role == "exposure" else WIDTH - _SIDE
    return Box(text, role, x, top + (band - height) / 2, _SIDE, height, told)


def _panel(role: str, named: list[tuple[str, str, str]], width: float) -> list[Box]:
    """Put the nodes of a role into rows inside a frame, which comes first; [] if there are none."""
    boxes = [_node(label, role, told) for label, r, told in named if r == role]
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


def _node(label: str, role: str, told: str) -> Box:
    text = wrapped(label, _MOST)
    return Box(text, role, 0, 0, text_width(text) + PAD, LINE * (text.count("\n") + 1) + 8, told)


def _moved(boxes: list[Box], right: float, down: float) -> list[Box]:
    return [box.moved(right, down) for box in boxes]


def _ways(rows: Sequence[Mapping[str, Any]], frames: Sequence[Box], ends: tuple[Box, Box]) -> Iterator[Way]:
    exposure, outcome = ends
    of = {frame.role: frame for frame in frames}
    for role, dashed in (("adjusted", False), ("not measured", True)):
        if role in of:
            for end in ends:
                yield Way(_to_end(of[role], end), STROKE[role], dashed)
    across = exposure.middle[1]
    if "between" in of:
        panel = of["between"]
        yield Way(((exposure.right, across), (panel.x, across)), palette.INK)
        yield Way(((panel.right, across), (outcome.x, across)), palette.INK)
        if _direct(rows):
            yield Way(_under(exposure, outcome, panel.below + _BETWEEN / 2), palette.INK)
    elif _direct(rows):
        yield Way(((exposure.right, across), (outcome.x, across)), palette.INK)


def _to_end(panel: Box, end: Box) -> tuple[tuple[float, float], ...]:
    """Lead from a frame above or below to exposure or outcome: straight, or out of its side and round."""
    x, tip = end.middle[0], end.y if panel.below <= end.y else end.below
    if panel.x + CORNER <= x <= panel.right - CORNER:
        return (x, panel.below if panel.below <= end.y else panel.y), (x, tip)
    side = panel.x if x < panel.x + CORNER else panel.right
    return (side, panel.middle[1]), (x, panel.middle[1]), (x, tip)


def _under(exposure: Box, outcome: Box, lowest: float) -> tuple[tuple[float, float], ...]:
    """Lead from exposure to outcome below what lies between, clear of its frame."""
    start, end = exposure.right - PAD, outcome.x + PAD
    return (start, exposure.below), (start, lowest), (end, lowest), (end, outcome.below)


def narrow(rows: Sequence[Mapping[str, Any]]) -> Plan:
    """Place a diagram on a phone: all under each other, with arrows that pass by in lanes at the sides."""
    named = named_nodes(rows)
    room = NARROW - 2 * (_INNER_LANE + PAD)
    stack: list[list[Box]] = []
    for role in ("adjusted", "exposure", "between", "outcome", "not measured"):
        boxes = [_end(role, named, 0, 0)] if role in ("exposure", "outcome") else _panel(role, named, room)
        if boxes:
            down = stack[-1][0].below + _STEP if stack else 0.0
            stack.append(_moved(boxes, (NARROW - boxes[0].width) / 2 - boxes[0].x, down - boxes[0].y))
    of = {boxes[0].role: boxes[0] for boxes in stack}
    frames = tuple(boxes[0] for boxes in stack if len(boxes) > 1)
    nodes = tuple(box for boxes in stack for box in (boxes if len(boxes) == 1 else boxes[1:]))
    return Plan(frames, nodes, tuple(_narrow_ways(rows, of)), NARROW, stack[-1][0].below)


def _narrow_ways(rows: Sequence[Mapping[str, Any]], of: Mapping[str, Box]) -> Iterator[Way]:
    exposure, outcome = of["exposure"], of["outcome"]
    if "adjusted" in of:
        yield Way(_down(of["adjusted"], exposure), STROKE["adjusted"])
        yield Way(_round(of["adjusted"], outcome, _LANE), STROKE["adjusted"])
    if "not measured" in of:
        low = of["not measured"]
        yield Way(((low.middle[0], low.y), (outcome.middle[0], outcome.below)), STROKE["not measured"], True)
        yield Way(_round(low, exposure, NARROW - _LANE), STROKE["not measured"], True)
    if "between" in of:
        yield Way(_down(exposure, of["between"]), palette.INK)
        yield Way(_down(of["between"], outcome), palette.INK)
        if _direct(rows):
            yield Way(_round(exposure, outcome, _INNER_LANE, up=-PAD), palette.INK)
    elif _direct(rows):
        yield Way(_down(exposure, outcome), palette.INK)


def _down(start: Box, end: Box) -> tuple[tuple[float, float], ...]:
    return (start.middle[0], start.below), (end.middle[0], end.y)


def _round(start: Box, end: Box, lane: float, up: float = 0.0) -> tuple[tuple[float, float], ...]:
    """Lead out of a side, along a lane, and into the same side of the end."""
    left = lane < start.middle[0]
    sides = [box.x if left else box.right for box in (start, end)]
    return (
        (sides[0], start.middle[1]),
        (lane, start.middle[1]),
        (lane, end.middle[1] + up),
        (sides[1], end.middle[1] + up),
    )
