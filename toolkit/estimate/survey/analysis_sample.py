"""Define the analytic sample, record exclusions, and aggregate rows to cells.

Takes a study, the names of the variables of an analysis and a domain; gives a `Sample`: cells (sampling unit
x pattern of values: sum of weights, number of persons) of the people in the domain, and the sampling units of
the whole design for `variance`. Persons with a missing value stay as cells with a null; estimators leave
them out with `complete`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from toolkit.dag.adjustment import Question, covariates_for
from toolkit.dag.nodes import Diagrams
from toolkit.errors import EstimationError, short
from toolkit.estimate.survey.roles import Column, read, require_countable, written
from toolkit.estimate.survey.sampling_units import UNIT, WEIGHT, Skeleton, skeleton_of
from toolkit.estimate.survey.variance.linearized import Floats, Indices, Units
from toolkit.results import FLOW_SCHEMA, variables_of
from toolkit.studies.cycle_weights import CYCLE, grouped, label_of
from toolkit.studies.study import Study
from toolkit.studies.weights import WeightChoice, choose_weight
from toolkit.variables import conditions
from toolkit.variables.arguments import Names, require_one_role
from toolkit.variables.codebook import Variable, why

Mask = npt.NDArray[np.bool_]
_COUNT, _INSIDE, _SQUARES = ".count", ".inside", ".squares"


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a flow: its name, who stays, and why the others leave."""

    name: str
    stays: pl.Expr
    reason: pl.Expr


@dataclass(frozen=True)
class Sample:
    """The people of one analysis as cells, with what the variance needs of the design.

    Attributes
    ----------
    study
        Where they come from.
    domain
        The condition that they meet; "" for everyone.
    weight
        The weight, with the reason for it.
    columns
        How each variable is read, by name: those of the analysis, not those of the domain.
    values
        One row a cell, one column a variable of the analysis: an Enum of its levels, or Float64; null is
        missing.
    unit, weights, persons
        For each cell its last-stage sampling unit, the sum of weights and the number of persons.
    units
        The sampling units of the whole design.
    unknown
        Number of persons for whom the domain's condition cannot be decided; they are outside.
    review
        Why every estimate of the analysis is for review, as its variables say; "" if none does.
    unfit
        Why no estimate of the analysis is shown, as its variables say; "" if all may be.
    squares
        For each cell the sum of the squared weights of its persons.
    mean_weight
        Of everyone in the study whose weight counts, in the domain or not.
    """

    study: Study
    domain: str
    weight: WeightChoice
    columns: dict[str, Column]
    values: pl.DataFrame
    unit: Indices
    weights: Floats
    persons: Indices
    units: Units
    unknown: int
    review: str = ""
    unfit: str = ""
    squares: Floats = field(default_factory=lambda: np.empty(0))
    mean_weight: float = np.inf

    @cached_property
    def label(self) -> str:
        """Name of the study with the cycles that contribute, as the result's column `study` shows it."""
        return label_of(self.study.label, self.study.design.cycles, self.weight.cycles)

    @cached_property
    def size(self) -> int:
        """Number of persons in the domain, those with missing values too."""
        return int(self.persons.sum())

    def complete(self, names: Sequence[str] | None = None) -> Mask:
        """Mark the cells that have a value in each of the variables named, or in all."""
        chosen = self.values.select(list(self.columns) if names is None else list(names))
        if not any(column.null_count() for column in chosen):
            return np.ones(len(self.unit), bool)
        return chosen.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()

    def codes(self, name: str) -> Indices:
        """Give the position of each cell's level among the column's levels; -1 where missing."""
        physical = self.values[name].to_physical().cast(pl.Int64)
        return (physical.fill_null(-1) if physical.null_count() else physical).to_numpy()

    def numbers(self, name: str) -> Floats:
        """Give each cell's value as a number, a case as 1 and its opposite as 0; NaN where missing."""
        column = self.columns[name]
        if column.continuous:
            values = self.values[name]
            return (values.fill_null(np.nan) if values.null_count() else values).to_numpy()
        require_countable(column, f"'{name}' has {len(column.levels)} levels and is not a number.")
        codes = self.codes(name)
        case = column.levels.index(column.case or "")
        return np.where(codes < 0, np.nan, (codes == case).astype(float))


