"""Participant flow: who remains at each step from a study to an analysis, and the reasons for exclusion."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from toolkit.dag import Diagrams, Question, covariates_for
from toolkit.disclosure import show
from toolkit.errors import EstimationError, VariableError, require_study
from toolkit.estimate.survey.analysis_sample import weight_of
from toolkit.estimate.survey.engine_cells import check_participants
from toolkit.estimate.survey.roles import Column, read
from toolkit.estimate.survey.standard_populations import as_standard
from toolkit.results import FLOW_SCHEMA, Estimates, variables_of
from toolkit.studies import CYCLE, Study, WeightChoice, grouped, label_of
from toolkit.variables import COMBINED, Names, conditions, reason_for, require_one_role

# Arguments of estimators that name variables of the analysis, beside adjust, by and domain.
_ROLES = (
    "outcome", "exposure", "exposures", "variable", "numerator", "denominator", "events", "event", "time",
    "entry", "over", "group", "complete", "row", "column",
)  # fmt: skip
_OF_RECORDS = ("gee", "case_crossover", "lag_curve")
_OF_MANY = ("describe", "atlas")


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a flow: its name, who remains, and why others are excluded."""

    name: str
    stays: pl.Expr
    reason: pl.Expr


class Flow(pl.DataFrame):
    """The steps of a participant flow, which print without small counts."""

    def __str__(self) -> str:
        return str(show(self))

    __repr__ = __str__

    def _repr_html_(self, **named: Any) -> str:
        return show(self)._repr_html_(**named)


def flow(
    study: Study | Estimates,
    outcome: str | None = None,
    exposure: str | None = None,
    *,
    adjust: Names | None = None,
    by: str | Sequence[str] = (),
    domain: str = "",
    diagram: Diagrams = None,
    allow_descendants: bool = False,
) -> pl.DataFrame:
    """Count the participants remaining and excluded at each step from a study to an analysis, with reasons.

    Parameters
    ----------
    study
        The study; or the result of an estimator, whose own flow is returned. The other arguments are for a
        study.
    outcome, exposure
        The variables of the analysis; a participant is excluded at the first that is missing.
    adjust, diagram, allow_descendants
        As `tk.association`: None is the small set of the causal diagram for the exposure, and no covariate
        without an exposure.
    by
        Variables that define groups; a missing level is in no group.
    domain
        A condition in the domain language; null is outside.

    Returns
    -------
    polars.DataFrame
        step, reason, n_left, n_out (`toolkit.results.FLOW_SCHEMA`): all participants of the study, one row
        per reason of exclusion, and the participants in the analysis (the sum of `n` over its groups).
        Respondents of cycles that do not contribute are excluded first, then weights of 0. Counts are
        unweighted.

    Raises
    ------
    VariableError, DesignError
        As the analysis itself.
    EstimationError
        For a result that was changed after estimation, whose study has left memory, or that is of visits or
        nights.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, None], "age": [30, 40, 50]})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> flow(study, "cramps", domain="age > 35")["n_left"].to_list()
    [3, 2, 1, 1]
    >>> flow(tk.prevalence(study, "cramps", domain="age > 35"))["n_left"].to_list()
    [3, 2, 1, 1]
    """
    if isinstance(study, Estimates):
        return _flow_of_result(study)
    require_study(study, "tk.flow")
    if outcome is None:
        raise VariableError("A flow requires an outcome. Use tk.flow(study, 'any_cramps').")
    groups = (by,) if isinstance(by, str) else tuple(by)
    question = Question(outcome, exposure, domain, groups, diagram, allow_descendants)
    covariates = variables_of(covariates_for(study, adjust, question))
    require_one_role(outcome=outcome, exposure=exposure or (), adjust=covariates)
    return _count_steps(study, [outcome, *([exposure] if exposure else []), *covariates], groups, domain)


def _flow_of_result(result: Estimates) -> pl.DataFrame:
    """Count the steps of the analysis that gave a result, from the arguments of its estimator."""
    estimator, study, given = result.request()
    estimator = given[COMBINED]["estimator"] if COMBINED in given else estimator
    if estimator in _OF_RECORDS:
        raise EstimationError(
            f"tk.{estimator} analyzes visits or nights instead of participants. Use tk.flow(study, ...) on "
            "tk.records(study)."
        )
    if estimator in _OF_MANY:
        raise EstimationError(
            f"The analyses of tk.{estimator} have different participants. Use "
            "tk.flow(study, outcome, exposure) for one of them."
        )
    names, by = variables_of_call(study, given)
    return _count_steps(study, names, by, given.get("domain") or "")


