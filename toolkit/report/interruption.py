"""End a report by a signal as by an error: its kernels are killed, its temporary folder is removed."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class InterruptedReport(BaseException):
    """A signal ended the report: no error, so that nothing swallows it, as with KeyboardInterrupt."""

    def __init__(self, signum: int = 0) -> None:
        super().__init__("the report was ended by a signal")
        self.signum = signum


class Kernels:
    """The kernels of one call, which end together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[bytes]] = []
        self.ended = False

    def add(self, process: "subprocess.Popen[bytes]") -> None:
        """Take a kernel in; it is killed at once if the others were."""
        with self._lock:
            self._processes.append(process)
        if self.ended:
            self.end()

    def end(self) -> None:
        """Kill every kernel, with the processes that it started."""
        self.ended = True
        for process in list(self._processes):
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def expect_wanted(self) -> None:
        """Raise InterruptedReport once the kernels were ended."""
        if self.ended:
            raise InterruptedReport


@contextmanager
def ended_by_signals() -> Iterator[Kernels]:
    """End the block's kernels, and with them the block, on SIGTERM, SIGHUP and Ctrl-C.

    Yields
    ------
    Kernels
        Where the block registers its kernels. A signal that the caller handles or ignores stays the caller's;
        after the block has been left, SIGTERM and SIGHUP end the process as they would have.
    """
    kernels = Kernels()
    if threading.current_thread() is not threading.main_thread():
        yield kernels
        return
    before = {signum: signal.getsignal(signum) for signum in (*_ENDING, signal.SIGINT)}
    try:
        for signum, handler in before.items():
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(signum, _handler(kernels))
        yield kernels
    except InterruptedReport as ended:
        _restore(before)
        if ended.signum:
            signal.raise_signal(ended.signum)
        raise
    finally:
        _restore(before)


def _handler(kernels: Kernels) -> Callable[[int, FrameType | None], None]:
    def end(signum: int, _: FrameType | None) -> None:
        # A terminal that closes and a service that stops send several signals: the first ends the report.
        if not kernels.ended:
            kernels.end()
            raise KeyboardInterrupt if signum == signal.SIGINT else InterruptedReport(signum)

    return end


def _restore(handlers: dict[Any, Any]) -> None:
    for signum, handler in handlers.items():
        if handler is not None:
            signal.signal(signum, handler)
