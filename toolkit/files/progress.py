"""Show on a terminal how far a download or a row of models is; elsewhere (a pipe, a log) say nothing.

Takes counts of files and bytes from several threads, or of steps; draws a bar on the standard error.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID


class Progress(Protocol):
    """What is told how a download goes on."""

    def came(self, count: int) -> None:
        """Take note of bytes that came; a negative number takes some back."""

    def finished(self) -> None:
        """Take note of a file that is done."""


@contextmanager
def shown(files: int, title: str) -> Iterator[Progress]:
    """Show progress while the block runs, if the standard error is a terminal.

    Parameters
    ----------
    files
        How many files there are to fetch.
    title
        A few words before the bar.

    Yields
    ------
    Progress
        To be told of bytes and files.

    Examples
    --------
    >>> with shown(2, "Files") as progress:
    ...     progress.came(80)
    ...     progress.finished()
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[megabytes]:.1f} MB"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        yield _Drawn(bar, bar.add_task(title, total=files, megabytes=0.0))


@contextmanager
def steps(count: int, title: str, *, show: bool | None = None) -> Iterator[Callable[[], None]]:
    """Show how many of a known number of steps are done while the block runs.

    Parameters
    ----------
    count
        How many steps there are.
    title
        A few words before the bar.
    show
        True to draw it, False to say nothing, None to draw it if the standard error is a terminal.

    Yields
    ------
    callable
        To be called after each step.

    Examples
    --------
    >>> with steps(2, "Models") as done:
    ...     done()
    ...     done()
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = not (sys.stderr.isatty() if show is None else show)
    with Bar(*columns, console=Console(stderr=True), disable=hidden) as bar:
        task = bar.add_task(title, total=count)
        yield lambda: bar.advance(task)


@dataclass
class _Drawn:
    bar: "Bar"
    task: "TaskID"
    count: int = 0

    def came(self, count: int) -> None:
        self.count += count
        self.bar.update(self.task, megabytes=self.count / 1e6)

    def finished(self) -> None:
        self.bar.advance(self.task)
