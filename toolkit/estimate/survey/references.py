"""Choose the reference level of an exposure for one analysis."""

from collections.abc import Mapping
from dataclasses import replace

from toolkit.errors import VariableError, unknown
from toolkit.estimate.survey.roles import read
from toolkit.studies.study import Study


def with_reference(study: Study, exposure: str | None, reference: str | None) -> Study:
    """Give a study in which the levels of an exposure are compared with this one."""
    if reference is None:
        return study
    if exposure is None:
        raise VariableError(f"reference='{reference}' needs an exposure. Name one, or leave reference= out.")
    variable = read(study, [exposure])[exposure].variable
    if not variable.levels:
        raise VariableError(
            f"'{exposure}' is continuous and has no reference level. Leave reference= out, or cut it first: "
            f"study.cut('{exposure}')."
        )
    if reference not in variable.levels:
        listed = "Levels: " + ", ".join(map(repr, variable.levels))
        raise VariableError(unknown(f"'{exposure}' has no level", str(reference), variable.levels, listed))
    chosen = replace(variable, reference=reference)
    return replace(study, codebook=study.codebook.with_variables(chosen))


def with_references(study: Study, exposures: tuple[str, ...], references: Mapping[str, str] | None) -> Study:
    """Give a study in which several exposures have the references chosen, by name."""
    for exposure, reference in (references or {}).items():
        if exposure not in exposures:
            raise VariableError(unknown("reference= names no exposure", exposure, exposures))
        study = with_reference(study, exposure, reference)
    return study