def draw(
    study: Study,
    names: Sequence[str],
    domain: str = "",
    in_groups: Sequence[str] = (),
    by: Sequence[str] = (),
    *,
    aggregate: bool = True,
) -> Sample:
    """Gather the people of one analysis into cells.

    Parameters
    ----------
    study
        People, design and codebook.
    names
        Every variable of the analysis: outcome, exposure, adjustment, by.
    domain
        A condition in the domain language; null is outside.
    in_groups
        Those of the names that part people into groups: whole numbers of few values are levels there.
    by
        Those of the names within whose levels everything is estimated; they part people into groups too. By
        `cycle`, each cycle has its own weight.
    aggregate
        False for one cell per participant, in the order of `study.people`.

    Returns
    -------
    Sample
        The cells of the persons in the domain whose weight counts for these variables.

    Raises
    ------
    VariableError
        For a variable or level that the study does not have.
    DesignError
        For a weight that is missing, negative or infinite, and a broken design.
    EstimationError
        If nobody is in the domain, no cycle measured all variables, or a number is infinite.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 1], "age": [30, 40, 50]})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> draw(study, ["cramps"], "age > 35").size
    2
    """
    condition = conditions.parse(domain)
    columns = read(study, [*names, *condition.names], [*in_groups, *by])
    inside = condition.expression(study.people.schema).alias(_INSIDE)
    weight = weight_of(study, columns.values(), condition, by)
    chosen = {name: columns[name] for name in dict.fromkeys(names)}
    skeleton = skeleton_of(study, weight)
    rows = skeleton.select(inside, *(c.expression for c in chosen.values()))
    unknown = rows[_INSIDE].null_count()
    if domain.strip():
        rows = rows.filter(_INSIDE)
    if rows.is_empty():
        raise _empty(condition.text, skeleton, unknown)
    _require_finite(rows, chosen.values())
    cells = _cells(rows.drop(_INSIDE), chosen, skeleton, aggregate=aggregate)
    return Sample(
        study,
        condition.text,
        weight,
        chosen,
        cells.select(list(chosen)),
        cells[UNIT].to_numpy(),
        cells[WEIGHT].to_numpy(),
        cells[_COUNT].to_numpy(),
        skeleton.units,
        unknown,
        *remarks(column.variable for column in columns.values()),
        cells[_SQUARES].to_numpy(),
        float(skeleton.placed[WEIGHT].to_numpy().mean()),
    )


def weight_of(
    study: Study, columns: Iterable[Column], condition: conditions.Condition, by: Sequence[str] = ()
) -> WeightChoice:
    """Choose the weight of an analysis by all its variables and by what the domain says of the cycle."""
    variables = [column.variable for column in columns]
    return choose_weight(study.design, variables, condition, by_cycle=CYCLE in by)


def remarks(variables: Iterable[Variable]) -> tuple[str, str]:
    """Say why estimates with these variables are for review, and why they are unfit to be shown; "" if not.

    Examples
    --------
    >>> remarks([Variable("bmi", "body mass index", "number", review="recordings of a few people")])
    ('recordings of a few people', '')
    """
    every = list(variables)
    review = dict.fromkeys(v.review for v in every if v.review)
    unfit = dict.fromkeys(v.unfit for v in every if v.unfit)
    return "; ".join(review), "; ".join(unfit)


