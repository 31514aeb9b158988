"""Write files atomically, manage temporary files and folders, and clean up after killed processes.

A draft or temporary folder is locked by its owner, and the system releases the lock when the process ends,
however it ends. What earlier versions left has no lock and is removed when no living process can be using it.
"""

import errno
import io
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl

from toolkit.errors import DatasetError, ToolkitError

_PATH = re.compile(r"/dev/fd/(\d+)")
_NAMED = re.compile(r"cramps-people-\w{8}\.zip")
_DESCRIPTORS = Path("/dev/fd")
_PART = 1 << 26


def shares_descriptors() -> bool:
    """Whether a child can open an inherited file by its descriptor, which Windows does not offer."""
    return hasattr(os, "pread") and _DESCRIPTORS.is_dir()


def unnamed_file(*, on_disk: bool = False) -> BinaryIO:
    """Open an empty file without a name: in memory on Linux, else or `on_disk` an unlinked one.

    Where no descriptor can be shared, the file has a name, is for its owner alone, and ends at its close.
    """
    if not shares_descriptors():
        return NamedUntilClosed()
    if hasattr(os, "memfd_create") and not on_disk:
        return os.fdopen(os.memfd_create("cramps"), "w+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


class NamedUntilClosed(io.BufferedRandom):
    """A temporary file for its owner alone that other processes open by its name, removed when closed."""

    def __init__(self) -> None:
        handle, self.path = tempfile.mkstemp(prefix="cramps-people-", suffix=".zip")
        super().__init__(io.FileIO(handle, "r+b"))

    def close(self) -> None:
        """Close and remove the file."""
        super().close()
        Path(self.path).unlink(missing_ok=True)


def path_of(file: BinaryIO) -> str:
    """Return the path by which this process, or a child that inherits the descriptor, opens the file."""
    file.flush()
    return file.path if isinstance(file, NamedUntilClosed) else f"/dev/fd/{file.fileno()}"


def inherited_by_children(file: BinaryIO | None) -> dict[str, tuple[int, ...]]:
    """Return the option with which a child process inherits the file; none where it opens it by name."""
    return {} if file is None or isinstance(file, NamedUntilClosed) else {"pass_fds": (file.fileno(),)}


def is_path_of_descriptor(path: object) -> bool:
    """Whether a path is one that `path_of` returns."""
    return _PATH.fullmatch(str(path)) is not None or _NAMED.fullmatch(Path(str(path)).name) is not None


def content_of(path: object) -> bytes:
    """Read a whole file by its `path_of`, without the position that several processes may share."""
    found = _PATH.fullmatch(str(path))
    if found is None:
        if not is_path_of_descriptor(path):
            raise OSError(f"'{path}' is not the path of a descriptor")
        return Path(str(path)).read_bytes()
    handle, parts, start = int(found[1]), [], 0
    while part := os.pread(handle, _PART, start):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing is regarded as abandoned
    fcntl = None  # type: ignore[assignment]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_PRIVATE, _PUBLIC = 0o600, 0o666
_RUN = "cramps-run-"
_RUN_NAME = re.compile(r"cramps-run-\w{8}")
_DRAFT_NAME = re.compile(r"\..*\.draft-\w{8}(\.\w+)?", re.DOTALL)
# What versions up to 0.9 left: folders of participants and of kernels, and drafts without a mark.
_OLD_RUN_NAME = re.compile(r"cramps-\w{8}")
_OLD_PARTS = re.compile(
    r"population\.json|run\.ipynb|ipython|k-\d+|\.?(people|visits|diary|population)(\.\w{8})?\.(parquet|json)"
)
_OLD_DRAFT = r"\.{stem}\.[a-z0-9_]{{8}}{suffix}"
_DAY = 86_400
_PROCESSES = Path("/proc")


class DiskError(DatasetError):
    """A file cannot be written: the disk is full, or the folder is not writable."""


@contextmanager
def replacing(path: str | Path, *, private: bool = False) -> Iterator[Path]:
    """Yield a draft, for the user alone if `private`, which replaces `path` if the block succeeds."""
    target = Path(path)
    with restate_disk_errors(target), draft_beside(target) as draft:
        yield draft
        draft.chmod(_PRIVATE if private else _PUBLIC & ~_umask())
        draft.replace(target)


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_bytes(path: str | Path, content: bytes | bytearray, *, private: bool = False) -> None:
    """Write bytes, whole or not at all."""
    with replacing(path, private=private) as draft:
        draft.write_bytes(content)


def write_parquet(path: str | Path, frame: pl.DataFrame, *, private: bool = False) -> None:
    """Write a frame as parquet, whole or not at all."""
    with replacing(path, private=private) as draft:
        frame.write_parquet(draft)


@contextmanager
def restate_disk_errors(target: Path) -> Iterator[None]:
    """Raise a DiskError that names the file and the remedy in place of an OSError, also one of a library."""
    try:
        yield
    except ToolkitError:
        raise
    except Exception as raised:
        error = _system_error(raised)
        if error is None:
            raise
        where = f"'{target.name}' could not be written to '{target.parent}'"
        if error.errno in _FULL:
            reason, remedy = "the disk is full", "Free some space, or choose another folder"
        elif error.errno == errno.EROFS:
            reason, remedy = "the disk is read-only", "Choose another folder"
        elif error.errno in _CLOSED:
            reason, remedy = "you have no permission to write there", "Choose a folder of your own"
        else:
            reason, remedy = (error.strerror or type(error).__name__).lower(), "Choose another folder"
        raise DiskError(f"{where}: {reason}. No incomplete file was left. {remedy}.") from raised


def _system_error(raised: Exception) -> OSError | None:
    """Find the OSError in an exception of a library, which may wrap it or quote its text (polars)."""
    inside = (raised, raised.__cause__, raised.__context__, *raised.args)
    found = next((error for error in inside if isinstance(error, OSError)), None)
    quoted = [number for number in (*_FULL, *_CLOSED) if f"(os error {number})" in str(raised)]
    if quoted or "No space left" in str(raised):
        return OSError((*quoted, errno.ENOSPC)[0], str(raised))
    return found


@contextmanager
def restate_full_temporary_folder(*, making: bool = False) -> Iterator[None]:
    """Raise a DatasetError that names TMPDIR for want of space; for any OSError while `making` a folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL and not making:
            raise
        state = "is full" if error.errno in _FULL else "does not exist, or is not writable"
        raise DatasetError(
            f"The folder for temporary files, '{tempfile.tempdir or 'TMPDIR'}', {state}. Free some space "
            "there, or set the environment variable TMPDIR to another folder."
        ) from error


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a private temporary folder, removed at the end or, after a kill, at the next start."""
    while True:
        with restate_full_temporary_folder(making=True):
            made = tempfile.TemporaryDirectory(prefix=_RUN, ignore_cleanup_errors=True)
        with made as name:
            folder = Path(name)
            with locked(folder) as ours:
                # Another process may have regarded the folder as abandoned before it was locked.
                if ours:
                    yield folder
                    return


@contextmanager
def draft_beside(target: Path) -> Iterator[Path]:
    """Yield an empty hidden file beside `target`, with its suffix; remove it at the end if still there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned_drafts(target.parent, target)
    prefix = f".{target.stem[:40]}.draft-"
    while True:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=target.suffix, dir=target.parent)
        os.close(handle)
        draft = Path(name)
        try:
            with locked(draft) as ours:
                if ours:
                    yield draft
                    return
        finally:
            draft.unlink(missing_ok=True)


def remove_abandoned_folders() -> None:
    """Remove the temporary folders that killed processes of this user left."""
    for folder in _list_own(Path(tempfile.gettempdir()), directories=True):
        if _RUN_NAME.fullmatch(folder.name):
            _remove_unlocked(folder)
        elif _OLD_RUN_NAME.fullmatch(folder.name) and _is_old_run(folder) and not _older_version_runs(folder):
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned_drafts(folder: Path, target: Path | None = None) -> None:
    """Remove the drafts that killed processes of this user left in a folder.

    Of earlier versions' drafts, which carry no mark, only those of `target` are removed; without a target,
    those of any file, which is safe only in folders of the toolkit's own.
    """
    stem, suffix = (re.escape(target.stem[:40]), re.escape(target.suffix)) if target else (".+", r"\.parquet")
    earlier = re.compile(_OLD_DRAFT.format(stem=stem, suffix=suffix), re.DOTALL)
    for path in _list_own(folder, directories=False):
        if _DRAFT_NAME.fullmatch(path.name):
            _remove_unlocked(path)
        elif earlier.fullmatch(path.name) and _is_private(path) and not _is_in_use(path):
            with suppress(OSError):
                path.unlink()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file or folder while the block runs; yield whether it is still at its path."""
    if fcntl is None:
        yield True
        return
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        # Some network file systems have no locks: nothing is ever regarded as abandoned there.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield _is_at(handle, path)
    finally:
        os.close(handle)


def _remove_unlocked(path: Path) -> None:
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


def _list_own(folder: Path, *, directories: bool) -> Iterator[Path]:
    """List this user's entries that may be drafts or temporary folders, without following links."""
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
        return path.stat().st_mode & 0o777 == _PRIVATE  # a draft gets the file's own mode when it is whole
    except OSError:
        return False


def _is_young(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime < _DAY
    except OSError:
        return True


def _older_version_runs(folder: Path) -> bool:
    """Whether a report of an earlier version may be running: its command, or its kernel."""
    if not _PROCESSES.is_dir():
        return _is_young(folder)
    kernel = re.compile(rb"IPYTHONDIR=%s/cramps-\w{8}/" % re.escape(os.fsencode(folder.parent)))
    for process in _other_processes():
        arguments = _read_bytes(process / "cmdline").split(b"\0")
        command = b"report" in arguments and any(b"cramps" in a or b"toolkit" in a for a in arguments)
        if command or kernel.search(_read_bytes(process / "environ")):
            return True
    return False


def _is_in_use(path: Path) -> bool:
    if not _PROCESSES.is_dir():
        return _is_young(path)
    return any(
        str(path.absolute()) == target for process in _other_processes() for target in _open_files(process)
    )


def _other_processes() -> Iterator[Path]:
    """List this user's processes except this one and its ancestors."""
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
        # The name in brackets may contain anything, so the fields are counted behind it.
        fields = _read_bytes(_PROCESSES / str(process) / "stat").rpartition(b")")[2].split()
        process = int(fields[1]) if len(fields) > 1 else 0


def _open_files(process: Path) -> Iterable[str]:
    with suppress(OSError):
        for handle in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(handle.readlink())


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
