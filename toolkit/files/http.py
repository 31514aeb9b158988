"""Bring a file from an http address to a local path: taken up where it broke off, tried again with patience.

Takes an address and the path of the unfinished file; gives the file's bytes there. Several transfers share a
`Pace`, so that a server that asks for rest gets it from all of them. What the bytes are is checked elsewhere.
"""

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

TRIES = 5
_SECONDS = 60
# What came of a chunk before the connection broke is lost, so chunks are small.
_CHUNK = 1 << 13
# Between tries: 1, 2, 4, 8 seconds at most, each shortened by chance so that many users do not come at once.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# A server that asks for more rest than this is not waited for.
LONGEST_REST = 300.0
_BUSY = (429, 500, 502, 503, 504)
_CANNOT_RESUME = 416
_PARTIAL = 206
_PRIVATE = 0o600
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

Report = Callable[[int], None]


class StoppedError(Exception):
    """The user, or another file's failure, ended the transfer."""


@dataclass
class Pace:
    """What transfers share: until when the server wants rest, and whether to stop."""

    rest_until: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def hold(self, seconds: float) -> None:
        """Let every transfer rest for some seconds from now."""
        self.rest_until = max(self.rest_until, time.monotonic() + seconds)

    def wait(self) -> None:
        """Rest as long as was asked for."""
        while (left := self.rest_until - time.monotonic()) > 0:
            self.pause(min(left, 1.0))
        self.expect_wanted()

    def pause(self, seconds: float) -> None:
        """Sleep, unless told to stop."""
        self.stop.wait(seconds)
        self.expect_wanted()

    def expect_wanted(self) -> None:
        """Raise StoppedError once told to stop."""
        if self.stop.is_set():
            raise StoppedError


@contextmanager
def claimed(part: Path) -> Iterator[BinaryIO]:
    """Open an unfinished file for this process alone; another process that wants it waits until the end.

    Parameters
    ----------
    part
        The file; made if it is not there, readable by the user alone.

    Yields
    ------
    typing.BinaryIO
        The file, open for reading and writing. The block may move it away or remove it.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> with claimed(Path(mkdtemp()) / "part") as file:
    ...     file.write(b"some")
    4
    """
    while True:
        handle = os.open(part, os.O_RDWR | os.O_CREAT, _PRIVATE)
        with os.fdopen(handle, "r+b") as file:
            _lock(file)
            # Who held the lock before may have moved the file to its place: then this is no longer the part.
            if not _same(file, part):
                continue
            yield file
            return


def transfer(url: str, file: BinaryIO, part: Path, pace: Pace, report: Report) -> None:
    """Fetch what an unfinished file still lacks, trying several times.

    Parameters
    ----------
    url
        An http(s) address.
    file, part
        The unfinished file, open (see `claimed`), and its path. Beside it `<part>.version` says of which
        version of the file the bytes are, so that two versions are never joined.
    pace
        Shared by the transfers from one server.
    report
        Is told how many bytes came, and a negative number for those thrown away.

    Raises
    ------
    OSError
        With a `response` attribute for trouble with the network, after `TRIES` tries; without for the disk.
    StoppedError
        If `pace.stop` is set.
    """
    target, taken_up = _Counted(file, pace, report), False
    for tried in range(1, TRIES + 1):
        pace.wait()
        try:
            _attempt(url, target, part, resume=taken_up)
        except _OtherPartError:
            target.start_at(0)
        except OSError as error:
            if not _worth_another(error) or tried == TRIES:
                raise
            _rest(error, tried, pace)
        else:
            return
        taken_up = True
    raise ConnectionError("the server gives other parts of the file than those asked for")


def version_note(part: Path) -> Path:
    """Name the file that says of which version of the file an unfinished one holds bytes.

    Examples
    --------
    >>> version_note(Path("A.xpt.part")).name
    'A.xpt.part.version'
    """
    return part.with_name(f"{part.name}.version")


def user_agent() -> str:
    """Name the project to the server.

    Examples
    --------
    >>> user_agent().startswith("cramps-toolkit/")
    True
    """
    try:
        number = version("cramps-toolkit")
    except PackageNotFoundError:
        number = "unreleased"
    return f"cramps-toolkit/{number} (population research on nocturnal leg cramps)"


