"""Labels that try to be markup are text everywhere: nothing runs, nothing is asked for, all can be read."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from tests.integration.browser.conftest import Seen
from tests.support import hostile_study as hostile
from toolkit.display.charts.theme import to_svg
from toolkit.report.page.html import compose_index
from toolkit.report.paper import passages
from toolkit.report.rendering import Rendered

pytestmark = pytest.mark.browser
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
ASKED: dict[str, Any] = {"outcome": "any_cramps", "exposure": "diabetes_told", "adjust": ("age", "sex")}
# What an element may do by itself; the page's own links lead to places in it, to files beside it and to DOIs.
RISKY = """() => [...document.querySelectorAll('body *')].filter(e =>
  [...e.attributes].some(a => /^on/i.test(a.name) || /^\\s*javascript:/i.test(a.value)) ||
  ['IFRAME', 'OBJECT', 'EMBED', 'LINK', 'META', 'BASE', 'MATH', 'TITLE'].includes(e.tagName) ||
  (e.tagName === 'FORM' && e.className !== 'vega-bindings') ||
  (e.tagName === 'DETAILS' && e.hasAttribute('open')) ||
  (e.tagName === 'IMG' && !e.src.startsWith('data:'))).map(e => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return hostile.hostile_study()


@pytest.fixture(scope="module")
def labels(study: tk.Study) -> dict[str, str]:
    return {name: variable.label for name, variable in study.codebook.items()}


@pytest.fixture(scope="module")
def report(study: tk.Study, tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    asked = {"cause": "diabetes", "domain": "", "adjust": ("age", "sex")}
    return tk.render("cause", study=study, output=tmp_path_factory.mktemp("out"), **asked)


@pytest.fixture(scope="module")
def pages(study: tk.Study, report: Rendered, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    entries = [
        {"title": hostile.CRAMPS, "finding": report.finding, "failure": "", "csv": "a.csv",
         "html": "javascript:alert(20).html", "parquet": "a.parquet"},
        {"title": hostile.DIABETES, "failure": hostile.NOTE},
    ]  # fmt: skip
    (folder / "index.html").write_text(compose_index(entries, study.label, simulated=False))
    tk.data_dictionary(study, folder / "dictionary.html", exact=True)
    return {
        "report": report.html,
        "index": folder / "index.html",
        "dictionary": folder / "dictionary.html",
    }


def opened(chromium: Any, path: Path) -> tuple[Any, Seen, list[str]]:
    """Open a page and give it time to do what it should not; a dialog is what `alert` would open."""
    seen, dialogs = Seen(), []
    page = seen.watch(chromium.new_context(offline=True, viewport={"width": 1280, "height": 900}).new_page())

    def dismiss(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.goto(path.as_uri())
    for details in page.locator("details").all():
        details.evaluate("e => { e.open = true }")
    page.wait_for_timeout(500)
    return page, seen, dialogs


def expect_text_alone(page: Any, seen: Seen, dialogs: list[str], path: Path) -> None:
    assert [] == dialogs
    assert {path.as_uri()} == {url for url in seen.requests if not url.startswith("data:")}
    assert page.url == path.as_uri()
    assert [] == seen.errors
    page.evaluate("() => document.querySelectorAll('details').forEach(e => { e.open = false })")
    assert [] == page.evaluate(RISKY)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def read(page: Any) -> str:
    """Give all that can be read on a page, without white space, in which lines may be broken anywhere."""
    script = """() => { const body = document.body.cloneNode(true);
      body.querySelectorAll('script, style').forEach(e => e.remove()); return body.textContent; }"""
    return squeezed(page.evaluate(script))


@pytest.mark.parametrize("name", ["report", "index", "dictionary"])
@pytest.mark.parametrize("walls", ["with its policy", "without its policy"])
def test_nothing_runs_and_nothing_is_asked_for(
    name: str, walls: str, pages: dict[str, Path], chromium: Any, tmp_path: Path
) -> None:
    path = pages[name]
    if walls == "without its policy":
        # The policy is the second wall: the first must stand alone.
        text, n = POLICY.subn("", path.read_text())
        assert 1 == n
        path = tmp_path / "page.html"
        path.write_text(text)
    expect_text_alone(*opened(chromium, path), path)


VARIABLES = (hostile.CRAMPS, hostile.DIABETES, hostile.AGE, hostile.SEX, hostile.WOMEN, hostile.MEN)
ABOUT = (hostile.QUESTION, hostile.NOTE, hostile.SOURCE, hostile.ASKED, hostile.NAME)
SHOWN = {
    "report": (*VARIABLES, *ABOUT, hostile.OLD, hostile.YOUNG),
    "index": (hostile.CRAMPS, hostile.DIABETES, hostile.NOTE, hostile.NAME),
    "dictionary": (*VARIABLES, *ABOUT, hostile.UNIT),
}


@pytest.mark.parametrize("name", SHOWN)
def test_every_label_reads_as_it_was_typed(name: str, pages: dict[str, Path], chromium: Any) -> None:
    page, _, _ = opened(chromium, pages[name])
    text = read(page)
    assert [] == [label for label in SHOWN[name] if squeezed(label) not in text]
    for twice in ("&lt;", "&gt;", "&amp;", "&quot;", "&#39;", "\\[", "\\*"):
        assert twice not in text


def test_the_title_is_text(pages: dict[str, Path], chromium: Any) -> None:
    for name, path in pages.items():
        page, _, _ = opened(chromium, path)
        assert squeezed(hostile.NAME) in squeezed(page.title()), name


def test_charts_and_their_tooltips_are_text(report: Rendered, chromium: Any) -> None:
    page, seen, dialogs = opened(chromium, report.html)
    charts = page.locator("figure.chart")
    assert charts.count() > 4
    for n in range(charts.count()):
        charts.nth(n).focus()
        for _ in range(charts.nth(n).locator("svg:visible [data-tip]").count()):
            page.keyboard.press("ArrowDown")
            assert 1 == page.locator(".tip.open").count()
            assert 0 == page.locator(".tip *:not(p):not(b)").count()
    page.keyboard.press("Escape")
    drawn = squeezed("".join(page.locator("figure.chart svg text").all_text_contents()))
    assert squeezed(hostile.CRAMPS).lower() in drawn.lower()
    assert squeezed(hostile.WOMEN) in drawn
    expect_text_alone(page, seen, dialogs, report.html)


EXITS: dict[str, Callable[[tk.Study, dict[str, str]], str]] = {
    "study": lambda s, _: s._repr_html_(),
    "design": lambda s, _: s.design._repr_html_(),
    "people": lambda s, _: s.people._repr_html_(),
    "rows of people": lambda s, _: s.people.head()._repr_html_(),
    "codebook": lambda s, _: s.codebook._repr_html_(),
    "variable": lambda s, _: "".join(v._repr_html_() for v in s.codebook.values()),
    "result": lambda s, _: tk.prevalence(s, outcome="any_cramps", by=("sex", "age_group"))._repr_html_(),
    "association": lambda s, _: tk.association(s, **ASKED)._repr_html_(),
    "table": lambda s, w: tk.table(tk.association(s, **ASKED), labels=w, p_values=True).as_raw_html(),
    "table by groups": lambda s, w: tk.table(
        tk.prevalence(s, outcome="any_cramps", by=("sex", "age_group")), labels=w
    ).as_raw_html(),
    "table one": lambda s, w: tk.table(
        tk.describe(s, variables=("age", "sex", "any_cramps"), by="age_group"), labels=w
    ).as_raw_html(),
    "flow": lambda s, _: tk.table(tk.flow(s, **ASKED)).as_raw_html(),
    "availability": lambda s, w: tk.table(s.availability(), labels=w).as_raw_html(),
    "definition": lambda s, _: passages.definition(s.codebook, "any_cramps")._repr_html_(),
    "card": lambda s, _: hostile.hostile_card()._repr_html_(),
    "study with a card": lambda s, w: tk.table(
        s.with_cause(hostile.hostile_card()).availability(), labels=w
    ).as_raw_html(),
    "finding": lambda s, w: passages.prose(tk.finding(tk.association(s, **ASKED), labels=w)).html,
    "list": lambda s, _: passages.bullets([hostile.NOTE, hostile.DIABETES])._repr_html_(),
    "forest": lambda s, w: to_svg(tk.forest(tk.association(s, **ASKED), labels=w).to_dict()),
    "bars": lambda s, w: to_svg(
        tk.prevalence_chart(
            tk.prevalence(s, outcome="any_cramps", by=("sex", "age_group")), labels=w
        ).to_dict()
    ),
    "means": lambda s, w: to_svg(tk.prevalence_chart(tk.mean(s, "age", by=("sex",)), labels=w).to_dict()),
    "curve": lambda s, w: to_svg(
        tk.curve_chart(tk.curve(s, outcome="any_cramps", exposure="age", adjust=()), labels=w).to_dict()
    ),
    "flow chart": lambda s, _: to_svg(tk.flow_chart(tk.flow(s, **ASKED)).to_dict()),
    "rendered": lambda s, _: Rendered(
        hostile.CRAMPS, hostile.DIABETES, s.label, hostile.NOTE, Path("javascript:alert(30)//.html")
    )._repr_html_(),
}  # fmt: skip


@pytest.mark.parametrize("name", EXITS)
def test_what_a_notebook_shows_is_text(
    name: str, study: tk.Study, labels: dict[str, str], chromium: Any, tmp_path: Path
) -> None:
    html = EXITS[name](study, labels)
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><body><pre></pre>{html}</body>")
    page, seen, dialogs = opened(chromium, path)
    expect_text_alone(page, seen, dialogs, path)


def test_the_test_itself_sees_what_runs(chromium: Any, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><body>{hostile.CRAMPS} {hostile.MEN} {hostile.DIABETES}</body>")
    page, seen, dialogs = opened(chromium, path)
    assert {"1", "3"} <= set(dialogs)
    assert any(url.startswith(hostile.ADDRESS) for url in seen.requests)
    assert len(page.evaluate(RISKY)) > 2
