"""A page holds everything it shows, asks for nothing, and has its parts in their places."""

import json
import re
from base64 import b64decode
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import toolkit as tk
from tests.support.messages import mentioning
from toolkit.display.charts.inline_svg import inline_svg
from toolkit.display.charts.theme import render
from toolkit.errors import DatasetError
from toolkit.report.page.embedded_charts import NARROW, SPEC, SVG
from toolkit.report.page.html import (
    Facts,
    compose_index,
    compose_report,
    first_heading,
    refuse_addresses,
)
from toolkit.results import frame

FACTS = Facts("Diabetes & cramps", "my study", "A finding < 5 %.", provenance=(("Python", "3.11"),))
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


def page_of(*cells: Any, facts: Facts = FACTS, folder: Path = Path()) -> str:
    return compose_report(new_notebook(cells=list(cells)), facts, folder)


DRAWN = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="white"/>'
    '<defs><clipPath id="clip0"><path d="M0,0"/></clipPath></defs><g clip-path="url(#clip0)">'
    '<path aria-label="n&#xe001;7 &lt; 8" role="graphics-symbol" '
    'aria-roledescription="rect mark" d="M0.123456,1"/>'
    '<g aria-label="X-axis" aria-roledescription="axis"><path class="background" d="M0,0"/></g></g></svg>'
)


def chart(spec: dict[str, Any], **more: str) -> Any:
    data = {SPEC: spec, SVG: DRAWN, "text/plain": 'Says "x"', **more}
    return new_code_cell("plot()", outputs=[new_output("display_data", data=data)])


def test_title_finding_study_and_provenance_stand_on_the_page() -> None:
    html = page_of(new_markdown_cell("# Heading of the notebook"))
    assert "<h1>Diabetes &amp; cramps</h1>" in html
    assert "A finding &lt; 5 %." in html
    assert "<dt>Python</dt>\n<dd>3.11</dd>" in html
    assert "Heading of the notebook" not in html


@pytest.mark.parametrize("simulated", [True, False])
def test_the_banner_stands_on_simulated_studies_alone(simulated: bool) -> None:
    facts = Facts("T", "S", simulated=simulated)
    assert simulated is ('class="banner"' in page_of(facts=facts))
    assert simulated is ('class="banner"' in compose_index([], "S", simulated=simulated))


SIMULATED = "SIMULATED <own> study (no real people)"


def test_a_page_says_once_that_its_data_are_simulated(few_rows: pl.DataFrame) -> None:
    paper = tk.reports.Paper()
    flow = pl.DataFrame(
        {"step": [f"participants in {SIMULATED}"], "reason": [""], "n_left": [9], "n_out": [0]}
    )
    figure = paper.figure(tk.forest(few_rows), few_rows, "Ratios")
    parts = [
        tk.forest(few_rows), tk.charts.flow_chart(flow), tk.table(few_rows), tk.table(flow),
        paper.finding(few_rows), figure.body, paper.table(few_rows, "Ratios").body,
    ]  # fmt: skip
    outputs = [new_output("display_data", data=shown_by(part)) for part in parts]
    assert all("SIMULATED" in json.dumps(output.data) for output in outputs)
    outputs.append(new_output("display_data", data=shown_by(figure.caption)))
    facts = Facts("T", SIMULATED, f"SIMULATED DATA, no real people: A finding ({SIMULATED}).", simulated=True)
    for interactive in (False, True):
        notebook = new_notebook(cells=[new_code_cell("", outputs=outputs)])
        page = compose_report(notebook, facts, Path(), interactive=interactive)
        page = re.sub("base64,[A-Za-z0-9+/=]*", "", page)
        assert 1 == page.count("SIMULATED"), interactive
        assert '<p class="study">Simulated &lt;own&gt; study</p>' in page
        assert "no real people" not in page
    saved = b64decode(re.findall("base64,([A-Za-z0-9+/=]*)", figure.caption.html)[0]).decode()
    assert SIMULATED in saved, "the file that a reader saves from the page"


@pytest.fixture(scope="module")
def few_rows() -> pl.DataFrame:
    row = {
        "study": SIMULATED, "estimand": "prevalence_ratio", "outcome_label": "cramps", "exposure": "sex",
        "level": "female", "reference": "male", "estimate": 1.4, "scale": "log", "conf_low": 1.1,
        "conf_high": 1.8, "conf_level": 0.95, "reliability": "ok", "n": 900, "n_cases": 90,
    }  # fmt: skip
    return frame([{**row, "age": age} for age in ("20-39", "40+")], by=["age"])


def shown_by(part: Any) -> dict[str, Any]:
    """What a part of a report leaves in an executed notebook."""
    if hasattr(part, "to_dict"):
        return render(part.to_dict(), for_page=True)[0]
    return {"text/html": part.as_raw_html() if hasattr(part, "as_raw_html") else part.html}


def test_code_and_cells_for_the_notebook_alone_are_not_shown() -> None:
    hidden = new_markdown_cell("For those who run it.", metadata={"tags": ["notebook-only"]})
    code = new_code_cell("secret = 1", outputs=[new_output("stream", name="stdout", text="shown")])
    html = page_of(hidden, code)
    assert "For those who run it" not in html
    assert "secret" not in html
    assert "shown" in html


