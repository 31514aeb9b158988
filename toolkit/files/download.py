"""Obtain verified files: from a mirror folder, or through the network into the cache.

A download is checked before it takes its place. Its hash is added to `hashes.sha256` (the format of
`sha256sum -c`): the first download of a file is trusted, and later ones must have the same hash.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

import requests

from toolkit.errors import DatasetError
from toolkit.files.cache import (
    cache_folder,
    in_this_block,
    one_warning,
    private_folder,
    report_damaged,
    sha256_of,
)
from toolkit.files.http import (
    LONGEST_REST,
    Pace,
    ProgressBar,
    StoppedError,
    TooLargeError,
    claimed,
    progress_bar,
    requested_rest,
    transfer,
    version_note,
)
from toolkit.files.safe_files import DiskError, restate_disk_errors
from toolkit.files.table_files import find_ignoring_case

RENEW = "cramps download nhanes --renew"
CONNECTIONS = 4
HASHES = "hashes.sha256"
_ABSENT = (404, 410)
_REFUSED = (401, 403)
_MOST_REFUSALS = 3  # a server that refuses so many files is not asked for the others
_LISTED = 5
_PRIVATE = 0o600


class _OneFileError(DatasetError):
    """A failure of one file, which says nothing about the others."""


class _NotThereError(_OneFileError):
    """The server does not have the file."""


class _RefusedError(_OneFileError):
    """The server refuses one file, or this user."""


class _InterruptedError(DatasetError):
    """The network or the server failed; the download can be resumed."""


@dataclass(frozen=True)
class Mirror:
    """Where files are: a folder or an address, laid out alike."""

    site: str  # the publisher's address, which names each file wherever it is read from
    folder: Path | None  # None to use the network
    address: str  # to download from; "" if there is a folder
    setting: str  # the environment variable by which the user chooses the place

    @property
    def origin(self) -> str:
        """Where the files come from, in a few words."""
        return f"mirror folder ({self.setting})" if self.folder else self.address

    @property
    def cache(self) -> Path:
        """The folder of the cache for downloads from this address."""
        address = urlsplit(self.address)
        return cache_folder() / quote(f"{address.netloc}{address.path}".strip("/"), safe="")

    def publisher(self, path: str) -> str:
        """Return the publisher's address of a file."""
        return self.site + path

    def part(self, path: str) -> Path:
        """Return the place of an unfinished download."""
        return self.cache / "unfinished" / quote(path, safe="")


def choose_mirror(place: str | Path | None, site: str, setting: str) -> Mirror:
    """Choose where files come from: `place` (folder or address), the environment variable, or the site."""
    chosen = str(place or os.environ.get(setting, "")).strip()
    if not chosen:
        return Mirror(site, None, site, setting)
    if chosen.startswith(("http://", "https://")):
        return Mirror(site, None, chosen.rstrip("/") + "/", setting)
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise DatasetError(
            f"The mirror folder '{folder}' does not exist. Set {setting} to a folder or an address laid out "
            f"like {site}, or unset it to download from there."
        )
    return Mirror(site, folder, "", setting)


@dataclass(frozen=True)
class Wanted:
    """A file by its path below the mirror, and a check that raises a DatasetError for a wrong download."""

    path: str
    check: Callable[[Path], None]


def fetch_all(mirror: Mirror, wanted: Sequence[Wanted], *, renew: bool = False) -> dict[str, Path | None]:
    """Return local files by their paths below the mirror; None for those that a mirror folder lacks.

    Downloads are kept with their hashes and verified at every use; at most `CONNECTIONS` are open at once.
    `renew` downloads again what is kept and trusts it. Raises DiskError if the cache cannot be written, and
    DatasetError if a file is absent (404), cannot be reached, or is not what was expected.
    """
    if mirror.folder is not None:
        folder = mirror.folder
        return {item.path: find_ignoring_case(folder / item.path) for item in wanted}
    known = known_hashes(mirror.cache)
    with one_warning():
        # What is kept and unchanged needs neither connection nor disk space nor a progress bar.
        lacking = [w for w in wanted if renew or not _is_intact(mirror.cache / w.path, known.get(w.path))]
        if lacking:
            private_folder(mirror.cache / "unfinished")
            _download_all(mirror, lacking, renew=renew)
    return {item.path: mirror.cache / item.path for item in wanted}


