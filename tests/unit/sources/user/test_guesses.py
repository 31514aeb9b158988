"""Guesses in a study.toml stay marked until a person confirms or accepts them; nothing else of it changes."""

from pathlib import Path

import polars as pl
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