def test_a_chart_is_drawn_in_the_page_with_a_text_that_states_it() -> None:
    html = page_of(chart({"mark": "point"}, **{NARROW: DRAWN}), chart({"mark": "bar"}))
    assert ['"chart both"', '"chart"'] == re.findall(r"<figure class=(\"[^\"]*\")", html)
    assert 3 == html.count('role="img"')
    for name in ("chart-1-wide", "chart-1-narrow", "chart-2-wide"):
        assert f'aria-labelledby="{name}-text"' in html
        assert f'<desc id="{name}-text">Says "x"</desc>' in html
    assert "base64" not in html
    assert "window.drawChart" not in html


def test_a_drawn_chart_keeps_its_values_and_loses_what_nobody_sees() -> None:
    svg = inline_svg(DRAWN, "chart-1-wide", "A finding.")
    assert 'data-tip="n\ue0017 &lt; 8"' in svg
    assert 'd="M0.1,1"' in svg
    # Equal ids of two charts would let one chart use the clip of the other.
    assert {"chart-1-wide-clip0", "chart-1-wide-text"} == set(re.findall(r'id="([^"]*)"', svg))
    assert "url(#chart-1-wide-clip0)" in svg
    assert not re.search(r"<rect|X-axis|background|graphics", svg)


def test_the_vega_library_is_on_interactive_pages_alone() -> None:
    notebook = new_notebook(cells=[chart({"mark": "point"}), chart({"mark": "bar"})])
    html = compose_report(notebook, FACTS, Path(), interactive=True)
    assert 1 == html.count("window.drawChart=")
    assert 2 == html.count('class="live"')
    assert len(html) > 500_000
    assert len(page_of(chart({"mark": "point"}))) < 50_000


def test_a_page_without_charts_carries_no_script() -> None:
    assert "<script>" not in page_of(new_markdown_cell("Words."))


@pytest.mark.parametrize("word", ["</script><script>alert(1)", "<!--<script>", "</SCRIPT >", "]]>", "\u2028"])
def test_words_in_the_data_cannot_end_the_script_and_come_back_as_they_were(word: str) -> None:
    spec = {"data": {"values": [{"a": word}]}, "mark": "bar"}
    cells = [chart(spec), new_markdown_cell("After it.")]
    html = compose_report(new_notebook(cells=cells), FACTS, Path(), interactive=True)
    (packed,) = re.findall(r'<script type="application/json" class="spec wide">(.*?)</script>', html)
    assert "<" not in packed
    assert spec == json.loads(packed)


TABLE = (
    '<div id="table-0123456789" style="overflow-x:auto;"><style>#table-0123456789 p { margin: 0; }</style>'
    '<table class="gt_table" aria-labelledby="table-0123456789-title"><thead><tr class="gt_heading">'
    '<td colspan="2" class="gt_heading gt_title" id="table-0123456789-title">A <b>title</b></td></tr>'
    '<tr><th class="a" id="x"></th><th class="b" scope="col" id="y">n</th></tr></thead><tbody><tr>'
    '<td headers="table-0123456789-label" class="gt_row gt_left">no</td>'
    '<td headers="table-0123456789-n" class="gt_row">7</td></tr></tbody></table></div>'
)


def test_a_table_has_a_caption_and_headings_of_rows_and_columns() -> None:
    output = new_output("display_data", data={"text/html": TABLE})
    html = page_of(new_code_cell("t", outputs=[output]))
    assert re.search(
        r"<caption><span [^>]*>A <b>title</b></span></caption><thead><tr><td class=.a.></td>", html
    )
    assert '<th scope="row" class="gt_row gt_left">no</th><td class="gt_row">7</td>' in html
    assert "#table-0123456789 p" not in html


def test_a_table_of_the_notebook_s_own_keeps_its_look() -> None:
    own = TABLE.replace("0123456789", "mine")
    html = page_of(new_code_cell("t", outputs=[new_output("display_data", data={"text/html": own})]))
    assert own in html


def policy_of(html: str) -> dict[str, str]:
    (content,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', html)
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in content.split(";"))}


def test_the_policy_lets_the_page_s_own_scripts_run_by_their_hash_and_nothing_else() -> None:
    html = page_of(chart({"mark": "bar"}))
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    policy = policy_of(html)
    hashes = [b64decode(word.strip("'").removeprefix("sha256-")) for word in policy.pop("script-src").split()]
    assert hashes == [sha256(text.encode()).digest() for text in scripts]
    assert 1 == len(scripts)
    assert {
        "default-src": "'none'", "style-src": "'unsafe-inline'", "img-src": "data:", "font-src": "data:",
        "base-uri": "'none'", "form-action": "'none'",
    } == policy  # fmt: skip


def test_a_page_without_a_script_lets_none_run() -> None:
    for html in (page_of(new_markdown_cell("Words.")), compose_index([], "S", simulated=False)):
        assert "'none'" == policy_of(html)["script-src"]


