"""What the menus of the explorer offer: the variables that a study measured, by role and cause."""

from collections.abc import Iterable, Iterator
from typing import Any

from toolkit.causes import burden, cards
from toolkit.causes.outcomes import CRAMP_RULES
from toolkit.explorer.choices import ADJUSTMENTS, ESTIMANDS_OFFERED
from toolkit.results import RESERVED
from toolkit.studies import Study
from toolkit.variables import Variable

_KINDS = {"yes_no": "yes/no", "category": "category", "number": "number"}
# A section of a menu: its heading and the names below it.
Section = tuple[str, list[str]]


def list_menus(study: Study) -> dict[str, Any]:
    """List variables with what is searched, and the sections of each menu; no value of a participant."""
    measured = {name: variable for name, variable in study.codebook.items() if name in study.people.columns}
    categories = [name for name, variable in measured.items() if variable.levels and name not in RESERVED]
    others = [name for name in measured if name != "cycle"]
    return {
        "variables": {name: _describe(variable, study) for name, variable in measured.items()},
        "outcome": _list_sections(_outcome_sections(), outcomes_of(study)),
        "exposure": _list_sections(_exposure_sections(), others),
        "covariates": _list_sections((), others),
        "by": _list_sections((), categories),
        "estimand": [[name, label] for name, label in ESTIMANDS_OFFERED.items()],
        "adjust": [[name, label] for name, label in ADJUSTMENTS.items()],
    }


def outcomes_of(study: Study) -> list[str]:
    """List the variables of two levels of which one is known as the case, the cramps first."""
    found = [
        name
        for name, variable in study.codebook.items()
        if name in study.people.columns and len(variable.levels) == 2 and variable.case is not None
    ]
    cramps = [rule.name for rule in CRAMP_RULES if rule.name in found]
    return list(dict.fromkeys([*cramps, *found]))


def _describe(variable: Variable, study: Study) -> dict[str, str]:
    """Describe a variable: label, kind or unit, and its question or those of its inputs."""
    inputs = [study.codebook[name] for name in variable.inputs if name in study.codebook]
    asked = [entry.question for entry in (variable, *inputs) if entry.question]
    return {
        "label": variable.label,
        "kind": variable.unit or _KINDS[variable.kind],
        "question": " ".join(dict.fromkeys(asked)) or variable.source,
    }


def _outcome_sections() -> Iterator[Section]:
    yield "Cramps", [rule.name for rule in CRAMP_RULES]
    for topic, items in burden().items():
        yield f"Burden: {topic}", [item.name for item in items]


def _exposure_sections() -> Iterator[Section]:
    for card in cards().values():
        yield card.title, [exposure.name for exposure in card.exposures]


def _list_sections(sections: Iterable[Section], names: list[str]) -> list[list[Any]]:
    """Keep of each section what may be chosen, and add the rest; an empty section is left out."""
    kept = [(head, [name for name in found if name in names]) for head, found in sections]
    grouped = {name for _, found in kept for name in found}
    rest = [name for name in names if name not in grouped]
    return [[head, found] for head, found in (*kept, ("Other variables" if grouped else "", rest)) if found]
