"""`make` alone explains itself, and a set-up that is done costs nothing."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house import dependency_audit
from tests.house.tree import ROOT
from toolkit.report.paired_notebooks import lab_command

FILES = ("Makefile", "requirements.lock", "requirements-dev.lock", "pyproject.toml")
STAMPS = (".installed", ".ready", ".installed-dev", ".ready-dev")
TARGETS = {
    "report",
    "gallery",
    "test",
    "lab",
    "check",
    "docs",
    "audit",
    "bench",
    "errors",
    "fuzz",
    "notebooks",
    "lock",
    "wheel",
}

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
    for name in FILES:
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".venv").mkdir()
    for stamp in STAMPS:
        (tmp_path / ".venv" / stamp).touch()
    return tmp_path


def test_a_set_up_that_is_done_is_not_done_again(set_up: Path) -> None:
    planned = make("-n", "report", "STUDY=nhanes", folder=set_up)
    assert ".venv/bin/python -m toolkit.cli report --all --study nhanes" == planned.strip()


def test_the_lab_opens_the_first_notebook_as_it_is_kept(set_up: Path) -> None:
    assert ".venv/bin/python -m toolkit.cli lab" == make("-n", "lab", folder=set_up).strip()
    opened = next(word for word in lab_command(["--no-browser"]) if "default_url" in word)
    assert "--LabApp.default_url=/lab/tree/notebooks/01-start.ipynb" == opened
    assert (ROOT / opened.partition("/lab/tree/")[2]).is_file()


def test_a_changed_lock_is_installed_with_its_hashes(set_up: Path) -> None:
    later = time.time() + 5
    (set_up / "requirements.lock").touch()
    os.utime(set_up / "requirements.lock", (later, later))
    planned = make("-n", "report", folder=set_up)
    assert "--require-hashes --requirement requirements.lock" in planned
    assert "--no-index --editable ." in planned
    assert "requirements-dev.lock" not in planned


def test_a_report_needs_no_development_requirements_and_a_test_does(set_up: Path) -> None:
    for stamp in (".installed-dev", ".ready-dev"):
        (set_up / ".venv" / stamp).unlink()
    assert "pip install" not in make("-n", "report", folder=set_up)
    planned = make("-n", "test", folder=set_up)
    assert "--require-hashes --requirement requirements-dev.lock" in planned
    assert "--requirement requirements.lock" not in planned


def test_without_a_new_enough_python_it_says_how_to_name_one(tmp_path: Path) -> None:
    for name in FILES:
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


FAKE = """#!/bin/sh
# Python whose environments have a pip that does nothing.
case "$*" in
    "-c import ensurepip, venv") exit $MODULES ;;
    "-m venv "*) shift 2; "{python}" -m venv --without-pip "$1" || exit 1
        rm "$1/bin/python"; printf '#!/bin/sh\\nexit 0\\n' > "$1/bin/python"; chmod +x "$1/bin/python" ;;
    *) exec "{python}" "$@" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    (tmp_path / "python").write_text(FAKE.replace("{python}", sys.executable))
    (tmp_path / "python").chmod(0o755)
    return folder


def set_up_in(clone: Path, modules: int = 0) -> "subprocess.CompletedProcess[str]":
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", ".venv/.ready", f"PYTHON={clone.parent / 'python'}"],
        cwd=clone, env={**own, "MODULES": str(modules)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("target", ["", "kept", "absent/below"])
def test_the_environment_may_be_a_folder_or_a_link_that_may_dangle(clone: Path, target: str) -> None:
    (clone.parent / "kept").mkdir()
    if target:
        (clone / ".venv").symlink_to(clone.parent / target)
    done = set_up_in(clone)
    assert 0 == done.returncode, done.stderr
    assert bool(target) == (clone / ".venv").is_symlink()
    assert {".installed", ".ready", "bin"} <= {path.name for path in (clone / ".venv").iterdir()}


def test_an_environment_that_cannot_be_created_is_not_blamed_on_the_venv_module(clone: Path) -> None:
    (clone.parent / "file").touch()
    (clone / ".venv").symlink_to(clone.parent / "file" / "below")
    done = set_up_in(clone)
    assert done.returncode != 0
    assert str(clone.parent / "file" / "below") in done.stderr
    assert "venv module is missing" not in done.stderr


def test_without_the_venv_module_it_says_how_to_install_it(clone: Path) -> None:
    done = set_up_in(clone, modules=1)
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr


def test_ci_calls_check_docs_and_test() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)
    assert script.rstrip().endswith("make check\nmake docs\nmake test")


FOUND = [
    {"name": "Sound", "version": "1.0", "vulns": []},
    {"name": "broken", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]},
]


@pytest.mark.parametrize(
    ("names", "code", "told"),
    [
        (["Sound"], 0, ["1 of 1"]),
        (["Sound", "broken"], dependency_audit.VULNERABLE, ["2 of 2", "broken 2.0: PYSEC-1, mended in 2.1"]),
        (["Sound", "unknown"], dependency_audit.UNCHECKED, ["1 of 2", "NOT CHECKED (no network): unknown"]),
    ],
)
def test_the_audit_does_not_pass_what_it_could_not_check(names, code, told) -> None:
    found = [package for package in FOUND if package["name"] in names]
    done = dependency_audit.judge(found, {name.lower(): "1.0" for name in names}, "no network")
    assert code == done[0]
    assert [] == [text for text in told if text not in done[1]]


def test_the_audit_knows_every_locked_package() -> None:
    locked = dependency_audit.locked_packages()
    assert {"polars", "jupyterlab", "pytest"} <= set(locked)
    assert all(version[0].isdigit() for version in locked.values())
