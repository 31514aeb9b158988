"""The report on a cause opens without a network, asks for nothing and draws every chart."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.browser.conftest import Seen
from toolkit.report import render
from toolkit.report.rendering import Rendered

pytestmark = pytest.mark.browser
SECTIONS = [
    "Summary",
    "Background",
    "Methods",
    "Results",
    "Sensitivity analyses",
    "Comparison with previous studies",
    "Limitations",
    "Implications for prevention, and when to seek care",
    "References",
    "Reproducibility",
]
CHARTS = 8
MARKS = "svg path[aria-roledescription]"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render("cause", cause="diabetes", output=tmp_path_factory.mktemp("out"))


def opened(chromium: Any, path: Path, **options: Any) -> tuple[Any, Seen]:
    seen = Seen()
    context = chromium.new_context(offline=True, **options)
    page = seen.watch(context.new_page())
    page.goto(path.as_uri())
    return page, seen


def drawn(chromium: Any, path: Path, **options: Any) -> tuple[Any, Seen]:
    page, seen = opened(chromium, path, **options)
    page.locator("figure.drawn").nth(CHARTS - 1).wait_for()
    return page, seen


def test_every_chart_is_drawn_and_nothing_is_asked_for(chromium: Any, report: Rendered) -> None:
    page, seen = drawn(chromium, report.html)
    charts = page.locator("figure.chart")
    assert CHARTS == charts.count()
    assert all(charts.nth(n).locator(MARKS).count() > 1 for n in range(CHARTS))
    assert [report.html.as_uri()] == [url for url in seen.requests if not url.startswith("data:")]
    assert [] == seen.errors


def test_a_chart_answers_the_pointer_with_a_tooltip(chromium: Any, report: Rendered) -> None:
    page, _ = drawn(chromium, report.html)
    forest = page.locator("figure.drawn").nth(4)
    forest.locator(".mark-symbol path").first.hover(force=True)
    tooltip = page.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert {"prevalence ratio", "cases"} <= {word.strip() for word in tooltip.inner_text().splitlines()}


def test_the_sections_stand_in_order_and_the_contents_lead_to_them(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    assert SECTIONS == page.locator("h2").all_inner_texts()
    assert SECTIONS == page.locator("nav a").all_inner_texts()
    targets = page.locator("nav a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    assert [1] * len(SECTIONS) == [page.locator(target).count() for target in targets]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_a_phone_and_a_desk(width: int, chromium: Any, report: Rendered) -> None:
    page, _ = drawn(chromium, report.html, viewport={"width": width, "height": 800})
    assert width == page.evaluate("document.documentElement.scrollWidth")


def test_on_a_phone_no_chart_scrolls_sideways(chromium: Any, report: Rendered) -> None:
    page, seen = drawn(chromium, report.html, viewport={"width": 390, "height": 800})
    sizes = page.locator("figure.chart").evaluate_all("all => all.map(f => [f.scrollWidth, f.clientWidth])")
    assert CHARTS == len(sizes)
    assert all(wide <= there for wide, there in sizes)
    assert [] == seen.errors


def test_without_a_script_a_phone_has_the_narrow_pictures(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html, java_script_enabled=False, viewport={"width": 390, "height": 800})
    assert CHARTS == page.locator("figure.chart img.still.narrow:visible").count()
    assert 0 == page.locator("figure.chart img.still.wide:visible").count()


def test_every_estimate_that_is_drawn_stands_in_a_table_too(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    # The data of every figure but the diagram, whose arrows are listed.
    assert CHARTS - 1 == page.locator("details.data").count()
    assert 1 == page.locator("summary", has_text="arrows").count()


def test_without_a_script_the_the_pictures_stand(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html, java_script_enabled=False)
    assert CHARTS == page.locator("figure.chart img.still:visible").count()


def test_in_print_the_pictures_stand_for_the_charts(chromium: Any, report: Rendered) -> None:
    page, _ = drawn(chromium, report.html)
    page.emulate_media(media="print")
    assert CHARTS == page.locator("figure.chart img.still:visible").count()
    assert 0 == page.locator("figure.chart .live:visible").count()


def test_it_says_that_it_is_simulated_and_shows_no_warning(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    assert "SIMULATED" in page.locator(".banner").inner_text()
    assert 0 == page.locator(".output_stderr").count()
