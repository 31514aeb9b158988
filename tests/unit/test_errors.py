"""Errors in the user's words: nearest names and messages with a remedy."""

from collections.abc import Iterator
from typing import Any

import pytest

from toolkit.errors import (
    DatasetError,
    DesignError,
    EstimationError,
    ToolkitError,
    VariableError,
    nearest,
    unknown,
)


@pytest.mark.parametrize(
    ("expected", "name", "known"),
    [
        ("'diabetes' or 'diabetes_told'", "diabetis", ["diabetes_told", "age", "diabetes"]),
        ("'age'", "AGE", ["age", "bmi", "sex", "pad", "smoking", "stroke", "season"]),
        ("'simulated' or 'nhanes'", "zzz", ["simulated", "nhanes"]),
        ("", "zzz", ["a", "b", "c", "d", "e", "f", "g"]),
        ("'SDMVSTRA'", "sdmvstr", ["SEQN", "SDMVSTRA", "A", "B", "C", "D", "E"]),
        ("", "age", []),
    ],
)
def test_the_nearest_names(expected: str, name: str, known: list[str]) -> None:
    assert expected == nearest(name, known)


def test_an_unknown_name_says_what_is_near_and_what_to_do() -> None:
    message = unknown("this study has no variable", "bmj", ["bmi", "age"], "All: study.availability()")
    assert message == (
        "This study has no variable 'bmj'. Did you mean 'bmi'? List them all with study.availability()."
    )


def test_a_message_without_a_near_name_keeps_its_remedy() -> None:
    assert unknown("no level", "x", [], "Name one.") == "No level 'x'. Name one."


def test_one_parent_catches_every_kind() -> None:
    assert all(
        issubclass(k, ToolkitError) for k in (DatasetError, VariableError, DesignError, EstimationError)
    )


@pytest.fixture
def shell() -> Iterator[Any]:
    """An IPython shell, which shows errors as a notebook does."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    made = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    made.run_cell("import toolkit as tk")
    yield made
    InteractiveShell.clear_instance()


def test_a_notebook_folds_the_traceback_to_the_user_s_own_line(
    shell: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell('name = "diabetis"\ntk.causes.card(\n    name\n)')
    shown = capsys.readouterr().out.splitlines()
    assert "line 2" in shown[0]
    assert "----> 2 tk.causes.card(" == shown[1]
    assert [line for line in shown if "Did you mean 'diabetes'?" in line] == [shown[3]]
    assert shown[3].startswith("VariableError: ")
    assert "%tb Plain" in shown[4]
    assert 5 == len(shown)


def test_the_full_traceback_is_one_command_away(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell('tk.causes.card("diabetis")')
    capsys.readouterr()
    shell.run_line_magic("tb", "Plain")
    assert "card.py" in capsys.readouterr().out


def test_errors_of_others_keep_their_traceback(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell("def divide():\n    return 1 / 0\n\ndivide()")
    shown = capsys.readouterr().out
    assert 2 == shown.count("line 4") + shown.count("line 2")
    assert "ZeroDivisionError" in shown
