import io
import sys

from toolkit.files.http import progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(stream, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with progress_bar(2, "Files from there", megabytes=True) as bar:
        bar.add_bytes(2_500_000)
        bar.add_bytes(-500_000)
        bar.advance()
    return stream.getvalue()


def test_a_terminal_sees_files_and_bytes(monkeypatch):
    text = drawn(Terminal(), monkeypatch)
    assert "Files from there" in text
    assert "1/2" in text
    assert "2.0 MB" in text


def test_elsewhere_nothing_is_said(monkeypatch):
    assert "" == drawn(io.StringIO(), monkeypatch).strip()
