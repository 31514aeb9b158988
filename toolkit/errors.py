"""Say what went wrong in the user's words: four kinds of error and the nearest-name helper.

Takes names and counts, never a person's values; gives exceptions whose message holds what is wrong,
what was seen and what to do.
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class ToolkitError(Exception):
    """Any error that the toolkit tells in its own words."""


class DatasetError(ToolkitError):
    """A file, a study or a table of data is not as it should be."""


class VariableError(ToolkitError):
    """A variable, a level or a condition on variables is unknown or cannot be used so."""


class DesignError(ToolkitError):
    """The sampling design or a weight is missing, broken or wrong for the analysis."""


class EstimationError(ToolkitError):
    """The data cannot give the number that was asked for."""


def short(text: str, most: int = 100) -> str:
    """Write a text in one line for an error, cut where it is long.

    Examples
    --------
    >>> short("(" * 300)[-5:]
    '((...'
    """
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def nearest(name: str, known: "Iterable[str]", count: int = 3) -> str:
    """Name the known words nearest to a mistaken one.

    Parameters
    ----------
    name
        The word that was not found.
    known
        The words that exist.
    count
        How many to name at most.

    Returns
    -------
    str
        The words in quotes, nearest first, or all of them if none is near and they are few; "" if none.

    Examples
    --------
    >>> nearest("diabetis", ["diabetes_told", "age", "diabetes"])
    "'diabetes', 'diabetes_told'"
    """
    words = list(dict.fromkeys(known))
    # Columns are often in capitals; a word is near whatever its case.
    by_lower = {word.lower(): word for word in reversed(words)}
    close = [by_lower[low] for low in get_close_matches(str(name).lower(), by_lower, n=count, cutoff=0.55)]
    chosen = close or (words if len(words) <= 2 * count else [])
    return ", ".join(f"'{word}'" for word in chosen)


def unknown(what: str, name: str, known: "Iterable[str]", remedy: str = "") -> str:
    """Word the message for an unknown name: what is wrong, the nearest names, what to do.

    Parameters
    ----------
    what
        The sentence's start, such as "this study has no variable".
    name
        The word that was not found.
    known
        The words that exist.
    remedy
        What to do, best as a call to paste, such as "All: study.availability()".

    Returns
    -------
    str
        One message.

    Examples
    --------
    >>> unknown("there is no study", "nhane", ["nhanes", "simulated"], "All: tk.available_studies()")
    "there is no study 'nhane'. Nearest: 'nhanes'. All: tk.available_studies()."
    """
    near = nearest(name, known)
    parts = [f"{what} '{short(name)}'", f"Nearest: {near}" if near else "", remedy]
    return " ".join(part.rstrip(".") + "." for part in parts if part)
