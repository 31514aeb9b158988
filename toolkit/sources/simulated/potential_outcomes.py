"""True values of the simulated study: what its written causal model implies for an estimand or for results.

`study` draws samples of this population, `true_values` computes the values of an estimand.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import polars as pl

from toolkit import results
from toolkit.errors import DatasetError, EstimationError, ToolkitError, require_study, unknown
from toolkit.results import Estimates, Row, by_columns, covariates
from toolkit.sources.simulated.causal_model import load_model
from toolkit.sources.simulated.population import find_variable
from toolkit.sources.simulated.true_values import (
    DESCRIPTIVE,
    ESTIMANDS,
    ODDS_RATIO,
    Question,
    check,
    find_values,
    simulate,
)
from toolkit.studies import Study
from toolkit.variables import parse


def truth(
    study: Study,
    outcome: str | pl.DataFrame | tuple[pl.DataFrame, Any],
    exposure: str | None = None,
    *,
    estimand: str | None = None,
    reference: str | None = None,
    adjust: str | Sequence[str] | None = None,
    by: str | Sequence[str] = (),
    domain: str = "",
) -> Estimates:
    """Compute the true value of an estimand, or of the rows of a result, in the simulated population.

    `tk.truth(study, result)` returns the result with a last column `true_value`, which `tk.table`,
    `tk.forest` and `tk.prevalence_chart` show beside each estimate. The other arguments then follow from the
    rows.

    Parameters
    ----------
    study
        A study opened by `tk.open_study("simulated")`, with any seed, size and sample. With a result it may
        be any study; true values of a real one are null.
    outcome
        A variable of the causal model or derived from it, such as "any_cramps"; yes/no or continuous if there
        is an exposure. Or a result of `tk.prevalence`, `tk.mean`, `tk.association` or another estimator, as
        a frame or as a tuple of frame and covariance.
    exposure
        A categorical variable of the causal model or derived from it, each level of which is compared with
        the reference; or a continuous variable of the causal model, per unit. None for a prevalence or mean.
    estimand
        Without an exposure "prevalence" or "mean", as the outcome requires. With one "prevalence_ratio" (the
        default), "prevalence_difference", "odds_ratio", "standardised_prevalence" (one row for each level),
        "standardised_ratio", "standardised_difference", or, for a continuous outcome, "mean_difference".
    reference
        The level that the others are compared with. None for that of the codebook.
    adjust
        The covariates of the model whose odds ratio is wanted, such as `found["adjust"][0]` of the estimates;
        `()` for the marginal odds ratio. The other estimands do not depend on it.
    by
        Categorical variables; one value within each of their levels.
    domain
        A condition such as "age >= 20". It applies to persons as they are, without intervention.

    Returns
    -------
    polars.DataFrame
        The result schema, with the rows of `tk.association` or `tk.prevalence`. `n` counts the simulated
        persons of the domain. Standard error and interval are null, because every person of the population
        counts. Of a result: its own rows and covariance with the column `true_value`, which is null where
        the causal model implies no value (another estimand, a variable added to the study, a level of a
        spline, a real study).

    Raises
    ------
    DatasetError
        If the study is not the simulated one.
    VariableError
        If a variable is unknown to the causal model or unsuitable for its role.
    EstimationError
        If the estimand is unknown, an odds ratio is requested without `adjust`, nobody is in the domain, or
        a level does not occur in one of its strata.

    Notes
    -----
    Outcomes derived from the frequency of cramps are not drawn but enter with their probability. Others are
    drawn for everyone.

    Potential outcomes: the exposure is set for everyone, and all variables that depend on it are drawn again
    with the same random numbers. The values are therefore total effects, averaged over the population of the
    domain (marginal). A derived exposure, such as `pad`, is set by giving everyone the inputs of a random
    person of the same stratum and domain who has the level.

    Ratios and differences of prevalences are marginal. The model of the outcome is log-linear, so that
    the adjusted prevalence ratio of `tk.association` estimates the marginal one where the adjustment set
    suffices. Its prevalence difference weights covariate patterns differently and can deviate from the
    marginal one; "standardised_difference" does not.

    The odds ratio is not collapsible: it depends on the covariates even without confounding. Here it is
    conditional on `adjust`: the odds ratio of a trial that assigns every level to the whole population,
    analyzed by a logistic model with the same covariates. The fit uses every tenth simulated person, and a
    covariate with a spline enters as 20 quantile groups. In this population odds ratios rise with the
    risk, so that a logistic model of observed exposures, which gives more weight to covariate patterns in
    which both levels are frequent, can be a few percent off.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> tk.truth(study, "any_cramps", domain="age >= 20")["estimate"].round(2).item()
    0.31
    >>> found = tk.truth(study, tk.prevalence(study, "any_cramps", domain="age >= 20"))
    >>> found["true_value"].round(2).item()
    0.31
    """
    require_study(study, "tk.truth")
    if not isinstance(outcome, str):
        if any((exposure, estimand, reference, adjust, by, domain)):
            raise EstimationError(
                "With the rows of a result, tk.truth takes no further arguments, because the rows state what "
                "was estimated. Use tk.truth(study, result)."
            )
        return _add_true_values(study, outcome if isinstance(outcome, pl.DataFrame) else outcome[0])
    seed = _seed(study)
    variables = study.codebook
    if not estimand:
        continuous = outcome in variables and variables[outcome].kind == "number"
        defaults = ("mean", "mean_difference") if continuous else ("prevalence", "prevalence_ratio")
        estimand = defaults[exposure is not None]
    estimand = estimand.replace("standardized", "standardised")
    _check_estimand(estimand, exposure, adjust)
    by = (by,) if isinstance(by, str) else tuple(by)
    named = covariates(adjust) if isinstance(adjust, str) else list(adjust or ())
    entering = tuple(named) if estimand == ODDS_RATIO else ()
    question = Question(seed, outcome, exposure, estimand, reference, entering, by, parse(domain).text)
    return _make_frame(study, question, ", ".join(named))


def _make_frame(study: Study, question: Question, adjust: str) -> Estimates:
    """Make rows of the result schema of the values of a question."""
    groups, variables = find_values(question), study.codebook
    outcome, exposure = variables[question.outcome], question.exposure
    heading = {
        "study": study.label,
        "domain": question.domain,
        "estimand": question.estimand,
        "outcome": outcome.name,
        "outcome_label": outcome.title if outcome.kind == "number" else outcome.label,
        "exposure": exposure,
        "exposure_label": variables[exposure].label if exposure else None,
        "adjust": adjust if exposure else None,
        "scale": "log" if question.estimand.endswith("ratio") else "identity",
        "reliability": "ok",
    }
    rows: list[dict[str, Any]] = []
    for levels in product(*(find_variable(load_model(), name).levels for name in question.by)):
        own = heading | dict(zip(question.by, levels, strict=True))
        if levels in groups:
            rows += [
                own
                | {"n": groups[levels].n, "level": level, "level_label": level}
                | {"reference": against, "estimate": value}
                for level, against, value in groups[levels].values
            ]
        else:
            reason = f"No simulated participants are {', '.join(levels)} in the domain."
            rows.append(own | {"n": 0, "reliability": "failed", "reason": reason})
    return results.frame(rows, question.by)


def _add_true_values(study: Study, found: pl.DataFrame) -> Estimates:
    """Append the true value of each row; null where the causal model implies none."""
    absent = [name for name in results.SCHEMA if name not in found.columns]
    if absent:
        raise EstimationError(
            f"tk.truth takes the rows of a result, and this frame lacks {len(absent)} of their columns, the "
            f"first of them '{absent[0]}'. Supply what tk.prevalence, tk.association or another estimator "
            "returned, with all columns."
        )
    known = found if isinstance(found, Estimates) else Estimates(found)
    if study.provenance.get("study") != "simulated":
        return known.append_true_values([None] * found.height)
    seed, rows = _seed(study), found.rows(named=True)
    asked = [_read_question(seed, row, by_columns(found)) for row in rows]
    simulate(question for question in asked if question)
    return known.append_true_values([_find_value(*pair) for pair in zip(asked, rows, strict=True)])


def _read_question(seed: int, row: Row, by: Sequence[str]) -> Question | None:
    """Return what a row estimates; None if the causal model has no answer."""
    exposure, estimand = row["exposure"], row["estimand"]
    if estimand not in ESTIMANDS or bool(exposure) == (estimand in DESCRIPTIVE):
        return None
    conditional = tuple(covariates(row["adjust"] or "")) if estimand == ODDS_RATIO else ()
    groups = tuple(name for name in by if row[name] is not None)
    question = Question(
        seed,
        row["outcome"] or "",
        exposure,
        estimand,
        row["reference"],
        conditional,
        groups,
        row["domain"] or "",
    )
    try:
        check(question)
    except ToolkitError:
        return None
    return question


def _find_value(question: Question | None, row: Row) -> float | None:
    if question is None:
        return None
    try:
        group = find_values(question).get(tuple(str(row[name]) for name in question.by))
    except ToolkitError:  # an effect is not defined where a level does not occur
        return None
    at = (row["level"], row["reference"])
    values = {(level, reference): value for level, reference, value in group.values} if group else {}
    return values.get(at)


def _seed(study: Study) -> int:
    if study.provenance.get("study") != "simulated":
        raise DatasetError(
            f"The true values are known only for the simulated study, and '{study.label}' is another one. "
            "Use tk.truth(tk.open_study('simulated'), ...)."
        )
    if study.provenance.get("model_sha256") != load_model().sha256:
        raise DatasetError(
            f"'{study.label}' was drawn from another version of the causal model. Open it again: "
            "tk.open_study('simulated')."
        )
    return int(study.provenance["seed"])


def _check_estimand(estimand: str, exposure: str | None, adjust: str | Sequence[str] | None) -> None:
    if estimand not in ESTIMANDS:
        known = f"All: {', '.join(ESTIMANDS)}"
        raise EstimationError(unknown("The truth has no estimand", estimand, ESTIMANDS, known))
    if exposure and estimand in DESCRIPTIVE:
        raise EstimationError(
            f"A {estimand} has no exposure. Use by='{exposure}' for the {estimand} at each of its levels, or "
            "estimand='standardised_prevalence'."
        )
    if not exposure and estimand not in DESCRIPTIVE:
        raise EstimationError(f"The estimand '{estimand}' needs an exposure. Supply exposure='...'.")
    if estimand == ODDS_RATIO and adjust is None:
        raise EstimationError(
            "The odds ratio depends on the covariates of its model. Supply those of the estimate, "
            "adjust=found['adjust'][0], or adjust=() for the marginal odds ratio."
        )
