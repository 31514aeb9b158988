"""A plan with its stamps and, for a study, the covariates of each question; which results were planned."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import polars as pl

from toolkit.dag import SIZES, Diagrams, Question, covariates_for
from toolkit.errors import (
    DatasetError,
    ToolkitError,
    VariableError,
    as_path,
    join_list,
    require_study,
    unknown,
    unknown_words,
)
from toolkit.files.checked_toml import list_problems
from toolkit.planning.declared_plan import DeclaredPlan, PlannedQuestion, canonical_condition, read_plan_file
from toolkit.planning.frozen_plans import (
    Stamp,
    content_of_plan,
    freeze,
    hash_content,
    read_stamps,
    require_unchanged,
)
from toolkit.results import PLAN_STATUS, RESERVED, covariates, variables_of
from toolkit.studies import Study
from toolkit.variables import parse

NOT_PLANNED = "not planned"
# Rows of these estimands test or compare an association among groups.
_INTERACTIONS = {"interaction_test", "ratio_of_ratios", "reri", "interaction_difference"}
_DROPPED = re.compile(r"not adjusted for ([^,;]+), which does not vary")
_REPLACED = re.compile(r"(rcs\([^)]*\)) in place of (rcs\([^)]*\)), which has too few distinct values")
_DEVIATIONS = {
    "estimand": "measure",
    "adjust": "covariates",
    "domain": "subpopulation",
    "by": "groups",
    "reference": "reference",
    "cycles": "cycles",
    "analysis": "analysis",
}
# Columns that tell apart versions of one analysis, each with what the analysis itself has there.
_VERSIONS = {"analysis": "complete cases", "data": "complete cases", "error": "random", "omitted": None}
_NO_GROUPS = {"cause", "outcome_level"}  # columns before the schema that are not of `by`


@dataclass(frozen=True)
class PlanStatus:
    """Whether a result was planned.

    Attributes
    ----------
    role
        "primary", "secondary" or "not planned".
    question, family
        The name and the family of the planned question; "" for a result that was not planned.
    deviates
        For a result with the outcome and exposure of a planned question: what differs, such as "adjust".
    near
        The name of that question.
    """

    role: str
    question: str = ""
    family: str = ""
    deviates: tuple[str, ...] = ()
    near: str = ""

    @property
    def planned(self) -> bool:
        """Whether the result answers a question of the plan."""
        return self.role != NOT_PLANNED

    def __str__(self) -> str:
        if self.planned:
            return f"{self.role} ({self.question})"
        if not self.near:
            return NOT_PLANNED
        differing = join_list(f"other {_DEVIATIONS[name]}" for name in self.deviates)
        return f"{NOT_PLANNED} ({differing} than in '{self.near}')"


@dataclass(frozen=True)
class OpenedPlan:
    """An analysis plan as read from its file, and as opened for a study.

    Attributes
    ----------
    path
        The file.
    declared
        Title, study, cycles with the reason for them, and questions.
    stamps
        The freeze and the amendments, the oldest first; () if the plan was not frozen.
    terms
        The covariates of each question in the study; empty without a study.
    cycles
        The cycles of the study.
    """

    path: Path
    declared: DeclaredPlan
    stamps: tuple[Stamp, ...] = ()
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    cycles: tuple[str, ...] = ()

    @property
    def frozen(self) -> bool:
        """Whether the plan was frozen; a plan that was changed since cannot be opened."""
        return bool(self.stamps)

    @property
    def sha256(self) -> str:
        """The hash of what the plan declares and of its stamps."""
        stamps = [stamp.model_dump(mode="json") for stamp in self.stamps]
        return hash_content({"content": content_of_plan(self.declared), "stamps": stamps})

    def __str__(self) -> str:
        questions = self.declared.questions
        primary = sum(question.role == "primary" for question in questions)
        families = ", ".join(f"{name} ({len(own)})" for name, own in self.declared.families.items())
        lines = [
            f"{self.declared.title or self.path.name}: {len(questions)} questions, {primary} of them primary",
            f"  Families      {families}",
            f"  Cycles        {', '.join(self.declared.cycles) or 'all'}",
            f"  Reason        {self.declared.cycles_reason}" if self.declared.cycles_reason else "",
            *(f"  {'Amended' if at else 'Frozen':14}{stamp}" for at, stamp in enumerate(self.stamps)),
            "" if self.stamps else "  Frozen        no",
        ]
        return "\n".join(filter(None, lines))

    def freeze(self, amend: str = "") -> Self:
        """Freeze the plan: write its hash, the date and the git commit into a file beside it.

        Parameters
        ----------
        amend
            The reason for changes, if the plan was frozen before and then changed.

        Returns
        -------
        Plan
            The frozen plan. The stamp is in `<name>.frozen.json` beside the plan, whose text stays as it is.

        Raises
        ------
        DatasetError
            If the plan is frozen already, was changed and `amend` gives no reason, or the folder is not
            writable.
        """
        freeze(self.path, self.declared, amend)
        return replace(self, stamps=read_stamps(self.path))

    def status(self, row: Mapping[str, Any]) -> PlanStatus:
        """Return whether a result row answers a question of the plan.

        Parameters
        ----------
        row
            A result row by column, such as `result.row(0, named=True)`.

        Returns
        -------
        PlanStatus
            Its role is "primary", "secondary" or "not planned". A row answers a question with the same
            outcome, exposure, estimand, covariates, domain and groups, in a study of the planned cycles. A
            test of interaction or of heterogeneity answers a question with `by`.

        Raises
        ------
        VariableError
            If a question names a set of the causal diagram and the plan was opened without a study.
        """
        closest: tuple[int, PlanStatus] = (len(RESERVED), PlanStatus(NOT_PLANNED))
        for question in self.declared.questions:
            if row["outcome"] != question.outcome or not _same_exposure(question, row):
                continue
            differs = tuple(self._compare(question, row))
            if not differs:
                return PlanStatus(question.role, question.name, self.declared.family_of(question))
            if len(differs) < closest[0]:
                closest = len(differs), PlanStatus(NOT_PLANNED, "", "", differs, question.name)
        return closest[1]

    def list_questions(self) -> list[tuple[str, ...]]:
        """List name, role, family, outcome, exposure and covariates of each question."""
        return [
            (q.name, q.role, self.declared.family_of(q), q.outcome, q.exposure, self._name_covariates(q))
            for q in self.declared.questions
        ]

    def _name_covariates(self, question: PlannedQuestion) -> str:
        terms = self.terms.get(question.name, question.covariates)
        return terms if isinstance(terms, str) else ", ".join(terms) or "none (crude)"

    def mark(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Append the column `plan_status` to result rows: whether each was planned.

        Parameters
        ----------
        frame
            Result rows.

        Returns
        -------
        polars.DataFrame
            The rows with the column.
        """
        texts = [str(self.status(row)) for row in frame.rows(named=True)]
        return pl.DataFrame(frame).with_columns(pl.Series(PLAN_STATUS, texts, pl.String))

    def _compare(self, question: PlannedQuestion, row: Mapping[str, Any]) -> Iterator[str]:
        """Name what differs between a question and a row of its outcome and exposure."""
        tested = row["estimand"] in _INTERACTIONS and bool(question.groups)
        if row["estimand"] != question.estimand and not tested:
            yield "estimand"
        if _covariates_of(row) != {*self.terms_of(question)} - {*question.groups}:
            yield "adjust"
        if canonical_condition(row["domain"] or "") != question.condition:
            yield "domain"
        groups = {name for name in row if name not in RESERVED and name not in _NO_GROUPS}
        versions = (groups & {*_VERSIONS}) - {*question.groups}
        groups -= versions
        if any(row[name] != _VERSIONS[name] for name in versions):
            yield "analysis"
        if groups != {*question.groups} and not tested:
            yield "by"
        if question.reference and row["reference"] not in (None, question.reference) and not tested:
            yield "reference"
        if self.declared.cycles and self.cycles and {*self.declared.cycles} != {*self.cycles}:
            yield "cycles"

    def terms_of(self, question: PlannedQuestion) -> tuple[str, ...]:
        """Return the covariates of a question; of a set of the diagram only if a study is known."""
        if question.name in self.terms:
            return self.terms[question.name]
        if question.adjust in SIZES:
            raise VariableError(
                f"The plan adjusts '{question.name}' for the {question.adjust} set of the causal diagram, "
                f"which follows from the study. Open the plan with it: tk.plan('{self.path.name}', study)."
            )
        return tuple(question.covariates)


