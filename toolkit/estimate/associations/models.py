"""Estimate associations and regression models with design-based standard errors."""

from dataclasses import dataclass, replace

from toolkit.dag import (
    SIZES,
    Adjustment,
    Diagrams,
    NoAdjustmentSetError,
    Question,
    Size,
    adjustment_for,
    covariates_for,
)
from toolkit.errors import require_study
from toolkit.estimate.associations.marginal_effects import standardized_association
from toolkit.estimate.regression import (
    COEFFICIENTS,
    STANDARDIZED,
    Analysis,
    Degrees,
    Exposed,
    estimate,
    exposure_terms,
    ratio_of,
    require_estimand,
    specify_association,
    specify_formula,
)
from toolkit.estimate.survey import draw, with_reference
from toolkit.results import Estimates, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_covariates, as_names, require_one_role, with_covariance


@with_covariance
def association(
    study: Study,
    outcome: str,
    exposure: str,
    *,
    reference: str | None = None,
    adjust: Names | None = None,
    complete: Names = (),
    estimand: str = "prevalence_ratio",
    domain: str = "",
    by: Names = (),
    terms: bool = False,
    confidence: float = 0.95,
    diagram: Diagrams = None,
    allow_descendants: bool = False,
    df: Degrees = "design",
) -> Estimates:
    """Estimate the crude or adjusted association of an exposure with a binary outcome.

    Parameters
    ----------
    study
        Participants, design and codebook.
    outcome
        A variable of two levels. The case is yes, 1 or true, otherwise the second level of a declared order;
        two levels of plain text are refused.
    exposure
        A category, whose levels are compared with its reference, or a continuous variable, per unit.
    reference
        The level of the exposure that others are compared with; None for that of the codebook.
    adjust
        None or "small" for the small set of the causal diagram, in which age is "rcs(age, 4)"; "full" or
        "core" for its other sets, see `tk.adjustment_for`; names of covariates, each of which may be a spline
        such as "rcs(age, 4)"; `()` for a crude estimate.
    complete
        Further variables that must have a value, such as the covariates of a larger model: crude and adjusted
        estimates are then of the same participants, with the same weight.
    estimand
        "prevalence_ratio" (log link, Poisson variance), "odds_ratio" (logit) or "prevalence_difference"
        (identity link); or, averaged over the participants from a logit model, "standardised_prevalence" (a
        row for every level, including the reference), "standardised_ratio" and "standardised_difference", as
        in `tk.margins`.
    domain
        A condition such as "age >= 20 and sex == 'female'"; missing is outside.
    by
        Categories; one estimate within each of their levels.
    terms
        True for one row per coefficient, the intercept first, on the link scale.
    confidence
        Confidence level, between 0 and 1.
    diagram
        The file of your own causal diagram; None for the toolkit's.
    allow_descendants
        True to accept descendants of exposure or outcome in the diagram as covariates.
    df
        "design": PSUs minus strata among the participants of the fit, as Stata and SUDAAN. "model": PSUs
        minus strata plus 1 minus coefficients, as R's svyglm.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One result row per exposure level (except the reference) and level of `by`. A level of `by` that
        cannot be estimated has a row with the reason. `adjust` lists the covariates as they entered; `reason`
        says which were dropped because they do not vary. More coefficients than degrees of freedom of the
        design are flagged for review.

    Raises
    ------
    VariableError
        For an unknown variable, or one that cannot be used in its role.
    EstimationError
        If the estimate is not possible: no variation, separation, collinear terms, too few PSUs.

    Notes
    -----
    Linearized variance (Binder 1983) over the whole design and t intervals, as svyglm of R's survey package.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 0, 1, 1, 0, 1, 1], "diabetes": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> found = tk.association(study, outcome="cramps", exposure="diabetes", adjust=())
    >>> round(found["estimate"].item(), 6)
    1.5
    """
    require_estimand(estimand, (*COEFFICIENTS, *STANDARDIZED), "tk.association")
    groups, study = as_names(by, "by"), with_reference(study, exposure, reference)
    question = Question(outcome, exposure, domain, groups, diagram, allow_descendants)
    adjusted = covariates_for(study, adjust, question)
    require_one_role(outcome=outcome, exposure=exposure, by=groups)
    covariates, also = variables_of(adjusted), variables_of(as_covariates(complete))
    asked = Exposed(exposure, adjusted).asked(study, also, averages=estimand in STANDARDIZED)
    if estimand == "prevalence_difference":
        asked = replace(asked, averaged=[*asked.streamed, *asked.computed])
    sample = draw(
        study,
        [outcome, exposure, *covariates, *groups, *also],
        domain,
        by=groups,
        asked=asked,
    )
    names = (outcome, exposure, adjusted)
    fitted = specify_association(sample, names, estimand, complete=also, degrees=df)
    analysis = Analysis(fitted, groups, adjust=", ".join(adjusted), confidence=confidence)
    if terms:
        return estimate(analysis).frame()
    if estimand in STANDARDIZED:
        return standardized_association(analysis, exposure, estimand).frame()
    shown = exposure_terms(sample.columns[exposure].variable)
    return estimate(replace(analysis, estimand=estimand, terms=shown)).frame()


