"""The built documentation in Chromium without a network: nothing is requested, nothing overflows a phone."""

from typing import Any

import pytest

from tests.house.tree import ROOT
from tests.integration.browser.conftest import Seen, find_serious

SITE = ROOT / "docs" / "_build" / "html"
PAGES = (
    "index",
    "reference/tk.association",
    "reference/result-columns",
    "causes/diabetes",
    "methods/variance",
    "from-r-and-stata",
    "search",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (SITE / "index.html").exists(), reason="the documentation is not built: make docs"
    ),
]


@pytest.mark.parametrize("width", [1280, 380])
def test_pages_ask_for_nothing_outside_and_fit_the_screen(chromium: Any, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800}, offline=True)
    wrong = []
    for name in PAGES:
        seen = Seen()
        page = seen.watch(context.new_page())
        page.goto((SITE / f"{name}.html").as_uri(), wait_until="load")
        outside = [url for url in seen.requests if not url.startswith(("file:", "data:"))]
        overflow = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        if outside or seen.errors or overflow > 0:
            wrong.append((name, outside, seen.errors, overflow))
        page.close()
    context.close()
    assert wrong == []


def test_the_search_finds_a_name(chromium: Any) -> None:
    page = chromium.new_page()
    page.goto((SITE / "search.html").as_uri() + "?q=case_crossover", wait_until="load")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    links = page.eval_on_selector_all("#search-results li a", "links => links.map(link => link.href)")
    page.close()
    assert any("tk.longitudinal.case_crossover" in link for link in links)


@pytest.mark.slow
def test_axe_finds_nothing_serious_on_any_page(chromium: Any) -> None:
    pages = sorted(path for path in SITE.rglob("*.html") if "_static" not in path.parts)
    assert len(pages) > 100
    # Pages of the reference are of one kind: each has one of the two looks, and all other pages have both.
    reference = [path for path in pages if path.parent.name == "reference"]
    others = [path for path in pages if path not in reference]
    assert [] == find_serious(chromium, [*others, *reference[::2]], [("light", 1280)])
    assert [] == find_serious(chromium, [*others, *reference[1::2]], [("dark", 390)])
