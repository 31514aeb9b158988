"""Read each transport file once, keep it as parquet with its codes, and read that while the file is the same.

Takes transport files; gives lazy frames of their columns. What is kept stands in the cache, one file a table,
readable by the user alone, with a hash of its whole content, which is verified at every reading; deleting it
costs time and nothing else.
"""

import errno
import io
import json
import os
import stat
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.cache import (
    cache_folder,
    in_this_block,
    one_warning,
    private_folder,
    report_damaged,
    report_unkept,
)
from toolkit.files.file_identity import expect_still, identify, unchanged
from toolkit.files.hash_lock import sha256_of
from toolkit.files.readers import read_transport, write_bytes

NOTE, _SEAL = "cramps-toolkit", "cramps-toolkit seal"
_FORM = 2  # what a kept file looks like; files of another form are never looked at
# The hash stands in the file's own footer, and is taken of the file with zeros in its place.
_MARK = b"sha256 of this file with zeros here: "
_BLANK = b"0" * 64
_PARTS = ("reader", "identity")


@dataclass(frozen=True)
class Kept:
    """A kept file whose content is verified: its note, and its frame when it is asked for."""

    note: Mapping[str, Any]
    content: bytes

    def frame(self) -> pl.DataFrame:
        """Read the frame from the content that was verified, not from the disk again."""
        return pl.read_parquet(io.BytesIO(self.content))


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

    Warns
    -----
    CacheWarning
        If what was kept is damaged, or the table cannot be kept; the frame is right all the same.
    """
    with one_warning():
        kept = _kept(path)
        return (_read_and_keep(path) if kept is None else kept.frame()).lazy()


def keep_tables(paths: Iterable[Path]) -> None:
    """Keep all of several transport files, a few at once; what is kept already is not read again.

    Raises
    ------
    DatasetError
        As `read_kept`.
    """
    with one_warning(), ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as several:
        list(several.map(in_this_block(_ensure), paths))


def hash_read(path: Path) -> str:
    """Give the SHA-256 of what was last read of a transport file."""
    known = identity_read(path)
    return str(known["sha256"]) if known else sha256_of(path)


def identity_read(path: Path) -> dict[str, Any] | None:
    """Give the record of what a transport file was when it was last read; None if nothing is kept of it."""
    kept = read_verified(_place(path), str(path.resolve()), _PARTS)
    return dict(kept.note["identity"]) if kept else None


def place_of(room: str, name: str, key: str) -> Path:
    """Name the file in which something is kept, by a key that tells it from all others."""
    own = sha256(f"{_FORM} {key}".encode()).hexdigest()[:32]
    return cache_folder() / room / f"{name}{own}.parquet"


def write_verified(place: Path, frame: pl.DataFrame, key: str, note: Mapping[str, Any]) -> None:
    """Write a frame for the user alone, with its note and a hash of both in the same file.

    Parameters
    ----------
    place
        The file to write, whole or not at all.
    frame
        What is kept.
    key
        What it is kept of, so that a file in the place of another is known.
    note
        Plain values.

    Raises
    ------
    DatasetError
        If the disk is full or the folder cannot be written.
    """
    words = {NOTE: json.dumps({**note, "key": key}), _SEAL: (_MARK + _BLANK).decode()}
    written = io.BytesIO()
    frame.write_parquet(written, compression="lz4", statistics=False, metadata=words)
    content = written.getbuffer()
    at = bytes(content).rfind(_MARK) + len(_MARK)
    content[at : at + len(_BLANK)] = sha256(content).hexdigest().encode()
    private_folder(place.parent)
    write_bytes(place, bytes(content), private=True)


def read_verified(place: Path, key: str, parts: Iterable[str]) -> Kept | None:
    """Read what `write_verified` wrote, if it is that to the last bit and its note has the parts named.

    Returns
    -------
    Kept or None
        None if nothing is kept, or it is not what was kept of this key; that is reported.
    """
    try:
        content = _content(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        report_damaged(place.name, f"it cannot be read ({(error.strerror or str(error)).lower()})")
        return None
    if not _whole(content):
        report_damaged(place.name, "its content does not match the hash that was kept with it")
        return None
    note = _note(content)
    if not {"key", *parts} <= set(note):
        report_damaged(place.name, "it has the form of another version")
        return None
    if note["key"] != key:
        report_damaged(place.name, "it is the file of something else")
        return None
    return Kept(note, content)


def _content(place: Path) -> bytes:
    if stat.S_ISFIFO(place.stat().st_mode):  # reading it would wait for ever
        raise OSError(errno.EINVAL, "it is a pipe")
    return place.read_bytes()


def _note(content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(pl.read_parquet_metadata(io.BytesIO(content))[NOTE]))
    except (KeyError, TypeError, ValueError, pl.exceptions.PolarsError):
        return {}


def _whole(content: bytes) -> bool:
    at = content.rfind(_MARK) + len(_MARK)
    if at < len(_MARK):
        return False
    found, view = sha256(), memoryview(content)
    for piece in (view[:at], _BLANK, view[at + len(_BLANK) :]):
        found.update(piece)
    return found.hexdigest().encode() == content[at : at + len(_BLANK)]


def _ensure(path: Path) -> None:
    if _kept(path) is None:
        _read_and_keep(path)


def _place(path: Path) -> Path:
    return place_of("tables", f"{path.stem}-", str(path.resolve()))


def _kept(path: Path) -> Kept | None:
    """Read what is kept of a file if it is of this reader and the file is still the same."""
    kept = read_verified(_place(path), str(path.resolve()), _PARTS)
    if kept is None or kept.note["reader"] != _reader() or not unchanged(path, kept.note["identity"]):
        return None
    return kept


def _read_and_keep(path: Path) -> pl.DataFrame:
    identity = identify(path)
    frame = read_transport(path).collect()
    expect_still(path, identity)
    note = {"reader": _reader(), "identity": identity.record()}
    try:
        write_verified(_place(path), frame, str(path.resolve()), note)
    except DatasetError as error:
        report_unkept(path.name, str(error))
    return frame


def _reader() -> str:
    return f"polars-readstat {version('polars-readstat')}, polars {pl.__version__}"