@with_covariance
def model(
    study: Study,
    formula: str,
    family: str = "logit",
    domain: str = "",
    offset: str | None = None,
    *,
    by: Names = (),
    exponentiate: bool = False,
    confidence: float = 0.95,
    df: Degrees = "model",
) -> Estimates:
    """Fit a regression model specified by a formula.

    Parameters
    ----------
    study
        Participants, design and codebook.
    formula
        Such as "any_cramps ~ sex * age + I(bmi ** 2)", with R's operators and R's columns: treatment
        contrasts against the reference, and a column for each level where an interaction is without its main
        effects. Other names than plain words are in backticks. docs/formulas.md lists the functions and what
        is not accepted. For the family "cox": "Surv(time, event) ~ ..." or
        "Surv(entry, time, event) ~ ...", with strata(...) among the terms.
    family
        For an outcome of two levels "logit", "probit", "cloglog", "loglog", "cauchit", "log-binomial",
        "binomial-identity", and "firth" (a logit with Firth's penalty, for empty levels and separation). For
        a count or two levels "poisson" (log link) and "poisson-identity". For a continuous outcome
        "gaussian", "gaussian-log", and if it is positive "gamma" and "inverse-gaussian" (log link). Also
        "ordinal" (proportional odds), "multinomial" (each level against the reference), "negative-binomial"
        (log link) and "cox" (ties by Efron). Any other distribution or link: `tk.survey_inference`.
    domain
        A condition such as "age >= 20"; missing is outside.
    offset
        A continuous variable or arithmetic such as "log(follow_up)", which enters with the coefficient 1.
    by
        Categories; one model within each of their levels.
    exponentiate
        True for ratios in place of coefficients: of odds, prevalences, rates or hazards. The intercept,
        cutpoints and dispersion stay as they are.
    confidence
        Confidence level, between 0 and 1.
    df
        "model": PSUs minus strata plus 1 minus coefficients, as R's svyglm. "design": PSUs minus strata.
    covariance
        True to return a tuple of the rows and their covariance matrix.

    Returns
    -------
    Estimates
        One result row per coefficient on the link scale, the intercept first; estimand "coefficient".
        Cutpoints of the ordinal and the dispersion of the negative binomial model come last; the multinomial
        model has a column `outcome_level` in front.

    Raises
    ------
    VariableError
        For a formula that cannot be read, an unknown variable, or one that cannot be used in its role.
    EstimationError
        If the estimate is not possible: no variation, separation, collinear terms, too few PSUs.

    Notes
    -----
    As svyglm, svyolr and svycoxph of R's survey package; see `association`. Cutpoints have the sign of
    R's: logit P(Y <= k) = cutpoint - terms.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"nights": [0.0, 2.0, 1.0, 5.0], "age": [20.0, 30.0, 40.0, 70.0]})
    >>> study = tk.study(people, design=tk.Design.none(), name="mine")
    >>> tk.model(study, "nights ~ age", family="gaussian")["level"].to_list()
    ['intercept', 'per unit']
    """
    groups = as_names(by, "by")
    fitted = specify_formula(
        study, formula, family, domain, offset, by=groups, degrees=df, passes="coefficients"
    )
    ratio = ratio_of(family, fitted.outcome, offset=bool(offset)) if exponentiate else "coefficient"
    return estimate(Analysis(fitted, groups, ratio, confidence=confidence)).frame()