def test_a_script_that_a_notebook_puts_out_is_not_among_those_that_may_run() -> None:
    data = {"text/html": "<script>alert(1)</script>"}
    html = page_of(
        chart({"mark": "bar"}), new_code_cell("x", outputs=[new_output("display_data", data=data)])
    )
    assert 1 == len(policy_of(html)["script-src"].split())


def markdown(text: str) -> Any:
    return new_code_cell("x", outputs=[new_output("display_data", data={"text/markdown": text})])


def test_html_in_markdown_that_a_cell_puts_out_is_text() -> None:
    said = "**bold** a <svg onload=alert(1)> b\n\n<iframe srcdoc='x'></iframe>\n\n[a](javascript:alert(1))"
    html = page_of(markdown(said))
    assert "<strong>bold</strong>" in html
    assert "<svg onload=alert(1)>" in unescape(html)
    assert not re.search(r"<(svg|iframe)|href=.javascript", html)


def test_the_index_leads_to_files_of_any_name_and_to_no_script() -> None:
    entry = {"title": "A", "finding": "", "failure": "", "parquet": "", "csv": ""}
    html = compose_index([{**entry, "html": "javascript:a b.html"}], "S", simulated=False)
    assert 'href="javascript%3Aa%20b.html"' in html


def test_the_contents_list_the_second_rank_and_each_heading_has_its_own_anchor() -> None:
    html = page_of(new_markdown_cell("## By age\n\n## By age\n\n### Not listed\n\n## Last"))
    listed = html[html.index("<nav") : html.index("</nav>")]
    assert '<a href="#by-age">By age</a>' in listed
    assert '<a href="#by-age-2">By age</a>' in listed
    assert "Not listed" not in listed
    assert '<h3 id="not-listed">' in html


def test_equal_notebooks_give_equal_pages() -> None:
    assert page_of(new_markdown_cell("Words.")) == page_of(new_markdown_cell("Words."))


def test_a_picture_beside_the_notebook_is_put_into_the_page(tmp_path: Path) -> None:
    (tmp_path / "dot.gif").write_bytes(b"GIF89a")
    html = page_of(new_markdown_cell("![a dot](dot.gif)"), folder=tmp_path)
    assert "data:image/gif;base64," in html
    assert "dot.gif" not in html


@pytest.mark.parametrize(
    "text",
    [
        "![logo](https://example.org/a.png)",
        "![absent](absent.png)",
        '<img src="//example.org/a.png">',
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<div style="background: url(https://example.org/a.png)">x</div>',
        "<style>@import 'https://example.org/a.css';</style>",
        '<iframe src="https://example.org"></iframe>',
        '<meta http-equiv="refresh" content="0;url=https://example.org">',
    ],
)
def test_whatever_a_browser_would_load_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=mentioning("notebook", "![](picture.png)")):
        page_of(new_markdown_cell(text), folder=tmp_path)


def test_links_and_pictures_inside_the_page_are_fine() -> None:
    refuse_addresses(f'<a href="https://example.org">x</a><img src="{PIXEL}"><svg><use href="#a"/></svg>')


def test_words_after_a_style_are_no_style() -> None:
    refuse_addresses("<style>p{color:red}</style>@import 'https://example.org/a.css' is what he typed")


def test_the_first_heading_is_found_in_markdown_alone() -> None:
    cells = [new_code_cell("# no"), new_markdown_cell("words\n\n# The title "), new_markdown_cell("# Second")]
    assert first_heading(new_notebook(cells=cells)) == "The title"
    assert first_heading(new_notebook()) == ""


def test_the_index_links_what_was_made_and_says_why_others_failed() -> None:
    made = {
        "title": "A",
        "finding": "F.",
        "failure": "",
        "html": "a.html",
        "parquet": "a.parquet",
        "csv": "a.csv",
    }
    bare = {**made, "title": "B", "html": "b.html", "parquet": "", "csv": ""}
    html = compose_index([made, bare, {"title": "C", "failure": "no such <variable>"}], "S", simulated=False)
    assert '<a href="a.html">A</a>' in html
    assert '<a href="a.csv">CSV</a>' in html
    assert "No estimates on this page" in html
    assert "This report failed: no such &lt;variable&gt;" in html


def test_the_headings_of_a_table_stand_over_their_columns() -> None:
    people = pl.DataFrame({"sex": ["f", "m"] * 20, "age": [float(20 + n) for n in range(40)]})
    study = tk.study(people, design=tk.Design.none(), name="mine")
    described = tk.table(tk.describe(study, ["age"], by="sex")).as_raw_html()
    html = page_of(new_code_cell("t", outputs=[new_output("display_data", data={"text/html": described})]))
    head = html[html.index("<thead>") : html.index("</thead>")]
    first, second = head.split("</tr>")[:2]
    row = html[html.index("<tbody") :].split("</tr>")[0]
    assert 'rowspan="2"' in first.split("</td>")[0]  # over the labels of the rows
    assert len(re.findall(r"<t[hd]", row)) == first.count('rowspan="2"') + len(re.findall(r"<t[hd]", second))
