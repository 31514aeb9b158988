"""A built wheel carries what it needs: installed elsewhere, it renders a report from any folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import toolkit as tk
from tests.house.tree import ROOT

FACTS = f"cramps_toolkit-{tk.__version__}.dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    return next(folder.glob("*.whl"))


def test_the_same_commit_gives_the_same_wheel(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(folder: Path, source: Path) -> bytes:
        python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source))
        return next(folder.glob("*.whl")).read_bytes()

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    copy = tmp_path / "copy"
    left_out = shutil.ignore_patterns(".venv", ".git", "dist", "__pycache__", "_build", "gallery")
    shutil.copytree(ROOT, copy, ignore=left_out, symlinks=True)
    shutil.copy(ROOT / ".gitignore", copy)
    for path in copy.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    first, second = build(tmp_path / "first", ROOT), build(tmp_path / "second", copy)
    assert first == second


def test_the_wheel_contains_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [] == [name for name in names if name.split("/")[0] not in ("toolkit", FACTS)]
    assert [] == [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".map"))]
    assert f"{FACTS}/licenses/LICENSE" in names
    kept = subprocess.run(
        ["git", "ls-files", "toolkit"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if kept.returncode == 0:
        assert set(kept.stdout.split()) <= set(names)
    facts = zipfile.ZipFile(wheel).read(f"{FACTS}/METADATA").decode()
    for minor in range(11, 15):
        assert f"Classifier: Programming Language :: Python :: 3.{minor}" in facts
    assert "Requires-Python: >=3.11" in facts


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own that holds the wheel and sees the locked packages of this one.

    They are seen by a path file, which takes seconds and no network where installing them anew takes minutes.
    A path file is not followed further, so the checkout that this environment is linked to stays unseen. The
    page templates of nbconvert live outside of the packages, in share/jupyter.
    """
    home = tmp_path_factory.mktemp("installed") / "env"
    venv.create(home, with_pip=False)
    own = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    python(
        "-m",
        "pip",
        "--python",
        str(home / "bin" / "python"),
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        str(wheel),
    )
    (own / "locked.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (home / "share").mkdir()
    (home / "share" / "jupyter").symlink_to(Path(sys.prefix) / "share" / "jupyter")
    return home / "bin"


def python(*words: str) -> None:
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr


def run(program: Path, *words: str, folder: Path) -> str:
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [str(program), *words], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_carries_datasets_notebooks_and_the_plan_but_nothing_made_here(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    kept = subprocess.run(
        ["git", "ls-files", "datasets", "notebooks", "reports/plan.toml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    shipped = sorted(n.removeprefix("toolkit/_shipped/") for n in names if n.startswith("toolkit/_shipped/"))
    assert "reports/plan.toml" in shipped
    if kept.returncode == 0:
        assert sorted(kept.stdout.split("\n")[:-1]) == shipped


def test_the_installed_toolkit_is_the_wheel_s(installed: Path, tmp_path: Path) -> None:
    code = "import importlib.metadata as m, toolkit; print(toolkit.__file__, m.version('cramps-toolkit'))"
    place, version = run(installed / "python", "-c", code, folder=tmp_path).split()
    assert Path(place).is_relative_to(installed.parent)
    assert tk.__version__ == version


@pytest.mark.slow
def test_the_installed_toolkit_renders_a_report_from_another_folder(installed: Path, tmp_path: Path) -> None:
    run(installed / "cramps", "report", "diabetes", "--out", "pages", folder=tmp_path)
    page = tmp_path / "pages" / "simulated" / "diabetes.html"
    assert "SIMULATED" in page.read_text(encoding="utf-8")
    assert list((tmp_path / "pages").rglob("*diabetes*.parquet"))
