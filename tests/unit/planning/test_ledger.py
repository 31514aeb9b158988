"""A ledger records what a session asks of every estimator, inside its block alone, and counts questions."""

import inspect
import json
from pathlib import Path

import polars as pl
import pytest

import toolkit as tk
from tests.support.invented import crowded
from tests.support.messages import mentioning, mentions
from tests.unit.test_estimates import WITH_COVARIANCE, WITHOUT
from toolkit.results import Estimates
from toolkit.variables import LISTENERS

STUDY = crowded()
ASKED = {"outcome": "cramps", "exposure": "band"}
GIVEN = {"pool": ["mean"], "compare_studies": ["prevalence"]}
ELSEWHERE = {"trials", "truth"}  # published findings and true values: no estimates


def adjusted(**given: object) -> pl.DataFrame:
    return tk.association(STUDY, **{**ASKED, "adjust": (), **given})


@pytest.mark.parametrize("name", [*WITH_COVARIANCE, *WITHOUT])
def test_every_estimator_is_recorded_once_with_what_was_asked(name: str) -> None:
    with tk.ledger() as ledger:
        {**WITH_COVARIANCE, **WITHOUT}[name]()
    calls = ledger.table()["estimator"].unique().to_list()
    assert name in calls
    # The frames that are pooled or compared are estimates of their own.
    assert {name, *GIVEN.get(name, ())} == set(calls)
    assert set(ledger.table()["status"]) == {"estimated"}


def test_every_public_function_that_estimates_is_recorded() -> None:
    names = [name for name in tk._MODULES if inspect.isfunction(getattr(tk, name))]
    results = [n for n in names if inspect.signature(getattr(tk, n)).return_annotation is Estimates]
    missing = [n for n in results if not hasattr(getattr(tk, n), "__wrapped__")]
    assert set(missing) == ELSEWHERE


def test_nothing_is_recorded_outside_of_a_block() -> None:
    with tk.ledger() as ledger:
        adjusted()
    assert () == LISTENERS.get()
    before = ledger.table().height
    adjusted()
    assert before == ledger.table().height == 1


def test_nested_ledgers_each_record_their_own_block() -> None:
    with tk.ledger() as outer:
        adjusted()
        with tk.ledger() as inner:
            adjusted(domain="age > 30")
    assert ["", "age > 30"] == outer.table()["domain"].to_list()
    assert ["age > 30"] == inner.table()["domain"].to_list()


def test_what_is_not_an_opened_plan_or_a_study_is_refused() -> None:
    for wrong in ("plan.toml", STUDY):
        with pytest.raises(tk.VariableError, match=mentioning(("tk.plan(", type(wrong).__name__))):
            tk.ledger(wrong)


def test_a_failed_call_is_recorded_and_its_error_passes_on() -> None:
    with tk.ledger() as ledger:
        with pytest.raises(tk.VariableError, match=mentioning("'bands'")):
            tk.association(STUDY, "cramps", "bands", adjust=())
        with pytest.raises(tk.VariableError):
            tk.model(STUDY, "cramps ~ agge")
        with pytest.raises(TypeError):
            tk.association(STUDY, "cramps", "band", adjst=())
    table = ledger.table()
    assert ["failed (VariableError)"] * 2 + ["failed (TypeError)"] == table["status"].to_list()
    assert ["bands", "agge", "band"] == table["exposure"].to_list()
    assert 0 == ledger.questions().height
    with pytest.raises(ZeroDivisionError), tk.ledger():
        _ = 1 / 0
    assert () == LISTENERS.get()


def test_analyses_of_one_question_are_counted_once_and_pay_for_their_number() -> None:
    with tk.ledger() as ledger:
        first = tk.association(STUDY, "cramps", "sex", adjust=())
        second = tk.association(STUDY, "cramps", "sex", adjust=("age",))
        third = adjusted()
    assert third.height > 1
    table, questions = ledger.table(), ledger.questions()
    assert [1, 1, 1] == table["tests"].to_list()
    assert ["sex", "band"] == questions["exposure"].to_list()
    assert [2, 1] == questions["analyses"].to_list()
    smallest = min(first["p_value"].item(), second["p_value"].item())
    joint = tk.tests.term_test(STUDY, "cramps ~ band", "band", family="poisson", df="design")[
        "p_value"
    ].item()
    expected = [min(1.0, 2 * smallest), joint]
    assert pytest.approx(expected, rel=1e-9) == questions["p_value"].to_list()
    for column, method in (("p_holm", "holm"), ("p_bh", "bh")):
        assert tk.tests.adjust_p_values(questions["p_value"].to_list(), method) == questions[column].to_list()