CRUDE, FIRST, SECOND, BOTH, GIVEN = "Crude", "Model 1", "Model 2", "Models 1 and 2", "Adjusted as requested"


@dataclass(frozen=True)
class ModelSets:
    """The adjustment sets of one association.

    Attributes
    ----------
    models
        Name to covariates, in the order of a table: crude, Model 1 (age, sex, race/ethnicity, education and
        income), and Model 2, the main result. Where both are one set, it is listed once.
    main
        The covariates of the main result.
    full
        Every measured confounder of the diagram, for sensitivity analyses; () where it has no set.
    chosen
        The diagram's own set with its grounds; None where it has none.
    given
        The covariates that were named in place of the diagram's; None if they are the diagram's.
    why_none
        Why the diagram has no set for this outcome and exposure, as a sentence; "" if it has one.
    """

    models: dict[str, tuple[str, ...]]
    main: tuple[str, ...]
    full: tuple[str, ...]
    chosen: Adjustment | None
    given: tuple[str, ...] | None
    why_none: str = ""

    @property
    def complete(self) -> tuple[str, ...]:
        """The variables of all models; with a value in each, every model has the same participants."""
        return variables_of(covariate for covariates in self.models.values() for covariate in covariates)

    @property
    def labels(self) -> dict[str, str]:
        """The name of each set by its covariates; a set of one covariate keeps the label of its variable."""
        return {
            ", ".join(covariates): name for name, covariates in self.models.items() if len(covariates) > 1
        }


def adjustment_models(
    study: Study,
    outcome: str,
    exposure: str,
    *,
    adjust: Names | None = None,
    domain: str = "",
    diagram: Diagrams = None,
) -> ModelSets:
    """Choose the covariates of the models that a table of one association shows side by side.

    Parameters
    ----------
    study
        The study.
    outcome, exposure
        Variables of the study.
    adjust
        The covariates of the main result, as `tk.association` takes them; None for the diagram's small set.
    domain
        A condition such as "age >= 20".
    diagram
        The path of your own causal diagram; None for the toolkit's.

    Returns
    -------
    ModelSets
        Give each of `models` to `tk.association(..., adjust=..., complete=sets.complete)`.

    Raises
    ------
    VariableError, DatasetError
        As `tk.adjustment_for`. Where `adjust` names covariates and the diagram has no set for these
        variables, the models are the crude one and the one requested.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> sets = tk.adjustment_models(study, outcome="any_cramps", exposure="arthritis", domain="age >= 20")
    >>> list(sets.models), "bmi" in sets.main
    (['Crude', 'Model 1', 'Model 2'], True)
    """
    require_study(study, "tk.effects.adjustment_models")
    named = {"outcome": outcome, "exposure": exposure, "domain": domain, "diagram": diagram}
    size: Size = adjust if adjust in SIZES else "small"
    given = None
    if adjust is not None and adjust not in SIZES:
        given = covariates_for(study, adjust, Question(**named))  # type: ignore[arg-type]
    try:
        chosen, core, full = (adjustment_for(study, **named, size=s) for s in (size, "core", "full"))  # type: ignore[arg-type]
    except NoAdjustmentSetError as error:
        if given is None:
            raise
        return ModelSets(_distinct({CRUDE: (), GIVEN: given}), given, (), None, given, error.finding)
    main = chosen.terms if given is None else given
    models = {CRUDE: (), FIRST: core.terms, SECOND if given is None else GIVEN: main}
    if set(main) == set(core.terms):
        models = {CRUDE: (), BOTH: main}
    return ModelSets(_distinct(models), main, full.terms, chosen, given)


def _distinct(models: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Leave out a model with the covariates of an earlier one, such as one without any beside the crude."""
    first = {frozenset(own): name for name, own in reversed(models.items())}
    return {name: own for name, own in models.items() if first[frozenset(own)] == name}
