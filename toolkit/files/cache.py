"""Cache tables and studies as Parquet files, reused while request, code and sources are unchanged."""

import atexit
import errno
import hashlib
import io
import json
import os
import stat
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.safe_files import DiskError, temporary_folder, write_bytes
from toolkit.files.table_files import expect_file, find_ignoring_case, read_transport

CACHE_VARIABLE = "CRAMPS_CACHE"
ORIGIN, _SEAL = "cramps-toolkit origin", "cramps-toolkit seal"
_FORMAT = 3  # of an entry; entries of another format are never looked at
# The hash is in the file's own footer, and is computed with zeros in its place.
_MARK = b"sha256 of this file with zeros here: "
_BLANK = b"0" * 64
_PRIVATE_FOLDER = 0o700
# File systems keep times in steps of up to two seconds (FAT): a file written in the step in which it was read
# may have changed again without another time.
_STEP_NS = 2_000_000_000

Identity = dict[str, Any]
Value = TypeVar("Value")


class CacheWarning(UserWarning):
    """An entry of the cache was damaged or could not be written; what was opened is correct all the same."""


# Where the cache is


_process_cache: ContextVar[Path | None] = ContextVar("cache of this process", default=None)


def cache_folder() -> Path:
    """Return the folder of the cache: `CRAMPS_CACHE`, or the user's cache folder."""
    if found := _process_cache.get():
        return found
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().resolve()
    return platformdirs.user_cache_path("cramps-toolkit")


@contextmanager
def cache_of_this_process() -> Iterator[None]:
    """Use a temporary cache until the process ends, where the disk of the cache is full or not writable."""
    stack = ExitStack()
    folder = stack.enter_context(temporary_folder())
    atexit.register(stack.close)
    token = _process_cache.set(folder)
    try:
        yield
    finally:
        _process_cache.reset(token)


def private_folder(folder: Path) -> Path:
    """Create a folder of the cache, and those above it within the cache, for the user alone."""
    root = cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        root.chmod(_PRIVATE_FOLDER)
        for below in [*reversed(folder.parents), folder]:
            if below.is_relative_to(root):
                below.mkdir(exist_ok=True, mode=_PRIVATE_FOLDER)
    except OSError as error:
        raise DiskError(
            f"The cache folder '{folder}' is not writable: {(error.strerror or str(error)).lower()}. "
            f"Set {CACHE_VARIABLE} to a folder of your own."
        ) from error
    return folder


# One warning for all that was wrong


@dataclass
class _Reports:
    """What went wrong with the entries of a block: reasons by name."""

    damaged: dict[str, str] = field(default_factory=dict)
    unkept: dict[str, str] = field(default_factory=dict)


_reports: ContextVar[_Reports | None] = ContextVar("reports on the cache", default=None)


@contextmanager
def one_warning() -> Iterator[_Reports]:
    """Warn once, when the outermost block ends without an error, of all that was reported in it."""
    if outer := _reports.get():
        yield outer
        return
    reports = _Reports()
    token = _reports.set(reports)
    try:
        yield reports
    finally:
        _reports.reset(token)
    text = []
    if reports.damaged:
        text.append(
            f"The cache is damaged: {_list_reasons(reports.damaged)} "
            "All of it was rebuilt from the source, and the study is complete."
        )
    if reports.unkept:
        text.append(f"Not cached, and read again at each opening: {_list_reasons(reports.unkept)}")
    if text:
        warnings.warn(" ".join(text), CacheWarning, stacklevel=4)


def report_damaged(name: str, reason: str) -> None:
    """Report that an entry is not what was written; it is rebuilt from its source."""
    with one_warning() as reports:
        reports.damaged[name] = reason


def report_unkept(name: str, reason: str) -> None:
    """Report that something could not be written to the cache."""
    with one_warning() as reports:
        reports.unkept[name] = reason


def in_this_block(call: Callable[..., Any]) -> Callable[..., Any]:
    """Let a call in another thread report into the block of the thread that hands it over."""
    context = copy_context()
    return lambda *arguments: context.copy().run(call, *arguments)


