"""Guesses in a study.toml stay marked until a person confirms or accepts them; nothing else of it changes."""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyreadstat
import pytest
from click.testing import CliRunner

import toolkit as tk
from tests.support.messages import mentioning, mentions
from toolkit.cli import main
from toolkit.sources.user.guesses import accept_guesses, unconfirmed
from toolkit.sources.user.scaffold import First, write_first_study

N = 120


def made(folder: Path) -> First:
    people = {
        "pid": range(5001, 5001 + N),
        "samplewt": [400.5 + i % 7 for i in range(N)],
        "stratum": [i // 30 for i in range(N)],
        "cluster": [i // 10 for i in range(N)],
        "age": [20 + i % 50 for i in range(N)],
    }
    pl.DataFrame(people).write_csv(folder / "p.csv")
    return write_first_study([folder / "p.csv"])


def test_check_fails_until_the_guesses_are_confirmed_or_accepted(tmp_path: Path) -> None:
    first = made(tmp_path)
    before = first.path.read_text()
    path = str(first.path)
    told = CliRunner().invoke(main, ["check", path])
    assert (1, before) == (told.exit_code, first.path.read_text())
    assert mentions(told.output, before.count("# GUESS"))
    assert mentions(told.output, "weight", "guessed")
    assert mentions(told.stderr, "--accept-guesses")
    accepted = CliRunner().invoke(main, ["check", path, "--accept-guesses"])
    assert 0 == accepted.exit_code, accepted.output
    assert mentions(accepted.output, "accepted")
    assert before.replace("# GUESS", "# accepted guess") == first.path.read_text()
    again = CliRunner().invoke(main, ["check", path])
    assert 0 == again.exit_code
    assert mentions(again.output, "'study.toml'", "can be opened", "120 participants")


def test_layout_comments_and_texts_stay_when_guesses_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    text = (
        '\ufeff# Mine: # GUESS in a comment\r\nname = "a # GUESS b"   # GUESS: the folder\r\n\r\n'
        "x = '''\r\n# GUESS: text\r\n'''\r\n  # GUESS\r\ny = 'c:\\' # GUESSED by me\r\n"
    )
    path.write_bytes(text.encode())
    path.chmod(0o600)
    assert [2, 7] == [guess.line for guess in unconfirmed(path)]
    assert 2 == accept_guesses(path)
    expected = text.replace("# GUESS: the folder", "# accepted guess: the folder").replace(
        "  # GUESS\r", "  # accepted guess\r"
    )
    assert expected.encode() == path.read_bytes()
    assert 0o600 == path.stat().st_mode & 0o777
    assert (0, ()) == (accept_guesses(path), unconfirmed(path))


def test_a_file_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(tmp_path)
    before = first.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(tk.DatasetError, match=mentioning("'study.toml'", "disk is full")):
        accept_guesses(first.path)
    assert before == first.path.read_bytes()
    assert ["p.csv", "study.toml"] == sorted(path.name for path in tmp_path.iterdir())


CRAMPS = [  # name and label of a column, labels of its codes, and the variable
    (("q12", "Q12 Leg cramps at night"), {1: "Yes", 2: "No"}, "any_cramps"),
    (("q12", "In the past month, did you have leg cramps at night?"), {1: "", 2: ""}, "any_cramps"),
    (("legcramps", ""), {1: "", 2: ""}, "any_cramps"),
    (("cramps", ""), {0: "", 1: ""}, "any_cramps"),
    (("q12", "Nocturnal calf cramps"), {1: "Yes", 2: "No", 3: "Don't know"}, "any_cramps"),
    (("q12", "How often leg cramps"), {1: "Never", 2: "Rarely", 3: "Often"}, "cramp_frequency"),
]


@pytest.mark.parametrize(("named", "codes", "variable"), CRAMPS)
def test_cramps_are_guessed_from_codes_and_labels(
    tmp_path: Path, named: tuple[str, str], codes: dict[int, str], variable: str
) -> None:
    (name, label), rows = named, range(60)
    answers = [float(list(codes)[at % len(codes)]) for at in rows]
    frame = pd.DataFrame({"pid": [f"p{at}" for at in rows], name: answers})
    labels = {name: codes} if any(codes.values()) else {}
    path = tmp_path / "p.sav"
    pyreadstat.write_sav(frame, str(path), column_labels=["", label], variable_value_labels=labels)
    first = write_first_study([path])
    assert f"[variables.{variable}]" in first.text
    assert mentions(first.text, f'column = "{name}"  # GUESS')


DOUBTS = [
    ([*range(18, 76), 99, 99], ("GUESS", "99")),
    ([1, 2, 3, 4, 5, 9] * 10, ("GUESS", "9 read as numbers")),
    ([-1, -8, -9, 3, 4, 12] * 10, ("missing = {", "-8", "-9", "GUESS")),
    ([0, 1, 5, 30, 77, 99] * 10, ("missing = {", "77", "99", "GUESS")),
    (["01", "02", "11"] * 20, ("GUESS", "leading zeros")),
    ([22_000 + at for at in range(60)], ("GUESS", "day numbers of SAS or Stata")),
]


@pytest.mark.parametrize(("values", "marks"), DOUBTS)
def test_codes_that_may_be_missing_or_dates_are_marked(
    tmp_path: Path, values: list[Any], marks: tuple[str, ...]
) -> None:
    frame = pl.DataFrame({"pid": [f"p{at}" for at in range(60)], "visit_date": values})
    frame.write_csv(tmp_path / "p.csv")
    assert mentions(write_first_study([tmp_path / "p.csv"]).text, *marks)


def test_numbers_without_doubt_have_no_mark(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"pid": [f"p{at}" for at in range(120)], "height": [140 + at * 0.5 for at in range(120)]}
    )
    frame.write_csv(tmp_path / "p.csv")
    block = write_first_study([tmp_path / "p.csv"]).text.partition("[variables.height]")[2]
    assert "GUESS" not in block
