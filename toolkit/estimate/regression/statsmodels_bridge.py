"""Supply statsmodels with a design matrix, and its fitted GLM with the survey design's standard errors.

`design_matrix` supplies what statsmodels fits, `survey_inference` turns its fit into result rows.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import EstimationError, require_known, require_study
from toolkit.estimate.regression.coefficient_rows import Analysis, Answer
from toolkit.estimate.regression.formula import PER_UNIT, Term
from toolkit.estimate.regression.likelihoods import adopt_family
from toolkit.estimate.regression.model_estimates import estimate
from toolkit.estimate.regression.specification import Degrees, ModelSpec, ratio_of, specify_formula
from toolkit.estimate.survey import Estimate
from toolkit.results import Estimates, Floats, Indices
from toolkit.studies import Study
from toolkit.variables import with_covariance

if TYPE_CHECKING:
    import pandas as pd

# A fit farther from the maximum than this part of a standard error maximizes something else.
_CLOSE = 1e-3
_RATIOS_OF_LINK = {
    "Log": ("prevalence_ratio", "rate_ratio", "hazard_ratio"),
    "Logit": ("odds_ratio",),
    "CLogLog": ("hazard_ratio",),
}
_EXAMPLE = "sm.GLM(d.endog, d.exog, family=sm.families.{}(), var_weights=d.weights).fit()"


@dataclass(frozen=True, eq=False, repr=False)
class DesignMatrix:
    """The analytic sample of a regression model as arrays: n participants, k columns.

    Attributes
    ----------
    y
        The outcome (n,): a number, or 1 for a case and 0 otherwise.
    X
        The design matrix (n, k), the intercept first. Categories have treatment contrasts.
    names
        Names of the k columns, such as "intercept", "age" and "sex: female".
    weights
        The survey weight (n,), above 0, rescaled and calibrated as in every estimate.
    strata
        The stratum of each participant (n,), numbered from 0; None for replicate weights.
    psus
        The sampling unit of each participant at each stage, first stage first: arrays (n,) of numbers from 0
        that differ between strata. One stage if the first was drawn with replacement; none for replicate
        weights.
    offset
        What the offset adds to the linear predictor (n,); None without an offset.
    outcome
        The outcome's name.
    model
        The model as `survey_inference` needs it.
    """

    y: Floats
    X: Floats
    names: tuple[str, ...]
    weights: Floats
    strata: Indices | None
    psus: tuple[Indices, ...]
    offset: Floats | None
    outcome: str
    model: ModelSpec

    @property
    def n(self) -> int:
        """Number of participants."""
        return len(self.y)

    @property
    def endog(self) -> "pd.Series[float]":
        """`y` as a pandas Series with the outcome's name, as statsmodels prints it."""
        import pandas as pd

        return pd.Series(self.y, name=self.outcome)

    @property
    def exog(self) -> "pd.DataFrame":
        """`X` as a pandas DataFrame, so that statsmodels prints the names of the columns."""
        import pandas as pd

        return pd.DataFrame(self.X, columns=list(self.names))

    def __repr__(self) -> str:
        design = self.model.sample.units.method
        if self.strata is not None:
            units = " and ".join(f"{len(np.unique(unit)):,}" for unit in self.psus)
            design = f"{len(np.unique(self.strata)):,} strata, {units} sampling units"
        return (
            f"DesignMatrix(outcome='{self.outcome}', n={self.n:,}, columns={list(self.names)}, "
            f"weight='{self.model.sample.weight.component}', {design})"
        )


