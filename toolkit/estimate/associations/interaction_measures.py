"""Estimate the interaction of two exposures on the multiplicative and the additive scale.

Method: one model with the product of the exposures; measures of Rothman by the delta method (Hosmer and
Lemeshow 1992), reported as Knol and VanderWeele (2012) recommend.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import log, nan
from typing import Any, Literal

import numpy as np
import polars as pl

from toolkit.dag import Diagrams, Question, covariates_for
from toolkit.errors import VariableError
from toolkit.estimate.regression import (
    COEFFICIENTS,
    Analysis,
    Degrees,
    Matrix,
    Reading,
    Regression,
    Reported,
    Smallest,
    Term,
    adjusted_matrix,
    cell_key,
    describe_term,
    estimate,
    failed,
    figures,
    read_formula,
    require_estimand,
    require_two_levels,
    specify_estimand,
    test_jointly,
    verdict,
)
from toolkit.estimate.survey import (
    Estimate,
    Sample,
    delta_method,
    draw,
    exponential,
    not_estimable,
    with_references,
)
from toolkit.results import ESTIMANDS, Estimates, Mask, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_covariates, as_names, quoted, require_one_role, with_covariance


@dataclass(frozen=True)
class _Measure:
    """One number of the coefficients of the first exposure, the second and their product."""

    estimand: str
    levels: tuple[int, int]
    point: Callable[[float, float, float], float]  # on the scale of the standard error, NaN where undefined
    slope: Callable[[float, float, float], tuple[float, float, float]]  # derivative by the three


@with_covariance
def interaction(
    study: Study,
    outcome: str,
    exposures: tuple[str, str],
    *,
    reference: Mapping[str, str] | Literal["lowest"] | None = None,
    adjust: Names | None = None,
    estimand: str = "prevalence_ratio",
    domain: str = "",
    by: Names = (),
    diagram: Diagrams = None,
    allow_descendants: bool = False,
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the joint effects of two exposures and their interaction on both scales.

    Parameters
    ----------
    study
        Participants, design and codebook.
    outcome
        A variable of two levels.
    exposures
        Two categories. Each pair of levels other than the references is reported.
    reference
        Exposure to the level that its others are compared with, such as {"sex": "female"}; None for those
        of the codebook. "lowest" for the combination with the lowest adjusted prevalence in the domain, on
        which additive measures should be based (Knol and others, Eur J Epidemiol 26 (2011) 433-438).
    adjust
        As for `association`: None is the small sets of the causal diagram for both exposures, `()` crude.
    estimand
        "prevalence_ratio", "odds_ratio" or "prevalence_difference".
    domain
        A condition such as "age >= 20"; missing is outside.
    by
        Categories; one model within each of their levels.
    diagram, allow_descendants, df
        As for `association`.
    confidence
        Confidence level, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows. For each pair of levels: the ratios of the first alone, the second alone and both, all
        against neither (`reference`); `ratio_of_ratios`, the ratio of the joint ratio to the product of the
        two (1: no interaction on the ratio scale); `reri`, the relative excess risk due to interaction (0:
        none on the additive scale); `attributable_proportion`, that excess as a proportion of the joint
        ratio; `synergy_index`, the joint excess over the sum of the single excesses (1: none). For
        differences: `interaction_difference`. If there are several pairs, `interaction_test` tests all
        products together: F with `df_numerator` and `df`, by the adjusted Wald test on q and df - q + 1
        degrees of freedom (`df="model"`: as R's regTermTest).

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot be used in its role.
    EstimationError
        If the estimate is not possible.

    Notes
    -----
    With odds ratios of a common outcome the additive measures are not those of prevalences: use the
    prevalence ratio. A synergy index exists only where both exposures increase the prevalence, so use
    `reference="lowest"`.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> pair = ("diabetes_told", "sex")
    >>> rows = tk.interaction(study, outcome="any_cramps", exposures=pair, adjust=())
    >>> rows["estimand"].to_list()[3:]
    ['ratio_of_ratios', 'reri', 'attributable_proportion', 'synergy_index']
    """
    require_estimand(estimand, COEFFICIENTS, "tk.interaction")
    by = as_names(by, "by")
    first, second = _require_two(exposures)
    if reference == "lowest":
        options: dict[str, Any] = {
            "adjust": adjust,
            "estimand": estimand,
            "domain": domain,
            "diagram": diagram,
        }
        crossed = interaction(
            study, outcome, exposures, allow_descendants=allow_descendants, df=df, **options
        )
        reference = _find_lowest(study, crossed, (first, second))
    elif reference is not None and not isinstance(reference, Mapping):
        raise VariableError(
            f"reference={reference!r} is not the level of each exposure. Use reference='lowest', or levels "
            f"such as reference={{'{first}': ..., '{second}': ...}}."
        )
    study = with_references(study, (first, second), reference)
    _refuse_adjusted(second, outcome, variables_of(as_covariates(adjust or ())))
    # The names given, or what the diagram chooses for either exposure, without the other.
    asked_of = (Question(outcome, x, domain, by, diagram, allow_descendants) for x in (first, second))
    both = dict.fromkeys(term for question in asked_of for term in covariates_for(study, adjust, question))
    adjusted = tuple(term for term in both if variables_of([term])[0] not in exposures)
    names = (outcome, first, second, *variables_of(adjusted))
    require_one_role(outcome=outcome, exposures=(first, second), by=by)
    sample = draw(study, [*names, *by], domain, by=by)
    require_two_levels(sample.columns[outcome], "tk.interaction")
    for name in (first, second):
        _require_levels(sample, name)
    left, a, b = (quoted(name) for name in (outcome, first, second))
    crossed = f"{left} ~ {a} * {b}"
    predictors, formula = _Crossed(read_formula(crossed), adjusted), " + ".join([crossed, *adjusted])
    model = specify_estimand(sample, names, estimand, predictors, degrees=df, formula=formula)
    analysis = Analysis(model, by, estimand, None, ", ".join(adjusted), confidence)
    pairs = list(product(sample.columns[first].others, sample.columns[second].others))
    headings = [
        _heading(sample, (first, second), levels, measure)
        for levels in pairs
        for measure in _measures(estimand)
    ]
    headings += [_head_test(sample, (first, second))] * (len(pairs) > 1)
    report = partial(_report_pairs, pair=(first, second), levels=pairs)
    return estimate(analysis, report=report, headings=headings).frame()


