"""The data dictionary: every variable and gap is in it, no small group and no person, and no address."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.report.data_dictionary import data_dictionary
from toolkit.report.disclosure_control import draw_histogram, format_count, format_share, round_count
from toolkit.report.page.html import refuse_addresses


class Page(HTMLParser):
    """Collect the words of each article, by variable, and of the whole page without style and script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.articles: dict[str, list[str]] = {}
        self.words: list[str] = []
        self._here, self._silent = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in {"style", "script"}
        if tag == "article":
            self._here = (dict(attrs).get("id") or "").removeprefix("variable-")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False
        self._here = "" if tag == "article" else self._here

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.words.append(data.strip())
            self.articles.setdefault(self._here, []).append(data.strip())


def page_of(study: tk.Study, folder: Path, **options: Any) -> tuple[str, Page]:
    html = data_dictionary(study, folder / "page.html", **options).read_text()
    return html, Page(html)


SMALL = pl.DataFrame(
    {
        "rare": ["common"] * 57 + ["rare"] * 3,
        "income": [1000.0 + i for i in range(59)] + [987_654.25],
        "gap": [None] * 4 + [1.0] * 56,
        "w": [1.0] * 60,
        "<b>loud</b>": ["</table><script>alert(1)</script>", "b"] * 30,
    }
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Page]:
    study = tk.study(SMALL, design=tk.Design(weight="w"), name="a small study")
    return page_of(study, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def simulated_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    return page_of(tk.open_study("simulated"), tmp_path_factory.mktemp("simulated"))[1]


@pytest.mark.parametrize("name", ["example-survey", "example-cohort", "simulated"])
def test_every_variable_question_level_and_reason_is_on_the_page(tmp_path: Path, name: str) -> None:
    study = tk.open_study(name)
    html, page = page_of(study, tmp_path)
    refuse_addresses(html)
    assert "SIMULATED" in page.words
    held = [n for n in study.codebook if n in study.people.columns]
    assert set(held) == {n for n in page.articles if n and n in study.codebook}
    for n in held:
        variable, words = study.codebook[n], " ".join(page.articles[n])
        for expected in (variable.label, variable.question, *variable.levels):
            assert expected in words, (n, expected)
        for reason in study.missing(n).filter(pl.col("reason") != "has a value")["reason"]:
            assert reason in words, (n, reason)


@pytest.mark.parametrize("name", ["example-survey", "simulated"])
def test_what_was_measured_of_each_cause_is_on_the_page(tmp_path: Path, name: str) -> None:
    study = tk.open_study(name)
    _, page = page_of(study, tmp_path)
    for card in tk.cards().values():
        assert card.title in page.words
        assert {e.name for e in card.exposures} <= set(page.words)
    measured = study.availability().filter(pl.col("status") != "not measured").height
    marks = [word for word in page.articles[""] if word in ("●", "○")]
    assert measured == len(marks)


def test_counts_are_those_of_the_study_when_asked_for(tmp_path: Path) -> None:
    study = tk.open_study("example-survey")
    _, page = page_of(study, tmp_path, exact=True)
    counts = dict(study.people["cramp_frequency"].drop_nulls().value_counts().iter_rows())
    words = page.articles["cramp_frequency"]
    for level, n in counts.items():
        assert f"{n:,}" == words[words.index(level) + 1]
    refused = study.missing("cramp_frequency").filter(reason="refused")["n"].item()
    assert f"{refused:,}" == words[words.index("refused") + 1]


def test_a_small_group_cannot_be_told(small: tuple[str, Page]) -> None:
    _, page = small
    words = page.articles["rare"]
    assert ("<10", "60") == (words[words.index("1 rare level") + 1], words[words.index("common") + 1])
    gap = page.articles["gap"]
    assert "<10" == gap[gap.index("no value recorded") + 1]
    assert "60" == page.words[page.words.index("participants") - 1]
    assert any(mentions(w, "1 to 9", "<10") for w in page.words)


def test_no_value_of_one_person_is_on_the_page(small: tuple[str, Page]) -> None:
    html, _ = small
    assert "987" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    for name in ("example-survey", "example-cohort"):
        study = tk.open_study(name)
        assert not [p for p in study.people["person"] if p in html]


def test_words_of_a_study_are_words_on_the_page_and_never_code(small: tuple[str, Page]) -> None:
    html, page = small
    assert "<script>alert" not in html
    assert "</table><script>alert(1)</script>" in unescape(" ".join(page.words))


def test_visits_and_nights_are_described_with_their_words(tmp_path: Path) -> None:
    _, page = page_of(tk.open_study("example-cohort"), tmp_path)
    text = " ".join(page.words)
    for expected in (
        "Nights of the diary",
        "3,040 records of 60 participants",
        "a leg cramp in the night",
        "body mass",
    ):
        assert expected in text


def test_cycles_and_reasons_of_nhanes_are_told(nhanes: tk.Study, tmp_path: Path) -> None:
    html, page = page_of(nhanes, tmp_path, exact=True)
    refuse_addresses(html)
    words = page.articles["cramp_frequency"]
    assert ["2005-2006", "2007-2008"] == [w for w in words if re.fullmatch(r"\d{4}-\d{4}", w)]
    assert any("ankle blood pressure was measured in 1999-2004 only" in w for w in page.words)
    assert not [str(p) for p in nhanes.people["person"].head(50) if str(p) in page.words]


def test_every_variable_of_the_toolkit_stands_under_its_theme(simulated_page: Page) -> None:
    assert "Variables of this study" not in simulated_page.words


def test_the_file_is_named_by_the_study_and_must_be_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = tk.open_study("example-survey")
    assert Path("reports/example-survey/data-dictionary.html") == data_dictionary(study)
    with pytest.raises(tk.DatasetError, match=mentioning("'page.txt'", ".html")):
        data_dictionary(study, tmp_path / "page.txt")


@settings(deadline=None)
@given(st.integers(0, 100_000))
def test_a_rounded_count_is_within_five_of_the_count_or_hidden(n: int) -> None:
    told = round_count(n)
    assert (told is None) == (1 <= n <= 9)
    assert told is None or abs(told - n) <= 5
    assert format_count(n, exact=True) == f"{n:,}"


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 50))
def test_a_share_hides_fewer_than_ten_on_either_side(part: int, more: int) -> None:
    of = part + more
    told = format_share(part, of, exact=False)
    assert ("%" in told) == ((part == 0 or part >= 10) and (more >= 10))


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=0, max_size=120))
def test_percentiles_have_ten_people_beyond_and_bars_hold_ten(numbers: list[float]) -> None:
    drawn = draw_histogram(pl.Series(numbers, dtype=pl.Float64), exact=False)
    words = {word for word, _ in drawn.percentiles}
    assert ("5%" in words) == (0.05 * len(numbers) >= 10)
    assert ("median" in words) == (0.5 * len(numbers) >= 10)
    assert {"minimum", "maximum"} & words == set()
    assert 10 * drawn.svg.count("<rect") <= max(len(numbers) * 1.5, 0)
