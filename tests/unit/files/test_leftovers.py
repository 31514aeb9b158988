"""What dead processes left is removed at the next start; what lives, and what is not ours, stays."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from tests.support.messages import mentioning
from toolkit.errors import DatasetError
from toolkit.files.safe_files import (
    draft_beside,
    remove_abandoned_drafts,
    remove_abandoned_folders,
    replacing,
    restate_full_temporary_folder,
    temporary_folder,
    write_text,
)

pytest.importorskip("fcntl", reason="nothing is locked on this system, so nothing is taken for abandoned")
ROOT = Path(__file__).parents[3]
HOLDS_FOLDER = """
from toolkit.files.safe_files import temporary_folder
with temporary_folder() as folder:
    (folder / "people").write_text("rows")
    print(folder, flush=True)
    input()
"""
HOLDS_FILES = """
from toolkit.files.cache import cache_folder, cache_of_this_process
with cache_of_this_process():
    (cache_folder() / "people").write_text("rows")
    print(cache_folder(), flush=True)
input()
"""
HOLDS_DRAFT = """
import sys
from toolkit.files.safe_files import replacing
with replacing(sys.argv[1]) as draft:
    draft.write_text("half")
    print(draft, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@contextmanager
def owner(code: str, *words: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Run a process that holds a folder or a draft until its input ends."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, *words], env=env, **pipes) as process:  # type: ignore[call-overload]
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_is_of_the_user_alone_and_goes_at_the_end(temporary: Path) -> None:
    with temporary_folder() as folder:
        assert folder.parent == temporary
        assert 0o700 == folder.stat().st_mode & 0o777
    assert [] == list(temporary.iterdir())


@pytest.mark.parametrize("code", [HOLDS_FOLDER, HOLDS_FILES])
def test_the_folder_of_a_living_process_stays_and_that_of_a_killed_one_goes(
    code: str, temporary: Path
) -> None:
    with owner(code) as (process, folder):
        remove_abandoned_folders()
        assert (folder / "people").is_file()
        process.kill()
        process.wait()
        remove_abandoned_folders()
        assert [] == list(temporary.iterdir())


def test_a_folder_of_this_process_stays(temporary: Path) -> None:
    with temporary_folder() as folder:
        remove_abandoned_folders()
        assert folder.is_dir()


def test_the_draft_of_a_living_process_stays_and_that_of_a_killed_one_goes(tmp_path: Path) -> None:
    target = tmp_path / "out" / "page.html"
    write_text(target, "older")
    with owner(HOLDS_DRAFT, str(target)) as (process, draft):
        write_text(target.with_name("other.html"), "whole")
        assert "half" == draft.read_text()
        process.kill()
        process.wait()
        write_text(target.with_name("other.html"), "whole")
        assert not draft.exists()
    assert {"page.html", "other.html"} == {path.name for path in target.parent.iterdir()}
    assert "older" == target.read_text()


def test_a_draft_of_this_process_stays_while_others_are_written(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as draft:
        write_text(tmp_path / "b.txt", "whole")
        draft.write_text("whole too")
    assert "whole too" == (tmp_path / "a.txt").read_text()


def test_a_folder_taken_away_before_it_was_locked_is_made_anew(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    lock, taken = fcntl.flock, []

    def flock(handle: int, how: int) -> None:
        if not taken:
            taken.extend(temporary.iterdir())
            taken[0].rmdir()
        lock(handle, how)

    monkeypatch.setattr("toolkit.files.safe_files.fcntl.flock", flock)
    with temporary_folder() as folder:
        assert folder.is_dir()
        assert folder not in taken


def test_writers_side_by_side_do_not_take_each_other_s_drafts(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as several:
        list(several.map(lambda n: write_text(tmp_path / f"{n}.txt", "whole"), range(300)))
    assert 300 == len(list(tmp_path.glob("*.txt")))


def older_folders(temporary: Path) -> None:
    """Make what a killed report of an earlier version left: its people, and its kernel's folder."""
    (temporary / "cramps-a1b2c3d4").mkdir(mode=0o700)
    pl.DataFrame({"x": [1]}).write_parquet(temporary / "cramps-a1b2c3d4" / "people.parquet")
    (temporary / "cramps-a1b2c3d4" / "population.json").write_text("{}")
    (temporary / "cramps-a1b2c3d4" / ".visits.abcd1234.parquet").write_text("half")
    (temporary / "cramps-e5f6g7h8" / "ipython").mkdir(parents=True, mode=0o700)
    (temporary / "cramps-e5f6g7h8" / "run.ipynb").touch()
    (temporary / "cramps-e5f6g7h8" / "k-1").touch()


def test_what_earlier_versions_left_goes_and_what_is_not_ours_stays(temporary: Path) -> None:
    older_folders(temporary)
    (temporary / "cramps-mystudy1").mkdir()
    (temporary / "cramps-mystudy1" / "people.csv").touch()
    (temporary / "cramps-notes.txt").touch()
    (temporary / "cramps-linked12").symlink_to(temporary / "cramps-mystudy1", target_is_directory=True)
    remove_abandoned_folders()
    assert ["cramps-linked12", "cramps-mystudy1", "cramps-notes.txt"] == sorted(
        path.name for path in temporary.iterdir()
    )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("sign", ["kernel", "command"])
def test_an_earlier_version_that_still_runs_keeps_its_people(temporary: Path, sign: str) -> None:
    older_folders(temporary)
    words = ["cramps", "report", "--all"] if sign == "command" else []
    own = {"IPYTHONDIR": str(temporary / "cramps-e5f6g7h8" / "ipython")} if sign == "kernel" else {}
    command = [sys.executable, "-c", "print(1, flush=True); input()", *words]
    with subprocess.Popen(
        command, env={**os.environ, **own}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        remove_abandoned_folders()
        assert 2 == len(list(temporary.iterdir()))
        running.kill()
        running.wait()
        remove_abandoned_folders()
    assert [] == list(temporary.iterdir())


def private(path: Path) -> Path:
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path


def test_drafts_of_earlier_versions_go_from_the_cache(tmp_path: Path) -> None:
    half = private(tmp_path / ".DEMO_D-0f0f.a1b2c3d4.parquet")
    others = [private(tmp_path / ".settings.json"), tmp_path / "DEMO_D-0f0f.parquet"]
    others[1].touch()
    remove_abandoned_drafts(tmp_path)
    assert not half.exists()
    assert all(path.exists() for path in others)


def test_elsewhere_only_the_earlier_drafts_of_the_same_file_go(tmp_path: Path) -> None:
    half = private(tmp_path / ".page.a1b2c3d4.html")
    others = [
        private(tmp_path / ".aws.password.csv"),
        private(tmp_path / ".pages.a1b2c3d4.html"),
        private(tmp_path / ".page.20261129.csv"),
    ]
    write_text(tmp_path / "page.html", "whole")
    assert not half.exists()
    assert all(path.exists() for path in others)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for open files in /proc")
def test_an_earlier_draft_that_is_being_written_stays(tmp_path: Path) -> None:
    half = private(tmp_path / ".page.a1b2c3d4.html")
    code = f"f = open({str(half)!r}, 'w'); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        remove_abandoned_drafts(tmp_path, tmp_path / "page.html")
        assert half.exists()
        running.kill()


def test_without_a_list_of_processes_a_day_must_have_passed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.files.safe_files._PROCESSES", Path("no such folder"))
    older_folders(temporary)
    remove_abandoned_folders()
    assert 2 == len(list(temporary.iterdir()))
    long_ago = time.time() - 2 * 86_400
    for folder in temporary.iterdir():
        os.utime(folder, (long_ago, long_ago))
    remove_abandoned_folders()
    assert [] == list(temporary.iterdir())


def test_a_draft_goes_when_its_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), draft_beside(tmp_path / "a.txt"):
        raise ZeroDivisionError
    assert [tmp_path / "temporary"] == list(tmp_path.iterdir())


def test_a_full_temporary_folder_is_told_in_one_line_and_other_trouble_is_not_hidden() -> None:
    with (
        pytest.raises(DatasetError, match=mentioning("full", "TMPDIR")) as caught,
        restate_full_temporary_folder(),
    ):
        raise OSError(28, "No space left on device")
    assert "\n" not in str(caught.value)
    with pytest.raises(PermissionError), restate_full_temporary_folder():
        raise PermissionError(13, "Permission denied")
