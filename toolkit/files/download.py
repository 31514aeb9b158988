"""Turn an address into a verified file: from a mirror folder, or through the network into a cache.

Takes where the files are (a folder or an http address) and a path below it; gives a local file. What comes
through the network is checked by its content before it takes its place in the cache, which the user alone
may read.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from toolkit.errors import DatasetError
from toolkit.files.cache import (
    CACHE_VARIABLE,  # noqa: F401 - known under this module's name too
    cache_folder,
    in_this_block,
    one_warning,
    private_folder,
    report_damaged,
)
from toolkit.files.hash_lock import known_hashes, remember, sha256_of
from toolkit.files.http import (
    LONGEST_REST,
    Pace,
    Report,
    StoppedError,
    asked_rest,
    claimed,
    transfer,
    version_note,
)
from toolkit.files.progress import Progress, shown
from toolkit.files.readers import DiskError, disk_trouble_told

RENEW = "cramps download nhanes --renew"
CONNECTIONS = 4
_ABSENT = (404, 410)
_TOLD = 5


class _OneFileError(DatasetError):
    """Trouble with one file, which says nothing of the others."""


class _NotThereError(_OneFileError):
    """The address answers that there is no such file."""


class _BrokenOffError(DatasetError):
    """The network or the server gave out; what came can be taken up."""


@dataclass(frozen=True)
class Mirror:
    """Where files are: a folder or an address, laid out alike.

    Attributes
    ----------
    site
        The address of the publisher, which names each file whatever place it was read from.
    folder
        The folder to read from; None to use the network.
    address
        The address to fetch from; "" if there is a folder.
    setting
        The environment variable by which the user chooses the place.
    """

    site: str
    folder: Path | None
    address: str
    setting: str

    @property
    def origin(self) -> str:
        """Say in a few words where the files come from."""
        return f"mirror folder ({self.setting})" if self.folder else self.address

    def publisher(self, path: str) -> str:
        """Give the publisher's address of a file."""
        return self.site + path


def choose_mirror(place: str | Path | None, site: str, setting: str) -> Mirror:
    """Decide where files come from.

    Parameters
    ----------
    place
        A folder or an http(s) address laid out like the site; None or "" for what the environment variable
        `setting` holds, and the site itself if that is unset.
    site
        The publisher's address, ending in /.
    setting
        The name of the environment variable.

    Raises
    ------
    DatasetError
        If the folder does not exist.

    Examples
    --------
    >>> choose_mirror("http://localhost:8000", "https://wwwn.cdc.gov/", "CRAMPS_NHANES").address
    'http://localhost:8000/'
    """
    chosen = str(place or os.environ.get(setting, "")).strip()
    if not chosen:
        return Mirror(site, None, site, setting)
    if chosen.startswith(("http://", "https://")):
        return Mirror(site, None, chosen.rstrip("/") + "/", setting)
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise DatasetError(
            f"there is no folder '{folder}' to read files from. Set {setting} to a folder or an address laid "
            f"out like {site}, or unset it to download from there."
        )
    return Mirror(site, folder, "", setting)


@dataclass(frozen=True)
class Wanted:
    """A file that is wanted.

    Attributes
    ----------
    path
        Its path below the mirror.
    check
        Raises a DatasetError if a file's content is not as it should be. It is asked of what comes through
        the network before it is kept.
    """

    path: str
    check: Callable[[Path], None]


def fetch(mirror: Mirror, path: str, check: Callable[[Path], None]) -> Path | None:
    """Give one file of the mirror as a local file; see `fetch_all`."""
    return fetch_all(mirror, [Wanted(path, check)])[path]