def test_an_atlas_is_as_many_questions_as_outcomes_times_exposures() -> None:
    with tk.ledger() as ledger:
        rows = tk.effects.atlas(STUDY, "cramps", ("sex", "band"), adjust=[()], domain="", progress=False)
    once = rows.unique("exposure", maintain_order=True)
    assert 1 == ledger.table()["call"].n_unique()
    assert once["p_question"].to_list() == ledger.questions()["p_value"].to_list()


def test_a_model_by_formula_is_one_question_of_all_its_coefficients() -> None:
    with tk.ledger() as ledger:
        rows = tk.model(STUDY, "cramps ~ sex + age")
    slopes = rows.filter(pl.col("level") != "intercept")["p_value"].to_list()
    (entry,) = ledger.table().rows(named=True)
    assert ("sex + age", 2) == (entry["exposure"], entry["tests"])
    assert pytest.approx(min(1.0, 2 * min(slopes))) == entry["p_value"]


def test_prevalences_test_nothing_and_are_no_questions() -> None:
    with tk.ledger() as ledger:
        tk.prevalence(STUDY, "cramps", by="sex")
    assert [("prevalence", "sex", 0, None)] == ledger.table().select(
        "estimator", "by", "tests", "p_value"
    ).rows()
    assert 0 == ledger.questions().height


def test_neither_estimates_nor_hidden_p_values_are_recorded() -> None:
    few = {"cramps": [0, 1, 1, 0, 1, 0], "ill": [0, 0, 1, 1, 1, 0], "region": ["a", "a", "b", "b", "c", "c"]}
    few["cramps"] *= 2
    few["ill"] *= 2
    few["region"] = [*few["region"], *reversed(few["region"])]
    mine = tk.study(pl.DataFrame(few), design=tk.Design.none(), name="twelve", smallest_cell=15)
    with tk.ledger() as ledger:
        rows = [tk.association(mine, "cramps", exposure, adjust=()) for exposure in ("ill", "region")]
        rows.append(tk.effects.atlas(mine, "cramps", "region", adjust=[()], domain="", progress=False))
        with pytest.raises(tk.VariableError):
            tk.association(mine, "cramps", "ill", adjust=(), domain="region == 'c' and il == 'yes'")
    assert all(result["p_value"].count() for result in rows)
    *entries, failed = ledger.table().rows(named=True)
    assert [(1, None)] * 3 == [(entry["tests"], entry["p_value"]) for entry in entries]
    assert "'c'" not in failed["domain"]
    assert not {"estimate", "conf_low", "n", "n_cases"} & {*ledger.table().columns}


def test_a_plan_marks_what_was_not_planned(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(
        '[[question]]\nname="q"\noutcome="cramps"\nexposure="sex"\nrole="primary"\nadjust=["age"]\n'
    )
    with tk.ledger(tk.plan(path)) as ledger:
        tk.association(STUDY, "cramps", "sex", adjust="age")
        tk.association(STUDY, "cramps", "sex", adjust=())
        adjusted()
    assert ["primary (q)", "not planned (other covariates than in 'q')", "not planned"] == ledger.table()[
        "plan"
    ].to_list()
    assert ["primary (q)", "not planned"] == ledger.questions()["plan"].to_list()
    assert mentions(str(ledger), ("3 calls", "2 questions", "1 of the questions were planned"))
    path.write_text(path.read_text().replace('adjust=["age"]\n', ""))
    with pytest.raises(tk.VariableError, match=mentioning("tk.plan('plan.toml', study)")):
        tk.ledger(tk.plan(path))


def test_a_ledger_is_written_as_csv_and_json(tmp_path: Path) -> None:
    with tk.ledger() as ledger:
        adjusted()
    kept = pl.read_csv(ledger.write(tmp_path / "a.csv"), schema=ledger.table().schema)
    assert ledger.table().equals(kept)
    assert ledger.table().to_dicts() == json.loads(ledger.write(tmp_path / "a.json").read_text())
    with pytest.raises(tk.DatasetError, match=mentioning("'a.xlsx'")):
        ledger.write(tmp_path / "a.xlsx")
