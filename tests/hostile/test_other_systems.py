"""Where memfd, shared descriptors, fcntl, /proc, Unix sockets, process groups or make lack, all works."""

import os
import subprocess
import sys
from pathlib import Path

from toolkit.files import installation
from toolkit.files.installation import check_installation
from toolkit.report.execution import kernels

ROOT = Path(__file__).parents[2]
# Run before the toolkit is imported, so that it finds a system that has none of them.
HIDE = """
import os, signal, socket, sys
import asyncio, multiprocessing, subprocess, platformdirs, tqdm, zmq  # choose their own way by sys.platform
import ipykernel.kernelapp, jupyter_client, jupytext, nbconvert, papermill.execute
from pathlib import Path
for name in ("fcntl", "resource", "pwd", "grp"):
    sys.modules[name] = None
for name in ("memfd_create", "killpg", "getuid", "geteuid", "fork", "pread"):
    delattr(os, name)
delattr(signal, "SIGHUP")
os.environ["PATH"] = ""
is_dir = Path.is_dir
hidden = ("/proc", "/dev/fd")
Path.is_dir = lambda self, **options: not str(self).startswith(hidden) and is_dir(self, **options)
"""
WORK = """
import polars as pl
import toolkit as tk
from toolkit.files.safe_files import remove_abandoned_folders
from toolkit.report.execution import kernels
kernels.socket = object()  # asyncio itself needs Unix sockets where Python has them
folder = Path(sys.argv[1])
frame = pl.DataFrame({"pid": range(100), "cramps": [0, 1] * 50, "größe": [20.0 + k for k in range(100)]})
(folder / "people.csv").write_bytes(frame.write_csv().encode("windows-1252"))
(folder / "study.toml").write_text(
    'name = "village"\\nperson = "pid"\\n[files.people]\\npath = "people.csv"\\nencoding = "windows-1252"\\n'
    '[design]\\nnone = true\\n[variables.cramps]\\ncolumn = "cramps"\\nkind = "yes_no"\\n'
)
study = tk.open_study(folder / "study.toml")
assert 100 == study.people.height
tk.save(tk.table(tk.prevalence(study, "cramps")), folder / "table.docx")
made = tk.study(frame, design=tk.Design.none(), name="hundred")
(folder / "short.py").write_text(
    '# %% [markdown]\\n# # Short\\n# %% tags=["parameters"]\\nstudy = "simulated"\\n'
    '# %%\\nimport toolkit as tk\\ntk.open_study(study).people.height\\n'
)
page = tk.render(str(folder / "short.py"), study=made, output=folder / "out")
remove_abandoned_folders()
print("done")
"""


def test_reports_studies_and_exports_need_no_particular_system(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "t"), "CRAMPS_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", HIDE + WORK, str(tmp_path)],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "done" == done.stdout.strip().rpartition("\n")[2], done.stderr[-3_000:]
    assert [] == list((tmp_path / "t").iterdir())


def test_kernels_are_reached_by_a_local_port_where_there_are_no_unix_sockets(tmp_path, monkeypatch) -> None:
    assert "ipc" == kernels._connection(tmp_path)["transport"]
    monkeypatch.delattr(kernels.socket, "AF_UNIX")
    assert ("tcp", "127.0.0.1") == tuple(kernels._connection(tmp_path)[part] for part in ("transport", "ip"))


def _cramps(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "PATH": "", "PYTHONPATH": str(ROOT), "CRAMPS_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, "-m", "toolkit.cli", *words],
        cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_what_make_does_for_users_cramps_does_without_make(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    checked = _cramps("setup", folder=tmp_path)
    assert 0 == checked.returncode, checked.stderr
    opened = _cramps("lab", "--", "--version", folder=tmp_path)
    assert 0 == opened.returncode, opened.stderr
    assert (tmp_path / "notebooks" / "01-start.ipynb").is_file()
    (tmp_path / "notebooks" / "01-start.ipynb").unlink()
    written = _cramps("notebooks", folder=tmp_path)
    assert ["01-start.ipynb"] == [Path(line).name for line in written.stdout.split()], written.stderr
    assert (tmp_path / "notebooks" / "01-start.ipynb").is_file()


def test_the_setup_check_names_what_is_wrong_and_how_to_mend_it(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CRAMPS_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(installation.tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.setattr(installation, "_required", lambda: iter(["polars", "no-such-package"]))
    wrong = {check.subject: check.remedy for check in check_installation(tmp_path) if check.remedy}
    assert {"packages", "cache", "temporary files"} == set(wrong)
    assert "pip install no-such-package" == wrong["packages"]
    assert "CRAMPS_CACHE" in wrong["cache"]
    assert "TMPDIR" in wrong["temporary files"]