def _list_reasons(reasons: Mapping[str, str]) -> str:
    name, reason = next(iter(reasons.items()))
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"'{name}'{more}, because {reason.rstrip('.')}."


# In memory


def compute_once(known: dict[Any, Any], key: object, compute: Callable[[], Value]) -> Value:
    """Return what is known for a key, or compute it and keep it there."""
    if key not in known:
        known[key] = compute()
    found: Value = known[key]
    return found


def keep_arrays(known: dict[Any, Any], read: Mapping[Any, Any], used: Iterable[Any], most: int) -> None:
    """Keep arrays read-only among those known; above `most` bytes, drop the first that are not in use."""
    for own in read.values():
        own.flags.writeable = False
    known.update(read)
    # Of a copy, because another thread may keep arrays meanwhile.
    size, kept = sum(own.nbytes for own in [*known.values()]), set(used)
    for key, own in [*known.items()]:
        if size > most and key not in kept:
            known.pop(key, None)
            size -= own.nbytes


# Whether a file is still the one that was read


def sha256_of(path: Path) -> str:
    """Hash a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identify(path: Path) -> Identity:
    """Record size, times (ns), inode and hash of a file, and when they were taken; plain values for JSON."""
    taken = time.time_ns()
    identity = {**_status(path), "sha256": sha256_of(path), "taken": taken}
    expect_unchanged(path, identity)
    return identity


def unchanged(path: Path, identity: Mapping[str, Any]) -> bool:
    """Whether a file is the one that was identified, by its status, or by its hash in doubt."""
    try:
        status = _status(path)
        if status["size"] != identity["size"]:
            return False
        settled = identity["taken"] - max(identity["modified"], identity["changed"]) > _STEP_NS
        if settled and all(identity[name] == value for name, value in status.items()):
            return True
        return sha256_of(path) == str(identity["sha256"])
    except OSError:
        return False


def expect_unchanged(path: Path, identity: Mapping[str, Any]) -> None:
    """Raise a DatasetError if a file changed since it was identified, as while it was read."""
    if any(identity[name] != value for name, value in _status(path).items()):
        raise DatasetError(
            f"'{path}' changed while it was read. Open the study again when the file is complete."
        )


def _status(path: Path) -> dict[str, int]:
    found = path.stat()
    times = {"modified": found.st_mtime_ns, "changed": found.st_ctime_ns}
    return {"size": found.st_size, **times, "number": found.st_ino}


# Entries


@dataclass(frozen=True)
class Inputs:
    """The files a study was made from, path to SHA-256, and the paths that were looked for and absent."""

    files: Mapping[Path, str]
    absent: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Origin:
    """What an entry was made from."""

    key: str  # what was requested; one file for each
    code: str  # versions, or a hash, of the code that made it
    files: Mapping[str, Identity]  # by path
    absent: tuple[str, ...] = ()  # paths at which there was no file
    about: str = ""  # what belongs to the frame, as text

    def is_current(self, key: str, code: str) -> bool:
        """Whether request, code and source files are still the same."""
        return (
            (self.key, self.code) == (key, code)
            and all(unchanged(Path(path), identity) for path, identity in self.files.items())
            and not any(find_ignoring_case(Path(path)) for path in self.absent)
        )


@dataclass(frozen=True)
class Entry:
    """A verified entry of the cache: its origin, and its frame on request."""

    origin: Origin
    content: bytes

    def frame(self) -> pl.DataFrame:
        """Read the frame from the content that was verified, not from the disk again."""
        return pl.read_parquet(io.BytesIO(self.content))


def entry_path(folder: str, name: str, key: str) -> Path:
    """Name the file of an entry by its key."""
    own = hashlib.sha256(f"{_FORMAT} {key}".encode()).hexdigest()[:32]
    return cache_folder() / folder / f"{name}{own}.parquet"


def write_entry(path: Path, frame: pl.DataFrame, origin: Origin) -> None:
    """Write a frame for the user alone, with its origin and a hash of both in the same file."""
    footer = {ORIGIN: json.dumps(asdict(origin)), _SEAL: (_MARK + _BLANK).decode()}
    written = io.BytesIO()
    frame.write_parquet(written, compression="lz4", statistics=False, metadata=footer)
    content = bytearray(written.getvalue())
    at = content.rfind(_MARK) + len(_MARK)
    content[at : at + len(_BLANK)] = hashlib.sha256(content).hexdigest().encode()
    private_folder(path.parent)
    write_bytes(path, content, private=True)


def read_entry(path: Path, key: str) -> Entry | None:
    """Read an entry if it is what was written for this key, to the last bit; report it as damaged if not."""
    try:
        content = _read_content(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        report_damaged(path.name, f"it cannot be read ({(error.strerror or str(error)).lower()})")
        return None
    if not _is_sealed(content):
        report_damaged(path.name, "its content does not match its recorded hash")
        return None
    try:
        record = json.loads(pl.read_parquet_metadata(io.BytesIO(content))[ORIGIN])
        origin = Origin(**{**record, "absent": tuple(record["absent"])})
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        report_damaged(path.name, "it was written by another version")
        return None
    if origin.key != key:
        report_damaged(path.name, "it is the file of another entry")
        return None
    return Entry(origin, content)


def _read_content(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait forever, and a device may never end
        raise OSError(errno.EINVAL, "it is not a file")
    return path.read_bytes()


def _is_sealed(content: bytes) -> bool:
    at = content.rfind(_MARK) + len(_MARK)
    if at < len(_MARK):
        return False
    found, view = hashlib.sha256(), memoryview(content)
    for piece in (view[:at], _BLANK, view[at + len(_BLANK) :]):
        found.update(piece)
    return found.hexdigest().encode() == content[at : at + len(_BLANK)]


# Transport files


def read_table(path: Path) -> pl.LazyFrame:
    """Read a transport file as `read_transport` does, from the cache if the file is unchanged."""
    with one_warning():
        entry = _table_entry(path)
        return (_read_and_cache(path) if entry is None else entry.frame()).lazy()


def cache_tables(paths: Iterable[Path]) -> None:
    """Read several transport files into the cache, a few at once; those that are unchanged are not read."""

    def ensure(path: Path) -> None:
        if _table_entry(path) is None:
            _read_and_cache(path)

    with one_warning(), ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as several:
        list(several.map(in_this_block(ensure), paths))


def identity_when_read(path: Path) -> Identity | None:
    """Return the identity that a transport file had when it was last read; None if it is not cached."""
    key = str(path.resolve())
    entry = read_entry(_table_path(path), key)
    return dict(entry.origin.files[key]) if entry else None


def hash_when_read(path: Path) -> str:
    """Return the SHA-256 that a transport file had when it was last read."""
    identity = identity_when_read(path)
    return str(identity["sha256"]) if identity else sha256_of(path)


def _table_path(path: Path) -> Path:
    return entry_path("tables", f"{path.stem}-", str(path.resolve()))


def _table_entry(path: Path) -> Entry | None:
    key = str(path.resolve())
    entry = read_entry(_table_path(path), key)
    return entry if entry and entry.origin.is_current(key, reader_versions()) else None


def _read_and_cache(path: Path) -> pl.DataFrame:
    key, identity = str(path.resolve()), identify(expect_file(path))
    frame = read_transport(path).collect()
    expect_unchanged(path, identity)
    try:
        write_entry(_table_path(path), frame, Origin(key, reader_versions(), {key: identity}))
    except DatasetError as error:
        report_unkept(path.name, str(error))
    return frame


def reader_versions() -> str:
    """Name the versions of the toolkit and of the libraries that read tables."""
    readers = f"polars-readstat {version('polars-readstat')}, polars {pl.__version__}"
    return f"cramps-toolkit {toolkit_version()}, {readers}"


def toolkit_version() -> str:
    """Return the installed version of the toolkit."""
    try:
        return version("cramps-toolkit")
    except PackageNotFoundError:
        return "unreleased"
