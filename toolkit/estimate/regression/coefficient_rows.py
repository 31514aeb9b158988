"""Convert fitted coefficients to result rows; a comparison with an empty group gets an exact interval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from scipy.special import fdtrc

from toolkit.disclosure import WITHHELD, withheld_levels
from toolkit.errors import EstimationError
from toolkit.estimate.regression.fit import Regression
from toolkit.estimate.regression.formula import Term
from toolkit.estimate.regression.likelihoods import NotConvergedError, Penalized
from toolkit.estimate.regression.specification import ModelSpec
from toolkit.estimate.survey import (
    SMALLEST_DF,
    Column,
    Estimate,
    averages_of,
    cells_of,
    covariance_of_rows,
    delta_method,
    difference,
    effects,
    exact,
    exponential,
    finite,
    intervals,
    not_estimable,
    proportion,
    settled,
    t_columns,
)
from toolkit.results import ESTIMANDS, Estimates, Floats, frame, variables_of
from toolkit.variables import YES_NO

OUTCOME_LEVEL = "outcome_level"


@dataclass(frozen=True, eq=False)
class Own:
    """A row of a fit whose covariance is not the design's: the whole matrix, and the row's place in it."""

    matrix: Floats
    place: int


# Columns of a result row, and the estimate on the scale of its standard error with influence values and
# replicates; None where the row failed or has no standard error.
Reported = tuple[dict[str, Any], Estimate | Own | None]


@dataclass(frozen=True)
class Analysis:
    """A model, the categories within whose levels it is fitted, and how its rows report it."""

    model: ModelSpec
    by: tuple[str, ...] = ()
    estimand: str = "coefficient"
    terms: tuple[Term, ...] | None = None  # that have a row; None for all, on the link scale
    adjust: str = ""
    confidence: float = 0.95


@dataclass(frozen=True)
class Answer:
    """The rows of an analysis, as mappings by the names of the schema, with their estimates."""

    analysis: Analysis
    rows: list[dict[str, Any]]
    parts: list[Estimate | Own | None]

    def frame(self, **columns: str) -> Estimates:
        """Return the rows with their covariance as a result frame, with these columns in each."""
        levels = (OUTCOME_LEVEL,) if any(OUTCOME_LEVEL in row for row in self.rows) else ()
        rows = [{**row, **columns} for row in self.rows]
        return frame(rows, (*self.analysis.by, *levels), self.covariance())

    def covariance(self) -> Floats:
        """Compute the covariance of the rows, across groups too; NaN for a row without a standard error."""
        designs = [part if isinstance(part, Estimate) else None for part in self.parts]
        matrix = covariance_of_rows(self.analysis.model.sample, designs)
        own = [(row, part) for row, part in enumerate(self.parts) if isinstance(part, Own)]
        for (i, one), (j, other) in product(own, repeat=2):
            if one.matrix is other.matrix:
                matrix[i, j] = one.matrix[one.place, other.place]
        return matrix


def report_coefficients(analysis: Analysis, fitted: Regression) -> Iterator[Reported]:
    """Report the terms of an analysis, in order."""
    places = {_identify(term): place for place, term in enumerate(fitted.terms)}
    for term in analysis.terms or fitted.terms:
        row, part = _report_term(analysis, fitted, term, places.get(_identify(term)))
        if row["reliability"] in ("ok", "review") and _gives_back_few(analysis.model, fitted, term):
            row["reliability"] = WITHHELD
        yield {**heading_of(analysis, term), **row}, part


def _identify(term: Term) -> tuple[str, str, str, str]:
    return term.exposure, term.level, term.estimand, term.outcome_level


def report_contrasts(
    analysis: Analysis, fitted: Regression, headings: Sequence[Mapping[str, Any]], slopes: Floats
) -> Iterator[Reported]:
    """Report linear combinations of the first coefficients, one row of `slopes` for each heading."""
    wide = np.zeros((len(slopes), len(fitted.coefficients)))
    wide[:, : slopes.shape[1]] = slopes
    found, matrix = delta_method(analysis.model.sample, fitted.estimate, lambda at: wide @ at, wide)
    judged = verdict(fitted)
    for k, (heading, error) in enumerate(zip(headings, np.sqrt(matrix.diagonal()), strict=True)):
        numbers = (float(found.points[k]), float(error), fitted.df)
        row = {**heading, **figures(analysis.estimand, analysis.confidence, numbers), **judged}
        yield row, found.one(k)


def failed(reason: str) -> dict[str, Any]:
    """Mark a row that could not be estimated."""
    return {"reliability": "failed", "reason": reason}


def describe_term(term: Term, estimand: str) -> dict[str, Any]:
    """Describe what a row of a term is about."""
    return {
        **({OUTCOME_LEVEL: term.outcome_level} if term.outcome_level else {}),
        "estimand": estimand,
        "exposure": term.exposure or None,
        "exposure_label": term.exposure_label or None,
        "level": term.level,
        "level_label": term.level_label,
        "reference": term.reference,
    }


def heading_of(analysis: Analysis, term: Term) -> dict[str, Any]:
    """Describe a row of an analysis."""
    return describe_term(term, _estimand(analysis, term))


def _estimand(analysis: Analysis, term: Term) -> str:
    """Name a term's parameter: an intercept among ratios stays on the link scale."""
    if term.estimand != "coefficient":
        return term.estimand
    return analysis.estimand if term.exposure else "coefficient"


