"""The back-door criterion a second time, by listing every path: what `graph` is held to."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from toolkit.dag import Arrow, Diagram, Node

Arrows = Iterable[tuple[str, str]]


def drawn(*ways: str, nodes: Iterable[str] = ()) -> Diagram:
    """Draw a diagram from words such as "A -> B -> C"."""
    pairs = {pair for way in ways for pair in _pairs(way.split(" -> "))}
    names = dict.fromkeys([*(name for pair in sorted(pairs) for name in pair), *nodes])
    arrows = tuple(Arrow(cause, effect, "for the test") for cause, effect in sorted(pairs))
    return Diagram("a test", {name: Node(name, name, (name.lower(),)) for name in names}, arrows)


def _pairs(names: list[str]) -> Iterator[tuple[str, str]]:
    yield from pairwise(names)


def arrows_of(diagram: Diagram) -> set[tuple[str, str]]:
    return {(arrow.cause, arrow.effect) for arrow in diagram.arrows}


def below(arrows: Arrows, name: str) -> set[str]:
    """Name what follows from a node, itself too."""
    found, before = {name}, set[str]()
    while found != before:
        before = set(found)
        found |= {effect for cause, effect in arrows if cause in before}
    return found


def paths(arrows: set[tuple[str, str]], start: str, end: str) -> Iterator[list[str]]:
    """List every path between two nodes, whatever way the arrows point."""
    beside: dict[str, set[str]] = {}
    for cause, effect in arrows:
        beside.setdefault(cause, set()).add(effect)
        beside.setdefault(effect, set()).add(cause)

    def onward(path: list[str]) -> Iterator[list[str]]:
        if path[-1] == end:
            yield path
            return
        for name in sorted(beside.get(path[-1], set()) - set(path)):
            yield from onward([*path, name])

    yield from onward([start])


def closed(arrows: set[tuple[str, str]], path: list[str], given: set[str]) -> bool:
    for before, name, after in zip(path, path[1:], path[2:], strict=False):
        collider = (before, name) in arrows and (after, name) in arrows
        if collider and not below(arrows, name) & given:
            return True
        if not collider and name in given:
            return True
    return False


def sufficient(diagram: Diagram, exposure: str, outcome: str, given: Iterable[str]) -> bool:
    """Tell whether a set meets the back-door criterion (Pearl 1995): every path into the exposure closed."""
    arrows, chosen = arrows_of(diagram), set(given)
    if chosen & below(arrows, exposure):
        return False
    back = (p for p in paths(arrows, exposure, outcome) if (p[1], exposure) in arrows)
    return all(closed(arrows, path, chosen) for path in back)