def _same_exposure(question: PlannedQuestion, row: Mapping[str, Any]) -> bool:
    """Whether a row is of a question's exposure, alone or in products with its groups."""
    exposures = {*str(row["exposure"] or "").split(":")}
    if exposures == {question.exposure}:
        return True
    if not question.groups or row["estimand"] not in _INTERACTIONS:
        return False
    return exposures == {question.exposure, *question.groups}


def _covariates_of(row: Mapping[str, Any]) -> set[str]:
    """Return the covariates that were asked for: those that entered, and those that the reason replaces."""
    entered, reason = {*covariates(row["adjust"] or "")}, row["reason"] or ""
    for used, asked in _REPLACED.findall(reason):
        entered = (entered - {used}) | {asked}
    return entered | {*_DROPPED.findall(reason)}


def freeze_file(path: str | Path, amend: str = "", study: Study | None = None) -> OpenedPlan:
    """Freeze the plan of a file, or amend it; with a study, its variables are checked first."""
    source = require_plan_file(path)
    plan = OpenedPlan(source, read_plan_file(source), read_stamps(source))
    return (plan if study is None else check_for_study(plan, study)).freeze(amend)


Opened = TypeVar("Opened", bound=OpenedPlan)


def open_plan(
    kind: type[Opened], path: str | Path, study: Study | None = None, diagram: Diagrams = None
) -> Opened:
    """Read a plan with its stamps, refuse one that was changed after freezing, and check it for a study."""
    source = require_plan_file(path)
    declared = read_plan_file(source)
    stamps = read_stamps(source)
    require_unchanged(source, declared, stamps)
    plan = kind(source, declared, stamps)
    return plan if study is None else check_for_study(plan, study, diagram)


