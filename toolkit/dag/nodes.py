"""Match a study's variables to the nodes of a causal diagram, and find which nodes the study measures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.dag.backdoor import NoAdjustmentSetError
from toolkit.dag.diagram import Diagram, Node, causal_diagram
from toolkit.errors import ToolkitError, nearest
from toolkit.files.cache import compute_once
from toolkit.studies import Study, describe_column
from toolkit.variables import Variable, conditions

Diagrams = Diagram | str | Path | None
# A variable that a smaller share of the participants has would exclude too many of them from the analysis.
LEAST_SHARE = 0.75
AGE, CYCLE = "age", "cycle"


@dataclass(frozen=True)
class Measurement:
    """The variable that measures a node ("" if none is usable), whether it is constant, and why none is."""

    variable: str = ""
    constant: bool = False
    gap: str = ""


class StudyNodes:
    """The nodes that the variables of a study measure in one diagram."""

    def __init__(self, study: Study, diagram: Diagram, *, by_name: bool) -> None:
        diagram.require_age_and_sex()
        # Without a reference to the study, which keeps this object.
        self.diagram, self.people, self.entries = diagram, study.people, study.codebook.variables
        self._by_name = by_name
        self._node_of: dict[str, str | None] = {}
        self._measured: dict[tuple[tuple[str, str], str], dict[str, Measurement]] = {}

    def node_of(self, name: str) -> str | None:
        """Return a variable's node: the declared one, the diagram's, or that which all its inputs share."""
        if name not in self._node_of:
            self._node_of[name] = self._find_node(name)
        return self._node_of[name]

    def match(self, names: Iterable[str]) -> list[str | None]:
        """Return the node of each variable."""
        return [self.node_of(name) for name in names]

    def _find_node(self, name: str) -> str | None:
        entry = self.entries.get(name)
        if entry is not None and entry.node:
            return self.diagram.expect_node(entry.node, f"node='{entry.node}' of '{name}'")
        known = self.diagram.node_by_variable.get(name)
        if known is not None and (self._by_name or not self.is_unmatched(name)):
            return known
        nodes = {self.node_of(source) for source in (entry.inputs if entry else ()) if source != name}
        return nodes.pop() if len(nodes) == 1 else None

    def is_unmatched(self, name: str) -> bool:
        """Whether a variable is a user's column without a codebook entry; its name alone is not evidence."""
        entry = self.entries.get(name)
        if entry is None or entry.component or entry.label != name or name not in self.people.columns:
            return False
        return entry == describe_column(self.people, name, ordered=entry.ordered)

    def require_node(self, name: str, ends: tuple[str, str]) -> str:
        """Return a variable's node, or raise an error that offers the declaration and the core set."""
        node = self.node_of(name)
        if node is not None:
            return node
        entry = self.entries.get(name)
        sources = {source: self.node_of(source) for source in (entry.inputs if entry else ())}
        what, match = "", ""
        if self.is_unmatched(name):
            what = ", which is a column of your own"
            match = ", match columns to the codebook with tk.study(frame, ..., codebook='toolkit')"
        elif sources:
            listed = " and ".join(f"'{source}' ({node or 'no node'})" for source, node in sources.items())
            what = f", which is derived from {listed}"
        known = self.diagram.node_by_variable
        example = next(filter(None, [known.get(name), *sources.values()]), "body_mass")
        near = nearest(name, known)
        raise NoAdjustmentSetError(
            f"The causal diagram has no node for '{name}'{what}.",
            f"{f'Did you mean {near}? ' if near else ''}Declare its node with "
            f"study.derive('{name}', ..., node='{example}') or node = \"{example}\" in study.toml{match}, "
            f"supply your own diagram, diagram='mine.toml', or name the covariates, such as the core set of "
            f"Model 1: adjust={self.list_core(ends)}.",
        )

    def list_core(self, ends: Sequence[str]) -> tuple[str, ...]:
        """Return the covariates of Model 1 that the study measures: age, sex, race, education, income."""
        nodes = [self.diagram.nodes[name] for name in self.diagram.core if name in self.diagram.nodes]
        usable = [v for v in self.people.columns if v not in ends]
        found = [next((v for v in node.variables if v in usable), None) for node in nodes]
        return self.terms_of([name for name in found if name])

    def terms_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return covariates as they enter a model: age in years as a restricted cubic spline."""
        ages = {name for name, node in self.diagram.node_by_variable.items() if node == AGE}
        splines = {name for name in ages & self.entries.keys() if self.entries[name].kind == "number"}
        return tuple(f"rcs({name}, 4)" if name in splines else name for name in names)

    @cached_property
    def variables(self) -> dict[str, list[str]]:
        """The study's variables of each node: those that the diagram lists, then those declared."""
        declared = {name: entry.node for name, entry in self.entries.items() if entry.node}
        columns, found = set(self.people.columns), {}
        for node in self.diagram.nodes.values():
            listed = node.variables or (node.name,)
            names = dict.fromkeys([*listed, *(name for name, own in declared.items() if own == node.name)])
            found[node.name] = [n for n in names if n in columns and self.node_of(n) == node.name]
        return found

    def measure(self, ends: tuple[str, str], domain: str) -> dict[str, Measurement]:
        """Find the variable that measures each node among the participants with outcome and exposure."""
        if (ends, domain) not in self._measured:
            self._measured[ends, domain] = self._measure(ends, domain)
        return self._measured[ends, domain]

    def _measure(self, ends: tuple[str, str], domain: str) -> dict[str, Measurement]:
        condition = conditions.parse(domain)
        people = self.people.filter(condition.expression(self.people.schema)) if domain else self.people
        names = list(dict.fromkeys(name for own in self.variables.values() for name in own))
        counts = _count_values(people.drop_nulls(list(ends)), names)
        return {
            node: self._measure_node(self.diagram.nodes[node], own, counts)
            for node, own in self.variables.items()
        }

    def _measure_node(self, node: Node, names: list[str], counts: Mapping[str, Any]) -> Measurement:
        direct, everyone = [name for name in names if not _is_proxy(self.entries.get(name))], counts[""]
        shares = {name: counts[name] / everyone if everyone else 0.0 for name in direct}
        chosen = next((name for name in direct if shares[name] >= LEAST_SHARE), None)
        if chosen:
            return Measurement(chosen, constant=not counts[f"{chosen} varies"])
        most = max(shares.values(), default=0.0)
        if most:
            return Measurement(gap=f"known for {100 * most:.0f}% of the participants")
        if names:
            return Measurement(
                gap="not measured among these participants" if direct else "measured only by a proxy"
            )
        absent = "not measured in this study" if node.variables else "not in the codebook of this study"
        return Measurement(gap=node.note or absent)


