"""Folders of parquet: one study of all files, which must fit together and stay as they are."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import toolkit as tk
from tests.support.engine_studies import DESIGNS, in_memory, on_polars, population
from tests.support.messages import mentioning
from toolkit.sources.engines.passes import Passes

DESIGN = DESIGNS["strata and PSUs"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the population as three files."""
    for at, part in enumerate(population().iter_slices(1_000)):
        part.write_parquet(tmp_path / f"part-{at}.parquet")
    return tmp_path


@pytest.mark.parametrize("path", [lambda f: f, str, lambda f: f / "part-*.parquet"])
def test_a_folder_or_pattern_is_one_study(folder: Path, path: Callable[[Path], Path | str]) -> None:
    study = tk.study(path(folder), design=DESIGN, name="population")
    expected = tk.association(in_memory("strata and PSUs"), "cramps", "education", adjust=("sex",))
    found = tk.association(study, "cramps", "education", adjust=("sex",))
    assert_frame_equal(found, expected, rel_tol=1e-10)


def test_one_file_is_a_study(folder: Path) -> None:
    assert 1_000 == tk.study(folder / "part-1.parquet", design=DESIGN).people.height


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning(str(tmp_path), "*.parquet")):
        tk.study(tmp_path, design=DESIGN)


def damage(folder: Path) -> None:
    whole = (folder / "part-1.parquet").read_bytes()
    (folder / "part-1.parquet").write_bytes(whole[: len(whole) // 2])


def damage_inside(folder: Path) -> None:
    """Overwrite the data of a file, but not the description at its end."""
    whole = bytearray((folder / "part-1.parquet").read_bytes())
    whole[4 : len(whole) // 2] = b"\xff" * (len(whole) // 2 - 4)
    (folder / "part-1.parquet").write_bytes(bytes(whole))


def change_type(folder: Path) -> None:
    part = pl.read_parquet(folder / "part-1.parquet")
    part.with_columns(pl.col("age").cast(pl.String)).write_parquet(folder / "part-1.parquet")


def drop_column(folder: Path) -> None:
    pl.read_parquet(folder / "part-1.parquet").drop("age").write_parquet(folder / "part-1.parquet")


def add_column(folder: Path) -> None:
    part = pl.read_parquet(folder / "part-1.parquet")
    part.with_columns(extra=1).write_parquet(folder / "part-1.parquet")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (damage, ("part-1.parquet",)),
        (damage_inside, ("part-1.parquet",)),
        (change_type, ("part-1.parquet", "'age'", "String", "Int64")),
        (drop_column, ("part-1.parquet", "'age'")),
        (add_column, ("part-1.parquet", "'extra'")),
    ],
)
def test_a_file_that_does_not_fit_is_named(
    folder: Path, spoil: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    spoil(folder)
    with pytest.raises(tk.DatasetError, match=mentioning(*words)):
        tk.study(folder, design=DESIGN)


def add_file(folder: Path) -> None:
    population().head(10).write_parquet(folder / "part-9.parquet")


def remove_file(folder: Path) -> None:
    (folder / "part-2.parquet").unlink()


def write_again(folder: Path) -> None:
    population().head(10).write_parquet(folder / "part-2.parquet")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (add_file, ("added", "part-9.parquet")),
        (remove_file, ("removed", "part-2.parquet")),
        (write_again, ("changed", "part-2.parquet")),
    ],
)
def test_files_that_change_between_two_passes_are_refused(
    folder: Path, change: Callable[[Path], None], words: tuple[str, ...]
) -> None:
    study = tk.study(folder, design=DESIGN)
    tk.prevalence(study, "cramps")
    change(folder)
    with pytest.raises(tk.DatasetError, match=mentioning(*words, "tk.study(")):
        tk.prevalence(study, "cramps")


def test_a_data_base_that_another_process_holds_is_explained(tmp_path: Path) -> None:
    """The error is DuckDB's own, from the connection, before there is a study."""
    path = tmp_path / "claims.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table people as select 1 as cramps")
    with duckdb.connect(path, read_only=True) as connection:
        study = tk.study(connection.table("people"), design=tk.Design.none())
        assert 1 == study.people.height


def test_ctrl_c_stops_a_pass_that_does_not_listen() -> None:
    cancelled = threading.Event()

    def collect() -> list[pl.DataFrame]:
        cancelled.wait(30)
        return []

    passes = Passes("an engine")
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    start = monotonic()
    with pytest.raises(KeyboardInterrupt):
        passes.fetch(collect, cancelled.set)
    assert cancelled.is_set()
    assert [] == passes.rows
    assert monotonic() - start < 30


def test_the_error_of_a_pass_is_raised_where_it_was_asked_for() -> None:
    def collect() -> list[pl.DataFrame]:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Passes("an engine").fetch(collect, lambda: None)


def test_too_many_combinations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    study = tk.study(on_polars(population()), design=DESIGN)
    monkeypatch.setattr("toolkit.studies.participants.engine_people.MOST_CELLS", 50)
    with pytest.raises(tk.EstimationError, match=mentioning("50", "study.derive(")):
        tk.model(study, "cramps ~ age + nights")
