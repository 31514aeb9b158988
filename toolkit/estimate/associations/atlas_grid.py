"""Estimate many associations at once, with one sample for each domain and weight."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import polars as pl

from toolkit.causes.card import cards
from toolkit.dag import Diagrams
from toolkit.errors import ToolkitError, require_known
from toolkit.estimate.associations.shared_samples import Place, Plan, SharedSamples
from toolkit.estimate.regression import (
    COEFFICIENTS,
    Analysis,
    Regression,
    Reported,
    estimate,
    one_thread,
    report_coefficients,
    require_estimand,
    test_jointly,
)
from toolkit.estimate.survey import intervals, read
from toolkit.files.http import progress_bar
from toolkit.planning.multiplicity import adjust_questions
from toolkit.results import P_QUESTION, Estimates, frame, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, Variable, as_names, conditions, with_request

OUTCOMES = ("any_cramps", "frequent_cramps")
NO_CARD = "no card"
_QUESTION = ("outcome", "exposure", "domain")
FAMILIES: dict[str, tuple[str, ...]] = {"outcome": ("outcome", "domain"), "all": ()}


@with_request
def atlas(
    study: Study,
    outcomes: Names = OUTCOMES,
    exposures: Names | None = None,
    *,
    adjust: Sequence[Names | None] | None = None,
    domain: Names = "age >= 20",
    estimand: str = "prevalence_ratio",
    family: str = "outcome",
    confidence: float = 0.95,
    diagram: Diagrams = None,
    allow_descendants: bool = False,
    progress: bool | None = None,
) -> Estimates:
    """Estimate the association of every exposure with every outcome, and count each question once.

    Parameters
    ----------
    study
        The study.
    outcomes
        Variables of two levels.
    exposures
        Variables; None for every exposure of the ten cards, including those that the study did not measure.
    adjust
        Adjustment sets, each as for `tk.association`, such as ("small", (), "core"). The first answers the
        questions, and further ones are sensitivity analyses. None is the small set of the causal diagram for
        each exposure.
    domain
        One condition, or several; "" for everyone.
    estimand
        "prevalence_ratio", "odds_ratio" or "prevalence_difference".
    family
        The questions that are adjusted together: "outcome" for those of one outcome and domain, or "all".
    confidence
        Confidence level of each interval, without correction for the number of questions.
    diagram, allow_descendants
        As for `tk.association`.
    progress
        True for a progress bar, False for none, None for a bar on a terminal only.

    Returns
    -------
    Estimates
        One result row per exposure level and model, after a column `cause` (the card, or "no card"). A model
        that cannot be estimated has its rows with reliability "failed" and the reason. An outcome, exposure
        and domain are one question. In each row of the model that answers it, `p_question` is the p-value of
        the joint Wald test of all levels of the exposure, `p_holm` that adjusted by Holm's method and `p_bh`
        by that of Benjamini and Hochberg. Rows of sensitivity analyses have none of the three.

    Raises
    ------
    EstimationError
        For an unknown estimand or family, or an invalid confidence level.
    VariableError
        For an unknown outcome, a name given twice, or a domain that cannot be read.

    Notes
    -----
    The models of one exposure, outcome and domain are fitted to the same participants, those with complete
    data in every set. Each row equals that of `tk.association` with the same arguments and these variables as
    `complete`. Questions without a p-value are not counted. `tk.table(rows)` states how many p-values are
    below 0.05, and how many would be expected if no exposure was associated with the outcome.

    Examples
    --------
    >>> import polars as pl, toolkit as tk
    >>> people = pl.DataFrame({"cramps": [0, 1, 0, 1, 1, 0, 1, 1], "walks": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> mine = tk.study(people, design=tk.Design.none(), name="mine")
    >>> rows = tk.atlas(mine, outcomes="cramps", exposures="walks", adjust=[()], domain="")
    >>> rows.select("cause", "exposure", "estimate").row(0)
    ('no card', 'walks', 1.5...)
    """
    intervals.check_confidence(confidence)
    require_estimand(estimand, COEFFICIENTS, "tk.atlas")
    require_known("tk.atlas has no family", family, FAMILIES, "Use one of")
    read(study, as_names(outcomes, "outcomes"))
    domains = [conditions.parse(text).text for text in as_names(domain, "domain")]
    samples, plans = SharedSamples(study), []
    sets = tuple(adjust or (None,))
    for (cause, exposure), outcome in product(_exposures(study, exposures), as_names(outcomes, "outcomes")):
        asked = partial(Plan, diagram=diagram, allow_descendants=allow_descendants)
        own = [asked(outcome, exposure, text, estimand, confidence) for text in domains]
        aligned = [_align_models(samples, plan, sets) for plan in own]
        # The first set answers the question, and others are sensitivity analyses.
        plans += [(cause, at == 0, *of_domain[at]) for at in range(len(sets)) for of_domain in aligned]
    rows: list[dict[str, Any]] = []
    with one_thread(), progress_bar(len(plans), "Models", show=progress) as bar:
        for cause, answers, plan, place in plans:
            found = _estimate_plan(samples, plan, place, answers=answers)
            rows += [{**row, "cause": cause} for row in found]
            bar.advance()
    p_values = pl.Series(P_QUESTION, [row.get(P_QUESTION) for row in rows], pl.Float64)
    result = pl.DataFrame(frame(rows, ("cause",))).with_columns(p_values)
    return Estimates(adjust_questions(result, _QUESTION, FAMILIES[family]))


def _exposures(study: Study, names: Names | None) -> list[tuple[str, Variable]]:
    """List the cause and the variable of each exposure of the cards, or of those named."""
    of_cards = [(cause, exposure.variable) for cause, card in cards().items() for exposure in card.exposures]
    if names is None:
        known = dict(study.codebook.items())
        return [(cause, known.get(variable.name, variable)) for cause, variable in of_cards]
    causes = {variable.name: cause for cause, variable in reversed(of_cards)}
    wanted = as_names(names, "exposures")
    return [(causes.get(name, NO_CARD), column.variable) for name, column in read(study, wanted).items()]


def _align_models(
    samples: SharedSamples, plan: Plan, sets: Sequence[Names | None]
) -> list[tuple[Plan, Place | str]]:
    """Plan one model per adjustment set, all of the participants with complete data for every set."""
    found = [_choose_covariates(samples, plan, adjust) for adjust in sets]
    chosen = [variables_of(own.adjust) for own, place in found if not isinstance(place, str)]
    complete = tuple(dict.fromkeys(name for names in chosen for name in names))
    if len(chosen) < 2:
        return found
    return [
        (own, place)
        if isinstance(place, str)
        else _choose_covariates(samples, replace(own, complete=complete), own.adjust)
        for own, place in found
    ]


def _choose_covariates(samples: SharedSamples, plan: Plan, adjust: Names | None) -> tuple[Plan, Place | str]:
    """Choose the covariates of a model and find its sample, or the reason why it cannot be fitted."""
    try:
        plan = plan.choose_covariates(samples.study, adjust)
        return plan, samples.reserve(plan)
    except ToolkitError as error:
        return plan, str(error)


def _estimate_plan(
    samples: SharedSamples, plan: Plan, place: Place | str, *, answers: bool
) -> Iterable[dict[str, Any]]:
    if isinstance(place, str):
        return samples.failed_rows(plan, place)
    try:
        report = _report_answer if answers else report_coefficients
        return estimate(samples.analyze(plan, place), report=report).rows
    except ToolkitError as error:
        return samples.failed_rows(plan, str(error))


def _report_answer(analysis: Analysis, fitted: Regression) -> Iterator[Reported]:
    """Report the levels of an exposure, each with the p-value of all of them together."""
    found = list(report_coefficients(analysis, fitted))
    tested = [(row["exposure"], row["level"]) for row, _ in found if row.get("p_value") is not None]
    p_value = None
    if len(tested) == 1:
        p_value = next(row["p_value"] for row, _ in found if row.get("p_value") is not None)
    elif tested and not fitted.penalized:
        places = [at for at, term in enumerate(fitted.terms) if (term.exposure, term.level) in tested]
        p_value = test_jointly(fitted, places).get("p_value")
    for row, part in found:
        yield {**row, P_QUESTION: p_value}, part
