"""A frame, or the memory beneath it, that changes after tk.study does not reach the study."""

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import toolkit as tk

N = 60
Made = tuple[Any, Callable[[], None]]


def numbers() -> np.ndarray[Any, Any]:
    return np.arange(N, dtype=float)


def of_numpy_through_arrow() -> Made:
    buffer = numbers()
    return pa.table({"x": pa.array(buffer), "w": pa.array(buffer + 1)}), lambda: buffer.fill(7)


def of_numpy_through_polars() -> Made:
    buffer = numbers()
    frame = pl.DataFrame(pl.from_arrow(pa.table({"x": pa.array(buffer), "w": pa.array(buffer + 1)})))
    return frame, lambda: buffer.fill(7)


def of_polars() -> Made:
    frame = pl.DataFrame({"x": numbers(), "w": numbers() + 1})

    def alter() -> None:
        frame[3, "x"] = 99.0
        frame.replace_column(1, pl.Series("w", [1.0] * N))

    return frame, alter


def of_polars_collected() -> Made:
    buffer = numbers()
    frame = pl.DataFrame(pl.from_arrow(pa.table({"x": pa.array(buffer), "w": pa.array(buffer + 1)})))
    return frame.lazy().collect(), lambda: buffer.fill(7)


def of_pandas(dtype: str) -> Callable[[], Made]:
    def made() -> Made:
        frame = pd.DataFrame({"x": numbers(), "w": numbers() + 1}).astype(dtype)

        def alter() -> None:
            frame.iloc[5, 0] = 99.0
            frame.loc[:, "w"] = 1.0
            frame["x"] = frame["x"] * 2

        return frame, alter

    return made


def of_pandas_over_numpy() -> Made:
    buffer = np.column_stack([numbers(), numbers() + 1])
    return pd.DataFrame(buffer, columns=["x", "w"], copy=False), lambda: buffer.fill(7)


def of_pandas_to_numpy() -> Made:
    frame = pd.DataFrame({"x": numbers(), "w": numbers() + 1})

    def alter() -> None:
        for name in frame:
            values = frame[name].to_numpy()
            values.setflags(write=True)
            values[:] = 0

    return frame, alter


def of_a_dictionary() -> Made:
    columns = {"x": numbers(), "w": list(numbers() + 1)}

    def alter() -> None:
        columns["x"][:] = 7
        columns["w"][:] = [1.0] * N

    return columns, alter


def of_duckdb_read() -> Made:
    buffer = numbers()
    table = pa.table({"x": pa.array(buffer), "w": pa.array(buffer + 1)})
    connection = duckdb.connect()
    connection.register("people", table)
    return connection.sql("select * from people").pl(), lambda: buffer.fill(7)


KINDS: dict[str, Callable[[], Made]] = {
    "pyarrow": of_numpy_through_arrow,
    "polars over numpy": of_numpy_through_polars,
    "polars": of_polars,
    "polars collected": of_polars_collected,
    "pandas": of_pandas("float64"),
    "pandas with nulls": of_pandas("Float64"),
    "pandas of arrow": of_pandas("double[pyarrow]"),
    "pandas over numpy": of_pandas_over_numpy,
    "pandas to numpy": of_pandas_to_numpy,
    "dictionary": of_a_dictionary,
    "duckdb read": of_duckdb_read,
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_later_does_not_reach_the_study(kind: str) -> None:
    frame, alter = KINDS[kind]()
    study = tk.study(frame, design=tk.Design(weight="w"), name="mine")
    before = tk.mean(study, "x")
    people = study.people.clone()
    alter()
    assert people.equals(study.people)
    assert np.average(numbers(), weights=numbers() + 1) == pytest.approx(before["estimate"][0], rel=1e-12)
    assert before.equals(tk.mean(study, "x"))
    assert before.equals(tk.mean(study.derive("y", "x * 1"), "x"))


def test_columns_of_every_type_come_back_as_they_were() -> None:
    from toolkit.sources.from_frame import _read_frame

    frame = pl.DataFrame(
        {
            "level": pl.Series(["b", "a", None], dtype=pl.Enum(["b", "a"])),
            "word": pl.Series(["b", "a", None], dtype=pl.Categorical),
            "text": ["x", None, "z"],
            "day": pl.Series(["2022-01-01", None, "2022-01-03"]).str.to_date(),
            "cost": pl.Series([1, 2, None]).cast(pl.Decimal(10, 2)),
            "true": [True, None, False],
            "list": [[1], [2, 3], None],
            "nothing": [None, None, None],
            "thing": pl.Series([object(), object(), object()], dtype=pl.Object),
        }
    )
    again, _ = _read_frame(frame)
    assert frame.schema == again.schema
    assert frame.drop("thing").equals(again.drop("thing"))


def test_a_design_that_changes_later_does_not_reach_the_study() -> None:
    weights: dict[str, Any] = {"interview": "w"}
    design = tk.Design(weight=weights, psu=["x"])  # type: ignore[arg-type]
    weights["interview"] = "x"
    assert "w" == design.components["interview"].column
    stages = ["x"]
    design = tk.Design(weight="w", psu=stages, fpc=stages)  # type: ignore[arg-type]
    stages.append("y")
    assert (("x",), ("x",)) == (design.stages, design.fpcs)
