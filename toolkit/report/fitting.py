"""Fit a notebook to a study before it runs: check names against cards and codebook, leave out what cannot be.

Takes a notebook, its parameters and the study; gives the cells to run and the values to run them with.
A cell tagged `measured` needs the cause's exposure in the study; one tagged `not-measured` stands in where
the study has none. Any report may tag a cell `needs NAME` or `lacks NAME`: a variable, `visits` or `diary`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.causes.card import card
from toolkit.dag.backdoor import SIZES
from toolkit.results import variables_of
from toolkit.studies.study import Study
from toolkit.variables.conditions import parse

MEASURED, NOT_MEASURED = "measured", "not-measured"
NEEDS, LACKS = "needs", "lacks"
_ONE_VARIABLE = ("outcome", "exposure")
_VARIABLES = ("adjust", "by")


@dataclass(frozen=True)
class Fit:
    """The notebook and the values it is run with."""

    notebook: Any
    values: Mapping[str, Any]


def fit(notebook: Any, values: Mapping[str, Any], study: Study) -> Fit:
    """Check the values that name causes, variables or a domain, and choose the cells that can run.

    Parameters
    ----------
    notebook
        What `kernel.load` gave.
    values
        Every parameter's value. The names `cause`, `exposure`, `outcome`, `adjust`, `by` and `domain` have
        the meaning that they have everywhere in the toolkit.
    study
        The study that the report is about.

    Returns
    -------
    Fit
        The notebook without the cells that do not fit, and the values with `exposure` filled in.

    Raises
    ------
    VariableError
        For an unknown cause, variable or domain, with the nearest names.
    """
    _check_variables(values, study)
    notebook.cells = [cell for cell in notebook.cells if _fits(cell.metadata.get("tags", []), study)]
    if "cause" not in values:
        return Fit(notebook, values)
    exposure = values.get("exposure") or _main_exposure(values["cause"], study)
    unfit = NOT_MEASURED if exposure else MEASURED
    notebook.cells = [cell for cell in notebook.cells if unfit not in cell.metadata.get("tags", [])]
    return Fit(notebook, {**values, "exposure": exposure} if "exposure" in values else values)


def _fits(tags: Iterable[str], study: Study) -> bool:
    """Tell whether the study has what a cell's tags say that it needs, and lacks what they say it lacks."""
    wants = [(word, name) for word, _, name in (tag.partition(" ") for tag in tags) if word in (NEEDS, LACKS)]
    return all(_has(study, name) == (word == NEEDS) for word, name in wants)


def _has(study: Study, name: str) -> bool:
    parts = [part for part in (study.visits, study.diary) if part is not None]
    if name in ("visits", "diary"):
        return getattr(study, name) is not None
    return any(name in part.columns for part in (study.people, *parts))


def _check_variables(values: Mapping[str, Any], study: Study) -> None:
    names = [values[key] for key in _ONE_VARIABLE if values.get(key)]
    names += [name for key in _VARIABLES for name in _named(values.get(key) or ())]
    for name in names:
        study.variable(name)
    if values.get("domain"):
        for name in parse(values["domain"]).names:
            study.variable(name)


def _named(given: str | Iterable[str]) -> Iterable[str]:
    """Name the variables of covariates or groups; a set of the causal diagram has none."""
    if given in SIZES:
        return ()
    return variables_of([given] if isinstance(given, str) else given)


def _main_exposure(cause: str, study: Study) -> str:
    found = card(cause).exposure_among([name for name in study.codebook if name in study.people.columns])
    return found.name if found else ""
