"""Choose the covariates of an analysis from the causal diagram, or check those that the user names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from toolkit.dag.backdoor import SIZES, Size, assign_roles, choose_adjustment_set, describe_bias
from toolkit.dag.nodes import CYCLE, Diagrams, StudyNodes, contributing_cycles, nodes_of
from toolkit.errors import VariableError, join_list, require_known, require_study
from toolkit.files.cache import compute_once
from toolkit.results import variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_covariates

# How many unmeasured confounders a sentence names.
_NAMED = 3


@dataclass(frozen=True)
class Unmeasured:
    """An unmeasured confounder: label, why it is not measured, and a path that it leaves open."""

    label: str
    reason: str
    path: str
    reverse: bool = False  # the outcome of earlier times affects the exposure


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
        Labels of covariates that were omitted because they do not vary.
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
        """Whether the diagram has no unmeasured confounder beside the set; False for a core set."""
        return not self.unmeasured and self.size != "core"

    @property
    def summary(self) -> str:
        """The set, the unmeasured confounders and reverse causation, in sentences."""
        model = " (Model 1, the core covariates)" if self.size == "core" else ""
        reverse = [gap.label for gap in self.unmeasured if gap.reverse]
        sentences = [
            f"Adjusted for {join_list(self.labels) if self.labels else 'no covariate'}{model}.",
            self._describe_confounding(),
            f"Reverse causation is possible because {join_list(reverse)} may have affected "
            f"{self.exposure_label}."
            if reverse
            else "",
            f"Not measured in this study: {join_list(self.not_measured)}." if self.not_measured else "",
            f"Omitted because all participants have the same value: {join_list(self.constant)}."
            if self.constant
            else "",
        ]
        return " ".join(filter(None, sentences))

    @property
    def left_open(self) -> tuple[str, ...]:
        """Each unmeasured confounder with the reason and a path that it leaves open."""
        return tuple(f"{gap.label} ({gap.reason}): {gap.path}" for gap in self.unmeasured)

    def _describe_confounding(self) -> str:
        if not self.unmeasured:
            none = (
                "Under the assumptions of the causal diagram, which include its missing arrows, no further "
                "confounder is known. Factors that the diagram omits may still confound."
            )
            return "" if self.size == "core" else none
        more = len(self.unmeasured) - _NAMED
        others = [f"{more} other unmeasured factor{'s' if more > 1 else ''}"] if more > 0 else []
        named = [*(gap.label for gap in self.unmeasured[:_NAMED]), *others]
        return (
            "Under the assumptions of the causal diagram, which include its missing arrows, residual "
            f"confounding by {join_list(named)} remains."
        )

    def __str__(self) -> str:
        paths = "".join(f"\n- {path}" for path in self.left_open)
        return f"{self.summary}\nOpen back-door paths:{paths}" if paths else self.summary


def adjustment_for(
    study: Study,
    outcome: str,
    exposure: str,
    *,
    size: Size = "small",
    domain: str = "",
    diagram: Diagrams = None,
) -> Adjustment:
    """Choose an adjustment set by the causal diagram, from the variables that a study measures.

    Parameters
    ----------
    study
        The study.
    outcome, exposure
        Variables with a node in the diagram: by name, by `node=` of `study.derive` or study.toml, or derived
        from variables of one node.
    size
        "small" (the meaning of every `adjust=None`): age, sex, race/ethnicity, education and income, which
        are never dropped, and the measured confounders that the back-door criterion needs. "full": every
        measured confounder. "core" (Model 1): age, sex, race/ethnicity, education and income alone. A core
        covariate that is the exposure or follows from it is left out. The survey cycle is in every set where
        several contribute.
    domain
        A condition such as "age >= 20"; what is measured is determined among these participants.
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
    The back-door criterion (Pearl 1995, Biometrika 82:669-688) on the diagram as drawn. Its arrows, and those
    it lacks, are assumptions that no data can test. Mediators, colliders and other consequences of exposure
    or outcome never enter.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> print(tk.adjustment_for(study, outcome="any_cramps", exposure="arthritis", size="core"))
    Adjusted for age, sex, race/ethnicity, education and survey cycle (Model 1, the core covariates)...
    """
    require_study(study, "tk.adjustment_for")
    require_known("Unknown adjustment set", size, SIZES, error=VariableError)
    nodes = nodes_of(study, diagram)
    key = (nodes, outcome, exposure, domain, size)
    return compute_once(study.computed, key, lambda: _choose(study, nodes, (outcome, exposure), domain, size))


def _choose(study: Study, nodes: StudyNodes, ends: tuple[str, str], domain: str, size: Size) -> Adjustment:
    outcome, exposure = ends
    for name in ends:
        study.variable(name)
    diagram = nodes.diagram
    end, start = nodes.require_node(outcome, ends), nodes.require_node(exposure, ends)
    found = nodes.measure(ends, domain)
    chosen = choose_adjustment_set(diagram, start, end, [n for n in found if found[n].variable], size)
    labels = {node: diagram.nodes[node].label for node in diagram.nodes}
    usable = [node for node in chosen.adjusted if not found[node].constant]
    pairs = [(found[node].variable, labels[node]) for node in usable]
    if len(contributing_cycles(study, nodes, [*ends, *(name for name, _ in pairs)], domain)) > 1:
        pairs.append((CYCLE, "survey cycle"))
    variables = tuple(name for name, _ in pairs)
    return Adjustment(
        outcome,
        exposure,
        variables,
        nodes.terms_of(variables),
        size,
        tuple(Unmeasured(labels[g.node], found[g.node].gap, g.path, g.reverse) for g in chosen.gaps),
        tuple(labels[node] for node in chosen.core if not found[node].variable),
        tuple(labels[node] for node in chosen.adjusted if found[node].constant),
        labels[start],
        tuple(label for _, label in pairs),
        diagram.frame(assign_roles(diagram, chosen)),
    )


@dataclass(frozen=True)
class Question:
    """What an analysis asks of the causal diagram; without an exposure, its sets have no covariate."""

    outcome: str
    exposure: str | None = None
    domain: str = ""
    by: tuple[str, ...] = ()  # within whose levels the association is estimated; sets omit them
    diagram: Diagrams = None
    allow_descendants: bool = False


def covariates_for(study: Study, adjust: Names | None, question: Question) -> tuple[str, ...]:
    """Return the covariates of an analysis as terms: those named, or a set of the diagram (None: "small")."""
    outcome, exposure = question.outcome, question.exposure
    if outcome == exposure:
        raise VariableError(f"'{outcome}' is both outcome and exposure. Use another exposure.")
    size = _find_size(study, adjust)
    if size is not None:
        if exposure is None:
            return ()
        ends = {"outcome": outcome, "exposure": exposure}
        found = adjustment_for(study, **ends, size=size, domain=question.domain, diagram=question.diagram)
        pairs = zip(found.terms, found.variables, strict=True)
        return tuple(term for term, name in pairs if name not in question.by)
    covariates = as_covariates(adjust or ())
    roles = {outcome: "outcome", exposure: "exposure"}
    for name in variables_of(covariates):
        if name in roles:
            rest = tuple(c for c in covariates if variables_of([c])[0] not in roles)
            raise VariableError(f"'{name}' in adjust is the {roles[name]}. Remove it: adjust={rest}.")
    if exposure is not None and not question.allow_descendants:
        _refuse_descendants(study, covariates, (outcome, exposure), question.diagram)
    return covariates


def adjust_text(adjust: Names | None, covariates: Sequence[str]) -> str:
    """Return the column `adjust` of an analysis without an exposure: "none" where that is the default."""
    return "none" if adjust is None else ", ".join(covariates)


def _find_size(study: Study, adjust: Names | None) -> Size | None:
    """Return the set of the diagram that `adjust` asks for; None if it names variables."""
    if adjust is None:
        return "small"
    size = next((size for size in SIZES if adjust == size), None)
    if size and size in study.people.columns:
        raise VariableError(
            f"adjust='{size}' is the diagram's {size} set and also a variable of this study. For the "
            f"variable use adjust=('{size}',). For the set rename the variable."
        )
    return size


def _refuse_descendants(
    study: Study, covariates: tuple[str, ...], ends: tuple[str, str], diagram: Diagrams
) -> None:
    nodes = nodes_of(study, diagram)
    names = variables_of(covariates)
    end, start, *others = nodes.match([*ends, *names])
    if start is None or end is None:
        return
    after = nodes.diagram.descendants(start) | nodes.diagram.descendants(end)
    for covariate, name, node in zip(covariates, names, others, strict=True):
        if node in after - {start, end}:
            bias = describe_bias(nodes.diagram, start, end, node)
            rest = tuple(other for other in covariates if other != covariate)
            raise VariableError(
                f"'{name}' cannot be adjusted for: in the causal diagram {bias}. Remove it, adjust={rest}. "
                "For an effect that does not pass through it, use allow_descendants=True."
            )
