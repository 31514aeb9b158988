"""Make levels of a number at its weighted quantiles, and fewer levels of many.

Gives the methods `cut` and `merge_levels` of a study; missing values take the reasons of their inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import pairwise
from typing import Any, Self

import polars as pl

from toolkit.errors import VariableError, unknown
from toolkit.studies.derived_variables import require_free
from toolkit.studies.population import Population
from toolkit.variables.codebook import YES_NO, Variable
from toolkit.variables.conditions import parse
from toolkit.variables.derivation import Derivation, derive

# Where weights and their quantiles are worked out. Estimators read studies, so it is looked up when a study
# is cut, as the public names of the package are.
_WEIGHTED = "estimate.descriptive.quantile_groups"
_GROUPS = {2: "halves", 3: "thirds", 4: "quarters", 5: "fifths", 10: "tenths"}


@dataclass(frozen=True)
class LevelGroups(Population):
    """The part of a study that makes levels of its variables."""

    def variable(self, name: str) -> Variable:
        """Look up a variable that can be analyzed."""
        raise NotImplementedError

    def _with(self, step: Derivation) -> Self:
        try:
            people, codebook = derive(self.people, self.codebook, [step])
        except pl.exceptions.InvalidOperationError:
            levels = ", ".join(step.variable.levels)
            raise VariableError(
                f"'{step.variable.name}' takes values that are not among its levels ({levels}). Name every "
                f"level: study.derive('{step.variable.name}', ..., levels=[..])."
            ) from None
        return replace(self, people=people, codebook=codebook)

    def cut(self, name: str, into: int = 3, domain: str = "", as_: str | None = None) -> Self:
        """Add quantile groups of a number, cut at its weighted quantiles in a domain.

        Parameters
        ----------
        name
            A continuous variable.
        into
            The number of groups, 2 or more: 3 for thirds. Participants with equal values stay together, so
            there are fewer groups where cut points coincide.
        domain
            A condition; outside of it the group is missing for the reason "outside the domain".
        as_
            The name of the new variable; such as "bmi_thirds" if not given.

        Returns
        -------
        Study
            A copy with the variable: ordered levels that give the bounds in the unit of the number. Its note
            has the cut points and the number of participants in each group.

        Raises
        ------
        VariableError
            If the variable has levels or a single value in the domain, or the name is taken.

        Notes
        -----
        The weight is that of an analysis of the variable and the domain (`weight_for`). A cut point is the
        lowest value with at least that share of the weights at or below it, as in `tk.quantile` and in
        svyquantile of R's survey package; it belongs to the lower group.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated").cut("bmi", into=4, domain="age >= 20")
        >>> len(study.codebook["bmi_quarters"].levels)
        4
        """
        return self._with(quantile_step(self, name, into, domain, as_))

    def merge_levels(
        self, name: str, levels: Mapping[str, str | Sequence[str]], as_: str | None = None
    ) -> Self:
        """Add a variable with merged levels of another.

        Parameters
        ----------
        name
            A variable with levels.
        levels
            New level to the old level or levels that it replaces. Levels that are not named stay.
        as_
            The name of the new variable; the old name with "_merged" if not given.

        Returns
        -------
        Study
            A copy with the variable. Levels that follow one another keep their order when merged; the
            reference is the level that contains the old reference. Missing values keep their reasons.

        Raises
        ------
        VariableError
            If a level is unknown or named twice, fewer than two levels would remain, or the name is taken.

        Examples
        --------
        >>> import toolkit as tk
        >>> study = tk.open_study("simulated")
        >>> study = study.merge_levels("general_health", {"fair or poor": ["fair", "poor"]}, as_="health")
        >>> study.codebook["health"].levels
        ('excellent', 'very good', 'good', 'fair or poor')
        """
        return self._with(merged_step(self, name, levels, as_))


def quantile_step(study: LevelGroups, name: str, into: int, domain: str, as_: str | None) -> Derivation:
    """Cut a number of a study at the weighted quantiles of a domain.

    Raises
    ------
    VariableError
        If the name is taken, or the variable has levels or a single value.
    """
    variable: Variable = study.variable(name)
    words = _GROUPS.get(into, f"{into}_groups")
    new = as_ or f"{name}_{words}"
    require_free(study, new)
    found = import_module(f"toolkit.{_WEIGHTED}").quantile_groups(study, name, into, domain)
    levels = _bounds(found.texts)
    value = pl.col(name)
    group: pl.Expr = pl.when(value > found.cuts[-1]).then(pl.lit(levels[-1]))
    for cut, level in reversed(list(zip(found.cuts, levels[:-1], strict=True))):
        group = pl.when(value <= cut).then(pl.lit(level)).otherwise(group)
    entry = Variable(
        new,
        f"{variable.label}, in {_GROUPS.get(len(levels), f'{len(levels)} groups')}",
        "category",
        levels,
        unit=variable.unit,
        component="",
        source=f"{name}, cut at its weighted quantiles",
        note=_cut_note(variable, into, domain, found),
        ordered=True,
    )
    return Derivation(entry, (name,), group, within=parse(domain))


def _bounds(texts: Sequence[str]) -> tuple[str, ...]:
    between = [f"above {low} to {high}" for low, high in pairwise(texts)]
    return (f"up to {texts[0]}", *between, f"above {texts[-1]}")


def _cut_note(variable: Variable, into: int, domain: str, found: Any) -> str:
    cuts = ", ".join(f"{text} {variable.unit}".strip() for text in found.texts)
    persons = ", ".join(f"{count:,}" for count in found.persons)
    whom = f"participants with {domain.strip()}" if domain.strip() else "all participants"
    note = f"Cut at the weighted quantiles of {whom} ({cuts}; {persons} participants)."
    fewer = len(found.persons)
    if fewer < into:
        note += f" Cut points coincide, so there are {fewer} groups instead of {into}."
    return " ".join(filter(None, (note, variable.note)))


def merged_step(
    study: Any, name: str, levels: Mapping[str, str | Sequence[str]], as_: str | None
) -> Derivation:
    """Merge levels of a variable into new ones; levels that are not named stay.

    Raises
    ------
    VariableError
        If the name is taken, the variable is a number, or levels are unknown, named twice or all merged.
    """
    variable: Variable = study.variable(name)
    new = as_ or f"{name}_merged"
    require_free(study, new)
    if not variable.levels:
        raise VariableError(f"'{name}' is continuous and has no levels. Cut it first: study.cut('{name}').")
    merged = {new_: (old,) if isinstance(old, str) else tuple(old) for new_, old in levels.items()}
    becomes = _becomes(variable, merged)
    kept = tuple(dict.fromkeys(becomes.values()))
    if len(kept) < 2:
        raise VariableError(
            f"All levels of '{name}' would be merged into '{kept[0]}'. Leave at least two levels apart."
        )
    yes_no = set(kept) == set(YES_NO)
    entry = Variable(
        new,
        variable.label,
        "yes_no" if yes_no else "category",
        () if yes_no else kept,
        None if yes_no else becomes[variable.reference or variable.levels[0]],
        variable.unit,
        component="",
        source=f"{name}, with levels merged",
        note=" ".join(filter(None, (_merge_note(merged), variable.note))),
        ordered=variable.ordered and all(_side_by_side(variable.levels, old) for old in merged.values()),
    )
    text = pl.col(name).cast(pl.String).replace_strict(becomes, default=None, return_dtype=pl.String)
    return Derivation(entry, (name,), text)


def _becomes(variable: Variable, merged: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Say for each level of a variable, in order, what it becomes."""
    becomes = {level: level for level in variable.levels}
    named = [old for olds in merged.values() for old in olds]
    for new, olds in merged.items():
        for old in olds:
            if old not in becomes:
                listed = "Levels: " + ", ".join(map(repr, variable.levels))
                raise VariableError(
                    unknown(f"variable '{variable.name}' has no level", old, variable.levels, listed)
                )
            if named.count(old) > 1:
                raise VariableError(f"The level '{old}' of '{variable.name}' is merged twice. Name it once.")
            becomes[old] = new
        if new in variable.levels and new not in olds:
            raise VariableError(
                f"'{variable.name}' has a level '{new}' that is not merged. Give the new level another name."
            )
    return becomes


def _side_by_side(levels: tuple[str, ...], olds: tuple[str, ...]) -> bool:
    places = sorted(levels.index(old) for old in olds)
    return not places or places[-1] - places[0] == len(places) - 1


def _merge_note(merged: Mapping[str, tuple[str, ...]]) -> str:
    told = [f"'{new}' is {' or '.join(map(repr, olds))}" for new, olds in merged.items() if olds]
    return f"{'; '.join(told)}." if told else ""
