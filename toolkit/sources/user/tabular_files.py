"""Open a user's table of any usual format as a lazy frame, with the labels that the file contains.

Text files are read as text and in a stream: codes keep leading zeros, and files may exceed the memory.
"""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from toolkit.errors import DatasetError
from toolkit.files.safe_files import path_of, restate_full_temporary_folder, temporary_folder, unnamed_file
from toolkit.files.table_files import foreign_format
from toolkit.sources.frame_categories import Categories, categories_of_file, parquet_with_offsets
from toolkit.sources.harmonize.raw_values import DECLARED_MISSING

TEXT = (".csv", ".tsv", ".txt")
LABELED = (".sav", ".zsav", ".dta", ".sas7bdat", ".xpt")
ARROW = (".arrow", ".feather", ".ipc")
EXCEL = (".xlsx", ".xls", ".xlsb", ".ods")
TWICE = "_duplicated_0"  # how the text reader names the second column of a name
_CHUNK = 1 << 22
_TOP = 100  # lines in which comments are counted
_STATED = re.compile(r'^"?sep=([^\r\n"])"?[\r\n]*$')  # Excel's first line
_UTF8 = ("utf-8", "utf8", "utf-8-sig", "ascii")


@dataclass(frozen=True)
class Table:
    """An open file: frame, own columns, their labels, labels of codes, and declared categories."""

    frame: pl.LazyFrame  # with the columns of `DECLARED_MISSING`
    columns: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    value_labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    categories: Mapping[str, Categories] = field(default_factory=dict)
    text: tuple[Path, str, int] | None = None  # UTF-8 copy, separator, and lines above the heading