@dataclass(frozen=True)
class _Crossed:
    """Two exposures with their product, beside covariates."""

    reading: Reading
    adjust: tuple[str, ...]

    def matrix(self, sample: Sample, inside: Mask) -> Matrix:
        """Build the design matrix."""
        own = self.reading.matrix(sample, inside)
        return adjusted_matrix(sample, own.values[:, 1:], own.terms[1:], self.adjust, inside)


def _require_two(exposures: tuple[str, str]) -> tuple[str, str]:
    if isinstance(exposures, str) or len(exposures) != 2 or exposures[0] == exposures[1]:
        raise VariableError(
            "An interaction requires two exposures. Use tk.interaction(..., exposures=('diabetes_told', "
            "'sex'))."
        )
    return exposures[0], exposures[1]


def _find_lowest(study: Study, crossed: Estimates, pair: tuple[str, str]) -> dict[str, str]:
    """Return the levels of the two exposures whose combination has the lowest adjusted prevalence."""
    measure = crossed["estimand"][0]
    joint = crossed.filter(pl.col("estimand") == measure).select("level", "estimate").rows()
    prevalences = {crossed["reference"][0]: ESTIMANDS[measure].null_value or 0.0, **dict(joint)}
    combined = {", ".join(levels): levels for levels in product(*(study.codebook[x].levels for x in pair))}
    known = {level: value for level, value in prevalences.items() if value is not None and level in combined}
    return dict(zip(pair, combined[min(known, key=known.__getitem__)], strict=True))


def _refuse_adjusted(second: str, outcome: str, adjusted: tuple[str, ...]) -> None:
    if second in (outcome, *adjusted):
        role = "the outcome" if second == outcome else "in adjust"
        raise VariableError(f"'{second}' is an exposure and {role}. Remove it from one of them.")


