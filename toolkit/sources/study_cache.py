"""Keep a study that was opened from public files, and give it back while nothing it rests on has changed.

Takes a population with its `inputs`; keeps it as one parquet file in the cache, readable by the user alone
and verified whenever it is read. It comes back only if the toolkit's own code and data, the readers'
versions, what was asked for, and each file are the same, and the files that were absent still are.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.cache import cache_folder, cache_of_this_process, one_warning, report_unkept
from toolkit.files.download import find_whatever_case
from toolkit.files.file_identity import identify, unchanged
from toolkit.files.leftovers import remove_abandoned_drafts
from toolkit.files.readers import DiskError
from toolkit.files.table_cache import identity_read, place_of, read_verified, write_verified
from toolkit.sources.catalog import shipped
from toolkit.studies.storage import declared_again, declared_json
from toolkit.studies.study import Inputs, Study

_LOADED = time.time()
_MOST_STUDIES = 24
_PARTS = ("code", "inputs", "declared")
_SETTINGS = ("CRAMPS_NHANES",)


def open_once(name: str, options: Mapping[str, Any], opener: Callable[[], Study]) -> Study:
    """Give back a study that was kept, or open it and keep it.

    Parameters
    ----------
    name, options
        What `open_study` was asked for.
    opener
        Opens it from its source.

    Returns
    -------
    Study
        What the opener gave, now or earlier.

    Warns
    -----
    CacheWarning
        Once, if the cache is damaged or cannot be written; the study is read from its source then.
    """
    with one_warning():
        kept = recall(name, options)
        if kept is not None:
            return kept
        try:
            opened = opener()
        except DiskError as error:
            report_unkept(name, str(error))
            with cache_of_this_process():
                opened = opener()
        keep(name, options, opened)
        return opened


def recall(name: str, options: Mapping[str, Any]) -> Study | None:
    """Give back a study that was kept.

    Parameters
    ----------
    name, options
        What `open_study` was asked for.

    Returns
    -------
    Study or None
        Equal to what was kept; None if nothing was, or anything changed since.
    """
    for folder in ("studies", "tables"):
        remove_abandoned_drafts(cache_folder() / folder)
    asked, code = _asked(name, options), _code()
    if asked is None or code is None:
        return None
    kept = read_verified(_place(asked), asked, _PARTS)
    if kept is None or kept.note["code"] != code or not _still(kept.note["inputs"]):
        return None
    return declared_again(kept.note["declared"], kept.frame())


def keep(name: str, options: Mapping[str, Any], population: Study) -> None:
    """Keep a study for the next time, if its population allows it.

    Parameters
    ----------
    name, options
        What `open_study` was asked for.
    population
        With `inputs`; one without them is not kept.
    """
    asked, code = _asked(name, options), _code()
    if population.inputs is None or asked is None or code is None:
        return
    inputs = _identities(population.inputs)
    if inputs is None or _names_more(options, population.inputs):
        return
    note = {"code": code, "inputs": inputs, "declared": declared_json(population)}
    place = _place(asked)
    try:
        write_verified(place, population.people, asked, note)
    except DatasetError as error:
        report_unkept(population.label, str(error))
    else:
        _forget_oldest(place.parent)


def _asked(name: str, options: Mapping[str, Any]) -> str | None:
    """Name what was asked for in one text; None for what has no plain text, such as a frame."""
    settings = {setting: os.environ.get(setting, "") for setting in _SETTINGS}
    try:
        return json.dumps([name, options, settings], sort_keys=True, default=_path)
    except TypeError:
        return None


def _path(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError


def _place(asked: str) -> Path:
    return place_of("studies", "", asked)


def _code() -> str | None:
    """Hash the toolkit's code and data; None if they changed since this process loaded them.

    Who edits the toolkit while a notebook runs has other code on the disk than in memory: nothing is kept
    and nothing given back then.
    """
    digest = sha256(f"polars {pl.__version__} polars-readstat {version('polars-readstat')}".encode())
    for path in _own_files():
        if path.stat().st_mtime > _LOADED:
            return None
        digest.update(str(path.name).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _own_files() -> tuple[Path, ...]:
    return tuple(sorted([*Path(__file__).parents[1].rglob("*.py"), *shipped("datasets").rglob("*.*")]))


def _identities(inputs: Inputs) -> dict[str, Any] | None:
    """Identify the inputs; None if one of them is no more what was read."""
    files = {path: _identity(path) for path in inputs.files}
    if any(files[path]["sha256"] != read for path, read in inputs.files.items()):
        return None
    return {
        "files": {str(path): identity for path, identity in files.items()},
        "absent": [str(path) for path in inputs.absent],
    }


def _identity(path: Path) -> dict[str, Any]:
    """Take the identity from when a table was read if it still holds, which spares hashing it again."""
    known = identity_read(path)
    return known if known and unchanged(path, known) else identify(path).record()


def _names_more(options: Mapping[str, Any], inputs: Inputs) -> bool:
    """Tell whether an option names a file or folder that the inputs do not speak of."""
    named = [Path(o) for name, o in options.items() if isinstance(o, str | Path) and name != "mirror"]
    return any(path.exists() and path not in inputs.files for path in named)


def _forget_oldest(folder: Path) -> None:
    """Bound what the cache holds: each choice of cycles is a file of its own."""
    kept = sorted(folder.glob("*.parquet"), key=_age)
    for path in kept[_MOST_STUDIES:]:
        with suppress(OSError):  # it stays, and does no harm
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except OSError:  # another process was quicker
        return 0.0


def _still(inputs: Mapping[str, Any]) -> bool:
    there = all(unchanged(Path(path), before) for path, before in inputs["files"].items())
    return there and not any(_appeared(inputs["absent"]))


def _appeared(absent: list[str]) -> Iterator[bool]:
    for path in absent:
        yield find_whatever_case(Path(path)) is not None
