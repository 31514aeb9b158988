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
CHARTS = 9
MARKS = "figure.chart > svg:visible [data-tip]"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return render("cause", cause="diabetes", output=tmp_path_factory.mktemp("out"))


def opened(chromium: Any, path: Path, **options: Any) -> tuple[Any, Seen]:
    seen = Seen()
    context = chromium.new_context(offline=True, **options)
    page = seen.watch(context.new_page())
    page.goto(path.as_uri())
    return page, seen


def test_every_chart_is_drawn_and_nothing_is_asked_for(chromium: Any, report: Rendered) -> None:
    page, seen = opened(chromium, report.html)
    charts = page.locator("figure.chart")
    assert CHARTS == charts.count()
    assert all(charts.nth(n).locator("svg:visible").count() == 1 for n in range(CHARTS))
    assert all(charts.nth(n).locator("svg:visible [data-tip]").count() > 1 for n in range(CHARTS))
    assert [report.html.as_uri()] == seen.requests
    assert [] == seen.errors
    assert report.html.stat().st_size < 700_000


def test_every_chart_states_its_finding_in_words(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    texts = page.locator("figure.chart > svg.wide > desc").all_text_contents()
    assert CHARTS == len(texts)
    flow, diagram = texts.pop(1), texts.pop(1)
    assert "were included in the analysis" in flow
    assert "Adjustment set: " in diagram
    assert all("95% CI" in text for text in texts)


def test_a_chart_answers_pointer_and_touch_with_its_values(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html, has_touch=True)
    mark = page.locator("figure.chart").first.locator("svg:visible [data-tip]").nth(1)
    mark.scroll_into_view_if_needed()
    for touch in (mark.hover, mark.tap):
        touch()
        lines = page.locator(".tip.open p").all_inner_texts()
        assert ["row: diagnosed diabetes, yes, crude", "measure: prevalence ratio"] == lines[:2]
        assert any(line.startswith("cases: ") for line in lines)
        page.keyboard.press("Escape")
        assert 0 == page.locator(".tip.open").count()


def test_the_keyboard_reaches_every_value_of_every_chart(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    for n in range(CHARTS):
        chart = page.locator("figure.chart").nth(n)
        chart.focus()
        marks = chart.locator("svg:visible [data-tip]")
        heads = []
        for _ in range(marks.count()):
            page.keyboard.press("ArrowDown")
            assert 1 == chart.locator(".on").count()
            heads.append(page.locator(".tip.open").inner_text())
        told = marks.evaluate_all("marks => marks.map(m => m.dataset.tip)")
        assert [squeezed(tip) for tip in told] == [squeezed(head) for head in heads]
    page.keyboard.press("Escape")
    assert 0 == page.locator(".tip.open").count()


def squeezed(tip: str) -> str:
    """Give all names and values of a tooltip without white space and colons; what is empty has no line."""
    lines = [line for line in tip.split("\ue000") if not line.endswith("\ue001")]
    return "".join("".join(lines).replace("\ue001", "").replace(":", "").split())


def test_tab_reaches_the_charts_and_the_folds(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    reached = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {f"chart-{n}" for n in range(1, CHARTS + 1)} <= reached
    assert "SUMMARY" in reached


def test_the_sections_stand_in_order_and_the_contents_lead_to_them(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    assert SECTIONS == page.locator("h2").all_inner_texts()
    assert SECTIONS == page.locator("nav[aria-label=Contents] a").all_inner_texts()
    targets = page.locator("nav[aria-label=Contents] a").evaluate_all(
        "links => links.map(a => a.getAttribute('href'))"
    )
    assert [1] * len(SECTIONS) == [page.locator(target).count() for target in targets]


@pytest.mark.parametrize("width", [380, 768, 1280])
def test_the_page_fits_a_phone_a_tablet_and_a_desk(width: int, chromium: Any, report: Rendered) -> None:
    page, seen = opened(chromium, report.html, viewport={"width": width, "height": 800})
    assert width == page.evaluate("document.documentElement.scrollWidth")
    sizes = page.locator("figure.chart").evaluate_all("all => all.map(f => [f.scrollWidth, f.clientWidth])")
    assert CHARTS == len(sizes)
    assert all(wide <= there for wide, there in sizes)
    assert [] == seen.errors


@pytest.mark.parametrize("width", [380, 768, 1280])
def test_no_text_of_the_causal_diagram_leaves_its_box_or_the_chart(
    width: int, chromium: Any, report: Rendered
) -> None:
    page, _ = opened(chromium, report.html, viewport={"width": width, "height": 800})
    outside = (
        page.locator("figure.chart")
        .nth(2)
        .evaluate(
            """figure => {
          const svg = [...figure.querySelectorAll("svg")].find(s => s.getClientRects().length);
          const frame = svg.getBoundingClientRect(), inside = (a, b) =>
            a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
          const boxes = [...svg.querySelectorAll("[data-tip]")].map(b => b.getBoundingClientRect());
          const texts = [...svg.querySelectorAll("text")].filter(t => t.textContent.trim());
          const centred = texts.filter(t => t.getAttribute("text-anchor") === "middle");
          return [...[...texts, ...svg.querySelectorAll("path, line")]
              .filter(e => !inside(e.getBoundingClientRect(), frame)),
            ...centred.filter(t => !boxes.some(b => inside(t.getBoundingClientRect(), b)))]
            .map(e => e.outerHTML.slice(0, 120));
        }"""
        )
    )
    assert [] == outside


def test_without_a_script_a_phone_has_the_narrow_charts(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html, java_script_enabled=False, viewport={"width": 390, "height": 800})
    assert CHARTS == page.locator("figure.chart > svg.narrow:visible").count()
    assert 0 == page.locator("figure.chart > svg.wide:visible").count()


def test_dark_mode_turns_ink_and_page(chromium: Any, report: Rendered) -> None:
    script = """() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(
      document.querySelector("figure.chart svg text[fill='#222222']")).fill]"""
    light, dark = (
        opened(chromium, report.html, color_scheme=s)[0].evaluate(script) for s in ("light", "dark")
    )
    assert ["rgb(255, 255, 255)", "rgb(34, 34, 34)"] == light
    assert ["rgb(21, 24, 28)", "rgb(232, 234, 237)"] == dark


def test_every_estimate_that_is_drawn_stands_in_a_table_too(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    # The data of every figure but the diagram, whose arrows are listed.
    assert CHARTS - 1 == page.locator("details.data").count()
    assert 1 == page.locator("summary", has_text="arrows").count()


def test_print_shows_the_wide_charts_and_splits_none(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert CHARTS == page.locator("figure.chart > svg.wide:visible").count()
    kept = page.locator("figure.chart").evaluate_all("all => all.map(f => getComputedStyle(f).breakInside)")
    assert ["avoid"] * CHARTS == kept
    assert "rgb(255, 255, 255)" == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_an_interactive_page_draws_its_charts_anew(chromium: Any, report: Rendered, tmp_path: Path) -> None:
    made = render("cause", cause="diabetes", output=tmp_path, interactive=True)
    page, seen = opened(chromium, made.html)
    page.locator("figure.drawn").nth(CHARTS - 1).wait_for()
    assert CHARTS == page.locator("figure.drawn .live svg").count()
    assert [] == seen.errors


def test_it_says_that_it_is_simulated_and_shows_no_warning(chromium: Any, report: Rendered) -> None:
    page, _ = opened(chromium, report.html)
    assert "SIMULATED" in page.locator(".banner").inner_text()
    assert 0 == page.locator(".output_stderr").count()