def variables_of_call(study: Study, given: Mapping[str, Any]) -> tuple[list[str], tuple[str, ...]]:
    """Name the variables of an analysis, and those of its groups, from the arguments of its estimator."""
    names = [name for role in _ROLES for name in _as_list(given.get(role))]
    for text in (given.get("formula"), given.get("offset")):
        words = re.findall(r"`([^`]+)`|([A-Za-z_][\w.]*)", text or "")
        names += [name for pair in words for name in pair if name in study.people.columns]
    by = tuple(_as_list(given.get("by")))
    domain = given.get("domain") or ""
    if "adjust" in given and "outcome" in given:
        exposures = [*_as_list(given.get("exposure")), *_as_list(given.get("exposures"))]
        further = domain, by, given.get("diagram"), bool(given.get("allow_descendants"))
        for exposure in exposures or (None,):
            question = Question(given["outcome"], exposure, *further)
            names += variables_of(covariates_for(study, given["adjust"], question))
    standard = given.get("standardize") if given.get("standardise") is None else given["standardise"]
    names += as_standard(standard).variables if standard is not None else ()
    return list(dict.fromkeys(names)), by


def _as_list(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(variables_of(names or ()))


def _count_steps(study: Study, names: Sequence[str], by: tuple[str, ...], domain: str) -> pl.DataFrame:
    condition = conditions.parse(domain)
    roles = dict.fromkeys([*names, *by])
    columns = read(study, [*roles, *condition.names], by)
    weight = weight_of(study, columns.values(), condition, by)
    check_participants(study, weight)
    steps = [
        *_cycle_step(study, weight),
        *_weight_step(study, weight),
        *_domain_step(study, condition),
        *(_known_step(study, columns[name]) for name in roles),
    ]
    return _count_exclusions(study, steps)


def _count_exclusions(study: Study, steps: Sequence[_Step]) -> pl.DataFrame:
    """Count everyone at the first step that excludes them: a row for each reason, the most frequent first."""
    number, reason = pl.lit(len(steps)), pl.lit("")
    for at, step in reversed(list(enumerate(steps))):
        number = pl.when(step.stays).then(number).otherwise(at)
        reason = pl.when(step.stays).then(reason).otherwise(step.reason)
    counts = study.people.group_by(step=number, reason=reason).agg(n=pl.len())
    left = study.people.height
    rows = [(f"participants in {study.label}", "", left, 0)]
    for at, word, out in counts.sort("step", -pl.col("n").cast(pl.Int64), "reason").iter_rows():
        if at < len(steps):
            left -= out
            rows.append((steps[at].name, word, left, out))
    rows.append(("in the analysis", "", left, 0))
    return Flow(rows, schema=FLOW_SCHEMA, orient="row")


def _cycle_step(study: Study, weight: WeightChoice) -> list[_Step]:
    """Exclude the respondents of cycles that do not contribute, with the reason of each cycle."""
    if not weight.left_out:
        return []
    cycle = pl.col(CYCLE).cast(pl.String)
    reason = cycle.replace_strict(
        grouped(weight.left_out), default="no cycle recorded", return_dtype=pl.String
    )
    label = label_of(study.label, study.design.cycles, weight.cycles)
    return [_Step(f"in {label}", cycle.is_in(weight.cycles).fill_null(value=False), reason)]


def _weight_step(study: Study, weight: WeightChoice) -> list[_Step]:
    if not weight.weight:
        return []
    counts = weight.expression.fill_null(0) > 0
    if isinstance(study.design.weight, Mapping):
        outside = pl.lit(f"not part of the {weight.component}")
        return [_Step(f"with a weight: {weight.component}", counts, outside)]
    return [_Step(f"with a positive weight: {weight.component}", counts, pl.lit("weight of 0"))]


def _domain_step(study: Study, condition: conditions.Condition) -> list[_Step]:
    if not condition.text:
        return []
    inside = condition.expression(study.people.schema)
    undecided = pl.lit("unknown because of missing values")
    reason = pl.when(inside.is_null()).then(undecided).otherwise(pl.lit("outside the domain"))
    return [_Step(f"in the domain: {condition.text}", inside.fill_null(value=False), reason)]


def _known_step(study: Study, column: Column) -> _Step:
    reason = reason_for(column.name, study.people.columns)
    return _Step(f"{column.variable.label} known", column.expression.is_not_null(), reason)
