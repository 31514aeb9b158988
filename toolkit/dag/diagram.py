"""Read and validate a causal diagram (`datasets/causal-diagram.toml` or a user's file of the same form)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

import polars as pl

from toolkit.causes.evidence import citation_of
from toolkit.errors import DatasetError, VariableError, as_path, require_known, unknown_words
from toolkit.files.checked_toml import Checked, read_toml, shipped
from toolkit.files.table_files import refuse_special_file
from toolkit.results import EDGES_SCHEMA

FILE = "causal-diagram.toml"
# Every adjustment set includes them where a study measures them.
CORE = ("age", "sex", "race_ethnicity", "education", "income")
REQUIRED = ("age", "sex")
Ground = Literal["", "established", "plausible", "assumed"]


class _WrittenNode(Checked):
    label: str
    variables: tuple[str, ...] = ()
    note: str = ""
    earlier: str = ""


class _WrittenArrows(Checked):
    """Arrows from one node to others, with one reason (the keys of causal-diagram.toml)."""

    cause: str
    effects: tuple[str, ...]
    reason: str
    ground: Ground = ""
    evidence: tuple[str, ...] = ()
    citation: str = ""

    @property
    def sources(self) -> str:
        return "; ".join(filter(None, [*map(citation_of, self.evidence), self.citation]))


class _Written(Checked):
    title: str
    core: tuple[str, ...] | None = None
    without: Mapping[str, str] = {}
    nodes: Mapping[str, _WrittenNode]
    arrows: tuple[_WrittenArrows, ...]


@dataclass(frozen=True)
class Node:
    """A node: the variables that measure it, why none does (`note`), and the node of which it is earlier."""

    name: str
    label: str
    variables: tuple[str, ...] = ()
    note: str = ""
    earlier: str = ""


@dataclass(frozen=True)
class Arrow:
    """One node causes another: the reason, its citation ("" for expert judgment) and its ground."""

    cause: str
    effect: str
    reason: str
    citation: str = ""
    ground: Ground = ""


@dataclass(frozen=True, eq=False)
class Diagram:
    """A directed acyclic graph of nodes and arrows."""

    title: str
    nodes: Mapping[str, Node]
    arrows: tuple[Arrow, ...]
    core: tuple[str, ...] = CORE  # in every adjustment set where a study measures them
    without: Mapping[str, str] = field(default_factory=dict)  # node `age` or `sex` -> why there is none

    @cached_property
    def graph(self) -> Any:
        """The arrows as a networkx.DiGraph, nodes in the diagram's order."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from(self.nodes)
        graph.add_edges_from((arrow.cause, arrow.effect) for arrow in self.arrows)
        return graph

    def frame(self, roles: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Return the arrows, one row each; with `roles` (by node), only those between these nodes."""
        rows = [
            {
                "cause": arrow.cause,
                "effect": arrow.effect,
                "cause_label": self.nodes[arrow.cause].label,
                "effect_label": self.nodes[arrow.effect].label,
                "cause_role": roles[arrow.cause] if roles else None,
                "effect_role": roles[arrow.effect] if roles else None,
                "reason": arrow.reason,
                "citation": arrow.citation,
            }
            for arrow in self.arrows
            if roles is None or {arrow.cause, arrow.effect} <= roles.keys()
        ]
        return pl.DataFrame(rows, EDGES_SCHEMA)

    def children(self, name: str) -> tuple[str, ...]:
        """Return the direct effects of a node."""
        return tuple(self.graph.successors(name))

    def parents(self, name: str) -> tuple[str, ...]:
        """Return the direct causes of a node."""
        return tuple(self.graph.predecessors(name))

    def descendants(self, name: str) -> frozenset[str]:
        """Return the descendants of a node, without itself."""
        return self._all_descendants[name]

    @cached_property
    def _all_descendants(self) -> dict[str, frozenset[str]]:
        import networkx as nx

        return {name: frozenset(nx.descendants(self.graph, name)) for name in self.nodes}

    def ancestors(self, name: str) -> frozenset[str]:
        """Return the ancestors of a node, without itself."""
        import networkx as nx

        return frozenset(nx.ancestors(self.graph, name))

    @cached_property
    def node_by_variable(self) -> dict[str, str]:
        """The node of each variable that measures one; a node's own name counts as a variable."""
        measured = {v: node.name for node in self.nodes.values() for v in node.variables}
        return {**{name: name for name in self.nodes}, **measured}

    def node_of(self, variable: str) -> str | None:
        """Return the node that a variable measures or that has its name; None if there is none."""
        return self.node_by_variable.get(variable)

    def expect_node(self, node: str, where: str) -> str:
        """Return a declared node's name, or raise a VariableError that names the declaration `where`."""
        require_known(f"{where}: The causal diagram has no node", node, self.nodes, error=VariableError)
        return node

    def require_age_and_sex(self) -> None:
        """Raise a DatasetError if age or sex is missing without a reason."""
        problems = list(_missing_nodes(self.nodes, self.without))
        if problems:
            raise DatasetError(f"The causal diagram '{self.title}' cannot be used: {'; '.join(problems)}.")


def causal_diagram(path: str | Path | None = None) -> Diagram:
    """Read a causal diagram.

    Parameters
    ----------
    path
        A TOML file of the form of `datasets/causal-diagram.toml`, or the name of one that the toolkit
        ships, such as "causal-diagram-2026-11.toml" (version 1); None for the toolkit's current diagram.

    Returns
    -------
    Diagram
        Nodes with the variables that measure them, and arrows with reason and citation.

    Raises
    ------
    DatasetError
        Lists every problem of the file: unknown keys and nodes, a cycle, a variable of two nodes, or no node
        `age` or `sex` without a reason.

    Examples
    --------
    >>> causal_diagram().nodes["short_calf"].variables
    ()
    >>> causal_diagram("causal-diagram-2026-11.toml").core
    ()
    """
    if path is None:
        return _shipped(FILE)
    path = as_path(path, "A causal diagram")
    named = path.parent == Path() and path.stem.startswith(Path(FILE).stem)
    if named and not path.is_file() and (shipped("datasets") / path.name).is_file():
        return _shipped(path.name)
    refuse_special_file(path)
    return _parse(path, path.read_bytes() if path.is_file() else b"")


@lru_cache(maxsize=8)
def _shipped(name: str) -> Diagram:
    path = shipped("datasets") / name
    return _parse(path, path.read_bytes())


@lru_cache(maxsize=8)
def _parse(path: Path, content: bytes) -> Diagram:  # noqa: ARG001
    """Validate a file and make its diagram, once for each content."""
    written = read_toml(path, _Written)
    problems = list(_problems(written))
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise DatasetError(f"The causal diagram '{path.name}' cannot be used. Correct the file:\n{listed}")
    nodes = {n: Node(n, w.label, w.variables, w.note, w.earlier) for n, w in written.nodes.items()}
    arrows = tuple(
        Arrow(group.cause, effect, group.reason, group.sources, group.ground)
        for group in written.arrows
        for effect in group.effects
    )
    core = CORE if written.core is None else written.core
    return Diagram(written.title, nodes, arrows, core, dict(written.without))


def _problems(written: _Written) -> Iterator[str]:
    named = [name for group in written.arrows for name in (group.cause, *group.effects)]
    yield from unknown_words("an arrow names an unknown node", named, written.nodes)
    named = [*(written.core or ()), *(n.earlier for n in written.nodes.values() if n.earlier)]
    yield from unknown_words("`core` or `earlier` names an unknown node", named, written.nodes)
    drawn = Counter((group.cause, effect) for group in written.arrows for effect in group.effects)
    yield from (f"the arrow {a} → {b} is repeated ({n} times)" for (a, b), n in drawn.items() if n > 1)
    measured = Counter(variable for node in written.nodes.values() for variable in node.variables)
    yield from (
        f"the variable '{v}' measures {n} nodes; keep it in one of them" for v, n in measured.items() if n > 1
    )
    for finding in dict.fromkeys(finding for group in written.arrows for finding in group.evidence):
        if citation_of(finding) is None:
            yield f"unknown published finding '{finding}'; use citation = \"...\" instead"
    yield from unknown_words("`without` names neither age nor sex but", written.without, REQUIRED)
    yield from _missing_nodes(written.nodes, written.without)
    yield from _cycles(drawn)


def _missing_nodes(nodes: Mapping[str, Any], without: Mapping[str, str]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in nodes and not without.get(name):
            yield (
                f"unknown node '{name}'. Add [nodes.{name}] and its arrows, or state the reason: "
                f'without = {{ {name} = "..." }}, such as without = {{ sex = "men only" }}'
            )


def _cycles(drawn: Mapping[tuple[str, str], int]) -> Iterator[str]:
    import networkx as nx

    graph = nx.DiGraph(list(drawn))
    if not nx.is_directed_acyclic_graph(graph):
        cycle = [cause for cause, _ in nx.find_cycle(graph)]
        yield (
            f"the arrows form a cycle: {' → '.join([*cycle, cycle[0]])}. Represent feedback by one node for "
            "each point in time"
        )
