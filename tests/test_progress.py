import io
import sys

from toolkit.files.progress import shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with shown(2, "Files from there") as progress:
        progress.came(2_500_000)
        progress.came(-500_000)
        progress.finished()
    return stream.getvalue()


def test_a_terminal_sees_files_and_bytes(monkeypatch):
    text = drawn(Terminal(), monkeypatch)
    assert "Files from there" in text
    assert "1/2" in text
    assert "2.0 MB" in text


def test_elsewhere_nothing_is_said(monkeypatch):
    assert "" == drawn(io.StringIO(), monkeypatch).strip()
