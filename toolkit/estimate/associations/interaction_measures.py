"""Estimate how two exposures work together: on the ratio scale and on the additive one.

Takes a study and two exposures of levels; gives result rows: joint ratios against a common reference, and
the measures of interaction.
Method: one model with the product of the exposures; measures of Rothman by the delta method (Hosmer and
Lemeshow 1992), reported as Knol and VanderWeele (2012) advise.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import exp, log, nan
from typing import Any

import numpy as np

from toolkit.dag.adjustment import Question, covariates_for
from toolkit.errors import DesignError, EstimationError, VariableError
from toolkit.estimate.regression.coefficient_rows import (
    Asked,
    common,
    failed,
    figures,
    verdict,
    with_covariates,
)
from toolkit.estimate.regression.comparison import COEFFICIENTS
from toolkit.estimate.regression.empty_cells import Smallest
from toolkit.estimate.regression.fit import Degrees, Model, Regression, regress
from toolkit.estimate.regression.formula import parser
from toolkit.estimate.regression.formula.design_matrix import Matrix, adjusted_matrix
from toolkit.estimate.regression.likelihoods.glm import FAMILIES
from toolkit.estimate.regression.specification import require_estimand, require_two_levels
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Mask, Sample, draw
from toolkit.estimate.survey.groups import counts, groups
from toolkit.estimate.survey.linearization import Estimate, covariance_of_rows
from toolkit.estimate.survey.references import with_references
from toolkit.estimate.survey.reliability import for_review
from toolkit.estimate.survey.transformed import transformed
from toolkit.estimate.survey.unvarying import not_estimable
from toolkit.results import ESTIMANDS, Estimates, frame, variables_of
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names, as_covariates, as_names, require_one_role, with_covariance


@dataclass(frozen=True)
class _Measure:
    """One number of the coefficients of the first exposure, the second and their product.

    `point` is on the scale of the standard error, NaN where the measure is undefined; `slope` is its
    derivative by the three.
    """

    estimand: str
    levels: tuple[int, int]
    point: Callable[[float, float, float], float]
    slope: Callable[[float, float, float], tuple[float, float, float]]


@with_covariance
def interaction(
    study: Study,
    outcome: str,
    exposures: tuple[str, str],
    *,
    reference: Mapping[str, str] | None = None,
    adjust: Names | None = None,
    estimand: str = "prevalence_ratio",
    domain: str = "",
    by: Names = (),
    allow_descendants: bool = False,
    df: Degrees = "design",
    confidence: float = 0.95,
) -> Estimates:
    """Estimate the joint effect of two exposures, and whether it is more than the two of them together.

    Parameters
    ----------
    study
        People, design and codebook.
    outcome
        A variable of two levels.
    exposures
        Two categories. Each pair of levels that are not the references is looked at.
    reference
        Exposure to the level that its others are compared with, such as {"sex": "female"}; None for those
        of the codebook.
    adjust
        As `association`: None is the small sets of the causal diagram for both exposures, `()` crude.
    estimand
        "prevalence_ratio", "odds_ratio" or "prevalence_difference".
    domain
        A condition in the domain language; null is outside.
    by
        Categories; all of it within each of their levels.
    allow_descendants
        True to adjust for descendants of exposure or outcome in the diagram, which are refused otherwise.
    df
        "design" or "model", as `association`.
    confidence
        Of the intervals, between 0 and 1.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        Result rows. For each pair of levels: the ratios of the first alone, the second alone and both, all
        against neither (`reference`); `ratio_of_ratios`, the ratio of the joint ratio to the product of the
        two (1: no interaction on the ratio scale); `reri`, the excess of the joint ratio over the sum of the
        single excesses (0: none on the additive scale); `attributable_proportion`, that excess as a part of
        the joint ratio; `synergy_index`, the joint excess over the sum of the single ones (1: none). For
        differences: `interaction_difference`.

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot stand where it does.
    EstimationError
        If the data cannot give the estimate, such as a pair of levels that nobody has.

    Notes
    -----
    With odds ratios of a common outcome the additive measures are not those of prevalences: take the
    prevalence ratio. A synergy index exists only where the exposures raise the prevalence: else its row says
    so; compare with the levels of lowest prevalence as references.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> pair = ("diabetes_told", "sex")
    >>> rows = tk.interaction(study, outcome="any_cramps", exposures=pair, adjust=())
    >>> rows["estimand"].to_list()[3:]
    ['ratio_of_ratios', 'reri', 'attributable_proportion', 'synergy_index']
    """
    intervals.check_confidence(confidence)
    require_estimand(estimand, COEFFICIENTS, "tk.interaction")
    family, by = FAMILIES[ESTIMANDS[estimand].model], as_names(by, "by")
    first, second = _two(exposures)
    study = with_references(study, (first, second), reference)
    _refuse_adjusted(second, outcome, variables_of(as_covariates(adjust or ())))
    # The names given, or what the diagram chooses for either exposure, without the other.
    asked_of = (Question(outcome, x, domain, by, None, allow_descendants) for x in (first, second))
    both = dict.fromkeys(term for question in asked_of for term in covariates_for(study, adjust, question))
    adjusted = tuple(term for term in both if variables_of([term])[0] not in exposures)
    names = (outcome, first, second, *variables_of(adjusted))
    require_one_role(outcome=outcome, exposures=(first, second), by=by)
    sample = draw(study, [*names, *by], domain, by=by)
    require_two_levels(sample.columns[outcome], "tk.interaction")
    for name in (first, second):
        _require_levels(sample, name)
    left, a, b = (parser.quoted(name) for name in (outcome, first, second))
    crossed = f"{left} ~ {a} * {b}"
    build = partial(_matrix, sample, parser.read(crossed), adjusted)
    formula = " + ".join([crossed, *adjusted])
    model = Model(sample, sample.columns[outcome], names, family, build, formula=formula, degrees=df)
    asked = Asked(model, by, estimand=estimand, adjust=", ".join(adjusted), confidence=confidence)
    rows, parts = [], []
    for levels, group in groups(sample, by):
        for row, part in _group_rows(asked, (first, second), levels, group):
            flagged = for_review(row, sample.review)
            rows.append({**common(asked), **dict(zip(by, levels, strict=True)), **flagged})
            parts.append(part)
    return frame(rows, by, covariance_of_rows(sample, parts))


def _matrix(sample: Sample, reading: parser.Reading, adjust: tuple[str, ...], inside: Mask) -> Matrix:
    own = parser.build(reading, sample, inside)
    return adjusted_matrix(sample, own.values[:, 1:], own.terms[1:], adjust, inside)


def _two(exposures: tuple[str, str]) -> tuple[str, str]:
    if isinstance(exposures, str) or len(exposures) != 2 or exposures[0] == exposures[1]:
        raise VariableError(
            "an interaction is of two exposures: tk.interaction(..., exposures=('diabetes_told', 'sex'))."
        )
    return exposures[0], exposures[1]


def _refuse_adjusted(second: str, outcome: str, adjusted: tuple[str, ...]) -> None:
    if second in (outcome, *adjusted):
        role = "the outcome" if second == outcome else "in adjust"
        raise VariableError(f"'{second}' is an exposure and {role}. Leave it out of one of them.")


def _require_levels(sample: Sample, name: str) -> None:
    if sample.columns[name].continuous:
        raise VariableError(
            f"'{name}' is a number, and an interaction is of levels. Cut it first: "
            f"study.derive('{name}_high', '{name} >= ...'). A number's product with another exposure: "
            f"tk.model(study, '... ~ {name} * ...')."
        )


def _group_rows(
    asked: Asked, pair: tuple[str, str], levels: tuple[str, ...], group: Mask
) -> Iterator[tuple[dict[str, Any], Estimate | None]]:
    sample, names = asked.model.sample, asked.model.names
    sizes = counts(sample, asked.by, levels, group & sample.complete(names))
    first, second = ([x for x in sample.columns[n].levels if x != sample.columns[n].reference] for n in pair)
    try:
        fitted = regress(asked.model, group)
    except (EstimationError, DesignError) as error:
        if not asked.by:
            raise
        for own in product(first, second):
            for measure in _measures(asked.estimand):
                yield {**_heading(sample, pair, own, measure), **sizes, **failed(str(error))}, None
        return
    told = set()
    for own in product(first, second):
        for row, part in _pair_rows(asked, fitted, pair, own):
            # One exposure alone against neither is part of several pairs where the other has more levels.
            if (key := (row["estimand"], row["level"])) not in told:
                told.add(key)
                yield with_covariates(fitted.covariates, {**row, **sizes, "n_cases": fitted.n_cases}), part


def _pair_rows(
    asked: Asked, fitted: Regression, pair: tuple[str, str], levels: tuple[str, str]
) -> Iterator[tuple[dict[str, Any], Estimate | None]]:
    sample = asked.model.sample
    places = _places(fitted, pair, levels)
    four = _counts(asked, fitted, pair, levels)
    for measure in _measures(asked.estimand):
        row = _heading(sample, pair, levels, measure)
        if places is None:
            yield {**row, **failed(f"nobody of the analysis has both {pair[0]}: {levels[0]} and {pair[1]}: "
                                   f"{levels[1]}, or one of them alone")}, None  # fmt: skip
            continue
        few = min(four.values())
        if (empty := _own(asked, four, measure)) and not empty.persons:
            yield {**row, **failed(not_estimable(str(empty.told), asked.model.firth()))}, None
            continue
        numbers, part = _measured(asked, fitted, places, measure)
        yield {**row, **(numbers if part is None else {**numbers, **verdict(fitted, few.told)})}, part


def _places(fitted: Regression, pair: tuple[str, str], levels: tuple[str, str]) -> list[int] | None:
    there = {(term.exposure, term.level): place for place, term in enumerate(fitted.terms)}
    keys = [*zip(pair, levels, strict=True), parser.cell_key(pair, levels)]
    return [there[key] for key in keys] if all(key in there for key in keys) else None


def _measured(
    asked: Asked, fitted: Regression, places: list[int], measure: _Measure
) -> tuple[dict[str, Any], Estimate | None]:
    a, b, ab = (float(fitted.coefficients[place]) for place in places)
    point = measure.point(a, b, ab)
    if not np.isfinite(point):
        return failed(
            "the exposures do not both raise the outcome, so that excesses have no ratio; see reri"
        ), None
    slopes = np.zeros((1, len(fitted.coefficients)))
    slopes[0, places] = measure.slope(a, b, ab)
    found, matrix = transformed(
        asked.model.sample, fitted, lambda at: np.array([measure.point(*at[places])]), slopes
    )
    error = float(np.sqrt(matrix[0, 0]))
    if not np.isfinite(error):
        return failed("with one of the replicate weights the measure is undefined; see reri"), None
    return figures(measure.estimand, asked.confidence, (point, error, fitted.df)), found


_Groups = dict[tuple[int, ...], Smallest]


def _own(asked: Asked, four: _Groups, measure: _Measure) -> Smallest:
    """Give the smallest count of the groups that a measure compares: two, or all of an interaction."""
    two = ((0, 0), measure.levels)
    return min(four[group] for group in (two if measure.estimand == asked.estimand else four))


def _counts(asked: Asked, fitted: Regression, pair: tuple[str, str], levels: tuple[str, str]) -> _Groups:
    """Count cases and others in each of the four groups, and keep the smaller count."""
    sample = asked.model.sample
    persons = sample.persons[fitted.inside]
    y = sample.numbers(asked.model.outcome.name)[fitted.inside]
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
        four[group] = min(Smallest(cases, f"cases with {named}"), Smallest(others, f"others with {named}"))
    return four


def _heading(
    sample: Sample, pair: tuple[str, str], levels: tuple[str, str], measure: _Measure
) -> dict[str, Any]:
    variables = [sample.columns[name].variable for name in pair]
    references = [variable.reference or "" for variable in variables]
    own = [(ref, x)[k] for ref, x, k in zip(references, levels, measure.levels, strict=True)]
    return {
        "estimand": measure.estimand,
        "exposure": ":".join(pair),
        "exposure_label": " × ".join(variable.label for variable in variables),
        "level": ", ".join(own),
        "level_label": ", ".join(own),
        "reference": ", ".join(references),
    }


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
    joint, single = exp(a + b + ab) - 1, exp(a) + exp(b) - 2
    return log(joint / single) if joint > 0 and single > 0 else nan


def _synergy_slope(a: float, b: float, ab: float) -> tuple[float, float, float]:
    both, single = exp(a + b + ab), exp(a) + exp(b) - 2
    joint = both / (both - 1)
    return joint - exp(a) / single, joint - exp(b) / single, joint


_ON_RATIOS = (
    _Measure("ratio_of_ratios", (1, 1), lambda _a, _b, ab: ab, lambda *_: (0, 0, 1)),
    _Measure(
        "reri",
        (1, 1),
        lambda a, b, ab: exp(a + b + ab) - exp(a) - exp(b) + 1,
        lambda a, b, ab: (exp(a + b + ab) - exp(a), exp(a + b + ab) - exp(b), exp(a + b + ab)),
    ),
    _Measure(
        "attributable_proportion",
        (1, 1),
        lambda a, b, ab: 1 - exp(-b - ab) - exp(-a - ab) + exp(-a - b - ab),
        lambda a, b, ab: (
            exp(-a - ab) - exp(-a - b - ab),
            exp(-b - ab) - exp(-a - b - ab),
            exp(-b - ab) + exp(-a - ab) - exp(-a - b - ab),
        ),
    ),
    _Measure("synergy_index", (1, 1), _synergy, _synergy_slope),
)
