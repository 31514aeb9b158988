"""Exceptions that say what happened, where, and how to fix it; helpers for wording messages."""

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_WORD = re.compile(r"[a-z]+(?=[ ,;:])")


class ToolkitError(Exception):
    """Base class of the toolkit's errors; the message never contains a participant's values.

    Examples
    --------
    >>> import toolkit as tk
    >>> try:
    ...     tk.open_study("nhanse")
    ... except tk.ToolkitError as error:
    ...     print(type(error).__name__)
    DatasetError
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(begin_sentence(str(message)))


class DatasetError(ToolkitError):
    """A file, a study or a table of data is missing or invalid.

    Examples
    --------
    >>> import toolkit as tk
    >>> tk.open_study("nhanse")
    Traceback (most recent call last):
    ...
    toolkit.errors.DatasetError: ...'nhanse'...
    """


class VariableError(ToolkitError):
    """A variable, a level or a condition is unknown, or unsuitable for its role.

    Examples
    --------
    >>> import toolkit as tk
    >>> tk.prevalence(tk.open_study("simulated"), "any_cramp")
    Traceback (most recent call last):
    ...
    toolkit.errors.VariableError: ...'any_cramp'...
    """


class DesignError(ToolkitError):
    """The survey design or a weight is missing, invalid or unsuitable for the analysis.

    Examples
    --------
    >>> import toolkit as tk
    >>> tk.survey.replicates(tk.open_study("simulated"), method="jackknife")
    Traceback (most recent call last):
    ...
    toolkit.errors.DesignError: ...'jackknife'...
    """


class EstimationError(ToolkitError):
    """The data do not allow the estimate.

    Examples
    --------
    >>> import toolkit as tk
    >>> tk.mean(tk.open_study("simulated"), "bmi", confidence=95)
    Traceback (most recent call last):
    ...
    toolkit.errors.EstimationError: 'confidence' is 95, but must be between 0 and 1...
    """


def begin_sentence(sentence: str) -> str:
    """Begin a sentence with a capital letter, unless it begins with code such as `tk.forest` or `adjust=`."""
    return sentence[:1].upper() + sentence[1:] if _WORD.match(sentence) else sentence


def short(text: str, most: int = 100) -> str:
    """Return a text in one line, cut where it is longer than `most`."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def join_list(parts: "Iterable[str]", conjunction: str = "and") -> str:
    """Join texts as "age, sex and education"."""
    *others, last = list(parts) or [""]
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def nearest(name: str, known: "Iterable[str]", count: int = 3) -> str:
    """List the known names nearest to a mistaken one, in quotes; all of them if few and none is near.

    Examples
    --------
    >>> nearest("diabetis", ["diabetes_told", "age", "diabetes"])
    "'diabetes' or 'diabetes_told'"
    """
    words = list(dict.fromkeys(known))
    # Columns are often in capitals, so case is ignored.
    by_lower = {word.lower(): word for word in reversed(words)}
    close = [by_lower[low] for low in get_close_matches(str(name).lower(), by_lower, n=count, cutoff=0.55)]
    quoted = [f"'{word}'" for word in close or (words if len(words) <= 2 * count else [])]
    return join_list(quoted, "or")


def unknown(what: str, name: str, known: "Iterable[str]", remedy: str = "") -> str:
    """Compose the message for an unknown name, with the nearest names and a remedy.

    `what` is the start of the sentence ("this study has no variable"). A remedy "All: ..." lists the names or
    the call that lists them.

    Examples
    --------
    >>> unknown("unknown study", "nhane", ["nhanes", "simulated"], "All: tk.available_studies()")
    "Unknown study 'nhane'. Did you mean 'nhanes'? List them all with tk.available_studies()."
    """
    near = nearest(name, known)
    if remedy.startswith("All: "):
        listed = remedy.removeprefix("All: ")
        remedy = f"List them all with {listed}" if "(" in listed else f"Available: {listed}"
    parts = [f"{begin_sentence(what)} '{short(name)}'.", f"Did you mean {near}?" if near else ""]
    return " ".join(filter(None, [*parts, f"{remedy.rstrip('.')}." if remedy else ""]))