def fetch_all(mirror: Mirror, wanted: Sequence[Wanted], *, renew: bool = False) -> dict[str, Path | None]:
    """Give files of the mirror as local files.

    What comes through the network is kept with its hash: it is fetched once, and held to that hash at every
    use. At most four connections are open at once; a download that breaks off is taken up there.

    Parameters
    ----------
    mirror
        Where to look.
    wanted
        The files, each with the check of its content.
    renew
        True to fetch anew what is kept already and trust what comes, whatever the hash of the first was.

    Returns
    -------
    dict
        Path below the mirror -> local file; None if a mirror folder does not hold it.

    Raises
    ------
    DiskError
        If the cache cannot be written.
    DatasetError
        If an address is not there (404), cannot be reached, or gives something else than the file.
    """
    if mirror.folder is not None:
        folder = mirror.folder
        return {item.path: find_whatever_case(folder / item.path) for item in wanted}
    folder = _site_folder(mirror)
    known = known_hashes(folder)
    with one_warning():
        # What is kept and as it was needs no connection and no room, and no progress is shown for it.
        lacking = [w for w in wanted if renew or not _holds(folder / w.path, known.get(w.path))]
        if lacking:
            private_folder(_unfinished(mirror))
            _download_all(mirror, lacking, renew=renew)
    return {item.path: folder / item.path for item in wanted}


def fetch_optional(mirror: Mirror, path: str) -> Path | None:
    """Give a file that a mirror may hold and the publisher's own site never does.

    Parameters
    ----------
    mirror
        Where to look. The publisher's own site is not asked.
    path
        The file's path below the mirror.

    Returns
    -------
    pathlib.Path or None
        The file, fetched anew each time; None if the mirror does not hold it.
    """
    if mirror.folder is None and mirror.address == mirror.site:
        return None
    try:
        return fetch_all(mirror, [Wanted(path, lambda _: None)], renew=True)[path]
    except _NotThereError:
        (_site_folder(mirror) / path).unlink(missing_ok=True)
        return None


def find_whatever_case(path: Path) -> Path | None:
    """Find a file in a folder whatever the case of its name: the site itself serves .xpt and .XPT alike.

    Examples
    --------
    >>> find_whatever_case(Path("no such folder") / "DEMO.xpt")
    """
    if path.is_file():
        return path
    siblings = path.parent.iterdir() if path.parent.is_dir() else ()
    return next((p for p in siblings if p.name.lower() == path.name.lower() and p.is_file()), None)


def _site_folder(mirror: Mirror) -> Path:
    address = urlsplit(mirror.address)
    return cache_folder() / quote(f"{address.netloc}{address.path}".strip("/"), safe="")


def _unfinished(mirror: Mirror) -> Path:
    return _site_folder(mirror) / "unfinished"


def _holds(kept: Path, known: str | None) -> bool:
    """Tell whether a file is kept as it came; one that changed since is reported, and fetched anew."""
    if known is None or not kept.is_file():
        return False
    held = sha256_of(kept) == known
    if not held:
        report_damaged(kept.name, "its content does not match the hash that was kept with it")
    return held


@dataclass(frozen=True)
class _Delivery:
    """What the downloads of one call have in common."""

    mirror: Mirror
    folder: Path
    renew: bool
    report: Report
    pace: Pace

    def bring(self, item: Wanted) -> None:
        """Download one file, check it, and move it to its place."""
        kept, part = self.folder / item.path, _unfinished(self.mirror) / quote(item.path, safe="")
        private_folder(kept.parent)
        with disk_trouble_told(kept), claimed(part) as file:
            known = known_hashes(self.folder).get(item.path)
            # Another process may have brought it while this one waited for the claim.
            if not self.renew and _holds(kept, known):
                _forget(part)
                return
            with _half_a_file_kept(part):
                self._transfer(item, file, part)
                self._accept(item, part, None if self.renew else known)
                part.replace(kept)

    def _transfer(self, item: Wanted, file: BinaryIO, part: Path) -> None:
        url = self.mirror.address + item.path
        try:
            transfer(url, file, part, self.pace, self.report)
        except OSError as error:
            # Trouble with the network carries the answer, if there was one; trouble with the disk does not.
            # The libraries' own chain of errors would bury what to do.
            if not hasattr(error, "response"):
                raise
            raise _retold(self.mirror, url, error) from None

    def _accept(self, item: Wanted, part: Path, known: str | None) -> None:
        """Hold a whole file to its check and to the hash of the first; remember what is trusted."""
        url, kept = self.mirror.address + item.path, self.folder / item.path
        try:
            item.check(part)
        except DatasetError as error:
            seen = str(error).replace(str(part), str(kept)).replace(part.name, kept.name)
            raise _OneFileError(f"what came from {url} was not kept: {seen}") from error
        found = sha256_of(part)
        if known is not None and found != known:
            raise _OneFileError(
                f"what came from {url} was not kept: it is another file than the one that was first fetched "
                f"(sha256 {known[:12]}… then, {found[:12]}… now). See on the publisher's page whether it was "
                f"revised; if so, take the new one: {RENEW}."
            )
        if found != known:
            remember(self.folder, item.path, found)


