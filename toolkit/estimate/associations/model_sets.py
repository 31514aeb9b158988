"""The models of one association that are shown side by side: crude, Model 1, Model 2 and the full set."""

from dataclasses import dataclass

from toolkit.dag.adjustment import Adjustment, adjusted_names, adjustment_for
from toolkit.dag.backdoor import SIZES, Size
from toolkit.dag.nodes import Diagrams
from toolkit.errors import VariableError
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
        income), and Model 2, the main result. Where both are one set, it stands once.
    main
        The covariates of the main result.
    full
        Every measured confounder of the diagram, for sensitivity analyses; () where the diagram does not
        know the variables.
    chosen
        The diagram's own set with its grounds; None where it does not know the variables.
    given
        The covariates that were asked for in place of the diagram's; None if it was asked.
    """

    models: dict[str, tuple[str, ...]]
    main: tuple[str, ...]
    full: tuple[str, ...]
    chosen: Adjustment | None
    given: tuple[str, ...] | None

    @property
    def complete(self) -> tuple[str, ...]:
        """The variables of all models: with a value in each, every model has the same participants."""
        return variables_of(covariate for covariates in self.models.values() for covariate in covariates)

    @property
    def labels(self) -> dict[str, str]:
        """The name of each set by its covariates, as the `labels` of charts, tables and sentences take it.

        A set of one covariate has the name of that variable alone, which keeps its own label.
        """
        return {
            ", ".join(covariates): name for name, covariates in self.models.items() if len(covariates) > 1
        }


def adjustment_models(
    study: Study,
    *,
    outcome: str,
    exposure: str,
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
        The file of a causal diagram of your own; None for the toolkit's.

    Returns
    -------
    ModelSets
        Give each of `models` to `tk.association(..., adjust=..., complete=sets.complete)`.

    Raises
    ------
    VariableError, DatasetError
        As `tk.adjustment_for`. A variable that the diagram does not know is no error where `adjust` names
        covariates: the models are then the crude one and that.

    Examples
    --------
    >>> import toolkit as tk
    >>> study = tk.open_study("simulated")
    >>> sets = tk.adjustment_models(study, outcome="any_cramps", exposure="arthritis", domain="age >= 20")
    >>> list(sets.models), "bmi" in sets.main
    (['Crude', 'Model 1', 'Model 2'], True)
    """
    asked = {"outcome": outcome, "exposure": exposure, "domain": domain, "diagram": diagram}
    by_diagram = adjust is None or adjust in SIZES
    size: Size = adjust if adjust in SIZES else "small"
    given = None
    if not by_diagram:
        given = adjusted_names(study, adjust, outcome, exposure, domain=domain, diagram=diagram)
    try:
        chosen = adjustment_for(study, **asked, size=size)  # type: ignore[arg-type]
    except VariableError:
        if given is None:
            raise
        return ModelSets({CRUDE: (), GIVEN: given}, given, (), None, given)
    core, full = (adjustment_for(study, **asked, size=s).terms for s in ("core", "full"))  # type: ignore[arg-type]
    main = chosen.terms if given is None else given
    if set(main) == set(core):
        return ModelSets({CRUDE: (), BOTH: main}, main, full, chosen, given)
    name = SECOND if given is None else GIVEN
    return ModelSets({CRUDE: (), FIRST: core, name: main}, main, full, chosen, given)
