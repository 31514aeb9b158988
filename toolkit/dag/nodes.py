"""Find the nodes of a study's variables in a causal diagram, and the variables that measure its nodes.

The choice among the measured nodes is in `adjustment`.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from toolkit.dag.diagram import Diagram, causal_diagram
from toolkit.errors import ToolkitError, VariableError, nearest
from toolkit.estimate.per_study import PerStudy
from toolkit.studies.study import Study
from toolkit.variables import conditions
from toolkit.variables.codebook import Variable

Diagrams = Diagram | str | Path | None
# A variable that fewer of the participants have would exclude too many of them from the analysis.
LEAST_SHARE = 0.75
AGE, CYCLE = "age", "cycle"
PROXY = -1.0
CONSTANT = -2.0


class Places:
    """The nodes of a study's variables in a diagram."""

    def __init__(self, study: Study, diagram: Diagrams) -> None:
        self.study = study
        self.diagram = diagram if isinstance(diagram, Diagram) else causal_diagram(diagram)
        self.diagram.require_age_and_sex()
        # A name alone does not say what a column of one's own is, unless the diagram is one's own too.
        self.by_name = diagram is not None

    def node_of(self, name: str) -> str | None:
        """Name a variable's node: as declared, as the diagram says, or that of all its inputs."""
        entry = self.study.codebook.variables.get(name)
        if entry is not None and entry.node:
            return self.diagram.expect_node(entry.node, f"node='{entry.node}' of '{name}'")
        known = self.diagram.node_of(name)
        if known is not None and (self.by_name or not _unmatched(self.study, name)):
            return known
        nodes = {self.node_of(source) for source in (entry.inputs if entry else ()) if source != name}
        return nodes.pop() if len(nodes) == 1 else None

    def expect(self, name: str, ends: tuple[str, str]) -> str:
        """Name a variable's node, or raise an error that offers the mapping and the core set."""
        self.study.variable(name)
        found = self.node_of(name)
        if found is None:
            raise VariableError(self._unplaced(name, ends))
        return found

    def _unplaced(self, name: str, ends: tuple[str, str]) -> str:
        entry = self.study.codebook.variables.get(name)
        what, more = "", ""
        if _unmatched(self.study, name):
            what = ", which is a column of your own"
            more = ", match columns to the codebook by tk.study(frame, ..., codebook='toolkit')"
        elif entry is not None and entry.inputs:
            placed = [f"'{source}' ({self.node_of(source) or 'no node'})" for source in entry.inputs]
            what = f", which is derived from {' and '.join(placed)}"
        inputs = [self.node_of(source) for source in (entry.inputs if entry else ())]
        example = next(filter(None, [self.diagram.node_of(name), *inputs]), "body_mass")
        near = nearest(name, [*self.diagram.nodes, *self.diagram.measured_names()])
        return (
            f"The causal diagram has no node for '{name}'{what}.{f' Nearest: {near}.' if near else ''} "
            f"Declare its node, study.derive('{name}', ..., node='{example}') or node = \"{example}\" in "
            f"study.toml{more}, give a diagram of your own, diagram='mine.toml', or state the covariates, "
            f"such as the core set of Model 1: adjust={self._core(ends)}."
        )

    def _core(self, ends: tuple[str, str]) -> tuple[str, ...]:
        """Name the core covariates that the study has, ready for `adjust=`."""
        nodes = [self.diagram.nodes[name] for name in self.diagram.core if name in self.diagram.nodes]
        held = [v for v in self.study.people.columns if v not in ends]
        found = [next((v for v in node.variables if v in held), None) for node in nodes]
        return tuple(term_of(self.study, self.diagram, name) for name in found if name)


_without_entry: PerStudy[str, bool] = PerStudy()
# The diagram is kept beside its nodes, so that its id stays its own.
_by_diagram: PerStudy[tuple[int, bool], tuple[Diagram, dict[str, list[str]]]] = PerStudy()


def _unmatched(study: Study, name: str) -> bool:
    """Tell whether a variable is a column that no codebook describes: a name alone says not what it is."""
    kept = _without_entry.of(study)
    if name not in kept:
        entry: Variable | None = study.codebook.variables.get(name)
        if entry is None or name not in study.people.columns:
            kept[name] = False
        else:
            kept[name] = entry == Variable.of_column(study.people[name], ordered=entry.ordered)
    return kept[name]


