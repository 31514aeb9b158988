"""Work that is killed at any moment leaves only whole files, and the next run is right and tidies up."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pyreadstat
import pytest

from tests.hostile.amounts import KILLS
from tests.hostile.killed_work import FILES, KEYS, SETTING, SITE, WORK, cached_frame
from tests.support.misbehaving_server import GOOD, misbehaving_server
from toolkit.files.cache import entry_path, read_entry
from toolkit.files.download import choose_mirror
from toolkit.files.safe_files import remove_abandoned_folders

ROOT = Path(__file__).parents[2]
SHORT = "/tmp" if os.name == "posix" else None  # noqa: S108 - a private folder is made below it
# A report takes seconds, so one kill in ten is one of a report.
KINDS = [("download", "cache", "export")[k % 3] if k % 10 != 9 else "report" for k in range(KILLS)]
LONGEST = {"download": 0.15, "cache": 0.2, "export": 0.8, "report": 4.0}  # seconds until the kill


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with misbehaving_server() as address:
        yield address


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a short path, because the kernel's sockets are made below it."""
    with tempfile.TemporaryDirectory(prefix="k", dir=SHORT) as name:
        for part in ("t", "out"):
            (Path(name) / part).mkdir()
        monkeypatch.setenv("CRAMPS_CACHE", f"{name}/cache")
        yield Path(name)


def _kill_within(kind: str, place: Path, address: str, seconds: float) -> None:
    env = {**os.environ, "TMPDIR": str(place / "t"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.hostile.killed_work", kind, str(place / "out"), address]
    process = subprocess.Popen(
        command,
        env=env,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not (place / "started").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == process.wait(60)


def _check_whole(path: Path) -> None:
    """Raise for a file that is not whole."""
    if path.suffix in (".docx", ".xlsx"):
        assert ZipFile(path).testzip() is None
    elif path.suffix == ".dta":
        assert 100 == pyreadstat.read_dta(str(path), output_format="polars")[0].height
    elif path.suffix == ".parquet":
        assert 100 == pl.read_parquet(path).height
    elif path.suffix == ".html":
        assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    elif path.suffix == ".csv":
        assert path.read_text(encoding="utf-8-sig").endswith("\n")


def _check_outcome(kind: str, place: Path, address: str) -> None:
    """Check the results of the next run, and that nothing hidden is left in its folders."""
    if kind == "download":
        kept = choose_mirror(address, SITE, SETTING).cache
        assert all(GOOD == (kept / path).read_bytes() for path in FILES)
        assert [] == list((kept / "unfinished").iterdir())
    if kind == "cache":
        for key in KEYS:
            entry = read_entry(entry_path("tables", "t-", key), key)
            assert entry is not None
            assert cached_frame(key).equals(entry.frame())
    left = [path.name for path in place.rglob(".*") if "draft" in path.name]
    assert [] == left


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("number", range(KILLS))
def test_after_a_kill_files_are_whole_and_the_next_run_is_right(
    number: int, place: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS[number]
    _kill_within(kind, place, server, random.uniform(0, LONGEST[kind]))  # noqa: S311 - a moment, not a secret
    for path in (place / "out").rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            _check_whole(path)
    monkeypatch.setattr(tempfile, "tempdir", str(place / "t"))
    remove_abandoned_folders()
    WORK[kind](place / "out", server)
    for path in (place / "out").rglob("*"):
        if path.is_file():
            _check_whole(path)
    _check_outcome(kind, place, server)
    assert [] == list((place / "t").iterdir())
