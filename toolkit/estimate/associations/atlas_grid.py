"""Estimate many associations in one go: causes x outcomes x adjustments x domains.

Takes a study and lists; gives result rows, one an exposure level and model. What cannot be estimated stays as
rows with the reason. People are gathered into cells once for each domain and weight, not once a model.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from toolkit.causes.card import cards
from toolkit.dag.adjustment import Question, covariates_for
from toolkit.errors import ToolkitError
from toolkit.estimate.regression.coefficient_rows import answer
from toolkit.estimate.regression.comparison import COEFFICIENTS, Comparison, compare, exposure_terms
from toolkit.estimate.regression.specification import require_estimand
from toolkit.estimate.survey import intervals
from toolkit.estimate.survey.analysis_sample import Sample, draw, remarks, weight_of
from toolkit.estimate.survey.roles import Column, read
from toolkit.files.progress import progress_bar
from toolkit.results import Estimates, frame, variables_of
from toolkit.studies.study import Study
from toolkit.variables import conditions
from toolkit.variables.arguments import Names, as_names
from toolkit.variables.codebook import Variable

OUTCOMES = ("any_cramps", "frequent_cramps")
NO_CARD = "no card"
# A domain, and the weight with the cycles that contribute.
_Place = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class _Plan:
    """One model of the atlas, with the people it is about."""

    cause: str
    exposure: Variable
    question: Comparison
    domain: str


@dataclass
class _People:
    """The cells of each domain and weight, gathered when they are first asked for."""

    study: Study
    _columns: dict[str, Column] = field(default_factory=dict)
    _names: dict[_Place, dict[str, None]] = field(default_factory=dict)
    _drawn: dict[_Place, Sample] = field(default_factory=dict)

    def place(self, plan: _Plan) -> _Place:
        """Take note of the variables of a model, and say which cells it will find them in."""
        asked = plan.question
        names = (asked.outcome, asked.exposure, *variables_of(asked.adjusted), *asked.complete)
        condition = conditions.parse(plan.domain)
        columns = [self._column(name) for name in (*names, *condition.names)]
        key = (plan.domain, weight_of(self.study, columns, condition).key)
        self._names.setdefault(key, {}).update(dict.fromkeys(names))
        return key

    def cells(self, key: _Place) -> Sample:
        """Give cells that hold every variable noted for them."""
        if key not in self._drawn:
            self._drawn[key] = draw(self.study, list(self._names[key]), key[0])
        return self._drawn[key]

    def _column(self, name: str) -> Column:
        if name not in self._columns:
            self._columns |= read(self.study, [name])
        return self._columns[name]


def atlas(
    study: Study,
    outcomes: Names = OUTCOMES,
    exposures: Names | None = None,
    *,
    adjust: Sequence[Names | None] | None = None,
    domain: Names = "age >= 20",
    estimand: str = "prevalence_ratio",
    confidence: float = 0.95,
    progress: bool | None = None,
) -> Estimates:
    """Estimate the association of every exposure with every outcome, adjustment by adjustment.

    Parameters
    ----------
    study
        The study.
    outcomes
        Variables of two levels.
    exposures
        Variables; None for every exposure of the ten cards, those that the study did not measure too.
    adjust
        Sets of covariates, each as `tk.association` takes it, such as ((), "core", "small", "full"). None
        is the small set of the causal diagram for each exposure.
    domain
        One condition, or several; "" for everyone.
    estimand
        "prevalence_ratio", "odds_ratio" or "prevalence_difference".
    confidence
        Of each interval, by itself: nothing is corrected for the number of models.
    progress
        True for a bar, False for none, None for a bar on a terminal alone.

    Returns
    -------
    Estimates
        Result rows after a column `cause` (the card, or "no card"): one an exposure level and model. A model
        that cannot be estimated has its rows with reliability "failed" and the reason.

    Raises
    ------
    EstimationError
        For an estimand or confidence that there is not.
    VariableError
        For an outcome that the study does not know, a name given twice, and a domain that cannot be read.

    Notes
    -----
    The models of one exposure, outcome and domain are fitted to the same participants: those with a value in
    every variable of every set. Each row equals that of `tk.association` with the same arguments and these
    variables as `complete`. With many models some intervals miss by chance alone: 1 in 20 of 95% intervals
    where there is no association.

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
    read(study, as_names(outcomes, "outcomes"))
    domains = [conditions.parse(text).text for text in as_names(domain, "domain")]
    people, plans = _People(study), []
    sets = tuple(adjust or (None,))
    for (cause, exposure), outcome in product(_exposures(study, exposures), as_names(outcomes, "outcomes")):
        question = Comparison(outcome, exposure.name, (), estimand, confidence)
        asked = [_Plan(cause, exposure, question, text) for text in domains]
        found = [_side_by_side(people, plan, sets) for plan in asked]
        plans += [of_domain[place] for place in range(len(sets)) for of_domain in found]
    rows: list[dict[str, Any]] = []
    with progress_bar(len(plans), "Models", show=progress) as bar:
        for plan, place in plans:
            rows += _rows(people, plan, place)
            bar.advance()
    return frame(rows, ("cause",))