@contextmanager
def open_table(
    path: Path, *, sheet: str = "", separator: str = "", encoding: str = "utf-8"
) -> Iterator[Table]:
    """Open a table, whose frame can be collected within the block.

    Without `sheet` and `separator`, the first sheet and the separator of the heading are used. Text in
    another encoding is copied as UTF-8 into a file without a name. A DatasetError reports a file that is not
    what its suffix says, or the line with a character of another encoding.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in TEXT:
            _refuse_other_format(path)
            with _in_utf8(path, encoding) as plain:
                heading = _read_heading(plain, suffix)
                _refuse_comments(path, heading)
                yield _open_text(plain, separator or heading.separator, heading.above)
        else:
            yield _open_binary(path, suffix, sheet)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _restate(path, suffix, encoding, error) from None
    except (RuntimeError, OSError) as error:
        raise DatasetError(_unreadable(path, suffix)) from error


def _open_text(path: Path, separator: str, above: int) -> Table:
    frame = pl.scan_csv(path, separator=separator, infer_schema=False, glob=False, skip_lines=above)
    return replace(_as_table(frame), text=(path, separator, above))


def _open_binary(path: Path, suffix: str, sheet: str) -> Table:
    if suffix in LABELED:
        return _open_labeled(path)
    if suffix in EXCEL:
        return _as_table(_read_excel(path, sheet).lazy())
    if suffix in ARROW:
        return replace(_as_table(pl.scan_ipc(path, glob=False)), categories=categories_of_file(path))
    read = parquet_with_offsets(path)
    frame = pl.scan_parquet(path, glob=False) if read is None else read.lazy()
    return replace(_as_table(frame), categories=categories_of_file(path))


def _as_table(frame: pl.LazyFrame) -> Table:
    return Table(frame, tuple(frame.collect_schema().names()))


def _read_excel(path: Path, sheet: str) -> pl.DataFrame:
    try:
        frame = pl.read_excel(path, sheet_name=sheet or None, infer_schema_length=None)
        heading = pl.read_excel(
            path,
            sheet_name=sheet or None,
            has_header=False,
            read_options={"n_rows": 1},
            infer_schema_length=None,
        )
        return _with_marked_names(frame, [str(name) for name in next(heading.iter_rows(), ())])
    except ImportError as error:
        raise DatasetError(
            f"'{path.name}' needs a package that reads Excel files. Install it with: pip install fastexcel. "
            "Or save the sheet as CSV."
        ) from error
    except _excel_errors() as error:
        # The readers' messages name the folder and the signature of the file.
        raise DatasetError(_unreadable(path, path.suffix.lower())) from error
    except ValueError as error:
        raise DatasetError(
            f"'{path.name}' has no sheet '{sheet}'. Use one of its sheets, or remove the key sheet."
        ) from error


def _with_marked_names(frame: pl.DataFrame, heading: Sequence[str]) -> pl.DataFrame:
    """Name the second column of a name as the reader of text does, which the check of columns knows."""
    repeated = {
        own: f"{name}{TWICE}"
        for at, (own, name) in enumerate(zip(frame.columns, heading, strict=False))
        if name in heading[:at] and own != name and f"{name}{TWICE}" not in frame.columns
    }
    first = {new: own for own, new in repeated.items()}  # a third column of a name keeps that of the reader
    return frame.rename({own: new for new, own in first.items()})


def _excel_errors() -> tuple[type[Exception], ...]:
    from fastexcel import FastExcelError

    return (FastExcelError, pl.exceptions.NoDataError)


def _open_labeled(path: Path) -> Table:
    import polars_readstat as readstat

    facts = readstat.ScanReadstat(str(path)).metadata
    described = facts.get("variables") or facts.get("columns") or []
    # SAS files have no missing codes besides labels; requesting them fails.
    declared = {"columns": "all", "suffix": DECLARED_MISSING, "use_value_labels": False}
    kept: dict[str, Any] = (
        {"informative_nulls": declared} if path.suffix.lower() in (".sav", ".zsav", ".dta") else {}
    )
    frame: pl.LazyFrame = readstat.scan_readstat(str(path), preserve_order=True, **kept)
    if kept:
        # The reader loses the columns of missing codes when only some columns are read (0.25).
        frame = frame.collect().lazy()
    names = frame.collect_schema().names()
    return Table(
        frame,
        tuple(name for name in names if not name.endswith(DECLARED_MISSING)),
        {e["name"]: e["label"] for e in described if e.get("label")},
        {e["name"]: _clean_labels(e["value_labels"]) for e in described if e.get("value_labels")},
    )


def _clean_labels(labels: Mapping[Any, Any]) -> dict[str, str]:
    # The reader writes the code .a of Stata as MISSING_a in labels, and as .a in the data.
    codes = {str(code).removesuffix(".0").replace("MISSING_", "."): label for code, label in labels.items()}
    return {code: str(label).strip() for code, label in codes.items()}


def _refuse_other_format(path: Path) -> None:
    """Raise for a file whose first bytes are those of an archive, a web page or another format."""
    if found := foreign_format(path):
        is_a, remedy = found.split("; ")
        raise DatasetError(f"'{path.name}' is not a text table but {is_a}. {remedy[0].upper()}{remedy[1:]}.")


@dataclass(frozen=True)
class _Heading:
    """The separator of a text file, the line above its heading that states it, and its first comments."""

    separator: str
    above: int = 0
    comments: int = 0


def _read_heading(path: Path, suffix: str) -> _Heading:
    """Find the separator: that of a tsv, of Excel's first line sep=;, or the most frequent of the heading."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = [file.readline(1 << 20), file.readline(1 << 20)]
        comments = _count_comments([*first, *islice(iter(lambda: file.readline(1 << 20), ""), _TOP)])
    if stated := _STATED.match(first[0]):
        return _Heading(stated[1], above=1)
    if suffix == ".tsv":
        return _Heading("\t", comments=comments)
    return _Heading(max(",;\t|", key=first[0].count), comments=comments)


def _count_comments(lines: Sequence[str]) -> int:
    """Count the first lines that start with #, unless it starts the name of the first column."""
    comments = len(list(takewhile(lambda line: line.startswith("#"), lines)))
    below = lines[comments] if comments < len(lines) else ""
    heads = any(below.count(sign) == lines[0].count(sign) > 0 for sign in ",;\t|")
    return 0 if comments == 1 and heads else comments


