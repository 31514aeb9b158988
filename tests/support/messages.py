"""Check a message for the facts it must give (names, counts, the remedy's call), not for its sentence."""

import re
from collections.abc import Iterable, Iterator

Fragment = object | Iterable["Fragment"]


def mentioning(*fragments: Fragment) -> str:
    """Write the pattern for `pytest.raises(match=...)` of a text that has every fragment, in any order.

    A fragment is plain text, or a tuple of such: a quoted name, a count, a call. A number is found only as a
    whole number, and words without quotes are found whatever their case.
    """
    wanted = list(_flat(fragments))
    if not wanted or not all(fragment.strip() for fragment in wanted):
        raise ValueError("Supply at least one fragment, and none that is blank.")
    return r"(?s)\A" + "".join(f"(?=.*{_pattern(fragment)})" for fragment in wanted)


def mentions(message: object, *fragments: Fragment) -> bool:
    """Say whether a message, error or warning has every fragment."""
    return re.search(mentioning(*fragments), str(message)) is not None


def _flat(fragments: Iterable[Fragment]) -> Iterator[str]:
    for fragment in fragments:
        if isinstance(fragment, tuple | list):
            yield from _flat(fragment)
        else:
            yield str(fragment)


def _pattern(fragment: str) -> str:
    text = re.escape(fragment)
    if re.fullmatch(r"[\w -]+", fragment):
        text = f"(?i:{text})"
    before = r"(?<![\w.,])" if fragment[0].isdigit() else r"\b" if fragment[0].isalpha() else ""
    # A number or a short word is found whole; a longer word may have an ending, such as that of a plural.
    short = len(fragment) < 4 and fragment[-1].isalpha()
    return before + text + (r"(?!\w|[.,]\d)" if fragment[-1].isdigit() else r"\b" if short else "")
