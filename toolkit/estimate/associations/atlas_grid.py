"""Estimate many associations at once, with one sample for each domain and weight."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any

import polars as pl

from toolkit.causes.card import cards
from toolkit.dag import Diagrams, Question, covariates_for
from toolkit.errors import ToolkitError, require_known
from toolkit.estimate.regression import (
    COEFFICIENTS,
    Analysis,
    Regression,
    Reported,
    SharedMatrices,
    describe_term,
    estimate,
    exposure_terms,
    failed,
    one_thread,
    report_coefficients,
    require_estimand,
    specify_association,
    test_jointly,
)
from toolkit.estimate.survey import Column, Sample, draw, intervals, read, weight_of
from toolkit.files.cache import compute_once
from toolkit.files.http import progress_bar
from toolkit.planning.multiplicity import adjust_questions
from toolkit.results import P_QUESTION, Estimates, frame, variables_of
from toolkit.studies import Study
from toolkit.variables import Names, Variable, as_names, conditions, remarks

OUTCOMES = ("any_cramps", "frequent_cramps")
NO_CARD = "no card"
_QUESTION = ("outcome", "exposure", "domain")
FAMILIES: dict[str, tuple[str, ...]] = {"outcome": ("outcome", "domain"), "all": ()}
# A domain, and the weight with the cycles that contribute.
_Place = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class _Plan:
    """One model of the atlas; `complete` are the variables of the models beside it."""

    cause: str
    outcome: str
    exposure: Variable
    domain: str
    estimand: str
    confidence: float
    adjust: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    diagram: Diagrams = None
    allow_descendants: bool = False
    answers: bool = True  # the question; False in a sensitivity analysis

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable of the model."""
        return self.outcome, self.exposure.name, *variables_of(self.adjust), *self.complete


@dataclass
class _Samples:
    """The sample of each domain and weight, drawn when it is first needed."""

    study: Study
    # The design matrices of the models last fitted: those of one exposure differ by outcome only.
    matrices: SharedMatrices = field(default_factory=SharedMatrices)
    _columns: dict[str, Column | ToolkitError] = field(default_factory=dict)
    _weights: dict[tuple[str, tuple[str, ...]], tuple[Any, ...]] = field(default_factory=dict)
    _names: dict[_Place, dict[str, None]] = field(default_factory=dict)
    _drawn: dict[_Place, Sample] = field(default_factory=dict)
    _remarked: dict[tuple[_Place, str, str], Sample] = field(default_factory=dict)

    def reserve(self, plan: _Plan) -> _Place:
        """Note the variables of a model, and return the key of its sample."""
        names = tuple(dict.fromkeys(plan.names))
        key = (plan.domain, compute_once(self._weights, (plan.domain, names), lambda: self._weigh(plan)))
        self._names.setdefault(key, {}).update(dict.fromkeys(plan.names))
        return key

    def _weigh(self, plan: _Plan) -> tuple[Any, ...]:
        condition = conditions.parse(plan.domain)
        columns = [self._column(name) for name in (*plan.names, *condition.names)]
        return weight_of(self.study, columns, condition).key

    def draw(self, key: _Place) -> Sample:
        """Draw the sample with every variable noted for it."""
        if key not in self._drawn:
            self._drawn[key] = draw(self.study, list(self._names[key]), key[0])
        return self._drawn[key]

    def draw_for(self, plan: _Plan, key: _Place) -> Sample:
        """Return the sample with the remarks on the variables of one model, as if drawn for it alone."""
        names = [*plan.names, *conditions.parse(plan.domain).names]
        found = remarks([self._column(name).variable for name in names])
        whole = self.draw(key)
        same = found == (whole.review, whole.unfit)
        return compute_once(
            self._remarked,
            (key, *found),
            lambda: whole if same else replace(whole, review=found[0], unfit=found[1]),
        )

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            try:
                self._columns |= read(self.study, [name])
            except ToolkitError as error:  # It is that of each model with the variable.
                self._columns[name] = error
        found = self._columns[name]
        if isinstance(found, ToolkitError):
            raise found
        return found


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
    samples, plans = _Samples(study), []
    sets = tuple(adjust or (None,))
    for (cause, exposure), outcome in product(_exposures(study, exposures), as_names(outcomes, "outcomes")):
        asked = partial(_Plan, diagram=diagram, allow_descendants=allow_descendants)
        own = [asked(cause, outcome, exposure, text, estimand, confidence) for text in domains]
        found = [_align_models(samples, plan, sets) for plan in own]
        plans += [of_domain[place] for place in range(len(sets)) for of_domain in found]
    rows: list[dict[str, Any]] = []
    with one_thread(), progress_bar(len(plans), "Models", show=progress) as bar:
        for plan, place in plans:
            rows += _estimate_plan(samples, plan, place)
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
    samples: _Samples, plan: _Plan, sets: Sequence[Names | None]
) -> list[tuple[_Plan, _Place | str]]:
    """Plan one model per adjustment set, all of the participants with complete data for every set."""
    answering = [plan, *(replace(plan, answers=False) for _ in sets[1:])]
    found = [_choose_covariates(samples, *own) for own in zip(answering, sets, strict=True)]
    chosen = [variables_of(own.adjust) for own, place in found if not isinstance(place, str)]
    complete = tuple(dict.fromkeys(name for names in chosen for name in names))
    if len(chosen) < 2:
        return found
    return [
        (own, place) if isinstance(place, str) else _choose_covariates(samples, own, own.adjust, complete)
        for own, place in found
    ]


