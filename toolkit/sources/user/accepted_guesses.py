"""Find the guesses in a `study.toml` that nobody has confirmed yet, and record them as accepted.

A guess is a comment that begins with the mark of `cramps new-study`. A mark in a quoted text is text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DatasetError
from toolkit.files.atomic import write_bytes
from toolkit.sources.user.guesses import GUESS

ACCEPTED = "accepted guess"
# Texts of TOML, which may hold a #, and comments.
_PIECES = re.compile(
    r"'''.*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'[^'\n]*'|\"(?:\\.|[^\"\\\n])*\"|(?P<comment>#[^\n]*)", re.DOTALL
)
_MARK = re.compile(rf"^#\s*{GUESS}\b")


@dataclass(frozen=True)
class Unconfirmed:
    """A guess that is marked as one: its line, counted from 1, its key ("" for a remark), and the reason."""

    line: int
    key: str
    reason: str

    def __str__(self) -> str:
        """Say where it is and what was guessed, without the value, which may be a code of the file."""
        key = f"{self.key} was guessed" if self.key else "guess"
        return f"line {self.line}: {key}{f': {self.reason}' if self.reason else ''}"


def unconfirmed(path: str | Path) -> tuple[Unconfirmed, ...]:
    r"""List the guesses of a `study.toml` that are still marked.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "study.toml"
    >>> _ = path.write_text('name = "# GUESS"\nperson = "id"  # GUESS: by its name\n')
    >>> [guess.line for guess in unconfirmed(path)]
    [2]
    """
    text = _text(Path(path))
    return tuple(_unconfirmed(text, mark) for mark in _marks(text))


def _unconfirmed(text: str, mark: re.Match[str]) -> Unconfirmed:
    before = text[: mark.start()]
    key = before.rpartition("\n")[2].partition("=")[0].strip()
    return Unconfirmed(before.count("\n") + 1, key, _MARK.sub("", mark[0]).lstrip(": ").strip())


def accept_guesses(path: str | Path) -> int:
    r"""Record every marked guess of a `study.toml` as accepted, and change nothing else.

    Returns
    -------
    int
        How many there were.

    Raises
    ------
    DatasetError
        If the file cannot be read or written; it stays as it was.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "study.toml"
    >>> _ = path.write_text('person = "id"  # GUESS: by its name\n')
    >>> accept_guesses(path), path.read_text()
    (1, 'person = "id"  # accepted guess: by its name\n')
    """
    text = _text(Path(path))
    marks = list(_marks(text))
    for mark in reversed(marks):
        start, comment = mark.start(), mark[0]
        text = text[:start] + _MARK.sub(f"# {ACCEPTED}", comment) + text[start + len(comment) :]
    if marks:
        file = Path(path).resolve()
        form = "utf-8-sig" if file.read_bytes().startswith(b"\xef\xbb\xbf") else "utf-8"
        write_bytes(file, text.encode(form), private=not file.stat().st_mode & 0o077)
    return len(marks)


def _marks(text: str) -> Iterator[re.Match[str]]:
    for piece in _PIECES.finditer(text):
        if piece["comment"] and _MARK.match(piece["comment"]):
            yield piece


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"'{path}' cannot be read ({type(error).__name__}). Check the path.") from error
