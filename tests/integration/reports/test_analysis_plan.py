"""A report with an analysis plan says of each result whether it was planned."""

import re
from html import unescape
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.report import render

PLAN = """
title = "Joints"
study = "simulated"

[[question]]
name = "arthritis"
outcome = "any_cramps"
exposure = "arthritis"
role = "primary"
domain = "age >= 20"

[[question]]
name = "by sex"
outcome = "any_cramps"
exposure = "arthritis"
role = "secondary"
domain = "age >= 20"
by = "sex"

[[question]]
name = "elsewhere"
outcome = "any_cramps"
exposure = "pad"
role = "secondary"
domain = "age >= 20"
"""


def text_of(page: str) -> str:
    """Return the visible text of a page."""
    body = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path / "plan.toml"


@pytest.mark.slow
def test_the_page_states_what_was_planned_and_the_files_mark_each_row(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    stamp = tk.plan(path).freeze().stamps[0]
    asked = {"study": "simulated", "cause": "joints", "plan": "plan.toml", "output": path.parent}
    made = render("cause", **asked)
    page, rows = made.html.read_text(), pl.read_parquet(made.parquet)
    shown = text_of(page)
    assert mentions(
        shown, ("3 questions (1 primary and 2 secondary)", f"frozen on {stamp.day}", stamp.sha256[:12])
    )
    assert mentions(
        shown, ("Planned (primary question 'arthritis')", "Of 3 estimates, 1 was planned", "Not planned")
    )
    assert mentions(shown, "Planned (secondary question 'by sex')")
    assert str(path.parent) not in page
    # The question of another page counts in its family.
    answers = tk.plan(path, tk.open_study("simulated")).answer(tk.open_study("simulated"))
    holm = answers.filter(plan_question="by sex")["p_holm"][0]
    table = page[page.index("Answers to the planned questions") :]
    assert f"p = {holm:.2g}" in table[: table.index("</table>")]
    assert "elsewhere" in table[: table.index("</table>")]
    main = rows.filter(plan_status="primary (arthritis)")
    assert {"arthritis"} == set(main["exposure"])
    assert answers.filter(plan_question="arthritis")["estimate"][0] in main["estimate"].to_list()
    crude = rows.filter(pl.col("adjust") == "", pl.col("estimand") == "prevalence_ratio")
    assert {"not planned (other covariates than in 'arthritis')"} == set(crude["plan_status"])
    assert {None} == set(rows.filter(estimand="prevalence")["plan_status"])
    assert render("cause", **asked).unchanged
    changed = PLAN.replace('name = "elsewhere"', 'name = "legs"')
    path.write_text(changed)
    with pytest.raises(tk.DatasetError, match=mentioning(("'elsewhere'", "'legs'", "--amend"))):
        render("cause", **asked)
    (path.parent / "plan.frozen.json").unlink()
    again = render("cause", **asked)
    assert not again.unchanged
    assert mentions(text_of(again.html.read_text()), "It was not frozen")


@pytest.mark.slow
def test_a_page_without_a_plan_says_so_once(tmp_path: Path) -> None:
    page = render("cause", study="simulated", cause="joints", output=tmp_path).html.read_text()
    assert 1 == len(re.findall("No analysis plan was given", page))
    assert not re.search(r"Planned|Not planned|>Plan<", page)


def test_a_plan_that_does_not_fit_is_refused_before_a_kernel_starts(path: Path) -> None:
    asked = {"study": "simulated", "cause": "joints", "output": path.parent}
    with pytest.raises(tk.DatasetError, match=mentioning("plan.tml")):
        render("cause", **asked, plan="plan.tml")
    path.write_text(PLAN.replace('exposure = "pad"', 'exposure = "pads"'))
    with pytest.raises(tk.DatasetError, match=mentioning(("'elsewhere'", "'pad'"))):
        render("cause", **asked, plan=str(path))
    with pytest.raises(tk.VariableError, match=mentioning("'plan'")):
        render("care", study="simulated", output=path.parent, plan=str(path))