@contextmanager
def _half_a_file_kept(part: Path) -> Iterator[None]:
    """Keep an unfinished file only where it broke off, to be taken up again.

    A whole one that is wrong goes, and one for which the disk has no room.
    """
    keep = False
    try:
        yield
    except (_BrokenOffError, StoppedError, KeyboardInterrupt):
        keep = part.stat().st_size > 0
        raise
    finally:
        if not keep:
            _forget(part)


def _download_all(mirror: Mirror, wanted: Sequence[Wanted], *, renew: bool) -> None:
    """Download several files at once; the first trouble that the others would meet too stops them all."""
    with shown(len(wanted), f"Files from {urlsplit(mirror.address).netloc}") as progress:
        delivery = _Delivery(mirror, _site_folder(mirror), renew, progress.came, Pace())
        with ThreadPoolExecutor(min(CONNECTIONS, len(wanted))) as several:
            try:
                done = several.map(in_this_block(partial(_brought, delivery, progress)), wanted)
                troubles = [trouble for trouble in done if trouble]
            except BaseException:
                delivery.pace.stop.set()
                raise
    if troubles:
        raise _all_told(troubles)


def _brought(delivery: _Delivery, progress: Progress, item: Wanted) -> DatasetError | None:
    try:
        delivery.bring(item)
    except StoppedError:
        return None
    except DatasetError as error:
        if not isinstance(error, _OneFileError):
            delivery.pace.stop.set()
        return error
    progress.finished()
    return None


def _all_told(troubles: list[DatasetError]) -> DatasetError:
    if len(troubles) == 1:
        return troubles[0]
    shown = [f"- {trouble}" for trouble in troubles[:_TOLD]]
    rest = [f"- and {len(troubles) - _TOLD} more"] if len(troubles) > _TOLD else []
    kinds = (kind for kind in (_NotThereError, DiskError) if all(isinstance(t, kind) for t in troubles))
    return next(kinds, DatasetError)("\n".join([f"{len(troubles)} files could not be had:", *shown, *rest]))


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    version_note(part).unlink(missing_ok=True)


def _retold(mirror: Mirror, url: str, error: OSError) -> DatasetError:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    remedy = f"Set {mirror.setting} to a folder or an address laid out like {mirror.site}, where the file is."
    if status in _ABSENT:
        return _NotThereError(f"there is no file at {url} (status {status}): it may have moved. {remedy}")
    rest = asked_rest(error)
    if rest > LONGEST_REST:
        return _BrokenOffError(
            f"{url} answered with status {status} and asks to wait {rest / 60:.0f} minutes. "
            f"Try again then. {remedy}"
        )
    if status is not None:
        return _BrokenOffError(f"{url} answered with status {status}. Try again later. {remedy}")
    seen = type(error).__name__
    return _BrokenOffError(f"{url} could not be fetched ({seen}). Check the network and try again. {remedy}")
