"""A real JupyterLab, without a network, runs all cells of the first notebook: no error, charts drawn."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser.conftest import Seen, open_lab, run_all_cells
from tests.support.jupyterlab_server import Lab
from toolkit.files.checked_toml import shipped

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NAME = "01-start.ipynb"


@pytest.fixture(scope="module")
def ran(lab: Lab, chromium: Any) -> Iterator[tuple[Any, Seen, Lab]]:
    """The notebook in the browser, opened by a double click, after all its cells have run."""
    context, page, seen = open_lab(chromium, lab)
    page.goto(f"{lab.url}lab/tree/notebooks")
    page.locator(".jp-DirListing-item", has_text=NAME).dblclick()
    run_all_cells(page)
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
