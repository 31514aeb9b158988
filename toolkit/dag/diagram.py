"""Read and validate a causal diagram: nodes, arrows with their reasons, and the core covariates.

The shipped diagram is `datasets/causal-diagram.toml`; a file of the user's own has the same form. Every
problem of a file is reported at once. The choice of an adjustment set belongs in `graph`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Literal

import polars as pl

from toolkit.causes.evidence import citation_of
from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.results import EDGES_SCHEMA
from toolkit.sources.catalog import read_toml, shipped
from toolkit.sources.catalog_records import Checked

FILE = "causal-diagram.toml"
# Never dropped from an adjustment set where a study measures them.
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


class _Written(Checked):
    title: str
    core: tuple[str, ...] | None = None
    without: Mapping[str, str] = {}
    nodes: Mapping[str, _WrittenNode]
    arrows: tuple[_WrittenArrows, ...]


@dataclass(frozen=True)
class Node:
    """A node: the variables that measure it, why none does, and the node that it precedes in time."""

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


@dataclass(frozen=True)
class Diagram:
    """A directed acyclic graph of nodes and arrows.

    Attributes
    ----------
    title, nodes, arrows
        What the file says.
    core
        Nodes that no adjustment set leaves out where a study measures them.
    without
        Why there is no node `age` or `sex`, by name.

    Examples
    --------
    >>> diagram = causal_diagram()
    >>> diagram.node_of("hba1c")
    'diabetes'
    >>> "age" in diagram.parents("diabetes")
    True
    """

    title: str
    nodes: Mapping[str, Node]
    arrows: tuple[Arrow, ...]
    core: tuple[str, ...] = CORE
    without: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def graph(self) -> Any:
        """The arrows as a networkx.DiGraph, nodes in the diagram's order."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_nodes_from(self.nodes)
        graph.add_edges_from((arrow.cause, arrow.effect) for arrow in self.arrows)
        return graph

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What was computed of this diagram before; a diagram never changes."""
        return {}

    def frame(self) -> pl.DataFrame:
        """Return the arrows as a frame: cause and effect with labels, reason, citation; no roles."""
        rows = [
            {
                "cause": arrow.cause,
                "effect": arrow.effect,
                "reason": arrow.reason,
                "citation": arrow.citation,
                "cause_label": self.nodes[arrow.cause].label,
                "effect_label": self.nodes[arrow.effect].label,
            }
            for arrow in self.arrows
        ]
        return pl.DataFrame(rows, EDGES_SCHEMA)

    def children(self, name: str) -> tuple[str, ...]:
        """Name the direct effects of a node."""
        return tuple(self.graph.successors(name))

    def parents(self, name: str) -> tuple[str, ...]:
        """Name the direct causes of a node."""
        return tuple(self.graph.predecessors(name))

    def descendants(self, name: str) -> frozenset[str]:
        """Name the descendants of a node, without itself."""
        return self._reached("descendants", name)

    def ancestors(self, name: str) -> frozenset[str]:
        """Name the ancestors of a node, without itself."""
        return self._reached("ancestors", name)

    def _reached(self, way: str, name: str) -> frozenset[str]:
        import networkx as nx

        if (way, name) not in self.kept:
            self.kept[way, name] = frozenset(getattr(nx, way)(self.graph, name))
        found: frozenset[str] = self.kept[way, name]
        return found

    @cached_property
    def _node_of(self) -> dict[str, str]:
        measured = {v: node.name for node in self.nodes.values() for v in node.variables}
        return {**{name: name for name in self.nodes}, **measured}

    def measured_names(self) -> list[str]:
        """Name every variable that measures a node."""
        return [name for node in self.nodes.values() for name in node.variables]

    def node_of(self, variable: str) -> str | None:
        """Name the node that a variable measures, or that has its name; None if there is none."""
        return self._node_of.get(variable)

    def expect_node(self, node: str, where: str) -> str:
        """Return a node's name if the diagram has it, or raise a VariableError with the nearest.

        Parameters
        ----------
        node
            The name that was declared.
        where
            What declares it, such as "study.derive('obese', ..., node=...)".
        """
        if node not in self.nodes:
            raise VariableError(unknown(f"{where}: the causal diagram has no node", node, self.nodes))
        return node

    def require_age_and_sex(self) -> None:
        """Raise a DatasetError if age or sex is missing without a reason."""
        problems = list(_lacking(self.nodes, self.without))
        if problems:
            raise DatasetError(f"The causal diagram '{self.title}' cannot be used: {'; '.join(problems)}.")


def causal_diagram(path: str | Path | None = None) -> Diagram:
    """Read a causal diagram.

    Parameters
    ----------
    path
        A TOML file of the form of `datasets/causal-diagram.toml`, or the name of one that the toolkit
        carries, such as "causal-diagram-2026-11.toml" (version 1); None for the toolkit's current diagram.

    Returns
    -------
    Diagram
        Nodes with the variables that measure them, and arrows with reason and citation.

    Raises
    ------
    DatasetError
        With every problem of the file: unknown keys and nodes, a cycle, a variable of two nodes, no node
        `age` or `sex` without a reason.

    Examples
    --------
    >>> causal_diagram().nodes["short_calf"].variables
    ()
    >>> causal_diagram("causal-diagram-2026-11.toml").core
    ()
    """
    if path is None or _is_shipped(Path(path)):
        return _shipped(FILE if path is None else str(path))
    return _read(Path(path))


def _is_shipped(path: Path) -> bool:
    named = path.parent == Path() and path.stem.startswith(Path(FILE).stem)
    return named and not path.is_file() and (shipped("datasets") / path.name).is_file()


@cache
def _shipped(name: str) -> Diagram:
    return _read(shipped("datasets") / name)


def _read(path: Path) -> Diagram:
    written = read_toml(path, _Written)
    problems = list(_problems(written))
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise DatasetError(f"The causal diagram '{path.name}' cannot be used. Correct the file:\n{listed}")
    nodes = {n: Node(n, w.label, w.variables, w.note, w.earlier) for n, w in written.nodes.items()}
    arrows = tuple(
        Arrow(group.cause, effect, group.reason, _citation(group), group.ground)
        for group in written.arrows
        for effect in group.effects
    )
    core = CORE if written.core is None else written.core
    return Diagram(written.title, nodes, arrows, core, dict(written.without))


def _problems(written: _Written) -> Iterator[str]:
    named = [name for group in written.arrows for name in (group.cause, *group.effects)]
    for name in dict.fromkeys(named):
        if name not in written.nodes:
            yield unknown("an arrow names an unknown node", name, written.nodes)
    for name in [*(written.core or ()), *(n.earlier for n in written.nodes.values() if n.earlier)]:
        if name not in written.nodes:
            yield unknown("`core` or `earlier` names an unknown node", name, written.nodes)
    drawn = Counter((group.cause, effect) for group in written.arrows for effect in group.effects)
    yield from (f"the arrow {a} → {b} is repeated ({n} times)" for (a, b), n in drawn.items() if n > 1)
    measured = Counter(variable for node in written.nodes.values() for variable in node.variables)
    yield from (
        f"the variable '{v}' measures {n} nodes; leave it in one" for v, n in measured.items() if n > 1
    )
    for finding in dict.fromkeys(finding for group in written.arrows for finding in group.evidence):
        if citation_of(finding) is None:
            yield f"there is no published finding '{finding}'; use citation = \"...\" instead"
    for name in written.without:
        if name not in REQUIRED:
            yield unknown("`without` names neither age nor sex but", name, REQUIRED)
    yield from _lacking(written.nodes, written.without)
    yield from _cycle(drawn)


def _lacking(nodes: Mapping[str, Any], without: Mapping[str, str]) -> Iterator[str]:
    for name in REQUIRED:
        if name not in nodes and not without.get(name):
            yield (
                f"there is no node '{name}'. Add [nodes.{name}] and its arrows, or state the reason: "
                f'without = {{ {name} = "..." }}, such as without = {{ sex = "men only" }}'
            )


def _cycle(drawn: Iterable[tuple[str, str]]) -> Iterator[str]:
    causes: dict[str, set[str]] = {}
    for cause, effect in drawn:
        causes.setdefault(effect, set()).add(cause)
    try:
        TopologicalSorter(causes).prepare()
    except CycleError as error:
        way = " → ".join(error.args[1])
        yield f"the arrows form a cycle: {way}. Resolve feedback by a node for each point in time"


def _citation(group: _WrittenArrows) -> str:
    return "; ".join(
        filter(None, [*(citation_of(finding) or "" for finding in group.evidence), group.citation])
    )
