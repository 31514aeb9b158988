"""Progress bars for downloads, models and reports, drawn on a terminal and silent in a pipe or a log."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@dataclass
class ProgressBar:
    """A bar over a known number of steps, which may also count bytes."""

    bar: "Progress"
    task: "TaskID"
    bytes: int = 0

    def advance(self) -> None:
        """Complete one step."""
        self.bar.advance(self.task)

    def add_bytes(self, count: int) -> None:
        """Count bytes received; a negative number takes some back."""
        self.bytes += count
        self.bar.update(self.task, megabytes=self.bytes / 1e6)


@contextmanager
def progress_bar(
    total: int, title: str, *, show: bool | None = None, megabytes: bool = False
) -> Iterator[ProgressBar]:
    """Draw a bar on the standard error while the block runs; by default only if that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    size = [TextColumn("{task.fields[megabytes]:.1f} MB")] if megabytes else []
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *size, TimeRemainingColumn(),
    )  # fmt: skip
    hidden = not (sys.stderr.isatty() if show is None else show)
    with Progress(*columns, console=Console(stderr=True), disable=hidden) as bar:
        yield ProgressBar(bar, bar.add_task(title, total=total, megabytes=0.0))
