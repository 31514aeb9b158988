"""Choose an adjustment set from a causal diagram: the back-door criterion for a total effect.

Candidates are the causes of the exposure that cause the outcome by a path not through the exposure. No
descendant of exposure or outcome is a candidate, so mediators, colliders and consequences never enter.
d-separation is networkx's.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.dag.diagram import Diagram
from toolkit.errors import VariableError

Size = Literal["small", "full", "core"]
SIZES: tuple[Size, ...] = ("small", "full", "core")


@dataclass(frozen=True)
class Gap:
    """An unmeasured node that leaves a path open, with such a path and whether it is reverse causation."""

    node: str
    path: str
    reverse: bool = False


@dataclass(frozen=True)
class Choice:
    """An adjustment set, as nodes.

    Attributes
    ----------
    exposure, outcome
        Nodes.
    adjusted
        The set, in the diagram's order.
    gaps
        Unmeasured nodes that leave a path open, the most important first: reverse causation, then common
        causes of exposure and outcome, then others.
    core
        Nodes of the diagram's core that belong in the set; those that are not in `adjusted` are not measured.
    """

    exposure: str
    outcome: str
    adjusted: tuple[str, ...]
    gaps: tuple[Gap, ...]
    core: tuple[str, ...] = ()


def choose(
    diagram: Diagram, exposure: str, outcome: str, measured: Iterable[str], size: Size = "small"
) -> Choice:
    """Choose an adjustment set of measured nodes for the total effect of an exposure.

    Parameters
    ----------
    diagram
        The causal diagram.
    exposure, outcome
        Nodes of it.
    measured
        Nodes that can be adjusted for.
    size
        "core": the diagram's core nodes, less the exposure, the outcome and what follows from either.
        "full": these and every measured candidate. "small": the core and the measured candidates that
        remain after dropping, one by one, those that d-separation does not need.

    Returns
    -------
    Choice
        The set, and the unmeasured nodes that leave paths open.

    Raises
    ------
    VariableError
        If exposure and outcome are one node, or the exposure follows from the outcome.

    Notes
    -----
    Nodes are tried for dropping in the order: neither cause of exposure nor of outcome, causes of the
    outcome, causes of the exposure, causes of both; within each, earlier nodes first. For this test alone
    the unmeasured candidates are held fixed, because no set can close the paths that they leave open.

    Examples
    --------
    >>> from toolkit.dag.diagram import causal_diagram
    >>> choose(causal_diagram(), "arthritis", "cramps", ["age", "sex", "body_mass", "stroke"]).adjusted
    ('age', 'sex', 'body_mass')
    """
    key = (exposure, outcome, frozenset(measured), size)
    if key not in diagram.kept:
        _expect_effect(diagram, exposure, outcome)
        diagram.kept[key] = _choose(diagram, exposure, outcome, key[2], size)
    found: Choice = diagram.kept[key]
    return found


def _choose(diagram: Diagram, exposure: str, outcome: str, measured: frozenset[str], size: Size) -> Choice:
    backdoor = _Backdoor(diagram, exposure, outcome)
    after = {exposure, outcome} | diagram.descendants(exposure) | diagram.descendants(outcome)
    core = [name for name in diagram.core if name in diagram.nodes and name not in after]
    kept = set(core) & measured
    candidates = backdoor.candidates()
    hidden, full = candidates - measured, (candidates & measured) | kept
    chosen = {"core": kept, "full": full, "small": full}[size]
    if size == "small":
        chosen = backdoor.dropped(full, kept, hidden)
    order = list(diagram.nodes)
    return Choice(
        exposure,
        outcome,
        tuple(sorted(chosen, key=order.index)),
        tuple(backdoor.gaps(chosen, full, hidden)),
        tuple(core),
    )


class _Backdoor:
    """The graph without the exposure's outgoing arrows, and what is asked of it."""

    def __init__(self, diagram: Diagram, exposure: str, outcome: str) -> None:
        self.diagram, self.ends = diagram, (exposure, outcome)
        self.graph = diagram.graph.copy()
        self.graph.remove_edges_from(list(diagram.graph.out_edges(exposure)))

    def candidates(self) -> set[str]:
        import networkx as nx

        exposure, outcome = self.ends
        around = self.diagram.graph.copy()
        around.remove_node(exposure)
        return set(self.diagram.ancestors(exposure) & nx.ancestors(around, outcome))

    def closed(self, given: set[str]) -> bool:
        """Tell whether a set separates exposure and outcome."""
        import networkx as nx

        exposure, outcome = self.ends
        return bool(nx.is_d_separator(self.graph, {exposure}, {outcome}, given))

    def dropped(self, full: set[str], kept: set[str], hidden: set[str]) -> set[str]:
        """Drop one node after the other while the set still separates exposure and outcome."""
        import networkx as nx

        order = list(self.diagram.nodes)
        sorted_in_time = nx.lexicographical_topological_sort(self.diagram.graph, key=order.index)
        time = {name: place for place, name in enumerate(sorted_in_time)}
        causes = [set(self.diagram.parents(end)) for end in self.ends]
        small = set(full)
        for name in sorted(full - kept, key=lambda n: (*(n in own for own in causes), time[n])):
            if self.closed((small - {name}) | hidden):
                small.discard(name)
        return small

    def gaps(self, chosen: set[str], full: set[str], hidden: set[str]) -> list[Gap]:
        """Name the unmeasured nodes that leave a path open, each with such a path.

        First those that do so although everything else were known; then, while a path remains that avoids
        these, the unmeasured nodes on it.
        """
        everything = full | hidden
        alone = {name for name in hidden if not self.closed(everything - {name})}
        trails = {name: open_path(self.graph, *self.ends, everything - {name}) for name in alone}
        while True:
            graph = self.graph.copy()
            graph.remove_nodes_from(trails)
            trail = open_path(graph, *self.ends, chosen)
            more = {name for _, name in trail} & hidden
            if not more:  # All paths are closed, or the core set leaves one open that the full set closes.
                return sorted((self._gap(name, trail) for name, trail in trails.items()), key=self._rank)
            trails |= dict.fromkeys(more, trail)

    def _gap(self, name: str, trail: list[tuple[str, str]]) -> Gap:
        return Gap(name, _trail(self.diagram, trail), self.diagram.nodes[name].earlier == self.ends[1])

    def _rank(self, gap: Gap) -> tuple[bool, bool, int]:
        """Rank reverse causation first, then common causes."""
        common = all(gap.node in self.diagram.parents(end) for end in self.ends)
        return not gap.reverse, not common, list(self.diagram.nodes).index(gap.node)


