"""A plan declares its questions, is frozen with a stamp, and says which results were planned."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.estimate.regression import COEFFICIENTS, STANDARDIZED
from toolkit.planning.declared_plan import COMPARISONS
from toolkit.planning.opened_plan import freeze_file
from toolkit.results import ESTIMANDS

TEXT = """
title = "Joints and cramps"
study = "simulated"

[[question]]
name = "arthritis"
outcome = "any_cramps"
exposure = "arthritis"
role = "primary"
domain = "age >= 20"

[[question]]
name = "health"
outcome = "any_cramps"
exposure = "general_health"
role = "secondary"
adjust = ["age", "sex"]

[[question]]
name = "by sex"
outcome = "any_cramps"
exposure = "arthritis"
role = "secondary"
adjust = ["age"]
by = "sex"
"""


@pytest.fixture(scope="module")
def study() -> tk.Study:
    return tk.open_study("simulated")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(TEXT)
    return tmp_path / "plan.toml"


def changed(path: Path, *pairs: tuple[str, str]) -> Path:
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)
    return path


def first(frame: pl.DataFrame) -> dict[str, object]:
    return frame.row(0, named=True)


def test_the_estimands_of_a_plan_are_the_comparisons_of_an_association() -> None:
    of_associations = {
        name for name in (*COEFFICIENTS, *STANDARDIZED) if ESTIMANDS[name].null_value is not None
    }
    assert of_associations == set(COMPARISONS)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('role = "primary"', 'role = "main"', ("question.#1.role", "'primary'", "'secondary'")),
        ('role = "primary"', "", ("question.#1", "'role' is required")),
        ('role = "primary"', 'role = "primary"\nfamly = "a"', ("'famly'", "'family'")),
        (
            'role = "primary"',
            'role = "primary"\nestimand = "prevalence_rato"',
            ("'arthritis'", "'prevalence_ratio'"),
        ),
        ('role = "primary"', 'role = "primary"\nadjust = ["arthritis"]', ("'arthritis'", "adjust")),
        ('domain = "age >= 20"', 'domain = "age >"', ("'arthritis'", "'age >'")),
        ('exposure = "arthritis"', 'exposure = "any_cramps"', ("'arthritis'", "both outcome and exposure")),
        ('name = "health"', 'name = "arthritis"', ("2 questions", "'arthritis'")),
        ('study = "simulated"', 'cycles = ["2005-2006"]', ("'cycles'", "cycles_reason")),
    ],
)
def test_a_plan_with_an_unknown_choice_is_refused(
    path: Path, old: str, new: str, told: tuple[str, ...]
) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning(("'plan.toml'", *told))):
        tk.plan(changed(path, (old, new)))


def test_a_plan_without_questions_and_one_that_asks_twice_are_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text('title = "nothing"')
    with pytest.raises(tk.DatasetError, match=mentioning("[[question]]")):
        tk.plan(tmp_path / "empty.toml")
    path.write_text(
        TEXT + TEXT.split("[[question]]")[1].join(["[[question]]", ""]).replace('"arthritis"', '"twice"', 1)
    )
    with pytest.raises(tk.DatasetError, match=mentioning(("'twice'", "'arthritis'"))):
        tk.plan(path)


def test_every_name_that_a_study_does_not_have_is_in_one_error(path: Path, study: tk.Study) -> None:
    pairs = [('exposure = "arthritis"', 'exposure = "artritis"'), ('["age", "sex"]', '["ages", "sex"]')]
    changed(path, *pairs, ('domain = "age >= 20"', 'domain = "age >= 20"\nreference = "never"'))
    assert 3 == len(tk.plan(path).declared.questions)
    with pytest.raises(tk.DatasetError, match=mentioning(("2 problems", "'arthritis'", "'age'"))):
        tk.plan(path, study)
    with pytest.raises(tk.DatasetError, match=mentioning(("'simulated'", "'other'"))):
        tk.plan(changed(path, ('"simulated"', '"other"')), study)


def test_a_plan_is_not_opened_for_what_is_not_a_study(path: Path) -> None:
    for wrong in ("simulated", pl.DataFrame()):
        with pytest.raises(tk.VariableError, match=mentioning(("takes a study", type(wrong).__name__))):
            tk.plan(path, wrong)


def test_a_level_and_a_cycle_that_do_not_exist_are_named(path: Path, study: tk.Study) -> None:
    changed(path, ('domain = "age >= 20"', 'reference = "never"'))
    changed(path, ('study = "simulated"', 'cycles = ["2005-2007"]\ncycles_reason = "all"'))
    with pytest.raises(tk.DatasetError, match=mentioning(("'never'", "'2005-2007'"))):
        tk.plan(path, study)


def test_a_stamp_has_hash_date_version_and_the_commit_of_the_folder(path: Path) -> None:
    plan = tk.plan(path)
    assert not plan.frozen
    without = plan.freeze().stamps[0]
    assert "none" == without.commit
    assert re.fullmatch(r"[0-9a-f]{64}", without.sha256)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", without.date)
    assert without.toolkit.startswith("cramps-toolkit ")
    assert TEXT == path.read_text()
    (path.parent / "plan.frozen.json").unlink()
    git = ["git", "-C", str(path.parent), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "plan.toml"], ["commit", "-qm", "plan"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert head == tk.plan(path).freeze().stamps[0].commit
    (path.parent / "plan.frozen.json").unlink()
    changed(path, ("Joints", "Joint"))
    assert tk.plan(path).freeze().stamps[0].commit.startswith(f"{head}, with changes to plan.toml")


def test_comments_white_space_and_order_do_not_change_a_frozen_plan(path: Path) -> None:
    tk.plan(path).freeze()
    questions = TEXT.split("[[question]]")
    moved = "\n[[question]]".join([questions[0], *reversed(questions[1:])])
    text = f"# A comment\n{moved}".replace("age >= 20", "age  ≥ 20").replace(" = ", "   =   ")
    path.write_text(text.replace('"primary"', '"primary"   # first\nestimand = "prevalence_ratio"'))
    assert tk.plan(path).frozen


def test_a_plan_changed_after_freezing_is_refused_and_what_changed_is_named(path: Path) -> None:
    tk.plan(path).freeze()
    added = '\n[[question]]\nname = "late"\noutcome = "any_cramps"\nexposure = "pad"\nrole = "primary"\n'
    text = TEXT.replace('["age", "sex"]', '["age"]').replace('name = "by sex"', 'name = "sex"') + added
    path.write_text(text)
    told = ("question 'health'", "adjust", "'by sex' was removed", "'late' was added", "--amend")
    with pytest.raises(tk.DatasetError, match=mentioning(told)):
        tk.plan(path)


def test_an_amendment_needs_a_reason_and_keeps_the_history(path: Path) -> None:
    with pytest.raises(tk.DatasetError, match=mentioning(("not frozen", "cramps plan freeze plan.toml"))):
        tk.plan(path).freeze(amend="first")
    tk.plan(path).freeze()
    with pytest.raises(tk.DatasetError, match=mentioning("has not changed")):
        tk.plan(path).freeze()
    changed(path, ('["age", "sex"]', '["age"]'))
    with pytest.raises(tk.DatasetError, match=mentioning(("'health'", "--amend"))):
        freeze_file(path)
    amended = freeze_file(path, "Sex was not needed.")
    assert ("", "Sex was not needed.") == tuple(stamp.reason for stamp in amended.stamps)
    assert mentions(amended.stamps[1].changes[0], ("'health'", "('age', 'sex')", "('age')"))
    assert amended.stamps == tk.plan(path).stamps


def test_a_record_that_was_edited_is_refused(path: Path) -> None:
    tk.plan(path).freeze()
    record = path.parent / "plan.frozen.json"
    kept = json.loads(record.read_text())
    kept["stamps"][0]["content"]["questions"]["health"]["role"] = "primary"
    record.write_text(json.dumps(kept))
    changed(path, ('role = "secondary"', 'role = "primary"'))
    with pytest.raises(
        tk.DatasetError, match=mentioning(("'plan.frozen.json'", kept["stamps"][0]["sha256"][:12]))
    ):
        tk.plan(path)
    record.write_text("{")
    with pytest.raises(tk.DatasetError, match=mentioning("'plan.frozen.json'")):
        tk.plan(path)


ASKED = {"outcome": "any_cramps", "exposure": "arthritis", "domain": "age >= 20"}


def test_a_result_is_planned_only_if_all_that_identifies_it_is(path: Path, study: tk.Study) -> None:
    plan = tk.plan(path, study)
    planned = plan.status(first(tk.association(study, **ASKED)))
    assert ("primary", "arthritis", "primary", True) == (
        planned.role,
        planned.question,
        planned.family,
        planned.planned,
    )
    others = {
        ("adjust",): tk.association(study, **ASKED, adjust=()),
        ("estimand",): tk.association(study, **ASKED, estimand="odds_ratio"),
        ("domain",): tk.association(
            study, **{**ASKED, "domain": "age >= 40"}, adjust=plan.terms["arthritis"]
        ),
    }
    for differs, rows in others.items():
        status = plan.status(first(rows))
        assert (False, differs, "arthritis") == (status.planned, status.deviates, status.near)
    unknown = plan.status(first(tk.association(study, "any_cramps", "pad")))
    assert ("not planned", "") == (str(unknown), unknown.near)
    assert not plan.status(first(tk.prevalence(study, "any_cramps"))).planned
    marked = plan.mark(tk.association(study, **ASKED))
    assert ["primary (arthritis)"] == marked["plan_status"].to_list()


def test_of_versions_of_an_analysis_the_one_without_a_change_is_planned(path: Path, study: tk.Study) -> None:
    plan, found = tk.plan(path, study), tk.association(study, **ASKED)
    corrected = tk.effects.bias_analysis(found, tk.effects.MisclassifiedOutcome(0.9, 0.95), draws=100)
    planned, other = "primary (arthritis)", "not planned (other analysis than in 'arthritis')"
    assert [planned, other, other] == plan.mark(corrected)["plan_status"].to_list()
    for column in ("data", "analysis"):
        names = pl.Series(column, ["complete cases", "missing covariates imputed"])
        versions = pl.concat([found.head(1), found.head(1)]).select(names, pl.all())
        assert [planned, other] == plan.mark(versions)["plan_status"].to_list()


def test_a_set_of_the_diagram_needs_the_study(path: Path, study: tk.Study) -> None:
    with pytest.raises(tk.VariableError, match=mentioning("tk.plan('plan.toml', study)")):
        tk.plan(path).status(first(tk.association(study, **ASKED)))


def test_an_interaction_is_planned_by_a_question_with_groups(path: Path, study: tk.Study) -> None:
    plan = tk.plan(path, study)
    planned = tk.effects.interaction(study, "any_cramps", ("arthritis", "sex"), adjust=("age",))
    roles = {row["estimand"]: plan.status(row).question for row in planned.rows(named=True)}
    assert ("by sex", "by sex") == (roles["ratio_of_ratios"], roles["reri"])
    other = tk.effects.interaction(study, "any_cramps", ("arthritis", "age_group"), adjust=("sex",))
    assert {"not planned"} == {plan.status(row).role for row in other.rows(named=True)}


def test_other_cycles_than_planned_are_a_deviation(path: Path, study: tk.Study) -> None:
    cycles = study.cycles
    given = f"cycles = {json.dumps(cycles[:1])}\ncycles_reason = 'The first alone.'"
    plan = tk.plan(changed(path, ('study = "simulated"', given)), study)
    status = plan.status(first(tk.association(study, **ASKED)))
    assert len(cycles) > 1
    assert ("cycles",) == status.deviates


def test_answers_are_those_of_associations_with_values_adjusted_by_family(
    path: Path, study: tk.Study
) -> None:
    rows = tk.plan(path, study).answer(study)
    own = tk.association(study, **ASKED)
    got = rows.filter(plan_question="arthritis")
    assert own["estimate"].to_list() == got["estimate"].to_list()
    assert pytest.approx(own["p_value"].to_list(), rel=1e-9) == got["p_question"].to_list()
    assert ["primary"] == got["plan_status"].to_list() == got["plan_family"].to_list()
    assert got["p_question"].to_list() == got["p_holm"].to_list() == got["p_bh"].to_list()
    family = rows.filter(plan_family="secondary").unique("plan_question", maintain_order=True)
    assert ["health", "by sex"] == family["plan_question"].to_list()
    assert tk.tests.adjust_p_values(family["p_question"].to_list()) == family["p_holm"].to_list()


def test_the_test_of_a_question_with_several_levels_or_groups_is_joint(path: Path, study: tk.Study) -> None:
    rows = tk.plan(path, study).answer(study)
    tested = tk.tests.term_test(
        study, "any_cramps ~ general_health + age + sex", "general_health", family="poisson", df="design"
    )
    health = rows.filter(plan_question="health")["p_question"]
    assert [pytest.approx(tested["p_value"].item(), rel=1e-9)] * len(health) == health.to_list()
    apart = tk.tests.contrast(
        tk.association(study, "any_cramps", "arthritis", adjust=("age",), by="sex"), weights="heterogeneity"
    )
    groups = rows.filter(plan_question="by sex")["p_question"]
    assert [pytest.approx(apart["p_value"].item(), rel=1e-9)] * 2 == groups.to_list()


def test_a_question_that_cannot_be_answered_counts_in_its_family(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    people = pl.DataFrame(
        {"cramps": rng.integers(0, 2, 80), "walks": rng.integers(0, 2, 80), "same": [1] * 80}
    )
    mine = tk.study(people, design=tk.Design.none(), name="eighty", smallest_cell=0)
    questions = "".join(
        f'[[question]]\nname="{name}"\noutcome="cramps"\nexposure="{name}"\nrole="primary"\nadjust=[]\n'
        for name in ("walks", "same")
    )
    (tmp_path / "plan.toml").write_text(questions)
    rows = tk.plan(tmp_path / "plan.toml", mine).answer(mine)
    walks, same = (rows.filter(plan_question=name).row(0, named=True) for name in ("walks", "same"))
    assert ("failed", None, None) == (same["reliability"], same["p_question"], same["p_holm"])
    assert mentions(same["reason"], "'same'")
    assert pytest.approx(min(1.0, 2 * walks["p_question"])) == walks["p_holm"]


def test_a_printed_plan_says_what_it_declares(path: Path) -> None:
    text = str(tk.plan(path).freeze())
    assert mentions(
        text, ("Joints and cramps: 3 questions, 1 of them primary", "primary (1), secondary (2)", "Frozen")
    )
