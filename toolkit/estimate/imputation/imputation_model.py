"""Define who is imputed, by which variables, and how the survey design enters the model.

Missing by design is not missing data: who was not asked, was examined in another cycle, or lies outside the
groups of a variable has no value to impute, and no part in an analysis of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from toolkit.dag import NoAdjustmentSetError, adjustment_for, nodes_of
from toolkit.errors import EstimationError, VariableError, join_list
from toolkit.estimate.imputation.clustered_matrix import ClusteredMatrix
from toolkit.estimate.imputation.completed_studies import followers, sources_of
from toolkit.estimate.imputation.conditional_draws import SLOPE, UNIT
from toolkit.estimate.regression import knots_at, spline
from toolkit.estimate.survey import ROW, Column, index_participants, number_values, read
from toolkit.results import Floats, Indices, Mask, variables_of
from toolkit.studies import HAS_VALUE, Study
from toolkit.variables import Names, as_covariates, as_names, reason_for, spline_of

# Reasons of values that do not exist, and of those known to be below a limit. Others are nonresponse.
BY_DESIGN = (
    "not asked",
    "not measured in this cycle",
    "not in the subsample",
    "below detection limit",
    "outside the domain",
    "outside the groups",
)
OUTCOMES = ("any_cramps", "frequent_cramps", "mild_cramps")
# Sampling units, or strata, enter as indicators if so many participants are in each of them on average.
_FEWEST_PER_UNIT, _MOST_UNITS = 20, 250


@dataclass(frozen=True)
class Question:
    """What is imputed, and by which variables; covariates as they enter, such as "rcs(age, 4)"."""

    targets: tuple[str, ...]
    covariates: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable of the model."""
        return tuple(dict.fromkeys((*self.targets, *variables_of(self.covariates))))


def ask(
    study: Study, variables: Names, outcome: str | None, exposure: str | None, predictors: Names | None
) -> Question:
    """Resolve what a call names: variables to impute that do not follow from others, and predictors."""
    wanted = as_names(variables, "variables")
    if not wanted:
        raise VariableError('Name a variable to impute: tk.impute(study, "income_ratio", outcome=...).')
    for name in wanted:
        study.variable(name)
    if outcome is None:
        outcome = next((name for name in OUTCOMES if name in study.people.columns), None)
    if outcome is None:
        raise VariableError(
            f"The outcome of the analysis has to be among the predictors, and '{study.name}' has none of "
            f"the toolkit's own. Name it: tk.impute(study, {wanted!r}, outcome=...)."
        )
    ends = (outcome,) if exposure is None else (outcome, exposure)
    given = as_covariates(predictors) if predictors is not None else _default_predictors(study, ends)
    incomplete = {name for name in wanted if study.people[name].null_count()}
    passive = {name for name in wanted if followers(study, incomplete - {name}).get(name)}
    targets = tuple(name for name in wanted if name not in passive)
    follows = followers(study, targets)
    before = {source for name in targets for source in sources_of(study, name)}
    covariates = [
        covariate
        for covariate in dict.fromkeys((*ends, *given))
        if not {*variables_of([covariate])} & {*targets, *follows}
        and not _is_useless(study, variables_of([covariate])[0], targets, before)
    ]
    return Question(targets, tuple(covariates))


def _default_predictors(study: Study, ends: tuple[str, ...]) -> tuple[str, ...]:
    """Return the core covariates, and for an exposure those of its adjustment set."""
    core = nodes_of(study, None).list_core(ends)
    try:
        chosen = adjustment_for(study, *ends).terms if len(ends) == 2 else ()
    except NoAdjustmentSetError:
        chosen = ()
    return tuple(dict.fromkeys((*core, *chosen)))


def _is_useless(study: Study, name: str, targets: Sequence[str], before: set[str]) -> bool:
    """Tell whether a source of a derived target is missing for everyone who lacks the target."""
    if name not in before or name not in study.people.columns:
        return False
    derived = [target for target in targets if name in sources_of(study, target)]
    lacking = study.people.filter(pl.any_horizontal(pl.col(target).is_null() for target in derived))
    return not lacking[name].count()


