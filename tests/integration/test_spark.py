"""Estimates on Spark, in local mode with one session, are those in memory."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import DESIGNS, PERSONS, in_memory, population, rows_fetched
from tests.support.looping import in_one_test
from tests.support.messages import mentioning
from tests.unit.sources.engines.test_engine_estimates import CALLS, CONTINUOUS, WRONG, with_wrong_columns

pytestmark = [
    pytest.mark.slow,
    # Spark closes the sockets of a query when their objects are collected.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install '.[spark]'")
    # Two cores, and four attempts for each task.
    builder = sql.SparkSession.builder.master("local[2,4]").appName("toolkit")
    for name, value in {
        "spark.ui.enabled": "false",
        # Functions of Python run in processes of their own, which need this environment.
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
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


STREAMED = [
    "logit",
    "linear",
    "continuous exposure",
    "arithmetic",
    "spline with knots",
    "standardized prevalence",
]


@in_one_test("name", STREAMED)
def test_continuous_terms_are_those_in_memory(name: str, clustered: tk.Study) -> None:
    expected, found = CONTINUOUS[name](in_memory("strata and PSUs")), CONTINUOUS[name](clustered)
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-11)


@in_one_test("name", ["logit", "standardized difference"])
def test_continuous_terms_without_psus_are_those_in_memory(name: str, frame: Any) -> None:
    study = tk.study(frame, design=DESIGNS["strata"], name="population")
    expected, found = CONTINUOUS[name](in_memory("strata")), CONTINUOUS[name](study)
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10, abs_tol=1e-11)


def fail_while(marker: Path, attempts: int) -> Any:
    """Make a function that raises in as many attempts as a file has left, and then returns its value."""
    from pyspark.sql.functions import udf

    marker.write_text("x" * attempts, encoding="utf-8")

    def look(value: float) -> float:
        left = marker.read_text(encoding="utf-8")
        if left:
            marker.write_text(left[1:], encoding="utf-8")
            raise ValueError("secret 4711")
        return value

    # Spark reads type hints otherwise, and takes those of columns alone.
    return udf(lambda value: look(value), "double", useArrow=False)  # noqa: PLW0108


def test_a_task_that_fails_once_is_repeated(frame: Any, tmp_path: Path) -> None:
    marker = tmp_path / "fail"
    look = fail_while(marker, 0)
    study = tk.study(frame.withColumn("bmi", look("bmi")), design=DESIGNS["strata and PSUs"])
    marker.write_text("x", encoding="utf-8")
    found = tk.mean(study, "bmi")
    assert not marker.read_text(encoding="utf-8")
    expected = tk.mean(in_memory("strata and PSUs"), "bmi")
    assert found["estimate"].item() == pytest.approx(expected["estimate"].item(), rel=1e-10)


def test_a_task_that_always_fails_is_explained_without_its_values(frame: Any, tmp_path: Path) -> None:
    marker = tmp_path / "fail"
    look = fail_while(marker, 0)
    study = tk.study(frame.withColumn("bmi", look("bmi")), design=DESIGNS["strata and PSUs"])
    marker.write_text("x" * 1_000, encoding="utf-8")
    with pytest.raises(
        tk.DatasetError, match=mentioning("failed on a Spark DataFrame", "tk.study(")
    ) as caught:
        tk.mean(study, "bmi")
    assert "4711" not in str(caught.value)
    marker.write_text("", encoding="utf-8")
    assert len(tk.mean(study, "bmi"))


def test_ctrl_c_ends_a_long_pass_and_leaves_the_study_usable(frame: Any, session: Any) -> None:
    study = tk.study(frame, design=DESIGNS["strata and PSUs"])
    expected = tk.prevalence(study, "cramps", by="sex")
    engine: Any = study.people.engine  # type: ignore[attr-defined]
    short, sent = engine.frame, []
    engine.frame = nw.from_native(nw.to_native(short).crossJoin(session.range(10_000_000)))

    def interrupt() -> None:
        sent.append(monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(2.0, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        tk.prevalence(study, "cramps", by="sex")
    print(f"{monotonic() - sent[0]:.2f} s after Ctrl-C")  # noqa: T201 - shown by pytest -rP
    engine.frame = short
    found = tk.prevalence(study, "cramps", by="sex")
    assert_frame_equal(pl.DataFrame(found), pl.DataFrame(expected), rel_tol=1e-10)


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
