"""What docs/how-to/data-custodians.md says about files, networks and logs is true."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLANTED = "qzxv-custody-41c7"
# Loaded by this process's children, kernels among them: each address that is connected to goes to a file.
WATCH = """
import os, socket
def watched(name):
    original = getattr(socket.socket, name)
    def call(self, address, *rest):
        with open(os.environ["CONNECTIONS"], "a") as file:
            file.write(f"{address!r}\\n" if isinstance(address, tuple) else "")
        return original(self, address, *rest)
    return call
for name in ("connect", "connect_ex"):
    setattr(socket.socket, name, watched(name))
"""
WORK = """
import sys
import polars as pl
import toolkit as tk
rows = [(f"p{k}", k % 2, 20 + k % 50, sys.argv[1]) for k in range(200)]
people = pl.DataFrame(rows, schema=["pid", "cramps", "age", "town"], orient="row")
people.write_csv("people.csv")
open("study.toml", "w").write(
    'name = "village"\\nperson = "pid"\\n[files.people]\\npath = "people.csv"\\n[design]\\nnone = true\\n'
    '[variables.cramps]\\ncolumn = "cramps"\\nkind = "yes_no"\\n'
    '[variables.age]\\ncolumn = "age"\\n'
)
study = tk.open_study("study.toml")
tk.prevalence(tk.study(people, design=tk.Design.none(), name="frame"), "cramps")
tk.save(tk.table(tk.prevalence(study, "cramps")), "table.pdf")
tk.reports.data_dictionary(study, "dictionary.html")
open("short.py", "w").write(
    '# %% [markdown]\\n# # Short\\n# %% tags=["parameters"]\\nstudy = "simulated"\\n# %%\\n'
    'import toolkit as tk\\ntk.table(tk.prevalence(tk.open_study(study), "cramps"))\\n'
)
tk.render("short.py", study=study)
"""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run an analysis of an own study in a home of its own; return the folder with all its places."""
    root = tmp_path_factory.mktemp("custody")
    for name in ("home", "tmp", "work", "watch"):
        (root / name).mkdir()
    (root / "watch" / "sitecustomize.py").write_text(WATCH)
    (root / "work" / ".git").mkdir()
    env = {
        "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
        "HOME": str(root / "home"), "TMPDIR": str(root / "tmp"),
        "CRAMPS_CACHE": str(root / "cache"), "PYTHONPATH": os.pathsep.join([str(root / "watch"), str(ROOT)]),
        "CONNECTIONS": str(root / "connections"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WORK, PLANTED],
        cwd=root / "work", env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr[-3_000:]
    assert PLANTED not in done.stdout + done.stderr
    return root


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_own_data_are_not_copied_to_the_cache_and_no_temporary_file_stays(places: Path) -> None:
    assert [] == _files(places / "tmp")
    holding = [path for path in _files(places) if PLANTED.encode() in path.read_bytes()]
    assert [places / "work" / "people.csv"] == holding


def test_results_are_written_beside_the_study_and_nothing_to_the_home(places: Path) -> None:
    made = {str(path.relative_to(places / "work")) for path in _files(places / "work")}
    assert {"people.csv", "study.toml", "short.py", "table.pdf", "dictionary.html"} <= made
    others = made - {"people.csv", "study.toml", "short.py", "table.pdf", "dictionary.html"}
    assert [] == [name for name in others if not name.startswith("reports/")]
    kept = [path for path in _files(places / "home") if path.parts[-2:-1] != ("fontconfig",)]
    assert [] == kept


def test_the_cache_is_for_the_user_alone(places: Path) -> None:
    wide = [p for p in (places / "cache").rglob("*") if stat.S_IMODE(p.stat().st_mode) & 0o077]
    assert [] == wide


def test_an_analysis_of_own_data_connects_to_no_network(places: Path) -> None:
    connections = places / "connections"
    assert "" == (connections.read_text() if connections.exists() else "")


def test_the_watch_sees_a_connection(places: Path) -> None:
    """The test before it could not fail otherwise."""
    log = places / "seen"
    env = {**os.environ, "PYTHONPATH": str(places / "watch"), "CONNECTIONS": str(log)}
    code = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert "('127.0.0.1', 9)\n" == log.read_text()


def test_the_page_names_each_place_and_setting() -> None:
    page = (ROOT / "docs" / "how-to" / "data-custodians.md").read_text(encoding="utf-8")
    for name in ("CRAMPS_CACHE", "TMPDIR", "CRAMPS_NHANES", "cramps-run-", "wwwn.cdc.gov", "cramps setup"):
        assert name in page
    policy = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "data-custodians.md" in policy
