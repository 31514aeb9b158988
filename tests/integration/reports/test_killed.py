"""A report killed at any moment leaves no row of people, no kernel, and nothing after the next start."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import polars as pl
import pytest

from toolkit.files.safe_files import remove_abandoned_folders
from toolkit.sources.registry import study
from toolkit.studies import Design, hand_over

ROOT = Path(__file__).parents[3]
PLANTED = "qzxv-planted-7f3a9"
NUMBER = 73205.173205080757
SIGNALS = ["SIGTERM", "SIGHUP", "SIGKILL"]
NOTEBOOK = """
# %% [markdown]
# # A report that takes its time
# %% tags=["parameters"]
study = "simulated"
# %%
import pathlib
import time
import toolkit as tk
opened = tk.open_study(study)
opened
# %%
assert opened.people.height == 400
pathlib.Path(MARK).touch()
# %%
time.sleep(600)
"""
# A shell's background job ignores SIGINT, and what nohup started ignores SIGHUP: so would the children.
SCRIPT = f"""
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)
for signum in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(signum, signal.SIG_DFL)
import polars as pl
import toolkit as tk
people = pl.DataFrame({{"cramps": [0, 1] * 200, "town": ["{PLANTED}"] * 400, "x": [{NUMBER!r}] * 400}})
made = tk.study(people, design=tk.Design.none(), name="planted")
open(sys.argv[2] + "/started", "w").close()
if sys.argv[3:] == ["plan"]:
    tk.render_plan(made, plan=sys.argv[1], output=sys.argv[2], progress=False)
else:
    tk.render(sys.argv[1], study=made, output=sys.argv[2])
"""
PLAN = """
[[report]]
report = "SLOW"
save_as = "first"
[[report]]
report = "SLOW"
save_as = "second"
[[report]]
report = "SLOW"
save_as = "third"
"""


def holds_people(path: Path) -> bool:
    """Search a file for the planted people, also inside parquet and zip files."""
    content = path.read_bytes()
    if PLANTED.encode() in content or pl.Series([NUMBER]).to_numpy().tobytes() in content:
        return True
    if is_zipfile(path):
        return any(PLANTED.encode() in ZipFile(path).read(name) for name in ZipFile(path).namelist())
    return content[:4] == b"PAR1" and content[-4:] == b"PAR1" and PLANTED in pl.read_parquet(path).write_csv()


def left(*folders: Path) -> list[Path]:
    return [p for folder in folders for p in folder.rglob("*") if p.is_file() and holds_people(p)]


def file_names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def processes(marked: str) -> list[int]:
    """List the processes that have a text in their arguments or environment."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                said = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if marked.encode() in said and state != "Z":
                found.append(int(process.name))
    return found


def wait_until(what: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a short path, because the kernel's sockets are made below it."""
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as name:
        for part in ("t", "out"):
            (Path(name) / part).mkdir()
        yield Path(name)


def started(place: Path, *, plan: bool = False) -> "subprocess.Popen[bytes]":
    notebook = place / "slow.py"
    notebook.write_text(NOTEBOOK.replace("MARK", repr(str(place / "out" / "running"))))
    (place / "plan.toml").write_text(PLAN.replace("SLOW", str(notebook)))
    env = {**os.environ, "TMPDIR": str(place / "t"), "PYTHONPATH": str(ROOT)}
    words = (
        [str(place / "plan.toml"), str(place / "out"), "plan"]
        if plan
        else [str(notebook), str(place / "out")]
    )
    command = [sys.executable, "-c", SCRIPT, *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_the_search_finds_people_who_are_there(tmp_path: Path) -> None:
    people = pl.DataFrame({"town": [PLANTED] * 400, "x": [NUMBER] * 400})
    people.write_parquet(tmp_path / "people.parquet")
    people.write_csv(tmp_path / "people.csv")
    with hand_over(study(people, design=Design.none())) as file:
        (tmp_path / "handed").write_bytes(os.pread(file.fileno(), 1 << 20, 0))
    assert {"people.parquet", "people.csv", "handed"} == {path.name for path in left(tmp_path)}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("moment", ["with a kernel", "at random"])
def test_a_signal_leaves_no_people_and_no_kernel(
    name: str, moment: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = started(place)
    if moment == "with a kernel":
        assert wait_until((place / "out" / "running").exists, 240)
    else:
        assert wait_until((place / "out" / "started").exists, 240)
        time.sleep(random.uniform(0, 6))  # noqa: S311 - a moment, not a secret
    signum = getattr(signal, name)
    process.send_signal(signum)
    assert -signum == process.wait(120)
    assert [] == left(place / "t", place / "out")
    assert wait_until(lambda: not processes(str(place))), "the kernel outlives its report"
    assert [] == left(place / "t", place / "out")
    if signum == signal.SIGKILL:
        monkeypatch.setattr(tempfile, "tempdir", str(place / "t"))
        remove_abandoned_folders()
    assert [] == list((place / "t").iterdir())
    if signum != signal.SIGKILL:
        assert {"started", "running"} >= file_names(place / "out")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_all_reports_of_a_plan(name: str, place: Path) -> None:
    process = started(place, plan=True)
    assert wait_until((place / "out" / "running").exists, 240)
    process.send_signal(getattr(signal, name))
    assert process.wait(120) != 0
    assert wait_until(lambda: not processes(str(place))), "a kernel outlives its report"
    assert [] == list((place / "t").iterdir())
    assert {"started", "running"} == file_names(place / "out")


@pytest.mark.slow
def test_a_caller_that_handles_the_signal_keeps_it() -> None:
    code = (
        "import signal; from toolkit.report.execution.kernels import end_on_signals\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('mine'))\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with end_on_signals() as kernels:\n"
        "    signal.raise_signal(signal.SIGTERM); signal.raise_signal(signal.SIGHUP)\n"
        "print('after', kernels.ended)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ["mine", "after False"] == run.stdout.splitlines()
