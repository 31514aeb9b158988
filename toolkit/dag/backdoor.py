"""Choose an adjustment set from a causal diagram by the back-door criterion, for a total effect.

Candidates are the causes of the exposure that also affect the outcome by a path around the exposure.
Descendants of exposure or outcome are never candidates, which excludes mediators and colliders.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from toolkit.dag.diagram import Diagram
from toolkit.errors import VariableError

Size = Literal["small", "full", "core"]
SIZES: tuple[Size, ...] = ("small", "full", "core")
# Arrow by which a path reaches a node, and the node; the first has no arrow.
Step = tuple[str, str]


class NoAdjustmentSetError(VariableError):
    """The diagram has no adjustment set for this exposure and outcome; `finding` says why."""

    def __init__(self, finding: str, remedy: str) -> None:
        super().__init__(f"{finding} {remedy}")
        self.finding = finding


@dataclass(frozen=True)
class Gap:
    """An unmeasured node, a back-door path that it leaves open, and whether that is reverse causation."""

    node: str
    path: str
    reverse: bool


@dataclass(frozen=True)
class Choice:
    """An adjustment set, as nodes."""

    exposure: str
    outcome: str
    adjusted: tuple[str, ...]
    gaps: tuple[Gap, ...]  # reverse causation, then common causes, then others
    core: tuple[str, ...] = ()  # core nodes that belong in the set; those not in `adjusted` are not measured


def choose_adjustment_set(
    diagram: Diagram, exposure: str, outcome: str, measured: Iterable[str], size: Size = "small"
) -> Choice:
    """Choose an adjustment set of measured nodes for the total effect; raises a NoAdjustmentSetError."""
    return _choose(diagram, exposure, outcome, frozenset(measured), size)


@lru_cache(maxsize=1024)
def _choose(diagram: Diagram, exposure: str, outcome: str, measured: frozenset[str], size: Size) -> Choice:
    _require_effect(diagram, exposure, outcome)
    after = {exposure, outcome} | diagram.descendants(exposure) | diagram.descendants(outcome)
    core = [name for name in diagram.core if name in diagram.nodes and name not in after]
    required = set(core) & measured
    backdoor = _Backdoor(diagram, exposure, outcome)
    hidden, full = backdoor.candidates - measured, (backdoor.candidates & measured) | required
    chosen = required if size == "core" else full
    if size == "small":
        chosen = backdoor.reduce(full, required, hidden)
    return Choice(
        exposure,
        outcome,
        tuple(name for name in diagram.nodes if name in chosen),
        tuple(backdoor.find_gaps(chosen, full | hidden, hidden)),
        tuple(core),
    )


class _Backdoor:
    """The graph without the exposure's outgoing arrows."""

    def __init__(self, diagram: Diagram, exposure: str, outcome: str) -> None:
        import networkx as nx

        self.diagram, self.ends = diagram, (exposure, outcome)
        self.graph = diagram.graph.copy()
        self.graph.remove_edges_from(list(diagram.graph.out_edges(exposure)))
        around = nx.restricted_view(diagram.graph, [exposure], [])
        self.candidates: set[str] = diagram.ancestors(exposure) & nx.ancestors(around, outcome)

    def is_closed(self, adjusted: set[str]) -> bool:
        import networkx as nx

        exposure, outcome = self.ends
        return bool(nx.is_d_separator(self.graph, {exposure}, {outcome}, adjusted))

    def reduce(self, full: set[str], required: set[str], hidden: set[str]) -> set[str]:
        """Drop candidates one by one while the rest still separates exposure and outcome.

        The order is: neither cause of exposure nor of outcome, causes of the outcome, of the exposure, of
        both; within each, earlier nodes first. Hidden candidates count as adjusted for in this test alone,
        because no set can close the paths that they leave open.
        """
        import networkx as nx

        position = {name: place for place, name in enumerate(self.diagram.nodes)}
        ordered = nx.lexicographical_topological_sort(self.diagram.graph, key=position.__getitem__)
        time = {name: place for place, name in enumerate(ordered)}
        causes = [set(self.diagram.parents(end)) for end in self.ends]
        small = set(full)
        for name in sorted(full - required, key=lambda n: (*(n in own for own in causes), time[n])):
            if self.is_closed((small - {name}) | hidden):
                small.discard(name)
        return small

    def find_gaps(self, chosen: set[str], everything: set[str], hidden: set[str]) -> list[Gap]:
        """Name the hidden nodes that leave a path open whatever else is adjusted for, then others."""
        alone = [name for name in hidden if not self.is_closed(everything - {name})]
        paths = {name: find_open_path(self.graph, *self.ends, everything - {name}) for name in alone}
        while True:
            graph = self.graph.copy()
            graph.remove_nodes_from(paths)
            path = find_open_path(graph, *self.ends, chosen)
            more = {name for _, name in path} & hidden
            if not more:  # All paths are closed, or the core set leaves one open that the full set closes.
                return sorted((self._gap(name, path) for name, path in paths.items()), key=self._rank)
            paths |= dict.fromkeys(more, path)

    def _gap(self, name: str, path: list[Step]) -> Gap:
        nodes = self.diagram.nodes
        text = " ".join(f"{arrow} {nodes[step].label}".strip() for arrow, step in path)
        return Gap(name, text, nodes[name].earlier == self.ends[1])

    def _rank(self, gap: Gap) -> tuple[bool, bool, int]:
        common = all(gap.node in self.diagram.parents(end) for end in self.ends)
        return not gap.reverse, not common, list(self.diagram.nodes).index(gap.node)


