"""Turn an address into a verified file: from a mirror folder, or through the network into a cache.

Takes where the files are (a folder or an http address) and a path below it; gives a local file. What comes
through the network is checked by its content before it takes its place in the cache, which the user alone
may read.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from toolkit.errors import DatasetError
from toolkit.readers import replacing

CACHE_VARIABLE = "CRAMPS_CACHE"
_SECONDS = 60
_ABSENT = (404, 410)


class _NotThereError(DatasetError):
    """The address answers that there is no such file."""


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


def fetch(mirror: Mirror, path: str, check: Callable[[Path], None]) -> Path | None:
    """Give a file of the mirror as a local file.

    Parameters
    ----------
    mirror
        Where to look.
    path
        The file's path below the mirror.
    check
        Raises a DatasetError if a file's content is not as it should be. It is asked of what comes through
        the network before it is kept, and of what is kept before it is used: what was spoilt is fetched anew.

    Returns
    -------
    pathlib.Path or None
        None if a mirror folder does not hold the file.

    Raises
    ------
    DatasetError
        If the address is not there (404), cannot be reached, or gives something else than the file.
    """
    if mirror.folder is not None:
        return _local(mirror.folder / path)
    kept = _kept(mirror, path)
    if not (kept.is_file() and _passes(check, kept)):
        _download(mirror, path, kept, check)
    return kept


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
    if mirror.folder is None:
        _kept(mirror, path).unlink(missing_ok=True)
    try:
        return fetch(mirror, path, lambda _: None)
    except _NotThereError:
        return None


def cache_folder() -> Path:
    """Name the folder of downloaded files: `CRAMPS_CACHE`, or the user's cache folder.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    import pooch

    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else Path(pooch.os_cache("cramps-toolkit"))


def _local(path: Path) -> Path | None:
    """Find a file in a folder whatever the case of its name: the site itself serves .xpt and .XPT alike."""
    if path.is_file():
        return path
    siblings = path.parent.iterdir() if path.parent.is_dir() else ()
    return next((p for p in siblings if p.name.lower() == path.name.lower() and p.is_file()), None)


def _passes(check: Callable[[Path], None], kept: Path) -> bool:
    try:
        check(kept)
    except DatasetError:
        return False
    return True


def _kept(mirror: Mirror, path: str) -> Path:
    address = urlsplit(mirror.address)
    below = quote(f"{address.netloc}{address.path}".strip("/"), safe="")
    return cache_folder() / below / path


def _download(mirror: Mirror, path: str, kept: Path, check: Callable[[Path], None]) -> None:
    url = mirror.address + path
    _private_folders(kept.parent)
    with replacing(kept, private=True) as draft:
        _get(mirror, url, draft)
        try:
            check(draft)
        except DatasetError as error:
            seen = str(error).replace(str(draft), str(kept)).replace(draft.name, kept.name)
            raise DatasetError(f"what came from {url} was not kept: {seen}") from error


def _private_folders(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        cache_folder().chmod(0o700)
    except OSError as error:
        raise DatasetError(
            f"the cache folder '{folder}' cannot be written: {(error.strerror or str(error)).lower()}. "
            f"Set {CACHE_VARIABLE} to a folder of your own."
        ) from error


def _get(mirror: Mirror, url: str, draft: Path) -> None:
    import pooch

    try:
        pooch.HTTPDownloader(timeout=_SECONDS)(url, str(draft), None)
    except OSError as error:
        # Trouble with the network carries the answer, if there was one; trouble with the disk does not.
        if not hasattr(error, "response"):
            raise
        raise _retold(mirror, url, error) from error


def _retold(mirror: Mirror, url: str, error: OSError) -> DatasetError:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    remedy = f"Set {mirror.setting} to a folder or an address laid out like {mirror.site}, where the file is."
    if status in _ABSENT:
        return _NotThereError(f"there is no file at {url} (status {status}): it may have moved. {remedy}")
    if status is not None:
        return DatasetError(f"{url} answered with status {status}. Try again later. {remedy}")
    seen = type(error).__name__
    return DatasetError(f"{url} could not be fetched ({seen}). Check the network and try again. {remedy}")
