"""A plan renders all its reports; one that fails is listed with its reason and stops no other."""

import re
from pathlib import Path

import pytest

from tests.support.messages import mentioning, mentions
from toolkit.causes.card import cards
from toolkit.errors import DatasetError
from toolkit.files.checked_toml import shipped
from toolkit.report.batch import PlanRun, render_plan
from toolkit.report.plan import read_plan
from toolkit.studies import Study


@pytest.fixture(scope="module")
def ran(few: Study, tmp_path_factory: pytest.TempPathFactory) -> PlanRun:
    from tests.support.small_report import NOTEBOOK

    folder = tmp_path_factory.mktemp("plan")
    (folder / "small.py").write_text(NOTEBOOK)
    (folder / "broken.py").write_text(NOTEBOOK + "\n# %%\n1 / 0\n")
    (folder / "plan.toml").write_text(
        "".join(
            f'[[report]]\nreport = "{folder}/{report}.py"\nsave_as = "{name}"\ntitle = "The {name}"\n'
            f"parameters = {parameters}\n"
            for report, name, parameters in [
                ("small", "first", "{ least = 1 }"),
                ("broken", "second", "{}"),
                ("small", "third", '{ cause = "diabetis" }'),
                ("small", "fourth", "{ least = 4 }"),
            ]
        )
    )
    return render_plan(few, output=folder / "out", plan=folder / "plan.toml", progress=False)


def test_what_can_be_made_is_made_in_the_plans_order(ran: PlanRun) -> None:
    assert ["first", "fourth"] == [one.name for one in ran.made]
    assert "least: 4" in ran.made[1].html.read_text()


def test_the_progress_bar_ends_at_its_last_cell(few: Study, tmp_path: Path, capfd) -> None:
    from tests.support.small_report import NOTEBOOK

    (tmp_path / "small.py").write_text(NOTEBOOK)
    (tmp_path / "broken.py").write_text(NOTEBOOK + "\n# %%\n1 / 0\n# %%\n2\n# %%\n3\n")
    plan = tmp_path / "plan.toml"
    plan.write_text(
        "".join(f'[[report]]\nreport = "{tmp_path}/{n}.py"\nsave_as = "{n}"\n' for n in ("small", "broken"))
    )
    # A report that fails, in a cell before its last, ends the bar too.
    assert ["broken"] == [one.name for one in render_plan(few, output=tmp_path / "out", plan=plan).failed]
    done, total = re.findall(r"(\d+)/(\d+)", capfd.readouterr().err)[-1]
    assert done == total


def test_what_failed_is_told_with_its_reason(ran: PlanRun) -> None:
    assert not ran.ok
    assert ["second", "third"] == [one.name for one in ran.failed]
    assert "ZeroDivisionError" in ran.failed[0].reason
    assert mentions(ran.failed[1].reason, "'diabetis'", "'diabetes'")


def test_the_index_has_every_report(ran: PlanRun) -> None:
    html = ran.index.read_text()
    places = [html.index(word) for word in ("first.html", "The second", "The third", "fourth.html")]
    assert places == sorted(places)
    assert html.count("One finding.") == 2
    assert "The third</h3>\n<p>This report failed:" in html


def test_it_says_where_to_look_and_what_failed(ran: PlanRun) -> None:
    lines = str(ran).splitlines()
    assert mentions(lines[0], "2 of 4", ran.index)
    assert mentions(lines[1], "failed", "second", "'broken'", "code cell", "ZeroDivisionError")


def test_the_shipped_plan_has_a_report_on_each_cause() -> None:
    entries = read_plan(shipped("reports") / "plan.toml")
    assert list(cards()) == [entry.parameters["cause"] for entry in entries if entry.report == "cause"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[report]\n", ("'plan.toml'", "TOML", "line 1")),
        ("", ("'plan.toml'", "[[report]]")),
        ('[[report]]\nreport = "cause"\n', "'save_as'"),
        ('[[report]]\nreport = "cause"\nsaveas = "x"\n', ("'saveas'", "'save_as'")),
    ],
)
def test_a_plan_that_is_wrong_says_where(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(DatasetError, match=mentioning(message)):
        read_plan(tmp_path / "plan.toml")


def test_a_plan_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=mentioning("plan.toml")):
        read_plan(tmp_path / "plan.toml")
