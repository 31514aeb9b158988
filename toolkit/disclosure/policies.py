"""The rule of small cells: which counts of a study may be shown, and which others give them back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any, TypeVar

import polars as pl

from toolkit.errors import join_list

Key = TypeVar("Key", int, str)
SMALLEST_CELL = 5  # of a study that does not declare its own


@dataclass(frozen=True)
class Policy:
    """What a study allows: the smallest count that may be shown, and the levels of fewer people."""

    smallest_cell: int = SMALLEST_CELL
    rare: Mapping[str, Collection[str]] = field(default_factory=dict)  # by variable

    def hides(self, count: int | None) -> bool:
        """Return whether a count is too small to be shown."""
        return count is not None and 0 < count < self.smallest_cell

    def round(self, count: int | None) -> int | None:
        """Round a count to the nearest multiple of the threshold; None for one that is not shown."""
        if count is None or self.hides(count):
            return None
        return self._nearest(count) if self.smallest_cell else count

    def rounded(self, counts: pl.Expr) -> pl.Expr:
        """Round a column of counts likewise."""
        return pl.when(~counts.is_between(1, self.smallest_cell - 1)).then(self._nearest(counts))

    def _nearest(self, counts: Any) -> Any:
        """Return the nearest multiples of the threshold, of a count or of a column of counts."""
        return (counts + self.smallest_cell // 2) // self.smallest_cell * self.smallest_cell

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The rare levels with their variables."""
        return tuple((name, level) for name, levels in self.rare.items() for level in levels)

    @cached_property
    def rare_names(self) -> frozenset[str]:
        """The rare levels of all variables."""
        return frozenset(level for _, level in self.pairs)


# Whether this process makes the pages of reports.
_RUN = False


def begin_run() -> None:
    """Round the counts of all that is shown from now on: this process makes the pages of reports.

    The pages and files of a run are read side by side, and rows of two of them may differ by few
    participants. An analyst's own session shows exact counts.
    """
    global _RUN  # noqa: PLW0603 - the state of a process that does nothing else
    _RUN = True


def round_in_run(smallest: int) -> int:
    """Return the threshold to whose multiples this process rounds counts; 0 where it shows them exactly."""
    return smallest if _RUN and smallest > 1 else 0


# The policies of the studies of this session by the name that rows have in the column `study`: rows outlive
# the study that they are of.
_POLICIES: dict[str, Policy] = {}


def declare_policy(study: str, policy: Policy) -> None:
    """Declare the policy of a study by its name in result rows; of two of one name the stricter applies."""
    known = _POLICIES.get(study)
    if known is None or known == policy:
        _POLICIES[study] = policy
        return
    _POLICIES[study] = _merge(known, policy)


def rounding_unit(study: str | None) -> int:
    """Return the number to whose multiples counts of a study of this session are rounded; 0 for none.

    Rows of another study, such as published ones, are as they were given.
    """
    return round_in_run(_POLICIES[study].smallest_cell) if study in _POLICIES else 0


def policy_of(study: str | None) -> Policy:
    """Return the policy of a study: for an unknown name the strict one, unless its people are simulated."""
    if study in _POLICIES:
        return _POLICIES[study]
    return Policy(0) if "simulated" in (study or "").lower() else Policy()


def join_studies(studies: Sequence[str]) -> str:
    """Name several studies in one, for a row that compares them; the strictest of their policies applies."""
    joined = join_list(studies)
    declare_policy(joined, reduce(_merge, map(policy_of, studies)))
    return joined


def _merge(one: Policy, other: Policy) -> Policy:
    """Return the stricter of two policies, with the rare levels of both."""
    rare = {n: {*one.rare.get(n, ()), *other.rare.get(n, ())} for n in {**one.rare, **other.rare}}
    return Policy(max(one.smallest_cell, other.smallest_cell), rare)


def withheld_levels(
    levels: Sequence[str], everyone: Sequence[float], cases: Sequence[float], smallest: int
) -> set[str]:
    """Choose the withheld groups of a two-way table: those with few cases or noncases, and a second."""
    policy = Policy(smallest)
    sizes = {level: int(n) for level, n in zip(levels, everyone, strict=True) if n}
    few = {
        level
        for level, n, own in zip(levels, everyone, cases, strict=True)
        if any(policy.hides(int(count)) for count in (n, own, n - own))
    }
    # Of equal sizes the first by name.
    return few | second_hidden({level: sizes[level] for level in sorted(sizes)}, few)


def phrase_size(count: int, smallest: int) -> str:
    """Write a number of participants in prose, "about 185" where it is rounded."""
    if not smallest:
        return f"{count:,}"
    rounded = Policy(smallest).round(count)
    return f"fewer than {smallest}" if rounded is None else f"about {rounded:,}" if rounded else "0"


def small_counts(counts: pl.DataFrame, smallest: int, margin: Sequence[str] = ()) -> pl.Series:
    """Mark the counts `n` below a threshold and, of the rows of a margin, a second one besides one alone."""
    policy, rows = Policy(smallest), counts.rows(named=True)
    hidden = [policy.hides(row["n"]) for row in rows]
    lines: dict[tuple[Any, ...], list[int]] = {}
    for at, row in enumerate(rows if margin else ()):
        lines.setdefault(tuple(row[name] for name in margin), []).append(at)
    for line in lines.values():
        for at in second_hidden({at: rows[at]["n"] for at in line}, {at for at in line if hidden[at]}):
            hidden[at] = True
    return pl.Series(hidden, dtype=pl.Boolean)


def second_hidden(counts: Mapping[Key, int | None], hidden: Collection[Key]) -> set[Key]:
    """Choose the smallest other count where a single one is hidden, which their sum would give back."""
    others = {at: n for at, n in counts.items() if n and at not in hidden}
    return {min(others, key=others.__getitem__)} if len(hidden) == 1 and others else set()
