"""Cache studies opened from public files; return them while request, code, data and files are unchanged."""

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from toolkit.errors import DatasetError
from toolkit.files.cache import (
    Identity,
    Inputs,
    Origin,
    cache_folder,
    cache_of_this_process,
    entry_path,
    identify,
    identity_when_read,
    one_warning,
    read_entry,
    reader_versions,
    report_unkept,
    unchanged,
    write_entry,
)
from toolkit.files.checked_toml import PACKAGE, shipped
from toolkit.files.safe_files import DiskError, remove_abandoned_drafts
from toolkit.studies import Study, declared_again, declared_json

_LOADED = time.time()
_MOST_STUDIES = 24
_SETTINGS = ("CRAMPS_NHANES",)


def open_once(name: str, options: Mapping[str, Any], opener: Callable[[], Study]) -> Study:
    """Return a study from the cache, or open it and cache it; name and options are those of `open_study`."""
    with one_warning():
        cached = recall_study(name, options)
        if cached is not None:
            return cached
        try:
            opened = opener()
        except DiskError as error:
            report_unkept(name, str(error))
            with cache_of_this_process():
                opened = opener()
        cache_study(name, options, opened)
        return opened


def recall_study(name: str, options: Mapping[str, Any]) -> Study | None:
    """Return a study from the cache; None if it is not there, or anything it was made from has changed."""
    for folder in ("studies", "tables"):
        remove_abandoned_drafts(cache_folder() / folder)
    key, code = _request_key(name, options), _hash_code()
    if key is None or code is None:
        return None
    entry = read_entry(entry_path("studies", "", key), key)
    if entry is None or not entry.origin.is_current(key, code):
        return None
    return declared_again(entry.origin.about, entry.frame())


def cache_study(name: str, options: Mapping[str, Any], population: Study) -> None:
    """Cache a study, if its population records the inputs that it was made from."""
    key, code, inputs = _request_key(name, options), _hash_code(), population.inputs
    if inputs is None or key is None or code is None or _names_more(options, inputs):
        return
    files = {path: _identify_input(path) for path in inputs.files}
    if any(files[path]["sha256"] != read for path, read in inputs.files.items()):
        return  # a file changed after it was read
    origin = Origin(
        key,
        code,
        {str(path): identity for path, identity in files.items()},
        tuple(map(str, inputs.absent)),
        declared_json(population),
    )
    path = entry_path("studies", "", key)
    try:
        write_entry(path, population.people, origin)
    except DatasetError as error:
        report_unkept(population.label, str(error))
    else:
        _remove_oldest(path.parent)


def _request_key(name: str, options: Mapping[str, Any]) -> str | None:
    """Write a request as text; None for options without a text, such as a frame."""
    settings = {setting: os.environ.get(setting, "") for setting in _SETTINGS}
    try:
        return json.dumps([name, options, settings], sort_keys=True, default=_path_text)
    except TypeError:
        return None


def _path_text(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError


def _hash_code() -> str | None:
    """Hash the toolkit's code and data; None if they changed since this process loaded them."""
    digest = sha256(reader_versions().encode())
    for path in _code_files():
        if path.stat().st_mtime > _LOADED:
            return None
        digest.update(str(path.name).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _code_files() -> tuple[Path, ...]:
    return tuple(sorted([*PACKAGE.rglob("*.py"), *shipped("datasets").rglob("*.*")]))


def _identify_input(path: Path) -> Identity:
    """Take the identity from when a table was read if it is still the same, which spares hashing it again."""
    known = identity_when_read(path)
    return known if known and unchanged(path, known) else identify(path)


def _names_more(options: Mapping[str, Any], inputs: Inputs) -> bool:
    """Whether an option names a file or folder that is not among the inputs."""
    named = [Path(o) for name, o in options.items() if isinstance(o, str | Path) and name != "mirror"]
    return any(path.exists() and path not in inputs.files for path in named)


def _remove_oldest(folder: Path) -> None:
    """Bound the size of the cache: each choice of cycles is an entry of its own."""
    for path in sorted(folder.glob("*.parquet"), key=_age)[_MOST_STUDIES:]:
        with suppress(OSError):  # it stays, and does no harm
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:  # another process was quicker
        return 0.0
