"""Read and check a causal diagram: what is thought to cause what, with the reason of each arrow.

Takes `datasets/causal-diagram.toml` or a file of the user's own; gives the frozen record `Diagram`. Every
problem of a file is told at once, unknown words with the nearest known ones.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import polars as pl

from toolkit.catalog import read_toml, shipped
from toolkit.causes.evidence import citation_of
from toolkit.errors import DatasetError, VariableError, unknown
from toolkit.result import EDGES_SCHEMA
from toolkit.survey_records import Checked

FILE = "causal-diagram.toml"


class _WrittenNode(Checked):
    label: str
    variables: tuple[str, ...] = ()
    note: str = ""


class _WrittenArrows(Checked):
    """Arrows from one node to others, with one reason (the keys of causal-diagram.toml)."""

    cause: str
    effects: tuple[str, ...]
    reason: str
    evidence: tuple[str, ...] = ()
    citation: str = ""


class _Written(Checked):
    title: str
    nodes: Mapping[str, _WrittenNode]
    arrows: tuple[_WrittenArrows, ...]


@dataclass(frozen=True)
class Node:
    """Something that causes or is caused: its name, label, the variables that measure it, and a note."""

    name: str
    label: str
    variables: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Arrow:
    """One node causes another: why that is thought, and who published it ("" for an assumption)."""

    cause: str
    effect: str
    reason: str
    citation: str = ""


@dataclass(frozen=True)
class Diagram:
    """Nodes and arrows without a circle.

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

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for arrow in self.arrows:
            found[arrow.cause].append(arrow.effect)
        return found

    @cached_property
    def _parents(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for arrow in self.arrows:
            found[arrow.effect].append(arrow.cause)
        return found

    def frame(self) -> pl.DataFrame:
        """Give the arrows as a frame: cause and effect with labels, reason, citation; no roles."""
        rows = [
            {
                **asdict(arrow),
                "cause_label": self.nodes[arrow.cause].label,
                "effect_label": self.nodes[arrow.effect].label,
            }
            for arrow in self.arrows
        ]
        return pl.DataFrame(rows, EDGES_SCHEMA)

    def children(self, name: str) -> tuple[str, ...]:
        """Name what a node causes directly."""
        return tuple(self._children[name])

    def parents(self, name: str) -> tuple[str, ...]:
        """Name what causes a node directly."""
        return tuple(self._parents[name])

    def descendants(self, name: str) -> frozenset[str]:
        """Name all that follows from a node, without itself."""
        return _reached(self._children, name)

    def ancestors(self, name: str) -> frozenset[str]:
        """Name all that a node follows from, without itself."""
        return _reached(self._parents, name)

    def node_of(self, variable: str) -> str | None:
        """Name the node that a variable measures, or that has its name; None if there is none."""
        measured = (node.name for node in self.nodes.values() if variable in node.variables)
        return next(measured, variable if variable in self.nodes else None)

    def expect(self, variable: str) -> str:
        """Name the node of a variable, or raise a VariableError with the nearest."""
        found = self.node_of(variable)
        if found is None:
            known = [name for node in self.nodes.values() for name in node.variables]
            raise VariableError(
                unknown(
                    "the causal diagram has no node for",
                    variable,
                    known,
                    "Say what to adjust for, adjust=('age', 'sex'), or give a diagram of your own: "
                    "diagram='mine.toml'",
                )
            )
        return found


def causal_diagram(path: str | Path | None = None) -> Diagram:
    """Read a causal diagram.

    Parameters
    ----------
    path
        A TOML file laid out like `datasets/causal-diagram.toml`; None for the toolkit's own diagram.

    Returns
    -------
    Diagram
        Nodes with the variables that measure them, and arrows with reason and citation.

    Raises
    ------
    DatasetError
        Every problem of the file at once: unknown keys and nodes, circles, a variable of two nodes.

    Examples
    --------
    >>> causal_diagram().nodes["short_calf"].variables
    ()
    """
    return _shipped() if path is None else _read(Path(path))


@cache
def _shipped() -> Diagram:
    return _read(shipped("datasets") / FILE)


def _read(path: Path) -> Diagram:
    written = read_toml(path, _Written)
    problems = list(_problems(written))
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise DatasetError(f"the causal diagram '{path.name}' cannot be used. Mend the file:\n{listed}")
    nodes = {n: Node(n, node.label, node.variables, node.note) for n, node in written.nodes.items()}
    arrows = tuple(
        Arrow(group.cause, effect, group.reason, _citation(group))
        for group in written.arrows
        for effect in group.effects
    )
    return Diagram(written.title, nodes, arrows)


def _problems(written: _Written) -> Iterator[str]:
    named = [name for group in written.arrows for name in (group.cause, *group.effects)]
    for name in dict.fromkeys(named):
        if name not in written.nodes:
            yield unknown("an arrow names a node that is not there,", name, written.nodes)
    drawn = Counter((group.cause, effect) for group in written.arrows for effect in group.effects)
    yield from (f"the arrow {a} → {b} stands there {n} times" for (a, b), n in drawn.items() if n > 1)
    measured = Counter(variable for node in written.nodes.values() for variable in node.variables)
    yield from (
        f"the variable '{v}' measures {n} nodes; leave it in one" for v, n in measured.items() if n > 1
    )
    for finding in dict.fromkeys(finding for group in written.arrows for finding in group.evidence):
        if citation_of(finding) is None:
            yield f"there is no published finding '{finding}'; write citation = \"...\" instead"
    yield from _circle(drawn)


def _circle(drawn: Iterable[tuple[str, str]]) -> Iterator[str]:
    causes: dict[str, set[str]] = {}
    for cause, effect in drawn:
        causes.setdefault(effect, set()).add(cause)
    try:
        TopologicalSorter(causes).prepare()
    except CycleError as error:
        way = " → ".join(error.args[1])
        yield f"the arrows run in a circle: {way}. What causes itself over time needs a node for each time"


def _citation(group: _WrittenArrows) -> str:
    return "; ".join(
        filter(None, [*(citation_of(finding) or "" for finding in group.evidence), group.citation])
    )


def _reached(step: Mapping[str, list[str]], start: str) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(step[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += step[name]
    return frozenset(found)