def _count_values(people: pl.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Count the participants (under ""), those with a value of each variable, and whether values differ."""
    known = [pl.col(name).count() for name in names]
    differ = [(pl.col(name).min() != pl.col(name).max()).alias(f"{name} varies") for name in names]
    return people.select(pl.len().alias(""), *known, *differ).row(0, named=True)


def _is_proxy(entry: Variable | None) -> bool:
    """Whether a study measures a variable only by a proxy, such as a disease by its drugs."""
    statuses = {a.status for a in entry.availability} if entry else set()
    return "proxy" in statuses and "measured" not in statuses


def nodes_of(study: Study, diagram: Diagrams) -> StudyNodes:
    """Return the nodes of a study's variables, found once for each diagram."""
    # The name of a user's column does not say what it measures, unless the diagram is the user's too.
    by_name = diagram is not None
    drawn = diagram if isinstance(diagram, Diagram) else causal_diagram(diagram)
    return compute_once(study.computed, (drawn, by_name), lambda: StudyNodes(study, drawn, by_name=by_name))


def contributing_cycles(
    study: Study, nodes: StudyNodes, names: Sequence[str], domain: str
) -> tuple[str, ...]:
    """Name the survey cycles that contribute to an analysis: those of its weight, if cycles have weights."""
    try:
        weighted = study.weight_for(names, domain).cycles
    except ToolkitError:  # The analysis itself reports that no weight covers its variables.
        weighted = ()
    people = study.people
    if weighted or CYCLE not in people.columns or nodes.is_unmatched(CYCLE):
        return weighted
    # Otherwise those in which someone has a value of every variable, within a condition on the cycle.
    condition = conditions.parse(domain)
    if CYCLE in condition.names:
        people = people.filter(condition.expression(people.schema))
    needed = [name for name in dict.fromkeys(names) if name in people.columns and name != CYCLE]
    found = people.group_by(CYCLE).agg((pl.col(name).count() > 0).alias(name) for name in needed)
    complete = found.filter(pl.all_horizontal(needed)) if needed else found
    return tuple(sorted(complete[CYCLE].cast(pl.String).drop_nulls()))
