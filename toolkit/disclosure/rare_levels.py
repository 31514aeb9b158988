"""Name the levels of variables in messages and on pages without those that too few participants have."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from weakref import finalize

from toolkit.errors import RARE, RARE_LEVELS, join_list, unknown

# The rare levels by all levels of their variable: lists of levels outlive the study that they are of.
_RARE: dict[tuple[str, ...], Counter[str]] = {}


def declare_rare_levels(
    study: object, variable: str, levels: Sequence[str], rare: Collection[str], names: Collection[str]
) -> None:
    """Remember the levels of a variable that too few people have, while their study is in memory.

    Of `names`, those of variables, none is left out of messages.
    """
    if rare:
        pairs = tuple((variable, level) for level in rare if level not in names)
        known: Any
        for known, found in ((_RARE.setdefault(tuple(levels), Counter()), tuple(rare)), (RARE_LEVELS, pairs)):
            known.update(found)
            finalize(study, _forget, known, found)


def _forget(known: Counter[Any], names: tuple[Any, ...]) -> None:
    for name in names:
        known[name] -= 1
        if not known[name]:
            del known[name]


def list_levels(levels: Sequence[str], most: int = 12, mark: str = "'") -> str:
    """List the levels of a variable in quotes for a message, without those of few people."""
    common = common_levels(levels)
    rare, more = len(levels) - len(common), len(common) - most
    quoted = [f"{mark}{level}{mark}" for level in common[:most]]
    quoted += [f"{more} more"] * (more > 0) + count_rare(rare)
    return join_list(quoted) if more > 0 or rare else ", ".join(quoted)


def count_rare(levels: int) -> list[str]:
    """Count the levels of a list that are not named, as the last part of the list; none if there are none."""
    return [f"{levels} {RARE}{'s' * (levels > 1)}"] if levels else []


def common_levels(levels: Iterable[str]) -> tuple[str, ...]:
    """Return the levels of a variable that may be listed."""
    every = tuple(levels)
    return tuple(level for level in every if level not in _RARE.get(every, ()))


def name_levels(levels: Sequence[str], reference: str | None) -> str:
    """Name the levels of a variable with its reference, "no (reference), yes", and count those of few."""
    shown = common_levels(levels)
    named = [f"{level} (reference)" if level == reference else level for level in shown]
    return ", ".join([*named, *count_rare(len(levels) - len(shown))])


def unknown_level(what: str, level: object, levels: Iterable[str]) -> str:
    """Compose the message for an unknown level, with the nearest and all that may be listed."""
    every = tuple(levels)
    return unknown(what, str(level), common_levels(every), f"Levels: {list_levels(every)}")
