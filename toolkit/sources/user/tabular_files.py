"""Open a user's table of any usual format as a lazy frame, with the labels that the file carries.

Takes a path and how the file is written; gives a `Table`. Text files are read as text and in a stream, so
that no code loses its leading zeros and a file may be larger than memory.
"""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.leftovers import temporary_folder, temporary_trouble_told
from toolkit.files.unnamed_files import path_of, unnamed_file
from toolkit.sources.frame_categories import Categories, categories_of_file
from toolkit.sources.harmonize.recode import DECLARED_MISSING

TEXT = (".csv", ".tsv", ".txt")
LABELLED = (".sav", ".zsav", ".dta", ".sas7bdat", ".xpt")
ARROW = (".arrow", ".feather", ".ipc")
EXCEL = (".xlsx", ".xls", ".xlsb", ".ods")
_CHUNK = 1 << 22
_UTF8 = ("utf-8", "utf8", "utf-8-sig", "ascii")


@dataclass(frozen=True)
class Table:
    """A file that is open for reading.

    Attributes
    ----------
    frame
        Its columns; for a labelled file also those that end in `DECLARED_MISSING`.
    columns
        The names of the file's own columns.
    labels
        Column -> what it is, in the file's words.
    value_labels
        Column -> code -> the file's word for it.
    categories
        Column -> the levels that a parquet or Arrow file lists, and whether they stand in order.
    text
        Of a text file: the file in UTF-8, and the sign between its columns.
    """

    frame: pl.LazyFrame
    columns: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    categories: Mapping[str, Categories] = field(default_factory=dict)
    text: tuple[Path, str] | None = None


