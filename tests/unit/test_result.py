"""The result schema: names, order and types hold whatever the rows name."""

import polars as pl

from toolkit import results


def test_by_columns_come_first_and_the_schema_after() -> None:
    frame = results.frame([{"sex": "female", "estimate": 0.3, "n": 12}], by=("sex",))
    assert frame.columns == ["sex", *results.SCHEMA]
    assert frame["estimate"][0] == 0.3
    assert frame["p_value"][0] is None


def test_an_empty_frame_has_the_schema() -> None:
    frame = results.frame([])
    assert frame.height == 0
    assert dict(frame.schema) == results.SCHEMA


def test_what_is_not_of_the_schema_is_a_by_column() -> None:
    frame = results.frame([{"sex": "male", "cycle": "2005-2006"}], by=("sex", "cycle"))
    assert results.by_columns(frame) == ["sex", "cycle"]


def test_a_frame_goes_through_parquet_unchanged(tmp_path) -> None:
    frame = results.frame([{"estimate": 0.1 + 0.2, "level": "yes", "n": 3, "conf_high": float("inf")}])
    frame.write_parquet(tmp_path / "r.parquet")
    assert frame.equals(pl.read_parquet(tmp_path / "r.parquet"))
