"""Estimates on Spark, in local mode with one session, are those in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import DESIGNS, PERSONS, in_memory, population, rows_fetched
from tests.support.looping import in_one_test
from tests.unit.sources.engines.test_engine_estimates import CALLS, CONTINUOUS, WRONG, with_wrong_columns

pytestmark = [
    pytest.mark.slow,
    # Spark closes the sockets of a query when their objects are collected.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install '.[spark]'")
    builder = sql.SparkSession.builder.master("local[2]").appName("toolkit")
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }.items():
        builder = builder.config(name, value)
    try:
        found = builder.getOrCreate()
    except Exception as error:
        pytest.skip(f"Spark does not start, which needs Java 17: {type(error).__name__}")
    yield found
    found.stop()


@pytest.fixture(scope="module")
def frame(session: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path: Path = tmp_path_factory.mktemp("spark") / "people.parquet"
    population().write_parquet(path)
    return session.read.parquet(str(path))


@pytest.fixture(scope="module")
def clustered(frame: Any) -> tk.Study:
    return tk.study(frame, design=DESIGNS["strata and PSUs"], name="population")


@in_one_test("name", CALLS)
def test_every_column_is_that_in_memory(name: str, clustered: tk.Study) -> None:
    expected, found = CALLS[name](in_memory("strata and PSUs")), CALLS[name](clustered)
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-13)


@in_one_test("name", ["logit", "linear", "continuous exposure"])
def test_continuous_terms_are_those_in_memory(name: str, clustered: tk.Study) -> None:
    expected, found = CONTINUOUS[name](in_memory("strata and PSUs")), CONTINUOUS[name](clustered)
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-12)


@pytest.mark.parametrize("design", ["none", "weight of 0", "two stages", "population alone"])
def test_other_designs_are_those_in_memory(frame: Any, design: str) -> None:
    study = tk.study(frame, design=DESIGNS[design], name="population")
    for name in ("prevalence by sex in a domain", "means of several", "logit model"):
        expected, found = CALLS[name](in_memory(design)), CALLS[name](study)
        assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-13)


def test_an_estimate_is_one_pass_that_fetches_cells(clustered: tk.Study) -> None:
    before = len(rows_fetched(clustered))
    tk.prevalence(clustered, "cramps", by="sex")
    (fetched,) = rows_fetched(clustered)[before:]
    assert 0 < fetched < PERSONS


def test_what_is_wrong_is_explained_as_in_memory(session: Any, tmp_path: Path) -> None:
    with_wrong_columns().write_parquet(tmp_path / "wrong.parquet")
    sources = with_wrong_columns(), session.read.parquet(str(tmp_path / "wrong.parquet"))
    studies = [tk.study(source, design=tk.Design.none(), name="mine") for source in sources]
    for name in ("infinite values", "negative weight", "missing PSU", "a list", "empty domain"):
        texts = []
        for study in studies:
            with pytest.raises(tk.ToolkitError) as caught:
                WRONG[name](study)
            texts.append(str(caught.value))
        assert texts[0] == texts[1]


def test_participants_are_not_read(clustered: tk.Study) -> None:
    with pytest.raises(tk.DatasetError, match=r"tk\.study\(frame\.toPandas\(\), design="):
        tk.describe(clustered, ["sex"])
