"""Say where the cache is, and warn once of all that was wrong with it while a study was opened.

Takes names of kept files with what is wrong; gives one `CacheWarning`. The study itself is whole by then.
"""

import atexit
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.files.leftovers import temporary_folder
from toolkit.files.readers import DiskError

CACHE_VARIABLE = "CRAMPS_CACHE"
_PRIVATE_FOLDER = 0o700


class CacheWarning(UserWarning):
    """Something kept in the cache was damaged or could not be kept; what was opened is right all the same."""


@dataclass
class _Troubles:
    """What went wrong so far: by name, with the reason."""

    damaged: dict[str, str] = field(default_factory=dict)
    unkept: dict[str, str] = field(default_factory=dict)


_elsewhere: ContextVar[Path | None] = ContextVar("cache of this process", default=None)
_gathered: ContextVar[_Troubles | None] = ContextVar("cache troubles", default=None)


def cache_folder() -> Path:
    """Name the folder of downloaded files: `CRAMPS_CACHE`, or the user's cache folder.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    elsewhere = _elsewhere.get()
    if elsewhere:
        return elsewhere
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().resolve()
    import pooch

    return Path(pooch.os_cache("cramps-toolkit"))


@contextmanager
def cache_of_this_process() -> Iterator[None]:
    """Put what the block downloads into a folder that goes when the process ends.

    For a study whose files cannot be kept, because the disk of the cache is full or closed. What a process
    that was killed left is removed at the next start.

    Examples
    --------
    >>> with cache_of_this_process():
    ...     cache_folder().name[:11]
    'cramps-run-'
    """
    held = ExitStack()
    folder = held.enter_context(temporary_folder())
    atexit.register(held.close)
    token = _elsewhere.set(folder)
    try:
        yield
    finally:
        _elsewhere.reset(token)


def private_folder(folder: Path) -> Path:
    """Make a folder of the cache that the user alone may enter, as all folders from the cache down to it.

    Raises
    ------
    DiskError
        If it cannot be made.
    """
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        root.chmod(_PRIVATE_FOLDER)
        for below in [*reversed(folder.parents), folder]:
            if below.is_relative_to(root):
                below.mkdir(exist_ok=True, mode=_PRIVATE_FOLDER)
    except OSError as error:
        raise DiskError(
            f"the cache folder '{folder}' cannot be written: {(error.strerror or str(error)).lower()}. "
            f"Set {CACHE_VARIABLE} to a folder of your own."
        ) from error
    return folder


@contextmanager
def one_warning() -> Iterator[None]:
    """Warn once, when the block ends, of all that `report_damaged` and `report_unkept` were told in it.

    Examples
    --------
    >>> with warnings.catch_warnings(record=True, action="always") as seen, one_warning():
    ...     report_damaged("DEMO_D", "it is cut short")
    ...     report_damaged("SLQ_D", "it is cut short")
    >>> len(seen)
    1
    """
    if _gathered.get() is not None:  # the outermost block warns
        yield
        return
    troubles = _Troubles()
    token = _gathered.set(troubles)
    try:
        yield
    finally:
        _gathered.reset(token)
    _warn(troubles)


def report_damaged(name: str, reason: str) -> None:
    """Report that a kept file is not what was kept: it is not used, and rebuilt from its source."""
    _report("damaged", name, reason)


def report_unkept(name: str, reason: str) -> None:
    """Report that something could not be kept: opening stays right, and slow."""
    _report("unkept", name, reason)


def in_this_block(call: Callable[..., Any]) -> Callable[..., Any]:
    """Let a call that another thread makes report into the block of the thread that handed it over."""
    context = copy_context()
    return lambda *arguments: context.copy().run(call, *arguments)


def _report(kind: str, name: str, reason: str) -> None:
    troubles = _gathered.get()
    if troubles is not None:
        getattr(troubles, kind)[name] = reason
        return
    with one_warning():
        _report(kind, name, reason)


def _warn(troubles: _Troubles) -> None:
    told = []
    if troubles.damaged:
        name, reason, more = _first(troubles.damaged, "Nor")
        told.append(
            f"The cache is damaged: '{name}' is not used, because {reason.rstrip('.')}.{more} All of it was "
            f"rebuilt from the source, and the study is complete."
        )
    if troubles.unkept:
        name, reason, more = _first(troubles.unkept, "So")
        told.append(
            f"'{name}' is read anew at each opening, because it cannot be kept: {reason.rstrip('.')}.{more}"
        )
    if told:
        warnings.warn(" ".join(told), CacheWarning, stacklevel=5)


def _first(troubles: dict[str, str], too: str) -> tuple[str, str, str]:
    name, reason = next(iter(troubles.items()))
    rest = len(troubles) - 1
    return name, reason, f" {too} {'is' if rest == 1 else 'are'} {rest} more." if rest else ""
