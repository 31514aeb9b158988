"""A page is read as a manuscript: what a reader sees, in its order, and folds in an appendix."""

import pytest

from toolkit.display.export.manuscript import Figure, Heading, Manuscript, Paragraph, Table
from toolkit.report.page.page_reader import read_manuscript

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CHART = '<figure class="chart" id="chart-{0}"><svg><desc>It rose. More.</desc></svg></figure>'


def read(body: str, charts: int = 0) -> Manuscript:
    page = (
        f"<html><body><nav>Contents</nav><header><h1>A &amp; b</h1></header><main>{body}</main></body></html>"
    )
    return read_manuscript(page, [{"mark": "bar", "name": str(n)} for n in range(charts)])


def test_text_keeps_its_looks_and_loses_what_a_browser_does_not_show() -> None:
    (block,) = read(
        "<p>One\n   <b>two</b> <i>three</i><sup>2</sup><br><a href='#x'>x</a> &lt;y&gt;</p>"
    ).blocks
    assert isinstance(block, Paragraph)
    assert "One two three2\nx <y>" == block.text
    assert ["two"] == [run.text for run in block.runs if run.bold]
    assert ["raised"] == [run.place for run in block.runs if run.place]
    assert not any(run.link for run in block.runs), "a link within the page leads nowhere"


def test_lists_have_their_marks_and_depth() -> None:
    blocks = read("<ul><li>a<ol><li>b</li><li>c</li></ol></li><li>d</li></ul>").blocks
    found = [(b.text, b.mark, b.level) for b in blocks if isinstance(b, Paragraph)]
    assert [("a", "•", 0), ("b", "1.", 1), ("c", "2.", 1), ("d", "•", 0)] == found


def test_what_has_no_number_is_numbered_after_what_has_one() -> None:
    announced = '<p class="exhibit"><b>Figure 1.</b> A title.</p>'
    note = '<p class="caption">A note.</p>'
    blocks = read(f"{announced}{CHART.format(1)}{note}{CHART.format(2)}", 2).blocks
    figures = [block for block in blocks if isinstance(block, Figure)]
    assert [("1", "A title", "A note."), ("2", "It rose", "")] == [
        (f.number, f.title, f.note) for f in figures
    ]
    assert ["0", "1"] == [f.spec["name"] for f in figures]
    assert "It rose. More." == figures[0].alt


def test_tables_have_the_caption_of_the_page_or_none() -> None:
    table = "<table><thead><tr><th>h</th></tr></thead><tbody><tr><td>=1</td></tr></tbody></table>"
    first, second = read(f'<p class="exhibit"><b>Table 1.</b> A title.</p>{table}{table}').blocks
    assert isinstance(first, Table)
    assert isinstance(second, Table)
    assert ("1", "A title") == (first.content.number, first.content.title)
    assert ("", "") == (second.content.number, second.content.title)
    assert "=1" == first.content.body[0][0].text


def test_a_picture_is_kept_with_its_alternative_text() -> None:
    (figure,) = read(f'<figure><img alt="A dot" src="data:image/png;base64,{PIXEL}"></figure>').blocks
    assert isinstance(figure, Figure)
    assert ("", "A dot", b"\x89PNG") == (figure.number, figure.alt, figure.picture[:4])


def test_folds_are_in_the_appendix_and_named_where_they_were() -> None:
    table = "<table><tbody><tr><th>a</th><td>b</td></tr></tbody></table>"
    body = (
        f"<h4>Cramps</h4><details><summary>Truth table</summary>{table}</details>"
        "<dl><dt>Files</dt><dd><details><summary>2 files</summary><pre>x\ny</pre></details></dd>"
        "<dt>Date</dt><dd>today</dd></dl>"
    )
    made = read(body)
    assert [
        "Table A1 in the appendix: Truth table: Cramps.",
        "Section A2 in the appendix: Files (2 files).",
        "Date: today",
    ] == [block.text for block in made.blocks if isinstance(block, Paragraph)]
    tables = [block.content for block in made.appendix if isinstance(block, Table)]
    assert [("A1", "Truth table: Cramps")] == [(content.number, content.title) for content in tables]
    assert ["Section A2. Files (2 files)"] == [b.text for b in made.appendix if isinstance(b, Heading)]
    assert "x\ny" in [block.text for block in made.appendix if isinstance(block, Paragraph)]
    assert ["A1"] == [block.content.number for block in made.exhibits if isinstance(block, Table)]


@pytest.mark.parametrize("skipped", ["<script>alert(1)</script>", "<style>p{}</style>", "<nav>x</nav>"])
def test_what_is_not_text_is_left_out(skipped: str) -> None:
    assert () == read(f"<div>{skipped}</div>").blocks
