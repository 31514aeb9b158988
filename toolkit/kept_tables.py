"""Read each transport file once, keep it as parquet with its codes, and read that while the file is the same.

Takes transport files; gives lazy frames of their columns. What is kept stands in the cache, one file a table,
readable by the user alone; deleting it costs time and nothing else.
"""

import json
import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.download import cache_folder, private_folder
from toolkit.errors import DatasetError
from toolkit.file_identity import expect_still, identify, unchanged
from toolkit.hash_lock import sha256_of
from toolkit.readers import read_transport, replacing

NOTE = "cramps-toolkit"


def read_kept(path: Path) -> pl.LazyFrame:
    """Read a transport file, from what was kept of it if it is still the same.

    Parameters
    ----------
    path
        A SAS transport file.

    Returns
    -------
    polars.LazyFrame
        As `readers.read_transport` gives it.

    Raises
    ------
    DatasetError
        If the file is not a whole transport file, or changes while it is read.
    """
    place = _place(path)
    kept = _kept(place, path)
    return (_read_and_keep(place, path) if kept is None else kept).lazy()


def keep_tables(paths: Iterable[Path]) -> None:
    """Keep all of several transport files, a few at once; what is kept already is not read again.

    Raises
    ------
    DatasetError
        As `read_kept`.
    """
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as several:
        list(several.map(_ensure, paths))


def hash_read(path: Path) -> str:
    """Give the SHA-256 of what was last read of a transport file."""
    known = identity_read(path)
    return str(known["sha256"]) if known else sha256_of(path)


def identity_read(path: Path) -> dict[str, Any] | None:
    """Give the record of what a transport file was when it was last read; None if nothing is kept of it."""
    note = read_note(_place(path))
    return dict(json.loads(note)["identity"]) if note else None


def told_not_kept(what: str, error: DatasetError) -> None:
    """Warn that something could not be kept: opening stays right, and slow."""
    warnings.warn(f"{what} is read anew at each opening, because it cannot be kept: {error}", stacklevel=4)


def write_noted(place: Path, frame: pl.DataFrame, note: str) -> None:
    """Write a frame for the user alone, with a note in the same file, so that both are always of one time."""
    private_folder(place.parent)
    with replacing(place, private=True) as draft:
        frame.write_parquet(draft, compression="lz4", statistics=False, metadata={NOTE: note})


def read_note(place: Path) -> str | None:
    """Read the note of a kept frame; None if there is none or the file is cut short."""
    try:
        return pl.read_parquet_metadata(place).get(NOTE)
    except (OSError, pl.exceptions.PolarsError):
        return None


def _ensure(path: Path) -> None:
    place = _place(path)
    if not _is_of(place, path):
        _read_and_keep(place, path)


def _place(path: Path) -> Path:
    own = sha256(str(path.resolve()).encode()).hexdigest()[:16]
    return cache_folder() / "tables" / f"{path.stem}-{own}.parquet"


def _is_of(place: Path, path: Path) -> bool:
    note = read_note(place)
    if note is None:
        return False
    told = json.loads(note)
    return bool(told["reader"] == _reader() and unchanged(path, told["identity"]))


def _kept(place: Path, path: Path) -> pl.DataFrame | None:
    if not _is_of(place, path):
        return None
    try:
        return pl.read_parquet(place)
    except (OSError, pl.exceptions.PolarsError):
        # Damaged, or just replaced: the source is there.
        return None


def _read_and_keep(place: Path, path: Path) -> pl.DataFrame:
    identity = identify(path)
    frame = read_transport(path).collect()
    expect_still(path, identity)
    note = json.dumps({"reader": _reader(), "identity": identity.record()})
    try:
        write_noted(place, frame, note)
    except DatasetError as error:
        told_not_kept(f"'{path.name}'", error)
    return frame


def _reader() -> str:
    return f"polars-readstat {version('polars-readstat')}, polars {pl.__version__}"