def fetch_optional(mirror: Mirror, path: str) -> Path | None:
    """Return a file that a mirror may have and the publisher never does, downloaded anew each time."""
    if mirror.folder is None and mirror.address == mirror.site:
        return None
    try:
        return fetch_all(mirror, [Wanted(path, lambda _: None)], renew=True)[path]
    except _NotThereError:
        (mirror.cache / path).unlink(missing_ok=True)
        return None


def known_hashes(folder: Path) -> dict[str, str]:
    """Read the hashes of a folder's downloads by path; the last entry of a path counts."""
    try:
        text = (folder / HASHES).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    pairs = (line.partition("  ") for line in text.splitlines())
    return {path: found for found, _, path in pairs if len(found) == 64 and path}


def remember_hash(folder: Path, path: str, found: str) -> None:
    """Add a file's hash in one write, so that several processes may add at once."""
    handle = os.open(folder / HASHES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _PRIVATE)
    try:
        os.write(handle, f"{found}  {path}\n".encode())
    finally:
        os.close(handle)


def _is_intact(kept: Path, known: str | None) -> bool:
    if known is None or not kept.is_file():
        return False
    intact = sha256_of(kept) == known
    if not intact:
        report_damaged(kept.name, "its content does not match its recorded hash")
    return intact


@dataclass(frozen=True)
class _Delivery:
    """The downloads of one call: where from, at which pace, and the bar that shows them."""

    mirror: Mirror
    renew: bool
    bar: ProgressBar
    pace: Pace
    refusals: list[DatasetError] = field(default_factory=list)

    def bring(self, item: Wanted) -> DatasetError | None:
        """Download one file; return what went wrong, and stop the others if they would fail alike."""
        try:
            self._download(item)
        except StoppedError:
            return None
        except DatasetError as error:
            self.refusals.extend([error] * isinstance(error, _RefusedError))
            if not isinstance(error, _OneFileError) or len(self.refusals) >= _MOST_REFUSALS:
                self.pace.stop.set()
            return error
        self.bar.advance()
        return None

    def _download(self, item: Wanted) -> None:
        """Download one file, check it, and move it to its place."""
        kept, part = self.mirror.cache / item.path, self.mirror.part(item.path)
        private_folder(kept.parent)
        with restate_disk_errors(kept), claimed(part) as file:
            known = known_hashes(self.mirror.cache).get(item.path)
            # Another process may have downloaded it while this one waited for the claim.
            if not self.renew and _is_intact(kept, known):
                _remove_part(part)
                return
            with _resumable(part):
                self._transfer(item, file, part)
                self._accept(item, part, None if self.renew else known)
                part.replace(kept)

    def _transfer(self, item: Wanted, file: BinaryIO, part: Path) -> None:
        url = self.mirror.address + item.path
        try:
            transfer(url, file, part, self.pace, self.bar.add_bytes)
        except requests.RequestException as error:
            # The libraries' own chain of errors would bury the remedy.
            raise _explain_failure(self.mirror, url, error) from None
        except TooLargeError as error:
            raise _OneFileError(
                f"The download from {url} was discarded, because the server sends {error}. "
                f"Check the address, which {self.mirror.setting} may name."
            ) from None

    def _accept(self, item: Wanted, part: Path, known: str | None) -> None:
        """Check a whole download and compare it with the first one's hash, which is recorded."""
        url, kept = self.mirror.address + item.path, self.mirror.cache / item.path
        try:
            item.check(part)
        except DatasetError as error:
            reason = str(error).replace(str(part), str(kept)).replace(part.name, kept.name)
            raise _OneFileError(f"The download from {url} was discarded. {reason}") from error
        found = sha256_of(part)
        if known is not None and found != known:
            raise _OneFileError(
                f"The download from {url} was discarded because it differs from the file downloaded first "
                f"(sha256 {known[:12]}… then, {found[:12]}… now). Check the publisher's page for a revision. "
                f"To accept the new file, run: {RENEW}."
            )
        if found != known:
            remember_hash(self.mirror.cache, item.path, found)