def check_for_study(plan: Opened, study: Study, diagram: Diagrams = None) -> Opened:
    """Check the names of a plan against a study, and choose the covariates of its questions."""
    require_study(study, "An analysis plan, after its path,")
    declared, problems, terms = plan.declared, list[str](), dict[str, tuple[str, ...]]()
    if declared.study and declared.study != study.name:
        problems.append(f"it is a plan for the study '{declared.study}', and this study is '{study.name}'")
    if cycles := [cycle for cycle in study.cycles if cycle]:
        problems += unknown_words(f"'{study.name}' has no cycle", declared.cycles, cycles)
    elif declared.cycles:
        problems.append(f"it names cycles, and '{study.name}' has none. Remove cycles")
    for question in declared.questions:
        try:
            terms[question.name] = _choose_terms(question, study, diagram)
        except ToolkitError as error:
            problems.append(f"question '{question.name}': {error}")
    if problems:
        raise list_problems(plan.path.name, problems, f"Correct the plan for {study.label}")
    return replace(plan, terms=terms, cycles=study.cycles)


def _choose_terms(question: PlannedQuestion, study: Study, diagram: Diagrams) -> tuple[str, ...]:
    for name in (question.outcome, question.exposure, *question.groups, *_names_in(question)):
        study.variable(name)
    levels = study.codebook[question.exposure].levels
    if question.reference and question.reference not in levels:
        raise VariableError(unknown(f"'{question.exposure}' has no level", question.reference, levels))
    asked = Question(question.outcome, question.exposure, question.condition, question.groups, diagram)
    return covariates_for(study, question.covariates, asked)


def _names_in(question: PlannedQuestion) -> tuple[str, ...]:
    named = () if question.adjust in SIZES else variables_of(question.covariates)
    return (*named, *parse(question.domain).names)


def require_plan_file(path: str | Path) -> Path:
    """Return the path of a plan that exists."""
    source = as_path(path, "An analysis plan")
    if not source.is_file():
        raise DatasetError(
            f"The plan '{path}' does not exist. Check the path, or write a first one: cramps plan new"
        )
    return source
