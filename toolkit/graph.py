"""Choose what to adjust for from a causal diagram: the back-door criterion for a total effect.

Takes a diagram, an exposure, an outcome and the nodes that are measured; gives a minimal set that
closes every back-door path, or would with the fewest others that are not measured, which it names.

Separation is looked up in the moral graph of the ancestors (Lauritzen and others 1990, Networks 20:491-505);
candidates are ancestors of exposure or outcome that do not follow from the exposure, which suffices wherever
any set does (van der Zander and others 2014, UAI).
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from toolkit.diagram import Diagram
from toolkit.errors import VariableError


@dataclass(frozen=True)
class Gap:
    """A node that was needed and is not measured, with a path that it leaves open, in words."""

    node: str
    path: str


@dataclass(frozen=True)
class Choice:
    """What to adjust for, as nodes.

    Attributes
    ----------
    exposure, outcome
        Nodes.
    adjusted
        A minimal set: without any one of them, a path would be open that is closed with all of them and the
        gaps.
    gaps
        The fewest nodes that would have to be measured beside; () if the set is sufficient.
    """

    exposure: str
    outcome: str
    adjusted: tuple[str, ...]
    gaps: tuple[Gap, ...]

    @property
    def sufficient(self) -> bool:
        """Whether every back-door path is closed."""
        return not self.gaps


def choose(diagram: Diagram, exposure: str, outcome: str, measured: Sequence[str]) -> Choice:
    """Choose a minimal set of measured nodes for the total effect of an exposure.

    Parameters
    ----------
    diagram
        What causes what.
    exposure, outcome
        Nodes of it.
    measured
        Nodes that can be adjusted for, the best measured first: where sets are equally small, causes of the
        exposure stay, then what is measured best.

    Returns
    -------
    Choice
        The set, and what it cannot close.

    Raises
    ------
    VariableError
        If exposure and outcome are one node, or the exposure follows from the outcome.

    Examples
    --------
    >>> from toolkit.diagram import causal_diagram
    >>> choose(causal_diagram(), "arthritis", "cramps", ["age", "sex", "body_mass"]).sufficient
    True
    """
    _expect_effect(diagram, exposure, outcome)
    ends, causes = (exposure, outcome), diagram.parents(exposure)
    candidates = _candidates(diagram, exposure, outcome)
    # What is tried last stays most likely: first the well measured ones, causes of the exposure after all.
    known = sorted((n for n in reversed(measured) if n in candidates), key=lambda name: name in causes)
    pairs = []
    for parents_last in (True, False):
        unknown = sorted(candidates - set(known), key=partial(_ranked, causes, parents_last))
        gaps = _minimal(diagram, ends, unknown, set(known))
        pairs.append((gaps, _minimal(diagram, ends, known, gaps)))
    # Of equally few that are not measured, causes of the exposure are named, unless nothing that is measured
    # would be left to adjust for.
    gaps, adjusted = min(pairs, key=lambda pair: (len(pair[0]), not pair[1]))
    order = list(diagram.nodes)
    return Choice(
        exposure,
        outcome,
        tuple(sorted(adjusted, key=order.index)),
        tuple(
            Gap(name, _trail(diagram, open_path(diagram, *ends, adjusted | gaps - {name}, back_door=True)))
            for name in sorted(gaps, key=order.index)
        ),
    )


def between(diagram: Diagram, exposure: str, outcome: str) -> tuple[str, ...]:
    """Name the nodes on the ways by which an exposure acts on an outcome, in the diagram's order.

    Examples
    --------
    >>> from toolkit.diagram import causal_diagram
    >>> between(causal_diagram(), "stretching", "cramps")
    ('short_calf',)
    """
    through = diagram.descendants(exposure) & diagram.ancestors(outcome)
    return tuple(name for name in diagram.nodes if name in through)


def harm(diagram: Diagram, exposure: str, outcome: str, node: str) -> str:
    """Say what adjusting for a node would close or open; "" if it follows from neither exposure nor outcome.

    Parameters
    ----------
    diagram
        What causes what.
    exposure, outcome, node
        Nodes of it.

    Returns
    -------
    str
        What it follows from, and the path that adjusting for it would close or open.

    Examples
    --------
    >>> from toolkit.diagram import causal_diagram
    >>> harm(causal_diagram(), "stretching", "cramps", "short_calf")
    'it follows from the exposure, and adjusting for it would close the path stretching → shortened calf \
muscles → nocturnal leg cramps, which is part of the effect'
    """
    after_exposure = node in diagram.descendants(exposure)
    after_outcome = node in diagram.descendants(outcome)
    if not (after_exposure or after_outcome):
        return ""
    follows = "the outcome" if after_outcome else "the exposure"
    if after_exposure and outcome in diagram.descendants(node):
        way = [*_way(diagram, exposure, node), *_way(diagram, node, outcome)[1:]]
        told = f"would close the path {_words(diagram, way, '→')}, which is part of the effect"
    else:
        opened = _opened(diagram, exposure, outcome, node)
        told = f"would open the path {opened}" if opened else "changes what is estimated"
    return f"it follows from {follows}, and adjusting for it {told}"


def open_path(
    diagram: Diagram, start: str, end: str, given: frozenset[str] | set[str], *, back_door: bool
) -> list[tuple[str, str]]:
    """Find the shortest path that is open when some nodes are adjusted for.

    Parameters
    ----------
    diagram
        What causes what.
    start, end
        Nodes.
    given
        The nodes that are adjusted for.
    back_door
        True to leave the start against its arrows only.

    Returns
    -------
    list
        (arrow by which it is reached, node), the start first with ""; [] if every path is closed.
    """
    opens = set(given).union(*(diagram.ancestors(name) for name in given))
    begin = (start, "")
    came: dict[tuple[str, str], tuple[str, str] | None] = {begin: None}
    waiting = deque([begin])
    while waiting:
        state = waiting.popleft()
        if state[0] == end:
            return _traced(came, state)
        for step in _steps(diagram, state, given, opens):
            forward = state == begin and step[1] == "→"
            if step not in came and step[0] != start and not (back_door and forward):
                came[step] = state
                waiting.append(step)
    return []


def _expect_effect(diagram: Diagram, exposure: str, outcome: str) -> None:
    if exposure == outcome:
        raise VariableError(
            f"exposure and outcome are both '{diagram.nodes[exposure].label}' in the causal diagram. "
            f"Name another exposure, or say what to adjust for: adjust=()."
        )
    if exposure in diagram.descendants(outcome):
        way = _words(diagram, _way(diagram, outcome, exposure), "→")
        raise VariableError(
            f"in the causal diagram the exposure follows from the outcome ({way}): no adjustment makes their "
            f"association an effect of the exposure. Change places, or describe the association as it is: "
            f"adjust=()."
        )


def _candidates(diagram: Diagram, exposure: str, outcome: str) -> frozenset[str]:
    before = diagram.ancestors(exposure) | diagram.ancestors(outcome)
    return before - diagram.descendants(exposure) - {exposure, outcome}


def _ranked(causes: tuple[str, ...], parents_last: bool, name: str) -> tuple[bool, str]:
    """Rank what may be left out: first what is tried first."""
    return (name in causes) == parents_last, name


def _minimal(diagram: Diagram, ends: tuple[str, str], names: Sequence[str], given: set[str]) -> set[str]:
    """Leave out one node after the other as long as the ends stay apart."""
    graph = _moral_graph(diagram, *ends)
    kept = set(names)
    for name in names:
        if not _joined(graph, ends, given | kept - {name}):
            kept.discard(name)
    return kept


def _moral_graph(diagram: Diagram, exposure: str, outcome: str) -> Any:
    """Join parents with child and with each other among the ancestors, without the exposure's arrows."""
    import networkx as nx

    graph = nx.Graph()
    among = diagram.ancestors(exposure) | diagram.ancestors(outcome) | {exposure, outcome}
    graph.add_nodes_from(sorted(among))
    for name in sorted(among):
        parents = [parent for parent in diagram.parents(name) if parent != exposure]
        graph.add_edges_from((parent, name) for parent in parents)
        graph.add_edges_from(combinations(parents, 2))
    return graph


