"""Mark temporary folders and drafts as owned by a living process, and remove those whose owner is dead.

An owner holds a lock on what it made, and the system takes the lock back when the process ends, however it
ends. Earlier versions held none: of their leftovers, those go that no living process can be using.
"""

import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.errors import DatasetError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and so nothing is taken for abandoned
    fcntl = None  # type: ignore[assignment]

FULL = (errno.ENOSPC, errno.EDQUOT)
_RUN = "cramps-run-"
_RUN_NAME = re.compile(r"cramps-run-\w{8}")
_DRAFT_NAME = re.compile(r"\..*\.draft-\w{8}(\.\w+)?", re.DOTALL)
# What versions up to 0.9 left: folders of people and of kernels, and drafts without a mark.
_OLD_RUN_NAME = re.compile(r"cramps-\w{8}")
_OLD_PARTS = re.compile(
    r"population\.json|run\.ipynb|ipython|k-\d+|\.?(people|visits|diary|population)(\.\w{8})?\.(parquet|json)"
)
_OLD_DRAFT = r"\.{stem}\.[a-z0-9_]{{8}}{suffix}"
_DAY = 86_400
_PROCESSES = Path("/proc")


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a temporary folder that is removed at the end, or at the next start after this process was killed.

    Yields
    ------
    pathlib.Path
        A folder of the user alone, with a short path because sockets are made in it.

    Examples
    --------
    >>> with temporary_folder() as folder:
    ...     folder.is_dir()
    True
    """
    while True:
        with tempfile.TemporaryDirectory(prefix=_RUN, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            with _locked(folder) as ours:
                # Another process may have taken the folder for abandoned before it was locked.
                if ours:
                    yield folder
                    return


@contextmanager
def temporary_trouble_told() -> Iterator[None]:
    """Restate that the folder of temporary files is full in one line.

    Raises
    ------
    DatasetError
        In place of an OSError for want of space; others pass.

    Examples
    --------
    >>> with temporary_trouble_told():
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    toolkit.errors.DatasetError: The folder of temporary files, '...', is full. ...
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DatasetError(
            f"The folder of temporary files, '{tempfile.gettempdir()}', is full. Free some space there, or "
            "set the environment variable TMPDIR to a folder that has space."
        ) from error


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """Make an empty hidden file beside a file, to be written and moved to its place; removed at the end.

    Parameters
    ----------
    target
        The file that the draft is for. Its folder is made if it is not there.

    Yields
    ------
    pathlib.Path
        The draft, whose suffix is that of the target because writers tell the format by it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_drafts(target.parent, target)
    prefix = f".{target.stem[:40]}.draft-"
    while True:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=target.suffix, dir=target.parent)
        os.close(handle)
        draft = Path(name)
        try:
            with _locked(draft) as ours:
                if ours:
                    yield draft
                    return
        finally:
            draft.unlink(missing_ok=True)


def remove_abandoned_folders() -> None:
    """Remove the temporary folders that dead processes of this user left."""
    for folder in _own(Path(tempfile.gettempdir()), directories=True):
        if _RUN_NAME.fullmatch(folder.name):
            _remove_unlocked(folder)
        elif _OLD_RUN_NAME.fullmatch(folder.name) and _is_old_run(folder) and not _older_version_runs(folder):
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned_drafts(folder: Path, target: Path | None = None) -> None:
    """Remove the half-written files that dead processes of this user left in a folder.

    Parameters
    ----------
    folder
        Any folder: a draft of this version is told by its name and its lock.
    target
        The file whose drafts of earlier versions, which have neither, go as well. None: those of any file,
        which is for folders of the toolkit's own alone.
    """
    stem, suffix = (re.escape(target.stem[:40]), re.escape(target.suffix)) if target else (".+", r"\.parquet")
    earlier = re.compile(_OLD_DRAFT.format(stem=stem, suffix=suffix), re.DOTALL)
    for path in _own(folder, directories=False):
        if _DRAFT_NAME.fullmatch(path.name):
            _remove_unlocked(path)
        elif earlier.fullmatch(path.name) and _is_private(path) and not _is_in_use(path):
            with suppress(OSError):
                path.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Hold a lock on a file or folder; tell whether it is still at its path."""
    if fcntl is None:
        yield True
        return
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        # Some network file systems know no locks: then nothing is ever taken for abandoned there.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield _is_at(handle, path)
    finally:
        os.close(handle)


def _remove_unlocked(path: Path) -> None:
    """Remove a folder or draft if nobody holds its lock."""
    if fcntl is None:
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not _is_at(handle, path):
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        return
    finally:
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError:
        return False


def _own(folder: Path, *, directories: bool) -> Iterator[Path]:
    """List this user's entries of a folder, without following links."""
    if not hasattr(os, "getuid"):
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("cramps-" if directories else "."):
                continue
            with suppress(OSError):
                kind = entry.is_dir if directories else entry.is_file
                if kind(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.getuid():
                    yield folder / entry.name


def _is_old_run(folder: Path) -> bool:
    try:
        return all(_OLD_PARTS.fullmatch(path.name) for path in folder.iterdir())
    except OSError:
        return False


def _is_private(path: Path) -> bool:
    try:
        return path.stat().st_mode & 0o777 == 0o600  # a draft gets the file's own mode when it is whole
    except OSError:
        return False


def _older_version_runs(folder: Path) -> bool:
    """Tell whether a report of an earlier version may be running: its command, or its kernel."""
    if not _PROCESSES.is_dir():
        return _is_young(folder)
    kernel = re.compile(rb"IPYTHONDIR=%s/cramps-\w{8}/" % re.escape(os.fsencode(folder.parent)))
    for process in _other_processes():
        words = _read(process / "cmdline").split(b"\0")
        command = b"report" in words and any(b"cramps" in word or b"toolkit" in word for word in words)
        if command or kernel.search(_read(process / "environ")):
            return True
    return False


def _is_in_use(path: Path) -> bool:
    """Tell whether a living process may still be writing a draft."""
    if not _PROCESSES.is_dir():
        return _is_young(path)
    return any(target == str(path.absolute()) for process in _other_processes() for target in _open(process))


def _is_young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _DAY
    except OSError:
        return True


def _other_processes() -> Iterator[Path]:
    """List this user's processes but this one and those that it descends from."""
    ours = set(_ancestry())
    for process in _PROCESSES.iterdir():
        if process.name.isdecimal() and int(process.name) not in ours:
            with suppress(OSError):
                if process.stat().st_uid == os.getuid():
                    yield process


def _ancestry() -> Iterator[int]:
    process = os.getpid()
    while process > 0:
        yield process
        # The name in brackets may hold anything, so the fields are counted behind it.
        fields = _read(_PROCESSES / str(process) / "stat").rpartition(b")")[2].split()
        process = int(fields[1]) if len(fields) > 1 else 0


def _open(process: Path) -> Iterable[str]:
    with suppress(OSError):
        for handle in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(handle.readlink())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
