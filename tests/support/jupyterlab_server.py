"""A JupyterLab server on a project with settings and configuration of its own, without a network."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolkit.files.checked_toml import shipped

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Otherwise cells out of sight are not in the page.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
STARTING = 60  # seconds that a server may take on a busy machine


@dataclass(frozen=True)
class Lab:
    """A running server: its address and the folder that it shows."""

    url: str
    work: Path


@contextmanager
def serve_lab(home: Path) -> Iterator[Lab]:
    """Serve a project with a copy of the notebooks."""
    work, settings = home / "work", home / "settings"
    shutil.copytree(shipped("notebooks"), work / "notebooks")
    (work / "pyproject.toml").touch()
    settings.mkdir()
    (settings / "overrides.json").write_text(json.dumps(SETTINGS))
    places = {f"JUPYTER_{what}_DIR": str(home / what.lower()) for what in ("CONFIG", "DATA", "RUNTIME")}
    env = {**os.environ, **places, "IPYTHONDIR": str(home / "ipython"), "PYTHONPATH": str(ROOT)}
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": "0",
        "ServerApp.root_dir": str(work),
        "IdentityProvider.token": "",
        "LabApp.app_settings_dir": str(settings),
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", *words]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(command, env=env, cwd=work, stdout=log, stderr=log) as server,
    ):
        try:
            yield Lab(_address(home / "runtime", server, home / "log"), work)
        finally:
            server.terminate()


def _address(runtime: Path, server: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + STARTING
    while time.monotonic() < until and server.poll() is None:
        for found in runtime.glob("jpserver-*.json"):
            url = str(json.loads(found.read_text() or "{}").get("url", ""))
            if url and _answers(url):
                return url
        time.sleep(0.25)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}api") as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False
