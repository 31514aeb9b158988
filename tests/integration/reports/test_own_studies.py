"""All reports render for own studies of every size; what cannot be estimated becomes a sentence on the page.

Some random subsamples run here; `CRAMPS_SUBSAMPLES=50` runs fifty, each with all reports.
"""

import os
import random
import re
from typing import Any

import polars as pl
import pytest

import toolkit as tk
from tests.support.looping import in_one_test
from tests.support.report_in_process import all_reports, run_report, subsample, words_of

SUBSAMPLES = int(os.environ.get("CRAMPS_SUBSAMPLES", "0"))
SOME, REPORTS = 8, 5  # subsamples where no number is given, and reports of each
NO_WORDS = re.compile(r"\bNone\b(?! of\b)|\b(?:nan|NaN|inf)\b|\bnull\b|0\.000000")


@pytest.fixture(scope="module")
def survey() -> tk.Study:
    return tk.open_study("example-survey")


@pytest.fixture(scope="module")
def cohort() -> tk.Study:
    return tk.open_study("example-cohort")


def own_study(size: int, name: str, **columns: Any) -> tk.Study:
    """Make a study of one's own with the columns of the toolkit's codebook, and those given."""
    draw = random.Random(7)  # noqa: S311 - nothing secret is drawn
    people = pl.DataFrame(
        {
            "age": [draw.randint(18, 90) for _ in range(size)],
            "sex": [draw.choice(["female", "male"]) for _ in range(size)],
            "diabetes_told": [draw.choice(["yes", "no", "no"]) for _ in range(size)],
            "arthritis": [draw.choice(["yes", "no"]) for _ in range(size)],
            "sitting_hours": [float(draw.randint(1, 12)) for _ in range(size)],
            "answer": [draw.choice(["yes", "no"]) for _ in range(size)],
        }
    ).with_columns(**columns)
    return tk.study(people, design=tk.Design.none(), name=name, codebook="toolkit")


def render(study: tk.Study, *reports: tuple[str, dict[str, Any]], **parameters: Any) -> dict[str, str]:
    """Give the words of each report, by its cause or name."""
    pages = {}
    for name, own in reports:
        with pytest.MonkeyPatch.context() as patch:
            shown = run_report(name, study, patch, **own, **parameters)
        pages[own.get("cause", name)] = words_of(shown)
    for name, words in pages.items():
        assert NO_WORDS.findall(words) == [], name
    return pages


@pytest.mark.parametrize("name", ["survey", "cohort"])
def test_the_examples_have_all_reports(name: str, request: pytest.FixtureRequest) -> None:
    pages = render(request.getfixturevalue(name), *all_reports())
    assert len(pages) == len(all_reports())


@pytest.mark.parametrize("name", ["survey", "cohort"])
def test_a_page_names_nhanes_only_among_published_findings(name: str, request: pytest.FixtureRequest) -> None:
    for report, parameters in all_reports():
        with pytest.MonkeyPatch.context() as patch:
            shown = run_report(report, request.getfixturevalue(name), patch, **parameters)
        naming = [words_of([part]) for part in shown if re.search("NHANES|National Health and Nut", part)]
        published = ("Published findings", "Findings disagree", "References")
        assert [text for text in naming if not any(mark in text for mark in published)] == [], parameters
        verdicts = re.findall("No clear difference|ruled out|not measured by any study", words_of(shown))
        assert verdicts == []


def test_without_a_cramp_question_each_page_says_what_was_not_measured() -> None:
    pages = render(own_study(200, "no cramps"), *all_reports())
    for cause in tk.causes.cards():
        assert "No estimate is shown, because the study did not measure" in pages[cause]
    assert "did not measure any cramps" in pages["diabetes"]


@pytest.mark.parametrize("adjust", [("age",), ("age", "sex"), ()])
def test_an_outcome_of_ones_own_has_its_page(adjust: tuple[str, ...]) -> None:
    own = own_study(300, "calf pain", calf_pain=pl.col("answer"))
    for cause in ("diabetes", "sitting_standing"):
        page = render(own, ("cause", {"cause": cause}), outcome="calf_pain", adjust=adjust)[cause]
        assert "calf pain" in page
        assert "prevalence ratio" in page


def test_forty_people_of_whom_nobody_or_everybody_has_cramps_have_all_reports() -> None:
    for name, answer in (("some", pl.col("answer")), ("nobody", pl.lit("no")), ("everybody", pl.lit("yes"))):
        own = own_study(40, name, any_cramps=answer, frequent_cramps=answer)
        reports = all_reports() if name == "some" else [("cause", {"cause": "diabetes"}), ("care", {})]
        assert "40" in render(own, *reports)["diabetes"]


def test_a_condition_that_nobody_meets_is_a_sentence() -> None:
    teenagers = own_study(60, "teenagers", age=pl.lit(15), any_cramps=pl.col("answer"))
    reports = [("cause", {"cause": "diabetes"}), ("care", {}), ("burden", {}), ("heat", {})]
    pages = render(teenagers, *reports)
    assert "because no participant meets the condition age ≥ 20" in pages["diabetes"]


@in_one_test("seed", range(SUBSAMPLES or SOME))
def test_random_subsamples_have_all_reports(seed: int, survey: tk.Study, cohort: tk.Study) -> None:
    study = subsample(cohort if seed % 5 == 4 else survey, seed)
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    render(study, *(all_reports() if SUBSAMPLES else draw.sample(all_reports(), REPORTS)))