def between(diagram: Diagram, exposure: str, outcome: str) -> tuple[str, ...]:
    """Name the nodes on the ways by which an exposure acts on an outcome, in the diagram's order.

    Examples
    --------
    >>> from toolkit.dag.diagram import causal_diagram
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
    >>> from toolkit.dag.diagram import causal_diagram
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


def open_path(graph: Any, start: str, end: str, given: Iterable[str]) -> list[tuple[str, str]]:
    """Find the shortest path between two nodes that is open given others.

    Parameters
    ----------
    graph
        A networkx.DiGraph without cycles; for back-door paths, one without the start's outgoing arrows.
    start, end
        Nodes.
    given
        The nodes that are adjusted for.

    Returns
    -------
    list
        (arrow by which it is reached, node), the start first with ""; [] if every path is closed.
    """
    import networkx as nx

    fixed = set(given)
    opens = fixed.union(*(nx.ancestors(graph, name) for name in fixed if name in graph))
    begin = (start, "")
    came: dict[tuple[str, str], tuple[str, str] | None] = {begin: None}
    waiting = deque([begin])
    while waiting:
        state = waiting.popleft()
        if state[0] == end:
            return _traced(came, state)
        for step in _steps(graph, state, fixed, opens):
            if step not in came and step[0] != start:
                came[step] = state
                waiting.append(step)
    return []


def _expect_effect(diagram: Diagram, exposure: str, outcome: str) -> None:
    if exposure == outcome:
        raise VariableError(
            f"Exposure and outcome are both '{diagram.nodes[exposure].label}' in the causal diagram. "
            f"Name another exposure, or state the covariates: adjust=()."
        )
    if exposure in diagram.descendants(outcome):
        way = _words(diagram, _way(diagram, outcome, exposure), "→")
        raise VariableError(
            f"In the causal diagram the exposure follows from the outcome ({way}), so no adjustment set "
            f"makes their association an effect of the exposure. Exchange the two, or state the covariates: "
            f"adjust=()."
        )


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
    """Find the shortest directed path, perhaps around a node; [] if there is none."""
    import networkx as nx

    graph = nx.restricted_view(diagram.graph, [around] if around else [], [])
    return list(nx.shortest_path(graph, start, end)) if nx.has_path(graph, start, end) else []


def _steps(graph: Any, state: tuple[str, str], given: set[str], opens: set[str]) -> Iterator[tuple[str, str]]:
    """Take every step that an open path may take from a node, by the arrow through which it came."""
    name, arrow = state
    if name not in given:
        yield from ((child, "→") for child in graph.successors(name))
    # Reached against an arrow (or at the start) a node is no collider towards its parents; reached along one,
    # it is, and lets the path go up only if it or what follows from it is adjusted for.
    if (arrow != "→" and name not in given) or (arrow == "→" and name in opens):
        yield from ((parent, "←") for parent in graph.predecessors(name))


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
