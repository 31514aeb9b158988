"""A parquet file, or a folder or pattern of them, as one lazy frame whose files must not change."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from toolkit.errors import DatasetError
from toolkit.sources.engines.lazy_polars import LazyPolars
from toolkit.sources.engines.passes import explain_failure
from toolkit.studies import Query

_SUFFIX = ".parquet"
_REMEDY = "Write all files with one schema, or cast the column: pl.read_parquet(file).cast(...)."


@dataclass(frozen=True)
class ParquetFiles:
    """The parquet files of a study, with their sizes and times when it was opened."""

    path: Path
    states: dict[Path, tuple[int, int]]

    @classmethod
    def find(cls, path: str | Path) -> "ParquetFiles":
        """List the files of a folder, a pattern such as "claims/*.parquet", or one file."""
        given = Path(path).expanduser()
        return cls(given, {file: _state(file) for file in _list_files(given)})

    def scan(self) -> pl.LazyFrame:
        """Open all files as one lazy frame, or name the file that differs or cannot be read."""
        first, *_ = self.states
        schema = _read_schema(first)
        for file in self.states:
            _expect_schema(file, _read_schema(file), first, schema)
        try:
            frame = pl.scan_parquet(list(self.states), schema=schema)
            frame.collect_schema()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise _explain_broken(first, error) from None
        return frame

    def expect_unchanged(self) -> None:
        """Raise if a file was added, removed or written again since the study was opened."""
        now = {file: _state(file) for file in _list_files(self.path)}
        changes = {
            "added": now.keys() - self.states.keys(),
            "removed": self.states.keys() - now.keys(),
            "changed": {file for file in now.keys() & self.states.keys() if now[file] != self.states[file]},
        }
        seen = [
            f"{len(files):,} {what} ('{min(files).name}'{', ...' if len(files) > 1 else ''})"
            for what, files in changes.items()
            if files
        ]
        if seen:
            raise DatasetError(
                f"The files of '{self.path}' are not those that the study was opened with: "
                f"{' and '.join(seen)}. Estimates of one study would come from different data. Open the "
                "study again with tk.study(...)."
            )

    def find_broken(self) -> Path | None:
        """Find the first file whose columns cannot be read."""
        for file in self.states:
            try:
                pl.scan_parquet(file).select(pl.all().count()).collect(engine="streaming")
            except (pl.exceptions.PolarsError, OSError):
                return file
        return None


class LazyParquet(LazyPolars):
    """Parquet files as an engine."""

    noun = "parquet files"

    def __init__(self, files: ParquetFiles, frame: pl.LazyFrame | None = None) -> None:
        super().__init__(files.scan() if frame is None else frame)
        self.files = files
        self.in_memory = f"pl.read_parquet('{files.path}', columns=[...])"

    def failures(self, queries: Sequence[Query]) -> AbstractContextManager[None]:  # noqa: ARG002 - inherited
        """Leave errors to `run`, which looks for the file."""
        return nullcontext()

    def run(self, queries: Sequence[Query]) -> list[pl.DataFrame]:
        """Run queries, if the files are as they were before and after."""
        self.files.expect_unchanged()
        try:
            found = super().run(queries)
        except (pl.exceptions.ComputeError, OSError) as error:
            self.files.expect_unchanged()
            broken = self.files.find_broken()
            if broken is None:
                with explain_failure(self.noun, self.in_memory, queries, self.schema):
                    raise
            raise _explain_broken(broken, error) from None
        self.files.expect_unchanged()
        return found


def _list_files(given: Path) -> list[Path]:
    if given.is_dir():
        files = sorted(given.rglob(f"*{_SUFFIX}"))
    elif "*" in given.name:
        files = sorted(given.parent.glob(given.name))
    else:
        files = [given]
    if not files or not files[0].is_file():
        raise DatasetError(
            f"There are no parquet files at '{given}'. Check the path, which is a folder, a pattern such as "
            "'claims/*.parquet', or one file."
        )
    return files


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def _read_schema(file: Path) -> pl.Schema:
    try:
        return pl.Schema(pl.read_parquet_schema(file))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise _explain_broken(file, error) from None


def _explain_broken(file: Path, error: BaseException) -> DatasetError:
    return DatasetError(
        f"'{file.name}' cannot be read as parquet ({type(error).__name__}). It is damaged, was not written "
        f"to its end, or has a column of a type that is not supported, such as a decimal of more than 38 "
        f"digits. Write it again, or remove it from '{file.parent}'."
    )


def _expect_schema(file: Path, own: pl.Schema, first: Path, schema: pl.Schema) -> None:
    for name, dtype in schema.items():
        if name not in own:
            raise DatasetError(f"'{file.name}' has no column '{name}', which '{first.name}' has. {_REMEDY}")
        if own[name] != dtype:
            raise DatasetError(
                f"'{name}' has the type {own[name]} in '{file.name}' and {dtype} in '{first.name}'. {_REMEDY}"
            )
    more = [name for name in own if name not in schema]
    if more:
        raise DatasetError(f"'{first.name}' has no column '{more[0]}', which '{file.name}' has. {_REMEDY}")
