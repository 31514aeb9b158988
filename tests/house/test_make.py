"""`make` alone explains itself, and a set-up that is done costs nothing."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.house.tree import ROOT

TARGETS = {"report", "test", "lab", "check", "bench", "lock", "wheel"}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, folder: Path = ROOT) -> str:
    # Run by make itself, the tests would hand its settings on to the make that they try.
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", *arguments], cwd=folder, env=own, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_help_lists_every_target() -> None:
    assert TARGETS <= set(re.findall(r"^make (\w+)", make(), re.MULTILINE))


@pytest.fixture
def set_up(tmp_path: Path) -> Path:
    """A clone whose stamps are newer than what they stand for."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    for stamp in (".installed", ".ready"):
        (tmp_path / ".venv" / stamp).touch()
    return tmp_path


def test_a_set_up_that_is_done_is_not_done_again(set_up: Path) -> None:
    start = time.perf_counter()
    planned = make("-n", "report", "STUDY=nhanes", folder=set_up)
    assert ".venv/bin/python -m toolkit.cli report --all --study nhanes" == planned.strip()
    assert time.perf_counter() - start < 1


def test_a_changed_lock_is_installed_with_its_hashes(set_up: Path) -> None:
    later = time.time() + 5
    (set_up / "requirements.lock").touch()
    os.utime(set_up / "requirements.lock", (later, later))
    planned = make("-n", "test", folder=set_up)
    assert "--require-hashes --requirement requirements.lock" in planned
    assert "--no-index --editable ." in planned


def test_without_a_new_enough_python_it_says_how_to_name_one(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "make"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    done = subprocess.run(
        [str(tmp_path / "bin" / "make"), "setup"],
        cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "make PYTHON=" in done.stderr


def test_ci_calls_check_and_test() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    assert script.rstrip().endswith("make check\nmake test")
