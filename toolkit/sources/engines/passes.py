"""Run the passes of an engine: count them, show the progress of long ones, and let Ctrl-C stop them."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

import polars as pl

from toolkit.errors import DatasetError, ToolkitError, join_list
from toolkit.studies import Query

# Seconds after which a pass shows how long it runs, and between two looks at it.
_PATIENCE, _LOOK = 2.0, 0.1
# Seconds that a pass has to end after Ctrl-C.
_END = 0.5
# Attempts at the first pass after one that was stopped.
_ATTEMPTS = 10
Frames = list[pl.DataFrame]


@dataclass
class Passes:
    """The passes that an engine has made: for each its number of rows fetched."""

    noun: str
    rows: list[int] = field(default_factory=list)
    # One connection runs one query at a time.
    _turn: Any = field(default_factory=Lock, repr=False)
    # A pass that was stopped, with what stops it.
    _stopped: tuple[Thread, Callable[[], None]] | None = field(default=None, repr=False)

    def fetch(self, collect: Callable[[], Frames], cancel: Callable[[], None] | None = None) -> Frames:
        """Collect the results of one pass; `cancel` stops the engine at Ctrl-C, None if it may end beside."""
        with self._turn, _progress(self.noun):
            found = self._collect_after_stop(collect, cancel)
        self.rows.append(sum(frame.height for frame in found))
        return found

    def _collect_after_stop(self, collect: Callable[[], Frames], cancel: Callable[[], None] | None) -> Frames:
        """Collect once a pass that was stopped has ended, and has left its connection."""
        if self._stopped is None:
            return self._collect_beside(collect, cancel)
        (thread, stop), self._stopped = self._stopped, None
        while thread.is_alive():
            stop()
            thread.join(_LOOK)
        for _ in range(_ATTEMPTS):
            # DuckDB refuses queries for a moment after the thread has ended.
            with suppress(Exception):
                return self._collect_beside(collect, cancel)
            Event().wait(_LOOK)
        return self._collect_beside(collect, cancel)

    def _collect_beside(self, collect: Callable[[], Frames], cancel: Callable[[], None] | None) -> Frames:
        """Collect in a thread of its own, so that this one can hear Ctrl-C."""
        found: list[Frames] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                found.append(collect())
            except BaseException as error:  # raised again in the thread that asked
                failed.append(error)

        thread = Thread(target=work, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_LOOK)
        except KeyboardInterrupt:
            if cancel is not None:
                self._stopped = thread, cancel
                cancel()
            thread.join(_END)
            raise
        if failed:
            raise failed[0]
        return found[0]


@contextmanager
def explain_failure(
    noun: str, in_memory: str, queries: Sequence[Query] = (), own: Collection[str] = ()
) -> Iterator[None]:
    """Restate the error of an engine; its own message may quote a participant's value, and stays out."""
    try:
        yield
    except (ToolkitError, MemoryError):
        raise
    except Exception as error:
        kind, computed = type(error).__name__, _list_computed(queries, own)
        computes = f"It computes {join_list(computed)}. " if computed else ""
        raise DatasetError(
            f"The query failed on {noun} ({kind}), and no estimate was made. {computes}Check that its "
            "source can be read and that functions accept the values of their columns, and call again; the "
            "engine's own message is in error.__context__. Or read the participants into memory: "
            f"tk.study({in_memory}, design=...)."
        ) from None


def _list_computed(queries: Sequence[Query], own: Collection[str]) -> list[str]:
    """List the derived variables of queries, which are no columns of the source."""
    names = dict.fromkeys(name for query in queries for name, _ in query.steps)
    return [f"'{name}'" for name in names if name not in own and name.isidentifier()]


@contextmanager
def _progress(noun: str) -> Iterator[None]:
    """Show on standard error how long a pass has been running, once it takes longer than two seconds."""
    done = Event()
    shown = Thread(target=_show_seconds, args=(noun, done), daemon=True)
    if sys.stderr.isatty() or "ipykernel" in sys.modules:
        shown.start()
    try:
        yield
    finally:
        done.set()
        if shown.is_alive():
            shown.join()


def _show_seconds(noun: str, done: Event) -> None:
    start, shown = monotonic(), False
    while not done.wait(1.0 if shown else _PATIENCE):
        shown = True
        sys.stderr.write(f"\rAggregating on {noun} ({monotonic() - start:.0f} s; Ctrl-C stops it)")
        sys.stderr.flush()
    if shown:
        sys.stderr.write(f"\rAggregated on {noun} in {monotonic() - start:.1f} s                \n")
        sys.stderr.flush()