@contextmanager
def open_table(
    path: Path, *, sheet: str = "", separator: str = "", encoding: str = "utf-8"
) -> Iterator[Table]:
    """Open a table; while the block lasts its frame can be collected.

    Parameters
    ----------
    path
        A file of one of the formats that the toolkit reads, told by its suffix.
    sheet
        The sheet of an Excel file; the first if not given.
    separator
        What parts the columns of a text file; from the suffix and the heading if not given.
    encoding
        How the letters of a text file are written. Another than UTF-8 is rewritten into a file without a
        name.

    Yields
    ------
    Table
        Frame, columns and labels.

    Raises
    ------
    DatasetError
        If the file is not what its suffix says, or its letters are not of the encoding: with the line.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT:
            with _in_utf8(path, encoding) as plain:
                yield _text(plain, separator or _separator(plain, suffix))
        else:
            yield _binary(path, suffix, sheet)
    except pl.exceptions.PolarsError as error:
        raise _retold(path, suffix, encoding, error) from None
    except (RuntimeError, OSError) as error:
        raise DatasetError(
            f"'{path.name}' cannot be read as {suffix}: it is cut short, or of another format. "
            "Save it anew from the program that made it."
        ) from error


def _text(path: Path, separator: str) -> Table:
    frame = pl.scan_csv(path, separator=separator, infer_schema=False, glob=False)
    return replace(_table(frame), text=(path, separator))


def _binary(path: Path, suffix: str, sheet: str) -> Table:
    if suffix in LABELLED:
        return _labelled(path)
    if suffix in EXCEL:
        return _table(_excel(path, sheet).lazy())
    if suffix in ARROW:
        return replace(_table(pl.scan_ipc(path, glob=False)), categories=categories_of_file(path))
    return replace(_table(pl.scan_parquet(path, glob=False)), categories=categories_of_file(path))


def _table(frame: pl.LazyFrame) -> Table:
    return Table(frame, tuple(frame.collect_schema().names()))


def _excel(path: Path, sheet: str) -> pl.DataFrame:
    try:
        return pl.read_excel(path, sheet_name=sheet or None, infer_schema_length=None)
    except ImportError as error:
        raise DatasetError(
            f"'{path.name}' needs a reader of Excel files. Install it, pip install fastexcel, or save the "
            "sheet as CSV."
        ) from error
    except ValueError as error:
        raise DatasetError(
            f"'{path.name}' has no sheet '{sheet}'. Name one of its sheets, or none for the first."
        ) from error


def _labelled(path: Path) -> Table:
    import polars_readstat as readstat

    facts = readstat.ScanReadstat(str(path)).metadata
    described = facts.get("variables") or facts.get("columns") or []
    # SAS files hold no missing codes beside their labels; asking for them fails.
    declared = {"columns": "all", "suffix": DECLARED_MISSING, "use_value_labels": False}
    kept: dict[str, Any] = (
        {"informative_nulls": declared} if path.suffix.lower() in (".sav", ".zsav", ".dta") else {}
    )
    frame: pl.LazyFrame = readstat.scan_readstat(str(path), preserve_order=True, **kept)
    if kept:
        # Its reader loses the columns of missing codes when only some columns are asked for (0.25).
        frame = frame.collect().lazy()
    names = frame.collect_schema().names()
    return Table(
        frame,
        tuple(name for name in names if not name.endswith(DECLARED_MISSING)),
        {e["name"]: e["label"] for e in described if e.get("label")},
        {e["name"]: _plain(e["value_labels"]) for e in described if e.get("value_labels")},
    )


def _plain(labels: Mapping[Any, Any]) -> dict[str, str]:
    return {str(code).removesuffix(".0"): str(label).strip() for code, label in labels.items()}


def _separator(path: Path, suffix: str) -> str:
    if suffix == ".tsv":
        return "\t"
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        heading = file.readline(1 << 20)
    return max(",;\t|", key=heading.count)


@contextmanager
def _in_utf8(path: Path, encoding: str) -> Iterator[Path]:
    _check_encoding(path, encoding)
    if encoding.lower() in _UTF8:
        yield path
        return
    with _copy(path.suffix) as (copy, plain):
        try:
            with temporary_trouble_told(), path.open(encoding=encoding, newline="") as source:
                while chunk := source.read(_CHUNK):
                    copy.write(chunk.removeprefix("\ufeff").encode())
                copy.flush()
        except UnicodeError:
            raise DatasetError(_not_of(path, encoding)) from None
        yield plain


@contextmanager
def _copy(suffix: str) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a file for a copy of people that leaves nothing when this process is killed."""
    if Path("/proc/self/fd").is_dir():
        with unnamed_file(on_disk=True) as file:
            yield file, Path(path_of(file))
    else:
        # Readers open the path several times, which elsewhere would share one position in the file.
        with temporary_folder() as folder, (folder / f"copy{suffix}").open("w+b") as file:
            yield file, Path(file.name)


def _check_encoding(path: Path, encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DatasetError(
            f"'{path.name}': there is no encoding '{encoding}'. Usual ones: utf-8, windows-1252, utf-16."
        ) from None


def _retold(path: Path, suffix: str, encoding: str, error: Exception) -> DatasetError:
    # Polars quotes the cell that it could not read: the message must not be passed on.
    if suffix in TEXT and encoding.lower() in _UTF8 and (line := _first_bad_line(path)):
        return DatasetError(f"{_not_of(path, encoding)} The first such letter is in line {line:,}.")
    if isinstance(error, pl.exceptions.NoDataError):
        return DatasetError(
            f"'{path.name}' is empty: it has no heading and no row. Check how it was written."
        )
    if suffix in TEXT:
        return DatasetError(
            f"'{path.name}' has a row of other columns than its heading, or a quote that does not end. "
            "Name the sign between columns, separator = ';', or save the file anew."
        )
    return DatasetError(
        f"'{path.name}' cannot be read as {suffix}: it is cut short, or of another format. "
        "Save it anew from the program that made it."
    )


def _not_of(path: Path, encoding: str) -> str:
    return (
        f"'{path.name}' holds letters that are not {encoding}, or are of several encodings. Name its "
        "encoding, encoding = 'windows-1252', or save it as UTF-8."
    )


def _first_bad_line(path: Path) -> int:
    """Find the first line that is not UTF-8, 0 if there is none."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0
