"""axe-core finds nothing serious on any kind of page, in light and dark mode, on a desk and on a phone."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from toolkit.report import render_plan

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PLAN = ("diabetes", "joints", "burden", "heat", "availability")
PAGES = ("diabetes", "burden", "heat", "availability", "index", "../index")
LOOKS = (("light", 1280), ("dark", 380))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("reports")
    entries = (f'[[report]]\nreport = "{name}"\nsave_as = "{name}"\n' for name in PLAN)
    (place / "plan.toml").write_text("".join(entries))
    done = render_plan("simulated", plan=place / "plan.toml", output=place, progress=False)
    assert done.ok, done
    return done.index.parent


def opened(chromium: Any, path: Path, scheme: str, width: int) -> Any:
    # axe is injected past the page's policy, which lets no other script run.
    options = {"bypass_csp": True, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    page = chromium.new_context(offline=True, **options).new_page()
    page.goto(path.resolve().as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    return page


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, folder: Path, chromium: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="NO AXE: pip install axe-playwright-python")
    script = (files(axe) / "axe.min.js").read_text(encoding="utf-8")
    found = []
    for scheme, width in LOOKS:
        page = opened(chromium, folder / f"{name}.html", scheme, width)
        page.evaluate(script)
        result = page.evaluate("() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa'] })")
        assert len(result["passes"]) > 5
        found += [
            (scheme, width, problem["id"], problem["nodes"][0]["html"][:200])
            for problem in result["violations"]
            if problem["impact"] in ("serious", "critical")
        ]
        page.context.close()
    assert [] == found


def test_every_table_has_column_headings_with_a_scope(folder: Path, chromium: Any) -> None:
    for name in PAGES[:4]:
        page = opened(chromium, folder / f"{name}.html", "light", 1280)
        assert 0 == page.locator("table:not(:has(th[scope]))").count()
        assert page.locator("table.gt_table").count() == page.locator("table.gt_table > caption").count()
        page.context.close()


def test_the_index_leads_from_a_row_to_its_report_by_mouse_and_keyboard(folder: Path, chromium: Any) -> None:
    page = opened(chromium, folder / "index.html", "light", 1280)
    links = page.locator("figure.chart svg.wide a")
    hrefs = links.evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert ["diabetes.html", "joints.html"] == sorted(set(hrefs))
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
