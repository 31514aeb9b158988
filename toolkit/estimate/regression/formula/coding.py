"""Choose the contrasts of the categories in a formula's terms, and find redundant columns.

The rule is R's (`TermCode` in its C source): a category in a term has a column for each level but the
reference if an earlier term contains the rest of the term, and a column for each level otherwise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from toolkit.estimate.survey.variance.linearized import Floats

Names = frozenset[str]


@dataclass(frozen=True)
class Coding:
    """How the factors of one term are coded.

    `full` are the categories with a column for each level, `levels` the number of levels of each category,
    `spanned` the sets of categories whose effects earlier columns, of the same numbers, span already.
    """

    factors: tuple[str, ...]
    full: Names
    levels: Mapping[str, int]
    spanned: frozenset[Names] = field(default_factory=frozenset)


def codings(
    terms: Sequence[tuple[str, ...]], levels: Mapping[str, int], *, intercept: bool
) -> Iterator[Coding]:
    """Code each term, by degree; without an intercept the first category has a column for each level."""
    before: list[Names] = []
    spans: dict[Names, set[Names]] = {frozenset(): {frozenset()}} if intercept else {}
    wanting = not intercept
    for term in terms:
        own = [name for name in term if name in levels]
        full = {name for name in own if not _is_margin(frozenset(term) - {name}, before)}
        if wanting and own:
            full.add(own[0])
            wanting = False
        numbers = frozenset(term) - frozenset(own)
        effects = _effects(own, full)
        spanned = spans.setdefault(numbers, set())
        yield Coding(
            term, frozenset(full), {name: levels[name] for name in own}, frozenset(spanned & effects)
        )
        spanned |= effects
        before.append(frozenset(term))


def _is_margin(rest: Names, before: Sequence[Names]) -> bool:
    return not rest or any(rest <= term for term in before)


def _effects(own: Sequence[str], full: set[str]) -> set[Names]:
    """List the sets of categories whose effects a term's columns span."""
    marked = frozenset(own) - full
    chosen = [name for name in own if name in full]
    return {marked | frozenset(part) for k in range(len(chosen) + 1) for part in combinations(chosen, k)}


def kept_columns(coding: Coding) -> set[tuple[int, ...]] | None:
    """Find the level combinations of a term whose columns earlier columns do not span; None if all.

    R's `lm` and `glm` drop the same columns, from left to right, where every cell has participants.
    """
    if not coding.spanned:
        return None
    names = [name for name in coding.factors if name in coding.levels]
    sizes = [coding.levels[name] for name in names]
    effects = [_effect(names, sizes, effect) for effect in sorted(coding.spanned, key=len)]
    basis = np.asarray(np.linalg.qr(np.column_stack(effects))[0], float)
    kept = set()
    starts = [0 if name in coding.full else 1 for name in names]
    ranges = [range(size - start) for size, start in zip(sizes, starts, strict=True)]
    for places in product(*reversed(ranges)):
        own = tuple(reversed(places))
        marks = [np.eye(size)[k + start] for size, k, start in zip(sizes, own, starts, strict=True)]
        column = _kron(marks)
        rest = column - basis @ (basis.T @ column)
        rest = rest - basis @ (basis.T @ rest)
        if np.linalg.norm(rest) > 1e-7:  # of a column of length 1
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
            kept.add(own)
    return kept


def _effect(names: Sequence[str], sizes: Sequence[int], effect: Names) -> "Floats":
    """Give a basis of one effect on the cells: contrasts of its categories, constant over the others."""
    parts = [
        np.eye(size)[:, 1:] - 1 / size if name in effect else np.ones((size, 1))
        for name, size in zip(names, sizes, strict=True)
    ]
    return _kron(parts)


def _kron(parts: Sequence["Floats"]) -> "Floats":
    whole = parts[0]
    for part in parts[1:]:
        whole = np.asarray(np.kron(whole, part), np.float64)
    return whole
