"""What is not a data file is refused in words by every door, and nothing waits for a pipe or a device."""

import contextlib
import errno
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.files import safe_files

ROOT = Path(__file__).parents[2]
TABLES, DATA_FILES = ("docx", "xlsx", "tex", "csv", "pdf"), ("dta", "sav", "xpt", "parquet")


def test_every_door_refuses_what_is_not_a_data_file() -> None:
    with tempfile.TemporaryDirectory(prefix="h", dir="/tmp") as folder:  # a socket's path must be short
        command = [sys.executable, "-m", "tests.hostile.open_hostile_files", folder]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert "" == run.stdout, run.stdout
    assert 0 == run.returncode, run.stderr[-2_000:]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB without a free byte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("NO SMALL DISK: only root can mount a tmpfs")
    try:
        with (disk / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk_is_named_by_all_that_writes_and_nothing_is_left(full_disk: Path, monkeypatch) -> None:
    study = tk.open_study("simulated")
    table = tk.table(tk.prevalence(study, "any_cramps", by="sex"))
    kept = {suffix: full_disk / f"file.{suffix}" for suffix in (*TABLES, *DATA_FILES)}
    writers: dict[str, Callable[[], object]] = {
        **{suffix: partial(tk.save, table, kept[suffix]) for suffix in TABLES},
        **{suffix: partial(study.write, kept[suffix], ["age"]) for suffix in DATA_FILES},
        "R": lambda: study.to_r(full_disk / "r"),
        "dictionary": lambda: tk.reports.data_dictionary(study, full_disk / "page.html"),
    }
    for name, write in writers.items():
        with pytest.raises(tk.DatasetError, match=mentioning("disk is full")):
            write()
        left = [path.name for path in full_disk.rglob("*") if path.is_file()]
        assert ["filling"] == left, name
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    with pytest.raises(tk.DatasetError, match=mentioning("TMPDIR")):
        tk.save(table, full_disk.parent / "t.pdf")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError(OSError(errno.ENOSPC, "No space left on device")),
        RuntimeError("File out of specification: underlying IO error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_recognized_inside_the_errors_of_libraries(tmp_path: Path, error: Exception) -> None:
    def fail() -> None:
        with safe_files.replacing(tmp_path / "file"):
            raise error

    with pytest.raises(tk.DatasetError, match=mentioning("'file'", "disk is full")):
        fail()
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["dta", "sav", "xpt"])
def test_a_file_that_its_writer_cut_short_is_not_kept(tmp_path: Path, monkeypatch, kind: str) -> None:
    """The writers of Stata, SPSS and SAS files do not report a full disk."""
    import pyreadstat

    name = {"dta": "write_dta", "sav": "write_sav", "xpt": "write_xport"}[kind]
    write = getattr(pyreadstat, name)

    def cut(frame: object, path: str, **options: object) -> None:
        write(frame, path, **options)
        content = Path(path).read_bytes()
        Path(path).write_bytes(content[: len(content) // 2])

    monkeypatch.setattr(pyreadstat, name, cut)
    with pytest.raises(tk.DatasetError, match=mentioning("disk is full")):
        tk.open_study("simulated").write(tmp_path / f"s.{kind}", ["age", "any_cramps"])
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("gone", ["folder", "file"])
def test_a_temporary_folder_that_vanished_is_named(tmp_path: Path, monkeypatch, gone: str) -> None:
    place = tmp_path / "gone"
    if gone == "file":
        place.write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with pytest.raises(tk.DatasetError, match=mentioning("TMPDIR")), safe_files.temporary_folder():
        pass
