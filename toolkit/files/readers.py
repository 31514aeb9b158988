"""Turn a file into a lazy frame and a frame or text back into a file, whole or not at all.

Takes paths; gives polars frames. Every file of the toolkit is written through `replacing`, so that a full
disk, an unwritable folder or an interruption never leaves a half-written one.
"""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.leftovers import FULL, draft_beside

# First record of every SAS transport file, version 5 and 8 (SAS technical note TS-140).
TRANSPORT_HEADERS = (
    b"HEADER RECORD*******LIBRARY HEADER RECORD",
    b"HEADER RECORD*******LIBV8   HEADER RECORD",
)
RECORD = 80
# Where a version 5 file tells how long the description of a column is, where these begin, and how many.
_NAME_LENGTH, _NAMES, _NAME_COUNT = slice(314, 318), 560, slice(54, 58)
_PRIVATE, _PUBLIC = 0o600, 0o666
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)


class DiskError(DatasetError):
    """A file cannot be written: the disk is full, or the folder is closed."""


@contextmanager
def replacing(path: str | Path, *, private: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, which takes its place when the block ends well.

    Parameters
    ----------
    path
        The file to write; its folder is made if it is not there.
    private
        True if the user alone may read the file.

    Yields
    ------
    pathlib.Path
        Where to write. Whatever goes wrong, it is removed and an older file at `path` stays as it was. What
        a killed process leaves is removed when the next file is written into the folder.

    Raises
    ------
    DatasetError
        If the disk is full or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "note.txt"
    >>> with replacing(target) as draft:
    ...     _ = draft.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    with disk_trouble_told(target), draft_beside(target) as draft:
        yield draft
        draft.chmod(_mode(private=private))
        draft.replace(target)


@contextmanager
def disk_trouble_told(target: Path) -> Iterator[None]:
    """Tell in the user's words why a file could not be written: a full disk, a folder that is closed.

    Examples
    --------
    >>> with disk_trouble_told(Path("a.txt")):
    ...     raise OSError(28, "No space left on device")
    Traceback (most recent call last):
    ...
    toolkit.files.readers.DiskError: 'a.txt' was not written into '.': the disk is full. ...
    """
    try:
        yield
    except OSError as error:
        raise _retold(target, error) from error


def write_text(path: str | Path, text: str, *, private: bool = False) -> None:
    """Write text as UTF-8, whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> write_text(Path(tempfile.mkdtemp()) / "note.txt", "whole")
    """
    write_bytes(path, text.encode(), private=private)


def write_bytes(path: str | Path, content: bytes, *, private: bool = False) -> None:
    """Write bytes, whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> write_bytes(Path(tempfile.mkdtemp()) / "note.bin", b"whole")
    """
    with replacing(path, private=private) as draft:
        draft.write_bytes(content)


def write_parquet(path: str | Path, frame: pl.DataFrame, *, private: bool = False) -> None:
    """Write a frame as parquet, whole or not at all.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "frame.parquet"
    >>> write_parquet(target, pl.DataFrame({"age": [40.0]}))
    >>> read_parquet(target).collect().height
    1
    """
    with replacing(path, private=private) as draft:
        frame.write_parquet(draft)


def read_parquet(path: str | Path) -> pl.LazyFrame:
    """Read a parquet file lazily.

    Raises
    ------
    DatasetError
        If there is no such file, or it is not parquet.
    """
    source = _existing(path)
    frame = pl.scan_parquet(source)
    try:
        frame.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DatasetError(
            f"'{source.name}' is not a parquet file, or it is cut short ({source.stat().st_size} bytes). "
            "Write it anew: frame.write_parquet(path)."
        ) from error
    return frame


def read_transport(path: str | Path) -> pl.LazyFrame:
    """Read a SAS transport file (.xpt) lazily, rows in the file's order, numbers as Float64.

    Parameters
    ----------
    path
        A transport file of version 5 or 8.

    Returns
    -------
    polars.LazyFrame
        The columns under the file's own names in capitals.

    Raises
    ------
    DatasetError
        If the file is absent, empty, cut short, a web page, or otherwise not a transport file.
    """
    import polars_readstat

    source = _existing(path)
    _check_transport(source)
    try:
        frame: pl.LazyFrame = polars_readstat.scan_readstat(str(source), preserve_order=True)
        names = frame.collect_schema().names()
    except (RuntimeError, pl.exceptions.PolarsError) as error:
        raise DatasetError(_broken(source, "its header cannot be read")) from error
    return frame.rename({name: name.upper() for name in names if name != name.upper()})


def write_transport(
    path: str | Path, frame: pl.DataFrame, table: str, labels: Mapping[str, str] | None = None
) -> None:
    """Write a frame as a SAS transport file of version 5, the form of the CDC's files.

    Parameters
    ----------
    path
        The file to write, whole or not at all.
    frame
        Numbers and text; names of at most 8 letters, digits and _.
    table
        The name of the table inside the file, at most 8 characters.
    labels
        A label for some columns, at most 40 characters each.
    """
    import polars_readstat

    with replacing(path) as draft:
        shown = {name: label[:40] for name, label in (labels or {}).items()}
        polars_readstat.write_xpt(frame, str(draft), version=5, table_name=table, variable_labels=shown)


def _mode(*, private: bool) -> int:
    if private:
        return _PRIVATE
    umask = os.umask(0)
    os.umask(umask)
    return _PUBLIC & ~umask


def _retold(target: Path, error: OSError) -> DiskError:
    where = f"'{target.name}' was not written into '{target.parent}'"
    unharmed = "Nothing half-written is left."
    if error.errno in FULL or "No space left" in str(error):
        return DiskError(f"{where}: the disk is full. {unharmed} Free some space, or name another folder.")
    if error.errno in _CLOSED:
        return DiskError(f"{where}: you may not write there. {unharmed} Name a folder of your own.")
    seen = error.strerror or type(error).__name__
    return DiskError(f"{where}: {seen.lower()}. {unharmed} Name another folder.")


def _existing(path: str | Path) -> Path:
    source = Path(path)
    if not source.is_file():
        raise DatasetError(f"there is no file '{source}'. Check the path: it is read from {Path.cwd()}.")
    return source


def _check_transport(source: Path) -> None:
    size = source.stat().st_size
    if size == 0:
        raise DatasetError(_broken(source, "it is empty"))
    with source.open("rb") as file:
        start = file.read(512)
    if not start.startswith(TRANSPORT_HEADERS):
        page = start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head"))
        raise DatasetError(
            _broken(source, "it is a web page" if page else "it does not start as a transport file")
        )
    if size % RECORD or not _ends_with_a_row(source, size):
        raise DatasetError(_broken(source, f"it is cut short ({size:,} bytes)"))


def _ends_with_a_row(source: Path, size: int) -> bool:
    """Tell whether nothing but padding follows the last whole row of a version 5 file.

    Layout: SAS technical note TS-140. A file of another layout is left to the reader.
    """
    with source.open("rb") as file:
        head = file.read(_NAMES + RECORD)
        names = head[_NAMES:]
        if not names.startswith(b"HEADER RECORD*******NAMESTR"):
            return True
        length, count = int(head[_NAME_LENGTH]), int(names[_NAME_COUNT])
        described = file.read(-(-length * count // RECORD) * RECORD)
        row = sum(int.from_bytes(described[i * length + 4 : i * length + 6], "big") for i in range(count))
        start = file.tell() + RECORD
        rest = (size - start) % row if row and size > start else 0
        file.seek(size - rest)
        return not file.read().strip()


def _broken(source: Path, seen: str) -> str:
    return f"'{source.name}' is not a whole SAS transport file: {seen}. Fetch it anew, in place of {source}."