def _exposures(study: Study, names: Names | None) -> list[tuple[str, Variable]]:
    """Name the cause and the variable of each exposure of the cards, or of those asked for."""
    of_cards = [(cause, exposure.variable) for cause, card in cards().items() for exposure in card.exposures]
    if names is None:
        held = dict(study.codebook.items())
        return [(cause, held.get(variable.name, variable)) for cause, variable in of_cards]
    causes = {variable.name: cause for cause, variable in reversed(of_cards)}
    wanted = as_names(names, "exposures")
    return [(causes.get(name, NO_CARD), column.variable) for name, column in read(study, wanted).items()]


def _side_by_side(
    people: _People, plan: _Plan, sets: Sequence[Names | None]
) -> list[tuple[_Plan, _Place | str]]:
    """Place one model per adjustment set, all of the participants with complete data for every set."""
    found = [_place(people, plan, adjust) for adjust in sets]
    chosen = [variables_of(own.question.adjusted) for own, place in found if not isinstance(place, str)]
    complete = tuple(dict.fromkeys(name for names in chosen for name in names))
    if len(chosen) < 2:
        return found
    return [
        (own, place) if isinstance(place, str) else _place(people, own, own.question.adjusted, complete)
        for own, place in found
    ]


def _place(
    people: _People, plan: _Plan, adjust: Names | None, complete: tuple[str, ...] = ()
) -> tuple[_Plan, _Place | str]:
    """Find the cells that hold a model's variables, or say why it cannot be fitted."""
    try:
        asked = plan.question
        question = Question(asked.outcome, asked.exposure, plan.domain, allow_descendants=bool(complete))
        adjusted = covariates_for(people.study, adjust, question)
        plan = replace(plan, question=replace(asked, adjusted=adjusted, complete=complete))
        return plan, people.place(plan)
    except ToolkitError as error:
        return plan, str(error)


def _rows(people: _People, plan: _Plan, place: _Place | str) -> Iterable[dict[str, Any]]:
    if isinstance(place, str):
        return _failed(people.study, plan, place)
    try:
        found = answer(compare(_of_model(people.cells(place), plan), plan.question))
    except ToolkitError as error:
        return _failed(people.study, plan, str(error))
    return [{**row, "cause": plan.cause} for row in found.rows]


def _of_model(sample: Sample, plan: _Plan) -> Sample:
    """Keep of the gathered people's remarks those on the variables of one model, as if drawn for it alone."""
    asked = plan.question
    names = [
        asked.outcome,
        asked.exposure,
        *variables_of(asked.adjusted),
        *asked.complete,
        *conditions.parse(plan.domain).names,
    ]
    review, unfit = remarks(column.variable for column in read(sample.study, names).values())
    return replace(sample, review=review, unfit=unfit)


def _failed(study: Study, plan: _Plan, reason: str) -> Iterator[dict[str, Any]]:
    """Keep a model that cannot be had as the rows that it would have."""
    question = plan.question
    outcome = read(study, [question.outcome])[question.outcome].variable
    for term in exposure_terms(plan.exposure):
        yield {
            "cause": plan.cause,
            "study": study.label,
            "domain": plan.domain,
            "estimand": question.estimand,
            "outcome": outcome.name,
            "outcome_label": outcome.label,
            "exposure": term.exposure,
            "exposure_label": term.exposure_label,
            "level": term.level,
            "level_label": term.level_label,
            "reference": term.reference,
            "adjust": ", ".join(question.adjusted),
            "conf_level": question.confidence,
            "reliability": "failed",
            "reason": reason,
        }
