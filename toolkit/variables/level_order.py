"""Sort the levels of text for display: by their first number if each has one, otherwise alphabetically.

A sorted list is not a declared order, which `codebook.Variable.ordered` records.
"""

import re
from collections.abc import Iterable

# A minus counts only at the start: elsewhere it separates the ends of a band, as in "5-9". A comma separates
# thousands, but not the ends of an interval such as "(100,200]".
_NUMBER = re.compile(r"(?:^\s*-)?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+")
_END = re.compile(r"(?<=^[(\[])-?\d*\.?\d+")
_BELOW = re.compile(r"\b(under|below|less|fewer|younger|up to|at most|until)\b|<|≤|^\s*-\D", re.IGNORECASE)
_ABOVE = re.compile(r"\b(over|above|more|older|at least|greater)\b|>|≥|\+", re.IGNORECASE)


def sorted_levels(levels: Iterable[str]) -> tuple[str, ...]:
    """Sort levels for display.

    Examples
    --------
    >>> sorted_levels(["10+", "5 to 9", "under 5"])
    ('under 5', '5 to 9', '10+')
    >>> sorted_levels(["never", "2 or more", "1"])
    ('1', '2 or more', 'never')
    """
    every = sorted(set(levels))
    numbers = [_END.search(level) or _NUMBER.search(level) for level in every]
    if not all(numbers):
        return tuple(every)
    keys = {
        level: (float(found[0].replace(",", "")), _side(level), level)
        for level, found in zip(every, numbers, strict=True)
        if found
    }
    return tuple(sorted(every, key=keys.__getitem__))


def _side(level: str) -> int:
    """Place "under 5" before "5 to 9" and "5 or more" after it."""
    return -1 if _BELOW.search(level) else 1 if _ABOVE.search(level) else 0