def _variables_of_nodes(places: Places) -> dict[str, list[str]]:
    """Name the variables of a study that measure each node: the diagram's, then those declared to."""
    kept, key = _by_diagram.of(places.study), (id(places.diagram), places.by_name)
    if key not in kept:
        declared = {name: entry.node for name, entry in places.study.codebook.items() if entry.node}
        of_nodes = {node: _variables(places, node, declared) for node in places.diagram.nodes}
        kept[key] = (places.diagram, of_nodes)
    return kept[key][1]


def measured_nodes(
    places: Places, ends: tuple[str, str], domain: str
) -> tuple[dict[str, str], dict[str, float]]:
    """Find the variable that measures each node, and the share of the participants who have a value."""
    study = places.study
    of_nodes = _variables_of_nodes(places)
    condition = conditions.parse(domain)
    needed = dict.fromkeys([*ends, *condition.names, *(v for own in of_nodes.values() for v in own)])
    columns = set(study.people.columns)
    people = study.people.select(name for name in needed if name in columns)
    if domain:
        people = people.filter(condition.expression(people.schema))
    people = people.drop_nulls(list(ends))
    shares: dict[str, float] = {}
    found: dict[str, str] = {}
    for node, names in of_nodes.items():
        for name in names:
            share = people[name].count() / people.height if people.height else 0.0
            if _proxy(study.codebook.variables.get(name)):
                shares.setdefault(node, PROXY)
                continue
            if node not in found:
                shares[node] = max(share, shares.get(node, 0.0))
            if share >= LEAST_SHARE and node not in found:
                found[node] = name
                shares[node] = share if _varies(people[name]) else CONSTANT
    return found, shares


def _variables(places: Places, node: str, declared: Mapping[str, str]) -> list[str]:
    study = places.study
    listed = places.diagram.nodes[node].variables or (node,)
    further = [name for name, own in declared.items() if own == node]
    names = [name for name in dict.fromkeys([*listed, *further]) if name in study.people.columns]
    return [name for name in names if places.node_of(name) == node]


def _varies(values: pl.Series) -> bool:
    return values.drop_nulls().n_unique() > 1


def _proxy(entry: Variable | None) -> bool:
    """Tell whether a study knows a variable by a proxy alone, such as a disease by its drugs."""
    statuses = {a.status for a in entry.availability} if entry else set()
    return "proxy" in statuses and "measured" not in statuses


def contributing_cycles(study: Study, names: Iterable[str], domain: str) -> tuple[str, ...]:
    """Name the survey cycles that contribute to an analysis: those of its weight, if cycles have weights."""
    names = tuple(names)
    try:
        weighted = study.weight_for(names, domain).cycles
    except ToolkitError:  # The analysis itself says that no weight covers its variables.
        weighted = ()
    return weighted or _cycles_with_values(study, names, domain)


def _cycles_with_values(study: Study, names: tuple[str, ...], domain: str) -> tuple[str, ...]:
    """Name the cycles in which somebody has a value of every variable, within a condition on the cycle."""
    people = study.people
    if CYCLE not in people.columns or _unmatched(study, CYCLE):
        return ()
    condition = conditions.parse(domain)
    if CYCLE in condition.names:
        people = people.filter(condition.expression(people.schema))
    needed = [name for name in dict.fromkeys(names) if name in people.columns and name != CYCLE]
    found = people.select(CYCLE, *needed).group_by(CYCLE).agg(pl.col(needed).count() > 0)
    complete = found.filter(pl.all_horizontal(needed)) if needed else found
    return tuple(sorted(complete[CYCLE].cast(pl.String).drop_nulls()))


def term_of(study: Study, diagram: Diagram, name: str) -> str:
    """Let age enter as a restricted cubic spline, and every other covariate as it is."""
    entry = study.codebook.variables.get(name)
    continuous = entry is not None and entry.kind == "number"
    return f"rcs({name}, 4)" if continuous and diagram.node_of(name) == AGE else name