@dataclass(frozen=True)
class Data:
    """The participants of an imputation model, in an order that does not depend on that of the rows."""

    study: Study
    question: Question
    columns: Mapping[str, Column]
    # Numbers, NaN if missing, or codes of levels, -1 if missing; by variable.
    values: Mapping[str, Floats | Indices]
    weights: Floats
    # Indices of sampling units or strata, and the noun for what they are; "" if they do not enter.
    unit: Indices
    unit_noun: str
    # Place of each participant in `study.people`.
    rows: Indices
    # For each target its missing values: reason, n, n_imputed.
    reasons: Mapping[str, pl.DataFrame]

    def missing(self, name: str) -> Mask:
        """Mark the participants without a value."""
        own = self.values[name]
        return np.asarray(np.isnan(own) if self.columns[name].continuous else own < 0, bool)

    @cached_property
    def incomplete(self) -> tuple[str, ...]:
        """The variables with missing values, those with the fewest first."""
        counts = {name: int(self.missing(name).sum()) for name in self.question.names}
        return tuple(sorted((n for n in counts if counts[n]), key=lambda n: (counts[n], n)))


def draw_data(study: Study, question: Question) -> Data:
    """Read the participants who are eligible for every variable of the model and have a weight."""
    participants = index_participants(study, study.weight_for(question.names))
    columns = read(study, question.names)
    values = participants.arrays(columns.values())
    _refuse_infinite(columns, values)
    stated = participants.select(
        *(
            pl.when(pl.col(n).is_null())
            .then(reason_for(n, study.people.columns))
            .fill_null(HAS_VALUE)
            .alias(n)
            for n in columns
        )
    )
    eligible = ~stated.select(pl.any_horizontal(pl.col(n).is_in(BY_DESIGN) for n in columns)).to_series()
    within = np.flatnonzero(eligible.to_numpy())
    if not len(within):
        raise EstimationError(
            f"No participant is eligible for all of {join_list(question.names)}. Name fewer predictors: "
            f"tk.impute(study, {question.targets!r}, predictors=...)."
        )
    units, noun = _number_units(study, participants.placed[ROW].to_numpy(), within)
    weights = participants.weights[within]
    own = {name: array[within] for name, array in values.items()}
    order = np.lexsort((*own.values(), weights, units))
    return Data(
        study,
        question,
        columns,
        {name: array[order] for name, array in own.items()},
        weights[order],
        units[order],
        noun,
        participants.placed[ROW].to_numpy()[within][order],
        {name: _count_reasons(study, name, stated[name].gather(within)) for name in question.targets},
    )


def _refuse_infinite(columns: Mapping[str, Column], values: Mapping[str, Floats | Indices]) -> None:
    for name, column in columns.items():
        if column.continuous and np.isinf(values[name]).any():
            raise EstimationError(
                f"'{name}' has infinite values, which no regression can use. Correct them, or leave '{name}' "
                "out of the predictors."
            )


def _count_reasons(study: Study, name: str, used: pl.Series) -> pl.DataFrame:
    """Count the missing values of a variable by reason: of all participants, and of those imputed."""
    why = reason_for(name, study.people.columns)
    every = study.people.filter(pl.col(name).is_null()).group_by(reason=why).agg(n=pl.len().cast(pl.Int64))
    imputed = used.filter(used != HAS_VALUE).alias("reason").value_counts(name="n_imputed")
    joined = every.join(imputed, on="reason", how="left").with_columns(
        pl.col("n_imputed").cast(pl.Int64).fill_null(0)
    )
    return joined.sort("n", "reason", descending=[True, False])


