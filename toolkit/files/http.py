"""Download one file over HTTP, with resume after broken connections, retries and a progress bar.

Several transfers share a `Pace`, so that a server that asks for rest gets it from all of them. The content of
the file is checked in `download`.
"""

import os
import random
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import requests
from urllib3.exceptions import DecodeError, InvalidHeader, MaxRetryError, ProtocolError, ReadTimeoutError
from urllib3.util import Retry

from toolkit.files.cache import toolkit_version
from toolkit.files.safe_files import locked

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@dataclass
class ProgressBar:
    """A bar over a known number of steps, which may also count bytes."""

    bar: "Progress"
    task: "TaskID"
    bytes: int = 0

    def advance(self) -> None:
        """Complete one step."""
        self.bar.advance(self.task)

    def add_bytes(self, count: int) -> None:
        """Count bytes received; a negative number takes some back."""
        self.bytes += count
        self.bar.update(self.task, megabytes=self.bytes / 1e6)


@contextmanager
def progress_bar(
    total: int, title: str, *, show: bool | None = None, megabytes: bool = False
) -> Iterator[ProgressBar]:
    """Draw a bar on the standard error while the block runs; by default only if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    size = [TextColumn("{task.fields[megabytes]:.1f} MB")] if megabytes else []
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *size, TimeRemainingColumn(),
    )  # fmt: skip
    hidden = not (sys.stderr.isatty() if show is None else show)
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
        yield ProgressBar(bar, bar.add_task(title, total=total, megabytes=0.0))


TRIES = 5
_TIMEOUT = 60
_FEWEST = (
    10_000  # bytes within `_TIMEOUT` seconds; a server that sends fewer counts as one that does not answer
)
_MOST = 1 << 29  # bytes of a file; the largest table of a survey has less than a tenth of it
# The part of a chunk that came before the connection broke is lost, so chunks are small.
_CHUNK = 1 << 13
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
# A server that asks for a longer pause than this is not waited for.
LONGEST_REST = 300.0
_BUSY = (429, 500, 502, 503, 504)
_PARTIAL, _CANNOT_RESUME = 206, 416
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class TooLargeError(Exception):
    """A server sends more than any table has, as one does that never ends."""


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
        """Rest as long as the server asked for."""
        while (left := self.rest_until - time.monotonic()) > 0:
            self.pause(min(left, 1.0))
        self.expect_running()

    def pause(self, seconds: float) -> None:
        """Sleep, and raise StoppedError as soon as `stop` is set."""
        self.stop.wait(seconds)
        self.expect_running()

    def expect_running(self) -> None:
        """Raise StoppedError if `stop` is set."""
        if self.stop.is_set():
            raise StoppedError


class _Retries(Retry):
    """Pauses of at most 1, 2, 4, 8 ... seconds, varied so that clients do not return together."""

    def get_backoff_time(self) -> float:
        longest = min(self.backoff_max, self.backoff_factor * 2 ** (len(self.history) - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - not a secret


@contextmanager
def claimed(part: Path) -> Iterator[BinaryIO]:
    """Open an unfinished file for this process alone; the block may move it away or remove it."""
    while True:
        part.touch(mode=0o600)
        with locked(part) as ours:
            # The previous owner may have moved the file to its place: then another part is needed.
            if ours:
                with part.open("r+b") as file:
                    yield file
                return


def transfer(url: str, file: BinaryIO, part: Path, pace: Pace, report: Callable[[int], None]) -> None:
    """Fetch what an unfinished file lacks, in at most `TRIES` attempts; `report` receives byte counts."""
    target = _Target(file, version_note(part), pace, report)
    if not target.note.is_file():  # bytes of an earlier process count only if their version is known
        target.truncate(0)
    retries = _Retries(
        TRIES - 1, status_forcelist=_BUSY, backoff_factor=_FIRST_PAUSE, backoff_max=_LONGEST_PAUSE
    )
    while True:
        pace.wait()
        try:
            return _fetch_rest(url, target)
        except requests.RequestException as error:
            rest = requested_rest(error)
            status = None if error.response is None else error.response.status_code
            if status and (rest > LONGEST_REST or not retries.is_retry("GET", status)):
                raise
            if isinstance(error, requests.exceptions.SSLError):  # a certificate is refused each time
                raise
            try:
                retries = retries.increment("GET", url, error=error)
            except MaxRetryError:
                raise error from None
        if rest:
            pace.hold(rest)
        pace.pause(retries.get_backoff_time())


def version_note(part: Path) -> Path:
    """Name the file that records of which version (ETag or date) an unfinished file has bytes."""
    return part.with_name(f"{part.name}.version")


def user_agent() -> str:
    """Name the project to the server."""
    return f"cramps-toolkit/{toolkit_version()} (population research on nocturnal leg cramps)"


def requested_rest(error: requests.RequestException) -> float:
    """Return the seconds of rest that a server asks for (Retry-After); 0 if it does not."""
    header = "" if error.response is None else error.response.headers.get("Retry-After", "")
    try:
        return Retry().parse_retry_after(header)
    except InvalidHeader:
        return 0.0


@dataclass
class _Target:
    """An unfinished file that reports the bytes written to it, and stops once nobody waits for them."""

    file: BinaryIO
    note: Path
    pace: Pace
    report: Callable[[int], None]

    def write(self, chunk: bytes) -> None:
        self.pace.expect_running()
        self.report(len(chunk))
        if self.file.tell() + len(chunk) > _MOST:
            raise TooLargeError(f"more than {_MOST / 1e6:,.0f} MB")
        self.file.write(chunk)

    def size(self) -> int:
        return self.file.seek(0, os.SEEK_END)

    def truncate(self, size: int) -> None:
        if dropped := self.size() - size:
            self.report(-dropped)
        self.file.truncate(size)
        self.file.seek(size)

    def remember_version(self, response: requests.Response) -> None:
        # A weak tag does not promise equal bytes (RFC 9110, section 13.1.5).
        tag = response.headers.get("ETag", "")
        known = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")
        if known:
            self.note.write_text(known, encoding="latin-1")
        else:
            self.note.unlink(missing_ok=True)


def _fetch_rest(url: str, target: _Target) -> None:
    start = target.size()
    # Compressed bytes would make neither parts nor lengths that can be compared.
    headers = {"User-Agent": user_agent(), "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if target.note.is_file():
            headers["If-Range"] = target.note.read_text(encoding="latin-1")
    with requests.get(url, headers=headers, timeout=_TIMEOUT, stream=True) as response:
        try:
            total = _place_answer(response, target, start)
            for chunk in _receive(response):
                target.write(chunk)
        finally:
            target.file.flush()
    if total is not None and target.size() != total:
        raise requests.ConnectionError(f"{target.size():,} of {total:,} bytes came")


def _receive(response: requests.Response) -> Iterator[bytes]:
    """Yield bytes as they come, and raise where they come too slowly to be worth waiting for."""
    began, received = time.monotonic(), 0
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            yield chunk
            received += len(chunk)
            if time.monotonic() - began > _TIMEOUT:
                if received < _FEWEST:
                    raise requests.ReadTimeout(f"{received:,} bytes came within {_TIMEOUT} seconds")
                began, received = time.monotonic(), 0
    except ReadTimeoutError as error:
        raise requests.ReadTimeout(str(error)) from error
    except (ProtocolError, DecodeError) as error:
        raise requests.exceptions.ChunkedEncodingError(str(error)) from error


def _place_answer(response: requests.Response, target: _Target, start: int) -> int | None:
    """Set the position at which the answer's bytes belong; return the size of the whole file if known."""
    if response.status_code == _PARTIAL:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if found and int(found[1]) == start:
            target.truncate(start)
            return None if found[2] == "*" else int(found[2])
    if response.status_code in (_PARTIAL, _CANNOT_RESUME):
        target.truncate(0)
        raise requests.ConnectionError("the server sends other parts of the file than requested")
    response.raise_for_status()
    # The whole file comes whatever part was requested: the server has no parts, or another version by now.
    target.truncate(0)
    target.remember_version(response)
    return None