def _report_term(analysis: Analysis, fitted: Regression, term: Term, place: int | None) -> Reported:
    model, estimand, confidence = analysis.model, _estimand(analysis, term), analysis.confidence
    if place is None:
        named = term.exposure_label or term.exposure
        return failed(f"No participant of the analysis is in the group {named}: {term.level}."), None
    if fitted.penalized:
        return _report_penalized(analysis, fitted, fitted.penalized, term, place), Own(
            fitted.covariance, place
        )
    smallest = smallest_group(model, fitted, term) if analysis.terms else None
    if smallest and not smallest.persons:
        reason = str(smallest.reason)
        return compare_empty_group(model, fitted, term, estimand, confidence, reason=reason), None
    point, std_error = float(fitted.coefficients[place]), float(np.sqrt(fitted.covariance[place, place]))
    few = smallest.reason if smallest and term.reference is not None else None
    row = {
        **figures(estimand, confidence, (point, std_error, fitted.df)),
        **verdict(fitted, few or find_flaw(model, fitted, term, smallest)),
    }
    size = max(abs(point), float(fitted.scale[place]))
    row = settled(model.sample, fitted.inside, row, (size, fitted.influence[:, place]))
    if row["std_error"] is None:
        return row, None
    return row, fitted.estimate.one(place)


def _report_penalized(
    analysis: Analysis, fitted: Regression, found: Penalized, term: Term, place: int
) -> dict[str, Any]:
    """Report a coefficient of a separated fit: inverse information, profile interval, likelihood ratio."""
    estimand, point = _estimand(analysis, term), float(found.points[place])
    error = float(np.sqrt(found.covariance[place, place]))
    reason = "so that interval and test are those of the penalized likelihood"
    try:
        (low, high), (statistic, p) = found.interval(place, analysis.confidence), found.test(place)
    except NotConvergedError:
        low = high = statistic = p = nan
        reason = "and the penalized likelihood has no interval or test"
    shown = exponential if ESTIMANDS[estimand].scale == "log" else float
    return {
        **figures(estimand, analysis.confidence, (point, error, inf)),
        "conf_low": finite(shown(low)),
        "conf_high": finite(shown(high)),
        "statistic": statistic,
        "p_value": p,
        "df": None,
        "df_numerator": 1,
        "n_effective": fitted.n / found.deff,
        "deff": found.deff,
        "variance": f"inverse information, weights scaled to n / deff ({found.deff:.2f})",
        "reliability": "review",
        "reason": f"the outcome is separated by {found.along}, {reason}",
    }


