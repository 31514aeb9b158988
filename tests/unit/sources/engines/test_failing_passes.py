"""A pass that is interrupted or fails ends in one clear error and leaves the study usable; so do locks."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import DESIGNS, ENGINES, in_memory, on_engine, population
from tests.support.messages import mentioning

DESIGN = DESIGNS["strata and PSUs"]
# Opens a study, replaces its source by one that takes minutes, and goes back to the first when stopped.
INTERRUPTED = """
import signal, sys, time
import duckdb, narwhals as nw, polars as pl
import toolkit as tk
from tests.support.engine_studies import DESIGNS, ENGINES, population

# As a notebook does, after which polars no longer hears the signal.
signal.signal(signal.SIGINT, signal.default_int_handler)
study = tk.study(ENGINES[sys.argv[1]](population()), design=DESIGNS["strata and PSUs"])
expected, engine = tk.prevalence(study, "cramps", by="sex"), study.people.engine
short = engine.frame
if sys.argv[1] == "polars":
    engine.frame = pl.concat([pl.concat([population()] * 300).lazy()] * 300)
else:
    people = nw.to_native(short)
    engine.frame = nw.from_native(people.query("people", "select people.* from people, range(10000000)"))
print("started", flush=True)
try:
    tk.prevalence(study, "cramps", by="sex")
except KeyboardInterrupt:
    print("interrupted", time.time(), flush=True)
engine.frame = short
assert expected["estimate"].round(12).equals(tk.prevalence(study, "cramps", by="sex")["estimate"].round(12))
print("usable", flush=True)
"""


def interrupt(script: str, *arguments: str) -> tuple[list[str], float]:
    """Run a script, send it Ctrl-C in its long pass, and give its lines and the seconds until it noticed."""
    import time

    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        time.sleep(1.5)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        lines = process.communicate(timeout=60)[0].splitlines()
    return [line.split()[0] for line in lines], float(lines[0].split()[1]) - sent


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_ends_a_long_pass_and_leaves_the_study_usable(engine: str) -> None:
    lines, seconds = interrupt(INTERRUPTED, engine)
    assert ["interrupted", "usable"] == lines
    print(f"{engine}: {seconds:.2f} s after Ctrl-C")  # noqa: T201 - shown by pytest -rP


HOLDER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table people as select 1 as cramps")
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "claims.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield path
        process.communicate("\n", timeout=30)


def test_a_data_base_that_another_process_holds_is_named_with_the_way_out(locked: Path) -> None:
    with pytest.raises(duckdb.Error, match=r"claims\.duckdb"):
        duckdb.connect(locked, read_only=True)
    with pytest.raises(tk.DatasetError, match=mentioning(str(locked), "PID", "read_only=True", "tk.study(")):
        tk.study(str(locked), design=tk.Design.none())


def test_a_data_base_lists_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "claims.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table people as select 1 as cramps")
    with pytest.raises(tk.DatasetError, match=mentioning("'people'", "duckdb.connect(")):
        tk.study(path, design=tk.Design.none())


def failing_on_polars(marker: Path) -> Any:
    def look(values: pl.Series) -> pl.Series:
        if marker.exists():
            raise ValueError("secret 4711")
        return values

    return population().lazy().with_columns(pl.col("bmi").map_batches(look, return_dtype=pl.Float64))


def failing_on_duckdb(marker: Path) -> Any:
    def look(value: float) -> float:
        if marker.exists():
            raise ValueError("secret 4711")
        return value

    connection = duckdb.connect()
    connection.create_function("look", look, ["DOUBLE"], "DOUBLE")  # type: ignore[list-item, arg-type]
    people = population().to_arrow()
    connection.register("people", people)
    return connection.sql("select * exclude (bmi), look(bmi) as bmi from people")


@pytest.mark.parametrize("source", [failing_on_polars, failing_on_duckdb])
def test_an_engine_that_fails_is_explained_without_its_values(
    source: Callable[[Path], Any], tmp_path: Path
) -> None:
    marker = tmp_path / "fail"
    study = tk.study(source(marker), design=DESIGN, name="population")
    expected = tk.mean(study, "bmi")
    marker.touch()
    with pytest.raises(tk.DatasetError, match=mentioning("failed on a", "tk.study(")) as caught:
        tk.mean(study, "bmi")
    assert "4711" not in str(caught.value)
    assert caught.value.__suppress_context__
    marker.unlink()
    assert_frame_equal(pl.DataFrame(tk.mean(study, "bmi")), pl.DataFrame(expected))


CALLS: list[Callable[[tk.Study], Any]] = [
    lambda s: tk.prevalence(s, "cramps", by="sex"),
    lambda s: tk.mean(s, "bmi", by="education"),
    lambda s: tk.association(s, "cramps", "education", adjust=("sex", "bmi")),
    lambda s: tk.model(s, "cramps ~ bmi * sex"),
]


@pytest.mark.parametrize("engine", ["memory", *ENGINES])
def test_threads_that_share_a_study_get_the_same_results(engine: str) -> None:
    source = population() if engine == "memory" else ENGINES[engine](population())
    study = tk.study(source, design=DESIGN, name="population")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda call: call(study), CALLS * 3))
    for own, call in zip(found, CALLS * 3, strict=True):
        expected = pl.DataFrame(call(in_memory("strata and PSUs")))
        assert_frame_equal(pl.DataFrame(own), expected, rel_tol=1e-10, abs_tol=1e-11)


SHOWN: dict[str, Callable[[Any], Any]] = {
    "finding": tk.finding,
    "print": str,
}


@pytest.mark.parametrize("engine", ENGINES)
def test_results_of_an_engine_are_shown_as_those_in_memory(engine: str, tmp_path: Path) -> None:
    results = [
        tk.association(study, "cramps", "education", adjust=("sex", "bmi"))
        for study in (in_memory("strata and PSUs"), on_engine(engine, "strata and PSUs"))
    ]
    texts = []
    for number, result in enumerate(results):
        saved = tk.save(tk.table(result), tmp_path / f"{number}.md")
        shown = {name: str(show(result)) for name, show in SHOWN.items()}
        texts.append({**shown, "saved": (tmp_path / f"{number}.md").read_text(encoding="utf-8")})
        assert saved
        assert tk.forest(result).to_dict()
    assert texts[0] == texts[1]
