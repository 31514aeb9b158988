"""Write one table for every door into a study, and read back what the study made of a column."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyreadstat

import toolkit as tk
from tests.support.workbook import write_workbook
from toolkit.sources.user.scaffold import write_first_study
from toolkit.variables import reason_for

TIMES = 10  # how often each value occurs, so that few values are a category
ZONE = ZoneInfo("America/New_York")


@dataclass(frozen=True)
class Raw:
    """Values of a column as Python has them, and how a library or file takes them if not as they are."""

    values: tuple[Any, ...]
    levels: tuple[str, ...] = ()  # of a declared category
    ordered: bool = False
    as_text: Callable[[Any], str] = str  # in a CSV file
    as_number: Callable[[Any], Any] = field(default=lambda value: value)  # where only numbers can be written

    @property
    def cells(self) -> list[Any]:
        """The values of all participants."""
        return list(self.values) * TIMES


def _others(raw: Raw) -> dict[str, Any]:
    """Return the other columns: ids, weights of 1, and an outcome of every second participant."""
    rows = range(len(raw.cells))
    return {"pid": [f"p{at:03d}" for at in rows], "y": [at % 2 for at in rows], "w": [1.0 for _ in rows]}


def _plain(raw: Raw) -> pl.DataFrame:
    cells = (
        pl.Series(raw.cells, dtype=pl.Enum(raw.levels)) if raw.levels else pl.Series(raw.cells, strict=False)
    )
    if cells.dtype == pl.Object or (isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone):
        cells = cells.dt.convert_time_zone(str(ZONE))
    return pl.DataFrame({**_others(raw), "x": cells})


def _pandas(raw: Raw) -> pd.DataFrame:
    cells: Any = raw.cells
    if raw.levels:
        cells = pd.Categorical(cells, categories=list(raw.levels), ordered=raw.ordered)
    elif {type(value) for value in raw.values} <= {int, type(None)}:
        cells = pd.array(cells, dtype="Int64")
    return pd.DataFrame({**_others(raw), "x": cells})


def _arrow(raw: Raw) -> pa.Table:
    cells = pa.array(raw.cells)
    if raw.levels:
        codes = pa.array([None if v is None else raw.levels.index(v) for v in raw.cells], pa.int8())
        cells = pa.DictionaryArray.from_arrays(codes, pa.array(raw.levels), ordered=raw.ordered)
    return pa.table({**_others(raw), "x": cells})


def _duckdb(raw: Raw) -> Any:
    connection = duckdb.connect()
    connection.execute(f"set TimeZone = '{ZONE}'")
    cells = pa.table({**_others(raw), "x": pa.array(raw.cells)})
    connection.register("cells", cells)
    if not raw.levels:
        return connection.sql("select * from cells")
    connection.execute(f"create type own as enum {raw.levels}")
    return connection.sql("select * replace (x::own as x) from cells")


FRAMES: dict[str, Callable[[Raw], Any]] = {
    "polars": _plain,
    "pandas": _pandas,
    "pyarrow": _arrow,
    "lazy polars": lambda raw: _plain(raw).lazy(),
    "duckdb": _duckdb,
}


def _write_csv(path: Path, raw: Raw) -> None:
    cells = ["" if value is None else f'"{raw.as_text(value)}"' for value in raw.cells]
    rows = zip(*(map(str, column) for column in _others(raw).values()), cells, strict=True)
    path.write_text("\n".join(["pid,y,w,x", *map(",".join, rows)]), encoding="utf-8")


def _labeled(raw: Raw) -> tuple[pd.DataFrame, dict[str, Any]]:
    cells = [None if value is None else raw.as_number(value) for value in raw.cells]
    labels = {}
    if raw.levels:
        cells = [None if value is None else float(raw.levels.index(value)) for value in raw.cells]
        labels = {"variable_value_labels": {"x": dict(enumerate(raw.levels))}}
    return pd.DataFrame({**_others(raw), "x": cells}), labels


def _write_stata(path: Path, raw: Raw) -> None:
    frame, labels = _labeled(raw)
    pyreadstat.write_dta(frame, str(path), **labels)


def _write_spss(path: Path, raw: Raw) -> None:
    frame, labels = _labeled(raw)
    pyreadstat.write_sav(frame, str(path), **labels)


def _write_transport(path: Path, raw: Raw) -> None:
    frame, _ = _labeled(raw)
    if raw.levels:
        frame["x"] = raw.cells
    pyreadstat.write_xport(frame, str(path), table_name="people", file_format_version=5)


def _write_excel(path: Path, raw: Raw) -> None:
    cells = [None if value is None else raw.as_text(value) for value in raw.cells]
    numbers = [
        isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in raw.values if v is not None
    ]
    if all(numbers):
        cells = [None if value is None else float(value) for value in raw.cells]
    write_workbook(path, pl.DataFrame({**_others(raw), "x": cells}))


def _write_parquet(path: Path, raw: Raw) -> None:
    _arrow_to_parquet(_arrow(raw), path)


def _arrow_to_parquet(table: pa.Table, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


FILES: dict[str, tuple[str, Callable[[Path, Raw], None]]] = {
    "csv": (".csv", _write_csv),
    "parquet": (".parquet", _write_parquet),
    "stata": (".dta", _write_stata),
    "spss": (".sav", _write_spss),
    "xpt": (".xpt", _write_transport),
    "excel": (".xlsx", _write_excel),
}
DOORS = (*FRAMES, *FILES)


def open_by(
    door: str, raw: Raw, folder: Path, design: Mapping[str, str] | None = None, **options: Any
) -> tk.Study:
    """Open the table by a door; a file by the study.toml that `cramps new-study` drafts."""
    if door in FRAMES:
        own = tk.Design(**design) if design else tk.Design.none()
        return tk.study(FRAMES[door](raw), design=own, **options)
    folder.mkdir()
    suffix, write = FILES[door]
    write(folder / f"people{suffix}", raw)
    first = write_first_study([folder / f"people{suffix}"], keep=options.get("keep", ()))
    declared = "\n".join(f'{key} = "{column}"' for key, column in (design or {}).items()) or "none = true"
    text = re.sub(r"^\[design\]\n(?:.+\n)*", f"[design]\n{declared}\n", first.text, flags=re.MULTILINE)
    first.path.write_text(text, encoding="utf-8")
    return tk.open_study(first.path)


def read_back(study: tk.Study, name: str = "x") -> Counter[tuple[Any, str]]:
    """Count the participants by value, as estimators see it, and by the reason for a missing value."""
    people = study.people
    counts = people.group_by(value=pl.col(name), reason=reason_for(name, people.columns)).agg(n=pl.len())
    found: Counter[tuple[Any, str]] = Counter()
    for value, reason, n in counts.select("value", "reason", "n").rows():
        found[_as_seen(study, name, value), "" if value is not None else reason] += n
    return found


def _as_seen(study: tk.Study, name: str, value: Any) -> Any:
    kind = study.codebook[name].kind if name in study.codebook else "date"
    if value is None:
        return None
    if kind == "yes_no":
        return value if isinstance(value, str) else ("yes" if value else "no")
    if kind == "number":
        return float(value)
    return value.date() if isinstance(value, datetime) else value


def local(day: date, hour: int) -> datetime:
    """Return an hour of a day in New York, which in UTC may be on another day."""
    return datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZONE)