@contextmanager
def _resumable(part: Path) -> Iterator[None]:
    """Keep an unfinished file only if it was interrupted; a wrong one, or one on a full disk, is removed."""
    keep = False
    try:
        yield
    except (_InterruptedError, StoppedError, KeyboardInterrupt):
        keep = part.stat().st_size > 0
        raise
    finally:
        if not keep:
            _remove_part(part)


def _remove_part(part: Path) -> None:
    part.unlink(missing_ok=True)
    version_note(part).unlink(missing_ok=True)


def _download_all(mirror: Mirror, wanted: Sequence[Wanted], *, renew: bool) -> None:
    title = f"Files from {urlsplit(mirror.address).netloc}"
    with progress_bar(len(wanted), title, megabytes=True) as bar:
        delivery = _Delivery(mirror, renew, bar, Pace())
        with ThreadPoolExecutor(min(CONNECTIONS, len(wanted))) as several:
            try:
                done = several.map(in_this_block(partial(_Delivery.bring, delivery)), wanted)
                failures = [failure for failure in done if failure]
            except BaseException:
                delivery.pace.stop.set()
                raise
    if failures:
        raise _join_failures(failures)


def _join_failures(failures: list[DatasetError]) -> DatasetError:
    if len(failures) == 1:
        return failures[0]
    lines = [f"- {failure}" for failure in failures[:_LISTED]]
    rest = [f"- and {len(failures) - _LISTED} more"] if len(failures) > _LISTED else []
    kinds = (kind for kind in (_NotThereError, DiskError) if all(isinstance(f, kind) for f in failures))
    message = "\n".join([f"{len(failures)} files could not be downloaded:", *lines, *rest])
    return next(kinds, DatasetError)(message)


def _explain_failure(mirror: Mirror, url: str, error: requests.RequestException) -> DatasetError:
    remedy = f"Set {mirror.setting} to a folder or an address laid out like {mirror.site} that has the file."
    if isinstance(error, requests.TooManyRedirects):
        return _OneFileError(f"{url} redirects again and again, and never to a file. {remedy}")
    if error.response is None:
        return _explain_silence(url, error, remedy)
    status, rest = error.response.status_code, requested_rest(error)
    if status in _ABSENT:
        return _NotThereError(f"No file exists at {url} (status {status}). It may have moved. {remedy}")
    if status in _REFUSED:
        return _RefusedError(f"The server refuses to send {url} (status {status}). {remedy}")
    if rest > LONGEST_REST:
        return _InterruptedError(
            f"{url} answered with status {status} and requests a pause of {rest / 60:.0f} minutes. "
            f"Try again then. {remedy}"
        )
    return _InterruptedError(f"{url} answered with status {status}. Try again later. {remedy}")


def _explain_silence(url: str, error: requests.RequestException, remedy: str) -> DatasetError:
    """Say why a server gave no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return _RefusedError(
            f"{url} could not be downloaded, because its server offers no secure connection with a trusted "
            "certificate. If a proxy of your institution replaces certificates, set REQUESTS_CA_BUNDLE to "
            f"the file of its own. {remedy}"
        )
    return _InterruptedError(
        f"{url} could not be downloaded ({type(error).__name__}). Check the network connection and "
        f"try again. {remedy}"
    )