def figures(estimand: str, confidence: float, found: tuple[float, float, float]) -> dict[str, Any]:
    """Give estimate, error, interval and test of a point, its standard error and degrees of freedom."""
    kind, (point, std_error, df) = ESTIMANDS[estimand], found
    row = t_columns(point, std_error, df, confidence, log=kind.scale == "log")
    if kind.family == "share" and 0 < point < 1:
        row["conf_low"], row["conf_high"] = intervals.around_share(point, std_error, df, confidence)
    return row if kind.null_value is not None else {**row, "statistic": None, "p_value": None}


def verdict(fitted: Regression, *reasons: str | None) -> dict[str, Any]:
    """Judge a row by the degrees of freedom of its model and by further reasons for review."""
    df, crowd = fitted.design_df, None
    if fitted.parameters > df:
        crowd = f"{fitted.parameters} coefficients on {df} degrees of freedom of the design"
    short = f"{df} degrees of freedom of the design, below {SMALLEST_DF}" if df < SMALLEST_DF else None
    reason = "; ".join(reason for reason in (short, crowd, *reasons) if reason)
    return {"reliability": "review" if reason else "ok", "reason": reason or None}


def test_jointly(fitted: Regression, places: list[int]) -> dict[str, Any]:
    """Test coefficients together, or give the reason why that is not possible."""
    try:
        f, df, size = fitted.joint_test(places)
    except EstimationError as error:
        return failed(str(error))
    return {"statistic": f, "p_value": float(fdtrc(size, df, f)), "df": df, "df_numerator": size}


def with_covariates(covariates: Sequence[tuple[str, str]], row: dict[str, Any]) -> dict[str, Any]:
    """Name the covariates as they entered the fit, with the reason where that is not as requested."""
    if not covariates:
        return row
    remarks = [
        f"{used} in place of {requested}, which has too few distinct values"
        if used
        else f"not adjusted for {variables_of([requested])[0]}, which does not vary"
        for requested, used in covariates
        if used != requested
    ]
    reason = "; ".join(filter(None, [row.get("reason"), *remarks]))
    return {**row, "adjust": ", ".join(used for _, used in covariates if used), "reason": reason or None}


def common(analysis: Analysis) -> dict[str, Any]:
    """Give the columns that all rows of an analysis share."""
    sample, outcome = analysis.model.sample, analysis.model.outcome.variable
    return {
        "study": sample.label,
        "domain": sample.domain,
        "outcome": outcome.name,
        "outcome_label": outcome.label,
        "adjust": analysis.adjust,
        "conf_level": analysis.confidence,
        "weight": sample.weight.component,
        "variance": sample.units.method,
    }


# Rates on fewer cases are not to be shown (NCHS, Parker et al. 2023); here they are for review.
FEW_CASES = 10


class Smallest(NamedTuple):
    """The smallest group of cases or noncases of a comparison: its number, and who they are."""

    persons: int
    who: str

    @property
    def reason(self) -> str | None:
        """The reason of a row, if the group is small."""
        if self.persons >= FEW_CASES:
            return None
        return f"only {self.persons} {self.who}, fewer than {FEW_CASES}" if self.persons else f"no {self.who}"


def smallest_group(model: ModelSpec, fitted: Regression, term: Term) -> Smallest | None:
    """Count cases and noncases of a term's level and reference; None where the term is not of levels."""
    levels = _compared_levels(model, term)
    if not levels or not model.outcome.case:
        return None
    outcome, column = model.outcome, model.sample.columns[term.exposure]
    everyone, cases = _count_levels(model, fitted, column)
    counts = {}
    for level in levels:
        place = column.levels.index(level)
        counts["with", level] = int(cases[place])
        counts["without", level] = int(everyone[place] - cases[place])
    (kind, level), count = min(counts.items(), key=lambda item: item[1])
    label = outcome.variable.label
    named = label if outcome.case == "yes" else f"{label}: {outcome.case}"
    return Smallest(count, f"participants {kind} {named} {_name_group(column, level)}")