def flow(
    study: Study,
    outcome: str,
    exposure: str | None = None,
    *,
    adjust: Names | None = None,
    by: str | Sequence[str] = (),
    domain: str = "",
    diagram: Diagrams = None,
    allow_descendants: bool = False,
) -> pl.DataFrame:
    """Follow the people of a study into one analysis: how many are left after each step, and why others left.

    Parameters
    ----------
    study
        The study.
    outcome, exposure
        The variables of the analysis; who has no value in one of them leaves at the first that lacks it.
    adjust, diagram, allow_descendants
        As `tk.association`: None is the small set of the causal diagram for the exposure, and no covariate
        without an exposure.
    by
        Variables within whose levels the analysis is made; a missing level is in no group.
    domain
        A condition in the domain language; null is outside.

    Returns
    -------
    polars.DataFrame
        step, reason, n_left, n_out (`toolkit.results.FLOW_SCHEMA`): first everyone in the study, then one row
        for each reason to leave, last the people in the analysis: the sum of `n` over its groups. Respondents
        of cycles that do not contribute leave first, then those of weight 0. Persons are counted, without
        weights.

    Raises
    ------
    VariableError, DesignError
        As the analysis itself.

    Examples
    --------
    >>> import toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, None], "age": [30, 40, 50]})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> flow(study, outcome="cramps", domain="age > 35")["n_left"].to_list()
    [3, 2, 1, 1]
    """
    condition = conditions.parse(domain)
    groups = (by,) if isinstance(by, str) else tuple(by)
    question = Question(outcome, exposure, domain, groups, diagram, allow_descendants)
    covariates = variables_of(covariates_for(study, adjust, question))
    require_one_role(outcome=outcome, exposure=exposure or (), adjust=covariates)
    roles = dict.fromkeys([outcome, *([exposure] if exposure else []), *covariates, *groups])
    columns = read(study, [*roles, *condition.names], groups)
    weight = weight_of(study, columns.values(), condition, groups)
    skeleton_of(study, weight)
    steps = [
        *_cycle_step(study, weight),
        *_weight_step(study, weight),
        *_domain_step(study, condition),
        *(_known_step(study, columns[name]) for name in roles),
    ]
    rows, people = [(f"people in {study.label}", "", study.people.height, 0)], study.people
    for step in steps:
        counts, people = _leave(people, step)
        rows.extend(counts)
    rows.append(("in the analysis", "", people.height, 0))
    return pl.DataFrame(rows, schema=FLOW_SCHEMA, orient="row")


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
    undecided = pl.lit("a missing value leaves it open")
    reason = pl.when(inside.is_null()).then(undecided).otherwise(pl.lit("outside the domain"))
    return [_Step(f"in the domain: {condition.text}", inside.fill_null(value=False), reason)]


def _known_step(study: Study, column: Column) -> _Step:
    given = why(column.name)
    recorded = pl.col(given).cast(pl.String) if given in study.people.columns else pl.lit(None, pl.String)
    reason = recorded.fill_null("no value recorded")
    return _Step(f"{column.variable.label} known", column.expression.is_not_null(), reason)


def _leave(people: pl.DataFrame, step: _Step) -> tuple[list[tuple[str, str, int, int]], pl.DataFrame]:
    """Let those leave who do not pass a step: a row for each reason, the most frequent first."""
    reasons = people.filter(~step.stays).with_columns(reason=step.reason)["reason"].value_counts()
    left, rows = people.height, []
    for reason, out in reasons.sort(["count", "reason"], descending=[True, False]).iter_rows():
        left -= out
        rows.append((step.name, reason, left, out))
    return rows, people.filter(step.stays)


def _cells(
    rows: pl.DataFrame, columns: dict[str, Column], skeleton: Skeleton, *, aggregate: bool
) -> pl.DataFrame:
    squared = pl.col(WEIGHT).pow(2).alias(_SQUARES)
    if not aggregate or skeleton.rows_are_units or any(column.continuous for column in columns.values()):
        return rows.with_columns(pl.lit(1, pl.Int64).alias(_COUNT), squared)
    keys = [UNIT, *columns]
    totals = pl.col(WEIGHT).sum(), pl.len().cast(pl.Int64).alias(_COUNT), squared.sum()
    return rows.group_by(keys, maintain_order=True).agg(totals).sort(keys)


def _require_finite(rows: pl.DataFrame, columns: Iterable[Column]) -> None:
    """Raise if a number is infinite for someone: no total, mean, quantile or model of it means anything."""
    for name in (column.name for column in columns if column.continuous):
        infinite = int(rows[name].is_infinite().sum())
        if infinite:
            raise EstimationError(
                f"'{name}' is infinite for {infinite:,} people, so nothing can be estimated with it. Leave "
                f"them out by the domain, such as domain='{written(name)} > -1e9 and {written(name)} < 1e9', "
                "or correct the values."
            )


def _empty(text: str, skeleton: Skeleton, unknown: int) -> EstimationError:
    undecided = f" For {unknown:,} of them a missing value leaves it open." if unknown else ""
    condition = f"in the domain '{short(text)}'" if text else "in the analysis"
    return EstimationError(
        f"nobody is {condition}: none of {skeleton.placed.height:,} people with a weight.{undecided} Loosen "
        f"the condition; the levels and missing values of a variable: study.missing(...)."
    )