def list_mediators(diagram: Diagram, exposure: str, outcome: str) -> tuple[str, ...]:
    """List the nodes on the directed paths from exposure to outcome, in the diagram's order."""
    through = diagram.descendants(exposure) & diagram.ancestors(outcome)
    return tuple(name for name in diagram.nodes if name in through)


def assign_roles(diagram: Diagram, choice: Choice) -> dict[str, str]:
    """Assign each node around an exposure its role: exposure, outcome, adjusted, between, not measured."""
    return {
        **dict.fromkeys(list_mediators(diagram, choice.exposure, choice.outcome), "between"),
        **dict.fromkeys(choice.adjusted, "adjusted"),
        **dict.fromkeys((gap.node for gap in choice.gaps), "not measured"),
        choice.exposure: "exposure",
        choice.outcome: "outcome",
    }


def describe_bias(diagram: Diagram, exposure: str, outcome: str, node: str) -> str:
    """Say which path adjusting for a descendant would close or open; "" if the node is not a descendant."""
    after_exposure = node in diagram.descendants(exposure)
    after_outcome = node in diagram.descendants(outcome)
    if not (after_exposure or after_outcome):
        return ""
    origin = "outcome" if after_outcome else "exposure"
    if after_exposure and outcome in diagram.descendants(node):
        path = [*_shortest_path(diagram, exposure, node), *_shortest_path(diagram, node, outcome)[1:]]
        effect = f"close the path {_join_labels(diagram, path, '→')}, which is part of the effect"
    else:
        opened = _opened_path(diagram, exposure, outcome, node)
        effect = f"open the path {opened}" if opened else "change what is estimated"
    return f"it follows from the {origin}, and adjusting for it would {effect}"


def find_open_path(graph: Any, start: str, end: str, adjusted: Iterable[str]) -> list[Step]:
    """Find the shortest path between two nodes that is open given others; [] if every path is closed."""
    import networkx as nx

    fixed = set(adjusted)
    opens = fixed.union(*(nx.ancestors(graph, name) for name in fixed))
    came: dict[Step, Step | None] = {("", start): None}
    queue = deque(came)
    while queue:
        step = queue.popleft()
        if step[1] == end:
            path = [step]
            while before := came[path[-1]]:
                path.append(before)
            return path[::-1]
        for following in _steps_from(graph, step, fixed, opens):
            if following not in came:
                came[following] = step
                queue.append(following)
    return []


def _steps_from(graph: Any, step: Step, fixed: set[str], opens: set[str]) -> Iterator[Step]:
    """Yield the steps that an open path may take from a node, by the arrow through which it came."""
    arrow, name = step
    if name not in fixed:
        yield from (("→", child) for child in graph.successors(name))
    # Reached against an arrow (or at the start) a node is not a collider towards its parents; reached along
    # one it is, and lets the path go up only if it or a descendant is adjusted for.
    if name in opens if arrow == "→" else name not in fixed:
        yield from (("←", parent) for parent in graph.predecessors(name))


def _require_effect(diagram: Diagram, exposure: str, outcome: str) -> None:
    if exposure == outcome:
        raise NoAdjustmentSetError(
            f"Exposure and outcome are both '{diagram.nodes[exposure].label}' in the causal diagram.",
            "Use another exposure, or name the covariates: adjust=().",
        )
    if exposure in diagram.descendants(outcome):
        path = _join_labels(diagram, _shortest_path(diagram, outcome, exposure), "→")
        raise NoAdjustmentSetError(
            f"In the causal diagram the exposure follows from the outcome ({path}), so no adjustment set "
            "makes their association an effect of the exposure.",
            "Exchange the two, or name the covariates: adjust=().",
        )


def _opened_path(diagram: Diagram, exposure: str, outcome: str, node: str) -> str:
    """Return a closed path that opens when a descendant of it is adjusted for; "" if there is none."""
    later = {exposure, *diagram.descendants(exposure)}
    if node in diagram.descendants(outcome):
        into = _shortest_path(diagram, exposure, node, around=outcome)
        if into:
            back = _shortest_path(diagram, outcome, node)[-2::-1]
            return f"{_join_labels(diagram, into, '→')} ← {_join_labels(diagram, back, '←')}"
        others = [parent for parent in diagram.parents(outcome) if parent not in later]
        path = _join_labels(diagram, _shortest_path(diagram, exposure, outcome), "→")
        return f"{path} ← {diagram.nodes[others[0]].label}" if others else ""
    path = _join_labels(diagram, _shortest_path(diagram, exposure, node), "→")
    onward = (
        _shortest_path(diagram, parent, outcome, around=exposure)
        for parent in diagram.parents(node)
        if parent not in later
    )
    return next((f"{path} ← {_join_labels(diagram, rest, '→')}" for rest in onward if rest), "")


def _shortest_path(diagram: Diagram, start: str, end: str, around: str = "") -> list[str]:
    """Return the shortest directed path, perhaps around a node; [] if there is none."""
    import networkx as nx

    graph = nx.restricted_view(diagram.graph, [around], [])
    return list(nx.shortest_path(graph, start, end)) if nx.has_path(graph, start, end) else []


def _join_labels(diagram: Diagram, path: Sequence[str], arrow: str) -> str:
    return f" {arrow} ".join(diagram.nodes[name].label for name in path)