def _number_units(study: Study, places: Indices, within: Indices) -> tuple[Indices, str]:
    """Return numbers of the PSUs, or of the strata where the PSUs are too many for indicators."""
    design, nobody = study.design, np.zeros(len(within), np.int64)
    first = design.stages[0] if design.stages else None
    for names, noun in (((design.strata, first), "PSUs"), ((design.strata,), "strata")):
        keys = [study.people[name].gather(places[within]) for name in names if name]
        if not keys or (noun == "PSUs" and not first):
            continue
        unit = number_values(keys, len(within))
        count = int(unit.max()) + 1
        if 1 < count <= min(_MOST_UNITS, len(within) // _FEWEST_PER_UNIT):
            return unit, noun
    return nobody, ""


@dataclass(frozen=True)
class Matrix:
    """The predictors of all variables side by side, with the columns of each variable."""

    X: ClusteredMatrix
    places: Mapping[str, slice]
    # Of the coefficients of a logit: one over the prior variance, 0 for the intercept.
    precision: Floats
    # For a number its center and twice its standard deviation.
    scales: Mapping[str, tuple[float, float]]

    def others(self, name: str) -> Indices:
        """List the columns of the other variables."""
        place = self.places[name]
        return np.delete(np.arange(self.X.width), np.arange(place.start, place.stop))

    def write(self, X: ClusteredMatrix, data: Data, name: str, rows: Indices, values: Any) -> None:
        """Enter values of an incomplete variable."""
        place = self.places[name]
        if data.columns[name].continuous:
            center, size = self.scales[name]
            X.Z[rows, place.start] = (values - center) / size
        else:
            X.Z[rows, place] = np.equal(values[:, None], _shown_levels(data, name))


def _shown_levels(data: Data, name: str) -> Indices:
    """Return the codes of the levels that occur, but for the most frequent."""
    codes = np.asarray(data.values[name], np.int64)
    counts = np.bincount(codes[codes >= 0])
    present = np.flatnonzero(counts)
    return np.asarray(present[present != counts.argmax()], np.int64)


def build_matrix(data: Data) -> Matrix:
    """Build the predictors; missing values are entered as the mean of their variable."""
    blocks: list[Floats] = [np.ones((len(data.rows), 1))]
    precision, places = [0.0], {}
    scales: dict[str, tuple[float, float]] = {}
    for covariate in (*data.question.covariates, *data.question.targets):
        (name,) = variables_of([covariate])
        block = _build_block(data, covariate, name, scales)
        start = sum(own.shape[1] for own in blocks)
        places[name] = slice(start, start + block.shape[1])
        blocks.append(block)
        precision += [SLOPE**-2] * block.shape[1]
    logs = np.log(data.weights)
    if np.ptp(logs) > 0:
        blocks.append(((logs - logs.mean()) / (2 * logs.std()))[:, None])
        precision.append(SLOPE**-2)
    X = ClusteredMatrix(np.column_stack(blocks), data.unit)
    precision += [UNIT**-2] * (X.width - len(precision))
    return Matrix(X, places, np.array(precision), scales)


def _build_block(data: Data, covariate: str, name: str, scales: dict[str, tuple[float, float]]) -> Floats:
    own, lost = data.values[name], data.missing(name)
    if not data.columns[name].continuous:
        block = np.equal(np.asarray(own)[:, None], _shown_levels(data, name)).astype(float)
        block[lost] = block[~lost].mean(axis=0) if (~lost).any() else 0.0
        return block
    center, size = float(np.mean(own[~lost])), 2 * float(np.std(own[~lost])) or 1.0
    scales[name] = center, size
    knots = spline_of(covariate)
    if knots and not lost.any():
        try:
            return _scale(_spline(np.asarray(own, np.float64), name, knots[1]))
        except EstimationError:  # Too few different values: a straight line.
            pass
    return np.where(lost, 0.0, (own - center) / size)[:, None]


def _spline(values: Floats, name: str, numbers: Sequence[float]) -> Floats:
    knots = sorted(numbers) if len(numbers) > 1 else knots_at(values, np.ones(len(values)), numbers[0], name)
    return spline(values, knots)


def _scale(block: Floats) -> Floats:
    spread = block.std(axis=0)
    return np.asarray((block - block.mean(axis=0)) / np.where(spread > 0, 2 * spread, 1.0), np.float64)


def list_names(names: Iterable[str]) -> str:
    """Quote names for a message."""
    return join_list([f"'{name}'" for name in names])