def _count_levels(model: ModelSpec, fitted: Regression, column: Column) -> tuple[list[float], list[float]]:
    """Count the participants of each level of a variable, and the cases among them."""
    sample, cells = model.sample, cells_of(fitted.inside)
    arrays = (sample.codes(column.name), sample.persons, sample.numbers(model.outcome.name))
    codes, persons, y = (array[cells] for array in arrays)
    everyone, cases = (
        np.bincount(codes, own, minlength=len(column.levels)).tolist() for own in (persons, persons * y)
    )
    return everyone, cases


def _gives_back_few(model: ModelSpec, fitted: Regression, term: Term) -> bool:
    """Whether a term of a crude model is withheld, because a table of its two variables withholds a level."""
    others = [name for name in model.names if name != model.outcome.name]
    column = model.sample.columns.get(others[0]) if len(others) == 1 else None
    if column is None or column.continuous or not model.outcome.case:
        return False
    withheld = withheld_levels(
        column.levels, *_count_levels(model, fitted, column), model.sample.study.smallest_cell
    )
    reference = column.variable.reference or column.levels[0]
    return bool(withheld & {term.level if term.exposure else reference, term.reference or reference})


def find_flaw(
    model: ModelSpec, fitted: Regression, term: Term, smallest: Smallest | None = None
) -> str | None:
    """Explain why a standard error counts one group alone: the other has no case, or does not vary."""
    if model.family.name not in ("gaussian", "poisson"):
        return None
    smallest = smallest or smallest_group(model, fitted, term)
    if smallest:
        return None if smallest.persons else smallest.reason
    sample = model.sample
    for level in () if model.outcome.case else _compared_levels(model, term):
        y, column = sample.numbers(model.outcome.name)[fitted.inside], sample.columns[term.exposure]
        own = sample.codes(term.exposure)[fitted.inside] == column.levels.index(level)
        if own.any() and y[own].min() == y[own].max():
            persons = int(sample.persons[fitted.inside][own].sum())
            where = _name_group(column, level)
            return f"all {persons:,} participants {where} have the same '{model.outcome.name}'"
    return None


def compare_empty_group(
    model: ModelSpec, fitted: Regression, term: Term, estimand: str, confidence: float, *, reason: str
) -> dict[str, Any]:
    """Report a comparison with an empty group; only a crude difference or prevalence is estimable."""
    crude = set(model.names) == {model.outcome.name, term.exposure}
    if crude and ESTIMANDS[estimand].family == "difference" and term.reference is not None:
        level, reference = _proportions(model, fitted, term, (term.level, term.reference))
        found = difference(reference[0], level[0], confidence)
    elif crude and ESTIMANDS[estimand].family == "share":
        ((p, effect),) = _proportions(model, fitted, term, (term.level,))
        low, high = intervals.interval(p, "korn-graubard", confidence)
        found = {"estimate": p.estimate, "conf_low": finite(low), "conf_high": finite(high), "df": p.df}
        found |= exact(p, effect, "korn-graubard")
    else:
        return {"reliability": "failed", "reason": not_estimable(reason, model.firth())}
    return {**found, "scale": "identity", "reliability": "review", "reason": reason}


def _compared_levels(model: ModelSpec, term: Term) -> tuple[str, ...]:
    """Name the levels that a term compares; none where it is not of a variable's levels."""
    column = model.sample.columns.get(term.exposure)
    if column is None or column.continuous:
        return ()
    return tuple(level for level in (term.level, term.reference) if level in column.levels)


def _proportions(model: ModelSpec, fitted: Regression, term: Term, levels: Sequence[str]) -> list[Any]:
    sample, column = model.sample, model.sample.columns[term.exposure]
    codes = sample.codes(term.exposure)
    y = np.where(fitted.inside, sample.numbers(model.outcome.name), np.nan)[:, None]
    members = [fitted.inside & (codes == k) for k in range(len(column.levels))]
    (effect,) = effects(sample, y, members)
    groups, _ = averages_of(sample, y, [members[column.levels.index(level)] for level in levels])
    return [(proportion(group, 0, effect), effect) for group in groups]


def _name_group(column: Column, level: str) -> str:
    if column.levels == YES_NO:
        return f"among participants {'with' if level == 'yes' else 'without'} {column.variable.label}"
    return f"in the group {column.variable.label}: {level}"