def _choose_covariates(
    samples: _Samples, plan: _Plan, adjust: Names | None, complete: tuple[str, ...] = ()
) -> tuple[_Plan, _Place | str]:
    """Choose the covariates of a model and find its sample, or the reason why it cannot be fitted."""
    try:
        accepted = plan.allow_descendants or bool(complete)
        question = Question(plan.outcome, plan.exposure.name, plan.domain, (), plan.diagram, accepted)
        adjusted = covariates_for(samples.study, adjust, question)
        plan = replace(plan, adjust=adjusted, complete=complete)
        return plan, samples.reserve(plan)
    except ToolkitError as error:
        return plan, str(error)


def _estimate_plan(samples: _Samples, plan: _Plan, place: _Place | str) -> Iterable[dict[str, Any]]:
    if isinstance(place, str):
        return _failed_rows(samples.study, plan, place)
    try:
        sample = samples.draw_for(plan, place)
        exposure = plan.exposure.name
        names = (plan.outcome, exposure, plan.adjust)
        model = specify_association(sample, names, plan.estimand, complete=plan.complete)
        model = replace(model, predictors=samples.matrices.of(model.predictors))
        terms, adjust = exposure_terms(sample.columns[exposure].variable), ", ".join(plan.adjust)
        analysis = Analysis(model, (), plan.estimand, terms, adjust, plan.confidence)
        found = estimate(analysis, report=_report_answer if plan.answers else report_coefficients)
    except ToolkitError as error:
        return _failed_rows(samples.study, plan, str(error))
    return [{**row, "cause": plan.cause} for row in found.rows]


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


def _failed_rows(study: Study, plan: _Plan, reason: str) -> Iterator[dict[str, Any]]:
    """Report a model that cannot be fitted by the rows that it would have."""
    outcome = read(study, [plan.outcome])[plan.outcome].variable
    for term in exposure_terms(plan.exposure):
        yield {
            "cause": plan.cause,
            "study": study.label,
            "domain": plan.domain,
            "outcome": outcome.name,
            "outcome_label": outcome.label,
            "adjust": ", ".join(plan.adjust),
            "conf_level": plan.confidence,
            **describe_term(term, plan.estimand),
            **failed(reason),
        }
