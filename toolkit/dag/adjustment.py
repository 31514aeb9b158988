"""Choose and check the covariates of an analysis: those given, or a set of the causal diagram.

The record `Adjustment` explains a choice in sentences and as a frame of arrows. The back-door criterion is
in `graph`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from toolkit.dag.backdoor import SIZES, Choice, Size, between, choose, harm
from toolkit.dag.diagram import Arrow, Diagram
from toolkit.dag.nodes import (
    CONSTANT,
    CYCLE,
    PROXY,
    Diagrams,
    Places,
    contributing_cycles,
    measured_nodes,
    term_of,
)
from toolkit.errors import VariableError, unknown
from toolkit.estimate.per_study import PerStudy
from toolkit.results import EDGES_SCHEMA, variables_of
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_covariates

# How many unmeasured confounders a sentence names.
_NAMED = 3
_NOWHERE = "no study here measures it"


@dataclass(frozen=True)
class Unmeasured:
    """An unmeasured confounder: label, why it is not measured, and a path that it leaves open.

    `reverse` is True where the outcome of earlier times affects the exposure.
    """

    label: str
    reason: str
    path: str
    reverse: bool = False


@dataclass(frozen=True)
class Adjustment:
    """An adjustment set with its grounds; prints as sentences.

    Attributes
    ----------
    outcome, exposure
        Variables of the study.
    variables
        The covariates, as names.
    terms
        The covariates as they enter a model, age as "rcs(age, 4)": what `adjust=` takes.
    size
        "small", "full" or "core", as `adjustment_for` says.
    unmeasured
        Confounders that are not measured, the most important first.
    not_measured
        Labels of core covariates that the study does not measure.
    constant
        Labels of covariates that were left out because they do not vary.
    edges
        The arrows among exposure, outcome, covariates, unmeasured confounders and mediators.
    """

    outcome: str
    exposure: str
    variables: tuple[str, ...]
    terms: tuple[str, ...]
    size: Size
    unmeasured: tuple[Unmeasured, ...]
    not_measured: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    exposure_label: str = field(default="", repr=False)
    labels: tuple[str, ...] = field(default=(), repr=False)
    edges: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False, compare=False)

    @property
    def sufficient(self) -> bool:
        """Whether the diagram has no unmeasured confounder beside the set; a core set does not claim it."""
        return not self.unmeasured and self.size != "core"

    @property
    def summary(self) -> str:
        """The set, the unmeasured confounders and reverse causation, in sentences."""
        return " ".join(filter(None, [self._adjusted(), self._remaining(), *self._remarks()]))

    @property
    def left_open(self) -> tuple[str, ...]:
        """Each unmeasured confounder with the reason and a path that it leaves open."""
        return tuple(f"{gap.label} ({gap.reason}): {gap.path}" for gap in self.unmeasured)

    def _adjusted(self) -> str:
        if not self.labels:
            return "Adjusted for no covariate."
        model = " (Model 1, the core covariates)" if self.size == "core" else ""
        return f"Adjusted for {_and(self.labels)}{model}."

    def _remaining(self) -> str:
        if self.size == "core" and not self.unmeasured:
            return ""
        start = "By this diagram, whose missing arrows are assumptions too, "
        if not self.unmeasured:
            return f"{start}no further confounder is known; what the diagram omits may still confound."
        named = [gap.label for gap in self.unmeasured[:_NAMED]]
        more = len(self.unmeasured) - len(named)
        others = [f"{more} other unmeasured factor{'s' if more > 1 else ''}"] if more else []
        return f"{start}residual confounding by {_and([*named, *others])} remains."

    def _remarks(self) -> list[str]:
        reverse = [gap.label for gap in self.unmeasured if gap.reverse]
        return [
            f"Reverse causation is possible, because {_and(reverse)} may have changed {self.exposure_label}."
            if reverse
            else "",
            f"Not measured in this study: {_and(self.not_measured)}." if self.not_measured else "",
            f"Left out because all participants have the same value: {_and(self.constant)}."
            if self.constant
            else "",
        ]

    def __str__(self) -> str:
        return f"{self.summary} Left open: {'; '.join(self.left_open)}." if self.unmeasured else self.summary


def adjustment_for(
    study: Study,
    *,
    outcome: str,
    exposure: str,
    size: Size = "small",
    domain: str = "",
    diagram: Diagrams = None,
) -> Adjustment:
    """Choose an adjustment set by the causal diagram, from what a study measures.

    Parameters
    ----------
    study
        People, design and codebook.
    outcome, exposure
        Variables with a node in the diagram: by name, by `node=` of `study.derive` or study.toml, or derived
        from variables of one node.
    size
        "small" (what every `adjust=None` means): age, sex, race/ethnicity, education and income, which are
        never dropped, and the measured confounders that the back-door criterion needs. "full": every measured
        confounder. "core" (Model 1): age, sex, race/ethnicity, education and income alone. A core covariate
        that is the exposure or follows from it is left out. The survey cycle is in every set where several
        contribute.
    domain
        A condition such as "age >= 20": what is measured, is measured among these participants.
    diagram
        A `Diagram`, or the path of a file of the form of datasets/causal-diagram.toml; None for the
        toolkit's.

    Returns
    -------
    Adjustment
        The set and the unmeasured confounders. A variable that fewer than three in four of the participants
        with outcome and exposure have counts as not measured.

    Raises
    ------
    VariableError
        If outcome or exposure has no node, the exposure follows from the outcome, or the size is unknown.
    DatasetError
        If the diagram cannot be used.

    Notes
    -----
    The back-door criterion (Pearl 1995, Biometrika 82:669-688) on the diagram as it is drawn. Its arrows, and
    those it lacks, are assumptions that no data can test. Mediators, colliders and other consequences of
    exposure or outcome never enter.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> print(tk.adjustment_for(study, outcome="any_cramps", exposure="arthritis", size="core"))
    Adjusted for age, sex, race/ethnicity, education and survey cycle (Model 1, the core covariates)...
    """
    if size not in SIZES:
        raise VariableError(unknown("There is no adjustment set", str(size), SIZES))
    places = Places(study, diagram)
    key = (id(places.diagram), outcome, exposure, domain, size)
    kept = _kept.of(study)
    if key not in kept:
        kept[key] = (places.diagram, _chosen(places, (outcome, exposure), domain, size))
    return kept[key][1]


# The diagram is kept beside the choice, so that its id stays its own.
_kept: PerStudy[tuple[int, str, str, str, str], tuple[Diagram, Adjustment]] = PerStudy()


def _chosen(places: "Places", ends: tuple[str, str], domain: str, size: Size) -> Adjustment:
    outcome, exposure = ends
    drawn = places.diagram
    end, start = places.expect(outcome, ends), places.expect(exposure, ends)
    measured, shares = measured_nodes(places, ends, domain)
    usable = {node: name for node, name in measured.items() if shares[node] != CONSTANT}
    chosen = choose(drawn, start, end, measured, size)
    variables = [usable[node] for node in chosen.adjusted if node in usable]
    labels = [drawn.nodes[node].label for node in chosen.adjusted if node in usable]
    if len(contributing_cycles(places.study, [*ends, *variables], domain)) > 1:
        variables, labels = [*variables, CYCLE], [*labels, "survey cycle"]
    return Adjustment(
        outcome,
        exposure,
        tuple(variables),
        tuple(term_of(places.study, drawn, name) for name in variables),
        size,
        tuple(
            Unmeasured(drawn.nodes[g.node].label, _why(drawn, g.node, shares), g.path, g.reverse)
            for g in chosen.gaps
        ),
        tuple(drawn.nodes[node].label for node in chosen.core if node not in measured),
        tuple(drawn.nodes[node].label for node in chosen.adjusted if node not in usable),
        drawn.nodes[start].label,
        tuple(labels),
        _edges(drawn, chosen),
    )


def adjusted_names(
    study: Study,
    adjust: Names | None,
    outcome: str,
    exposure: str | None,
    *,
    domain: str = "",
    by: Sequence[str] = (),
    diagram: Diagrams = None,
    allow_descendants: bool = False,
) -> tuple[str, ...]:
    """Return the covariates of an analysis, and refuse what cannot be adjusted for.

    Parameters
    ----------
    study, outcome, exposure, domain, diagram
        As `adjustment_for`; without an exposure a set of the diagram has no covariate.
    adjust
        Names and splines; () for none; "small", "full" or "core" for a set of the causal diagram; None for
        "small".
    by
        Variables within whose levels the association is estimated, left out of a set of the diagram.
    allow_descendants
        True to adjust for descendants of exposure or outcome, as for a direct effect.

    Raises
    ------
    VariableError
        For a covariate that is outcome or exposure, or that follows from one of them in the diagram, with the
        path that it would close or open.
    """
    if outcome == exposure:
        raise VariableError(f"'{outcome}' is both outcome and exposure. Name another exposure.")
    size = _size(study, adjust)
    if size is not None:
        if exposure is None:
            return ()
        found = adjustment_for(
            study, outcome=outcome, exposure=exposure, size=size, domain=domain, diagram=diagram
        )
        pairs = zip(found.terms, found.variables, strict=True)
        return tuple(term for term, name in pairs if name not in by)
    covariates = as_covariates(adjust or ())
    names = variables_of(covariates)
    for name in names:
        if name in (outcome, exposure):
            raise _superfluous(name, covariates, outcome, exposure)
    if exposure is not None and not allow_descendants:
        _refuse_descendants(study, covariates, outcome, exposure, diagram)
    return covariates


def _size(study: Study, adjust: Names | None) -> Size | None:
    """Tell a set of the diagram from names of variables."""
    if adjust is None:
        return "small"
    size = next((size for size in SIZES if isinstance(adjust, str) and adjust == size), None)
    if size and size in study.people.columns:
        raise VariableError(
            f"adjust='{size}' is the diagram's {size} set and also a variable of this study. For the "
            f"variable use adjust=('{size}',); for the set rename the variable."
        )
    return size


def _superfluous(name: str, covariates: tuple[str, ...], outcome: str, exposure: str | None) -> VariableError:
    roles = {outcome: "is the outcome", exposure: "is the exposure"}
    rest = tuple(c for c in covariates if variables_of([c])[0] not in roles)
    return VariableError(f"'{name}' in adjust {roles[name]}. Use what remains: adjust={rest}.")


def _refuse_descendants(
    study: Study, covariates: tuple[str, ...], outcome: str, exposure: str, diagram: Diagrams
) -> None:
    places = Places(study, diagram)
    start, end = places.node_of(exposure), places.node_of(outcome)
    if start is None or end is None:
        return
    for covariate in covariates:
        name = variables_of([covariate])[0]
        node = places.node_of(name)
        told = harm(places.diagram, start, end, node) if node not in (None, start, end) else ""
        if told:
            rest = tuple(other for other in covariates if other != covariate)
            raise VariableError(
                f"'{name}' is not adjusted for: in the causal diagram {told}. Leave it out, adjust={rest}; "
                f"or, for an effect that does not go through it, say allow_descendants=True."
            )


def _why(diagram: Diagram, name: str, shares: dict[str, float]) -> str:
    node = diagram.nodes[name]
    if shares.get(name) == PROXY:
        return "known by a proxy alone"
    if shares.get(name) == 0:
        return "not measured among these participants"
    if name in shares:
        return f"known for {100 * shares[name]:.0f}% of the participants"
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
