"""The explorer in a real JupyterLab: by keyboard, in light and dark, without a network."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser.conftest import Seen, open_lab, run_all_cells
from tests.support.jupyterlab_server import Lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELLS = (
    "import toolkit as tk\nstudy = tk.open_study('simulated')",
    "tk.explore(study, 'any_cramps', 'diabetes_told', domain='age >= 20')",
)
CLOSE = 10_000  # milliseconds that a busy machine may take to redraw


@dataclass(frozen=True)
class Shown:
    """The notebook in the browser, with the explorer in its second cell."""

    page: Any
    explorer: Any
    seen: Seen
    lab: Lab

    def await_finding(self, text: str) -> None:
        self.explorer.locator(".finding", has_text=text).wait_for(timeout=CLOSE)

    def photograph(self, name: str) -> None:
        if folder := os.environ.get("CRAMPS_LAB_PICTURES"):
            self.explorer.screenshot(path=Path(folder) / f"explorer-{name}.png")


@pytest.fixture(scope="module")
def shown(lab: Lab, chromium: Any) -> Iterator[Shown]:
    code: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**code, "id": f"cell-{n}", "source": source} for n, source in enumerate(CELLS)]
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}
    (lab.work / "explore.ipynb").write_text(json.dumps(notebook))
    context, page, seen = open_lab(chromium, lab, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{lab.url}lab/tree/explore.ipynb")
    run_all_cells(page)
    found = Shown(page, page.locator(".cramps-explorer"), seen, lab)
    found.explorer.locator("figure.chart svg").wait_for(timeout=120_000)
    yield found
    context.close()


def chart_of(shown: Shown) -> str:
    return str(shown.explorer.locator("figure.chart").inner_text())


def test_a_search_by_keyboard_changes_finding_chart_and_code(shown: Shown) -> None:
    before = chart_of(shown)
    exposure = shown.explorer.get_by_role("combobox", name="Exposure")
    exposure.focus()
    shown.page.keyboard.type("rheumatism")  # a word of the question alone
    active = exposure.get_attribute("aria-activedescendant")
    option = shown.page.locator(f"#{active}")
    assert ("true", "joint_limitation") == (
        exposure.get_attribute("aria-expanded"), option.locator(".name").inner_text(),
    )  # fmt: skip
    shown.page.keyboard.press("Escape")
    assert "diagnosed diabetes" == exposure.input_value()
    shown.page.keyboard.type("arthr")
    for key in ("ArrowDown", "ArrowUp", "End", "Home", "Enter"):
        shown.page.keyboard.press(key)
    shown.await_finding("diagnosed arthritis")
    assert "false" == exposure.get_attribute("aria-expanded")
    assert before != chart_of(shown)
    assert '"arthritis"' in shown.explorer.locator("pre").inner_text()
    assert "diagnosed arthritis" in shown.explorer.locator(".spoken").inner_text()
    shown.photograph("light")


def test_tabs_and_marks_are_moved_through_by_arrow_keys_and_cells_are_not(shown: Shown) -> None:
    cells = shown.page.locator(".jp-CodeCell").count()
    shown.explorer.get_by_role("tab", name="Association").focus()
    shown.page.keyboard.press("ArrowRight")
    shown.await_finding("The prevalence of")
    for key in ("b", "d", "d"):  # JupyterLab's own: a cell below, delete the cell
        shown.page.keyboard.press(key)
    assert cells == shown.page.locator(".jp-CodeCell").count()
    assert "true" == shown.explorer.get_by_role("tab", name="Prevalence").get_attribute("aria-selected")
    figure = shown.explorer.locator("figure.chart")
    figure.focus()
    shown.page.keyboard.press("ArrowDown")
    assert "prevalence" in shown.explorer.locator(".tip.open").inner_text()
    shown.page.keyboard.press("Escape")
    shown.explorer.get_by_text("Values as a table").click()
    assert shown.explorer.locator("tbody tr").count() == figure.locator("[data-tip]").count() > 1


def test_a_condition_that_is_wrong_is_announced_and_the_view_stays(shown: Shown) -> None:
    before = chart_of(shown)
    domain = shown.explorer.get_by_label("Domain", exact=True)
    domain.fill("agee > 40")
    domain.press("Enter")
    shown.explorer.locator(".error", has_text="'agee'").wait_for(timeout=CLOSE)
    assert "true" == domain.get_attribute("aria-invalid")
    assert "unchanged" in shown.explorer.get_by_role("alert").inner_text()
    assert before == chart_of(shown)
    domain.fill("age >= 40")
    domain.press("Enter")
    shown.await_finding("age ≥ 40")
    assert domain.get_attribute("aria-invalid") is None


def test_the_code_is_copied_and_inserted_as_a_cell_that_runs(shown: Shown) -> None:
    code = shown.explorer.locator("pre").inner_text().strip()
    shown.explorer.get_by_role("button", name="Copy", exact=True).click()
    shown.explorer.locator(".said", has_text="Copied").wait_for(timeout=CLOSE)
    assert code == shown.page.evaluate("navigator.clipboard.readText()").strip()
    cells = shown.page.locator(".jp-CodeCell").count()
    shown.explorer.get_by_role("button", name="Insert as a cell").click()
    shown.explorer.locator(".said", has_text="Inserted").wait_for(timeout=CLOSE)
    assert cells + 1 == shown.page.locator(".jp-CodeCell").count()
    inserted = shown.page.locator(".jp-CodeCell").nth(2)
    lines = inserted.locator(".cm-line").all_inner_texts()
    assert code.split() == "\n".join(lines).split()
    inserted.locator(".cm-content").click()
    shown.page.keyboard.press("Shift+Enter")
    finding = shown.explorer.locator(".finding").inner_text()
    inserted.locator(".jp-OutputArea-output", has_text=finding[:80]).first.wait_for(timeout=60_000)


def test_axe_finds_nothing_in_light_and_in_dark(shown: Shown) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="NO AXE: pip install axe-playwright-python")
    shown.page.evaluate((files(axe) / "axe.min.js").read_text(encoding="utf-8"))
    shown.explorer.get_by_role("combobox", name="Outcome").click()
    for theme in ("light", "dark"):
        if theme == "dark":
            shown.page.keyboard.press("Control+Shift+C")  # the command palette
            shown.page.keyboard.type("Use Theme: JupyterLab Dark")
            shown.page.keyboard.press("Enter")
            shown.page.locator("body[data-jp-theme-light=false]").wait_for(state="attached", timeout=CLOSE)
            shown.explorer.get_by_role("combobox", name="Outcome").click()
        assert theme == shown.explorer.get_attribute("data-theme")
        shown.photograph(f"{theme}-menu")
        result = shown.page.evaluate("() => axe.run(document.querySelector('.cramps-explorer'))")
        assert len(result["passes"]) > 15
        assert [] == [(each["id"], each["nodes"][0]["html"][:200]) for each in result["violations"]]
        shown.page.keyboard.press("Escape")
    shown.photograph("dark")


def test_nothing_outside_is_asked_for_and_a_saved_notebook_has_the_first_view(shown: Shown) -> None:
    assert [] == [u for u in shown.seen.requests if u.startswith("http") and not u.startswith(shown.lab.url)]
    assert [] == shown.seen.errors
    shown.page.keyboard.press("Control+s")
    shown.page.locator(".jp-mod-dirty").wait_for(state="detached", timeout=30_000)
    saved = json.loads((shown.lab.work / "explore.ipynb").read_text())
    data = saved["cells"][1]["outputs"][0]["data"]
    assert "<svg" in "".join(data["text/html"])
    assert "tk.explore" not in "".join(data["text/plain"])