def asked_rest(error: OSError) -> float:
    """Say how many seconds of rest a server's answer asks for (Retry-After); 0 if it does not.

    Examples
    --------
    >>> asked_rest(OSError())
    0.0
    """
    response = getattr(error, "response", None)
    told = response.headers.get("Retry-After", "").strip() if response is not None else ""
    if told.isdigit():
        return float(told)
    try:
        until = parsedate_to_datetime(told)
    except ValueError:
        return 0.0
    return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())


class _OtherPartError(Exception):
    """The server sent a part of the file that does not join what is there."""


@dataclass
class _Counted:
    """A file that tells how many bytes are written to it, and stops when nobody waits for them."""

    file: BinaryIO
    pace: Pace
    report: Report

    def write(self, chunk: bytes) -> int:
        self.pace.expect_wanted()
        self.report(len(chunk))
        return self.file.write(chunk)

    def flush(self) -> None:
        """Leave flushing to the end: pooch asks for it after every chunk."""

    def size(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def start_at(self, offset: int) -> None:
        dropped = self.size() - offset
        if dropped:
            self.report(-dropped)
        self.file.truncate(offset)
        self.file.seek(offset)


def _attempt(url: str, target: _Counted, part: Path, *, resume: bool) -> None:
    import pooch

    answer = _Answer(target, version_note(part), asked_from=_offset(target, part, known=resume))
    fetch = pooch.HTTPDownloader(
        timeout=_SECONDS,
        chunk_size=_CHUNK,
        headers=_headers(answer),
        hooks={"response": answer.begin},
    )
    try:
        fetch(url, target, None)
    finally:
        target.file.flush()
        answer.close()
    if answer.total is not None and target.size() != answer.total:
        raise _cut_short(target.size(), answer.total)


def _cut_short(came: int, total: int) -> OSError:
    error = ConnectionError(f"{came:,} of {total:,} bytes came")
    error.response = None  # type: ignore[attr-defined]  # marks trouble with the network, as requests does
    return error


@dataclass
class _Answer:
    """The server's answer: where its bytes belong, and how many there should be in the end."""

    target: _Counted
    note: Path
    asked_from: int
    total: int | None = None
    response: Any = None

    def begin(self, response: Any, *_: Any, **__: Any) -> None:
        """Read the head of an answer before its bytes come (a hook of requests)."""
        self.response = response
        if response.status_code == _PARTIAL:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != self.asked_from:
                raise _OtherPartError
            self.total = None if found[2] == "*" else int(found[2])
            self.target.start_at(self.asked_from)
        elif response.ok and not response.is_redirect:
            # The whole file comes, whatever part was asked for: the server knows no parts, or has another
            # version by now.
            self.target.start_at(0)
            self._remember(response.headers)
        elif response.status_code == _CANNOT_RESUME:
            raise _OtherPartError

    def close(self) -> None:
        """Hang up: what broke off would else keep its connection open."""
        if self.response is not None:
            self.response.close()

    def _remember(self, headers: Any) -> None:
        # A weak tag does not promise equal bytes (RFC 9110, section 13.1.5).
        tag = headers.get("ETag", "")
        known = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")
        if known:
            self.note.write_text(known, encoding="latin-1")
        else:
            self.note.unlink(missing_ok=True)


def _offset(target: _Counted, part: Path, *, known: bool) -> int:
    """Say from where bytes are lacking; those of an earlier process count only if their version is known."""
    if not known and not version_note(part).is_file():
        target.start_at(0)
    return target.size()


def _headers(answer: _Answer) -> dict[str, str]:
    # Compressed bytes would make neither parts nor lengths that can be compared.
    headers = {"User-Agent": user_agent(), "Accept-Encoding": "identity"}
    if answer.asked_from:
        headers["Range"] = f"bytes={answer.asked_from}-"
        if answer.note.is_file():
            headers["If-Range"] = answer.note.read_text(encoding="latin-1")
    return headers


def _worth_another(error: OSError) -> bool:
    """Tell whether trying again may help: not for the disk, not for an answer that will stay the same."""
    if not hasattr(error, "response"):
        return False
    if error.response is None:
        return True
    return error.response.status_code in _BUSY and asked_rest(error) <= LONGEST_REST


def _rest(error: OSError, tried: int, pace: Pace) -> None:
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (tried - 1))
    asked = asked_rest(error)
    if asked:
        pace.hold(asked)
    pace.pause(random.uniform(longest / 2, longest))  # noqa: S311 - no secret hangs on it


def _lock(file: BinaryIO) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such locks; there, two downloads of one file at once are not tried.
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def _same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
