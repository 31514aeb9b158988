"""A real JupyterLab, without a network, runs all cells of the first notebook: no error, charts drawn."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser.conftest import Seen
from toolkit.files.checked_toml import shipped

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[3]
NAME = "01-start.ipynb"
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


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server on a project with a copy of the notebooks, with settings and configuration of its own."""
    home = tmp_path_factory.mktemp("lab")
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


@pytest.fixture(scope="module")
def ran(lab: Lab, chromium: Any) -> Iterator[tuple[Any, Seen, Lab]]:
    """The notebook in the browser, opened by a double click, after all its cells have run."""
    seen = Seen()
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    # Nothing but the server itself can be reached; what a page makes itself (blob:, data:) can.
    outside = re.compile(rf"^https?://(?!{re.escape(lab.url.removeprefix('http://'))})")
    context.route(outside, lambda route: route.abort())
    page = seen.watch(context.new_page())
    page.goto(f"{lab.url}lab/tree/notebooks")
    page.locator(".jp-DirListing-item", has_text=NAME).dblclick()
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    # The notebook's own indicator is idle before a kernel is there; cells run by then are lost.
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".jp-OutputArea-output", has_text="diabetes.html").wait_for(timeout=120_000)
    page.wait_for_timeout(1_000)
    page.keyboard.press("Control+s")
    page.locator(".jp-mod-dirty").wait_for(state="detached", timeout=30_000)
    if picture := os.environ.get("CRAMPS_LAB_PICTURES"):
        _photograph(page, Path(picture))
    yield page, seen, lab
    context.close()


def _photograph(page: Any, folder: Path) -> None:
    """Keep pictures of the cells for people to look at."""
    for n, cell in enumerate(page.locator(".jp-Notebook .jp-Cell").all()):
        cell.scroll_into_view_if_needed()
        cell.screenshot(path=folder / f"cell-{n:02}.png")


def test_no_cell_ends_in_an_error_or_a_warning(ran: tuple[Any, Seen, Lab]) -> None:
    page, _, _ = ran
    for kind in ("error", "stderr"):
        assert [] == page.locator(f'[data-mime-type="application/vnd.jupyter.{kind}"]').all_inner_texts()


def test_the_charts_are_live_views(ran: tuple[Any, Seen, Lab]) -> None:
    page, _, _ = ran
    views = page.locator(".jp-OutputArea-output .vega-embed")
    assert 3 == views.count()
    for n in range(3):
        assert views.nth(n).locator("svg, canvas").first.bounding_box()["height"] > 100


def test_nobody_is_asked_about_news_and_nothing_outside_is_asked_for(ran: tuple[Any, Seen, Lab]) -> None:
    page, seen, lab = ran
    assert 0 == page.get_by_text("Would you like to get notified").count()
    assert [] == [url for url in seen.requests if url.startswith("http") and not url.startswith(lab.url)]


def test_a_notebook_that_was_run_and_saved_leaves_its_source_as_it_was(ran: tuple[Any, Seen, Lab]) -> None:
    saved = (ran[2].work / "notebooks" / NAME).read_text(encoding="utf-8")
    assert '"output_type"' in saved
    source = Path(NAME).with_suffix(".py")
    assert (shipped("notebooks") / source).read_bytes() == (ran[2].work / "notebooks" / source).read_bytes()


def test_its_report_is_in_the_project_and_not_beside_the_notebook(ran: tuple[Any, Seen, Lab]) -> None:
    work = ran[2].work
    assert (work / "reports" / "simulated" / "diabetes.html").is_file()
    assert not (work / "notebooks" / "reports").exists()
