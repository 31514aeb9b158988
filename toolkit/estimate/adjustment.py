"""Say what an association is adjusted for: the names given, or those that the causal diagram chooses.

Takes a study, an outcome and an exposure; gives names of variables, and the record `Adjustment` that explains
the choice in a sentence and as a frame of arrows. The criterion itself is in `graph`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from toolkit import domain as conditions
from toolkit.codebook import Variable
from toolkit.diagram import Arrow, Diagram, causal_diagram
from toolkit.errors import VariableError
from toolkit.estimate.names import Names, as_names
from toolkit.graph import Choice, between, choose, harm
from toolkit.result import EDGES_SCHEMA
from toolkit.studies import Study

# A variable that fewer of the people have would leave too many of them out of the analysis.
LEAST_SHARE = 0.75
_PROXY = -1.0
_NOWHERE = "no study here measures it"


@dataclass(frozen=True)
class Unmeasured:
    """What would have to be adjusted for and cannot be: what, why not, and a path that it leaves open."""

    label: str
    reason: str
    path: str


@dataclass(frozen=True)
class Adjustment:
    """What to adjust for, and why; prints as a sentence.

    Attributes
    ----------
    outcome, exposure
        Variables of the study.
    variables
        A minimal set of the study's variables for the total effect of the exposure.
    unmeasured
        What remains as a source of confounding; () if the set closes every back-door path.
    edges
        The arrows among exposure, outcome, what is adjusted for or should be, and what lies between.
    """

    outcome: str
    exposure: str
    variables: tuple[str, ...]
    unmeasured: tuple[Unmeasured, ...]
    labels: tuple[str, ...] = field(repr=False)
    edges: pl.DataFrame = field(repr=False, compare=False)

    @property
    def sufficient(self) -> bool:
        """Whether every back-door path of the diagram is closed."""
        return not self.unmeasured

    @property
    def summary(self) -> str:
        """What is adjusted for and whether that suffices, in a sentence."""
        named = _and(self.labels) if self.labels else "nothing"
        if self.sufficient:
            closed = "which closes every back-door path" if self.labels else "as there is no back-door path"
            return f"By the causal diagram, adjusted for {named}, {closed} from exposure to outcome."
        return (
            f"By the causal diagram, adjusted for {named}. No set of variables that this study measures "
            f"closes every back-door path; confounding remains by {_and([g.label for g in self.unmeasured])}."
        )

    @property
    def left_open(self) -> tuple[str, ...]:
        """What is not measured, why not, and a path that it leaves open, each in words."""
        return tuple(f"{gap.label} ({gap.reason}): {gap.path}" for gap in self.unmeasured)

    def __str__(self) -> str:
        return f"{self.summary} Left open: {'; '.join(self.left_open)}." if self.unmeasured else self.summary


def adjustment_for(
    study: Study,
    *,
    outcome: str,
    exposure: str,
    domain: str = "",
    diagram: Diagram | str | Path | None = None,
) -> Adjustment:
    """Choose by the causal diagram what to adjust for, from what a study measures.

    Parameters
    ----------
    study
        People, design and codebook.
    outcome, exposure
        Variables that the diagram has a node for.
    domain
        A condition such as "age >= 20": what is measured, is measured among these people.
    diagram
        A `Diagram`, or the path of a file of your own laid out like datasets/causal-diagram.toml; None for
        the toolkit's.

    Returns
    -------
    Adjustment
        A minimal sufficient set for the total effect, or one that closes all that can be closed and names
        what it cannot. A variable that fewer than three in four of the people have counts as not measured.

    Raises
    ------
    VariableError
        If the diagram has no node for outcome or exposure, or the exposure follows from the outcome.

    Notes
    -----
    The back-door criterion (Pearl 1995, Biometrika 82:669-688) on the diagram as it is drawn; no test of data
    can show that it is drawn right.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> print(tk.adjustment_for(study, outcome="any_cramps", exposure="arthritis"))
    By the causal diagram, adjusted for age, sex and body mass, which closes every back-door path ...
    """
    drawn = diagram if isinstance(diagram, Diagram) else causal_diagram(diagram)
    for name in (outcome, exposure):
        study.variable(name)
        if diagram is None and _unmatched(study, name):
            raise VariableError(
                f"'{name}' is a column of your own, which the toolkit's causal diagram does not know. Say "
                f"what to adjust for, adjust=('age', 'sex'), match columns to the codebook by "
                f"tk.study(frame, ..., codebook='toolkit'), or give a diagram: diagram='mine.toml'."
            )
    measured, shares = _measured(study, drawn, (outcome, exposure), domain)
    chosen = choose(drawn, drawn.expect(exposure), drawn.expect(outcome), list(measured))
    return Adjustment(
        outcome,
        exposure,
        tuple(measured[node] for node in chosen.adjusted),
        tuple(
            Unmeasured(drawn.nodes[gap.node].label, _why(drawn, gap.node, shares), gap.path)
            for gap in chosen.gaps
        ),
        tuple(drawn.nodes[node].label for node in chosen.adjusted),
        _edges(drawn, chosen),
    )


def adjusted_names(
    study: Study,
    adjust: Names | None,
    outcome: str,
    exposure: str,
    *,
    domain: str = "",
    by: Sequence[str] = (),
    diagram: Diagram | str | Path | None = None,
    allow_descendants: bool = False,
) -> tuple[str, ...]:
    """Take what an association is adjusted for, and refuse what cannot stand there.

    Parameters
    ----------
    study, outcome, exposure, domain, diagram
        As `adjustment_for`.
    adjust
        Names; () for none; None to ask the causal diagram.
    by
        Variables within whose levels the association is estimated: the diagram's choice leaves them out.
    allow_descendants
        True to adjust for what follows from exposure or outcome, as for a direct effect.

    Raises
    ------
    VariableError
        For a name that is outcome or exposure, or that follows from one of them in the diagram, with the
        path that it would close or open.
    """
    if outcome == exposure:
        raise VariableError(f"'{outcome}' is both outcome and exposure. Name another exposure.")
    if adjust is None:
        found = adjustment_for(study, outcome=outcome, exposure=exposure, domain=domain, diagram=diagram)
        return tuple(name for name in found.variables if name not in by)
    names = as_names(adjust, "adjust")
    for name in names:
        if name in (outcome, exposure):
            raise _superfluous(name, names, outcome, exposure)
    if not allow_descendants:
        _refuse_descendants(study, names, outcome, exposure, diagram)
    return names


def _superfluous(name: str, names: tuple[str, ...], outcome: str, exposure: str) -> VariableError:
    roles = {outcome: "is the outcome", exposure: "is the exposure"}
    rest = tuple(dict.fromkeys(other for other in names if other not in roles))
    return VariableError(f"'{name}' in adjust {roles[name]}. Write what is left: adjust={rest}.")


def _refuse_descendants(
    study: Study,
    names: tuple[str, ...],
    outcome: str,
    exposure: str,
    diagram: Diagram | str | Path | None,
) -> None:
    drawn = diagram if isinstance(diagram, Diagram) else causal_diagram(diagram)
    ends = [drawn.node_of(name) for name in (exposure, outcome)]
    for name in names:
        node = drawn.node_of(name)
        if node is None or None in ends or node in ends:
            continue
        if diagram is None and any(_unmatched(study, n) for n in (name, outcome, exposure)):
            continue
        told = harm(drawn, str(ends[0]), str(ends[1]), node)
        if told:
            rest = tuple(other for other in names if other != name)
            raise VariableError(
                f"'{name}' is not adjusted for: in the causal diagram {told}. Leave it out, adjust={rest}; "
                f"or, for an effect that does not go through it, say allow_descendants=True."
            )


def _unmatched(study: Study, name: str) -> bool:
    """Tell whether a variable is a column that no codebook describes: a name alone says not what it is."""
    entry: Variable | None = study.codebook.variables.get(name)
    if entry is None or name not in study.people.columns:
        return False
    return entry == Variable.of_column(study.people[name], ordered=entry.ordered)


def _measured(
    study: Study, diagram: Diagram, ends: tuple[str, str], domain: str
) -> tuple[dict[str, str], dict[str, float]]:
    """Find the variable that measures each node, best measured first, and how many people have each."""
    inside = conditions.parse(domain).expression(study.people.schema) if domain else pl.lit(value=True)
    people = study.people.filter(inside).drop_nulls(list(ends))
    shares: dict[str, float] = {}
    found: dict[str, tuple[str, float]] = {}
    for node in diagram.nodes.values():
        for name in node.variables or (node.name,):
            if name not in people.columns:
                continue
            share = people[name].count() / people.height if people.height else 0.0
            if _proxy(study.codebook.variables.get(name)):
                shares.setdefault(node.name, _PROXY)
                continue
            shares[node.name] = max(share, shares.get(node.name, 0.0))
            if share >= LEAST_SHARE and node.name not in found:
                found[node.name] = (name, share)
    ranked = sorted(found, key=lambda node: -found[node][1])
    return {node: found[node][0] for node in ranked}, shares


def _proxy(entry: Variable | None) -> bool:
    """Tell whether a study knows a variable by a proxy alone, such as a disease by its drugs."""
    statuses = {a.status for a in entry.availability} if entry else set()
    return "proxy" in statuses and "measured" not in statuses


def _why(diagram: Diagram, name: str, shares: dict[str, float]) -> str:
    node = diagram.nodes[name]
    if shares.get(name) == _PROXY:
        return "known by a proxy alone"
    if shares.get(name) == 0:
        return "not measured among these people"
    if name in shares:
        return f"known of {100 * shares[name]:.0f} % of the people"
    return node.note or (_NOWHERE if not node.variables else "not measured in this study")


def _edges(diagram: Diagram, chosen: Choice) -> pl.DataFrame:
    lies_between = between(diagram, chosen.exposure, chosen.outcome)
    roles = {
        **dict.fromkeys(lies_between, "between"),
        **dict.fromkeys(chosen.adjusted, "adjusted"),
        **dict.fromkeys((gap.node for gap in chosen.gaps), "not measured"),
        chosen.exposure: "exposure",
        chosen.outcome: "outcome",
    }
    shown = [arrow for arrow in diagram.arrows if arrow.cause in roles and arrow.effect in roles]
    return pl.DataFrame([_edge(diagram, arrow, roles) for arrow in shown], EDGES_SCHEMA, orient="row")


def _edge(diagram: Diagram, arrow: Arrow, roles: dict[str, str]) -> dict[str, str]:
    return {
        "cause": arrow.cause,
        "effect": arrow.effect,
        "cause_label": diagram.nodes[arrow.cause].label,
        "effect_label": diagram.nodes[arrow.effect].label,
        "cause_role": roles[arrow.cause],
        "effect_role": roles[arrow.effect],
        "reason": arrow.reason,
        "citation": arrow.citation,
    }


def _and(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
