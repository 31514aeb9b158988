"""Plan many associations, and draw one sample for those of one domain and weight."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.dag import Diagrams, Question, covariates_for
from toolkit.errors import ToolkitError
from toolkit.estimate.regression import (
    Analysis,
    SharedMatrices,
    describe_term,
    exposure_terms,
    failed,
    specify_association,
)
from toolkit.estimate.survey import Column, Sample, draw, read, weight_of
from toolkit.files.cache import compute_once
from toolkit.results import variables_of
from toolkit.studies import Study
from toolkit.variables import Names, Variable, conditions, remarks

# A domain, and the weight with the cycles that contribute.
Place = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Plan:
    """One association among many; `complete` are further variables that must have a value."""

    outcome: str
    exposure: Variable
    domain: str
    estimand: str
    confidence: float
    adjust: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    diagram: Diagrams = None
    allow_descendants: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable of the model."""
        return self.outcome, self.exposure.name, *variables_of(self.adjust), *self.complete

    def choose_covariates(self, study: Study, adjust: Names | None) -> "Plan":
        """Plan the same association with the covariates that `adjust` asks for; raises if it cannot be."""
        exposure, accepted = self.exposure.name, self.allow_descendants or bool(self.complete)
        question = Question(self.outcome, exposure, self.domain, (), self.diagram, accepted)
        return replace(self, adjust=covariates_for(study, adjust, question))


@dataclass
class SharedSamples:
    """The sample of each domain and weight, drawn when it is first needed."""

    study: Study
    # The design matrices of the models last fitted: those of one exposure differ by outcome only.
    matrices: SharedMatrices = field(default_factory=SharedMatrices)
    _columns: dict[str, Column | ToolkitError] = field(default_factory=dict)
    _weights: dict[tuple[str, tuple[str, ...]], tuple[Any, ...]] = field(default_factory=dict)
    _names: dict[Place, dict[str, None]] = field(default_factory=dict)
    _drawn: dict[Place, Sample] = field(default_factory=dict)
    _remarked: dict[tuple[Place, str, str], Sample] = field(default_factory=dict)

    def reserve(self, plan: Plan) -> Place:
        """Note the variables of a model, and return the key of its sample."""
        names = tuple(dict.fromkeys(plan.names))
        key = (plan.domain, compute_once(self._weights, (plan.domain, names), lambda: self._weigh(plan)))
        self._names.setdefault(key, {}).update(dict.fromkeys(plan.names))
        return key

    def _weigh(self, plan: Plan) -> tuple[Any, ...]:
        condition = conditions.parse(plan.domain)
        columns = [self._column(name) for name in (*plan.names, *condition.names)]
        return weight_of(self.study, columns, condition).key

    def analyze(self, plan: Plan, key: Place) -> Analysis:
        """Specify the model of a plan, of its sample and with the design matrices shared."""
        sample = self._draw_for(plan, key)
        names = (plan.outcome, plan.exposure.name, plan.adjust)
        model = specify_association(sample, names, plan.estimand, complete=plan.complete)
        model = replace(model, predictors=self.matrices.of(model.predictors))
        terms = exposure_terms(sample.columns[plan.exposure.name].variable)
        return Analysis(model, (), plan.estimand, terms, ", ".join(plan.adjust), plan.confidence)

    def _draw(self, key: Place) -> Sample:
        """Draw the sample with every variable noted for it."""
        if key not in self._drawn:
            self._drawn[key] = draw(self.study, list(self._names[key]), key[0])
        return self._drawn[key]

    def _draw_for(self, plan: Plan, key: Place) -> Sample:
        """Return the sample with the remarks on the variables of one model, as if drawn for it alone."""
        names = [*plan.names, *conditions.parse(plan.domain).names]
        found = remarks([self._column(name).variable for name in names])
        whole = self._draw(key)
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

    def failed_rows(self, plan: Plan, reason: str) -> Iterator[dict[str, Any]]:
        """Report a model that cannot be fitted by the rows that it would have."""
        outcome = self._column(plan.outcome).variable
        for term in exposure_terms(plan.exposure):
            yield {
                "study": self.study.label,
                "domain": plan.domain,
                "outcome": outcome.name,
                "outcome_label": outcome.label,
                "adjust": ", ".join(plan.adjust),
                "conf_level": plan.confidence,
                **describe_term(term, plan.estimand),
                **failed(reason),
            }
