"""axe-core finds nothing serious on any kind of page, in light and dark mode, on a desk and on a phone."""

import re
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.integration.browser.conftest import find_serious, opened
from toolkit.report import render_plan

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LOOKS = (("light", 1280), ("dark", 390))
OTHER_LOOKS = (("light", 390), ("dark", 1280))
# What a reader can follow or open, numbered in the order of the page; charts are reached as a whole.
MARK_TARGETS = """() => {
  const targets = [...document.querySelectorAll('summary, a[href], [tabindex="0"], input, button')]
    .filter((target) => target.getClientRects().length && !target.closest('svg'));
  targets.forEach((target, n) => { target.dataset.target = n; });
  return [targets.length, targets.length + document.querySelectorAll('svg a, figure').length];
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reports")
    done = render_plan("simulated", output=place, progress=False)
    assert done.ok, done
    tk.reports.data_dictionary(tk.open_study("simulated"), done.index.parent / "data-dictionary.html")
    return done.index.parent


def test_axe_finds_nothing_serious(folder: Path, chromium: Any) -> None:
    pages = [*sorted(folder.glob("*.html")), folder.parent / "index.html"]
    assert len(pages) == 15 + 3  # the index, the data dictionary, and the index of all studies
    assert [] == find_serious(chromium, pages, LOOKS)
    kinds = [folder / f"{name}.html" for name in ("diabetes", "index", "data-dictionary")]
    assert [] == find_serious(chromium, kinds, OTHER_LOOKS)


def test_a_page_says_once_that_it_is_simulated(folder: Path) -> None:
    counts = {}
    for path in folder.glob("*.html"):
        text = re.sub(r"base64,[A-Za-z0-9+/=]*", "", path.read_text(encoding="utf-8"))
        counts[path.name] = text.count("SIMULATED")
    assert dict.fromkeys(counts, 1) == counts


def test_the_keyboard_reaches_every_fold_and_link(folder: Path, chromium: Any) -> None:
    for name in ("diabetes", "availability", "index", "data-dictionary"):
        page = opened(chromium, folder / f"{name}.html", "light", 1280)
        wanted, stops = page.evaluate(MARK_TARGETS)
        reached = set()
        for _ in range(stops + 5):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("() => document.activeElement.dataset.target"))
        assert {str(n) for n in range(wanted)} <= reached, name
        page.context.close()


def test_every_table_has_column_headings_with_a_scope(folder: Path, chromium: Any) -> None:
    for name in ("diabetes", "burden", "heat", "availability"):
        page = opened(chromium, folder / f"{name}.html", "light", 1280)
        assert 0 == page.locator("table:not(:has(th[scope]))").count()
        assert page.locator("table.gt_table").count() == page.locator("table.gt_table > caption").count()
        page.context.close()


def test_the_index_leads_from_a_row_to_its_report_by_mouse_and_keyboard(folder: Path, chromium: Any) -> None:
    page = opened(chromium, folder / "index.html", "light", 1280)
    links = page.locator("figure.chart svg.wide a")
    hrefs = links.evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert len(set(hrefs)) == 10
    assert "prevalence ratio" in links.first.get_attribute("aria-label")
    links.first.click()
    assert page.url.endswith(hrefs[0])
    page.go_back()
    links.last.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{hrefs[-1]}")


def test_a_printed_page_breaks_between_figures(folder: Path, chromium: Any, tmp_path: Path) -> None:
    page = opened(chromium, folder / "burden.html", "light", 1280)
    page.emulate_media(media="print")
    tall = page.locator("figure.chart > svg.wide").evaluate_all("all => all.map(s => s.clientHeight)")
    # A figure that is higher than a sheet of A4 could not be kept whole.
    assert tall
    assert max(tall) <= 1_050
    page.pdf(path=tmp_path / "page.pdf", format="A4")
    assert (tmp_path / "page.pdf").stat().st_size > 10_000