def _require_levels(sample: Sample, name: str) -> None:
    if sample.columns[name].continuous:
        raise VariableError(
            f"'{name}' is continuous, and an interaction requires levels. Create them by study.derive("
            f"'{name}_high', '{name} >= ...'), or use tk.model(study, '... ~ {name} * ...') for a product."
        )


def _report_pairs(
    analysis: Analysis, fitted: Regression, pair: tuple[str, str], levels: Sequence[tuple[str, str]]
) -> Iterator[Reported]:
    seen = set()
    for own in levels:
        for row, part in _report_pair(analysis, fitted, pair, own):
            # One exposure alone against neither is part of several pairs where the other has more levels.
            if (key := (row["estimand"], row["level"])) not in seen:
                seen.add(key)
                yield row, part
    if len(levels) > 1:
        yield _test_products(analysis, fitted, pair, levels), None


def _test_products(
    analysis: Analysis, fitted: Regression, pair: tuple[str, str], levels: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Test all products of the two exposures together."""
    row = _head_test(analysis.model.sample, pair)
    places = [_find_places(fitted, pair, own) for own in levels]
    smallest = min(min(_count_groups(analysis, fitted, pair, own).values()) for own in levels)
    if not smallest.persons:
        return {**row, **failed(not_estimable(str(smallest.reason), analysis.model.firth()))}
    products = [found[-1] for found in places if found]
    return {**row, **verdict(fitted, smallest.reason), **test_jointly(fitted, products)}


def _report_pair(
    analysis: Analysis, fitted: Regression, pair: tuple[str, str], levels: tuple[str, str]
) -> Iterator[Reported]:
    sample = analysis.model.sample
    places = _find_places(fitted, pair, levels)
    four = _count_groups(analysis, fitted, pair, levels)
    for measure in _measures(analysis.estimand):
        row = _heading(sample, pair, levels, measure)
        compared = ((0, 0), measure.levels) if measure.estimand == analysis.estimand else tuple(four)
        smallest = min(four[group] for group in compared)
        if places is None:
            named = f"{pair[0]}: {levels[0]} and {pair[1]}: {levels[1]}"
            reason = f"No participant of the analysis has both {named}, or one of them alone."
            yield {**row, **failed(reason)}, None
        elif not smallest.persons:
            reason = not_estimable(str(smallest.reason), analysis.model.firth())
            yield {**row, **failed(reason)}, None
        else:
            numbers, part = _estimate_measure(analysis, fitted, places, measure)
            judged = {} if part is None else verdict(fitted, min(four.values()).reason)
            yield {**row, **numbers, **judged}, part


def _find_places(fitted: Regression, pair: tuple[str, str], levels: tuple[str, str]) -> list[int] | None:
    there = {(term.exposure, term.level): place for place, term in enumerate(fitted.terms)}
    keys = [*zip(pair, levels, strict=True), cell_key(pair, levels)]
    return [there[key] for key in keys] if all(key in there for key in keys) else None


def _estimate_measure(
    analysis: Analysis, fitted: Regression, places: list[int], measure: _Measure
) -> tuple[dict[str, Any], Estimate | None]:
    a, b, ab = (float(fitted.coefficients[place]) for place in places)
    point = measure.point(a, b, ab)
    if not np.isfinite(point):
        return failed(
            "the exposures do not both increase the outcome, so that excesses have no ratio; see reri"
        ), None
    slopes = np.zeros((1, len(fitted.coefficients)))
    slopes[0, places] = measure.slope(a, b, ab)
    sample, points = analysis.model.sample, lambda at: np.array([measure.point(*at[places])])
    found, matrix = delta_method(sample, fitted.estimate, points, slopes)
    error = float(np.sqrt(matrix[0, 0]))
    if not np.isfinite(error):
        return failed("with one of the replicate weights the measure is undefined; see reri"), None
    return figures(measure.estimand, analysis.confidence, (point, error, fitted.df)), found


def _count_groups(
    analysis: Analysis, fitted: Regression, pair: tuple[str, str], levels: tuple[str, str]
) -> dict[tuple[int, ...], Smallest]:
    """Count cases and noncases in each of the four groups, and keep the smaller count."""
    sample = analysis.model.sample
    persons = sample.persons[fitted.inside]
    y = sample.numbers(analysis.model.outcome.name)[fitted.inside]
    codes = [sample.codes(name)[fitted.inside] for name in pair]
    both = [(sample.columns[n].reference or "", x) for n, x in zip(pair, levels, strict=True)]
    four = {}
    for group in product((0, 1), repeat=2):
        own = [names[k] for names, k in zip(both, group, strict=True)]
        there = np.ones(len(y), bool)
        for name, code, level in zip(pair, codes, own, strict=True):
            there &= code == sample.columns[name].levels.index(level)
        named = " and ".join(f"'{name}' = '{level}'" for name, level in zip(pair, own, strict=True))
        cases, others = int((persons * y)[there].sum()), int((persons * (1 - y))[there].sum())
        four[group] = min(Smallest(cases, f"cases with {named}"), Smallest(others, f"noncases with {named}"))
    return four


def _heading(
    sample: Sample, pair: tuple[str, str], levels: tuple[str, str], measure: _Measure
) -> dict[str, Any]:
    variables = [sample.columns[name].variable for name in pair]
    references = [variable.reference or "" for variable in variables]
    own = [(ref, x)[k] for ref, x, k in zip(references, levels, measure.levels, strict=True)]
    label, level = " × ".join(variable.label for variable in variables), ", ".join(own)
    return describe_term(Term(":".join(pair), label, level, level, ", ".join(references)), measure.estimand)


def _head_test(sample: Sample, pair: tuple[str, str]) -> dict[str, Any]:
    label = " × ".join(sample.columns[name].variable.label for name in pair)
    term = Term(":".join(pair), label, "all products", "Wald F of all products")
    return {**describe_term(term, "interaction_test"), "conf_level": None}


def _measures(estimand: str) -> list[_Measure]:
    sums = [
        _Measure(estimand, (1, 0), lambda a, _b, _ab: a, lambda *_: (1, 0, 0)),
        _Measure(estimand, (0, 1), lambda _a, b, _ab: b, lambda *_: (0, 1, 0)),
        _Measure(estimand, (1, 1), lambda a, b, ab: a + b + ab, lambda *_: (1, 1, 1)),
    ]
    if ESTIMANDS[estimand].family == "difference":
        return [
            *sums,
            _Measure("interaction_difference", (1, 1), lambda _a, _b, ab: ab, lambda *_: (0, 0, 1)),
        ]
    return [*sums, *_ON_RATIOS]


def _synergy(a: float, b: float, ab: float) -> float:
    joint, single = exponential(a + b + ab) - 1, exponential(a) + exponential(b) - 2
    index = joint / single if joint > 0 and single > 0 else nan
    return log(index) if index > 0 else nan


def _synergy_slope(a: float, b: float, ab: float) -> tuple[float, float, float]:
    both, single = exponential(a + b + ab), exponential(a) + exponential(b) - 2
    joint = both / (both - 1)
    return joint - exponential(a) / single, joint - exponential(b) / single, joint


_ON_RATIOS = (
    _Measure("ratio_of_ratios", (1, 1), lambda _a, _b, ab: ab, lambda *_: (0, 0, 1)),
    _Measure(
        "reri",
        (1, 1),
        lambda a, b, ab: exponential(a + b + ab) - exponential(a) - exponential(b) + 1,
        lambda a, b, ab: (
            exponential(a + b + ab) - exponential(a),
            exponential(a + b + ab) - exponential(b),
            exponential(a + b + ab),
        ),
    ),
    _Measure(
        "attributable_proportion",
        (1, 1),
        lambda a, b, ab: 1 - exponential(-b - ab) - exponential(-a - ab) + exponential(-a - b - ab),
        lambda a, b, ab: (
            exponential(-a - ab) - exponential(-a - b - ab),
            exponential(-b - ab) - exponential(-a - b - ab),
            exponential(-b - ab) + exponential(-a - ab) - exponential(-a - b - ab),
        ),
    ),
    _Measure("synergy_index", (1, 1), _synergy, _synergy_slope),
)
