"""State on a page what an analysis plan declared, and which of the results it planned."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from toolkit.display.text import format_condition, format_count, is_description, label_variable
from toolkit.errors import join_list
from toolkit.planning.opened_plan import NOT_PLANNED, OpenedPlan
from toolkit.planning.unused_cycles import unused_cycles
from toolkit.report.paper.passages import Passage, fill_macro
from toolkit.results import ESTIMANDS, PLAN_QUESTION, PLAN_STATUS, SCHEMA
from toolkit.studies import Study

DESCRIPTIVE = "descriptive"


def mark_rows(frame: pl.DataFrame, plan: OpenedPlan | None) -> pl.DataFrame:
    """Append to result rows whether each was planned; rows without an exposure are descriptive."""
    if plan is None or not {*SCHEMA} <= {*frame.columns} or PLAN_STATUS in frame.columns:
        return frame
    if is_description(frame) or not frame["exposure"].is_not_null().any():
        return frame
    descriptive = pl.col("exposure").is_null()
    text = pl.when(descriptive).then(pl.lit(DESCRIPTIVE)).otherwise(pl.col(PLAN_STATUS))
    return plan.mark(frame).with_columns(text.alias(PLAN_STATUS))


def plan_note(frame: pl.DataFrame, plan: OpenedPlan | None) -> str:
    """State how many of the comparisons among result rows were planned; "" without a plan."""
    marked = mark_rows(frame, plan)
    if plan is None or PLAN_STATUS not in marked.columns or PLAN_QUESTION in frame.columns:
        return ""
    found = [text for text in marked[PLAN_STATUS] if text != DESCRIPTIVE]
    pairs = [text.removesuffix(")").split(" (", 1) for text in found if not text.startswith(NOT_PLANNED)]
    named = dict.fromkeys(f"{role} question '{question}'" for role, question in pairs)
    planned = len(pairs)
    if not planned:
        return "Not planned."
    if planned == len(found):
        return f"Planned ({join_list(named)})."
    rest = "the other was not" if len(found) - planned == 1 else "the others were not"
    verb = "was" if planned == 1 else "were"
    return f"Of {len(found)} estimates, {planned} {verb} planned ({join_list(named)}); {rest}."


def describe_plan(plan: OpenedPlan) -> Iterator[str]:
    """Describe a plan in paragraphs: questions, stamp, amendments, cycles with their reason."""
    declared = plan.declared
    roles = Counter(question.role for question in declared.questions)
    counts = join_list(f"{roles[role]} {role}" for role in ("primary", "secondary") if roles[role])
    count = len(declared.questions)
    title = f" “{declared.title}”" if declared.title else ""
    questions = f"{format_count(count)} question{'s' * (count != 1)} ({counts})"
    yield f"The analysis plan{title} declares {questions}. {_describe_freeze(plan)}"
    for stamp in plan.stamps[1:]:
        changes = "; ".join(stamp.changes)
        yield f"It was amended on {stamp}. Reason: {stamp.reason.rstrip('.')}. Changes: {changes}."
    if declared.cycles:
        yield f"Planned cycles: {join_list(declared.cycles)}. Reason: {declared.cycles_reason.rstrip('.')}."


def list_questions(plan: OpenedPlan, labels: Mapping[str, str]) -> Passage:
    """Tabulate the questions as declared, in a table that opens on a click."""
    rows = []
    for question in plan.declared.questions:
        names = [label_variable(name, labels) for name in (question.outcome, question.exposure)]
        groups = ", ".join(label_variable(name, labels) for name in question.groups)
        terms = [label_variable(term, labels) for term in plan.terms.get(question.name, ())]
        family = plan.declared.family_of(question)
        measure = ESTIMANDS[question.estimand].noun
        domain = format_condition(question.condition, labels) or "everyone"
        covariates = ", ".join(terms) or "none (crude)"
        rows.append(
            [question.name, question.role, family, *names, measure, covariates, domain, groups or "none"]
        )
    heads = ("Question", "Role", "Family", "Outcome", "Exposure", "Measure", "Covariates", "Domain", "Groups")
    table = fill_macro("table", heads, rows).html
    return Passage(f"<details><summary>The {len(rows)} questions as declared</summary>{table}</details>")


def _describe_freeze(plan: OpenedPlan) -> str:
    if not plan.stamps:
        return "It was not frozen, so that it may have been written after results were known."
    return f"It was frozen on {plan.stamps[0]}."


def cycles_sentence(
    study: Study, variables: Sequence[str], domain: str = "", plan: OpenedPlan | None = None
) -> str:
    """State which cycles were not used though they measured all variables, and whether a reason was given.

    Parameters
    ----------
    study
        The study.
    variables
        All variables of the analysis: outcome, exposure and covariates.
    domain
        The condition of the subpopulation; "" for everyone.
    plan
        The analysis plan, whose `cycles_reason` is quoted; None for none.

    Returns
    -------
    str
        A sentence; "" if every cycle that measured all variables was used, or the study has no cycles.

    Raises
    ------
    VariableError
        For an unknown variable, or a condition that cannot be read.

    Examples
    --------
    >>> import toolkit as tk
    >>> cycles_sentence(tk.open_study("simulated"), ("any_cramps", "arthritis"))
    ''
    """
    others = unused_cycles(study, variables, domain)
    if not others:
        return ""
    used = study.weight_for(variables, domain).cycles
    reason = plan.declared.cycles_reason.strip().rstrip(".") if plan else ""
    were = "Cycle" if len(used) == 1 else "Cycles"
    verb = "was" if len(used) == 1 else "were"
    why = f"reason in the analysis plan: {reason}" if reason else "no reason was given"
    return (
        f"{were} {join_list(used)} {verb} used; {join_list(others)} also measured all variables of this "
        f"analysis; {why}."
    )
