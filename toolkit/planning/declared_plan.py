"""Read plan.toml: the questions of an analysis plan, each with its role and family, checked without data."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from toolkit.dag import SIZES
from toolkit.errors import ToolkitError, VariableError, unknown
from toolkit.files.checked_toml import Checked, list_problems, read_toml
from toolkit.variables import as_covariates, as_names, parse, require_one_role

# The estimands of tk.association whose rows compare levels of the exposure.
COMPARISONS = (
    "prevalence_ratio",
    "prevalence_difference",
    "odds_ratio",
    "standardised_ratio",
    "standardised_difference",
)
Role = Literal["primary", "secondary"]


class PlannedQuestion(Checked):
    """One question: the association of an exposure with an outcome, or how it differs by `by`."""

    name: str
    outcome: str
    exposure: str
    role: Role
    family: str = ""  # the questions whose p-values are adjusted together; by default those of the same role
    estimand: str = "prevalence_ratio"
    adjust: str | tuple[str, ...] = "small"
    domain: str = ""
    by: str | tuple[str, ...] = ()
    reference: str = ""  # the level that others are compared with; by default that of the codebook

    @property
    def covariates(self) -> str | tuple[str, ...]:
        """The name of a set of the causal diagram, or covariates."""
        return self.adjust if self.adjust in SIZES else as_covariates(self.adjust)

    @property
    def groups(self) -> tuple[str, ...]:
        """The variables among whose levels the association is compared."""
        return as_names(self.by, "by")

    @property
    def condition(self) -> str:
        """The domain in one form, whatever its white space and signs."""
        return canonical_condition(self.domain)

    @property
    def asked(self) -> dict[str, Any]:
        """The question as the arguments of `tk.association`."""
        named = {"outcome": self.outcome, "exposure": self.exposure, "adjust": self.covariates}
        given = {"estimand": self.estimand, "domain": self.domain, "by": self.groups}
        return {**named, **given, "reference": self.reference or None}


class DeclaredPlan(Checked):
    """An analysis plan as declared: its study, the cycles with the reason for them, and its questions."""

    title: str = ""
    study: str = ""
    cycles: tuple[str, ...] = ()
    cycles_reason: str = ""
    question: tuple[PlannedQuestion, ...] = ()

    @property
    def questions(self) -> tuple[PlannedQuestion, ...]:
        """The questions, in the order of the file."""
        return self.question

    @property
    def families(self) -> dict[str, tuple[PlannedQuestion, ...]]:
        """The questions of each family, in the order of the file."""
        names = dict.fromkeys(self.family_of(one) for one in self.questions)
        return {name: tuple(q for q in self.questions if self.family_of(q) == name) for name in names}

    @staticmethod
    def family_of(question: PlannedQuestion) -> str:
        """Name the family of a question."""
        return question.family or question.role

    @property
    def by_name(self) -> dict[str, PlannedQuestion]:
        """The questions by name."""
        return {question.name: question for question in self.questions}


def canonical_condition(text: str) -> str:
    """Write a condition in one form, with single blanks."""
    return " ".join(parse(text).text.split())


def read_plan_file(path: Path) -> DeclaredPlan:
    """Read and check a plan; all problems of the file are in one DatasetError."""
    plan = read_toml(path, DeclaredPlan)
    if problems := list(_find_problems(plan)):
        raise list_problems(path.name, problems, "Correct the plan")
    return plan


def _find_problems(plan: DeclaredPlan) -> Iterator[str]:
    if not plan.questions:
        yield "The plan has no question. Add a [[question]] section with name, outcome, exposure and role."
    if plan.cycles and not plan.cycles_reason.strip():
        yield "'cycles' has no reason. State why these cycles were chosen, in cycles_reason."
    for name, count in Counter(question.name for question in plan.questions).items():
        if count > 1:
            yield f"{count} questions have the name '{name}'. Use one name for each."
    asked: dict[str, str] = {}
    for question in plan.questions:
        for problem in _check_question(question):
            yield f"question '{question.name}': {problem}"
        same = asked.setdefault(repr({**question.asked, "domain": question.domain.split()}), question.name)
        if same != question.name:
            yield f"question '{question.name}': it asks what '{same}' asks. Remove one of them."


def _check_question(question: PlannedQuestion) -> Iterator[str]:
    if question.estimand not in COMPARISONS:
        remedy = f"Use one of {', '.join(COMPARISONS)}"
        yield unknown("unknown estimand", question.estimand, COMPARISONS, remedy)
    try:
        parse(question.domain)
        roles = {"outcome": question.outcome, "exposure": question.exposure, "by": question.groups}
        require_one_role(**roles)
        covariates = () if question.adjust in SIZES else as_covariates(question.adjust)
        if question.outcome in covariates or question.exposure in covariates:
            raise VariableError("Its outcome or exposure is in adjust. Remove it there.")
    except ToolkitError as error:
        yield str(error)
