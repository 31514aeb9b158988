"""A study of fewer cycles than measured an analysis says so, unless a plan gives the reason."""

from pathlib import Path

import pytest

import toolkit as tk
from toolkit.sources.registry import open_study

D, E = "2005-2006", "2007-2008"
ASKED = ("any_cramps", "diabetes_told", "age", "sex")


@pytest.fixture(scope="module")
def first(nhanes_mirror: Path) -> tk.Study:
    return open_study("nhanes", cycles=(D,), mirror=nhanes_mirror)


def test_a_cycle_that_measured_everything_and_was_not_opened_is_named(
    first: tk.Study, nhanes: tk.Study
) -> None:
    expected = f"Cycle {D} was used; {E} also measured all variables of this analysis; no reason was given."
    assert expected == tk.reports.cycles_sentence(first, ASKED)
    assert "" == tk.reports.cycles_sentence(nhanes, ASKED)
    assert expected == tk.reports.cycles_sentence(nhanes, ASKED, f"cycle == '{D}'")


def test_a_cycle_that_lacks_a_variable_is_not_named(first: tk.Study) -> None:
    assert "" == tk.reports.cycles_sentence(first, (*ASKED, "work_posture"))
    assert "" == tk.reports.cycles_sentence(first, ASKED, "work_posture == 'sits'")


def test_every_cycle_of_the_survey_is_considered(first: tk.Study) -> None:
    sentence = tk.reports.cycles_sentence(first, ("diabetes_told", "age"))
    assert "1999-2000, 2001-2002, 2003-2004, 2007-2008" in sentence
    assert sentence.endswith("2021-2023 also measured all variables of this analysis; no reason was given.")


def test_the_reason_of_a_plan_is_quoted(first: tk.Study, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    question = '[[question]]\nname="q"\noutcome="any_cramps"\nexposure="diabetes_told"\nrole="primary"\n'
    path.write_text(f'cycles = ["{D}"]\ncycles_reason = "The replication uses the other."\n{question}')
    sentence = tk.reports.cycles_sentence(first, ASKED, plan=tk.plan(path, first))
    assert sentence.endswith("; reason in the analysis plan: The replication uses the other.")


@pytest.mark.slow
def test_the_page_of_one_cycle_says_so(first: tk.Study, tmp_path: Path) -> None:
    page = tk.render("cause", study=first, cause="diabetes", output=tmp_path).html.read_text()
    assert (
        f"Cycle {D} was used; {E} also measured all variables of this analysis; no reason was given." in page
    )
