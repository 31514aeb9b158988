"""Read SAS transport (.xpt) and Parquet files, with error messages that a user can act on."""

from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError

# First record of every SAS transport file, version 5 and 8 (SAS technical note TS-140).
_HEADERS = (
    b"HEADER RECORD*******LIBRARY HEADER RECORD",
    b"HEADER RECORD*******LIBV8   HEADER RECORD",
)
RECORD = 80
# Where a version 5 file has the length of a column description, the descriptions, and their count.
_NAME_LENGTH, _NAMES, _NAME_COUNT = slice(314, 318), 560, slice(54, 58)


def read_parquet(path: str | Path) -> pl.LazyFrame:
    """Open a parquet file lazily; raise a DatasetError if it does not exist or is incomplete."""
    source = expect_file(path)
    frame = pl.scan_parquet(source)
    try:
        frame.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise DatasetError(
            f"'{source.name}' is not a parquet file, or is cut short ({source.stat().st_size} bytes). "
            "Write it again with frame.write_parquet(path)."
        ) from error
    return frame


def read_transport(path: str | Path) -> pl.LazyFrame:
    """Open a SAS transport file of version 5 or 8 lazily, in the file's order, with names in capitals."""
    import polars_readstat

    source = expect_file(path)
    _check_transport(source)
    try:
        frame: pl.LazyFrame = polars_readstat.scan_readstat(str(source), preserve_order=True)
        names = frame.collect_schema().names()
    except (RuntimeError, pl.exceptions.PolarsError) as error:
        raise _incomplete(source, "Its header cannot be read") from error
    return frame.rename({name: name.upper() for name in names if name != name.upper()})


def find_ignoring_case(path: Path) -> Path | None:
    """Find a file whatever the case of its name: the CDC's site serves .xpt and .XPT alike."""
    if path.is_file():
        return path
    siblings = path.parent.iterdir() if path.parent.is_dir() else ()
    return next((p for p in siblings if p.name.lower() == path.name.lower() and p.is_file()), None)


def refuse_special_file(path: Path) -> None:
    """Raise for a folder, a pipe or a device, which cannot be read as a file, or never ends."""
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise DatasetError(f"'{path}' is {kind}, not a file. Check the path.")


def expect_file(path: str | Path) -> Path:
    """Return a path at which there is a file, or raise a DatasetError."""
    source = Path(path)
    refuse_special_file(source)
    if not source.is_file():
        raise DatasetError(
            f"The file '{source}' does not exist. Check the path, which is relative to {Path.cwd()}."
        )
    return source


def _check_transport(source: Path) -> None:
    size = source.stat().st_size
    if size == 0:
        raise _incomplete(source, "It is empty")
    with source.open("rb") as file:
        start = file.read(512)
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise _incomplete(source, "It is a web page")
    if not start.startswith(_HEADERS):
        raise _incomplete(source, "It does not start like a transport file")
    if size % RECORD or not _ends_with_row(source, size):
        raise _incomplete(source, f"It is cut short ({size:,} bytes)")


def _ends_with_row(source: Path, size: int) -> bool:
    """Whether only padding follows the last complete row of a version 5 file (layout: SAS TS-140)."""
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


def _incomplete(source: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"'{source.name}' is not a complete SAS transport file. {reason}. "
        f"Download it again to replace {source}."
    )