def design_matrix(study: Study, formula: str, domain: str = "", *, offset: str | None = None) -> DesignMatrix:
    """Build the outcome, design matrix, weights and sampling units of a regression model.

    Parameters
    ----------
    study
        Participants, design and codebook.
    formula
        As for `tk.model`, such as "any_cramps ~ sex * age + I(bmi ** 2)". The outcome is continuous or has
        two levels.
    domain
        A condition such as "age >= 20". A missing value is outside.
    offset
        A continuous variable or arithmetic such as "log(follow_up)", which enters with the coefficient 1.

    Returns
    -------
    DesignMatrix
        One row per participant in the domain with complete data and a positive weight, in the order of
        `study.people`.

    Raises
    ------
    VariableError
        For a formula that cannot be read, an unknown variable, or one that cannot be used in its place.
    DesignError
        For an invalid weight or design.
    EstimationError
        If no participant is in the domain, or none has complete data.

    See Also
    --------
    survey_inference : Turn a fit of statsmodels into result rows.

    Examples
    --------
    >>> import toolkit as tk
    >>> sample = tk.design_matrix(tk.open_study("simulated"), "any_cramps ~ sex + age", "age >= 20")
    >>> sample.names, sample.X.shape == (sample.n, 3)
    (('intercept', 'sex: female', 'age'), True)
    """
    require_study(study, "tk.design_matrix")
    model = specify_formula(study, formula, "gaussian", domain, offset, aggregate=False)
    sample = model.sample
    inside = sample.complete(model.names)
    if not inside.any():
        raise EstimationError(
            f"None of {sample.size:,} participants has complete data for this formula. Find the variable "
            f"with missing values: study.missing('{model.outcome.name}')."
        )
    matrix = model.matrix(inside)
    strata, psus = _sampling_units(model, sample.unit[inside])
    return DesignMatrix(
        sample.numbers(model.outcome.name)[inside],
        matrix.values,
        tuple(_name_column(term) for term in matrix.terms),
        sample.weights[inside],
        strata,
        psus,
        model.shift(inside),
        model.outcome.name,
        model,
    )


def _name_column(term: Term) -> str:
    if not term.exposure:
        return term.level
    return term.exposure if term.level == PER_UNIT else f"{term.exposure}: {term.level}"


def _sampling_units(model: ModelSpec, unit: Indices) -> tuple[Indices | None, tuple[Indices, ...]]:
    units = model.sample.units
    if units.replication is not None:
        return None, ()
    if units.residuals is not None:
        unit = units.residuals.parent[unit]
    psus: list[Indices] = []
    for stage in reversed(units.stages):
        psus.insert(0, unit)
        unit = stage.parent[unit]
    return unit, tuple(psus)


@with_covariance
def survey_inference(
    fitted: Any,
    sample: DesignMatrix,
    *,
    estimand: str = "coefficient",
    exponentiate: bool = False,
    confidence: float = 0.95,
    df: Degrees = "model",
) -> Estimates:
    """Estimate the design-based covariance of a generalized linear model that statsmodels fitted.

    Parameters
    ----------
    fitted
        The result of `sm.GLM(sample.endog, sample.exog, family=..., var_weights=sample.weights).fit()`, with
        any distribution and link of statsmodels. `freq_weights` serve as well, and the weights may be
        multiplied by a constant. Pass `offset=sample.offset` if the sample has one.
    sample
        What `tk.design_matrix` returned, and the model was fitted to.
    estimand
        "coefficient" for the link scale, or the name of the ratio that the exponential of a coefficient is,
        such as "rate_ratio".
    exponentiate
        True for the ratio that follows from distribution and link.
    confidence
        Confidence level, between 0 and 1.
    df
        "model": PSUs minus strata plus 1 minus coefficients, as R's svyglm. "design": PSUs minus strata.
    covariance
        True to return the covariance of the rows too, on the scale of their standard errors.

    Returns
    -------
    Estimates
        One result row per coefficient, the intercept first. With `covariance=True` a tuple of frame and
        matrix.

    Raises
    ------
    EstimationError
        If the result is not of a GLM, was fitted to other data or weights, does not maximize the likelihood
        (no convergence, regularization, constraints), and as `tk.model` for separation, collinear columns and
        too few sampling units.

    Notes
    -----
    The influence values are the scores (`model.score_obs`) times the inverse of the expected information
    (`model.hessian(observed=False)`), as in R's svyglm; their covariance follows the design (Binder 1983).
    The last digits that statsmodels leaves open are found by Newton steps from its coefficients. Replicate
    weights refit the model with each replicate. The dispersion cancels, so that quasi-likelihood needs no
    option.

    Examples
    --------
    >>> import statsmodels.api as sm, toolkit as tk
    >>> sample = tk.design_matrix(tk.open_study("simulated"), "any_cramps ~ sex + age", "age >= 20")
    >>> probit = sm.families.Binomial(sm.families.links.Probit())
    >>> fitted = sm.GLM(sample.endog, sample.exog, family=probit, var_weights=sample.weights).fit()
    >>> tk.survey_inference(fitted, sample)["level"].to_list()
    ['intercept', 'female', 'per unit']
    """
    results = getattr(fitted, "_results", fitted)
    _require_glm(results)
    _require_data(results.model, sample)
    points = np.asarray(results.params, np.float64)
    family = replace(adopt_family(results.model.family), start=lambda *_: points)
    model = replace(sample.model, family=family, degrees=df)
    link = type(results.model.family.link).__name__
    wanted = _read_estimand(model, link, estimand, exponentiate=exponentiate)
    found = estimate(Analysis(model, estimand=wanted, confidence=confidence))
    _require_maximum(found, points, sample.names)
    return found.frame()