def _joined(graph: Any, ends: tuple[str, str], without: set[str]) -> bool:
    import networkx as nx

    return bool(nx.has_path(graph.subgraph(set(graph) - without), *ends))


def _opened(diagram: Diagram, exposure: str, outcome: str, node: str) -> str:
    """Show a path that is closed, and open once a node that follows from it is adjusted for."""
    if node in diagram.descendants(outcome):
        into, back = _way(diagram, exposure, node, around=outcome), _way(diagram, outcome, node)
        if into:
            return f"{_words(diagram, into, '→')} ← {_words(diagram, back[-2::-1], '←')}"
        others = [p for p in diagram.parents(outcome) if p not in {exposure, *diagram.descendants(exposure)}]
        way = _words(diagram, _way(diagram, exposure, outcome), "→")
        return f"{way} ← {diagram.nodes[others[0]].label}" if others else ""
    way = _words(diagram, _way(diagram, exposure, node), "→")
    later = {exposure, *diagram.descendants(exposure)}
    onward = (_way(diagram, p, outcome, around=exposure) for p in diagram.parents(node) if p not in later)
    return next((f"{way} ← {_words(diagram, path, '→')}" for path in onward if path), "")


def _way(diagram: Diagram, start: str, end: str, around: str = "") -> list[str]:
    """Find the shortest way along the arrows, perhaps around a node; [] if there is none."""
    came: dict[str, str | None] = {start: None}
    waiting = deque([start])
    while waiting:
        name = waiting.popleft()
        for child in diagram.children(name):
            if child not in came and child != around:
                came[child] = name
                waiting.append(child)
    way: list[str] = []
    step = end if end in came else None
    while step is not None:
        way.append(step)
        step = came[step]
    return way[::-1]


def _steps(
    diagram: Diagram, state: tuple[str, str], given: frozenset[str] | set[str], opens: set[str]
) -> Iterator[tuple[str, str]]:
    """Take every step that an open path may take from a node, by the arrow through which it came."""
    name, arrow = state
    if name not in given:
        yield from ((child, "→") for child in diagram.children(name))
    # Reached against an arrow (or at the start) a node is no collider towards its parents; reached along one,
    # it is, and lets the path go up only if it or what follows from it is adjusted for.
    if (arrow != "→" and name not in given) or (arrow == "→" and name in opens):
        yield from ((parent, "←") for parent in diagram.parents(name))


def _traced(
    came: dict[tuple[str, str], tuple[str, str] | None], state: tuple[str, str]
) -> list[tuple[str, str]]:
    found = []
    step: tuple[str, str] | None = state
    while step is not None:
        found.append((step[1], step[0]))
        step = came[step]
    return found[::-1]


def _trail(diagram: Diagram, path: list[tuple[str, str]]) -> str:
    return " ".join(f"{arrow} {diagram.nodes[name].label}".strip() for arrow, name in path)


def _words(diagram: Diagram, way: Sequence[str], arrow: str) -> str:
    return f" {arrow} ".join(diagram.nodes[name].label for name in way)
