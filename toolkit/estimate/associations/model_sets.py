"""Choose the models of one association to show side by side: crude, Model 1, Model 2 and the full set."""

from dataclasses import dataclass

from toolkit.dag.adjustment import Adjustment, Question, adjustment_for, covariates_for
from toolkit.dag.backdoor import SIZES, NoAdjustmentSetError, Size
from toolkit.dag.nodes import Diagrams
from toolkit.results import variables_of
from toolkit.studies.study import Study
from toolkit.variables.arguments import Names

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
        """The name of each set by its covariates, for `labels=` of charts, tables and sentences.

        A set of one covariate keeps the label of its variable.
        """
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
        return ModelSets({CRUDE: (), GIVEN: given}, given, (), None, given, error.finding)
    main = chosen.terms if given is None else given
    models = {CRUDE: (), FIRST: core.terms, SECOND if given is None else GIVEN: main}
    if set(main) == set(core.terms):
        models = {CRUDE: (), BOTH: main}
    return ModelSets(models, main, full.terms, chosen, given)
