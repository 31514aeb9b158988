"""Read SAS transport (.xpt) and Parquet files, with error messages that a user can act on."""

import re
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError

# First record of every SAS transport file, version 5 and 8 (SAS technical note TS-140).
_HEADERS = (
    b"HEADER RECORD*******LIBRARY HEADER RECORD",
    b"HEADER RECORD*******LIBV8   HEADER RECORD",
)
RECORD = 80
# How files of other formats start; HTML and JSON may have blanks before.
_STARTS: dict[bytes, str] = {
    b"\x1f\x8b": "a file compressed by gzip; unpack it",
    b"BZh": "a file compressed by bzip2; unpack it",
    b"\xfd7zXZ": "a file compressed by xz; unpack it",
    b"\x28\xb5\x2f\xfd": "a file compressed by zstd; unpack it",
    b"PK\x03\x04": "a ZIP archive, as Excel workbooks (.xlsx) are; unpack it, or name it by its format",
    b"\xd0\xcf\x11\xe0": "an Excel workbook of 1997 to 2003; name it .xls",
    b"PAR1": "a parquet file; name it .parquet",
    b"$FL": "an SPSS file; name it .sav",
    b"<stata_dta>": "a Stata file; name it .dta",
    b"%PDF": "a PDF document; export the table as CSV",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
}
_WEB_PAGE = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<table")
_JSON = re.compile(rb"\[?\s*\{\s*[\"'}]|\[\s*\[")
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


def foreign_format(path: Path) -> str:
    """Name the format of a file that starts as no text table does, and what to do with it; "" for others."""
    with path.open("rb") as file:
        start = file.read(512)
    words = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if words.lower().startswith(_WEB_PAGE):
        return "a web page; open it in a browser, and export the table as CSV"
    if _JSON.match(words):
        return "JSON; convert it to CSV or parquet"
    return next((name for sign, name in _STARTS.items() if start.startswith(sign)), "")


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
    if start.lstrip().lower().startswith(_WEB_PAGE):
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
