"""A headless Chromium without a network, which tells every request and every error of a page."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Any

import pytest

from tests.support.jupyterlab_server import Lab, serve_lab

CHROMIUM = os.environ.get("CHROMIUM") or which("chromium") or "/usr/bin/chromium"


@dataclass
class Seen:
    """What a page asked for, and what went wrong in it."""

    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> Any:
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        return page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install it, or name it in the variable CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], headless=True
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with serve_lab(tmp_path_factory.mktemp("lab")) as served:
        yield served


def open_lab(chromium: Any, lab: Lab, **options: Any) -> tuple[Any, Any, Seen]:
    """Open a browser's context and page in which nothing but the server can be reached."""
    seen = Seen()
    context = chromium.new_context(viewport={"width": 1300, "height": 1000}, **options)
    # What a page makes itself (blob:, data:) can be reached, too.
    outside = re.compile(rf"^https?://(?!{re.escape(lab.url.removeprefix('http://'))})")
    context.route(outside, lambda route: route.abort())
    return context, seen.watch(context.new_page()), seen


def run_all_cells(page: Any) -> None:
    """Run the cells of the notebook that is being opened."""
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    # The notebook's own indicator is idle before a kernel is there; cells run by then are lost.
    page.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


def opened(chromium: Any, path: Path, scheme: str, width: int) -> Any:
    """Open a page with all its folds open."""
    # axe is injected past the page's policy, which lets no other script run.
    options = {"bypass_csp": True, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    page = chromium.new_context(offline=True, **options).new_page()
    _open(page, path)
    return page


def _open(page: Any, path: Path) -> None:
    page.goto(path.resolve().as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true })")


def find_serious(
    chromium: Any, pages: Sequence[Path], looks: Sequence[tuple[str, int]]
) -> list[tuple[str, str, int, str, str]]:
    """List what axe-core finds that is serious: page, color scheme, width, rule, and the first element."""
    axe = pytest.importorskip("axe_playwright_python", reason="NO AXE: pip install axe-playwright-python")
    script = (files(axe) / "axe.min.js").read_text(encoding="utf-8")
    found = []
    for scheme, width in looks:
        page = opened(chromium, pages[0], scheme, width)
        for path in pages:
            _open(page, path)
            page.evaluate(script)
            result = page.evaluate("() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa'] })")
            assert len(result["passes"]) > 5, path
            found += [
                (path.name, scheme, width, problem["id"], problem["nodes"][0]["html"][:200])
                for problem in result["violations"]
                if problem["impact"] in ("serious", "critical")
            ]
        page.context.close()
    return found