def _refuse_comments(path: Path, heading: _Heading) -> None:
    if n := heading.comments:
        raise DatasetError(
            f"'{path.name}' starts with {f'{n} lines' if n > 1 else 'a line'} of comments (#) above its "
            "heading. Remove what is above the heading, in a copy of the file if it must stay."
        )


@contextmanager
def _in_utf8(path: Path, encoding: str) -> Iterator[Path]:
    _expect_encoding(path, encoding)
    if encoding.lower() in _UTF8 and not _has_bare_returns(path, path.stat().st_mtime_ns):
        yield path
        return
    with _copy(path.suffix) as (copy, plain):
        try:
            # Lines that end in CR alone, as old spreadsheets write them, are read like others.
            with restate_full_temporary_folder(), path.open(encoding=encoding) as source:
                while chunk := source.read(_CHUNK):
                    _refuse_nul(path, "\0" in chunk)
                    copy.write(chunk.removeprefix("\ufeff").encode())
                copy.flush()
        except UnicodeError:
            raise DatasetError(_encoding_error(path, encoding)) from None
        yield plain


@lru_cache(maxsize=64)
def _has_bare_returns(path: Path, _changed: int) -> bool:
    """Whether a file has line ends of CR alone."""
    last = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            _refuse_nul(path, b"\0" in chunk)
            piece = last + chunk
            last = b"\r" if piece.endswith(b"\r") else b""
            body = piece[: len(piece) - len(last)]
            if body.count(b"\r") > body.count(b"\r\n"):
                return True
    return bool(last)


def _refuse_nul(path: Path, found: bool) -> None:
    """Raise for text that contains the character NUL, as text of 16 or 32 bits does that is read as bytes."""
    if found:
        raise DatasetError(
            f"'{path.name}' contains the character NUL, so it is not text in this encoding. Declare "
            "its encoding, such as encoding = 'utf-16-le' or 'utf-32', or save it as UTF-8."
        )


@contextmanager
def _copy(suffix: str) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a file for a copy of personal data that disappears when this process is killed."""
    if Path("/proc/self/fd").is_dir():
        with unnamed_file(on_disk=True) as file:
            yield file, Path(path_of(file))
    else:
        # Readers open the path several times, which elsewhere would share one position in the file.
        with temporary_folder() as folder, (folder / f"copy{suffix}").open("w+b") as file:
            yield file, Path(file.name)


def _expect_encoding(path: Path, encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise DatasetError(
            f"'{path.name}' has the unknown encoding '{encoding}'. Use utf-8, windows-1252 or utf-16."
        ) from None


def _restate(path: Path, suffix: str, encoding: str, error: BaseException) -> DatasetError:
    # polars quotes the cell that it could not read, so its message is not passed on.
    if suffix in TEXT and encoding.lower() in _UTF8 and (line := _first_bad_line(path)):
        return DatasetError(
            f"{_encoding_error(path, encoding)} The first such character is in line {line:,}."
        )
    if isinstance(error, pl.exceptions.NoDataError):
        return DatasetError(
            f"'{path.name}' is empty. It has no heading and no row. Check how it was written."
        )
    if suffix in TEXT:
        return DatasetError(
            f"'{path.name}' has a row with other columns than its heading, or a quote that is not closed. "
            "Declare the separator, such as separator = ';', or save the file again."
        )
    return DatasetError(_unreadable(path, suffix))


def _unreadable(path: Path, suffix: str) -> str:
    found = foreign_format(path) if path.is_file() else ""
    zipped = found.startswith("a ZIP") and suffix in (".xlsx", ".xlsb", ".ods")
    if found and not zipped and not found.endswith(f" {suffix}"):
        is_a, remedy = found.split("; ")
        return f"'{path.name}' is not {suffix} but {is_a}. {remedy[0].upper()}{remedy[1:]}."
    return (
        f"'{path.name}' cannot be read as {suffix}. It is truncated, has another format, or "
        "has a column of a type that is not supported. Save it again from the program that wrote it."
    )


def _encoding_error(path: Path, encoding: str) -> str:
    return (
        f"'{path.name}' contains characters that are not {encoding}, or of several encodings. Declare its "
        "encoding, such as encoding = 'windows-1252', or save it as UTF-8."
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
