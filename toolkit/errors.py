"""Exceptions that say what happened, where, and how to fix it; helpers for wording messages."""

import re
from collections import Counter
from difflib import get_close_matches
from linecache import getline
from math import isfinite
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


_WORD = re.compile(r"[a-z]+(?=[ ,;:])")
_PACKAGE = str(Path(__file__).parent)


class ToolkitError(Exception):
    """Base class of the toolkit's errors; the message never contains a participant's values.

    In JupyterLab and IPython the traceback ends at the user's own line. `%tb Plain` shows all of it.

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
        super().__init__(begin_sentence(leave_out_rare(str(message))))

    def _render_traceback_(self) -> list[str]:
        """Fold the traceback to the line that called the toolkit, for IPython, which calls this method."""
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        kind = type(self)
        if shell.InteractiveTB.mode != "Context":  # the user chose a mode: %xmode, or %tb Plain
            full = shell.InteractiveTB.structured_traceback(kind, self, self.__traceback__, tb_offset=1)
            return [str(line) for line in full]
        frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(self.__traceback__)]
        inside = [n for n, (file, _) in enumerate(frames) if file.startswith(_PACKAGE)]
        file, line = frames[inside[0] - 1 if inside else -1]
        place = " ".join(shell.compile.format_code_name(file) or ("File", file))
        return [
            f"{place}, line {line}",
            f"----> {line} {getline(file, line).strip()}",
            "",
            f"{kind.__name__}: {self}",
            "The full traceback is shown by %tb Plain.",
        ]


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


# Categories that fewer people have than the threshold of their study, which no message names, as variable and
# level, with the number of studies in memory that have them.
RARE_LEVELS: "Counter[tuple[str, str]]" = Counter()
RARE = "rare level"
_SHORTEST = 4  # letters of a name that is left out wherever it stands; a shorter one only beside its variable


def leave_out_rare(text: str, levels: "Iterable[tuple[str, str]]" = ()) -> str:
    """Replace names of rare categories in a text; by default those of the studies in memory."""
    for variable, level in tuple(levels or RARE_LEVELS):
        if level not in text:
            continue
        name = re.escape(level)
        if len(level) >= _SHORTEST:
            text = re.sub(rf"(?<!\w){name}(?!\w)", RARE, text)
        elif re.search(rf"(?<!\w){re.escape(variable)}(?!\w)", text):
            text = re.sub(rf"(?<=['\":]){name}(?=['\":])", RARE, text)
    return text


QUOTED = 60  # characters of long input that a message repeats


def short(text: str, most: int = QUOTED) -> str:
    """Return a text in one line, and of a longer one its first `most` characters."""
    line = "".join(sign if sign.isprintable() else "\ufffd" for sign in " ".join(str(text).split()))
    return line if len(line) <= most else f"{line[:most]}..."


def join_list(parts: "Iterable[str]", conjunction: str = "and") -> str:
    """Join texts as "age, sex and education"."""
    *others, last = list(parts) or [""]
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def nearest(name: str, known: "Iterable[str]", count: int = 3) -> str:
    """List the known names nearest to a mistaken one, in quotes; all of them if few and none is near."""
    words = list(dict.fromkeys(known))
    # Columns are often in capitals, so case is ignored.
    by_lower = {word.lower(): word for word in reversed(words)}
    close = [by_lower[low] for low in get_close_matches(str(name).lower(), by_lower, n=count, cutoff=0.55)]
    quoted = [f"'{short(word)}'" for word in close or (words if len(words) <= 2 * count else [])]
    return join_list(quoted, "or")


def unknown(what: str, name: str, known: "Iterable[str]", remedy: str = "") -> str:
    """Compose the message for an unknown name; "All: ..." lists the names or the call that lists them."""
    near = nearest(name, known)
    if remedy.startswith("All: "):
        listed = remedy.removeprefix("All: ")
        remedy = f"List them all with {listed}" if "(" in listed else f"Available: {listed}"
    parts = [f"{begin_sentence(what)} '{short(name)}'.", f"Did you mean {near}?" if near else ""]
    return " ".join(filter(None, [*parts, f"{remedy.rstrip('.')}." if remedy else ""]))


def unknown_words(what: str, words: "Iterable[str]", known: "Iterable[str]") -> "Iterator[str]":
    """Compose a message for each unknown word, once."""
    known = tuple(known)
    yield from (unknown(what, word, known) for word in dict.fromkeys(words) if word not in known)


def require_known(
    what: str,
    name: str,
    known: "Collection[str]",
    all_of_them: str = "",
    error: type[ToolkitError] = EstimationError,
) -> None:
    """Raise an error for an unknown name; `all_of_them` are the words before the list of known names."""
    if name not in known:
        raise error(unknown(what, name, known, f"{all_of_them} {', '.join(known)}" if all_of_them else ""))


def as_path(given: object, caller: str, what: str = "the path of a file or folder") -> Path:
    """Return a path, and raise an error for what is none, such as a number or a list of paths."""
    if isinstance(given, str | PathLike):
        return Path(given)
    raise DatasetError(f"{caller} takes {what} as text, and this is of the type '{type(given).__name__}'.")


def require_study(given: object, caller: str) -> None:
    """Raise an error for what is not a study, such as a data frame or the name of a study."""
    if not (hasattr(given, "codebook") and hasattr(given, "people")):
        raise VariableError(
            f"{caller} takes a study, and this is of the type '{type(given).__name__}'. Open one with "
            "tk.open_study(...), or make one of a data frame with tk.study(frame, design=tk.Design(...))."
        )


def require_whole_number(name: str, value: object, least: int, most: int | None = None) -> None:
    """Raise an error for an argument that is not a whole number, or outside its range."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise VariableError(f"{name}={value!r} is not a whole number of at least {least:,}.")
    if most is not None and int(value) > most:
        raise VariableError(f"{name}={value:,} is more than {most:,}. Use a smaller number.")


def require_finite(name: str, value: object, remedy: str) -> None:
    """Raise an error for an argument that is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value):
        raise VariableError(f"{name}={value!r} is not a finite number. {remedy}")
