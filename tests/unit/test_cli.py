"""The command line: words to functions, errors in one line, nearest names, examples."""

import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from tests.support.messages import mentions
from tests.support.nhanes_files import write_nhanes
from tests.support.own_survey import having, survey
from toolkit.cli import main
from toolkit.sources.simulated.sampled_study import open_simulated

COMMANDS = sorted(main.commands)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words, prog_name="cramps")


def test_the_commands_are_those_of_the_readme() -> None:
    assert [
        "causes", "check", "describe", "download", "lab", "new-study", "notebooks", "plan", "report", "setup",
        "studies", "verify",
    ] == COMMANDS  # fmt: skip


@pytest.mark.parametrize("command", ["", *COMMANDS, "plan new", "plan check", "plan freeze"])
def test_help_shows_an_example(command: str) -> None:
    result = run(*command.split(), "--help")
    assert 0 == result.exit_code
    assert f"cramps {command}".strip() in result.output.partition("Example:")[2]


def test_help_needs_no_heavy_room() -> None:
    code = (
        "import sys; from toolkit.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'polars', 'numpy', 'altair', 'rich', 'statsmodels'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["reprot"], "'report'"),
        (["report", "--caus", "diabetes"], "'--cause'"),
        (["report"], ("report diabetes", "--all")),
        (["report", "--all", "--cause", "diabetes"], ("report", "--all")),
        (["report", "--all", "--outcome", "any_cramps"], ("--outcome", "name of a report")),
    ],
)
def test_a_wrong_word_is_told_with_what_to_do(words: list[str], remedy: str) -> None:
    result = run(*words)
    assert 2 == result.exit_code
    assert mentions(result.stderr, remedy)


@pytest.mark.parametrize(
    ("words", "nearest"),
    [
        (["describe", "nhane"], "'nhanes'"),
        (["report", "--all", "--study", "simulatd"], "'simulated'"),
        (["report", "--cause", "diabets"], "'diabetes'"),
    ],
)
def test_the_toolkit_s_errors_are_one_line_with_the_nearest_name(words: list[str], nearest: str) -> None:
    result = run(*words)
    assert 1 == result.exit_code
    assert "" == result.stdout
    assert result.stderr.startswith("cramps: ")
    assert mentions(result.stderr, nearest)
    assert 1 == result.stderr.count("\n")


def test_a_report_takes_outcome_exposure_adjustment_and_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr("toolkit.report.render", lambda name, **words: asked.update(words) or name)
    words = "--cause diabetes --outcome frequent_cramps --exposure hba1c_group --adjust age --adjust sex"
    result = run("report", *words.split(), "--domain", "age >= 60", "--out", str(tmp_path))
    assert 0 == result.exit_code, result.output
    assert {
        "study": "simulated", "cause": "diabetes", "output": tmp_path, "outcome": "frequent_cramps",
        "exposure": "hba1c_group", "adjust": ("age", "sex"), "domain": "age >= 60",
        "force": False, "interactive": False, "notebook": False,
        "format": (), "export": (), "paper": "a4", "overwrite": False,
    } == asked  # fmt: skip


def test_a_report_s_outcome_is_checked_before_a_kernel_starts() -> None:
    result = run("report", "--cause", "diabetes", "--outcome", "frequent_cramp")
    assert (1, "") == (result.exit_code, result.stdout)
    assert mentions(result.stderr, "'frequent_cramps'")


def test_studies_names_each_study_with_a_sentence() -> None:
    lines = run("studies").output
    assert "simulated" in lines
    assert "nhanes" in lines


def test_causes_lists_every_card() -> None:
    from toolkit.causes.card import cards

    output = run("causes").output
    assert [] == [name for name in cards() if name not in output]


def test_describe_says_people_weights_variables_and_causes_and_writes_the_dictionary(tmp_path: Path) -> None:
    output = run("describe", "simulated", "--out", str(tmp_path / "page.html")).output
    assert mentions(output, tmp_path / "page.html")
    assert "Data dictionary" in (tmp_path / "page.html").read_text()
    assert "SIMULATED" in output.partition("\n")[0]
    assert "12,000 participants" in output
    assert "frequent_cramps" in output
    # What the written model does not draw is listed as such.
    assert re.search(r"^unrested +not measured", output, re.MULTILINE)
    assert re.search(r"^bmi +[\d,]+ ", output, re.MULTILINE)


def test_files_of_simulated_people_are_described_as_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_nhanes(open_simulated(), tmp_path / "site")
    monkeypatch.setenv("CRAMPS_NHANES", str(tmp_path / "site"))
    page = str(tmp_path / "page.html")
    assert "SIMULATED" in run("describe", "nhanes", "--out", page).output.partition("\n")[0]


def test_check_tells_every_problem_in_one_pass_and_ends_with_1(tmp_path: Path) -> None:
    people = having("age", 3, "old").with_columns(w=pl.Series([0.0, *[1.0] * 11]))
    path = survey(tmp_path, people=people, replace={"levels = { 1": "levls = { 1"})
    result = run("check", str(path))
    assert 1 == result.exit_code
    assert "Problems: 3" in result.output
    assert mentions(result.output, "'levls'", "'levels'")
    assert mentions(result.output, "'age'", "1 row", "3")
    assert mentions(result.output, "2", "people.csv", "'w'", "1 row")
    assert mentions(result.output, "rows", "below the heading")
    assert mentions(result.stderr, "cannot be opened")


def test_check_says_that_a_study_can_be_opened(tmp_path: Path) -> None:
    result = run("check", str(survey(tmp_path)))
    assert 0 == result.exit_code
    assert mentions(result.output, "'study.toml'", "can be opened", "12 participants")


def test_a_plan_is_drafted_checked_frozen_and_amended(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    assert 0 == run("plan", "new", str(path)).exit_code
    again = run("plan", "new", str(path))
    assert (1, True) == (again.exit_code, mentions(again.output, ("plan.toml", "not overwritten")))
    draft = run("plan", "check", str(path))
    assert (1, True) == (draft.exit_code, mentions(draft.output, ("'cycles'", "cycles_reason")))
    path.write_text(path.read_text().replace('cycles_reason = ""', 'cycles_reason = "All cycles."'))
    checked = run("plan", "check", str(path), "--study", "simulated")
    assert (0, True) == (
        checked.exit_code,
        mentions(checked.output, ("2 questions", "primary", "rcs(age, 4)")),
    )
    assert mentions(run("plan", "freeze", str(path), "--study", "simulated").output, ("Frozen", "SHA-256"))
    path.write_text(path.read_text().replace('role = "secondary"', 'role = "primary"'))
    refused = run("plan", "check", str(path))
    assert (1, True) == (refused.exit_code, mentions(refused.output, ("role", "'secondary'", "--amend")))
    amended = run("plan", "freeze", str(path), "--amend", "Both matter.")
    assert (0, True) == (amended.exit_code, mentions(amended.output, ("Frozen", "Amended")))
    assert mentions(
        run("plan", "check", str(tmp_path / "none.toml")).output, ("none.toml", "cramps plan new")
    )
