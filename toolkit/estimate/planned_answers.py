"""Open an analysis plan (`tk.plan`), and answer its questions with p-values adjusted within each family."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.special import fdtrc

from toolkit.dag import Diagrams
from toolkit.errors import EstimationError, ToolkitError
from toolkit.estimate.associations.models import association
from toolkit.estimate.regression import adjusted_wald, failed
from toolkit.estimate.survey import wald
from toolkit.planning.declared_plan import PlannedQuestion
from toolkit.planning.multiplicity import adjust_questions
from toolkit.planning.opened_plan import OpenedPlan, check_for_study, open_plan
from toolkit.results import (
    P_QUESTION,
    PLAN_FAMILY,
    PLAN_QUESTION,
    PLAN_STATUS,
    PLANNED,
    SCHEMA,
    Estimates,
    Floats,
    by_columns,
    frame,
)
from toolkit.studies import Study


@dataclass(frozen=True)
class Plan(OpenedPlan):
    """An analysis plan: its questions, whether it was frozen, and which results it planned.

    Open one with `tk.plan("plan.toml", study)`. Its file declares the questions:

    .. code-block:: toml

        title = "Diabetes and nocturnal leg cramps"
        study = "nhanes"
        cycles = ["2005-2006", "2007-2008"]
        cycles_reason = "The only cycles that asked about leg cramps."

        [[question]]
        name = "diabetes"
        outcome = "frequent_cramps"
        exposure = "diabetes_told"
        role = "primary"  # or "secondary"
        domain = "age >= 20"

    A question may also have `family` (the questions that are adjusted together, by default those of the same
    role), `estimand`, `adjust` ("small", "core", "full" or covariates), `by` (the association is compared
    among its levels) and `reference`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import toolkit as tk
    >>> text = '''
    ... [[question]]
    ... name = "arthritis"
    ... outcome = "any_cramps"
    ... exposure = "arthritis"
    ... role = "primary"
    ... adjust = ["age", "sex"]
    ... '''
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "plan.toml"
    ...     _ = path.write_text(text)
    ...     plan = tk.plan(path).freeze()
    >>> plan.frozen, list(plan.declared.families)
    (True, ['primary'])
    >>> study = tk.open_study("simulated")
    >>> rows = tk.association(study, "any_cramps", "arthritis", adjust=("age", "sex"))
    >>> str(plan.status(rows.row(0, named=True)))
    'primary (arthritis)'
    """

    def answer(self, study: Study, *, diagram: Diagrams = None) -> Estimates:
        """Answer all questions of the plan.

        Parameters
        ----------
        study
            The study.
        diagram
            The file of your own causal diagram; None for the toolkit's.

        Returns
        -------
        Estimates
            The rows of `tk.association` for each question, with its name, role and family
            (`plan_question`, `plan_status`, `plan_family`). In each row of a question, `p_question` is the
            p-value of the joint Wald test of all levels of the exposure, or with `by` of the equality of the
            association among the groups. `p_holm` and `p_bh` are adjusted for the number of questions that
            the plan declares in the family, also those that cannot be answered, whose row has the reason.

        Raises
        ------
        DatasetError
            If the study does not have what the plan names.

        Notes
        -----
        Adjusted Wald tests on q and df - q + 1 degrees of freedom (Korn and Graubard 1990).
        """
        plan = check_for_study(self, study, diagram)
        rows = [_answer(plan, question, study, diagram) for question in plan.declared.questions]
        groups = dict.fromkeys(name for one in rows for name in by_columns(one))
        joined = pl.concat(rows, how="diagonal_relaxed").select(*groups, *SCHEMA, *PLANNED, P_QUESTION)
        tests = {(name,): len(own) for name, own in plan.declared.families.items()}
        return Estimates(adjust_questions(joined, (PLAN_QUESTION, PLAN_FAMILY), (PLAN_FAMILY,), tests))


def plan(path: str | Path, study: Study | None = None, *, diagram: Diagrams = None) -> Plan:
    """Open an analysis plan, and check it against a study.

    Parameters
    ----------
    path
        The file of the plan, such as "plan.toml"; `cramps plan new` writes a first one.
    study
        The study; None to check the plan alone.
    diagram
        The file of your own causal diagram, for the adjustment sets; None for the toolkit's.

    Returns
    -------
    Plan
        The questions, and the stamps if the plan was frozen.

    Raises
    ------
    DatasetError
        If the file cannot be read, a choice is unknown, the study does not have a name of the plan, or the
        plan was changed after it was frozen. The message lists every problem.

    Examples
    --------
    >>> import toolkit as tk
    >>> tk.plan("analysis.toml")
    Traceback (most recent call last):
    ...
    toolkit.errors.DatasetError: The plan 'analysis.toml' does not exist...
    """
    return open_plan(Plan, path, study, diagram)


def _answer(plan: OpenedPlan, question: PlannedQuestion, study: Study, diagram: Diagrams) -> pl.DataFrame:
    """Estimate one question, or give its row with the reason why that is not possible."""
    p_value = None
    asked = {**question.asked, "adjust": plan.terms[question.name], "diagram": diagram}
    try:
        found = association(study, **asked, allow_descendants=True)
        p_value = test_question(found, question.groups)
    except ToolkitError as error:
        found = frame([_failed_row(plan, question, study, str(error))])
    said = {
        PLAN_STATUS: question.role,
        PLAN_QUESTION: question.name,
        PLAN_FAMILY: plan.declared.family_of(question),
    }
    texts = [pl.lit(text, pl.String).alias(name) for name, text in said.items()]
    return pl.DataFrame(found).with_columns(*texts, pl.lit(p_value, pl.Float64).alias(P_QUESTION))


def _failed_row(plan: OpenedPlan, question: PlannedQuestion, study: Study, reason: str) -> dict[str, Any]:
    names = {"outcome": question.outcome, "exposure": question.exposure}
    return {
        "study": study.label,
        "domain": question.condition,
        "estimand": question.estimand,
        **names,
        **{f"{role}_label": study.codebook[name].label for role, name in names.items()},
        "adjust": ", ".join(plan.terms[question.name]),
        **failed(reason),
    }


def test_question(rows: Estimates, groups: Sequence[str]) -> float | None:
    """Test that all rows are at the null value, or with groups that they are equal among them."""
    known = [place for place, error in enumerate(rows["std_error"]) if error is not None]
    if not known:
        return None
    points, matrix = rows["estimate"].to_numpy()[known], rows.covariance()[np.ix_(known, known)]
    if rows["scale"][known[0]] == "log":
        points = np.log(points)
    tested = np.eye(len(known)) if not groups else _compare_groups([rows["level"][k] for k in known])
    if not len(tested):
        return None
    size, df = len(tested), int(min(rows["df"][k] for k in known))
    try:
        f = wald(tested @ points, tested @ matrix @ tested.T) / size
        f, left = adjusted_wald(f, size, df, "design")
    except EstimationError:
        return None
    return float(fdtrc(size, left, f))


def _compare_groups(levels: Iterable[str | None]) -> Floats:
    """Compare each row with the first of its level of the exposure."""
    names = list(levels)
    first = {level: names.index(level) for level in names}
    contrasts = np.eye(len(names))
    for place, level in enumerate(names):
        contrasts[place, first[level]] -= 1
    return contrasts[[place for place, level in enumerate(names) if place != first[level]]]
