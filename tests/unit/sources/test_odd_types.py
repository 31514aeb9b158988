"""Columns of types that are not measurements keep no study from being opened, or are refused by name."""

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

import toolkit as tk
from tests.support.looping import in_one_test
from tests.support.messages import mentioning, mentions
from toolkit.sources.user.scaffold import write_first_study

INDIA = timezone(timedelta(hours=5, minutes=30))
PLAIN = {"pid": [f"p{at}" for at in range(60)], "y": [0, 1] * 30}
WIDE = pa.array([Decimal("1.5")] * 60, pa.decimal256(50, 3))
# Columns that are not variables, and whether a file of them opens.
LEFT_OUT: dict[str, pa.Array] = {
    "lists": pa.array([[1, 2]] * 60),
    "structs": pa.array([{"a": 1}] * 60),
    "maps": pa.array([[("a", 1)]] * 60, pa.map_(pa.string(), pa.int64())),
    "durations": pa.array([timedelta(hours=1)] * 60),
    "nothing": pa.nulls(60),
}
DOORS = ("frame", "folder", "study.toml")


def open_table(door: str, table: pa.Table, folder: Path, declared: str = "") -> tk.Study:
    if door == "frame":
        return tk.study(table, design=tk.Design.none())
    parquet.write_table(table, folder / "people.parquet")
    if door == "folder":
        return tk.study(folder, design=tk.Design.none())
    first = write_first_study([folder / "people.parquet"], folder / "study.toml")
    text = re.sub(r"^\[design\]\n(?:.+\n)*", "[design]\nnone = true\n", first.text, flags=re.MULTILINE)
    first.path.write_text(text + declared)
    return tk.open_study(first.path)


@in_one_test("door", DOORS)
@pytest.mark.parametrize("named", LEFT_OUT)
def test_a_column_that_is_no_measurement_is_left_out(
    door: str, named: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = open_table(door, pa.table({**PLAIN, "x": LEFT_OUT[named]}), tmp_path_factory.mktemp("odd"))
    assert "x" not in study.codebook
    assert 0.5 == tk.prevalence(study, "y")["estimate"].item()


def test_a_declared_column_of_lists_is_refused_by_name(tmp_path: Path) -> None:
    table = pa.table({**PLAIN, "x": LEFT_OUT["lists"]})
    with pytest.raises(tk.DatasetError, match=mentioning("'x'", "List")):
        open_table("study.toml", table, tmp_path, '\n[variables.x]\ncolumn = "x"\nkind = "number"\n')


@pytest.mark.parametrize("door", DOORS)
def test_bytes_that_are_not_text_and_decimals_of_50_digits_are_told(door: str, tmp_path: Path) -> None:
    with pytest.raises(tk.DatasetError) as caught:
        open_table(door, pa.table({**PLAIN, "x": WIDE}), tmp_path)
    assert mentions(caught.value, "'x'" if door == "frame" else "people.parquet", "type")
    if door != "study.toml":
        with pytest.raises(tk.DatasetError, match=mentioning("'x'", "UTF-8")):
            open_table(door, pa.table({**PLAIN, "x": pa.array([b"\xff\xfe"] * 60)}), tmp_path)


@pytest.mark.parametrize("door", [*DOORS[::2], "pandas"])
def test_times_with_an_offset_are_the_dates_of_their_place(door: str, tmp_path: Path) -> None:
    times = [datetime(2022, 1, 1 + at % 3, 1, tzinfo=INDIA) for at in range(60)]
    if door == "pandas":
        study = tk.study(pd.DataFrame({**PLAIN, "x": times}), design=tk.Design.none())
    else:
        study = open_table(door, pa.table({**PLAIN, "x": times}), tmp_path)
    days = study.people["x"].cast(pl.Date).dt.day().value_counts(sort=True).sort("x")
    assert [(1, 20), (2, 20), (3, 20)] == days.rows()


@pytest.mark.parametrize("door", DOORS)
def test_a_dictionary_that_lists_a_level_twice_is_read_as_text(door: str, tmp_path: Path) -> None:
    codes: Any = pa.array([0, 1, 2] * 20, pa.int8())
    x = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "a", "b"]))
    assert ("a", "b") == open_table(door, pa.table({**PLAIN, "x": x}), tmp_path).codebook["x"].levels


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"design": "w"}, ("'design'", "str")),
        ({"design": None}, ("'design'", "NoneType")),
        ({"name": None}, ("'name'",)),
        ({"codebook": 5}, ("'codebook'", "'toolkit'")),
        ({"smallest_cell": "five"}, ("'smallest_cell'",)),
        ({"smallest_cell": -3}, ("'smallest_cell'", "0")),
        ({"keep": 5}, ("'keep'",)),
    ],
)
def test_an_option_of_another_type_is_named(options: dict[str, Any], told: tuple[str, ...]) -> None:
    with pytest.raises(tk.ToolkitError, match=mentioning(told)):
        tk.study(pl.DataFrame(PLAIN), **{"design": tk.Design.none(), **options})


def test_what_an_engine_cannot_read_is_told_with_its_column() -> None:
    union = duckdb.connect().sql("select i % 2 as y, union_value(num := 2) as un from range(60) t(i)")
    with pytest.raises(tk.DatasetError, match=mentioning("'un'")):
        tk.study(union, design=tk.Design.none())
    with pytest.raises(tk.DatasetError, match=mentioning("source failed", "FileNotFoundError")):
        tk.study(pl.scan_csv("absent.csv"), design=tk.Design.none())


def test_a_frame_without_columns_has_no_participants() -> None:
    with pytest.raises(tk.DatasetError, match=mentioning("0 rows")):
        tk.study(pd.DataFrame(index=range(5)), design=tk.Design.none())


def test_the_schema_of_a_frame_is_not_written_for_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({f"c{at}": [0.5, 1.5, 2.5] for at in range(300)}).with_columns(
        y=pl.Series([0, 1, 0])
    )
    reads = []
    whole = pl.DataFrame.schema.fget
    monkeypatch.setattr(pl.DataFrame, "schema", property(lambda own: reads.append(own.width) or whole(own)))
    study = tk.study(frame, design=tk.Design.none())
    assert "301 measured" in str(study)
    assert len([width for width in reads if width > 300]) < 30
