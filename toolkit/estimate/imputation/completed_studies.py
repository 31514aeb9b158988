"""Enter imputed values into a study, and derive again the variables that follow from them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from toolkit.causes import DERIVATIONS
from toolkit.results import Indices
from toolkit.studies import Study
from toolkit.variables import Derivation, derive, why


def sources_of(study: Study, name: str) -> set[str]:
    """List the variables from which a variable is derived, directly or through others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        entry = study.codebook.get(waiting.pop())
        new = {*entry.inputs} - found if entry else set()
        found |= new
        waiting += new
    return found


def followers(study: Study, names: Iterable[str]) -> dict[str, Derivation | None]:
    """List the variables derived from others in order, each with its derivation; None where unknown."""
    changed, known = {*names}, {step.variable.name: step for step in DERIVATIONS} | {**study.derivations}
    sources = {name: sources_of(study, name) for name in study.codebook if name in study.people.columns}
    found = [name for name, own in sources.items() if own & changed and name not in changed]
    # What is derived from a derived variable has its sources and more.
    return {
        name: step if (step := known.get(name)) and step.inputs == study.codebook[name].inputs else None
        for name in sorted(found, key=lambda name: len(sources[name]))
    }


def complete(study: Study, rows: Mapping[str, Indices], values: Mapping[str, pl.Series]) -> Study:
    """Copy a study with values for the participants in `rows`; they are no longer missing for a reason."""
    people, changed = study.people, []
    for name, own in values.items():
        changed.append(people[name].clone().scatter(rows[name], own).alias(name))
        if why(name) in people.columns:
            changed.append(people[why(name)].clone().scatter(rows[name], None).alias(why(name)))
    completed = people.with_columns(changed)
    steps = [step for step in followers(study, values).values() if step]
    again = [column for step in steps for column in (step.variable.name, why(step.variable.name))]
    if again:
        derived, _ = derive(completed.drop(again, strict=False), study.codebook, steps)
        completed = derived.select(people.columns)
    return replace(study, people=completed, inputs=None)
