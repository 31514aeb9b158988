"""Put the question of an association: one exposure, one outcome, what is adjusted for, and the estimand.

Takes a sample; gives what `rows.answer` answers. The model has main effects alone.
"""

from dataclasses import dataclass
from functools import partial

from toolkit.errors import EstimationError
from toolkit.estimate.regression.coefficient_rows import Asked
from toolkit.estimate.regression.fit import Degrees, Model
from toolkit.estimate.regression.formula.design_matrix import (
    Matrix,
    Term,
    levels_present,
    main_effects,
    of_level,
    per_unit,
)
from toolkit.estimate.regression.formula.factors import quoted
from toolkit.estimate.regression.likelihoods.glm import FAMILIES
from toolkit.estimate.regression.specification import require_estimand, require_two_levels
from toolkit.estimate.survey.analysis_sample import Mask, Sample
from toolkit.estimate.survey.roles import Column
from toolkit.results import ESTIMANDS, variables_of
from toolkit.variables.codebook import Variable

# The estimands that are coefficients of the exposure: the log link with Poisson variance is the modified
# Poisson of Zou (2004). An association may also average the predictions of its model.
COEFFICIENTS = ("prevalence_ratio", "odds_ratio", "prevalence_difference")
STANDARDIZED = ("standardised_prevalence", "standardised_ratio", "standardised_difference")


@dataclass(frozen=True)
class Comparison:
    """The question of one association.

    Attributes
    ----------
    outcome, exposure
        Names of variables.
    adjusted
        Covariates: names, or splines such as "rcs(age, 4)".
    estimand
        "prevalence_ratio", "odds_ratio", "prevalence_difference", or "standardised_prevalence",
        "standardised_ratio", "standardised_difference".
    confidence
        Of the interval.
    degrees
        "design" or "model": the degrees of freedom of intervals and tests.
    complete
        Further variables that must have a value.
    """

    outcome: str
    exposure: str
    adjusted: tuple[str, ...] = ()
    estimand: str = "prevalence_ratio"
    confidence: float = 0.95
    degrees: Degrees = "design"
    complete: tuple[str, ...] = ()


def compare(sample: Sample, asked: Comparison, by: tuple[str, ...] = (), *, terms: bool = False) -> Asked:
    """Make the question one to a model of these people.

    Parameters
    ----------
    sample
        Cells that hold the outcome, the exposure and all that is adjusted for; other variables too.
    asked
        The question.
    by
        Categories within whose levels it is answered.
    terms
        True for a row for each coefficient, on the link scale.

    Returns
    -------
    Asked
        For `rows.answer`.

    Raises
    ------
    EstimationError
        For an estimand that an association does not have.
    VariableError
        If the outcome has not two levels.
    """
    require_estimand(asked.estimand, (*COEFFICIENTS, *STANDARDIZED), "tk.association")
    family = FAMILIES[ESTIMANDS[asked.estimand].model]
    require_two_levels(sample.columns[asked.outcome], "tk.association")
    names = (asked.outcome, asked.exposure, *variables_of(asked.adjusted))
    names = (*names, *(name for name in asked.complete if name not in names))
    written = [quoted(term) if term in sample.columns else term for term in (asked.exposure, *asked.adjusted)]
    formula = f"{quoted(asked.outcome)} ~ {' + '.join(written)}"

    def of(people: Sample) -> Model:
        build = partial(_with_exposure, people, asked.exposure, asked.adjusted)
        column = people.columns[asked.outcome]
        return Model(
            people, column, names, family, build, elsewhere=of, formula=formula, degrees=asked.degrees
        )

    return Asked(
        of(sample),
        by,
        estimand="coefficient" if terms else asked.estimand,
        rows=None if terms else exposure_terms(sample.columns[asked.exposure].variable),
        adjust=", ".join(asked.adjusted),
        confidence=asked.confidence,
    )


def exposure_terms(variable: Variable) -> tuple[Term, ...]:
    """Name the rows that an exposure has: each level but the reference, or one a unit of a number."""
    if variable.kind == "number":
        return (per_unit(variable),)
    others = [level for level in variable.levels if level != variable.reference]
    return tuple(of_level(variable, level, variable.reference or "") for level in others)


def _with_exposure(sample: Sample, exposure: str, adjust: tuple[str, ...], inside: Mask) -> Matrix:
    column = sample.columns[exposure]
    if not column.continuous:
        _require_comparison(sample, column, inside)
    return main_effects(sample, (exposure,), inside, adjust)


def _require_comparison(sample: Sample, column: Column, inside: Mask) -> None:
    present = levels_present(column.variable, sample.codes(column.name)[inside])
    persons = int(sample.persons[inside].sum())
    if len(present) == 1:
        raise EstimationError(
            f"'{column.name}' has a single level among the {persons:,} persons of the analysis: all are "
            f"'{present[0]}'. There is nothing to compare; widen the domain."
        )
    if present[0] != column.reference:
        raise EstimationError(
            f"nobody among the {persons:,} persons of the analysis has '{column.name}' = "
            f"'{column.reference}', the reference. Widen the domain, or choose another reference: "
            f"tk.association(..., reference='{present[0]}')."
        )
