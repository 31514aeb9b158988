"""Run the sensitivity analyses of a report on one association: E-value, misclassification, imputation.

The error of the outcome is assumed and the same at every level of the exposure: no validation study of
self-reported cramps gives its size.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from toolkit.disclosure import Policy
from toolkit.errors import EstimationError, ToolkitError, require_study
from toolkit.estimate.associations.models import association
from toolkit.estimate.descriptive.quantiles import quantile
from toolkit.estimate.imputation.chained_equations import Imputations, impute
from toolkit.estimate.imputation.multiple_imputation import imputed
from toolkit.estimate.sensitivity.bias_analysis import MisclassifiedOutcome, bias_analysis
from toolkit.estimate.sensitivity.e_values import sensitivity
from toolkit.estimate.survey import flow
from toolkit.results import SCHEMA, Estimates, Floats, covariates, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, as_covariates

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLETE, IMPUTED = "complete cases", "missing covariates imputed"
# Assumed ranges of the sensitivity and the specificity of the outcome, each value equally likely.
SENSITIVITY, SPECIFICITY = (0.70, 1.00), (0.95, 1.00)
_M, _ITERATIONS, _SEED = 5, 5, 1987
# From these the number of participants with imputed values follows.
_COUNTED = {name: SCHEMA[name] for name in ("n", "n_cases", "n_missing", "df", "n_effective", "deff")}


@dataclass(frozen=True)
class _Uniform:
    """A uniform distribution, without the second that it takes to load scipy.stats."""

    low: float
    high: float

    def ppf(self, q: Floats) -> Floats:
        """Return quantiles."""
        return self.low + (self.high - self.low) * q


@dataclass(frozen=True)
class RobustnessChecks:
    """The sensitivity analyses of one association; each is None where it was not possible.

    Attributes
    ----------
    e_values
        What `tk.sensitivity` gives for the association; of a continuous exposure for a difference as large as
        its interquartile range.
    bias
        What `tk.effects.bias_analysis` gives for a misclassified outcome; of a continuous exposure by levels.
    bias_assumptions
        The assumed sensitivity and specificity, as a sentence.
    imputed
        Result rows of complete cases and of imputed covariates, which the column `data` names.
    imputations
        The imputations, with their diagnostics.
    reasons
        Why an analysis was not possible, by its name.

    Examples
    --------
    >>> RobustnessChecks(reasons={"bias": "The exposure is continuous."}).bias is None
    True
    """

    e_values: pl.DataFrame | None = None
    bias: pl.DataFrame | None = None
    bias_assumptions: str = ""
    imputed: pl.DataFrame | None = None
    imputations: Imputations | None = None
    reasons: dict[str, str] = field(default_factory=dict)


def check_robustness(
    study: Study,
    outcome: str,
    exposure: str,
    *,
    adjust: Names | None = None,
    complete: Names = (),
    domain: str = "",
    levels: str = "",
    estimand: str = "prevalence_ratio",
    m: int = _M,
    seed: int = _SEED,
) -> RobustnessChecks:
    """Run three sensitivity analyses of an association: E-value, misclassified outcome, imputed covariates.

    Parameters
    ----------
    study, outcome, exposure, adjust, complete, domain, estimand
        As for `tk.association`; a ratio.
    levels
        Of a continuous exposure the variable of its levels, for the correction of misclassification.
    m
        Number of imputations.
    seed
        Of the random numbers.

    Returns
    -------
    RobustnessChecks
        Frames for `tk.table`, `tk.finding` and `tk.forest`; `reasons` says what was not possible.

    Raises
    ------
    VariableError
        For an unknown variable, as `tk.association`.

    Notes
    -----
    The sensitivity of the recorded outcome is drawn evenly from 70% to 100% and the specificity from 95% to
    100%, both the same at every level of the exposure. These are assumptions: no validation study of
    self-reported nocturnal leg cramps was found. Imputed are covariates, with outcome, exposure, the other
    covariates and the design among the predictors; participants without outcome or exposure stay excluded.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> checks = check_robustness(study, "any_cramps", "arthritis", adjust=("age", "bmi"), m=2)
    >>> checks.imputed["data"].to_list()
    ['complete cases', 'missing covariates imputed']
    """
    require_study(study, "tk.effects.check_robustness")
    asked = {"outcome": outcome, "exposure": exposure, "domain": domain, "estimand": estimand}
    run = partial(association, study, **asked, adjust=adjust, complete=complete, allow_descendants=True)
    found, reasons = RobustnessChecks(), {}
    main: Any = None
    try:
        main = run()
    except EstimationError as error:
        reason = str(error)
        return RobustnessChecks(reasons=dict.fromkeys(("e_values", "bias", "imputed"), reason))
    graded = levels and levels != exposure
    source = partial(run, exposure=levels) if graded else lambda: main
    attempts: dict[str, Callable[[], dict[str, Any]]] = {
        "e_values": lambda: {"e_values": _find_e_values(study, main, exposure, domain)},
        "bias": lambda: _correct_outcome(source(), seed),
        "imputed": lambda: _compare_imputed(study, main, asked, complete, {"m": m, "seed": seed}),
    }
    for name, attempt in attempts.items():
        try:
            found = replace(found, **attempt())
        except ToolkitError as error:
            reasons[name] = str(error)
    return replace(found, reasons=reasons)


def _find_e_values(study: Study, main: Estimates, exposure: str, domain: str) -> pl.DataFrame:
    """Compute E-values; of a number for a difference as large as its interquartile range."""
    if main["reference"][0] is not None:
        return sensitivity(main)
    ends = quantile(study, exposure, (0.25, 0.75), domain=domain)["estimate"]
    return sensitivity(main, contrast=ends[1] - ends[0])


def _correct_outcome(main: Estimates, seed: int) -> dict[str, Any]:
    """Correct for an outcome that is recorded with the assumed error."""
    ranges = [_Uniform(*ends) for ends in (SENSITIVITY, SPECIFICITY)]
    corrected = bias_analysis(main, MisclassifiedOutcome(ranges[0], ranges[1]), seed=seed)
    first, second = (f"{low:.0%} to {high:.0%}" for low, high in (SENSITIVITY, SPECIFICITY))
    text = (
        f"The sensitivity of the recorded outcome was assumed to be {first} and its specificity {second}, "
        "each value equally likely and the same at every level of the exposure. These ranges are "
        "assumptions, not results of a validation study"
    )
    return {"bias": corrected, "bias_assumptions": f"{text}."}


def _compare_imputed(
    study: Study, main: Estimates, asked: dict[str, Any], complete: Names, chosen: dict[str, int]
) -> dict[str, Any]:
    """Impute the covariates with missing values, and place the pooled estimate below the complete cases."""
    adjusted, also = covariates(main["adjust"][0] or ""), as_covariates(complete)
    names = variables_of((*adjusted, *also))
    lacking = [name for name in names if study.people[name].null_count()]
    if not lacking:
        raise EstimationError("no covariate has missing values")
    made = impute(
        study, lacking, outcome=asked["outcome"], exposure=asked["exposure"],
        predictors=(*adjusted, *(name for name in names if name not in variables_of(adjusted))),
        iterations=_ITERATIONS, **chosen,
    )  # fmt: skip
    pooled = imputed(made, association, **asked, adjust=adjusted, complete=also, allow_descendants=True)
    few = _gives_back_few(study, main, pooled, (asked["outcome"], asked["exposure"], names, asked["domain"]))
    shown = pl.DataFrame(pooled).with_columns(
        pl.lit(None, dtype).alias(c) for c, dtype in _COUNTED.items() if few
    )
    rows = [
        pl.DataFrame(frame).select(pl.lit(text).alias("data"), pl.all())
        for text, frame in ((COMPLETE, main), (IMPUTED, shown))
    ]
    return {"imputed": pl.concat(rows, how="diagonal"), "imputations": made}


def _gives_back_few(
    study: Study, main: Estimates, pooled: Estimates, asked: tuple[str, str, Names, str]
) -> bool:
    """Tell whether the size of the imputed analysis would give back a small count of missing values."""
    policy = Policy(study.smallest_cell)
    outcome, exposure, adjust, domain = asked
    steps = flow(study, outcome, exposure, adjust=adjust, domain=domain)["n_out"].to_list()
    people, cases = pooled["n"] - main["n"], pooled["n_cases"] - main["n_cases"]
    gained = [*people, *cases, *(people - cases)]
    return any(policy.hides(None if count is None else abs(count)) for count in (*steps, *gained))