def _read_estimand(model: ModelSpec, link: str, estimand: str, *, exponentiate: bool) -> str:
    if estimand == "coefficient":
        if not exponentiate:
            return estimand
        return ratio_of(model.family.name, model.outcome, offset=bool(model.offset))
    known = ("coefficient", *_RATIOS_OF_LINK.get(link, ()))
    require_known(f"A {link} link has no estimand", estimand, known, "Available:")
    return estimand


def _require_glm(results: Any) -> None:
    from statsmodels.genmod.generalized_linear_model import GLM, GLMResults

    if isinstance(results, GLMResults) and type(results.model) is GLM:
        return
    name = type(results).__name__
    if name.startswith("Regularized"):
        raise EstimationError(
            "The fit is regularized, so its score is not zero and it has no design-based covariance. Use "
            ".fit() in place of .fit_regularized()."
        )
    raise EstimationError(
        f"Survey inference needs the result of statsmodels' GLM, and this is a {name}. Fit "
        f"{_EXAMPLE.format('Binomial')}, where d = tk.design_matrix(...)."
    )


def _require_data(model: Any, sample: DesignMatrix) -> None:
    """Raise unless a model of statsmodels has the outcome, columns, weights and offset of the sample."""
    call = _EXAMPLE.format(type(model.family).__name__)
    again = f"Fit the model to this sample: {call}, where d is the sample."
    n, k = model.exog.shape
    if n != sample.n:
        raise EstimationError(
            f"The model was fitted to {n:,} rows, and the sample has {sample.n:,} participants. {again}"
        )
    if k != len(sample.names):
        raise EstimationError(
            f"The model has {k} columns, and the sample has {len(sample.names)}: {', '.join(sample.names)}. "
            f"Put the terms into the formula of tk.design_matrix(study, '{sample.outcome} ~ ...'). {again}"
        )
    named = (sample.outcome, *sample.names)
    columns = zip(named, (model.endog, *model.exog.T), (sample.y, *sample.X.T), strict=True)
    for name, theirs, ours in columns:
        differing = int((~np.isclose(theirs, ours, rtol=1e-9, atol=0)).sum())
        if differing:
            raise EstimationError(
                f"'{name}' of the model differs from the sample in {differing:,} of {n:,} rows. {again}"
            )
    offset = np.zeros(n) if sample.offset is None else sample.offset
    if not np.allclose(model.predict(np.zeros(k), which="linear"), offset, rtol=1e-9, atol=1e-12):
        remedy = (
            "offset=d.offset" if sample.offset is not None else "tk.design_matrix(..., offset='log(...)')"
        )
        raise EstimationError(f"The offset of the model is not that of the sample. Use {remedy}. {again}")
    share = model.iweights / sample.weights
    if not np.allclose(share, share[0], rtol=1e-9, atol=0):
        kind = "has no weights" if np.ptp(model.iweights) == 0 else "has other weights than the sample"
        raise EstimationError(f"The model {kind}. {again}")


def _require_maximum(found: Answer, points: Floats, names: tuple[str, ...]) -> None:
    """Raise if coefficients are farther from the maximum than convergence leaves them."""
    for part, point, name, row in zip(found.parts, points, names, found.rows, strict=True):
        error = row.get("std_error")
        if isinstance(part, Estimate) and error and abs(part.points[0] - point) > _CLOSE * error:
            raise EstimationError(
                f"The coefficient of '{name}' is {abs(part.points[0] - point) / error:.2g} standard errors "
                f"from the maximum of the weighted likelihood. Fit without regularization or constraints, "
                f"and to convergence: .fit(maxiter=200, tol=1e-10)."
            )
